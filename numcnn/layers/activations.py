"""Activations: the bend after each linear layer. Without one, ten layers are no more than one.

For two linear layers in a row are (x @ w1) @ w2 = x @ (w1 @ w2): a single one with another matrix.
(Biases change nothing in this: they join into one.) A bend between them ends that, and enough units
with one of these bends come as close to any continuous curve, over a bounded range, as one likes.

Each activation is a layer without weights; `activation="relu"` in Conv2D or Dense means the same
layer, run right after z. Those of this file take each number by itself: y[i] depends on x[i] alone
(for Softmax, where it does not, see softmax.py). So the chain rule,
dx[i] = sum over k of dy[k] * ∂y[k]/∂x[i], has one term only, and

    dx = dy * the slope of y in x, number by number.

It is pleasant when the slope can be said by y itself: then y is all that is kept.
"""

from typing import Any

import numpy as np

from numcnn.layers.arguments import real_number
from numcnn.layers.base import Array, Layer


class Linear(Layer):
    """Do nothing: y = x.

    Math:
        forward    y = x
        backward   the slope is 1, so dx = dy

    Shapes:
        x, y: any, the same.

    Example:
        >>> linear = Linear()
        >>> linear.forward(np.array([-2.0, 3.0]), training=True)
        array([-2.,  3.])
        >>> linear.backward(np.array([10.0, 10.0]))
        array([10., 10.])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x."""
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        return dy


class ReLU(Layer):
    """Let positive numbers through and stop the others.

    Math:
        forward    y = max(x, 0)
        backward   for x > 0, y = x and the slope ∂y/∂x is 1; for x < 0, y = 0 and it is 0. At
                   x = 0 there is a kink and no slope; 0 is the usual choice.
                   dx = dy * (x > 0)
        With the arguments below, y = x where x > threshold and negative_slope * (x - threshold)
        elsewhere, but max_value at most; then dx = dy, negative_slope * dy, and 0.

    Shapes:
        x, y: any, the same.

    Args:
        max_value: the largest y, or None.
        negative_slope: the factor for what is not above the threshold.
        threshold: what x has to be above to be let through.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, which is one truth value per number: x > 0. With arguments, the slopes as numbers.

    Note:
        A unit that is negative for all samples gets no gradient and stays as it is ("dead").
        NaN stays NaN on the way forward.

    Reference:
        Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Example:
        >>> relu = ReLU()
        >>> relu.forward(np.array([-2.0, 0.0, 3.0]), training=True)
        array([0., 0., 3.])
        >>> relu.backward(np.array([10.0, 10.0, 10.0]))
        array([ 0.,  0., 10.])
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None:
            max_value = real_number("max_value of ReLU", max_value, 0)
        self.max_value = max_value
        self.negative_slope = real_number("negative_slope of ReLU", negative_slope, 0)
        self.threshold = real_number("threshold of ReLU", threshold, 0)

    @property
    def plain(self) -> bool:
        """Whether it is max(x, 0), without any arguments."""
        return self.max_value is None and self.negative_slope == self.threshold == 0

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return max(x, 0), or what the arguments make of it."""
        if not self.plain:
            y, slope = self.bent(x)
        else:
            y, slope = np.maximum(x, 0), x > 0
        if training:
            self.kept = slope
        return y

    def bent(self, x: Array) -> tuple[Array, Array]:
        """Return y and its slope where there are arguments."""
        below = x <= self.threshold
        y = np.where(below, 0, x)
        slope = np.where(below, x.dtype.type(self.negative_slope), x.dtype.type(1))
        if self.negative_slope:
            y = np.where(below, self.negative_slope * (x - self.threshold), y)
        if self.max_value is not None:
            slope[y >= self.max_value] = 0
            y = np.minimum(y, self.max_value)
        return y, slope

    def backward(self, dy: Array) -> Array:
        """Return dy where x was positive, 0 elsewhere."""
        slope = self.recall()
        # y = max(x, 0)
        return dy * slope

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
            **super().get_config(),
        }


class Sigmoid(Layer):
    """Squash a number into (0, 1), as a probability.

    Math:
        forward    y = 1 / (1 + exp(-x)) = 1 / s with s = 1 + exp(-x)
        backward   the slope of 1 / s in s is -1 / s**2, and that of s in x is -exp(-x), so
                   ∂y/∂x = exp(-x) / s**2 = (1 / s) * (s - 1) / s      as exp(-x) = s - 1
                         = y * (1 - y)
                   dx = dy * y * (1 - y)

    Shapes:
        x, y: any, the same.

    Keeps:
        y, in which the slope can be said.

    Note:
        The slope is 1/4 at most and nearly 0 far from x = 0: through many sigmoids little of a
        gradient is left, which is why ReLU took their place between layers.
        exp overflows for large arguments. With e = exp(-|x|), which does not, y is 1 / (1 + e) for
        x >= 0 and, both halves of the fraction times e, e / (1 + e) for x < 0.

    Example:
        With exp(-x) = 3, y is 1 / 4 and the slope 1/4 * 3/4 = 0.1875.

        >>> sigmoid = Sigmoid()
        >>> x = np.array([-1000.0, -np.log(3.0), 0.0, 1000.0])
        >>> sigmoid.forward(x, training=True).round(6)
        array([0.  , 0.25, 0.5 , 1.  ])
        >>> sigmoid.backward(np.ones(4)).round(6)
        array([0.    , 0.1875, 0.25  , 0.    ])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return 1 / (1 + exp(-x))."""
        e = np.exp(-np.abs(x))
        y: Array = np.where(x >= 0, 1, e) / (1 + e)
        if training:
            self.kept = y
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * y * (1 - y)."""
        y = self.recall()
        # y = 1 / (1 + exp(-x))
        return dy * y * (1 - y)


class Tanh(Layer):
    """Squash a number into (-1, 1).

    Math:
        forward    y = s / c with s = exp(x) - exp(-x) and c = exp(x) + exp(-x)
        backward   the slope of s is c and that of c is s, so by the quotient rule
                   ∂y/∂x = (c * c - s * s) / c**2 = 1 - y**2
                   dx = dy * (1 - y**2)

    Shapes:
        x, y: any, the same.

    Keeps:
        y, in which the slope can be said.

    Example:
        With exp(x) = 2, y is (2 - 1/2) / (2 + 1/2) = 0.6 and the slope 1 - 0.36 = 0.64.

        >>> tanh = Tanh()
        >>> tanh.forward(np.array([0.0, np.log(2.0), 100.0]), training=True).round(6)
        array([0. , 0.6, 1. ])
        >>> tanh.backward(np.ones(3)).round(6)
        array([1.  , 0.64, 0.  ])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return tanh(x)."""
        y = np.tanh(x)
        if training:
            self.kept = y
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * (1 - y**2)."""
        y = self.recall()
        # y = tanh(x)
        return dy * (1 - y**2)
