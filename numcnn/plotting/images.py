"""Galleries: images, the misclassified ones, filters and what they see."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from numcnn.errors import ShapeError
from numcnn.plotting.check import (
    Array,
    Labels,
    as_array,
    as_images,
    as_labels,
    as_limit,
    as_names,
    check_same_length,
)
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
    colour_map,
    count_text,
    new_axes,
    new_figure,
    percent_text,
    tiled_figure,
    value_text,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    images, p = as_images(images), as_array("probabilities", probabilities, (2,), "(N, C)")
    if p.min() < -1e-3 or p.max() > 1 + 1e-3:
        raise ValueError(
            f"probabilities must lie between 0 and 1, got {p.min():g} to {p.max():g}. "
            "End the model with a softmax, or apply one to its output."
        )
    truth = as_labels("y_true", y_true, p.shape[1])
    check_same_length(images=images, y_true=truth, probabilities=p)
    names = as_names(class_names, p.shape[1])
    guess, confidence = p.argmax(axis=1), p.max(axis=1)
    wrong = np.flatnonzero(guess != truth)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    shown = wrong[: as_limit(limit)]
    title = f"{count_text(len(wrong), 'error', len(shown))} in {count_text(len(truth), 'image')}"
    if len(wrong) == 0:
        figure = new_figure(0.5, title)
        text = "The model classifies every image correctly: there is no mistake to show."
        figure.text(MARGIN / WIDTH, 0.3, text, fontsize=TEXT, color=MUTED)
        return figure
    long = max(map(len, names)) > 2
    texts = []
    for i in shown:
        t, g = names[truth[i]], names[guess[i]]
        chance = percent_text(confidence[i])
        texts.append(f"{t}\n→ {g}\n{chance}" if long else f"{t} → {g}\n{chance}")
    note = "true class → predicted class, with its probability; the surest mistakes first"
    return _gallery(images[shown], texts, title, note, columns=6 if long else 10)


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
    images = as_images(images)
    classes = as_labels("labels", labels, len(class_names) if class_names is not None else None)
    check_same_length(images=images, labels=classes)
    names = as_names(
        class_names, int(classes.max()) + 1 if class_names is None else len(class_names)
    )
    shown = min(as_limit(limit), len(images))
    title = count_text(len(images), "image", shown)
    columns = 6 if max(map(len, names)) > 6 else 10
    return _gallery(images[:shown], [names[k] for k in classes[:shown]], title, "", columns)


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
    w = as_array("w", w, (4,), "(KH, KW, C, F), a convolution's weights").astype(np.float64)
    kh, kw, c, f = w.shape
    shown = min(as_limit(limit), f)
    title = f"{count_text(f, 'filter', shown)} of {kh} × {kw}"
    title += "" if c in (1, 3) else f", channel 0 of {c}"
    note = "in each colour channel grey is zero" if c == 3 else "white is zero"
    tiles = [w[..., i] if c == 3 else w[:, :, 0, i] for i in range(shown)]
    return _scaled_grid(tiles, title, f"weights on one scale; {note}", signed=True)


def filters_over_time(
    weights: Sequence[Array], limit: int = 8, names: Sequence[str] | None = None
) -> "Figure":
    """Draw how a convolution's filters move while it trains, those that moved most first.

    Math:
        moved = |w[last] - w[first]| / |w[first]|, with the lengths sqrt(sum of squares) of a filter

    Args:
        weights: what the weights were at each time, a list of arrays (KH, KW, C, F); a copy per
            epoch, such as `model.layers[0].get_weights()[0]` in a callback's `on_epoch_end`. Of
            more than 11 times 11 are drawn, evenly spread. Of C > 1 the first channel is drawn.
        limit: the largest number of filters to draw.
        names: a short name for each time; by default its number, from 0.

    Returns:
        A figure with a row per filter and a column per time, all on one scale.

    Raises:
        ShapeError: the arrays are not all of one shape (KH, KW, C, F), or there are not two.
        ValueError: they hold NaN or infinity.

    Example:
        >>> start = np.ones((3, 3, 1, 2))
        >>> figure = filters_over_time([start, start * [1, 3]])
        >>> [text.get_text() for text in figure.texts[2:]]
        ['filter 1', 'moved 200%', 'filter 0', 'moved 0%']
    """
    arrays = [
        as_array(f"weights[{i}]", w, (4,), "(KH, KW, C, F), a convolution's weights")
        for i, w in enumerate(weights)
    ]
    shapes = {w.shape for w in arrays}
    if len(arrays) < 2 or len(shapes) > 1:
        raise ShapeError(
            "weights must be a list of two or more arrays of one shape (KH, KW, C, F), got "
            f"{len(arrays)} of shapes {sorted(shapes)}. Keep a copy of them before and after."
        )
    times = names if names is not None else [str(i) for i in range(len(arrays))]
    if len(times) != len(arrays):
        raise ShapeError(f"names must hold one for each of {len(arrays)} times, got {len(times)}.")
    w = np.stack(arrays).astype(np.float64)  # (T, KH, KW, C, F)
    kh, kw, c, f = w.shape[1:]
    shown = np.unique(np.linspace(0, len(w) - 1, min(len(w), 11)).round().astype(int))
    lengths = np.sqrt(((w[-1] - w[0]) ** 2).sum(axis=(0, 1, 2)))
    start = np.sqrt((w[0] ** 2).sum(axis=(0, 1, 2)))
    share = np.divide(lengths, start, out=np.zeros(f), where=start > 0)
    order = np.argsort(-np.where(start > 0, share, lengths), kind="stable")[: as_limit(limit)]
    most = float(np.abs(w[:, :, :, 0, order]).max()) or 1.0
    tile = min(0.75, (WIDTH - 2 * MARGIN - 2.0) / len(shown))
    height = tile * min(2.0, kh / kw)
    title = f"{count_text(f, 'filter', len(order))} of {kh} × {kw} while training"
    note = f"white is zero, orange up to {value_text(most)}, blue down to {value_text(-most)}"
    note += f"; channel 0 of {c}" if c > 1 else ""
    figure = new_figure(len(order) * height + 0.55, title, note)
    whole = figure.get_size_inches()[1]
    shades = colour_map(BLUE, "white", ORANGE)
    for row, k in enumerate(order):
        low = MARGIN + (len(order) - 1 - row) * height
        for column, time in enumerate(shown):
            left = MARGIN + 0.95 + column * tile
            axes = new_axes(figure, left, low, tile - 0.06, height - 0.06)
            axes.imshow(w[time, :, :, 0, k], cmap=shades, vmin=-most, vmax=most, aspect="auto")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color(FAINT)
            if row == 0:
                axes.set_title(times[time], fontsize=SMALL, color=INK, pad=4, parse_math=False)
        middle, right = (low + (height - 0.06) / 2) / whole, MARGIN + 0.95 + len(shown) * tile
        text = f"moved {100 * share[k]:.0f}%" if start[k] else f"moved {value_text(lengths[k])}"
        figure.text(MARGIN / WIDTH, middle, f"filter {k}", va="center", size=SMALL, color=INK)
        figure.text((right + 0.06) / WIDTH, middle, text, va="center", size=SMALL, color=MUTED)
    return figure


def feature_maps(
    maps: Array, limit: int = 32, title: str | None = None, note: str = "activations on one scale"
) -> "Figure":
    """Draw what a layer makes of one image, one small image per channel, on one common scale.

    Args:
        maps: (H, W, F), a layer's output for one image.
        limit: the largest number of maps to draw.
        title: text above; by default the number of maps and how many are zero everywhere.
        note: a second, smaller line of text; for other numbers than activations say what they are.

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
    maps = as_array("maps", maps, (3,), expected).astype(np.float64)
    h, w, f = maps.shape
    shown, dead = min(as_limit(limit), f), int((maps == 0).all(axis=(0, 1)).sum())
    text = f"{count_text(f, 'feature map', shown)} of {h} × {w}"
    text += f", {dead} of them zero everywhere" if dead else ""
    tiles = [maps[:, :, i] for i in range(shown)]
    return _scaled_grid(tiles, title or text, note, bool(maps.min() < 0))


def _gallery(images: Array, texts: list[str], title: str, note: str, columns: int) -> "Figure":
    lines = max(text.count("\n") + 1 for text in texts)
    figure, tiles = tiled_figure(len(images), columns, 0.08 + 0.18 * lines, title, note)
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
    cmap = "gray" if rgb else colour_map(BLUE, "white", ORANGE) if signed else "cividis"
    figure, grid = tiled_figure(len(tiles), 8, 0.0, title, note, right=1.0)
    for axes, tile in zip(grid, tiles, strict=True):
        axes.imshow(norm(tile) if rgb else tile, cmap=cmap, norm=norm)
    top, low = grid[0].get_position().y1, grid[-1].get_position().y0
    right = max(axes.get_position().x1 for axes in grid)
    bar = figure.add_axes((right + 0.2 / WIDTH, low, 0.16 / WIDTH, top - low))
    ticks = [-most, 0.0, most] if signed else [0.0, most]
    colorbar = figure.colorbar(ScalarMappable(norm, cmap), cax=bar)
    colorbar.set_ticks(ticks, labels=[value_text(t) for t in ticks])
    colorbar.outline.set_edgecolor(FAINT)
    bar.tick_params(labelsize=SMALL, color=FAINT, labelcolor=INK)
    return figure
