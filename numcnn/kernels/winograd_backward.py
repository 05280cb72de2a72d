"""The gradients of Winograd's convolution: every step of `winograd.py`, transposed.

There y = A' M A with M = U * V, U = G w G' and V = B' d B. Each of these is linear, so backward
needs no more than the transposes. With dz of a tile's 4x4 outputs,

    Z = A dz A'                      dz at the 36 points
    dU = sum over tiles of V' Z      36 small matrix products, over tiles
    dV = Z U'                        and over filters
    dw = G' dU G                     once per piece of the batch
    dx += B dV B'                    patches overlap by 2, so they are added up

The point (1, 1) of Z is the plain sum of dz, so db comes with it. With pooling, dz is read off dy
and the codes; it is never written in full size.
"""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import (
    ROWS,
    VECTOR_BYTES,
    add,
    fill,
    fma_rows,
    load,
    load_codes,
    load_rows,
    offsets,
    repeat,
    scale_add,
    store,
    store_rows,
    sub,
    where_beats,
    where_equal,
)
from numcnn.kernels.winograd import TILES, points_of_patch


@kernel
def filter_of_points(u0: Any, u1: Any, u2: Any, u3: Any, u4: Any, u5: Any) -> Any:
    """G' times a column of six."""
    zero = sub(u0, u0)
    near, far, odd = add(u1, u2), add(u3, u4), sub(u2, u1)
    half = scale_add(near, -1 / 6, zero)
    return (
        scale_add(u0, 1 / 4, scale_add(far, 1 / 24, half)),
        scale_add(odd, 1 / 6, scale_add(sub(u3, u4), 1 / 12, zero)),
        add(u5, scale_add(far, 1 / 6, half)),
    )


@kernel
def patch_of_points(v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any) -> Any:
    """B times a column of six."""
    zero = sub(v0, v0)
    s, d, t, e = add(v1, v2), sub(v1, v2), add(v3, v4), sub(v3, v4)
    return (
        scale_add(v0, 4.0, zero),
        scale_add(d, -4.0, scale_add(e, -2.0, scale_add(v5, 4.0, zero))),
        scale_add(v0, -5.0, scale_add(s, -4.0, sub(zero, t))),
        scale_add(v5, -5.0, scale_add(e, 2.0, d)),
        add(v0, add(s, t)),
        v5,
    )


@kernel
def gradient_points(z0: Any, z1: Any, z2: Any, z3: Any) -> Any:
    """A times a column of four."""
    zero = sub(z0, z0)
    even, odd = add(z0, z2), add(z1, z3)
    far, odd_far = scale_add(z2, 4.0, z0), scale_add(z3, 8.0, scale_add(z1, 2.0, zero))
    return (z0, add(even, odd), sub(even, odd), add(far, odd_far), sub(far, odd_far), z3)


@kernel
def winograd_dw(dw: Any, du: Any, n_c: int, n_f: int, scratch: Any) -> None:
    """dw = G' dU G, (3, 3, C, F), from du[point, c, f]; du may have more c than C."""
    width = VECTOR_BYTES // dw.itemsize
    point = du.size // 36
    for at in range(0, n_c * n_f, width):
        for j in range(6):
            i = j * point + at
            column = filter_of_points(
                load(du, i), load(du, i + 6 * point), load(du, i + 12 * point),
                load(du, i + 18 * point), load(du, i + 24 * point), load(du, i + 30 * point),
            )  # fmt: skip
            for k in range(3):
                store(scratch, (k * 6 + j) * width, column[k])
        for k in range(3):
            i = k * 6 * width
            row = filter_of_points(
                load(scratch, i), load(scratch, i + width), load(scratch, i + 2 * width),
                load(scratch, i + 3 * width), load(scratch, i + 4 * width),
                load(scratch, i + 5 * width),
            )  # fmt: skip
            for j in range(3):
                store(dw, (k * 3 + j) * n_c * n_f + at, row[j])


@kernel
def gradients_of_tile(
    tmp: Any, dy: Any, y: Any, codes: Any, at: int, y_row: int, n_f: int, relu: bool, pool: bool,
    skip_y: int, skip_x: int,
) -> None:  # fmt: skip
    """dz of a tile's 4x4 outputs, one vector of filters, to tmp[0] to tmp[15].

    skip_y, skip_x: rows and columns that the tile before has done, where the last one overlaps it.
    """
    width = VECTOR_BYTES // dy.itemsize
    zero = fill(dy, 0)
    if pool:
        for a in range(2):
            for j in range(2):
                i = at + a * y_row + j * n_f
                code, g = load_codes(codes, i, dy), load(dy, i)
                first = (8 * a + 2 * j) * width
                store(tmp, first, where_equal(code, zero, g, zero))
                store(tmp, first + width, where_equal(code, fill(dy, 1), g, zero))
                store(tmp, first + 4 * width, where_equal(code, fill(dy, 2), g, zero))
                store(tmp, first + 5 * width, where_equal(code, fill(dy, 3), g, zero))
    else:
        for a in range(4):
            for j in range(4):
                i = at + a * y_row + j * n_f
                g = load(dy, i)
                if relu:
                    g = where_beats(load(y, i), zero, g, zero)
                store(tmp, (4 * a + j) * width, g)
    if skip_y + skip_x > 0:
        for a in range(4):
            for j in range(4):
                if a < skip_y or j < skip_x:
                    store(tmp, (4 * a + j) * width, zero)


@kernel
def points_of_gradients(z: Any, to: int, point: int, tmp: Any) -> None:
    """Z = A dz A' of the 4x4 vectors at tmp[0]; point k: z[to + k * point]."""
    width = VECTOR_BYTES // z.itemsize
    for j in range(4):
        i = j * width
        column = gradient_points(
            load(tmp, i), load(tmp, i + 4 * width), load(tmp, i + 8 * width),
            load(tmp, i + 12 * width),
        )  # fmt: skip
        for k in range(6):
            store(tmp, (16 + k * 4 + j) * width, column[k])
    for k in range(6):
        i = (16 + k * 4) * width
        row = gradient_points(
            load(tmp, i), load(tmp, i + width), load(tmp, i + 2 * width), load(tmp, i + 3 * width)
        )
        for j in range(6):
            store(z, to + (k * 6 + j) * point, row[j])


@kernel
def add_patch(dx: Any, to: int, x_row: int, c: int, v: Any, at: int, point: int, tmp: Any) -> None:
    """dx[to] += B dV B', a 6x6 patch of one vector of channels; point k: v[at + k * point]."""
    width = VECTOR_BYTES // dx.itemsize
    for j in range(6):
        i = at + j * point
        column = patch_of_points(
            load(v, i), load(v, i + 6 * point), load(v, i + 12 * point), load(v, i + 18 * point),
            load(v, i + 24 * point), load(v, i + 30 * point),
        )  # fmt: skip
        for k in range(6):
            store(tmp, (k * 6 + j) * width, column[k])
    for k in range(6):
        i = k * 6 * width
        row = patch_of_points(
            load(tmp, i), load(tmp, i + width), load(tmp, i + 2 * width), load(tmp, i + 3 * width),
            load(tmp, i + 4 * width), load(tmp, i + 5 * width),
        )  # fmt: skip
        for j in range(6):
            pixel = to + k * x_row + j * c
            store(dx, pixel, add(load(dx, pixel), row[j]))


@kernel
def winograd_backward(
    dx: Any,
    du: Any,
    db: Any,
    dy: Any,
    y: Any,
    codes: Any,
    x: Any,
    u: Any,
    relu: bool,
    pool: bool,
    tiles_x: Any,
    tiles_y: Any,
    skips: Any,
    sizes: Any,
    part: Any,
    steps: Any,
    tables: Any,
    scratch: Any,
) -> None:
    """dx, dU and db from dy, for the convolution (and pooling) that `winograd` computes.

    Equals [MaxPool2D.backward, then] ReLU.backward, then Conv2D.backward, up to rounding, once
    `winograd_dw` has taken dU to dw.

    dx, du: where the sums go, or nothing, if nobody needs them. u: from the filters with channels
    and filters exchanged. skips[t]: rows, columns of tile t that belong to the tile before.
    tables: the two of `winograd`, and of each channel its place in V and in dU, with as many more
    as make whole blocks of ROWS (these sums are not used).
    The rest as in `winograd`.
    """
    n_c, n_f, x_row, y_row = sizes
    (s0, s1), (x_step, y_step), (rows_v, rows_z, channels, rows_u) = part, steps, tables
    width = VECTOR_BYTES // dy.itemsize
    zero = fill(dy, 0)
    point_v, point_z = n_c * TILES + width, n_f * TILES + width
    v, z = scratch[: 36 * point_v], scratch[36 * point_v : 36 * (point_v + point_z)]
    tmp = scratch[36 * (point_v + point_z) :]
    n_tiles, point_u = tiles_x.size, du.size // 36
    du[:] = 0
    db[:] = 0
    for g0 in range(s0 * n_tiles, s1 * n_tiles, TILES):
        count = min(TILES, s1 * n_tiles - g0)
        for i in range(count):
            s, t = (g0 + i) // n_tiles, (g0 + i) % n_tiles
            for f in range(0, n_f, width):
                at = s * y_step + tiles_y[t] + f
                gradients_of_tile(
                    tmp, dy, y, codes, at, y_row, n_f, relu, pool, skips[t, 0], skips[t, 1]
                )
                points_of_gradients(z, i * n_f + f, point_z, tmp)
                store(db, f, add(load(db, f), load(z, i * n_f + f + 7 * point_z)))
            if du.size > 0:
                for c in range(0, n_c, width):
                    at = s * x_step + tiles_x[t] + c
                    points_of_patch(v, i * n_c + c, point_v, x, at, x_row, n_c, tmp)
        for k in range(36):
            if du.size > 0:
                for c in range(0, n_c, ROWS):
                    r = offsets(channels, c, channels.size - 1, k * point_v, ROWS)
                    o = offsets(rows_u, c, rows_u.size - 1, k * point_u, ROWS)
                    for f in range(0, n_f, width):
                        block = load_rows(du, o, f)
                        for i in range(count):
                            gradients = load(z, k * point_z + i * n_f + f)
                            block = fma_rows(block, v, r, i * n_c, gradients)
                        store_rows(du, o, f, block)
            if dx.size > 0:
                for i in range(0, count, ROWS):
                    r = offsets(rows_z, i, count - 1, k * point_z, ROWS)
                    o = offsets(rows_v, i, TILES - 1, k * point_v, ROWS)
                    for q in range(n_c // width):
                        block = repeat(zero, ROWS)
                        panel = (k * n_c + q * width) * n_f
                        for f in range(n_f):
                            block = fma_rows(block, z, r, f, load(u, panel + f * width))
                        store_rows(v, o, q * width, block)
        if dx.size > 0:
            for i in range(count):
                s, t = (g0 + i) // n_tiles, (g0 + i) % n_tiles
                if t == 0:
                    dx[s * x_step : (s + 1) * x_step] = 0
                for c in range(0, n_c, width):
                    to = s * x_step + tiles_x[t] + c
                    add_patch(dx, to, x_row, n_c, v, i * n_c + c, point_v, tmp)
