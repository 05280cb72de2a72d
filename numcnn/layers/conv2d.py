"""Conv2D: small filters slide over an image, and each asks everywhere "do I see my pattern here?".

With im2col (see im2col.py, the picture there comes first) all windows become the rows of one matrix
and all filters the columns of another; then the convolution is their product, forward and backward.
"""

from typing import Any

from numcnn import initializers
from numcnn.errors import DTypeError
from numcnn.layers import activations
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


class Conv2D(Layer):
    """Convolve images with filters that are learned.

    Math:
        forward    z[n, oh, ow, f] = b[f] + sum over i, j, c of
                       x_padded[n, oh*sh + i*dh, ow*sw + j*dw, c] * w[i, j, c, f]
                   y = activation(z)
                   As matrices, one row per window:  z = cols @ w + b
        backward   dz = activation.backward(dy)
                   db = sum of dz over all windows      (b is added to each of them)
                   dw = cols.T @ dz                     (as in dense.py, with cols for x)
                   dcols = dz @ w.T                     (as dx in dense.py)
                   dx = col2im(dcols)                   (a pixel collects from all its windows)

    Shapes:
        x: (N, H, W, C)     y: (N, OH, OW, F)     w: (KH, KW, C, F)     b: (F,)
        OH = (H - dh*(KH-1) - 1) // sh + 1 with 'valid' padding, ceil(H / sh) with 'same'.
        With data_format='channels_first': x (N, C, H, W) and y (N, F, OH, OW).

    Args:
        filters: F, the number of filters, which is the number of channels that come out.
        kernel_size: (KH, KW) or one number for both.
        strides: (sh, sw), how far the window moves, in pixels.
        padding: 'valid' uses the windows inside the image only; 'same' adds zeros around it, so
            that the size stays (divided by the stride); an odd zero goes to the bottom and right.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        dilation_rate: (dh, dw), the distance between a filter's taps, in pixels.
        activation: a name such as 'relu', an activation layer, or None for y = z.
        use_bias: whether b is there.
        kernel_initializer: how w starts.
        bias_initializer: how b starts.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        cols, all windows: KH*KW/(sh*sw) times as many numbers as x. That is the price of im2col.

    Raises:
        ShapeError: the input is not images, or a window does not fit into them.

    Note:
        As everywhere in deep learning this is a cross-correlation: the filter is not flipped.
        Strides together with dilation are allowed here; Keras refuses them.

    Reference:
        LeCun et al., "Gradient-based learning applied to document recognition", 1998.
        Chellapilla, Puri and Simard, "High performance convolutional neural networks for document
        processing", 2006 (the matrix product).

    Example:
        A filter that subtracts each pixel from its right neighbour finds the one vertical edge.

        >>> import numpy as np
        >>> edge = Conv2D(1, (1, 2), use_bias=False, input_shape=(2, 4, 1))
        >>> x = np.array([[0., 0., 5., 5.], [0., 0., 5., 5.]]).reshape(1, 2, 4, 1)
        >>> edge.build_for((2, 4, 1))
        >>> edge.set_weights([np.array([-1., 1.]).reshape(1, 2, 1, 1)])
        >>> edge.forward(x).reshape(2, 3)
        array([[0., 5., 0.],
               [0., 5., 0.]])
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "Conv2D":
        """Refuse Conv2D(32, 3, 3), which has had two meanings."""
        if (
            cls is Conv2D
            and len(args) > 2
            and isinstance(args[1], int)
            and isinstance(args[2], int)
        ):
            raise DTypeError(
                f"Conv2D{args[:3]} is a {args[1]}x{args[2]} kernel in Keras 1 and 2 and "
                f"strides={args[2]} in Keras 3. Write kernel_size=({args[1]}, {args[2]}) or "
                f"strides={args[2]}."
            )
        return super().__new__(cls)

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = positive_int("filters of Conv2D", filters)
        self.kernel_size = pair("kernel_size of Conv2D", kernel_size)
        self.strides = pair("strides of Conv2D", strides)
        self.padding = padding_name("Conv2D", padding)
        self.data_format = data_format_name(data_format)
        self.dilation_rate = pair("dilation_rate of Conv2D", dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make w (KH, KW, C, F) and b (F,)."""
        _, _, c = image_shape("Conv2D", input_shape, self.data_format)
        w_shape = (*self.kernel_size, c, self.filters)
        self.add_parameter("w", w_shape, self.kernel_initializer)
        if self.use_bias:
            self.add_parameter("b", (self.filters,), self.bias_initializer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, F)."""
        ih, iw, _ = image_shape("Conv2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return image_shape_as_given((oh, ow, self.filters), self.data_format)

    def work_shape(self, input_shape: Shape) -> Shape:
        """Return (OH, OW, KH*KW*C), the shape of cols."""
        ih, iw, c = image_shape("Conv2D", input_shape, self.data_format)
        (oh, ow), _ = self.geometry(ih, iw)
        return oh, ow, self.kernel_size[0] * self.kernel_size[1] * c

    def geometry(self, ih: int, iw: int) -> Any:
        """Return ((OH, OW), padding in pixels) for images of this size."""
        return window_geometry(
            (ih, iw), self.kernel_size, self.strides, self.padding, self.dilation_rate
        )

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = activation(conv(x, w) + b)."""
        x = channels_last(x, self.data_format)
        w = self.params["w"]
        n, ih, iw, _ = x.shape
        (oh, ow), padding = self.geometry(ih, iw)
        cols = im2col(x, self.kernel_size, self.strides, padding, self.dilation_rate)
        cols = cols.reshape(n * oh * ow, w[..., 0].size)  # (N*OH*OW, KH*KW*C)
        z = cols @ w.reshape(-1, self.filters)  # (N*OH*OW, F)
        if self.use_bias:
            z += self.params["b"]
        z = as_given(z.reshape(n, oh, ow, self.filters), self.data_format)
        if training:
            self.kept = cols, x.shape
        return self.activation.forward(z, training)

    def backward(self, dy: Array) -> Array:
        """Set dw and db, return dx."""
        cols, x_shape = self.recall()
        w = self.params["w"]
        # y = activation(z)
        dz = channels_last(self.activation.backward(dy), self.data_format)
        n, oh, ow, f = dz.shape
        dz = dz.reshape(n * oh * ow, f)  # (N*OH*OW, F)
        # z += b
        if self.use_bias:
            self.grads["b"] = dz.sum(axis=0)
        # z = cols @ w, where w has the shape (KH*KW*C, F)
        self.grads["w"] = (cols.T @ dz).reshape(w.shape)
        dcols = dz @ w.reshape(-1, f).T  # (N*OH*OW, KH*KW*C)
        # cols = im2col(x)
        dcols = dcols.reshape(n, oh, ow, *w.shape[:3])
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
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            **super().get_config(),
        }


Convolution2D = Conv2D  # Keras 1's name
