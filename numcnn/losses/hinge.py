"""Hinges: for classes, without probabilities. Right is not enough, it has to be right by a margin.

The target of a yes or no is y = 1 or y = -1 and the output p is a score of any size. y * p is
positive where the sign is right. The loss is max(1 - y * p, 0): it falls until y * p is 1, and a
sample beyond that margin counts no more, however sure. So training goes on with the doubtful ones.
Below the margin its slope in p is -y, beyond it 0; at the kink 0 is taken.

With K classes, the score of the true class has to be greater than the greatest of the others, by a
margin of 1.
"""

from typing import Any

import numpy as np

from numcnn.losses.base import Array, Loss, check_same_shape, per_sample


class Hinge(Loss):
    """How far each score is from being right by a margin of 1.

    Math:
        loss[n] = (1/K) * sum over k of max(1 - y[n, k] * p[n, k], 0)
        dp[n, k] = (1/N) * (1/K) * (-y[n, k] where y * p < 1, 0 elsewhere)

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Note:
        y is 1 or -1. Where a batch holds nothing but 0 and 1, 0 means -1, as in Keras.

    Reference:
        Cortes and Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    Example:
        Right by 3; right, but by 0.5 only; and wrong by 1.

        >>> hinge, y, p = Hinge(), np.array([[1.0, -1.0, 1.0]]), np.array([[3.0, -0.5, -1.0]])
        >>> round(hinge(y, p), 4), hinge.gradient(y, p).round(4)  # (0 + 0.5 + 2) / 3
        (0.8333, array([[ 0.    ,  0.3333, -0.3333]]))
    """

    name = "hinge"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean(max(1 - y p, 0)) of each sample."""
        y = signs(y, p)
        losses = np.maximum(1 - y * p.astype(np.float64), 0)
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return -y / (N K) below the margin, 0 beyond."""
        y = signs(y, p).astype(p.dtype)
        # losses = np.maximum(1 - y * p, 0)
        dp: Array = np.where(y * p < 1, -y, 0) / max(1, p.size)
        return dp


class SquaredHinge(Loss):
    """The square of `Hinge`, number by number: it has no kink and hates large mistakes more.

    Math:
        h = max(1 - y * p, 0)
        loss[n] = (1/K) * sum over k of h[n, k]**2
        dp[n, k] = (1/N) * (1/K) * -2 * y[n, k] * h[n, k]

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Note:
        y is 1 or -1. Where a batch holds nothing but 0 and 1, 0 means -1, as in Keras.

    Example:
        >>> hinge, y, p = SquaredHinge(), np.array([[1.0, -1.0]]), np.array([[-1.0, -0.5]])
        >>> hinge(y, p), hinge.gradient(y, p)  # (2**2 + 0.5**2) / 2
        (2.125, array([[-2. ,  0.5]]))
    """

    name = "squared_hinge"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean(max(1 - y p, 0)**2) of each sample."""
        y = signs(y, p)
        losses = np.maximum(1 - y * p.astype(np.float64), 0) ** 2
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return -2 y max(1 - y p, 0) / (N K)."""
        y = signs(y, p).astype(p.dtype)
        # losses = np.maximum(1 - y * p, 0)**2
        dp: Array = -2 * y * np.maximum(1 - y * p, 0) / max(1, p.size)
        return dp


class CategoricalHinge(Loss):
    """How far the true class's score is from being the greatest by a margin of 1.

    Math:
        loss[n] = max(1 + other - own, 0), with own = sum over k of y[n, k] * p[n, k]
                  and other = max over k of (1 - y[n, k]) * p[n, k]
        dp[n, k] = (1/N) * ((1 - y[n, k] where k is that of `other`, else 0) - y[n, k])
                   where the loss is above 0, else 0

    Shapes:
        y, p: (N, ..., K), the same; y one-hot. A sample with further axes counts their mean.

    Note:
        (1 - y) * p is 0 at the true class, so `other` is never below 0, as in Keras.

    Example:
        >>> y, p = np.array([[0.0, 1.0, 0.0]]), np.array([[2.0, 1.5, 1.0]])
        >>> hinge = CategoricalHinge()
        >>> hinge(y, p), hinge.gradient(y, p)  # 1 + 2 - 1.5
        (1.5, array([[ 1., -1.,  0.]]))
    """

    name = "categorical_hinge"

    def value(self, y: Array, p: Array) -> Array:
        """Return max(1 + other - own, 0) of each sample."""
        check_same_shape(y, p)
        y, p = y.astype(np.float64), p.astype(np.float64)
        own, other = (y * p).sum(axis=-1), ((1 - y) * p).max(axis=-1)
        losses = np.maximum(1 + other - own, 0)
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return what moves the greatest other score down and one's own up."""
        check_same_shape(y, p)
        y = y.astype(p.dtype)
        others = (1 - y) * p
        k = others.argmax(axis=-1)[..., None]
        greatest = np.arange(p.shape[-1]) == k
        # losses = np.maximum(1 + other - own, 0)
        wrong = 1 + others.max(axis=-1, keepdims=True) - (y * p).sum(axis=-1, keepdims=True) > 0
        dp: Array = wrong * (greatest * (1 - y) - y) / max(1, p.size // p.shape[-1])
        return dp


def signs(y: Array, p: Array) -> Array:
    """Return targets as 1 and -1, from those or from 1 and 0.

    Math:
        2 * y - 1 where all y are 0 or 1, else y

    Shapes:
        y, p: any, the same; so is the result.

    Example:
        >>> signs(np.array([1, 0]), np.zeros(2)), signs(np.array([1, -1]), np.zeros(2))
        (array([ 1., -1.]), array([ 1., -1.]))
    """
    check_same_shape(y, p)
    y = y.astype(np.float64)
    return 2 * y - 1 if ((y == 0) | (y == 1)).all() else y


def hinge(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `Hinge`.

    Math:
        loss[n] = (1/K) * sum over k of max(1 - y_true[n, k] * y_pred[n, k], 0)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> hinge([[1.0, -1.0]], [[-1.0, -0.5]]).round(4)
        array([1.25])
    """
    return Hinge().value(np.asarray(y_true), np.asarray(y_pred))


def squared_hinge(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `SquaredHinge`.

    Math:
        loss[n] = (1/K) * sum over k of max(1 - y_true[n, k] * y_pred[n, k], 0)**2

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> squared_hinge([[1.0, -1.0]], [[-1.0, -0.5]]).round(4)
        array([2.125])
    """
    return SquaredHinge().value(np.asarray(y_true), np.asarray(y_pred))


def categorical_hinge(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `CategoricalHinge`.

    Math:
        loss[n] = max(1 + max(other scores) - own score, 0)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[2.0, 1.5]]).round(4)
        array([1.5])
    """
    return CategoricalHinge().value(np.asarray(y_true), np.asarray(y_pred))
