"""What a saved model consists of: a description that JSON can hold, and arrays by name.

    conv2d/w, conv2d/b, ...           the weights, by layer and parameter
    optimizer/mean_square/conv2d/w    what the optimizer remembers, by slot and parameter
    training/history/loss             the numbers of each epoch of the training that it comes from
    training/callback-0/...           arrays that a callback remembers, if any does

Each form of file writes and reads these two. Reading trusts neither: the description names only
classes of numcnn or those passed as `custom_objects`, and a layer takes its weights only where
shape and type are what its configuration asks for.
"""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import layers as builtin_layers
from numcnn import losses, metrics, optimizers
from numcnn._version import __version__
from numcnn.errors import ModelFileError
from numcnn.layers.arguments import keywords
from numcnn.layers.base import Layer
from numcnn.run import Run
from numcnn.seeds import given_back

if TYPE_CHECKING:
    from numcnn.models import Sequential

Array = np.ndarray[Any, Any]
MAX_LAYERS = 1000
MAX_MESSAGE = 500  # letters of what a file is refused for, some of which stand in the file
TRAINING = "training/"


def describe(
    model: "Sequential", with_optimizer: bool = True
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return all of a model: configuration, weights, optimizer memory, how far its training is.

    with_optimizer: False for layers and weights alone.
    """
    arrays = weights_of(model)
    moving = weights_of(model, trainable_only=True)
    description = _describe(model, with_optimizer)
    if description["compiled"] is None:
        return description, arrays
    # Where layers were added or taken off since, the memory belongs to weights that are gone.
    if model.optimizer.fits(list(moving.values())):
        for slot, values in model.optimizer.slots.items():
            for name, array in zip(moving, values, strict=True):
                arrays[f"optimizer/{slot}/{name}"] = array
        if model.run is not None:
            description["training"], more = model.run.describe()
            arrays |= {f"{TRAINING}{name}": array for name, array in more.items()}
    return description, arrays


def build(
    model: "Sequential",
    description: dict[str, Any],
    arrays: dict[str, Array],
    custom_objects: dict[str, Any] | None = None,
) -> None:
    """Make an empty model the one that is described; the arrays are used up.

    Raises:
        Exception: of any kind, where it is not the description of a model.
    """
    names = set(builtin_layers.__all__) - {"Layer"}
    classes = {name: getattr(builtin_layers, name) for name in names}
    classes |= custom_objects or {}
    with given_back(always=True):  # the seeds are those of the file
        _rebuild(model, description["config"], arrays, classes)
        _recompile(model, description["compiled"], arrays)
        _resume(model, description.get("training"), arrays)
    if arrays:
        raise ModelFileError(f"It holds arrays that belong to no layer: {sorted(arrays)}.")


def restore_states(model: "Sequential", description: dict[str, Any]) -> None:
    """Give the layers back their counters and seeds, and the model its own."""
    for layer, state in zip(model.layers, description["states"], strict=True):
        layer.set_state({str(key): _count(key, state[key]) for key in layer.get_state()})
    model.seed = _count("seed", description["seed"])


def weights_of(model: "Sequential", trainable_only: bool = False) -> dict[str, Array]:
    """Return the weights by the names that they have in a file."""
    if trainable_only:
        return {
            f"{layer.name}/{name}": array
            for layer in model.layers
            if layer.trainable
            for name, array in layer.params.items()
        }
    return {
        f"{layer.name}/{name}": array
        for layer in model.layers
        for name, array in layer.named_weights().items()
    }


def _is_slot(key: str) -> bool:
    """Tell 'optimizer/slot/layer/parameter' from a parameter of a layer named 'optimizer'."""
    return key.startswith("optimizer/") and key.count("/") == 3


def is_weight(key: str) -> bool:
    """Tell 'layer/parameter' from the optimizer's memory and from 'training/history/loss'."""
    return not _is_slot(key) and not (key.startswith(TRAINING) and key.count("/") == 2)


def without_training(
    description: dict[str, Any], arrays: dict[str, Array]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return a description and its arrays without what training needs."""
    weights = {key: array for key, array in arrays.items() if is_weight(key)}
    return {**description, "compiled": None, "training": None}, weights


def _describe(model: "Sequential", with_optimizer: bool) -> dict[str, Any]:
    compiled: dict[str, Any] | None = None
    if with_optimizer and isinstance(model.loss, losses.FunctionLoss):
        warnings.warn(
            f"The loss is the function {model.loss.name!r} of your own. A file holds no code, so "
            "this one holds layers and weights alone: compile the model again once it is loaded.",
            stacklevel=6,
        )
        with_optimizer = False
    if model.compiled and with_optimizer:
        compiled = {
            "optimizer": type(model.optimizer).__name__,
            "optimizer_config": model.optimizer.get_config(),
            "iterations": model.optimizer.iterations,
            "loss": model.loss.name,
            "loss_config": model.loss.get_config(),
            "metrics": [m for m in map(metrics.serialize, model.given_metrics) if m is not None],
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
        cls = classes.get(str(entry["class_name"]))
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            raise ModelFileError(
                f"The file names a layer class {entry['class_name']!r} that numcnn does not have. "
                "If it is yours, pass custom_objects={'" + str(entry["class_name"]) + "': ...}."
            )
        layer = cls.from_config(entry["config"])
        prefix = f"{layer.name}/"
        own = [key for key in arrays if key.startswith(prefix) and is_weight(key)]
        layer.preset = {key.removeprefix(prefix): arrays.pop(key) for key in own}
        made.append(layer)
    for layer in made:
        model.add(layer)
    model.build((None, *config["input_shape"]))
    for layer in model.layers:
        if layer.preset and (surplus := set(layer.preset) - set(layer.named_weights())):
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
    params = weights_of(model, trainable_only=True)
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
    names = [name for name in arrays if not is_weight(name) and not _is_slot(name)]
    own = {name.removeprefix(TRAINING): arrays.pop(name) for name in names}
    model.run = Run.from_description(description, own)
    model.history = model.run.shown()
    if own:
        raise ModelFileError(f"It holds arrays that belong to no training: {sorted(own)}.")


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ModelFileError(f"{name} must be an integer of at least 0, got {value!r}.")
    return value


def one_line(error: Exception) -> str:
    """Return an error's message as one line that ends with a full stop, cut where it is long."""
    text = " ".join(str(error).split()) or type(error).__name__
    if len(text) > MAX_MESSAGE:
        text = f"{text[:MAX_MESSAGE]} ..."
        return text
    return f"{text.rstrip('.')}."
