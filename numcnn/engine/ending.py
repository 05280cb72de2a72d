"""The end of a batch: scores become losses, and the gradient that goes back through the network."""

from typing import Any

import numpy as np

from numcnn.engine.eager import weighted
from numcnn.engine.steps import Phase, Wires
from numcnn.kernels.elementwise import softmax_crossentropy
from numcnn.layers.base import Layer
from numcnn.layers.softmax import Softmax
from numcnn.losses import CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy, one_hot

Array = np.ndarray[Any, Any]


class Ending:
    """The loss on the scores z and the activation after them, for up to `capacity` samples.

    Attributes:
        losses, outputs: what the last batch gave.
    """

    def __init__(self, loss: Loss, activation: Layer, wires: Wires) -> None:
        self.loss, self.activation = loss, activation
        self.z, self.dz = wires.y, wires.dy
        self.wires = wires
        n, shape = wires.n, wires.y.shape[1:]
        self.losses = wires.buffers.per_sample("losses", (), np.float64)[:n]
        self.outputs = wires.buffers.per_sample("outputs", shape, wires.dtype)[:n]
        self.fast = (
            type(loss) in (CategoricalCrossentropy, SparseCategoricalCrossentropy)
            and loss.from_logits
            and type(activation) is Softmax
            and len(shape) == 1
        )
        self.smoothed = getattr(loss, "smoothed", np.asarray)
        self.given: Array = self.losses
        self.weights: Array | None = None
        if self.fast:
            self.targets = wires.buffers.per_sample("targets", shape, wires.dtype)[:n]

    def take(self, y: Array, weights: Array | None = None) -> None:
        """Take the targets of the batch, and the weights of its samples where they have some."""
        self.given, self.weights = y, weights
        if self.fast:
            sparse = type(self.loss) is SparseCategoricalCrossentropy
            self.targets[...] = one_hot(y, self.z) if sparse else self.smoothed(y)

    def phase(self) -> Phase:
        """Return how losses, outputs and dz are computed."""
        if not self.fast:
            return Phase(call=self._call)
        losses, outputs, z, targets = self.losses, self.outputs, self.z, self.targets
        dz = self.dz if self.dz is not None else self.wires.buffers.per_sample(
            "no dz", z.shape[1:], z.dtype
        )[: self.wires.n]  # fmt: skip
        n = self.wires.n

        def piece(a: int, b: int) -> None:
            softmax_crossentropy(losses[a:b], outputs[a:b], dz[a:b], z[a:b], targets[a:b], n)
            if self.weights is not None:
                dz[a:b] = weighted(dz[a:b], self.weights[a:b])

        return self.wires.by_sample(piece)

    def _call(self) -> None:
        self.losses[...] = self.loss.value(self.given, self.z)
        if self.dz is not None:
            self.dz[...] = weighted(self.loss.gradient(self.given, self.z), self.weights)
        self.outputs[...] = self.activation.forward(self.z)
