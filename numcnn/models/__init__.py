"""Models: layers in a row, built, trained, saved and read again."""

from numcnn.models.making import clone_model, load_model, model_from_json, warmup
from numcnn.models.sequential import Sequential

__all__ = ["Sequential", "clone_model", "load_model", "model_from_json", "warmup"]
