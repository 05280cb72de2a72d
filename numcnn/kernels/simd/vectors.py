"""One vector: each operation with its meaning in Python, and what Numba puts in its place."""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from numcnn.kernels.simd.instructions import (
    I32,
    I64,
    PARTS,
    VECTOR_BYTES,
    Vector,
    call,
    choose_greater,
    each,
    join,
    lanes_below,
    load_vector,
    multiply_add,
    pointer_to,
    primitive,
    spread,
    store_vector,
    to_bytes,
)


def _emit_load(_: Any, a: Any, i: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return load_vector(context, builder, sig.args[0], args[0], args[1])

    return Vector(a.dtype)(a, types.intp), instructions


@primitive(_emit_load)
def load(a: Any, i: Any) -> Any:
    """Return the vector a[i], a[i + 1], ..."""
    return a[i : i + VECTOR_BYTES // a.itemsize].copy()


def _emit_store(_: Any, a: Any, i: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        store_vector(context, builder, sig.args[0], args[0], args[1], args[2])
        return context.get_dummy_value()

    return types.void(a, types.intp, v), instructions


@primitive(_emit_store)
def store(a: Any, i: Any, v: Any) -> None:
    """Write the vector to a[i], a[i + 1], ..."""
    a[i : i + len(v)] = v


def _emit_load_some(_: Any, a: Any, i: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return load_vector(context, builder, sig.args[0], args[0], args[1], lanes=args[2])

    return Vector(a.dtype)(a, types.intp, types.intp), instructions


@primitive(_emit_load_some)
def load_some(a: Any, i: Any, lanes: Any) -> Any:
    """Return a vector of the first `lanes` numbers at a[i], and zeros."""
    v = np.zeros(VECTOR_BYTES // a.itemsize, a.dtype)
    v[: max(0, lanes)] = a[i : i + min(lanes, len(v))]
    return v


def _emit_store_some(_: Any, a: Any, i: Any, v: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        store_vector(context, builder, sig.args[0], *args)
        return context.get_dummy_value()

    return types.void(a, types.intp, v, types.intp), instructions


@primitive(_emit_store_some)
def store_some(a: Any, i: Any, v: Any, lanes: Any) -> None:
    """Write the first `lanes` numbers of the vector to a[i], a[i + 1], ..."""
    a[i : i + min(lanes, len(v))] = v[: max(0, lanes)]


def _emit_splat(_: Any, a: Any, i: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = builder.load(pointer_to(context, builder, sig.args[0], args[0], args[1], 1))
        return join(builder, [spread(builder, number)] * PARTS)

    return Vector(a.dtype)(a, types.intp), instructions


@primitive(_emit_splat)
def splat(a: Any, i: Any) -> Any:
    """Return the vector whose numbers are all a[i]."""
    return np.full(VECTOR_BYTES // a.itemsize, a[i])


def _emit_fill(_: Any, a: Any, value: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return join(builder, [spread(builder, args[1])] * PARTS)

    return Vector(a.dtype)(a, a.dtype), instructions


@primitive(_emit_fill)
def fill(a: Any, value: Any) -> Any:
    """Return the vector whose numbers are all `value`, of a's type."""
    return np.full(VECTOR_BYTES // a.itemsize, value, a.dtype)


def _emit_fma(_: Any, x: Any, y: Any, z: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return each(builder, multiply_add, *args)

    return x(x, x, x), instructions


@primitive(_emit_fma)
def fma(x: Any, y: Any, z: Any) -> Any:
    """Return x * y + z, rounded once."""
    return x * y + z


def _emit_sqrt(_: Any, x: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return each(builder, lambda b, x: call(b, "sqrt", x.type, [x]), args[0])

    return x(x), instructions


@primitive(_emit_sqrt)
def sqrt(x: Any) -> Any:
    """Return the square root of x."""
    return np.sqrt(x)


def _emit_scale_add(_: Any, x: Any, factor: Any, y: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        factors = join(builder, [spread(builder, args[1])] * PARTS)
        return each(builder, multiply_add, args[0], factors, args[2])

    return x(x, x.dtype, x), instructions


@primitive(_emit_scale_add)
def scale_add(x: Any, factor: float, y: Any) -> Any:
    """Return factor * x + y for a number and two vectors."""
    return x * x.dtype.type(factor) + y


def _emit_binary(operation: str) -> Callable[..., Any]:
    def emit(_: Any, x: Any, y: Any) -> Any:
        def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return each(builder, lambda b, x, y: getattr(b, operation)(x, y), *args)

        return x(x, x), instructions

    return emit


@primitive(_emit_binary("fadd"))
def add(x: Any, y: Any) -> Any:
    """Return x + y."""
    return x + y


@primitive(_emit_binary("fsub"))
def sub(x: Any, y: Any) -> Any:
    """Return x - y."""
    return x - y


@primitive(_emit_binary("fmul"))
def mul(x: Any, y: Any) -> Any:
    """Return x * y."""
    return x * y


@primitive(_emit_binary("fdiv"))
def div(x: Any, y: Any) -> Any:
    """Return x / y."""
    return x / y


def _emit_beats(_: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return each(builder, choose_greater, *args)

    return x(x, x, x, x), instructions


@primitive(_emit_beats)
def where_beats(x: Any, y: Any, a: Any, b: Any) -> Any:
    """Return a where x > y, or x is NaN and y is not; b elsewhere."""
    return np.where((x > y) | (np.isnan(x) & ~np.isnan(y)), a, b)


def _emit_where_equal(_: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return each(
            builder, lambda r, x, y, a, b: r.select(r.fcmp_ordered("==", x, y), a, b), *args
        )

    return x(x, x, x, x), instructions


@primitive(_emit_where_equal)
def where_equal(x: Any, y: Any, a: Any, b: Any) -> Any:
    """Return a where x == y, b elsewhere."""
    return np.where(x == y, a, b)


def _emit_load_codes(_: Any, codes: Any, i: Any, like: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        register = context.get_value_type(sig.return_type).element
        pointer = pointer_to(
            context, builder, sig.args[0], args[0], args[1], register.count * PARTS
        )
        byte_register = ir.VectorType(ir.IntType(8), register.count)
        parts = []
        for part in range(PARTS):
            at = builder.gep(pointer, [I64(part * register.count)])
            codes = builder.load(builder.bitcast(at, byte_register.as_pointer()), align=1)
            parts.append(builder.uitofp(codes, register))
        return join(builder, parts)

    return Vector(like.dtype)(codes, types.intp, like), instructions


@primitive(_emit_load_codes)
def load_codes(codes: Any, i: Any, like: Any) -> Any:
    """Return bytes as a vector of numbers of the type of the array `like`."""
    return codes[i : i + VECTOR_BYTES // like.itemsize].astype(like.dtype)


def _emit_load_some_codes(_: Any, codes: Any, i: Any, like: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        register = context.get_value_type(sig.return_type).element
        pointer = pointer_to(context, builder, sig.args[0], args[0], args[1], 1)
        bytes_ = ir.VectorType(ir.IntType(8), register.count)
        parts = []
        for part in range(PARTS):
            at = builder.gep(pointer, [I64(part * register.count)])
            mask = lanes_below(builder, args[3], part, register.count)
            zeros = ir.Constant(bytes_, [0] * register.count)
            at = builder.bitcast(at, bytes_.as_pointer())
            codes = call(builder, "masked.load", bytes_, [at, I32(1), mask, zeros])
            parts.append(builder.uitofp(codes, register))
        return join(builder, parts)

    return Vector(like.dtype)(codes, types.intp, like, types.intp), instructions


@primitive(_emit_load_some_codes)
def load_some_codes(codes: Any, i: Any, like: Any, lanes: Any) -> Any:
    """Return the first `lanes` bytes at codes[i] as numbers of the type of `like`, and zeros."""
    v = np.zeros(VECTOR_BYTES // like.itemsize, like.dtype)
    v[: max(0, lanes)] = codes[i : i + min(lanes, len(v))]
    return v


def _emit_total(_: Any, x: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        parts = [builder.extract_value(args[0], i) for i in range(PARTS)]
        total = ir.Constant(parts[0].type.element, 0.0)
        for part in parts:
            for lane in range(part.type.count):
                total = builder.fadd(total, builder.extract_element(part, I32(lane)))
        return total

    return x.dtype(x), instructions


@primitive(_emit_total)
def total(x: Any) -> Any:
    """Return the sum of the vector's numbers."""
    return x.sum()


def _emit_store_codes(_: Any, a: Any, i: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        codes = each(builder, to_bytes, args[2])
        store_vector(context, builder, sig.args[0], args[0], args[1], codes)
        return context.get_dummy_value()

    return types.void(a, types.intp, v), instructions


@primitive(_emit_store_codes)
def store_codes(a: Any, i: Any, v: Any) -> None:
    """Write small whole numbers to an array of bytes."""
    a[i : i + len(v)] = v


def _emit_store_some_codes(_: Any, a: Any, i: Any, v: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        codes = each(builder, to_bytes, args[2])
        store_vector(context, builder, sig.args[0], args[0], args[1], codes, args[3])
        return context.get_dummy_value()

    return types.void(a, types.intp, v, types.intp), instructions


@primitive(_emit_store_some_codes)
def store_some_codes(a: Any, i: Any, v: Any, lanes: Any) -> None:
    """Write the first `lanes` of some small whole numbers to an array of bytes."""
    a[i : i + min(lanes, len(v))] = v[: max(0, lanes)]


def _emit_wrapping(operation: str, wide: bool = False) -> Callable[..., Any]:
    def emit(_: Any, a: Any, b: Any) -> Any:
        def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            if not wide:
                return getattr(builder, operation)(*args)
            a, b = (builder.zext(x, ir.IntType(128)) for x in args)
            high = builder.lshr(builder.mul(a, b), ir.IntType(128)(64))
            return builder.trunc(high, I64)

        return types.uint64(types.uint64, types.uint64), instructions

    return emit


@primitive(_emit_wrapping("add"))
def wrapping_add(a: Any, b: Any) -> Any:
    """Return the lower 64 bits of a + b, unsigned."""
    return np.uint64((int(a) + int(b)) % 2**64)


@primitive(_emit_wrapping("mul"))
def wrapping_mul(a: Any, b: Any) -> Any:
    """Return the lower 64 bits of a * b, unsigned."""
    return np.uint64((int(a) * int(b)) % 2**64)


@primitive(_emit_wrapping("mul", wide=True))
def mul_high(a: Any, b: Any) -> Any:
    """Return the upper 64 of the 128 bits of a * b, unsigned."""
    return np.uint64((int(a) * int(b)) >> 64)


def _emit_entry(_: Any, table: Any, i: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(pointer_to(context, builder, sig.args[0], args[0], args[1], 1))

    return table.dtype(table, types.intp), instructions


@primitive(_emit_entry)
def entry(table: Any, i: Any) -> Any:
    """Return table[i] for i >= 0. Numba's own would ask first whether i counts from the end."""
    return table[i]


def _emit_peek(_: Any, a: Any, i: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = pointer_to(context, builder, sig.args[0], args[0], args[1], 1)
        return builder.load_atomic(pointer, "acquire", 8)

    return a.dtype(a, types.intp), instructions


@primitive(_emit_peek)
def peek(a: Any, i: Any) -> Any:
    """Return a[i] as it stands in memory now: another thread may be writing it."""
    return a[i]
