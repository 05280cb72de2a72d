"""The checks that layers make of their arguments, each with an error that says what to do."""

import math
import operator
from typing import Any

import numpy as np

from numcnn import backend
from numcnn.backend import DataFormat
from numcnn.errors import DTypeError, ShapeError, unknown_name

Pair = tuple[int, int]


def positive_int(what: str, value: Any) -> int:
    """Return the value as an int; refuse booleans, fractions, texts and what is below 1.

    Example:
        >>> positive_int("filters", 32)
        32
    """
    if isinstance(value, bool):
        raise DTypeError(f"{what} must be a positive integer, got the boolean {value!r}.")
    try:
        number = operator.index(value)
    except TypeError:
        raise DTypeError(
            f"{what} must be a positive integer, got {value!r} of type {type(value).__name__}."
        ) from None
    if number < 1:
        raise ShapeError(f"{what} must be a positive integer, got {number}.")
    return number


def pair(what: str, value: Any) -> Pair:
    """Return two positive integers from an integer or a pair.

    Example:
        >>> pair("strides", 2), pair("strides", (2, 1))
        ((2, 2), (2, 1))
    """
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ShapeError(f"{what} must be an integer or a pair of them, got {value!r}.")
        return positive_int(what, value[0]), positive_int(what, value[1])
    number = positive_int(what, value)
    return number, number


def padding_name(what: str, value: Any) -> str:
    """Return 'valid' or 'same'.

    Example:
        >>> padding_name("Conv2D", "SAME")
        'same'
    """
    name = value.lower() if isinstance(value, str) else value
    if name not in ("valid", "same"):
        raise unknown_name(f"padding of {what}", value, ["valid", "same"])
    return str(name)


def data_format_name(value: Any) -> DataFormat:
    """Return 'channels_last' or 'channels_first'; `None` means the backend's setting.

    Example:
        >>> data_format_name(None)
        'channels_last'
    """
    if value is None:
        return backend.image_data_format()
    if value == "channels_last":
        return "channels_last"
    if value == "channels_first":
        return "channels_first"
    raise unknown_name("data_format", value, ["channels_last", "channels_first"])


def sample_shape(what: str, value: Any) -> tuple[int, ...]:
    """Return the shape of one sample as a tuple of positive integers.

    Example:
        >>> sample_shape("input_shape", [28, 28, 1]), sample_shape("input_shape", 784)
        ((28, 28, 1), (784,))
    """
    if value is None or isinstance(value, (str, bytes)):
        raise DTypeError(f"{what} must be a tuple of positive integers, got {value!r}.")
    try:
        sizes = tuple(value)
    except TypeError:
        sizes = (value,)
    return tuple(positive_int(f"each size in {what}={value!r}", size) for size in sizes)


def real_number(what: str, value: Any, least: float, most: float = math.inf) -> float:
    """Return the value as a float; refuse what is no number, and what is outside least to most.

    Example:
        >>> real_number("momentum", 1, 0, 1)
        1.0
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise DTypeError(f"{what} must be a number, got {value!r}.")
    if not (least <= value <= most and math.isfinite(value)):
        above = " and finite" if most == math.inf else f" and at most {most:g}"
        raise ValueError(f"{what} must be at least {least:g}{above}, got {value!r}.")
    return float(value)


def refuse_layers(name: str, x: Any) -> None:
    """Raise where a layer is called on a layer or a list of them, as in the functional API.

    Example:
        >>> refuse_layers("dense", [[1.0, 2.0]])
    """
    for item in x if isinstance(x, (list, tuple)) else [x]:
        if hasattr(item, "forward"):
            raise DTypeError(
                f"Layer {name!r} takes an array, got the layer {item!r}. The functional API, "
                "x = Dense(10)(x), is not here: a model is a row of layers, Sequential([...])."
            )


def keywords(cls: type) -> list[str]:
    """Return the arguments that a layer class takes, its base's included.

    A class that gives its base an argument itself names it in `given_to_base`.

    Example:
        >>> from numcnn.layers import Flatten
        >>> keywords(Flatten)
        ['data_format', 'name', 'input_shape', 'trainable', 'dtype']
    """
    names: list[str] = []
    for base in cls.__mro__:
        init = vars(base).get("__init__")
        code = getattr(init, "__code__", None)
        if code is not None:
            count = code.co_argcount + code.co_kwonlyargcount
            names += [n for n in code.co_varnames[1:count] if n not in names]
    return [n for n in names if n not in getattr(cls, "given_to_base", ())]


def float_type(value: Any) -> str:
    """Return 'float32' or 'float64'; `None` means the backend's setting.

    Example:
        >>> float_type(None), float_type(np.float64)
        ('float32', 'float64')
    """
    name = backend.floatx() if value is None else value
    if isinstance(name, np.dtype) or (isinstance(name, type) and issubclass(name, np.generic)):
        name = np.dtype(name).name
    if name not in ("float32", "float64"):
        raise DTypeError(f"dtype must be 'float32' or 'float64', got {value!r}.")
    return str(name)
