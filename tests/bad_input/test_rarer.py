"""Rarer mistakes, each refused by a check of its own."""

import json

import numpy as np
import pytest
from bad_input.cases import SHAPES, TYPES, X, Y, binary, case, check

from numcnn.callbacks import EarlyStopping
from numcnn.errors import ModelFileError
from numcnn.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, Layer, Softmax
from numcnn.models import Sequential, model_from_json


class Own(Layer):
    """An activation that nobody could make again from a name."""

    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy


def of_keras(layers):
    return json.dumps({"class_name": "Sequential", "config": layers, "keras_version": "3.0.0"})


def compiled(model):
    model.compile("sgd", "mse")
    return model


CASES = {
    "metrics in a dictionary": case(
        lambda m: m.compile("sgd", "mse", {"dense": "mae"}), TYPES, "metrics must be a list", "mae"
    ),
    "min_delta": case(lambda m: EarlyStopping(min_delta="1"), TYPES, "min_delta", "number", "'1'"),
    "min_delta NaN": case(lambda m: EarlyStopping(min_delta=np.nan), TYPES, "min_delta", "nan"),
    "the output of a layer": case(
        lambda m: m.layers[0].output, AttributeError, "numcnn.inspect.activations", "conv2d"
    ),
    "an activation with weights": case(
        lambda m: Dense(2, activation=Dense(3)), TYPES, "no weights", "Dense", "layer of its own"
    ),
    "an activation with statistics": case(
        lambda m: Dense(2, activation=BatchNormalization()), TYPES, "no weights", "layer of its own"
    ),
    "an activation of another shape": case(
        lambda m: Activation(Flatten()), TYPES, "keeps shapes", "Flatten", "layer of its own"
    ),
    "an unknown class of activations": case(
        lambda m: Dense(2, activation={"class_name": "Relu6", "config": {}}),
        ValueError,
        "Unknown activation 'Relu6'",
        "Known",
    ),
    "an activation without a name": case(
        lambda m: Dense(2, activation=Own()).get_config(), TYPES, "no name to be saved", "known are"
    ),
    "axis of Softmax": case(lambda m: Softmax(axis="1"), TYPES, "axis of", "an integer", "'1'"),
    "axis 0 of Softmax": case(
        lambda m: Softmax(axis=0).build_for((3,)), SHAPES, "axis=0", "0 counts the samples"
    ),
    "JSON of layers that are none": case(
        lambda m: model_from_json(of_keras([1, 2])), (ModelFileError, ValueError), "not describe"
    ),
    "class_weight of images": case(
        lambda m: compiled(Sequential([Conv2D(2, 3, input_shape=(6, 6, 1))])).fit(
            X, np.zeros((8, 4, 4, 2)), class_weight={0: 1.0}
        ),
        SHAPES,
        "class_weight needs one class",
        "('N', 4, 4, 2)",
        "sample_weight",
    ),
    "class_weight of other numbers": case(
        lambda m: binary("mse").fit(X, np.full((8, 1), 3.0), class_weight={0: 1.0}),
        ValueError,
        "class_weight needs targets",
        "0 to ",
        "3.0",
    ),
    "a built model for another shape": case(
        lambda m: m.build((None, 7, 6, 1)), SHAPES, "is built for samples of shape (6, 6, 1)"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_error_says_what_to_do_and_nothing_has_changed(name, trained, folder):
    check(CASES[name], trained, folder)


@pytest.mark.parametrize("found", [None, "text", []])
def test_a_metric_that_is_no_number(trained, found):
    trained.compile(trained.optimizer, trained.loss, [lambda y, p: found])
    with pytest.raises(TypeError, match=r"metric .* must return a number, or one for each sample"):
        trained.evaluate(X, Y, verbose=0)
