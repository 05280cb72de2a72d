"""Convolutions of each channel by itself: no product of matrices, so loops of their own.

Where `matmul` spreads one number over a vector of filters, here a vector of channels meets the
vector of their filters at one tap. Pixels are n channels side by side, so whole vectors are read
and written whatever the window, stride and dilation: only the tables of offsets differ.

Order of summation: the taps in theirs, samples and windows upwards, whoever computes what.
"""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import (
    ROWS,
    VECTOR_BYTES,
    entry,
    fill,
    fma,
    fma_vectors,
    load,
    load_rows,
    load_some,
    offsets,
    relu_rows,
    repeat,
    store_rows,
    store_some,
    where_beats,
)

TAPS = 5  # whose sums are in registers together: the squares of 3, 5 and 7 leave at most one empty
STRIP = 64  # windows at a time, which stay in the first cache from one block of taps to the next


@kernel
def depthwise(
    y: Any,
    outs: Any,
    x: Any,
    rows: Any,
    taps: Any,
    w: Any,
    bias: Any,
    relu: bool,
    n: int,
    part: Any,
    steps: Any,
) -> None:
    """y[s, outs[m] + c] = act(bias[c] + sum over t of x[s, rows[m] + taps[t] + c] * w[t, c]).

    Equals DepthwiseConv2D.forward for one filter per channel, with rows the windows; and its dx,
    with rows the pixels of x, and y and x for dx and dz.

    n channels. bias: n numbers, or none. part: (first sample, last + 1). steps: (of y, of x) from
    one sample to the next. Where n is not whole vectors, the last one overlaps the one before.
    """
    (s0, s1), (y_step, x_step) = part, steps
    width = VECTOR_BYTES // y.itemsize
    zero = fill(y, 0)
    for s in range(s0, s1):
        for m in range(0, rows.size, ROWS):
            for j in range(0, n if n >= width else 0, width):
                c = min(j, n - width)
                o = offsets(outs, m, rows.size - 1, s * y_step + c, ROWS)
                r = offsets(rows, m, rows.size - 1, s * x_step + c, ROWS)
                block = repeat(load(bias, c) if bias.size > 0 else zero, ROWS)
                for t in range(taps.size):
                    block = fma_vectors(block, x, r, entry(taps, t), load(w, t * n + c))
                if relu:
                    block = relu_rows(block)
                store_rows(y, o, 0, block)  # beyond the last row the last one again
            if n < width:
                for k in range(m, min(m + ROWS, rows.size)):
                    sums = load_some(bias, 0, n) if bias.size > 0 else zero
                    for t in range(taps.size):
                        v = load_some(x, s * x_step + rows[k] + taps[t], n)
                        sums = fma(v, load_some(w, t * n, n), sums)
                    if relu:
                        sums = where_beats(sums, zero, sums, zero)
                    store_some(y, s * y_step + outs[k], sums, n)


@kernel
def depthwise_dw(
    dw: Any, places: Any, x: Any, rows: Any, taps: Any, dz: Any, outs: Any, n: int, part: Any,
    steps: Any,
) -> None:  # fmt: skip
    """dw[t, c] = sum over s and m of x[s, rows[m] + taps[t] + c] * dz[s, outs[m] + c].

    Equals dw of DepthwiseConv2D.backward for one filter per channel.

    places: the multiples of n, where in dw each tap's filters begin. n channels. part: (first
    sample, last + 1). steps: (of x, of dz) from one sample to the next.
    """
    (s0, s1), (x_step, z_step) = part, steps
    width = VECTOR_BYTES // dw.itemsize
    whole = n - n % width
    dw[:] = 0
    for s in range(s0, s1):
        for m0 in range(0, rows.size, STRIP):
            m1 = min(m0 + STRIP, rows.size)
            for c in range(0, whole, width):
                for t in range(0, taps.size, TAPS):
                    o = offsets(places, t, taps.size - 1, c, TAPS)
                    r = offsets(taps, t, taps.size - 1, s * x_step + c, TAPS)
                    block = load_rows(dw, o, 0)
                    for m in range(m0, m1):
                        g = load(dz, s * z_step + entry(outs, m) + c)
                        block = fma_vectors(block, x, r, entry(rows, m), g)
                    store_rows(dw, o, 0, block)
            lanes = n - whole
            if lanes > 0:
                for t in range(taps.size):
                    sums = load_some(dw, t * n + whole, lanes)
                    for m in range(m0, m1):
                        v = load_some(x, s * x_step + rows[m] + taps[t] + whole, lanes)
                        g = load_some(dz, s * z_step + outs[m] + whole, lanes)
                        sums = fma(v, g, sums)
                    store_some(dw, t * n + whole, sums, lanes)
