"""Average pooling and global pooling as steps. A whole image is one window."""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.geometry import grid, pool_windows
from numcnn.engine.pooled import MOST_TAPS
from numcnn.engine.steps import Phase, Step, Wires
from numcnn.kernels.averages import average, average_backward
from numcnn.kernels.pooling import pool, pool_backward
from numcnn.layers.averagepool2d import AveragePooling2D
from numcnn.layers.base import Layer
from numcnn.layers.globalpool2d import GlobalAveragePooling2D, GlobalMaxPooling2D

Array = np.ndarray[Any, Any]


class AverageStep(Step):
    """AveragePooling2D or GlobalAveragePooling2D."""

    kernel = "average"

    def __init__(self, layer: Layer, dtype: str) -> None:
        super().__init__([layer], dtype)
        ih, iw, self.c = layer.built_for or (0, 0, 0)
        if isinstance(layer, AveragePooling2D):
            self.starts, self.taps = pool_windows(layer)
            self.why = "pixels beyond the border do not count"
        else:
            self.starts, self.taps = grid((2, ih * iw)), grid((ih * iw, self.c))
            self.why = "one window, the whole image"
        used = np.unique(self.taps).size  # pixels in some window
        self.apart, self.gaps = used == self.taps.size, used < ih * iw
        self.sizes = ih * iw * self.c, int(np.prod(self.output_shape))

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = the mean of each window."""
        x, y = wires.x.reshape(-1), wires.y.reshape(-1)

        def piece(a: int, b: int) -> None:
            average(y, x, self.starts, self.taps, self.c, (a, b), self.sizes)

        return [wires.by_sample(piece)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = the sum of the shares of the windows that a pixel is in."""
        if wires.dx is None or wires.dy is None:
            return [], []
        dx, dy = wires.dx.reshape(-1), wires.dy.reshape(-1)

        def piece(a: int, b: int) -> None:
            average_backward(
                dx, dy, self.starts, self.taps, self.c, self.apart, self.gaps, (a, b), self.sizes
            )

        return [wires.by_sample(piece)], []


class GlobalMaxStep(Step):
    """GlobalMaxPooling2D: the maxima of stretches of MOST_TAPS pixels, then the maximum of those.

    The number of a winner in its window is a byte, so a window can have no more. Among equal maxima
    the first wins in both rounds, which makes it the first of all.
    """

    kernel = "pool, in two rounds"
    why = f"stretches of {MOST_TAPS} pixels first"

    def __init__(self, layer: Layer, dtype: str) -> None:
        super().__init__([layer], dtype)
        ih, iw, self.c = layer.built_for or (0, 0, 0)
        pixels = ih * iw
        starts = np.array([*range(0, pixels, MOST_TAPS), pixels], np.int64)
        self.stretches = len(starts) - 1
        self.first = starts, grid((pixels, self.c)), self.c
        self.last = grid((2, self.stretches)), grid((self.stretches, self.c)), self.c
        self.first_sizes = pixels * self.c, self.stretches * self.c
        self.last_sizes = self.stretches * self.c, self.c

    def between(self, wires: Wires, name: str, dtype: Any) -> Array:
        """Return numbers, one for each channel of each stretch, (N * stretches * C,)."""
        shape = (self.stretches, self.c)
        return wires.buffers.per_sample(f"{self.name}: {name}", shape, dtype)[: wires.n].reshape(-1)

    def winners(self, wires: Wires) -> tuple[Array, Array]:
        """Return where the winning pixels of the stretches and the winning stretches stand."""
        whole = wires.buffers.per_sample(f"{self.name}: winners", (self.c,), np.uint8)
        return self.between(wires, "winners of stretches", np.uint8), whole[: wires.n].reshape(-1)

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = the maximum of each channel."""
        x, y = wires.x.reshape(-1), wires.y.reshape(-1)
        maxima, winners = self.between(wires, "maxima", self.dtype), self.winners(wires)

        def piece(a: int, b: int) -> None:
            pool(maxima, winners[0], x, *self.first, (a, b), self.first_sizes)
            pool(y, winners[1], maxima, *self.last, (a, b), self.last_sizes)

        return [wires.by_sample(piece)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = dy at the winners, zero elsewhere."""
        if wires.dx is None or wires.dy is None:
            return [], []
        dx, dy = wires.dx.reshape(-1), wires.dy.reshape(-1)
        shares, winners = self.between(wires, "shares", self.dtype), self.winners(wires)
        how = True, False  # every pixel is in one window

        def piece(a: int, b: int) -> None:
            pool_backward(shares, dy, winners[1], *self.last, *how, (a, b), self.last_sizes)
            pool_backward(dx, shares, winners[0], *self.first, *how, (a, b), self.first_sizes)

        return [wires.by_sample(piece)], []


AVERAGED = (AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D)


def step_of(layer: Layer, dtype: str) -> Step:
    """Return the step of a layer of these classes."""
    return (GlobalMaxStep if type(layer) is GlobalMaxPooling2D else AverageStep)(layer, dtype)


def why_not(layer: Layer) -> str:
    """Return why a layer of these classes has to be called as it is, or ''."""
    ih, iw, _ = layer.built_for or (0, 0, 0)
    if type(layer) is GlobalMaxPooling2D and ih * iw > MOST_TAPS**2:
        return f"more than {MOST_TAPS} times {MOST_TAPS} pixels"
    return ""
