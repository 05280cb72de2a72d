"""Networks and data small enough to train in milliseconds, and a fingerprint of a model."""

import hashlib

import numpy as np

from numcnn.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D
from numcnn.models import Sequential
from numcnn.utils import set_random_seed, to_categorical

CLASSES = 3
SHAPE = (6, 6, 1)


def images(n=20, seed=0, dtype="float32", shape=SHAPE):
    """Return n images with values in [0, 1), their one-hot classes and their class numbers."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    return rng.random((n, *shape)).astype(dtype), to_categorical(labels, CLASSES), labels


def cnn(seed=1, optimizer="rmsprop", loss="categorical_crossentropy", rate=0.25, **kwargs):
    """Return a compiled network of each kind of layer; `seed` decides weights, order and masks."""
    set_random_seed(seed)
    layers = [
        Conv2D(2, 3, activation="relu", input_shape=SHAPE),
        MaxPool2D(2),
        Flatten(),
        Dense(5, activation="relu"),
        Dropout(rate),
        Dense(CLASSES, activation="softmax"),
    ]
    model = Sequential(layers)
    model.compile(optimizer, loss=loss, metrics=["accuracy"], **kwargs)
    return model


def dense(seed=1, units=CLASSES, inputs=4, optimizer="sgd", loss="mse", **kwargs):
    """Return a compiled model of one Dense layer."""
    set_random_seed(seed)
    model = Sequential([Dense(units, input_shape=(inputs,))])
    model.compile(optimizer, loss=loss, **kwargs)
    return model


class Scale(Layer):
    """y = factor * w * x, a layer as a user writes it: one w per feature."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.add_parameter("w", input_shape, "ones")

    def forward(self, x, training=False):
        if training:
            self.kept = x
        return np.float32(self.factor) * x * self.params["w"]

    def backward(self, dy):
        x = self.recall()
        self.grads["w"] = np.float32(self.factor) * (dy * x).sum(axis=0)
        return np.float32(self.factor) * dy * self.params["w"]

    def get_config(self):
        return {"factor": self.factor, **super().get_config()}


def weights_hash(model):
    """Return a hash of the weights alone."""
    digest = hashlib.sha256()
    for layer in model.layers:
        for name, array in layer.params.items():
            digest.update(f"{name} {array.shape} {array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()


def fingerprint(model):
    """Return all that training moves: weights, optimizer memory, counters of steps, seeds."""
    slots = {
        name: [(a.shape, a.dtype.str, a.tobytes()) for a in arrays]
        for name, arrays in model.optimizer.slots.items()
        if arrays
    }
    states = [(layer.name, layer.get_state(), layer.built_for) for layer in model.layers]
    optimizer = (model.optimizer.iterations, model.optimizer.learning_rate, slots)
    return weights_hash(model), optimizer, states, model.seed, model.compiled
