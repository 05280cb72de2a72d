"""Bends of straight lines and parabolas: what sigmoid and softplus are like, made of cheap pieces.

An exponential never quite arrives: sigmoid is 0 or 1 nowhere, softplus is 0 nowhere. These are,
from some point on, so that a unit may be silent for good reasons and not nearly so.
"""

from typing import Any

import numpy as np

from numcnn.layers.arguments import real_number
from numcnn.layers.base import Array, Layer


class Bend(Layer):
    """What the bends share: each number goes its own way, and its slope is kept.

    Math:
        forward    y = f(x), number by number
        backward   dx = dy * slope

    Keeps:
        slope, ∂y/∂x, one number per number.
    """

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return y and its slope."""
        raise NotImplementedError

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return f(x)."""
        y, slope = self.bend(x)
        if training:
            self.kept = slope
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * ∂y/∂x."""
        slope = self.recall()
        # y, slope = self.bend(x)
        return dy * slope


class HardTanh(Bend):
    """Cut off what is below -1 and above 1.

    Math:
        forward    y = min(max(x, -1), 1)
        backward   dx = dy where -1 < x < 1, else 0

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Where -1 < x < 1, one truth value per number.

    Example:
        >>> hard = HardTanh()
        >>> hard.forward(np.array([-2.0, 0.5, 3.0]), training=True)
        array([-1. ,  0.5,  1. ])
        >>> hard.backward(np.full(3, 10.0))
        array([ 0., 10.,  0.])
    """

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return x between -1 and 1, and where it was."""
        return np.clip(x, -1, 1), np.abs(x) < 1


class SparseSigmoid(Bend):
    """A sigmoid of straight lines, 0 below -1 and 1 above 1.

    Math:
        forward    y = min(max((x + 1) / 2, 0), 1)
        backward   dx = dy / 2 where -1 < x < 1, else 0

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, 1/2 or 0, one number per number.

    Note:
        It is the slope of `SparsePlus`, as the sigmoid is that of softplus.

    Example:
        >>> sparse = SparseSigmoid()
        >>> sparse.forward(np.array([-2.0, 0.5, 3.0]), training=True)
        array([0.  , 0.75, 1.  ])
        >>> sparse.backward(np.full(3, 10.0))
        array([0., 5., 0.])
    """

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return the ramp, and 1/2 on it."""
        return np.clip(x, -1, 1) / 2 + 0.5, (np.abs(x) < 1) * x.dtype.type(0.5)


class SparsePlus(Bend):
    """A ReLU whose corner is a parabola.

    Math:
        forward    y = 0 below -1, (x + 1)**2 / 4 up to 1, x above: the pieces meet without a corner
        backward   ∂y/∂x = 0, (x + 1) / 2 and 1 there, which is min(max((x + 1) / 2, 0), 1)

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Example:
        >>> plus = SparsePlus()
        >>> plus.forward(np.array([-2.0, 0.0, 3.0]), training=True)
        array([0.  , 0.25, 3.  ])
        >>> plus.backward(np.full(3, 10.0))
        array([ 0.,  5., 10.])
    """

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return the pieces, and their slope."""
        slope = np.clip(x, -1, 1) / 2 + 0.5
        return np.where(x > 1, x, slope**2), slope


class Squareplus(Bend):
    """A ReLU that comes close to its two lines like a hyperbola.

    Math:
        forward    y = (x + h) / 2 with h = sqrt(x**2 + b)
        backward   ∂h/∂x = x / h, so ∂y/∂x = (1 + x / h) / 2 = y / h
                   dx = dy * y / h

    Shapes:
        x, y: any, the same.

    Args:
        b: how round the corner is; at 0 y is sqrt(b) / 2. Above 0.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Note:
        For a large negative x the sum x + h is a difference of nearly equal numbers. As
        (x + h) * (h - x) = b, it is b / (h - x), which is used there.

    Reference:
        Barron, "Squareplus: a softplus-like algebraic rectifier", arXiv:2112.11687, 2021.

    Example:
        With b = 4, sqrt(1.5**2 + 4) is 2.5: y is (1.5 + 2.5) / 2 and (-1.5 + 2.5) / 2.

        >>> plus = Squareplus()
        >>> plus.forward(np.array([-1.5, 0.0, 1.5]), training=True)
        array([0.5, 1. , 2. ])
        >>> plus.backward(np.full(3, 10.0))
        array([2., 5., 8.])
    """

    def __init__(self, b: float = 4.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.b = real_number("b of Squareplus", b, 1e-12)

    def bend(self, x: Array) -> tuple[Array, Array]:
        """Return (x + h) / 2, and that divided by h."""
        size = np.abs(x)
        h = np.hypot(x, x.dtype.type(np.sqrt(self.b)))  # x**2 might overflow
        y = np.where(x > 0, (size + h) / 2, self.b / 2 / (size + h))
        return y, y / h

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"b": self.b, **super().get_config()}
