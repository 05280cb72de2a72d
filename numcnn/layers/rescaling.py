"""Rescaling: pixels from 0 to 255 become numbers of a size that networks like."""

from typing import Any

import numpy as np

from numcnn.errors import DTypeError
from numcnn.layers.base import Array, Layer


class Rescaling(Layer):
    """Multiply by a number and add another.

    Math:
        forward    y = x * scale + offset
        backward   the slope is scale, so dx = dy * scale

    Shapes:
        x, y: any, the same.

    Args:
        scale: such as 1/255 for numbers from 0 to 1, or 1/127.5 with offset=-1 for -1 to 1.
        offset: what is added.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Raises:
        DTypeError: scale or offset is not one finite number.

    Example:
        >>> scaled = Rescaling(1 / 127.5, offset=-1)
        >>> scaled.forward(np.array([0.0, 127.5, 255.0]), training=True)
        array([-1.,  0.,  1.])
        >>> scaled.backward(np.full(3, 255.0))
        array([2., 2., 2.])
    """

    def __init__(self, scale: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = _finite("scale", scale), _finite("offset", offset)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x * scale + offset."""
        y: Array = x * self.scale + self.offset
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * scale."""
        # y = x * scale + offset
        return dy * self.scale

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"scale": self.scale, "offset": self.offset, **super().get_config()}


def _finite(what: str, value: Any) -> float:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not np.isfinite(value):
        raise DTypeError(f"{what} of Rescaling must be a finite number, got {value!r}.")
    return float(value)
