"""One image on its way through a network: what each layer makes of it, which pixels count."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import inspect
from numcnn.errors import DTypeError, NotCompiledError, ShapeError
from numcnn.plotting.check import Array, as_array, as_limit
from numcnn.plotting.style import (
    BLUE,
    BROWN,
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
    value_text,
)
from numcnn.stack import Stack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT = 1.75  # inches for the names of the layers
ROOM = WIDTH - LEFT - MARGIN
PER_ROW, CELLS, ROW = 16, 64, 0.16  # maps in a row, numbers of a vector in a row and its height
MOST_BARS = 20  # a vector of up to so many numbers is drawn as bars with numbers


def activations(model: Stack, image: Any, limit: int = 32) -> "Figure":
    """Draw what every layer makes of one image, from the pixels to the probabilities.

    Math:
        The numbers are those of `numcnn.inspect.activations`: each layer's output as in `predict`.
        Every layer has a scale of its own, from zero (white) to its largest size (darkest).

    Shapes:
        image: (H, W, C), as the model takes it; (H, W) where C = 1; or a batch of one of these.

    Args:
        model: a model that is built and whose samples are images.
        image: one image, scaled as those that the model was trained on.
        limit: the largest number of feature maps drawn of a layer.

    Returns:
        A figure with one block per layer: feature maps for volumes, a strip for a row of numbers,
        bars where there are at most 20 of them. A layer that passes the same numbers on, such as
        Flatten or Dropout, is a line of text.

    Raises:
        ShapeError: the image does not fit the model. NotCompiledError: the model is not built.

    Example:
        >>> from numcnn.layers import Conv2D, Dense, Flatten
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Conv2D(4, 3, input_shape=(8, 8, 1)), Flatten(), Dense(3)])
        >>> figure = activations(model, np.ones((8, 8)))
        >>> len(figure.axes)  # the image, four maps, one row of bars
        6
    """
    image, limit = one_image(model, image), as_limit(limit)
    outputs = inspect.activations(model, image)
    formats = inspect.data_formats(model)
    blocks = [("input", "", channels_last(image[0], formats[0]))]
    for layer, layout in zip(model.layers, formats[1:], strict=True):
        y = as_array(f"the output of {layer.name!r}", outputs[layer.name][0], tuple(range(9)), "")
        blocks.append((layer.name, type(layer).__name__, channels_last(y, layout)))
    heights = [
        _height(y, limit, i == 0, i > 0 and _same(y, blocks[i - 1][2]))
        for i, (_, _, y) in enumerate(blocks)
    ]
    outcome = _answer(outputs[model.layers[-1].name][0])
    title = f"{outcome}: what each layer" if outcome else "What each layer"
    title += " makes of the image"
    note = "each layer on its own scale: white is 0, dark orange its largest number"
    note += ", blue is negative" if any(y.min() < 0 for _, _, y in blocks[1:]) else ""
    figure = new_figure(sum(heights) + 0.1, title, note)
    top = sum(heights) + 0.1
    for i, ((name, kind, y), height) in enumerate(zip(blocks, heights, strict=True)):
        same = i > 0 and _same(y, blocks[i - 1][2])
        _label(figure, top, name, kind, y, same)
        if i == 0:
            _picture(new_axes(figure, LEFT, top - 1.1, 1.1 * y.shape[1] / y.shape[0], 1.1), y)
        elif not same:
            _block(figure, top, y, limit)
        top -= height
    return figure


def saliency(model: Stack, image: Any, classes: Any = None) -> "Figure":
    """Draw which pixels of an image the score of a class hangs on.

    Math:
        gradient = d score of the class / d pixel, see `numcnn.inspect.input_gradient`
        saliency = max over the channels of |gradient|

    Shapes:
        image: (H, W, C), as the model takes it; (H, W) where C = 1; or a batch of one of these.

    Args:
        model: a model that is built, with images as samples and outputs (N, K).
        image: one image, scaled as those that the model was trained on.
        classes: a class number, or several, each drawn in a row; by default the predicted one.

    Returns:
        A figure with a row per class: the image, the saliency, the saliency over the image, and
        for images of one channel the gradient with its sign.

    Raises:
        ShapeError, DTypeError, ValueError: image or classes do not fit the model.
        NotCompiledError: the model is not built.

    Reference:
        Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013, section 3.

    Example:
        >>> from numcnn.layers import Dense, Flatten
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Flatten(input_shape=(8, 8, 1)), Dense(3)])
        >>> len(saliency(model, np.ones((8, 8)), classes=[0, 2]).axes)
        8
    """
    image = one_image(model, image)
    outputs = model_outputs(model, image)
    chosen = [int(outputs.argmax())] if classes is None else np.atleast_1d(np.asarray(classes))
    if np.ndim(chosen) != 1 or len(chosen) == 0:
        raise ShapeError(
            f"classes must be a class number or a list of them, got the shape {np.shape(chosen)}."
        )
    repeated = np.repeat(image, len(chosen), axis=0)
    sizes = inspect.saliency(model, repeated, np.asarray(chosen))
    gradients = inspect.input_gradient(model, repeated, np.asarray(chosen))
    layout = inspect.data_formats(model)[0]
    picture = channels_last(image[0], layout)
    one_channel = picture.shape[2] == 1
    titles = ["image", "saliency: |gradient|", "both", "gradient"][: 4 if one_channel else 3]
    step = (WIDTH - MARGIN - 1.15) / 4
    tile = step - 0.15
    height = (
        tile * picture.shape[0] / picture.shape[1] if picture.shape[0] < picture.shape[1] else tile
    )
    rows = len(chosen)
    note = "dark: a small change of this pixel changes the score much"
    note += "; orange: more ink raises it, blue: lowers it" if one_channel else ""
    outcome = _answer(outputs)
    title = f"{outcome}: the pixels that count" if outcome else "The pixels that count"
    figure = new_figure(rows * (height + 0.15) + 0.32, title, note)
    for row, k in enumerate(chosen):
        low = 0.25 + (rows - 1 - row) * (height + 0.15)
        figure.text(
            MARGIN / WIDTH, (low + height / 2) / figure.get_size_inches()[1],
            f"class {k}\n{_chance(outputs, k)}", va="center", color=INK, size=TEXT,
        )  # fmt: skip
        for column, name in enumerate(titles):
            axes = new_axes(figure, 1.15 + column * step, low, tile, height)
            if row == 0:
                axes.set_title(name, fontsize=TEXT, color=INK, pad=4)
            _saliency_tile(axes, name, picture, sizes[row], channels_last(gradients[row], layout))
    return figure


def one_image(model: Any, image: Any) -> Array:
    """Return a batch of one image that the model takes."""
    if not isinstance(model, Stack):
        raise DTypeError(f"model must be a model such as Sequential([...]), got {model!r:.80}.")
    if not model.built:
        raise NotCompiledError("A picture needs a model that is built: call fit or build first.")
    shape = tuple(int(size or 0) for size in model.input_shape[1:])
    if len(shape) not in (2, 3):
        raise ShapeError(f"The model's samples must be images, got a model for {shape}.")
    array = as_array("image", image, (2, 3, 4), f"{shape}, as the model takes it")
    if array.size != math.prod(shape) or array.squeeze().shape != tuple(s for s in shape if s > 1):
        hint = f" Of a batch pass one: x[{0}]." if array.shape[1:] == shape else ""
        raise ShapeError(f"image must have the shape {shape}, got {array.shape}.{hint}")
    return array.reshape(1, *shape)


def model_outputs(model: Stack, image: Array) -> Array:
    """Return the outputs for one image, (K,), as the layers give them."""
    return inspect.activations(model, image)[model.layers[-1].name][0]


def channels_last(y: Array, layout: str) -> Array:
    """Return one sample as (H, W, C) where it is a volume, whichever layout it came in."""
    if y.ndim == 3 and layout == "channels_first":
        return y.transpose(1, 2, 0)
    return y[..., None] if y.ndim == 2 else y


def _answer(outputs: Array) -> str:
    """Return the predicted class in words; an empty text where outputs are no probabilities."""
    if outputs.ndim != 1 or len(outputs) < 2 or not _are_probabilities(outputs):
        return ""
    k = int(outputs.argmax())
    return f"Predicted {k} with {percent_text(outputs[k])}"


def _are_probabilities(y: Array) -> bool:
    return bool(y.ndim == 1 and y.min() >= 0 and abs(y.sum() - 1) < 1e-3)


def _chance(outputs: Array, k: int) -> str:
    return percent_text(outputs[k]) if _are_probabilities(outputs) else value_text(outputs[k])


def _same(y: Array, before: Array) -> bool:
    """Return whether a layer has passed the same numbers on."""
    return y.size == before.size and np.array_equal(
        np.sort(y, axis=None), np.sort(before, axis=None)
    )


def _height(y: Array, limit: int, first: bool, same: bool) -> float:
    """Return how many inches a block needs."""
    if first:
        return 1.35
    if same:
        return 0.45
    if y.ndim == 3:
        rows = math.ceil(min(limit, y.shape[2]) / PER_ROW)
        return max(0.62, rows * _step(y)[1]) + 0.2
    return 0.95 if y.size <= MOST_BARS else max(0.62, min(8, math.ceil(y.size / CELLS)) * ROW) + 0.2


def _step(y: Array) -> tuple[float, float]:
    """Return the width and height of a feature map's place."""
    width = ROOM / PER_ROW
    return width, width * min(2.0, max(0.5, y.shape[0] / y.shape[1]))


def _label(figure: "Figure", top: float, name: str, kind: str, y: Array, same: bool) -> None:
    """Write a layer's name and what it gives at the left of its block."""
    height = figure.get_size_inches()[1]
    style: dict[str, Any] = {"ha": "left", "va": "top", "parse_math": False}
    shape = " × ".join(map(str, y.shape)) if y.ndim == 3 else count_text(y.size, "number")
    name = name if len(name) <= 15 else name[:14] + "…"
    x, at = MARGIN / WIDTH, top / height
    figure.text(x, at, name, fontsize=SMALL, weight="bold", color=INK, **style)
    if same:
        text = f"passes the same {count_text(y.size, 'number')} on ({kind})"
        figure.text(LEFT / WIDTH, at, text, fontsize=SMALL, color=MUTED, **style)
        return
    low, high = value_text(float(y.min())), value_text(float(y.max()))
    lines = [shape, f"{low} to {high}" if y.min() < 0 else f"up to {high}"]
    figure.text(
        x,
        at - 0.18 / height,
        "\n".join(lines),
        fontsize=SMALL,
        color=MUTED,
        linespacing=1.2,
        **style,
    )


def _block(figure: "Figure", top: float, y: Array, limit: int) -> None:
    """Draw a layer's numbers."""
    most = float(np.abs(y).max()) or 1.0
    shades = signed_colours() if y.min() < 0 else colour_map("white", ORANGE, BROWN)
    low = -most if y.min() < 0 else 0.0
    if y.ndim == 3:
        width, height = _step(y)
        for i in range(min(limit, y.shape[2])):
            left, down = i % PER_ROW * width, (i // PER_ROW + 1) * height
            axes = new_axes(figure, LEFT + left, top - down + 0.05, width - 0.05, height - 0.05)
            axes.imshow(y[:, :, i], cmap=shades, vmin=low, vmax=most, aspect="auto")
            _frame(axes)
            if np.abs(y[:, :, i]).max() < 0.05 * most:  # a white box would look forgotten
                text = "≈0" if y[:, :, i].any() else "0"
                axes.text(
                    0.5, 0.5, text, color=MUTED, size=SMALL, ha="center", va="center",
                    transform=axes.transAxes,
                )  # fmt: skip
        if y.shape[2] > limit:
            _say(figure, top, f"{limit} of {y.shape[2]} maps")
        return
    flat = y.ravel()
    if y.size <= MOST_BARS:
        _bars(new_axes(figure, LEFT, top - 0.68, ROOM, 0.62), flat)
        return
    rows = min(8, math.ceil(y.size / CELLS))
    cells = np.full(rows * CELLS, np.nan)
    cells[: y.size] = flat[: rows * CELLS]
    axes = new_axes(figure, LEFT, top - rows * ROW, ROOM, rows * ROW)
    axes.imshow(cells.reshape(rows, CELLS), cmap=shades, vmin=low, vmax=most, aspect="auto")
    _frame(axes)
    if y.size > rows * CELLS:
        _say(figure, top, f"the first {rows * CELLS}")


def _say(figure: "Figure", top: float, text: str) -> None:
    """Write a third line under a layer's name."""
    height = figure.get_size_inches()[1]
    at = (top - 0.18 - 0.36) / height
    figure.text(MARGIN / WIDTH, at, text, fontsize=SMALL, color=MUTED, va="top")


def _bars(axes: "Axes", y: Array) -> None:
    """Draw a few numbers as bars, the largest in orange and with its number."""
    best = int(y.argmax())
    colours = [ORANGE if k == best else BLUE for k in range(len(y))]
    axes.bar(range(len(y)), y, color=colours, width=0.7)
    axes.axhline(0, color=FAINT, lw=0.8)
    chance = _are_probabilities(y)
    text = percent_text(y[best]) if chance else value_text(float(y[best]))
    axes.set_xlim(-0.6, len(y) - 0.4)
    low, high = min(0.0, float(y.min())), 1.0 if chance else max(float(y.max()), 0.0)
    room = 0.5 * (high - low) or 1.0  # for the number above the bar
    axes.set_ylim(low, high + room)
    axes.text(best, max(float(y[best]), 0), text, ha="center", va="bottom", color=INK, size=SMALL)
    axes.set_xticks(range(len(y)))
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.get_xticklabels()[best].set_fontweight("bold")


def _saliency_tile(axes: "Axes", name: str, picture: Array, size: Array, gradient: Array) -> None:
    most = float(size.max()) or 1.0
    if name in ("image", "both"):
        _picture(axes, picture, 0.3 if name == "both" else 1.0)
    if name == "both":
        shade = np.zeros((*size.shape, 4))
        shade[..., :3] = [int(ORANGE[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        shade[..., 3] = 0.85 * size / most
        axes.imshow(shade)
    elif name == "gradient":
        axes.imshow(gradient[..., 0], cmap=signed_colours(), vmin=-most, vmax=most)
    elif name != "image":
        axes.imshow(size, cmap=colour_map("white", ORANGE, BROWN), vmin=0, vmax=most)
    _frame(axes)


def _picture(axes: "Axes", image: Array, alpha: float = 1.0) -> None:
    """Draw an image of any scale; of other than one or three channels their mean."""
    low, high = min(0.0, float(image.min())), max(1.0, float(image.max()))
    shown = (image.astype(np.float64) - low) / (high - low)
    if image.shape[2] == 3:
        axes.imshow(shown, alpha=alpha)
    else:
        axes.imshow(shown.mean(axis=2), "gray_r", vmin=0, vmax=1, alpha=alpha)
    _frame(axes)


def _frame(axes: "Axes") -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(FAINT)


def signed_colours() -> Any:
    """Return the colours of numbers around zero: blue below, white, orange above."""
    return colour_map(BLUE, "white", ORANGE)
