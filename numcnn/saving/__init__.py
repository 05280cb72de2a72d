"""A model in one file, in one of several forms: the name says which, and when read the content.

    .npz                 numcnn's own: everything, to go on training from where it stopped (npz.py)
    .keras, .h5          Keras's: a model to be used or trained on there (keras/)
    .weights.h5, .h5     Keras's, the weights alone
    .safetensors         the weights alone, for any program (safetensors.py)

`description.py` says what a model consists of. A file that is read may come from anyone: none can
run code, have more memory taken than it is long, or leave a model half changed.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn.errors import ModelFileError
from numcnn.files import check_writable
from numcnn.layers.base import check_weights
from numcnn.saving import forms, npz, safetensors
from numcnn.saving.description import (
    MAX_LAYERS,
    build,
    describe,
    is_weight,
    one_line,
    restore_states,
    weights_of,
    without_training,
)
from numcnn.saving.forms import HDF5, KERAS, NPZ, SAFETENSORS
from numcnn.saving.keras import files as keras
from numcnn.saving.keras.layers import keras_name
from numcnn.saving.keras.sequential import from_keras
from numcnn.saving.npz import MAX_CONFIG_BYTES

if TYPE_CHECKING:
    from numcnn.models import Sequential

__all__ = [
    "MAX_CONFIG_BYTES",
    "MAX_LAYERS",
    "forms",
    "from_keras",
    "read_model",
    "read_weights",
    "write_model",
    "write_weights",
]

Array = np.ndarray[Any, Any]


def __getattr__(name: str) -> Any:
    """Return what Keras 3 has in `keras.saving`, which stands in numcnn.models."""
    if name in ("load_model", "save_model"):
        return getattr(sys.modules["numcnn.models"], name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def write_model(
    model: "Sequential",
    path: str | os.PathLike[str],
    form: str | None = None,
    with_optimizer: bool = True,
) -> None:
    """Write configuration, weights and optimizer memory; what `model.save` calls.

    form: one of forms.py's; None: the one that the name asks for.
    """
    form = form or forms.by_name(path, "models", forms.MODELS)
    check_writable(path)
    write = {NPZ: npz.write, KERAS: keras.write_zip, HDF5: keras.write_hdf5}[form]
    write(path, *describe(model, with_optimizer))


def write_weights(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Write the weights alone; what `model.save_weights` calls."""
    form = forms.by_name(path, "weights", forms.WEIGHTS)
    check_writable(path)
    if form == NPZ:
        npz.write(path, {"config": None}, weights_of(model))
    elif form == SAFETENSORS:
        safetensors.write(path, _for_others(model))
    else:
        keras.write_weights(path, model.get_config(), weights_of(model))


def read_model(
    model: "Sequential",
    path: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compiled: bool = True,
) -> None:
    """Make an empty model the one that stands in a file; what `numcnn.models.load_model` calls.

    compiled: whether optimizer, loss, metrics and how far its training is are taken as well.
    """
    left: list[str] = []
    with _refusing(path, "is not a model that can be read"):
        form = forms.by_content(path)
        if form == NPZ:
            description, arrays = npz.read(path)
        elif form == SAFETENSORS:
            description, arrays = {"config": None}, {}
        else:
            read = keras.read_zip if form == KERAS else keras.read_hdf5
            description, arrays, left = read(path)
    if description.get("config") is None:
        raise ModelFileError(
            f"{os.fspath(path)} holds weights only (it was written by save_weights). Build the "
            "model and call model.load_weights(path)."
        )
    if not compiled:
        description, arrays = without_training(description, arrays)
        left = []
    with _refusing(path, "does not describe a model that numcnn can build"):
        build(model, description, arrays, custom_objects)
        if form == NPZ:
            restore_states(model, description)
    for text in left:
        warnings.warn(f"{os.fspath(path)}: {text}.", stacklevel=3)
    _warn_of_nan(path, weights_of(model))


def read_weights(
    model: "Sequential",
    path: str | os.PathLike[str],
    by_name: bool = False,
    skip_mismatch: bool = False,
) -> None:
    """Take the weights of a file into a model that is built; what `model.load_weights` calls."""
    if by_name:
        _read_by_name(model, path, skip_mismatch)
        return
    with _refusing(path, "is not a model that can be read"):
        form = forms.by_content(path)
        if form == NPZ:
            _, arrays = npz.read(path)
            weights = [array for key, array in arrays.items() if is_weight(key)]
        elif form == SAFETENSORS:
            weights = safetensors.read(path, list(_for_others(model)))
        else:
            read = keras.weights_of_zip if form == KERAS else keras.weights_of_hdf5
            weights = read(path, lambda: keras.outline_of(model.get_config()))
    # Layers may have other names than in the file; their order and shapes must be the same.
    try:
        model.set_weights(weights)
    except ValueError as error:
        raise ModelFileError(
            f"{os.fspath(path)} holds weights of another architecture. {error}"
        ) from None
    _warn_of_nan(path, weights_of(model))


def _read_by_name(model: "Sequential", path: str | os.PathLike[str], skip_mismatch: bool) -> None:
    """Take the weights of those layers whose name a layer of the model has, all of them or none."""
    found: dict[str, list[Array]] = {}
    with _refusing(path, "has no weights by the names of layers"):
        form = forms.by_content(path)
        if form == NPZ:
            for key, array in npz.read(path)[1].items():
                if is_weight(key):
                    found.setdefault(key.split("/")[0], []).append(array)
        elif form == HDF5:
            found = keras.weights_by_layer(path)
        else:
            raise ModelFileError(f"a {form} file numbers its layers; leave by_name out")
    taken = []
    for layer in model.layers:
        own = list(layer.named_weights().values())
        if own and layer.name in found:
            try:
                taken.append((layer, check_weights(own, found[layer.name], repr(layer.name))))
            except ValueError as error:
                if not skip_mismatch:
                    raise ModelFileError(f"{os.fspath(path)} does not fit. {error}") from None
    for layer, weights in taken:
        layer.set_weights(weights)
    if not taken:
        warnings.warn(
            f"{os.fspath(path)} has weights of {sorted(found)}; no layer of the model has one of "
            "these names and shapes, so nothing was loaded.",
            stacklevel=4,
        )
    _warn_of_nan(path, weights_of(model))


def _for_others(model: "Sequential") -> dict[str, Array]:
    """Return the weights by Keras's names: 'conv2d/kernel'."""
    return {
        f"{layer.name}/{keras_name(type(layer).__name__, name)}": array
        for layer in model.layers
        for name, array in layer.named_weights().items()
    }


@contextmanager
def _refusing(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn what a file may be refused for into one error; what the file is not to blame for not."""
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError, ImportError):
        raise
    except Exception as error:
        raise ModelFileError(f"{os.fspath(path)} {what}: {one_line(error)}") from error


def _warn_of_nan(path: str | os.PathLike[str], weights: dict[str, Array]) -> None:
    bad = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if bad:
        warnings.warn(
            f"{path} holds weights that are NaN or infinite: {', '.join(bad)}.", stacklevel=4
        )
