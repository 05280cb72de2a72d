"""The public gradient check on models that the fast engine runs."""

import numpy as np
import pytest
from engine.strategies import Scale

from numcnn.gradcheck import check_model
from numcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D
from numcnn.models import Sequential


class HalfScale(Scale):
    """Wrong: half of the gradient of w is missing."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"] / 2
        return dx


class DeafScale(Scale):
    """Wrong: dx forgets w, so what lies below is trained wrongly."""

    def backward(self, dy):
        super().backward(dy)
        return dy


def test_gradients_are_those_of_finite_differences():
    model = Sequential(
        [
            Conv2D(16, 3, activation="relu", input_shape=(7, 6, 2)),
            MaxPool2D(2),
            Dropout(0.25),
            Conv2D(3, 2, padding="same", activation="relu"),
            Scale(),
            Flatten(),
            Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", "categorical_crossentropy", engine="numba")
    x = np.random.default_rng(0).normal(size=(4, 7, 6, 2))
    report = check_model(model, x, np.eye(3)[[0, 1, 2, 1]]).raise_if_wrong()
    assert {"x", "conv2d/w", "conv2d/b", "scale/w", "dense/w"} <= {a.name for a in report.arrays}


@pytest.mark.parametrize(
    ("layer", "wrong"), [(HalfScale(name="own"), "own/w"), (DeafScale(name="own"), "dense/w")]
)
def test_a_wrong_layer_is_found(layer, wrong):
    model = Sequential([Dense(6, activation="relu", input_shape=(5,)), layer.copy(), Dense(2)])
    model.compile("sgd", "mse", engine="numba")
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    report = check_model(model, rng.normal(size=(4, 5)), rng.normal(size=(4, 2)))
    assert wrong in {a.name for a in report.arrays if a.worst.error > report.tolerance}
