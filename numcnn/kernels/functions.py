"""exp, tanh and the like of vectors, in float32: a few multiply-adds where a library takes a call.

Each is brought to a short range, where the first terms of its Taylor series are enough. Tested
against float64 for all sizes of numbers: off by at most 4 units in the last place, share_below by
12 in its tail; results below 1.2e-38, where float32 runs out of digits, by its smallest number.
NaN stays NaN. For float64 they are the C library's functions.
"""

import math
from typing import Any

from numcnn.kernels.simd import add, fma, mul, sub
from numcnn.kernels.simd.numbers import (
    ROUND,
    absolute,
    div,
    erfc_of_each,
    exp_of_each,
    expm1_of_each,
    full,
    log1p_of_each,
    over_vectors,
    power_of_two,
    tanh_of_each,
    where_above,
    with_doubles,
)

LOG2_E = 1 / math.log(2)
# log(2) in two parts; the first has 9 bits, so that a whole number of times it is exact.
LOG_2, LOG_2_REST = 355 / 512, math.log(2) - 355 / 512
SHIFT = ROUND["float32"]
E_7, E_6, E_5, E_4, E_3 = (1 / math.factorial(k) for k in (7, 6, 5, 4, 3))
FAR = 40.0  # standard deviations: beyond it nothing of a normal distribution is left
ROOT_HALF = math.sqrt(0.5)


@over_vectors
def at_most(x: Any, limit: float) -> Any:
    """Return min(x, limit); NaN stays NaN."""
    return where_above(x, full(x, limit), full(x, limit), x)


@over_vectors
def at_least(x: Any, limit: float) -> Any:
    """Return max(x, limit); NaN stays NaN."""
    return where_above(full(x, limit), x, full(x, limit), x)


@over_vectors
def reduced(x: Any) -> tuple[Any, Any]:
    """Return (ROUND + n, exp(r) - 1) for x = n * log(2) + r with |r| <= log(2) / 2."""
    t = fma(x, full(x, LOG2_E), full(x, SHIFT))
    n = sub(t, full(x, SHIFT))
    r = fma(n, full(x, -LOG_2), x)
    r = fma(n, full(x, -LOG_2_REST), r)
    # exp(r) - 1 = r + r**2 / 2! + ... + r**7 / 7!
    sums = fma(full(x, E_7), r, full(x, E_6))
    sums = fma(sums, r, full(x, E_5))
    sums = fma(sums, r, full(x, E_4))
    sums = fma(sums, r, full(x, E_3))
    sums = fma(sums, r, full(x, 0.5))
    return t, fma(mul(r, r), sums, r)


@with_doubles(exp_of_each)
def exp(x: Any) -> Any:
    """Return e**x, in float32 as (1 + (exp(r) - 1)) * 2**n. Beyond the range: 0, infinity."""
    x = at_least(at_most(x, 89.0), -104.0)
    t, p = reduced(x)
    shift = full(x, SHIFT)
    n = sub(t, shift)
    half = fma(n, full(x, 0.5), shift)  # 2**n in two factors, as it may be out of range itself
    s = power_of_two(half)
    return mul(fma(p, s, s), power_of_two(add(sub(n, sub(half, shift)), shift)))


@with_doubles(expm1_of_each)
def expm1_below_0(x: Any) -> Any:
    """Return exp(x) - 1 for x <= 0, without a loss of digits near 0."""
    t, p = reduced(at_least(x, -20.0))
    s = power_of_two(t)
    return fma(p, s, sub(s, full(x, 1.0)))


@with_doubles(log1p_of_each)
def log1p_to_1(x: Any) -> Any:
    """Return log(1 + x) for 0 <= x <= 1: twice the area tangent of s = x / (2 + x) <= 1/3."""
    s = div(x, add(x, full(x, 2.0)))
    q = mul(s, s)
    # 2 * (s + s**3 / 3 + ... + s**15 / 15)
    sums = fma(full(x, 2 / 15), q, full(x, 2 / 13))
    sums = fma(sums, q, full(x, 2 / 11))
    sums = fma(sums, q, full(x, 2 / 9))
    sums = fma(sums, q, full(x, 2 / 7))
    sums = fma(sums, q, full(x, 2 / 5))
    sums = fma(sums, q, full(x, 2 / 3))
    return fma(mul(s, q), sums, add(s, s))


@with_doubles(tanh_of_each)
def tanh(x: Any) -> Any:
    """Return the tangent: with m = exp(-2 |x|) - 1 it is -m / (m + 2), and as negative as x."""
    m = expm1_below_0(mul(absolute(x), full(x, -2.0)))
    size = div(m, add(m, full(x, 2.0)))
    return where_above(x, full(x, 0.0), sub(full(x, 0.0), size), size)


@over_vectors
def bell(x: Any) -> Any:
    """Return exp(-x**2 / 2). What x**2 loses in rounding counts, so it is made good."""
    x = at_most(absolute(x), FAR)
    square = mul(x, x)
    rest = fma(x, x, mul(square, full(x, -1.0)))
    return mul(exp(mul(square, full(x, -0.5))), fma(rest, full(x, -0.5), full(x, 1.0)))


@over_vectors
def share_below_of_each(x: Any) -> Any:
    """Return erfc(-x / sqrt(2)) / 2, of float64."""
    return mul(erfc_of_each(mul(x, full(x, -ROOT_HALF))), full(x, 0.5))


# The first 12 Chebyshev coefficients of layers/gauss.py as those of powers of t, the highest first.
TAIL = (
    -0.000224116747, 0.000396307613, 0.00167591222, -0.00984449486, 0.0284092524, -0.0586468587,
    0.0922907696, -0.10881427, 0.08227842, 0.00358627039, -0.140240658, 1.23751262,
)  # fmt: skip


@with_doubles(share_below_of_each)
def share_below(x: Any) -> Any:
    """Return the share of the normal distribution below x, as layers/gauss.py computes it."""
    u = mul(at_most(absolute(x), FAR), full(x, ROOT_HALF))
    t = div(sub(u, full(x, 3.75)), add(u, full(x, 3.75)))
    sums = full(x, TAIL[0])
    for k in range(1, len(TAIL)):
        sums = fma(sums, t, full(x, TAIL[k]))
    below = div(mul(bell(x), sums), fma(u, full(x, 4.0), full(x, 2.0)))
    one = full(x, 1.0)
    return where_above(full(x, 0.0), x, below, sub(one, below))


@over_vectors
def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)), by e = exp(-|x|), which does not overflow."""
    one = full(x, 1.0)
    e = exp(mul(absolute(x), full(x, -1.0)))
    return div(where_above(full(x, 0.0), x, e, one), add(e, one))


@over_vectors
def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    return add(at_least(x, 0.0), log1p_to_1(exp(mul(absolute(x), full(x, -1.0)))))
