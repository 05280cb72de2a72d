"""im2col: lay the windows of an image out as rows, so that a convolution is one matrix product.

A 2x2 window sliding over a 3x3 image of one channel, stride 1, no padding:

      a b c             row 0: a b d e        (window at the top left)
      d e f    im2col   row 1: b c e f        (one step to the right)
      g h i   ------->  row 2: d e g h
                        row 3: e f h i
                               |     |
                               |     +-- the window's bottom-right pixel, for every position
                               +-------- the window's top-left pixel, for every position

Each pixel stands in as many rows as there are windows that cover it: e stands in all four.
col2im is the way back for gradients: it adds each row's numbers up at the pixels they came from.
So col2im is not the inverse of im2col but its transpose: sum(im2col(x) * r) == sum(x * col2im(r)).

Python loops here run over the KH * KW positions inside the window only; NumPy does the rest.
"""

from typing import Any

import numpy as np

from numcnn.errors import ShapeError

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # ((top, bottom), (left, right)) in pixels


def out_size(size: int, k: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """Return how many window positions fit along one axis.

    Math:
        A window of k taps, dilation d apart, covers d * (k - 1) + 1 pixels. Its first position is
        0, each next one `stride` further, the last ends inside size + padding.

    >>> out_size(28, 3, 1, (0, 0)), out_size(28, 3, 2, (0, 1)), out_size(5, 3, 1, (0, 0), 2)
    (26, 14, 1)
    """
    return (size + sum(padding) - dilation * (k - 1) - 1) // stride + 1


def same_padding(size: int, k: int, stride: int, dilation: int = 1) -> Pair:
    """Return the zeros before and after an axis that make out_size == ceil(size / stride).

    Where the number is odd, the extra zero stands at the end (bottom, right), as in Keras.

    >>> same_padding(28, 3, 1), same_padding(28, 2, 1), same_padding(28, 3, 2)
    ((1, 1), (0, 1), (0, 1))
    """
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + dilation * (k - 1) + 1 - size)
    return total // 2, total - total // 2


def window_geometry(
    size: Pair, kernel: Pair, strides: Pair, padding: str, dilation: Pair = (1, 1)
) -> tuple[Pair, Padding]:
    """Return ((OH, OW), padding in pixels) for an image of this size and 'valid' or 'same'.

    Raises:
        ShapeError: the window does not fit into the image.

    >>> window_geometry((28, 28), (3, 3), (1, 1), "valid")
    ((26, 26), ((0, 0), (0, 0)))
    """
    pads: list[Pair] = []
    outs: list[int] = []
    for n, k, s, d in zip(size, kernel, strides, dilation, strict=True):
        pads.append(same_padding(n, k, s, d) if padding == "same" else (0, 0))
        outs.append(out_size(n, k, s, pads[-1], d))
    if min(outs) < 1:
        spread = f" with dilation {dilation}" if dilation != (1, 1) else ""
        raise ShapeError(
            f"a window of {kernel[0]}x{kernel[1]}{spread} does not fit into an image of "
            f"{size[0]}x{size[1]}: the output size would be zero or negative. Use a smaller "
            "window, padding='same', or fewer layers that shrink the image."
        )
    return (outs[0], outs[1]), (pads[0], pads[1])


def im2col(
    x: Array,
    kernel: Pair,
    strides: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    fill: float = 0.0,
) -> Array:
    """Return every window of x: cols[n, oh, ow, i, j] is the pixel under tap (i, j).

    Math:
        cols[n, oh, ow, i, j, c] = x_padded[n, oh * sh + i * dh, ow * sw + j * dw, c]

    Shapes:
        x: (N, H, W, C)
        cols: (N, OH, OW, KH, KW, C); a reshape to (N*OH*OW, KH*KW*C) gives the rows of the picture.

    Args:
        x: a batch of images.
        kernel: (KH, KW).
        strides: (sh, sw), how far the window moves.
        padding: pixels added around the image, ((top, bottom), (left, right)).
        dilation: (dh, dw), the distance between the taps.
        fill: the value of the added pixels: 0 for convolutions, -inf for max-pooling.

    Example:
        >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
        >>> im2col(x, (2, 2)).reshape(4, 4)
        array([[0., 1., 3., 4.],
               [1., 2., 4., 5.],
               [3., 4., 6., 7.],
               [4., 5., 7., 8.]])
    """
    n, ih, iw, c = x.shape
    (kh, kw), (sh, sw), (dh, dw) = kernel, strides, dilation
    oh = out_size(ih, kh, sh, padding[0], dh)
    ow = out_size(iw, kw, sw, padding[1], dw)
    if padding != ((0, 0), (0, 0)):
        x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    cols = np.empty((n, oh, ow, kh, kw, c), x.dtype)
    for i in range(kh):
        for j in range(kw):
            # The pixel under tap (i, j), for all positions of the window at once.
            row, column = i * dh, j * dw
            cols[:, :, :, i, j, :] = x[
                :, row : row + sh * (oh - 1) + 1 : sh, column : column + sw * (ow - 1) + 1 : sw, :
            ]
    return cols


def col2im(
    dcols: Array,
    x_shape: tuple[int, ...],
    strides: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Add the windows' gradients up at the pixels they came from: the transpose of `im2col`.

    Math:
        dx_padded[n, oh * sh + i * dh, ow * sw + j * dw, c] += dcols[n, oh, ow, i, j, c]
        and dx is dx_padded without its border, since the added pixels are constants.

    Shapes:
        dcols: (N, OH, OW, KH, KW, C)
        dx: x_shape = (N, H, W, C)

    Example:
        >>> ones = np.ones((1, 2, 2, 2, 2, 1))
        >>> col2im(ones, (1, 3, 3, 1)).reshape(3, 3)  # how many windows cover each pixel
        array([[1., 2., 1.],
               [2., 4., 2.],
               [1., 2., 1.]])
    """
    n, ih, iw, c = x_shape
    _, oh, ow, kh, kw, _ = dcols.shape
    (sh, sw), (dh, dw), ((top, bottom), (left, right)) = strides, dilation, padding
    dx = np.zeros((n, ih + top + bottom, iw + left + right, c), dcols.dtype)
    for i in range(kh):
        for j in range(kw):
            # cols[:, :, :, i, j, :] = x[these pixels]
            row, column = i * dh, j * dw
            dx[
                :, row : row + sh * (oh - 1) + 1 : sh, column : column + sw * (ow - 1) + 1 : sw, :
            ] += dcols[:, :, :, i, j, :]
    return dx[:, top : top + ih, left : left + iw, :]


def channels_last(x: Array, data_format: str) -> Array:
    """Return x as (N, H, W, C), whichever layout it came in."""
    return x if data_format == "channels_last" else x.transpose(0, 2, 3, 1)


def as_given(y: Array, data_format: str) -> Array:
    """Return y, which is (N, H, W, C), in the layout that the user chose."""
    return y if data_format == "channels_last" else y.transpose(0, 3, 1, 2)


def image_shape(what: str, shape: tuple[int, ...], data_format: str) -> tuple[int, int, int]:
    """Return (H, W, C) of one sample, whichever layout it came in.

    Raises:
        ShapeError: the shape is not that of an image.
    """
    if len(shape) != 3:
        axes = "(H, W, C)" if data_format == "channels_last" else "(C, H, W)"
        hint = " Add a channel axis: x[..., None]." if len(shape) == 2 else ""
        if len(shape) == 1:
            hint = f" Rows have lost the picture: put {what} before Flatten or Dense."
        raise ShapeError(f"{what} needs images of shape {axes}, got samples of {shape}.{hint}")
    if data_format == "channels_first":
        return shape[1], shape[2], shape[0]
    return shape[0], shape[1], shape[2]


def image_shape_as_given(shape: tuple[int, int, int], data_format: str) -> tuple[int, int, int]:
    """Return (H, W, C) in the layout that the user chose."""
    return shape if data_format == "channels_last" else (shape[2], shape[0], shape[1])
