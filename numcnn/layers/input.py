"""Input: says what shape the samples have; it computes nothing."""

from typing import Any

from numcnn.layers.arguments import sample_shape
from numcnn.layers.base import Array, Layer


class InputLayer(Layer):
    """The place where samples enter a model.

    Math:
        forward    y = x
        backward   dx = dy

    Shapes:
        x, y: (N, *shape)

    Args:
        input_shape: the shape of one sample, without the batch axis; `shape` is another name.
        **kwargs: name, dtype: see `Layer`.

    Example:
        >>> Input(shape=(28, 28, 1)).given_input_shape
        (28, 28, 1)
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
    """Return an `InputLayer` for samples of this shape: `Sequential([Input(shape=...), ...])`."""
    return InputLayer(shape=shape, **kwargs)
