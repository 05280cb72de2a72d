"""Random networks of all layers that Keras has too, to be compared with other programs."""

import numpy as np
from hypothesis import strategies as st
from keras_examples import ACTIVATIONS

from numcnn import layers
from numcnn.errors import ShapeError
from numcnn.models import Sequential

some = st.sampled_from
two = st.tuples(st.integers(1, 3), st.integers(1, 3))
activations = some([None, "relu", "tanh", "elu", "sigmoid", "softmax", "gelu", "silu"])
paddings = some(["valid", "same"])
MOST = 600  # numbers in a sample


def windows():
    """Strides, or a dilation: Keras takes one of them at a time."""
    equal = st.integers(1, 2).map(lambda s: (s, s))
    dilated = two.map(lambda d: {"dilation_rate": d})
    return st.one_of(equal.map(lambda s: {"strides": s}), dilated)


def trained(cls, **arguments):
    """Return a strategy of (class, arguments) of a convolution."""
    return st.tuples(
        st.just(cls),
        st.fixed_dictionaries(
            arguments | {"padding": paddings, "use_bias": st.booleans(), "activation": activations}
        ),
        windows(),
    ).map(lambda drawn: (drawn[0], drawn[1] | drawn[2]))


def made(cls, **arguments):
    return st.tuples(st.just(cls), st.fixed_dictionaries(arguments))


filters, rate = st.integers(1, 4), some([0.0, 0.3])
borders = st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)
IMAGES = [
    trained(layers.Conv2D, filters=filters, kernel_size=two),
    trained(layers.Conv2D, filters=some([16, 32]), kernel_size=st.just((3, 3))),
    trained(layers.DepthwiseConv2D, kernel_size=two, depth_multiplier=st.integers(1, 2)),
    trained(
        layers.SeparableConv2D, filters=filters, kernel_size=two, depth_multiplier=st.integers(1, 2)
    ),
    made(
        layers.Conv2DTranspose, filters=filters, kernel_size=two, strides=two, padding=paddings,
        use_bias=st.booleans(), activation=activations,
    ),
    made(layers.MaxPool2D, pool_size=two, strides=st.one_of(st.none(), two), padding=paddings),
    made(layers.AveragePooling2D, pool_size=two, strides=st.none() | two, padding=paddings),
    made(layers.GlobalAveragePooling2D, keepdims=st.booleans()),
    made(layers.GlobalMaxPooling2D, keepdims=st.booleans()),
    made(layers.ZeroPadding2D, padding=borders),
    made(layers.Cropping2D, cropping=borders),
    made(layers.UpSampling2D, size=two, interpolation=some(["nearest", "bilinear"])),
    made(layers.SpatialDropout2D, rate=rate),
]  # fmt: skip
ANY = [
    made(layers.Dense, units=st.integers(1, 5), use_bias=st.booleans(), activation=activations),
    made(layers.BatchNormalization, center=st.booleans(), scale=st.booleans()),
    made(layers.Flatten),
    made(layers.Activation, activation=some(ACTIVATIONS)),
    made(layers.LeakyReLU, negative_slope=some([0.1, 0.3])),
    made(layers.ELU, alpha=some([0.5, 1.0])),
    made(
        layers.ReLU, max_value=some([None, 0.5, 2.0]), negative_slope=some([0.0, 0.25]),
        threshold=some([0.0, 0.25]),
    ),
    made(layers.Softmax),
    made(layers.Dropout, rate=rate),
    made(layers.GaussianNoise, stddev=rate),
    made(layers.GaussianDropout, rate=rate),
    made(layers.AlphaDropout, rate=rate),
]  # fmt: skip
ALONE = [layers.Swish, layers.Sigmoid, layers.Tanh, layers.Linear, layers.GELU, layers.SELU]
ALONE += [layers.Mish, layers.Softplus, layers.Softsign, layers.HardSigmoid, layers.LogSoftmax]
ALONE += [layers.Exponential]


@st.composite
def layer(draw, shape):
    """Return (class, arguments) of a layer that may follow samples of this shape."""
    kinds = [*ANY, made(draw(some(ALONE)))]
    kinds.append(made(layers.PReLU, shared_axes=some([None, [1], [len(shape)]])))
    order = draw(st.permutations(range(1, len(shape) + 1)))
    kinds.append(made(layers.Permute, dims=st.just(tuple(order))))
    kinds.append(made(layers.Reshape, target_shape=some([(-1,), (shape[-1], -1), (1, -1, 1)])))
    if len(shape) == 3:
        kinds = IMAGES * 2 + kinds
    return draw(draw(some(kinds)))


@st.composite
def networks(draw, most=5):
    """Return (shape of a sample, [(class, arguments), ...])."""
    image = st.tuples(st.integers(2, 8), st.integers(2, 8), st.integers(1, 3))
    start = shape = draw(st.one_of(image, image, image, st.tuples(st.integers(1, 6))))
    specs = []
    for _ in range(draw(st.integers(1, most))):
        cls, arguments = draw(layer(shape))
        try:
            after = cls(**arguments).compute_output_shape(shape)
        except (ShapeError, ValueError):
            continue
        if 0 < np.prod(after) <= MOST:
            specs.append((cls, arguments))
            shape = after
    return start, specs or [(layers.Flatten, {})]


def model_of(network, seed, engine="auto"):
    """Return a model with random weights, and a batch."""
    shape, specs = network
    parts = [cls(**arguments) for cls, arguments in specs]
    parts[0].given_input_shape = shape
    model = Sequential(parts)
    model.compile("sgd", "mse", engine=engine)
    rng = np.random.default_rng(seed)
    weights = []
    for part in model.layers:
        for name, w in part.named_weights().items():
            drawn = rng.normal(size=w.shape) / np.sqrt(max(1, w[..., 0].size if w.ndim > 1 else 4))
            weights.append(np.abs(drawn) + 0.5 if name == "moving_variance" else drawn)
    model.set_weights(weights)
    return model, rng.normal(size=(5, *shape)).astype("float32")


def is_random(network):
    """Return whether training draws numbers."""
    return any(arguments.get("rate", arguments.get("stddev")) for _, arguments in network[1])


def uneven_averages(model):
    """Return whether an AveragePooling2D has a border that is wider behind than in front."""
    for layer in model.layers:
        if isinstance(layer, layers.AveragePooling2D):
            _, pads = layer.geometry(*layer.built_for[:2])
            if any(front != behind for front, behind in pads):
                return True
    return False
