"""Absolute errors: for numbers with outliers, samples whose targets are far off and perhaps wrong.

The square of a large error is very large, and a few outliers outweigh all other samples. Let
e = p - y. The absolute error |e| grows in proportion, and its slope is the sign of e: an outlier
pulls no harder than its neighbours. But it pulls as hard at the very end, so the outputs jump to
and fro about their targets, and at e = 0 there is a kink and no slope; 0 is the usual choice.

Two ways to have both ends right, a square near 0 and a straight line far out:

    Huber      e**2 / 2 up to |e| = delta, then the line that goes on with the slope it has there,
               delta: delta * |e| - delta**2 / 2. Its slope is e, kept within [-delta, delta].
    log-cosh   log((exp(e) + exp(-e)) / 2), which is e**2 / 2 for small e, and |e| - log 2 for large
               e, where the smaller power vanishes. Its slope is (exp(e) - exp(-e)) / (exp(e) +
               exp(-e)) = tanh(e).

The last loss counts in per cent of the target, for targets of very different size.
"""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.losses.base import Array, Loss, check_same_shape, per_sample


class MeanAbsoluteError(Loss):
    """The mean of the absolute differences.

    Math:
        loss[n] = (1/K) * sum over k of |p[n, k] - y[n, k]|
        dp[n, k] = (1/N) * (1/K) * sign(p[n, k] - y[n, k])

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Example:
        >>> mae = MeanAbsoluteError()
        >>> y, p = np.zeros((2, 2)), np.array([[1.0, 3.0], [0.0, -4.0]])
        >>> mae.value(y, p), mae(y, p)
        (array([2., 2.]), 2.0)
        >>> mae.gradient(y, p)  # whether 1 or 3 too much is all the same
        array([[ 0.25,  0.25],
               [ 0.  , -0.25]])
    """

    name = "mean_absolute_error"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean(|p - y|) of each sample."""
        check_same_shape(y, p)
        losses = np.abs(p.astype(np.float64) - y)
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return sign(p - y) / (N K)."""
        check_same_shape(y, p)
        # losses = np.abs(p - y)
        dp: Array = np.sign(p - y.astype(p.dtype)) / max(1, p.size)
        return dp


class MeanAbsolutePercentageError(Loss):
    """The mean of the absolute differences, in per cent of the targets.

    Math:
        loss[n] = (100/K) * sum over k of |p[n, k] - y[n, k]| / max(|y[n, k]|, eps), eps = 1e-7
        dp[n, k] = (1/N) * (100/K) * sign(p[n, k] - y[n, k]) / max(|y[n, k]|, eps)

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Example:
        >>> mape = MeanAbsolutePercentageError()
        >>> y, p = np.array([[2.0, 10.0]]), np.array([[3.0, 9.0]])  # 50 % and 10 % off
        >>> mape(y, p), mape.gradient(y, p)
        (30.0, array([[25., -5.]]))
    """

    name = "mean_absolute_percentage_error"

    def value(self, y: Array, p: Array) -> Array:
        """Return 100 * mean(|p - y| / |y|) of each sample."""
        check_same_shape(y, p)
        y = y.astype(np.float64)
        losses = 100 * np.abs(p - y) / np.maximum(np.abs(y), backend.epsilon())
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return 100 sign(p - y) / |y| / (N K)."""
        check_same_shape(y, p)
        y = y.astype(p.dtype)
        # losses = 100 * np.abs(p - y) / np.maximum(np.abs(y), epsilon)
        slope = 100 * np.sign(p - y) / np.maximum(np.abs(y), backend.epsilon())
        return (slope / max(1, p.size)).astype(p.dtype)


class Huber(Loss):
    """The squared error near by, the absolute error far out.

    Math:
        e = p - y
        loss[n] = (1/K) * sum over k of e**2 / 2 where |e| <= delta, delta * |e| - delta**2 / 2
                  elsewhere
        dp[n, k] = (1/N) * (1/K) * min(max(e, -delta), delta)

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Args:
        delta: where near by ends.

    Reference:
        Huber, "Robust estimation of a location parameter", 1964.

    Example:
        >>> huber = Huber(delta=2.0)
        >>> y, p = np.zeros((1, 2)), np.array([[1.0, 5.0]])  # 1/2 and 2 * 5 - 2, half of their sum
        >>> huber(y, p), huber.gradient(y, p)
        (4.25, array([[0.5, 1. ]]))
    """

    name = "huber"

    def __init__(self, delta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.delta = float(delta)
        if not 0 < self.delta < np.inf:
            raise ValueError(f"delta of Huber must be a number above 0, got {delta!r}.")

    def value(self, y: Array, p: Array) -> Array:
        """Return the mean of e**2 / 2, or of the line that goes on, of each sample."""
        check_same_shape(y, p)
        e = p.astype(np.float64) - y
        near = np.clip(e, -self.delta, self.delta)
        losses = near * e - near**2 / 2  # with near = e: e**2 / 2; with near = delta: the line
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return e, kept within [-delta, delta], divided by N K."""
        check_same_shape(y, p)
        # losses = near * e - near**2 / 2
        dp: Array = np.clip(p - y.astype(p.dtype), -self.delta, self.delta) / max(1, p.size)
        return dp

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        return {"delta": self.delta}


class LogCosh(Loss):
    """The logarithm of the hyperbolic cosine of the difference.

    Math:
        e = p - y
        loss[n] = (1/K) * sum over k of log((exp(e) + exp(-e)) / 2)
        dp[n, k] = (1/N) * (1/K) * tanh(e)

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Example:
        With exp(e) = 2 it is log((2 + 1/2) / 2) = log 1.25, and tanh(e) = 1.5 / 2.5.

        >>> log_cosh = LogCosh()
        >>> y, p = np.zeros((1, 1)), np.array([[np.log(2.0)]])
        >>> round(log_cosh(y, p), 6), log_cosh.gradient(y, p).round(6)
        (0.223144, array([[0.6]]))
        >>> round(log_cosh(y, p + 1000), 4)  # 1000 + log 2 - log 2: nothing overflows
        1000.0
    """

    name = "log_cosh"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean(log(cosh(e))) of each sample."""
        check_same_shape(y, p)
        e = p.astype(np.float64) - y
        losses = np.logaddexp(e, -e) - np.log(2)
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return tanh(e) / (N K)."""
        check_same_shape(y, p)
        # losses = log(np.cosh(e)), as np.logaddexp(e, -e) - np.log(2)
        dp: Array = np.tanh(p - y.astype(p.dtype)) / max(1, p.size)
        return dp


def mean_absolute_error(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `MeanAbsoluteError`.

    Math:
        loss[n] = (1/K) * sum over k of |y_pred[n, k] - y_true[n, k]|

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> mean_absolute_error([[0.0, 0.0]], [[1.0, 3.0]]).round(4)
        array([2.])
    """
    return MeanAbsoluteError().value(np.asarray(y_true), np.asarray(y_pred))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `MeanAbsolutePercentageError`.

    Math:
        loss[n] = (100/K) * sum over k of |y_pred[n, k] - y_true[n, k]| / |y_true[n, k]|

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> mean_absolute_percentage_error([[2.0, 10.0]], [[3.0, 9.0]]).round(4)
        array([30.])
    """
    return MeanAbsolutePercentageError().value(np.asarray(y_true), np.asarray(y_pred))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Array:
    """Return the loss of each sample: see `Huber`.

    Math:
        loss[n] = the mean of e**2 / 2, or delta * |e| - delta**2 / 2 where |e| > delta

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]])  # 1/2 and 3 - 1/2
        array([1.5])
    """
    return Huber(delta).value(np.asarray(y_true), np.asarray(y_pred))


def log_cosh(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `LogCosh`.

    Math:
        loss[n] = (1/K) * sum over k of log(cosh(y_pred[n, k] - y_true[n, k]))

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> log_cosh([[0.0]], [[1000.0]]).round(4)
        array([999.3069])
    """
    return LogCosh().value(np.asarray(y_true), np.asarray(y_pred))
