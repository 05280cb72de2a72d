"""A case of each of the basic layers: random arguments, and what it should compute."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import oracles
from hypothesis import strategies as st

from numcnn import layers
from numcnn.layers import Layer


@dataclass
class Case:
    """A layer, samples for it, and what its forward and backward should be."""

    layer: Layer
    shape: tuple[int, ...]  # of one sample
    n: int
    seed: int
    forward: Callable[..., Any]  # (x, params) -> y
    backward: Callable[..., Any]  # (x, params, dy) -> {"x": dx, "w": dw, ...}
    exact: bool  # whole numbers in, whole numbers out
    one_by_one: Callable[[], None] = lambda: None  # make samples independent of each other

    def start(self, dtype="float64", whole=True):
        """Build the layer with random parameters; return a batch and an upstream gradient."""
        self.layer.dtype = dtype
        self.layer.build_for(self.shape)
        rng = np.random.default_rng(self.seed)

        def draw(shape):
            values = rng.integers(-8, 9, shape) if whole and self.exact else rng.normal(size=shape)
            return values.astype(dtype)

        weights = {name: draw(p.shape) for name, p in self.layer.named_weights().items()}
        if "moving_variance" in weights:
            weights["moving_variance"] = abs(weights["moving_variance"]) + 0.5
        self.layer.set_weights(list(weights.values()))
        x = draw((self.n, *self.shape))
        return x, draw((self.n, *self.layer.compute_output_shape(self.shape)))

    def assert_equal(self, actual, expected, dtype="float64"):
        tolerance = 0 if self.exact else 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


sizes = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)
batches = st.integers(0, 3)
shapes = st.lists(sizes, min_size=1, max_size=3).map(tuple)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
activations = st.sampled_from([None, "relu", "sigmoid", "tanh", "softmax"])


def to_last(x, data_format):
    return x if data_format == "channels_last" else np.moveaxis(x, 1, -1)


def to_given(x, data_format):
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


@st.composite
def image_windows(draw, dilated):
    """(kernel, strides, dilation, padding, data_format, sample shape), the windows fitting."""
    kernel, strides = draw(pairs), draw(pairs)
    dilation = draw(pairs) if dilated else (1, 1)
    padding = draw(st.sampled_from(["valid", "same"]))
    reach = [
        d * (k - 1) + 1 if padding == "valid" else 1 for k, d in zip(kernel, dilation, strict=True)
    ]
    ih, iw = (r + draw(st.integers(0, 3)) for r in reach)
    c, data_format = draw(sizes), draw(st.sampled_from(["channels_last", "channels_first"]))
    shape = (ih, iw, c) if data_format == "channels_last" else (c, ih, iw)
    return kernel, strides, dilation, padding, data_format, shape


@st.composite
def conv2d_cases(draw):
    kernel, strides, dilation, padding, data_format, shape = draw(image_windows(dilated=True))
    activation, bias, filters = draw(activations), draw(st.booleans()), draw(sizes)
    layer = layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding=padding,
        data_format=data_format,
        dilation_rate=dilation,
        activation=activation,
        use_bias=bias,
    )
    name, how = activation or "linear", (strides, padding, dilation)

    def scores(x, params):
        b = params.get("b", np.zeros(filters))
        return to_given(oracles.conv2d(to_last(x, data_format), params["w"], b, *how), data_format)

    def backward(x, params, dy):
        dz = oracles.activation_backward(name, scores(x, params), dy)
        dz = to_last(dz, data_format)
        dx, dw, db = oracles.conv2d_backward(to_last(x, data_format), params["w"], dz, *how)
        return {"x": to_given(dx, data_format), "w": dw} | ({"b": db} if bias else {})

    return Case(
        layer,
        shape,
        draw(batches),
        draw(seeds),
        lambda x, params: oracles.ACTIVATIONS[name](scores(x, params)),
        backward,
        exact=name in ("linear", "relu"),
    )


@st.composite
def maxpool2d_cases(draw):
    pool, strides, _, padding, data_format, shape = draw(image_windows(dilated=False))
    layer = layers.MaxPool2D(pool, strides, padding, data_format)

    def both(x):
        return oracles.maxpool2d(to_last(x, data_format), pool, strides, padding)

    def backward(x, params, dy):
        dy, (_, winners) = to_last(dy, data_format), both(x)
        dx = oracles.maxpool2d_backward(to_last(x, data_format), dy, winners)
        return {"x": to_given(dx, data_format)}

    return Case(
        layer,
        shape,
        draw(batches),
        draw(seeds),
        lambda x, params: to_given(both(x)[0], data_format),
        backward,
        exact=True,
    )


@st.composite
def dense_cases(draw):
    activation, bias, units = draw(activations), draw(st.booleans()), draw(sizes)
    layer, name = layers.Dense(units, activation=activation, use_bias=bias), activation or "linear"

    def scores(x, params):
        return oracles.dense(x, params["w"], params.get("b", np.zeros(units)))

    def backward(x, params, dy):
        dz = oracles.activation_backward(name, scores(x, params), dy)
        dx, dw, db = oracles.dense_backward(x, params["w"], dz)
        return {"x": dx, "w": dw} | ({"b": db} if bias else {})

    return Case(
        layer,
        (draw(sizes),),
        draw(batches),
        draw(seeds),
        lambda x, params: oracles.ACTIVATIONS[name](scores(x, params)),
        backward,
        exact=name in ("linear", "relu"),
    )


@st.composite
def activation_cases(draw, name, make):
    return Case(
        make(),
        draw(shapes),
        draw(batches),
        draw(seeds),
        lambda x, params: oracles.ACTIVATIONS[name](x),
        lambda x, params, dy: {"x": oracles.activation_backward(name, x, dy)},
        exact=name in ("linear", "relu"),
    )


@st.composite
def dropout_cases(draw):
    rate = draw(st.sampled_from([0.0, 0.5, 0.75]))  # factors 1, 2 and 4: whole numbers stay whole
    layer = layers.Dropout(rate, seed=draw(seeds))
    shape, n = draw(shapes), draw(batches)

    def stays(x):
        return layer.mask(np.ones(x.shape)) > 0

    return Case(
        layer,
        shape,
        n,
        draw(seeds),
        lambda x, params: oracles.dropout(x, stays(x), rate),
        lambda x, params, dy: {"x": oracles.dropout(dy, stays(x), rate)},
        exact=True,
        one_by_one=lambda: setattr(layer, "rate", 0.0),  # a mask depends on the batch's shape
    )


@st.composite
def flatten_cases(draw):
    data_format = draw(st.sampled_from(["channels_last", "channels_first"]))

    def forward(x, params):
        x = to_last(x, data_format) if x.ndim == 4 else x
        return np.array([[v for v in sample.flat] for sample in x]).reshape(len(x), x[:1].size)

    def backward(x, params, dy):
        dx = np.zeros_like(x)
        image = to_last(dx, data_format) if x.ndim == 4 else dx  # a view
        for m in range(len(x)):
            for position, index in enumerate(oracles.indices(image.shape[1:])):
                image[(m, *index)] = dy[m, position]
        return {"x": dx}

    layer = layers.Flatten(data_format)
    n = draw(st.integers(1, 3))
    return Case(layer, draw(shapes), n, draw(seeds), forward, backward, exact=True)


@st.composite
def reshape_cases(draw):
    a, b, c = draw(sizes), draw(sizes), draw(sizes)
    target = draw(st.sampled_from([(c, b, a), (-1,), (a * b, -1), (c, -1, b)]))
    layer = layers.Reshape(target)
    return Case(
        layer,
        (a, b, c),
        draw(batches),
        draw(seeds),
        lambda x, params: np.array(list(x.flat), x.dtype).reshape(
            len(x), *layer.compute_output_shape((a, b, c))
        ),
        lambda x, params, dy: {"x": np.array(list(dy.flat), dy.dtype).reshape(x.shape)},
        exact=True,
    )


@st.composite
def input_cases(draw):
    shape = draw(shapes)
    return Case(
        layers.Input(shape=shape),
        shape,
        draw(batches),
        draw(seeds),
        lambda x, params: x,
        lambda x, params, dy: {"x": dy},
        exact=True,
    )


CASES = {
    "Conv2D": conv2d_cases(),
    "MaxPool2D": maxpool2d_cases(),
    "Dense": dense_cases(),
    "Dropout": dropout_cases(),
    "Flatten": flatten_cases(),
    "Reshape": reshape_cases(),
    "InputLayer": input_cases(),
    "Linear": activation_cases("linear", layers.Linear),
    "ReLU": activation_cases("relu", layers.ReLU),
    "Sigmoid": activation_cases("sigmoid", layers.Sigmoid),
    "Tanh": activation_cases("tanh", layers.Tanh),
    "Softmax": activation_cases("softmax", layers.Softmax),
    "Activation": activation_cases("tanh", lambda: layers.Activation("tanh")),
}
