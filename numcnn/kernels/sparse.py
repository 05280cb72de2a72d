"""Gradients of a convolution that was pooled: only what won has one.

Of the four pixels under a 2x2 window one has a gradient. So of the products that Conv2D.backward
sums up at most a quarter is not zero, and only those are computed here: the code of a window says
which of its pixels the gradient belongs to.
"""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.pooling import DEAD
from numcnn.kernels.simd import (
    ROWS,
    VECTOR_BYTES,
    add,
    entry,
    fill,
    fma_chosen,
    fma_vectors,
    load,
    load_codes,
    load_rows,
    offsets,
    splat,
    store,
    store_rows,
    store_some_rows,
    where_equal,
)

FIVE = 5  # rows at a time, since two registers hold the codes


@kernel
def living(g: Any, db: Any, dy: Any, codes: Any) -> None:
    """g = dy where ReLU let the output through, else 0; db = the sum of g for each filter."""
    width = VECTOR_BYTES // g.itemsize
    zero, dead = fill(g, 0), fill(g, DEAD)
    db[:] = 0
    for i in range(0, dy.size, db.size):
        for f in range(0, db.size, width):
            v = where_equal(load_codes(codes, i + f, g), dead, zero, load(dy, i + f))
            store(g, i + f, v)
            store(db, f, add(load(db, f), v))


@kernel
def sparse_dw(
    dw: Any, g: Any, codes: Any, x: Any, rows: Any, patch: Any, places: Any, part: Any, steps: Any,
    n_f: int, strip: int,
) -> None:  # fmt: skip
    """dw[f, k] = sum over windows of g * x under tap k: Conv2D.backward's dw.

    dw: (F, K), where layers/conv2d.py has (K, F). rows: as in `matmul_pool`. patch: where in x,
    from a window's first pixel, each vector of a filter's taps stands; places: where in dw.
    part: (first sample, last + 1). steps: (of x, of g). strip: windows at a time, so that their
    part of x stays in the first cache.
    """
    windows, n_k = rows.size // 4, dw.size // n_f
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // dw.itemsize
    dw[:] = 0
    for s in range(s0, s1):
        for i0 in range(0, windows, strip):
            i1 = min(i0 + strip, windows)
            for f in range(n_f):
                for p in range(0, patch.size, ROWS):
                    x_at = offsets(patch, p, patch.size - 1, s * x_step, ROWS)
                    w_at = offsets(places, p, patch.size - 1, f * n_k, ROWS)
                    block = load_rows(dw, w_at, 0)
                    for i in range(i0, i1):
                        at = s * y_step + i * n_f + f
                        pixel = entry(rows, 4 * i + (entry(codes, at) & 3))
                        block = fma_vectors(block, x, x_at, pixel, splat(g, at))
                    if patch.size - p >= ROWS:
                        store_rows(dw, w_at, 0, block)
                    else:
                        store_some_rows(dw, w_at, 0, block, patch.size - p, width)


@kernel
def pooled_dw(
    dw: Any, db: Any, dy: Any, codes: Any, x: Any, rows: Any, taps: Any, places: Any, part: Any,
    steps: Any, n_f: int, quads: Any,
) -> None:  # fmt: skip
    """dw[k, f] = sum over windows of dz * x under tap k, and db: Conv2D.backward, few channels.

    Lanes are filters, and each has another winner. So for each number of x the four that the four
    pixels of a window would take in its place are laid side by side, in `quads`; a winner's code
    then says which of the four a lane multiplies.

    dw: (K, F), F whole vectors. taps: for each tap where in quads it stands, from a window's first
    pixel; places: where in dw. quads: room for four samples of x. The rest as in `sparse_dw`.
    """
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // dw.itemsize
    zero, dead = fill(dw, 0), fill(dw, DEAD)
    dw[:] = 0
    db[:] = 0
    for s in range(s0, s1):
        start, end = s * x_step - rows[0], (s + 1) * x_step
        here, right = x[start + rows[0] : end], x[start + rows[1] : end]
        below, corner = x[start + rows[2] : end], x[start + rows[3] : end]
        for j in range(corner.size):
            quads[4 * j] = here[j]
            quads[4 * j + 1] = right[j]
            quads[4 * j + 2] = below[j]
            quads[4 * j + 3] = corner[j]
        for f in range(0, n_f, width):
            for p in range(0, taps.size, FIVE):
                at_tap = offsets(taps, p, taps.size - 1, 0, FIVE)
                w_at = offsets(places, p, places.size - 1, f, FIVE)
                block, total = load_rows(dw, w_at, 0), load(db, f)
                for i in range(rows.size // 4):
                    at = s * y_step + i * n_f + f
                    code = load_codes(codes, at, dw)
                    dz = where_equal(code, dead, zero, load(dy, at))
                    total = add(total, dz)
                    block = fma_chosen(block, quads, at_tap, 4 * entry(rows, 4 * i), code, dz)
                store_some_rows(dw, w_at, 0, block, taps.size - p, width)
                if p == 0:
                    store(db, f, total)


@kernel
def sparse_dx(
    dx: Any,
    dy: Any,
    codes: Any,
    w: Any,
    rows: Any,
    patch: Any,
    places: Any,
    part: Any,
    steps: Any,
    where: Any,
    values: Any,
    filters: Any,
) -> None:
    """dx = each dz, times its filter, added up under the filter's window: Conv2D.backward's dx.

    w: (F, K). rows, patch, places, part, steps: as in `sparse_dw`. where, values, filters: room for
    a list of F + 1 entries.
    """
    n_f, windows = filters.size - 1, rows.size // 4
    n_k = w.size // n_f
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // dx.itemsize
    for s in range(s0, s1):
        dx[s * x_step : (s + 1) * x_step] = 0
        for i in range(windows):
            n = 0
            at = s * y_step + i * n_f
            for f in range(n_f):
                code = codes[at + f]
                where[n] = s * x_step + rows[4 * i + (code & 3)]
                values[n] = dy[at + f]
                filters[n] = f * n_k
                n += 1 if code < 4 else 0
            for p in range(0, patch.size, ROWS):
                x_at = offsets(patch, p, patch.size - 1, 0, ROWS)
                w_at = offsets(places, p, patch.size - 1, 0, ROWS)
                for e in range(n):
                    block = load_rows(dx, x_at, where[e])
                    block = fma_vectors(block, w, w_at, filters[e], splat(values, e))
                    if patch.size - p >= ROWS:
                        store_rows(dx, x_at, where[e], block)
                    else:
                        store_some_rows(dx, x_at, where[e], block, patch.size - p, width)
