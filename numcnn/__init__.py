"""numcnn: convolutional networks from scratch, with Keras's face.

`import numcnn as keras` and an old script finds its names here: models, layers, optimizers, losses,
datasets, utils. Neither Numba nor matplotlib is loaded before it is used.


A name of Keras that is not here raises an error that says so and names what is nearest; paths of
older Keras, such as `numcnn.layers.convolutional`, lead to the room that they mean
(numcnn/legacy/paths.py).
"""

import sys as _sys

from numcnn import (
    activations,
    backend,
    callbacks,
    constraints,
    datasets,
    export,
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
    wrappers,
)
from numcnn._version import __version__
from numcnn.engine.crew import get_num_threads, set_num_threads
from numcnn.layers import Input
from numcnn.legacy import paths as _paths
from numcnn.models import Model, Sequential, warmup

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "export",
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
    "wrappers",
]

_paths.install(_sys.modules[__name__])
