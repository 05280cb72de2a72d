"""How all pictures look: sizes, colours, titles, tiles; and how they are written to a file."""

import io
import math
import os
import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numcnn.errors import DTypeError
from numcnn.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# The style. Lengths are inches, text sizes are points.
WIDTH, MARGIN, GAP, LARGEST_TILE = 8.0, 0.3, 0.12, 1.6
TITLE, TEXT, SMALL = 14, 11, 10
INK, MUTED, FAINT = "#222222", "#5a5a5a", "#d4d4d4"
BLUE, ORANGE, BROWN = "#0072b2", "#d55e00", "#7f3300"
CURVES = {  # name: colour, line style, marker, marker fill
    "training": (BLUE, "-", "o", BLUE),
    "validation": (ORANGE, "--", "s", "white"),
}


def empty_figure(width: float, height: float) -> "Figure":
    """Return a white figure of so many inches that needs no display and shows in a notebook."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    vars(figure)["_repr_png_"] = partial(notebook_png, figure)  # the name a notebook looks for
    return figure


def new_figure(body: float, title: str, note: str = "") -> "Figure":
    """Return a figure with a title and a note, and below them a body of that many inches."""
    lines = textwrap.wrap(title, 62) or [""]
    head = 0.22 + 0.26 * len(lines) + (0.3 if note else 0.08)
    figure = empty_figure(WIDTH, body + head)
    style: dict[str, Any] = {"ha": "left", "va": "top", "parse_math": False}
    x, top = MARGIN / WIDTH, 1 - 0.18 / (body + head)
    figure.text(x, top, "\n".join(lines), fontsize=TITLE, weight="bold", color=INK, **style)
    top -= (0.26 * len(lines) + 0.04) / (body + head)
    if note:
        figure.text(x, top, note, fontsize=SMALL, color=MUTED, **style)
    return figure


def notebook_png(figure: "Figure") -> tuple[bytes, dict[str, int]]:
    """Return a figure as a notebook shows it: a PNG, and the size to show it at in pixels.

    Jupyter shows a matplotlib figure by itself only once pyplot has been imported. These show
    without, with more dots than the size asks for, so that text stays sharp.
    """
    width, height = figure.get_size_inches()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150)
    return file.getvalue(), {"width": round(100 * width), "height": round(100 * height)}


def new_axes(figure: "Figure", left: float, bottom: float, width: float, height: float) -> "Axes":
    """Add axes whose place is given in inches."""
    w, h = figure.get_size_inches()
    return figure.add_axes((left / w, bottom / h, width / w, height / h))


def colour_map(*names: str) -> "Colormap":
    """Return a colour map that runs through these colours."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("numcnn", names).with_extremes(bad="#e4e4e4")


def tiled_figure(
    count: int, columns: int, above: float, title: str, note: str, right: float = 0.0
) -> "tuple[Figure, list[Axes]]":
    """Return a figure and `count` square axes in rows, with `above` inches for text over each."""
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)
    step = min(LARGEST_TILE, (WIDTH - 2 * MARGIN + GAP - right) / columns)
    figure = new_figure(rows * (step + above) + MARGIN - GAP, title, note)
    places = [
        (MARGIN + i % columns * step, MARGIN + (rows - 1 - i // columns) * (step + above))
        for i in range(count)
    ]
    tiles = [new_axes(figure, x, y, step - GAP, step - GAP) for x, y in places]
    for axes in tiles:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(FAINT)
    return figure, tiles


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how many inches a text is wide."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72 * 1.02  # on the screen letters stand at whole pixels


def count_text(n: int, noun: str, shown: int | None = None) -> str:
    """Return a count with its noun, and how many of them are shown."""
    some = "" if shown in (None, n) else f"{shown:,} of "
    return f"{some}{n:,} {noun}" + "s" * (n != 1)


def value_text(x: float, label: str = "") -> str:
    """Return a number as it stands beside a curve."""
    if not math.isfinite(x):
        return "not finite"
    return f"{x:.2f}%" if "%" in label else f"{x:.3g}".replace("-", "−")


def percent_text(p: float) -> str:
    """Return a probability in percent; one that is nearly 0 or 1 is not rounded to it."""
    return f"{100 * p:.1f}%" if 0.0005 <= p < 0.9995 else ">99.9%" if p > 0.5 else "<0.1%"


def save(figure: "Figure", path: str | os.PathLike[str], dpi: float = 150) -> Path:
    """Write a figure to a file, whole or not at all.

    Args:
        figure: what a function of this module returned, or any matplotlib figure.
        path: where to; the suffix chooses the format: .png, .svg, .pdf, ...
        dpi: pixels per inch; 150 makes a picture 1200 pixels wide.

    Returns:
        The path of the file.

    Raises:
        ValueError: matplotlib cannot write that format, or dpi is not positive.
        OSError: the folder does not exist or cannot be written; an older file is left as it was.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from numcnn.plotting import filters
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(filters(np.ones((3, 3, 1, 8))), f"{folder}/filters.png").name
        'filters.png'
    """
    if not hasattr(figure, "savefig"):
        raise DTypeError(
            f"figure must be what a function of numcnn.plotting returns, got {figure!r}."
        )
    path = Path(path)
    kinds = figure.canvas.get_supported_filetypes()
    kind = path.suffix.removeprefix(".").lower()
    if kind not in kinds:
        raise ValueError(
            f"the file's name must end in one of {', '.join('.' + k for k in sorted(kinds))}, "
            f"got {path.name!r}. Try {path.stem or 'figure'}.png."
        )
    if not dpi > 0:
        raise ValueError(f"dpi must be a positive number, got {dpi!r}. Try dpi=150.")
    with atomic_write(path) as file:
        figure.savefig(file, format=kind, dpi=dpi)
    return path
