"""Keras's functions of arrays: made, reshaped, put together, read and set.

There are no tensors and no variables that could be told from arrays: what is a variable in Keras is
an array here, which may change.
"""

from typing import Any

import numpy as np

from numcnn.backend.settings import floatx

Array = np.ndarray[Any, Any]


def shape(x: Any) -> tuple[int, ...]:
    """Return the lengths of the axes."""
    return np.shape(x)


int_shape = shape


def ndim(x: Any) -> int:
    """Return how many axes there are."""
    return np.ndim(x)


def dtype(x: Any) -> str:
    """Return the name of the type."""
    return str(np.asarray(x).dtype)


def cast(x: Any, dtype: Any) -> Array:
    """Return an array of another type."""
    return np.asarray(x).astype(dtype)


def cast_to_floatx(x: Any) -> Array:
    """Return an array of the float type of new layers.

    Example:
        >>> cast_to_floatx([1, 2]).dtype
        dtype('float32')
    """
    return np.asarray(x, dtype=floatx())


def variable(value: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Return a new array: there are no tensors, and arrays may change."""
    return np.array(value, dtype or floatx())


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Array:
    """Return a new array, of one number where a shape is given."""
    found = np.array(value, dtype or floatx())
    return found if shape is None else np.broadcast_to(found, shape).copy()


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Return zeros."""
    return np.zeros(shape, dtype or floatx())


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Return ones."""
    return np.ones(shape, dtype or floatx())


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Return zeros of the shape of x."""
    return np.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Array:
    """Return ones of the shape of x."""
    return np.ones_like(x, dtype)


def reshape(x: Any, shape: Any) -> Array:
    """Return x in another shape."""
    return np.reshape(x, shape)


def flatten(x: Any) -> Array:
    """Return all numbers in one axis."""
    return np.ravel(x)


def batch_flatten(x: Any) -> Array:
    """Return all axes but the first in one."""
    return np.reshape(x, (np.shape(x)[0], -1))


def transpose(x: Any) -> Array:
    """Return x with its axes in reverse."""
    return np.transpose(x)


def permute_dimensions(x: Any, pattern: Any) -> Array:
    """Return x with its axes in another order."""
    return np.transpose(x, pattern)


def expand_dims(x: Any, axis: int = -1) -> Array:
    """Return x with one axis more, of length 1."""
    return np.expand_dims(x, axis)


def squeeze(x: Any, axis: int) -> Array:
    """Return x without an axis of length 1."""
    return np.squeeze(x, axis)


def concatenate(tensors: Any, axis: int = -1) -> Array:
    """Return arrays one after the other."""
    return np.concatenate(tensors, axis)


def stack(x: Any, axis: int = 0) -> Array:
    """Return arrays along a new axis."""
    return np.stack(x, axis)


def tile(x: Any, n: Any) -> Array:
    """Return x repeated n times."""
    return np.tile(x, n)


def gather(reference: Any, indices: Any) -> Array:
    """Return the rows of these numbers."""
    return np.asarray(reference)[np.asarray(indices, np.intp)]


def one_hot(indices: Any, num_classes: int) -> Array:
    """Return class numbers as one-hot rows."""
    return (np.asarray(indices)[..., None] == np.arange(num_classes)).astype(floatx())


def dot(x: Any, y: Any) -> Any:
    """Return the matrix product."""
    return np.dot(x, y)


def eval(x: Any) -> Array:
    """Return x as an array: nothing waits to be computed."""
    return np.asarray(x)


def get_value(x: Any) -> Any:
    """Return x itself: numbers and arrays are what they are here, such as `optimizer.lr`.

    Example:
        >>> get_value(0.01)
        0.01
    """
    return float(x) if hasattr(x, "assign") else x


def set_value(x: Any, value: Any) -> None:
    """Change an array in place, or an optimizer's learning rate.

    Raises:
        TypeError: x is another number, which cannot be changed. ValueError: value has
        another shape.

    Example:
        >>> x = np.zeros(2)
        >>> set_value(x, [1.0, 2.0])
        >>> x
        array([1., 2.])
    """
    if hasattr(x, "assign"):
        x.assign(value)
        return
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"set_value needs an array or an optimizer's learning rate, got {x!r}, a number of "
            "Python. Set it where it is: model.optimizer.momentum = value."
        )
    found = np.asarray(value)
    if found.shape != x.shape:
        raise ValueError(f"value must have the shape {x.shape}, got {found.shape}.")
    x[...] = found
