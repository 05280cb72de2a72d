"""Cases of layers that work on each number, or on channels as a whole."""

import numpy as np
import oracles
from hypothesis import strategies as st
from layers.cases import Case, activation_cases, batches, seeds, shapes

from numcnn import layers


@st.composite
def batch_normalization_cases(draw):
    shape = draw(shapes)
    axis = draw(st.integers(1, len(shape)))
    center, scale, frozen = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    layer = layers.BatchNormalization(
        axis=draw(st.sampled_from([axis, axis - len(shape) - 1])),
        epsilon=draw(st.sampled_from([1e-3, 0.1])),
        center=center,
        scale=scale,
        trainable=not frozen,
    )
    n, seed = draw(batches), draw(seeds)
    c = shape[axis - 1]

    def rows(x):
        return np.moveaxis(x, axis, -1)

    def prepared(x, params):
        gamma = params.get("gamma", np.ones(c))
        fixed = None
        if frozen:
            fixed = layer.statistics["moving_mean"], layer.statistics["moving_variance"]
        return rows(x), gamma, layer.epsilon, fixed

    def forward(x, params):
        x, gamma, epsilon, fixed = prepared(x, params)
        y = oracles.batch_normalization(x, gamma, params.get("beta", np.zeros(c)), epsilon, fixed)
        return np.moveaxis(y, -1, axis)

    def backward(x, params, dy):
        x, gamma, epsilon, fixed = prepared(x, params)
        found = oracles.batch_normalization_backward(x, gamma, epsilon, rows(dy), fixed)
        dx, dgamma, dbeta = found
        grads = {"x": np.moveaxis(dx, -1, axis)}
        return grads | ({"gamma": dgamma} if scale else {}) | ({"beta": dbeta} if center else {})

    def one_by_one():
        layer.trainable = False  # samples look at each other in training

    return Case(layer, shape, n, seed, forward, backward, exact=False, one_by_one=one_by_one)


@st.composite
def elementwise_cases(draw, make, *arguments, exact=False):
    """Cases of a layer that takes each number by itself.

    make: (value of each argument) -> (the layer, the function of one number)
    """
    values = [draw(strategy) for strategy in arguments]
    layer, f = make(*values)
    return Case(
        layer,
        draw(shapes),
        draw(batches),
        draw(seeds),
        lambda x, _: oracles.elementwise(f, x),
        lambda x, _, dy: {"x": dy * oracles.elementwise(oracles.slope(f), x)},
        exact,
    )


@st.composite
def prelu_cases(draw):
    shape = draw(shapes)
    shared = draw(st.lists(st.integers(1, len(shape)), unique=True))
    layer = layers.PReLU(shared_axes=shared or None)

    def backward(x, params, dy):
        dx, dalpha = oracles.prelu_backward(x, params["alpha"], dy)
        return {"x": dx, "alpha": dalpha}

    return Case(
        layer,
        shape,
        draw(batches),
        draw(seeds),
        lambda x, params: oracles.prelu(x, params["alpha"]),
        backward,
        exact=True,
    )


@st.composite
def noise_cases(draw, cls):
    """What is drawn is read off the layer; what is done with it is written out here."""
    rate = draw(st.sampled_from([0.0, 0.5, 0.75]))
    layer, shape = cls(rate, seed=draw(seeds)), draw(shapes)
    if cls is layers.SpatialDropout2D:
        shape = (shape * 3)[:3]

    def drawn(x):
        if cls is layers.GaussianNoise:
            return layer.noise(x)
        return np.broadcast_to(layer.mask(x), x.shape)

    def forward(x, params):
        if cls is layers.GaussianNoise:
            return oracles.added(x, drawn(x))
        if cls is layers.AlphaDropout:
            return oracles.alpha_dropout(x, drawn(x), rate)
        return oracles.multiplied(x, drawn(x))

    def backward(x, params, dy):
        if cls is layers.GaussianNoise:
            return {"x": dy}
        if cls is layers.AlphaDropout:
            unshifted = oracles.alpha_dropout(np.zeros_like(x), drawn(x), rate)
            return {"x": oracles.alpha_dropout(dy, drawn(x), rate) - unshifted}
        return {"x": oracles.multiplied(dy, drawn(x))}

    argument = "stddev" if cls is layers.GaussianNoise else "rate"
    return Case(
        layer,
        shape,
        draw(batches),
        draw(seeds),
        forward,
        backward,
        exact=cls is layers.SpatialDropout2D,
        one_by_one=lambda: setattr(layer, argument, 0.0),
    )


@st.composite
def activity_cases(draw):
    prices = st.sampled_from([0.0, 0.5])
    layer = layers.ActivityRegularization(draw(prices), draw(prices))
    return Case(
        layer,
        draw(shapes),
        draw(batches),
        draw(seeds),
        lambda x, _: x,
        lambda x, _, dy: {"x": dy},
        exact=True,
    )


NOISES = [
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.SpatialDropout2D,
]


def bent(max_value, slope, threshold):
    layer = layers.ReLU(max_value, slope, threshold)
    return layer, oracles.bent_relu(np.inf if max_value is None else max_value, slope, threshold)


@st.composite
def score_cases(draw, cls, name):
    """Probabilities along any axis of a sample."""
    shape = draw(shapes)
    axis = draw(st.integers(1, len(shape)))
    layer = cls(axis=draw(st.sampled_from([axis, axis - len(shape) - 1])))

    def turned(f, *arrays):
        return np.moveaxis(f(*(np.moveaxis(a, axis, -1) for a in arrays)), -1, axis)

    def backward(x, params, dy):
        return {"x": turned(lambda x, dy: oracles.activation_backward(name, x, dy), x, dy)}

    return Case(
        layer,
        shape,
        draw(batches),
        draw(seeds),
        lambda x, params: turned(oracles.ACTIVATIONS[name], x),
        backward,
        exact=False,
    )


slopes = st.sampled_from([0.0, 0.5, 2.0])
named = oracles.ELEMENTWISE


CASES = {
    "ActivityRegularization": activity_cases(),
    "BatchNormalization": batch_normalization_cases(),
    "PReLU": prelu_cases(),
    "ReLU, bent": elementwise_cases(
        bent, st.sampled_from([None, 3.0, 6.0]), slopes, st.sampled_from([0.0, 2.0]), exact=True
    ),
    "LeakyReLU": elementwise_cases(
        lambda slope: (layers.LeakyReLU(slope), oracles.bent_relu(slope=slope)), slopes, exact=True
    ),
    "ELU": elementwise_cases(
        lambda alpha: (layers.ELU(alpha), oracles.elu(alpha)), st.sampled_from([0.5, 1.0, 3.0])
    ),
    "CELU": elementwise_cases(
        lambda alpha: (layers.CELU(alpha), oracles.celu(alpha)), st.sampled_from([0.5, 1.0, 3.0])
    ),
    "HardShrink": elementwise_cases(
        lambda t: (layers.HardShrink(t), oracles.shrunk(t, 0.0)), slopes, exact=True
    ),
    "SoftShrink": elementwise_cases(
        lambda t: (layers.SoftShrink(t), oracles.shrunk(t, t)), slopes, exact=True
    ),
    "ThresholdedReLU": elementwise_cases(
        lambda t: (layers.ThresholdedReLU(t), oracles.bent_relu(threshold=t)), slopes, exact=True
    ),
    "Squareplus": elementwise_cases(
        lambda b: (layers.Squareplus(b), oracles.squareplus(b)), st.sampled_from([0.25, 4.0])
    ),
    **{
        f"{cls.__name__}, an axis": score_cases(cls, name)
        for name, cls in {
            "softmax": layers.Softmax,
            "log_softmax": layers.LogSoftmax,
            "sparsemax": layers.Sparsemax,
        }.items()
    },
    "Rescaling": elementwise_cases(
        lambda scale, offset: (layers.Rescaling(scale, offset), lambda v: v * scale + offset),
        st.sampled_from([0.5, -2.0]),
        st.sampled_from([0.0, 3.0]),
        exact=True,
    ),
    "GELU, approximate": elementwise_cases(lambda: (layers.GELU(True), oracles.gelu_by_tanh)),
    **{cls.__name__: noise_cases(cls) for cls in NOISES},
    "LogSoftmax": activation_cases("log_softmax", layers.LogSoftmax),
} | {
    cls.__name__: elementwise_cases(lambda cls=cls, name=name: (cls(), named[name]))
    for name, cls in {
        "exponential": layers.Exponential,
        "gelu": layers.GELU,
        "hard_sigmoid": layers.HardSigmoid,
        "hard_silu": layers.HardSwish,
        "hard_tanh": layers.HardTanh,
        "log_sigmoid": layers.LogSigmoid,
        "mish": layers.Mish,
        "selu": layers.SELU,
        "softplus": layers.Softplus,
        "softsign": layers.Softsign,
        "sparse_plus": layers.SparsePlus,
        "sparse_sigmoid": layers.SparseSigmoid,
        "tanh_shrink": layers.TanhShrink,
        "swish": layers.Swish,
    }.items()
}
