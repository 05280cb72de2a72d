"""SGD."""

from typing import Any

from numcnn.optimizers.arguments import share
from numcnn.optimizers.base import Array, Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    Math:
        without momentum     p -= lr * g
        with momentum        v = momentum * v - lr * g
                             p += v                         (the ball rolls on)
        with nesterov        p += momentum * v - lr * g     (the gradient seen from where it rolls)

    Args:
        learning_rate: the length of a step.
        momentum: the share of the last step that goes on, 0 to below 1.
        nesterov: whether to look ahead.
        **kwargs: lr, decay: see `Optimizer`.

    Reference:
        Sutskever et al., "On the importance of initialization and momentum in deep learning",
        ICML 2013.

    Example:
        >>> import numpy as np
        >>> p = np.array([1.0])
        >>> SGD(0.1).step([p], [np.array([2.0])])
        >>> p
        array([0.8])
    """

    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = share("momentum", momentum)
        self.slot_names = ("velocity",) if momentum else ()
        self.nesterov = bool(nesterov)

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p, and v where there is one, in place."""
        lr = self.current_rate()
        if not slots:
            p -= lr * g
            return
        (v,) = slots
        v *= self.momentum
        v -= lr * g
        p += self.momentum * v - lr * g if self.nesterov else v
