"""Functions of vectors, such as exp and tanh, against float64, and what they are made of."""

import math

import numpy as np
import pytest
from engine.guarded import Moats
from numba import config, njit

from numcnn.kernels import functions
from numcnn.kernels.simd import VECTOR_BYTES, load, store
from numcnn.kernels.simd import numbers as primitives
from numcnn.layers import gauss

SLOW = bool(config.DISABLE_JIT)
equal = np.testing.assert_array_equal
both = pytest.mark.parametrize("dtype", ["float32", "float64"])


# ---- primitives ---------------------------------------------------------------------------------


@njit
def all_of_them(out, a, b, c):
    width = a.size
    x, y, z = load(a, 0), load(b, 0), load(c, 0)
    store(out, 0, primitives.div(x, y))
    store(out, width, primitives.absolute(x))
    store(out, 2 * width, primitives.where_above(x, y, z, x))
    store(out, 3 * width, primitives.full(x, 0.1))


@njit
def powers(out, a):
    store(out, 0, primitives.power_of_two(load(a, 0)))


@both
def test_the_operations_on_vectors(dtype):
    width = VECTOR_BYTES // np.dtype(dtype).itemsize
    special = [-np.inf, -1, -0.0, 0.0, 2, np.inf, np.nan]
    for x in special:
        for y in special:
            a, b, c = (np.full(width, v, dtype) for v in (x, y, 77))
            moats = Moats()
            out = moats.room(4 * width, dtype)
            with np.errstate(all="ignore"):
                all_of_them(out, a, b, c)
                expected = [a / b, np.abs(a), c if x > y else a, np.full(width, 0.1, dtype)]
            moats.check()
            equal(out.reshape(4, width), expected)


def test_powers_of_two():
    width = VECTOR_BYTES // 4
    n = np.arange(-126, 128)
    for start in range(0, n.size, width):
        some = np.resize(n[start : start + width], width)
        out = np.zeros(width, "float32")
        powers(out, (primitives.ROUND["float32"] + some).astype("float32"))
        equal(out, 2.0**some)


def of_vectors(function):
    """Return a kernel that takes whole vectors through a function."""

    @njit
    def run(y, x):
        for i in range(0, y.size, VECTOR_BYTES // y.itemsize):
            store(y, i, function(load(x, i)))

    return run


@both
def test_doubles_may_have_a_function_of_their_own(dtype):
    @primitives.with_doubles(primitives.absolute)
    def same(x):
        return x

    width = VECTOR_BYTES // np.dtype(dtype).itemsize
    x, y = np.arange(-3, width - 3, dtype=dtype), np.zeros(width, dtype)
    of_vectors(same)(y, x)
    equal(y, x if dtype == "float32" else np.abs(x))
    of_vectors(same.single)(y, x)
    equal(y, x)


# ---- functions ----------------------------------------------------------------------------------

# Function, exact values for float64, greatest error in units of the last place.
FUNCTIONS = {
    "exp": (np.exp, 4),
    "expm1_below_0": (np.expm1, 4),
    "log1p_to_1": (np.log1p, 4),
    "tanh": (np.tanh, 4),
    "share_below": (np.vectorize(lambda x: math.erfc(-x * math.sqrt(0.5)) / 2, [float]), 12),
    "bell": (lambda x: np.exp(-x * x / 2), 6),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 6),
    "softplus": (lambda x: np.logaddexp(0, x), 6),
}


def samples(name, dtype):
    """Return numbers of all sizes and both signs, dense where the function bends."""
    rng = np.random.default_rng(0)
    n = 200 if SLOW else 20_000
    x = np.concatenate(
        [
            rng.uniform(-1, 1, n) * 2.0 ** rng.integers(-40, 8, n),
            rng.uniform(-4, 4, n),
            rng.uniform(-110, 95, n),
            np.arange(-160, 140) * math.log(2) / 2,
            [0.0, 1.0, -1.0, 88.72, -103.9, 1e30, -1e30, 1e-40],
        ]
    )
    if name == "expm1_below_0":
        x = -np.abs(x)
    if name == "log1p_to_1":
        x = np.abs(x) % 1
    width = VECTOR_BYTES // np.dtype(dtype).itemsize
    return np.resize(x, -(-x.size // width) * width).astype(dtype)


@both
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_off_by_a_few_units_in_the_last_place(name, dtype):
    exact, most = FUNCTIONS[name]
    x = samples(name, dtype)
    y = np.zeros_like(x)
    with np.errstate(over="ignore", under="ignore"):
        of_vectors(getattr(functions, name))(y, x)
        expected = exact(x.astype(float))
        rounded = expected.astype(dtype)
    unit = np.maximum(np.spacing(np.abs(rounded)).astype(float), 2.0**-149)
    allowed = np.full(x.size, float(most))
    if dtype == "float64":  # of the C library, or of what NumPy makes of it
        allowed[:] = 4 if name != "share_below" else 12
    if name in ("share_below", "bell"):
        # Rounding x itself by half a unit moves the result by x * x times as much; the C library
        # takes it as it is, and so does float32 where a multiply-add rounds once.
        if dtype == "float64" or SLOW:
            allowed += np.minimum(x.astype(float) ** 2, 1600)
    finite = np.isfinite(rounded)
    equal(y[~finite], rounded[~finite])
    error = np.abs(y[finite] - expected[finite]) / unit[finite]
    worst = (error / allowed[finite]).argmax()
    assert (error <= allowed[finite]).all(), (x[finite][worst], error[worst])


@both
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_nan_is_nan(name, dtype):
    width = VECTOR_BYTES // np.dtype(dtype).itemsize
    y = np.zeros(width, dtype)
    of_vectors(getattr(functions, name))(y, np.full(width, np.nan, dtype))
    assert np.isnan(y).all()


def test_the_tails_numbers_are_those_of_the_layer():
    expected = np.polynomial.chebyshev.cheb2poly(gauss.COEFFICIENTS[: len(functions.TAIL)])
    np.testing.assert_allclose(functions.TAIL[::-1], expected, rtol=1e-8)


def test_the_series_of_log1p_lacks_what_comes_after_its_last_term():
    """Twice s**17 / 17 + s**19 / 19 + ..., which only shows where doubles take float32's terms."""
    x = np.arange(64) / 63
    y, s = np.zeros_like(x), x / (2 + x)
    of_vectors(functions.log1p_to_1.single)(y, x)
    least, rounding = 2 / 17 * s**17, 4 * np.spacing(np.log1p(x))
    missing = np.log1p(x) - y
    assert (missing >= least - rounding).all()
    assert (missing <= least / (1 - s * s) + rounding).all()
