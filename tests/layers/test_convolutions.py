"""The other convolutions: what they are equal to, sizes, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import testing
from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from numcnn.models import Sequential
from numcnn.optimizers import Adam
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
seeds = st.integers(0, 2**32 - 1)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.sampled_from(["valid", "same"])


def whole(seed, *shape):
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(float)


@given(seeds, pairs, pairs, pairs, paddings)
def test_the_transpose_is_the_transpose(seed, kernel, strides, dilation, padding):
    """sum(conv(x) * y) == sum(x * transpose(y)), and each one's forward is the other's backward."""
    how = dict(strides=strides, padding=padding, dilation_rate=dilation, use_bias=False)
    back = Conv2DTranspose(3, kernel, dtype="float64", **how)
    y = whole(seed, 2, 3, 2, 4)
    back(y)
    w = whole(seed + 1, *back.params["w"].shape)
    back.set_weights([w])
    x = whole(seed + 2, 2, *back.sample_output_shape)
    conv = Conv2D(4, kernel, dtype="float64", **how)
    assert conv.compute_output_shape(x.shape[1:]) == y.shape[1:]
    conv(x)
    conv.set_weights([w])
    painted, seen = back.forward(y, training=True), conv.forward(x, training=True)
    assert (seen * y).sum() == (x * painted).sum()
    equal(conv.backward(y), painted)
    equal(back.backward(x), seen)
    equal(conv.grads["w"], back.grads["w"])


@given(seeds, pairs, pairs, pairs, paddings)
def test_one_channel_by_itself_is_an_ordinary_convolution(seed, kernel, strides, dilation, padding):
    how = dict(strides=strides, padding=padding, dilation_rate=dilation, dtype="float64")
    x = whole(seed, 2, 7, 8, 1)
    one, other = DepthwiseConv2D(kernel, depth_multiplier=3, **how), Conv2D(3, kernel, **how)
    one(x)
    other(x)
    other.set_weights(one.get_weights())
    y = one.forward(x, training=True)
    close(y, other.forward(x, training=True), rtol=1e-13, atol=1e-13)
    dy = whole(1, *y.shape)
    close(one.backward(dy), other.backward(dy), rtol=1e-12, atol=1e-12)


@given(seeds, pairs, paddings)
def test_separable_is_the_convolution_with_the_product_of_its_filters(seed, kernel, padding):
    x = whole(seed, 2, 5, 6, 3)
    parts = SeparableConv2D(2, kernel, padding=padding, depth_multiplier=2, dtype="float64")
    parts(x)
    parts.set_weights([whole(seed + i, *w.shape) for i, w in enumerate(parts.get_weights())])
    depth, point, b = parts.get_weights()
    product = np.einsum("ijcm,cmf->ijcf", depth, point.reshape(3, 2, 2))
    conv = Conv2D(2, kernel, padding=padding, dtype="float64")
    conv(x)
    conv.set_weights([product, b])
    y = parts.forward(x, training=True)
    equal(y, conv.forward(x, training=True))
    dy = whole(1, *y.shape)
    equal(parts.backward(dy), conv.backward(dy))


TRANSPOSED = {
    "depthwise": (lambda: DepthwiseConv2D((2, 3), depth_multiplier=2), "w"),
    "separable, channels": (lambda: SeparableConv2D(3, (2, 3), padding="same"), "w_point"),
    "separable, windows": (lambda: SeparableConv2D(3, (2, 3), use_bias=False), "w_depth"),
    "transposed": (lambda: Conv2DTranspose(3, (2, 3), strides=2), "w"),
}


@pytest.mark.parametrize(("layer", "linear"), TRANSPOSED.values(), ids=TRANSPOSED)
def test_backward_is_the_transpose(layer, linear):
    bias = [] if linear == "w_depth" else ["b"]
    testing.check_adjoint(layer(), (2, 4, 5, 2), linear_in=["x", *bias])
    testing.check_adjoint(layer(), (2, 4, 5, 2), linear_in=[linear, *bias])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_the_largest_array_of_a_step_is_foretold(data_format):
    """7 by 9 pixels with 3 channels, windows of 2 by 3: 6 by 7 places."""
    shape = (7, 9, 3) if data_format == "channels_last" else (3, 7, 9)
    depth = DepthwiseConv2D((2, 3), depth_multiplier=2, data_format=data_format)
    assert depth.work_shape(shape) == (6, 7, 2 * 3 * 3)
    few, many = (
        SeparableConv2D(5, (2, 3), depth_multiplier=m, data_format=data_format) for m in (5, 7)
    )
    assert few.work_shape(shape) == (6, 7, 2 * 3 * 3)  # cols
    assert many.work_shape(shape) == (6, 7, 3 * 7)  # h
    painted = Conv2DTranspose(5, (2, 3), data_format=data_format)
    assert painted.work_shape(shape) == (7, 9, 2 * 3 * 5)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ({"kernel_size": 3}, 9),
        ({"kernel_size": 3, "strides": 2}, 15),
        ({"kernel_size": 2, "strides": 3}, 21),
        ({"kernel_size": 3, "strides": 2, "padding": "same"}, 14),
        ({"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 0}, 13),
        ({"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1}, 14),
        ({"kernel_size": 3, "strides": 2, "output_padding": 1}, 16),
        ({"kernel_size": 3, "dilation_rate": 2}, 11),
    ],
)
def test_sizes_are_keras_s(arguments, size):
    assert Conv2DTranspose(1, **arguments).compute_output_shape((7, 7, 2)) == (size, size, 1)


def test_output_padding_that_cannot_be_is_refused():
    for more in (2, 5):
        with pytest.raises(ShapeError, match="Use one below the strides"):
            Conv2DTranspose(1, 3, strides=2, padding="same", output_padding=more).build_for(
                (7, 7, 1)
            )
    with pytest.raises(ShapeError, match="output_padding"):
        Conv2DTranspose(1, 2, padding="same", output_padding=0).build_for((7, 7, 1))
    for more in (-1, (1, -1)):
        with pytest.raises(ShapeError, match="output_padding of Conv2DTranspose"):
            Conv2DTranspose(1, 3, output_padding=more)
    with pytest.raises(DTypeError, match="output_padding of Conv2DTranspose"):
        Conv2DTranspose(1, 3, output_padding="1")


@pytest.mark.parametrize("argument", ["kernel_size", "strides", "dilation_rate", "filters"])
@pytest.mark.parametrize("cls", [DepthwiseConv2D, SeparableConv2D, Conv2DTranspose])
def test_refused_arguments(cls, argument):
    given_ = {"kernel_size": 1} | ({} if cls is DepthwiseConv2D else {"filters": 1})
    if argument not in given_ and argument == "filters":
        argument = "depth_multiplier"
    name = argument if argument == "depth_multiplier" else f"{argument} of {cls.__name__}"
    with pytest.raises(ShapeError, match=name):
        cls(**{**given_, argument: 0})
    with pytest.raises(DTypeError, match=name):
        cls(**{**given_, argument: 1.5})
    with pytest.raises(ValueError, match="Did you mean 'same'"):
        cls(**given_, padding="sane")


def test_windows_that_do_not_fit_and_inputs_that_are_no_images():
    for layer in (DepthwiseConv2D(3), SeparableConv2D(1, 3)):
        with pytest.raises(ShapeError, match="does not fit"):
            layer.build_for((2, 5, 1))
    for layer in (DepthwiseConv2D(3), SeparableConv2D(1, 3), Conv2DTranspose(1, 3)):
        with pytest.raises(ShapeError, match="Add a channel axis"):
            layer.build_for((28, 28))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_an_autoencoder_learns_to_paint_what_it_saw(engine):
    """Down with strides, up with a transposed convolution that ends in the loss's sigmoid."""
    set_random_seed(0)
    x = np.zeros((16, 8, 8, 1), "f4")
    for i in range(16):
        x[i, i % 4 * 2 : i % 4 * 2 + 2, i // 4 * 2 : i // 4 * 2 + 2] = 1
    model = Sequential(
        [
            Conv2D(8, 2, strides=2, activation="relu", input_shape=(8, 8, 1)),
            SeparableConv2D(8, 3, padding="same", activation="relu"),
            DepthwiseConv2D(3, padding="same"),
            Conv2DTranspose(1, 2, strides=2, activation="sigmoid"),
        ]
    )
    model.compile(Adam(0.01), "binary_crossentropy", engine=engine)
    history = model.fit(x, x, batch_size=4, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
