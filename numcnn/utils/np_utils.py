"""Targets as Keras programs prepare them: `from keras.utils import np_utils`."""

from typing import Any

import numpy as np

from numcnn.data import as_array, integer
from numcnn.errors import DTypeError
from numcnn.legacy.arguments import with_keras_1


@with_keras_1
def to_categorical(
    y: Any, num_classes: int | None = None, dtype: str = "float32"
) -> np.ndarray[Any, Any]:
    """Return class numbers as one-hot rows.

    Shapes:
        y: (N,), (N, 1) or (N, ...)     result: (N, ..., K)

    Args:
        y: whole numbers from 0.
        num_classes: K; by default the greatest class number plus one.
        dtype: the type of the result.

    Raises:
        ValueError: a class number is below 0 or not below num_classes; DTypeError: it is not whole.

    Example:
        >>> to_categorical([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    labels = as_array("y", y)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int64)
    broken = whole != labels
    if broken.any():
        raise DTypeError(
            f"y must hold whole class numbers, got values such as {labels[broken][0]}."
        )
    if num_classes is None:
        n_classes = int(whole.max(initial=-1)) + 1
    else:
        n_classes = integer("num_classes", num_classes, 1)
    outside = (whole < 0) | (whole >= n_classes)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        expected = f"0 to {n_classes - 1} for {n_classes} classes" if n_classes else "from 0"
        raise ValueError(
            f"y must hold class numbers {expected}; "
            f"{int(outside.sum())} are outside, the first at position {first}: "
            f"{labels.flat[first]}."
        )
    return (whole[..., None] == np.arange(n_classes)).astype(dtype)


def normalize(x: Any, axis: int = -1, order: float = 2) -> np.ndarray[Any, Any]:
    """Return an array divided by its norms along an axis; where a norm is 0 it stays as it is.

    Args:
        x: numbers of any type.
        axis: along which the norms are taken.
        order: of the norm: 1 the sum of the sizes, 2 the length, np.inf the greatest size.

    Example:
        >>> normalize([[3.0, 4.0], [0.0, 0.0]])
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    array = as_array("x", x)
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norms == 0, 1, norms)
