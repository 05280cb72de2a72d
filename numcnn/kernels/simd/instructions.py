"""The machine instructions behind the vectors, in the compiler's own language (LLVM's IR).

A vector is a pair of registers with AVX2 (32 bytes each), a pair with AVX-512 (64 bytes each, so it
is twice as wide) and four registers with others (16 bytes). A block of ROWS vectors of sums then
takes 12 registers of 16, 12 of 32 and 24 of 32. Larger ones spill into memory, smaller ones wait
for the latency of the multiply-add.
"""

from collections.abc import Callable
from typing import Any

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

    def body_or_intrinsic(body: Callable[..., Any]) -> Callable[..., Any]:
        return body if config.DISABLE_JIT else intrinsic(prefer_literal=True)(emitter)

    return body_or_intrinsic


def pointer_to(context: Any, builder: Any, kind: Any, array: Any, i: Any, n: int) -> Any:
    """Return the address of array[i], from where n numbers are about to be used."""
    whole = context.make_array(kind)(context, builder, array)
    if config.BOUNDSCHECK:
        size = builder.extract_value(whole.shape, 0)
        cgutils.do_boundscheck(context, builder, i, size)
        cgutils.do_boundscheck(context, builder, builder.add(i, I64(n - 1)), size)
    return builder.gep(whole.data, [i])


def load_vector(
    context: Any, builder: Any, kind: Any, array: Any, i: Any, lanes: Any = None
) -> Any:
    """Return the vector at array[i]; beyond `lanes` nothing is read, the numbers are 0."""
    register = context.get_value_type(Vector(kind.dtype)).element
    checked = register.count * PARTS if lanes is None else 1
    pointer = pointer_to(context, builder, kind, array, i, checked)
    align = kind.dtype.bitwidth // 8
    parts = []
    for part in range(PARTS):
        at = builder.gep(pointer, [I64(part * register.count)])
        at = builder.bitcast(at, register.as_pointer())
        if lanes is None:
            parts.append(builder.load(at, align=align))
        else:
            zeros = ir.Constant(register, [0.0] * register.count)
            mask = lanes_below(builder, lanes, part, register.count)
            parts.append(call(builder, "masked.load", register, [at, I32(align), mask, zeros]))
    return join(builder, parts)


def store_vector(
    context: Any, builder: Any, kind: Any, array: Any, i: Any, v: Any, lanes: Any = None
) -> None:
    """Write the vector to array[i]; nothing beyond `lanes`."""
    register = v.type.element
    width, align = register.count * PARTS, kind.dtype.bitwidth // 8
    if lanes is None:
        pointer = pointer_to(context, builder, kind, array, i, width)
        store_registers(builder, pointer, v, align)
        return
    pointer = pointer_to(context, builder, kind, array, i, 1)
    whole = builder.icmp_signed(">=", lanes, I64(width))
    with builder.if_else(whole) as (then, otherwise):
        with then:
            store_registers(builder, pointer, v, align)
        with otherwise:
            store_pieces(builder, pointer, v, lanes, align)


def store_registers(builder: Any, pointer: Any, v: Any, align: int) -> None:
    """Write a vector, register by register."""
    register = v.type.element
    for part in range(v.type.count):
        at = builder.gep(pointer, [I64(part * register.count)])
        value = builder.extract_value(v, part)
        builder.store(value, builder.bitcast(at, register.as_pointer()), align=align)


def store_pieces(builder: Any, pointer: Any, v: Any, lanes: Any, align: int) -> None:
    """Write fewer numbers than a vector has, as pieces of 8, 4, 2 and 1.

    The processors' own masked stores take 20 cycles on some, and bytes have none.
    """
    element = v.type.element.element
    stack = cgutils.alloca_once(builder, v.type)
    stack.align = REGISTER_BYTES
    copy = builder.bitcast(stack, element.as_pointer())
    store_registers(builder, copy, v, align)
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


def lanes_below(builder: Any, lanes: Any, part: int, count: int) -> Any:
    """Return which lanes of a vector's register lie below `lanes`."""
    below = builder.sub(lanes, I64(part * count))
    register = ir.VectorType(I64, count)
    undefined = ir.Constant(register, ir.Undefined)
    first = builder.insert_element(undefined, below, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, count), [0] * count)
    numbers = ir.Constant(register, list(range(count)))
    return builder.icmp_signed("<", numbers, builder.shuffle_vector(first, undefined, zeros))


def call(builder: Any, name: str, register: Any, args: list[Any], result: Any = None) -> Any:
    """Call one of LLVM's own functions for a register's type."""
    element = {F32: "f32", ir.DoubleType(): "f64", ir.IntType(8): "i8"}[register.element]
    suffix = ".p0" if name.startswith("masked") else ""
    whole = f"llvm.{name}.v{register.count}{element}{suffix}"
    signature = ir.FunctionType(result or register, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, whole), args)


def join(builder: Any, parts: list[Any]) -> Any:
    """Return the vector that has these registers."""
    vector = ir.Constant(ir.ArrayType(parts[0].type, PARTS), ir.Undefined)
    for i, part in enumerate(parts):
        vector = builder.insert_value(vector, part, i)
    return vector


def each(builder: Any, operation: Callable[..., Any], *vectors: Any) -> Any:
    """Return the vector of the results of an operation on each of the registers."""
    parts = [[builder.extract_value(v, i) for v in vectors] for i in range(PARTS)]
    return join(builder, [operation(builder, *registers) for registers in parts])


def spread(builder: Any, number: Any) -> Any:
    """Return the register whose numbers are all this one."""
    register = ir.VectorType(number.type, REGISTER_BYTES // (4 if number.type == F32 else 8))
    undefined = ir.Constant(register, ir.Undefined)
    first = builder.insert_element(undefined, number, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, register.count), [0] * register.count)
    return builder.shuffle_vector(first, undefined, zeros)


def to_integers(builder: Any, x: Any) -> Any:
    """Return the numbers of a register, cut to whole ones."""
    return builder.fptosi(x, ir.VectorType(I32, x.type.count))


def choose(builder: Any, four: Any, choice: Any) -> Any:
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


def multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x * y + z, rounded once."""
    return call(builder, "fma", x.type, [x, y, z])


def relu(builder: Any, x: Any) -> Any:
    """Return max(x, 0); NaN stays NaN."""
    zero = ir.Constant(x.type, [0.0] * x.type.count)
    return builder.select(builder.fcmp_unordered(">", x, zero), x, zero)


def pinned(builder: Any, v: Any) -> Any:
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
    return join(builder, [builder.extract_value(pinned, i) for i in range(PARTS)])


def transposed(builder: Any, rows: list[Any]) -> list[Any]:
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


def choose_greater(builder: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    """Return a where x > y, or x is NaN and y is not; b elsewhere."""
    not_at_most = builder.fcmp_unordered(">", x, y)
    y_is_a_number = builder.fcmp_ordered("ord", y, y)
    return builder.select(builder.and_(not_at_most, y_is_a_number), a, b)


def to_bytes(builder: Any, x: Any) -> Any:
    """Return the numbers of a register as bytes."""
    return builder.fptoui(x, ir.VectorType(ir.IntType(8), x.type.count))
