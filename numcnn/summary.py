"""The table that `model.summary()` prints, in Keras's form."""

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from numcnn.errors import DTypeError
from numcnn.layers.base import Layer

if TYPE_CHECKING:
    from numcnn.stack import Stack


def summary(
    model: "Stack",
    shown: list[Layer],
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], object] | None = None,
    show_trainable: bool = False,
) -> None:
    """Print a line per layer: name and type, output shape, number of parameters."""
    write = print_fn or print
    head = ["Layer (type)", "Output Shape", "Param #"] + ["Trainable"] * show_trainable
    rows = [_row(layer)[: len(head)] for layer in shown]
    width = line_length or 65
    # Keras's columns end at 45, 85 and 100 % of the line; they grow where a text would be cut.
    ends = column_ends(positions, width, len(head))
    widths = [b - a for a, b in itertools.pairwise([0, *ends])]
    for i in range(len(widths) - 1):
        widths[i] = max(widths[i], *(len(row[i]) + 1 for row in rows), 0)
    widths[-1] = max(width - sum(widths[:-1]), 10)
    width = sum(widths)

    def line(texts: list[str]) -> str:
        return "".join(f"{text:<{n}}" for text, n in zip(texts, widths, strict=True))

    write(f'Model: "{model.name}"')
    write("_" * width)
    write(line(head))
    write("=" * width)
    for i, row in enumerate(rows):
        write(line(row))
        write(("=" if i == len(rows) - 1 else "_") * width)
    total = model.count_params()
    trainable = sum(w.size for w in model.trainable_weights)
    write(f"Total params: {total:,}")
    write(f"Trainable params: {trainable:,}")
    write(f"Non-trainable params: {total - trainable:,}")
    write("_" * width)


def column_ends(positions: Any, width: int, columns: int) -> list[int]:
    """Return where each column ends, in letters; positions of at most 1 are shares of the width."""
    if positions is None:
        shares = [0.45, 0.85, 1.0] if columns == 3 else [0.4, 0.72, 0.85, 1.0]
        return [int(share * width) for share in shares]
    try:
        ends = [float(position) for position in positions]
    except (TypeError, ValueError):
        ends = []
    if len(ends) != columns or ends != sorted(ends) or (ends and ends[0] <= 0):
        raise DTypeError(
            f"positions must say where each of the {columns} columns ends, such as "
            f"[0.45, 0.85, 1.0], got {positions!r}."
        )
    return [int(end * width) if ends[-1] <= 1 else int(end) for end in ends]


def _row(layer: Layer) -> list[str]:
    moves = ("Y" if layer.trainable else "N") if layer.named_weights() else "-"
    shape, count = str(layer.output_shape), str(layer.count_params())
    return [f"{layer.name} ({type(layer).__name__})", shape, count, moves]
