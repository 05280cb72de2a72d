"""Adam."""

import math
from typing import Any

import numpy as np

from numcnn.optimizers.arguments import epsilon_or_default, share
from numcnn.optimizers.base import Array, Optimizer


class Adam(Optimizer):
    """RMSprop with momentum, both corrected for their start at zero.

    Math:
        m = beta_1 * m + (1 - beta_1) * g           (a running mean of the gradient)
        v = beta_2 * v + (1 - beta_2) * g**2        (and of its square)
        From m = 0 the mean of m after t steps is only (1 - beta_1**t) times that of g, and v
        likewise; dividing by those factors undoes it. At step t = 1, 2, ...
        lr_t = lr * sqrt(1 - beta_2**t) / (1 - beta_1**t)
        p -= lr_t * m / (sqrt(v) + epsilon)

    Args:
        learning_rate: the length of a step.
        beta_1: how slowly m forgets, 0 to below 1.
        beta_2: how slowly v forgets, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay: see `Optimizer`.

    Note:
        Epsilon is the paper's "epsilon hat", added to the uncorrected root, as in Keras. PyTorch
        adds it to the corrected one.

    Reference:
        Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, end of section 2.

    Example:
        >>> p = np.zeros(1)
        >>> Adam(0.001).step([p], [np.array([5.0])])
        >>> p.round(6)
        array([-0.001])
    """

    slot_names = ("mean", "mean_square")
    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = share("beta_1", beta_1)
        self.beta_2 = share("beta_2", beta_2)
        self.epsilon = epsilon_or_default(epsilon)

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p, m and v in place."""
        m, v = slots
        t = self.iterations + 1
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        v *= self.beta_2
        v += (1 - self.beta_2) * g**2
        lr_t = self.current_rate() * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        p -= lr_t * m / (np.sqrt(v) + self.epsilon)
