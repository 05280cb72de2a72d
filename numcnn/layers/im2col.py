"""im2col: lay the windows of an image out as rows, so that a convolution is one matrix product.

A 2x2 window slides over a 3x3 image of one channel, one pixel at a time. Each place is a row:

      a b c             row 0: a b d e        (window at the top left)
      d e f    im2col   row 1: b c e f        (one step to the right)
      g h i   ------->  row 2: d e g h        (one step down)
                        row 3: e f h i
                               |     |
                               |     +-- the window's bottom-right pixel, for every position
                               +-------- the window's top-left pixel, for every position

A place inside the window is a tap, (i, j) for row i and column j. With C channels each letter is C
numbers. Three arguments change which pixel lies under a tap:

    strides (sh, sw)     the window moves by sh rows or sw columns instead of one
    dilation (rh, rw)    the taps stand rh rows and rw columns apart, with holes between them
    padding              a border around the image, so that windows may begin before its first pixel

The pixel under tap (i, j) of window (oh, ow), counted from the top left, of image n is then

    cols[n, oh, ow, i, j, c] = x_padded[n, oh*sh + i*rh, ow*sw + j*rw, c].

The way back. Nothing is computed here, numbers are only copied: the slope of a copy in its pixel is
1. So the chain rule says that a pixel's gradient is the sum of its copies' gradients:

    dx_padded[n, p, q, c] = sum of dcols[n, oh, ow, i, j, c] over all windows and taps with
                            oh*sh + i*rh = p and ow*sw + j*rw = q

In the picture e was copied into all four rows, so its gradient is dcols[0, 3] + dcols[1, 2] +
dcols[2, 1] + dcols[3, 0], while the corner a was copied once. That is col2im. It does not undo
im2col: it adds up where im2col copied. In the language of matrices im2col is a matrix of zeros and
ones, and col2im is its transpose, hence sum(im2col(x) * r) == sum(x * col2im(r)) for every r.

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
        Window o begins at pixel o * stride, and its last tap lies dilation * (k - 1) further. That
        must be a pixel:  o * stride + dilation * (k - 1) <= size + sum(padding) - 1.
        o begins at 0, so there is one window more than the greatest o:
        out = (size + sum(padding) - dilation * (k - 1) - 1) // stride + 1

    Example:
        >>> out_size(28, 3, 1, (0, 0)), out_size(28, 3, 2, (0, 1)), out_size(5, 3, 1, (0, 0), 2)
        (26, 14, 1)
    """
    return (size + sum(padding) - dilation * (k - 1) - 1) // stride + 1


def same_padding(size: int, k: int, stride: int, dilation: int = 1) -> Pair:
    """Return the zeros before and after an axis that make out_size == ceil(size / stride).

    Math:
        out = ceil(size / stride) windows: the last begins at (out - 1) * stride and covers
        dilation * (k - 1) + 1 pixels. What the image lacks of that is added, half before and half
        after; of an odd number the extra zero stands at the end (bottom, right), as in Keras.

    Example:
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

    Math:
        Rows and columns each for themselves: 'valid' adds nothing to the image, (0, 0), and 'same'
        adds `same_padding`; then `out_size` counts the windows.

    Raises:
        ShapeError: the window does not fit into the image.

    Example:
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
        cols[n, oh, ow, i, j, c] = x_padded[n, oh*sh + i*rh, ow*sw + j*rw, c]

    Shapes:
        x: (N, H, W, C)
        cols: (N, OH, OW, KH, KW, C); a reshape to (N*OH*OW, KH*KW*C) gives the rows of the picture.

    Args:
        x: a batch of images.
        kernel: (KH, KW), the rows and columns of the window.
        strides: (sh, sw), how far the window moves.
        padding: pixels added around the image, ((top, bottom), (left, right)).
        dilation: (rh, rw), the distance between the taps.
        fill: the value of the added pixels: 0 for convolutions, -inf for max-pooling.

    Example:
        The picture at the top of this file, with 0 to 8 for a to i.

        >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
        >>> im2col(x, (2, 2)).reshape(4, 4)
        array([[0., 1., 3., 4.],
               [1., 2., 4., 5.],
               [3., 4., 6., 7.],
               [4., 5., 7., 8.]])
    """
    n, ih, iw, c = x.shape
    (kh, kw), (sh, sw), (rh, rw) = kernel, strides, dilation
    oh = out_size(ih, kh, sh, padding[0], rh)
    ow = out_size(iw, kw, sw, padding[1], rw)
    if padding != ((0, 0), (0, 0)):
        x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    cols = np.empty((n, oh, ow, kh, kw, c), x.dtype)
    for i in range(kh):
        for j in range(kw):
            # The pixel under tap (i, j), for all positions of the window at once.
            row, column = i * rh, j * rw
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
        dx_padded[n, oh*sh + i*rh, ow*sw + j*rw, c] += dcols[n, oh, ow, i, j, c]
        and dx is dx_padded without its border, since the added pixels are constants. Why, stands at
        the top of this file.

    Shapes:
        dcols: (N, OH, OW, KH, KW, C)
        dx: x_shape = (N, H, W, C)

    Example:
        Each row its own digit: 1 for the first window, 10, 100, 1000 for the others. The digits
        of a pixel then name the windows that cover it.

        >>> dcols = np.repeat([1.0, 10.0, 100.0, 1000.0], 4).reshape(1, 2, 2, 2, 2, 1)
        >>> col2im(dcols, (1, 3, 3, 1)).reshape(3, 3).astype(int)
        array([[   1,   11,   10],
               [ 101, 1111, 1010],
               [ 100, 1100, 1000]])
    """
    n, ih, iw, c = x_shape
    _, oh, ow, kh, kw, _ = dcols.shape
    (sh, sw), (rh, rw), ((top, bottom), (left, right)) = strides, dilation, padding
    dx = np.zeros((n, ih + top + bottom, iw + left + right, c), dcols.dtype)
    for i in range(kh):
        for j in range(kw):
            # cols[:, :, :, i, j, :] = x[these pixels]
            row, column = i * rh, j * rw
            dx[
                :, row : row + sh * (oh - 1) + 1 : sh, column : column + sw * (ow - 1) + 1 : sw, :
            ] += dcols[:, :, :, i, j, :]
    return dx[:, top : top + ih, left : left + iw, :]


def channels_last(x: Array, data_format: str) -> Array:
    """Return x as (N, H, W, C), whichever layout it came in.

    Math:
        The same numbers; for 'channels_first' the axes in another order.

    Shapes:
        x: (N, H, W, C) or, with 'channels_first', (N, C, H, W)

    Example:
        >>> channels_last(np.zeros((5, 1, 28, 29)), "channels_first").shape
        (5, 28, 29, 1)
    """
    return x if data_format == "channels_last" else x.transpose(0, 2, 3, 1)


def as_given(y: Array, data_format: str) -> Array:
    """Return y, which is (N, H, W, C), in the layout that the user chose.

    Math:
        The same numbers: `channels_last` undone.

    Shapes:
        y: (N, H, W, C)

    Example:
        >>> as_given(np.zeros((5, 28, 29, 1)), "channels_first").shape
        (5, 1, 28, 29)
    """
    return y if data_format == "channels_last" else y.transpose(0, 3, 1, 2)


def image_shape(what: str, shape: tuple[int, ...], data_format: str) -> tuple[int, int, int]:
    """Return (H, W, C) of one sample, whichever layout it came in.

    Raises:
        ShapeError: the shape is not that of an image.

    Example:
        >>> image_shape("Conv2D", (1, 28, 29), "channels_first")
        (28, 29, 1)
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
    """Return (H, W, C) in the layout that the user chose.

    Example:
        >>> image_shape_as_given((28, 29, 1), "channels_first")
        (1, 28, 29)
    """
    return shape if data_format == "channels_last" else (shape[2], shape[0], shape[1])
