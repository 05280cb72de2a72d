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


def epsilon_or_default(value: Any) -> float:
    """Return epsilon; None means the backend's.

    Example:
        >>> epsilon_or_default(None)
        1e-07
    """
    return backend.epsilon() if value is None else non_negative("epsilon", value)
