"""How a network learned: loss and error, epoch by epoch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from numcnn.errors import DTypeError
from numcnn.plotting.check import Array, as_curve
from numcnn.plotting.style import (
    CURVES,
    FAINT,
    INK,
    MARGIN,
    MUTED,
    SMALL,
    TEXT,
    WIDTH,
    count_text,
    new_axes,
    new_figure,
    value_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learning_curves(history: object, title: str | None = None) -> "Figure":
    """Draw loss and error per epoch, training and validation.

    The error, 100 - 100 * accuracy in percent, is drawn because 99.1 and 99.3 percent accuracy look
    alike where 0.9 and 0.7 percent error do not. A panel whose values span more than a factor of
    ten has a logarithmic scale and says so. NaN and infinity leave a gap.

    Args:
        history: what `fit` returned, or its dict such as `{"loss": [...], "val_accuracy": [...]}`.
        title: text above the panels; by default the last value reached.

    Returns:
        A figure with one panel for the loss, one for the error, or both.

    Raises:
        ValueError: the history is empty, or an accuracy is not in 0..1.

    Example:
        >>> figure = learning_curves({"loss": [0.31, 0.08], "accuracy": [0.91, 0.98]})
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['loss', 'error in %']
    """
    logs = getattr(history, "history", history)
    if not isinstance(logs, Mapping):
        raise DTypeError(
            f"history must be a dict of lists or what fit returned, got {type(history).__name__}."
        )
    names = [str(name).removeprefix("val_") for name in logs]
    candidates = ["accuracy", "acc", *(name for name in names if name.endswith("accuracy"))]
    accuracy = next((name for name in candidates if name in names), "accuracy")
    panels: dict[str, dict[str, Array]] = {}
    for label, base in (("loss", "loss"), ("error in %", accuracy)):
        for kind, key in (("training", base), ("validation", f"val_{base}")):
            if np.size(logs.get(key, ())):
                curve = as_curve(key, logs[key], accuracy=label != "loss")
                panels.setdefault(label, {})[kind] = curve
    if not panels:
        raise ValueError(
            "history must hold 'loss' or 'accuracy' for at least one epoch, "
            f"got {dict(logs) or 'an empty history'}. Call fit with epochs >= 1 first."
        )
    epochs = max(len(y) for curves in panels.values() for y in curves.values())
    label, (kind, y) = [(k, curve) for k, curves in panels.items() for curve in curves.items()][-1]
    reached = f"{kind.capitalize()} {label.split()[0]} {value_text(y[-1], label)}"
    figure = new_figure(3.5, title or f"{reached} after {count_text(len(y), 'epoch')}")
    room = (WIDTH - 2 * MARGIN) / len(panels)  # ticks at the left of a panel, labels at its right
    for i, (label, curves) in enumerate(panels.items()):
        axes = new_axes(figure, MARGIN + i * room + 0.65, 0.6, room - 1.7, 2.85)
        _draw_curves(axes, curves, epochs, label)
    return figure


def _draw_curves(axes: "Axes", curves: dict[str, Array], epochs: int, label: str) -> None:
    """Draw one panel: its curves, and at the right end of each its name and last number."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    for kind, y in curves.items():
        color, style, marker, fill = CURVES[kind]
        seen = np.isfinite(np.concatenate(([np.nan], y, [np.nan])))
        alone = seen[1:-1] & ~seen[:-2] & ~seen[2:]  # no line reaches them, so a marker must
        marks = seen[1:-1] if epochs <= 30 else alone
        axes.plot(
            np.arange(1, len(y) + 1), y, style, color=color, lw=2, label=kind, clip_on=False,
            marker=marker, ms=5, mfc=fill, markevery=np.flatnonzero(marks).tolist(),
        )  # fmt: skip
    values = np.concatenate(list(curves.values()))
    values = values[np.isfinite(values)]
    axes.set_xlim(1 - (0.04 * (epochs - 1) or 0.5), epochs + 0.5 * (epochs == 1))
    ticks = MaxNLocator(6, integer=True).tick_values(1, epochs)
    axes.set_xticks([t for t in ticks if 1 <= t <= epochs and t == int(t)])
    if len(values) == 0:
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set_yticks([])
    elif values.min() > 0 and values.max() > 10 * values.min():
        axes.set_yscale("log")
        steps = (1, 2, 5) if values.max() < 200 * values.min() else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=steps))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        label += " (log scale)"
    elif values.min() >= 0:
        axes.set_ylim(0, 1.08 * values.max() or 1.0)
    axes.set_xlabel("epoch", fontsize=TEXT, color=MUTED)
    axes.set_ylabel(label, fontsize=TEXT, color=MUTED)
    axes.tick_params(labelsize=SMALL, color=FAINT, labelcolor=INK)
    axes.grid(axis="y", color=FAINT, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    ends = []
    for kind, y in curves.items():
        for last in y[np.isfinite(y)][-1:]:
            pixel = axes.transData.transform((1, last))
            ends.append((float(axes.transAxes.inverted().transform(pixel)[1]), kind, last))
    ends.sort()
    places = [place for place, _, _ in ends]
    if len(ends) == 2 and places[1] - places[0] < 0.16:  # two lines of text are nearly this high
        middle = min(max(sum(places) / 2, 0.08), 0.92)
        places = [middle - 0.08, middle + 0.08]
    for place, (_, kind, last) in zip(places, ends, strict=True):
        axes.annotate(
            f"{kind}\n{value_text(last, label)}",
            *((1, place), (9, 0), "axes fraction", "offset points"),
            va="center", color=CURVES[kind][0], size=SMALL, linespacing=1.1, annotation_clip=False,
        )  # fmt: skip
