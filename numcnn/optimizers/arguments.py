"""The checks that optimizers make of their numbers."""

import math
from typing import Any

import numpy as np

from numcnn import backend
from numcnn.errors import DTypeError


def number(what: str, value: Any) -> float:
    """Return a finite number as a float.

    Example:
        >>> number("rho", 1)
        1.0
    """
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
        raise DTypeError(f"{what} must be a number, got {value!r} of type {type(value).__name__}.")
    if not math.isfinite(value):
        raise ValueError(f"{what} must be finite, got {value!r}.")
    return float(value)


def positive(what: str, value: Any) -> float:
    """Return a number above 0 as a float.

    Example:
        >>> positive("learning_rate", 0.001)
        0.001
    """
    if not number(what, value) > 0:
        raise ValueError(f"{what} must be above 0, got {value!r}.")
    return float(value)


def non_negative(what: str, value: Any) -> float:
    """Return a number of at least 0 as a float.

    Example:
        >>> non_negative("decay", 0)
        0.0
    """
    if not number(what, value) >= 0:
        raise ValueError(f"{what} must be at least 0, got {value!r}.")
    return float(value)


def share(what: str, value: Any) -> float:
    """Return a number from 0 to below 1 as a float.

    Example:
        >>> share("rho", 0.9)
        0.9
    """
    if not 0 <= number(what, value) < 1:
        raise ValueError(f"{what} must be at least 0 and below 1, got {value!r}.")
    return float(value)


KERAS_ALONE: dict[str, tuple[Any, ...]] = {  # what changes nothing there either
    "use_ema": (False, None),
    "ema_momentum": (0.99,),
    "ema_overwrite_frequency": (None,),
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None, 1),
    "jit_compile": (True, False, None),
}


def refuse_what_keras_alone_has(owner: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without those of Keras that are not here and change nothing.

    Raises:
        ValueError: one of them would change something.

    Example:
        >>> refuse_what_keras_alone_has("Adam", {"use_ema": False, "rho": 0.9})
        {'rho': 0.9}
    """
    for name in KERAS_ALONE.keys() & given.keys():
        if given[name] not in KERAS_ALONE[name]:
            raise ValueError(
                f"{name}={given[name]!r} of {owner} is not there: numcnn has no moving averages of "
                "weights, no scaled losses and no gradients of several batches. Leave it out."
            )
    return {name: value for name, value in given.items() if name not in KERAS_ALONE}


def epsilon_or_default(value: Any) -> float:
    """Return epsilon; None means the backend's.

    Example:
        >>> epsilon_or_default(None)
        1e-07
    """
    return backend.epsilon() if value is None else non_negative("epsilon", value)
