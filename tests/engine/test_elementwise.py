"""The loops over single numbers: what follows a product, the end of a network, the updates."""

import math

import numpy as np
import oracles
import pytest
from engine.guarded import Moats, eps, whole
from hypothesis import example, given
from hypothesis import strategies as st

from numcnn.kernels import updates
from numcnn.kernels.elementwise import relu_backward, softmax_crossentropy, sum_of_squares
from numcnn.kernels.random import dropout_mask
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.kernels.waiting import all_reached

equal = np.testing.assert_array_equal
dtypes = st.sampled_from(["float32", "float64"])
both = pytest.mark.parametrize("dtype", ["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 70), st.integers(1, 5), st.booleans(), st.booleans(), dtypes, seeds)
@example(VECTOR_BYTES // 4 - 1, 1, True, False, "float32", 0)  # one less than a vector
def test_relu_backward(n, rows, relu, in_place, dtype, seed):
    rng, moats = np.random.default_rng(seed), Moats()
    dy, y = whole(rng, rows * n, dtype), whole(rng, rows * n, dtype, 1)
    dz, db = moats.room(rows * n, dtype), moats.room(n, dtype)
    if in_place:
        dz[:] = dy
    sums = moats.room(math.lcm(n, VECTOR_BYTES // dz.itemsize), dtype)
    relu_backward(dz, dz if in_place else moats.given(dy), moats.given(y), relu, db, sums)
    moats.check()
    expected = dy * (y > 0) if relu else dy
    equal(dz, expected)
    equal(db, expected.reshape(rows, n).sum(axis=0))


@given(st.integers(1, 4), st.integers(1, 12), st.sampled_from([1, 30, 1e4, 1e30]), dtypes, seeds)
def test_softmax_crossentropy(n, classes, size, dtype, seed):
    rng, moats = np.random.default_rng(seed), Moats()
    z = (rng.normal(size=(n, classes)) * size).astype(dtype)
    y = rng.random((n, classes)).astype(dtype)  # any weights, not only one-hot
    losses = moats.room(n, "float64")
    p, dz = (moats.room(n * classes, dtype).reshape(n, classes) for _ in range(2))
    softmax_crossentropy(losses, p, dz, moats.given(z), moats.given(y), 2 * n)
    moats.check()
    exact, y = z.astype(float), y.astype(float)
    for i in range(n):
        loss = oracles.categorical_crossentropy_from_logits(y[i : i + 1], exact[i : i + 1])
        np.testing.assert_allclose(losses[i], loss, rtol=1e-12, atol=1e-12)
    expected = oracles.softmax(exact)
    tolerance = 8 * eps(dtype) * (1 + size)
    np.testing.assert_allclose(p, expected, rtol=0, atol=min(tolerance, 8 * eps(dtype)))
    expected_dz = (y.sum(axis=1, keepdims=True) * expected - y) / (2 * n)
    np.testing.assert_allclose(dz, expected_dz, rtol=0, atol=8 * eps(dtype) * classes)


@both
def test_softmax_crossentropy_of_the_largest_numbers(dtype):
    """The way from one end of the floats to the other overflows; no share of 0 times it counts."""
    top = np.finfo(dtype).max
    z, y = np.array([[top, -top, 0]], dtype), np.array([[1, 0, 0]], dtype)
    losses, p, dz = np.zeros(1), np.zeros_like(z), np.zeros_like(z)
    with np.errstate(over="ignore"):
        softmax_crossentropy(losses, p, dz, z, y, 1)
    equal(losses, [0])
    equal(p, y)
    equal(dz, 0 * y)


@given(st.integers(0, 300), dtypes, seeds)
@example(3000, "float32", 0)
def test_sum_of_squares(n, dtype, seed):
    rng = np.random.default_rng(seed)
    x = whole(rng, n, dtype)
    assert sum_of_squares(Moats().given(x)) == (x.astype(float) ** 2).sum()
    for bad in (np.nan, np.inf, -np.inf):
        if n:
            x[rng.integers(0, n)] = bad
            assert not np.isfinite(sum_of_squares(Moats().given(x)))


STEPS = {
    "sgd": (updates.sgd, 0, lambda t: (0.1,), oracles.sgd, {"lr": 0.1}),
    "momentum": (
        updates.momentum, 1, lambda t: (0.1, 0.8, 0), oracles.sgd, {"lr": 0.1, "momentum": 0.8},
    ),
    "nesterov": (
        updates.momentum, 1, lambda t: (0.1, 0.8, 1), oracles.sgd,
        {"lr": 0.1, "momentum": 0.8, "nesterov": True},
    ),
    "rmsprop": (
        updates.rmsprop, 1, lambda t: (0.01, 0.7, 3e-2), oracles.rmsprop,
        {"lr": 0.01, "rho": 0.7, "epsilon": 3e-2},
    ),
    "adam": (
        updates.adam, 2, lambda t: (0.01 * (1 - 0.7**t) ** 0.5 / (1 - 0.6**t), 0.6, 0.7, 1e-2),
        oracles.adam, {"lr": 0.01, "beta_1": 0.6, "beta_2": 0.7, "epsilon": 1e-2},
    ),
}  # fmt: skip


@both
@pytest.mark.parametrize("name", STEPS)
def test_updates(name, dtype):
    kernel, n_slots, numbers, oracle, settings = STEPS[name]
    rng, moats, n = np.random.default_rng(0), Moats(), 37
    start, gradients = rng.normal(size=n).astype(dtype), rng.normal(size=(5, n)).astype(dtype)
    gradients *= (10.0 ** rng.integers(-6, 2, n)).astype(dtype)
    p, *slots = (moats.room(n, dtype, inside=0) for _ in range(1 + n_slots))
    p[:] = start
    for t, g in enumerate(gradients, 1):
        kernel(p, moats.given(g), *slots, np.array(numbers(t), float))
    moats.check()
    expected = [
        oracle(float(start[i]), [float(g) for g in gradients[:, i]], **settings) for i in range(n)
    ]
    sizes = np.abs(start) + np.abs(gradients).sum(axis=0)
    assert (np.abs(p - expected) <= 40 * eps(dtype) * sizes).all()


@given(
    st.integers(0, 40), st.integers(0, 7), st.integers(0, 40), st.integers(0, 2**32 - 1),
    st.integers(0, 2**63), st.sampled_from([0.0, 0.25, 0.5, 0.9]), dtypes,
)  # fmt: skip
def test_dropout_mask(eights, skip, n, seed, step, rate, dtype):
    """Bit for bit what NumPy's Philox gives, from any place on."""
    moats, first = Moats(), 8 * eights
    mask = moats.room(n, dtype)
    scale = np.dtype(dtype).type(1 / (1 - rate))
    dropout_mask(mask, first, skip, np.uint64(seed), np.uint64(step), np.float32(rate), scale)
    moats.check()
    philox = np.random.Philox(key=seed, counter=[0, 0, 0, step])
    chances = np.random.Generator(philox).random(first + skip + n, np.float32)[first + skip :]
    equal(mask, (chances >= rate) * scale)


def test_a_number_drawn_equal_to_the_rate_stays():
    """The share that is dropped is that of numbers in [0, rate)."""
    philox = np.random.Philox(key=7, counter=[0, 0, 0, 0])
    chances = np.random.Generator(philox).random(20, np.float32)
    for rate in chances:
        mask = np.empty(20, np.float32)
        dropout_mask(mask, 0, 0, np.uint64(7), np.uint64(0), rate, np.float32(1))
        equal(mask, chances >= rate)


def test_all_reached():
    flags = np.array([3, 0, 0, 5, 0, 0, 4, 0, 0], np.int64)
    assert all_reached(flags, 3, 3, 10)
    assert not all_reached(flags, 3, 4, 10)
