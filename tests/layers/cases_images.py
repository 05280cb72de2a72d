"""Cases of layers that take images: pooling, borders, other sizes."""

import numpy as np
import oracles
from hypothesis import strategies as st
from layers.cases import (
    Case,
    batches,
    image_windows,
    pairs,
    seeds,
    shapes,
    sizes,
    to_given,
    to_last,
)

from numcnn import layers

formats = st.sampled_from(["channels_last", "channels_first"])
borders = st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)


@st.composite
def images(draw, least=(1, 1)):
    """(data_format, (H, W), shape of a sample)."""
    ih, iw = (low + draw(st.integers(0, 3)) for low in least)
    c, data_format = draw(sizes), draw(formats)
    return data_format, (ih, iw), (ih, iw, c) if data_format == "channels_last" else (c, ih, iw)


@st.composite
def average_pooling2d_cases(draw):
    pool, strides, _, padding, data_format, shape = draw(image_windows(dilated=False))
    layer = layers.AveragePooling2D(pool, strides, padding, data_format)
    how = (pool, strides, padding)

    def forward(x, params):
        return to_given(oracles.average_pooling2d(to_last(x, data_format), *how), data_format)

    def backward(x, params, dy):
        dy, x = to_last(dy, data_format), to_last(x, data_format)
        return {"x": to_given(oracles.average_pooling2d_backward(x, *how, dy), data_format)}

    return Case(
        layer,
        shape,
        draw(batches),
        draw(seeds),
        lambda x, _: to_given(
            oracles.average_pooling2d(to_last(x, data_format), *how), data_format
        ),
        backward,
        exact=False,
    )


@st.composite
def global_pooling2d_cases(draw, cls):
    data_format, size, shape = draw(images())
    keepdims = draw(st.booleans())
    layer = cls(data_format=data_format, keepdims=keepdims)
    average = cls is layers.GlobalAveragePooling2D

    def both(x):
        if average:
            return oracles.average_pooling2d(x, size, size), None
        return oracles.maxpool2d(x, size, size)

    def forward(x, params):
        y = both(to_last(x, data_format))[0]
        return to_given(y, data_format) if keepdims else y[:, 0, 0]

    def backward(x, params, dy):
        x = to_last(x, data_format)
        dy = dy.reshape(len(x), 1, 1, x.shape[3])
        if average:
            dx = oracles.average_pooling2d_backward(x, size, size, "valid", dy)
        else:
            dx = oracles.maxpool2d_backward(x, dy, both(x)[1])
        return {"x": to_given(dx, data_format)}

    n, seed = draw(batches), draw(seeds)
    return Case(layer, shape, n, seed, forward, backward, exact=not average)


def moved_case(layer, shape, data_format, size, places, n, seed, exact=True):
    """Return the case of a layer that takes each output from some places of the image."""

    def forward(x, params):
        return to_given(oracles.from_places(to_last(x, data_format), size, places), data_format)

    def backward(x, params, dy):
        dy, x = to_last(dy, data_format), to_last(x, data_format)
        return {"x": to_given(oracles.to_places(dy, x.shape, places), data_format)}

    return Case(layer, shape, n, seed, forward, backward, exact)


@st.composite
def zero_padding2d_cases(draw):
    (data_format, (ih, iw), shape), border = draw(images()), draw(borders)
    (top, bottom), (left, right) = border
    layer = layers.ZeroPadding2D(border, data_format)
    places = oracles.inside((ih, iw), top, left)
    size = (ih + top + bottom, iw + left + right)
    return moved_case(layer, shape, data_format, size, places, draw(batches), draw(seeds))


@st.composite
def cropping2d_cases(draw):
    border = draw(borders)
    (top, bottom), (left, right) = border
    data_format, (ih, iw), shape = draw(images((top + bottom + 1, left + right + 1)))
    layer = layers.Cropping2D(border, data_format)
    size = (ih - top - bottom, iw - left - right)
    places = oracles.inside((ih, iw), -top, -left)
    return moved_case(layer, shape, data_format, size, places, draw(batches), draw(seeds))


@st.composite
def up_sampling2d_cases(draw):
    (data_format, (ih, iw), shape), factors = draw(images()), draw(pairs)
    kind = draw(st.sampled_from(["nearest", "bilinear"]))
    layer = layers.UpSampling2D(factors, data_format, kind)
    places = oracles.enlarged((ih, iw), factors, kind == "bilinear")
    size, n, seed = (ih * factors[0], iw * factors[1]), draw(batches), draw(seeds)
    exact = kind == "nearest"
    return moved_case(layer, shape, data_format, size, places, n, seed, exact)


@st.composite
def permute_cases(draw):
    shape = draw(shapes)
    dims = draw(st.permutations(range(1, len(shape) + 1)))

    def moved(x, into, back):
        y = np.zeros(into, x.dtype)
        for index in oracles.indices(into):
            place = [index[0]] + [0] * len(shape)
            for k, d in enumerate(dims, start=1):
                place[k if back else d] = index[d if back else k]
            y[index] = x[tuple(place)]
        return y

    return Case(
        layers.Permute(dims),
        shape,
        draw(batches),
        draw(seeds),
        lambda x, _: moved(x, (len(x), *(shape[d - 1] for d in dims)), back=False),
        lambda x, _, dy: {"x": moved(dy, x.shape, back=True)},
        exact=True,
    )


CASES = {
    "AveragePooling2D": average_pooling2d_cases(),
    "GlobalAveragePooling2D": global_pooling2d_cases(layers.GlobalAveragePooling2D),
    "GlobalMaxPooling2D": global_pooling2d_cases(layers.GlobalMaxPooling2D),
    "ZeroPadding2D": zero_padding2d_cases(),
    "Cropping2D": cropping2d_cases(),
    "UpSampling2D": up_sampling2d_cases(),
    "Permute": permute_cases(),
}
