"""Global pooling: one number per channel of an image of any size, instead of Flatten and Dense.

After the last convolution each channel says everywhere how much of its pattern is there; the mean
of these answers, or the strongest, is the answer for the image.
"""

from typing import Any

import numpy as np

from numcnn.layers.arguments import data_format_name
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.im2col import as_given, channels_last, image_shape, image_shape_as_given


class GlobalPooling2D(Layer):
    """What both kinds share: images in, one number per channel out.

    Args:
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        keepdims: whether y keeps the axes of height and width, with size 1.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = data_format_name(data_format)
        self.keepdims = bool(keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (C,), or (1, 1, C) with keepdims."""
        _, _, c = image_shape(type(self).__name__, input_shape, self.data_format)
        return image_shape_as_given((1, 1, c), self.data_format) if self.keepdims else (c,)

    def shaped(self, y: Array) -> Array:
        """Return y, which is (N, C), with the axes that `keepdims` asks for."""
        return as_given(y[:, None, None, :], self.data_format) if self.keepdims else y

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        config = {"data_format": self.data_format, "keepdims": self.keepdims}
        return config | super().get_config()


class GlobalAveragePooling2D(GlobalPooling2D):
    """Take the mean of each channel.

    Math:
        forward    y[n, c] = 1 / (H*W) * sum over h, w of x[n, h, w, c]
        backward   y has the slope 1 / (H*W) in each pixel of its channel, and a pixel goes into no
                   other y, so dx[n, h, w, c] = dy[n, c] / (H*W)

    Shapes:
        x: (N, H, W, C)     y: (N, C), or (N, 1, 1, C) with keepdims=True
        With data_format='channels_first': x (N, C, H, W) and y (N, C) or (N, C, 1, 1).

    Args:
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        keepdims: whether y keeps the axes of height and width, with size 1.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        The shape of x.

    Raises:
        ShapeError: the input is not images.

    Reference:
        Lin, Chen and Yan, "Network in network", ICLR 2014, section 3.2.

    Example:
        >>> pool = GlobalAveragePooling2D()
        >>> pool.forward(np.array([[1., 2.], [3., 6.]]).reshape(1, 2, 2, 1), training=True)
        array([[3.]])
        >>> pool.backward(np.array([[8.]])).reshape(2, 2)
        array([[2., 2.],
               [2., 2.]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the mean over height and width."""
        x = channels_last(x, self.data_format)
        if training:
            self.kept = x.shape
        return self.shaped(x.mean(axis=(1, 2)))  # (N, C)

    def backward(self, dy: Array) -> Array:
        """Return dy / (H*W) at each pixel."""
        n, ih, iw, c = self.recall()
        # y = x.mean(axis=(1, 2))
        shares = dy.reshape(n, 1, 1, c) / (ih * iw)
        return as_given(np.broadcast_to(shares, (n, ih, iw, c)).copy(), self.data_format)


class GlobalMaxPooling2D(GlobalPooling2D):
    """Take the maximum of each channel.

    Math:
        forward    y[n, c] = max over h, w of x[n, h, w, c]
        backward   y is a copy of the pixel that won: dx = dy there, 0 elsewhere, as in MaxPool2D

    Shapes:
        x: (N, H, W, C)     y: (N, C), or (N, 1, 1, C) with keepdims=True
        With data_format='channels_first': x (N, C, H, W) and y (N, C) or (N, C, 1, 1).

    Args:
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        keepdims: whether y keeps the axes of height and width, with size 1.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        winner, one position in each channel of each image.

    Raises:
        ShapeError: the input is not images.

    Note:
        Among equal maxima the first in reading order gets the whole gradient, as in MaxPool2D.
        Keras on TensorFlow gives each an equal share here.

    Example:
        >>> pool = GlobalMaxPooling2D()
        >>> pool.forward(np.array([[1., 6.], [3., 6.]]).reshape(1, 2, 2, 1), training=True)
        array([[6.]])
        >>> pool.backward(np.array([[8.]])).reshape(2, 2)
        array([[0., 8.],
               [0., 0.]])
    """

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the maximum over height and width."""
        x = channels_last(x, self.data_format)
        n, ih, iw, c = x.shape
        pixels = x.reshape(n, ih * iw, c)  # (N, H*W, C)
        if training:
            winner = pixels.argmax(axis=1)  # (N, C): the first maximum, or the first NaN
            self.kept = winner[:, None, :], x.shape
        return self.shaped(pixels.max(axis=1))  # (N, C)

    def backward(self, dy: Array) -> Array:
        """Return dx: dy at the winning pixels, zero elsewhere."""
        winner, (n, ih, iw, c) = self.recall()
        # y = pixels.max(axis=1), which is the number at winner
        dpixels = np.zeros((n, ih * iw, c), dy.dtype)
        np.put_along_axis(dpixels, winner, dy.reshape(n, 1, c), axis=1)
        # pixels = x.reshape(N, H*W, C)
        return as_given(dpixels.reshape(n, ih, iw, c), self.data_format)


GlobalAvgPool2D = GlobalAveragePooling2D  # Keras's other names
GlobalMaxPool2D = GlobalMaxPooling2D
