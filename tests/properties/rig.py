"""What the property tests share: layers run by an engine, and a list of all properties.

A model of a few layers, compiled with a loss whose gradient is whatever is given as target, shows
what an engine computes: y, and dx and all gradients for any dy.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from engine.strategies import Dot, Watch
from hypothesis import given

from numcnn.models import Sequential

ENGINES = ["numpy", "numba"]
equal = np.testing.assert_array_equal


@dataclass
class Property:
    """A row of the list of properties, as a test."""

    row: str  # P1 to P32
    body: Callable
    drawn: dict  # what Hypothesis draws for it

    @property
    def takes_an_engine(self):
        return "engine" in inspect.signature(self.body).parameters

    def run(self, how, engine):
        """Run it with settings of Hypothesis, not as a test of its own."""
        arguments = {"engine": engine} if self.takes_an_engine else {}
        how(given(**self.drawn)(self.body))(**arguments)


PROPERTIES: dict[str, Property] = {}


def prop(**drawn):
    """Make a test of a function, on both engines if it takes one, and write it into the list.

    Its docstring begins with the row that it belongs to. test_seeded_bugs.py takes the list and
    runs the functions on broken layers.
    """

    def decorate(body):
        row = body.__doc__.split(":")[0]
        name = body.__name__.removeprefix("test_")
        entry = PROPERTIES[name] = Property(row, body, drawn)
        test = given(**drawn)(body)
        return pytest.mark.parametrize("engine", ENGINES)(test) if entry.takes_an_engine else test

    return decorate


@dataclass
class Run:
    """What one batch gives."""

    y: np.ndarray
    dx: np.ndarray
    grads: list

    def __iter__(self):
        return iter([self.y, self.dx, *self.grads])


class Rig:
    """Layers on an engine. `layers` are new ones; `weights` go to their parameters in order."""

    def __init__(self, engine, layers, shape, weights=None, dtype="float64", watched=True):
        for layer in layers:
            layer.dtype = dtype
        first = [Watch(dtype=dtype)] if watched else []  # without, nobody asks for dx
        self.layers, self.watch = [*first, *layers], first
        self.layers[0].given_input_shape = tuple(shape)
        self.model = Sequential(self.layers)
        self.model.compile("sgd", Dot(), engine=engine, exact=True)
        if weights is not None:
            self.model.set_weights(weights)
        self.dtype = np.dtype(dtype)

    def predict(self, x):
        return self.model.engine.predict_batch(x.astype(self.dtype))

    def train(self, x, dy):
        """Return y, dx and the gradients of one batch; no weight moves."""
        _, y = self.model.engine.gradients(x.astype(self.dtype), dy)
        grads = [layer.grads[name].copy() for layer, name in self.trained()]
        return Run(y, self.watch[0].seen.copy() if self.watch else None, grads)

    def trained(self):
        """(layer, name) of each parameter that is not frozen; engines owe no others a gradient."""
        return [(l, name) for l in self.layers if l.trainable for name in l.params]

    def out(self, n):
        """The shape of y for n samples."""
        return (n, *self.model.output_shape[1:])
