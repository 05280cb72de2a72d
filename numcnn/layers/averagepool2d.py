"""AveragePooling2D: the mean of each window. What LeNet used before the maximum became usual."""

from typing import Any

import numpy as np

from numcnn.layers.arguments import data_format_name, padding_name, pair
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.im2col import (
    as_given,
    channels_last,
    col2im,
    im2col,
    image_shape,
    image_shape_as_given,
    window_geometry,
)


class AveragePooling2D(Layer):
    """Take the mean over windows, each channel for itself.

    Math:
        forward    y[n, oh, ow, c] = 1 / inside[oh, ow] * sum over i, j of
                       x_padded[n, oh*sh + i, ow*sw + j, c]
                   where inside counts the window's pixels that lie in the image: added ones are 0
                   and do not count. Without padding it is KH*KW everywhere.
        backward   y has the slope 1 / inside in each pixel of its window, so by the chain rule
                   dcols = dy / inside, the same for all taps
                   dx = col2im(dcols): a pixel collects from all its windows, see im2col.py

    Shapes:
        x: (N, H, W, C)     y: (N, OH, OW, C), OH and OW as in Conv2D.
        With data_format='channels_first': x (N, C, H, W) and y (N, C, OH, OW).

    Args:
        pool_size: (KH, KW) or one number for both.
        strides: (sh, sw) or one number; by default pool_size, so that windows do not overlap.
        padding: 'valid' leaves out pixels at the bottom and right that fill no whole window;
            'same' goes on beyond the border, where there are fewer pixels to average.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        The shape of x, nothing else: the gradient is the same whatever the pixels were.

    Raises:
        ShapeError: the input is not images, or a window does not fit into them.

    Note:
        PyTorch's AvgPool2d counts the added pixels unless count_include_pad=False.

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B.

    Example:
        >>> pool = AveragePooling2D(2)
        >>> x = np.array([[1., 2., 0., 0.], [3., 4., 0., 8.]]).reshape(1, 2, 4, 1)
        >>> pool.forward(x, training=True).ravel()
        array([2.5, 2. ])
        >>> pool.backward(np.array([4., 8.]).reshape(1, 1, 2, 1)).reshape(2, 4)
        array([[1., 1., 2., 2.],
               [1., 1., 2., 2.]])
    """

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = pair("pool_size of AveragePooling2D", pool_size)
        strides = pool_size if strides is None else strides
        self.strides = pair("strides of AveragePooling2D", strides)
        self.padding = padding_name("AveragePooling2D", padding)
        self.data_format = data_format_name(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, C)."""
        ih, iw, c = image_shape("AveragePooling2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return image_shape_as_given((oh, ow, c), self.data_format)

    def work_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, KH*KW, C), the shape of cols."""
        ih, iw, c = image_shape("AveragePooling2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return oh, ow, self.pool_size[0] * self.pool_size[1], c

    def geometry(self, ih: int, iw: int) -> Any:
        """Return ((OH, OW), padding in pixels) for images of this size."""
        return window_geometry((ih, iw), self.pool_size, self.strides, self.padding)

    def inside(self, ih: int, iw: int, dtype: Any) -> Array:
        """Return how many pixels of the image each window covers, (1, OH, OW, 1)."""
        _, padding = self.geometry(ih, iw)
        ones = np.ones((1, ih, iw, 1), dtype)
        return im2col(ones, self.pool_size, self.strides, padding).sum(axis=(3, 4))

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the mean of each window."""
        x = channels_last(x, self.data_format)
        _, ih, iw, _ = x.shape
        _, padding = self.geometry(ih, iw)
        cols = im2col(x, self.pool_size, self.strides, padding)  # (N, OH, OW, KH, KW, C)
        y = cols.sum(axis=(3, 4)) / self.inside(ih, iw, x.dtype)  # (N, OH, OW, C)
        if training:
            self.kept = x.shape
        return as_given(y, self.data_format)

    def backward(self, dy: Array) -> Array:
        """Return dx: each output's gradient in equal shares at the pixels of its window."""
        x_shape = self.recall()
        dy = channels_last(dy, self.data_format)
        _, ih, iw, _ = x_shape
        # y = cols.sum(axis=(3, 4)) / inside
        shares = (dy / self.inside(ih, iw, dy.dtype))[:, :, :, None, None]  # (N, OH, OW, 1, 1, C)
        dcols = np.broadcast_to(shares, (*dy.shape[:3], *self.pool_size, dy.shape[3]))
        # cols = im2col(x)
        _, padding = self.geometry(ih, iw)
        return as_given(col2im(dcols, x_shape, self.strides, padding), self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            **super().get_config(),
        }


AvgPool2D = AveragePooling2D  # Keras's other name
