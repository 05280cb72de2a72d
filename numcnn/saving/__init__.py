"""A model in one file: see npz.py for its form, description.py for what stands in it."""

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn.errors import ModelFileError
from numcnn.layers.base import Layer
from numcnn.saving import npz
from numcnn.saving.description import MAX_LAYERS, build, describe, is_weight, one_line, weights_of
from numcnn.saving.npz import MAX_CONFIG_BYTES

if TYPE_CHECKING:
    from numcnn.models import Sequential

__all__ = [
    "MAX_CONFIG_BYTES",
    "MAX_LAYERS",
    "load_model",
    "load_weights",
    "save_model",
    "save_weights",
]

Array = np.ndarray[Any, Any]


def save_model(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Write configuration, weights and optimizer memory; what `model.save` calls."""
    npz.write(path, *describe(model))


def save_weights(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Write the weights alone; what `model.save_weights` calls."""
    npz.write(path, {"config": None}, weights_of(model))


def load_model(
    model: "Sequential",
    path: str | os.PathLike[str],
    custom_objects: dict[str, type[Layer]] | None = None,
) -> None:
    """Make an empty model the one that stands in a file; what `numcnn.models.load_model` calls."""
    description, arrays = npz.read(path)
    if description.get("config") is None:
        raise ModelFileError(
            f"{path} holds weights only (it was written by save_weights). Build the model and call "
            "model.load_weights(path)."
        )
    try:
        build(model, description, arrays, custom_objects)
    except Exception as error:
        raise ModelFileError(
            f"{path} does not describe a model that numcnn can build: {one_line(error)}"
        ) from error
    _warn_of_nan(path, weights_of(model))


def load_weights(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Take the weights of a file into a model that is built; what `model.load_weights` calls."""
    _, arrays = npz.read(path)
    weights = {key: array for key, array in arrays.items() if is_weight(key)}
    # Layers may have other names than in the file; their order and shapes must be the same.
    try:
        model.set_weights(list(weights.values()))
    except ValueError as error:
        raise ModelFileError(f"{path} holds weights of another architecture. {error}") from None
    _warn_of_nan(path, weights)


def _warn_of_nan(path: str | os.PathLike[str], weights: dict[str, Array]) -> None:
    bad = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if bad:
        warnings.warn(
            f"{path} holds weights that are NaN or infinite: {', '.join(bad)}.", stacklevel=4
        )
