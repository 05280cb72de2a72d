"""What Keras programs take from TensorFlow itself, where it has a meaning without TensorFlow.

`import numcnn as tf` stands in a converted program, and then tf.random.set_seed(42), or a question
whether there is a GPU. These names are here, under whatever path TensorFlow has had them (paths.py
says which); `tf.nn` is numcnn.activations. Everything else of TensorFlow is an error that says so.
"""

import sys
from typing import Any

from numcnn._version import __version__
from numcnn.errors import MissingNameError
from numcnn.legacy.missing import explanation
from numcnn.optimizers import SGD, Adadelta, Adagrad, Adam, Optimizer, RMSprop
from numcnn.utils import set_random_seed as _set_random_seed

VERSION = GIT_VERSION = __version__
newaxis = None
DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50

# TensorFlow 1's optimizers: tf.train.AdamOptimizer(0.001).
AdamOptimizer, RMSPropOptimizer, GradientDescentOptimizer = Adam, RMSprop, SGD
AdagradOptimizer, AdadeltaOptimizer = Adagrad, Adadelta


def MomentumOptimizer(learning_rate: float, momentum: float, **kwargs: Any) -> Optimizer:
    """Return SGD with momentum, as tf.train calls it.

    Example:
        >>> MomentumOptimizer(0.1, 0.9).get_config()["momentum"]
        0.9
    """
    return SGD(learning_rate, momentum=momentum, nesterov=bool(kwargs.pop("use_nesterov", False)))


def set_seed(seed: int) -> None:
    """Seed all that is random, as `numcnn.utils.set_random_seed` does."""
    _set_random_seed(seed)


set_random_seed = set_seed


def list_physical_devices(device_type: str | None = None) -> list[str]:
    """Return the devices of a kind: the processor alone is used.

    Example:
        >>> list_physical_devices("GPU"), list_physical_devices("CPU")
        ([], ['CPU'])
    """
    return ["CPU"] if device_type in (None, "CPU") else []


list_logical_devices = list_physical_devices


def is_gpu_available(*_: Any, **__: Any) -> bool:
    """Return False."""
    return False


is_built_with_cuda = is_gpu_available


def gpu_device_name() -> str:
    """Return the name of the GPU, '' where there is none, as ever here."""
    return ""


def set_verbosity(level: Any) -> None:
    """Do nothing: there is no TensorFlow that writes a log."""


# tf.compat.v1.set_random_seed, tf.config.experimental.list_physical_devices, tf.compat.v1.logging
v1 = experimental = logging = random = config = train = test = sys.modules[__name__]

__all__ = [
    "DEBUG",
    "ERROR",
    "FATAL",
    "GIT_VERSION",
    "INFO",
    "VERSION",
    "WARN",
    "AdadeltaOptimizer",
    "AdagradOptimizer",
    "AdamOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "RMSPropOptimizer",
    "gpu_device_name",
    "is_built_with_cuda",
    "is_gpu_available",
    "list_logical_devices",
    "list_physical_devices",
    "newaxis",
    "set_random_seed",
    "set_seed",
    "set_verbosity",
]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    text = explanation("numcnn", "Session").replace("'Session'", f"{name!r}")
    raise MissingNameError(text, name=None, obj=None)
