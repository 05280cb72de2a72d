"""Batch normalization: the batch measured in one pass, then normalised, and the way back in two.

A piece of a batch is rows of `period` numbers, one after the other; the last may be cut short. The
period is a whole number of pixels, as many as make whole vectors where a pixel's channels do not,
so it has `period` columns, each of which belongs to one channel.

Sums of many numbers are added up in blocks of rows, each in the arrays' own type, and the blocks in
float64. A block's deviations are taken from its first row. That is one of its numbers, so little
cancels however far the mean is from zero, and blocks are joined as in the reference: n numbers with
the mean a and m more with the mean b have n * m / (n + m) * (a - b)**2 more in their sum of squares
than both have by themselves.

Reference: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
variances", 1979.
"""

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
    mul,
    store,
    store_some,
    sub,
    where_beats,
)

BLOCK = 2**12  # bytes: with two arrays more, well inside the first cache
LEAST_ROWS = 16  # of a block


@kernel
def next_block(a: Any, first: int, period: int) -> Any:
    """Return (how many rows, how long) begin at `first`: whole ones, or last the one cut short."""
    left = a.size - first
    if left < period:
        return np.int64(1), left
    return min(left // period, max(LEAST_ROWS, BLOCK // a.itemsize // period)), period


@kernel
def moments(mean: Any, squares: Any, x: Any, room: Any) -> None:
    """mean, squares = of each column of x the mean and the sum of squared deviations from it.

    With what follows it in engine/normalization.py it equals BatchNormalization.moments.

    mean, squares: float64, as many as a row has numbers. room: three rows of x's type.
    """
    period = mean.size
    width = VECTOR_BYTES // x.itemsize
    zero = fill(x, 0)
    mean[:] = 0
    squares[:] = 0
    first = 0
    while first < x.size:
        n, length = next_block(x, first, period)
        for j in range(0, length, width):
            lanes, start = length - j, first + j
            sum_ = square = zero
            if lanes >= width:
                one = load(x, start)
                for at in range(start + period, start + n * period, period):
                    apart = sub(load(x, at), one)
                    sum_, square = add(sum_, apart), fma(apart, apart, square)
            else:
                one = load_some(x, start, lanes)
                for at in range(start + period, start + n * period, period):
                    apart = sub(load_some(x, at, lanes), one)
                    sum_, square = add(sum_, apart), fma(apart, apart, square)
            store_some(room, j, one, lanes)
            store_some(room, period + j, sum_, lanes)
            store_some(room, 2 * period + j, square, lanes)
        before = first // period  # rows
        part, both = n / (before + n), n * before / (before + n)
        for j in range(length):
            more = room[period + j] / np.float64(n)  # the block's mean, from its first row
            away = room[j] + more - mean[j]
            mean[j] += away * part
            squares[j] += room[2 * period + j] - more * more * n + away * away * both
        first += n * length


@kernel
def normalized(v: Any, mean: Any, factor: Any, shift: Any, zero: Any, relu: bool) -> Any:
    """(v - mean) * factor + shift, or the maximum of that and 0."""
    v = fma(sub(v, mean), factor, shift)
    if relu:
        v = where_beats(v, zero, v, zero)
    return v


@kernel
def normalize(y: Any, x: Any, columns: Any, relu: bool) -> None:
    """y = (x - mean) * factor + shift, and with `relu` the maximum of that and 0.

    Equals BatchNormalization.forward, and ReLU.forward after it.

    columns: (3, period): mean, gamma / std and beta of each column. y may be x itself.
    """
    period = columns.shape[1]
    width = VECTOR_BYTES // x.itemsize
    zero = fill(x, 0)
    first = 0
    while first < x.size:
        n, length = next_block(x, first, period)
        for j in range(0, length, width):
            lanes, start = length - j, first + j
            mean = load_some(columns[0], j, lanes)
            factor = load_some(columns[1], j, lanes)
            shift = load_some(columns[2], j, lanes)
            if lanes >= width:
                for at in range(start, start + n * period, period):
                    store(y, at, normalized(load(x, at), mean, factor, shift, zero, relu))
            else:
                for at in range(start, start + n * period, period):
                    v = load_some(x, at, lanes)
                    store_some(y, at, normalized(v, mean, factor, shift, zero, relu), lanes)
        first += n * length


@kernel
def alive(g: Any, apart: Any, factor: Any, shift: Any, zero: Any, relu: bool) -> Any:
    """g where y > 0, or everywhere without `relu`. To make y anew is less work than to read it."""
    if relu:
        g = where_beats(fma(apart, factor, shift), zero, g, zero)
    return g


@kernel
def normalize_sums(sums: Any, dy: Any, x: Any, columns: Any, relu: bool, room: Any) -> None:
    """sums = of each column the sum of dz and that of dz * (x - mean).

    dz is dy where y > 0 with `relu`, and dy without: dbeta, and dgamma times std, of
    BatchNormalization.backward after ReLU.backward.

    sums: (2, period), float64. columns: as in `normalize`. room: two rows of x's type.
    """
    period = columns.shape[1]
    width = VECTOR_BYTES // x.itemsize
    zero = fill(x, 0)
    sums[:] = 0
    first = 0
    while first < x.size:
        n, length = next_block(x, first, period)
        for j in range(0, length, width):
            lanes, start = length - j, first + j
            mean = load_some(columns[0], j, lanes)
            factor = load_some(columns[1], j, lanes)
            shift = load_some(columns[2], j, lanes)
            one = other = zero
            if lanes >= width:
                for at in range(start, start + n * period, period):
                    apart = sub(load(x, at), mean)
                    g = alive(load(dy, at), apart, factor, shift, zero, relu)
                    one, other = add(one, g), fma(g, apart, other)
            else:
                for at in range(start, start + n * period, period):
                    apart = sub(load_some(x, at, lanes), mean)
                    g = alive(load_some(dy, at, lanes), apart, factor, shift, zero, relu)
                    one, other = add(one, g), fma(g, apart, other)
            store_some(room, j, one, lanes)
            store_some(room, period + j, other, lanes)
        for j in range(length):
            sums[0, j] += room[j]
            sums[1, j] += room[period + j]
        first += n * length


@kernel
def normalize_backward(dx: Any, dy: Any, x: Any, columns: Any, relu: bool) -> None:
    """dx = (dz - offset - (x - mean) * slope) * factor: BatchNormalization.backward.

    dz: as in `normalize_sums`. columns: (5, period): those of `normalize`, then the mean of dz and
    that of dz * x_hat divided by std, both 0 where the batch was not measured. dx may be dy itself.
    """
    period = columns.shape[1]
    width = VECTOR_BYTES // x.itemsize
    zero = fill(x, 0)
    first = 0
    while first < x.size:
        n, length = next_block(x, first, period)
        for j in range(0, length, width):
            lanes, start = length - j, first + j
            mean = load_some(columns[0], j, lanes)
            factor = load_some(columns[1], j, lanes)
            shift = load_some(columns[2], j, lanes)
            offset = load_some(columns[3], j, lanes)
            slope = load_some(columns[4], j, lanes)
            if lanes >= width:
                for at in range(start, start + n * period, period):
                    apart = sub(load(x, at), mean)
                    g = alive(load(dy, at), apart, factor, shift, zero, relu)
                    store(dx, at, mul(sub(sub(g, offset), mul(apart, slope)), factor))
            else:
                for at in range(start, start + n * period, period):
                    apart = sub(load_some(x, at, lanes), mean)
                    g = alive(load_some(dy, at, lanes), apart, factor, shift, zero, relu)
                    g = mul(sub(sub(g, offset), mul(apart, slope)), factor)
                    store_some(dx, at, g, lanes)
        first += n * length
