"""Sparsemax: scores become probabilities, as with softmax, but unlikely classes get exactly 0.

Softmax gives every class something. Here the probabilities are the point nearest to the scores
among all that are no less than 0 and sum to 1. To get there the same number tau is taken off every
score, and what would be negative becomes 0:

    y[k] = max(x[k] - tau, 0), with the tau that makes their sum 1

Which classes are left, the support S? The greatest scores, as many as can be. With the k greatest,
tau = (their sum - 1) / k, and the last of them is left if it is above that:
x[k] > tau, which is 1 + k * x[k] > the sum of the k greatest.

Backward. On the support, tau = (sum over S of x - 1) / |S| rises by 1 / |S| with each of its
scores, so ∂y[k]/∂x[m] = (k == m) - 1 / |S| for k and m in S, and 0 elsewhere. The chain rule,
dx[m] = sum over k of dy[k] * ∂y[k]/∂x[m], gives

    dx[m] = dy[m] - mean of dy over S      for m in S, else 0

which is softmax's rule where all probabilities on S are taken to be alike.
"""

from typing import Any, cast

import numpy as np

from numcnn.errors import DTypeError
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.softmax import axis_of_scores


class Sparsemax(Layer):
    """Turn scores into probabilities of which some are 0.

    Math:
        forward    y[k] = max(x[k] - tau, 0), with the tau that makes the sum 1
        backward   dx[m] = dy[m] - mean of dy over S where y[m] > 0, which is S, else 0
        Where this comes from stands at the top of this file.

    Shapes:
        x, y: (N, ..., K), the same; with `axis`, K is the size of that axis.

    Args:
        axis: along which the probabilities sum to 1, the batch's being 0.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Where y > 0, one truth value per number.

    Note:
        This is the paper's. Keras 3.15's `sparsemax` takes another tau where several classes are
        left, and its rows do not sum to 1.

    Reference:
        Martins and Astudillo, "From softmax to sparsemax", ICML 2016.

    Example:
        The two greatest are left: tau = (1 + 1.5 - 1) / 2. With all three it would be 0.5, which
        is not below 0.2.

        >>> sparsemax = Sparsemax()
        >>> sparsemax.forward(np.array([[1.0, 0.0, 1.5]]), training=True)
        array([[0.25, 0.  , 0.75]])
        >>> sparsemax.backward(np.array([[8.0, 5.0, 0.0]]))
        array([[ 4.,  0., -4.]])
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (tuple, list)):
            raise DTypeError(f"axis of Sparsemax must be one integer, got {axis!r}.")
        self.axis: int = cast(int, axis_of_scores("Sparsemax", axis))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of x."""
        axis_of_scores("Sparsemax", self.axis, len(input_shape) + 1)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return max(x - tau, 0)."""
        z = np.moveaxis(x, self.axis, -1)
        # The same number off all changes nothing. What is 1 below the greatest gets 0 anyway.
        with np.errstate(over="ignore"):
            z = np.maximum(z - z.max(axis=-1, keepdims=True), -1)
        falling = -np.sort(-z, axis=-1)
        sums = falling.cumsum(axis=-1)
        count = np.arange(1, z.shape[-1] + 1, dtype=x.dtype)
        size = (1 + count * falling > sums).sum(axis=-1, keepdims=True)  # of the support
        size = np.maximum(size, 1)  # scores that are NaN have none
        tau = (np.take_along_axis(sums, size - 1, axis=-1) - 1) / size.astype(x.dtype)
        y: Array = np.moveaxis(np.maximum(z - tau, 0), -1, self.axis)
        if training:
            self.kept = y > 0
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy - mean(dy) on the support, 0 elsewhere."""
        support = self.recall()
        # y = maximum(z - tau, 0)
        size = np.maximum(support.sum(axis=self.axis, keepdims=True), 1)
        mean = (dy * support).sum(axis=self.axis, keepdims=True) / size.astype(dy.dtype)
        return (dy - mean) * support

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"axis": self.axis, **super().get_config()}
