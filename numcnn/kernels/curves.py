"""Activations that take each number by itself, forward and backward.

Each is a pair of functions of vectors, which `curve` makes a pair of kernels of:

    forward(y, x, p, q, r)         y = the curve of x
    backward(dx, dy, v, p, q, r)   dx = dy * its slope, said by v, which is x, or y where marked so

They equal forward and backward of the layer of the same name, formula by formula, so that NaN and
infinity come out where they do there. p, q and r are the layer's arguments; most have none.
"""

import math
from collections.abc import Callable
from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.functions import (
    at_least,
    at_most,
    bell,
    exp,
    expm1_below_0,
    share_below,
    sigmoid,
    softplus,
    tanh,
)
from numcnn.kernels.simd import (
    VECTOR_BYTES,
    add,
    fill,
    fma,
    load,
    load_some,
    mul,
    store,
    store_some,
    sub,
    where_beats,
    where_equal,
)
from numcnn.kernels.simd.numbers import absolute, div, full, over_vectors, where_above

ROOT_2_OVER_PI, CUBIC = math.sqrt(2 / math.pi), 0.044715  # of GELU's approximation
DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)


def curve(shape: Callable[..., Any], slope: Callable[..., Any]) -> tuple[Any, Any]:
    """Return the kernels (forward, backward) of y = shape(x, p, q, r), dx = slope(dy, v, p, q, r).

    Compiled when first called, and kept on disk under the names of the two functions.
    """
    over_vectors(shape)
    over_vectors(slope)

    @kernel
    def forward(y: Any, x: Any, p: float, q: float, r: float) -> None:
        width = VECTOR_BYTES // y.itemsize
        whole = y.size - y.size % width
        for i in range(0, whole, width):
            store(y, i, shape(load(x, i), p, q, r))
        lanes = y.size - whole
        if lanes > 0:
            store_some(y, whole, shape(load_some(x, whole, lanes), p, q, r), lanes)

    @kernel
    def backward(dx: Any, dy: Any, v: Any, p: float, q: float, r: float) -> None:
        width = VECTOR_BYTES // dx.itemsize
        whole = dx.size - dx.size % width
        for i in range(0, whole, width):
            store(dx, i, slope(load(dy, i), load(v, i), p, q, r))
        lanes = dx.size - whole
        if lanes > 0:
            g, u = load_some(dy, whole, lanes), load_some(v, whole, lanes)
            store_some(dx, whole, slope(g, u, p, q, r), lanes)

    return forward, backward


def _sigmoid(x: Any, p: float, q: float, r: float) -> Any:
    return sigmoid(x)


def _sigmoid_back(dy: Any, y: Any, p: float, q: float, r: float) -> Any:
    return mul(mul(dy, y), sub(full(y, 1.0), y))


def _tanh(x: Any, p: float, q: float, r: float) -> Any:
    return tanh(x)


def _tanh_back(dy: Any, y: Any, p: float, q: float, r: float) -> Any:
    return mul(dy, sub(full(y, 1.0), mul(y, y)))


def _exponential(x: Any, p: float, q: float, r: float) -> Any:
    return exp(x)


def _exponential_back(dy: Any, y: Any, p: float, q: float, r: float) -> Any:
    return mul(dy, y)


def _softplus(x: Any, p: float, q: float, r: float) -> Any:
    return softplus(x)


def _softplus_back(dy: Any, x: Any, p: float, q: float, r: float) -> Any:
    return mul(dy, sigmoid(x))


def _softsign(x: Any, p: float, q: float, r: float) -> Any:
    return div(x, add(absolute(x), full(x, 1.0)))


def _softsign_back(dy: Any, x: Any, p: float, q: float, r: float) -> Any:
    s = add(absolute(x), full(x, 1.0))
    return div(div(dy, s), s)


def _hard_sigmoid(x: Any, p: float, q: float, r: float) -> Any:
    return div(at_most(at_least(add(x, full(x, 3.0)), 0.0), 6.0), full(x, 6.0))


def _hard_sigmoid_back(dy: Any, x: Any, p: float, q: float, r: float) -> Any:
    ramp = where_above(full(x, 3.0), absolute(x), full(x, 1.0), full(x, 0.0))
    return div(mul(dy, ramp), full(x, 6.0))


def _leaky_relu(x: Any, slope: float, q: float, r: float) -> Any:
    return where_above(x, full(x, 0.0), x, mul(x, full(x, slope)))


def _leaky_relu_back(dy: Any, x: Any, slope: float, q: float, r: float) -> Any:
    return where_above(x, full(x, 0.0), dy, mul(dy, full(x, slope)))


@over_vectors
def unlimited(x: Any, slope: float, threshold: float) -> Any:
    """Return x where it is above the threshold, elsewhere slope times what is missing to it."""
    below = full(x, 0.0)
    if slope != 0:  # 0 times infinity would be NaN
        below = mul(sub(x, full(x, threshold)), full(x, slope))
    return where_beats(x, full(x, threshold), x, below)


def _bent_relu(x: Any, most: float, slope: float, threshold: float) -> Any:
    """ReLU with arguments; most: NaN for no limit."""
    return at_most(unlimited(x, slope, threshold), most)


def _bent_relu_back(dy: Any, x: Any, most: float, slope: float, threshold: float) -> Any:
    y, none = unlimited(x, slope, threshold), full(x, 0.0)
    rise = where_beats(x, full(x, threshold), full(x, 1.0), full(x, slope))
    rise = where_above(y, full(x, most), none, where_equal(y, full(x, most), none, rise))
    return mul(dy, rise)


def _elu(x: Any, alpha: float, scale: float, r: float) -> Any:
    below = mul(expm1_below_0(at_most(x, 0.0)), full(x, alpha))
    return mul(where_above(x, full(x, 0.0), x, below), full(x, scale))


def _elu_back(dy: Any, x: Any, alpha: float, scale: float, r: float) -> Any:
    below = mul(exp(at_most(x, 0.0)), full(x, alpha))
    slope = where_above(x, full(x, 0.0), full(x, 1.0), below)
    return mul(dy, mul(slope, full(x, scale)))


def _swish(x: Any, p: float, q: float, r: float) -> Any:
    return mul(x, sigmoid(x))


def _swish_back(dy: Any, x: Any, p: float, q: float, r: float) -> Any:
    s = sigmoid(x)
    other = sigmoid(mul(x, full(x, -1.0)))
    return mul(dy, add(s, mul(mul(x, s), other)))


def _gelu(x: Any, p: float, q: float, r: float) -> Any:
    return mul(x, share_below(x))


def _gelu_back(dy: Any, x: Any, p: float, q: float, r: float) -> Any:
    density = mul(bell(x), full(x, DENSITY_AT_0))
    return mul(dy, add(share_below(x), mul(x, density)))


def _approximate_gelu(x: Any, p: float, q: float, r: float) -> Any:
    near = at_most(at_least(x, -10.0), 10.0)
    u = mul(mul(near, full(x, ROOT_2_OVER_PI)), fma(mul(near, near), full(x, CUBIC), full(x, 1.0)))
    return mul(x, mul(add(tanh(u), full(x, 1.0)), full(x, 0.5)))


def _approximate_gelu_back(dy: Any, x: Any, p: float, q: float, r: float) -> Any:
    near, one = at_most(at_least(x, -10.0), 10.0), full(x, 1.0)
    square = mul(near, near)
    t = tanh(mul(mul(near, full(x, ROOT_2_OVER_PI)), fma(square, full(x, CUBIC), one)))
    rise = mul(sub(one, mul(t, t)), fma(square, full(x, 3 * CUBIC), one))
    moving = mul(x, mul(rise, full(x, 0.5 * ROOT_2_OVER_PI)))
    return mul(dy, add(mul(add(t, one), full(x, 0.5)), moving))


def _mish(x: Any, p: float, q: float, r: float) -> Any:
    return mul(x, tanh(softplus(x)))


def _mish_back(dy: Any, x: Any, p: float, q: float, r: float) -> Any:
    t = tanh(softplus(x))
    moving = mul(mul(x, sub(full(x, 1.0), mul(t, t))), sigmoid(x))
    return mul(dy, add(t, moving))


CURVES = {
    "approximate gelu": curve(_approximate_gelu, _approximate_gelu_back),
    "bent relu": curve(_bent_relu, _bent_relu_back),
    "elu": curve(_elu, _elu_back),
    "exponential": curve(_exponential, _exponential_back),  # backward from y
    "gelu": curve(_gelu, _gelu_back),
    "hard sigmoid": curve(_hard_sigmoid, _hard_sigmoid_back),
    "leaky relu": curve(_leaky_relu, _leaky_relu_back),
    "mish": curve(_mish, _mish_back),
    "sigmoid": curve(_sigmoid, _sigmoid_back),  # backward from y
    "softplus": curve(_softplus, _softplus_back),
    "softsign": curve(_softsign, _softsign_back),
    "swish": curve(_swish, _swish_back),
    "tanh": curve(_tanh, _tanh_back),  # backward from y
}


@kernel
def prelu(y: Any, x: Any, alpha: Any) -> None:
    """y = x where x > 0, alpha * x elsewhere: PReLU.forward, with an alpha for each number."""
    width = VECTOR_BYTES // y.itemsize
    n = alpha.size
    whole, lanes, zero = n - n % width, n % width, fill(y, 0)
    for s in range(0, y.size, n):
        for j in range(0, whole, width):
            v = load(x, s + j)
            store(y, s + j, where_above(v, zero, v, mul(v, load(alpha, j))))
        if lanes > 0:
            v = load_some(x, s + whole, lanes)
            bent = where_above(v, zero, v, mul(v, load_some(alpha, whole, lanes)))
            store_some(y, s + whole, bent, lanes)


@kernel
def prelu_backward(dx: Any, dalpha: Any, dy: Any, x: Any, alpha: Any) -> None:
    """dx = dy where x > 0, alpha * dy elsewhere; dalpha = the sum over samples of dy * min(x, 0).

    Equals PReLU.backward without shared axes. dx: none, if nobody needs it.
    """
    width = VECTOR_BYTES // dy.itemsize
    n = alpha.size
    whole, lanes, zero = n - n % width, n % width, fill(dy, 0)
    dalpha[:] = 0
    for s in range(0, dy.size, n):
        for j in range(0, whole, width):
            g, v = load(dy, s + j), load(x, s + j)
            store(dalpha, j, fma(g, where_above(v, zero, zero, v), load(dalpha, j)))
            if dx.size > 0:
                store(dx, s + j, where_above(v, zero, g, mul(g, load(alpha, j))))
        if lanes > 0:
            g, v = load_some(dy, s + whole, lanes), load_some(x, s + whole, lanes)
            sums = fma(g, where_above(v, zero, zero, v), load_some(dalpha, whole, lanes))
            store_some(dalpha, whole, sums, lanes)
            if dx.size > 0:
                bent = where_above(v, zero, g, mul(g, load_some(alpha, whole, lanes)))
                store_some(dx, s + whole, bent, lanes)
