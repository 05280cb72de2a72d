"""Models: layers in a row, built, trained, saved and read again."""

from numcnn.layers.input import Input
from numcnn.models.making import (
    clone_model,
    load_model,
    model_from_json,
    model_from_yaml,
    save_model,
    warmup,
)
from numcnn.models.model import Model
from numcnn.models.sequential import Sequential

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "model_from_yaml",
    "save_model",
    "warmup",
]
