"""Accuracies: the share of right answers.

With classes an answer is right where the greatest output is the true class's, or among the k
greatest; with a yes or no where the output is on the right side of a threshold.
"""

from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError
from numcnn.metrics.base import Array, MeanMetric


def places(k: Any) -> int:
    """Return how many places count, a whole number of at least 1.

    Example:
        >>> places(5)
        5
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise DTypeError(f"k must be an integer of at least 1, got {k!r}.")
    if k < 1:
        raise ValueError(f"k must be an integer of at least 1, got {k!r}: no place would count.")
    return int(k)


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


def top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5) -> Array:
    """Return 1 where the one-hot target's output is among the k greatest, else 0.

    Math:
        result[n] = (how many outputs are greater than that of the true class) < k

    Shapes:
        y_true, y_pred: (N, ..., K), the same     result: (N,)

    Example:
        >>> top_k_categorical_accuracy(np.eye(3)[:1], np.array([[0.3, 0.2, 0.5]]), k=2)
        array([1.])
    """
    _check_shapes("top_k_categorical_accuracy", y_true.shape, y_pred.shape)
    return sparse_top_k_categorical_accuracy(y_true.argmax(axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5) -> Array:
    """Return 1 where the output of the class number is among the k greatest, else 0.

    Math:
        result[n] = (how many outputs are greater than that of the true class) < k

    Shapes:
        y_true: (N, ...) or (N, ..., 1)     y_pred: (N, ..., K)     result: (N,)

    Example:
        >>> outputs = np.array([[3, 2, 5], [3, 2, 5]])
        >>> sparse_top_k_categorical_accuracy(np.array([0, 1]), outputs, k=2)
        array([1., 0.])
    """
    labels = y_true[..., 0] if y_true.shape == (*y_pred.shape[:-1], 1) else y_true
    _check_shapes("sparse_top_k_categorical_accuracy", labels.shape, y_pred.shape[:-1])
    own = np.take_along_axis(y_pred, labels[..., None].astype(np.int64), axis=-1)
    among = (y_pred > own).sum(axis=-1) < k
    return _hits(among, np.ones_like(among))


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


class Accuracy(MeanMetric):
    """The share of outputs that equal their targets.

    Math:
        the mean of (y_true == y_pred)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> Accuracy()([[1.0], [2.0]], [[1.0], [3.0]])
        0.5
    """

    default_name = "accuracy"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(None, name, dtype)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return one number per sample."""
        return _hits(y_true, y_pred)


class CategoricalAccuracy(MeanMetric):
    """The share of samples whose greatest output is at the one-hot target's place.

    Math:
        the mean of `categorical_accuracy`

    Shapes:
        y_true, y_pred: (N, K)     result: a number

    Example:
        >>> CategoricalAccuracy()([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])
        0.5
    """

    default_name = "categorical_accuracy"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(None, name, dtype)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return one number per sample."""
        return categorical_accuracy(y_true, y_pred)


class SparseCategoricalAccuracy(MeanMetric):
    """The share of samples whose greatest output is at the class number's place.

    Math:
        the mean of `sparse_categorical_accuracy`

    Shapes:
        y_true: (N,) or (N, 1)     y_pred: (N, K)     result: a number

    Example:
        >>> SparseCategoricalAccuracy()([0, 1], [[0.9, 0.1], [0.8, 0.2]])
        0.5
    """

    default_name = "sparse_categorical_accuracy"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(None, name, dtype)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return one number per sample."""
        return sparse_categorical_accuracy(y_true, y_pred)


class BinaryAccuracy(MeanMetric):
    """The share of outputs on the right side of a threshold.

    Math:
        the mean of `binary_accuracy`

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Args:
        threshold: what is above it means yes.
        name: what the history calls it.

    Example:
        >>> BinaryAccuracy(threshold=0.7)([[1, 0]], [[0.9, 0.6]])
        1.0
    """

    default_name = "binary_accuracy"

    def __init__(self, name: str | None = None, dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(None, name, dtype)
        self.threshold = threshold

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return one number per sample."""
        return binary_accuracy(y_true, y_pred, self.threshold)


class TopKCategoricalAccuracy(MeanMetric):
    """The share of samples whose true class is among the k greatest outputs.

    Math:
        the mean of `top_k_categorical_accuracy`

    Shapes:
        y_true, y_pred: (N, K)     result: a number

    Args:
        k: how many places count.
        name: what the history calls it.

    Example:
        >>> TopKCategoricalAccuracy(k=2)([[1, 0, 0], [0, 1, 0]], [[3, 2, 5], [3, 2, 5]])
        0.5
    """

    default_name = "top_k_categorical_accuracy"

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(None, name, dtype)
        self.k = places(k)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return one number per sample."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


class SparseTopKCategoricalAccuracy(MeanMetric):
    """`TopKCategoricalAccuracy` for class numbers.

    Math:
        the mean of `sparse_top_k_categorical_accuracy`

    Shapes:
        y_true: (N,) or (N, 1)     y_pred: (N, K)     result: a number

    Args:
        k: how many places count.
        name: what the history calls it.

    Example:
        >>> SparseTopKCategoricalAccuracy(k=2)([0, 1], [[3, 2, 5], [3, 2, 5]])
        0.5
    """

    default_name = "sparse_top_k_categorical_accuracy"

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(None, name, dtype)
        self.k = places(k)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return one number per sample."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k)
