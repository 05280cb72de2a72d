"""The cross-entropy of a yes or a no."""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.losses.base import Array, Loss, check_same_shape, per_sample


class BinaryCrossentropy(Loss):
    """The surprise at a yes or a no, for each output on its own.

    Math:
        from probabilities   q = p clipped to [eps, 1 - eps], eps = 1e-7 as in Keras
                             loss[n] = -(1/K) sum over k of y log q + (1 - y) log(1 - q)
                             dloss/dp = (1/N) (1/K) ((1 - y) / (1 - q) - y / q), 0 where clipped
        from logits z        loss = log(1 + exp(z)) - z y, and without overflow
                                  = max(z, 0) - z y + log(1 + exp(-|z|))
                             dloss/dz = (1/N) (1/K) (sigmoid(z) - y)

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Args:
        from_logits: whether p holds scores before the sigmoid.

    Example:
        >>> loss = BinaryCrossentropy(from_logits=True)
        >>> y, z = np.array([[1.0]]), np.array([[-1000.0]])
        >>> loss(y, z), loss.gradient(y, z)
        (1000.0, array([[-1.]]))
    """

    name = "binary_crossentropy"
    activation = "sigmoid"

    def __init__(self, from_logits: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.from_logits = bool(from_logits)

    def value(self, y: Array, p: Array) -> Array:
        """Return the mean surprise of each sample."""
        check_same_shape(y, p)
        y, p = y.astype(np.float64), p.astype(np.float64)
        if self.from_logits:
            losses = np.maximum(p, 0) - p * y + np.log1p(np.exp(-np.abs(p)))
        else:
            q = np.clip(p, backend.epsilon(), 1 - backend.epsilon())
            losses = -(y * np.log(q) + (1 - y) * np.log1p(-q))
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p."""
        check_same_shape(y, p)
        y = y.astype(p.dtype)
        size = max(1, p.size)
        if self.from_logits:
            e = np.exp(-np.abs(p))
            return (np.where(p >= 0, 1, e) / (1 + e) - y) / size
        eps = max(backend.epsilon(), float(np.finfo(p.dtype).epsneg))  # 1 - eps must not round to 1
        q = np.clip(p, eps, 1 - eps)
        dp: Array = np.where(q == p, ((1 - y) / (1 - q) - y / q) / size, 0)
        return dp.astype(p.dtype)


def binary_crossentropy(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `BinaryCrossentropy`."""
    return BinaryCrossentropy().value(np.asarray(y_true), np.asarray(y_pred))
