"""The gradient check of whole models, from the loss to every weight."""

import numpy as np
import pytest
from gradient_check.wrong import (
    DenseWithoutActivation,
    DropoutWithoutMask,
    MeanOverNothing,
    TanhSlightlyOff,
)

from numcnn.errors import NotCompiledError
from numcnn.gradcheck import check_model
from numcnn.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPool2D,
)
from numcnn.models import Sequential


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
