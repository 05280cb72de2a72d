"""Pictures of a network: how it learned, what it sees, and where it is wrong.

Every drawing function returns a `matplotlib.figure.Figure` to show or to `save`. Nothing here uses
pyplot, a display or global state, and matplotlib is imported only when a picture is drawn.

All figures are WIDTH inches wide, so text keeps one size when a page shows them side by side. Two
colours that a colour-blind reader can tell apart carry meaning, and line style or words repeat it.
"""

import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError
from numcnn.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]
Labels = Array | Sequence[int]

# The style. Lengths are inches, text sizes are points.
WIDTH, MARGIN, GAP, LARGEST_TILE = 8.0, 0.3, 0.12, 1.6
TITLE, TEXT, SMALL = 14, 11, 10
INK, MUTED, FAINT = "#222222", "#5a5a5a", "#d4d4d4"
BLUE, ORANGE, BROWN = "#0072b2", "#d55e00", "#7f3300"
CURVES = {  # name: colour, line style, marker, marker fill
    "training": (BLUE, "-", "o", BLUE),
    "validation": (ORANGE, "--", "s", "white"),
}


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
                curve = _curve(key, logs[key], accuracy=label != "loss")
                panels.setdefault(label, {})[kind] = curve
    if not panels:
        raise ValueError(
            "history must hold 'loss' or 'accuracy' for at least one epoch, "
            f"got {dict(logs) or 'an empty history'}. Call fit with epochs >= 1 first."
        )
    epochs = max(len(y) for curves in panels.values() for y in curves.values())
    label, (kind, y) = [(k, curve) for k, curves in panels.items() for curve in curves.items()][-1]
    reached = f"{kind.capitalize()} {label.split()[0]} {_value(y[-1], label)}"
    figure = _figure(3.5, title or f"{reached} after {_count(len(y), 'epoch')}")
    room = (WIDTH - 2 * MARGIN) / len(panels)  # ticks at the left of a panel, labels at its right
    for i, (label, curves) in enumerate(panels.items()):
        axes = _axes(figure, MARGIN + i * room + 0.65, 0.6, room - 1.7, 2.85)
        _draw_curves(axes, curves, epochs, label)
    return figure


def misclassified(
    images: Array,
    y_true: Labels,
    probabilities: Array,
    limit: int = 30,
    class_names: Sequence[str] | None = None,
) -> "Figure":
    """Draw the images that the model gets wrong, the most confident mistakes first.

    Args:
        images: (N, H, W), (N, H, W, 1) or (N, H, W, 3), uint8 or float.
        y_true: the true classes, N integers or (N, C) one-hot.
        probabilities: (N, C), what `model.predict(images)` returned.
        limit: the largest number of images to draw.
        class_names: C names; by default the class numbers.

    Returns:
        A figure with one small image per mistake; it says so where there is none.

    Raises:
        ShapeError: the arrays do not fit each other.
        ValueError: a label or a probability is out of range.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.8, 0.2]])
        >>> figure = misclassified(np.zeros((2, 28, 28)), [0, 1], p)
        >>> print(figure.texts[0].get_text(), "|", figure.axes[0].get_title().splitlines())
        1 error in 2 images | ['1 → 0', '80.0%']
    """
    images, p = _images(images), _array("probabilities", probabilities, (2,), "(N, C)")
    if p.min() < -1e-3 or p.max() > 1 + 1e-3:
        raise ValueError(
            f"probabilities must lie between 0 and 1, got {p.min():g} to {p.max():g}. "
            "End the model with a softmax, or apply one to its output."
        )
    truth = _labels("y_true", y_true, p.shape[1])
    _same_length(images=images, y_true=truth, probabilities=p)
    names = _names(class_names, p.shape[1])
    guess, confidence = p.argmax(axis=1), p.max(axis=1)
    wrong = np.flatnonzero(guess != truth)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    shown = wrong[: _limit(limit)]
    title = f"{_count(len(wrong), 'error', len(shown))} in {_count(len(truth), 'image')}"
    if len(wrong) == 0:
        figure = _figure(0.5, title)
        text = "The model classifies every image correctly: there is no mistake to show."
        figure.text(MARGIN / WIDTH, 0.3, text, fontsize=TEXT, color=MUTED)
        return figure
    long = max(map(len, names)) > 2
    texts = []
    for i in shown:
        t, g = names[truth[i]], names[guess[i]]
        chance = f"{100 * confidence[i]:.1f}%" if confidence[i] < 0.9995 else ">99.9%"
        texts.append(f"{t}\n→ {g}\n{chance}" if long else f"{t} → {g}\n{chance}")
    note = "true class → predicted class, with its probability; the surest mistakes first"
    return _gallery(images[shown], texts, title, note, columns=6 if long else 10)


def confusion_matrix(
    y_true: Labels, y_pred: Labels, class_names: Sequence[str] | None = None
) -> "Figure":
    """Draw how often each true class was taken for each other class.

    Colour shows only the mistakes, so the large diagonal does not drown them.

    Args:
        y_true: the true classes, N integers or (N, C) one-hot.
        y_pred: the predicted classes, N integers or (N, C) probabilities.
        class_names: C names; by default the class numbers.

    Returns:
        A figure with the counts, and at the right the error of each true class.

    Raises:
        ShapeError: the two do not have the same length.
        ValueError: a label is out of range.

    Example:
        >>> figure = confusion_matrix([0, 1, 1], [0, 1, 0])
        >>> figure.texts[0].get_text()
        '33.33% error: 1 of 3 wrong'
    """
    named = len(class_names) if class_names is not None else None
    truth, guess = _labels("y_true", y_true, named), _labels("y_pred", y_pred, named)
    widths = [np.shape(y)[1] for y in (y_true, y_pred) if np.ndim(y) == 2]
    n = named or int(max(truth.max() + 1, guess.max() + 1, *widths, 1))
    counts, names = confusion_counts(truth, guess, n), _names(class_names, n)
    mistakes = np.where(np.eye(n, dtype=bool), 0, counts)
    total, wrong, most = int(counts.sum()), int(mistakes.sum()), int(mistakes.max())
    widest = max(map(len, names))
    left, below = 0.85 + 0.09 * widest, 0.6 if widest <= 3 else 0.6 + 0.07 * widest
    cell = min(0.62, (WIDTH - left - 0.95) / n)
    title = f"{100 * wrong / total:.2f}% error: {wrong:,} of {total:,} wrong"
    note = f"colour shows mistakes only (darkest cell: {most:,}); grey cells are right answers"
    note = note if wrong else "every answer is right"
    figure = _figure(n * cell + below + 0.25, title, note)
    axes = _axes(figure, left, below, n * cell, n * cell)
    shades = np.ma.masked_array(mistakes, np.eye(n, dtype=bool))
    axes.imshow(shades, cmap=_colours("white", ORANGE, BROWN), vmin=0, vmax=max(most, 1))
    if n <= 30:
        size = min(TEXT, 72 * cell / (0.75 * max(3, len(f"{counts.max():,}"))))
        for (i, j), count in np.ndenumerate(counts):
            color = "white" if mistakes[i, j] > 0.45 * most else INK if count else "#a0a0a0"
            bold = "bold" if i == j else "normal"
            axes.text(
                j, i, f"{count:,}", ha="center", va="center", color=color, size=size, weight=bold
            )
        errors = [
            f"{100 * m / row:.1f}%" if row else "none"
            for m, row in zip(mistakes.sum(axis=1), counts.sum(axis=1), strict=True)
        ]
        for i, text in enumerate(["error", *errors], start=-1):
            y, size = (i, min(SMALL, size + 1)) if i >= 0 else (-0.5 - 0.15 / cell, SMALL)
            axes.text(n - 0.5 + 0.15 / cell, y, text, va="center", color=MUTED, size=size)
    ticks = range(0, n, math.ceil(0.22 / cell))
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    turned = turned if widest > 3 else {}
    axes.set_xticks(ticks, [names[i] for i in ticks], parse_math=False, **turned)
    axes.set_yticks(ticks, [names[i] for i in ticks], parse_math=False)
    axes.tick_params(length=0, labelsize=TEXT if cell > 0.3 else SMALL, labelcolor=INK)
    noun = "digit" if class_names is None and n <= 10 else "class"
    axes.set_xlabel(f"predicted {noun}", fontsize=TEXT, color=MUTED)
    axes.set_ylabel(f"true {noun}", fontsize=TEXT, color=MUTED)
    axes.spines[:].set_color(FAINT)
    return figure


def confusion_counts(y_true: Labels, y_pred: Labels, n_classes: int) -> Array:
    """Count how often class i (row) was predicted as class j (column).

    Args:
        y_true: the true classes, N integers or (N, C) one-hot.
        y_pred: the predicted classes, N integers or (N, C) probabilities.
        n_classes: C.

    Returns:
        An int64 array (C, C); its sum is N and its diagonal holds the right answers.

    Raises:
        ShapeError: the two do not have the same length.
        ValueError: a label is not in 0..C-1.

    Example:
        >>> confusion_counts([0, 1, 1], [0, 1, 0], 2).tolist()
        [[1, 0], [1, 1]]
    """
    truth, guess = _labels("y_true", y_true, n_classes), _labels("y_pred", y_pred, n_classes)
    _same_length(y_true=truth, y_pred=guess)
    flat = np.bincount(truth * n_classes + guess, minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def filters(w: Array, limit: int = 64) -> "Figure":
    """Draw the weights of a first convolution, one small image per filter, on one common scale.

    Args:
        w: (KH, KW, C, F). C = 3 is drawn in colour; of other C > 1 the first channel is drawn.
        limit: the largest number of filters to draw.

    Returns:
        A figure with the filters and a colour bar whose middle is zero.

    Raises:
        ShapeError: w is not (KH, KW, C, F) or has no filters.
        ValueError: w holds NaN or infinity.

    Example:
        >>> len(filters(np.ones((3, 3, 1, 8))).axes)  # eight filters and the colour bar
        9
    """
    w = _array("w", w, (4,), "(KH, KW, C, F), a convolution's weights").astype(np.float64)
    kh, kw, c, f = w.shape
    shown = min(_limit(limit), f)
    title = f"{_count(f, 'filter', shown)} of {kh} × {kw}"
    title += "" if c in (1, 3) else f", channel 0 of {c}"
    note = "in each colour channel grey is zero" if c == 3 else "white is zero"
    tiles = [w[..., i] if c == 3 else w[:, :, 0, i] for i in range(shown)]
    return _scaled_grid(tiles, title, f"weights on one scale; {note}", signed=True)


def feature_maps(maps: Array, limit: int = 32, title: str | None = None) -> "Figure":
    """Draw what a layer makes of one image, one small image per channel, on one common scale.

    Args:
        maps: (H, W, F), a layer's output for one image.
        limit: the largest number of maps to draw.
        title: text above; by default the number of maps and how many are zero everywhere.

    Returns:
        A figure with the maps and a colour bar.

    Raises:
        ShapeError: maps is not (H, W, F).
        ValueError: maps holds NaN or infinity.

    Example:
        >>> figure = feature_maps(np.zeros((5, 5, 2)))
        >>> figure.texts[0].get_text()
        '2 feature maps of 5 × 5, 2 of them zero everywhere'
    """
    expected = "(H, W, F), the output for one image; of a batch pass maps[0]"
    maps = _array("maps", maps, (3,), expected).astype(np.float64)
    h, w, f = maps.shape
    shown, dead = min(_limit(limit), f), int((maps == 0).all(axis=(0, 1)).sum())
    text = f"{_count(f, 'feature map', shown)} of {h} × {w}"
    text += f", {dead} of them zero everywhere" if dead else ""
    tiles = [maps[:, :, i] for i in range(shown)]
    return _scaled_grid(tiles, title or text, "activations on one scale", bool(maps.min() < 0))


def sample_grid(
    images: Array, labels: Labels, limit: int = 30, class_names: Sequence[str] | None = None
) -> "Figure":
    """Draw the first images of a set with their labels.

    Args:
        images: (N, H, W), (N, H, W, 1) or (N, H, W, 3), uint8 or float.
        labels: N integers or (N, C) one-hot.
        limit: the largest number of images to draw.
        class_names: a name for every class; by default the class numbers.

    Returns:
        A figure with one small image per label.

    Raises:
        ShapeError: the arrays do not fit each other.
        ValueError: a label has no name.

    Example:
        >>> figure = sample_grid(np.zeros((2, 28, 28)), [5, 0])
        >>> [axes.get_title() for axes in figure.axes]
        ['5', '0']
    """
    images = _images(images)
    classes = _labels("labels", labels, len(class_names) if class_names is not None else None)
    _same_length(images=images, labels=classes)
    names = _names(class_names, int(classes.max()) + 1 if class_names is None else len(class_names))
    shown = min(_limit(limit), len(images))
    title = _count(len(images), "image", shown)
    columns = 6 if max(map(len, names)) > 6 else 10
    return _gallery(images[:shown], [names[k] for k in classes[:shown]], title, "", columns)


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
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(filters(np.ones((3, 3, 1, 8))), f"{folder}/filters.png").name
        'filters.png'
    """
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


# Drawing


def _figure(body: float, title: str, note: str = "") -> "Figure":
    """Return a figure with a title and a note, and below them a body of that many inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = textwrap.wrap(title, 62) or [""]
    head = 0.22 + 0.26 * len(lines) + (0.3 if note else 0.08)
    figure = Figure(figsize=(WIDTH, body + head), facecolor="white")
    FigureCanvasAgg(figure)
    style: dict[str, Any] = {"ha": "left", "va": "top", "parse_math": False}
    x, top = MARGIN / WIDTH, 1 - 0.18 / (body + head)
    figure.text(x, top, "\n".join(lines), fontsize=TITLE, weight="bold", color=INK, **style)
    top -= (0.26 * len(lines) + 0.04) / (body + head)
    if note:
        figure.text(x, top, note, fontsize=SMALL, color=MUTED, **style)
    return figure


def _axes(figure: "Figure", left: float, bottom: float, width: float, height: float) -> "Axes":
    """Add axes whose place is given in inches."""
    w, h = figure.get_size_inches()
    return figure.add_axes((left / w, bottom / h, width / w, height / h))


def _colours(*names: str) -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("numcnn", names).with_extremes(bad="#e4e4e4")


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
            f"{kind}\n{_value(last, label)}", (1, place), (9, 0), "axes fraction", "offset points",
            va="center", color=CURVES[kind][0], size=SMALL, linespacing=1.1, annotation_clip=False,
        )  # fmt: skip


def _tiles(
    count: int, columns: int, above: float, title: str, note: str, right: float = 0.0
) -> "tuple[Figure, list[Axes]]":
    """Return a figure and `count` square axes in rows, with `above` inches for text over each."""
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)
    step = min(LARGEST_TILE, (WIDTH - 2 * MARGIN + GAP - right) / columns)
    figure = _figure(rows * (step + above) + MARGIN - GAP, title, note)
    places = [
        (MARGIN + i % columns * step, MARGIN + (rows - 1 - i // columns) * (step + above))
        for i in range(count)
    ]
    tiles = [_axes(figure, x, y, step - GAP, step - GAP) for x, y in places]
    for axes in tiles:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(FAINT)
    return figure, tiles


def _gallery(images: Array, texts: list[str], title: str, note: str, columns: int) -> "Figure":
    lines = max(text.count("\n") + 1 for text in texts)
    figure, tiles = _tiles(len(images), columns, 0.08 + 0.18 * lines, title, note)
    low, high = min(0.0, float(images.min())), max(1.0, float(images.max()))
    high = 255.0 if images.dtype == np.uint8 else high
    images = (images.astype(np.float32) - low) / (high - low)
    size = TEXT if columns > 6 else SMALL
    for axes, image, text in zip(tiles, images, texts, strict=True):
        axes.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, "gray_r", vmin=0, vmax=1)
        axes.set_title(text, fontsize=size, color=INK, pad=3, parse_math=False)
    return figure


def _scaled_grid(tiles: list[Array], title: str, note: str, signed: bool) -> "Figure":
    """Draw arrays on one scale, symmetric around zero if `signed`, and its colour bar."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    most = max(float(np.abs(tile).max()) for tile in tiles) or 1.0
    norm = Normalize(-most if signed else 0.0, most)
    rgb = tiles[0].ndim == 3
    cmap = "gray" if rgb else _colours(BLUE, "white", ORANGE) if signed else "cividis"
    figure, grid = _tiles(len(tiles), 8, 0.0, title, note, right=1.0)
    for axes, tile in zip(grid, tiles, strict=True):
        axes.imshow(norm(tile) if rgb else tile, cmap=cmap, norm=norm)
    top, low = grid[0].get_position().y1, grid[-1].get_position().y0
    right = max(axes.get_position().x1 for axes in grid)
    bar = figure.add_axes((right + 0.2 / WIDTH, low, 0.16 / WIDTH, top - low))
    ticks = [-most, 0.0, most] if signed else [0.0, most]
    colorbar = figure.colorbar(ScalarMappable(norm, cmap), cax=bar)
    colorbar.set_ticks(ticks, labels=[_value(t) for t in ticks])
    colorbar.outline.set_edgecolor(FAINT)
    bar.tick_params(labelsize=SMALL, color=FAINT, labelcolor=INK)
    return figure


# Words and numbers


def _count(n: int, noun: str, shown: int | None = None) -> str:
    some = "" if shown in (None, n) else f"{shown:,} of "
    return f"{some}{n:,} {noun}" + "s" * (n != 1)


def _value(x: float, label: str = "") -> str:
    if not math.isfinite(x):
        return "not finite"
    return f"{x:.2f}%" if "%" in label else f"{x:.3g}".replace("-", "−")


def _names(class_names: Sequence[str] | None, n: int) -> list[str]:
    if class_names is None:
        return [str(k) for k in range(n)]
    if len(class_names) != n:
        raise ShapeError(
            f"class_names must hold one name for each of {n} classes, got {len(class_names)}."
        )
    return [name if len(name) <= 12 else name[:11] + "…" for name in map(str, class_names)]


# Checks


def _array(name: str, values: Any, ndims: tuple[int, ...], expected: str) -> Array:
    """Return `values` as a finite array with numbers in it and an allowed number of dimensions."""
    array: Array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise DTypeError(f"{name} must be numbers of shape {expected}, got dtype {array.dtype}.")
    if array.ndim not in ndims or array.size == 0:
        raise ShapeError(f"{name} must have the shape {expected}, not empty, got {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite, but NaN or infinity came. The model has probably diverged: "
            "train again with a smaller learning rate."
        )
    return array


def _images(images: Any) -> Array:
    """Return images as (N, H, W, C) with C = 1 or 3."""
    expected = "(N, H, W), (N, H, W, 1) or (N, H, W, 3)"
    array = _array("images", images, (3, 4), expected)
    array = array[..., None] if array.ndim == 3 else array
    if array.shape[-1] not in (1, 3):
        raise ShapeError(
            f"images must have the shape {expected}, got {array.shape}. "
            "Move the channels to the end, or pass one of them: images[..., 0]."
        )
    return array


def _labels(name: str, values: Any, n_classes: int | None) -> Array:
    """Return classes as N integers, checked to lie in 0..C-1."""
    y = _array(name, values, (1, 2), "N integers or (N, C)")
    if y.ndim == 2:
        if n_classes is not None and y.shape[1] not in (1, n_classes):
            raise ShapeError(f"{name} must have {n_classes} columns, one per class, got {y.shape}.")
        y = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    top = 1000 if n_classes is None else n_classes
    bad = y[(y < 0) | (y >= top) | (y != np.floor(y))]
    if len(bad):
        raise ValueError(
            f"{name} must be whole numbers from 0 to {top - 1}, got {bad[0]}. "
            "Number the classes from 0 and check the number of classes and of class_names."
        )
    return y.astype(np.int64)


def _same_length(**arrays: Array) -> None:
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} {len(array):,}" for name, array in arrays.items())
        raise ShapeError(f"All arrays must have the same length N, got {lengths}.")


def _limit(limit: int) -> int:
    if not isinstance(limit, int | np.integer) or limit < 1:
        raise ValueError(f"limit must be a whole number >= 1, got {limit!r}.")
    return int(limit)


def _curve(name: str, values: Any, accuracy: bool) -> Array:
    """Return one list of the history, an accuracy as error in percent, NaN for what is infinite."""
    try:
        y = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        y = np.empty((0, 0))
    if y.ndim != 1:
        raise ShapeError(f"history[{name!r}] must be a list of one number per epoch, got {values}.")
    y = np.where(np.isfinite(y), y, np.nan)
    if accuracy and (np.abs(y - 0.5) > 0.500001).any():
        raise ValueError(
            f"history[{name!r}] must lie between 0 and 1, got {values}. Divide percents by 100."
        )
    return np.maximum(100 - 100 * y, 0) if accuracy else y
