"""Numbers with names, side by side."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from numcnn.errors import DTypeError
from numcnn.plotting.check import as_array
from numcnn.plotting.style import (
    BLUE,
    FAINT,
    INK,
    MARGIN,
    MUTED,
    ORANGE,
    SMALL,
    TEXT,
    WIDTH,
    new_axes,
    new_figure,
    value_text,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def bars(
    values: Mapping[str, float],
    title: str,
    unit: str = "",
    log: bool = False,
    highlight: str | None = None,
) -> "Figure":
    """Draw one horizontal bar per name, with its number at the end.

    Args:
        values: what to draw by name, from the top down; not negative, and above 0 with `log`.
        title: text above.
        unit: what stands behind the numbers, such as 'ms'.
        log: a logarithmic scale, where equal steps are equal ratios. A bar's length then says
            nothing by itself, only how far its end lies from another's.
        highlight: the name of a bar in the other colour, marked with an arrow.

    Returns:
        A figure with the bars.

    Raises:
        ValueError: a number is negative, or 0 on a logarithmic scale; `highlight` is not a name.

    Example:
        >>> figure = bars({"loops": 900.0, "NumPy": 4.5}, "One convolution", "ms", log=True)
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['900 ms', '4.5 ms']
    """
    if not isinstance(values, Mapping):
        raise DTypeError(f"values must be a dict of numbers by name, got {type(values).__name__}.")
    numbers = as_array("values", list(values.values()), (1,), "one number per name")
    names = [str(name) for name in values]
    if numbers.min() < 0 or (log and numbers.min() == 0):
        least = "above 0 on a logarithmic scale" if log else "0 or more"
        raise ValueError(f"values must be {least}, got {numbers.min():g}.")
    if highlight is not None and highlight not in names:
        raise ValueError(f"highlight must be one of {', '.join(names)}; got {highlight!r}.")
    left = MARGIN + 0.15 + 0.095 * max(map(len, names))
    height = 0.34 * len(names)
    figure = new_figure(height + 0.75, title, "logarithmic scale" if log else "")
    width = WIDTH - left - 1.5
    axes = new_axes(figure, left, 0.6, width, height)
    colors = [ORANGE if name == highlight else BLUE for name in names]
    axes.barh(range(len(names)), numbers, color=colors, height=0.7)
    for i, number in enumerate(numbers):
        mark = " ←" if names[i] == highlight else ""
        short = f"{number:,.0f}" if 1e3 <= number < 1e8 else value_text(float(number))
        text = f"{short} {unit}".rstrip() + mark
        axes.annotate(
            text, (number, i), (5, 0), textcoords="offset points", va="center",
            fontsize=TEXT, color=INK, parse_math=False, annotation_clip=False,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    if log:
        axes.set_xscale("log")
        low = math.floor(math.log10(numbers.min()) - 0.15)
        high = max(math.ceil(math.log10(numbers.max())), low + 1)
        axes.set_xlim(10.0**low, 10.0**high)
        axes.set_xticks([10.0**i for i in range(low, high + 1, 1 + (high - low) // 8)])
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        axes.grid(axis="x", color=FAINT)
        axes.set_axisbelow(True)
    else:
        axes.set_xlim(0, 1.02 * float(numbers.max()) or 1.0)
        axes.locator_params(axis="x", nbins=min(9, max(1, int(width / 0.6))))  # inches per label
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.tick_params(axis="y", length=0, labelsize=TEXT, labelcolor=INK)
    axes.tick_params(axis="x", labelsize=SMALL, labelcolor=INK, color=FAINT)
    axes.set_xlabel(unit, fontsize=TEXT, color=MUTED)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    return figure
