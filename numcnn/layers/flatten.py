"""Flatten and Reshape: the same numbers, other axes. Dense needs a row, Conv2D needs an image.

Nothing is computed: each number of y is one number of x, at another place, so its slope in it is 1
and in all others 0. By the chain rule its gradient is that of the place where it went: dy, moved
back to where x had it.
"""

import math
from typing import Any

from numcnn.errors import ShapeError
from numcnn.layers.arguments import data_format_name
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.im2col import channels_last


class Flatten(Layer):
    """Lay every sample out as one row.

    Math:
        forward    y[n, a * B + b] = x[n, a, b], and so on for more axes: they are joined into one
        backward   dx[n, a, b] = dy[n, a * B + b]: the same the other way

    Shapes:
        x: (N, A, B, ...)     y: (N, A*B*...)

    Args:
        data_format: with 'channels_first' images are laid out pixel by pixel all the same, as in
            Keras, so that the weights after it do not depend on the layout.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        The shape of x.

    Example:
        >>> import numpy as np
        >>> flatten = Flatten()
        >>> flatten.forward(np.array([[[1.0, 2.0], [3.0, 4.0]]]), training=True)
        array([[1., 2., 3., 4.]])
        >>> flatten.backward(np.array([[10.0, 20.0, 30.0, 40.0]]))
        array([[[10., 20.],
                [30., 40.]]])
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_name(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (A*B*...,)."""
        return (math.prod(input_shape),)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return each sample as a row."""
        if x.ndim == 4:
            x = channels_last(x, self.data_format)
        if training:
            self.kept = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy: Array) -> Array:
        """Return dy in the shape of x."""
        x_shape = self.recall()
        # y = x.reshape(N, A*B*...)
        dx = dy.reshape(x_shape)
        if dx.ndim == 4 and self.data_format == "channels_first":
            dx = dx.transpose(0, 3, 1, 2)
        return dx

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"data_format": self.data_format, **super().get_config()}


class Reshape(Layer):
    """Give every sample another shape with as many numbers.

    Math:
        forward    y = x in the new shape: both read in the same order, the last axis fastest
        backward   dx = dy in the old shape

    Shapes:
        x: (N, ...)     y: (N, *target_shape)

    Args:
        target_shape: the shape of one sample; one size may be -1 and is then computed.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        The shape of x.

    Raises:
        ShapeError: the numbers do not fit into the target shape.

    Example:
        >>> import numpy as np
        >>> reshape = Reshape((2, -1))
        >>> reshape.forward(np.array([[1.0, 2.0, 3.0, 4.0]]), training=True)
        array([[[1., 2.],
                [3., 4.]]])
        >>> reshape.backward(np.array([[[10.0, 20.0], [30.0, 40.0]]]))
        array([[10., 20., 30., 40.]])
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        whole = all(isinstance(s, int) and not isinstance(s, bool) for s in sizes)
        if not whole or any(s < 1 and s != -1 for s in sizes) or sizes.count(-1) > 1:
            raise ShapeError(
                "target_shape of Reshape must be positive integers, one of which may be -1, "
                f"got {target_shape!r}."
            )
        self.target_shape = sizes

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the target shape, its -1 computed."""
        size = math.prod(input_shape)
        known = math.prod(s for s in self.target_shape if s != -1)
        shape = tuple(size // known if s == -1 else s for s in self.target_shape)
        if math.prod(shape) != size:
            raise ShapeError(
                f"Reshape: samples of shape {input_shape} have {size} numbers, which do not fill "
                f"target_shape={self.target_shape}."
            )
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return each sample in the target shape."""
        if training:
            self.kept = x.shape
        return x.reshape(len(x), *self.compute_output_shape(x.shape[1:]))

    def backward(self, dy: Array) -> Array:
        """Return dy in the shape of x."""
        x_shape = self.recall()
        # y = x.reshape(N, *target_shape)
        return dy.reshape(x_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"target_shape": self.target_shape, **super().get_config()}
