"""Memory that is allocated once: what flows through a network, and the parameters in one piece."""

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

ALIGNMENT = 64  # bytes: a line of the cache. A vector that lies across two takes twice as long.


def aligned_zeros(shape: Shape, dtype: Any) -> Array:
    """Return zeros that begin at a multiple of 64 bytes."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size + 2 * ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size].view(dtype).reshape(shape)


class Buffers:
    """Named scratch for batches of up to `capacity` samples; each name is allocated once."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.arrays: dict[str, Array] = {}

    def take(self, name: str, shape: Shape, dtype: Any) -> Array:
        """Return the array of this name, zeros when it is new."""
        if name not in self.arrays:
            self.arrays[name] = aligned_zeros(shape, dtype)
        array = self.arrays[name]
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(f"buffer {name!r} is {array.shape} of {array.dtype}, not {shape}.")
        return array

    def per_sample(self, name: str, shape: Shape, dtype: Any) -> Array:
        """Return an array of `capacity` samples of this shape."""
        return self.take(name, (self.capacity, *shape), dtype)

    @property
    def n_bytes(self) -> int:
        """The bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())


class Flat:
    """Several arrays in one flat buffer, each a view of its part, each beginning on a line.

    Args:
        shapes: the shapes of the arrays.
        dtype: their type.
    """

    def __init__(self, shapes: list[Shape], dtype: Any) -> None:
        line = ALIGNMENT // np.dtype(dtype).itemsize
        starts = [0]
        for shape in shapes:
            starts.append(starts[-1] + -(-math.prod(shape) // line) * line)
        self.flat = aligned_zeros((starts[-1],), dtype)
        self.views = [
            self.flat[start : start + math.prod(shape)].reshape(shape)
            for start, shape in zip(starts, shapes, strict=False)
        ]
