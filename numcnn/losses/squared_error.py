"""The mean squared error: for outputs that are numbers, such as a price or an angle.

The further from the target, the worse, and twice as far is four times as bad. With K numbers per
sample,

    loss[n] = (1/K) * sum over k of (p[n, k] - y[n, k])**2.

p[n, k] stands in one term only. The slope of a square, u**2, is 2 * u, and that of u = p - y in p
is 1, so

    ∂loss[n]/∂p[n, k] = (1/K) * 2 * (p[n, k] - y[n, k])

and the mean over the batch gives the factor 1/N (see losses/__init__.py). An output twice as far
off pulls twice as hard.
"""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.losses.base import Array, Loss, check_same_shape, per_sample


class MeanSquaredError(Loss):
    """The mean of the squared differences.

    Math:
        loss[n] = (1/K) * sum over k of (p[n, k] - y[n, k])**2
        dp[n, k] = (1/N) * (2/K) * (p[n, k] - y[n, k])

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Example:
        Two samples of two numbers: (1 + 9) / 2 and (0 + 16) / 2, whose mean is 6.5.

        >>> mse = MeanSquaredError()
        >>> y, p = np.zeros((2, 2)), np.array([[1.0, 3.0], [0.0, -4.0]])
        >>> mse.value(y, p), mse(y, p)
        (array([5., 8.]), 6.5)
        >>> mse.gradient(y, p)  # 2 / (2 * 2) times the distance
        array([[ 0.5,  1.5],
               [ 0. , -2. ]])
    """

    name = "mean_squared_error"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean((p - y)**2) of each sample."""
        check_same_shape(y, p)
        difference = (p.astype(np.float64) - y).reshape(len(p), -1 if p.size else 1)
        squares: Array = (difference**2).mean(axis=1)
        return squares

    def gradient(self, y: Array, p: Array) -> Array:
        """Return 2 (p - y) / (N K)."""
        check_same_shape(y, p)
        # squares = ((p - y)**2).mean()
        return (2 / max(1, p.size)) * (p - y.astype(p.dtype))


class MeanSquaredLogarithmicError(Loss):
    """The mean squared difference of the logarithms: for numbers of very different size.

    Math:
        y and p are at least eps = 1e-7
        loss[n] = (1/K) * sum over k of (log(p[n, k] + 1) - log(y[n, k] + 1))**2
        dp[n, k] = (1/N) * (2/K) * (log(p[n, k] + 1) - log(y[n, k] + 1)) / (p[n, k] + 1), 0 where
                   p is below eps

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Example:
        With p + 1 twice as large as y + 1, the difference is log 2.

        >>> msle, y, p = MeanSquaredLogarithmicError(), np.array([[1.0]]), np.array([[3.0]])
        >>> round(msle(y, p) ** 0.5, 4), msle.gradient(y, p).round(4)  # 2 * log(2) / 4
        (0.6931, array([[0.3466]]))
    """

    name = "mean_squared_logarithmic_error"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean((log(p + 1) - log(y + 1))**2) of each sample."""
        check_same_shape(y, p)
        y, p, eps = y.astype(np.float64), p.astype(np.float64), backend.epsilon()
        logs = np.log1p(np.maximum(p, eps)), np.log1p(np.maximum(y, eps))
        squares = (logs[0] - logs[1]) ** 2
        return per_sample(squares)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return 2 (log(p + 1) - log(y + 1)) / (p + 1) / (N K)."""
        check_same_shape(y, p)
        eps = p.dtype.type(backend.epsilon())
        q, y = np.maximum(p, eps), np.maximum(y.astype(p.dtype), eps)
        # squares = (log(p + 1) - log(y + 1))**2
        slope = 2 * (np.log1p(q) - np.log1p(y)) / (q + 1)
        return np.where(p >= eps, slope, 0).astype(p.dtype) / max(1, p.size)


def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `MeanSquaredError`.

    Math:
        loss[n] = (1/K) * sum over k of (y_pred[n, k] - y_true[n, k])**2

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> mean_squared_error([[0.0, 0.0]], [[1.0, 3.0]])
        array([5.])
    """
    return MeanSquaredError().value(np.asarray(y_true), np.asarray(y_pred))


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `MeanSquaredLogarithmicError`.

    Math:
        loss[n] = (1/K) * sum over k of (log(y_pred[n, k] + 1) - log(y_true[n, k] + 1))**2

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> mean_squared_logarithmic_error([[1.0]], [[3.0]]).round(4)
        array([0.4805])
    """
    return MeanSquaredLogarithmicError().value(np.asarray(y_true), np.asarray(y_pred))
