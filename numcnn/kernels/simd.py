"""Vectors of floats as Numba values: what makes a loop over numbers run at the processor's peak.

Numba keeps a kernel's local variables in registers where they are numbers. Here "64 bytes of
floats" (16 float32 or 8 float64) are made such a value, with the few operations below. All else is
ordinary Python over vectors:

    for k in range(n):
        block = fma_rows(block, a, rows, k, load(b, k * 16))

Every operation has a Python body, which is its meaning. With NUMBA_DISABLE_JIT=1 that body runs, on
NumPy arrays, so that a kernel can be stepped through in a debugger. Otherwise Numba puts the
machine instructions there that the function named in `@primitive` writes down. No other file of
numcnn knows of machine instructions.

A vector is a pair of registers with AVX2 (32 bytes each), a pair with AVX-512 (64 bytes each, so it
is twice as wide) and four registers with others (16 bytes). A block of ROWS vectors of sums then
takes 12 registers of 16, 12 of 32 and 24 of 32. Larger ones spill into memory, smaller ones wait
for the latency of the multiply-add.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, models, register_model

FEATURES = set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
if "+avx512f" in FEATURES:
    REGISTER_BYTES, PARTS = 64, 2
elif "+avx" in FEATURES:
    REGISTER_BYTES, PARTS = 32, 2
else:
    REGISTER_BYTES, PARTS = 16, 4
VECTOR_BYTES = REGISTER_BYTES * PARTS
ROWS = 6
MACHINE = cpu_target.target_context.codegen().magic_tuple()[0].split("-")[0]
PIN = {"x86_64": "v" if REGISTER_BYTES == 64 else "x", "aarch64": "w"}.get(MACHINE)

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


class Vector(types.Type):
    """The Numba type of VECTOR_BYTES of floats."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype}x{VECTOR_BYTES * 8 // dtype.bitwidth})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector is a few registers. As separate values, their order is ours to choose."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        element = ir.FloatType() if kind.dtype is types.float32 else ir.DoubleType()
        register = ir.VectorType(element, REGISTER_BYTES * 8 // kind.dtype.bitwidth)
        super().__init__(manager, kind, ir.ArrayType(register, PARTS))


def primitive(emitter: Callable[..., Any]) -> Callable[..., Any]:
    """Let Numba put `emitter`'s instructions where a kernel calls the function."""

    def choose(body: Callable[..., Any]) -> Callable[..., Any]:
        return body if config.DISABLE_JIT else intrinsic(prefer_literal=True)(emitter)

    return choose


# ---- one vector ---------------------------------------------------------------------------------


def _emit_load(_: Any, a: Any, i: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _load(context, builder, sig.args[0], args[0], args[1])

    return Vector(a.dtype)(a, types.intp), instructions


@primitive(_emit_load)
def load(a: Any, i: Any) -> Any:
    """Return the vector a[i], a[i + 1], ..."""
    return a[i : i + VECTOR_BYTES // a.itemsize].copy()


def _emit_store(_: Any, a: Any, i: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _store(context, builder, sig.args[0], args[0], args[1], args[2])
        return context.get_dummy_value()

    return types.void(a, types.intp, v), instructions


@primitive(_emit_store)
def store(a: Any, i: Any, v: Any) -> None:
    """Write the vector to a[i], a[i + 1], ..."""
    a[i : i + len(v)] = v


def _emit_load_some(_: Any, a: Any, i: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _load(context, builder, sig.args[0], args[0], args[1], lanes=args[2])

    return Vector(a.dtype)(a, types.intp, types.intp), instructions


@primitive(_emit_load_some)
def load_some(a: Any, i: Any, lanes: Any) -> Any:
    """Return a vector of the first `lanes` numbers at a[i], and zeros."""
    v = np.zeros(VECTOR_BYTES // a.itemsize, a.dtype)
    v[: max(0, lanes)] = a[i : i + min(lanes, len(v))]
    return v


def _emit_store_some(_: Any, a: Any, i: Any, v: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _store(context, builder, sig.args[0], *args)
        return context.get_dummy_value()

    return types.void(a, types.intp, v, types.intp), instructions


@primitive(_emit_store_some)
def store_some(a: Any, i: Any, v: Any, lanes: Any) -> None:
    """Write the first `lanes` numbers of the vector to a[i], a[i + 1], ..."""
    a[i : i + min(lanes, len(v))] = v[: max(0, lanes)]


def _emit_splat(_: Any, a: Any, i: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = builder.load(_pointer(context, builder, sig.args[0], args[0], args[1], 1))
        return _join(builder, [_splat(builder, number)] * PARTS)

    return Vector(a.dtype)(a, types.intp), instructions


@primitive(_emit_splat)
def splat(a: Any, i: Any) -> Any:
    """Return the vector whose numbers are all a[i]."""
    return np.full(VECTOR_BYTES // a.itemsize, a[i])


def _emit_fill(_: Any, a: Any, value: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _join(builder, [_splat(builder, args[1])] * PARTS)

    return Vector(a.dtype)(a, a.dtype), instructions


@primitive(_emit_fill)
def fill(a: Any, value: Any) -> Any:
    """Return the vector whose numbers are all `value`, of a's type."""
    return np.full(VECTOR_BYTES // a.itemsize, value, a.dtype)


def _emit_fma(_: Any, x: Any, y: Any, z: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _each(builder, _fma, *args)

    return x(x, x, x), instructions


@primitive(_emit_fma)
def fma(x: Any, y: Any, z: Any) -> Any:
    """Return x * y + z, rounded once."""
    return x * y + z


def _emit_sqrt(_: Any, x: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _each(builder, lambda b, x: _call(b, "sqrt", x.type, [x]), args[0])

    return x(x), instructions


@primitive(_emit_sqrt)
def sqrt(x: Any) -> Any:
    """Return the square root of x."""
    return np.sqrt(x)


def _emit_scale_add(_: Any, x: Any, factor: Any, y: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        factors = _join(builder, [_splat(builder, args[1])] * PARTS)
        return _each(builder, _fma, args[0], factors, args[2])

    return x(x, x.dtype, x), instructions


@primitive(_emit_scale_add)
def scale_add(x: Any, factor: float, y: Any) -> Any:
    """Return factor * x + y for a number and two vectors."""
    return x * x.dtype.type(factor) + y


def _emit_binary(operation: str) -> Callable[..., Any]:
    def emit(_: Any, x: Any, y: Any) -> Any:
        def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _each(builder, lambda b, x, y: getattr(b, operation)(x, y), *args)

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


def _emit_beats(_: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _each(builder, _where_beats, *args)

    return x(x, x, x, x), instructions


@primitive(_emit_beats)
def where_beats(x: Any, y: Any, a: Any, b: Any) -> Any:
    """Return a where x > y, or x is NaN and y is not; b elsewhere."""
    return np.where((x > y) | (np.isnan(x) & ~np.isnan(y)), a, b)


def _emit_where_equal(_: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _each(
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
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], register.count * PARTS)
        byte_register = ir.VectorType(ir.IntType(8), register.count)
        parts = []
        for part in range(PARTS):
            at = builder.gep(pointer, [I64(part * register.count)])
            codes = builder.load(builder.bitcast(at, byte_register.as_pointer()), align=1)
            parts.append(builder.uitofp(codes, register))
        return _join(builder, parts)

    return Vector(like.dtype)(codes, types.intp, like), instructions


@primitive(_emit_load_codes)
def load_codes(codes: Any, i: Any, like: Any) -> Any:
    """Return bytes as a vector of numbers of the type of the array `like`."""
    return codes[i : i + VECTOR_BYTES // like.itemsize].astype(like.dtype)


def _emit_load_some_codes(_: Any, codes: Any, i: Any, like: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        register = context.get_value_type(sig.return_type).element
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], 1)
        bytes_ = ir.VectorType(ir.IntType(8), register.count)
        parts = []
        for part in range(PARTS):
            at = builder.gep(pointer, [I64(part * register.count)])
            mask = _mask(builder, args[3], part, register.count)
            zeros = ir.Constant(bytes_, [0] * register.count)
            at = builder.bitcast(at, bytes_.as_pointer())
            codes = _call(builder, "masked.load", bytes_, [at, I32(1), mask, zeros])
            parts.append(builder.uitofp(codes, register))
        return _join(builder, parts)

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
        codes = _each(builder, _to_bytes, args[2])
        _store(context, builder, sig.args[0], args[0], args[1], codes)
        return context.get_dummy_value()

    return types.void(a, types.intp, v), instructions


@primitive(_emit_store_codes)
def store_codes(a: Any, i: Any, v: Any) -> None:
    """Write small whole numbers to an array of bytes."""
    a[i : i + len(v)] = v


def _emit_store_some_codes(_: Any, a: Any, i: Any, v: Any, lanes: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        codes = _each(builder, _to_bytes, args[2])
        _store(context, builder, sig.args[0], args[0], args[1], codes, args[3])
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
        return builder.load(_pointer(context, builder, sig.args[0], args[0], args[1], 1))

    return table.dtype(table, types.intp), instructions


@primitive(_emit_entry)
def entry(table: Any, i: Any) -> Any:
    """Return table[i] for i >= 0. Numba's own would ask first whether i counts from the end."""
    return table[i]


def _emit_peek(_: Any, a: Any, i: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], 1)
        return builder.load_atomic(pointer, "acquire", 8)

    return a.dtype(a, types.intp), instructions


@primitive(_emit_peek)
def peek(a: Any, i: Any) -> Any:
    """Return a[i] as it stands in memory now: another thread may be writing it."""
    return a[i]


# ---- a block of ROWS vectors: sums that stay in registers ---------------------------------------


def _emit_offsets(_: Any, table: Any, i: Any, last: Any, base: Any, n: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        table_type, (table, i, last, base, _) = sig.args[0], args
        offsets = []
        for p in range(sig.return_type.count):
            row = builder.add(i, I64(p))
            row = builder.select(builder.icmp_signed("<", row, last), row, last)
            pointer = _pointer(context, builder, table_type, table, row, 1)
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


def _emit_fma_rows(_: Any, acc: Any, a: Any, rows: Any, k: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        acc, a, rows, k, v = args
        sums = []
        for p in range(sig.return_type.count):
            i = builder.add(builder.extract_value(rows, p), k)
            number = builder.load(_pointer(context, builder, sig.args[1], a, i, 1))
            factor = _join(builder, [_splat(builder, number)] * PARTS)
            sum_ = _each(builder, _fma, factor, v, builder.extract_value(acc, p))
            sums.append(_pin(builder, sum_))
        return context.make_tuple(builder, sig.return_type, sums)

    return acc(acc, a, rows, types.intp, v), instructions


@primitive(_emit_fma_rows)
def fma_rows(acc: Any, a: Any, rows: Any, k: Any, v: Any) -> Any:
    """Return acc[p] + a[rows[p] + k] * v for every row p of the block."""
    return tuple(fma(splat(a, r + k), v, s) for r, s in zip(rows, acc, strict=True))


def _emit_fma_vectors(_: Any, acc: Any, a: Any, starts: Any, k: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        acc, a, starts, k, v = args
        sums = []
        for p in range(sig.return_type.count):
            i = builder.add(builder.extract_value(starts, p), k)
            factor = _load(context, builder, sig.args[1], a, i)
            sum_ = _each(builder, _fma, factor, v, builder.extract_value(acc, p))
            sums.append(_pin(builder, sum_))
        return context.make_tuple(builder, sig.return_type, sums)

    return acc(acc, a, starts, types.intp, v), instructions


@primitive(_emit_fma_vectors)
def fma_vectors(acc: Any, a: Any, starts: Any, k: Any, v: Any) -> Any:
    """Return acc[p] + (the vector at a[starts[p] + k]) * v for every row p of the block."""
    return tuple(fma(load(a, i + k), v, s) for i, s in zip(starts, acc, strict=True))


def _emit_fma_chosen(_: Any, acc: Any, a: Any, starts: Any, k: Any, codes: Any, v: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        acc, a, starts, k, codes, v = args
        choices = [_to_integers(builder, builder.extract_value(codes, i)) for i in range(PARTS)]
        sums = []
        for p in range(sig.return_type.count):
            i = builder.add(builder.extract_value(starts, p), k)
            pointer = _pointer(context, builder, sig.args[1], a, i, 4)
            four = ir.VectorType(pointer.type.pointee, 4).as_pointer()
            align = sig.args[1].dtype.bitwidth // 8
            numbers = builder.load(builder.bitcast(pointer, four), align=align)
            factor = _join(builder, [_choose(builder, numbers, choice) for choice in choices])
            sum_ = _each(builder, _fma, factor, v, builder.extract_value(acc, p))
            sums.append(_pin(builder, sum_))
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
        vectors = [_load(context, builder, sig.args[0], a, builder.add(i, k)) for i in starts]
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
        vectors = [_load(context, builder, sig.args[0], a, i, lanes=lanes) for i in starts]
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
            _store(context, builder, sig.args[0], a, i, builder.extract_value(acc, p))
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
                _store(context, builder, sig.args[0], a, i, v, lanes)
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
        sums = [_each(builder, lambda b, x, y: b.fadd(x, y), row, args[1]) for row in rows]
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
            builder, sig.return_type, [_each(builder, _relu, row) for row in rows]
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
                    at = _pointer(context, builder, sig.args[2], a, at, n)
                    at = builder.bitcast(at, register.as_pointer())
                    rows.append(builder.load(at, align=align))
                for j, column in enumerate(_transposed(builder, rows)):
                    at = builder.add(i, I64((q * n + j) * n * PARTS + p * n))
                    at = _pointer(context, builder, sig.args[0], to, at, n)
                    builder.store(column, builder.bitcast(at, register.as_pointer()), align=align)
        return context.get_dummy_value()

    return types.void(to, types.intp, a, types.intp, types.intp), instructions


@primitive(_emit_transpose)
def transpose(to: Any, i: Any, a: Any, k: Any, row: Any) -> None:
    """Write a square block of a, whose rows are vectors at a[k + j * row], turned to to[i]."""
    n = VECTOR_BYTES // a.itemsize
    block = np.array([a[k + j * row : k + j * row + n] for j in range(n)])
    to[i : i + n * n] = block.T.ravel()


# ---- the instructions behind them ---------------------------------------------------------------


def _pointer(context: Any, builder: Any, kind: Any, array: Any, i: Any, n: int) -> Any:
    """Return the address of array[i], from where n numbers are about to be used."""
    whole = context.make_array(kind)(context, builder, array)
    if config.BOUNDSCHECK:
        size = builder.extract_value(whole.shape, 0)
        cgutils.do_boundscheck(context, builder, i, size)
        cgutils.do_boundscheck(context, builder, builder.add(i, I64(n - 1)), size)
    return builder.gep(whole.data, [i])


def _load(context: Any, builder: Any, kind: Any, array: Any, i: Any, lanes: Any = None) -> Any:
    """Return the vector at array[i]; beyond `lanes` nothing is read, the numbers are 0."""
    register = context.get_value_type(Vector(kind.dtype)).element
    checked = register.count * PARTS if lanes is None else 1
    pointer = _pointer(context, builder, kind, array, i, checked)
    align = kind.dtype.bitwidth // 8
    parts = []
    for part in range(PARTS):
        at = builder.gep(pointer, [I64(part * register.count)])
        at = builder.bitcast(at, register.as_pointer())
        if lanes is None:
            parts.append(builder.load(at, align=align))
        else:
            zeros = ir.Constant(register, [0.0] * register.count)
            mask = _mask(builder, lanes, part, register.count)
            parts.append(_call(builder, "masked.load", register, [at, I32(align), mask, zeros]))
    return _join(builder, parts)


def _store(
    context: Any, builder: Any, kind: Any, array: Any, i: Any, v: Any, lanes: Any = None
) -> None:
    """Write the vector to array[i]; nothing beyond `lanes`."""
    register = v.type.element
    width, align = register.count * PARTS, kind.dtype.bitwidth // 8
    if lanes is None:
        pointer = _pointer(context, builder, kind, array, i, width)
        _store_registers(builder, pointer, v, align)
        return
    pointer = _pointer(context, builder, kind, array, i, 1)
    whole = builder.icmp_signed(">=", lanes, I64(width))
    with builder.if_else(whole) as (then, otherwise):
        with then:
            _store_registers(builder, pointer, v, align)
        with otherwise:
            _store_pieces(builder, pointer, v, lanes, align)


def _store_registers(builder: Any, pointer: Any, v: Any, align: int) -> None:
    """Write a vector, register by register."""
    register = v.type.element
    for part in range(v.type.count):
        at = builder.gep(pointer, [I64(part * register.count)])
        value = builder.extract_value(v, part)
        builder.store(value, builder.bitcast(at, register.as_pointer()), align=align)


def _store_pieces(builder: Any, pointer: Any, v: Any, lanes: Any, align: int) -> None:
    """Write fewer numbers than a vector has, as pieces of 8, 4, 2 and 1.

    The processors' own masked stores take 20 cycles on some, and bytes have none.
    """
    element = v.type.element.element
    stack = cgutils.alloca_once(builder, v.type)
    stack.align = REGISTER_BYTES
    copy = builder.bitcast(stack, element.as_pointer())
    _store_registers(builder, copy, v, align)
    lanes = builder.select(builder.icmp_signed(">", lanes, I64(0)), lanes, I64(0))
    size = v.type.element.count * v.type.count // 2
    while size:
        wanted = builder.icmp_signed("!=", builder.and_(lanes, I64(size)), I64(0))
        with builder.if_then(wanted):
            start = builder.and_(lanes, I64(-2 * size))  # the larger pieces lie before
            piece = ir.VectorType(element, size).as_pointer()
            from_ = builder.bitcast(builder.gep(copy, [start]), piece)
            to = builder.bitcast(builder.gep(pointer, [start]), piece)
            builder.store(builder.load(from_, align=align), to, align=align)
        size //= 2


def _mask(builder: Any, lanes: Any, part: int, count: int) -> Any:
    """Return which lanes of a vector's register lie below `lanes`."""
    below = builder.sub(lanes, I64(part * count))
    register = ir.VectorType(I64, count)
    undefined = ir.Constant(register, ir.Undefined)
    first = builder.insert_element(undefined, below, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, count), [0] * count)
    numbers = ir.Constant(register, list(range(count)))
    return builder.icmp_signed("<", numbers, builder.shuffle_vector(first, undefined, zeros))


def _call(builder: Any, name: str, register: Any, args: list[Any], result: Any = None) -> Any:
    """Call one of LLVM's own functions for a register's type."""
    element = {F32: "f32", ir.DoubleType(): "f64", ir.IntType(8): "i8"}[register.element]
    suffix = ".p0" if name.startswith("masked") else ""
    whole = f"llvm.{name}.v{register.count}{element}{suffix}"
    signature = ir.FunctionType(result or register, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, whole), args)


def _join(builder: Any, parts: list[Any]) -> Any:
    """Return the vector that has these registers."""
    vector = ir.Constant(ir.ArrayType(parts[0].type, PARTS), ir.Undefined)
    for i, part in enumerate(parts):
        vector = builder.insert_value(vector, part, i)
    return vector


def _each(builder: Any, operation: Callable[..., Any], *vectors: Any) -> Any:
    """Return the vector of the results of an operation on each of the registers."""
    parts = [[builder.extract_value(v, i) for v in vectors] for i in range(PARTS)]
    return _join(builder, [operation(builder, *registers) for registers in parts])


def _splat(builder: Any, number: Any) -> Any:
    """Return the register whose numbers are all this one."""
    register = ir.VectorType(number.type, REGISTER_BYTES // (4 if number.type == F32 else 8))
    undefined = ir.Constant(register, ir.Undefined)
    first = builder.insert_element(undefined, number, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, register.count), [0] * register.count)
    return builder.shuffle_vector(first, undefined, zeros)


def _to_integers(builder: Any, x: Any) -> Any:
    return builder.fptosi(x, ir.VectorType(I32, x.type.count))


def _choose(builder: Any, four: Any, choice: Any) -> Any:
    """Return the register whose lanes are four[choice % 4]."""
    element, n = four.type.element, choice.type.count
    undefined = ir.Constant(four.type, ir.Undefined)

    def spread(lanes: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(I32, n), lanes)
        return builder.shuffle_vector(four, undefined, mask)

    permute = {32: "avx.vpermilvar.ps.256", 64: "avx512.vpermilvar.ps.512"}.get(REGISTER_BYTES)
    if MACHINE == "x86_64" and element == F32 and permute:
        repeated = spread([0, 1, 2, 3] * (n // 4))
        signature = ir.FunctionType(repeated.type, [repeated.type, choice.type])
        function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.x86.{permute}")
        return builder.call(function, [repeated, choice])
    chosen = spread([0] * n)
    for t in range(1, 4):
        number = ir.Constant(choice.type, [t] * n)
        chosen = builder.select(builder.icmp_signed("==", choice, number), spread([t] * n), chosen)
    return chosen


def _fma(builder: Any, x: Any, y: Any, z: Any) -> Any:
    return _call(builder, "fma", x.type, [x, y, z])


def _relu(builder: Any, x: Any) -> Any:
    zero = ir.Constant(x.type, [0.0] * x.type.count)
    return builder.select(builder.fcmp_unordered(">", x, zero), x, zero)


def _pin(builder: Any, v: Any) -> Any:
    """Keep the order: what is written before comes before, what is written after comes after.

    LLVM would load the numbers of all rows first, run out of registers and be half as fast. An
    empty piece of assembly that claims to change v and the memory holds it back.
    """
    if PIN is None:
        return v
    parts = [builder.extract_value(v, i) for i in range(PARTS)]
    registers = [part.type for part in parts]
    result = ir.LiteralStructType(registers)
    constraint = ",".join([f"={PIN}"] * PARTS + [str(i) for i in range(PARTS)] + ["~{memory}"])
    empty = ir.InlineAsm(ir.FunctionType(result, registers), "", constraint, side_effect=True)
    pinned = builder.call(empty, parts)
    return _join(builder, [builder.extract_value(pinned, i) for i in range(PARTS)])


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Return the columns of a square of registers: blocks beside the diagonal change places."""
    n = len(rows)
    step = 1
    while step < n:
        keep = [n + at - step if at & step else at for at in range(n)]
        swap = [n + at if at & step else at + step for at in range(n)]
        for i in range(n):
            if not i & step:
                first, second = rows[i], rows[i + step]
                for to, lanes in ((i, keep), (i + step, swap)):
                    mask = ir.Constant(ir.VectorType(I32, n), lanes)
                    rows[to] = builder.shuffle_vector(first, second, mask)
        step *= 2
    return rows


def _where_beats(builder: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    not_at_most = builder.fcmp_unordered(">", x, y)
    y_is_a_number = builder.fcmp_ordered("ord", y, y)
    return builder.select(builder.and_(not_at_most, y_is_a_number), a, b)


def _to_bytes(builder: Any, x: Any) -> Any:
    return builder.fptoui(x, ir.VectorType(ir.IntType(8), x.type.count))
