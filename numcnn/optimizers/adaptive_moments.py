"""Adam: momentum and RMSprop together, both corrected for their start at zero.

"Adaptive moment estimation": m is a running mean of g, the first moment, and v of g**2, the second
(root_mean_square.py explains such means). The step is lr * m / sqrt(v). Where gradients agree the
quotient is about 1; where they contradict each other m is small beside sqrt(v): a short step.

The correction. m = beta_1 * m + (1 - beta_1) * g from m = 0 is, after t steps,

    m = (1 - beta_1) * (g_t + beta_1 * g_(t-1) + ... + beta_1**(t-1) * g_1).

The weights sum to (1 - beta_1) * (1 + beta_1 + ... + beta_1**(t-1)) = 1 - beta_1**t: not to 1, as
those of a mean should, but to 0.1 after the first step with beta_1 = 0.9. So m is too small by this
factor, and v likewise by 1 - beta_2**t. Divided by them both are means from the first step on:

    (m / (1 - beta_1**t)) / sqrt(v / (1 - beta_2**t))
        = sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / sqrt(v).

The first factor is the same for all parameters, so it is joined with lr into lr_t.
"""

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
        lr_t = lr * sqrt(1 - beta_2**t) / (1 - beta_1**t)   at step t = 1, 2, ...
        p -= lr_t * m / (sqrt(v) + epsilon)
        with amsgrad     the greatest v so far stands under the root instead of v

    Shapes:
        p, g, m, v: any, the same.

    Args:
        learning_rate: the length of a step.
        beta_1: how slowly m forgets, 0 to below 1.
        beta_2: how slowly v forgets, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        amsgrad: whether steps may not grow again where gradients become smaller.
        **kwargs: lr, decay, weight_decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Note:
        Epsilon is the paper's "epsilon hat", added to the uncorrected root, as in Keras. PyTorch
        adds it to the corrected one.

    Reference:
        Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, end of section 2.
        Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018, for amsgrad.

    Example:
        Corrected, the first means are g and g**2 themselves: a step of lr. Then the gradient
        turns. m = 0.5 * 2 + 0.5 * -4 = -1, corrected by 1 - 0.5**2 to -4/3; the mean of g**2 is
        still 16. The step is lr * (4/3) / 4, a third, back.

        >>> p, adam = np.zeros(1), Adam(0.3, beta_1=0.5, beta_2=0.5, epsilon=0.0)
        >>> adam.step([p], [np.array([4.0])])
        >>> p.round(6)
        array([-0.3])
        >>> adam.step([p], [np.array([-4.0])])
        >>> p.round(6)
        array([-0.2])
    """

    slot_names: tuple[str, ...] = ("mean", "mean_square")
    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = share("beta_1", beta_1)
        self.beta_2 = share("beta_2", beta_2)
        self.epsilon = epsilon_or_default(epsilon)
        self.amsgrad = bool(amsgrad)
        if self.amsgrad:
            self.slot_names = (*self.slot_names, "greatest")

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p, m, v and the greatest v, where that is kept, in place."""
        m, v, *greatest = slots
        t = self.iterations + 1
        # m = beta_1 * m + (1 - beta_1) * g
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        # v = beta_2 * v + (1 - beta_2) * g**2
        v *= self.beta_2
        v += (1 - self.beta_2) * g**2
        if greatest:
            v = np.maximum(greatest[0], v, out=greatest[0])
        lr_t = self.current_rate() * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        p -= lr_t * m / (np.sqrt(v) + self.epsilon)
