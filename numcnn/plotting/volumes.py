"""A network drawn to scale: images as boxes, rows of numbers as columns."""

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numcnn import inspect
from numcnn.errors import DTypeError, NotCompiledError
from numcnn.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Reshape,
)
from numcnn.layers.names import ACTIVATIONS
from numcnn.plotting.check import Array
from numcnn.plotting.insight import channels_last, one_image
from numcnn.plotting.style import (
    BLUE,
    BROWN,
    INK,
    MARGIN,
    MUTED,
    ORANGE,
    SMALL,
    WIDTH,
    colour_map,
    count_text,
    new_axes,
    new_figure,
    text_width,
)
from numcnn.stack import Stack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FACE, DEPTH, COLUMN, DECADE = 1.1, 0.4, 0.17, 0.45  # inches at most
LINE, SPACE, CAPTIONS = 0.185, 0.14, 0.62
AMBER, PURPLE, GREY = "#e69f00", "#cc79a7", "#9a9a9a"
LONGEST = 19  # letters of a label


class Part(NamedTuple):
    """What is drawn of a layer: its output's size, and the words below it."""

    shape: tuple[int, ...]  # (H, W, C) of a volume, (n,) of a row of numbers
    colour: str
    words: tuple[str, str, str, str]  # what it is called, does, gives and learns
    window: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None  # size, strides, pads


def architecture(model: Stack, image: Any = None) -> "Figure":
    """Draw a network to scale, from what comes in to what goes out.

    An output of shape (H, W, C) is a box: its face is H high and W wide, its depth C. All faces of
    the picture have one scale and all depths another. A row of n numbers is a column that grows by
    the same length for each factor of ten, with a mark at 10, 100, ... The window of a convolution
    or a pool is drawn on the face that it slides over, with lines to the number that it makes.

    Args:
        model: a model that is built, of any layers.
        image: one image, as the model takes it; then the faces show it and the strongest feature
            map of each layer, and the columns show their numbers.

    Returns:
        A figure in as many rows as the layers need, with name, what it does, the shape of the
        output and the number of parameters below each layer.

    Raises:
        NotCompiledError: the model is not built. ShapeError: the image does not fit the model.

    Example:
        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential
        >>> figure = architecture(Sequential([Dense(10, activation="softmax", input_shape=(4,))]))
        >>> figure.texts[0].get_text()
        '1 layer, 50 parameters'
    """
    if not isinstance(model, Stack):
        raise DTypeError(
            f"architecture needs a model such as Sequential([...]), got {model!r:.80}."
        )
    if not model.built:
        raise NotCompiledError(
            "architecture needs a model that is built: give the first layer input_shape=(...), or "
            "call model.build((None, ...)) or fit first."
        )
    parts, numbers = _parts(model), None
    if image is not None:
        x = one_image(model, image)
        formats = inspect.data_formats(model)
        outputs = [x, *inspect.activations(model, x).values()]
        numbers = [channels_last(y[0], f) for y, f in zip(outputs, formats, strict=True)]
    for smaller in (1.0, 0.8, 1.0):  # smaller where that brings all into one row
        scales = _scales(parts, smaller)
        sizes = [_size(part, *scales) for part in parts]
        widths = [
            max(size[0], *(text_width(word, SMALL, i == 0) for i, word in enumerate(part.words)))
            for size, part in zip(sizes, parts, strict=True)
        ]
        rows = _wrap(widths, WIDTH - 2 * MARGIN - CAPTIONS)
        if len(rows) == 1:
            break
    heights = [max(sizes[i][1] for i in row) + 4 * LINE + 0.45 for row in rows]
    title = f"{count_text(len(model.layers), 'layer')}, "
    title += f"{count_text(model.count_params(), 'parameter')}"
    volumes = any(len(part.shape) == 3 for part in parts)
    columns = any(len(part.shape) == 1 for part in parts)
    notes = ["boxes to scale (height, width, channels)"] if volumes else []
    notes += ["columns by factors of ten"] if columns else []
    notes += ["faces: strongest maps"] if volumes and numbers is not None else []
    note = "; ".join(notes)
    figure = new_figure(sum(heights), title, note)
    body = sum(heights)
    axes = new_axes(figure, 0, 0, WIDTH, body)
    axes.set(xlim=(0, WIDTH), ylim=(0, body))
    axes.set_axis_off()
    top = body
    for row, height in zip(rows, heights, strict=True):
        room = WIDTH - 2 * MARGIN - CAPTIONS - sum(widths[i] for i in row)
        space = min(0.5, room / max(1, len(row) - 1)) if len(row) > 1 else 0
        words_at = top - height + 0.2 + 4 * LINE
        middle = words_at + 0.12 + (height - 4 * LINE - 0.45) / 2
        for line, caption in enumerate(("layer", "does", "gives", "learns")):
            _word(axes, MARGIN, words_at - line * LINE, caption, MUTED, ha="left")
        if row[0] > 0:  # it comes from the row above
            _arrow(axes, MARGIN, MARGIN + CAPTIONS - 0.2, middle)
        x0, places = MARGIN + CAPTIONS, {}
        for i in row:
            places[i] = x0 + widths[i] / 2
            x0 += widths[i] + space
        for i in row:
            at = (places[i] - sizes[i][0] / 2, middle - sizes[i][1] / 2)
            _draw(axes, parts[i], at, scales, None if numbers is None else numbers[i])
            for line, word in enumerate(parts[i].words):
                _word(axes, places[i], words_at - line * LINE, word, INK, bold=line == 0)
        for i, after in itertools.pairwise(row):
            ends = [(places[k] - sizes[k][0] / 2, middle - sizes[k][1] / 2) for k in (i, after)]
            if not _window(axes, parts[i], parts[after], ends[0], ends[1], scales[0]):
                start, end = ends[0][0] + sizes[i][0], ends[1][0]
                if end - start > 0.12:
                    _arrow(axes, start + 0.04, end - 0.04, middle)
        top -= height
    return figure


def _parts(model: Stack) -> list[Part]:
    """Return what is to be drawn: the input, then each layer."""
    formats = inspect.data_formats(model)
    first = _as_given(model.layers[0].built_for or (), formats[0])
    parts = [Part(first, GREY, ("input", "–", _sizes(first), "–"), None)]
    for i, layer in enumerate(model.layers):
        shape = _as_given(layer.sample_output_shape, formats[i + 1])
        count = layer.count_params()
        words = (
            _short(layer.name),
            _short(_does(layer)),
            _short(_sizes(layer.sample_output_shape if len(shape) == 1 else shape)),
            f"{count:,}" if count else "–",
        )
        parts.append(Part(shape, _colour(layer), words, _window_of(layer, parts[-1].shape)))
    return parts


def _as_given(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """Return (H, W, C) for a volume, (n,) for all else."""
    if len(shape) == 2:
        return (*shape, 1)
    if len(shape) != 3:
        return (math.prod(shape),)
    return (shape[1], shape[2], shape[0]) if layout == "channels_first" else shape


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(f"{size:,}" for size in shape)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _does(layer: Layer) -> str:
    """Return in a word or two what a layer does."""
    bend = getattr(layer, "activation", None)
    bend = activation_name(bend) if isinstance(bend, Layer) else ""
    bend = "" if bend == "linear" else bend
    words = [bend]
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if window is not None:
        strides = getattr(layer, "strides", (1, 1))
        far = f"/{strides[0]}" if "Conv" in type(layer).__name__ and max(strides) > 1 else ""
        pools = "mean" if "Average" in type(layer).__name__ else "max"
        pools = pools if hasattr(layer, "pool_size") else ""
        words = [f"{window[0]}×{window[1]}{far}", pools, bend]
    elif isinstance(layer, Dropout):
        words = [f"drops {100 * layer.rate:g}%"]
    elif isinstance(layer, Flatten):
        words = ["one row"]
    elif isinstance(layer, Reshape):
        words = ["reshapes"]
    elif "Global" in type(layer).__name__:
        words = ["global mean" if "A" in type(layer).__name__ else "global max"]
    elif isinstance(layer, BatchNormalization):
        words = ["mean 0, var 1"]
    elif not isinstance(layer, (Dense, Activation)):
        words = [type(layer).__name__]
    kind = type(layer).__name__
    named = kind.lower() in layer.name.replace("_", "").lower()  # the name says what it is
    if not (named or "Pool" in kind or isinstance(layer, (Flatten, Dropout, BatchNormalization))):
        words = [kind, *words]
    return " ".join(dict.fromkeys(word for word in words if word)) or "–"


def activation_name(activation: Layer) -> str:
    """Return the name that `activation=` takes, or that of the class where there is none."""
    names = (name for name, make in ACTIVATIONS.items() if type(make()) is type(activation))
    return next(names, type(activation).__name__)


def _colour(layer: Layer) -> str:
    if "Conv" in type(layer).__name__:
        return BLUE
    if "Pool" in type(layer).__name__:
        return AMBER
    return PURPLE if isinstance(layer, Dense) else GREY


def _window_of(layer: Any, before: tuple[int, ...]) -> Any:
    """Return (size, strides, zeros above and left) of the window that slides over the input."""
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    slides = hasattr(layer, "geometry") and "Transpose" not in type(layer).__name__
    if size is None or not slides or len(before) != 3:
        return None
    dilation = getattr(layer, "dilation_rate", (1, 1))
    spread = tuple(d * (k - 1) + 1 for d, k in zip(dilation, size, strict=True))
    _, pads = layer.geometry(before[0], before[1])
    return spread, layer.strides, (pads[0][0], pads[1][0])


def _scales(parts: list[Part], smaller: float) -> tuple[float, float, float]:
    """Return inches per pixel, per channel, and per factor of ten of a column."""
    volumes = [part.shape for part in parts if len(part.shape) == 3]
    pixels = max((max(shape[:2]) for shape in volumes), default=1)
    channels = max((shape[2] for shape in volumes), default=1)
    longest = max((part.shape[0] for part in parts if len(part.shape) == 1), default=1)
    decade = min(DECADE, 1.8 / max(1.0, math.log10(longest)))
    return smaller * FACE / pixels, smaller * min(0.02, DEPTH / channels), decade


def _size(part: Part, face: float, deep: float, decade: float) -> tuple[float, float]:
    """Return the width and height of the drawing in inches."""
    w, h, d = _lengths(part, face, deep, decade)
    return w + d, h + d


def _lengths(part: Part, face: float, deep: float, decade: float) -> tuple[float, float, float]:
    """Return width and height of the front and how far the box goes to the right and up."""
    if len(part.shape) == 3:
        h, w, c = part.shape
        return max(0.05, w * face), max(0.05, h * face), max(0.015, c * deep)
    return COLUMN, max(0.12, math.log10(part.shape[0]) * decade), 0.06


def _wrap(widths: list[float], room: float) -> list[list[int]]:
    """Return the parts row by row, as many in each as there is room for."""
    rows: list[list[int]] = [[]]
    for i, width in enumerate(widths):
        if rows[-1] and sum(widths[k] + SPACE for k in rows[-1]) + width > room:
            rows.append([])
        rows[-1].append(i)
    return rows


def _mixed(colour: str, white: float) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(white + (1 - white) * part for part in to_rgb(colour))


def _draw(
    axes: "Axes",
    part: Part,
    at: tuple[float, float],
    scales: tuple[float, float, float],
    numbers: Array | None,
) -> None:
    """Draw one box or column with its lower left corner at this place."""
    from matplotlib.patches import Polygon

    (x, y), (w, h, d), decade = at, _lengths(part, *scales), scales[2]
    edge: dict[str, Any] = {"ec": _mixed(part.colour, 0.0), "lw": 0.8, "joinstyle": "round"}
    front = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    top = [(x, y + h), (x + d, y + h + d), (x + w + d, y + h + d), (x + w, y + h)]
    side = [(x + w, y), (x + w + d, y + d), (x + w + d, y + h + d), (x + w, y + h)]
    for corners, white in ((front, 0.72), (top, 0.55), (side, 0.35)):
        axes.add_patch(Polygon(corners, fc=_mixed(part.colour, white), **edge))
    if numbers is not None:
        _show(axes, numbers, (x, x + w, y, y + h), part.words[0] == "input" and numbers.ndim == 3)
        axes.add_patch(Polygon(front, fill=False, **edge, zorder=2))
    if len(part.shape) == 1:
        for power in range(1, math.ceil(math.log10(max(part.shape[0], 1)) + 1e-9)):
            at_mark = y + power * decade
            if at_mark < y + h - 0.03:
                axes.plot([x, x + w], [at_mark] * 2, color="white", lw=2.5, solid_capstyle="butt")
                axes.plot([x, x + w], [at_mark] * 2, color=INK, lw=0.8, solid_capstyle="butt")


def _show(
    axes: "Axes", numbers: Array, extent: tuple[float, float, float, float], ink: bool
) -> None:
    """Show a layer's numbers on its front: of a volume the strongest map."""
    if numbers.ndim == 3:
        strongest = int(np.abs(numbers).max(axis=(0, 1)).argmax())
        numbers = numbers[:, :, strongest]
    else:
        numbers = numbers.reshape(-1, 1)
    most = float(np.abs(numbers).max()) or 1.0
    shades: Any = colour_map("white", ORANGE, BROWN)
    shades = "gray_r" if ink else colour_map(BLUE, "white", ORANGE) if numbers.min() < 0 else shades
    low = -most if numbers.min() < 0 and not ink else 0.0
    axes.imshow(numbers, cmap=shades, vmin=low, vmax=most, extent=extent, aspect="auto", zorder=1.5)
    axes.set(xlim=(0, axes.get_xlim()[1]))


def _window(
    axes: "Axes",
    before: Part,
    after: Part,
    a: tuple[float, float],
    b: tuple[float, float],
    face: float,
) -> bool:
    """Draw the window on the face before, and lines to the number that it makes."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    if after.window is None or len(before.shape) != 3:
        return False
    (kh, kw), (sh, sw), (above, left) = after.window
    row, column = after.shape[0] // 3, after.shape[1] // 2
    first = min(max(row * sh - above, 0), max(before.shape[0] - kh, 0))
    side = min(max(column * sw - left, 0), max(before.shape[1] - kw, 0))
    height = before.shape[0] * face
    x, y = a[0] + side * face, a[1] + height - first * face
    px = b[0] + (column + 0.5) * face
    py = b[1] + after.shape[0] * face - (row + 0.5) * face
    halo = [withStroke(linewidth=2.6, foreground="white")]  # seen on ink too
    style: dict[str, Any] = {"color": INK, "lw": 0.8, "zorder": 4, "path_effects": halo}
    for corner in (y, y - kh * face):
        axes.plot([x + kw * face, px], [corner, py], **style)
    frame = Rectangle((x, y - kh * face), kw * face, kh * face, fill=False, ec=INK, lw=1.3)
    frame.set(zorder=5, path_effects=halo)
    axes.add_patch(frame)
    axes.plot([px], [py], "o", color=INK, ms=2.5, zorder=5)
    return True


def _word(
    axes: "Axes", x: float, y: float, text: str, colour: str, bold: bool = False, ha: str = "center"
) -> None:
    weight = "bold" if bold else "normal"
    axes.text(
        x, y, text, color=colour, size=SMALL, weight=weight, ha=ha, va="top", parse_math=False
    )


def _arrow(axes: "Axes", start: float, end: float, y: float) -> None:
    style = {"arrowstyle": "-|>", "color": MUTED, "lw": 1.0, "mutation_scale": 9}
    style |= {"shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (end, y), (start, y), arrowprops=style)
