"""Batch normalization in pieces: sums of pieces, then of all, then each piece by what came out."""

import math
from typing import Any

import numpy as np

from numcnn.engine.steps import Phase, Step, Wires
from numcnn.layers.batchnorm import BatchNormalization

Array = np.ndarray[Any, Any]


# Overflow is found where the loss is looked at; threads do not inherit that NumPy need not warn.
quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class BatchNormStep(Step):
    """BatchNormalization over the last axis. Samples and pieces are added up in float64, in order.

    Whether the layer is frozen is asked for each batch.
    """

    kernel = "sums in pieces (NumPy)"
    why = "mean and variance first, then a factor and a shift per channel"

    def __init__(self, layer: BatchNormalization, dtype: str) -> None:
        super().__init__([layer], dtype)
        self.layer = layer

    def room(self, wires: Wires) -> tuple[Array, Array, Array]:
        """Return where the mean, 1 / std and gamma / std of this batch stand, each (C,)."""
        c = wires.x.shape[-1]
        mean, inverse, factor = (
            wires.buffers.take(f"{self.name}: {what}", (c,), self.dtype)
            for what in ("mean", "1 / std", "gamma / std")
        )
        return mean, inverse, factor

    def measured(self, wires: Wires) -> bool:
        """Return whether the batch's own mean and variance are meant."""
        return wires.training and self.layer.trainable

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = (x - mean) * gamma / std + beta."""
        layer, (mean, inverse, factor) = self.layer, self.room(wires)
        x, y = rows(wires.x), rows(wires.y)
        n = max(1, x.shape[0] * x.shape[1])
        at, sums = self.parts(wires, 1)

        @quiet
        def sum_piece(a: int, b: int) -> None:
            if self.measured(wires):
                sums[0, at[a]] = x[a:b].sum(axis=(0, 1), dtype=np.float64)

        @quiet
        def take_mean(worker: int) -> None:
            if self.measured(wires):
                mean[:] = sums[0].sum(axis=0) / n
            else:
                mean[:] = layer.statistics["moving_mean"]

        @quiet
        def square_piece(a: int, b: int) -> None:
            if self.measured(wires):
                apart = x[a:b] - mean
                sums[0, at[a]] = products(apart, apart)

        @quiet
        def take_variance(worker: int) -> None:
            var = layer.statistics["moving_variance"]
            if wires.training:
                layer.measured = None
            if self.measured(wires):
                var = (sums[0].sum(axis=0) / n).astype(self.dtype)
                var = np.where(np.isinf(var), np.nan, var)
                layer.measured = mean.copy(), var
            inverse[:] = 1 / np.sqrt(var + self.dtype.type(layer.epsilon))
            factor[:] = inverse * layer.params["gamma"] if layer.scale else inverse

        @quiet
        def piece(a: int, b: int) -> None:
            np.subtract(x[a:b], mean, out=y[a:b])
            y[a:b] *= factor
            if layer.center:
                y[a:b] += layer.params["beta"]

        if not wires.training:
            return [Phase([take_mean]), Phase([take_variance]), wires.by_sample(piece)]
        return [
            wires.by_sample(sum_piece),
            Phase([take_mean]),
            wires.by_sample(square_piece),
            Phase([take_variance]),
            wires.by_sample(piece),
        ]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Any]]:
        """Return dx = (dy - dbeta / n - x_hat * dgamma / n) * gamma / std, as the layer does."""
        if wires.dy is None:
            return [], []
        layer, (mean, inverse, factor) = self.layer, self.room(wires)
        x, dy = rows(wires.x), rows(wires.dy)
        dx = None if wires.dx is None else rows(wires.dx)
        n = max(1, x.shape[0] * x.shape[1])
        at, sums = self.parts(wires, 2)
        found = np.zeros((2, x.shape[2]))  # dbeta, dgamma
        gradients = [
            (i, gradient, wires.squares.of(layer, name, gradient))
            for i, name in enumerate(("beta", "gamma"))
            if (gradient := wires.gradient(layer, name)) is not None
        ]

        @quiet
        def sum_piece(a: int, b: int) -> None:
            sums[0, at[a]] = dy[a:b].sum(axis=(0, 1), dtype=np.float64)
            sums[1, at[a]] = products(dy[a:b], x[a:b] - mean)

        @quiet
        def take_gradients(worker: int) -> None:
            found[:] = sums.sum(axis=1)
            found[1] *= inverse
            for i, gradient, square in gradients:
                gradient[:] = found[i]
                square()

        @quiet
        def piece(a: int, b: int) -> None:
            if dx is None:
                return
            if not self.measured(wires):
                np.multiply(dy[a:b], factor, out=dx[a:b])
                return
            back = (x[a:b] - mean) * (inverse * (found[1] / n).astype(self.dtype))
            np.subtract(dy[a:b], back, out=back)
            back -= (found[0] / n).astype(self.dtype)
            np.multiply(back, factor, out=dx[a:b])

        return [wires.by_sample(sum_piece), Phase([take_gradients]), wires.by_sample(piece)], []

    def parts(self, wires: Wires, kinds: int) -> tuple[dict[int, int], Array]:
        """Return (the row of the piece that begins with a sample, rows for the pieces' sums)."""
        at = {a: i for i, (a, _) in enumerate(wires.pieces)}
        return at, np.zeros((kinds, len(at), wires.x.shape[-1]))


def products(a: Array, b: Array) -> Array:
    """Return the sums of a * b over samples and rows, (C,): within a sample in the type of a."""
    return np.asarray(np.einsum("nrc,nrc->nc", a, b).sum(axis=0, dtype=np.float64))


def rows(x: Array) -> Array:
    """Return (N, ..., C) as (N, rows of a sample, C), in the same memory."""
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])
