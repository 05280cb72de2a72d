"""Initializers by name."""

from collections.abc import Callable
from typing import Any

from numcnn.errors import unknown_name
from numcnn.initializers.base import Initializer
from numcnn.initializers.constants import Constant, Ones, Zeros
from numcnn.initializers.distributions import RandomNormal, RandomUniform, TruncatedNormal
from numcnn.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    VarianceScaling,
)

INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal,
    "identity": Identity,
}
_CLASS_NAMES = {make.__name__: name for name, make in INITIALIZERS.items()}
INITIALIZERS |= {"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform}

# Keras also has these names as functions: kernel_initializer=initializers.he_normal().
(zeros, ones, constant) = (Zeros, Ones, Constant)
(random_normal, random_uniform, truncated_normal) = (
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
(glorot_uniform, glorot_normal) = (GlorotUniform, GlorotNormal)
(he_uniform, he_normal) = (HeUniform, HeNormal)
(lecun_uniform, lecun_normal) = (LecunUniform, LecunNormal)
orthogonal, identity = Orthogonal, Identity


def get(identifier: Any) -> Initializer:
    """Return the initializer that a name, a class, a configuration or an object stands for.

    Example:
        >>> get("he_normal").__class__.__name__
        'HeNormal'
    """
    if isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if isinstance(identifier, dict) and set(identifier) == {"class_name", "config"}:
        name = _CLASS_NAMES.get(identifier["class_name"], identifier["class_name"])
        if name not in INITIALIZERS:
            raise unknown_name("initializer", name, INITIALIZERS)
        return INITIALIZERS[name](**identifier["config"])
    name = _CLASS_NAMES.get(identifier, identifier) if isinstance(identifier, str) else identifier
    if not isinstance(name, str) or name not in INITIALIZERS:
        raise unknown_name("initializer", identifier, INITIALIZERS)
    return INITIALIZERS[name]()


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return the configuration from which `get` makes the initializer again.

    Example:
        >>> serialize(Constant(0.5))
        {'class_name': 'Constant', 'config': {'value': 0.5}}
    """
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}
