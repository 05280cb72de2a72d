"""Vectors of floats as Numba values: what makes a loop over numbers run at the processor's peak.

Numba keeps a kernel's local variables in registers where they are numbers. Here "64 bytes of
floats" (16 float32 or 8 float64) are made such a value, with a few operations. All else is ordinary
Python over vectors:

    for k in range(n):
        block = fma_rows(block, a, rows, k, load(b, k * 16))

Every operation has a Python body, which is its meaning. With NUMBA_DISABLE_JIT=1 that body runs, on
NumPy arrays, so that a kernel can be stepped through in a debugger. Otherwise Numba puts the
machine instructions there that the function named in `@primitive` writes down. Nothing outside this
folder knows of machine instructions.

    vectors.py        one vector: load, store, multiply and add, compare, choose
    numbers.py        what functions such as exp need beside: quotients, powers of two
    blocks.py         ROWS vectors of sums that stay in registers
    instructions.py   what they are made of
"""

from numcnn.kernels.simd.blocks import (
    add_row,
    fma_chosen,
    fma_half_rows,
    fma_rows,
    fma_vectors,
    load_rows,
    load_some_rows,
    offsets,
    relu_rows,
    repeat,
    store_rows,
    store_some_rows,
    transpose,
)
from numcnn.kernels.simd.instructions import (
    FEATURES,
    MACHINE,
    PARTS,
    REGISTER_BYTES,
    ROWS,
    VECTOR_BYTES,
)
from numcnn.kernels.simd.vectors import (
    add,
    div,
    entry,
    fill,
    fma,
    load,
    load_codes,
    load_some,
    load_some_codes,
    mul,
    mul_high,
    peek,
    scale_add,
    splat,
    sqrt,
    store,
    store_codes,
    store_some,
    store_some_codes,
    sub,
    total,
    where_beats,
    where_equal,
    wrapping_add,
    wrapping_mul,
)

__all__ = [
    "FEATURES",
    "MACHINE",
    "PARTS",
    "REGISTER_BYTES",
    "ROWS",
    "VECTOR_BYTES",
    "add",
    "add_row",
    "div",
    "entry",
    "fill",
    "fma",
    "fma_chosen",
    "fma_half_rows",
    "fma_rows",
    "fma_vectors",
    "load",
    "load_codes",
    "load_rows",
    "load_some",
    "load_some_codes",
    "load_some_rows",
    "mul",
    "mul_high",
    "offsets",
    "peek",
    "relu_rows",
    "repeat",
    "scale_add",
    "splat",
    "sqrt",
    "store",
    "store_codes",
    "store_rows",
    "store_some",
    "store_some_codes",
    "store_some_rows",
    "sub",
    "total",
    "transpose",
    "where_beats",
    "where_equal",
    "wrapping_add",
    "wrapping_mul",
]
