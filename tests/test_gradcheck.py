"""The gradient check is itself checked: on backwards that are wrong in ways that have happened."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import gradcheck, layers, losses, optimizers
from numcnn.errors import DTypeError, GradientError, NotCompiledError, ShapeError
from numcnn.gradcheck import check_layer, check_loss, check_model
from numcnn.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    MaxPool2D,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from numcnn.layers.im2col import col2im, im2col
from numcnn.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError
from numcnn.models import Sequential

# ---- wrong layers ----


class DropoutWithoutMask(Dropout):
    def backward(self, dy):
        return dy


class DropoutWithANewMask(Dropout):
    def backward(self, dy):
        self.step += 1
        mask = self.mask(dy)
        self.step -= 1
        return dy * mask


class DropoutWithoutFactor(Dropout):
    def backward(self, dy):
        return dy * (self.recall() > 0)


class ConvWithFlippedKernel(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        w = self.params["w"]
        self.params["w"] = w[::-1, ::-1]
        grads = dict(self.grads)
        dx = super().backward(dy)
        self.params["w"] = w
        self.grads.update(grads)
        return dx


class ConvWithoutBiasGradient(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["b"] = np.zeros_like(self.grads["b"])
        return dx


class ConvWithMeanOverTheBatch(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"] / len(dy)
        return dx


class ConvThatAccumulates(Conv2D):
    def backward(self, dy):
        before = self.grads.get("w", 0)
        dx = super().backward(dy)
        self.total = self.grads["w"] = self.grads["w"] + getattr(self, "total", 0) + 0 * before
        return dx


class ConvWithSwappedStrides(Conv2D):
    def backward(self, dy):
        strides, self.strides = self.strides, self.strides[::-1]
        dx = super().backward(dy)
        self.strides = strides
        return dx


class ConvOffByOnePixel(Conv2D):
    def backward(self, dy):
        return np.roll(super().backward(dy), 1, axis=2)


class ConvWithTransposedWeights(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"].swapaxes(0, 1)
        return dx


class ConvWithOverwritingCol2im(Conv2D):
    """`=` where `+=` belongs, so that overlapping windows do not add up."""

    def backward(self, dy):
        dx = super().backward(dy)
        _, x_shape = self.recall()
        n, oh, ow, _ = dy.shape
        w = self.params["w"]
        dcols = (dy.reshape(-1, self.filters) @ w.reshape(-1, self.filters).T).reshape(
            n, oh, ow, *w.shape[:3]
        )
        seen = col2im(np.ones_like(dcols), x_shape)
        return dx / np.maximum(seen, 1)


class PoolThatPaysAllTies(MaxPool2D):
    def backward(self, dy):
        _, x_shape = self.recall()
        cols = im2col(self.x, self.pool_size, self.strides)
        y = cols.max(axis=(3, 4), keepdims=True)
        return col2im((cols == y) * dy[:, :, :, None, None], x_shape, self.strides)

    def forward(self, x, training=False):
        self.x = x.copy()
        return super().forward(x, training)


class PoolThatPaysEveryPixel(MaxPool2D):
    def backward(self, dy):
        _, x_shape = self.recall()
        n, oh, ow, c = dy.shape
        shares = np.broadcast_to(dy[:, :, :, None, None] / 4, (n, oh, ow, 2, 2, c))
        return col2im(shares, x_shape, self.strides)


class ReLUForNegatives(ReLU):
    def backward(self, dy):
        return dy * ~self.recall()


class ReLUOfTheGradient(ReLU):
    """Zeiler's "deconvnet": the bend is applied to dy instead of where x bent."""

    def backward(self, dy):
        return np.maximum(dy, 0)


class ReLUThatLeaks(ReLU):
    def backward(self, dy):
        return dy * np.where(self.recall(), 1, 1e-4)


class SoftmaxWithoutItsSum(Softmax):
    def backward(self, dy):
        y = self.recall()
        return dy * y * (1 - y)


class SigmoidWithoutItsHead(Sigmoid):
    def backward(self, dy):
        return dy * self.recall()


class TanhSlightlyOff(Tanh):
    def backward(self, dy):
        return super().backward(dy) * (1 + 1e-5)


class DenseThatRemembers(Dense):
    """Stale: keeps the first batch for ever."""

    def forward(self, x, training=False):
        kept = self.kept
        y = super().forward(x, training)
        self.kept = x if kept is None else kept
        return y


class DenseWithoutActivation(Dense):
    def backward(self, dy):
        x = self.recall()
        self.grads["w"] = x.T @ dy
        self.grads["b"] = dy.sum(axis=0)
        return dy @ self.params["w"].T


class FlattenOfTheWrongAxes(Flatten):
    def backward(self, dy):
        n, h, w, c = self.recall()
        return dy.reshape(n, w, h, c).swapaxes(1, 2)


class Scale(Layer):
    """Starts with ones, which hide it where its backward forgets the parameter."""

    def build(self, input_shape):
        self.add_parameter("w", input_shape, "ones")

    def forward(self, x, training=False):
        if training:
            self.kept = x
        return x * self.params["w"]

    def backward(self, dy):
        self.grads["w"] = (dy * self.recall()).sum(axis=0)
        return dy * self.params["w"]


class ScaleThatForgetsItself(Scale):
    def backward(self, dy):
        super().backward(dy)
        return dy.copy()


WRONG = [
    (DropoutWithoutMask(0.5, seed=1), (4, 6), "x"),
    (DropoutWithANewMask(0.5, seed=1), (4, 6), "x"),
    (DropoutWithoutFactor(0.5, seed=1), (4, 6), "x"),
    (ConvWithFlippedKernel(2, 3), (2, 5, 5, 2), "x"),
    (ConvWithoutBiasGradient(2, 3), (2, 5, 5, 2), "b"),
    (ConvWithMeanOverTheBatch(2, 3), (2, 5, 5, 2), "w"),
    (ConvThatAccumulates(2, 3), (2, 5, 5, 2), "w"),
    (ConvWithSwappedStrides(2, 1, strides=(2, 3)), (2, 4, 5, 2), "x"),
    (ConvOffByOnePixel(2, 3, padding="same"), (2, 5, 5, 2), "x"),
    (ConvWithTransposedWeights(2, 3), (2, 5, 5, 2), "w"),
    (ConvWithOverwritingCol2im(2, 3), (2, 5, 5, 2), "x"),
    (PoolThatPaysAllTies(2), (2, 6, 6, 2), "x with ties"),
    (PoolThatPaysEveryPixel(2), (2, 4, 4, 2), "x"),
    (ReLUForNegatives(), (3, 5), "x"),
    (ReLUOfTheGradient(), (3, 5), "x"),
    (ReLUThatLeaks(), (3, 5), "x"),
    (SoftmaxWithoutItsSum(), (3, 5), "x"),
    (SigmoidWithoutItsHead(), (3, 5), "x"),
    (TanhSlightlyOff(), (3, 5), "x"),
    (DenseThatRemembers(3), (4, 5), "w"),
    (DenseWithoutActivation(3, activation="tanh"), (4, 5), "w"),
    (FlattenOfTheWrongAxes(), (2, 3, 4, 2), "x"),
    (ScaleThatForgetsItself(), (3, 4), "x"),
]


@pytest.mark.parametrize(
    ("layer", "shape", "array"), WRONG, ids=[type(layer).__name__ for layer, _, _ in WRONG]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_wrong_backward_is_caught(layer, shape, array, seed):
    report = check_layer(layer, shape, seed=seed)
    assert not report.ok
    wrong = {a.name for a in report.arrays if a.worst and a.worst.error > report.tolerance}
    assert array in wrong
    with pytest.raises(GradientError, match="NOT right"):
        report.raise_if_wrong()


@pytest.mark.parametrize(
    "layer", [Scale(), Dropout(0.5), Dense(3, activation="tanh"), Tanh(), Softmax()]
)
@pytest.mark.parametrize("seed", range(5))
def test_the_right_ones_pass(layer, seed):
    report = check_layer(layer, (4, 6), seed=seed).raise_if_wrong()
    assert report.ok
    assert report.set_aside == 0
    assert report.worst.error < 1e-6


# ---- wrong losses ----


class MeanOverNothing(MeanSquaredError):
    def gradient(self, y, p):
        return super().gradient(y, p) * len(p)


class MeanOverTooMuch(MeanSquaredError):
    def gradient(self, y, p):
        return super().gradient(y, p) / p.shape[1]


class CrossentropyAsIfOfScores(CategoricalCrossentropy):
    def gradient(self, y, p):
        return (p - y) / len(p)


class BinaryWithOneHalf(BinaryCrossentropy):
    def gradient(self, y, p):
        return -y / p / p.size


class GradientOfAnotherShape(MeanSquaredError):
    def gradient(self, y, p):
        return super().gradient(y, p)[:1]


class GradientThatWrites(MeanSquaredError):
    def gradient(self, y, p):
        gradient = super().gradient(y, p)
        p -= y
        return gradient


class ValueForTheBatch(MeanSquaredError):
    def value(self, y, p):
        return super().value(y, p).mean()


@pytest.mark.parametrize(
    "cls",
    [
        MeanOverNothing,
        MeanOverTooMuch,
        CrossentropyAsIfOfScores,
        BinaryWithOneHalf,
        GradientOfAnotherShape,
        GradientThatWrites,
        ValueForTheBatch,
    ],
)
def test_a_wrong_loss_is_caught(cls):
    rng = np.random.default_rng(0)
    report = check_loss(cls(), np.eye(3)[[0, 2]], rng.uniform(0.1, 0.9, (2, 3)))
    assert not report.ok


def test_faults_of_losses_are_named():
    y, p = np.zeros((2, 3)), np.ones((2, 3))
    assert "expected (2, 3)" in str(check_loss(GradientOfAnotherShape(), y, p))
    assert "value returns the shape ()" in str(check_loss(ValueForTheBatch(), y, p))
    assert "changes the arrays that it is given" in str(check_loss(GradientThatWrites(), y + 1, p))
    assert check_loss("mse", y, p).faults == []


def test_a_loss_at_its_clipping_is_undecided_and_not_wrong():
    p = np.array([[1e-7, 0.5], [0.25, 1 - 1e-7]])
    report = check_loss("binary_crossentropy", np.eye(2), p, eps=1e-9, tolerance=1e-4)
    assert report.worst is None or report.worst.error <= 1e-4


# ---- kinks ----


@given(st.integers(0, 2**32 - 1))
def test_relu_at_zero_is_set_aside(seed):
    x = np.random.default_rng(seed).normal(size=(3, 4))
    x[0, :2] = 0
    report = check_layer(ReLU(), x, seed=seed).raise_if_wrong()
    assert report.set_aside >= 2
    entries = {e.index for e in report.arrays[0].entries if e.aside}
    assert {(0, 0), (0, 1)} <= entries


@given(st.integers(0, 2**32 - 1))
def test_a_kink_close_by_is_left_behind(seed):
    rng = np.random.default_rng(seed)
    x = rng.choice([-1, 1], (3, 4)) * 10.0 ** rng.uniform(-6.9, -5, (3, 4))
    report = check_layer(ReLU(), x, seed=seed).raise_if_wrong()
    assert all(not e.aside for e in report.arrays[0].entries if isinstance(e.index, tuple))
    assert not check_layer(ReLUForNegatives(), x, seed=seed).ok


def test_an_input_of_nothing_but_kinks_does_not_pass():
    report = check_layer(ReLU(), np.zeros((2, 3)))
    assert not report.ok
    assert report.worst is None
    assert "undecided: most of x is at kinks" in str(report)


@given(st.integers(0, 2**32 - 1))
def test_ties_in_pooling_raise_no_false_alarm(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-4, 5, (2, 4, 6, 1)).astype(float)
    for layer in (MaxPool2D(2), MaxPool2D(3, strides=1, padding="same")):
        report = check_layer(layer, x, seed=seed)
        assert report.worst.error <= report.tolerance
        assert not report.faults


@pytest.mark.parametrize("side", [0, 1])
def test_a_kink_between_curves_raises_no_false_alarm(side):
    class Bow(Layer):  # |x| exp(-x), or exp(x), whose slopes at 0 are -1 and 1
        def forward(self, x, training=False):
            self.kept = x
            return np.abs(x) * np.exp(x if side else -x)

        def backward(self, dy):
            x, sign = self.kept, 1 if side else -1
            slope = np.where(x > 0, 1, -1) if not side else np.where(x >= 0, 1, -1)
            return dy * (slope + sign * np.abs(x)) * np.exp(sign * x)

    x = np.array([[0.0, 0.5, -0.5, 1.0], [0.2, 0.0, 2.0, -2.0]])
    report = check_layer(Bow(), x)
    assert report.worst.error <= report.tolerance
    assert report.set_aside >= 2


def test_a_curve_that_changes_at_zero_raises_no_false_alarm():
    """x / (1 + |x|) has one slope at 0, but a difference over h is off by h there."""

    class Softsign(Layer):
        wrong = 0.0

        def forward(self, x, training=False):
            self.kept = x
            return x / (1 + np.abs(x))

        def backward(self, dy):
            return dy * (1 + self.wrong) / (1 + np.abs(self.kept)) ** 2

    x = np.array([[0.0, 0.5, 0.0], [-1.0, 0.0, 2.0]])
    softsign = Softsign()
    report = check_layer(softsign, x).raise_if_wrong()
    assert report.set_aside == 0
    for softsign.wrong in (1e-5, -1e-5):
        assert not check_layer(softsign, x).ok


@pytest.mark.parametrize(("shape", "seed"), [((2, 1), 1), ((2, 1), 184), ((1, 3), 158)])
def test_slopes_that_cancel_where_a_curve_changes_are_looked_at_closely(shape, seed):
    """A sum of slopes near 0 has to be that much nearer: three steps were not enough."""
    check_layer(layers.Softsign(), shape, seed=seed).raise_if_wrong()


def test_two_slopes_that_nearly_cancel_where_a_curve_changes_raise_no_false_alarm():
    """The difference, off by h, is nearer each time; a wrong gradient stays as far off."""

    class Wrong(layers.Softsign):
        by = 0.0

        def backward(self, dy):
            return super().backward(dy) * (1 + self.by)

    layer = Wrong()
    check_layer(layer, (1, 2, 1, 1), seed=1).raise_if_wrong()
    for layer.by in (1e-5, -1e-5):
        assert not check_layer(layer, (1, 2, 1, 1), seed=1).ok


@given(st.integers(0, 2**32 - 1), st.sampled_from(["relu", None]))
def test_scores_that_are_exactly_zero_raise_no_false_alarm(seed, activation):
    rng = np.random.default_rng(seed)
    conv = Conv2D(2, 2, activation=activation, dtype="float64")
    conv.build_for((4, 4, 2))
    conv.set_weights([rng.integers(-1, 2, p.shape) for p in conv.params.values()])
    report = check_layer(conv, rng.integers(-1, 2, (2, 4, 4, 2)).astype(float), seed=seed)
    assert report.worst is None or report.worst.error <= report.tolerance
    assert not report.faults


# ---- faults beside numbers ----


def broken(name, **methods):
    return type(name, (Scale,), methods)()


def without_gradient(self, dy):
    return dy * self.params["w"]


def of_another_shape(self, dy):
    dx = Scale.backward(self, dy)
    self.grads["w"] = self.grads["w"][None]
    return dx


def with_a_typing_error(self, dy):
    dx = Scale.backward(self, dy)
    self.grads["W"] = self.grads["w"]
    return dx


def of_not_a_number(self, dy):
    return Scale.backward(self, dy) * np.nan


def that_returns_nothing(self, dy):
    Scale.backward(self, dy)


def that_writes_dy(self, dy):
    dx = Scale.backward(self, dy)
    dy *= 2
    return dx


def that_writes_x(self, dy):
    dx = Scale.backward(self, dy)
    self.kept *= 2
    return dx


def that_writes_w(self, dy):
    dx = Scale.backward(self, dy)
    self.params["w"] *= 2
    return dx


def that_works_once(self, dy):
    dx = Scale.backward(self, dy)
    self.kept = 0 * self.kept
    return dx


def in_float32(self, x, training=False):
    return Scale.forward(self, x, training).astype("float32")


def at_random(self, x, training=False):
    return Scale.forward(self, x, training) + np.random.rand()


def of_infinity(self, x, training=False):
    return Scale.forward(self, x, training) + np.inf


def promised_otherwise(self, shape):
    return (*shape, 1)


@pytest.mark.parametrize(
    ("method", "function", "text"),
    [
        ("backward", without_gradient, "gradient of w is missing, expected (4,)"),
        ("backward", of_another_shape, "gradient of w has the shape (1, 4), expected (4,)"),
        ("backward", with_a_typing_error, "sets grads['W'], but there is no such parameter"),
        ("backward", of_not_a_number, "gradient of x has numbers that are not finite"),
        ("backward", that_returns_nothing, "gradient of x is missing, expected (3, 4)"),
        ("backward", that_writes_dy, "changes dy in place"),
        ("backward", that_writes_x, "changes x in place"),
        ("backward", that_writes_w, "changes w in place"),
        ("backward", that_works_once, "another gradient of w the second time"),
        ("forward", in_float32, "forward turns float64 into float32"),
        ("forward", at_random, "forward returns something else the second time"),
        ("forward", of_infinity, "forward returns numbers that are not finite"),
        ("compute_output_shape", promised_otherwise, "compute_output_shape says (3, 4, 1)"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_faults_are_named(method, function, text):
    report = check_layer(broken("Broken", **{method: function}), (3, 4))
    assert not report.ok
    assert any(text in fault for fault in report.faults), report.faults
    assert f"fault: {report.faults[0]}" in str(report)


# ---- the tool itself ----


def test_the_report_names_the_worst_entry():
    class OneWrongEntry(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.grads["w"][2, 1] *= 3
            return dx

    report = check_layer(OneWrongEntry(2, name="first"), (4, 3))
    assert (report.worst.array, report.worst.index) == ("w", (2, 1))
    assert report.worst.analytic == pytest.approx(3 * report.worst.numeric)
    assert report.worst.error == pytest.approx(0.5)
    text = str(report)
    assert text.startswith("OneWrongEntry 'first': the gradients are NOT right")
    assert "wrong: w[2, 1]: backward says" in text
    assert report.checked == sum(len(a.entries) for a in report.arrays) == 14 + 8 + 4 + 1


def test_entries_that_are_not_looked_at_one_by_one_are_looked_at_together():
    class OneWrongEntry(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.grads["w"][-1, -1] += 0.01
            return dx

    report = check_layer(OneWrongEntry(20), (4, 30), max_entries=3)
    assert not report.ok
    assert report.worst.array == "w"
    assert report.worst.index in ("all together", "a random direction")
    assert len(report.arrays[1].entries) == 3 + 2


def test_outputs_that_are_not_finite_do_not_pass():
    class Root(Layer):
        def forward(self, x, training=False):
            self.kept = np.maximum(x, 0) ** 0.5 - np.where(x < 0, np.inf, 0)
            return self.kept

        def backward(self, dy):
            return dy / 2 / np.maximum(self.kept, 0.5)

    check_layer(Root(), np.ones((2, 2))).raise_if_wrong()
    report = check_layer(Root(), np.array([[1.0, 0.0], [2.0, 3.0]]))
    assert not report.ok
    assert report.worst.error == np.inf

    class Endless(MeanSquaredError):
        def value(self, y, p):
            return super().value(y, p) + np.inf

    assert not check_loss(Endless(), np.zeros((2, 3)), np.ones((2, 3))).ok


def test_small_gradients_are_not_forgiven():
    class Lost(Sigmoid):
        def backward(self, dy):
            return 0 * dy

    x = np.full((2, 3), 13.0)  # a slope of 2e-6
    assert not check_layer(Lost(), x).ok
    check_layer(Sigmoid(), x).raise_if_wrong()


@pytest.mark.parametrize("size", [1e-3, 1.0, 255.0, 1e5])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_inputs_of_any_size_and_type(size, dtype):
    x = np.random.default_rng(0).uniform(0.1, 1, (2, 5, 5, 1)) * size
    if dtype == "uint8":
        x = x.clip(1, 255)
    for layer in (Conv2D(2, 3, activation="relu"), MaxPool2D(2)):
        report = check_layer(layer, x.astype(dtype))
        assert report.worst is None or report.worst.error <= report.tolerance


def test_nothing_of_the_user_is_changed():
    random.seed(1)
    np.random.seed(1)
    numbers = random.getstate(), np.random.get_state()
    fresh, built = Dense(3), Dense(3)
    with np.testing.assert_raises(AttributeError):
        fresh.output_shape  # noqa: B018
    built.build_for((4,))
    x = np.ones((2, 4), "float32")
    x.flags.writeable = False
    after_build = np.random.get_state()
    weights = built.get_weights()
    for layer in (fresh, built, Dropout(0.5, seed=3)):
        check_layer(layer, x)
        assert layer.kept is None
        assert layer.grads == {}
        assert layer.dtype == "float32"
    assert not fresh.built
    assert fresh.params == {}
    np.testing.assert_array_equal(built.get_weights()[0], weights[0], strict=True)
    np.testing.assert_array_equal(np.random.get_state()[1], after_build[1])
    assert np.random.get_state()[2:] == after_build[2:]
    assert random.getstate() == numbers[0]


def test_the_same_seed_gives_the_same_report():
    layer = Conv2D(2, 2)
    assert check_layer(layer, (1, 3, 3, 1), seed=4) == check_layer(layer, (1, 3, 3, 1), seed=4)


def test_refusals():
    with pytest.raises(ShapeError, match="at least one sample"):
        check_layer(ReLU(), (0, 3))
    with pytest.raises(ShapeError, match="at least one sample"):
        check_loss("mse", np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(DTypeError, match="Expected an array or the shape of a batch"):
        check_layer(ReLU(), "3")
    layer = Dense(2)
    layer.build_for((3,))
    with pytest.raises(ShapeError, match=r"built for samples of \(3,\), got \(4,\)"):
        check_layer(layer, (2, 4))
    with pytest.raises(ValueError, match="Did you mean"):
        check_loss("msee", np.zeros((1, 2)), np.zeros((1, 2)))


# ---- models ----


def small_model(**compiled):
    model = Sequential(
        [
            Input(shape=(7, 6, 1)),
            Conv2D(3, (3, 2), activation="relu", padding="same"),
            MaxPool2D(2),
            Dropout(0.25, seed=1),
            Flatten(),
            Dense(5, activation="tanh"),
            Dropout(0.5, seed=2),
            Dense(3),
            Activation("softmax"),
        ]
    )
    model.compile(**({"optimizer": "rmsprop", "loss": "categorical_crossentropy"} | compiled))
    return model


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse", "binary_crossentropy"])
def test_a_model_is_right_from_end_to_end(loss):
    np.random.seed(0)
    model = small_model(loss=loss)
    x = np.random.rand(4, 7, 6, 1)
    x[:, :3] = 0  # a black border
    before = model.get_weights()
    report = check_model(model, x, np.eye(3)[[0, 1, 2, 0]]).raise_if_wrong()
    assert [a.name for a in report.arrays] == [
        "x",
        "conv2d/w",
        "conv2d/b",
        "dense/w",
        "dense/b",
        "dense_1/w",
        "dense_1/b",
    ]
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    assert all(layer.kept is None and layer.grads == {} for layer in model.layers)
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_model_that_has_been_trained(engine):
    model = small_model(engine=engine)
    rng = np.random.default_rng(0)
    x, y = rng.random((4, 7, 6, 1)), np.eye(3)[[0, 1, 2, 0]]
    model.fit(x, y, epochs=2, verbose=0)
    before, slots = model.get_weights(), [s.copy() for s in model.optimizer.slots["mean_square"]]
    check_model(model, x, y).raise_if_wrong()
    assert model.optimizer.iterations == 2
    for old, new in zip(
        before + slots, model.get_weights() + model.optimizer.slots["mean_square"], strict=True
    ):
        np.testing.assert_array_equal(old, new, strict=True)
    model.fit(x, y, verbose=0)


def test_class_numbers_and_a_softmax_inside_a_layer():
    model = Sequential([Dense(4, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(5, 3))
    check_model(model, x, np.array([0, 1, 2, 3, 0])).raise_if_wrong()


@pytest.mark.parametrize(
    ("wrong", "array"),
    [
        (DropoutWithoutMask(0.5, seed=1), "dense/w"),
        (DenseWithoutActivation(4, activation="tanh", name="own"), "own/w"),
        (TanhSlightlyOff(), "dense/w"),
    ],
    ids=["dropout", "dense", "tanh"],
)
def test_a_wrong_layer_in_a_model_is_caught(wrong, array):
    model = Sequential([Dense(6, input_shape=(5,)), wrong.copy(), Dense(2)])
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    report = check_model(model, rng.normal(size=(4, 5)), rng.normal(size=(4, 2)))
    assert not report.ok
    assert array in {a.name for a in report.arrays if a.worst.error > report.tolerance}


@pytest.mark.parametrize("seed", range(5))
def test_kinks_between_the_layers_of_a_model_raise_no_false_alarm(seed):
    """Two units stand at 0 exactly. A step of all weights bends both, and the loss bends twice."""
    rng = np.random.default_rng(seed)
    model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(1)])
    model.compile("sgd", "mse")
    w, b, w2, b2 = (rng.normal(size=p.shape) for p in model.get_weights())
    w[:, :2] = b[:2] = 0
    model.set_weights([w, b, w2, b2])
    report = check_model(model, rng.normal(size=(3, 3)), rng.normal(size=(3, 1)), seed=seed)
    assert report.worst.error <= report.tolerance
    assert report.faults == []
    aside = {a.name for a in report.arrays if a.set_aside}
    assert aside == {"dense/w", "dense/b"}


def test_a_wrong_loss_in_a_model_is_caught():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", MeanOverNothing())
    assert not check_model(model, np.ones((4, 3)), np.zeros((4, 2))).ok


def test_a_frozen_layer_is_left_out_and_a_model_without_shape_is_built():
    model = Sequential([Dense(3, trainable=False, name="frozen"), Dense(2)])
    model.compile("sgd", "mse")
    report = check_model(model, np.ones((2, 4)), np.zeros((2, 2))).raise_if_wrong()
    assert [a.name for a in report.arrays] == ["x", "dense/w", "dense/b"]
    assert not model.built


def test_a_model_needs_a_loss():
    model = Sequential([Dense(2, input_shape=(3,))])
    with pytest.raises(NotCompiledError, match=r"call model.compile\(...\)"):
        check_model(model, np.ones((1, 3)), np.zeros((1, 2)))


def test_it_stands_alone():
    """The tool is for users' own tests, whatever runs them."""
    assert not hasattr(gradcheck, "pytest")
    assert isinstance(losses.get("mse"), losses.Loss)
    assert isinstance(optimizers.get("sgd"), optimizers.Optimizer)


def test_a_forgotten_batch_axis_is_hinted_at():
    with pytest.raises(ShapeError, match="first axis counts the samples"):
        check_layer(Conv2D(3, 3), (7, 6, 2))


def test_a_layer_without_its_base_s_init_is_no_layer():
    class Bare(Layer):
        def __init__(self):
            pass

    with pytest.raises(DTypeError, match=r"calls super\(\).__init__"):
        check_layer(Bare(), (2, 3))
