"""Softmax: scores become probabilities, positive and with the sum 1. The end of a classifier.

    y[k] = exp(x[k]) / s with s = sum over m of exp(x[m])

A score greater by 1 makes a class e times as probable, compared with any other. All classes share
one sum, so to raise one probability is to lower the others.

Backward. Each y[k] depends on every x[m], by way of s, whose slope in x[m] is exp(x[m]). By the
quotient rule, with (k == m) for 1 where they are the same and 0 elsewhere,

    ∂y[k]/∂x[m] = (k == m) * exp(x[k]) / s - exp(x[k]) * exp(x[m]) / s**2
                = (k == m) * y[k] - y[k] * y[m]

The chain rule sums over all outputs that x[m] went into:

    dx[m] = sum over k of dy[k] * ∂y[k]/∂x[m]
          = dy[m] * y[m] - y[m] * (sum over k of dy[k] * y[k])
          = y[m] * (dy[m] - sum over k of dy[k] * y[k])

In words: the loss rises with a score if its dy is above the mean of all dy, each weighted by its
probability y.
"""

import numpy as np

from numcnn.layers.base import Array, Layer


class Softmax(Layer):
    """Turn scores into probabilities: positive, and they sum to 1 over the last axis.

    Math:
        forward    y[k] = exp(x[k]) / s with s = sum over m of exp(x[m])
        backward   dx[m] = y[m] * (dy[m] - sum over k of dy[k] * y[k])
        Where this comes from stands at the top of this file.

    Shapes:
        x, y: (N, ..., K), the same.

    Keeps:
        y, in which the slopes can be said.

    Note:
        A number added to all scores changes nothing: exp(x + a) = exp(x) * exp(a), and exp(a)
        cancels. So the greatest is subtracted first and exp never overflows.
        Before a cross-entropy loss the engine takes both together, because there dx is simply y
        minus the target: losses/cross_entropy.py derives it.

    Reference:
        Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.

    Example:
        exp of the scores is 1 and 3. The weighted average of dy is 8 * 0.25 + 0 * 0.75 = 2, so
        dx is 0.25 * (8 - 2) and 0.75 * (0 - 2).

        >>> softmax = Softmax()
        >>> y = softmax.forward(np.array([[0.0, np.log(3.0)]]), training=True)
        >>> y.round(6)
        array([[0.25, 0.75]])
        >>> softmax.backward(np.array([[8.0, 0.0]])).round(6)
        array([[ 1.5, -1.5]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return exp(x) divided by its sum over the last axis."""
        with np.errstate(over="ignore"):  # a difference beyond the float range is -inf, exp is 0
            e = np.exp(x - x.max(axis=-1, keepdims=True))
        y: Array = e / e.sum(axis=-1, keepdims=True)
        if training:
            self.kept = y
        return y

    def backward(self, dy: Array) -> Array:
        """Return y * (dy - sum(dy * y))."""
        y = self.recall()
        # y = e / e.sum(), and every y[k] depends on every x[m]
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))
