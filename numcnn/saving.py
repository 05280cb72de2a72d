"""A model in one file: `.npz`, readable by `np.load(path, allow_pickle=False)`, never a pickle.

The file is a zip of uncompressed `.npy` members, as `np.savez` writes it:

    model                             the configuration, JSON in UTF-8, as an array of bytes; it
                                      lists the other members, so that none can be lost unseen
    conv2d/w, conv2d/b, ...           the weights, by layer and parameter
    optimizer/mean_square/conv2d/w    what the optimizer remembers, by slot and parameter
    training/history/loss             the numbers of each epoch of the training that it comes from
    training/callback-0/...           arrays that a callback remembers, if any does

Two forms were open. All weights could stand in one flat array beside a table of offsets, which is
quick to map into memory; or each in a member with a name. Named members can be read by anyone with
NumPy and no numcnn, and the zip brings a checksum for each; so it is named members.

Reading trusts nothing: members are uncompressed and a header that promises more than its member
holds is refused, so nothing grows beyond the file's own size; the configuration names only classes
of numcnn or those passed as `custom_objects`; and a layer takes its weights from the file only
where shape and type are what its configuration asks for.
"""

import json
import math
import os
import warnings
import zipfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import layers as builtin_layers
from numcnn import losses, optimizers
from numcnn._version import __version__
from numcnn.errors import ModelFileError
from numcnn.files import atomic_write, check_writable
from numcnn.layers.base import Layer, keywords
from numcnn.run import Run
from numcnn.seeds import given_back

if TYPE_CHECKING:
    from numcnn.models import Sequential

Array = np.ndarray[Any, Any]
FORMAT = "numcnn model"
VERSION = 2
READS = (1, 2)  # 1 knew no training
MAX_CONFIG_BYTES = 2**20
MAX_HEADER_BYTES = 4096
MAX_LAYERS = 1000
TRAINING = "training/"
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def save_model(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Write configuration, weights and optimizer memory; what `model.save` calls."""
    arrays = _weights(model)
    moving = _weights(model, trainable_only=True)
    description = _describe(model)
    # Where layers were added or taken off since, the memory belongs to weights that are gone.
    if model.compiled and model.optimizer.fits(list(moving.values())):
        for slot, values in model.optimizer.slots.items():
            for name, array in zip(moving, values, strict=True):
                arrays[f"optimizer/{slot}/{name}"] = array
        if model.run is not None:
            description["training"], more = model.run.describe()
            arrays |= {f"{TRAINING}{name}": array for name, array in more.items()}
    _write(path, description, arrays)


def save_weights(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Write the weights alone; what `model.save_weights` calls."""
    _write(path, {"format": FORMAT, "version": VERSION, "config": None}, _weights(model))


def load_model(
    model: "Sequential",
    path: str | os.PathLike[str],
    custom_objects: dict[str, type[Layer]] | None = None,
) -> None:
    """Make an empty model the one that stands in a file; what `numcnn.models.load_model` calls."""
    description, arrays = _read(path)
    config = description.get("config")
    if config is None:
        raise ModelFileError(
            f"{path} holds weights only (it was written by save_weights). Build the model and call "
            "model.load_weights(path)."
        )
    names = set(builtin_layers.__all__) - {"Layer"}
    classes = {name: getattr(builtin_layers, name) for name in names}
    classes |= custom_objects or {}
    try:
        with given_back(always=True):  # the seeds are those of the file
            _rebuild(model, config, arrays, classes)
            _recompile(model, description["compiled"], arrays)
            _resume(model, description.get("training"), arrays)
        for layer, state in zip(model.layers, description["states"], strict=True):
            layer.set_state({str(key): _count(key, state[key]) for key in layer.get_state()})
        model.seed = _count("seed", description["seed"])
        if arrays:
            raise ModelFileError(f"It holds arrays that belong to no layer: {sorted(arrays)}.")
    except Exception as error:
        raise ModelFileError(
            f"{path} does not describe a model that numcnn can build: {_one_line(error)}"
        ) from error
    _warn_of_nan(path, _weights(model))


def load_weights(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Take the weights of a file into a model that is built; what `model.load_weights` calls."""
    _, arrays = _read(path)
    weights = {key: array for key, array in arrays.items() if _is_weight(key)}
    # Layers may have other names than in the file; their order and shapes must be the same.
    try:
        model.set_weights(list(weights.values()))
    except ValueError as error:
        raise ModelFileError(f"{path} holds weights of another architecture. {error}") from None
    _warn_of_nan(path, weights)


def _weights(model: "Sequential", trainable_only: bool = False) -> dict[str, Array]:
    """Return the weights by the names that they have in a file."""
    return {
        f"{layer.name}/{name}": array
        for layer in model.layers
        if layer.trainable or not trainable_only
        for name, array in layer.params.items()
    }


def _is_slot(key: str) -> bool:
    """Tell 'optimizer/slot/layer/parameter' from a parameter of a layer named 'optimizer'."""
    return key.startswith("optimizer/") and key.count("/") == 3


def _is_weight(key: str) -> bool:
    """Tell 'layer/parameter' from the optimizer's memory and from 'training/history/loss'."""
    return not _is_slot(key) and not (key.startswith(TRAINING) and key.count("/") == 2)


def _warn_of_nan(path: str | os.PathLike[str], weights: dict[str, Array]) -> None:
    bad = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if bad:
        warnings.warn(
            f"{path} holds weights that are NaN or infinite: {', '.join(bad)}.", stacklevel=4
        )


def _describe(model: "Sequential") -> dict[str, Any]:
    compiled: dict[str, Any] | None = None
    if model.compiled:
        compiled = {
            "optimizer": type(model.optimizer).__name__,
            "optimizer_config": model.optimizer.get_config(),
            "iterations": model.optimizer.iterations,
            "loss": model.loss.name,
            "loss_config": model.loss.get_config(),
            "metrics": [m for m in model.given_metrics if isinstance(m, str)],
            "engine": model.engine_name,
            "exact": model.exact,
        }
        for kind, ours, cls in (
            ("optimizer", optimizers.OPTIMIZERS.values(), type(model.optimizer)),
            ("loss", losses.LOSSES.values(), type(model.loss)),
        ):
            if cls not in ours:
                raise TypeError(
                    f"The {kind} {cls.__name__} is not one of numcnn's and cannot be saved. Save "
                    "the weights with model.save_weights(path)."
                )
    for layer in model.layers:
        if lost := set(keywords(type(layer))) - set(layer.get_config()):
            raise TypeError(
                f"{type(layer).__name__} takes {sorted(lost)}, but its get_config does not return "
                "them; the file could not make the layer again. Add them to get_config."
            )
    if len(model.layers) > MAX_LAYERS:
        raise ValueError(f"A file holds at most {MAX_LAYERS} layers, got {len(model.layers)}.")
    return {
        "format": FORMAT,
        "version": VERSION,
        "numcnn": __version__,
        "config": model.get_config(),
        "compiled": compiled,
        "states": [layer.get_state() for layer in model.layers],
        "seed": model.seed,
    }


def _rebuild(
    model: "Sequential", config: dict[str, Any], arrays: dict[str, Array], classes: dict[str, Any]
) -> None:
    if not isinstance(config["name"], str):
        raise ModelFileError("The model's name is not a text.")
    if not isinstance(config["layers"], list) or len(config["layers"]) > MAX_LAYERS:
        raise ModelFileError(f"The file has no list of layers, or more than {MAX_LAYERS}.")
    model.name = config["name"]
    made: list[Layer] = []
    for entry in config["layers"]:
        cls = classes.get(entry["class_name"])
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            raise ModelFileError(
                f"The file names a layer class {entry['class_name']!r} that numcnn does not have. "
                "If it is yours, pass custom_objects={'" + str(entry["class_name"]) + "': ...}."
            )
        layer = cls.from_config(entry["config"])
        prefix = f"{layer.name}/"
        own = [key for key in arrays if key.startswith(prefix) and _is_weight(key)]
        layer.preset = {key.removeprefix(prefix): arrays.pop(key) for key in own}
        made.append(layer)
    for layer in made:
        model.add(layer)
    model.build((None, *config["input_shape"]))
    for layer in model.layers:
        if layer.preset and (surplus := set(layer.preset) - set(layer.params)):
            raise ModelFileError(f"Layer {layer.name!r} has no parameters {sorted(surplus)}.")
        layer.preset = None


def _recompile(
    model: "Sequential", compiled: dict[str, Any] | None, arrays: dict[str, Array]
) -> None:
    if compiled is None:
        return
    optimizer = optimizers.OPTIMIZERS[compiled["optimizer"].lower()](**compiled["optimizer_config"])
    loss = losses.LOSSES[compiled["loss"]](**compiled["loss_config"])
    exact = compiled.get("exact", False)  # files of version 0.1 do not have it
    if not isinstance(exact, bool):
        raise ModelFileError(f"exact must be true or false, got {exact!r}.")
    model.compile(optimizer, loss, compiled["metrics"], compiled["engine"], exact)
    optimizer.iterations = _count("iterations", compiled["iterations"])
    params = _weights(model, trainable_only=True)
    if not any(_is_slot(key) for key in arrays):
        return
    optimizer.make_slots(list(params.values()))
    for slot, expected in optimizer.slots.items():
        found = [arrays.pop(f"optimizer/{slot}/{name}", None) for name in params]
        for name, wanted, array in zip(params, expected, found, strict=True):
            if array is None or (array.shape, array.dtype) != (wanted.shape, wanted.dtype):
                raise ModelFileError(f"The optimizer's {slot} of {name} does not fit the weights.")
        optimizer.slots[slot] = [array for array in found if array is not None]


def _resume(
    model: "Sequential", description: dict[str, Any] | None, arrays: dict[str, Array]
) -> None:
    if description is None:
        return
    if not model.compiled:
        raise ModelFileError("It holds a training of a model that is not compiled.")
    names = [name for name in arrays if not _is_weight(name) and not _is_slot(name)]
    own = {name.removeprefix(TRAINING): arrays.pop(name) for name in names}
    model.run = Run.from_description(description, own)
    model.history = model.run.shown()
    if own:
        raise ModelFileError(f"It holds arrays that belong to no training: {sorted(own)}.")


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ModelFileError(f"{name} must be an integer of at least 0, got {value!r}.")
    return value


def _write(
    path: str | os.PathLike[str], description: dict[str, Any], arrays: dict[str, Array]
) -> None:
    if Path(path).suffix != ".npz":
        raise ValueError(
            f"numcnn saves models as .npz files, not HDF5 or others: write "
            f"{os.fspath(Path(path).with_suffix('.npz'))!r} instead of {os.fspath(path)!r}."
        )
    check_writable(path)
    try:
        text = json.dumps(description | {"arrays": list(arrays)}).encode()
    except TypeError as error:
        raise TypeError(
            f"The configuration of a layer holds something that JSON cannot: {error}. Let its "
            "get_config return numbers, texts, lists and dictionaries."
        ) from None
    if len(text) > MAX_CONFIG_BYTES:
        raise ValueError(
            f"The configuration takes {len(text):,} bytes, a file holds at most "
            f"{MAX_CONFIG_BYTES:,}. Let the layers' get_config return less."
        )
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"model": np.frombuffer(text, np.uint8), **arrays}.items():
            # A fixed date, so that the same model gives the same bytes.
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the description and the arrays of a file, or raise one ModelFileError."""
    try:
        with open(path, "rb") as file:
            if file.read(8) == HDF5_SIGNATURE:
                raise ModelFileError(
                    "it is an HDF5 file, as Keras writes; numcnn reads the .npz files that it saves"
                )
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) != len(names) or "model.npy" not in names:
                raise ModelFileError("the members are not those of a model")
            if not all(name.endswith(".npy") for name in names):
                raise ModelFileError("a member is not an array")
            if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
                raise ModelFileError("a member is compressed or encrypted")
            size = os.fstat(file.fileno()).st_size
            if any(m.compress_size != m.file_size or m.file_size > size for m in members):
                raise ModelFileError("a member is larger than the file")
            if archive.getinfo("model.npy").file_size > MAX_CONFIG_BYTES:
                raise ModelFileError("the configuration is too large")
            arrays = {name.removesuffix(".npy"): _read_array(archive.read(name)) for name in names}
        description = json.loads(arrays.pop("model").tobytes())
        if not isinstance(description, dict) or description.get("format") != FORMAT:
            raise ModelFileError("it is not a numcnn model")
        if description.get("version") not in READS:
            raise ModelFileError(
                f"file version {description.get('version')}, this numcnn reads <= {VERSION}"
            )
        if description.get("arrays") != list(arrays):
            raise ModelFileError("its members are not those that its configuration lists")
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:
        raise ModelFileError(
            f"{os.fspath(path)} is not a model that can be read: {_one_line(error)}"
        ) from error
    return description, arrays


def _read_array(raw: bytes) -> Array:
    stream = BytesIO(raw)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ModelFileError("a member is not an array of format 1.0")
    if int.from_bytes(raw[8:10], "little") > MAX_HEADER_BYTES:
        raise ModelFileError("the header of a member is too long")
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype not in (np.uint8, np.float32, np.float64) or in_columns:
        raise ModelFileError(f"a member has dtype {dtype}, or its numbers in another order")
    if math.prod(shape) * dtype.itemsize != len(raw) - stream.tell():
        raise ModelFileError(f"a member's bytes do not make an array of shape {shape}")
    return np.frombuffer(raw, dtype, offset=stream.tell()).reshape(shape).copy()


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text.rstrip('.')}."
