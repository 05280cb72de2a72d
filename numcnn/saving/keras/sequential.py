"""A Sequential model as Keras's files describe it, without its numbers."""

from typing import Any, NamedTuple

from numcnn.errors import ModelFileError
from numcnn.saving.description import MAX_LAYERS
from numcnn.saving.keras import layers

STATISTICS = ("moving_mean", "moving_variance")  # weights that training moves without a gradient


class Outline(NamedTuple):
    """A model without its numbers.

    Attributes:
        config: numcnn's description of it, as `get_config` returns it.
        names: the layers' names.
        classes: their classes, by Keras's names.
        weights: the names of each layer's weights, Keras's by numcnn's, in the files' order.
        moving: the names of the weights that training moves by a gradient, "conv2d/w".
    """

    config: dict[str, Any]
    names: list[str]
    classes: list[str]
    weights: list[dict[str, str]]
    moving: list[str]

    @property
    def moving_paths(self) -> dict[str, str]:
        """Keras's names of the weights that training moves, "conv2d/kernel", by numcnn's."""
        paths = {
            f"{layer}/{ours}": f"{layer}/{theirs}"
            for layer, names in zip(self.names, self.weights, strict=True)
            for ours, theirs in names.items()
        }
        return {name: paths[name] for name in self.moving}

    @classmethod
    def of(cls, config: dict[str, Any], classes: list[str]) -> "Outline":
        """Return the outline of what numcnn describes."""
        names, weights, moving = [], [], []
        for entry, class_name in zip(config["layers"], classes, strict=True):
            own = entry["config"]
            names.append(own["name"])
            weights.append(layers.weight_names(class_name, own))
            if own.get("trainable", True):
                moving += [f"{own['name']}/{w}" for w in weights[-1] if w not in STATISTICS]
        return cls(config, names, classes, weights, moving)


def from_keras(found: Any, version: str | None = None) -> Outline:
    """Return the outline of a model that Keras describes.

    Args:
        found: the description.
        version: of the Keras that wrote it, where that is known.

    Raises:
        ModelFileError: it is no row of layers that numcnn has.
    """
    if not isinstance(found, dict) or "class_name" not in found or "config" not in found:
        raise ModelFileError("its configuration is not one of Keras's")
    kind, config = found["class_name"], found["config"]
    if kind != "Sequential":
        raise ModelFileError(
            f"it is a model of the class {kind!r:.80}; numcnn has Sequential alone, layers in a row"
        )
    if isinstance(config, list):  # as Keras wrote it before 2.2.3
        config = {"layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        raise ModelFileError("it has no list of layers")
    entries = list(config["layers"])
    if not 0 < len(entries) <= MAX_LAYERS:
        raise ModelFileError(f"it has {len(entries)} layers; 1 to {MAX_LAYERS} can be read")
    shape = config.get("build_input_shape")
    if isinstance(entries[0], dict) and entries[0].get("class_name") == "InputLayer":
        given = entries.pop(0)["config"]
        shape = given.get("batch_shape") or given.get("batch_input_shape") or shape
        if given.get("sparse") or given.get("ragged"):
            raise ModelFileError("its input is sparse or ragged; numcnn takes arrays")
    ours = [layers.from_keras(entry, f"layer {i}") for i, entry in enumerate(entries)]
    if not ours:
        raise ModelFileError("it has no layers")
    if version is not None and version.startswith(("1.", "2.")):
        for entry in ours:
            if entry["config"].get("activation") == "hard_sigmoid":
                raise ModelFileError(
                    f"layer {entry['config'].get('name')!r} has the hard_sigmoid of Keras "
                    f"{version}, clip(0.2 x + 0.5, 0, 1); numcnn has that of Keras 3"
                )
    if "input_shape" not in ours[0]["config"]:
        ours[0]["config"]["input_shape"] = layers.sample_shape(shape, "the model")
    described = {
        "name": config.get("name") or "sequential",
        "input_shape": ours[0]["config"]["input_shape"],
        "layers": ours,
    }
    return Outline.of(described, [entry["class_name"] for entry in entries])


def to_keras(config: dict[str, Any], module: bool) -> tuple[dict[str, Any], Outline]:
    """Return Keras's description of a model, and its outline.

    Args:
        config: numcnn's description.
        module: whether to name modules, as Keras 3 does in `.keras` files; without, it is what both
            Keras 2 and Keras 3 read in `.h5` files.
    """
    entries = [layers.to_keras(entry, module) for entry in config["layers"]]
    shape = [None, *config["input_shape"]]
    dtype = config["layers"][0]["config"]["dtype"]
    given = {"batch_input_shape": shape, "dtype": dtype, "name": "input_layer"}
    first: dict[str, Any] = {"class_name": "InputLayer", "config": given}
    if module:
        first = {"module": "keras.layers", **first, "registered_name": None}
    whole: dict[str, Any] = {
        "class_name": "Sequential",
        "config": {"name": config["name"], "layers": [first, *entries]},
    }
    if module:
        whole = {
            "module": "keras",
            **whole,
            "registered_name": None,
            "build_config": {"input_shape": shape},
        }
    return whole, Outline.of(config, [entry["class_name"] for entry in entries])
