"""Dropout: in training, silence random units, so that none relies on a single neighbour.

A unit that always finds the same partner beside it learns to correct for it, and both together
learn the training images by heart. When each is missing now and then, each has to be of use alone.

Why 1 / (1 - rate). A unit stays with probability 1 - rate. If y were just x or 0, its mean would be
(1 - rate) * x, and the next layer would see smaller sums in training than in prediction, where all
units are there. Divided by 1 - rate the mean is right: (1 - rate) * x / (1 - rate) = x. So
prediction needs no correction ("inverted" dropout).

Backward. Once drawn, the mask is a constant: y[i] = x[i] * mask[i], whose slope in x[i] is mask[i].
By the chain rule dx[i] = dy[i] * mask[i]: who was silent has no part in the mistake.
"""

from typing import Any

import numpy as np

from numcnn.errors import DTypeError
from numcnn.layers.base import Array, Layer
from numcnn.seeds import check_seed, generator, next_seed


class Dropout(Layer):
    """Set a random share of the numbers to zero in training; do nothing in prediction.

    Math:
        mask[i] = 1 / (1 - rate) with probability 1 - rate, else 0
        forward    y = x * mask         (training)     y = x     (prediction)
        backward   dx = dy * mask       (the same mask)
        The mean of mask[i] is 1.

    Shapes:
        x, y: any, the same.

    Args:
        rate: the share that is dropped, 0 <= rate < 1.
        seed: an integer for masks of one's own; None takes the next seed.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        mask, one number per number of x: backward must silence the same units.

    Raises:
        ValueError: the rate is outside [0, 1); DTypeError: it is not a number.

    Note:
        The mask depends on the seed and on how many batches have been trained, and on nothing
        else: forward twice before the weights move gives the same mask twice. So training can stop
        and resume bit for bit, and finite differences see a fixed function.

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        JMLR 15, 2014.

    Example:
        This mask drops the last two of four; the others count twice.

        >>> dropout = Dropout(0.5, seed=3)
        >>> x = np.array([1.0, 2.0, 3.0, 4.0])
        >>> dropout.forward(x, training=True)
        array([2., 4., 0., 0.])
        >>> dropout.backward(np.array([10.0, 10.0, 10.0, 10.0]))
        array([20., 20.,  0.,  0.])
        >>> dropout.forward(x)  # in prediction
        array([1., 2., 3., 4.])

        The mean over many numbers is what it would be without dropout, here 1.

        >>> float(dropout.forward(np.ones(100_000), training=True).mean().round(1))
        1.0
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        if isinstance(rate, bool) or not isinstance(rate, (int, float, np.integer, np.floating)):
            raise DTypeError(f"rate of {name} must be a number, got {rate!r}.")
        if not 0 <= rate < 1:
            raise ValueError(
                f"rate of {name} must be at least 0 and below 1, got {rate!r}: it is the share "
                "that is dropped."
            )
        self.rate = float(rate)
        self.given_seed = check_seed(seed)
        self.seed = next_seed() if self.given_seed is None else self.given_seed
        self.step = 0  # batches trained so far

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x * mask in training, x itself in prediction."""
        if not training:
            return x
        mask = self.mask(x)
        self.kept = mask
        return x * mask

    def mask(self, x: Array) -> Array:
        """Return the mask of this step: 0, or 1 / (1 - rate)."""
        chance = generator(self.seed, self.step).random(x.shape, np.float32)
        return (chance >= self.rate) * x.dtype.type(1 / (1 - self.rate))

    def backward(self, dy: Array) -> Array:
        """Return dy * mask."""
        mask = self.recall()
        # y = x * mask
        return dy * mask

    def after_update(self) -> None:
        """Go on to the next mask."""
        self.step += 1

    def get_state(self) -> dict[str, int]:
        """Return the seed and the step."""
        return {"seed": self.seed, "step": self.step}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"rate": self.rate, "seed": self.given_seed, **super().get_config()}
