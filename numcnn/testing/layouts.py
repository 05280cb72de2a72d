"""The same numbers, lying in memory in another way."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.errors import unknown_name

Array = np.ndarray[Any, Any]


def _transposed(x: Array) -> Array:
    """A view with its axes in another order than memory."""
    return np.ascontiguousarray(x.transpose(range(x.ndim)[::-1])).transpose()


def _backwards(x: Array) -> Array:
    """A view whose first and last axes have negative strides."""
    ends = (slice(None, None, -1), *[slice(None)] * (x.ndim - 2), slice(None, None, -1))[: x.ndim]
    return x[ends].copy()[ends]


def _every_second(x: Array) -> Array:
    """A view of every second number of the last axis; NaN (or 99) stands between."""
    between = np.nan if x.dtype.kind in "fc" else 99
    spread = np.full((*x.shape[:-1], 2 * x.shape[-1]), between, x.dtype)
    spread[..., ::2] = x
    return spread[..., ::2]


def _off_line(x: Array) -> Array:
    """A contiguous array that begins at an address no vector begins at: one number further."""
    room = np.empty(x.size + 1, x.dtype)[1:].reshape(x.shape)
    room[...] = x
    return room


def _read_only(x: Array) -> Array:
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def _broadcast(x: Array) -> Array:
    """The first sample again and again, with a stride of 0 (so the numbers differ from x)."""
    return np.broadcast_to(x[:1], x.shape) if len(x) else x


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "transposed": _transposed,
    "backwards": _backwards,
    "every second": _every_second,
    "off line": _off_line,
    "read-only": _read_only,
    "broadcast": _broadcast,
}


def in_layout(x: Array, name: str) -> Array:
    """Return x, of one axis or more, in a layout of `LAYOUTS`.

    The layout 'broadcast' repeats the first sample, so its numbers are others than those of x.

    Example:
        >>> x = np.arange(6.0).reshape(2, 3)
        >>> in_layout(x, "every second").strides, bool((in_layout(x, "F") == x).all())
        ((48, 16), True)
    """
    if name not in LAYOUTS:
        raise unknown_name("layout", name, LAYOUTS)
    return LAYOUTS[name](x)
