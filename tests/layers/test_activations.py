"""Activations: derivatives by a complex step, extreme inputs, names."""

import json
import math

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn.errors import DTypeError, ShapeError
from numcnn.gradcheck import check_layer, check_model
from numcnn.layers import (
    ELU,
    GELU,
    Activation,
    Conv2D,
    Dense,
    Dropout,
    HardShrink,
    HardSigmoid,
    HardSwish,
    HardTanh,
    Layer,
    LeakyReLU,
    Linear,
    LogSoftmax,
    PReLU,
    ReLU,
    Softmax,
    SoftShrink,
    Sparsemax,
    SparsePlus,
    SparseSigmoid,
    Squareplus,
    Tanh,
    ThresholdedReLU,
)
from numcnn.layers import names as module
from numcnn.layers.bends import Bend
from numcnn.layers.gates import Gate
from numcnn.layers.gauss import density, share_below
from numcnn.models import Sequential, load_model

equal = np.testing.assert_array_equal
seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 6))


# sparsemax is no formula of its numbers: test_every_layer compares it with its own oracle.
@pytest.mark.parametrize("name", sorted(module.ACTIVATIONS.keys() - {"sparsemax"}))
@given(shapes, seeds)
def test_backward_equals_the_complex_step(name, shape, seed):
    rng = np.random.default_rng(seed)
    x, dy = 3 * rng.normal(size=shape), rng.normal(size=shape)
    layer = module.get(name)
    layer.forward(x, training=True)
    slope = oracles.complex_step(lambda v: (oracles.ACTIVATIONS[name](v) * dy).sum(), x)
    atol = 1e-12 if name == "gelu" else 1e-14  # 1 + erf(v) cancels in the oracle's tail
    np.testing.assert_allclose(layer.backward(dy), slope, rtol=1e-11, atol=atol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", module.ACTIVATIONS)
def test_extreme_numbers_stay_finite_and_silent(name, dtype):
    largest = np.finfo(dtype).max / 2
    x = np.array([[-largest, -1e30, -100.0, 0.0, 100.0, 1e30, largest]], dtype)
    layer = module.get(name)
    y = layer.forward(x, training=True)
    back = layer.backward(np.ones_like(x))
    if name not in ("exponential", "log_softmax"):  # exp and log leave the float range
        assert np.isfinite(y).all()
        assert np.isfinite(back).all()
    assert not np.isnan(y).any()
    if name not in ("gelu", "hard_silu", "hard_swish", "mish", "silu", "swish"):  # these dip
        assert (y[:, 1:] >= y[:, :-1]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_approximate_gelu_of_huge_numbers_is_silent(dtype):
    """Though their third powers are beyond the float range."""
    top = np.finfo(dtype).max / 2
    gelu = GELU(approximate=True)
    equal(gelu.forward(np.array([-top, top], dtype), training=True), [0, top])
    equal(gelu.backward(np.ones(2, dtype)), [0, 1])


def test_a_gate_that_defines_nothing_says_so():
    for nothing in (Gate(), Bend()):
        with pytest.raises(NotImplementedError):
            nothing.forward(np.zeros(1))


def test_relu_at_zero_and_at_nan():
    relu = ReLU()
    equal(relu.forward(np.array([-0.0, 0.0, np.nan]), training=True), [0, 0, np.nan])
    equal(relu.backward(np.ones(3)), [0, 0, 0])


def test_elu_at_zero_belongs_to_the_negative_side():
    """Where its slope is alpha * exp(0)."""
    elu = ELU(3.0)
    equal(elu.forward(np.zeros(1), training=True), [0])
    equal(elu.backward(np.ones(1)), [3])


def test_hard_sigmoid_is_flat_from_its_corners_on():
    hard = HardSigmoid()
    equal(hard.forward(np.array([-4.0, -3.0, 0.0, 3.0, 4.0]), training=True), [0, 0, 0.5, 1, 1])
    equal(hard.backward(np.full(5, 6.0)), [0, 0, 1, 0, 0])


def test_hard_swish_is_straight_from_its_corners_on():
    swish = HardSwish()
    equal(swish.forward(np.array([-4.0, -3.0, 0.0, 3.0, 4.0]), training=True), [0, 0, 0, 3, 4])
    equal(swish.backward(np.ones(5)), [0, 0, 0.5, 1, 1])


def test_thresholds_and_corners_below_0_are_refused():
    for cls in (HardShrink, SoftShrink, ThresholdedReLU):
        with pytest.raises(ValueError, match=f"of {cls.__name__} must be at least 0 and finite"):
            cls(-0.5)
        assert cls(0).forward(np.array([2.0])) == 2
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="b of Squareplus must be at least 1e-12"):
            Squareplus(wrong)


def test_hard_tanh_and_sparse_sigmoid_are_flat_from_their_corners_on():
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    for layer, y, slope in (
        (HardTanh(), [-1, -1, 0, 1, 1], [0, 0, 1, 0, 0]),
        (SparseSigmoid(), [0, 0, 0.5, 1, 1], [0, 0, 0.5, 0, 0]),
        (SparsePlus(), [0, 0, 0.25, 1, 2], [0, 0, 0.5, 1, 1]),
    ):
        equal(layer.forward(x, training=True), y)
        equal(layer.backward(np.ones(5)), slope)


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_a_whole_float_range_apart(dtype):
    """Their difference is beyond the range: -inf, without a warning, and exp(-inf) is 0."""
    top = np.finfo(dtype).max
    for cls in (Softmax, Sparsemax):
        equal(cls().forward(np.array([[-top, top]], dtype)), [[0, 1]])
    equal(LogSoftmax().forward(np.array([[-top, top]], dtype)), [[-np.inf, 0]])


def test_sparsemax_of_nan_is_nan_in_its_own_row():
    sparsemax = Sparsemax()
    x = np.array([[1.0, np.nan, 0.0], [1.0, 0.0, 1.5]])
    equal(sparsemax.forward(x, training=True), [[np.nan] * 3, [0.25, 0, 0.75]])
    equal(sparsemax.backward(np.array([[1.0, 2.0, 3.0], [8.0, 5.0, 0.0]])), [[0] * 3, [4, 0, -4]])


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


def test_the_normal_distribution_is_right_to_the_last_digits():
    x = np.concatenate([np.linspace(-38, 9, 4001), [-np.inf, np.inf]])
    exact = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x])
    found = share_below(x)
    # exp(-u**2) carries the rounding of u**2 on.
    np.testing.assert_allclose(found, exact, rtol=4e-13, atol=5e-324)
    np.testing.assert_allclose(found[x > -3], exact[x > -3], rtol=1e-14)
    np.testing.assert_allclose(share_below(x.astype("f4")), exact, rtol=1e-4, atol=1e-7)
    assert share_below(x.astype("f4")).dtype == density(x.astype("f4")).dtype == "f4"
    step = np.diff(share_below(np.linspace(-5, 5, 10001))) / 1e-3
    np.testing.assert_allclose(step, density(np.linspace(-4.9995, 4.9995, 10000)), atol=1e-7)


def test_relu_with_arguments_lets_nan_and_infinity_through():
    relu = ReLU(max_value=4, negative_slope=0.5, threshold=1)
    x = np.array([-np.inf, -3.0, 1.0, 2.0, 4.0, np.inf, np.nan])
    equal(relu.forward(x, training=True), [-np.inf, -2, 0, 2, 4, 4, np.nan])
    equal(relu.backward(np.ones(7))[:6], [0.5, 0.5, 0.5, 1, 0, 0])
    equal(ReLU(max_value=4).forward(x), [0, 0, 1, 2, 4, 4, np.nan])
    for argument in ("max_value", "negative_slope", "threshold"):
        with pytest.raises(ValueError, match=f"{argument} of ReLU must be at least 0"):
            ReLU(**{argument: -1})
        with pytest.raises(DTypeError, match=f"{argument} of ReLU must be a number"):
            ReLU(**{argument: "1"})


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("dense", [Dense, lambda units, **kwargs: Conv2D(units, 1, **kwargs)])
def test_a_bent_relu_after_a_product_is_not_taken_for_a_plain_one(engine, dense):
    """Written in the product's layer, after it, and in an Activation after it."""
    x = np.random.default_rng(0).normal(size=(4, 3, 2, 5))
    bent = ReLU(max_value=0.5, negative_slope=0.25)
    answers = []
    for layers in (
        [dense(3, activation=bent)],
        [dense(3), ReLU(max_value=0.5, negative_slope=0.25)],
        [dense(3), Activation(bent)],
    ):
        model = Sequential(layers)
        model.compile("sgd", "mse", engine=engine)
        model.build(x.shape)
        model.set_weights(
            [np.random.default_rng(1).normal(size=w.shape) for w in model.get_weights()]
        )
        model.fit(x, np.zeros((4, 3, 2, 3)), verbose=0)
        answers.append([model.predict(x), *model.get_weights()])
    for other in answers[1:]:
        for a, b in zip(answers[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    assert answers[0][0].max() == 0.5
    assert answers[0][0].min() < 0


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax", "tanh", "linear", "gelu", "relu6"])
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

    assert type(module.get(None)) is Linear
    assert type(module.get(Tanh)) is type(module.get("tanh")) is type(module.get(tanh)) is Tanh
    given_layer = Tanh()
    assert module.get(given_layer) is not given_layer
    assert {name: module.serialize(module.get(name)) for name in module.ACTIVATIONS} == {
        name: {"swish": "silu", "hard_swish": "hard_silu"}.get(name, name)
        for name in module.ACTIVATIONS
    }
    assert (LeakyReLU().negative_slope, module.get("leaky_relu").negative_slope) == (0.3, 0.2)
    assert LeakyReLU(alpha=0.1).negative_slope == LeakyReLU(0.1).negative_slope == 0.1
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


def test_activations_with_arguments_are_saved_inside_layers(tmp_path):
    """`Conv2D(..., activation=LeakyReLU(alpha=0.1))`, as many programs write it."""
    model = Sequential(
        [
            Conv2D(2, 2, activation=LeakyReLU(alpha=0.1), input_shape=(3, 4, 1)),
            Activation(GELU(approximate=True)),
            Dense(2, activation="relu6"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(3, 3, 4, 1))
    model.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    equal(again.predict(x), model.predict(x))
    assert again.layers[0].activation.negative_slope == 0.1
    text = json.dumps(model.layers[0].get_config()["activation"])
    assert json.loads(text) == {"class_name": "LeakyReLU", "config": {"negative_slope": 0.1}}
    with pytest.raises(ValueError, match="Did you mean 'LeakyReLU'"):
        module.get({"class_name": "LeakyRelu", "config": {}})
    with pytest.raises(ValueError, match="Unknown activation 'Dense'"):
        module.get({"class_name": "Dense", "config": {"units": 2}})


def test_prelu_shares_what_it_is_told_to_share():
    prelu = PReLU(shared_axes=(1, 2))
    prelu.build_for((4, 5, 3))
    assert prelu.params["alpha"].shape == (1, 1, 3)
    assert PReLU(shared_axes=1).shared_axes == (1,)
    with pytest.raises(ShapeError, match="axes 1 to 2"):
        PReLU(shared_axes=3).build_for((4, 5))
    with pytest.raises(ShapeError, match="each axis of shared_axes"):
        PReLU(shared_axes=0)
    with pytest.raises(DTypeError, match="must be an activation layer"):
        Dense(2, activation=prelu)


@pytest.mark.parametrize("cls", [Softmax, LogSoftmax])
def test_probabilities_over_several_axes(cls):
    """They are those of the scores in one row."""
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5))
    several, one = cls(axis=[1, -1]), cls()

    def row(a):
        return a.transpose(0, 2, 1, 3).reshape(2, 4, 15)

    y = several.forward(x, training=True)
    np.testing.assert_allclose(row(y), one.forward(row(x), training=True), rtol=1e-12)
    np.testing.assert_allclose(row(several.backward(dy)), one.backward(row(dy)), atol=1e-13)
    assert several.get_config()["axis"] == (1, -1)
    check_layer(cls(axis=(1, 3)), (2, 3, 2, 2)).raise_if_wrong()


def test_axes_that_are_none():
    for cls in (Softmax, LogSoftmax, Sparsemax):
        with pytest.raises(DTypeError, match=f"axis of {cls.__name__} must be an integer or sev"):
            cls(axis="last")
        with pytest.raises(ShapeError, match=r"axis=0 .* 0 counts the samples"):
            cls(axis=0)
        with pytest.raises(ShapeError, match="a batch has the axes 0 to 2"):
            cls(axis=3)(np.ones((2, 3, 4)))
    with pytest.raises(DTypeError, match="must be one integer"):
        Sparsemax(axis=(1, 2))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_softmax_along_another_axis_is_not_taken_together_with_the_loss(engine):
    model = Sequential([Dense(3, input_shape=(4, 2), dtype="float64"), Softmax(1, dtype="float64")])
    model.compile("sgd", "categorical_crossentropy", engine=engine)
    x = np.random.default_rng(0).normal(size=(5, 4, 2))
    np.testing.assert_allclose(model.predict(x).sum(axis=1), 1, rtol=1e-12)
    y = np.eye(3)[np.random.default_rng(1).integers(0, 3, (5, 4))]
    check_model(model, x, y).raise_if_wrong()
    p = model.predict(x)
    p /= p.sum(axis=2, keepdims=True)  # as the loss does
    expected = -(y * np.log(p)).sum(axis=2).mean()
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-6)
