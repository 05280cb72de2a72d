"""Weights for any program: `.safetensors`, with the extra `safetensors`.

The file is eight bytes that say how long the header is, a header in JSON that gives each array's
type, shape and place, and the numbers of all arrays. The arrays bear Keras's names,
`conv2d/kernel`, and a file fits a model whose layers have those names.

Two ways were open: some sixty lines of our own, which would need no package, or the package of
those who made the format. A reader of files that may come from anyone is worth what has been tried
on it; theirs is old, widely used, and checks that arrays neither overlap nor leave gaps. A second
one here would have to prove the same and would teach nothing about networks. So it is the package.
"""

import os
from typing import Any

import numpy as np

from numcnn import extras
from numcnn._version import __version__
from numcnn.errors import ModelFileError
from numcnn.files import atomic_write, open_regular

Array = np.ndarray[Any, Any]


def _package() -> Any:
    return extras.load("safetensors.numpy", "safetensors", "A .safetensors file")


def write(path: str | os.PathLike[str], weights: dict[str, Array]) -> None:
    """Write arrays by name, atomically."""
    whole = {name: np.ascontiguousarray(array) for name, array in weights.items()}
    raw = _package().save(whole, metadata={"format": "np", "numcnn": __version__})
    with atomic_write(path) as file:
        file.write(raw)


def read(path: str | os.PathLike[str], names: list[str]) -> list[Array]:
    """Return the arrays of these names, in this order.

    Raises:
        ModelFileError: there are others, or fewer. The message names them.
    """
    package = _package()
    with open_regular(path) as file:
        found = package.load(file.read())
    if set(found) != set(names):
        missing = [name for name in names if name not in found]
        surplus = sorted(set(found) - set(names))
        raise ModelFileError(
            f"its arrays are not those of the model: missing {missing[:9]}, beyond it {surplus[:9]}"
        )
    return [found[name] for name in names]
