"""RMSprop: divide each gradient by its recent size, so that all weights take steps of like length.

The gradients of one network differ by powers of ten: from layer to layer, from weight to weight,
from the first epoch to the tenth. With one learning rate for all, what is right for some weights is
far too much or too little for others. Their signs alone would be a fair measure, each step +lr or
-lr. But then four batches with a gradient of 1 and one with -4 count as three steps down, where
taken together they ask for none. g divided by a size that changes slowly keeps both: steps of about
lr, and sums that come out right over some batches.

The size is the root of a running mean of g**2. v = rho * v + (1 - rho) * g**2, written out over the
steps, is (1 - rho) * (g_t**2 + rho * g_(t-1)**2 + rho**2 * g_(t-2)**2 + ...): the weights shrink by
rho with each step back, and in the long run they sum to 1. So it is a mean, of about the last
1 / (1 - rho) gradients: ten for 0.9.
"""

from typing import Any

import numpy as np

from numcnn.optimizers.arguments import epsilon_or_default, share
from numcnn.optimizers.base import Array, Optimizer


class RMSprop(Optimizer):
    """Divide each gradient by its recent size, so that every weight takes steps of like length.

    Math:
        v = rho * v + (1 - rho) * g**2              (a running mean of the squared gradient)
        p -= lr * g / sqrt(v + epsilon)
        with momentum    u = momentum * u + lr * g / sqrt(v + epsilon),  p -= u
        centered         m = rho * m + (1 - rho) * g, and v - m**2 stands in the place of v: the
                         running variance, which is small where gradients agree

    Shapes:
        p, g, v, u, m: any, the same.

    Args:
        learning_rate: the length of a step.
        rho: how slowly the mean forgets, 0 to below 1.
        momentum: the share of the last step that goes on, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        centered: whether to divide by the deviation from the mean gradient.
        **kwargs: lr, decay, weight_decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Note:
        Epsilon stands inside the root, as in Keras 3. In Keras 2 and PyTorch it stands outside:
        sqrt(v) + epsilon. It matters once gradients are small: inside, those far below
        sqrt(epsilon), 3e-4, take steps that shrink with them; outside, steps keep their length of
        about lr until gradients are as small as epsilon itself, 1e-7.

    Reference:
        Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.

    Example:
        v starts at 0, so the first step is g / sqrt((1 - rho) * g**2) = 1 / sqrt(1 - rho) rates
        long, here two, whatever the gradient's size: these two differ by a thousand.

        >>> p, rmsprop = np.zeros(2), RMSprop(0.1, rho=0.75, epsilon=0.0)
        >>> rmsprop.step([p], [np.array([4.0, -0.004])])  # v = 0.25 * 4**2 = 4, and 4 / sqrt(4) = 2
        >>> p.round(6)
        array([-0.2,  0.2])
        >>> rmsprop.step([p], [np.array([2.0, -0.002])])  # v = 0.75 * 4 + 0.25 * 2**2 = 4
        >>> p.round(6)  # 2 / sqrt(4) = 1 rate further
        array([-0.3,  0.3])
    """

    slot_names: tuple[str, ...] = ("mean_square",)
    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float | None = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = share("rho", rho)
        self.momentum = share("momentum", momentum)
        self.epsilon = epsilon_or_default(epsilon)
        self.centered = bool(centered)
        if self.centered:
            self.slot_names = (*self.slot_names, "mean")
        if self.momentum:
            self.slot_names = (*self.slot_names, "velocity")

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p and what is remembered in place."""
        v, *more = slots
        # v = rho * v + (1 - rho) * g**2
        v *= self.rho
        v += (1 - self.rho) * g**2
        if self.centered:
            m, *more = more
            # m = rho * m + (1 - rho) * g
            m *= self.rho
            m += (1 - self.rho) * g
            v = np.maximum(v - m**2, 0)  # rounding may leave it below
        step = self.current_rate() * g / np.sqrt(v + self.epsilon)
        if more:
            (u,) = more
            # u = momentum * u + step
            u *= self.momentum
            u += step
            step = u
        p -= step
