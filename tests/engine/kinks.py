"""How near the numbers of a network come to where ReLU or max-pooling changes its mind.

So do LeakyReLU, PReLU and the maximum of an image; ReLU does at its max_value too.
"""

import numpy as np

from numcnn.layers import Activation, GlobalMaxPooling2D, LeakyReLU, MaxPool2D, PReLU, ReLU
from numcnn.layers.im2col import channels_last, im2col


def nearest_kink(model, x):
    """Return how near to 0 a number before ReLU, or a lead in a pooling window, comes.

    Relative to the largest number there. Exact zeros and exact ties do not count: they come from
    numbers that are equal in any arithmetic, such as dropped ones.
    """
    nearest = np.inf

    def look(distances, scale):
        nonlocal nearest
        distances = np.abs(distances[(distances != 0) & np.isfinite(distances)])
        if distances.size:
            nearest = min(nearest, distances.min() / scale)

    for layer in model.layers:
        inner = getattr(layer, "activation", layer)
        if isinstance(inner, ReLU):
            keep, layer.activation = inner, Activation("linear").activation
            z = x if isinstance(layer, (ReLU, Activation)) else layer.forward(x, True)
            layer.activation = keep
            look(z, np.abs(z).max())
            if inner.max_value is not None:
                look(z - inner.max_value, np.abs(z).max())
        if isinstance(layer, (LeakyReLU, PReLU)):
            look(x, np.abs(x).max())
        if isinstance(layer, GlobalMaxPooling2D):
            pixels = channels_last(x, layer.data_format)
            pixels = np.sort(pixels.reshape(len(x), -1, pixels.shape[-1]), axis=1)
            if pixels.shape[1] > 1:
                look(pixels[:, -1] - pixels[:, -2], np.abs(x).max())
        if isinstance(layer, MaxPool2D) and layer.data_format == "channels_last":
            _, padding = layer.geometry(*x.shape[1:3])
            cols = im2col(x, layer.pool_size, layer.strides, padding, fill=-np.inf)
            cols = np.sort(cols.reshape(*cols.shape[:3], -1, cols.shape[-1]), axis=3)
            if cols.shape[3] > 1:
                with np.errstate(invalid="ignore"):
                    look(cols[:, :, :, -1] - cols[:, :, :, -2], np.abs(x).max())
        elif isinstance(layer, MaxPool2D):
            first = layer.copy()
            first.data_format = "channels_last"
            first.built_for = (*x.shape[2:], x.shape[1])
            nearest = min(nearest, _of_one(first, x.transpose(0, 2, 3, 1)))
        x = layer.forward(x, True)
    return nearest


def _of_one(layer, x):
    return nearest_kink(type("One", (), {"layers": [layer]}), x)
