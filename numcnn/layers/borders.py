"""ZeroPadding2D and Cropping2D: a border of zeros around an image, and a border taken away.

Each is the way back of the other: the gradient of padding is cropped, that of cropping is padded.
"""

import operator
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers.arguments import Pair, data_format_name
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.im2col import Padding, image_shape, image_shape_as_given


class ZeroPadding2D(Layer):
    """Put zeros around an image.

    Math:
        forward    y[n, top + h, left + w, c] = x[n, h, w, c], and 0 elsewhere
        backward   the zeros are constants, so dx[n, h, w, c] = dy[n, top + h, left + w, c]

    Shapes:
        x: (N, H, W, C)     y: (N, top + H + bottom, left + W + right, C)
        With data_format='channels_first': x (N, C, H, W), and y likewise.

    Args:
        padding: ((top, bottom), (left, right)) in pixels; (rows, columns) for the same on both
            sides; or one number for all four.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Nothing but that it ran.

    Raises:
        ShapeError: the input is not images, or the padding is negative.

    Example:
        >>> pad = ZeroPadding2D(((0, 1), (1, 1)))
        >>> x = np.array([[1., 2.]]).reshape(1, 1, 2, 1)
        >>> pad.forward(x, training=True).reshape(2, 4)
        array([[0., 1., 2., 0.],
               [0., 0., 0., 0.]])
        >>> pad.backward(np.arange(8.).reshape(1, 2, 4, 1)).ravel()
        array([1., 2.])
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.padding = borders("padding of ZeroPadding2D", padding)
        self.data_format = data_format_name(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with the border."""
        ih, iw, c = image_shape("ZeroPadding2D", input_shape, self.data_format)
        rows, columns = self.padding
        return image_shape_as_given((ih + sum(rows), iw + sum(columns), c), self.data_format)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x inside a border of zeros."""
        if training:
            self.kept = True
        return padded(x, self.padding, self.data_format)

    def backward(self, dy: Array) -> Array:
        """Return dy without the border."""
        self.recall()
        # y = padded(x)
        return cropped(dy, self.padding, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"padding": self.padding, "data_format": self.data_format, **super().get_config()}


class Cropping2D(Layer):
    """Cut a border off an image.

    Math:
        forward    y[n, h, w, c] = x[n, top + h, left + w, c]
        backward   what was cut off has no part in y, so dx is 0 there and dy inside

    Shapes:
        x: (N, H, W, C)     y: (N, H - top - bottom, W - left - right, C)
        With data_format='channels_first': x (N, C, H, W), and y likewise.

    Args:
        cropping: ((top, bottom), (left, right)) in pixels; (rows, columns) for the same on both
            sides; or one number for all four.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Nothing but that it ran.

    Raises:
        ShapeError: the input is not images, nothing would be left, or the cropping is negative.

    Example:
        >>> crop = Cropping2D(((0, 1), (1, 0)))
        >>> crop.forward(np.arange(6.).reshape(1, 2, 3, 1), training=True).ravel()
        array([1., 2.])
        >>> crop.backward(np.array([7., 8.]).reshape(1, 1, 2, 1)).reshape(2, 3)
        array([[0., 7., 8.],
               [0., 0., 0.]])
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.cropping = borders("cropping of Cropping2D", cropping)
        self.data_format = data_format_name(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape without the border."""
        ih, iw, c = image_shape("Cropping2D", input_shape, self.data_format)
        oh, ow = ih - sum(self.cropping[0]), iw - sum(self.cropping[1])
        if min(oh, ow) < 1:
            raise ShapeError(
                f"cropping={self.cropping} of Cropping2D leaves nothing of an image of {ih}x{iw}. "
                "Crop less."
            )
        return image_shape_as_given((oh, ow, c), self.data_format)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x without its border."""
        if training:
            self.kept = True
        return cropped(x, self.cropping, self.data_format)

    def backward(self, dy: Array) -> Array:
        """Return dy inside a border of zeros."""
        self.recall()
        # y = cropped(x)
        return padded(dy, self.cropping, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"cropping": self.cropping, "data_format": self.data_format, **super().get_config()}


def padded(x: Array, border: Padding, data_format: str) -> Array:
    """Return x inside a border of zeros."""
    if data_format == "channels_first":
        return np.pad(x, ((0, 0), (0, 0), *border))
    return np.pad(x, ((0, 0), *border, (0, 0)))


def cropped(x: Array, border: Padding, data_format: str) -> Array:
    """Return x without a border, as a view."""
    first = 2 if data_format == "channels_first" else 1
    ih, iw = x.shape[first : first + 2]
    (top, bottom), (left, right) = border
    inside = slice(top, ih - bottom), slice(left, iw - right)
    return x[(slice(None), slice(None), *inside)] if first == 2 else x[(slice(None), *inside)]


def borders(what: str, value: Any) -> Padding:
    """Return ((top, bottom), (left, right)) from that, from (rows, columns) or from one number.

    >>> borders("padding", 1), borders("padding", (1, 2)), borders("padding", ((0, 1), (2, 3)))
    (((1, 1), (1, 1)), ((1, 1), (2, 2)), ((0, 1), (2, 3)))
    """
    sides = value if isinstance(value, (tuple, list)) else (value, value)
    if len(sides) != 2:
        raise ShapeError(f"{what} must be one number, two, or two pairs, got {value!r}.")
    rows, columns = (_side(what, side, value) for side in sides)
    return rows, columns


def _side(what: str, side: Any, value: Any) -> Pair:
    ends = side if isinstance(side, (tuple, list)) else (side, side)
    try:
        first, last = (operator.index(end) for end in ends)
    except (TypeError, ValueError):
        raise DTypeError(
            f"{what} must be one whole number, two, or two pairs of them, got {value!r}."
        ) from None
    if min(first, last) < 0 or any(isinstance(end, bool) for end in ends):
        raise ShapeError(f"{what} must be whole numbers of at least 0, got {value!r}.")
    return first, last
