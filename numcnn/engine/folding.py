"""Batch normalization folded into the weights before it, for predictions.

In a prediction it multiplies each channel by a number and adds one, and so does the product before
it. The two are one product with other weights:

    ((x @ w + b) - mean) * factor + beta  =  x @ (w * factor) + ((b - mean) * factor + beta)

with factor = gamma / sqrt(var + epsilon) for each channel. They are made anew for every batch, so
that no change of a weight or a moving mean goes unseen, and in memory that belongs to the batch: no
layer's array is written, and threads do not meet. ReLU and max-pooling then follow as after any
convolution, without the numbers in between being written.

Rounding: with u = eps / 2, K numbers in a sum and S = sum |x| |w|, the folded and the unfolded y
are both within (K + 8) * u * (|factor| * (S + |b| + |mean|) + |beta|) of the true one, up to terms
of u**2, so they differ by at most twice that; ReLU and maxima add nothing. Winograd's convolution
has the rounding of its own (kernels/winograd.py). `compile(exact=True)` does without either.
"""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.steps import Wires
from numcnn.layers.base import Layer
from numcnn.layers.batchnorm import BatchNormalization
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.dense import Dense

Array = np.ndarray[Any, Any]

BATCH = 32  # samples for which folding must be less work than a pass over the outputs


class Folded:
    """Weights and bias of a Dense or Conv2D, with the BatchNormalization after it inside."""

    def __init__(self, layer: Layer, norm: BatchNormalization) -> None:
        self.layer, self.norm = layer, norm
        self.name = layer.name

    @staticmethod
    def fits(layer: Layer, norm: Layer) -> bool:
        """Return whether the two layers can be folded and it is worth it.

        A dense layer has many weights and few outputs; to normalise those is less work.
        """
        if type(layer) not in (Conv2D, Dense) or type(norm) is not BatchNormalization:
            return False
        w, outputs = layer.params["w"], int(np.prod(layer.sample_output_shape))
        return w.size <= BATCH * outputs

    def weights(self, wires: Wires) -> Array:
        """Return where the folded weights stand."""
        w = self.layer.params["w"]
        return wires.buffers.take(f"{self.name}: folded w", w.shape, w.dtype)

    def bias(self, wires: Wires) -> Array:
        """Return where the folded bias stands."""
        w = self.layer.params["w"]
        return wires.buffers.take(f"{self.name}: folded b", w.shape[-1:], w.dtype)

    def task(self, wires: Wires, then: list[Task]) -> Task:
        """Return how they are made, and what is to be done with them before the batch."""
        layer, norm = self.layer, self.norm
        w, b = self.weights(wires), self.bias(wires)

        def task(worker: int) -> None:
            # Overflow is found where the outputs are looked at.
            with np.errstate(all="ignore"):
                mean, var = (a.astype(np.float64) for a in norm.statistics.values())
                factor = norm.params.get("gamma", 1.0) / np.sqrt(var + norm.epsilon)
                b[...] = (layer.params.get("b", 0.0) - mean) * factor + norm.params.get("beta", 0.0)
                np.multiply(layer.params["w"], factor.astype(w.dtype), out=w)
            for following in then:
                following(worker)

        return task
