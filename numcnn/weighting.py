"""How much each sample counts: weights of samples and of classes, looked at.

training.py has the formula that they go into, `mean_loss`.
"""

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn import data
from numcnn.errors import DTypeError, ShapeError

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Weighting = Callable[[Array, Array | None], Array]


def sample_weights(what: str, weights: Any, n: int) -> Array | None:
    """Return one weight for each of n samples, (N,) in float64, or None for None.

    Raises:
        ShapeError: there are more or fewer; ValueError: one is NaN or infinite.
    """
    if weights is None:
        return None
    array = data.as_array(what, weights)
    if array.shape not in ((n,), (n, 1)):
        raise ShapeError(
            f"{what} must hold one number for each of the {n} samples, shape {(n,)}; got shape "
            f"{array.shape}."
        )
    data.check_finite(what, array, "float32")
    return array.reshape(n).astype(np.float64)


def class_weighting(class_weight: Any, output_shape: Shape) -> Weighting | None:
    """Return what makes weights of samples from their classes: {class: weight}, others count 1.

    Where samples have weights of their own, both are multiplied.
    """
    if class_weight is None:
        return None
    check_class_weight(class_weight)
    if len(output_shape) != 1:
        raise ShapeError(
            f"class_weight needs one class for each sample, but the model's outputs have shape "
            f"{('N', *output_shape)}. Use sample_weight."
        )
    n_classes = max(2, output_shape[0])
    table = np.ones(n_classes)
    for key, value in class_weight.items():
        if key >= n_classes:
            raise ValueError(
                f"class_weight has the key {key}; its keys must be class numbers 0 to "
                f"{n_classes - 1}."
            )
        table[int(key)] = value

    def weigh(y: Array, weights: Array | None) -> Array:
        by_class: Array = table[class_numbers(y, n_classes)]
        return by_class if weights is None else by_class * weights

    return weigh


def check_class_weight(class_weight: Any) -> None:
    """Raise unless it is a dictionary from class numbers to weights."""
    if not isinstance(class_weight, dict):
        raise DTypeError(
            "class_weight must be a dictionary from class numbers to weights, such as "
            f"{{0: 1.0, 1: 2.5}}, got {type(class_weight).__name__}. For a list or an array write "
            "dict(enumerate(weights))."
        )
    for key, value in class_weight.items():
        if not isinstance(key, numbers.Integral) or isinstance(key, bool) or key < 0:
            raise ValueError(
                f"class_weight has the key {key!r}; its keys must be class numbers from 0."
            )
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not np.isfinite(float(value)):
            raise ValueError(f"class_weight[{key}] must be a finite number, got {value!r}.")


def class_numbers(y: Array, n_classes: int) -> Array:
    """Return the class of each target: the place of the greatest, or the number itself."""
    if y.ndim > 1 and y.shape[-1] != 1:
        found: Array = y.argmax(axis=-1)
        return found
    labels = np.rint(y.reshape(len(y))).astype(np.int64)
    if labels.size and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(
            f"class_weight needs targets that are class numbers 0 to {n_classes - 1}, got values "
            f"from {y.min()} to {y.max()}."
        )
    return labels
