"""Optimizers by name."""

from collections.abc import Callable
from typing import Any, cast

from numcnn.errors import unknown_name
from numcnn.optimizers.adaptive_moments import Adam
from numcnn.optimizers.adaptive_sums import Adadelta, Adagrad
from numcnn.optimizers.adaptive_variants import Adamax, AdamW, Nadam
from numcnn.optimizers.base import Optimizer
from numcnn.optimizers.gradient_descent import SGD
from numcnn.optimizers.root_mean_square import RMSprop

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "adamax": Adamax,
    "nadam": Nadam,
}


def get(identifier: Any) -> Optimizer:
    """Return the optimizer that a name (in any case), a class or an object stands for.

    Example:
        >>> get("rmsprop").rho
        0.9
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return cast(Callable[..., Optimizer], identifier)()
    name = identifier.lower() if isinstance(identifier, str) else identifier
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise unknown_name("optimizer", identifier, OPTIMIZERS)
    return OPTIMIZERS[name]()
