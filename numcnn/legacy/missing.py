"""What is said where a name of Keras is not here: why, and what is nearest to it.

Rules come first: a name that stands in another room, or that exists for images (Conv1D: Conv2D).
ABSENT is for what no rule finds, a row for each part of Keras that numcnn leaves out; then the
spelling decides.
"""

import difflib
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple


class Absent(NamedTuple):
    """A part of Keras that is not here: its names, why, and what there is instead."""

    names: str  # a regular expression for the whole name
    why: str
    nearest: tuple[str, ...]


ABSENT = (
    Absent(
        "Functional|InputSpec|InputLayer|ModuleList|functional",
        "The functional API is not here: a model is a row of layers.",
        ("numcnn.models.Sequential",),
    ),
    Absent(
        "[Aa]dd|[Ss]ubtract|[Mm]ultiply|[Aa]verage|[Mm]aximum|[Mm]inimum|[Cc]oncatenate|[Dd]ot"
        "|[Mm]erge|merging",
        "Layers with several inputs need the functional API, which is not here.",
        ("numcnn.models.Sequential",),
    ),
    Absent(
        ".*(LSTM|GRU|RNN|[Rr]ecurrent).*|Bidirectional|TimeDistributed|RepeatVector|Masking"
        "|StackedRNNCells|wrappers|rnn",
        "There are no recurrent layers, and nothing for sequences.",
        ("numcnn.layers.Conv2D", "numcnn.layers.Dense"),
    ),
    Absent(
        "[Ee]mbeddings?|.*Text.*|text|text_dataset.*|sequence|timeseries.*|Tokenizer|pad_sequences"
        "|one_hot|imdb|reuters|StringLookup|IntegerLookup|Hashing",
        "There is nothing for text: numcnn is for images.",
        ("numcnn.datasets.mnist", "numcnn.preprocessing.image"),
    ),
    Absent(
        ".*Attention.*|.*Transformer.*",
        "There is no attention: numcnn is for small convolutional networks.",
        ("numcnn.layers.Conv2D",),
    ),
    Absent(
        "Lambda|Wrapper|TFSMLayer|TorchModuleWrapper",
        "A computation of your own is a subclass of Layer with forward and backward.",
        ("numcnn.layers.Layer", "numcnn.gradcheck.check_layer"),
    ),
    Absent(
        "applications|vgg(16|19)|VGG(16|19)|resnet.*|ResNet.*|inception.*|Inception.*|xception"
        "|Xception|[Mm]obile[Nn]et.*|[Dd]ense[Nn]et.*|[Nn]as[Nn]et.*|[Ee]fficient[Nn]et.*|hub",
        "There are no networks that are trained already.",
        ("numcnn.models.load_model",),
    ),
    Absent(
        "cifar|boston_housing|california_housing",
        "This data set is not here. fit takes any arrays, for instance (N, 32, 32, 3).",
        ("numcnn.datasets.mnist", "numcnn.datasets.cifar10"),
    ),
    Absent(
        "multi_gpu_model|distribution|distribute|mixed_precision|config|device|set_visible_devices",
        "There is no GPU and nothing to be set for one: all cores are used.",
        ("numcnn.set_num_threads",),
    ),
    Absent(
        "get_session|set_session|Session|ConfigProto|tensorflow_backend|get_default_graph|Graph"
        "|GradientTape|gradients?|function|placeholder|Variable|learning_phase|set_learning_phase"
        "|in_train_phase|compat|ops|random|saved_model|estimator|data|Dataset|io|math|nn|linalg",
        "There is no TensorFlow below, no graph and no session: arrays are NumPy's.",
        ("numcnn.inspect", "numcnn.gradcheck"),
    ),
    Absent(
        "RemoteMonitor|BackupAndRestore|SwapEMAWeights",
        "This callback is not here.",
        (
            "numcnn.callbacks.CSVLogger",
            "numcnn.callbacks.ModelCheckpoint",
            "numcnn.callbacks.Callback",
        ),
    ),
    Absent(
        "HDF5Matrix|GeneratorEnqueuer|OrderedEnqueuer",
        "fit takes arrays, files mapped into memory, HDF5 data sets of h5py and a Sequence.",
        ("numcnn.utils.Sequence", "numcnn.preprocessing.image.ImageDataGenerator"),
    ),
    Absent(
        "custom_object_scope|CustomObjectScope|get_custom_objects|register_keras_serializable",
        "Layers of your own are given where they are read: load_model(path, custom_objects={...}).",
        ("numcnn.models.load_model",),
    ),
    Absent(
        "(Random|Center|Resiz|Rescal|Normaliz|AutoContrast|AugMix|CutMix|MixUp).*",
        "There are no layers for preprocessing: arrays are divided and images turned beforehand.",
        ("numcnn.preprocessing.image.ImageDataGenerator", "numcnn.utils.normalize"),
    ),
    Absent(
        "(Group|Layer|Unit|Spectral|RMS)Normalization|LocallyConnected2D|MaxoutDense|Highway",
        "This layer is not here.",
        ("numcnn.layers.BatchNormalization", "numcnn.layers.Conv2D", "numcnn.layers.Dense"),
    ),
)
PAGE = "What is here and what is not: examples/README.md."


def explanation(place: str, name: str) -> str:
    """Return the whole sentence about a name that a module does not have.

    Args:
        place: the module's name, for instance 'numcnn.layers'.
        name: the name that was asked for.

    Example:
        >>> print(explanation("numcnn.layers", "LSTM"))  # doctest: +ELLIPSIS
        numcnn.layers has no 'LSTM'. There are no recurrent layers, and nothing for sequences. ...
        >>> print(explanation("numcnn.layers", "Conv3D"))  # doctest: +ELLIPSIS
        numcnn.layers has no 'Conv3D'. Layers are for images, so 2D. Nearest: ...
        >>> print(explanation("numcnn.layers", "Dens"))
        numcnn.layers has no 'Dens'. Did you mean 'Dense'?
        >>> print(explanation("numcnn.models", "Dense"))
        numcnn.models has no 'Dense'. It is numcnn.layers.Dense: from numcnn.layers import Dense
    """
    here = f"{place} has no {name!r}."
    for module in _rooms():
        if name in public(module) and module.__name__ != place:
            found = module.__name__
            return f"{here} It is {found}.{name}: from {found} import {name}"
    names = public(sys.modules[place])
    flat = re.sub("[13]D", "2D", name)
    if flat != name and flat in names:
        nearest = f"{place}.{flat}"
        return f"{here} Layers are for images, so 2D. Nearest: {nearest}. {PAGE}"
    for part in ABSENT:
        if re.fullmatch(part.names, name):
            return f"{here} {part.why} Nearest: {', '.join(part.nearest)}. {PAGE}"
    folded = {known.lower(): known for known in reversed(names)}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"{here} Did you mean {folded[close[0]]!r}?"
    return f"{here} It has: {', '.join(names)}. {PAGE}"


def public(module: ModuleType) -> list[str]:
    """Return the names that a module is meant to give, sorted.

    Example:
        >>> from numcnn import models
        >>> "Sequential" in public(models)
        True
    """
    stated = getattr(module, "__all__", None)
    if stated is None:
        stated = [name for name, thing in vars(module).items() if _own(module, thing)]
    return sorted(name for name in stated if not name.startswith("_"))


def _own(module: ModuleType, thing: object) -> bool:
    return getattr(thing, "__module__", None) == module.__name__


def _rooms() -> Iterator[ModuleType]:
    """Yield the modules in which a Keras program looks: those that the front door names."""
    front = sys.modules["numcnn"]
    for name in public(front):
        thing = vars(front).get(name)
        if isinstance(thing, ModuleType):
            yield thing
    yield front
