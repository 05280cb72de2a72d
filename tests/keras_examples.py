"""Keras's files that lie beside the tests (keras_files/make.py wrote them), and changes of them."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "keras_files"
MODELS = ["keras3.keras", "keras3.h5", "keras2.keras", "keras2.h5", "keras2_old.h5"]
WEIGHTS = ["keras3.weights.h5", "keras2_weights.h5"]
SHAPE = (8, 7, 1)
ACTIVATIONS = [
    "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "log_softmax", "mish",
    "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh",
]  # fmt: skip


def data():
    """Return the samples and targets that make.py trained on."""
    rng = np.random.default_rng(5)
    return rng.random((12, *SHAPE)).astype("f4"), np.eye(3, dtype="f4")[rng.integers(0, 3, 12)]


def beside(name):
    """Return what Keras computed with a file: "predicted", and weights "before" and "after"."""
    found = np.load(FOLDER / f"{name.replace('_w', '.w').split('.')[0]}.npz")
    n = sum(key.startswith("before") for key in found)
    weights = {when: [found[f"{when}_{i}"] for i in range(n)] for when in ("before", "after")}
    return {"predicted": found["predicted"], **weights}


def zipped(path, change=lambda config: None, members=None, name="keras3.keras", **kwargs):
    """Write a `.keras` file with its configuration changed, and members put in; return the path."""
    with zipfile.ZipFile(FOLDER / name) as archive:
        found = {entry: archive.read(entry) for entry in archive.namelist()}
    config = json.loads(found["config.json"])
    change(config)
    found |= {"config.json": json.dumps(config).encode(), **(members or {})}
    with zipfile.ZipFile(path, "w", **kwargs) as archive:
        for entry, content in found.items():
            if content is not None:
                archive.writestr(entry, content)
    return path


def without(monkeypatch, package):
    """Make an optional package one that is not installed."""
    for name in [n for n in sys.modules if n.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(package), *sys.meta_path])


class Missing:
    """A finder that finds nothing of a package, and lets no other look for it."""

    def __init__(self, package):
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {self.package!r}", name=self.package)
        return None
