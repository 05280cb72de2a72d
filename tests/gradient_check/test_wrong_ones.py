"""The gradient check is itself checked: on backwards that are wrong in ways that have happened."""

import numpy as np
import pytest
from gradient_check.wrong import (
    BinaryWithOneHalf,
    ConvOffByOnePixel,
    ConvThatAccumulates,
    ConvWithFlippedKernel,
    ConvWithMeanOverTheBatch,
    ConvWithoutBiasGradient,
    ConvWithOverwritingCol2im,
    ConvWithSwappedStrides,
    ConvWithTransposedWeights,
    CrossentropyAsIfOfScores,
    DenseThatRemembers,
    DenseWithoutActivation,
    DropoutWithANewMask,
    DropoutWithoutFactor,
    DropoutWithoutMask,
    FlattenOfTheWrongAxes,
    GradientOfAnotherShape,
    GradientThatWrites,
    MeanOverNothing,
    MeanOverTooMuch,
    PoolThatPaysAllTies,
    PoolThatPaysEveryPixel,
    ReLUForNegatives,
    ReLUOfTheGradient,
    ReLUThatLeaks,
    Scale,
    ScaleThatForgetsItself,
    SigmoidWithoutItsHead,
    SoftmaxWithoutItsSum,
    TanhSlightlyOff,
    ValueForTheBatch,
)

from numcnn.errors import GradientError
from numcnn.gradcheck import check_layer, check_loss
from numcnn.layers import (
    Dense,
    Dropout,
    Softmax,
    Tanh,
)

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
