"""im2col and col2im against plain loops, and against each other."""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn.errors import ShapeError
from numcnn.layers.im2col import col2im, im2col, out_size, same_padding, window_geometry

small = st.integers(1, 4)
pads = st.tuples(st.integers(0, 3), st.integers(0, 3))


@st.composite
def arguments(draw):
    """(x of whole numbers, kernel, strides, padding, dilation) with at least one window."""
    kernel, strides, dilation = ((draw(small), draw(small)) for _ in range(3))
    padding = draw(pads), draw(pads)
    reach = [d * (k - 1) + 1 - sum(p) for d, k, p in zip(dilation, kernel, padding, strict=True)]
    ih, iw = (max(1, r) + draw(st.integers(0, 4)) for r in reach)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    x = rng.integers(-8, 9, (draw(st.integers(0, 2)), ih, iw, draw(st.integers(1, 3))))
    return x, kernel, strides, padding, dilation


@given(arguments())
def test_im2col_and_col2im_equal_the_oracle(args):
    x, kernel, strides, padding, dilation = args
    cols = im2col(x, kernel, strides, padding, dilation)
    expected = oracles.im2col(x, kernel, strides, padding, dilation)
    np.testing.assert_array_equal(cols, expected, strict=True)
    back = col2im(cols, x.shape, strides, padding, dilation)
    expected = oracles.col2im(cols, x.shape, kernel, strides, padding, dilation)
    np.testing.assert_array_equal(back, expected, strict=True)


@given(arguments(), st.integers(0, 999))
def test_col2im_is_the_transpose_of_im2col(args, seed):
    x, kernel, strides, padding, dilation = args
    cols = im2col(x, kernel, strides, padding, dilation)
    r = np.random.default_rng(seed).integers(-8, 9, cols.shape)
    assert (cols * r).sum() == (x * col2im(r, x.shape, strides, padding, dilation)).sum()


@given(arguments())
def test_padding_is_np_pad(args):
    x, kernel, strides, padding, dilation = args
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=7)
    np.testing.assert_array_equal(
        im2col(x, kernel, strides, padding, dilation, fill=7),
        im2col(padded, kernel, strides, dilation=dilation),
    )


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5), st.integers(1, 4), pads)
def test_sizes(size, k, stride, dilation, pad):
    expected = oracles.same_padding(size, k, stride, dilation)
    assert same_padding(size, k, stride, dilation) == expected
    assert out_size(size, k, stride, expected, dilation) == -(-size // stride)
    expected = oracles.count(size, k, stride, pad, dilation)
    assert max(0, out_size(size, k, stride, pad, dilation)) == expected


def test_a_window_that_does_not_fit():
    with pytest.raises(ShapeError, match=r"3x3 with dilation .* image of 4x9"):
        window_geometry((4, 9), (3, 3), (1, 1), "valid", (2, 1))
    assert window_geometry((5, 9), (3, 3), (1, 1), "valid", (2, 1))[0] == (1, 7)
