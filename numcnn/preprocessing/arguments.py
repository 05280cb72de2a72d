"""What ImageDataGenerator accepts as its ranges."""

import math
import numbers
from typing import Any

import numpy as np

from numcnn.errors import DTypeError


def number(what: str, value: Any, least: float = -math.inf) -> float:
    """Return a finite number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise DTypeError(f"{what} must be a number, got {value!r}.")
    value = value if isinstance(value, int) else float(value)
    if not math.isfinite(value) or value < least:
        bound = "" if least == -math.inf else f" of at least {least:g}"
        raise ValueError(f"{what} must be a finite number{bound}, got {value!r}.")
    return value


def shift_range(what: str, value: Any) -> Any:
    """Return a float, a whole number of pixels, or an array of pixels to choose from."""
    if isinstance(value, (list, tuple, np.ndarray)):
        choices = np.asarray(value)
        if choices.ndim != 1 or not choices.size or choices.dtype.kind not in "iuf":
            raise DTypeError(f"{what} must be a number or a list of numbers, got {value!r}.")
        return choices
    whole = isinstance(value, numbers.Integral)
    found = number(what, value, 0)
    return int(found) if whole and found > 0 else float(found)


def zoom_range(value: Any) -> list[float]:
    """Return [least, greatest] factor."""
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != 2:
            raise ValueError(f"zoom_range must be a number or two, got {value!r}.")
        return [number("zoom_range", v, 0) for v in value]
    share = number("zoom_range", value, 0)
    return [1 - share, 1 + share]


def brightness_range(value: Any) -> tuple[float, float] | None:
    """Return (least, greatest) factor, or None."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != 2:
        raise DTypeError(f"brightness_range must be two numbers, got {value!r}.")
    low, high = (number("brightness_range", v, 0) for v in value)
    return low, high
