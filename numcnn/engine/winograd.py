"""Winograd's convolution inside a step: when it fits, its tables, its memory."""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.geometry import grid, sums
from numcnn.engine.steps import Wires
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.kernels.winograd import TILES, winograd, winograd_filters

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

TILE = 4  # outputs in a row


class Winograd:
    """A convolution of images (H, W, C) with 3x3 filters to (H - 2, W - 2, F), stride 1.

    Args:
        name: of its memory.
        image: (H, W, C), the border included.
        filters: F.
        pool: whether the maxima of 2x2 outputs are wanted instead of the outputs.
    """

    def __init__(self, name: str, image: Shape, filters: int, pool: bool, dtype: Any) -> None:
        self.name, self.pool, self.dtype = name, pool, np.dtype(dtype)
        ih, iw, self.c = image
        self.f = filters
        oh, ow = (n - 2 - (n % 2 if pool else 0) for n in (ih, iw))
        ys, xs = (
            np.array([*range(0, n - TILE, TILE), n - TILE]) for n in (oh, ow)
        )  # the last tile ends with the image, so it may overlap the one before
        x_row, half = iw * self.c, 2 if pool else 1
        y_row = ow // half * filters
        self.tiles_x = sums(ys * x_row, xs * self.c)
        self.tiles_y = sums(ys // half * y_row, xs // half * filters)
        self.sizes = (self.c, filters, x_row, y_row)
        self.steps = (ih * x_row, oh // half * y_row)
        self.tables = (grid((TILES, self.c)), grid((TILES, filters)))

    @staticmethod
    def fits(image: Shape, filters: int, pool: bool, dtype: Any) -> bool:
        """Return whether whole vectors and whole tiles fit, in a type whose rounding allows it."""
        ih, iw, c = image
        width = VECTOR_BYTES // np.dtype(dtype).itemsize
        least = TILE + 2 + (1 if pool else 0)
        whole = c % width == 0 and filters % width == 0
        return whole and min(ih, iw) >= least and np.dtype(dtype) == np.float32

    def scratch_size(self) -> int:
        """Return the room for the points of TILES tiles, and a few vectors."""
        width = VECTOR_BYTES // self.dtype.itemsize
        return (self.c + self.f) * TILES * 36 + 112 * width

    def prepare(self, wires: Wires, w: Array) -> Task:
        """Return the task that takes the filters w (3, 3, C, F) to their points."""
        u, scratch = self._u(wires), np.zeros(self.scratch_size(), self.dtype)

        def task(worker: int) -> None:
            flat = np.ascontiguousarray(w).reshape(-1)
            winograd_filters(u, flat, self.c, self.f, scratch)

        return task

    def _u(self, wires: Wires) -> Array:
        size = (36 * self.c * self.f,)
        return wires.buffers.take(f"{self.name}, filters at 36 points", size, self.dtype)

    def piece(self, wires: Wires, y: Array, codes: Array, x: Array, bias: Array, relu: bool) -> Any:
        """Return what a worker does for the samples from a to b - 1; arrays are flat."""
        u = self._u(wires)

        def task(worker: int, a: int, b: int) -> None:
            winograd(
                y, codes, x, u, bias, relu, self.pool, self.tiles_x, self.tiles_y, self.sizes,
                (a, b), self.steps, self.tables, wires.scratch(worker),
            )  # fmt: skip

        return task
