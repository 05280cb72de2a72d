"""col2im: windows' gradients added up at the pixels that they came from.

For images of few channels, and for large windows on small images. The product that gives dx pixel
by pixel has one column per channel, and with three of them 13 of 16 lanes of a vector would idle;
and it counts with the windows that do not exist beyond the border. The product that gives dcols has
one column per tap and channel, and one row per window.
"""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import (
    VECTOR_BYTES,
    add,
    entry,
    load,
    load_some,
    store,
    store_some,
)


@kernel
def add_columns(dx: Any, dcols: Any, windows: Any, runs: Any, run: int) -> None:
    """dx = col2im(dcols) for one sample: layers/im2col.py's col2im.

    windows: where in dx each window begins. runs: where in a window each run of `run` numbers side
    by side begins. dcols: (windows, runs, run).
    """
    width = VECTOR_BYTES // dx.itemsize
    whole, lanes = run - run % width, run % width
    dx[:] = 0
    at = 0
    for i in range(windows.size):
        for r in range(runs.size):
            to = entry(windows, i) + entry(runs, r)
            for j in range(0, whole, width):
                store(dx, to + j, add(load(dx, to + j), load(dcols, at + j)))
            if lanes > 0:
                v = add(load_some(dx, to + whole, lanes), load_some(dcols, at + whole, lanes))
                store_some(dx, to + whole, v, lanes)
            at += run
