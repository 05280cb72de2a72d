"""What a convolution must satisfy, whatever the way it is computed.

Whole numbers in float64 are exact, so the equalities are exact too.
"""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import Conv2D, Convolution2D, Dense

small = st.integers(1, 3)
pairs = st.tuples(small, small)
paddings = st.sampled_from(["valid", "same"])
equal = np.testing.assert_array_equal


class Rig:
    """A layer built for whole-number samples, without bias unless asked."""

    def __init__(self, draw, *, bias=False, **kwargs):
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        kernel = kwargs.pop("kernel_size", None) or draw(pairs)
        dilation = kwargs.get("dilation_rate", (1, 1))
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        default = *(r + draw(st.integers(0, 3)) for r in reach), draw(small)
        self.shape = kwargs.pop("shape", default)
        filters = kwargs.pop("filters", None) or draw(small)
        self.conv = Conv2D(filters, kernel, use_bias=bias, dtype="float64", **kwargs)
        self.conv.build_for(self.shape)
        self.set(*(self.whole(p.shape) for p in self.conv.params.values()))

    def whole(self, shape):
        return self.rng.integers(-8, 9, shape).astype(float)

    def x(self, n=2):
        return self.whole((n, *self.shape))

    def set(self, *weights):
        self.conv.set_weights(list(weights))
        return self

    def __call__(self, x):
        return self.conv.forward(x)


@st.composite
def rigs(draw, **kwargs):
    options = {"strides": draw(pairs), "padding": draw(paddings), "dilation_rate": draw(pairs)}
    return Rig(draw, **(options | kwargs))


@given(rigs(), st.integers(-3, 3))
def test_it_is_linear_in_x_and_in_w(rig, a):
    x1, x2, w1 = rig.x(), rig.x(), rig.conv.params["w"].copy()
    y1, y2 = rig(x1), rig(x2)
    equal(rig(a * x1 + x2), a * y1 + y2)
    w2 = rig.whole(w1.shape)
    y2 = rig.set(w2)(x1)
    equal(rig.set(a * w1 + w2)(x1), a * y1 + y2)


@given(rigs(bias=True))
def test_the_bias_is_added(rig):
    x = rig.x()
    w, b = rig.conv.get_weights()
    y = rig(x)
    equal(y, rig.set(w, 0 * b)(x) + b)


@given(rigs())
def test_backward_is_the_transpose_of_forward(rig):
    x, w = rig.x(), rig.conv.params["w"]
    y = rig.conv.forward(x, training=True)
    r = rig.whole(y.shape)
    dx = rig.conv.backward(r)
    assert (y * r).sum() == (x * dx).sum() == (w * rig.conv.grads["w"]).sum()


@given(st.data(), pairs, st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_a_shifted_image_has_a_shifted_answer(data, strides, steps):
    rig = Rig(data.draw, strides=strides)
    h, w, c = rig.shape
    rows, columns = steps[0] * strides[0], steps[1] * strides[1]
    large = rig.whole((1, h + rows, w + columns, c))
    equal(rig(large)[:, steps[0] :, steps[1] :], rig(large[:, rows:, columns:]))


def test_a_single_pixel_shows_the_kernel_turned_round():
    rig = Rig(lambda _: 1, kernel_size=(2, 3), shape=(3, 5, 1), filters=1)
    x = np.zeros((1, 3, 5, 1))
    x[0, 1, 2, 0] = 1
    equal(rig(x)[0, :, :, 0], rig.conv.params["w"][::-1, ::-1, 0, 0])


@given(rigs())
def test_channels_add_up_and_filters_stand_side_by_side(rig):
    x, w = rig.x(), rig.conv.params["w"].copy()
    y = rig(x)
    total = np.zeros_like(y)
    for k in range(w.shape[2]):
        only = np.zeros_like(w)
        only[:, :, k] = w[:, :, k]
        total += rig.set(only)(x)
    equal(total, y)
    channels, filters = (rig.rng.permutation(n) for n in w.shape[2:])
    shuffled = rig.set(w[:, :, channels][..., filters])(x[..., channels])
    equal(shuffled, y[..., filters])


@given(rigs())
def test_permuted_samples(rig):
    x = rig.x(4)
    order = rig.rng.permutation(4)
    y = rig.conv.forward(x, training=True)
    r = rig.whole(y.shape)
    dx, dw = rig.conv.backward(r), rig.conv.grads["w"]
    equal(rig.conv.forward(x[order], training=True), y[order])
    equal(rig.conv.backward(r[order]), dx[order])
    equal(rig.conv.grads["w"], dw)


@given(st.data())
def test_one_pixel_kernels_and_whole_image_kernels_are_dense(data):
    rig = Rig(data.draw, kernel_size=(1, 1), bias=True)
    w, b = rig.conv.get_weights()
    dense = Dense(len(b), dtype="float64")
    dense.build_for(rig.shape)
    dense.set_weights([w[0, 0], b])
    x = rig.x()
    equal(rig(x), dense.forward(x))

    size = data.draw(pairs)
    rig = Rig(data.draw, kernel_size=size, shape=(*size, data.draw(small)), bias=True)
    w, b = rig.conv.get_weights()
    x = rig.x()
    equal(rig(x)[:, 0, 0], oracles.dense(x.reshape(2, -1), w.reshape(-1, len(b)), b))


@given(st.data(), pairs)
def test_a_stride_takes_every_second_answer(data, strides):
    rig = Rig(data.draw)
    x = rig.x()
    y = rig(x)
    rig.conv.strides = strides
    equal(rig(x), y[:, :: strides[0], :: strides[1]])


@given(st.data(), pairs, pairs)
def test_same_padding_is_np_pad(data, strides, dilation):
    rig = Rig(data.draw, padding="same", strides=strides, dilation_rate=dilation)
    x, size = rig.x(), rig.shape[:2]
    pads = oracles.pads("same", size, rig.conv.kernel_size, strides, dilation)
    y = rig(x)
    rig.conv.padding = "valid"
    equal(rig(np.pad(x, ((0, 0), *pads, (0, 0)))), y)


@given(st.data(), pairs, pairs)
def test_dilation_is_a_kernel_with_holes(data, kernel, dilation):
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    rig = Rig(data.draw, kernel_size=reach)
    w, x = rig.conv.params["w"].copy(), rig.x()
    holes = np.zeros_like(w)
    holes[:: dilation[0], :: dilation[1]] = w[:: dilation[0], :: dilation[1]]
    full = rig.set(holes)(x)
    rig.conv.params["w"] = w[:: dilation[0], :: dilation[1]]
    rig.conv.kernel_size, rig.conv.dilation_rate = kernel, dilation
    equal(rig(x), full)


@given(rigs(), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_bad_pixel_spoils_the_windows_that_touch_it_and_no_others(rig, bad):
    x = rig.x(1)
    rig.set(np.abs(rig.conv.params["w"]) + 1)
    place = tuple(rig.rng.integers(0, n) for n in x.shape)
    touched = np.zeros(x.shape)
    touched[place] = 1
    touched = rig(touched)[..., 0] != 0
    x[place] = bad
    equal(~np.isfinite(rig(x)).all(axis=-1), touched)


@given(st.data(), pairs, paddings, pairs)
def test_backward_equals_the_complex_step(data, strides, padding, dilation):
    size = (data.draw(small), data.draw(small))
    rig = Rig(
        data.draw,
        kernel_size=size,
        shape=(*(d * (k - 1) + 2 for k, d in zip(size, dilation, strict=True)), 1),
        filters=2,
        bias=True,
        strides=strides,
        padding=padding,
        dilation_rate=dilation,
    )
    x, (w, b) = rig.x(1), rig.conv.get_weights()
    y = rig.conv.forward(x, training=True)
    dy = rig.whole(y.shape)
    dx = rig.conv.backward(dy)
    how = strides, padding, dilation

    def slope(name, x, w, b, dy):
        """Return the derivative of sum(conv(x, w, b) * dy) with respect to the array of a name."""
        given = {"x": x, "w": w, "b": b}

        def f(v):
            return (oracles.conv2d(*(given | {name: v}).values(), *how) * dy).sum()

        return oracles.complex_step(f, given[name])

    arrays = x, w, b, dy
    for name, gradient in {"x": dx, **rig.conv.grads}.items():
        # Terms may cancel; what rounding leaves is measured by the sum of their sizes.
        size = slope(name, *map(np.abs, arrays))
        error = np.abs(gradient - slope(name, *arrays))
        assert (error <= 1e-12 * size).all(), name


def test_an_odd_pad_goes_to_the_bottom_and_right():
    conv = Conv2D(1, 2, padding="same", use_bias=False, dtype="float64")
    conv.build_for((2, 2, 1))
    conv.set_weights([np.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 2, 1, 1)])
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    equal(conv.forward(x).reshape(2, 2), [[4321.0, 402.0], [43.0, 4.0]])


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("argument", ["filters", "kernel_size", "strides", "dilation_rate"])
def test_refused_sizes(argument, value):
    with pytest.raises(ShapeError, match=f"{argument} of Conv2D .* got {value}"):
        Conv2D(**{"filters": 1, "kernel_size": 1, argument: value})


@pytest.mark.parametrize("value", [True, 2.5, "3", None])
@pytest.mark.parametrize("argument", ["filters", "kernel_size", "strides", "dilation_rate"])
def test_refused_types(argument, value):
    with pytest.raises(DTypeError, match=f"{argument} of Conv2D"):
        Conv2D(**{"filters": 1, "kernel_size": 1, argument: value})


def test_refused_names_and_shapes():
    with pytest.raises(ValueError, match="Did you mean 'same'"):
        Conv2D(1, 1, padding="sane")
    with pytest.raises(ValueError, match="Did you mean 'channels_last'"):
        Conv2D(1, 1, data_format="channel_last")
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        Conv2D(1, 1, activation="rleu")
    with pytest.raises(ShapeError, match=r"Add a channel axis: x\[\.\.\., None\]"):
        Conv2D(1, 1).build_for((28, 28))
    with pytest.raises(ShapeError, match="does not fit"):
        Conv2D(1, 3).build_for((2, 5, 1))
    conv = Conv2D(1, 1, input_shape=(2, 2, 1))
    conv(np.zeros((1, 2, 2, 1)))
    with pytest.raises(ShapeError, match=r"built for samples of shape \(2, 2, 1\)"):
        conv(np.zeros((1, 2, 2, 3)))


def test_two_positional_integers_have_had_two_meanings_and_are_refused():
    for name in (Conv2D, Convolution2D):
        with pytest.raises(DTypeError, match=r"kernel_size=\(3, 3\) or strides=3"):
            name(32, 3, 3)
    assert Conv2D(32, 3, (3, 3)).strides == Conv2D(32, 3, strides=3).strides == (3, 3)
