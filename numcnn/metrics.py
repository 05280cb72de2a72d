"""Metrics: what a person reads off a model, such as the share of right answers. No gradients.

A share of right answers cannot be trained on: it jumps when an answer changes and is flat
everywhere else, so its slope is 0. A loss is smooth, and falls where the answers become right.
Each function returns one number per sample, and the mean of them is what is shown.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.errors import ShapeError, unknown_name
from numcnn.losses import LOSSES, Loss
from numcnn.losses import get as get_loss

Array = np.ndarray[Any, Any]
Metric = Callable[[Array, Array], Array]  # (targets, outputs) -> one number per sample


def categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where the greatest output is at the one-hot target's place, else 0.

    Math:
        result[n] = (argmax over k of y_true[n, k]) == (argmax over k of y_pred[n, k])

    Shapes:
        y_true, y_pred: (N, K)     result: (N,)

    Example:
        >>> categorical_accuracy(np.eye(2), np.array([[0.9, 0.1], [0.8, 0.2]]))
        array([1., 0.])
    """
    _check_shapes("categorical_accuracy", y_true.shape, y_pred.shape)
    return _hits(y_true.argmax(axis=-1), y_pred.argmax(axis=-1))


def sparse_categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where the greatest output is at the class number's place, else 0.

    Math:
        result[n] = y_true[n] == (argmax over k of y_pred[n, k])

    Shapes:
        y_true: (N,) or (N, 1)     y_pred: (N, K)     result: (N,)

    Example:
        >>> sparse_categorical_accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
        array([1., 0.])
    """
    labels = y_true[..., 0] if y_true.shape == (*y_pred.shape[:-1], 1) else y_true
    _check_shapes("sparse_categorical_accuracy", labels.shape, y_pred.shape[:-1])
    return _hits(labels, y_pred.argmax(axis=-1))


def binary_accuracy(y_true: Array, y_pred: Array, threshold: float = 0.5) -> Array:
    """Return the share of outputs on the right side of the threshold, for each sample.

    Math:
        result[n] = the mean over k of (y_true[n, k] == (y_pred[n, k] > threshold))

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> binary_accuracy(np.array([[1, 0]]), np.array([[0.9, 0.8]]))
        array([0.5])
    """
    _check_shapes("binary_accuracy", y_true.shape, y_pred.shape)
    return _hits(y_true, y_pred > threshold)


def _check_shapes(metric: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise ShapeError(
            f"The metric {metric!r} needs targets of shape {expected}, got {found}. 'accuracy' "
            "stands for the one that fits the loss."
        )


def _hits(y_true: Array, y_pred: Array) -> Array:
    equal = (y_true == y_pred).astype(np.float64)
    mean: Array = equal.mean(axis=tuple(range(1, equal.ndim)))
    return mean


METRICS: dict[str, Metric] = {
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "binary_accuracy": binary_accuracy,
}


def get(identifier: Any, loss: Loss, output_shape: tuple[int, ...]) -> tuple[str, Metric]:
    """Return (the name for the history, the function) of a metric.

    'accuracy' and 'acc' mean the accuracy that fits the loss and the outputs, as in Keras.

    Example:
        >>> get("accuracy", get_loss("binary_crossentropy"), (None, 1))[1].__name__
        'binary_accuracy'
    """
    if identifier in ("accuracy", "acc"):
        if loss.name == "sparse_categorical_crossentropy":
            return identifier, sparse_categorical_accuracy
        if loss.name == "binary_crossentropy" or output_shape[-1:] == (1,):
            return identifier, binary_accuracy
        return identifier, categorical_accuracy
    if isinstance(identifier, str) and identifier in METRICS:
        return identifier, METRICS[identifier]
    if isinstance(identifier, str) and identifier in LOSSES:
        return identifier, get_loss(identifier).value
    if callable(identifier):
        return getattr(identifier, "__name__", type(identifier).__name__), identifier
    raise unknown_name("metric", identifier, ["accuracy", "acc", *METRICS, *LOSSES])
