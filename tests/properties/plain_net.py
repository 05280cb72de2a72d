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
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Reshape,
    Softmax,
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
        """Return the mean loss; params: for each layer a list of w and b, or fewer."""
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
            if cls in (Activation, ReLU, Softmax):
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
        }[cls], p

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
