"""Metrics by name, and as a file describes them."""

from typing import Any

from numcnn.errors import unknown_name
from numcnn.losses import LOSSES, Loss
from numcnn.losses import get as get_loss
from numcnn.metrics import accuracy, decisions, errors_of_outputs
from numcnn.metrics.accuracy import (
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from numcnn.metrics.base import Metric, PerSample

METRICS: dict[str, PerSample] = {
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "binary_accuracy": binary_accuracy,
    "top_k_categorical_accuracy": top_k_categorical_accuracy,
    "sparse_top_k_categorical_accuracy": sparse_top_k_categorical_accuracy,
}
CLASSES: dict[str, type[Metric]] = {
    name: cls
    for module in (accuracy, decisions, errors_of_outputs)
    for name, cls in vars(module).items()
    if isinstance(cls, type) and issubclass(cls, Metric) and cls.default_name != "metric"
}
BY_NAME = {cls.default_name: cls for cls in CLASSES.values() if cls.default_name not in METRICS}


def get(identifier: Any, loss: Loss, output_shape: tuple[int, ...]) -> tuple[str, Any]:
    """Return (the name for the history, the function or `Metric`) of a metric.

    'accuracy' and 'acc' mean the accuracy that fits the loss and the outputs, as in Keras. What
    `serialize` returned is taken as well.

    Example:
        >>> get("accuracy", get_loss("binary_crossentropy"), (None, 1))[1].__name__
        'binary_accuracy'
    """
    if isinstance(identifier, str) and identifier in ("accuracy", "acc"):
        if loss.name == "sparse_categorical_crossentropy":
            return identifier, sparse_categorical_accuracy
        if loss.name == "binary_crossentropy" or output_shape[-1:] == (1,):
            return identifier, binary_accuracy
        return identifier, categorical_accuracy
    if isinstance(identifier, dict) and identifier.keys() == {"class_name", "config"}:
        if identifier["class_name"] not in CLASSES:
            raise unknown_name("metric", identifier["class_name"], CLASSES)
        metric = CLASSES[identifier["class_name"]](**identifier["config"])
        return metric.name, metric
    if isinstance(identifier, Metric):
        return identifier.name, identifier
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier.default_name, identifier()
    if isinstance(identifier, str):
        if identifier in METRICS:
            return identifier, METRICS[identifier]
        if identifier in BY_NAME or identifier in CLASSES:
            return identifier, (BY_NAME.get(identifier) or CLASSES[identifier])()
        if identifier in LOSSES or identifier.lower() in LOSSES:
            return identifier, get_loss(identifier).value
    elif callable(identifier):
        return getattr(identifier, "__name__", type(identifier).__name__), identifier
    raise unknown_name("metric", identifier, ["accuracy", "acc", *METRICS, *BY_NAME, *LOSSES])


def serialize(identifier: Any) -> Any:
    """Return what `get` makes the metric of again, or None for functions of a user's own.

    Example:
        >>> serialize(decisions.Precision(0.7))["config"]["thresholds"]
        0.7
        >>> serialize("accuracy")
        'accuracy'
    """
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        identifier = identifier()
    if isinstance(identifier, Metric) and CLASSES.get(type(identifier).__name__) is type(
        identifier
    ):
        return {"class_name": type(identifier).__name__, "config": identifier.get_config()}
    return identifier if isinstance(identifier, (str, dict)) else None
