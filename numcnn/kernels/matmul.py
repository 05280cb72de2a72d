"""One matrix product for everything: convolutions and dense layers, forward and backward.

    c[m, :] (+)= sum over k of a[rows[m] + cols[k]] * b[k, :]

`rows` and `cols` say where in `a` the number of row m and column k stands, so that the matrix is
never built. With them the same loop is

    a convolution       rows: the first pixel of each window   cols: the taps and channels
                        (row m and column k of im2col's `cols`, which layers/conv2d.py multiplies)
    its dw              rows: the taps and channels            cols: the windows
    its dx              rows: the pixels of x                  cols: the taps, in dz
    a dense layer       rows: the samples                      cols: the inputs
    its dw              rows: the inputs                       cols: the samples

ROWS rows of c times one vector of columns are summed up in registers, over as many k as fit into
the first cache. Order of summation: k upwards, so the result does not depend on who computes what.
"""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import (
    ROWS,
    VECTOR_BYTES,
    add_row,
    entry,
    fill,
    fma_half_rows,
    fma_rows,
    load,
    load_rows,
    load_some,
    load_some_rows,
    offsets,
    relu_rows,
    repeat,
    store,
    store_rows,
    store_some_rows,
    transpose,
)

DEPTH = 256  # numbers of k at a time: a panel of b is then 16 KB
GROUP = 8  # panels at a time: 128 KB of scratch


@kernel
def pack(
    panels: Any, b: Any, first: int, n_k: int, row: int, col: int, n: int, q0: int, q1: int
) -> None:
    """Lay n_k rows of b out as panels of one vector's width, zeros after the last column.

    panels[q, k, j] = b[first + k * row + (q * width + j) * col]
    """
    width = VECTOR_BYTES // panels.itemsize
    for q in range(q0, q1):
        to = (q - q0) * n_k * width
        lanes = min(width, n - q * width)
        at = first + q * width * col
        if col == 1 and lanes == width:
            for k in range(n_k):
                store(panels, to + k * width, load(b, at + k * row))
        elif col == 1:
            for k in range(n_k):
                store(panels, to + k * width, load_some(b, at + k * row, lanes))
        else:
            turned = 0
            if row == 1 and lanes == width:  # b stands on its side
                turned = n_k - n_k % width
                for k in range(0, turned, width):
                    transpose(panels, to + k * width, b, at + k, col)
            for j in range(lanes):
                for k in range(turned, n_k):
                    panels[to + k * width + j] = b[at + k * row + j * col]
            for j in range(lanes, width):
                for k in range(n_k):
                    panels[to + k * width + j] = 0


@kernel
def matmul(
    c: Any,
    outs: Any,
    a: Any,
    rows: Any,
    cols: Any,
    b: Any,
    b_row: int,
    b_col: int,
    bias: Any,
    relu: bool,
    n: int,
    part: Any,
    steps: Any,
    scratch: Any,
) -> None:
    """c[s, outs[m] + j] = act(bias[j] + sum over k of a[s, rows[m] + cols[k]] * b[s, k, j]).

    part: (first sample, last + 1, first row, last + 1, first panel of columns, last + 1).
    steps: (of a, of b, of c) from one sample to the next. Where c's is 0, the samples are summed.
    bias: n numbers, or none. scratch: GROUP * DEPTH vectors. Where b changes with every sample and
    its rows are whole vectors, it is read where it stands instead of being packed; samples that are
    summed are then taken together, while their numbers fit into the first cache.
    """
    s0, s1, m0, m1, first_panel, end_panel = part
    a_step, b_step, c_step = steps
    width = VECTOR_BYTES // c.itemsize
    zero = fill(c, 0)
    direct = b_step > 0 and b_col == 1 and n % width == 0
    for q0 in range(first_panel, end_panel, GROUP):
        q1 = min(q0 + GROUP, end_panel)
        for k0 in range(0, cols.size, DEPTH):
            depth = min(DEPTH, cols.size - k0)
            last = k0 + depth == cols.size
            together = max(1, DEPTH // depth) if direct and c_step == 0 else 1
            for s in range(s0, s1, together):
                if not direct and (s == s0 or b_step > 0):
                    at = s * b_step + k0 * b_row
                    pack(scratch, b, at, depth, b_row, b_col, n, q0, q1)
                fresh = k0 == 0 and (c_step > 0 or s == s0)
                for m in range(m0, m1, ROWS):
                    for q in range(q0, q1):
                        o = offsets(outs, m, m1 - 1, s * c_step + q * width, ROWS)
                        lanes = n - q * width
                        if fresh:
                            block = repeat(zero, ROWS)
                        elif lanes >= width:
                            block = load_rows(c, o, 0)
                        else:
                            block = load_some_rows(c, o, lanes)
                        for t in range(s, min(s + together, s1)):
                            r = offsets(rows, m, m1 - 1, t * a_step, ROWS)
                            if direct:
                                panels, panel, row = b, t * b_step + k0 * b_row + q * width, b_row
                            else:
                                panels, panel, row = scratch, (q - q0) * depth * width, width
                            if lanes > width // 2:
                                for k in range(depth):
                                    v = load(panels, panel + k * row)
                                    block = fma_rows(block, a, r, entry(cols, k0 + k), v)
                            else:
                                for k in range(depth):
                                    v = load(panels, panel + k * row)
                                    block = fma_half_rows(block, a, r, entry(cols, k0 + k), v)
                        if last and bias.size > 0:
                            block = add_row(block, load_some(bias, q * width, lanes))
                        if last and relu:
                            block = relu_rows(block)
                        if lanes >= width and m1 - m >= ROWS:
                            store_rows(c, o, 0, block)
                        else:
                            store_some_rows(c, o, 0, block, m1 - m, lanes)
