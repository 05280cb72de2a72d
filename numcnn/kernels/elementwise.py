"""Loops over numbers that stand alone: what follows a product, and the end of the network."""

import math
from typing import Any

import numpy as np

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import (
    VECTOR_BYTES,
    add,
    fill,
    fma,
    load,
    load_some,
    store,
    store_some,
    total,
    where_beats,
)


@kernel
def relu_backward(dz: Any, dy: Any, y: Any, relu: bool, db: Any, sums: Any) -> None:
    """dz = dy where y > 0 (everywhere without `relu`); db = the sums of dz's columns.

    Equals ReLU.backward and the bias's gradient of Conv2D.backward and Dense.backward.
    dz may be dy itself. sums: room for as many whole rows as are whole vectors, so that rows of any
    length are read as vectors throughout.
    """
    width = VECTOR_BYTES // dz.itemsize
    zero = fill(dz, 0)
    sums[:] = 0
    for i in range(0, dy.size, sums.size):
        end = min(sums.size, dy.size - i)
        for j in range(0, end - width + 1, width):
            g = load(dy, i + j)
            if relu:
                g = where_beats(load(y, i + j), zero, g, zero)
            store(dz, i + j, g)
            store(sums, j, add(load(sums, j), g))
        j, lanes = end - end % width, end % width
        if lanes > 0:
            g = load_some(dy, i + j, lanes)
            if relu:
                g = where_beats(load_some(y, i + j, lanes), zero, g, zero)
            store_some(dz, i + j, g, lanes)
            store(sums, j, add(load(sums, j), g))
    db[:] = 0
    for i in range(0, sums.size, db.size):
        for j in range(db.size):
            db[j] += sums[i + j]


@kernel
def softmax_crossentropy(losses: Any, p: Any, dz: Any, z: Any, y: Any, samples: int) -> None:
    """p = softmax(z); losses = -sum(y log p); dz = (sum(y) p - y) / samples.

    Equals losses.CategoricalCrossentropy on scores z, with y and z of (N, K). samples: the number
    of rows of the whole batch, whose mean loss is meant.
    """
    n, classes = z.shape
    lowest = -np.finfo(np.float64).max
    for i in range(n):
        top = np.float64(z[i, 0])
        for k in range(1, classes):
            top = max(top, np.float64(z[i, k]))
        total = np.float64(0)
        for k in range(classes):
            e = math.exp(np.float64(z[i, k]) - top)
            p[i, k] = e
            total += e
        log_total = math.log(total)
        weight = np.float64(0)
        loss = np.float64(0)
        for k in range(classes):
            target = np.float64(y[i, k])
            below = np.float64(z[i, k]) - top
            if below < lowest:  # the difference of two huge scores; NaN stays
                below = lowest
            weight += target
            loss += target * (log_total - below)
            p[i, k] = p[i, k] / total
        losses[i] = loss
        for k in range(classes):
            dz[i, k] = (weight * p[i, k] - y[i, k]) / samples


@kernel
def sum_of_squares(x: Any) -> float:
    """Return the sum of x**2, in x's type: finite only if all of x is, and far from overflow."""
    width = VECTOR_BYTES // x.itemsize
    s0 = s1 = s2 = s3 = fill(x, 0)
    whole = x.size - x.size % (4 * width)
    for i in range(0, whole, 4 * width):
        v0, v1 = load(x, i), load(x, i + width)
        v2, v3 = load(x, i + 2 * width), load(x, i + 3 * width)
        s0, s1 = fma(v0, v0, s0), fma(v1, v1, s1)
        s2, s3 = fma(v2, v2, s2), fma(v3, v3, s3)
    sum_ = float(total(add(add(s0, s1), add(s2, s3))))
    for i in range(whole, x.size):
        sum_ += x[i] * x[i]
    return sum_
