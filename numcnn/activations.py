"""Activations as functions, under the names of `keras.activations`: relu(x), softmax(x) and so on.

Each runs the layer of that name in numcnn/layers/, where the mathematics stands, and each may be
given as `activation=`. `get("relu")` is the function, as in Keras.

Example:
    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0])), relu(np.array([-1.0, 2.0]), negative_slope=0.5)
    (Answer([0., 2.]), Answer([-0.5,  2. ]))
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.arrays import answer
from numcnn.errors import unknown_name
from numcnn.layers.names import ACTIVATIONS

Array = np.ndarray[Any, Any]
Function = Callable[..., Array]


def _function(name: str) -> Function:
    """Return the function of a name."""

    def activation(x: Any, **kwargs: Any) -> Array:
        x = np.asarray(x)
        return answer(ACTIVATIONS[name](**kwargs).forward(x if x.dtype.kind == "f" else x * 1.0))

    activation.__name__ = activation.__qualname__ = name
    activation.__doc__ = f"Return y of the layer that activation={name!r} means; kwargs are its."
    return activation


elu = _function("elu")
exponential = _function("exponential")
gelu = _function("gelu")
hard_sigmoid = _function("hard_sigmoid")
leaky_relu = _function("leaky_relu")
linear = _function("linear")
log_softmax = _function("log_softmax")
mish = _function("mish")
relu = _function("relu")
relu6 = _function("relu6")
selu = _function("selu")
sigmoid = _function("sigmoid")
silu = _function("silu")
softmax = _function("softmax")
softplus = _function("softplus")
softsign = _function("softsign")
swish = _function("swish")
tanh = _function("tanh")

__all__ = [
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]


def get(identifier: Any) -> Function:
    """Return the function of a name; None means linear, and what can be called is returned.

    Example:
        >>> get("tanh") is tanh
        True
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if identifier not in ACTIVATIONS:
        raise unknown_name("activation", identifier, ACTIVATIONS)
    found: Function = globals()[identifier]
    return found


deserialize = get


def serialize(activation: Function) -> str:
    """Return the name of a function.

    Example:
        >>> serialize(relu)
        'relu'
    """
    name = getattr(activation, "__name__", "")
    if name not in ACTIVATIONS:
        raise unknown_name("activation", activation, ACTIVATIONS)
    return name
