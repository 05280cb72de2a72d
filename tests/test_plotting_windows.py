"""Pictures of im2col, of pooling's gradients and of filters while they are learned."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from tidy import assert_tidy

from numcnn import layers, plotting
from numcnn.errors import DTypeError, ShapeError
from numcnn.layers.im2col import im2col, window_geometry


def numbers(axes):
    """Return the numbers in a table's cells, by (row, column)."""
    h, w = axes.images[0].get_array().shape[:2]
    found = [float(text.get_text().replace("−", "-")) for text in axes.texts[: h * w]]
    return np.array(found).reshape(h, w)


def letters(axes):
    """Return the letters of the windows, by the cell that they stand in."""
    h, w = axes.images[0].get_array().shape[:2]
    return {
        (round(t.get_position()[1] + 0.46), round(t.get_position()[0] + 0.45)): t.get_text()
        for t in axes.texts[h * w :]
        if t.get_text()
    }


def heading(figure):
    return figure.texts[0].get_text().replace("\n", " ")


sizes = st.integers(1, 8)


@st.composite
def geometries(draw):
    """Return arguments for which im2col has something to lay out, small enough to be read."""
    shape = draw(sizes), draw(sizes)
    kernel = draw(st.integers(1, min(4, shape[0]))), draw(st.integers(1, min(4, shape[1])))
    dilation = tuple(
        draw(st.integers(1, max(1, (n - 1) // max(1, k - 1))))
        for n, k in zip(shape, kernel, strict=True)
    )
    strides = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return shape, kernel, strides, draw(st.sampled_from(["valid", "same"])), dilation


@settings(max_examples=6, deadline=None)
@given(geometries(), st.integers(0, 100))
@example(((2, 8), (2, 3), (1, 1), "valid", (1, 1)), 0)  # a matrix near the edge
def test_im2col_draws_the_matrix_of_im2col_and_each_pixel_in_one_colour(geometry, window):
    shape, kernel, strides, padding, dilation = geometry
    x = np.random.default_rng(0).permutation(shape[0] * shape[1]).reshape(shape) + 1
    (oh, ow), pads = window_geometry(shape, kernel, strides, padding, dilation)
    if oh * ow > 25 or kernel[0] * kernel[1] > 16:
        with pytest.raises(ShapeError, match="too many to read"):
            plotting.im2col(x, kernel, strides, padding, dilation)
        return
    window %= oh * ow
    figure = plotting.im2col(x, kernel, strides, padding, dilation, window=window)
    assert_tidy(figure)
    image, matrix, *icons = figure.axes
    expected = im2col(x[None, :, :, None], kernel, strides, pads, dilation).reshape(oh * ow, -1)
    np.testing.assert_array_equal(numbers(matrix), expected)
    np.testing.assert_array_equal(numbers(image), np.pad(x, pads))
    assert len(icons) == oh * ow
    for icon, row in zip(icons, expected, strict=True):
        inside = icon.images[0].get_array() > 0
        assert inside.sum() == kernel[0] * kernel[1]
        np.testing.assert_array_equal(np.sort(np.pad(x, pads)[inside]), np.sort(row))
    colours = {}
    for axes in (image, matrix):
        for place, number in np.ndenumerate(numbers(axes)):
            colours.setdefault(number, set()).add(to_hex(axes.images[0].get_array()[place]))
    assert all(len(found) == 1 for found in colours.values())  # a pixel's numbers are its own here
    assert len({found.pop() for found in colours.values()}) == len(colours)
    (frame,) = (patch for patch in matrix.patches if isinstance(patch, Rectangle))
    assert (frame.get_y(), frame.get_width()) == (window - 0.5, expected.shape[1])


def test_im2col_by_default_is_the_picture_in_im2col_py():
    figure = plotting.im2col()
    expected = [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]
    np.testing.assert_array_equal(numbers(figure.axes[1]), expected)
    assert heading(figure) == "im2col: 4 windows of 2 × 2 become 4 rows of 4"
    taps = [text.get_text() for text in figure.axes[1].texts[16:]]
    assert taps == ["0,0", "0,1", "1,0", "1,1"]
    (frame,) = figure.axes[0].patches
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((-0.5, -0.5), 2, 2)
    assert_tidy(figure)


def test_im2col_outlines_a_window_with_gaps_pixel_by_pixel():
    figure = plotting.im2col(np.arange(25).reshape(5, 5), 2, dilation_rate=3, window=3)
    frames = {patch.get_xy() for patch in figure.axes[0].patches}
    assert frames == {(0.5, 0.5), (3.5, 0.5), (0.5, 3.5), (3.5, 3.5)}


def test_im2col_of_fractions():
    figure = plotting.im2col(np.array([[0.125, -1.5], [1000.25, 0]]), 2)
    texts = [text.get_text() for text in figure.axes[1].texts[:4]]
    assert texts == ["0.12", "−1.50", "1e+03", "0.00"]
    assert_tidy(figure)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"image": np.zeros((9, 3))}, ShapeError, r"at most 8 x 8, got \(9, 3\).*image\[:5, :5\]"),
        ({"image": np.zeros((3, 3, 1))}, ShapeError, r"image must have the shape \(H, W\)"),
        ({"image": [[np.nan]]}, ValueError, "image must be finite"),
        ({"image": "no"}, DTypeError, "image must be numbers"),
        ({"image": np.zeros((8, 8))}, ShapeError, "49 windows of 4 pixels are too many to read"),
        ({"kernel_size": 4}, ShapeError, "a window of 4x4 does not fit"),
        ({"kernel_size": 0}, ValueError, "kernel_size"),
        ({"padding": "full"}, ValueError, "padding"),
        ({"window": 4}, ValueError, "window must be a number from 0 to 3, got 4"),
        ({"window": 1.0}, ValueError, "window must be a number from 0 to 3"),
    ],
)
def test_bad_im2col(arguments, error, says):
    with pytest.raises(error, match=says):
        plotting.im2col(**arguments)


# max-pooling


@settings(max_examples=6, deadline=None)
@given(geometries())
@example(((3, 2), (3, 2), (1, 1), "same", (1, 1)))  # a pixel that wins six windows
def test_pooling_draws_what_the_layer_computes(geometry):
    shape, kernel, strides, padding, _ = geometry
    rng = np.random.default_rng(1)
    x = rng.integers(-9, 10, shape)
    pool = layers.MaxPool2D(kernel, strides, padding, dtype="float64")
    y = pool(x[None, :, :, None], training=True)
    dy = rng.integers(1, 10, y.shape[1:3])
    if y.size > 36:
        return
    figure = plotting.max_pool_routing(x, kernel, strides, padding, dy)
    assert_tidy(figure)
    tables = [numbers(axes) for axes in figure.axes]
    dx = pool.backward(dy[None, :, :, None].astype(float))[0, :, :, 0]
    for found, expected in zip(tables, (x, y[0, :, :, 0], dx, dy), strict=True):
        np.testing.assert_array_equal(found, expected)
    # The letters tie them: a pixel of dx holds the sum of the dy with its letters.
    winners, maxima, back, arriving = (letters(axes) for axes in figure.axes)
    assert winners == back
    assert maxima == arriving
    assert sorted("".join(winners.values())) == sorted("".join(maxima.values()))
    by_letter = {letter: place for place, letter in arriving.items()}
    for place, found in winners.items():
        assert dx[place] == sum(dy[by_letter[letter]] for letter in found)
        assert all(x[place] == y[0, :, :, 0][by_letter[letter]] for letter in found)
    assert set(map(tuple, np.argwhere(dx))) == set(winners)


def test_windows_side_by_side_in_y_have_different_colours():
    figure = plotting.max_pool_routing(np.arange(64).reshape(8, 8))
    colours = [to_hex(patch.get_facecolor()) for patch in figure.axes[1].patches]
    assert len(set(colours)) == 8
    table = np.array(colours).reshape(4, 4)
    assert (table[:, 1:] != table[:, :-1]).all()
    assert (table[1:] != table[:-1]).all()


def test_a_pixel_that_wins_twice_has_both_colours_and_the_sum():
    figure = plotting.max_pool_routing([[0, 9, 0]], (1, 2), strides=1, dy=[[3, 4]])
    x, _, dx, _ = figure.axes
    assert letters(x) == {(0, 1): "ab"}
    np.testing.assert_array_equal(numbers(dx), [[0, 7, 0]])
    halves = [(p.get_x(), p.get_width(), to_hex(p.get_facecolor())) for p in dx.patches]
    assert [half[:2] for half in halves] == [(0.5, 0.5), (1.0, 0.5)]
    assert halves[0][2] != halves[1][2]
    assert "two letters: two gradients add" in figure.texts[1].get_text()


def test_routing_by_default():
    figure = plotting.max_pool_routing()
    np.testing.assert_array_equal(numbers(figure.axes[1]), [[4, 5], [6, 7]])
    np.testing.assert_array_equal(numbers(figure.axes[3]), [[1, 2], [3, 4]])
    assert {text.get_text() for text in figure.texts[2:]} == {"forward", "backward"}
    assert heading(figure) == "Max-pooling 2 × 2: the gradient goes back to the winner"
    assert_tidy(figure)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"x": np.zeros((9, 2))}, ShapeError, "at most 8 x 8"),
        ({"x": np.zeros(4)}, ShapeError, r"x must have the shape \(H, W\)"),
        ({"x": [[np.inf, 1]]}, ValueError, "x must be finite"),
        ({"x": [[1]]}, ShapeError, "a window of 2x2 does not fit"),
        ({"dy": [[1, 2]]}, ShapeError, r"dy must have the shape \(2, 2\), that of y, got \(1, 2\)"),
        ({"strides": 0}, ValueError, "strides"),
        ({"x": np.zeros((8, 8)), "strides": 1}, ShapeError, "49 windows are too many to tell"),
    ],
)
def test_bad_routing(arguments, error, says):
    with pytest.raises(error, match=says):
        plotting.max_pool_routing(**arguments)


# filters over time


def test_filters_over_time_put_those_that_moved_most_first():
    w = np.random.default_rng(0).normal(size=(3, 2, 1, 4))
    times = [w, w * [1, 2, 1.5, 1], w * [1, 4, 2, 0.5]]
    figure = plotting.filters_over_time(times, limit=3, names=["start", "1", "the end"])
    assert_tidy(figure)
    assert [text.get_text() for text in figure.texts[2:]] == [
        *("filter 1", "moved 300%", "filter 2", "moved 100%", "filter 3", "moved 50%")
    ]
    tiles = [axes.images[0].get_array() for axes in figure.axes]
    assert len(tiles) == 9
    expected = itertools.product((1, 2, 3), times)
    for tile, (k, w_then) in zip(tiles, expected, strict=True):
        np.testing.assert_allclose(tile, w_then[:, :, 0, k])
    assert len({axes.images[0].get_clim() for axes in figure.axes}) == 1
    assert [axes.get_title() for axes in figure.axes[:3]] == ["start", "1", "the end"]
    assert heading(figure) == "3 of 4 filters of 3 × 2 while training"


def test_many_times_are_thinned_evenly_and_zero_has_no_percent():
    times = [np.full((5, 5, 3, 1), float(i)) for i in range(41)]
    figure = plotting.filters_over_time(times)
    assert_tidy(figure)
    assert [axes.get_title() for axes in figure.axes] == [str(i) for i in range(0, 41, 4)]
    assert figure.texts[3].get_text() == "moved 346"  # 40 * sqrt(75)
    assert "channel 0 of 3" in figure.texts[1].get_text()


@pytest.mark.parametrize(
    ("weights", "error", "says"),
    [
        ([np.ones((3, 3, 1, 2))], ShapeError, "two or more arrays of one shape.*got 1"),
        ([np.ones((3, 3, 1, 2)), np.ones((3, 3, 1, 3))], ShapeError, r"got 2 of shapes \[\(3, 3"),
        ([np.ones((3, 3))] * 2, ShapeError, r"weights\[0\] must have the shape \(KH, KW, C, F\)"),
        ([np.full((1, 1, 1, 1), np.nan)] * 2, ValueError, r"weights\[0\] must be finite"),
    ],
)
def test_bad_filters_over_time(weights, error, says):
    with pytest.raises(error, match=says):
        plotting.filters_over_time(weights)


def test_names_of_other_number():
    with pytest.raises(ShapeError, match="one for each of 2 times, got 1"):
        plotting.filters_over_time([np.ones((1, 1, 1, 1))] * 2, names=["a"])
