"""DepthwiseConv2D: filters that look at one channel each, and never mix them.

A Conv2D filter sums over all channels. Here each channel has filters of its own, so there are C
small sums instead of a large product, and F / M times fewer multiplications. What is lost, the
mixing of channels, a Conv2D with 1x1 windows behind it does: see separableconv2d.py.
"""

from typing import Any

import numpy as np

from numcnn import initializers
from numcnn.layers import names
from numcnn.layers.arguments import data_format_name, padding_name, pair, positive_int
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
from numcnn.layers.roles import DEPTHWISE_AND_BIAS


class DepthwiseConv2D(Layer):
    """Convolve each channel with filters of its own.

    Math:
        forward    z[n, oh, ow, c*M + m] = b[c*M + m] + sum over i, j of
                       x_padded[n, oh*sh + i*rh, ow*sw + j*rw, c] * w[i, j, c, m]
                   y = activation(z)
                   With all windows of x from im2col, tap by tap:
                   z[..., c*M + m] = sum over i, j of cols[..., i, j, c] * w[i, j, c, m]
        backward   dz = activation.backward(dy), db = sum of dz over all windows
                   By the chain rule each factor of a product collects dz times the other one:
                   dw[i, j, c, m]      = sum over windows of cols[..., i, j, c] * dz[..., c*M + m]
                   dcols[..., i, j, c] = sum over m of dz[..., c*M + m] * w[i, j, c, m]
                   dx = col2im(dcols)

    Shapes:
        x: (N, H, W, C)     y: (N, OH, OW, C*M)     w: (KH, KW, C, M)     b: (C*M,)
        cols: (N, OH, OW, KH, KW, C)     z: (N, OH, OW, C*M)
        OH and OW as in Conv2D. With data_format='channels_first': x (N, C, H, W), y likewise.

    Args:
        kernel_size: (KH, KW) or one number for both.
        strides: (sh, sw), how far the window moves, in pixels.
        padding: 'valid' or 'same', as in Conv2D.
        depth_multiplier: M, how many filters each channel has.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        dilation_rate: (rh, rw), the distance between a filter's taps, in pixels.
        activation: a name such as 'relu', an activation layer, or None for y = z.
        use_bias: whether b is there.
        depthwise_initializer: how w starts.
        bias_initializer: how b starts.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`; depthwise_regularizer,
            bias_regularizer: see regularizers.py; depthwise_constraint, bias_constraint: see
            constraints.py.

    Keeps:
        cols, all windows: KH*KW/(sh*sw) times as many numbers as x.

    Raises:
        ShapeError: the input is not images, or a window does not fit into them.

    Reference:
        Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
        applications", arXiv:1704.04861, 2017.

    Example:
        Two channels, each summed over a window of 1x2, the second with the weight 10.

        >>> import numpy as np
        >>> conv = DepthwiseConv2D((1, 2), use_bias=False, dtype="float64")
        >>> conv.build_for((1, 3, 2))
        >>> conv.set_weights([np.array([[1., 10.], [1., 10.]]).reshape(1, 2, 2, 1)])
        >>> x = np.array([[1., 5.], [2., 6.], [3., 7.]]).reshape(1, 1, 3, 2)
        >>> conv.forward(x, training=True).reshape(2, 2)
        array([[  3., 110.],
               [  5., 130.]])
        >>> conv.backward(np.ones((1, 1, 2, 2))).reshape(3, 2)
        array([[ 1., 10.],
               [ 2., 20.],
               [ 1., 10.]])
        >>> conv.grads["w"].reshape(2, 2)
        array([[ 3., 11.],
               [ 5., 13.]])
    """

    roles = DEPTHWISE_AND_BIAS

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = pair("kernel_size of DepthwiseConv2D", kernel_size)
        self.strides = pair("strides of DepthwiseConv2D", strides)
        self.padding = padding_name("DepthwiseConv2D", padding)
        self.depth_multiplier = positive_int(
            "depth_multiplier of DepthwiseConv2D", depth_multiplier
        )
        self.data_format = data_format_name(data_format)
        self.dilation_rate = pair("dilation_rate of DepthwiseConv2D", dilation_rate)
        self.activation = names.get(activation)
        self.use_bias = bool(use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make w (KH, KW, C, M) and b (C*M,)."""
        _, _, c = image_shape("DepthwiseConv2D", input_shape, self.data_format)
        w_shape = (*self.kernel_size, c, self.depth_multiplier)
        self.add_parameter("w", w_shape, self.depthwise_initializer)
        if self.use_bias:
            self.add_parameter("b", (c * self.depth_multiplier,), self.bias_initializer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, C*M)."""
        ih, iw, c = image_shape("DepthwiseConv2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return image_shape_as_given((oh, ow, c * self.depth_multiplier), self.data_format)

    def work_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, KH*KW*C), the shape of cols."""
        ih, iw, c = image_shape("DepthwiseConv2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return oh, ow, self.kernel_size[0] * self.kernel_size[1] * c

    def geometry(self, ih: int, iw: int) -> Any:
        """Return ((OH, OW), padding in pixels) for images of this size."""
        return window_geometry(
            (ih, iw), self.kernel_size, self.strides, self.padding, self.dilation_rate
        )

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = activation(z + b), each channel convolved with its own filters."""
        x = channels_last(x, self.data_format)
        _, padding = self.geometry(*x.shape[1:3])
        cols = im2col(x, self.kernel_size, self.strides, padding, self.dilation_rate)
        z = by_channel(cols, self.params["w"])  # (N, OH, OW, C*M)
        if self.use_bias:
            z += self.params["b"]
        if training:
            self.kept = cols, x.shape
        return self.activation.forward(as_given(z, self.data_format), training)

    def backward(self, dy: Array) -> Array:
        """Set dw and db, return dx."""
        cols, x_shape = self.recall()
        # y = activation(z)
        dz = channels_last(self.activation.backward(dy), self.data_format)
        # z += b
        if self.use_bias:
            self.grads["b"] = dz.sum(axis=(0, 1, 2))
        # z = by_channel(cols, w)
        self.grads["w"], dcols = by_channel_backward(cols, self.params["w"], dz)
        # cols = im2col(x)
        _, padding = self.geometry(*x_shape[1:3])
        dx = col2im(dcols, x_shape, self.strides, padding, self.dilation_rate)
        return as_given(dx, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "depth_multiplier": self.depth_multiplier,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": names.serialize(self.activation),
            "use_bias": self.use_bias,
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            **super().get_config(),
        }


def by_channel(cols: Array, w: Array) -> Array:
    """Return z, each channel of cols times its own filters.

    Math:
        z[..., c*M + m] = sum over i, j of cols[..., i, j, c] * w[i, j, c, m]

    Shapes:
        cols: (N, OH, OW, KH, KW, C)     w: (KH, KW, C, M)     z: (N, OH, OW, C*M)

    Example:
        >>> import numpy as np
        >>> by_channel(np.ones((1, 1, 1, 2, 2, 1)), np.arange(4.0).reshape(2, 2, 1, 1)).ravel()
        array([6.])
    """
    z = np.einsum("nhwijc,ijcm->nhwcm", cols, w)  # (N, OH, OW, C, M)
    return z.reshape(*cols.shape[:3], w[0, 0].size)


def by_channel_backward(cols: Array, w: Array, dz: Array) -> tuple[Array, Array]:
    """Return (dw, dcols) of `by_channel`.

    Math:
        dw[i, j, c, m]       = sum over all windows of cols[..., i, j, c] * dz[..., c*M + m]
        dcols[..., i, j, c]  = sum over m of dz[..., c*M + m] * w[i, j, c, m]

    Shapes:
        dw: that of w     dcols: that of cols     dz: (N, OH, OW, C*M)

    Example:
        >>> import numpy as np
        >>> cols, w = np.full((1, 1, 1, 1, 1, 1), 3.0), np.full((1, 1, 1, 1), 5.0)
        >>> dw, dcols = by_channel_backward(cols, w, np.full((1, 1, 1, 1), 2.0))
        >>> dw.ravel(), dcols.ravel()
        (array([6.]), array([10.]))
    """
    dz = dz.reshape(*dz.shape[:3], *w.shape[2:])  # (N, OH, OW, C, M)
    # z = np.einsum("nhwijc,ijcm->nhwcm", cols, w)
    dw = np.einsum("nhwijc,nhwcm->nijcm", cols, dz).sum(axis=0)
    dcols = np.einsum("nhwcm,ijcm->nhwijc", dz, w)
    return dw, dcols
