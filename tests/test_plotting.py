"""Curves and bars: what is drawn, that it is tidy, and that bad input is explained."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from plotted import HISTORY, heading
from tidy import assert_tidy

from numcnn import plotting
from numcnn.errors import DTypeError, ShapeError

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


# bars


@given(
    st.dictionaries(st.text("abcé $_", min_size=1, max_size=24), st.floats(0, 1e6), min_size=1),
    st.booleans(),
)
@example({"________________": 209490.0}, False)
@example({"a": 1e11}, False)
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
