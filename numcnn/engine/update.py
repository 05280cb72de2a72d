"""The update: one pass over all parameters, which lie in one piece."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.engine.crew import CREW, Task
from numcnn.kernels import updates
from numcnn.optimizers import SGD, Adam, Optimizer, RMSprop

Array = np.ndarray[Any, Any]

STRETCH = 2**16  # numbers that one task updates


def native(optimizer: Optimizer) -> bool:
    """Return whether there is a kernel for this optimizer; if not, its own `step` is called."""
    if type(optimizer) not in (SGD, RMSprop, Adam) or not optimizer.plain:
        return False
    # Those with a memory more than their kernel knows.
    return len(optimizer.slot_names) <= (2 if type(optimizer) is Adam else 1)


class Update:
    """The tasks of one step, bound to the flat parameters, gradients and slots.

    Args:
        optimizer: whose step it is.
        arrays: parameters, gradients and the slots in their order, each in one piece.
    """

    def __init__(self, optimizer: Optimizer, arrays: list[Array]) -> None:
        self.optimizer, self.arrays = optimizer, arrays
        self.kernel, numbers = _kernel(optimizer)
        self.h = np.zeros(len(numbers), np.float64)
        self.tasks = [self._task(a) for a in range(0, arrays[0].size, STRETCH)]

    def _task(self, a: int) -> Task:
        stretch = [array[a : a + STRETCH] for array in self.arrays]
        kernel, h = self.kernel, self.h
        return lambda worker: kernel(*stretch, h)

    def run(self) -> None:
        """Move the parameters by one step."""
        _, self.h[:] = _kernel(self.optimizer)
        CREW.run([self.tasks])


def _kernel(optimizer: Optimizer) -> tuple[Callable[..., None], tuple[float, ...]]:
    """Return the kernel and the numbers that it wants in `h`."""
    lr = optimizer.current_rate()
    if isinstance(optimizer, SGD):
        if not optimizer.momentum:
            return updates.sgd, (lr,)
        return updates.momentum, (lr, optimizer.momentum, float(optimizer.nesterov))
    if isinstance(optimizer, RMSprop):
        return updates.rmsprop, (lr, optimizer.rho, optimizer.epsilon)
    if isinstance(optimizer, Adam):
        t = optimizer.iterations + 1
        b1, b2 = optimizer.beta_1, optimizer.beta_2
        return updates.adam, (
            lr * math.sqrt(1 - b2**t) / (1 - b1**t), b1, b2, optimizer.epsilon,
        )  # fmt: skip
    raise TypeError(f"There is no kernel for {type(optimizer).__name__}.")
