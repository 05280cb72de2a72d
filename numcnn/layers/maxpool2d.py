"""MaxPool2D: keep the strongest answer of each window, and forget exactly where it was.

The image becomes smaller, and what follows often sees the same when a stroke moves by a pixel: when
its strongest answers stay in their windows. There is nothing to learn here, no weight.

Backward. y of a window is a copy of its greatest pixel, the winner. Move the winner by a little and
y moves as much: the slope is 1. Move another pixel of the window by a little and it still loses: y
stays, the slope is 0. So by the chain rule, dx = sum over all y of dy times the slope, a pixel's
gradient is the sum of dy over the windows that it wins:

      x, two windows      y         dy             dx
      1 2 | 0 0                                    0  0 | 0  0
      3 4 | 0 7           4 7       10 20          0 10 | 0 20

im2col (im2col.py) lays the windows out, so that the winners can be found, and col2im sends each dy
home. With strides below the pool size windows overlap and a pixel can win several of them; col2im
adds up what is sent to it.
"""

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


class MaxPool2D(Layer):
    """Take the maximum over windows, each channel for itself.

    Math:
        forward    y[n, oh, ow, c] = max over i, j of x_padded[n, oh*sh + i, ow*sw + j, c]
        backward   ∂y/∂x is 1 for the winner of the window and 0 for its other pixels, so for each
                   window   dx[its winner] += dy[n, oh, ow, c]

    Shapes:
        x: (N, H, W, C)     y: (N, OH, OW, C), OH and OW as in Conv2D.
        With data_format='channels_first': x (N, C, H, W) and y (N, C, OH, OW).

    Args:
        pool_size: (KH, KW) or one number for both.
        strides: (sh, sw) or one number; by default pool_size, so that windows do not overlap.
        padding: 'valid' leaves out pixels at the bottom and right that fill no whole window;
            'same' adds a border that never wins.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        winner, the position 0 to KH*KW - 1 of each window's maximum: one integer per output. And
        the shape of x.

    Raises:
        ShapeError: the input is not images, or a window does not fit into them.

    Note:
        Among equal maxima the first in reading order (left to right, top to bottom) wins and gets
        the whole gradient. NaN counts as greater than any number, so it is seen downstream.

    Reference:
        Scherer, Müller and Behnke, "Evaluation of pooling operations in convolutional
        architectures for object recognition", ICANN 2010.

    Example:
        >>> pool = MaxPool2D(2)
        >>> x = np.array([[1., 2., 0., 0.], [3., 4., 0., 7.]]).reshape(1, 2, 4, 1)
        >>> pool.forward(x, training=True).ravel()
        array([4., 7.])
        >>> pool.backward(np.array([10., 20.]).reshape(1, 1, 2, 1)).reshape(2, 4)
        array([[ 0.,  0.,  0.,  0.],
               [ 0., 10.,  0., 20.]])

        With a stride of one there are three windows; the 4 wins two of them, and is paid by both.

        >>> pool = MaxPool2D(2, strides=1)
        >>> pool.forward(x, training=True).ravel()
        array([4., 4., 7.])
        >>> pool.backward(np.array([1., 10., 100.]).reshape(1, 1, 3, 1)).reshape(2, 4)
        array([[  0.,   0.,   0.,   0.],
               [  0.,  11.,   0., 100.]])
    """

    default_name = "max_pooling2d"

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = pair("pool_size of MaxPool2D", pool_size)
        self.n_taps = self.pool_size[0] * self.pool_size[1]
        self.strides = pair("strides of MaxPool2D", pool_size if strides is None else strides)
        self.padding = padding_name("MaxPool2D", padding)
        self.data_format = data_format_name(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, C)."""
        ih, iw, c = image_shape("MaxPool2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return image_shape_as_given((oh, ow, c), self.data_format)

    def work_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, KH*KW, C), the shape of cols."""
        ih, iw, c = image_shape("MaxPool2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return oh, ow, self.n_taps, c

    def geometry(self, ih: int, iw: int) -> Any:
        """Return ((OH, OW), padding in pixels) for images of this size."""
        return window_geometry((ih, iw), self.pool_size, self.strides, self.padding)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the maximum of each window."""
        x = channels_last(x, self.data_format)
        n, ih, iw, c = x.shape
        (oh, ow), padding = self.geometry(ih, iw)
        cols = im2col(x, self.pool_size, self.strides, padding, fill=-np.inf)
        cols = cols.reshape(n, oh, ow, self.n_taps, c)  # (N, OH, OW, KH*KW, C)
        y = cols.max(axis=3)  # (N, OH, OW, C); NaN counts as the greatest
        if training:
            winner = cols.argmax(axis=3)  # (N, OH, OW, C): the first maximum, or the first NaN
            if padding != ((0, 0), (0, 0)):
                winner = self.inside(winner, x.shape, padding)
            self.kept = winner[:, :, :, None, :], x.shape  # (N, OH, OW, 1, C)
        return as_given(y, self.data_format)

    def backward(self, dy: Array) -> Array:
        """Return dx: each output's gradient at its winning pixel, zero elsewhere."""
        winner, x_shape = self.recall()
        dy = channels_last(dy, self.data_format)
        n, oh, ow, c = dy.shape
        # y = cols.max(axis=3), a copy of the number at winner
        dcols = np.zeros((n, oh, ow, self.n_taps, c), dy.dtype)
        np.put_along_axis(dcols, winner, dy[:, :, :, None, :], axis=3)
        # cols = im2col(x)
        dcols = dcols.reshape(n, oh, ow, *self.pool_size, c)  # (N, OH, OW, KH, KW, C)
        _, padding = self.geometry(*x_shape[1:3])
        return as_given(col2im(dcols, x_shape, self.strides, padding), self.data_format)

    def inside(self, winner: Array, x_shape: Shape, padding: Any) -> Array:
        """Return the winners, moved to the first real pixel where the border won.

        The border is -inf; it comes first only where a window holds nothing but -inf. A gradient
        sent to the border would be lost, and dx would no longer sum to what dy sums to.
        """
        real = im2col(np.ones((1, *x_shape[1:3], 1), bool), self.pool_size, self.strides, padding)
        real = real.reshape(1, *real.shape[1:3], self.n_taps, 1)  # (1, OH, OW, KH*KW, 1)
        won_by_real = np.take_along_axis(real, winner[:, :, :, None, :], axis=3)[:, :, :, 0, :]
        return np.where(won_by_real, winner, real.argmax(axis=3))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            **super().get_config(),
        }


MaxPooling2D = MaxPool2D  # Keras's other name
