"""How a model is run. This is the only place that compares an engine's name.

The contract of an engine, which training.py relies on and on nothing else:

    predict_batch(x)      -> y                    changes nothing anywhere, so threads may share it
    test_batch(x, y)      -> (losses, outputs)    one loss per sample; changes nothing
    gradients(x, y)       -> (losses, outputs)    forward and backward; sets each layer's grads
    update()                                      one step of the optimizer, whole or not at all

Two shapes of the contract were open. One call `train_batch` could do it all, which leaves an engine
most freedom to fuse; or gradients and update could be two calls. They are two, because what lies
between them is the promise that matters: losses and gradients are seen to be finite before a
weight moves, and a gradient check can use the engine without training.
"""

from typing import Any, Protocol

import numpy as np

from numcnn.engine.eager import EagerEngine
from numcnn.errors import unknown_name
from numcnn.layers.base import Layer
from numcnn.losses import Loss
from numcnn.optimizers import Optimizer

Array = np.ndarray[Any, Any]
ENGINES = ("auto", "numpy")


class Engine(Protocol):
    """What training.py asks of an engine."""

    def predict_batch(self, x: Array) -> Array:
        """Return the outputs for a batch."""

    def test_batch(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return (the loss of each sample, the outputs)."""

    def gradients(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Set the layers' gradients; return (the loss of each sample, the outputs)."""

    def update(self) -> None:
        """Move the weights by one step of the optimizer."""


def make_engine(name: Any, layers: list[Layer], loss: Loss, optimizer: Optimizer) -> Engine:
    """Return the engine of this name; 'auto' is the fastest one that is there."""
    if name in ("auto", "numpy"):
        return EagerEngine(layers, loss, optimizer)
    raise unknown_name("engine", name, ENGINES)
