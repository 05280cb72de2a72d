"""numcnn: convolutional networks from scratch, with Keras's face.

`import numcnn as keras` and an old script finds its names here: models, layers, optimizers, losses,
datasets, utils. Neither Numba nor matplotlib is loaded before it is used.
"""

from numcnn import (
    backend,
    callbacks,
    constraints,
    datasets,
    gradcheck,
    initializers,
    inspect,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    plotting,
    preprocessing,
    regularizers,
    utils,
)
from numcnn._version import __version__
from numcnn.engine.crew import get_num_threads, set_num_threads
from numcnn.layers import Input
from numcnn.models import Sequential, warmup

__all__ = [
    "Input",
    "Sequential",
    "__version__",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "get_num_threads",
    "gradcheck",
    "initializers",
    "inspect",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plotting",
    "preprocessing",
    "regularizers",
    "set_num_threads",
    "utils",
    "warmup",
]
