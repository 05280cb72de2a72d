"""Average pooling, of windows of any size: a whole image is one too."""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import (
    VECTOR_BYTES,
    add,
    div,
    entry,
    fill,
    load,
    load_some,
    store,
    store_some,
)

BLOCK = 32  # pixels that are added up one after the other; then blocks are


@kernel
def average(y: Any, x: Any, starts: Any, taps: Any, n: int, part: Any, steps: Any) -> None:
    """y = the mean of each window of x.

    Equals AveragePooling2D.forward, and GlobalAveragePooling2D.forward where there is one window.

    starts, taps, n, part, steps: as in `pool`; pixels outside the image are left out, and so they
    do not count.
    """
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // y.itemsize
    for s in range(s0, s1):
        for i in range(starts.size - 1):
            first, end = starts[i], starts[i + 1]
            count = fill(y, end - first)
            to = s * y_step + i * n
            for j in range(0, n, width):
                at, lanes = s * x_step + j, n - j
                sum_ = fill(y, 0)
                for t0 in range(first, end, BLOCK):
                    block = fill(y, 0)
                    if lanes >= width:
                        for t in range(t0, min(t0 + BLOCK, end)):
                            block = add(block, load(x, at + entry(taps, t)))
                    else:
                        for t in range(t0, min(t0 + BLOCK, end)):
                            block = add(block, load_some(x, at + entry(taps, t), lanes))
                    sum_ = add(sum_, block)
                store_some(y, to + j, div(sum_, count), lanes)


@kernel
def average_backward(
    dx: Any,
    dy: Any,
    starts: Any,
    taps: Any,
    n: int,
    apart: bool,
    gaps: bool,
    part: Any,
    steps: Any,
) -> None:
    """dx = sum of the shares of the windows that a pixel is in: AveragePooling2D.backward.

    apart, gaps, part, steps: as in `pool_backward`.
    """
    (s0, s1), (x_step, y_step) = part, steps
    width = VECTOR_BYTES // dx.itemsize
    for s in range(s0, s1):
        if gaps or not apart:
            dx[s * x_step : (s + 1) * x_step] = 0
        for i in range(starts.size - 1):
            first, end = starts[i], starts[i + 1]
            count = fill(dx, end - first)
            at = s * y_step + i * n
            for j in range(0, n, width):
                to, lanes = s * x_step + j, n - j
                share = div(load_some(dy, at + j, lanes), count)
                for t in range(first, end):
                    pixel = to + entry(taps, t)
                    if apart:
                        store_some(dx, pixel, share, lanes)
                    elif lanes >= width:
                        store(dx, pixel, add(load(dx, pixel), share))
                    else:
                        store_some(dx, pixel, add(load_some(dx, pixel, lanes), share), lanes)
