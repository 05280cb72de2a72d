"""A model in one file: `.npz`, readable by `np.load(path, allow_pickle=False)`, never a pickle.

The file is a zip of uncompressed `.npy` members, as `np.savez` writes it:

    model                             the configuration, JSON in UTF-8, as an array of bytes
    conv2d/w, conv2d/b, ...           the weights, by layer and parameter
    optimizer/mean_square/conv2d/w    what the optimizer remembers, by slot and parameter

Two forms were open. All weights could stand in one flat array beside a table of offsets, which is
quick to map into memory; or each in a member with a name. Named members can be read by anyone with
NumPy and no numcnn, and the zip brings a checksum for each; so it is named members.

Reading trusts nothing: members are uncompressed, so a file cannot hold more than its own size; the
configuration names only classes of numcnn or those passed as `custom_objects`; and a layer takes
its weights from the file only where shape and type are what its configuration asks for.
"""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import layers as builtin_layers
from numcnn import losses, optimizers
from numcnn._version import __version__
from numcnn.errors import ModelFileError
from numcnn.files import atomic_write, check_writable
from numcnn.layers.base import Layer, check_weights

if TYPE_CHECKING:
    from numcnn.models import Sequential

Array = np.ndarray[Any, Any]
FORMAT = "numcnn model"
VERSION = 1
MAX_CONFIG_BYTES = 2**20
MAX_LAYERS = 1000


def save_model(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Write configuration, weights and optimizer memory; what `model.save` calls."""
    arrays = _weights(model)
    if model.compiled:
        names = list(_weights(model, trainable_only=True))
        for slot, values in model.optimizer.slots.items():
            for name, array in zip(names, values, strict=True):
                arrays[f"optimizer/{slot}/{name}"] = array
    _write(path, _describe(model), arrays)


def save_weights(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Write the weights alone; what `model.save_weights` calls."""
    _write(path, {"format": FORMAT, "version": VERSION, "config": None}, _weights(model))


def load_model(
    path: str | os.PathLike[str], custom_objects: dict[str, type[Layer]] | None = None
) -> "Sequential":
    """Return the model that `model.save` wrote, bit for bit, ready to predict or to train on.

    Args:
        path: the file.
        custom_objects: layer classes of your own by name. Others than numcnn's own and these are
            refused, whatever the file says.

    Raises:
        ModelFileError: the file is damaged, too new, or not a model. FileNotFoundError: no file.
    """
    from numcnn.models import Sequential

    description, arrays = _read(path)
    config = description.get("config")
    if config is None:
        raise ModelFileError(
            f"{path} holds weights only (it was written by save_weights). Build the model and call "
            "model.load_weights(path)."
        )
    classes = {name: getattr(builtin_layers, name) for name in builtin_layers.__all__}
    classes |= custom_objects or {}
    try:
        model = _rebuild(Sequential(name=config["name"]), config, arrays, classes)
        _recompile(model, description["compiled"], arrays)
        for layer, state in zip(model.layers, description["states"], strict=True):
            layer.set_state({str(key): int(state[key]) for key in layer.get_state()})
        model.seed = int(description["seed"])
    except ModelFileError:
        raise
    except Exception as error:
        raise ModelFileError(
            f"{path} does not describe a model that numcnn can build: {error}"
        ) from error
    if arrays:
        raise ModelFileError(f"{path} holds arrays that belong to no layer: {sorted(arrays)}.")
    return model


def load_weights(model: "Sequential", path: str | os.PathLike[str]) -> None:
    """Take the weights of a file into a model that is built; what `model.load_weights` calls."""
    _, arrays = _read(path)
    weights = {k: a for k, a in arrays.items() if not k.startswith("optimizer/")}
    # Layers may have other names than in the file; their order and shapes must be the same.
    params = _weights(model)
    try:
        checked = check_weights(list(params.values()), list(weights.values()), "the model")
    except ValueError as error:
        raise ModelFileError(f"{path} holds weights of another architecture. {error}") from None
    for param, array in zip(params.values(), checked, strict=True):
        param[...] = array


def _weights(model: "Sequential", trainable_only: bool = False) -> dict[str, Array]:
    """Return the weights by the names that they have in a file."""
    return {
        f"{layer.name}/{name}": array
        for layer in model.layers
        if layer.trainable or not trainable_only
        for name, array in layer.params.items()
    }


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
        }
        for kind, name, known in (
            ("optimizer", compiled["optimizer"].lower(), optimizers.OPTIMIZERS),
            ("loss", compiled["loss"], losses.LOSSES),
        ):
            if name not in known:
                raise TypeError(
                    f"The {kind} {name!r} is not one of numcnn's and cannot be saved. Save the "
                    "weights with model.save_weights(path)."
                )
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
) -> "Sequential":
    if len(config["layers"]) > MAX_LAYERS:
        raise ModelFileError(f"The file has more than {MAX_LAYERS} layers.")
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
        own = [key for key in arrays if key.startswith(prefix)]
        layer.preset = {key.removeprefix(prefix): arrays.pop(key) for key in own}
        made.append(layer)
    for layer in made:
        model.add(layer)
    model.build((None, *config["input_shape"]))
    for layer in model.layers:
        if layer.preset and (surplus := set(layer.preset) - set(layer.params)):
            raise ModelFileError(f"Layer {layer.name!r} has no parameters {sorted(surplus)}.")
        layer.preset = None
    return model


def _recompile(
    model: "Sequential", compiled: dict[str, Any] | None, arrays: dict[str, Array]
) -> None:
    if compiled is None:
        return
    optimizer = optimizers.OPTIMIZERS[compiled["optimizer"].lower()](**compiled["optimizer_config"])
    loss = losses.LOSSES[compiled["loss"]](**compiled["loss_config"])
    model.compile(optimizer, loss, compiled["metrics"], compiled["engine"])
    optimizer.iterations = int(compiled["iterations"])
    params = _weights(model, trainable_only=True)
    expected = type(optimizer)(**compiled["optimizer_config"])
    for slot in optimizer.slot_names:
        keys = [f"optimizer/{slot}/{name}" for name in params]
        if not any(key in arrays for key in keys):
            continue
        if not expected.slots:
            expected.make_slots(list(params.values()))
        slots = [arrays.pop(key) for key in keys]
        if [(a.shape, a.dtype) for a in slots] != [
            (a.shape, a.dtype) for a in expected.slots[slot]
        ]:
            raise ModelFileError(f"The optimizer's {slot} does not fit the weights.")
        optimizer.slots[slot] = slots


def _write(
    path: str | os.PathLike[str], description: dict[str, Any], arrays: dict[str, Array]
) -> None:
    if Path(path).suffix != ".npz":
        raise ValueError(f"numcnn saves models as .npz files; {os.fspath(path)!r} ends otherwise.")
    check_writable(path)
    try:
        text = json.dumps(description).encode()
    except TypeError as error:
        raise TypeError(
            f"The configuration of a layer holds something that JSON cannot: {error}. Let its "
            "get_config return numbers, texts, lists and dictionaries."
        ) from None
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"model": np.frombuffer(text, np.uint8), **arrays}.items():
            # A fixed date, so that the same model gives the same bytes.
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the description and the arrays of a file, or raise one ModelFileError."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) != len(names) or "model.npy" not in names:
                raise ModelFileError("the members are not those of a model")
            if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
                raise ModelFileError("a member is compressed or encrypted")
            if archive.getinfo("model.npy").file_size > MAX_CONFIG_BYTES:
                raise ModelFileError("the configuration is too large")
            arrays = {name.removesuffix(".npy"): _read_array(archive.read(name)) for name in names}
        description = json.loads(arrays.pop("model").tobytes())
        if not isinstance(description, dict) or description.get("format") != FORMAT:
            raise ModelFileError("it is not a numcnn model")
        if description.get("version") != VERSION:
            raise ModelFileError(
                f"file version {description.get('version')}, this numcnn reads {VERSION}"
            )
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:
        raise ModelFileError(
            f"{os.fspath(path)} is not a model that can be read: {error}."
        ) from error
    return description, arrays


def _read_array(raw: bytes) -> Array:
    stream = io.BytesIO(raw)
    array = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=4096)
    if stream.read(1):
        raise ModelFileError("a member is longer than its array")
    if array.dtype not in (np.uint8, np.float32, np.float64):
        raise ModelFileError(f"a member has dtype {array.dtype}")
    return array
