"""Input: says what shape the samples have; it computes nothing."""

from typing import Any

from numcnn.layers.arguments import sample_shape
from numcnn.layers.base import Array, Layer


class InputLayer(Layer):
    """The place where samples enter a model.

    Math:
        forward    y = x
        backward   the slope is 1, so dx = dy

    Shapes:
        x, y: (N, *shape)

    Args:
        input_shape: the shape of one sample, without the batch axis; `shape` is another name.
        **kwargs: name, dtype: see `Layer`.

    Example:
        >>> import numpy as np
        >>> entrance = InputLayer((3,))
        >>> entrance.forward(np.array([[1.0, 2.0, 3.0]]))
        array([[1., 2., 3.]])
        >>> entrance.backward(np.array([[10.0, 20.0, 30.0]]))
        array([[10., 20., 30.]])
    """

    default_name = "input"

    def __init__(self, input_shape: Any = None, shape: Any = None, **kwargs: Any) -> None:
        given = input_shape if shape is None else shape
        super().__init__(input_shape=sample_shape("shape of Input", given), **kwargs)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x."""
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        return dy


def Input(shape: Any = None, **kwargs: Any) -> InputLayer:
    """Return an `InputLayer` for samples of this shape: `Sequential([Input(shape=...), ...])`.

    Math:
        That of the layer: y = x.

    Shapes:
        shape: that of one sample, without the batch axis.

    Example:
        >>> Input(shape=(28, 28, 1)).given_input_shape
        (28, 28, 1)
    """
    unused = {key for key in ("sparse", "ragged", "tensor", "optional") if not kwargs.get(key)}
    return InputLayer(shape=shape, **{k: kwargs[k] for k in kwargs if k not in unused})
