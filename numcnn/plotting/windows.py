"""Windows over an image: how im2col lays them out, and where max-pooling sends its gradients."""

import string
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn.errors import ShapeError
from numcnn.layers.arguments import padding_name, pair
from numcnn.layers.im2col import im2col as lay_out
from numcnn.layers.im2col import window_geometry
from numcnn.layers.maxpool2d import MaxPool2D
from numcnn.plotting.check import Array, as_array
from numcnn.plotting.style import (
    INK,
    MARGIN,
    MUTED,
    ORANGE,
    SMALL,
    TEXT,
    WIDTH,
    count_text,
    new_axes,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_WINDOWS, MOST_COLUMNS, MOST_PIXELS, MOST_LETTERS = (
    25,
    16,
    8,
    36,
)  # more would be too small to read
# Light colours that the colour-blind can tell apart too: tints of Okabe and Ito's, by lightness.
TINTS = ("#cfe6f5", "#f7d9b8", "#9fd3c0", "#f3b5d3", "#f5ec9e", "#7fb8dd", "#e59b73", "#c9c9c9")


def im2col(
    image: Any = None,
    kernel_size: Any = (2, 2),
    strides: Any = (1, 1),
    padding: str = "valid",
    dilation_rate: Any = (1, 1),
    window: int = 0,
) -> "Figure":
    """Draw how im2col lays the windows of an image out as the rows of a matrix.

    Math:
        cols[oh * OW + ow, i * KW + j] = x_padded[oh * sh + i * dh, ow * sw + j * dw]
        Where a pixel goes is found out by `numcnn.layers.im2col.im2col` itself, which is given an
        image of pixel numbers.

    Shapes:
        image: (H, W), up to 8 x 8     the matrix: (OH*OW, KH*KW), up to 25 x 16

    Args:
        image: the numbers; by default 1 to 9 in 3 rows.
        kernel_size: (KH, KW), or one number for both.
        strides: how far the window moves.
        padding: 'valid', or 'same' with zeros around the image.
        dilation_rate: the distance between the taps of the window.
        window: the number of the window that is outlined, in the image and in the matrix.

    Returns:
        A figure: the image, every window in small, and beside it its row of the matrix. A pixel has
        one colour everywhere.

    Raises:
        ShapeError: the image has no rows and columns, the window does not fit, or the picture would
        be too small to read.

    Example:
        >>> matrix = im2col().axes[1]
        >>> [text.get_text() for text in matrix.texts[:8]]
        ['1', '2', '4', '5', '2', '3', '5', '6']
    """
    image = np.arange(1.0, 10.0).reshape(3, 3) if image is None else image
    x = as_array("image", image, (2,), "(H, W), one channel of an image").astype(np.float64)
    if max(x.shape) > MOST_PIXELS:
        raise ShapeError(
            f"image must be small enough to read its numbers, at most {MOST_PIXELS} x "
            f"{MOST_PIXELS}, got {x.shape}. Pass a piece of it: image[:5, :5]."
        )
    kernel, stride = pair("kernel_size", kernel_size), pair("strides", strides)
    dilation = pair("dilation_rate", dilation_rate)
    shape = (x.shape[0], x.shape[1])
    (oh, ow), pads = window_geometry(
        shape, kernel, stride, padding_name("im2col", padding), dilation
    )
    rows, columns = oh * ow, kernel[0] * kernel[1]
    if rows > MOST_WINDOWS or columns > MOST_COLUMNS:
        raise ShapeError(
            f"{rows} windows of {columns} pixels are too many to read; at most {MOST_WINDOWS} of "
            f"{MOST_COLUMNS}. Pass a smaller image or larger strides."
        )
    if not isinstance(window, int) or not 0 <= window < rows:
        raise ValueError(f"window must be a number from 0 to {rows - 1}, got {window!r}.")
    numbers = np.arange(1, x.size + 1).reshape(1, *x.shape, 1)  # 0 is the border
    (top, bottom), (left_pad, right) = pads
    padded = np.pad(numbers[0, :, :, 0], ((top, bottom), (left_pad, right)))
    geometry: Any = (kernel, stride, pads, dilation)
    cols = lay_out(x[None, :, :, None], *geometry).reshape(rows, columns)
    origin = lay_out(numbers, *geometry).reshape(rows, columns)
    places = np.arange(1, padded.size + 1).reshape(1, *padded.shape, 1)
    covered = lay_out(places, kernel, stride, ((0, 0), (0, 0)), dilation).reshape(rows, columns)

    # Inches: the image at the left, then an arrow, the windows in small, and the matrix.
    room = WIDTH - 2 * MARGIN - 1.9
    cell = min(0.5, room / (padded.shape[1] + columns + 0.85), 5.5 / max(rows, padded.shape[0]))
    wide, high = padded.shape[1] * cell, padded.shape[0] * cell
    icon = 0.85 * cell / max(padded.shape)
    between = 1.9 + 0.85 * cell
    left = (WIDTH - wide - between - columns * cell) / 2
    start, height = left + wide + between, max(rows * cell, high)
    title = f"im2col: {count_text(rows, 'window')} of {kernel[0]} × {kernel[1]} become "
    title += f"{count_text(rows, 'row')} of {columns}"
    note = f"a pixel has one colour everywhere; outlined: window {window} and its row"
    note += "; white: zeros around the image" if padded.shape != x.shape else ""
    figure = new_figure(height + 0.75, title, note)
    low = 0.25
    axes = new_axes(figure, left, low + (height - high) / 2, wide, high)
    colours = _pixel_colours(x.size)
    values = np.pad(x, ((top, bottom), (left_pad, right)))
    _cells(axes, values, [[colours[k] for k in row] for row in padded], cell, padded == 0)
    i, j = divmod(int(covered[window, 0]) - 1, padded.shape[1])
    if dilation == (1, 1):
        _outline(axes, j, i, kernel[1], kernel[0])
    else:
        for place in covered[window]:
            _outline(axes, (place - 1) % padded.shape[1], (place - 1) // padded.shape[1])
    axes.set_title("the image", fontsize=TEXT, color=INK, pad=6)

    bottom_edge = low + (height - rows * cell) / 2
    axes = new_axes(figure, start, bottom_edge, columns * cell, rows * cell)
    _cells(axes, cols, [[colours[k] for k in row] for row in origin], cell, origin == 0)
    _outline(axes, 0, window, columns)
    for column, (i, j) in enumerate(np.ndindex(*kernel)):
        axes.annotate(
            f"{i},{j}", (column, -0.5), (0, 3), textcoords="offset points", ha="center",
            size=min(SMALL, 72 * cell / 2.4), color=MUTED, annotation_clip=False,
        )  # fmt: skip
    free = WIDTH - (start + columns * cell / 2)  # from the middle of the matrix to the edge
    heading = "a row per window" + ", a column per tap i,j" * (columns * cell > 1.9 and free > 1.6)
    axes.set_title(heading, fontsize=TEXT, color=INK, pad=19)

    for row in range(rows):
        w, h = padded.shape[1] * icon, padded.shape[0] * icon
        middle = bottom_edge + (rows - row - 0.5) * cell
        small = new_axes(figure, start - 0.2 - w, middle - h / 2, w, h)
        seen = np.isin(places[0, :, :, 0], covered[row])
        small.imshow(np.where(seen, 1.0, 0.0), cmap=_two(ORANGE if row == window else MUTED))
        small.set(xticks=[], yticks=[])
        small.spines[:].set_color(MUTED)
        figure.text(
            (start - 0.3 - w) / WIDTH, middle / figure.get_size_inches()[1], str(row),
            ha="right", va="center", size=min(SMALL, 72 * cell / 1.6),
            color=ORANGE if row == window else MUTED,
            weight="bold" if row == window else "normal",
        )  # fmt: skip
    middle = (low + height / 2) / figure.get_size_inches()[1]
    _arrow(figure, (left + wide + 0.2) / WIDTH, (left + wide + 1.0) / WIDTH, middle)
    return figure


def max_pool_routing(
    x: Any = None,
    pool_size: Any = (2, 2),
    strides: Any = None,
    padding: str = "valid",
    dy: Any = None,
) -> "Figure":
    """Draw where max-pooling takes its numbers from, and where it sends their gradients.

    Math:
        y[oh, ow] = max of its window            dx[winner of window (oh, ow)] += dy[oh, ow]
        All numbers come from the layer `MaxPool2D`, its forward and its backward.

    Shapes:
        x: (H, W), up to 8 x 8     dy: (OH, OW)

    Args:
        x: the numbers; by default a small example.
        pool_size: the window, (KH, KW) or one number for both.
        strides: how far the window moves; by default its own size.
        padding: 'valid' or 'same'.
        dy: the gradient that arrives; by default 1, 2, 3, ...

    Returns:
        A figure of four tables, x and y above, dx and dy below them. A window has a letter and a
        colour: its winner in x, its number in y and in dy, and the pixel of dx that gets the
        gradient. A pixel that wins several windows has the letters and the colours of all.

    Raises:
        ShapeError: x has no rows and columns, the window does not fit, dy is not as large as y, or
        there are too many numbers to read.

    Example:
        >>> figure = max_pool_routing([[1, 2], [4, 3]], dy=[[5]])
        >>> [text.get_text() for text in figure.axes[2].texts[:4]]  # dx
        ['0', '0', '5', '0']
    """
    if x is None:
        x = [[1, 3, 2, 1], [4, 2, 0, 5], [6, 1, 2, 2], [0, 2, 7, 3]]
    x = as_array("x", x, (2,), "(H, W), one channel of an image").astype(np.float64)
    if max(x.shape) > MOST_PIXELS:
        raise ShapeError(
            f"x must be small enough to read its numbers, at most {MOST_PIXELS} x {MOST_PIXELS}, "
            f"got {x.shape}. Pass a piece of it: x[:6, :6]."
        )
    pool = MaxPool2D(pool_size, strides, padding, "channels_last", dtype="float64")
    y = pool(x[None, :, :, None], training=True)[0, :, :, 0]
    if y.size > MOST_LETTERS:
        raise ShapeError(
            f"{y.size} windows are too many to tell apart, at most {MOST_LETTERS}. Pass a piece of "
            "x, x[:6, :6], or larger strides."
        )
    if dy is None:
        dy = np.arange(1.0, y.size + 1).reshape(y.shape)
    dy = as_array("dy", dy, (2,), f"{y.shape}, that of y").astype(np.float64)
    if dy.shape != y.shape:
        raise ShapeError(f"dy must have the shape {y.shape}, that of y, got {dy.shape}.")

    def back(gradient: Array) -> Array:
        return pool.backward(gradient[None, :, :, None])[0, :, :, 0]

    wins = np.array([back(one.reshape(y.shape)) for one in np.eye(y.size)])  # (windows, H, W)
    won_by = [[np.flatnonzero(wins[:, i, j]) for j in range(x.shape[1])] for i in range(len(x))]
    own = [[np.array([i * y.shape[1] + j]) for j in range(y.shape[1])] for i in range(len(y))]
    shared = bool((wins.sum(axis=0) > 1).any())
    kh, kw = pool.pool_size
    gap = 1.4
    cell = min(0.5, (WIDTH - 2 * MARGIN - gap) / (x.shape[1] + y.shape[1]))
    wide, high = x.shape[1] * cell, x.shape[0] * cell
    note = "a letter and a colour for each window: its winner, its maximum, its gradient"
    note = (
        "a letter and a colour for each window; two letters: two gradients add" if shared else note
    )
    title = f"Max-pooling {kh} × {kw}: the gradient goes back to the winner"
    figure = new_figure(2 * high + 1.2, title, note)
    left = (WIDTH - wide - gap - y.shape[1] * cell) / 2
    right, below, above = left + wide + gap, 0.25, 0.25 + high + 0.5
    down = (x.shape[0] - y.shape[0]) / 2 * cell
    tables = (
        ("x, winners in colour", x, won_by, left, above),
        ("y, the maxima", y, own, right, above + down),
        ("dx, what goes back", back(dy), won_by, left, below),
        ("dy, what arrives", dy, own, right, below + down),
    )
    for name, values, windows, x0, y0 in tables:
        h, w = values.shape
        axes = new_axes(figure, x0, y0, w * cell, h * cell)
        faint = np.array([[len(k) == 0 for k in row] for row in windows])
        _cells(axes, values, [["white"] * w] * h, cell, faint, lower=0.1)
        _mark_windows(axes, windows, cell)
        axes.set_title(name, fontsize=TEXT, color=INK, pad=6)
        if windows is won_by:
            _window_lines(axes, pool, x.shape)
    start, end = (left + wide + 0.3) / WIDTH, (right - 0.3) / WIDTH
    whole = figure.get_size_inches()[1]
    for low, text, a, b in ((above, "forward", start, end), (below, "backward", end, start)):
        middle = (low + high / 2) / whole
        _arrow(figure, a, b, middle)
        figure.text(
            (start + end) / 2, middle + 0.08 / whole, text, ha="center", va="bottom",
            size=SMALL, color=MUTED,
        )  # fmt: skip
    return figure


def _mark_windows(axes: "Axes", windows: list[list[Array]], cell: float) -> None:
    """Give each cell the colours and the letters of the windows that it stands for."""
    from matplotlib.patches import Rectangle

    for i, row in enumerate(windows):
        for j, numbers in enumerate(row):
            for part, k in enumerate(numbers):
                place = (j - 0.5 + part / len(numbers), i - 0.5)
                tint = TINTS[k % len(TINTS)]
                axes.add_patch(Rectangle(place, 1 / len(numbers), 1, fc=tint, lw=0, zorder=0.5))
            letters = "".join(_letter(k) for k in numbers)
            size = min(8, 20 * cell) * min(1, 4 / max(1, len(letters)))  # four fit into a cell
            axes.text(j - 0.45, i - 0.46, letters, size=size, color=INK, va="top")


def _letter(k: int) -> str:
    """Return a window's name: a, b, ..., z, A, ..."""
    return string.ascii_letters[k]


def _pixel_colours(n: int) -> list[str]:
    """Return a colour for the border, then one for each of n pixels, from yellow to blue."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    shades = colormaps["viridis"](np.linspace(1.0, 0.3, n))
    return ["#ffffff", *(to_hex(0.62 * shade[:3] + 0.38) for shade in shades)]


def _two(colour: str) -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap(["white", colour])


def _cells(
    axes: "Axes",
    values: Array,
    colours: list[list[str]],
    cell: float,
    faint: Array,
    lower: float = 0.0,
) -> None:
    """Draw a table of numbers on colours; those that are `faint` are grey."""
    from matplotlib.colors import to_rgb

    h, w = values.shape
    axes.imshow(np.array([[to_rgb(c) for c in row] for row in colours]), aspect="auto", zorder=0)
    whole = bool((values == np.round(values)).all()) and np.abs(values).max() < 1e4
    texts = [
        f"{v:.0f}" if whole else f"{v:.3g}" if abs(v) >= 100 else f"{v:.2f}" for v in values.flat
    ]
    size = min(TEXT, 72 * cell * 0.9 / (0.66 * max(map(len, texts))))
    for (i, j), text in zip(np.ndindex(h, w), texts, strict=True):
        colour = MUTED if faint[i, j] else INK
        text = text.replace("-0.00", "0.00").replace("-", "−")
        axes.text(j, i + lower, text, ha="center", va="center", size=size, color=colour)
    axes.set(xticks=[], yticks=[])
    axes.hlines(np.arange(h + 1) - 0.5, -0.5, w - 0.5, color="#9a9a9a", lw=0.6, clip_on=False)
    axes.vlines(np.arange(w + 1) - 0.5, -0.5, h - 0.5, color="#9a9a9a", lw=0.6, clip_on=False)
    axes.spines[:].set_visible(False)


def _outline(axes: "Axes", column: int, row: int, width: int = 1, height: int = 1) -> None:
    """Draw a thick frame around cells."""
    from matplotlib.patches import Rectangle

    place = (column - 0.5, row - 0.5)
    frame = Rectangle(place, width, height, fill=False, ec=ORANGE, lw=2.5, clip_on=False, zorder=5)
    axes.add_patch(frame)


def _window_lines(axes: "Axes", pool: MaxPool2D, shape: tuple[int, ...]) -> None:
    """Draw the borders between windows where they do not overlap."""
    if pool.strides != pool.pool_size or pool.padding != "valid":
        return
    (oh, ow), _ = pool.geometry(shape[0], shape[1])
    (kh, kw) = pool.pool_size
    for i in range(oh + 1):
        axes.hlines(i * kh - 0.5, -0.5, ow * kw - 0.5, color=INK, lw=1.6, clip_on=False)
    for j in range(ow + 1):
        axes.vlines(j * kw - 0.5, -0.5, oh * kh - 0.5, color=INK, lw=1.6, clip_on=False)


def _arrow(figure: "Figure", start: float, end: float, height: float) -> None:
    """Draw an arrow across the figure, in shares of its size."""
    from matplotlib.patches import FancyArrowPatch

    figure.add_artist(
        FancyArrowPatch(
            (start, height), (end, height), arrowstyle="-|>", mutation_scale=14, color=MUTED,
            lw=1.5, transform=figure.transFigure,
        )
    )  # fmt: skip
