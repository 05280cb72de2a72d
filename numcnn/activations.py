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


celu = _function("celu")
elu = _function("elu")
exponential = _function("exponential")
gelu = _function("gelu")
hard_shrink = _function("hard_shrink")
hard_sigmoid = _function("hard_sigmoid")
hard_silu = _function("hard_silu")
hard_swish = _function("hard_swish")
hard_tanh = _function("hard_tanh")
leaky_relu = _function("leaky_relu")
linear = _function("linear")
log_sigmoid = _function("log_sigmoid")
log_softmax = _function("log_softmax")
mish = _function("mish")
relu = _function("relu")
relu6 = _function("relu6")
selu = _function("selu")
sigmoid = _function("sigmoid")
silu = _function("silu")
soft_shrink = _function("soft_shrink")
softmax = _function("softmax")
softplus = _function("softplus")
softsign = _function("softsign")
sparse_plus = _function("sparse_plus")
sparse_sigmoid = _function("sparse_sigmoid")
sparsemax = _function("sparsemax")
squareplus = _function("squareplus")
swish = _function("swish")
tanh = _function("tanh")
tanh_shrink = _function("tanh_shrink")


def threshold(x: Any, threshold: float, default_value: float) -> Array:
    """Return x where it is above the threshold, the default elsewhere.

    Example:
        >>> threshold([-1.0, 2.0], 0.5, 9.0).numpy()
        array([9., 2.])
    """
    x = np.asarray(x)
    return answer(np.where(x > threshold, x, default_value))


def glu(x: Any, axis: int = -1) -> Array:
    """Return the first half of x along the axis, each number times the sigmoid of its partner.

    Example:
        >>> glu([3.0, 8.0, 0.0, 1000.0]).numpy()
        array([1.5, 8. ])
    """
    first, second = np.split(np.asarray(x), 2, axis)
    return answer(first * sigmoid(second))


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
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
