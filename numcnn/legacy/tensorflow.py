"""What Keras programs take from TensorFlow itself, where it has a meaning without TensorFlow.

`import numcnn as tf` stands in a converted program, and then tf.random.set_seed(42), a question
whether there is a GPU, or tf.reduce_mean in a metric of one's own. These names are here, under
whatever path TensorFlow has had them (paths.py says which); `tf.nn` is numcnn.activations.
Everything else of TensorFlow is an error that says so.
"""

import contextlib
import sys
from typing import Any

import numpy as np

from numcnn import backend
from numcnn._version import __version__
from numcnn.errors import MissingNameError
from numcnn.legacy.missing import explanation
from numcnn.optimizers import SGD, Adadelta, Adagrad, Adam, Optimizer, RMSprop
from numcnn.utils import set_random_seed as _set_random_seed

VERSION = GIT_VERSION = __version__
AUTOTUNE = -1
DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50

# TensorFlow 1's optimizers: tf.train.AdamOptimizer(0.001).
AdamOptimizer, RMSPropOptimizer, GradientDescentOptimizer = Adam, RMSprop, SGD
AdagradOptimizer, AdadeltaOptimizer = Adagrad, Adadelta


OPS: dict[str, Any] = {
    name: getattr(backend, name)
    for name in (
        "abs", "cast", "constant", "equal", "exp", "expand_dims", "greater", "less", "maximum",
        "minimum", "one_hot", "ones", "ones_like", "pow", "reshape", "round", "sign", "sqrt",
        "square", "squeeze", "stack", "tile", "transpose", "zeros", "zeros_like",
    )
}  # fmt: skip
OPS |= {
    "add": np.add,
    "clip_by_value": backend.clip,
    "concat": backend.concatenate,
    "divide": np.divide,
    "log": backend.log,
    "multiply": np.multiply,
    "newaxis": None,
    "reduce_max": backend.max,
    "reduce_mean": backend.mean,
    "reduce_min": backend.min,
    "reduce_prod": backend.prod,
    "reduce_sum": backend.sum,
    "subtract": np.subtract,
    **{name: name for name in ("float32", "float64", "int32", "int64", "uint8")},
}
"""Functions of tensors that are in numcnn.backend too, for metrics and losses of one's own."""


def argmax(x: Any, axis: int = 0) -> Any:
    """Return the places of the largest; TensorFlow looks along the first axis by default.

    Example:
        >>> argmax([[1.0, 2.0], [3.0, 0.0]]).tolist()
        [1, 0]
    """
    return backend.argmax(x, axis=axis)


def device(name: Any) -> contextlib.AbstractContextManager[None]:
    """Return what `with` takes: there is one device."""
    return contextlib.nullcontext()


FRONT = ("argmax", "device", "set_random_seed", *OPS)
"""What stands in TensorFlow's front door and is no module: tf.argmax."""


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
    "AUTOTUNE",
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
    "argmax",
    "device",
    "gpu_device_name",
    "is_built_with_cuda",
    "is_gpu_available",
    "list_logical_devices",
    "list_physical_devices",
    "set_random_seed",
    "set_seed",
    "set_verbosity",
]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in OPS:
        return OPS[name]
    text = explanation("numcnn", "Session").replace("'Session'", f"{name!r}")
    raise MissingNameError(text, name=None, obj=None)
