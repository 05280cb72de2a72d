"""Shrinking: what is small becomes 0, what is large stays or comes closer to 0.

Small numbers are taken for noise. What is left is sparse: most units are silent for most samples.
"""

from typing import Any

import numpy as np

from numcnn.layers.arguments import real_number
from numcnn.layers.base import Array
from numcnn.layers.bends import Bend


class HardShrink(Bend):
    """Let through what is far enough from 0.

    Math:
        forward    y = x where |x| > threshold, else 0
        backward   dx = dy where |x| > threshold, else 0

    Shapes:
        x, y: any, the same.

    Args:
        threshold: how far is far enough, at least 0.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Where |x| > threshold, one truth value per number.

    Note:
        y jumps by the threshold, and the gradient knows nothing of it.

    Example:
        >>> shrink = HardShrink(1.0)
        >>> shrink.forward(np.array([-3.0, 0.5, 2.0]), training=True)
        array([-3.,  0.,  2.])
        >>> shrink.backward(np.full(3, 10.0))
        array([10.,  0., 10.])
    """

    def __init__(self, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = real_number(f"threshold of {type(self).__name__}", threshold, 0)

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return x without what is small, and where it was not."""
        small = self.small(x)
        return np.where(small, 0, x), ~small

    def small(self, x: Array) -> Array:
        """Return which numbers are not far enough from 0; with threshold 0 none, not even 0."""
        return (np.abs(x) <= self.threshold) & (self.threshold > 0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"threshold": self.threshold, **super().get_config()}


class SoftShrink(HardShrink):
    """Bring every number closer to 0 by the threshold; what is closer already becomes 0.

    Math:
        forward    y = x - min(max(x, -threshold), threshold)
        backward   dx = dy where |x| > threshold, else 0

    Shapes:
        x, y: any, the same.

    Args:
        threshold: by how much, at least 0.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Where |x| > threshold, one truth value per number.

    Note:
        This is a step against the price threshold * |x|, see `L1` in regularizers.py: the y that
        makes (y - x)**2 / 2 + threshold * |y| least.

    Reference:
        Donoho, "De-noising by soft-thresholding", IEEE Transactions on Information Theory, 1995.

    Example:
        >>> shrink = SoftShrink(1.0)
        >>> shrink.forward(np.array([-3.0, 0.5, 2.0]), training=True)
        array([-2.,  0.,  1.])
        >>> shrink.backward(np.full(3, 10.0))
        array([10.,  0., 10.])
    """

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return x closer to 0, and where it is not there."""
        return x - np.clip(x, -self.threshold, self.threshold), ~self.small(x)


class TanhShrink(Bend):
    """Take tanh(x) off: small numbers all but vanish, large ones come closer to 0 by 1.

    Math:
        forward    y = x - tanh(x)
        backward   the slope of tanh is 1 - tanh(x)**2, so dx = dy * tanh(x)**2

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, tanh(x)**2, one number per number.

    Example:
        With exp(x) = 2, tanh(x) is 0.6.

        >>> shrink = TanhShrink()
        >>> shrink.forward(np.array([0.0, np.log(2.0)]), training=True).round(4)
        array([0.    , 0.0931])
        >>> shrink.backward(np.full(2, 10.0)).round(6)
        array([0. , 3.6])
    """

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return x - tanh(x), and its slope."""
        tanh = np.tanh(x)
        return x - tanh, tanh**2


class ThresholdedReLU(Bend):
    """Let through what is above a threshold, and nothing else.

    Math:
        forward    y = x where x > theta, else 0
        backward   dx = dy where x > theta, else 0

    Shapes:
        x, y: any, the same.

    Args:
        theta: the threshold, at least 0.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Where x > theta, one truth value per number.

    Note:
        Keras 3 says ReLU(threshold=theta) for it.

    Reference:
        Konda, Memisevic and Krueger, "Zero-bias autoencoders and the benefits of co-adapting
        features", ICLR 2015.

    Example:
        >>> relu = ThresholdedReLU(1.0)
        >>> relu.forward(np.array([-2.0, 0.5, 3.0]), training=True)
        array([0., 0., 3.])
        >>> relu.backward(np.full(3, 10.0))
        array([ 0.,  0., 10.])
    """

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.theta = real_number("theta of ThresholdedReLU", theta, 0)

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return x where it is above, and where that is."""
        below = x <= self.theta
        return np.where(below, 0, x), ~below

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"theta": self.theta, **super().get_config()}
