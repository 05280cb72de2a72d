"""Optimizers: how a gradient becomes a step.

`step(params, grads)` changes the parameters in place. What an optimizer remembers between steps
stands in `slots`: for each kind of memory one array per parameter.
"""

from numcnn.optimizers.adaptive_moments import Adam
from numcnn.optimizers.arguments import epsilon_or_default, non_negative, number, positive, share
from numcnn.optimizers.base import Optimizer
from numcnn.optimizers.gradient_descent import SGD
from numcnn.optimizers.names import OPTIMIZERS, get
from numcnn.optimizers.root_mean_square import RMSprop

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Optimizer",
    "RMSprop",
    "epsilon_or_default",
    "get",
    "non_negative",
    "number",
    "positive",
    "share",
]
