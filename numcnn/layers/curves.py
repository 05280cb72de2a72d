"""Curves that few networks bend at and some end in: softplus, softsign, exp and others.

What a network is to answer decides how it ends: a positive number (Softplus, Exponential), one from
-1 to 1 (Softsign), from 0 to 1 (HardSigmoid), or the logarithm of a probability (LogSoftmax).
"""

from typing import Any

import numpy as np

from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.gates import sigmoid, softplus
from numcnn.layers.softmax import axis_of_scores


class Softplus(Layer):
    """A ReLU with its corner rounded off, always positive.

    Math:
        forward    y = log(1 + exp(x))
        backward   the slope of log(u) is 1 / u, so ∂y/∂x = exp(x) / (1 + exp(x)), the sigmoid
                   dx = dy / (1 + exp(-x))

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        x.

    Note:
        Where exp would overflow: log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).

    Reference:
        Glorot, Bordes and Bengio, "Deep sparse rectifier neural networks", AISTATS 2011.

    Example:
        >>> softplus = Softplus()
        >>> softplus.forward(np.array([0.0, 1000.0]), training=True).round(4)
        array([6.931e-01, 1.000e+03])
        >>> softplus.backward(np.ones(2))
        array([0.5, 1. ])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return log(1 + exp(x))."""
        if training:
            self.kept = x
        return softplus(x)

    def backward(self, dy: Array) -> Array:
        """Return dy * sigmoid(x)."""
        x = self.recall()
        # y = log(1 + exp(x))
        return dy * sigmoid(x)


class Softsign(Layer):
    """Squash a number into (-1, 1), more slowly than tanh.

    Math:
        forward    y = x / (1 + |x|)
        backward   for x > 0, y = x / (1 + x), by the quotient rule with the slope
                   (1 + x - x) / (1 + x)**2; for x < 0, y = x / (1 - x) with 1 / (1 - x)**2. So
                   ∂y/∂x = 1 / (1 + |x|)**2 on both sides of 0
                   dx = dy / (1 + |x|)**2

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        s = 1 + |x|, one number per number.

    Example:
        >>> softsign = Softsign()
        >>> softsign.forward(np.array([-1.0, 0.0, 3.0]), training=True)
        array([-0.5 ,  0.  ,  0.75])
        >>> softsign.backward(np.ones(3))
        array([0.25  , 1.    , 0.0625])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x / (1 + |x|)."""
        s = 1 + np.abs(x)
        if training:
            self.kept = s
        return x / s

    def backward(self, dy: Array) -> Array:
        """Return dy / (1 + |x|)**2."""
        s = self.recall()
        # y = x / s
        return dy / s / s


class Exponential(Layer):
    """The exponential function.

    Math:
        forward    y = exp(x)
        backward   dx = dy * y

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        y.

    Note:
        Beyond the float range (x > 88.7 in float32) y is infinite.

    Example:
        >>> exponential = Exponential()
        >>> exponential.forward(np.array([0.0, np.log(5.0)]), training=True).round(12)
        array([1., 5.])
        >>> exponential.backward(np.array([2.0, 2.0])).round(12)
        array([ 2., 10.])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return exp(x)."""
        with np.errstate(over="ignore"):
            y: Array = np.exp(x)
        if training:
            self.kept = y
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * y."""
        y = self.recall()
        # y = exp(x)
        return dy * y


class HardSigmoid(Layer):
    """A sigmoid of straight lines: 0, then a ramp, then 1.

    Math:
        forward    y = min(max(x + 3, 0), 6) / 6
        backward   dx = dy / 6 where -3 < x < 3, else 0

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Where the ramp is, one truth value per number.

    Note:
        This is Keras 3's. Keras 2's ramp was 0.2 * x + 0.5.

    Example:
        >>> hard = HardSigmoid()
        >>> hard.forward(np.array([-9.0, 0.0, 1.5]), training=True)
        array([0.  , 0.5 , 0.75])
        >>> hard.backward(np.full(3, 12.0))
        array([0., 2., 2.])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return min(max(x + 3, 0), 6) / 6."""
        if training:
            self.kept = np.abs(x) < 3
        return np.clip(x + 3, 0, 6) / 6

    def backward(self, dy: Array) -> Array:
        """Return dy / 6 on the ramp, 0 elsewhere."""
        ramp = self.recall()
        # y = min(max(x + 3, 0), 6) / 6
        return dy * ramp / 6


class LogSigmoid(Layer):
    """The logarithm of the sigmoid: of the probability that a score stands for.

    Math:
        forward    y = log(1 / (1 + exp(-x))) = -log(1 + exp(-x)), softplus turned round
        backward   ∂y/∂x = exp(-x) / (1 + exp(-x)) = 1 / (1 + exp(x))
                   dx = dy / (1 + exp(x))

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        x.

    Example:
        >>> scores = LogSigmoid()
        >>> np.exp(scores.forward(np.array([-np.log(3.0), 0.0]), training=True)).round(6)
        array([0.25, 0.5 ])
        >>> scores.backward(np.full(2, 8.0)).round(6)
        array([6., 4.])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return -log(1 + exp(-x))."""
        if training:
            self.kept = x
        y = -softplus(-x)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * sigmoid(-x)."""
        x = self.recall()
        # y = -softplus(-x)
        return dy * sigmoid(-x)


class LogSoftmax(Layer):
    """The logarithm of softmax: scores become logarithms of probabilities.

    Math:
        forward    y[k] = x[k] - log(sum over m of exp(x[m]))
        backward   with s for the sum, log s has the slope exp(x[m]) / s = p[m] in x[m], where
                   p = exp(y) is the softmax. So ∂y[k]/∂x[m] = (k == m) - p[m], and by the chain
                   rule the sum over k of dy[k] times this is
                   dx[m] = dy[m] - p[m] * sum over k of dy[k]

    Shapes:
        x, y: (N, ..., K), the same; with `axis`, K is the size of that axis.

    Args:
        axis: of the scores, the batch's being 0; one or several.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        y.

    Note:
        The greatest score is subtracted first, so exp does not overflow and the sum is at least 1.

    Example:
        >>> scores = LogSoftmax()
        >>> np.exp(scores.forward(np.array([[0.0, np.log(3.0)]]), training=True)).round(6)
        array([[0.25, 0.75]])
        >>> scores.backward(np.array([[1.0, 0.0]])).round(6)
        array([[ 0.75, -0.75]])
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis_of_scores("LogSoftmax", axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of x."""
        axis_of_scores("LogSoftmax", self.axis, len(input_shape) + 1)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x - log(sum(exp(x)))."""
        with np.errstate(over="ignore"):  # a difference beyond the float range is -inf, exp is 0
            below = x - x.max(axis=self.axis, keepdims=True)
        y: Array = below - np.log(np.exp(below).sum(axis=self.axis, keepdims=True))
        if training:
            self.kept = y
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy - exp(y) * sum(dy)."""
        y = self.recall()
        # y = x - log(sum(exp(x)))
        return dy - np.exp(y) * dy.sum(axis=self.axis, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"axis": self.axis, **super().get_config()}
