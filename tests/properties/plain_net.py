"""A whole network in plain NumPy, for real and for complex numbers; nothing comes from the layers.

`loss` computes the mean loss of a network that engine/strategies.py describes. On the way it notes
how near a number comes to a kink, where ReLU or max-pooling changes its mind: there a derivative
says nothing about what another way of summing gives, so such a network is to be left out.
"""

import numpy as np
import oracles
from engine.strategies import Scale, Watch

from numcnn import losses
from numcnn.layers import (
    ELU,
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    LeakyReLU,
    MaxPool2D,
    Permute,
    PReLU,
    ReLU,
    Reshape,
    SeparableConv2D,
    Softmax,
    SpatialDropout2D,
    UpSampling2D,
    ZeroPadding2D,
)

LOSSES = {  # from the activated outputs, and from the scores before them
    "mean_squared_error": (oracles.mean_squared_error, None),
    "categorical_crossentropy": (
        oracles.categorical_crossentropy,
        oracles.categorical_crossentropy_from_logits,
    ),
    "binary_crossentropy": (oracles.binary_crossentropy, oracles.binary_crossentropy_from_logits),
}


class PlainNet:
    """The network `net`, in training, at the step of its Dropout layers that is given."""

    def __init__(self, net, step=0):
        self.net, self.step = net, step
        self.nearest_kink = np.inf

    def loss(self, x, y, params):
        """Return the mean loss; params: for each layer its arrays, in their order, or fewer.

        A frozen batch normalization has its moving mean and variance there, too.
        """
        loss = losses.get(self.net.loss)
        name = loss.name.removeprefix("sparse_")
        layers = [self.outer(layer) for layer in self.unfolded(params)]
        from_scores = loss.from_logits
        if not from_scores and loss.activation and layers[-1] == (self.activation, loss.activation):
            layers, from_scores = layers[:-1], True
        for apply, argument in layers:
            x = apply(x, argument)
        y = y if name == loss.name else oracles.one_hot(y, x.shape[-1])
        return LOSSES[name][from_scores](y, x)

    def unfolded(self, params):
        """Yield (class, arguments, params), with activation=... as a layer of its own."""
        for (cls, kwargs), p in zip(self.net.specs, params, strict=True):
            if cls in (Activation, Softmax) or (cls is ReLU and not kwargs):
                yield Activation, kwargs.get("activation", cls.__name__.lower()), p
            else:
                yield cls, kwargs, p
                if kwargs.get("activation"):
                    yield Activation, kwargs["activation"], []

    def outer(self, layer):
        """Return (what to call, its argument) for a layer."""
        cls, kwargs, p = layer
        if cls is Activation:
            return self.activation, kwargs
        return {
            Watch: lambda x, _: x,
            Scale: lambda x, p: x * p[0],
            Flatten: lambda x, _: x.reshape(len(x), -1),
            Reshape: lambda x, _: x.reshape(len(x), *kwargs["target_shape"]),
            Dense: lambda x, p: x @ p[0] + sum(p[1:]),
            Dropout: lambda x, _: x * self.mask(x.shape, **kwargs),
            Conv2D: lambda x, p: self.conv(x, p, **kwargs),
            MaxPool2D: lambda x, _: self.pool(x, **kwargs),
            BatchNormalization: lambda x, p: self.norm(x, p, **kwargs),
            ReLU: lambda x, _: self.bend(self.bend(x, 0), 1, kwargs["max_value"]),
            LeakyReLU: lambda x, _: self.bend(x, kwargs["negative_slope"]),
            PReLU: lambda x, p: self.bend(x, p[0]),
            ELU: lambda x, _: np.where(x.real > 0, x, kwargs["alpha"] * (np.exp(x) - 1)),
            Permute: lambda x, _: x.transpose(0, *kwargs["dims"]),
            AveragePooling2D: lambda x, _: self.average(x, **kwargs),
            SpatialDropout2D: lambda x, _: self.drop_channels(x, **kwargs),
        }.get(cls, lambda x, p: self.of_images(cls, x, p, **kwargs)), p

    def of_images(self, cls, x, p, data_format=None, **kwargs):
        """Layers that see images with the channels last, whatever the format."""
        x = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
        y = {
            DepthwiseConv2D: self.depthwise,
            SeparableConv2D: self.separable,
            Conv2DTranspose: self.transposed,
            GlobalMaxPooling2D: self.maximum,
            GlobalAveragePooling2D: lambda x, p, keepdims: x.mean(axis=(1, 2), keepdims=keepdims),
            ZeroPadding2D: lambda x, p, padding: np.pad(x, ((0, 0), *padding, (0, 0))),
            Cropping2D: self.cropped,
            UpSampling2D: self.enlarged,
        }[cls](x, p, **kwargs)
        return np.moveaxis(y, -1, 1) if data_format == "channels_first" and y.ndim == 4 else y

    def activation(self, x, name):
        if name == "relu":
            self.look(x.real, np.abs(x.real).max(initial=0))
            return np.where(x.real > 0, x, 0)
        if name == "softmax":
            e = np.exp(x - x.real.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        return {"sigmoid": lambda: 1 / (1 + np.exp(-x)), "tanh": lambda: np.tanh(x)}[name]()

    def look(self, distances, scale):
        """Note the nearest kink. Exact ties are the same in any arithmetic: dropped numbers."""
        distances = np.abs(distances[(distances != 0) & np.isfinite(distances)])
        if distances.size:
            self.nearest_kink = min(self.nearest_kink, distances.min() / scale)

    def mask(self, shape, rate, seed):
        philox = np.random.Philox(key=seed, counter=[0, 0, 0, self.step])
        return (np.random.Generator(philox).random(shape, np.float32) >= rate) / (1 - rate)

    def conv(self, x, p, kernel_size, strides, padding, dilation_rate, **kwargs):
        w, *b = p
        taps = self.taps(x, kernel_size, strides, padding, dilation_rate, 0, **kwargs)
        y = sum(tap @ w[i, j] for (i, j), tap in taps) + sum(b)
        return np.moveaxis(y, -1, 1) if kwargs.get("data_format") == "channels_first" else y

    def pool(self, x, pool_size, strides=None, padding="valid", **kwargs):
        taps = self.taps(x, pool_size, strides or pool_size, padding, 1, -np.inf, **kwargs)
        values = np.stack([tap for _, tap in taps])
        order = np.sort(values.real, axis=0)
        if len(order) > 1:
            with np.errstate(invalid="ignore"):
                self.look(order[-1] - order[-2], np.abs(x.real).max())
        y = np.take_along_axis(values, values.real.argmax(axis=0)[None], axis=0)[0]
        return np.moveaxis(y, -1, 1) if kwargs.get("data_format") == "channels_first" else y

    def average(self, x, pool_size, strides=None, padding="valid", **kwargs):
        how = pool_size, strides or pool_size, padding, 1, 0
        y = sum(tap for _, tap in self.taps(x, *how, **kwargs))
        y = y / sum(tap for _, tap in self.taps(np.ones(x.shape), *how, **kwargs))
        return np.moveaxis(y, -1, 1) if kwargs.get("data_format") == "channels_first" else y

    def norm(self, x, p, axis, epsilon, center, scale, trainable=True, **_):
        p, axis = list(p), axis % x.ndim
        others = tuple(k for k in range(x.ndim) if k != axis)
        shape = [-1 if k == axis else 1 for k in range(x.ndim)]
        gamma = p.pop(0).reshape(shape) if scale else 1
        beta = p.pop(0).reshape(shape) if center else 0
        if trainable:
            mean = x.mean(axis=others, keepdims=True)
            variance = ((x - mean) ** 2).mean(axis=others, keepdims=True)
        else:
            mean, variance = (a.reshape(shape) for a in p)
        return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta

    def bend(self, x, slope, at=0):
        """A line that changes its slope: from `slope` to 1 at 0, or from 1 to 0 at max_value."""
        self.look(x.real - at, np.abs(x.real).max(initial=0))
        return np.where(x.real > 0, x, slope * x) if not at else np.where(x.real < at, x, at)

    def drop_channels(self, x, rate, seed, data_format=None):
        first = data_format == "channels_first"
        n, c = len(x), x.shape[1 if first else 3]
        return x * self.mask((n, c, 1, 1) if first else (n, 1, 1, c), rate, seed)

    def maximum(self, x, p, keepdims):
        pixels = x.reshape(len(x), -1, x.shape[-1])
        order = np.sort(pixels.real, axis=1)
        if order.shape[1] > 1:
            self.look(order[:, -1] - order[:, -2], np.abs(x.real).max())
        y = np.take_along_axis(pixels, pixels.real.argmax(axis=1)[:, None], axis=1)
        return y[:, None] if keepdims else y[:, 0]

    def cropped(self, x, p, cropping):
        (top, bottom), (left, right) = cropping
        return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]

    def enlarged(self, x, p, size, interpolation):
        places = oracles.enlarged(x.shape[1:3], size, interpolation == "bilinear")
        rows, columns = (n * s for n, s in zip(x.shape[1:3], size, strict=True))
        y = [
            sum(weight * x[:, row, column] for weight, row, column in places(i, j))
            for i, j in oracles.indices((rows, columns))
        ]
        return np.stack(y, axis=1).reshape(len(x), rows, columns, -1)

    def depthwise(self, x, p, kernel_size, strides, padding, dilation_rate, **_):
        w, *b = p
        taps = self.taps(x, kernel_size, strides, padding, dilation_rate, 0)
        y = sum(tap[..., None] * w[i, j] for (i, j), tap in taps)
        return y.reshape(*y.shape[:3], -1) + sum(b)

    def separable(self, x, p, filters, **how):
        depthwise, pointwise, *b = p
        y = self.depthwise(x, [depthwise], **how)
        return y @ pointwise.reshape(-1, filters) + sum(b)

    def transposed(self, x, p, kernel_size, strides, padding, dilation_rate, filters, **_):
        """Each pixel paints its multiple of the window; 'same' cuts a border off."""
        w, *b = p
        kernel, strides, dilation = (
            v if isinstance(v, tuple) else (v, v) for v in (kernel_size, strides, dilation_rate)
        )
        along = list(zip(x.shape[1:3], kernel, strides, dilation, strict=True))
        size, cut = [], []
        for n, k, s, d in along:
            reach = d * (k - 1) + 1
            size.append(n * s if padding == "same" else n * s + max(reach - s, 0))
            cut.append(oracles.same_padding(n * s, k, s, d)[0] if padding == "same" else 0)
        canvas = [max((n - 1) * s + d * (k - 1) + 1, z + c) for (n, k, s, d), z, c in
                  zip(along, size, cut, strict=True)]  # fmt: skip
        y = np.zeros((len(x), *canvas, filters), np.result_type(x, *p))
        (ih, iw), (sh, sw), (dh, dw) = x.shape[1:3], strides, dilation
        for i, j in oracles.indices(kernel):
            rows, columns = i * dh + sh * np.arange(ih), j * dw + sw * np.arange(iw)
            y[:, rows[:, None], columns] += x @ w[i, j].T
        return y[:, cut[0] : cut[0] + size[0], cut[1] : cut[1] + size[1]] + sum(b)

    def taps(self, x, kernel, strides, padding, dilation, fill, data_format=None, **_):
        """Yield ((i, j), the pixels under that tap, for all positions of the window)."""
        if data_format == "channels_first":
            x = np.moveaxis(x, 1, -1)
        (kh, kw), (sh, sw), (dh, dw) = (
            v if isinstance(v, tuple) else (v, v) for v in (kernel, strides, dilation)
        )
        size = x.shape[1:3]
        pads = oracles.pads(padding, size, (kh, kw), (sh, sw), (dh, dw))
        oh, ow = (
            oracles.count(*a) for a in zip(size, (kh, kw), (sh, sw), pads, (dh, dw), strict=True)
        )
        x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
        rows, columns = sh * np.arange(oh), sw * np.arange(ow)
        for i, j in oracles.indices((kh, kw)):
            yield (i, j), x[:, (rows + i * dh)[:, None], columns + j * dw]
