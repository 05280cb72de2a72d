"""The gradient check as a tool: its report, its arguments, and what it leaves alone."""

import random

import numpy as np
import pytest

from numcnn import gradcheck, losses, optimizers
from numcnn.errors import DTypeError, ShapeError
from numcnn.gradcheck import check_layer, check_loss
from numcnn.layers import (
    Conv2D,
    Dense,
    Dropout,
    Layer,
    MaxPool2D,
    ReLU,
    Sigmoid,
)
from numcnn.losses import MeanSquaredError


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
