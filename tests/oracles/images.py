"""Images of other sizes: where each output comes from, and with what weights."""

import math

import numpy as np

from oracles.basics import indices


def from_places(x, size, places):
    """y[m, p, q, k]: the sum of weight * x[m, row, column, k] over places(p, q)."""
    y = np.zeros((len(x), *size, x.shape[3]), x.dtype)
    for m, p, q, k in indices(y.shape):
        for weight, row, column in places(p, q):
            y[m, p, q, k] += weight * x[m, row, column, k]
    return y


def to_places(dy, x_shape, places):
    """dx: each place gets back what it gave."""
    dx = np.zeros(x_shape, dy.dtype)
    for m, p, q, k in indices(dy.shape):
        for weight, row, column in places(p, q):
            dx[m, row, column, k] += weight * dy[m, p, q, k]
    return dx


def inside(size, top, left):
    """Places of an image of this size that was moved down and to the right."""

    def places(p, q):
        row, column = p - top, q - left
        return [(1, row, column)] if 0 <= row < size[0] and 0 <= column < size[1] else []

    return places


def enlarged(size, factors, smooth):
    """Places of an image made larger: where on the old grid the new pixel's centre falls."""

    def along(p, n, s):
        if not smooth:
            return [(1, p // s)]
        at = min(max((p + 0.5) / s - 0.5, 0), n - 1)
        low = min(math.floor(at), n - 1)
        return [(1 - (at - low), low), (at - low, min(low + 1, n - 1))]

    def places(p, q):
        rows, columns = along(p, size[0], factors[0]), along(q, size[1], factors[1])
        return [(a * b, row, column) for a, row in rows for b, column in columns]

    return places
