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

from typing import Any, cast

import numpy as np

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers.base import Array, Layer, Shape

Axis = int | tuple[int, ...]


class Softmax(Layer):
    """Turn scores into probabilities: positive, and they sum to 1 over the last axis.

    Math:
        forward    y[k] = exp(x[k]) / s with s = sum over m of exp(x[m])
        backward   dx[m] = y[m] * (dy[m] - sum over k of dy[k] * y[k])
        Where this comes from stands at the top of this file.

    Shapes:
        x, y: (N, ..., K), the same; with `axis`, K is the size of that axis.

    Args:
        axis: along which the probabilities sum to 1, the batch's being 0; one or several.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        y, in which the slopes can be said.

    Raises:
        ShapeError: there is no such axis, or it is the batch's.

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

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis_of_scores("Softmax", axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of x."""
        axis_of_scores("Softmax", self.axis, len(input_shape) + 1)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return exp(x) divided by its sum over the axis."""
        with np.errstate(over="ignore"):  # a difference beyond the float range is -inf, exp is 0
            e = np.exp(x - x.max(axis=self.axis, keepdims=True))
        y: Array = e / e.sum(axis=self.axis, keepdims=True)
        if training:
            self.kept = y
        return y

    def backward(self, dy: Array) -> Array:
        """Return y * (dy - sum(dy * y))."""
        y = self.recall()
        # y = e / e.sum(), and every y[k] depends on every x[m]
        return y * (dy - (dy * y).sum(axis=self.axis, keepdims=True))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"axis": self.axis, **super().get_config()}


def axis_of_scores(what: str, axis: Any, ndim: int | None = None) -> Axis:
    """Return the axis, or several as a tuple; refuse what is none of a sample in so many axes.

    Example:
        >>> axis_of_scores("Softmax", -1, 2), axis_of_scores("Softmax", [1, 2])
        (-1, (1, 2))
    """
    if isinstance(axis, (tuple, list)) and axis:
        return tuple(cast(int, axis_of_scores(what, one, ndim)) for one in axis)
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise DTypeError(f"axis of {what} must be an integer or several, got {axis!r}.")
    if axis == 0 or (ndim is not None and not -ndim < axis < ndim):
        raise ShapeError(
            f"axis={axis} of {what} is not an axis of one sample: a batch has the axes 0 to "
            f"{'...' if ndim is None else ndim - 1}, and 0 counts the samples."
        )
    return axis
