"""ActivityRegularization: what passes through is not changed, but it has a price.

The price of weights keeps them small (regularizers.py). One can also ask that answers be small, or
with l1 that most of them be 0, so that each sample is told by a few units. The price is no part of
y: it goes straight into the loss. So to a number x[i] that passes the loss owes two things, what
comes back from above and the slope of its price.
"""

from typing import Any

from numcnn import regularizers
from numcnn.layers.base import Array, Layer


class ActivityRegularization(Layer):
    """Let everything through, at a price.

    Math:
        price      l1 * sum of |y| + l2 * sum of y**2, over all samples, divided by their number N
        forward    y = x
        backward   dx = dy, where dy is what comes from above plus (l1 * sign(y) + 2 * l2 * y) / N

    Shapes:
        x, y: any, the same.

    Args:
        l1: the price of |y|, at least 0. l2: that of y**2.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Note:
        A model adds the price to the loss and its slope to dy, for this layer as for any that has
        an `activity_regularizer`; forward and backward alone know nothing of it.

    Example:
        >>> import numpy as np
        >>> toll = ActivityRegularization(l1=0.5, l2=0.25)
        >>> y = toll.forward(np.array([[2.0, -4.0]]), training=True)
        >>> y, toll.activity_regularizer(y)  # 0.5 * 6 + 0.25 * 20
        (array([[ 2., -4.]]), 8.0)
        >>> toll.backward(toll.activity_regularizer.gradient(y))
        array([[ 1.5, -2.5]])
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.l1_l2 = self.activity_regularizer = regularizers.L1L2(l1, l2)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x."""
        return x

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        return dy

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**self.l1_l2.get_config(), **config}
