"""Batch normalization and max-pooling sample by sample, so that what lies between stays in a cache.

What is normalised has as many numbers as the convolution before; after pooling a quarter of them is
left. So they go to `room`, which holds one sample, and from there they are pooled; on the way back
dy is unpooled to the same room. Nothing of that size but x and dx is read or written.
"""

from typing import Any

import numpy as np

from numcnn.kernels.compile import kernel
from numcnn.kernels.normalization import normalize, normalize_backward, normalize_sums
from numcnn.kernels.pooling import pool, pool_backward


@kernel
def normalize_pool(
    y: Any, winners: Any, x: Any, columns: Any, relu: bool, tables: Any, part: Any, room: Any
) -> None:
    """y = the maxima of the normalised x: `normalize`, then `pool`.

    tables: (starts, taps, n, apart, gaps) of `pool` and `pool_backward`. part: (first sample, last
    + 1) of all arrays. room: as many numbers as a sample of x.
    """
    starts, taps, n, _, _ = tables
    x_step, y_step = room.size, (starts.size - 1) * n
    one, steps = (np.int64(0), np.int64(1)), (x_step, y_step)
    for s in range(part[0], part[1]):
        normalize(room, x[s * x_step : (s + 1) * x_step], columns, relu)
        to = slice(s * y_step, (s + 1) * y_step)
        pool(y[to], winners[to], room, starts, taps, n, one, steps)


@kernel
def normalize_pool_sums(
    sums: Any,
    dy: Any,
    winners: Any,
    x: Any,
    columns: Any,
    relu: bool,
    tables: Any,
    part: Any,
    room: Any,
    rows: Any,
    some: Any,
) -> None:
    """sums = those of `normalize_sums`, where dy has yet to go back through `pool_backward`.

    rows: two rows of x's type. some: as large as sums. The others as in `normalize_pool`.
    """
    starts, taps, n, apart, gaps = tables
    x_step, y_step = room.size, (starts.size - 1) * n
    one, steps = (np.int64(0), np.int64(1)), (x_step, y_step)
    sums[:] = 0
    for s in range(part[0], part[1]):
        at = slice(s * y_step, (s + 1) * y_step)
        pool_backward(room, dy[at], winners[at], starts, taps, n, apart, gaps, one, steps)
        normalize_sums(some, room, x[s * x_step : (s + 1) * x_step], columns, relu, rows)
        sums += some


@kernel
def normalize_pool_backward(
    dx: Any,
    dy: Any,
    winners: Any,
    x: Any,
    columns: Any,
    relu: bool,
    tables: Any,
    part: Any,
    room: Any,
) -> None:
    """dx = that of `normalize_backward`, where dy has yet to go back through `pool_backward`."""
    starts, taps, n, apart, gaps = tables
    x_step, y_step = room.size, (starts.size - 1) * n
    one, steps = (np.int64(0), np.int64(1)), (x_step, y_step)
    for s in range(part[0], part[1]):
        at, all_of_x = slice(s * y_step, (s + 1) * y_step), slice(s * x_step, (s + 1) * x_step)
        pool_backward(room, dy[at], winners[at], starts, taps, n, apart, gaps, one, steps)
        normalize_backward(dx[all_of_x], room, x[all_of_x], columns, relu)
