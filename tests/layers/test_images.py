"""Layers that change the size of images: what they are equal to, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import testing
from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import (
    AveragePooling2D,
    Conv2D,
    Cropping2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    Permute,
    UpSampling2D,
    ZeroPadding2D,
)

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
seeds = st.integers(0, 2**32 - 1)
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


def images(seed, *shape, low=-8, high=9):
    return np.random.default_rng(seed).integers(low, high, shape).astype(float)


def both(layer, x, dy=None):
    y = layer.forward(x, training=True)
    return y, layer.backward(images(1, *y.shape) if dy is None else dy)


@given(seeds, pairs, st.booleans())
def test_global_pooling_is_pooling_with_one_window(seed, size, keepdims):
    x = images(seed, 2, *size, 3, low=-1, high=2)  # ties, too
    for one, window in [
        (GlobalMaxPooling2D, MaxPool2D(size)),
        (GlobalAveragePooling2D, AveragePooling2D(size)),
    ]:
        y, dx = both(window, x)
        dy = images(1, *y.shape)
        layer = one(keepdims=keepdims)
        found, back = both(layer, x, dy if keepdims else dy.reshape(2, 3))
        close(found.reshape(y.shape), y, rtol=1e-15, atol=1e-15)
        close(back, dx, rtol=1e-15)


@given(seeds, pairs, pairs, st.sampled_from(["valid", "same"]))
def test_average_pooling_is_linear_and_pays_out_what_comes_in(seed, pool, strides, padding):
    layer = AveragePooling2D(pool, strides, padding)
    testing.check_adjoint(layer, (2, 5, 6, 2), seed=seed)
    ones = np.ones((1, 5, 6, 2))
    close(layer.forward(ones), 1)
    y, dx = both(layer, images(seed, 2, 5, 6, 2))
    close(dx.sum(), images(1, *y.shape).sum(), atol=1e-12)


@given(seeds, pairs)
def test_average_of_what_was_repeated_is_what_was(seed, size):
    x = images(seed, 2, 3, 4, 2)
    close(AveragePooling2D(size).forward(UpSampling2D(size).forward(x)), x, rtol=1e-14)


@given(seeds, pairs)
def test_smooth_enlargement_keeps_constants_straight_lines_and_means(seed, size):
    smooth = UpSampling2D(size, interpolation="bilinear")
    testing.check_adjoint(smooth, (2, 3, 4, 2), seed=seed)
    close(smooth.forward(np.full((1, 3, 4, 2), 7.0)), 7)
    x = images(seed, 2, 3, 4, 2)
    y = smooth.forward(x)
    close(y.mean(), x.mean(), atol=1e-13)  # every pixel has the same weight in all
    assert y.min() >= x.min() - 1e-14
    assert y.max() <= x.max() + 1e-14
    s = size[1]
    line = UpSampling2D((1, s), interpolation="bilinear").forward(
        np.arange(6.0).reshape(1, 1, 6, 1)
    )
    at = (np.arange(6 * s) + 0.5) / s - 0.5
    close(line.ravel(), np.clip(at, 0, 5), atol=1e-14)


@pytest.mark.parametrize("kind", ["nearest", "bilinear"])
def test_enlargement_keeps_a_bad_pixel_in_its_place(kind):
    x = np.ones((1, 5, 5, 1))
    x[0, 2, 2] = np.nan
    layer = UpSampling2D(3, interpolation=kind)
    y = layer.forward(x, training=True)[0, :, :, 0]
    reach = 3 if kind == "nearest" else 5
    assert np.isnan(y).sum() == reach**2
    assert np.isnan(y[6:9, 6:9]).all()
    dy = np.ones((1, 15, 15, 1))
    dy[0, 7, 7] = np.nan  # the middle of what the bad pixel became, which is made of it alone
    assert np.argwhere(np.isnan(layer.backward(dy))).tolist() == [[0, 2, 2, 0]]


@given(seeds, st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2))
def test_cropping_takes_away_what_padding_puts_there(seed, border):
    x = images(seed, 2, 3, 4, 2)
    pad, crop = ZeroPadding2D(border), Cropping2D(border)
    y, dx = both(pad, x)
    equal(crop.forward(y), x)
    equal(crop.forward(images(1, *y.shape)), dx)
    assert y.sum() == x.sum()


@given(seeds, pairs)
def test_padding_before_a_convolution_is_the_convolution_s_own(seed, kernel):
    same = Conv2D(2, kernel, padding="same", dtype="float64")
    valid = Conv2D(2, kernel, dtype="float64")
    x = images(seed, 2, 5, 4, 3)
    same(x)
    _, padding = same.geometry(5, 4)
    around = ZeroPadding2D(padding)
    valid(around.forward(x))
    valid.set_weights(same.get_weights())
    y = same.forward(x, training=True)
    equal(valid.forward(around.forward(x, training=True), training=True), y)
    dy = images(1, *y.shape)
    close(around.backward(valid.backward(dy)), same.backward(dy), atol=1e-12)


def test_forms_of_borders():
    for given_, meant in [
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        ([[0, 1], 2], ((0, 1), (2, 2))),
    ]:
        assert ZeroPadding2D(given_).padding == Cropping2D(given_).cropping == meant
    assert ZeroPadding2D().padding == ((1, 1), (1, 1))
    assert Cropping2D().cropping == ((0, 0), (0, 0))
    for wrong in (-1, (1, -1), ((0, -1), (0, 0)), (1, 2, 3), True):
        with pytest.raises(ShapeError, match="of ZeroPadding2D"):
            ZeroPadding2D(wrong)
    for wrong in (1.5, "1", None, ((1, 2, 3), 1), ((0.5, 1), 1)):
        with pytest.raises(DTypeError, match="of Cropping2D"):
            Cropping2D(wrong)
    for size in ("4x5", "5x4", "3x9"):
        with pytest.raises(ShapeError, match=f"leaves nothing of an image of {size}"):
            Cropping2D(2).build_for((int(size[0]), int(size[2]), 1))
    assert Cropping2D(2).compute_output_shape((5, 5, 1)) == (1, 1, 1)


def test_names_and_other_refusals():
    assert AveragePooling2D().name == "average_pooling2d"
    assert ZeroPadding2D().name == "zero_padding2d"
    assert GlobalMaxPooling2D().name == "global_max_pooling2d"
    assert UpSampling2D().name == "up_sampling2d"
    for layer in (AveragePooling2D(), GlobalMaxPooling2D(), UpSampling2D(), ZeroPadding2D()):
        with pytest.raises(ShapeError, match=r"needs images of shape \(H, W, C\)"):
            layer.build_for((28, 28))
    with pytest.raises(ShapeError, match="does not fit"):
        AveragePooling2D(3).build_for((2, 5, 1))
    with pytest.raises(ShapeError, match="pool_size of AveragePooling2D"):
        AveragePooling2D(0)
    with pytest.raises(ValueError, match="Did you mean 'bilinear'"):
        UpSampling2D(interpolation="billinear")
    with pytest.raises(ShapeError, match="size of UpSampling2D"):
        UpSampling2D(0)
    for dims in ((), (0, 1), (1, 1), (2, 3), (1.5, 1), "12", None):
        with pytest.raises(ShapeError, match="numbers 1 to K once each"):
            Permute(dims)
    with pytest.raises(ShapeError, match="have 2"):
        Permute((1, 3, 2)).build_for((4, 5))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_average_pooling_says_how_large_its_windows_are_together(data_format):
    layer = AveragePooling2D((2, 3), padding="same", data_format=data_format)
    shape = (5, 7, 4) if data_format == "channels_last" else (4, 5, 7)
    assert layer.work_shape(shape) == (3, 3, 6, 4)
