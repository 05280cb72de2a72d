"""Activations by name: what `activation="relu"` means, and what a file says for it."""

from collections.abc import Callable
from typing import Any

from numcnn.errors import DTypeError, unknown_name
from numcnn.layers.activations import Linear, ReLU, Sigmoid, Tanh
from numcnn.layers.base import Array, Layer
from numcnn.layers.bends import HardTanh, SparsePlus, SparseSigmoid, Squareplus
from numcnn.layers.curves import (
    Exponential,
    HardSigmoid,
    LogSigmoid,
    LogSoftmax,
    Softplus,
    Softsign,
)
from numcnn.layers.gates import GELU, HardSwish, Mish, Swish
from numcnn.layers.rectifiers import CELU, ELU, SELU, LeakyReLU
from numcnn.layers.shrinks import HardShrink, SoftShrink, TanhShrink, ThresholdedReLU
from numcnn.layers.softmax import Softmax
from numcnn.layers.sparsemax import Sparsemax


class Activation(Layer):
    """An activation by name, as a layer of its own: Activation("softmax").

    Math:
        forward    y = activation(x)
        backward   dx = activation.backward(dy): see `ReLU`, `Softmax`, `Sigmoid`, `Tanh`, `Linear`

    Shapes:
        x, y: any, the same.

    Args:
        activation: a name such as 'relu', or an activation layer.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Example:
        >>> import numpy as np
        >>> relu = Activation("relu")
        >>> relu.forward(np.array([-1.0, 2.0]), training=True)
        array([0., 2.])
        >>> relu.backward(np.array([10.0, 10.0]))
        array([ 0., 10.])
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = get(activation)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return activation(x)."""
        return self.activation.forward(x, training)

    def backward(self, dy: Array) -> Array:
        """Return the activation's dx."""
        # y = activation(x)
        return self.activation.backward(dy)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"activation": serialize(self.activation), **super().get_config()}


def relu6(**kwargs: Any) -> ReLU:
    """Return a ReLU that stops at 6.

    Example:
        >>> import numpy as np
        >>> relu6().forward(np.array([-1.0, 2.0, 8.0]))
        array([0., 2., 6.])
    """
    return ReLU(max_value=6.0, **kwargs)


def leaky_relu(negative_slope: float = 0.2, **kwargs: Any) -> LeakyReLU:
    """Return a LeakyReLU with Keras's slope for `activation="leaky_relu"`, which is 0.2.

    Example:
        >>> import numpy as np
        >>> leaky_relu().forward(np.array([-1.0, 2.0]))
        array([-0.2,  2. ])
    """
    return LeakyReLU(negative_slope, **kwargs)


ACTIVATIONS: dict[str, Callable[..., Layer]] = {
    "celu": CELU,
    "elu": ELU,
    "exponential": Exponential,
    "gelu": GELU,
    "hard_shrink": HardShrink,
    "hard_sigmoid": HardSigmoid,
    "hard_silu": HardSwish,
    "hard_swish": HardSwish,
    "hard_tanh": HardTanh,
    "leaky_relu": leaky_relu,
    "linear": Linear,
    "log_sigmoid": LogSigmoid,
    "log_softmax": LogSoftmax,
    "mish": Mish,
    "relu": ReLU,
    "relu6": relu6,
    "selu": SELU,
    "sigmoid": Sigmoid,
    "silu": Swish,
    "swish": Swish,
    "soft_shrink": SoftShrink,
    "softmax": Softmax,
    "softplus": Softplus,
    "softsign": Softsign,
    "sparse_plus": SparsePlus,
    "sparse_sigmoid": SparseSigmoid,
    "sparsemax": Sparsemax,
    "squareplus": Squareplus,
    "tanh": Tanh,
    "tanh_shrink": TanhShrink,
}
_CLASSES = {type(make()).__name__: type(make()) for make in ACTIVATIONS.values()}
_CLASSES["ThresholdedReLU"] = ThresholdedReLU


def get(identifier: Any) -> Layer:
    """Return a new activation layer from a name, a class, an object or None (linear).

    What `serialize` returned is taken as well.

    Example:
        >>> get("relu").__class__.__name__, get(None).__class__.__name__
        ('ReLU', 'Linear')
    """
    if identifier is None:
        return Linear()
    if isinstance(identifier, Layer):
        weights = type(identifier).build is not Layer.build
        if weights or identifier.get_state() or identifier.compute_output_shape((2, 3)) != (2, 3):
            raise DTypeError(
                f"activation must be an activation layer, which has no weights and keeps shapes, "
                f"got {identifier!r}. Put it into the model as a layer of its own."
            )
        if identifier.activity_regularizer is not None:
            raise DTypeError(
                f"{identifier!r} has an activity_regularizer, which is for a layer of the model. "
                "Give it to the layer whose activation this is."
            )
        return identifier.copy()
    if isinstance(identifier, type) and issubclass(identifier, Layer):
        return get(identifier())
    if isinstance(identifier, dict) and {"class_name", "config"} <= identifier.keys():
        if identifier["class_name"] not in _CLASSES:
            raise unknown_name("activation", identifier["class_name"], _CLASSES)
        return _CLASSES[identifier["class_name"]](**identifier["config"])
    name = identifier if isinstance(identifier, str) else getattr(identifier, "__name__", None)
    if name not in ACTIVATIONS:
        raise unknown_name("activation", identifier, ACTIVATIONS)
    return ACTIVATIONS[str(name)]()


def serialize(activation: Layer) -> Any:
    """Return what `get` makes the activation of again: its name, or class and arguments.

    Example:
        >>> serialize(ReLU()), serialize(ReLU(negative_slope=0.5))["config"]["negative_slope"]
        ('relu', 0.5)
    """
    own = _arguments(activation)
    for name, make in ACTIVATIONS.items():
        if type(make()) is type(activation) and _arguments(make()) == own:
            return name
    if _CLASSES.get(type(activation).__name__) is type(activation):
        return {"class_name": type(activation).__name__, "config": own}
    raise DTypeError(
        f"{activation!r} has no name to be saved under; known are {', '.join(ACTIVATIONS)}. "
        "Use it as a layer of its own instead of as activation=."
    )


def _arguments(activation: Layer) -> dict[str, Any]:
    """Return the arguments that change what an activation computes."""
    config = activation.get_config()
    return {key: config[key] for key in config if key not in Layer().get_config()}
