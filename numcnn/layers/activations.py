"""Activations: the bend after each linear layer. Without one, ten layers are no more than one.

Each is a layer; `activation="relu"` in Conv2D or Dense means the same layer, run right after z.
"""

from typing import Any

import numpy as np

from numcnn.errors import DTypeError, unknown_name
from numcnn.layers.base import Array, Layer


class Linear(Layer):
    """Do nothing: y = x.

    Math:
        forward    y = x
        backward   dx = dy

    Shapes:
        x, y: any, the same.
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
        backward   dy/dx is 1 where x > 0 and 0 where x < 0. At x = 0 it is undefined: there is a
                   kink, and 0 is the usual choice.
                   dx = dy * (x > 0)

    Shapes:
        x, y: any, the same.

    Keeps:
        positive, one truth value per number.

    Note:
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

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return max(x, 0)."""
        if training:
            self.kept = x > 0
        return np.maximum(x, 0)

    def backward(self, dy: Array) -> Array:
        """Return dy where x was positive, 0 elsewhere."""
        positive = self.recall()
        # y = max(x, 0)
        return dy * positive


class Sigmoid(Layer):
    """Squash a number into (0, 1), as a probability.

    Math:
        forward    y = 1 / (1 + exp(-x))
        backward   dy/dx = exp(-x) / (1 + exp(-x))**2 = y * (1 - y)
                   dx = dy * y * (1 - y)

    Shapes:
        x, y: any, the same.

    Keeps:
        y.

    Note:
        exp overflows for large arguments. With e = exp(-|x|), which does not, y is 1 / (1 + e) for
        x >= 0 and e / (1 + e) for x < 0.

    Example:
        >>> sigmoid = Sigmoid()
        >>> sigmoid.forward(np.array([-1000.0, 0.0, 1000.0]), training=True)
        array([0. , 0.5, 1. ])
        >>> sigmoid.backward(np.ones(3))
        array([0.  , 0.25, 0.  ])
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
        forward    y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))
        backward   the numerator's derivative is the denominator and the reverse, so
                   dy/dx = (denominator**2 - numerator**2) / denominator**2 = 1 - y**2
                   dx = dy * (1 - y**2)

    Shapes:
        x, y: any, the same.

    Keeps:
        y.

    Example:
        >>> tanh = Tanh()
        >>> tanh.forward(np.array([0.0, 100.0]), training=True)
        array([0., 1.])
        >>> tanh.backward(np.ones(2))
        array([1., 0.])
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


class Softmax(Layer):
    """Turn scores into probabilities: positive, and they sum to 1 over the last axis.

    Math:
        forward    y[k] = exp(x[k]) / sum over m of exp(x[m])
        backward   by the quotient rule, with s the sum,
                   dy[k]/dx[m] = (k == m) * exp(x[k]) / s - exp(x[k]) * exp(x[m]) / s**2
                               = y[k] * ((k == m) - y[m]), and the sum over k of dy[k] times this is
                   dx[m] = y[m] * (dy[m] - sum over k of dy[k] * y[k])

    Shapes:
        x, y: (N, ..., K), the same.

    Keeps:
        y.

    Note:
        A number added to all scores changes nothing, so the greatest is subtracted first and exp
        never overflows. Before a cross-entropy loss the engine takes both together, because there
        dx is simply y minus the target: see losses/.

    Reference:
        Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.

    Example:
        >>> softmax = Softmax()
        >>> y = softmax.forward(np.array([[0.0, np.log(3.0)]]), training=True)
        >>> y.round(6)
        array([[0.25, 0.75]])
        >>> softmax.backward(np.array([[1.0, 0.0]])).round(6)
        array([[ 0.1875, -0.1875]])
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
        # y = exp(x) / sum(exp(x))
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


class Activation(Layer):
    """An activation by name, as a layer of its own: Activation("softmax").

    Math:
        That of the activation: see `ReLU`, `Softmax`, `Sigmoid`, `Tanh`, `Linear`.

    Shapes:
        x, y: any, the same.

    Args:
        activation: a name such as 'relu', or an activation layer.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Example:
        >>> Activation("relu").forward(np.array([-1.0, 2.0]))
        array([0., 2.])
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = get(activation)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return activation(x)."""
        return self.activation.forward(x, training)

    def backward(self, dy: Array) -> Array:
        """Return the activation's dx."""
        return self.activation.backward(dy)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"activation": serialize(self.activation), **super().get_config()}


ACTIVATIONS: dict[str, type[Layer]] = {
    "linear": Linear,
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "softmax": Softmax,
    "tanh": Tanh,
}
_NAMES = {cls: name for name, cls in ACTIVATIONS.items()}


def get(identifier: Any) -> Layer:
    """Return a new activation layer from a name, a class, an object or None (linear).

    >>> get("relu").__class__.__name__, get(None).__class__.__name__
    ('ReLU', 'Linear')
    """
    if identifier is None:
        return Linear()
    if isinstance(identifier, Layer):
        if identifier.compute_output_shape((2, 3)) != (2, 3) or identifier.get_state():
            raise DTypeError(
                f"activation must be an activation layer, which has no weights and keeps shapes, "
                f"got {identifier!r}. Put it into the model as a layer of its own."
            )
        return identifier.copy()
    if isinstance(identifier, type) and issubclass(identifier, Layer):
        return get(identifier())
    name = identifier if isinstance(identifier, str) else getattr(identifier, "__name__", None)
    if name not in ACTIVATIONS:
        raise unknown_name("activation", identifier, ACTIVATIONS)
    return ACTIVATIONS[str(name)]()


def serialize(activation: Layer) -> str:
    """Return the name from which `get` makes the activation again."""
    if type(activation) not in _NAMES:
        raise DTypeError(
            f"{activation!r} has no name to be saved under; known are {', '.join(ACTIVATIONS)}. "
            "Use it as a layer of its own instead of as activation=."
        )
    return _NAMES[type(activation)]
