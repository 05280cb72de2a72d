"""The NumPy engine: it walks the layers exactly as they are written.

It is slow, and it is the definition of "correct" that any other engine is measured by.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.engine.prices import ActivityPrice, Spent, with_prices
from numcnn.engine.tail import split_tail
from numcnn.engine.upkeep import add_penalty_gradients, constrain, penalty
from numcnn.errors import GradientError
from numcnn.layers.base import Layer
from numcnn.losses import Loss
from numcnn.optimizers import Optimizer

Array = np.ndarray[Any, Any]


class EagerEngine:
    """Run layers one after the other, forward, and back again."""

    def __init__(self, layers: list[Layer], loss: Loss, optimizer: Optimizer) -> None:
        self.layers = layers
        self.optimizer = optimizer
        # The same layers up to the scores, the loss on scores, and the activation between them.
        self.body, self.loss, self.activation = split_tail(with_prices(layers), loss)
        self.spent = Spent()

    def predict_batch(self, x: Array) -> Array:
        """Return the outputs for a batch."""
        return run(self.layers, x, training=False)

    def test_batch(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return (the loss of each sample, the outputs)."""
        z = self._run(x, training=False)
        return self.loss.value(y, z), self.activation.forward(z)

    def gradients(self, x: Any, y: Array, weights: Array | None = None) -> tuple[Array, Array]:
        """Set the layers' gradients; return (the loss of each sample, the outputs)."""
        x = np.ascontiguousarray(x[0 : len(x)], self.layers[0].dtype)
        z = self._run(x, training=True)
        losses = self.loss.value(y, z)
        dy = weighted(self.loss.gradient(y, z), weights)
        for layer in reversed(self.body):
            dy = layer.backward(dy)
            require_gradients(layer)
        add_penalty_gradients(self.layers)
        return losses, self.activation.forward(z)

    def _run(self, x: Array, training: bool) -> Array:
        """Return the scores; note what outputs cost on the way."""
        self.spent.total = 0.0
        for layer in self.body:
            x = layer.forward(x, training)
            if isinstance(layer, ActivityPrice):
                self.spent.total += layer.price(x)
        return x

    def gradient_squares(self) -> dict[str, float]:
        """Return the sum of the squares of each gradient, by its name."""
        return {
            f"{name} of {layer.name!r}": float(np.vdot(g, g))
            for layer in self.layers
            for name, g in layer.grads.items()
        }

    def update(self) -> None:
        """Move the weights by one step of the optimizer."""
        moving = [layer for layer in self.layers if layer.trainable]
        params = [layer.params[name] for layer in moving for name in layer.params]
        grads = [layer.grads[name] for layer in moving for name in layer.params]
        self.optimizer.step(params, grads)
        constrain(self.layers)
        for layer in self.layers:
            layer.after_update()

    def penalty(self) -> float:
        """Return what the weights cost, and the outputs of the last batch."""
        return penalty(self.layers) + self.spent.total

    def warm_up(self, n: int, say: Callable[[], None]) -> None:
        """Do nothing: NumPy is always warm."""

    def describe(self, n: int) -> str:
        """Return that the layers are called as they are."""
        return f"{len(self.layers)} layers, each called as it is written (NumPy)."


def weighted(dy: Array, weights: Array | None) -> Array:
    """Return dy, the gradient of (1/N) sum loss[n], for (1/N) sum weights[n] * loss[n] instead.

    loss[n] depends on row n of the outputs alone, so each row is multiplied by its weight.
    """
    if weights is None:
        return dy
    by_row: Array = weights.astype(dy.dtype).reshape(len(dy), *[1] * (dy.ndim - 1))
    return dy * by_row


def run(layers: list[Layer], x: Array, training: bool) -> Array:
    """Return what comes out of the last layer."""
    for layer in layers:
        x = layer.forward(x, training)
    return x


def require_gradients(layer: Layer) -> None:
    """Raise if the layer's backward has left out a parameter."""
    if missing := layer.params.keys() - layer.grads.keys():
        raise GradientError(
            f"backward of layer {layer.name!r} did not set grads[{min(missing)!r}]. "
            "numcnn.gradcheck.check_layer shows what else may be wrong."
        )
