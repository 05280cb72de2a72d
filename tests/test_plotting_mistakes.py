"""Pictures of what was judged wrong: misclassified images and the confusion matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotted import NAMES, heading, pictures, probabilities
from tidy import assert_tidy

from numcnn import plotting
from numcnn.errors import DTypeError, ShapeError

# misclassified


def test_mistakes_come_surest_first_with_both_classes_and_probability():
    images = np.arange(5 * 16, dtype=np.uint8).reshape(5, 4, 4)
    p = probabilities([1, 2, 3, 4, 5], [0.6, 0.9, 0.7, 0.99996, 0.8])
    figure = plotting.misclassified(images, [1, 0, 0, 0, 0], p)
    titles = [axes.get_title().split("\n") for axes in pictures(figure)]
    assert titles == [
        ["0 → 4", ">99.9%"],
        ["0 → 2", "90.0%"],
        ["0 → 5", "80.0%"],
        ["0 → 3", "70.0%"],
    ]
    np.testing.assert_allclose(
        pictures(figure)[0].images[0].get_array(), images[3] / 255, rtol=1e-6
    )
    assert heading(figure) == "4 errors in 5 images"
    assert len(figure.axes) == 4
    assert_tidy(figure)


def test_mistakes_are_capped_and_the_title_counts_them_all():
    n = 1234
    images = np.zeros((n, 3, 3, 1), np.float32)
    truth = np.eye(10)[np.r_[np.zeros(1200, int), np.ones(34, int)]]
    p = probabilities(np.zeros(n, int), np.full(n, 0.5))
    figure = plotting.misclassified(images, truth, p)
    assert heading(figure) == "30 of 34 errors in 1,234 images"
    assert len(pictures(figure)) == 30
    assert heading(plotting.misclassified(images, truth, p, limit=7)).startswith("7 of 34")
    assert_tidy(figure)


def test_mistakes_with_long_class_names():
    rng = np.random.default_rng(0)
    p = probabilities(np.arange(10), np.linspace(0.5, 0.9, 10))
    names = [*NAMES[:9], "a name that goes on and on"]
    figure = plotting.misclassified(rng.random((10, 4, 4)), (np.arange(10) + 1) % 10, p, 30, names)
    texts = [axes.get_title() for axes in pictures(figure)]
    assert texts[0] == "T-shirt/top\n→ a name that…\n90.0%"
    assert_tidy(figure)


def test_no_mistake_is_said_in_words():
    figure = plotting.misclassified(np.zeros((2, 4, 4)), [1, 2], probabilities([1, 2], [0.9, 0.9]))
    assert heading(figure) == "0 errors in 2 images"
    assert "no mistake to show" in figure.texts[1].get_text()
    assert figure.axes == []
    assert_tidy(figure)


@pytest.mark.parametrize(
    ("images", "y", "p", "error", "says"),
    [
        (
            np.zeros((2, 4)),
            [0, 1],
            np.eye(2),
            ShapeError,
            r"images must have the shape \(N, H, W\)",
        ),
        (np.zeros((2, 2, 4, 4)), [0, 1], np.eye(2), ShapeError, "Move the channels to the end"),
        (np.zeros((0, 4, 4)), [0, 1], np.eye(2), ShapeError, "not empty"),
        (np.zeros((3, 4, 4)), [0, 1], np.eye(2), ShapeError, "images 3, y_true 2"),
        (np.zeros((2, 4, 4)), [0, 1, 1], np.eye(2), ShapeError, "y_true 3, probabilities 2"),
        (np.zeros((2, 4, 4)), [0, 1], [0.5, 0.5], ShapeError, r"probabilities .* \(N, C\)"),
        (np.zeros((2, 4, 4)), [0, 1], [[3.0, -1], [0, 1]], ValueError, "softmax"),
        (np.zeros((2, 4, 4)), [0, 1], [[np.nan, 1], [0, 1]], ValueError, "must be finite"),
        (np.zeros((2, 4, 4)), [0, 2], np.eye(2), ValueError, "whole numbers from 0 to 1, got 2"),
        (np.zeros((2, 4, 4)), [0, -1], np.eye(2), ValueError, "got -1"),
        (np.zeros((2, 4, 4)), [0, 0.5], np.eye(2), ValueError, "got 0.5"),
        (np.zeros((2, 4, 4)), ["a", "b"], np.eye(2), DTypeError, "y_true must be numbers"),
        (np.zeros((2, 4, 4)), np.eye(3)[:2], np.eye(2), ShapeError, "must have 2 columns"),
    ],
)
def test_bad_mistakes(images, y, p, error, says):
    with pytest.raises(error, match=says):
        plotting.misclassified(images, y, p)


@pytest.mark.parametrize("limit", [0, -3, 2.5, "all"])
def test_bad_limits(limit):
    for draw in (
        lambda: plotting.sample_grid(np.zeros((2, 4, 4)), [0, 1], limit=limit),
        lambda: plotting.misclassified(np.zeros((2, 4, 4)), [0, 1], np.eye(2), limit=limit),
        lambda: plotting.filters(np.zeros((3, 3, 1, 2)), limit=limit),
        lambda: plotting.feature_maps(np.zeros((3, 3, 2)), limit=limit),
    ):
        with pytest.raises(ValueError, match="limit must be a whole number >= 1"):
            draw()


def test_wrong_number_of_class_names():
    with pytest.raises(ShapeError, match="one name for each of 2 classes, got 3"):
        plotting.misclassified(np.zeros((2, 4, 4)), [0, 1], np.eye(2), class_names=["a", "b", "c"])


# confusion


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_counts_equal_a_plain_loop(pairs):
    expected = np.zeros((4, 4), int)
    for true, predicted in pairs:
        expected[true, predicted] += 1
    y_true, y_pred = np.array(pairs).T
    counts = plotting.confusion_counts(y_true, y_pred, 4)
    np.testing.assert_array_equal(counts, expected)
    assert counts.dtype == np.int64
    one_hot = plotting.confusion_counts(np.eye(4)[y_true], np.eye(4, dtype="f")[y_pred], 4)
    np.testing.assert_array_equal(one_hot, expected)
    column = plotting.confusion_counts(y_true[:, None].astype(np.uint8), y_pred.astype(float), 4)
    np.testing.assert_array_equal(column, expected)


def test_bad_counts():
    with pytest.raises(ShapeError, match="y_true 2, y_pred 3"):
        plotting.confusion_counts([0, 1], [0, 1, 1], 2)
    with pytest.raises(ValueError, match="y_pred must be whole numbers from 0 to 1, got 2"):
        plotting.confusion_counts([0, 1], [0, 2], 2)
    with pytest.raises(ShapeError, match="not empty"):
        plotting.confusion_counts([], [], 2)


def test_matrix_shows_counts_names_and_errors_but_hides_the_diagonal_from_the_colours():
    y_true = np.repeat(np.arange(10), 1000)
    y_pred = y_true.copy()
    y_pred[:7] = 3
    y_pred[1000:1002] = 9
    figure = plotting.confusion_matrix(y_true, np.eye(10)[y_pred])
    (axes,) = figure.axes
    cells = {t.get_position(): t for t in axes.texts}
    assert cells[(3, 0)].get_text() == "7"  # x is the predicted class, y the true one
    assert cells[(9, 1)].get_text() == "2"
    assert cells[(2, 2)].get_text() == "1,000"
    shades = axes.images[0].get_array()
    assert np.array_equal(np.ma.getmaskarray(shades), np.eye(10, dtype=bool))
    assert axes.images[0].get_clim() == (0, 7)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted digit", "true digit")
    assert [t.get_text() for t in axes.get_yticklabels()] == list("0123456789")
    rates = [t.get_text() for t in axes.texts if t.get_text().endswith("%")]
    assert rates == ["0.7%", "0.2%", *["0.0%"] * 8]
    assert heading(figure) == "0.09% error: 9 of 10,000 wrong"
    assert_tidy(figure)


def test_matrix_with_names_without_mistakes_and_with_absent_classes():
    figure = plotting.confusion_matrix([0, 1], [0, 1], NAMES)
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_xticklabels()] == NAMES
    assert axes.get_ylabel() == "true class"
    assert [t.get_text() for t in axes.texts].count("none") == 8  # nothing to be wrong about
    assert heading(figure) == "0.00% error: 0 of 2 wrong"
    figure.canvas.draw()


@pytest.mark.parametrize("n", [1, 2, 14, 60])
def test_matrix_of_other_sizes(n):
    rng = np.random.default_rng(n)
    y = np.r_[np.arange(n), rng.integers(0, n, 300)]
    figure = plotting.confusion_matrix(y, np.where(rng.random(len(y)) < 0.2, y[::-1], y))
    assert (len(figure.axes[0].texts) > 0) == (n <= 30)
    assert_tidy(figure)


def test_bad_matrices():
    with pytest.raises(ShapeError, match="y_true 2, y_pred 1"):
        plotting.confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match="whole numbers from 0 to 1, got 2"):
        plotting.confusion_matrix([0, 2], [0, 1], ["cat", "dog"])
    with pytest.raises(ValueError, match="whole numbers from 0 to 999"):
        plotting.confusion_matrix([0, 10**12], [0, 1])
