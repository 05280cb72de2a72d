"""UpSampling2D: an image made larger, pixel by pixel or with smooth steps between them."""

from typing import Any

import numpy as np

from numcnn.errors import unknown_name
from numcnn.layers.arguments import data_format_name, pair
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.im2col import as_given, channels_last, image_shape, image_shape_as_given


class UpSampling2D(Layer):
    """Make every pixel sh x sw pixels.

    Math:
        Rows and columns are stretched one after the other. Along an axis stretched by s, output
        p = q*s + r lies in pixel q, its centre t = (r + 0.5) / s - 0.5 away from that pixel's:
        'nearest'  y[p] = x[q]
        'bilinear' y[p] = (1 - |t|) * x[q] + |t| * x[q - 1 if t < 0 else q + 1]
                   where the first and last pixel are their own neighbours beyond the border.
        backward   the slope of y[p] in x[q] is the weight with which it entered, so by the chain
                   rule each x[q] collects dy[p] times this weight:
        'nearest'  dx[q] = sum over r of dy[q*s + r]
        'bilinear' dx[q] += (1 - |t|) * dy[p], and the neighbour's dx += |t| * dy[p]

    Shapes:
        x: (N, H, W, C)     y: (N, H*sh, W*sw, C)
        With data_format='channels_first': x (N, C, H, W), and y likewise.

    Args:
        size: (sh, sw) or one number for both.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        interpolation: 'nearest' or 'bilinear'.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Nothing but that it ran.

    Raises:
        ShapeError: the input is not images; ValueError: another interpolation.

    Note:
        The same places of the centres as in Keras, and as in PyTorch with align_corners=False.

    Example:
        >>> x = np.array([[0., 8.]]).reshape(1, 1, 2, 1)
        >>> UpSampling2D((1, 2)).forward(x).ravel()
        array([0., 0., 8., 8.])
        >>> smooth = UpSampling2D((1, 2), interpolation="bilinear")
        >>> smooth.forward(x, training=True).ravel()
        array([0., 2., 6., 8.])

        The first pixel entered the four with the weights 1, 3/4, 1/4 and 0, the second one with the
        rest: 1 + 7.5 + 25 and 2.5 + 75 + 1000.

        >>> smooth.backward(np.array([1., 10., 100., 1000.]).reshape(1, 1, 4, 1)).ravel()
        array([  33.5, 1077.5])
    """

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = pair("size of UpSampling2D", size)
        self.data_format = data_format_name(data_format)
        if interpolation not in ("nearest", "bilinear"):
            kinds = ["nearest", "bilinear"]
            raise unknown_name("interpolation of UpSampling2D", interpolation, kinds)
        self.interpolation = interpolation

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (H*sh, W*sw, C)."""
        ih, iw, c = image_shape("UpSampling2D", input_shape, self.data_format)
        return image_shape_as_given((ih * self.size[0], iw * self.size[1], c), self.data_format)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x with its rows, then its columns stretched."""
        if training:
            self.kept = True
        y = channels_last(x, self.data_format)
        for axis, s in zip((1, 2), self.size, strict=True):
            y = y.repeat(s, axis) if self.interpolation == "nearest" else stretched(y, s, axis)
        return as_given(y, self.data_format)

    def backward(self, dy: Array) -> Array:
        """Return dx: what each pixel gave, it gets back."""
        self.recall()
        dx = channels_last(dy, self.data_format)
        for axis, s in zip((1, 2), self.size, strict=True):
            # y = stretched(x)
            dx = collected(dx, s, axis, smooth=self.interpolation == "bilinear")
        return as_given(dx, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
            **super().get_config(),
        }


def stretched(x: Array, s: int, axis: int) -> Array:
    """Return x, s times as long along an axis, with straight lines from pixel to pixel."""
    x = np.moveaxis(x, axis, 0)
    y = np.empty((len(x) * s, *x.shape[1:]), x.dtype)
    for r in range(s):
        t = (r + 0.5) / s - 0.5
        y[r::s] = (1 - abs(t)) * x
        if t < 0:
            y[r::s] += -t * np.concatenate([x[:1], x[:-1]])
        if t > 0:
            y[r::s] += t * np.concatenate([x[1:], x[-1:]])
    return np.moveaxis(y, 0, axis)


def collected(dy: Array, s: int, axis: int, smooth: bool) -> Array:
    """Return dx for dy, the transpose of `stretched` or, where not `smooth`, of `repeat`."""
    dy = np.moveaxis(dy, axis, 0)
    dx = np.zeros((len(dy) // s, *dy.shape[1:]), dy.dtype)
    for r in range(s):
        t = (r + 0.5) / s - 0.5 if smooth else 0.0
        share = dy[r::s]
        # y[r::s] = (1 - |t|) * x
        dx += (1 - abs(t)) * share
        if t < 0:
            # y[r::s] += |t| * (the pixel before, the first one's being itself)
            dx[:-1] += -t * share[1:]
            dx[:1] += -t * share[:1]
        if t > 0:
            # y[r::s] += |t| * (the pixel after, the last one's being itself)
            dx[1:] += t * share[:-1]
            dx[-1:] += t * share[-1:]
    return np.moveaxis(dx, 0, axis)
