"""The table that `model.summary()` prints, in Keras's form."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numcnn.stack import Stack


def summary(
    model: "Stack",
    line_length: int | None = None,
    print_fn: Callable[[str], object] | None = None,
) -> None:
    """Print a line per layer: name and type, output shape, number of parameters."""
    write = print_fn or print
    rows = [
        (f"{layer.name} ({type(layer).__name__})", str(layer.output_shape), layer.count_params())
        for layer in model.layers
    ]
    # Keras's columns end at 45, 85 and 100 % of the line; they grow where a text would be cut.
    width = line_length or 65
    first = max(int(width * 0.45), *(len(row[0]) + 1 for row in rows), 0)
    second = max(int(width * 0.85) - int(width * 0.45), *(len(row[1]) + 1 for row in rows), 0)
    third = max(width - first - second, 10)
    width = first + second + third

    def line(a: str, b: str, c: str) -> str:
        return f"{a:<{first}}{b:<{second}}{c:<{third}}"

    write(f'Model: "{model.name}"')
    write("_" * width)
    write(line("Layer (type)", "Output Shape", "Param #"))
    write("=" * width)
    for i, (name, shape, count) in enumerate(rows):
        write(line(name, shape, str(count)))
        write(("=" if i == len(rows) - 1 else "_") * width)
    total = model.count_params()
    moving = [layer.params.values() for layer in model.layers if layer.trainable]
    trainable = sum(param.size for params in moving for param in params)
    write(f"Total params: {total:,}")
    write(f"Trainable params: {trainable:,}")
    write(f"Non-trainable params: {total - trainable:,}")
    write("_" * width)
