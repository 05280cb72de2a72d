"""Winograd's convolution: a 3x3 filter on 4x4 outputs with 36 products instead of 144.

Two polynomials of degree 3 and 2 can be multiplied by evaluating both at 6 points, multiplying the
6 pairs and interpolating. A correlation is the transpose of that, and in two dimensions it is done
to rows and then to columns (F(4x4, 3x3) in the reference):

    U = G w G'          the filter at 6x6 points           once per batch
    V = B' d B          a 6x6 patch of x likewise          d overlaps its neighbours by 2
    M = sum over c of U * V                                36 small matrix products over channels
    y = A' M A          back to 4x4 outputs

The points are 0, 1, -1, 2, -2 and infinity. Sums of terms as large as 8 times the result cost
accuracy: with unit-variance x and w and 32 channels the largest error is about ten times that of
the direct sum, some 1e-5 of the outputs' size. `compile(exact=True)` does without.

Where a whole 3x3 patch of x is zero, such as in a picture's black border, the direct sum is exactly
the bias, and with a bias of 0 ReLU lets no gradient through. Here rounding would make it some 1e-7
and open ReLU at random. So with `relu` an output that cannot be told from 0 is 0: one below LEAST
times the norm of the 36 products (the largest error seen for zero patches is 1e-6 times that).

`winograd_backward.py` has the way back.

Reference: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
"""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.pooling import DEAD
from numcnn.kernels.simd import (
    ROWS,
    VECTOR_BYTES,
    add,
    fill,
    fma,
    fma_rows,
    load,
    offsets,
    repeat,
    scale_add,
    sqrt,
    store,
    store_codes,
    store_rows,
    sub,
    where_beats,
)

LEAST = 1.5e-6
TILES = 12  # tiles at a time: with 32 channels, their 36 points fit into the second cache


@kernel
def filter_points(w0: Any, w1: Any, w2: Any) -> Any:
    """G times a column of three."""
    zero = sub(w0, w0)
    even = scale_add(w0, -1 / 6, scale_add(w2, -1 / 6, zero))
    near = scale_add(w0, 1 / 24, scale_add(w2, 1 / 6, zero))
    return (
        scale_add(w0, 0.25, zero),
        scale_add(w1, -1 / 6, even),
        scale_add(w1, 1 / 6, even),
        scale_add(w1, 1 / 12, near),
        scale_add(w1, -1 / 12, near),
        w2,
    )


@kernel
def input_points(d0: Any, d1: Any, d2: Any, d3: Any, d4: Any, d5: Any) -> Any:
    """B' times a column of six."""
    p, q = scale_add(d2, -4.0, d4), scale_add(d1, -4.0, d3)
    r, s = sub(d4, d2), sub(d3, d1)
    return (
        scale_add(d0, 4.0, scale_add(d2, -5.0, d4)),
        add(p, q),
        sub(p, q),
        scale_add(s, 2.0, r),
        scale_add(s, -2.0, r),
        scale_add(d1, 4.0, scale_add(d3, -5.0, d5)),
    )


@kernel
def output_points(m0: Any, m1: Any, m2: Any, m3: Any, m4: Any, m5: Any) -> Any:
    """A' times a column of six."""
    s, d, t, e = add(m1, m2), sub(m1, m2), add(m3, m4), sub(m3, m4)
    return (
        add(add(m0, s), t),
        scale_add(e, 2.0, d),
        scale_add(t, 4.0, s),
        scale_add(e, 8.0, add(d, m5)),
    )


@kernel
def winograd_filters(u: Any, w: Any, n_c: int, n_f: int, scratch: Any) -> None:
    """U = G w G', as u[point, panel of columns, c, lane], from w (3, 3, C, F)."""
    width = VECTOR_BYTES // u.itemsize
    point = n_c * n_f
    for c in range(n_c):
        for q in range(n_f // width):
            at = c * n_f + q * width
            for j in range(3):
                column = filter_points(
                    load(w, j * point + at),
                    load(w, (3 + j) * point + at),
                    load(w, (6 + j) * point + at),
                )
                for i in range(6):
                    store(scratch, (i * 3 + j) * width, column[i])
            for i in range(6):
                row = filter_points(
                    load(scratch, (i * 3) * width),
                    load(scratch, (i * 3 + 1) * width),
                    load(scratch, (i * 3 + 2) * width),
                )
                for j in range(6):
                    store(u, (i * 6 + j) * point + (q * n_c + c) * width, row[j])


@kernel
def points_of_patch(
    v: Any, to: int, point: int, x: Any, at: int, x_row: int, c: int, tmp: Any
) -> None:
    """V = B' d B of the 6x6 patch at x[at], one vector of channels; point k: v[to + k * point]."""
    width = VECTOR_BYTES // v.itemsize
    for j in range(6):
        i = at + j * c
        column = input_points(
            load(x, i), load(x, i + x_row), load(x, i + 2 * x_row), load(x, i + 3 * x_row),
            load(x, i + 4 * x_row), load(x, i + 5 * x_row),
        )  # fmt: skip
        for k in range(6):
            store(tmp, (k * 6 + j) * width, column[k])
    for k in range(6):
        i = k * 6 * width
        row = input_points(
            load(tmp, i), load(tmp, i + width), load(tmp, i + 2 * width), load(tmp, i + 3 * width),
            load(tmp, i + 4 * width), load(tmp, i + 5 * width),
        )  # fmt: skip
        for j in range(6):
            store(v, to + (k * 6 + j) * point, row[j])


@kernel
def outputs_of_tile(tmp: Any, m: Any, at: int, point: int, bias: Any) -> Any:
    """A' M A + bias: the 4x4 outputs of a tile, one vector of filters, to tmp[0] to tmp[15].

    Returns what an output must exceed to be told from 0.
    """
    width = VECTOR_BYTES // m.itemsize
    zero = fill(m, 0)
    squares = zero
    for j in range(6):
        i = at + j * point
        m0, m1, m2 = load(m, i), load(m, i + 6 * point), load(m, i + 12 * point)
        m3, m4, m5 = load(m, i + 18 * point), load(m, i + 24 * point), load(m, i + 30 * point)
        squares = fma(m0, m0, fma(m1, m1, fma(m2, m2, squares)))
        squares = fma(m3, m3, fma(m4, m4, fma(m5, m5, squares)))
        column = output_points(m0, m1, m2, m3, m4, m5)
        for k in range(4):
            store(tmp, (16 + k * 6 + j) * width, column[k])
    for k in range(4):
        i = (16 + k * 6) * width
        row = output_points(
            load(tmp, i), load(tmp, i + width), load(tmp, i + 2 * width), load(tmp, i + 3 * width),
            load(tmp, i + 4 * width), load(tmp, i + 5 * width),
        )  # fmt: skip
        for j in range(4):
            store(tmp, (k * 4 + j) * width, add(row[j], bias))
    least = scale_add(sqrt(squares), LEAST, zero)
    return where_beats(least, fill(m, 1e30), zero, least)  # no limit where the squares overflowed


@kernel
def winograd(
    y: Any,
    codes: Any,
    x: Any,
    u: Any,
    bias: Any,
    relu: bool,
    pool: bool,
    tiles_x: Any,
    tiles_y: Any,
    sizes: Any,
    part: Any,
    steps: Any,
    tables: Any,
    scratch: Any,
) -> None:
    """y = act(convolution of x with 3x3 filters), and its 2x2 maxima with `pool`.

    Equals Conv2D.forward [and MaxPool2D.forward], up to rounding.

    tiles_x, tiles_y: where each tile's 6x6 patch and its 4x4 outputs (2x2 maxima) begin.
    sizes: (channels, filters, numbers in a row of x, in a row of y).
    part: (first sample, last + 1). steps: (of x, of y). bias: one number per filter, or none.
    tables: multiples of (channels, filters), TILES each. scratch: (C + F) * TILES * 36 numbers and
    112 vectors.
    """
    n_c, n_f, x_row, y_row = sizes
    (s0, s1), (x_step, y_step), (rows_v, rows_m) = part, steps, tables
    width = VECTOR_BYTES // y.itemsize
    zero, one, two = fill(y, 0), fill(y, 1), fill(y, 2)
    three, dead = fill(y, 3), fill(y, DEAD)
    point_v, point_m = n_c * TILES + width, n_f * TILES + width  # odd, or few lines of the cache
    v, m = scratch[: 36 * point_v], scratch[36 * point_v : 36 * (point_v + point_m)]
    tmp = scratch[36 * (point_v + point_m) :]
    n_tiles = tiles_x.size
    for g0 in range(s0 * n_tiles, s1 * n_tiles, TILES):
        count = min(TILES, s1 * n_tiles - g0)
        for i in range(count):
            s, t = (g0 + i) // n_tiles, (g0 + i) % n_tiles
            for c in range(0, n_c, width):
                at = s * x_step + tiles_x[t] + c
                points_of_patch(v, i * n_c + c, point_v, x, at, x_row, n_c, tmp)
        for i in range(0, count, ROWS):
            r = offsets(rows_v, i, count - 1, 0, ROWS)
            o = offsets(rows_m, i, TILES - 1, 0, ROWS)
            for k in range(36):
                for q in range(n_f // width):
                    block = repeat(zero, ROWS)
                    panel = k * n_c * n_f + q * n_c * width
                    for c in range(n_c):
                        block = fma_rows(block, v, r, k * point_v + c, load(u, panel + c * width))
                    store_rows(m, o, k * point_m + q * width, block)
        for i in range(count):
            s, t = (g0 + i) // n_tiles, (g0 + i) % n_tiles
            for f in range(0, n_f, width):
                b = load(bias, f) if bias.size > 0 else zero
                least = outputs_of_tile(tmp, m, i * n_f + f, point_m, b)
                to = s * y_step + tiles_y[t] + f
                if not pool:
                    for a in range(4):
                        for j in range(4):
                            value = load(tmp, (4 * a + j) * width)
                            if relu:
                                value = where_beats(value, least, value, zero)
                            store(y, to + a * y_row + j * n_f, value)
                    continue
                for a in range(2):
                    for j in range(2):
                        first = (8 * a + 2 * j) * width
                        best, code = load(tmp, first), zero
                        right, below = load(tmp, first + width), load(tmp, first + 4 * width)
                        corner = load(tmp, first + 5 * width)
                        code = where_beats(right, best, one, code)
                        best = where_beats(right, best, right, best)
                        code = where_beats(below, best, two, code)
                        best = where_beats(below, best, below, best)
                        code = where_beats(corner, best, three, code)
                        best = where_beats(corner, best, corner, best)
                        if relu:
                            code = where_beats(best, least, code, dead)
                            best = where_beats(best, least, best, zero)
                        store(y, to + a * y_row + j * n_f, best)
                        store_codes(codes, to + a * y_row + j * n_f, code)
