"""Conv2D: small filters slide over an image, and each asks everywhere "do I see my pattern here?".

An image has C numbers at each pixel, its channels: one if it is grey, three for red, green and
blue. A filter is a small window of weights, one for each pixel and channel that it covers. Laid
upon the image, each weight is multiplied by the number under it; the sum of the products, plus a
bias, is the filter's answer at that place. It is large where the pixels are like the weights. The
same filter answers at every place, so what is learned in one corner is known in all of them, and
there are few weights however large the image. F filters give F answers at each place: the answers
are an image again, with F channels, and the next layer can look for patterns of patterns.

Forward. im2col (im2col.py) copies every window into a row of a matrix. Here a filter of 2x2 weights
on a 3x3 image, one channel each. The filter is a column, and all its answers are one product:

      image                       cols                w          z
      x00 x01 x02            x00 x01 x10 x11         w00      top left
      x10 x11 x12   im2col   x01 x02 x11 x12    @    w01   =  top right
      x20 x21 x22  ------->  x10 x11 x20 x21         w10      bottom left
                             x11 x12 x21 x22         w11      bottom right
      filter
      w00 w01                top left: x00 * w00 + x01 * w01 + x10 * w10 + x11 * w11
      w10 w11

More images only add rows, more channels make rows of cols and columns of w longer, more filters
add columns to w and z. With r for a window, k for a number in it, and f for a filter,

    z[r, f] = b[f] + sum over k of cols[r, k] * w[k, f]             z = cols @ w + b

Backward. Let the loss be the number that training lowers. The layer above hands down dz: for each
number of z by how much the loss rises when it rises by a little, per unit. (If y = activation(z)
follows, dy comes, and the activation makes dz of it.) The same is wanted for what went in: db and
dw to improve the weights, dx for the layer below. The chain rule: a number v that went into some
numbers of z moves the loss through each of them,

    dv = sum, over the z that v went into, of dz * ∂z/∂v,

so the question is only which these are, and how steeply each z rises with v. The formula says it:

    b[f]        went into z[r, f] of every window r. The slope is 1:
                db[f] = sum over r of dz[r, f]                      db = dz.sum(axis=0)
    w[k, f]     went into z[r, f] of every window r. The slope is its factor there, cols[r, k]:
                dw[k, f] = sum over r of cols[r, k] * dz[r, f]      dw = cols.T @ dz
    cols[r, k]  went into z[r, f] of every filter f. The slope is its factor there, w[k, f]:
                dcols[r, k] = sum over f of dz[r, f] * w[k, f]      dcols = dz @ w.T
    a pixel     was copied into every window that covers it. The slope of a copy is 1:
                dx[pixel] = sum of dcols over its copies            dx = col2im(dcols)

In the picture x11 was copied four times, so its gradient is dcols[0, 3] + dcols[1, 2] + dcols[2, 1]
+ dcols[3, 0] = dz[0] * w11 + dz[1] * w10 + dz[2] * w01 + dz[3] * w00. That is the filter, turned
upside down and left to right, laid upon dz: seen as a whole, dx is a convolution with such filters.

By hand. Without an activation y is z, and dy is dz. With dy = 1, 10, 100, 1000 the decimal digits
show who went where.

    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0, 2.0],
    ...               [3.0, 1.0, 0.0],
    ...               [0.0, 2.0, 1.0]]).reshape(1, 3, 3, 1)
    >>> w = np.array([[1.0, 2.0],
    ...               [3.0, 4.0]]).reshape(2, 2, 1, 1)
    >>> conv = Conv2D(1, (2, 2), dtype="float64")
    >>> conv.build_for((3, 3, 1))
    >>> conv.set_weights([w, np.array([5.0])])
    >>> conv.forward(x, training=True).reshape(2, 2)  # top left: 1*1 + 0*2 + 3*3 + 1*4 + 5
    array([[19., 12.],
           [18., 16.]])
    >>> dx = conv.backward(np.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(1, 2, 2, 1))
    >>> conv.grads["b"]  # 1 + 10 + 100 + 1000
    array([1111.])
    >>> conv.grads["w"].reshape(2, 2)  # w00 lay on 1, 0, 3, 1: 1*1 + 0*10 + 3*100 + 1*1000
    array([[1301.,  120.],
           [2013., 1201.]])
    >>> dx.reshape(3, 3).astype(int)  # x11 lay under w11, w10, w01, w00: 4 + 30 + 200 + 1000
    array([[   1,   12,   20],
           [ 103, 1234, 2040],
           [ 300, 3400, 4000]])

And so it is: were x11 greater by 1, the four z would be greater by 4, 3, 2 and 1, and the loss,
which rises by 1, 10, 100 and 1000 per unit of them, by 4*1 + 3*10 + 2*100 + 1*1000 = 1234.

To read `forward` and `backward` below: `geometry` says how many windows there are and how many
zeros go around the image; `channels_last` and `as_given` change nothing but the order of the axes,
for images whose channels come first; `recall` returns what forward has put into `kept`.
"""

from typing import Any

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
from numcnn.layers.older import by_old_name
from numcnn.layers.roles import KERNEL_AND_BIAS


class Conv2D(Layer):
    """Convolve images with filters that are learned.

    Math:
        forward    z[n, oh, ow, f] = b[f] + sum over i, j, c of
                       x_padded[n, oh*sh + i*rh, ow*sw + j*rw, c] * w[i, j, c, f]
                   with strides (sh, sw) and dilation (rh, rw), or as matrices z = cols @ w + b
                   y = activation(z)
        backward   dz = activation.backward(dy)
                   db = dz.sum(axis=0)          dcols = dz @ w.T
                   dw = cols.T @ dz             dx = col2im(dcols)
                   or, in the indices of the image, where p and q are a row and a column,
                   dw[i, j, c, f] = sum over n, oh, ow of
                       x_padded[n, oh*sh + i*rh, ow*sw + j*rw, c] * dz[n, oh, ow, f]
                   dx_padded[n, p, q, c] = sum over f and all oh, ow, i, j with
                       oh*sh + i*rh = p and ow*sw + j*rw = q of dz[n, oh, ow, f] * w[i, j, c, f]
        Where this comes from stands at the top of this file.

    Shapes:
        x: (N, H, W, C)     y: (N, OH, OW, F)     w: (KH, KW, C, F)     b: (F,)
        OH = (H - rh*(KH-1) - 1) // sh + 1 with 'valid' padding, ceil(H / sh) with 'same'.
        With data_format='channels_first': x (N, C, H, W) and y (N, F, OH, OW).

    Args:
        filters: F, the number of filters, which is the number of channels that come out.
        kernel_size: (KH, KW) or one number for both.
        strides: (sh, sw), how far the window moves, in pixels.
        padding: 'valid' uses the windows inside the image only; 'same' adds zeros around it, so
            that the size stays (divided by the stride); an odd zero goes to the bottom and right.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        dilation_rate: (rh, rw), the distance between a filter's weights, in pixels; 1: no gaps.
        activation: a name such as 'relu', an activation layer, or None for y = z.
        use_bias: whether b is there.
        kernel_initializer: how w starts.
        bias_initializer: how b starts.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`; kernel_regularizer,
            bias_regularizer: see regularizers.py; kernel_constraint, bias_constraint: see
            constraints.py.

    Keeps:
        cols, all windows, since dw is made of them: about KH*KW/(sh*sw) times as many numbers as x.
        That is the price of im2col. And the shape of x.

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
        >>> edge = Conv2D(1, (1, 2), use_bias=False)
        >>> x = np.array([[0., 0., 5., 5.], [0., 0., 5., 5.]]).reshape(1, 2, 4, 1)
        >>> edge.build_for((2, 4, 1))
        >>> edge.set_weights([np.array([-1., 1.]).reshape(1, 2, 1, 1)])
        >>> edge.forward(x, training=True).reshape(2, 3)
        array([[0., 5., 0.],
               [0., 5., 0.]])

        If the loss rises with the answers at the edge, darker pixels to its left and brighter ones
        to its right would raise it:

        >>> edge.backward(np.array([[0., 1., 0.], [0., 1., 0.]]).reshape(1, 2, 3, 1)).reshape(2, 4)
        array([[ 0., -1.,  1.,  0.],
               [ 0., -1.,  1.,  0.]])
    """

    roles = KERNEL_AND_BIAS

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
        self.activation = names.get(activation)
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
        x = channels_last(x, self.data_format)  # (N, H, W, C)
        w = self.params["w"]  # (KH, KW, C, F)
        n, ih, iw, _ = x.shape
        (oh, ow), padding = self.geometry(ih, iw)
        # (N, OH, OW, KH, KW, C), and then one row per window
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
        self.grads["w"] = (cols.T @ dz).reshape(w.shape)  # (KH, KW, C, F)
        dcols = dz @ w.reshape(-1, f).T  # (N*OH*OW, KH*KW*C)
        # cols = im2col(x)
        dcols = dcols.reshape(n, oh, ow, *w.shape[:3])  # (N, OH, OW, KH, KW, C)
        _, padding = self.geometry(*x_shape[1:3])
        dx = col2im(dcols, x_shape, self.strides, padding, self.dilation_rate)  # (N, H, W, C)
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
            "activation": names.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            **super().get_config(),
        }


Convolution2D = by_old_name(Conv2D, "Convolution2D")
