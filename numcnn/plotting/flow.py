"""A network as a chart: one box of words per layer, as Keras's plot_model draws it."""

from typing import TYPE_CHECKING

from numcnn.errors import DTypeError, NotCompiledError
from numcnn.layers.base import Layer
from numcnn.plotting.style import INK, SMALL, TEXT, empty_figure, text_width
from numcnn.plotting.volumes import activation_name
from numcnn.stack import Stack

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD, LINE, PAD, GAP, EDGE = 0.32, 0.23, 0.14, 0.36, 0.2  # inches


def flow_chart(
    model: Stack,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    layer_range: tuple[str, str] | None = None,
) -> "Figure":
    """Draw the layers of a model as boxes in a column or a row.

    Args:
        model: a model that is built.
        show_shapes: write the shapes of what comes in and of what goes out.
        show_dtype: write the float type.
        show_layer_names: write the layer's name before its class.
        rankdir: 'TB' from top to bottom, or 'LR' from left to right.
        show_layer_activations: write the activation of layers that have one.
        show_trainable: write whether training moves the layer's weights.
        layer_range: the names of the first and the last layer to draw.

    Returns:
        A figure as large as the boxes need.

    Raises:
        NotCompiledError: the model is not built. ValueError: rankdir or layer_range is unknown.

    Example:
        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Dense(2, input_shape=(3,)), Dense(1)])
        >>> figure = flow_chart(model, show_shapes=True, show_layer_names=True)
        >>> [text.get_text() for text in figure.axes[0].texts[:3]]
        ['dense (Dense)', 'Input shape: (None, 3)', 'Output shape: (None, 2)']
    """
    if not isinstance(model, Stack):
        raise DTypeError(f"A chart needs a model such as Sequential([...]), got {model!r:.80}.")
    if not model.built:
        raise NotCompiledError(
            "This model has no shapes yet: give the first layer input_shape=(...), or call "
            "model.build((None, ...)) or fit, before it is drawn."
        )
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"rankdir must be 'TB' (top to bottom) or 'LR', got {rankdir!r}.")
    boxes = []
    for layer in _between(model.layers, layer_range):
        kind = type(layer).__name__
        lines = []
        if show_layer_activations and isinstance(getattr(layer, "activation", None), Layer):
            lines.append(f"Activation: {activation_name(layer.activation)}")  # type: ignore[attr-defined]
        if show_shapes:
            lines += [f"Input shape: {layer.input_shape}", f"Output shape: {layer.output_shape}"]
        if show_dtype:
            lines.append(f"Dtype: {layer.dtype}")
        if show_trainable and layer.named_weights():
            lines.append("Trainable" if layer.trainable else "Not trainable")
        boxes.append((f"{layer.name} ({kind})" if show_layer_names else kind, lines))
    return _draw(boxes, rankdir == "LR")


def _between(layers: list[Layer], names: tuple[str, str] | None) -> list[Layer]:
    """Return the layers from one name to another, both included."""
    if names is None:
        return layers
    known = [layer.name for layer in layers]
    if isinstance(names, str) or len(names) != 2 or any(name not in known for name in names):
        raise ValueError(
            f"layer_range must be the names of two layers of the model, got {names!r}. Its "
            f"layers: {', '.join(known)}."
        )
    start, end = known.index(names[0]), known.index(names[1])
    if start > end:
        raise ValueError(f"layer_range: {names[0]!r} comes after {names[1]!r}. Swap them.")
    return layers[start : end + 1]


def _draw(boxes: list[tuple[str, list[str]]], sideways: bool) -> "Figure":
    from matplotlib.patches import FancyArrowPatch, Rectangle

    widths = [
        2 * PAD
        + max(text_width(head, TEXT, bold=True), *(text_width(line, SMALL) for line in lines), 0.6)
        for head, lines in boxes
    ]
    heights = [HEAD + len(lines) * LINE + (0.08 if lines else 0) for _, lines in boxes]
    if sideways:
        width, height = sum(widths) + GAP * (len(boxes) - 1), max(heights)
    else:
        widths = [max(widths)] * len(boxes)
        width, height = widths[0], sum(heights) + GAP * (len(boxes) - 1)
    width, height = width + 2 * EDGE, height + 2 * EDGE
    figure = empty_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    x, top, last = EDGE, height - EDGE, len(boxes) - 1
    for i, ((head, lines), w, h) in enumerate(zip(boxes, widths, heights, strict=True)):
        if sideways:
            top = height / 2 + h / 2
        axes.add_patch(Rectangle((x, top - h), w, h, fc="white", ec=INK, lw=1.2))
        axes.add_patch(Rectangle((x, top - HEAD), w, HEAD, fc=INK, ec=INK, lw=1.2))
        axes.text(
            x + w / 2, top - HEAD / 2, head, color="white", size=TEXT, weight="bold", ha="center",
            va="center", parse_math=False,
        )  # fmt: skip
        for n, line in enumerate(lines):
            axes.text(
                x + PAD, top - HEAD - 0.04 - (n + 0.5) * LINE, line, color=INK, size=SMALL,
                va="center", parse_math=False,
            )  # fmt: skip
        if i < last:
            start = (x + w, height / 2) if sideways else (x + w / 2, top - h)
            end = (start[0] + GAP, start[1]) if sideways else (start[0], start[1] - GAP)
            axes.add_patch(
                FancyArrowPatch(
                    start, end, arrowstyle="-|>", mutation_scale=12, color=INK, lw=1.2,
                    shrinkA=0, shrinkB=1,
                )
            )  # fmt: skip
        x, top = (x + w + GAP, top) if sideways else (x, top - h - GAP)
    return figure
