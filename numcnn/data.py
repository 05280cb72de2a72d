"""Inputs and targets as they come from a user: looked at once, before anything changes.

Nothing here copies a whole data set to another type; batches are cast one by one in training.py.
"""

import math
import numbers
import operator
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers.base import Layer, physical_memory
from numcnn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    FunctionLoss,
    Loss,
    SparseCategoricalCrossentropy,
)
from numcnn.rows import Rows, give_back, is_elsewhere

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

AUTOTUNE = -1  # for programs that take it from tf.data, `import numcnn as tf`
CHUNK = 4096  # samples looked at together, so that a check needs little memory,
CHUNK_BYTES = 2**23  # and no more of them than this


def as_array(what: str, value: Any) -> Array:
    """Return the value as an array of numbers, without a copy where it is one.

    Raises:
        DTypeError: it is None, ragged, or holds texts, dates, objects or complex numbers.
    """
    if value is None:
        raise DTypeError(f"{what} must be an array of numbers, got None.")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DTypeError(f"{what} must be an array of numbers; {_ragged(value, error)}") from None
    if array.dtype.kind not in "biuf":
        raise DTypeError(
            f"{what} must be an array of real numbers, got one of dtype {array.dtype}. "
            "Convert it first, for instance with np.asarray(..., dtype='float32')."
        )
    if array.ndim == 0:
        raise ShapeError(f"{what} must have an axis of samples, got the single number {value!r}.")
    return array


def as_rows(what: str, value: Any) -> Any:
    """Return an array of numbers, or `Rows` of what is read by slices and not whole."""
    if isinstance(value, Rows):
        return value
    if not is_elsewhere(value):
        return as_array(what, value)
    rows = Rows(value, what)
    if rows.dtype.kind not in "biuf":
        raise DTypeError(
            f"{what} must be an array of real numbers, got a {type(value).__name__} of dtype "
            f"{rows.dtype}."
        )
    return rows


def check_input_shape(x: Any, expected: Shape, layer: str) -> None:
    """Raise a ShapeError unless x is a batch of samples of the expected shape."""
    if x.shape[1:] == expected:
        return
    hint = ""
    if x.shape[1:] == expected[:-1] and expected[-1] == 1:
        hint = " Add a channel axis: x[..., None]."
    elif x.shape[1:] == expected[1:] and expected[0] == 1:
        hint = " Add a channel axis: x[:, None]."
    elif x.shape == expected:
        hint = " This is a single sample; make it a batch of one: x[None]."
    elif x.shape == expected[:-1] and expected[-1] == 1:
        hint = " This is a single image; add the axes of batch and channel: x[None, ..., None]."
    elif x.ndim == 2 and x.shape[1] == math.prod(expected):
        hint = f" Give each sample its axes: x.reshape{(-1, *expected)}."
    elif len(expected) == 1 and math.prod(x.shape[1:]) == expected[0]:
        hint = " Make each sample a row: x.reshape(len(x), -1)."
    raise ShapeError(
        f"Input of layer 0 ({layer!r}): expected ndim={len(expected) + 1} and shape "
        f"{('N', *expected)}, found ndim={x.ndim}. Full shape received: {x.shape}.{hint}"
    )


def check_finite(what: str, x: Array, dtype: str, hint: str = "") -> None:
    """Raise a ValueError where x holds NaN, infinity, or what becomes infinite as `dtype`."""
    if x.dtype.kind != "f":
        return
    limit = np.finfo(dtype).max
    bad, first, too_large = 0, None, False
    rows = max(1, min(CHUNK, CHUNK_BYTES // max(1, x[:1].nbytes)))
    for start in range(0, len(x), rows):
        chunk = x[start : start + rows]
        wrong = ~(np.abs(chunk) <= limit)
        give_back(x)
        if wrong.any():
            bad += int(wrong.sum())
            if first is None:
                place = np.argwhere(wrong)[0]
                first = (start + int(place[0]), *map(int, place[1:]))
                too_large = bool(np.isfinite(x[first]))
    if first is None:
        return
    if too_large:
        raise DTypeError(
            f"{what} has {bad} values that are too large for {dtype}, the first at index "
            f"{first}: {x[first]}. Scale the data."
        )
    raise ValueError(
        f"{what} has {bad} values that are NaN or infinite, the first at index {first}: "
        f"{x[first]}. Clean the data{hint}."
    )


def check_memory(
    layers: list[Layer], input_shapes: list[Shape], n: int, as_written: bool = False
) -> None:
    """Raise a MemoryError where one array that a batch of n needs cannot fit into this machine.

    That is what a layer returns, and where layers are run as they are written also what it makes on
    the way, such as the windows of a convolution. What needs less may still be too much.
    """
    budget = physical_memory()
    for i, (layer, input_shape) in enumerate(zip(layers, input_shapes, strict=True)):
        shapes = [layer.compute_output_shape(input_shape)]
        if as_written:
            shapes.append(layer.work_shape(input_shape))
        shape = max(shapes, key=math.prod)
        per_sample = math.prod(shape) * np.dtype(layer.dtype).itemsize
        if n * per_sample > budget:
            raise MemoryError(
                f"A batch of {n:,} samples is too large: layer {i} ({layer.name!r}) would make "
                f"an array of shape {(n, *shape)} and {n * per_sample:,} bytes, this machine has "
                f"{budget:,}. Use a smaller batch_size, at most {budget // per_sample:,}."
            )


def check_lengths(x: Any, y: Any, what: str = "x and y") -> None:
    """Raise a ValueError unless there are as many targets as samples."""
    if len(x) != len(y):
        raise ShapeError(
            f"{what} must have the same number of samples, got {len(x)} (shape {x.shape}) and "
            f"{len(y)} (shape {y.shape})."
        )


def as_targets(what: str, y: Any, loss: Loss, output_shape: Shape) -> Array:
    """Return targets that fit the loss and the model's outputs.

    Raises:
        ShapeError: their shape does not fit; DTypeError: labels are not whole numbers;
        ValueError: labels or values are out of range.
    """
    y = as_array(what, y)
    if isinstance(loss, SparseCategoricalCrossentropy):
        return _class_numbers(what, y, output_shape)
    if isinstance(loss, FunctionLoss) and y.shape[1:] in ((), (1,)) and output_shape[-1:] != (1,):
        check_finite(what, y, "float64")  # class numbers, which a function may know how to take
        return y
    if y.shape[1:] != output_shape and y.shape == (len(y),) and output_shape == (1,):
        y = y[:, None]
    if y.shape[1:] != output_shape:
        hint = ""
        if isinstance(loss, CategoricalCrossentropy) and y.shape[1:] in ((), (1,)):
            hint = (
                " These look like class numbers: convert them with "
                f"numcnn.utils.to_categorical(y, {output_shape[-1]}), or use the loss "
                "'sparse_categorical_crossentropy'."
            )
        if len(output_shape) > 1 and y.ndim <= 2:
            hint += " Is a Flatten missing before the last layers?"
        raise ShapeError(
            f"{what} of shape {y.shape} does not fit the loss {loss.name!r}: the model's outputs "
            f"have shape {('N', *output_shape)} and the targets must have the same.{hint}"
        )
    check_finite(what, y, "float64")
    if isinstance(loss, (CategoricalCrossentropy, BinaryCrossentropy)) and y.size:
        top = 1 if isinstance(loss, BinaryCrossentropy) else np.inf
        low, high = y.min(), y.max()
        if low < 0 or high > top:
            raise ValueError(
                f"{what} holds values from {low} to {high}; the loss {loss.name!r} needs "
                f"probabilities, which are at least 0 and at most 1."
            )
    return y


def _class_numbers(what: str, y: Array, output_shape: Shape) -> Array:
    """Return labels as whole numbers from 0 to K - 1."""
    *axes, n_classes = output_shape
    if y.shape[1:] not in (tuple(axes), (*axes, 1)):
        hint = ""
        if y.shape[1:] == output_shape:
            hint = " One-hot targets go with the loss 'categorical_crossentropy'."
        raise ShapeError(
            f"{what} of shape {y.shape} does not fit 'sparse_categorical_crossentropy', which "
            f"needs one class number per sample: shape {('N', *axes)}.{hint}"
        )
    if y.dtype.kind == "f":
        whole = np.isfinite(y) & (y == np.floor(y))
        if not whole.all():
            first = tuple(map(int, np.argwhere(~whole)[0]))
            raise DTypeError(
                f"{what} must hold class numbers 0 to {n_classes - 1}; at index {first} stands "
                f"{y[first]}, which is not a whole number."
            )
    outside = (y < 0) | (y >= n_classes)
    if outside.any():
        first = tuple(map(int, np.argwhere(outside)[0]))
        raise ValueError(
            f"{what} must hold class numbers 0 to {n_classes - 1}, since the model has {n_classes} "
            f"outputs; {int(outside.sum())} are outside (from {y.min()} to {y.max()}), the first "
            f"at index {first}: {y[first]}. Give the last layer more units or mend the labels."
        )
    return y


def number(what: str, value: Any) -> float:
    """Return a number; booleans, texts and NaN are refused."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or math.isnan(value):
        raise DTypeError(f"{what} must be a number, got {value!r}.")
    return float(value)


def integer(what: str, value: Any, least: int) -> int:
    """Return a whole number of at least `least`; booleans and fractions are refused."""
    try:
        whole = operator.index(value)
    except TypeError:
        whole = None
    if whole is None or isinstance(value, bool):
        many = isinstance(value, np.ndarray) and value.size > 9
        found = f"an array of shape {value.shape}" if many else repr(value)
        raise DTypeError(f"{what} must be an integer of at least {least}, got {found}.")
    if whole < least:
        raise ValueError(f"{what} must be an integer of at least {least}, got {whole}.")
    return whole


def _ragged(value: Any, error: ValueError) -> str:
    """Say which row of a ragged list is the first to differ."""
    try:
        shapes = [np.shape(row) for row in value]
    except (TypeError, ValueError):
        return f"got something that NumPy cannot convert ({error})."
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            return f"row 0 has shape {shapes[0]} but row {i} has shape {shape}."
    return f"got something that NumPy cannot convert ({error})."
