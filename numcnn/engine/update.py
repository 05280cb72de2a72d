"""The update: one pass over all parameters, which lie in one piece."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.engine.crew import CREW, Task
from numcnn.kernels import updates
from numcnn.optimizers import SGD, Adam, Optimizer, RMSprop

Array = np.ndarray[Any, Any]

STRETCH = 2**15  # numbers that one task updates


def native(optimizer: Optimizer) -> bool:
    """Return whether there is a kernel for this optimizer."""
    return type(optimizer) in (SGD, RMSprop, Adam)


def update(optimizer: Optimizer, p: Array, g: Array, slots: list[Array]) -> None:
    """Move the flat parameters p by one step; `slots` are the optimizer's, flat too."""
    kernel, numbers = _kernel(optimizer)
    h = np.array(numbers, np.float64)

    def task(a: int) -> Task:
        arrays = [array[a : a + STRETCH] for array in (p, g, *slots)]
        return lambda worker: kernel(*arrays, h)

    CREW.run([[task(a) for a in range(0, p.size, STRETCH)]])


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
