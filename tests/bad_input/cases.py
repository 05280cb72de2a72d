"""What a case of bad input is, and what is looked at before and after it.

A case is a call on a model that has been trained before, on either engine. Its error must be of
numcnn's class and of the builtin that a Keras program catches, and its message must hold the words
given: the argument or the layer, what came, what was expected, and what to do. Weights, optimizer
memory, seeds, random states and the files of the folder must be as before.
"""

import hashlib
import random
from typing import NamedTuple

import numpy as np
import pytest
from small_nets import CLASSES, SHAPE, fingerprint, images

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import Conv2D, Dense, Flatten
from numcnn.models import Sequential

X, Y, LABELS = images(8)
SHAPES = (ShapeError, ValueError)
TYPES = (DTypeError, TypeError, ValueError)


class Case(NamedTuple):
    call: object  # a function of the model
    errors: tuple  # of all these classes
    words: tuple  # all of these stand in the message


def case(call, errors, *words):
    return Case(call, errors if isinstance(errors, tuple) else (errors,), words)


def sparse():
    model = Sequential([Flatten(input_shape=SHAPE), Dense(CLASSES, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def binary(loss="binary_crossentropy"):
    model = Sequential([Flatten(input_shape=SHAPE), Dense(1, activation="sigmoid")])
    model.compile("sgd", loss)
    return model


def unbuilt(compiled=True):
    model = Sequential([Conv2D(2, 3), Flatten(), Dense(CLASSES, activation="softmax")])
    if compiled:
        model.compile("sgd", "categorical_crossentropy")
    return model


def snapshot(model, folder):
    """Return all that an error must leave alone."""
    state = np.random.get_state()
    files = {
        str(path.relative_to(folder)): path.is_file() and hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
    }
    return (
        fingerprint(model),
        [(layer.name, layer.shared, layer.built_for) for layer in model.layers],
        (model.optimizer, model.loss, model.given_metrics, model.engine_name, model.history),
        files,
        (state[1].tobytes(), state[2:], random.getstate()),
    )


def check(entry, model, folder):
    """Make the call, and see that its error is the right one and that nothing has changed."""
    call, errors, words = entry
    before = snapshot(model, folder)
    with pytest.raises(errors[0]) as caught:
        call(model)
    message = str(caught.value)
    for error in errors:
        assert isinstance(caught.value, error)
    for word in words:
        assert word in message, message
    assert "\n" not in message
    after = snapshot(model, folder)
    if {"unbuilt", "sparse", "binary", "Sequential"} & set(call.__code__.co_names):
        assert after[:-1] == before[:-1]  # another model was made and took seeds
    else:
        assert after == before
