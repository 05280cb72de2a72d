"""Gates: y = x * gate(x), where the gate opens smoothly from 0 to 1.

ReLU is such a gate, too, one that is shut or open. A smooth one has a gradient everywhere, and dips
a little below zero before it rises.
"""

from typing import Any

import numpy as np

from numcnn.layers.base import Array, Layer
from numcnn.layers.gauss import density, share_below


class Gate(Layer):
    """What the gates share.

    Math:
        forward    y = x * gate
        backward   by the product rule ∂y/∂x = gate + x * ∂gate/∂x

    Keeps:
        slope, ∂y/∂x, one number per number.
    """

    def gate(self, x: Array) -> tuple[Array, Array]:
        """Return the gate and x * ∂gate/∂x."""
        raise NotImplementedError

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x * gate(x)."""
        gate, moving = self.gate(x)
        if training:
            self.kept = gate + moving
        return x * gate

    def backward(self, dy: Array) -> Array:
        """Return dy * (gate + x * ∂gate/∂x)."""
        slope = self.recall()
        # y = x * gate
        return dy * slope


class Swish(Gate):
    """The gate is the sigmoid of x itself. Its other name is SiLU.

    Math:
        forward    s = 1 / (1 + exp(-x)),  y = x * s
        backward   ∂s/∂x = s * (1 - s), so dx = dy * (s + x * s * (1 - s))

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Reference:
        Ramachandran, Zoph and Le, "Searching for activation functions", arXiv:1710.05941, 2017.

    Example:
        >>> swish = Swish()
        >>> swish.forward(np.array([-1000.0, 0.0, 1000.0]), training=True)
        array([  -0.,    0., 1000.])
        >>> swish.backward(np.ones(3))
        array([0. , 0.5, 1. ])
    """

    def gate(self, x: Array) -> tuple[Array, Array]:
        """Return s and x * s * (1 - s)."""
        s = sigmoid(x)
        return s, x * s * sigmoid(-x)


class GELU(Gate):
    """The gate is the share of a normal distribution below x.

    Math:
        forward    y = x * share_below(x)                        (see gauss.py)
        backward   density is the slope of share_below, so
                   dx = dy * (share_below(x) + x * density(x))
        With approximate=True the share is 0.5 * (1 + tanh(u)), u = a * (x + b * x**3), where
        a = sqrt(2 / pi) and b = 0.044715; its slope is
        0.5 * (1 - tanh(u)**2) * a * (1 + 3 * b * x**2)

    Shapes:
        x, y: any, the same.

    Args:
        approximate: whether to take the formula with tanh, which differs by up to 5e-4.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Reference:
        Hendrycks and Gimpel, "Gaussian error linear units", arXiv:1606.08415, 2016.

    Example:
        >>> gelu = GELU()
        >>> gelu.forward(np.array([-1.0, 0.0, 1.0]), training=True).round(4)
        array([-0.1587,  0.    ,  0.8413])
        >>> gelu.backward(np.ones(3)).round(4)  # at 1: 0.8413 + 1 * 0.2420
        array([-0.0833,  0.5   ,  1.0833])
        >>> GELU(approximate=True).forward(np.array([-1.0, 0.0, 1.0])).round(4)
        array([-0.1588,  0.    ,  0.8412])
    """

    def __init__(self, approximate: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approximate = bool(approximate)

    def gate(self, x: Array) -> tuple[Array, Array]:
        """Return the share below x, and x times its slope."""
        if not self.approximate:
            return share_below(x), x * density(x)
        a, b = float(np.sqrt(2 / np.pi)), 0.044715
        near = np.clip(x, -10, 10)  # beyond it tanh is -1 or 1, and x**3 might overflow
        tanh = np.tanh(a * (near + b * near**3))
        return 0.5 * (1 + tanh), x * (0.5 * a * (1 - tanh**2) * (1 + 3 * b * near**2))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"approximate": self.approximate, **super().get_config()}


class HardSwish(Gate):
    """The gate is a ramp from 0 to 1: swish without an exponential.

    Math:
        forward    y = x * r,  r = min(max(x + 3, 0), 6) / 6
        backward   ∂r/∂x = 1/6 where -3 < x < 3, else 0, so dx = dy * (r + x / 6) there, else dy * r

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Reference:
        Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Example:
        >>> swish = HardSwish()
        >>> swish.forward(np.array([-9.0, 0.0, 1.5, 9.0]), training=True)
        array([-0.   ,  0.   ,  1.125,  9.   ])
        >>> swish.backward(np.ones(4))  # at 1.5: 0.75 + 1.5 / 6
        array([0. , 0.5, 1. , 1. ])
    """

    def gate(self, x: Array) -> tuple[Array, Array]:
        """Return r and x * ∂r/∂x."""
        return np.clip(x + 3, 0, 6) / 6, np.where(np.abs(x) < 3, x / 6, 0)


class Mish(Gate):
    """The gate is tanh of the softplus of x.

    Math:
        forward    y = x * t,  t = tanh(log(1 + exp(x)))
        backward   the slope of tanh(u) is 1 - tanh(u)**2, that of log(1 + exp(x)) the sigmoid, so
                   ∂t/∂x = (1 - t**2) / (1 + exp(-x)) and dx = dy * (t + x * ∂t/∂x)

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Reference:
        Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Example:
        >>> mish = Mish()
        >>> mish.forward(np.array([-1000.0, 0.0, 1.0]), training=True).round(4)
        array([-0.    ,  0.    ,  0.8651])
        >>> mish.backward(np.ones(3)).round(4)  # at 0: tanh(log(2)) = 0.6
        array([0.   , 0.6  , 1.049])
    """

    def gate(self, x: Array) -> tuple[Array, Array]:
        """Return t and x * ∂t/∂x."""
        t = np.tanh(softplus(x))
        return t, x * (1 - t**2) * sigmoid(x)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) without overflow: see activations.Sigmoid."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)) without overflow: see curves.Softplus."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
