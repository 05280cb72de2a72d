"""One step of an optimizer on a stretch of the parameters: the `update`s of optimizers/.

`h` holds the numbers that the formulas need, in float64, in the order given in each docstring.
"""

import math
from typing import Any

from numcnn.kernels.compile import kernel


@kernel
def sgd(p: Any, g: Any, h: Any) -> None:
    """p -= lr * g. h: lr."""
    lr = p.dtype.type(h[0])
    for i in range(p.size):
        p[i] -= lr * g[i]


@kernel
def momentum(p: Any, g: Any, v: Any, h: Any) -> None:
    """v = momentum * v - lr * g; p += v, or momentum * v - lr * g. h: lr, momentum, nesterov."""
    lr, share, nesterov = p.dtype.type(h[0]), p.dtype.type(h[1]), h[2] > 0
    for i in range(p.size):
        v[i] = share * v[i] - lr * g[i]
        if nesterov:
            p[i] += share * v[i] - lr * g[i]
        else:
            p[i] += v[i]


@kernel
def rmsprop(p: Any, g: Any, v: Any, h: Any) -> None:
    """v = rho * v + (1 - rho) * g**2; p -= lr * g / sqrt(v + epsilon). h: lr, rho, epsilon."""
    lr, rho, epsilon = p.dtype.type(h[0]), p.dtype.type(h[1]), p.dtype.type(h[2])
    rest = p.dtype.type(1 - h[1])
    for i in range(p.size):
        v[i] = rho * v[i] + rest * (g[i] * g[i])
        p[i] -= lr * g[i] / math.sqrt(v[i] + epsilon)


@kernel
def adam(p: Any, g: Any, m: Any, v: Any, h: Any) -> None:
    """Adam's step. h: lr_t, beta_1, beta_2, epsilon."""
    lr, epsilon = p.dtype.type(h[0]), p.dtype.type(h[3])
    beta_1, rest_1 = p.dtype.type(h[1]), p.dtype.type(1 - h[1])
    beta_2, rest_2 = p.dtype.type(h[2]), p.dtype.type(1 - h[2])
    for i in range(p.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * (g[i] * g[i])
        p[i] -= lr * m[i] / (math.sqrt(v[i]) + epsilon)
