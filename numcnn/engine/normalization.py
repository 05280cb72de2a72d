"""Batch normalization as a step: each piece is measured, the pieces are joined, then normalised."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.pooled import PoolStep
from numcnn.engine.steps import LIGHT, MOST_PIECES, Phase, Step, Wires
from numcnn.kernels.normalization import moments, normalize, normalize_backward, normalize_sums
from numcnn.kernels.normalization_pool import (
    normalize_pool,
    normalize_pool_backward,
    normalize_pool_sums,
)
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.layers.base import Layer
from numcnn.layers.batchnorm import BatchNormalization

Array = np.ndarray[Any, Any]

MOST_VECTORS = 8  # of channels in a pixel, to take several pixels as one row


# Overflow is found where the loss is looked at; threads do not inherit that NumPy need not warn.
quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class BatchNormStep(Step):
    """BatchNormalization over the last axis, with the ReLU after it.

    Whether the layer is frozen is asked for each batch.
    """

    kernel = "moments, normalize"

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype)
        self.layer: BatchNormalization = layers[0]  # type: ignore[assignment]
        self.relu = relu
        self.c = layers[0].sample_output_shape[-1]
        self.period = row_length(self.c, VECTOR_BYTES // self.dtype.itemsize)
        self.why = "one pass to measure a batch, one to normalise it" + (", with ReLU" * relu)

    def columns(self, wires: Wires) -> Array:
        """Return where mean, gamma / std, beta and what backward needs stand, (5, period)."""
        return wires.buffers.take(f"{self.name}: columns", (5, self.period), self.dtype)

    def measured(self, wires: Wires) -> bool:
        """Return whether the batch's own mean and variance are meant."""
        return wires.training and self.layer.trainable

    def room(self, wires: Wires, worker: int) -> Array:
        """Return a worker's room for three rows."""
        name = f"rows of {self.period} for moments"
        return wires.room(worker, name, 3 * self.period, self.dtype)

    def write(self, wires: Wires, mean: Array, var: Array) -> Array:
        """Write what makes y of x into the columns; return 1 / std."""
        layer = self.layer
        columns = self.columns(wires).reshape(5, -1, self.c)
        inverse: Array = 1 / np.sqrt(var + self.dtype.type(layer.epsilon))
        columns[0] = mean
        columns[1] = inverse * layer.params["gamma"] if layer.scale else inverse
        columns[2] = layer.params["beta"] if layer.center else 0
        return inverse

    def inverse(self, wires: Wires) -> Array:
        """Return where 1 / std of this batch stands, (C,)."""
        return wires.buffers.take(f"{self.name}: 1 / std", (self.c,), self.dtype)

    @quiet
    def set_moving(self, wires: Wires) -> None:
        """Take the moving statistics."""
        found = self.layer.statistics
        self.inverse(wires)[:] = self.write(wires, found["moving_mean"], found["moving_variance"])

    def prepare(self, wires: Wires) -> list[Task]:
        """Return how the moving statistics are taken for a prediction."""
        return [] if wires.training else [lambda worker: self.set_moving(wires)]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = (x - mean) * gamma / std + beta, or the maximum of that and 0."""
        x = wires.x
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        shape = (MOST_PIECES, self.period)
        means, squares = (
            wires.buffers.take(f"{self.name}: {what}", shape, np.float64)
            for what in ("means", "squares")
        )

        def measure(worker: int, a: int, b: int) -> None:
            if self.measured(wires):
                i = numbers[a]
                moments(means[i], squares[i], x[a:b].reshape(-1), self.room(wires, worker))

        @quiet
        def join(worker: int) -> None:
            self.layer.measured = None
            if not self.measured(wires):
                self.set_moving(wires)
                return
            mean, var = joined_moments(means, squares, rows_in_pieces(wires, self.period), self.c)
            mean, var = mean.astype(self.dtype), var.astype(self.dtype)
            var = np.where(np.isinf(var), np.nan, var)
            self.layer.measured = mean, var
            self.inverse(wires)[:] = self.write(wires, mean, var)

        last = wires.by_piece(self.normalizing(wires))
        return [wires.by_piece(measure), Phase([join]), last] if wires.training else [last]

    def normalizing(self, wires: Wires) -> Callable[[int, int, int], None]:
        """Return what makes y of the samples from a to b - 1."""
        x, y, columns = wires.x, wires.y, self.columns(wires)

        def piece(worker: int, a: int, b: int) -> None:
            normalize(y[a:b].reshape(-1), x[a:b].reshape(-1), columns, self.relu)

        return piece

    def summing(self, wires: Wires, sums: Array) -> Callable[[int, int, int, int], None]:
        """Return what adds up dz and dz * (x - mean) of piece i, the samples from a to b - 1."""
        x, dy, columns = wires.x, wires.dy, self.columns(wires)

        def piece(worker: int, a: int, b: int, i: int) -> None:
            normalize_sums(
                sums[i], dy[a:b].reshape(-1), x[a:b].reshape(-1), columns, self.relu,  # type: ignore[index]
                self.room(wires, worker),
            )  # fmt: skip

        return piece

    def going_back(self, wires: Wires, dx: Array) -> Callable[[int, int, int], None]:
        """Return what makes dx of the samples from a to b - 1."""
        x, dy, columns = wires.x, wires.dy, self.columns(wires)

        def piece(worker: int, a: int, b: int) -> None:
            flat = (array[a:b].reshape(-1) for array in (dx, dy, x))  # type: ignore[index]
            normalize_backward(*flat, columns, self.relu)

        return piece

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Any]]:
        """Return dx = (dz - dbeta / n - x_hat * dgamma / n) * gamma / std, as the layer does."""
        if wires.dy is None:
            return [], []
        layer, x = self.layer, wires.x
        columns, inverse = self.columns(wires), self.inverse(wires)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        shape = (MOST_PIECES, 2, self.period)
        sums = wires.buffers.take(f"{self.name}: sums", shape, np.float64)
        gradients = [
            (i, gradient, wires.squares.of(layer, name, gradient))
            for i, name in enumerate(("beta", "gamma"))
            if (gradient := wires.gradient(layer, name)) is not None
        ]

        sum_of_piece = self.summing(wires, sums)

        def sum_piece(worker: int, a: int, b: int) -> None:
            sum_of_piece(worker, a, b, numbers[a])

        @quiet
        def join(worker: int) -> None:
            found = sums[: len(numbers)].sum(axis=0).reshape(2, -1, self.c).sum(axis=1)
            found[1] *= inverse  # now dbeta, dgamma
            for i, gradient, square in gradients:
                gradient[:] = found[i]
                square()
            if not self.measured(wires):
                found[:] = 0
            found /= max(1, x.size // self.c)
            found[1] *= inverse
            columns.reshape(5, -1, self.c)[3:] = found[:, None]

        phases = [wires.by_piece(sum_piece), Phase([join])]
        if wires.dx is not None:
            phases.append(wires.by_piece(self.going_back(wires, wires.dx)))
        return phases, []


class NormPoolStep(BatchNormStep):
    """BatchNormalization, ReLU or not, and MaxPool2D; what lies between them is never written."""

    kernel = "moments, normalize_pool"

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype, relu)
        self.pooling = PoolStep(layers[-1], dtype)  # type: ignore[arg-type]
        self.pooling.name = self.name
        tables = self.pooling
        self.tables = tables.starts, tables.taps, self.c, tables.apart, tables.gaps

    @property
    def light(self) -> bool:
        """Whether few numbers come in for each sample."""
        return self.pooling.sizes[0] <= LIGHT

    def sample(self, wires: Wires, worker: int) -> Array:
        """Return a worker's room for one sample before pooling."""
        size = self.pooling.sizes[0]
        return wires.room(worker, f"sample of {size}", size, self.dtype)

    def normalizing(self, wires: Wires) -> Callable[[int, int, int], None]:
        """Return what makes y of the samples from a to b - 1."""
        arrays = (a.reshape(-1) for a in (wires.y, self.pooling.winners(wires), wires.x))
        bound = partial(normalize_pool, *arrays, self.columns(wires), self.relu, self.tables)
        return lambda worker, a, b: bound((a, b), self.sample(wires, worker))

    def fed(self, wires: Wires) -> Any:
        """Return what both kernels of the way back take."""
        given = (wires.dy, self.pooling.winners(wires), wires.x)
        flat = (a.reshape(-1) for a in given)  # type: ignore[union-attr]
        return *flat, self.columns(wires), self.relu, self.tables

    def summing(self, wires: Wires, sums: Array) -> Callable[[int, int, int, int], None]:
        """Return what adds up dz and dz * (x - mean) of piece i, the samples from a to b - 1."""
        fed, shape = self.fed(wires), sums.shape[1:]

        def piece(worker: int, a: int, b: int, i: int) -> None:
            some = wires.room(worker, f"sums of {self.period}", sums[i].size, np.float64)
            rooms = self.sample(wires, worker), self.room(wires, worker), some.reshape(shape)
            normalize_pool_sums(sums[i], *fed, (a, b), *rooms)

        return piece

    def going_back(self, wires: Wires, dx: Array) -> Callable[[int, int, int], None]:
        """Return what makes dx of the samples from a to b - 1."""
        bound = partial(normalize_pool_backward, dx.reshape(-1), *self.fed(wires))
        return lambda worker, a, b: bound((a, b), self.sample(wires, worker))


def row_length(c: int, width: int) -> int:
    """Return how many numbers a row has for the kernels: whole pixels and, if few, whole vectors.

    >>> row_length(32, 16), row_length(6, 16), row_length(1001, 16)
    (32, 48, 1001)
    """
    return c if c % width == 0 or c > MOST_VECTORS * width else math.lcm(c, width)


def rows_in_pieces(wires: Wires, period: int) -> Array:
    """Return how many numbers each piece has in each column, (pieces, period)."""
    per_sample = math.prod(wires.x.shape[1:])
    sizes = np.array([(b - a) * per_sample for a, b in wires.pieces], np.int64)[:, None]
    return sizes // period + (np.arange(period) < sizes % period)


def joined_moments(means: Array, squares: Array, counts: Array, c: int) -> tuple[Array, Array]:
    """Return mean and variance of each channel, (C,), from those of every piece's columns.

    >>> joined_moments(np.array([[1.0], [5.0]]), np.array([[2.0], [0.0]]), np.array([[3], [1]]), 1)
    (array([2.]), array([3.5]))
    """
    means, squares = means[: len(counts)], squares[: len(counts)]
    n = max(1, int(counts.sum()) // c)
    mean = (counts * means).reshape(-1, c).sum(axis=0) / n
    apart = (means.reshape(-1, c) - mean) ** 2 * counts.reshape(-1, c)
    return mean, (squares.reshape(-1, c) + apart).sum(axis=0) / n
