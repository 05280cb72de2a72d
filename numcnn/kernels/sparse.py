"""Gradients of a convolution that was pooled: only what won has one.

Of the four pixels under a 2x2 window one has a gradient, and none where ReLU let nothing through.
So of the products that Conv2D.backward sums up at most a quarter is not zero. Here only those are
computed: a list of the living gradients is made, then each adds its share.
"""

from typing import Any

import numpy as np

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import (
    ROWS,
    VECTOR_BYTES,
    fma_vectors,
    load_rows,
    offsets,
    splat,
    store_rows,
    store_some_rows,
)


@kernel
def sparse_dw(
    dw: Any,
    db: Any,
    dy: Any,
    codes: Any,
    x: Any,
    rows: Any,
    patch: Any,
    places: Any,
    part: Any,
    steps: Any,
    strip: int,
    where: Any,
    values: Any,
    counts: Any,
) -> None:
    """dw[f, k] = sum of dz * x under tap k, db[f] = sum of dz: Conv2D.backward's dw and db.

    dw: (F, K), where layers/conv2d.py has (K, F). rows: as in `matmul_pool`. patch: where in x,
    from a window's first pixel, each vector of a filter's taps stands; places: where in dw.
    part: (first sample, last + 1). steps: (of x, of dy). strip: windows at a time, so that their
    part of x stays in the first cache. where, values, counts: room for F lists of `strip` entries.
    """
    n_f, windows = db.size, rows.size // 4
    n_k = dw.size // n_f
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // dw.itemsize
    dw[:] = 0
    db[:] = 0
    for s in range(s0, s1):
        for i0 in range(0, windows, strip):
            i1 = min(i0 + strip, windows)
            at = s * y_step + i0 * n_f
            end = s * y_step + i1 * n_f
            list_living(
                where, values, counts, db, dy[at:end], codes[at:end], rows[4 * i0 : 4 * i1], strip
            )
            for f in range(n_f):
                for p in range(0, patch.size, ROWS):
                    x_at = offsets(patch, p, patch.size - 1, s * x_step, ROWS)
                    w_at = offsets(places, p, patch.size - 1, f * n_k, ROWS)
                    block = load_rows(dw, w_at, 0)
                    for e in range(f * strip, f * strip + counts[f]):
                        block = fma_vectors(block, x, x_at, where[e], splat(values, e))
                    if patch.size - p >= ROWS:
                        store_rows(dw, w_at, 0, block)
                    else:
                        store_some_rows(dw, w_at, 0, block, patch.size - p, width)


@kernel
def list_living(
    where: Any, values: Any, counts: Any, db: Any, dy: Any, codes: Any, rows: Any, strip: int
) -> None:
    """List, for each filter, the gradients that are alive and where in x their windows begin.

    Unsigned numbers, because Numba then leaves out the question whether an index is negative; and
    no branch, because the answer would be a coin's toss: the dead are written too, and overwritten.
    """
    n_f, one, two = np.uintp(db.size), np.uintp(1), np.uintp(2)
    three, room = np.uintp(3), np.uintp(strip)
    counts[:] = 0
    at = np.uintp(0)
    for i in range(np.uintp(rows.size) >> two):
        for f in range(n_f):
            code = np.uintp(codes[at])
            alive = code < 4
            g = dy[at] if alive else dy.dtype.type(0)
            e = f * room + np.uintp(counts[f])
            where[e] = rows[(i << two) + (code & three)]
            values[e] = g
            db[f] += g
            counts[f] += one if alive else 0
            at += one


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
