"""The pictures: what is drawn, that it is tidy, and that bad input is explained."""

import io
import os
import pickle
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from tidy import assert_tidy

from numcnn import plotting
from numcnn.errors import DTypeError, ShapeError

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker"]
NAMES += ["Bag", "Ankle boot"]
HISTORY = {
    "loss": [0.31, 0.09, 0.05],
    "accuracy": [0.90, 0.97, 0.985],
    "val_loss": [0.12, 0.07, 0.06],
    "val_accuracy": [0.96, 0.98, 0.98],
}


def heading(figure):
    return figure.texts[0].get_text().replace("\n", " ")


def pictures(figure):
    return [axes for axes in figure.axes if axes.images]


def probabilities(classes, confidence, n_classes=10):
    p = np.full((len(classes), n_classes), 0.0)
    rest = (1 - np.asarray(confidence)) / (n_classes - 1)
    p[:] = rest[:, None]
    p[np.arange(len(classes)), classes] = confidence
    return p


# learning_curves


def test_curves_draw_loss_and_error_of_training_and_validation():
    figure = plotting.learning_curves(HISTORY)
    loss, error = figure.axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), HISTORY["loss"])
    np.testing.assert_allclose(error.lines[0].get_ydata(), [10, 3, 1.5])
    np.testing.assert_allclose(error.lines[1].get_ydata(), [4, 2, 2])
    assert [line.get_linestyle() for line in error.lines] == ["-", "--"]
    assert len({to_hex(line.get_color()) for line in error.lines}) == 2
    assert sorted(t.get_text() for t in error.texts) == ["training\n1.50%", "validation\n2.00%"]
    assert heading(figure) == "Validation error 2.00% after 3 epochs"
    assert_tidy(figure)


def test_curves_accept_what_fit_returns_and_old_names():
    history = SimpleNamespace(history={"acc": [0.5], "val_acc": [0.75], "lr": [0.1]})
    figure = plotting.learning_curves(history, title="Mine costs $5 and $6")
    (axes,) = figure.axes
    assert [line.get_ydata()[0] for line in axes.lines] == [50, 25]
    assert heading(figure) == "Mine costs $5 and $6"
    assert_tidy(figure)


def test_curves_prefer_plain_accuracy():
    history = {"top_5_accuracy": [1.0, 1.0], "accuracy": [0.5, 0.6]}
    (axes,) = plotting.learning_curves(history).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [50, 40])


def test_one_epoch_is_a_marker_at_tick_1():
    figure = plotting.learning_curves({k: v[:1] for k, v in HISTORY.items()})
    for axes in figure.axes:
        assert list(axes.get_xticks()) == [1]
        for line in axes.lines:
            assert line.get_marker() not in ("", "None", None)
            assert list(line.get_markevery()) == [0]
    assert "after 1 epoch" in heading(figure)
    assert_tidy(figure)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 12, 100, 1000])
def test_epoch_ticks_are_whole_and_inside(epochs):
    (axes,) = plotting.learning_curves({"loss": [1.0] * epochs}).axes
    ticks = axes.get_xticks()
    assert 1 <= len(ticks) <= 8
    assert all(t == int(t) and 1 <= t <= epochs for t in ticks)


def test_nan_and_infinity_leave_gaps_and_lonely_points_a_marker():
    loss = [1.0] * 50
    loss[10], loss[12], loss[20] = float("nan"), float("inf"), None
    figure = plotting.learning_curves({"loss": loss})
    (line,) = figure.axes[0].lines
    assert list(np.flatnonzero(np.isnan(line.get_ydata()))) == [10, 12, 20]
    assert list(line.get_markevery()) == [11]
    assert_tidy(figure)


def test_a_loss_that_was_never_finite_is_said_in_words():
    figure = plotting.learning_curves({"loss": [float("nan")] * 3})
    assert [t.get_text() for t in figure.axes[0].texts] == ["no finite value"]
    assert heading(figure) == "Training loss not finite after 3 epochs"
    assert_tidy(figure)


def test_wide_ranges_get_a_log_scale_that_says_so():
    loss, error = plotting.learning_curves(
        {"loss": [2.0, 0.2, 0.02], "accuracy": [0.98, 0.99, 0.99]}
    ).axes
    assert (loss.get_yscale(), loss.get_ylabel()) == ("log", "loss (log scale)")
    assert (error.get_yscale(), error.get_ylabel()) == ("linear", "error in %")
    assert error.get_ylim()[0] == 0


def test_perfect_accuracy_and_negative_loss_can_be_drawn():
    figure = plotting.learning_curves({"loss": [-1.0, -2.0], "accuracy": [1.0, 1.0]})
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "linear"]
    assert figure.axes[0].texts[0].get_text() == "training\n−2"
    assert_tidy(figure)


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
)
def test_labels_at_the_ends_never_collide(training, validation):
    assert_tidy(plotting.learning_curves({"accuracy": training, "val_accuracy": validation}))


@pytest.mark.parametrize("history", [{}, {"loss": []}, {"lr": [0.1]}, SimpleNamespace(history={})])
def test_empty_history_says_what_to_do(history):
    with pytest.raises(ValueError, match="Call fit with epochs >= 1"):
        plotting.learning_curves(history)


def test_bad_histories():
    with pytest.raises(DTypeError, match="history must be a dict of lists"):
        plotting.learning_curves([1, 2])
    with pytest.raises(ShapeError, match="one number per epoch"):
        plotting.learning_curves({"loss": "low"})
    with pytest.raises(ShapeError, match="one number per epoch"):
        plotting.learning_curves({"loss": 0.5})
    with pytest.raises(ValueError, match=r"between 0 and 1.*Divide percents by 100"):
        plotting.learning_curves({"accuracy": [98.5]})


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


# filters and feature maps


def test_filters_share_one_scale_with_zero_in_the_middle():
    w = np.random.default_rng(0).normal(size=(3, 5, 1, 20)).astype(np.float32)
    figure = plotting.filters(w)
    tiles = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 21
    most = np.abs(w).max()
    for i, axes in enumerate(tiles[:20]):
        np.testing.assert_allclose(axes.images[0].get_array(), w[:, :, 0, i])
        np.testing.assert_allclose(axes.images[0].get_clim(), (-most, most))
    middle = tiles[0].images[0].cmap(0.5)
    np.testing.assert_allclose(middle, (1, 1, 1, 1), atol=0.01)
    assert heading(figure) == "20 filters of 3 × 5"
    assert [t.get_text() for t in figure.axes[-1].get_yticklabels()][1] == "0"
    assert_tidy(figure)


def test_filters_in_colour_and_of_many_channels():
    w = np.zeros((3, 3, 3, 2))
    w[0, 0, 0, 0], w[0, 0, 1, 0] = 2.0, -2.0
    figure = plotting.filters(w)
    picture = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(picture[0, 0], (1, 0, 0.5))
    np.testing.assert_allclose(picture[1, 1], 0.5)
    assert_tidy(figure)
    figure = plotting.filters(np.ones((3, 3, 32, 70)))
    assert heading(figure) == "64 of 70 filters of 3 × 3, channel 0 of 32"
    assert len(figure.axes) == 65


def test_filters_of_zeros():
    figure = plotting.filters(np.zeros((3, 3, 1, 1)))
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    assert heading(figure) == "1 filter of 3 × 3"
    assert_tidy(figure)


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 1), (3, 3, 1, 0)])
def test_bad_filters(shape):
    with pytest.raises(ShapeError, match=r"w must have the shape \(KH, KW, C, F\)"):
        plotting.filters(np.zeros(shape))


def test_filters_of_a_diverged_model():
    with pytest.raises(ValueError, match="smaller learning rate"):
        plotting.filters(np.full((3, 3, 1, 2), np.nan))


def test_feature_maps():
    maps = np.maximum(np.random.default_rng(0).normal(size=(6, 5, 40)), 0).astype(np.float32)
    maps[:, :, 3] = 0
    figure = plotting.feature_maps(maps)
    assert heading(figure) == "32 of 40 feature maps of 6 × 5, 1 of them zero everywhere"
    assert len(figure.axes) == 33
    assert figure.axes[0].images[0].get_clim()[0] == 0
    assert_tidy(figure)
    assert figure.texts[1].get_text() == "activations on one scale"
    figure = plotting.feature_maps(maps - 1, 3, "After the first layer", "differences")
    assert figure.texts[1].get_text() == "differences"
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high < 0
    assert heading(figure) == "After the first layer"
    assert_tidy(figure)
    with pytest.raises(ShapeError, match=r"of a batch pass maps\[0\]"):
        plotting.feature_maps(maps[None])


# sample_grid


def test_sample_grid():
    images = np.random.default_rng(0).integers(0, 256, (45, 6, 6), np.uint8)
    figure = plotting.sample_grid(images, np.arange(45) % 10)
    assert heading(figure) == "30 of 45 images"
    assert [axes.get_title() for axes in figure.axes] == [str(k % 10) for k in range(30)]
    assert_tidy(figure)
    figure = plotting.sample_grid(images[:9], np.eye(10)[:9], class_names=NAMES)
    assert [axes.get_title() for axes in figure.axes] == NAMES[:9]
    assert_tidy(figure)
    with pytest.raises(ShapeError, match="images 45, labels 2"):
        plotting.sample_grid(images, [1, 2])


def test_pictures_in_colour_and_of_any_range():
    colour = np.zeros((1, 2, 2, 3), np.uint8)
    colour[..., 1] = 255
    picture = plotting.sample_grid(colour, [0]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(picture[0, 0], (0, 1, 0))
    standardised = np.array([-2.0, 0, 1, 2]).reshape(1, 2, 2)
    picture = plotting.sample_grid(standardised, [0]).axes[0].images[0].get_array()
    np.testing.assert_allclose(np.ravel(picture), [0, 0.5, 0.75, 1])


# save


@pytest.fixture
def figure():
    return plotting.filters(np.ones((3, 3, 1, 2)))


@pytest.mark.parametrize("name", ["a.png", "B.PNG", "ä b.svg", "c.pdf"])
def test_save_writes_the_file_and_nothing_else(figure, tmp_path, name):
    assert plotting.save(figure, str(tmp_path / name)) == tmp_path / name
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).stat().st_size > 1000


def test_save_replaces_an_older_file_and_sets_its_size(figure, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    plotting.save(figure, path, dpi=100)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20]) == 800


def failing(*args, **kwargs):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_a_failed_save_keeps_the_old_file_and_leaves_no_other(figure, tmp_path, monkeypatch, where):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, where, failing)
    with pytest.raises(OSError, match="No space left on device"):
        plotting.save(figure, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]


def test_an_interrupted_save_leaves_nothing(figure, tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plotting.save(figure, tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_save_into_a_read_only_folder(figure, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="folder cannot be written to"):
        plotting.save(figure, tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_bad_paths(figure, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist.*no"):
        plotting.save(figure, tmp_path / "no" / "a.png")
    (tmp_path / "d.png").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        plotting.save(figure, tmp_path / "d.png")
    for name in ("a", "a.txt"):
        with pytest.raises(ValueError, match=r"must end in one of .*\.png.* Try a\.png"):
            plotting.save(figure, tmp_path / name)
    with pytest.raises(ValueError, match="dpi must be a positive number"):
        plotting.save(figure, tmp_path / "a.png", dpi=0)


# bars


@given(
    st.dictionaries(st.text("abcé $_", min_size=1, max_size=24), st.floats(0, 1e6), min_size=1),
    st.booleans(),
)
@settings(max_examples=10)
def test_any_bars_are_tidy(values, log):
    if log:
        values = {name: value + 1e-6 for name, value in values.items()}
    figure = plotting.bars(values, "bars", "ms", log, highlight=next(iter(values)))
    assert_tidy(figure)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == list(values.values())
    assert [label.get_text() for label in axes.get_yticklabels()] == list(values)
    colors = [to_hex(bar.get_facecolor()) for bar in axes.patches]
    assert colors[0] not in colors[1:]
    low, high = axes.get_xlim()
    assert low < min(values.values()) or not log
    assert low <= min(values.values()) <= max(values.values()) <= high


def test_bars_of_a_logarithmic_scale_stand_at_their_ratios():
    figure = plotting.bars({"a": 2.0, "b": 20.0, "c": 200.0}, "bars", log=True)
    (axes,) = figure.axes
    figure.canvas.draw()
    ends = [bar.get_window_extent().x1 for bar in axes.patches]
    assert ends[1] - ends[0] == pytest.approx(ends[2] - ends[1])
    assert figure.texts[1].get_text() == "logarithmic scale"


def test_bad_bars():
    with pytest.raises(DTypeError, match="must be a dict of numbers by name, got list"):
        plotting.bars([1.0], "bars")
    with pytest.raises(ShapeError, match="values must have the shape"):
        plotting.bars({}, "bars")
    with pytest.raises(ValueError, match="must be 0 or more, got -1"):
        plotting.bars({"a": -1.0}, "bars")
    with pytest.raises(ValueError, match="above 0 on a logarithmic scale, got 0"):
        plotting.bars({"a": 0.0}, "bars", log=True)
    with pytest.raises(ValueError, match="highlight must be one of a, b; got 'c'"):
        plotting.bars({"a": 1.0, "b": 2.0}, "bars", highlight="c")


# in a notebook


@pytest.mark.parametrize(
    "figure",
    [plotting.filters(np.ones((3, 3, 1, 8))), plotting.learning_curves(HISTORY)],
    ids=["tiles", "curves"],
)
def test_a_notebook_shows_figures_without_pyplot(figure):
    from matplotlib.image import imread

    png, shown = figure._repr_png_()
    pixels = imread(io.BytesIO(png)).shape[:2]
    assert pixels == pytest.approx((1.5 * shown["height"], 1.5 * shown["width"]), abs=2)
    assert shown["width"] == 800


def test_figures_can_be_pickled(figure):
    assert pickle.loads(pickle.dumps(figure))._repr_png_() == figure._repr_png_()


# no display, no global state


def test_matplotlib_comes_late_and_pyplot_never(tmp_path):
    program = f"""
import sys
from numcnn import plotting
assert not any(name.startswith("matplotlib") for name in sys.modules)
import numpy as np
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential
from numcnn.utils import plot_model
model, image = Sequential([Flatten(input_shape=(4, 4, 1)), Dense(2)]), np.ones((4, 4))
assert not any(name.startswith("matplotlib") for name in sys.modules)
figures = [
    plotting.architecture(model, image),
    plotting.activations(model, image),
    plotting.saliency(model, image),
    plotting.im2col(),
    plotting.max_pool_routing(),
    plotting.filters_over_time([np.ones((3, 3, 1, 2)), np.zeros((3, 3, 1, 2))]),
    plot_model(model, None),
    plotting.learning_curves({{"loss": [1, 0.5], "val_loss": [1, 0.01]}}),
    plotting.misclassified(np.zeros((1, 4, 4)), [0], np.array([[0.1, 0.9]])),
    plotting.confusion_matrix([0, 1], [1, 1]),
    plotting.filters(np.ones((3, 3, 1, 2))),
    plotting.feature_maps(np.ones((3, 3, 2))),
    plotting.sample_grid(np.zeros((1, 4, 4)), [0]),
    plotting.bars({{"a": 1.0}}, "bars"),
]
import matplotlib
before = matplotlib.rcParams.copy()
for figure in figures:
    assert type(figure.canvas).__name__ == "FigureCanvasAgg"
    plotting.save(figure, {str(tmp_path / "a.png")!r})
assert matplotlib.rcParams.copy() == before
assert "matplotlib.pyplot" not in sys.modules
"""
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
