"""Layers as Keras's files describe them, and as numcnn does: names, arguments, weights.

To have one more layer travel, add a line to `KINDS`. Arguments are those of numcnn's layer, which
bear Keras's names; what Keras writes besides must have the value at which it changes nothing.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from numcnn import layers as builtin_layers
from numcnn.errors import ModelFileError, nearest
from numcnn.layers.arguments import keywords
from numcnn.layers.roles import KINDS as OF_A_WEIGHT
from numcnn.layers.roles import arguments


class Kind(NamedTuple):
    """How a class of Keras and one of numcnn are related.

    Attributes:
        ours: numcnn's class.
        weights: Keras's names of the weights by numcnn's, in the order of Keras's files.
        idle: arguments that numcnn's class does not take, each with the value at which it changes
            nothing (... where no value does).
    """

    ours: str
    weights: Mapping[str, str] = MappingProxyType({})
    idle: Mapping[str, Any] = MappingProxyType({})


KERNEL_AND_BIAS = {"w": "kernel", "b": "bias"}
SEPARATED = {"w_depth": "depthwise_kernel", "w_point": "pointwise_kernel", "b": "bias"}
# What Keras writes of a kernel where there are two.
ONE_KERNEL = {"kernel_initializer": ..., "kernel_regularizer": None, "kernel_constraint": None}
NORMALIZED = {
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "moving_mean",
    "moving_variance": "moving_variance",
}
# Weights that are there only where an argument is true.
ASKED_FOR_BY = {"b": "use_bias", "gamma": "scale", "beta": "center"}

KINDS: dict[str, Kind] = {
    "Activation": Kind("Activation"),
    "ActivityRegularization": Kind("ActivityRegularization"),
    "AlphaDropout": Kind("AlphaDropout"),
    "AveragePooling2D": Kind("AveragePooling2D"),
    "BatchNormalization": Kind("BatchNormalization", NORMALIZED, {"renorm_momentum": ...}),
    "Conv2D": Kind("Conv2D", KERNEL_AND_BIAS, {"groups": 1}),
    "Conv2DTranspose": Kind("Conv2DTranspose", KERNEL_AND_BIAS, {"groups": 1}),
    "Cropping2D": Kind("Cropping2D"),
    "Dense": Kind("Dense", KERNEL_AND_BIAS),
    "DepthwiseConv2D": Kind("DepthwiseConv2D", KERNEL_AND_BIAS, {"groups": 1}),
    "Dropout": Kind("Dropout"),
    "ELU": Kind("ELU"),
    "Flatten": Kind("Flatten"),
    "GaussianDropout": Kind("GaussianDropout"),
    "GaussianNoise": Kind("GaussianNoise"),
    "GlobalAveragePooling2D": Kind("GlobalAveragePooling2D"),
    "GlobalMaxPooling2D": Kind("GlobalMaxPooling2D"),
    "LeakyReLU": Kind("LeakyReLU"),
    "MaxPooling2D": Kind("MaxPool2D"),
    "Permute": Kind("Permute"),
    "PReLU": Kind("PReLU", {"alpha": "alpha"}),
    "ReLU": Kind("ReLU"),
    "Rescaling": Kind("Rescaling"),
    "Reshape": Kind("Reshape"),
    "SeparableConv2D": Kind("SeparableConv2D", SEPARATED, {"groups": 1, **ONE_KERNEL}),
    "Softmax": Kind("Softmax"),
    "SpatialDropout2D": Kind("SpatialDropout2D"),
    "ThresholdedReLU": Kind("ThresholdedReLU"),  # of Keras 2
    "UpSampling2D": Kind("UpSampling2D"),
    "ZeroPadding2D": Kind("ZeroPadding2D"),
}
# numcnn's layers that Keras knows as activations alone, with the arguments that those have.
AS_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "CELU": ("celu", {"alpha": 1.0}),
    "Exponential": ("exponential", {}),
    "GELU": ("gelu", {"approximate": False}),
    "HardShrink": ("hard_shrink", {"threshold": 0.5}),
    "HardSigmoid": ("hard_sigmoid", {}),
    "HardSwish": ("hard_silu", {}),
    "HardTanh": ("hard_tanh", {}),
    "Linear": ("linear", {}),
    "LogSigmoid": ("log_sigmoid", {}),
    "LogSoftmax": ("log_softmax", {"axis": -1}),
    "Mish": ("mish", {}),
    "SELU": ("selu", {}),
    "Sigmoid": ("sigmoid", {}),
    "SoftShrink": ("soft_shrink", {"threshold": 0.5}),
    "Softplus": ("softplus", {}),
    "Softsign": ("softsign", {}),
    "SparsePlus": ("sparse_plus", {}),
    "SparseSigmoid": ("sparse_sigmoid", {}),
    "Sparsemax": ("sparsemax", {"axis": -1}),
    "Squareplus": ("squareplus", {"b": 4.0}),
    "Swish": ("silu", {}),
    "Tanh": ("tanh", {}),
    "TanhShrink": ("tanh_shrink", {}),
}
OLD_NAMES = {("LeakyReLU", "alpha"): "negative_slope"}  # of Keras 2
_KERAS_NAMES = {kind.ours: name for name, kind in KINDS.items()}

MODULES = ("keras.", "tensorflow.keras.", "tf_keras.", "tensorflow.python.keras.")


def known() -> dict[str, Kind]:
    """Return the kinds whose class this numcnn has."""
    return {name: kind for name, kind in KINDS.items() if hasattr(builtin_layers, kind.ours)}


def weight_names(class_name: str, config: dict[str, Any]) -> dict[str, str]:
    """Return Keras's names of a layer's weights by numcnn's, in the order of the files.

    >>> weight_names("Dense", {"use_bias": False})
    {'w': 'kernel'}
    """
    return {
        ours: theirs
        for ours, theirs in KINDS[class_name].weights.items()
        if config.get(ASKED_FOR_BY.get(ours, ""), True)
    }


def keras_name(ours: str, weight: str) -> str:
    """Return Keras's name of a weight of one of numcnn's classes; its own where Keras has none.

    >>> keras_name("Conv2D", "w"), keras_name("MyLayer", "w")
    ('kernel', 'w')
    """
    kind = KINDS.get(_KERAS_NAMES.get(ours, ""))
    return kind.weights.get(weight, weight) if kind else weight


# ---- from Keras -------------------------------------------------------------------------------


def from_keras(entry: Any, place: str) -> dict[str, Any]:
    """Return numcnn's description of a layer, {"class_name", "config"}, from Keras's.

    Raises:
        ModelFileError: numcnn does not have it, or not with these arguments. The message names the
            layer (`place` says where it stands) and the argument.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
        raise ModelFileError(f"{place} is not described as Keras describes layers")
    name, config = entry.get("class_name"), dict(entry["config"])
    place = f"{place}, {config.get('name')!r} ({name}),"
    if name == "Lambda":
        raise ModelFileError(f"{place} holds code, which numcnn never runs from a file")
    if name in ("Functional", "Model", "Sequential"):
        raise ModelFileError(f"{place} is a model within a model; numcnn has layers in a row alone")
    _refuse_foreign(entry, place)
    if not isinstance(name, str) or name not in known():
        hint = nearest(str(name), known()).rstrip()
        raise ModelFileError(
            f"{place} is a layer that numcnn does not have.{hint} It reads {', '.join(known())}"
        )
    kind = known()[name]
    cls = getattr(builtin_layers, kind.ours)
    shape = config.pop("batch_input_shape", None)
    found = {"input_shape": sample_shape(shape, place)} if shape is not None else {}
    allowed = [*keywords(cls), *arguments(cls.roles), "activity_regularizer"]
    for key, value in config.items():
        key = OLD_NAMES.get((name, key), key)
        if key in allowed:
            found[key] = _value(key, value, place)
        elif key not in kind.idle and value is not None and value is not False:
            raise ModelFileError(f"{place} has {key}={_short(value)}, which numcnn has not")
        elif key in kind.idle and kind.idle[key] not in (..., value):
            raise ModelFileError(
                f"{place} has {key}={_short(value)}; numcnn has {kind.idle[key]!r} alone"
            )
    return {"class_name": kind.ours, "config": found}


def sample_shape(batch_shape: Any, place: str) -> list[int]:
    """Return the shape of a sample from that of a batch, (None, 28, 28, 1)."""
    if not isinstance(batch_shape, list) or not all(type(n) is int for n in batch_shape[1:]):
        raise ModelFileError(
            f"{place} takes samples of shape {_short(batch_shape)}; numcnn needs each size but the "
            "first as a number"
        )
    return batch_shape[1:]


def _refuse_foreign(entry: dict[str, Any], place: str) -> None:
    """Raise where an object is not one of Keras's own."""
    module = entry.get("module")
    registered = entry.get("registered_name") or ""
    own = module is None or (isinstance(module, str) and f"{module}.".startswith(MODULES))
    if not own or (isinstance(registered, str) and ">" in registered):
        raise ModelFileError(
            f"{place} comes from {_short(module)} and not from Keras; numcnn makes no object of "
            "another program"
        )


def _value(key: str, value: Any, place: str) -> Any:
    if key == "dtype":
        return dtype_name(value, place)
    if isinstance(value, dict):
        return _object(key, value, place)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]  # as tf.keras once wrote it
    return value


def _object(key: str, value: dict[str, Any], place: str) -> Any:
    """Return an initializer, activation or the like that has a description of its own."""
    name, config = value.get("class_name"), value.get("config")
    place = f"{place} in {key}"
    if name == "__lambda__":
        raise ModelFileError(f"{place} holds code, which numcnn never runs from a file")
    if name == "function":
        own = value.get("module") in (None, "builtins", "keras.activations")
        if not own or not isinstance(config, str):
            raise ModelFileError(f"{place} names a function that is not Keras's")
        return config
    _refuse_foreign(value, place)
    described = isinstance(name, str) and isinstance(config, dict)
    if not described or not key.endswith(("_initializer", *OF_A_WEIGHT)):
        raise ModelFileError(f"{place} is {_short(value)}, which numcnn cannot make")
    # Arguments that numcnn does not have are written as null where nobody used them.
    kept = {k: v for k, v in value["config"].items() if v is not None and k != "dtype"}
    return {"class_name": name, "config": kept}


def dtype_name(value: Any, place: str) -> str | None:
    """Return 'float32' or 'float64' from a name or a policy; None stands for the default."""
    name = value
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        name = value["config"].get("name")
    if name not in ("float32", "float64", None):
        raise ModelFileError(f"{place} computes in {_short(name)}; numcnn in float32 and float64")
    return name


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# ---- to Keras ---------------------------------------------------------------------------------


def to_keras(entry: dict[str, Any], module: bool) -> dict[str, Any]:
    """Return Keras's description of a layer from numcnn's.

    Args:
        entry: {"class_name", "config"} of numcnn.
        module: whether to name modules, as Keras 3 does in `.keras` files.

    Raises:
        ValueError: Keras has no such layer.
    """
    ours, config = entry["class_name"], dict(entry["config"])
    config.pop("input_shape")
    if ours in AS_ACTIVATIONS:
        activation, arguments = AS_ACTIVATIONS[ours]
        if any(config.pop(key) != value for key, value in arguments.items()):
            raise ValueError(f"Keras's files have no {activation!r} but with {arguments}.")
        config["activation"] = activation
        ours = "Activation"
    if ours not in _KERAS_NAMES:
        raise ValueError(
            f"Keras has no layer {ours} ({config['name']!r}); its files cannot hold the model. "
            "Save it as .npz, or the weights alone as .npz or .safetensors."
        )
    name = _KERAS_NAMES[ours]
    if not KINDS[name].weights:
        config.pop("trainable")  # there is nothing to train, and SpatialDropout2D does not take it
    for key, value in config.items():
        if key == "activation" and not isinstance(value, str):
            raise ValueError(
                f"Layer {config['name']!r} has an activation with arguments, which Keras's files "
                "cannot hold; make it a layer of its own."
            )
        if isinstance(value, dict) and "class_name" in value:
            kind = next((k for k in OF_A_WEIGHT if key.endswith(k)), "initializer")
            config[key] = _with_module(value, f"keras.{kind}s", module)
    return _with_module({"class_name": name, "config": config}, "keras.layers", module)


def _with_module(value: dict[str, Any], name: str, module: bool) -> dict[str, Any]:
    return {"module": name, **value, "registered_name": None} if module else value


def group_names(class_names: Iterable[str]) -> list[str]:
    """Return how Keras 3 names the groups of a weights file: by class, counted.

    >>> group_names(["Conv2D", "MaxPooling2D", "Conv2D", "ReLU"])
    ['conv2d', 'max_pooling2d', 'conv2d_1', 're_lu']
    """
    counts: dict[str, int] = {}
    names = []
    for class_name in class_names:
        words = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", class_name)
        name = re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
        n = counts[name] = counts.get(name, -1) + 1
        names.append(f"{name}_{n}" if n else name)
    return names
