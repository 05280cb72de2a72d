"""What the outputs of layers cost: `activity_regularizer`, the same for any engine.

A price of weights can be computed at any time (upkeep.py); that of outputs only while a batch is
run. So an engine runs a layer that has one as two, the layer and an `ActivityPrice` behind it. No
step has to know of it, and an activation at the end is not taken together with the loss, since its
output has a gradient of its own then.
"""

import threading
from typing import Any

import numpy as np

from numcnn.layers.base import Array, Layer


class ActivityPrice(Layer):
    """Lets y of a layer through and adds the slope of its price on the way back.

    Math:
        price = r(y) / N for N samples          dy += ∂r/∂y / N
    """

    def __init__(self, of: Layer) -> None:
        super().__init__(name=f"price of {of.name}", dtype=of.dtype)
        self.of = of
        self.build_for(of.sample_output_shape)

    def price(self, y: Array) -> float:
        """Return r(y) / N."""
        return float(self.regularizer(y)) / max(1, len(y))

    def slope(self, y: Array) -> Array:
        """Return ∂price/∂y."""
        return np.asarray(self.regularizer.gradient(y) / max(1, len(y)), y.dtype)

    @property
    def regularizer(self) -> Any:
        """The layer's activity_regularizer."""
        return self.of.activity_regularizer

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x."""
        if training:
            self.kept = x
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy and the slope of the price."""
        return dy + self.slope(self.recall())


class Spent(threading.local):
    """What outputs cost in the batch that this thread has run last."""

    total = 0.0


def with_prices(layers: list[Layer]) -> list[Layer]:
    """Return the layers, each that has an activity_regularizer with its price behind it."""
    found: list[Layer] = []
    for layer in layers:
        found.append(layer)
        if layer.activity_regularizer is not None:
            found.append(ActivityPrice(layer))
    return found


def price_of(layers: list[Layer], outputs: list[Array]) -> float:
    """Return what these outputs of these layers cost."""
    pairs = zip(layers, outputs, strict=True)
    return sum(layer.price(y) for layer, y in pairs if isinstance(layer, ActivityPrice))
