"""RMSprop."""

from typing import Any

import numpy as np

from numcnn.optimizers.arguments import epsilon_or_default, share
from numcnn.optimizers.base import Array, Optimizer


class RMSprop(Optimizer):
    """Divide each gradient by its recent size, so that every weight takes steps of like length.

    Math:
        v = rho * v + (1 - rho) * g**2              (a running mean of the squared gradient)
        p -= lr * g / sqrt(v + epsilon)

    Args:
        learning_rate: the length of a step.
        rho: how slowly the mean forgets, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay: see `Optimizer`.

    Note:
        Epsilon stands inside the root, as in Keras 3. In Keras 2 and PyTorch it stands outside:
        sqrt(v) + epsilon. It matters once gradients are small: inside, those far below
        sqrt(epsilon), 3e-4, take steps that shrink with them; outside, every weight goes on with
        steps of length lr.

    Reference:
        Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.

    Example:
        The first step is lr / sqrt(1 - rho) long, whatever the gradient's size.

        >>> p = np.zeros(2)
        >>> RMSprop(0.001, epsilon=1e-30).step([p], [np.array([5.0, -0.005])])
        >>> p.round(6)
        array([-0.003162,  0.003162])
    """

    slot_names = ("mean_square",)
    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = share("rho", rho)
        self.epsilon = epsilon_or_default(epsilon)

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p and v in place."""
        (v,) = slots
        v *= self.rho
        v += (1 - self.rho) * g**2
        p -= self.current_rate() * g / np.sqrt(v + self.epsilon)
