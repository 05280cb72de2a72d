"""Max-pooling: alone, and fused with the convolution before it.

The code of an output is the position 0 to 3 of the winner in its 2x2 window, and 4 where ReLU let
nothing through. It is all that backward needs, in one byte instead of four pixels of float.
"""

from typing import Any

import numpy as np

from numcnn.kernels.compile import kernel
from numcnn.kernels.matmul import pack
from numcnn.kernels.simd import (
    VECTOR_BYTES,
    add,
    add_row,
    entry,
    fill,
    fma_rows,
    load,
    load_codes,
    load_some,
    load_some_codes,
    offsets,
    repeat,
    store,
    store_codes,
    store_some,
    store_some_codes,
    where_beats,
    where_equal,
)

DEAD = 4  # the code of an output whose gradient goes nowhere


@kernel
def matmul_pool(
    y: Any,
    codes: Any,
    x: Any,
    rows: Any,
    cols: Any,
    w: Any,
    bias: Any,
    relu: bool,
    part: Any,
    steps: Any,
    scratch: Any,
) -> None:
    """y = max over each window of act(convolution); codes say which pixel it was.

    Equals Conv2D.forward followed by MaxPool2D.forward for 2x2 windows.

    rows[4 * i + t] is where in x the pixel t of window i begins; cols as in `matmul`.
    bias: one number per column. part: (first sample, last + 1). steps: (of x, of y).
    """
    n = bias.size
    width = VECTOR_BYTES // y.itemsize
    panels = n // width
    (s0, s1), (x_step, y_step) = part, steps
    zero, one, two = fill(y, 0), fill(y, 1), fill(y, 2)
    three, dead = fill(y, 3), fill(y, DEAD)
    none, next_ = np.int64(0), np.int64(1)  # for a literal Numba would compile `pack` once more
    pack(scratch, w, none, cols.size, n, next_, n, none, panels)
    for s in range(s0, s1):
        for i in range(rows.size // 4):
            r = offsets(rows, 4 * i, 4 * i + 3, s * x_step, 4)
            for q in range(panels):
                block = repeat(zero, 4)
                panel = q * cols.size * width
                for k in range(cols.size):
                    v = load(scratch, panel + k * width)
                    block = fma_rows(block, x, r, entry(cols, k), v)
                block = add_row(block, load(bias, q * width))
                best = block[0]
                code = where_beats(block[1], best, one, zero)
                best = where_beats(block[1], best, block[1], best)
                code = where_beats(block[2], best, two, code)
                best = where_beats(block[2], best, block[2], best)
                code = where_beats(block[3], best, three, code)
                best = where_beats(block[3], best, block[3], best)
                if relu:
                    code = where_beats(best, zero, code, dead)
                    best = where_beats(best, zero, best, zero)
                at = s * y_step + i * n + q * width
                store(y, at, best)
                store_codes(codes, at, code)


@kernel
def unpool(dz: Any, dy: Any, codes: Any, pixels: Any, n: int, part: Any, steps: Any) -> None:
    """dz = dy at each window's winner, zero elsewhere: MaxPool2D.backward, then ReLU's.

    pixels[4 * i + t] is where in dz the pixel t of window i begins. n channels, whole vectors.
    part: (first sample, last + 1). steps: (of dz, of dy) from one sample to the next.
    """
    width = VECTOR_BYTES // dz.itemsize
    zero = fill(dz, 0)
    (s0, s1), (z_step, y_step) = part, steps
    for s in range(s0, s1):
        for i in range(pixels.size // 4):
            at, to = s * y_step + i * n, s * z_step
            for j in range(0, n, width):
                code, g = load_codes(codes, at + j, dz), load(dy, at + j)
                for t in range(4):
                    store(dz, to + pixels[4 * i + t] + j, where_equal(code, fill(dz, t), g, zero))


@kernel
def pool(
    y: Any, winners: Any, x: Any, starts: Any, taps: Any, n: int, part: Any, steps: Any
) -> None:
    """y = max over each window of x; winners = the number of the pixel that it was.

    Equals MaxPool2D.forward for windows of up to 256 pixels, with the same rules: the first maximum
    wins, and NaN counts as greater than any number.

    The window i has the pixels taps[starts[i]] to taps[starts[i + 1] - 1], in reading order, which
    say where in a sample each begins; pixels outside the image are left out. n channels.
    part: (first sample, last + 1). steps: (of x, of y) from one sample to the next.
    """
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // y.itemsize
    zero = fill(y, 0)
    for s in range(s0, s1):
        for i in range(starts.size - 1):
            first, end = starts[i], starts[i + 1]
            to = s * y_step + i * n
            for j in range(0, n - width + 1, width):
                at = s * x_step + j
                best, code = load(x, at + taps[first]), zero
                for t in range(first + 1, end):
                    v = load(x, at + taps[t])
                    code = where_beats(v, best, fill(y, t - first), code)
                    best = where_beats(v, best, v, best)
                store(y, to + j, best)
                store_codes(winners, to + j, code)
            lanes = n % width
            if lanes > 0:
                at = s * x_step + n - lanes
                best, code = load_some(x, at + taps[first], lanes), zero
                for t in range(first + 1, end):
                    v = load_some(x, at + taps[t], lanes)
                    code = where_beats(v, best, fill(y, t - first), code)
                    best = where_beats(v, best, v, best)
                store_some(y, to + n - lanes, best, lanes)
                store_some_codes(winners, to + n - lanes, code, lanes)


@kernel
def pool_backward(
    dx: Any,
    dy: Any,
    winners: Any,
    starts: Any,
    taps: Any,
    n: int,
    apart: bool,
    gaps: bool,
    part: Any,
    steps: Any,
) -> None:
    """dx = sum of dy at the winners: MaxPool2D.backward.

    apart: no pixel is in two windows; gaps: some are in none. starts, taps, n: as in `pool`.
    part: (first sample, last + 1). steps: (of dx, of dy) from one sample to the next.
    """
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // dx.itemsize
    zero = fill(dx, 0)
    for s in range(s0, s1):
        if gaps or not apart:
            dx[s * x_step : (s + 1) * x_step] = 0
        for i in range(starts.size - 1):
            first = starts[i]
            at = s * y_step + i * n
            for j in range(0, n - width + 1, width):
                g, code = load(dy, at + j), load_codes(winners, at + j, dx)
                for t in range(first, starts[i + 1]):
                    to = s * x_step + taps[t] + j
                    share = where_equal(code, fill(dx, t - first), g, zero)
                    if not apart:
                        share = add(load(dx, to), share)
                    store(dx, to, share)
            lanes = n % width
            if lanes > 0:
                j = n - lanes
                g = load_some(dy, at + j, lanes)
                code = load_some_codes(winners, at + j, dx, lanes)
                for t in range(first, starts[i + 1]):
                    to = s * x_step + taps[t] + j
                    share = where_equal(code, fill(dx, t - first), g, zero)
                    if not apart:
                        share = add(load_some(dx, to, lanes), share)
                    store_some(dx, to, share, lanes)
