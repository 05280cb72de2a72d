"""The mean squared error."""

from typing import Any

import numpy as np

from numcnn.losses.base import Array, Loss, check_same_shape


class MeanSquaredError(Loss):
    """The mean of the squared differences.

    Math:
        loss[n] = (1/K) sum over k of (p[n, k] - y[n, k])**2
        dloss/dp[n, k] = (1/N) (2/K) (p[n, k] - y[n, k])

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Example:
        >>> mse = MeanSquaredError()
        >>> y, p = np.array([[0.0, 0.0]]), np.array([[1.0, 3.0]])
        >>> mse(y, p), mse.gradient(y, p)
        (5.0, array([[1., 3.]]))
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
        return (2 / max(1, p.size)) * (p - y.astype(p.dtype))


def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `MeanSquaredError`."""
    return MeanSquaredError().value(np.asarray(y_true), np.asarray(y_pred))
