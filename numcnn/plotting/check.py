"""What the drawing functions are given, looked at before anything is drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError

Array = np.ndarray[Any, Any]
Labels = Array | Sequence[int]


def as_names(class_names: Sequence[str] | None, n: int) -> list[str]:
    """Return the names of n classes; by default their numbers."""
    if class_names is None:
        return [str(k) for k in range(n)]
    if len(list_of_names(class_names)) != n:
        raise ShapeError(
            f"class_names must hold one name for each of {n} classes, got {len(class_names)}."
        )
    return [name if len(name) <= 12 else name[:11] + "…" for name in map(str, class_names)]


def list_of_names(class_names: Sequence[str]) -> Sequence[str]:
    """Return the names as they came; one text or a number is no list of them."""
    if isinstance(class_names, str) or not hasattr(class_names, "__len__"):
        raise DTypeError(f"class_names must be a list of names, got {class_names!r}.")
    return class_names


def as_array(name: str, values: Any, ndims: tuple[int, ...], expected: str) -> Array:
    """Return `values` as a finite array with numbers in it and an allowed number of dimensions."""
    array: Array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise DTypeError(f"{name} must be numbers of shape {expected}, got dtype {array.dtype}.")
    if array.ndim not in ndims or array.size == 0:
        raise ShapeError(f"{name} must have the shape {expected}, not empty, got {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite, but NaN or infinity came. The model has probably diverged: "
            "train again with a smaller learning rate."
        )
    return array


def as_images(images: Any) -> Array:
    """Return images as (N, H, W, C) with C = 1 or 3."""
    expected = "(N, H, W), (N, H, W, 1) or (N, H, W, 3)"
    array = as_array("images", images, (3, 4), expected)
    array = array[..., None] if array.ndim == 3 else array
    if array.shape[-1] not in (1, 3):
        raise ShapeError(
            f"images must have the shape {expected}, got {array.shape}. "
            "Move the channels to the end, or pass one of them: images[..., 0]."
        )
    return array


def as_labels(name: str, values: Any, n_classes: int | None) -> Array:
    """Return classes as N integers, checked to lie in 0..C-1."""
    y = as_array(name, values, (1, 2), "N integers or (N, C)")
    if y.ndim == 2:
        if n_classes is not None and y.shape[1] not in (1, n_classes):
            raise ShapeError(f"{name} must have {n_classes} columns, one per class, got {y.shape}.")
        y = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    top = 1000 if n_classes is None else n_classes
    bad = y[(y < 0) | (y >= top) | (y != np.floor(y))]
    if len(bad):
        raise ValueError(
            f"{name} must be whole numbers from 0 to {top - 1}, got {bad[0]}. "
            "Number the classes from 0 and check the number of classes and of class_names."
        )
    return y.astype(np.int64)


def check_same_length(**arrays: Array) -> None:
    """Raise a ShapeError unless all arrays have as many samples."""
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} {len(array):,}" for name, array in arrays.items())
        raise ShapeError(f"All arrays must have the same length N, got {lengths}.")


def as_limit(limit: int) -> int:
    """Return how many pictures are drawn at most."""
    if not isinstance(limit, int | np.integer) or limit < 1:
        raise ValueError(f"limit must be a whole number >= 1, got {limit!r}.")
    return int(limit)


def as_curve(name: str, values: Any, accuracy: bool) -> Array:
    """Return one list of the history, an accuracy as error in percent, NaN for what is infinite."""
    try:
        y = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        y = np.empty((0, 0))
    if y.ndim != 1:
        raise ShapeError(f"history[{name!r}] must be a list of one number per epoch, got {values}.")
    y = np.where(np.isfinite(y), y, np.nan)
    if accuracy and (np.abs(y - 0.5) > 0.500001).any():
        raise ValueError(
            f"history[{name!r}] must lie between 0 and 1, got {values}. Divide percents by 100."
        )
    return np.maximum(100 - 100 * y, 0) if accuracy else y
