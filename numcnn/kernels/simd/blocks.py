"""A block of ROWS vectors: sums that stay in registers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from numcnn.kernels.simd.instructions import (
    I64,
    PARTS,
    VECTOR_BYTES,
    Vector,
    choose,
    each,
    join,
    load_vector,
    multiply_add,
    pinned,
    pointer_to,
    primitive,
    relu,
    spread,
    store_vector,
    to_integers,
    transposed,
)
from numcnn.kernels.simd.vectors import add, fma, load, load_some, splat, store, store_some


def _emit_offsets(_: Any, table: Any, i: Any, last: Any, base: Any, n: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        table_type, (table, i, last, base, _) = sig.args[0], args
        offsets = []
        for p in range(sig.return_type.count):
            row = builder.add(i, I64(p))
            row = builder.select(builder.icmp_signed("<", row, last), row, last)
            pointer = pointer_to(context, builder, table_type, table, row, 1)
            offsets.append(builder.add(builder.load(pointer), base))
        return context.make_tuple(builder, sig.return_type, offsets)

    result = types.UniTuple(types.intp, n.literal_value)
    return result(table, types.intp, types.intp, types.intp, n), instructions


@primitive(_emit_offsets)
def offsets(table: Any, i: Any, last: Any, base: Any, n: int) -> Any:
    """Return n numbers of a table, from i on, each plus base; beyond `last` the last one."""
    return tuple(int(table[min(i + p, last)]) + base for p in range(n))


def _emit_repeat(_: Any, v: Any, n: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_tuple(builder, sig.return_type, [args[0]] * sig.return_type.count)

    return types.UniTuple(v, n.literal_value)(v, n), instructions


@primitive(_emit_repeat)
def repeat(v: Any, n: int) -> Any:
    """Return the block of n times the same vector."""
    return (v,) * n


def _emit_fma_rows(first_parts: int) -> Callable[..., Any]:
    def emit(_: Any, acc: Any, a: Any, rows: Any, k: Any, v: Any) -> Any:
        def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            acc, a, rows, k, v = args
            sums = []
            for p in range(sig.return_type.count):
                i = builder.add(builder.extract_value(rows, p), k)
                number = builder.load(pointer_to(context, builder, sig.args[1], a, i, 1))
                factor, row = spread(builder, number), builder.extract_value(acc, p)
                for part in range(first_parts):
                    x, s = builder.extract_value(v, part), builder.extract_value(row, part)
                    row = builder.insert_value(row, multiply_add(builder, factor, x, s), part)
                sums.append(pinned(builder, row))
            return context.make_tuple(builder, sig.return_type, sums)

        return acc(acc, a, rows, types.intp, v), instructions

    return emit


@primitive(_emit_fma_rows(PARTS))
def fma_rows(acc: Any, a: Any, rows: Any, k: Any, v: Any) -> Any:
    """Return acc[p] + a[rows[p] + k] * v for every row p of the block."""
    return tuple(fma(splat(a, r + k), v, s) for r, s in zip(rows, acc, strict=True))


@primitive(_emit_fma_rows(PARTS // 2))
def fma_half_rows(acc: Any, a: Any, rows: Any, k: Any, v: Any) -> Any:
    """Return fma_rows for the first half of every row; the other half stays as it is."""
    v = np.concatenate([v[: len(v) // 2], np.zeros_like(v[len(v) // 2 :])])
    return fma_rows(acc, a, rows, k, v)


def _emit_fma_vectors(_: Any, acc: Any, a: Any, starts: Any, k: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        acc, a, starts, k, v = args
        sums = []
        for p in range(sig.return_type.count):
            i = builder.add(builder.extract_value(starts, p), k)
            factor = load_vector(context, builder, sig.args[1], a, i)
            sum_ = each(builder, multiply_add, factor, v, builder.extract_value(acc, p))
            sums.append(pinned(builder, sum_))
        return context.make_tuple(builder, sig.return_type, sums)

    return acc(acc, a, starts, types.intp, v), instructions


@primitive(_emit_fma_vectors)
def fma_vectors(acc: Any, a: Any, starts: Any, k: Any, v: Any) -> Any:
    """Return acc[p] + (the vector at a[starts[p] + k]) * v for every row p of the block."""
    return tuple(fma(load(a, i + k), v, s) for i, s in zip(starts, acc, strict=True))


def _emit_fma_chosen(_: Any, acc: Any, a: Any, starts: Any, k: Any, codes: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        acc, a, starts, k, codes, v = args
        choices = [to_integers(builder, builder.extract_value(codes, i)) for i in range(PARTS)]
        sums = []
        for p in range(sig.return_type.count):
            i = builder.add(builder.extract_value(starts, p), k)
            pointer = pointer_to(context, builder, sig.args[1], a, i, 4)
            four = ir.VectorType(pointer.type.pointee, 4).as_pointer()
            align = sig.args[1].dtype.bitwidth // 8
            numbers = builder.load(builder.bitcast(pointer, four), align=align)
            factor = join(builder, [choose(builder, numbers, choice) for choice in choices])
            sum_ = each(builder, multiply_add, factor, v, builder.extract_value(acc, p))
            sums.append(pinned(builder, sum_))
        return context.make_tuple(builder, sig.return_type, sums)

    return acc(acc, a, starts, types.intp, codes, v), instructions


@primitive(_emit_fma_chosen)
def fma_chosen(acc: Any, a: Any, starts: Any, k: Any, codes: Any, v: Any) -> Any:
    """Return acc[p] + a[starts[p] + k + code] * v for every row p; each lane has its code, 0 to 3.

    A code of 4 counts as 0.
    """
    chosen = codes.astype(int) % 4
    return tuple(fma(a[i + k + chosen], v, s) for i, s in zip(starts, acc, strict=True))


def _emit_load_rows(_: Any, a: Any, rows: Any, k: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, rows, k = args
        starts = [builder.extract_value(rows, p) for p in range(sig.return_type.count)]
        vectors = [load_vector(context, builder, sig.args[0], a, builder.add(i, k)) for i in starts]
        return context.make_tuple(builder, sig.return_type, vectors)

    return types.UniTuple(Vector(a.dtype), rows.count)(a, rows, types.intp), instructions


@primitive(_emit_load_rows)
def load_rows(a: Any, rows: Any, k: Any) -> Any:
    """Return the block of the vectors at a[rows[p] + k]."""
    return tuple(load(a, r + k) for r in rows)


def _emit_load_some_rows(_: Any, a: Any, rows: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, rows, lanes = args
        starts = [builder.extract_value(rows, p) for p in range(sig.return_type.count)]
        vectors = [load_vector(context, builder, sig.args[0], a, i, lanes=lanes) for i in starts]
        return context.make_tuple(builder, sig.return_type, vectors)

    return types.UniTuple(Vector(a.dtype), rows.count)(a, rows, types.intp), instructions


@primitive(_emit_load_some_rows)
def load_some_rows(a: Any, rows: Any, lanes: Any) -> Any:
    """Return the block of the first `lanes` numbers at each a[rows[p]], and zeros."""
    return tuple(load_some(a, r, lanes) for r in rows)


def _emit_store_rows(_: Any, a: Any, rows: Any, k: Any, acc: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, rows, k, acc = args
        for p in range(sig.args[3].count):
            i = builder.add(builder.extract_value(rows, p), k)
            store_vector(context, builder, sig.args[0], a, i, builder.extract_value(acc, p))
        return context.get_dummy_value()

    return types.void(a, rows, types.intp, acc), instructions


@primitive(_emit_store_rows)
def store_rows(a: Any, rows: Any, k: Any, acc: Any) -> None:
    """Write the block's rows to a[rows[p] + k]."""
    for r, v in zip(rows, acc, strict=True):
        store(a, r + k, v)


def _emit_store_some_rows(_: Any, a: Any, rows: Any, k: Any, acc: Any, n: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, rows, k, acc, n, lanes = args
        for p in range(sig.args[3].count):
            with builder.if_then(builder.icmp_signed("<", I64(p), n)):
                i = builder.add(builder.extract_value(rows, p), k)
                v = builder.extract_value(acc, p)
                store_vector(context, builder, sig.args[0], a, i, v, lanes)
        return context.get_dummy_value()

    return types.void(a, rows, types.intp, acc, types.intp, types.intp), instructions


@primitive(_emit_store_some_rows)
def store_some_rows(a: Any, rows: Any, k: Any, acc: Any, n: Any, lanes: Any) -> None:
    """Write the first `lanes` numbers of the block's first n rows to a[rows[p] + k]."""
    for r, v in zip(rows[: max(0, n)], acc, strict=False):
        store_some(a, r + k, v, lanes)


def _emit_add_row(_: Any, acc: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        rows = [builder.extract_value(args[0], p) for p in range(sig.return_type.count)]
        sums = [each(builder, lambda b, x, y: b.fadd(x, y), row, args[1]) for row in rows]
        return context.make_tuple(builder, sig.return_type, sums)

    return acc(acc, v), instructions


@primitive(_emit_add_row)
def add_row(acc: Any, v: Any) -> Any:
    """Return the block with a vector added to every row."""
    return tuple(add(row, v) for row in acc)


def _emit_relu_rows(_: Any, acc: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        rows = [builder.extract_value(args[0], p) for p in range(sig.return_type.count)]
        return context.make_tuple(
            builder, sig.return_type, [each(builder, relu, row) for row in rows]
        )

    return acc(acc), instructions


@primitive(_emit_relu_rows)
def relu_rows(acc: Any) -> Any:
    """Return max(x, 0) of the block; NaN stays NaN."""
    return tuple(np.maximum(row, 0) for row in acc)


def _emit_transpose(_: Any, to: Any, i: Any, a: Any, k: Any, row: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        to, i, a, k, row = args
        register = context.get_value_type(Vector(sig.args[2].dtype)).element
        n, align = register.count, sig.args[2].dtype.bitwidth // 8
        for p in range(PARTS):
            for q in range(PARTS):
                rows = []
                for j in range(n):
                    at = builder.add(k, builder.mul(row, I64(p * n + j)))
                    at = builder.add(at, I64(q * n))
                    at = pointer_to(context, builder, sig.args[2], a, at, n)
                    at = builder.bitcast(at, register.as_pointer())
                    rows.append(builder.load(at, align=align))
                for j, column in enumerate(transposed(builder, rows)):
                    at = builder.add(i, I64((q * n + j) * n * PARTS + p * n))
                    at = pointer_to(context, builder, sig.args[0], to, at, n)
                    builder.store(column, builder.bitcast(at, register.as_pointer()), align=align)
        return context.get_dummy_value()

    return types.void(to, types.intp, a, types.intp, types.intp), instructions


@primitive(_emit_transpose)
def transpose(to: Any, i: Any, a: Any, k: Any, row: Any) -> None:
    """Write a square block of a, whose rows are vectors at a[k + j * row], turned to to[i]."""
    n = VECTOR_BYTES // a.itemsize
    block = np.array([a[k + j * row : k + j * row + n] for j in range(n)])
    to[i : i + n * n] = block.T.ravel()
