"""Where things stand in memory: the tables of offsets that the kernels go by.

An image batch is one flat array (N, H, W, C); an offset counts numbers from the start of a sample.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numcnn.layers.averagepool2d import AveragePooling2D
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.maxpool2d import MaxPool2D

Array = np.ndarray[Any, Any]


def grid(*axes: tuple[int, int]) -> Array:
    """Return all sums of one multiple of each axis's step: axes are (count, step).

    >>> grid((2, 10), (3, 1))
    array([ 0,  1,  2, 10, 11, 12])
    """
    total = np.zeros(1, np.int64)
    for count, step in axes:
        total = (total[:, None] + np.arange(count) * step).ravel()
    return np.ascontiguousarray(total, np.int64)


@dataclass
class Backward:
    """One part of a convolution's dx: the pixels of x that the same taps reach.

    With strides above 1 the pixels fall into strides**2 such groups.
    """

    pixels: Array  # where in dx
    rows: Array  # where in the padded dz the same pixel's first tap stands
    cols: Array  # the taps and filters, from there
    taps: tuple[Array, Array]  # which rows and columns of the filter


class ConvGeometry:
    """The tables of a convolution, channels last, for images of (ih, iw, c)."""

    def __init__(self, layer: Conv2D) -> None:
        self.ih, self.iw, self.c = layer.built_for or (0, 0, 0)
        (self.kh, self.kw), (self.sh, self.sw) = layer.kernel_size, layer.strides
        self.dh, self.dw = layer.dilation_rate
        self.f = layer.filters
        (self.oh, self.ow), padding = layer.geometry(self.ih, self.iw)
        (self.top, self.bottom), (self.left, self.right) = padding
        self.padded = padding != ((0, 0), (0, 0))
        # x with its border of zeros.
        self.ph = self.ih + self.top + self.bottom
        self.pw = self.iw + self.left + self.right
        self.x_row, self.x_step = self.pw * self.c, self.ph * self.pw * self.c
        self.windows = grid((self.oh, self.sh * self.x_row), (self.ow, self.sw * self.c))
        self.taps = grid((self.kh, self.dh * self.x_row), (self.kw, self.dw * self.c), (self.c, 1))
        self.n_k = self.taps.size
        self.outs = grid((self.oh * self.ow, self.f))

    def pooled(self, row: int, column: int) -> Array:
        """Return where the pixels of each 2x2 window of outputs stand, window by window."""
        return grid((self.oh // 2, 2 * row), (self.ow // 2, 2 * column), (2, row), (2, column))

    @property
    def pooled_windows(self) -> Array:
        """Where in x the four convolution windows under each pooling window begin."""
        return self.pooled(self.sh * self.x_row, self.sw * self.c)

    def dz_border(self) -> tuple[int, int, int, int]:
        """Return the zeros that dz needs above, below, left and right, so that dx can be read off.

        x's pixel p is under tap i of window (p - i * d) / s; windows before 0 and beyond the last
        count as zeros.
        """
        above = -((self.top - (self.kh - 1) * self.dh) // self.sh)
        below = (self.top + self.ih - 1) // self.sh - (self.oh - 1)
        left = -((self.left - (self.kw - 1) * self.dw) // self.sw)
        right = (self.left + self.iw - 1) // self.sw - (self.ow - 1)
        return max(0, above), max(0, below), max(0, left), max(0, right)

    @cached_property
    def backward(self) -> list[Backward]:
        """The parts of dx."""
        above, _, left, right = self.dz_border()
        z_row = (self.ow + left + right) * self.f
        parts = []
        for a in range(self.sh):
            for b in range(self.sw):
                ys = np.array([p for p in range(self.ih) if (p + self.top) % self.sh == a])
                xs = np.array([p for p in range(self.iw) if (p + self.left) % self.sw == b])
                taps_y = np.array([i for i in range(self.kh) if (a - i * self.dh) % self.sh == 0])
                taps_x = np.array([j for j in range(self.kw) if (b - j * self.dw) % self.sw == 0])
                if min(map(len, (ys, xs, taps_y, taps_x))) == 0:
                    continue
                rows_y = ((ys + self.top - a) // self.sh + above) * z_row
                rows_x = ((xs + self.left - b) // self.sw + left) * self.f
                cols_y = (a - taps_y * self.dh) // self.sh * z_row
                cols_x = (b - taps_x * self.dw) // self.sw * self.f
                parts.append(
                    Backward(
                        pixels=sums(ys * self.iw * self.c, xs * self.c),
                        rows=sums(rows_y, rows_x),
                        cols=sums(cols_y, cols_x, np.arange(self.f)),
                        taps=(taps_y, taps_x),
                    )
                )
        return parts


def pool_windows(layer: MaxPool2D | AveragePooling2D) -> tuple[Array, Array]:
    """Return (starts, taps) of a pooling layer's windows, as `pool` and `average` want."""
    ih, iw, c = layer.built_for or (0, 0, 0)
    (oh, ow), ((top, _), (left, _)) = layer.geometry(ih, iw)
    (kh, kw), (sh, sw) = layer.pool_size, layer.strides
    starts, taps = [0], []
    for y in range(oh):
        for x in range(ow):
            for i in range(y * sh - top, y * sh - top + kh):
                for j in range(x * sw - left, x * sw - left + kw):
                    if 0 <= i < ih and 0 <= j < iw:
                        taps.append((i * iw + j) * c)
            starts.append(len(taps))
    return np.array(starts, np.int64), np.array(taps, np.int64)


def sums(*axes: Array) -> Array:
    """Return all sums of one number of each axis, the last axis running fastest."""
    total = np.zeros(1, np.int64)
    for axis in axes:
        total = (total[:, None] + axis).ravel()
    return np.ascontiguousarray(total, np.int64)
