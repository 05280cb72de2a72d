"""How a model is run. This is the only place that compares an engine's name.

The contract of an engine, which training.py relies on and on nothing else:

    predict_batch(x)      -> y                    changes nothing anywhere, so threads may share it
    test_batch(x, y)      -> (losses, outputs)    one loss per sample; changes nothing
    gradients(x, y, w)    -> (losses, outputs)    forward and backward; sets each layer's grads
    penalty()             -> number               what the weights cost, and the outputs of the
                                                  batch before; gradients know of it
    gradient_squares()    -> {name: sum}          of the last gradients: finite only if they are
    update()                                      one step of the optimizer, whole or not at all
    warm_up(n, say)                               whatever is slow the first time; says so before
    describe(n)           -> text                 what is run, for batches of n samples

Two shapes of the contract were open. One call `train_batch` could do it all, which leaves an engine
most freedom to fuse; or gradients and update could be two calls. They are two, because what lies
between them is the promise that matters: losses and gradients are seen to be finite before a
weight moves, and a gradient check can use the engine without training.
"""

import functools
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from numcnn.engine.eager import EagerEngine
from numcnn.errors import unknown_name
from numcnn.layers.base import Layer
from numcnn.losses import Loss
from numcnn.optimizers import Optimizer

Array = np.ndarray[Any, Any]
ENGINES = ("auto", "numba", "numpy")


class Engine(Protocol):
    """What training.py asks of an engine."""

    def predict_batch(self, x: Array) -> Array:
        """Return the outputs for a batch."""

    def test_batch(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return (the loss of each sample, the outputs)."""

    def gradients(self, x: Any, y: Array, weights: Array | None = None) -> tuple[Array, Array]:
        """Set the layers' gradients; return (the loss of each sample, the outputs).

        x: of any number type; it needs no more than a length and slices x[a:b].
        weights: (N,), how much each sample's loss counts. The gradients are those of
            (1/N) sum over n of weights[n] * loss[n]; the losses that are returned are loss[n].
        """

    def penalty(self) -> float:
        """Return what is to be added to the loss of a batch.

        That is what the weights that are trained cost, and what the outputs did in the batch that
        this thread has run last, by `gradients` or `test_batch`.
        """

    def gradient_squares(self) -> dict[str, float]:
        """Return the sum of the squares of each gradient, by its name."""

    def update(self) -> None:
        """Move the weights by one step of the optimizer."""

    def warm_up(self, n: int, say: Callable[[], None]) -> None:
        """Do what is slow the first time; call `say` before it, if there is such a thing."""

    def describe(self, n: int) -> str:
        """Return what is run, for batches of n samples."""


def make_engine(
    name: Any, layers: list[Layer], loss: Loss, optimizer: Optimizer, exact: bool = False
) -> Engine:
    """Return the engine of this name; 'auto' is the fastest one that is there.

    `exact`: without methods that trade accuracy for speed.
    """
    if name == "numpy":
        return EagerEngine(layers, loss, optimizer)
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    try:
        from numcnn.engine.plan import PlanEngine
    except ImportError as error:
        if name == "numba":
            raise ImportError(
                f"engine='numba' needs Numba, which cannot be imported: {error}. Install it with "
                "pip install numba, or use engine='numpy'."
            ) from error
        _say_once(str(error))
        return EagerEngine(layers, loss, optimizer)
    return PlanEngine(layers, loss, optimizer, exact)


@functools.cache
def runs_as_written(name: str) -> bool:
    """Return whether the engine of this name calls each layer as it is written."""
    try:
        numba = importlib.util.find_spec("numba")
    except ImportError:
        numba = None
    return name == "numpy" or numba is None


@functools.cache
def _say_once(reason: str) -> None:
    warnings.warn(
        f"Numba cannot be imported ({reason}), so numcnn runs on NumPy alone, "
        "several times slower.",
        RuntimeWarning,
        stacklevel=4,
    )
