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

from numcnn.losses.base import Array, Loss, check_same_shape


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
