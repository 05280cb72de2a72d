"""SGD: a step against the gradient, with momentum if wanted.

"Stochastic", since the gradient is that of a small random batch and not of all samples: a rough
guess, but right on average, and there are hundreds of them in the time of one exact gradient.

Momentum. In a narrow valley the gradient points mostly across it, to and fro, and only a little
along it. v, the step, goes on with a share of the last one: v = momentum * v - lr * g. What changes
sign from step to step cancels; what stays the same adds up: a ball that rolls downhill. Under a
constant g, v grows until a step leaves it as it is, v = momentum * v - lr * g; this v is
-lr * g / (1 - momentum), with a momentum of 0.9 ten times -lr * g.

Nesterov. The ball will roll by momentum * v anyway, so the gradient is better looked at where that
leads, at q = p + momentum * v, than at p. For that the parameters must stand there, so it is q that
the code keeps and calls p. One step in terms of q, with a dash for what is new:

    v' = momentum * v - lr * g                        where g is the gradient at q
    p' = p + v'
    q' = p' + momentum * v'
       = (q - momentum * v) + v' + momentum * v'      since p = q - momentum * v
       = q - lr * g + momentum * v'                   since v' - momentum * v = -lr * g
"""

from typing import Any

from numcnn.optimizers.arguments import share
from numcnn.optimizers.base import Array, Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    Math:
        without momentum     p -= lr * g
        with momentum        v = momentum * v - lr * g
                             p += v                         (the ball rolls on)
        with nesterov        v as above
                             p += momentum * v - lr * g     (the gradient seen from where it rolls)

    Shapes:
        p, g, v: any, the same.

    Args:
        learning_rate: the length of a step.
        momentum: the share of the last step that goes on, 0 to below 1.
        nesterov: whether to look ahead.
        **kwargs: lr, decay, weight_decay, clipnorm, clipvalue, global_clipnorm: see `Optimizer`.

    Reference:
        Sutskever et al., "On the importance of initialization and momentum in deep learning",
        ICML 2013.

    Example:
        >>> import numpy as np
        >>> p, g = np.array([1.0]), np.array([2.0])
        >>> SGD(0.1).step([p], [g])  # 1 - 0.1 * 2
        >>> p
        array([0.8])

        Two steps with momentum: v = -0.2, then v = 0.9 * -0.2 - 0.2 = -0.38.

        >>> p, sgd = np.array([1.0]), SGD(0.1, momentum=0.9)
        >>> sgd.step([p], [g]); sgd.step([p], [g])
        >>> p.round(6)  # 1 - 0.2 - 0.38
        array([0.42])

        And one that looks ahead: v = -0.2, and p moves by 0.9 * -0.2 - 0.2.

        >>> p = np.array([1.0])
        >>> SGD(0.1, momentum=0.9, nesterov=True).step([p], [g])
        >>> p.round(6)
        array([0.62])
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
        # v = momentum * v - lr * g
        v *= self.momentum
        v -= lr * g
        p += self.momentum * v - lr * g if self.nesterov else v
