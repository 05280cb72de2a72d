"""What max-pooling must satisfy; ties, NaN and infinity included. All of it is exact."""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn.errors import ShapeError
from numcnn.layers import MaxPool2D
from numcnn.layers.im2col import im2col

equal = np.testing.assert_array_equal
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def pools(draw):
    """(layer, a random generator, the shape of a batch that fits)."""
    size, padding = draw(pairs), draw(st.sampled_from(["valid", "same"]))
    layer = MaxPool2D(size, draw(pairs), padding)
    h, w = ((1 if padding == "same" else k) + draw(st.integers(0, 4)) for k in size)
    shape = (draw(st.integers(1, 2)), h, w, draw(st.integers(1, 2)))
    return layer, np.random.default_rng(draw(st.integers(0, 9999))), shape


def distinct(rng, shape):
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(float)


@given(pools())
def test_each_output_is_the_largest_of_its_window(args):
    layer, rng, shape = args
    x = rng.integers(-3, 4, shape).astype(float)
    y = layer.forward(x)
    _, padding = layer.geometry(*shape[1:3])
    cols = im2col(x, layer.pool_size, layer.strides, padding, fill=-np.inf)
    y = y[:, :, :, None, None]
    assert (y >= cols).all()
    assert (y == cols).any(axis=(3, 4)).all()


@given(pools(), st.integers(1, 5), st.integers(-5, 5))
def test_it_commutes_with_rising_lines_and_is_monotone(args, a, b):
    layer, rng, shape = args
    x = rng.integers(-8, 9, shape).astype(float)
    equal(layer.forward(a * x + b), a * layer.forward(x) + b)
    assert (layer.forward(x + rng.integers(0, 3, shape)) >= layer.forward(x)).all()


@given(pools())
def test_backward_conserves_the_sum_and_pays_winners_only(args):
    layer, rng, shape = args
    x = rng.integers(-1, 2, shape).astype(float)  # many ties
    y = layer.forward(x, training=True)
    dy = rng.integers(1, 9, y.shape).astype(float)
    dx = layer.backward(dy)
    assert dx.sum() == dy.sum()
    _, winners = oracles.maxpool2d(x, layer.pool_size, layer.strides, layer.padding)
    paid = np.zeros(shape, bool)
    for winner in winners.values():
        paid[winner] = True
    equal(dx != 0, paid)


@given(pools())
def test_backward_equals_the_complex_step_where_nothing_ties(args):
    layer, rng, shape = args
    x = distinct(rng, shape)
    y = layer.forward(x, training=True)
    dy = rng.integers(-8, 9, y.shape).astype(float)

    def f(x):
        y, _ = oracles.maxpool2d(x, layer.pool_size, layer.strides, layer.padding)
        return (y * dy).sum()

    np.testing.assert_allclose(layer.backward(dy), oracles.complex_step(f, x), rtol=1e-12)


def test_the_first_of_equal_pixels_in_reading_order_wins_once():
    layer = MaxPool2D(2)
    for tied, winner in [("1111", 0), ("0111", 1), ("0011", 2), ("0001", 3), ("0101", 1)]:
        x = np.array([float(t) for t in tied]).reshape(1, 2, 2, 1)
        layer.forward(x, training=True)
        expected = np.zeros(4)
        expected[winner] = 5
        equal(layer.backward(np.full((1, 1, 1, 1), 5.0)).ravel(), expected)


@given(pools())
def test_nan_and_infinity_are_seen_where_a_window_touches_them(args):
    layer, rng, shape = args
    x = distinct(rng, shape)
    place = tuple(rng.integers(0, n) for n in shape)
    marked = np.full(shape, -np.inf)
    marked[place] = 1
    touched = layer.forward(marked) == 1
    for bad, test in [(np.nan, np.isnan), (np.inf, np.isposinf)]:
        x[place] = bad
        y = layer.forward(x, training=True)
        equal(test(y), touched)
        dx = layer.backward(np.ones(y.shape))
        assert dx[place] == touched.sum()
        assert dx.sum() == y.size


@given(pools())
def test_windows_of_nothing_but_minus_infinity(args):
    layer, rng, shape = args
    x = np.where(rng.random(shape) < 0.7, -np.inf, 1.0)
    y = layer.forward(x, training=True)
    expected, winners = oracles.maxpool2d(x, layer.pool_size, layer.strides, layer.padding)
    equal(y, expected)
    dy = rng.integers(1, 9, y.shape).astype(float)
    dx = layer.backward(dy)
    equal(dx, oracles.maxpool2d_backward(x, dy, winners))
    assert dx.sum() == dy.sum()  # nothing is lost to the border


def test_strides_are_the_pool_size_unless_given():
    assert MaxPool2D((2, 3)).strides == (2, 3)
    assert MaxPool2D((2, 3), strides=1).strides == (1, 1)
    assert MaxPool2D().pool_size == (2, 2)


def test_refusals():
    with pytest.raises(ShapeError, match="does not fit into an image of 1x4"):
        MaxPool2D(2).build_for((1, 4, 1))
    with pytest.raises(ShapeError, match="strides of MaxPool2D"):
        MaxPool2D(2, strides=0)
    with pytest.raises(ShapeError, match="needs images of shape"):
        MaxPool2D(2).build_for((16,))
