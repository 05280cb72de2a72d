"""Random small networks, described so that the same one can be built twice for two engines."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from numcnn import losses
from numcnn.errors import ShapeError
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
    Layer,
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
from numcnn.layers.im2col import as_given, channels_last, col2im
from numcnn.losses import Loss
from numcnn.models import Sequential
from numcnn.optimizers import SGD, Adagrad, Adam, AdamW, Nadam, Optimizer, RMSprop

WIDTHS = [1, 2, 3, 5, 16, 17, 32]
SIZES = st.tuples(*[st.sampled_from([6, 7, 8, 9, 5, 4, 3, 2, 1])] * 2)


class Scale(Layer):
    """y = w * x, as a user writes a layer."""

    def build(self, input_shape):
        self.add_parameter("w", input_shape, "ones")

    def forward(self, x, training=False):
        if training:
            self.kept = x
        return x * self.params["w"]

    def backward(self, dy):
        x = self.recall()
        self.grads["w"] = (dy * x).sum(axis=0)
        return dy * self.params["w"]


class Watch(Layer):
    """y = x; remembers the gradient that arrives, which engines show to nobody else."""

    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        self.seen = dy.copy()
        return dy


class Damped(Optimizer):
    """p -= lr * g / (1 + the sum of |g|), an optimizer as a user writes it."""

    slot_names = ("seen",)

    def __init__(self, learning_rate=0.1, **kwargs):
        super().__init__(learning_rate, **kwargs)

    def update(self, p, g, *slots):
        slots[0][...] += abs(g)
        p -= self.current_rate() * g / (1 + slots[0])


class Dot(Loss):
    """The sum of y * p: whatever is given as y is the gradient, not divided by anything."""

    def value(self, y, p):
        return (y.astype(np.float64) * p).sum(axis=tuple(range(1, p.ndim)))

    def gradient(self, y, p):
        return y.astype(p.dtype)


class PoolThatPaysEveryPixel(MaxPool2D):
    """Its backward bounds that of MaxPool2D, whatever wins."""

    def backward(self, dy):
        _, shape = self.recall()
        dy = channels_last(dy, self.data_format)
        n, oh, ow, c = dy.shape
        size = (n, oh, ow, *self.pool_size, c)
        shares = np.broadcast_to(dy[:, :, :, None, None], size)
        dx = col2im(shares, shape, self.strides, self.geometry(*shape[1:3])[1])
        return as_given(dx, self.data_format)


class GlobalMaximumThatPaysEveryPixel(GlobalMaxPooling2D):
    """The same for GlobalMaxPooling2D."""

    def backward(self, dy):
        _, (n, ih, iw, c) = self.recall()
        dx = np.broadcast_to(dy.reshape(n, 1, 1, c), (n, ih, iw, c)).copy()
        return as_given(dx, self.data_format)


THAT_PAY_EVERY_PIXEL = {
    MaxPool2D: PoolThatPaysEveryPixel,
    GlobalMaxPooling2D: GlobalMaximumThatPaysEveryPixel,
}
OPTIMIZERS = {
    "sgd": lambda: SGD(0.05, decay=0.1),
    "momentum": lambda: SGD(0.05, momentum=0.9),
    "nesterov": lambda: SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda: RMSprop(0.01, epsilon=1e-3),
    "adam": lambda: Adam(0.01, epsilon=1e-3, decay=0.01),
    "centered": lambda: RMSprop(0.01, momentum=0.5, epsilon=1e-2, centered=True),
    "amsgrad": lambda: Adam(0.01, epsilon=1e-3, amsgrad=True),
    "adamw": lambda: AdamW(0.01, weight_decay=0.1, epsilon=1e-3, global_clipnorm=1.0),
    "adagrad": lambda: Adagrad(0.01),
    "nadam": lambda: Nadam(0.01, epsilon=1e-3),
    "damped": Damped,
}


@dataclass
class Net:
    """A network: the shape of a sample, (class, arguments) of each layer, loss, kind of targets."""

    shape: tuple
    specs: list
    loss: object
    targets: str
    n: int
    seed: int

    def layers(self, dtype, replaced=()):
        replaced = dict(replaced)
        layers = [replaced.get(cls, cls)(dtype=dtype, **kwargs) for cls, kwargs in self.specs]
        layers[0].given_input_shape = self.shape
        return layers

    def model(self, engine, dtype, optimizer="sgd", weights=None, replaced=(), exact=False):
        """Return the model on an engine, with its weights drawn from the seed, or as given.

        exact: on the fast engine, without Winograd's convolutions.
        """
        model = Sequential(self.layers(dtype, replaced))
        model.compile(OPTIMIZERS[optimizer](), loss=self.loss, engine=engine, exact=exact)
        model.set_weights(self.weights(model) if weights is None else weights)
        return model

    def weights(self, model):
        """Return weights, biases too, whose products stay near 1."""
        rng = np.random.default_rng(self.seed)
        named = [w for layer in model.layers for w in layer.named_weights().items()]
        weights = [
            rng.normal(size=w.shape) / np.sqrt(max(1, w[..., 0].size) if w.ndim > 1 else 4)
            for _, w in named
        ]
        of_variance = [name == "moving_variance" for name, _ in named]
        return [0.5 + abs(w) if v else w for w, v in zip(weights, of_variance, strict=True)]

    def data(self, n=None):
        """Return samples and targets, in float64 (class numbers in int64)."""
        n = n or self.n
        rng = np.random.default_rng([self.seed, 1])
        shape = (n, *output_shape(self.shape, self.specs))
        x = rng.normal(size=(n, *self.shape)).astype("float32").astype("float64")
        if self.targets == "classes":
            return x, rng.integers(0, shape[-1], n)
        if self.targets == "one-hot":
            return x, np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
        if self.targets == "bits":
            return x, rng.integers(0, 2, shape).astype(float)
        return x, rng.normal(size=shape).astype("float32").astype("float64")


def output_shape(shape, specs):
    for cls, kwargs in specs:
        shape = cls(**kwargs).compute_output_shape(shape)
    return shape


def pairs(low, high):
    return st.one_of(st.integers(low, high), st.tuples(*[st.integers(low, high)] * 2))


def layouts(draw):
    return {"data_format": "channels_first"} if draw(st.integers(0, 9)) == 0 else {}


def convolutions(draw, kind):
    """Return (class, arguments) of a convolution of another kind, without its activation."""
    cls = {
        "depthwise": DepthwiseConv2D,
        "separable": SeparableConv2D,
        "transposed": Conv2DTranspose,
    }[kind]
    how = {
        "kernel_size": draw(pairs(1, 3)),
        "strides": draw(st.one_of(st.just(1), pairs(1, 2))),
        "dilation_rate": draw(st.one_of(st.just(1), pairs(1, 2))),
        "padding": draw(st.sampled_from(["valid", "same"])),
        "use_bias": draw(st.integers(0, 3)) > 0,
    }
    if kind != "transposed":
        how["depth_multiplier"] = draw(st.integers(1, 2))
    if kind != "depthwise":
        how["filters"] = draw(st.sampled_from([1, 2, 3, 16]))
    return cls, how | layouts(draw)


def sizes_of_images(draw, kind, exact):
    """Return (class, arguments) of a layer that makes images larger or smaller."""
    if kind == "average":
        pool = {"pool_size": draw(pairs(1, 3)), "strides": draw(st.one_of(st.none(), pairs(1, 3)))}
        padding = {"padding": draw(st.sampled_from(["valid", "same"]))}
        return AveragePooling2D, pool | padding | layouts(draw)
    if kind == "global":
        classes = [GlobalMaxPooling2D] if exact else [GlobalMaxPooling2D, GlobalAveragePooling2D]
        keep = {"keepdims": draw(st.booleans())}
        return draw(st.sampled_from(classes)), keep | layouts(draw)
    if kind == "enlarged":
        ways = ["nearest"] if exact else ["nearest", "bilinear"]
        how = {"interpolation": draw(st.sampled_from(ways))}
        return UpSampling2D, {"size": draw(st.tuples(*[st.integers(1, 2)] * 2)), **how}
    border = tuple(draw(st.tuples(*[st.integers(0, 2)] * 2)) for _ in range(2))
    if draw(st.booleans()):
        return ZeroPadding2D, {"padding": border, **layouts(draw)}
    return Cropping2D, {"cropping": border, **layouts(draw)}


def bends(draw, dims):
    """Return (class, arguments) of an activation that is a layer of its own kind."""
    slope = draw(st.sampled_from([0.0, 0.25, 0.5]))
    shared = draw(st.sampled_from([None, [1], [dims]]))
    choices = [(LeakyReLU, {"negative_slope": slope}), (PReLU, {"shared_axes": shared})]
    return draw(st.sampled_from([*choices, (ELU, {"alpha": 1.0}), (ReLU, {"max_value": 1.5})]))


ON_IMAGES = ["depthwise", "separable", "transposed", "global", "enlarged", "border", "channels"]
OTHERS = [*ON_IMAGES, "permute"]  # kinds of layers, without those that a first CNN has
ROUNDING = ["average", "norm", "bend"]  # the same, whose numbers are not whole


@st.composite
def layer_specs(draw, shape, activations, exact, kind=None):
    """Return one or two layers that can follow samples of this shape.

    exact: only those that make whole numbers of whole numbers. kind: only of this kind.
    """
    frozen = draw(st.integers(0, 5)) == 0
    kinds = ["dense", "dense", "activation", "dropout", "flatten", "reshape", "scale", "permute"]
    kinds += [] if exact else ["norm", "norm", "bend"]
    if len(shape) == 3:
        kinds = ["conv"] * 5 + ["pooled"] * 4 + ["pool"] * 3 + kinds
        kinds += ON_IMAGES + ([] if exact else ["average", "average"])
    kind = kind or draw(st.sampled_from(kinds))
    trained = {"trainable": False} if frozen else {}
    activation = {"activation": draw(st.sampled_from(activations))}
    if kind == "dense":
        units = draw(st.sampled_from(WIDTHS if len(shape) > 1 else [150, 1, 3, 16, 33]))
        bias = {"use_bias": draw(st.booleans())}
        return [(Dense, {"units": units, **activation, **trained, **bias})]
    if kind == "activation":
        name = draw(st.sampled_from([a for a in activations if a]))
        return [(ReLU, {}) if frozen and name == "relu" else (Activation, {"activation": name})]
    if kind == "dropout":
        return [(Dropout, {"rate": 0.5, "seed": draw(st.integers(0, 99))})]
    if kind == "flatten":
        return [(Flatten, {})]
    if kind == "reshape":
        targets = [(-1, shape[-1]), (shape[-1], -1), (1, -1, 1), (*shape[::-1],)]
        return [(Reshape, {"target_shape": draw(st.sampled_from(targets))})]
    if kind == "scale":
        return [(Scale, trained)]
    if kind == "norm":  # with a large epsilon: else little is left of gradients of two samples
        how = {"center": draw(st.booleans()), "scale": draw(st.booleans()), "momentum": 0.5}
        axis = draw(st.sampled_from([-1, -1, 1]))
        return [(BatchNormalization, {"axis": axis, "epsilon": 0.5, **how, **trained})]
    if kind == "bend":
        cls, arguments = bends(draw, len(shape))
        return [(cls, arguments | (trained if cls is PReLU else {}))]
    if kind == "permute":
        return [(Permute, {"dims": tuple(draw(st.permutations(range(1, len(shape) + 1))))})]
    if kind in ("depthwise", "separable", "transposed"):
        cls, arguments = convolutions(draw, kind)
        return [(cls, {**arguments, **activation, **trained})]
    if kind in ("average", "global", "enlarged", "border"):
        return [sizes_of_images(draw, kind, exact)]
    layout = layouts(draw)
    if kind == "channels":
        seed = {"seed": draw(st.integers(0, 99))}
        return [(SpatialDropout2D, {"rate": 0.5, **seed, **layout})]
    padding = {"padding": draw(st.sampled_from(["valid", "same"]))}
    if kind == "pool":
        strides = draw(st.one_of(st.none(), pairs(1, 3)))
        return [
            (MaxPool2D, {"pool_size": draw(pairs(1, 3)), "strides": strides, **padding, **layout})
        ]
    conv = {
        "filters": draw(st.sampled_from(WIDTHS)),
        "kernel_size": draw(pairs(1, 5)),
        "strides": draw(st.one_of(st.just(1), pairs(1, 3))),
        "dilation_rate": draw(st.one_of(st.just(1), pairs(1, 2))),
        "use_bias": draw(st.integers(0, 3)) > 0,
    }
    specs = [(Conv2D, {**conv, **padding, **layout, **activation, **trained})]
    if kind == "pooled":
        specs[0][1]["filters"] = draw(st.sampled_from([32, 16]))
        if draw(st.booleans()):
            specs[0][1]["activation"] = None
            specs.append((Activation, {"activation": "relu"}))
        specs.append((MaxPool2D, {"pool_size": 2}))
    return specs


@st.composite
def bodies(draw, most, activations, exact=False):
    """Return (shape, specs) of up to `most` draws of layers, all of them exact if that is asked."""
    channels = draw(st.sampled_from([*WIDTHS, 16, 32]))
    image = (*draw(SIZES), channels)
    row = (draw(st.sampled_from([1, 5, 17, 130])),)
    shape = draw(st.sampled_from([image] * 5 + [row]))
    start, specs = shape, []
    if draw(st.integers(0, 3)):
        specs.append((Watch, {}))
    for _ in range(draw(st.integers(1, most))):
        for spec in draw(layer_specs(shape, activations, exact)):
            try:
                after = output_shape(shape, [spec])
            except ShapeError:
                if "padding" not in spec[1]:
                    continue
                spec[1]["padding"] = "same"
                try:
                    after = output_shape(shape, [spec])
                except ShapeError:
                    continue
            if np.prod(after) <= 3000:
                specs.append(spec)
                shape = after
    return start, specs or [(Flatten, {})]


@st.composite
def bodies_with(draw, kind, activations, exact=False):
    """Return (shape, specs) with a layer of this kind, and often others before and after it."""
    size = st.sampled_from([4, 5, 6, 3])
    start = shape = (*draw(st.tuples(size, size)), draw(st.sampled_from([2, 1, 3, 16, 17])))
    specs = [(Watch, {})]
    others = st.sampled_from([None, "conv", "dense", "activation", "pool"])
    for some in (draw(others), kind, draw(others), draw(others)):
        if some is None or (some != kind and len(shape) != 3):
            continue
        for spec in draw(layer_specs(shape, activations, exact, some)):
            try:
                after = output_shape(shape, [spec])
            except ShapeError:
                continue
            if np.prod(after) <= 1500:
                specs.append(spec)
                shape = after
    return start, specs


batch_sizes = st.one_of(st.integers(1, 9), st.integers(10, 40))
seeds = st.integers(0, 2**32 - 1)


@st.composite
def endings(draw, units):
    """Return (the last layers, the loss, the kind of targets), fused by an engine or not."""
    kind = draw(st.sampled_from(["classes", "one-hot", "bits", "numbers"]))
    if kind == "numbers":
        return [(Dense, {"units": units})], "mse", kind
    cls = {
        "classes": losses.SparseCategoricalCrossentropy,
        "one-hot": losses.CategoricalCrossentropy,
        "bits": losses.BinaryCrossentropy,
    }[kind]
    name, other = ("sigmoid", "softmax") if kind == "bits" else ("softmax", "sigmoid")
    how = draw(st.sampled_from(["inside", "activation", "layer", "logits", "other"]))
    if how == "inside":
        return [(Dense, {"units": units, "activation": name})], cls(), kind
    if how == "logits":
        return [(Dense, {"units": units})], cls(from_logits=True), kind
    if how == "other":
        return [(Dense, {"units": units, "activation": other})], cls(), kind
    last = (
        (Softmax, {})
        if how == "layer" and name == "softmax"
        else (Activation, {"activation": name})
    )
    return [(Dense, {"units": units}), last], cls(), kind


@st.composite
def fused_bodies(draw):
    """Return (shape, specs) of what the engine has its longest patterns and fastest kernels for."""
    shape = (*draw(st.tuples(*[st.integers(6, 9)] * 2)), draw(st.sampled_from([16, 32, 1, 4])))
    start, specs = shape, [(Watch, {})] if draw(st.integers(0, 3)) else []
    for _ in range(draw(st.integers(1, 2))):
        kernel = draw(st.sampled_from([3, 3, (3, 4), (2, 4), (1, 4), 5]))
        relu = draw(st.sampled_from([None, "inside", "after"]))
        conv = {
            "filters": draw(st.sampled_from([32, 16])),
            "kernel_size": kernel,
            "strides": draw(st.sampled_from([1, 1, 1, (1, 2), 2])),
            "dilation_rate": draw(st.sampled_from([1, 1, 1, (2, 1), 2])),
            "padding": draw(st.sampled_from(["same", "valid"])),
            "activation": "relu" if relu == "inside" else None,
            "use_bias": draw(st.integers(0, 4)) > 0,
            "trainable": draw(st.integers(0, 4)) > 0,
        }
        after = [(Activation, {"activation": "relu"})] if relu == "after" else []
        pool = [(MaxPool2D, {"pool_size": 2})] if draw(st.integers(0, 3)) else []
        for some in ([(Conv2D, conv), *after, *pool], [(Conv2D, conv | {"padding": "same"})]):
            try:
                shape = output_shape(shape, some)
            except ShapeError:
                continue
            specs = specs + some
            break
    return start, specs


@st.composite
def nets(draw, most=4, kind=None):
    """Return a network of any layers (one of this kind), with a loss that fits its end."""
    activations = [None, "relu", "tanh", "sigmoid"]
    several = st.sampled_from([kind] if kind else OTHERS + ROUNDING)
    with_one = several.flatmap(lambda kind: bodies_with(kind, activations))
    any_layers = st.one_of(bodies(most, activations), fused_bodies(), with_one)
    shape, specs = draw(with_one if kind else any_layers)
    end, loss, targets = draw(endings(draw(st.sampled_from([2, 3, 10, 17]))))
    several_axes = len(output_shape(shape, specs)) > 1
    if several_axes and (targets == "classes" or draw(st.booleans())):
        specs = [*specs, (Flatten, {})]
    return Net(shape, specs + end, loss, targets, draw(batch_sizes), draw(seeds))


@st.composite
def whole_nets(draw, most=3, kind=None):
    """Return a network (with a layer of this kind) whose numbers can all be whole."""
    activations = [None, "relu"]
    several = st.sampled_from([kind] if kind else OTHERS)
    with_one = several.flatmap(lambda kind: bodies_with(kind, activations, exact=True))
    any_layers = st.one_of(bodies(most, activations, exact=True), fused_bodies(), with_one)
    shape, specs = draw(with_one if kind else any_layers)
    if draw(st.booleans()):
        units = draw(st.sampled_from([3, 16, 33, 1]))
        specs = [*specs, (Flatten, {}), (Dense, {"units": units, "activation": "relu"})]
    return Net(shape, specs, Dot(), "numbers", draw(batch_sizes), draw(seeds))
