"""What functions such as exp need of vectors: constants, quotients, powers of two, the C library.

For float64 the functions are the C library's, number by number.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import overload, register_jitable

from numcnn.kernels.compile import OPTIONS
from numcnn.kernels.simd.instructions import (
    I32,
    I64,
    PARTS,
    call,
    each,
    join,
    primitive,
    spread,
)

ROUND = {"float32": 1.5 * 2.0**23, "float64": 1.5 * 2.0**52}  # plus a number: its whole part


def over_vectors(function: Callable[..., Any]) -> Any:
    """Let kernels call a function of vectors; called from Python it stays as it is."""
    return function if config.DISABLE_JIT else register_jitable(**OPTIONS)(function)


def with_doubles(double: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of a vector that is the decorated one for float32 and `double` for float64.

    What it is for float32 stays at hand as `.single`.
    """

    def decorate(single: Callable[..., Any]) -> Callable[..., Any]:
        def function(x: Any) -> Any:
            return single(x) if x.dtype == np.float32 else double(x)

        if not config.DISABLE_JIT:
            over_vectors(single)

            @overload(function, jit_options=OPTIONS, strict=False)  # type: ignore[arg-type]
            def choose(x: Any) -> Any:
                if x.dtype is types.float32:
                    return lambda x: single(x)
                return lambda x: double(x)

        function.single = single
        function.__doc__ = single.__doc__
        function.__name__ = single.__name__
        return function

    return decorate


def _emit_full(_: Any, x: Any, value: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = context.cast(builder, args[1], sig.args[1], sig.return_type.dtype)
        return join(builder, [spread(builder, number)] * PARTS)

    return x(x, types.float64), instructions


@primitive(_emit_full)
def full(x: Any, value: float) -> Any:
    """Return the vector whose numbers are all `value`, of the type of the vector x."""
    return np.full_like(x, value)


def _emit_div(_: Any, x: Any, y: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return each(builder, lambda b, x, y: b.fdiv(x, y), *args)

    return x(x, x), instructions


@primitive(_emit_div)
def div(x: Any, y: Any) -> Any:
    """Return x / y."""
    return x / y


def _emit_absolute(_: Any, x: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return each(builder, lambda b, x: call(b, "fabs", x.type, [x]), args[0])

    return x(x), instructions


@primitive(_emit_absolute)
def absolute(x: Any) -> Any:
    """Return |x|."""
    return np.abs(x)


def _emit_where_above(_: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return each(builder, lambda r, x, y, a, b: r.select(r.fcmp_ordered(">", x, y), a, b), *args)

    return x(x, x, x, x), instructions


@primitive(_emit_where_above)
def where_above(x: Any, y: Any, a: Any, b: Any) -> Any:
    """Return a where x > y, b elsewhere, so also where one of them is NaN."""
    return np.where(x > y, a, b)


def _emit_power_of_two(_: Any, t: Any) -> Any:
    def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def of_register(builder: Any, t: Any) -> Any:
            bits = ir.VectorType(I32, t.type.count)
            bias, by = (ir.Constant(bits, [n] * t.type.count) for n in (127, 23))
            moved = builder.shl(builder.add(builder.bitcast(t, bits), bias), by)
            return builder.bitcast(moved, t.type)

        return each(builder, of_register, args[0])

    return t(t), instructions


@primitive(_emit_power_of_two)
def power_of_two(t: Any) -> Any:
    """Return 2**n for t = ROUND + n, of float32, and n from -126 to 127.

    The lowest bits of t are those of n; moved to where a float's exponent stands they are 2**n.
    """
    return ((t.view(np.uint32) + np.uint32(127)) << np.uint32(23)).view(np.float32)


def _emit_of_each(name: str) -> Callable[..., Any]:
    def emit(_: Any, x: Any) -> Any:
        def instructions(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            double = ir.DoubleType()
            signature = ir.FunctionType(double, [double])
            function = cgutils.get_or_insert_function(builder.module, signature, name)

            def of_register(builder: Any, x: Any) -> Any:
                y = x
                for lane in range(x.type.count):
                    number = builder.extract_element(x, I64(lane))
                    y = builder.insert_element(y, builder.call(function, [number]), I64(lane))
                return y

            return each(builder, of_register, args[0])

        return x(x), instructions

    return emit


@primitive(_emit_of_each("exp"))
def exp_of_each(x: Any) -> Any:
    """Return exp(x), of float64."""
    return np.exp(x)


@primitive(_emit_of_each("expm1"))
def expm1_of_each(x: Any) -> Any:
    """Return exp(x) - 1, of float64."""
    return np.expm1(x)


@primitive(_emit_of_each("log1p"))
def log1p_of_each(x: Any) -> Any:
    """Return log(1 + x), of float64."""
    return np.log1p(x)


@primitive(_emit_of_each("tanh"))
def tanh_of_each(x: Any) -> Any:
    """Return tanh(x), of float64."""
    return np.tanh(x)


@primitive(_emit_of_each("erfc"))
def erfc_of_each(x: Any) -> Any:
    """Return 1 - erf(x), of float64."""
    return np.array([math.erfc(number) for number in x])
