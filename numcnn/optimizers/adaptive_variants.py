"""AdamW, Adamax and Nadam: what became of Adam (adaptive_moments.py).

AdamW. Small weights generalise better, so each step lets them shrink a little. One way is a penalty
in the loss (regularizers.py): l2 * w**2 adds 2 * l2 * w to g. With SGD that is a pull of lr * 2 *
l2 * w. But Adam divides g, and the pull in it, by sqrt(v): weights with large gradients are hardly
pulled. AdamW takes the pull out of g and applies it to the weight itself, p -= lr * weight_decay *
p, all weights alike.

Adamax. sqrt(v) is the 2-norm of the recent gradients, the root of a weighted sum of squares. With
powers of k instead of 2, and k growing without bound, what remains of the sum is its greatest term:
u = max(beta_2 * u, |g|). It needs no correction, since u is |g| itself after the first step, not a
mean that starts at zero.

Nadam. Momentum can look ahead (gradient_descent.py, Nesterov): the step is made with the m of the
next step, as far as that is known by now. m' = beta_1 * m + (1 - beta_1) * g' has the unknown g',
and g is put in its place. Keras lets beta_1 rise in the first steps: mu_t = beta_1 * (1 - 0.5 *
0.96**t), half of beta_1 at t = 0, all of it in the end. What corrects the start is then a product
of all mu instead of a power.
"""

import math
from typing import Any

import numpy as np

from numcnn.optimizers.adaptive_moments import Adam
from numcnn.optimizers.arguments import epsilon_or_default, share
from numcnn.optimizers.base import Array, Optimizer


class AdamW(Adam):
    """Adam, with weights that shrink a little in each step.

    Math:
        p -= lr * weight_decay * p, then Adam's step

    Shapes:
        p, g, m, v: any, the same.

    Args:
        learning_rate: the length of a step.
        weight_decay: the share of itself, times the rate, that each weight loses in a step.
        beta_1: how slowly m forgets, 0 to below 1.
        beta_2: how slowly v forgets, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        amsgrad: see `Adam`.
        **kwargs: lr, decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Reference:
        Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Example:
        1 loses 0.1 * 0.5 * 1, and Adam's first step is a rate.

        >>> p, adamw = np.ones(1), AdamW(0.1, weight_decay=0.5, epsilon=0.0)
        >>> adamw.step([p], [np.array([4.0])])
        >>> p.round(6)  # 1 - 0.05 - 0.1
        array([0.85])
    """

    bounded_step = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay=weight_decay or 0.0,
            **kwargs,
        )


class Adamax(Optimizer):
    """Adam with the greatest of the recent gradients where Adam has their root mean square.

    Math:
        m = beta_1 * m + (1 - beta_1) * g
        u = max(beta_2 * u, |g|)
        p -= lr / (1 - beta_1**t) * m / (u + epsilon)       at step t = 1, 2, ...

    Shapes:
        p, g, m, u: any, the same.

    Args:
        learning_rate: the length of a step.
        beta_1: how slowly m forgets, 0 to below 1.
        beta_2: how slowly u falls, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay, weight_decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Note:
        The default rate is that of Keras 3, 0.001; in Keras 2 it was 0.002.

    Reference:
        Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.

    Example:
        The first step is a rate. Then u = max(0.5 * 4, 1) = 2 and m = 0.5 * 2 + 0.5 * 1 = 1.5,
        corrected by 1 - 0.5**2 to 2: a rate again.

        >>> p, adamax = np.zeros(1), Adamax(0.1, beta_1=0.5, beta_2=0.5, epsilon=0.0)
        >>> adamax.step([p], [np.array([4.0])])
        >>> adamax.step([p], [np.array([1.0])])
        >>> p.round(6)
        array([-0.2])
    """

    slot_names = ("mean", "greatest")
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
        """Change p, m and u in place."""
        m, u = slots
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        # u = max(beta_2 * u, |g|)
        u *= self.beta_2
        np.maximum(u, np.abs(g), out=u)
        rate = self.current_rate() / (1 - self.beta_1 ** (self.iterations + 1))
        p -= rate * m / (u + self.epsilon)


class Nadam(Optimizer):
    """Adam that looks ahead, as Nesterov's momentum does.

    Math:
        mu_t = beta_1 * (1 - 0.5 * 0.96**t), and c_t = mu_1 * mu_2 * ... * mu_t
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        ahead = mu_(t+1) * m / (1 - c_(t+1)) + (1 - mu_t) * g / (1 - c_t)
        p -= lr * ahead / (sqrt(v / (1 - beta_2**t)) + epsilon)     at step t = 1, 2, ...

    Shapes:
        p, g, m, v: any, the same.

    Args:
        learning_rate: the length of a step.
        beta_1: how slowly m forgets, 0 to below 1.
        beta_2: how slowly v forgets, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay, weight_decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Note:
        The default rate is that of Keras 3, 0.001; in Keras 2 it was 0.002. Here epsilon is added
        to the corrected root.

    Reference:
        Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    Example:
        With beta_1 = 0 nothing is remembered of g: the first step is a rate, whatever g is.

        >>> p, nadam = np.zeros(2), Nadam(0.1, beta_1=0.0, epsilon=0.0)
        >>> nadam.step([p], [np.array([5.0, -0.005])])
        >>> p.round(6)
        array([-0.1,  0.1])
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
        self._product = (0, 1.0)  # (t, mu_1 * ... * mu_t)

    def mu(self, t: int) -> float:
        """Return the momentum of step t."""
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def product(self, t: int) -> float:
        """Return mu_1 * ... * mu_t, the same bits wherever it goes on from."""
        known, product = self._product if self._product[0] <= t else (0, 1.0)
        while known < t and product:
            known += 1
            product *= self.mu(known)
        self._product = (t, product)
        return product

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p, m and v in place."""
        m, v = slots
        t = self.iterations + 1
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        v *= self.beta_2
        v += (1 - self.beta_2) * g**2
        c = self.product(t)
        mu, following = self.mu(t), self.mu(t + 1)
        ahead = following / (1 - c * following) * m + (1 - mu) / (1 - c) * g
        root = np.sqrt(v) / math.sqrt(1 - self.beta_2**t)
        p -= self.current_rate() * ahead / (root + self.epsilon)
