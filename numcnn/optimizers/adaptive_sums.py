"""Adagrad and Adadelta: each weight a rate of its own, from all that its gradients have been.

Adagrad came before RMSprop (root_mean_square.py). It divides g by the root of the plain sum of all
squares so far. A weight that is rarely asked for, say that of a rare word, has a small sum and
takes long steps when its time comes. But a sum never falls: under a constant g it is t * g**2 after
t steps, and the step lr / sqrt(t). That is right for a problem with one lowest point. A network
has a long way to go, and the steps are short before it is there.

Adadelta, like RMSprop, takes a running mean instead, which forgets. Then it asks about units. Were
the weights lengths in metres and the loss a price, g would be a price per metre, g divided by its
root mean square no unit at all, and a step would have none either, where metres are wanted. So it
multiplies by something in metres: the root mean square of its own earlier steps. It starts with
sqrt(epsilon), which is small, and needs many steps to get going.
"""

from typing import Any

import numpy as np

from numcnn.optimizers.arguments import epsilon_or_default, non_negative, share
from numcnn.optimizers.base import Array, Optimizer


class Adagrad(Optimizer):
    """Divide each gradient by the root of the sum of its squares so far.

    Math:
        s = s + g**2                    from s = initial_accumulator_value
        p -= lr * g / sqrt(s + epsilon)

    Shapes:
        p, g, s: any, the same.

    Args:
        learning_rate: the length of a step.
        initial_accumulator_value: what the sums start with, at least 0.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay, weight_decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Note:
        The default rate is that of Keras 3, 0.001; in Keras 2 it was 0.01.

    Reference:
        Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
        optimization", JMLR 12, 2011.

    Example:
        The first sum is 3**2 = 9, the second 9 + 4**2 = 25: steps of 3 / 3 and 4 / 5 rates.

        >>> p, adagrad = np.zeros(1), Adagrad(0.1, initial_accumulator_value=0.0, epsilon=0.0)
        >>> adagrad.step([p], [np.array([3.0])])
        >>> p.round(6)
        array([-0.1])
        >>> adagrad.step([p], [np.array([4.0])])
        >>> p.round(6)
        array([-0.18])
    """

    slot_names = ("sum_of_squares",)
    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = non_negative(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.epsilon = epsilon_or_default(epsilon)

    def make_slots(self, params: list[Array]) -> None:
        """Start the sums with their first value."""
        start = self.initial_accumulator_value
        self.slots = {"sum_of_squares": [np.full_like(p, start) for p in params]}

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p and s in place."""
        (s,) = slots
        s += g**2
        p -= self.current_rate() * g / np.sqrt(s + self.epsilon)


class Adadelta(Optimizer):
    """Steps as long as earlier steps were, in proportion to g and its root mean square.

    Math:
        v = rho * v + (1 - rho) * g**2                (a running mean of squared gradients)
        step = sqrt(d + epsilon) / sqrt(v + epsilon) * g
        d = rho * d + (1 - rho) * step**2             (and one of squared steps)
        p -= lr * step

    Shapes:
        p, g, v, d: any, the same.

    Args:
        learning_rate: what steps are multiplied by; the paper has 1.
        rho: how slowly the means forget, 0 to below 1.
        epsilon: what the first steps grow from; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay, weight_decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Note:
        The default rate is that of Keras 3, 0.001, with which it hardly moves. Programs written for
        Keras 2 before 2.3 counted on a default of 1: write `Adadelta(1.0)` there.

    Reference:
        Zeiler, "ADADELTA: an adaptive learning rate method", arXiv 1212.5701, 2012.

    Example:
        v = 0.5 * 2**2 = 2, so the step is sqrt((0 + 2) / (2 + 2)) * 2 = sqrt(2).

        >>> p, adadelta = np.zeros(1), Adadelta(1.0, rho=0.5, epsilon=2.0)
        >>> adadelta.step([p], [np.array([2.0])])
        >>> p.round(6), adadelta.slots["mean_square_step"][0].round(6)  # 0.5 * sqrt(2)**2
        (array([-1.414214]), array([1.]))
    """

    slot_names = ("mean_square", "mean_square_step")
    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.95,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = share("rho", rho)
        self.epsilon = epsilon_or_default(epsilon)

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p, v and d in place."""
        v, d = slots
        # v = rho * v + (1 - rho) * g**2
        v *= self.rho
        v += (1 - self.rho) * g**2
        step = np.sqrt(d + self.epsilon) / np.sqrt(v + self.epsilon) * g
        # d = rho * d + (1 - rho) * step**2
        d *= self.rho
        d += (1 - self.rho) * step**2
        p -= self.current_rate() * step
