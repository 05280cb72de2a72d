"""Dropout: the same mask forward and backward, new ones each step, none in prediction."""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn.errors import DTypeError
from numcnn.layers import Dropout
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
rates = st.floats(0, 0.95)
seeds = st.integers(0, 2**32 - 2)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


@given(rates, seeds, shapes, st.sampled_from(["float32", "float64"]))
def test_the_mask_of_forward_is_that_of_backward(rate, seed, shape, dtype):
    dropout = Dropout(rate, seed=seed)
    x, dy = (np.random.default_rng(s).normal(size=shape).astype(dtype) for s in (1, 2))
    y = dropout.forward(x, training=True)
    dx = dropout.backward(dy)
    assert y.dtype == dx.dtype == dtype
    mask = y != 0
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(y, oracles.dropout(x, mask, rate), rtol=tolerance)
    np.testing.assert_allclose(dx, oracles.dropout(dy, mask, rate), rtol=tolerance)


@given(seeds, shapes, rates)
def test_prediction_and_rate_zero_change_nothing(seed, shape, rate):
    x = np.random.default_rng(seed).normal(size=shape)
    equal(Dropout(rate, seed=seed).forward(x), x)
    equal(Dropout(0, seed=seed).forward(x, training=True), x)


@given(seeds, st.integers(0, 2**40))
def test_the_mask_depends_on_seed_and_step_alone(seed, step):
    x = np.ones(64)
    a, b = Dropout(0.5, seed=seed), Dropout(0.5, seed=seed)
    for _ in range(3):
        a.forward(x, training=True)
    a.step = b.step = step
    y = a.forward(x, training=True)
    equal(y, b.forward(x, training=True))
    a.after_update()
    assert a.step == step + 1
    assert (a.forward(x, training=True) != y).any()
    other = Dropout(0.5, seed=seed + 1)
    other.step = step
    assert (other.forward(x, training=True) != y).any()


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_the_share_that_stays(rate):
    n = 100_000
    y = Dropout(rate, seed=5).forward(np.ones(n), training=True)
    stays = np.count_nonzero(y)
    assert abs(stays - n * (1 - rate)) < 5 * np.sqrt(n * rate * (1 - rate))
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate))


def test_seeds():
    set_random_seed(3)
    a, b = Dropout(0.5), Dropout(0.5)
    assert a.step == 0
    assert a.seed != b.seed
    set_random_seed(3)
    assert Dropout(0.5).seed == a.seed
    before = np.random.get_state()[1].copy()
    Dropout(0.5, seed=1).forward(np.ones(4), training=True)
    equal(np.random.get_state()[1], before)
    twin = Dropout(0.5)
    twin.set_state(a.get_state())
    x = np.ones(50)
    equal(twin.forward(x, training=True), a.forward(x, training=True))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan"), float("inf")])
def test_refused_rates(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        Dropout(rate)


@pytest.mark.parametrize("rate", ["0.5", True, None, [0.5]])
def test_refused_types(rate):
    with pytest.raises(DTypeError, match="must be a number"):
        Dropout(rate)
