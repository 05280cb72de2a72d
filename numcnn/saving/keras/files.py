"""Keras's files, read and written: where in them configuration, weights and memory stand."""

import json
import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from numcnn import extras
from numcnn._version import __version__
from numcnn.errors import ModelFileError
from numcnn.files import atomic_write, open_regular
from numcnn.saving import archive
from numcnn.saving.keras import compiled as training
from numcnn.saving.keras import layers, sequential
from numcnn.saving.keras.hdf5 import Group, Reader
from numcnn.saving.keras.sequential import Outline

Array = np.ndarray[Any, Any]
Path = str | os.PathLike[str]
Model = tuple[dict[str, Any], dict[str, Array], list[str]]

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_JSON_BYTES = 2**24
KERAS = "3.0.0"  # by which files are written


# ---- reading ----------------------------------------------------------------------------------


def read_zip(path: Path) -> Model:
    """Return the description, the arrays, and what was left behind, of a `.keras` file."""
    with archive.opened(path) as members:
        names = [member.filename for member in members.infolist()]
        if not {CONFIG, WEIGHTS} <= set(names):
            raise ModelFileError(f"it is a zip without {CONFIG} and {WEIGHTS}")
        if others := [n for n in names if n not in (CONFIG, METADATA, WEIGHTS, "assets/")]:
            raise ModelFileError(f"it holds {others[0]!r:.80}, which no layer of numcnn has")
        if members.getinfo(CONFIG).file_size > MAX_JSON_BYTES:
            raise ModelFileError("the configuration is too large")
        found = json.loads(members.read(CONFIG))
        told = json.loads(members.read(METADATA)) if METADATA in names else {}
        raw = members.read(WEIGHTS)
    version = told.get("keras_version") if isinstance(told, dict) else None
    outline = sequential.from_keras(found, version if isinstance(version, str) else None)
    reader = Reader(raw)
    arrays, memory = _numbered(reader, outline), _numbered_memory(reader)
    return _model(outline, arrays, found.get("compile_config"), memory, grouped=False)


def read_hdf5(path: Path) -> Model:
    """Return the same of a `.h5` file that holds a whole model."""
    reader = Reader(_content(path))
    text = reader.text(reader.root, "model_config")
    if text is None:
        raise ModelFileError(
            "it holds weights only; build the model and call model.load_weights(path)"
        )
    version = reader.text(reader.root, "keras_version")
    outline = sequential.from_keras(json.loads(text), version)
    groups = _named(reader, reader.group(reader.root, "model_weights"))
    groups = {name: own for name, own in groups.items() if own}
    wanted = [n for n, own in zip(outline.names, outline.weights, strict=True) if own]
    if set(groups) != set(wanted):
        raise ModelFileError(f"it has weights of {list(groups)}, its layers are {wanted}")
    arrays = _joined(outline, [groups.get(name, []) for name in outline.names])
    compiled = reader.text(reader.root, "training_config")
    memory, grouped = _named_memory(reader)
    return _model(outline, arrays, json.loads(compiled) if compiled else None, memory, grouped)


def weights_of_zip(path: Path, outline: Callable[[], Outline]) -> list[Array]:
    """Return the weights alone of a `.keras` file, in order."""
    with archive.opened(path) as members:
        raw = members.read(WEIGHTS)
    return list(_numbered(Reader(raw), outline()).values())


def weights_of_hdf5(path: Path, outline: Callable[[], Outline]) -> list[Array]:
    """Return the weights alone of a `.h5` file, in order, whichever of Keras's layouts it has."""
    reader = Reader(_content(path))
    root = reader.root
    if "layers" in root and "layer_names" not in root.attributes:
        return list(_numbered(reader, outline()).values())
    group = reader.group(root, "model_weights") if "model_weights" in root else root
    return [array for own in _named(reader, group).values() for array in own]


def weights_by_layer(path: Path) -> dict[str, list[Array]]:
    """Return the weights of each layer by its name, of a `.h5` file that has the names."""
    reader = Reader(_content(path))
    root = reader.root
    if "layers" in root and "layer_names" not in root.attributes:
        raise ModelFileError("it numbers its layers; leave by_name out")
    group = reader.group(root, "model_weights") if "model_weights" in root else root
    return {name: own for name, own in _named(reader, group).items() if own}


def _content(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()


def _named(reader: Reader, group: Group) -> dict[str, list[Array]]:
    """Return the weights by layer where the file names them: Keras 2, and `.h5` of Keras 3."""
    names = reader.texts(group, "layer_names")
    if len(set(names)) != len(names) or not names:
        raise ModelFileError("it does not list its layers")
    found = {}
    for name in names:
        own = reader.group(group, name)
        found[name] = [reader.array(own, weight) for weight in reader.texts(own, "weight_names")]
    return found


def _numbered(reader: Reader, outline: Outline) -> dict[str, Array]:
    """Return the weights where the file numbers them: layers/conv2d/vars/0, Keras 3."""
    groups = layers.group_names(outline.classes)
    everything = reader.group(reader.root, "layers")
    found = []
    for name in groups:
        own = reader.group(everything, name)
        count = len(reader.group(own, "vars")) if "vars" in own else 0
        found.append([reader.array(own, f"vars/{i}") for i in range(count)])
    if surplus := set(everything) - set(groups):
        raise ModelFileError(f"it has weights of {sorted(surplus)}, which the model does not have")
    return _joined(outline, found)


def _joined(outline: Outline, found: list[list[Array]]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for layer, names, own in zip(outline.names, outline.weights, found, strict=True):
        if len(names) != len(own):
            raise ModelFileError(
                f"layer {layer!r} has the weights {list(names.values())}, the file {len(own)} "
                f"arrays of the shapes {[array.shape for array in own]}"
            )
        arrays |= {f"{layer}/{name}": array for name, array in zip(names, own, strict=True)}
    return arrays


def _numbered_memory(reader: Reader) -> list[Array]:
    if "optimizer" not in reader.root:
        return []
    group = reader.group(reader.root, "optimizer/vars")
    return [reader.array(group, str(i)) for i in range(len(group))]


def _named_memory(reader: Reader) -> tuple[list[Array], bool]:
    """Return an optimizer's arrays, and whether each kind stands together (before Keras 2.11)."""
    if "optimizer_weights" not in reader.root:
        return [], False
    group = reader.group(reader.root, "optimizer_weights")
    names = reader.texts(group, "weight_names")
    grouped = any(name.startswith("training/") or name.endswith(("/m:0", "/v:0")) for name in names)
    return [reader.array(group, name) for name in names], grouped


def _model(
    outline: Outline, arrays: dict[str, Array], found: Any, memory: list[Array], grouped: bool
) -> Model:
    description: dict[str, Any] = {"config": outline.config, "compiled": None}
    if not found:
        return description, arrays, []
    if not isinstance(found, dict):
        raise ModelFileError("how it was compiled is not described as Keras does")
    compiled, left = training.from_keras(found)
    description["compiled"] = compiled
    counters = [array for array in memory if array.shape == ()]
    moved = [array for array in memory if array.shape != ()]
    if compiled is not None and memory:
        params = {name: arrays[name] for name in outline.moving}
        own = training.memory_from_keras(compiled, moved, params, grouped)
        steps = int(counters[0]) if counters else 0
        if own is not None and counters:
            arrays |= own
            compiled["iterations"] = steps
        elif moved or steps:  # else it has not trained yet
            left.append("what the optimizer remembers has another form, so it begins anew")
    return description, arrays, left


# ---- writing ----------------------------------------------------------------------------------


def write_zip(path: Path, description: dict[str, Any], arrays: dict[str, Array]) -> None:
    """Write a `.keras` file, atomically."""
    found, outline = sequential.to_keras(description["config"], module=True)
    compiled = description["compiled"]
    if compiled is not None:
        found["compile_config"] = training.to_keras(compiled, module=True)
    raw = _hdf5(lambda file: _write_numbered(file, outline, arrays, compiled))
    metadata = {"keras_version": KERAS, "numcnn_version": __version__}
    with archive.written(path) as member:
        for name, content in (
            (METADATA, json.dumps(metadata).encode()),
            (CONFIG, json.dumps(found).encode()),
            (WEIGHTS, raw),
        ):
            with member(name) as stream:
                stream.write(content)


def write_hdf5(path: Path, description: dict[str, Any], arrays: dict[str, Array]) -> None:
    """Write a `.h5` file that holds a whole model, atomically."""
    found, outline = sequential.to_keras(description["config"], module=False)
    compiled = description["compiled"]

    def fill(file: Any) -> None:
        _sign(file)
        file.attrs["model_config"] = json.dumps(found)
        group = file.create_group("model_weights")
        _write_named(group, outline, arrays)
        if compiled is not None:
            file.attrs["training_config"] = json.dumps(training.to_keras(compiled, module=False))
            memory = training.memory_to_keras(compiled, arrays, outline.moving_paths)
            _write_list(file.create_group("optimizer_weights"), memory)

    _write(path, _hdf5(fill))


def write_weights(path: Path, config: dict[str, Any], arrays: dict[str, Array]) -> None:
    """Write weights alone: `.weights.h5` as Keras 3 does, other names as Keras 2."""
    _, outline = sequential.to_keras(config, module=False)
    numbered = os.fspath(path).endswith(".weights.h5")

    def fill(file: Any) -> None:
        if numbered:
            _write_numbered(file, outline, arrays, None)
        else:
            _write_named(file, outline, arrays)

    _write(path, _hdf5(fill))


def outline_of(config: dict[str, Any]) -> Outline:
    """Return the outline of a model that numcnn describes; ValueError where Keras has it not."""
    return sequential.to_keras(config, module=False)[1]


def _write(path: Path, raw: bytes) -> None:
    with atomic_write(path) as file:
        file.write(raw)


def _hdf5(fill: Callable[[Any], None]) -> bytes:
    """Return the bytes of an HDF5 file."""
    stream = BytesIO()
    h5py = extras.load("h5py", "keras", "Writing a file of Keras")
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def _sign(group: Any) -> None:
    group.attrs["backend"] = "tensorflow"
    group.attrs["keras_version"] = KERAS


def _write_named(group: Any, outline: Outline, arrays: dict[str, Array]) -> None:
    _sign(group)
    group.attrs["layer_names"] = outline.names
    for layer, names in zip(outline.names, outline.weights, strict=True):
        own = [(f"{layer}/{theirs}:0", arrays[f"{layer}/{ours}"]) for ours, theirs in names.items()]
        _write_list(group.create_group(layer), own)


def _write_list(group: Any, found: list[tuple[str, Array]]) -> None:
    names = [name for name, _ in found]
    group.attrs["weight_names"] = names if names else np.zeros(0)
    for name, array in found:
        group.create_dataset(name, data=array)


def _write_numbered(
    file: Any, outline: Outline, arrays: dict[str, Array], compiled: dict[str, Any] | None
) -> None:
    groups = layers.group_names(outline.classes)
    file.create_group("vars").attrs["name"] = outline.config["name"]
    for group, layer, names in zip(groups, outline.names, outline.weights, strict=True):
        own = file.create_group(f"layers/{group}/vars")
        own.attrs["name"] = layer
        for i, name in enumerate(names):
            own.create_dataset(str(i), data=arrays[f"{layer}/{name}"])
    if compiled is not None:
        own = file.create_group("optimizer/vars")
        for i, (_, array) in enumerate(
            training.memory_to_keras(compiled, arrays, outline.moving_paths)
        ):
            own.create_dataset(str(i), data=array)
