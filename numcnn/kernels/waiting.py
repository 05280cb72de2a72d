"""How a thread waits for others without letting go of its core."""

from typing import Any

from numcnn.kernels.compile import kernel
from numcnn.kernels.simd import peek


@kernel
def all_reached(flags: Any, step: int, value: int, patience: int) -> bool:
    """Return whether flags[0], flags[step], ... all get to `value` within so many looks."""
    for _ in range(patience):
        reached = True
        for i in range(0, flags.size, step):
            reached = reached and peek(flags, i) >= value
        if reached:
            return True
    return False
