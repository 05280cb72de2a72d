"""Conv2DTranspose: a convolution run backwards, which makes images larger.

A Conv2D reads a window and makes one pixel of it. Its gradient goes the other way: each pixel of dy
is painted into x with the filter as a brush, and where strokes overlap they add up. That way back
is the way forward here; so this file holds nothing new, only im2col and col2im exchanged.
"""

from typing import Any

from numcnn import initializers
from numcnn.errors import ShapeError
from numcnn.layers import names
from numcnn.layers.arguments import data_format_name, padding_name, pair, positive_int
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.borders import borders
from numcnn.layers.im2col import (
    Padding,
    Pair,
    as_given,
    channels_last,
    col2im,
    im2col,
    image_shape,
    image_shape_as_given,
    out_size,
    same_padding,
)
from numcnn.layers.roles import KERNEL_AND_BIAS


class Conv2DTranspose(Layer):
    """Paint every pixel with a brush that is learned.

    Math:
        forward    z_padded[n, h*sh + i*rh, v*sw + j*rw, f] += x[n, h, v, c] * w[i, j, f, c]
                   for all pixels (h, v), taps (i, j) and channels c; z is z_padded without the
                   border that 'same' cuts off, plus b[f], and y = activation(z).
                   As matrices, one row per pixel:  cols = x @ w.T,  z = col2im(cols) + b
        backward   dz = activation.backward(dy), db = sum of dz over all pixels
                   dcols = im2col(dz)               (im2col is the transpose of col2im)
                   dw = dcols.T @ x                 dx = dcols @ w

    Shapes:
        x: (N, H, W, C)     y: (N, OH, OW, F)     w: (KH, KW, F, C)     b: (F,)
        Along an axis, with the brush's reach k = r*(K - 1) + 1:
        'same'    OH = H*s                  'valid'   OH = H*s + max(k - s, 0)
        With output_padding p:  OH = (H - 1)*s + k + p - 2*(k // 2 for 'same', 0 for 'valid')
        With data_format='channels_first': x (N, C, H, W) and y (N, F, OH, OW).

    Args:
        filters: F, the number of channels that come out.
        kernel_size: (KH, KW) or one number for both.
        strides: (sh, sw), how many pixels of y lie between two strokes.
        padding: 'valid' keeps all that was painted, 'same' cuts a border off.
        output_padding: pixels more at the bottom and right, below the strides; None for the rule.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        dilation_rate: (rh, rw), the distance between the brush's taps, in pixels.
        activation: a name such as 'relu', an activation layer, or None for y = z.
        use_bias: whether b is there.
        kernel_initializer: how w starts.
        bias_initializer: how b starts.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`; kernel_regularizer,
            bias_regularizer: see regularizers.py; kernel_constraint, bias_constraint: see
            constraints.py.

    Keeps:
        x.

    Raises:
        ShapeError: the input is not images, or a convolution of the output would not have the
            size of the input.

    Note:
        Also called deconvolution, which it is not: it undoes the shape of a convolution only.

    Reference:
        Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
        arXiv:1603.07285, 2016, chapter 4.

    Example:
        Two pixels, two apart, painted with a brush of three: in the middle the strokes overlap.

        >>> import numpy as np
        >>> paint = Conv2DTranspose(1, (1, 3), strides=(1, 2), use_bias=False, dtype="float64")
        >>> paint.build_for((1, 2, 1))
        >>> paint.set_weights([np.array([1., 2., 3.]).reshape(1, 3, 1, 1)])
        >>> paint.forward(np.array([10., 100.]).reshape(1, 1, 2, 1), training=True).ravel()
        array([ 10.,  20., 130., 200., 300.])
        >>> paint.backward(np.array([1., 0., 1., 0., 0.]).reshape(1, 1, 5, 1)).ravel()
        array([4., 1.])
        >>> paint.grads["w"].ravel()
        array([110.,   0.,  10.])
    """

    roles = KERNEL_AND_BIAS

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = positive_int("filters of Conv2DTranspose", filters)
        self.kernel_size = pair("kernel_size of Conv2DTranspose", kernel_size)
        self.strides = pair("strides of Conv2DTranspose", strides)
        self.padding = padding_name("Conv2DTranspose", padding)
        self.output_padding: Pair | None = None
        if output_padding is not None:
            rows, columns = borders("output_padding of Conv2DTranspose", output_padding)
            self.output_padding = rows[0], columns[0]
        self.data_format = data_format_name(data_format)
        self.dilation_rate = pair("dilation_rate of Conv2DTranspose", dilation_rate)
        self.activation = names.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make w (KH, KW, F, C) and b (F,)."""
        _, _, c = image_shape("Conv2DTranspose", input_shape, self.data_format)
        w_shape = (*self.kernel_size, self.filters, c)
        self.add_parameter("w", w_shape, self.kernel_initializer)
        if self.use_bias:
            self.add_parameter("b", (self.filters,), self.bias_initializer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, F)."""
        ih, iw, _ = image_shape("Conv2DTranspose", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return image_shape_as_given((oh, ow, self.filters), self.data_format)

    def work_shape(self, input_shape: Shape) -> Shape:
        """Return (H, W, KH*KW*F), the shape of cols."""
        ih, iw, _ = image_shape("Conv2DTranspose", input_shape, self.data_format)
        return ih, iw, self.kernel_size[0] * self.kernel_size[1] * self.filters

    def geometry(self, ih: int, iw: int) -> tuple[Pair, Padding]:
        """Return ((OH, OW), the border that is cut off) for images of this size."""
        (oh, rows), (ow, columns) = (self.along(axis, n) for axis, n in enumerate((ih, iw)))
        return (oh, ow), (rows, columns)

    def along(self, axis: int, n: int) -> tuple[int, Pair]:
        """Return the size of y along an axis and what is cut off at its ends."""
        k, s, r = self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis]
        reach = r * (k - 1) + 1
        same = self.padding == "same"
        if self.output_padding is not None:
            size = (n - 1) * s + reach + self.output_padding[axis] - (2 * (reach // 2) * same)
        else:
            size = n * s if same else n * s + max(reach - s, 0)
        cut = same_padding(size, k, s, r) if same else (0, 0)
        if size < 1 or out_size(size, k, s, cut, r) != n:
            raise ShapeError(
                f"output_padding={self.output_padding} of Conv2DTranspose does not fit: an axis of "
                f"{n} would become {size}, which a convolution with the same window, strides={s} "
                f"and padding={self.padding!r} does not turn into {n}. Use one below the strides."
            )
        return size, cut

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = activation(col2im(x @ w.T) + b)."""
        x = channels_last(x, self.data_format)
        w = self.params["w"]
        n, ih, iw, c = x.shape
        (oh, ow), cut = self.geometry(ih, iw)
        cols = x @ w.reshape(-1, c).T  # (N, H, W, KH*KW*F)
        cols = cols.reshape(n, ih, iw, *w.shape[:3])  # (N, H, W, KH, KW, F)
        z = col2im(cols, (n, oh, ow, self.filters), self.strides, cut, self.dilation_rate)
        if self.use_bias:
            z += self.params["b"]
        if training:
            self.kept = x
        return self.activation.forward(as_given(z, self.data_format), training)

    def backward(self, dy: Array) -> Array:
        """Set dw and db, return dx."""
        x = self.recall()
        w = self.params["w"]
        n, ih, iw, c = x.shape
        # y = activation(z)
        dz = channels_last(self.activation.backward(dy), self.data_format)
        # z += b
        if self.use_bias:
            self.grads["b"] = dz.sum(axis=(0, 1, 2))
        # z = col2im(cols)
        _, cut = self.geometry(ih, iw)
        dcols = im2col(dz, self.kernel_size, self.strides, cut, self.dilation_rate)
        dcols = dcols.reshape(n, ih, iw, w[..., 0].size)  # (N, H, W, KH*KW*F)
        # cols = x @ w.T, where w has the shape (KH*KW*F, C)
        drows = dcols.reshape(-1, dcols.shape[3])
        self.grads["w"] = (drows.T @ x.reshape(-1, c)).reshape(w.shape)
        return as_given(dcols @ w.reshape(-1, c), self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "output_padding": self.output_padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": names.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            **super().get_config(),
        }


Convolution2DTranspose = Conv2DTranspose  # Keras's other name
