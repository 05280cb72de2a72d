"""Winograd's convolution inside a step: when it fits, its tables, its memory, both ways."""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.geometry import grid, sums
from numcnn.engine.steps import Wires
from numcnn.kernels.simd import ROWS, VECTOR_BYTES
from numcnn.kernels.winograd import TILES, winograd, winograd_filters
from numcnn.kernels.winograd_backward import winograd_backward, winograd_dw

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
        self.width = VECTOR_BYTES // self.dtype.itemsize
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
        self.skips = np.stack(np.meshgrid(overlaps(ys), overlaps(xs), indexing="ij"), axis=-1)
        self.skips = self.skips.reshape(-1, 2)
        self.sizes = (self.c, filters, x_row, y_row)
        self.steps = (ih * x_row, oh // half * y_row)
        self.tables = (grid((TILES, self.c)), grid((TILES, filters)))
        channels = np.arange(-(-self.c // ROWS) * ROWS)
        self.du_size = 36 * channels.size * filters
        self.du_tables = (np.minimum(channels, self.c - 1), channels * filters)

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
        return (self.c + self.f) * TILES * 36 + 112 * self.width

    def prepare(self, wires: Wires, w: Array) -> Task:
        """Return the task that takes the filters w (3, 3, C, F) to their points."""
        return self._filters(wires, w, "u")

    def prepare_dx(self, wires: Wires, w: Array) -> Task:
        """Return the task that takes them there with channels and filters exchanged."""
        return self._filters(wires, w.transpose(0, 1, 3, 2), "u for dx")

    def _filters(self, wires: Wires, w: Array, name: str) -> Task:
        u, scratch = self._u(wires, name), np.zeros(18 * self.width, self.dtype)

        def task(worker: int) -> None:
            flat = np.ascontiguousarray(w).reshape(-1)
            winograd_filters(u, flat, *w.shape[2:], scratch)

        return task

    def _u(self, wires: Wires, name: str) -> Array:
        size = (36 * self.c * self.f,)
        return wires.buffers.take(f"{self.name}: {name}", size, self.dtype)

    def piece(self, wires: Wires, y: Array, codes: Array, x: Array, bias: Array, relu: bool) -> Any:
        """Return what a worker does for the samples from a to b - 1; arrays are flat."""
        u = self._u(wires, "u")

        def task(worker: int, a: int, b: int) -> None:
            winograd(
                y, codes, x, u, bias, relu, self.pool, self.tiles_x, self.tiles_y, self.sizes,
                (a, b), self.steps, self.tables, wires.scratch(worker),
            )  # fmt: skip

        return task

    def backward(
        self, wires: Wires, dx: Array, dw: Array, db: Array, y: Array, codes: Array, x: Array,
        relu: bool,
    ) -> Any:  # fmt: skip
        """Return what a worker does for piece i, the samples from a to b - 1.

        dx, dw: empty where nobody needs them. dw and db have a row for each piece.
        """
        dy = wires.dy.reshape(-1)  # type: ignore[union-attr]
        u = self._u(wires, "u for dx") if dx.size else dx
        du_size = self.du_size if dw.size else 0

        def task(worker: int, a: int, b: int, i: int) -> None:
            du = wires.room(worker, f"{self.name}: du", du_size, self.dtype)
            scratch = wires.scratch(worker)
            winograd_backward(
                dx, du, db[i], dy, y, codes, x, u, relu, self.pool, self.tiles_x, self.tiles_y,
                self.skips, self.sizes, (a, b), self.steps, (*self.tables, *self.du_tables),
                scratch,
            )  # fmt: skip
            if dw.size:
                winograd_dw(dw[i], du, self.c, self.f, scratch)

        return task


def overlaps(starts: Array) -> Array:
    """Return how much of each tile belongs to the one before.

    >>> overlaps(np.array([0, 4, 6]))
    array([0, 0, 2])
    """
    return np.maximum(TILE - np.diff(starts, prepend=-TILE), 0)
