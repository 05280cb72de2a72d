"""Optimizer, loss and metrics as Keras's files describe them, and as numcnn does."""

from typing import Any

import numpy as np

from numcnn import losses, metrics, optimizers
from numcnn.errors import ModelFileError

Array = np.ndarray[Any, Any]

# What an optimizer remembers, by numcnn's names, in the order of Keras's files: those of one group
# stand together for each weight, the groups one after the other.
SLOTS: dict[str, list[tuple[str, ...]]] = {
    "SGD": [("velocity",)],
    "RMSprop": [("mean_square",), ("velocity",), ("mean",)],
    "Adam": [("mean", "mean_square"), ("greatest",)],
    "AdamW": [("mean", "mean_square"), ("greatest",)],
    "Adagrad": [("sum_of_squares",)],
    "Adadelta": [("mean_square", "mean_square_step")],
    "Adamax": [("mean", "greatest")],
    "Nadam": [("mean", "mean_square")],
}
# Arguments of every optimizer of Keras that change nothing at these values (... at any).
IDLE: dict[str, Any] = {
    "name": ...,
    "ema_momentum": ...,
    "ema_overwrite_frequency": ...,
    "jit_compile": ...,
    "is_legacy_optimizer": ...,
    "momentum": 0.0,
    "decay": 0.0,
    "initial_decay": 0.0,
    "schedule_decay": ...,
}
SCHEDULE = "InverseTimeDecay"  # what Keras 2's decay is called in Keras 3


class NotCarriedError(Exception):
    """Something that a model need not have to predict, and that is left behind with a warning."""


# ---- from Keras -------------------------------------------------------------------------------


def from_keras(config: dict[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """Return numcnn's description of a compiled model, and what had to be left behind, in words.

    It is None where optimizer or loss are not numcnn's: the model predicts, and has to be compiled
    before it is trained.
    """
    left: list[str] = []
    try:
        name, arguments = _optimizer(config.get("optimizer") or config.get("optimizer_config"))
        loss, loss_config = _loss(config.get("loss"))
    except NotCarriedError as error:
        return None, [f"{error}, so the model is not compiled; compile it before training"]
    names = []
    for found in _flat(config.get("metrics")):
        metric = _metric(found)
        if metric is None:
            left.append(f"the metric {_name(found)} is not one of numcnn's")
        else:
            names.append(metric)
    for key in ("loss_weights", "weighted_metrics"):
        if config.get(key):
            left.append(f"{key} is not one of numcnn's arguments of compile")
    compiled = {
        "optimizer": name,
        "optimizer_config": arguments,
        "iterations": 0,
        "loss": loss,
        "loss_config": loss_config,
        "metrics": names,
        "engine": "auto",
        "exact": False,
    }
    return compiled, left


def _optimizer(found: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(found, str):
        found = {"class_name": found, "config": {}}
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise NotCarriedError("its optimizer is not described")
    name = str(found.get("class_name")).removeprefix("Custom>")  # so tf.keras marks its own
    if name.lower() not in optimizers.OPTIMIZERS:
        raise NotCarriedError(f"its optimizer {name} is not one of numcnn's")
    cls: Any = optimizers.OPTIMIZERS[name.lower()]
    allowed = {"learning_rate", "lr", "decay", *optimizers.base.OPTIONS, *cls.hyperparameters()}
    kept: dict[str, Any] = {}
    for key, value in found["config"].items():
        if key == "learning_rate" and isinstance(value, dict):
            kept |= _schedule(value)
        elif key in allowed:
            kept[key] = value
        elif value is not None and value is not False and IDLE.get(key) not in (..., value):
            raise NotCarriedError(f"its optimizer {name} has {key}={value!r:.60}")
    try:
        cls(**kept)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"its optimizer {name} cannot be: {error}") from error
    return name, kept


def _schedule(found: dict[str, Any]) -> dict[str, Any]:
    """Return learning_rate and, of the one schedule that an optimizer has by itself, decay."""
    config: Any = found.get("config")
    name = found.get("class_name")
    if not isinstance(config, dict) or name not in optimizers.schedules.SCHEDULES:
        raise NotCarriedError(f"its learning rate follows {name!r:.60}")
    if name == SCHEDULE and not config.get("staircase") and config.get("decay_steps") == 1:
        return {"learning_rate": config["initial_learning_rate"], "decay": config["decay_rate"]}
    kept = {key: value for key, value in config.items() if key != "name"}
    return {"learning_rate": {"class_name": name, "config": kept}}


def _loss(found: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    config: dict[str, Any] = {}
    name = found
    if isinstance(found, dict):
        name, own = found.get("class_name"), found.get("config")
        if name == "function":
            name = own
        elif isinstance(own, dict):
            config = own
    for known, cls in losses.LOSSES.items():
        if name in (known, cls.__name__):
            kept = {}
            for key, value in config.items():
                if key in cls().get_config():
                    kept[key] = value
                elif key == "reduction" and value in ("sum_over_batch_size", "auto"):
                    continue
                elif key in ("name", "axis", "dtype", "fn") or not value:
                    continue
                else:
                    raise NotCarriedError(f"its loss {name} has {key}={value!r:.60}")
            return cls.name, kept
    raise NotCarriedError(f"its loss {_name(found)} is not one of numcnn's")


def _flat(found: Any) -> list[Any]:
    if not isinstance(found, list):
        return [] if found is None else [found]
    return [metric for inner in found for metric in _flat(inner)]


def _metric(found: Any) -> Any:
    """Return what numcnn's compile takes for a metric, or None."""
    names = [found]
    if isinstance(found, dict) and isinstance(found.get("config"), dict):
        cls = metrics.names.CLASSES.get(str(found.get("class_name")))
        usual = cls().get_config() if cls else {}
        kept = {key: found["config"][key] for key in usual if key in found["config"]}
        if cls and (kept != usual or cls.default_name not in metrics.METRICS):
            described = {"class_name": cls.__name__, "config": kept}
            try:
                cls(**kept)
            except (TypeError, ValueError):
                return None
            return described
    if isinstance(found, dict):
        config = found.get("config")
        own = config if isinstance(config, dict) else {"name": config}
        names = [own.get("name"), own.get("fn")]
    known = ("accuracy", "acc", *metrics.METRICS, *losses.LOSSES)
    return next((name for name in names if isinstance(name, str) and name in known), None)


def _name(found: Any) -> str:
    name = found.get("class_name") if isinstance(found, dict) else found
    return f"{name!r:.60}"


def memory_from_keras(
    compiled: dict[str, Any], found: list[Array], params: dict[str, Array], grouped: bool
) -> dict[str, Array] | None:
    """Return an optimizer's memory by numcnn's names, None where the arrays are not that.

    Args:
        compiled: numcnn's description.
        found: Keras's arrays in order, counters left out.
        params: the weights that training moves, by name.
        grouped: whether each slot stands together, as before Keras 2.11.
    """
    name = compiled["optimizer"]
    make: Any = optimizers.OPTIMIZERS[name.lower()]
    slots = make(**compiled["optimizer_config"]).slot_names
    groups = [tuple(s for s in group if s in slots) for group in SLOTS.get(name, [])]
    if sorted(s for group in groups for s in group) != sorted(slots):
        return None
    if grouped:
        groups = [(slot,) for group in groups for slot in group]
    order = [(slot, param) for group in groups for param in params for slot in group]
    if [params[param].shape for _, param in order] != [array.shape for array in found]:
        return None
    return {f"optimizer/{s}/{p}": array for (s, p), array in zip(order, found, strict=True)}


# ---- to Keras ---------------------------------------------------------------------------------


def to_keras(compiled: dict[str, Any], module: bool) -> dict[str, Any]:
    """Return Keras's description of a compiled model from numcnn's."""
    config = dict(compiled["optimizer_config"])
    decay = config.pop("decay", 0.0)
    if decay:
        start = {"initial_learning_rate": config["learning_rate"], "decay_steps": 1}
        config["learning_rate"] = {
            **({"module": "keras.optimizers.schedules"} if module else {}),
            "class_name": SCHEDULE,
            "config": {**start, "decay_rate": decay, "staircase": False},
            **({"registered_name": None} if module else {}),
        }
    elif isinstance(config["learning_rate"], dict) and module:
        own = {"module": "keras.optimizers.schedules", "registered_name": None}
        config["learning_rate"] = {**config["learning_rate"], **own}
    optimizer = {"class_name": compiled["optimizer"], "config": config}
    loss: Any = compiled["loss"]
    if compiled["loss_config"] != losses.LOSSES[loss]().get_config():
        loss = {"class_name": losses.LOSSES[loss].__name__, "config": compiled["loss_config"]}
        if module:
            loss = {"module": "keras.losses", **loss, "registered_name": None}
    told = {"loss": loss, "metrics": [_metric_to_keras(m, module) for m in compiled["metrics"]]}
    told |= {"loss_weights": None, "weighted_metrics": None}  # Keras 3 asks for both
    if not module:
        return {"optimizer_config": optimizer, **told}
    return {
        "optimizer": {"module": "keras.optimizers", **optimizer, "registered_name": None},
        **told,
        "jit_compile": False,
    }


def _metric_to_keras(metric: Any, module: bool) -> Any:
    if isinstance(metric, dict) and module:
        return {"module": "keras.metrics", **metric, "registered_name": None}
    return metric


def memory_to_keras(
    compiled: dict[str, Any], arrays: dict[str, Array], params: dict[str, str]
) -> list[tuple[str, Array]]:
    """Return an optimizer's memory in Keras 3's order: (name, array), counters first.

    Args:
        compiled: numcnn's description.
        arrays: all arrays by numcnn's names.
        params: Keras's names of the weights that training moves, by numcnn's.
    """
    config = compiled["optimizer_config"]
    found = [("iteration", np.array(compiled["iterations"], np.int64))]
    if not config.get("decay") and not isinstance(config["learning_rate"], dict):
        found.append(("learning_rate", np.array(config["learning_rate"], np.float32)))
    for group in SLOTS.get(compiled["optimizer"], []):
        for param, theirs in params.items():
            for slot in group:
                if (array := arrays.get(f"optimizer/{slot}/{param}")) is not None:
                    found.append((f"{slot}/{theirs}:0", array))
    return found
