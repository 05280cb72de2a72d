"""Where a function has no derivative, the gradient check raises no false alarm."""

import numpy as np
import pytest
from gradient_check.wrong import ReLUForNegatives
from hypothesis import given
from hypothesis import strategies as st

from numcnn import layers
from numcnn.gradcheck import check_layer
from numcnn.layers import (
    Conv2D,
    Layer,
    MaxPool2D,
    ReLU,
)


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
