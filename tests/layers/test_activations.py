"""Activations: derivatives by a complex step, extreme inputs, names."""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn.errors import DTypeError
from numcnn.layers import Activation, Conv2D, Dense, Dropout, Layer, ReLU, Softmax, Tanh
from numcnn.layers import activations as module

equal = np.testing.assert_array_equal
seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 6))


@pytest.mark.parametrize("name", module.ACTIVATIONS)
@given(shapes, seeds)
def test_backward_equals_the_complex_step(name, shape, seed):
    rng = np.random.default_rng(seed)
    x, dy = 3 * rng.normal(size=shape), rng.normal(size=shape)
    layer = module.get(name)
    layer.forward(x, training=True)
    slope = oracles.complex_step(lambda v: (oracles.ACTIVATIONS[name](v) * dy).sum(), x)
    np.testing.assert_allclose(layer.backward(dy), slope, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", module.ACTIVATIONS)
def test_extreme_numbers_stay_finite_and_silent(name, dtype):
    largest = np.finfo(dtype).max
    x = np.array([[-largest, -1e30, -100.0, 0.0, 100.0, 1e30, largest]], dtype)
    layer = module.get(name)
    y = layer.forward(x, training=True)
    assert np.isfinite(y).all()
    assert np.isfinite(layer.backward(np.ones_like(x))).all()
    assert (np.diff(y) >= 0).all()  # all five rise


def test_relu_at_zero_and_at_nan():
    relu = ReLU()
    equal(relu.forward(np.array([-0.0, 0.0, np.nan]), training=True), [0, 0, np.nan])
    equal(relu.backward(np.ones(3)), [0, 0, 0])


@given(shapes, seeds, st.sampled_from(["float32", "float64"]))
def test_softmax_is_a_distribution(shape, seed, dtype):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 31)).astype(dtype)
    y = Softmax().forward(x)
    rounding = 4 * np.finfo(dtype).eps * shape[1]
    assert ((y >= 0) & (y <= 1)).all()
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=rounding)
    order = np.argsort(x, axis=1)
    assert (np.diff(np.take_along_axis(y, order, axis=1)) >= 0).all()


@given(shapes, seeds, st.integers(-8, 8))
def test_softmax_does_not_see_a_shift(shape, seed, power):
    x = np.random.default_rng(seed).integers(-8, 9, shape).astype(float)
    equal(Softmax().forward(x + 2.0**power), Softmax().forward(x))


@given(shapes, seeds)
def test_the_gradient_of_softmax_sums_to_zero(shape, seed):
    rng = np.random.default_rng(seed)
    softmax = Softmax()
    softmax.forward(rng.normal(size=shape), training=True)
    dx = softmax.backward(rng.normal(size=shape))
    np.testing.assert_allclose(dx.sum(axis=1), 0, atol=1e-15 * shape[1])


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax", "tanh", "linear"])
def test_an_activation_in_a_layer_is_the_layer_after_it(name):
    x = np.random.default_rng(0).normal(size=(3, 4))
    dy = np.random.default_rng(1).normal(size=(3, 5))
    inside, outside = (Dense(5, activation=a, dtype="float64") for a in (name, None))
    for dense in (inside, outside):
        dense.build_for((4,))
    outside.set_weights(inside.get_weights())
    after = Activation(name)
    equal(
        inside.forward(x, training=True),
        after.forward(outside.forward(x, training=True), training=True),
    )
    equal(inside.backward(dy), outside.backward(after.backward(dy)))
    equal(inside.grads["w"], outside.grads["w"])


def test_names():
    def tanh(x):
        return x

    assert type(module.get(None)) is module.Linear
    assert type(module.get(Tanh)) is type(module.get("tanh")) is type(module.get(tanh)) is Tanh
    given_layer = Tanh()
    assert module.get(given_layer) is not given_layer
    assert module.serialize(module.get("softmax")) == "softmax"
    with pytest.raises(ValueError, match=r"Unknown activation 'rleu'. Did you mean 'relu'\?"):
        module.get("rleu")
    with pytest.raises(ValueError, match="Unknown activation 3"):
        module.get(3)
    with pytest.raises(DTypeError, match="must be an activation layer"):
        Conv2D(1, 1, activation=Dense(2))
    with pytest.raises(DTypeError, match="has no name to be saved under"):
        module.serialize(Dropout(0.5))


def test_an_activation_of_ones_own():
    class Square(Layer):
        def forward(self, x, training=False):
            if training:
                self.kept = x
            return x**2

        def backward(self, dy):
            return 2 * self.recall() * dy

    dense = Dense(1, activation=Square(), use_bias=False, dtype="float64")
    dense.build_for((1,))
    dense.set_weights([[[3.0]]])
    assert dense.forward(np.array([[2.0]]), training=True) == 36
    assert dense.backward(np.array([[1.0]])) == 36  # 2 * 6 * 3
