"""SeparableConv2D: first each channel by itself, then the channels among each other.

A Conv2D looks at windows and mixes channels in one product, with KH*KW*C*F weights. Here one is
done after the other, with KH*KW*C*M and C*M*F weights: several times fewer.
"""

from typing import Any

from numcnn import initializers
from numcnn.layers import names
from numcnn.layers.arguments import data_format_name, padding_name, pair, positive_int
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.depthwiseconv2d import by_channel, by_channel_backward
from numcnn.layers.im2col import (
    as_given,
    channels_last,
    col2im,
    im2col,
    image_shape,
    image_shape_as_given,
    window_geometry,
)
from numcnn.layers.roles import SEPARATED


class SeparableConv2D(Layer):
    """A depthwise convolution, then one with windows of 1x1.

    Math:
        forward    h = the depthwise convolution of x with w_depth, as in depthwiseconv2d.py
                   z[n, oh, ow, f] = b[f] + sum over k of h[n, oh, ow, k] * w_point[k, f]
                   y = activation(z)
        backward   dz = activation.backward(dy), db = sum of dz over all windows
                   dw_point = h.T @ dz      dh = dz @ w_point.T      (as in dense.py, rows: windows)
                   dw_depth and dx from dh, as in depthwiseconv2d.py

    Shapes:
        x: (N, H, W, C)     h: (N, OH, OW, C*M)     y: (N, OH, OW, F)
        w_depth: (KH, KW, C, M)     w_point: (1, 1, C*M, F)     b: (F,)
        OH and OW as in Conv2D. With data_format='channels_first': x (N, C, H, W), y likewise.

    Args:
        filters: F, the number of channels that come out.
        kernel_size: (KH, KW) or one number for both.
        strides: (sh, sw), how far the window moves, in pixels.
        padding: 'valid' or 'same', as in Conv2D.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        dilation_rate: (rh, rw), the distance between a filter's taps, in pixels.
        depth_multiplier: M, how many depthwise filters each channel has.
        activation: a name such as 'relu', an activation layer, or None for y = z.
        use_bias: whether b is there.
        depthwise_initializer: how w_depth starts.
        pointwise_initializer: how w_point starts.
        bias_initializer: how b starts.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`; depthwise_regularizer,
            pointwise_regularizer, bias_regularizer: see regularizers.py; depthwise_constraint,
            pointwise_constraint, bias_constraint: see constraints.py.

    Keeps:
        cols, all windows, and h.

    Raises:
        ShapeError: the input is not images, or a window does not fit into them.

    Reference:
        Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017.

    Example:
        Windows of 1x2 are summed, and then the two channels.

        >>> import numpy as np
        >>> conv = SeparableConv2D(1, (1, 2), dtype="float64")
        >>> conv.build_for((1, 3, 2))
        >>> conv.set_weights([np.ones((1, 2, 2, 1)), np.ones((1, 1, 2, 1)), np.zeros(1)])
        >>> x = np.array([[1., 5.], [2., 6.], [3., 7.]]).reshape(1, 1, 3, 2)
        >>> conv.forward(x, training=True).ravel()
        array([14., 18.])
        >>> conv.backward(np.ones((1, 1, 2, 1))).reshape(3, 2)
        array([[1., 1.],
               [2., 2.],
               [1., 1.]])
        >>> conv.grads["w_point"].ravel()  # the sums of each channel's windows, 3 + 5 and 11 + 13
        array([ 8., 24.])
    """

    roles = SEPARATED

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = positive_int("filters of SeparableConv2D", filters)
        self.kernel_size = pair("kernel_size of SeparableConv2D", kernel_size)
        self.strides = pair("strides of SeparableConv2D", strides)
        self.padding = padding_name("SeparableConv2D", padding)
        self.data_format = data_format_name(data_format)
        self.dilation_rate = pair("dilation_rate of SeparableConv2D", dilation_rate)
        self.depth_multiplier = positive_int(
            "depth_multiplier of SeparableConv2D", depth_multiplier
        )
        self.activation = names.get(activation)
        self.use_bias = bool(use_bias)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make w_depth (KH, KW, C, M), w_point (1, 1, C*M, F) and b (F,)."""
        _, _, c = image_shape("SeparableConv2D", input_shape, self.data_format)
        m = self.depth_multiplier
        self.add_parameter("w_depth", (*self.kernel_size, c, m), self.depthwise_initializer)
        self.add_parameter("w_point", (1, 1, c * m, self.filters), self.pointwise_initializer)
        if self.use_bias:
            self.add_parameter("b", (self.filters,), self.bias_initializer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, F)."""
        ih, iw, _ = image_shape("SeparableConv2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return image_shape_as_given((oh, ow, self.filters), self.data_format)

    def work_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, the larger of KH*KW*C and C*M), the shape of cols or h."""
        ih, iw, c = image_shape("SeparableConv2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return oh, ow, c * max(self.kernel_size[0] * self.kernel_size[1], self.depth_multiplier)

    def geometry(self, ih: int, iw: int) -> Any:
        """Return ((OH, OW), padding in pixels) for images of this size."""
        return window_geometry(
            (ih, iw), self.kernel_size, self.strides, self.padding, self.dilation_rate
        )

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = activation(h @ w_point + b)."""
        x = channels_last(x, self.data_format)
        _, padding = self.geometry(*x.shape[1:3])
        cols = im2col(x, self.kernel_size, self.strides, padding, self.dilation_rate)
        h = by_channel(cols, self.params["w_depth"])  # (N, OH, OW, C*M)
        z = h @ self.params["w_point"][0, 0]  # (N, OH, OW, F)
        if self.use_bias:
            z += self.params["b"]
        if training:
            self.kept = cols, h, x.shape
        return self.activation.forward(as_given(z, self.data_format), training)

    def backward(self, dy: Array) -> Array:
        """Set dw_depth, dw_point and db, return dx."""
        cols, h, x_shape = self.recall()
        w_point = self.params["w_point"]
        # y = activation(z)
        dz = channels_last(self.activation.backward(dy), self.data_format)
        # z += b
        if self.use_bias:
            self.grads["b"] = dz.sum(axis=(0, 1, 2))
        # z = h @ w_point
        rows, drows = h.reshape(-1, w_point.shape[2]), dz.reshape(-1, self.filters)
        self.grads["w_point"] = (rows.T @ drows).reshape(w_point.shape)
        dh = dz @ w_point[0, 0].T  # (N, OH, OW, C*M)
        # h = by_channel(cols, w_depth)
        self.grads["w_depth"], dcols = by_channel_backward(cols, self.params["w_depth"], dh)
        # cols = im2col(x)
        _, padding = self.geometry(*x_shape[1:3])
        dx = col2im(dcols, x_shape, self.strides, padding, self.dilation_rate)
        return as_given(dx, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "depth_multiplier": self.depth_multiplier,
            "activation": names.serialize(self.activation),
            "use_bias": self.use_bias,
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            **super().get_config(),
        }


SeparableConvolution2D = SeparableConv2D  # Keras's other name
