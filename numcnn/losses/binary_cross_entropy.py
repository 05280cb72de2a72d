"""The binary cross-entropy: for outputs that are each the probability of a yes.

The surprise is -log p where the answer is yes (y = 1) and -log(1 - p) where it is no (y = 0); with
y as a switch, both in one line, for one output:

    loss = -(y * log p + (1 - y) * log(1 - p))

From probabilities. The slope of log p is 1 / p and that of log(1 - p) is -1 / (1 - p), so

    dp = (1 - y) / (1 - p) - y / p

p is kept within [eps, 1 - eps] before the logarithms; beyond these ends the slope is 0.

From scores. Let p = sigmoid(z) = exp(z) / (1 + exp(z)), so 1 - p = 1 / (1 + exp(z)), and put in

    log p       = z - log(1 + exp(z))
    log(1 - p)  =   - log(1 + exp(z))
    loss        = log(1 + exp(z)) - y * z
    dz          = exp(z) / (1 + exp(z)) - y = p - y

As with a softmax the gradient is what was said minus what is true. Since exp overflows for large z,
the greater of exp(z) and 1 is taken out of the logarithm: log(1 + exp(z)) is the same as
max(z, 0) + log(1 + exp(-|z|)).

A sample with K outputs counts their mean, and the batch the mean of its samples: the factors 1/K
and 1/N below.
"""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.losses.base import Array, Loss, check_same_shape, check_smoothing, per_sample


class BinaryCrossentropy(Loss):
    """The surprise at a yes or a no, for each output on its own.

    Math:
        from probabilities   q = p clipped to [eps, 1 - eps], eps = 1e-7 as in Keras
                             loss[n] = -(1/K) * sum over k of y * log q + (1 - y) * log(1 - q)
                             dp[n, k] = (1/N) * (1/K) * ((1 - y) / (1 - q) - y / q),
                             0 where q is clipped
        from scores z        loss[n] = (1/K) * sum over k of log(1 + exp(z)) - y * z
                             dz[n, k] = (1/N) * (1/K) * (sigmoid(z) - y)
        Where this comes from stands at the top of this file.

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Args:
        from_logits: whether p holds scores before the sigmoid.
        label_smoothing: s, how far each target is moved towards 1/2: y * (1 - s) + s / 2 stands for
            y above.
        axis: -1, for Keras's sake; the mean over all axes of a sample is the same.
        **kwargs: name, reduction: likewise.

    Example:
        A yes that got 1/4 and a no that got 1/2: the surprises are log 4 = 1.3863 and log 2 =
        0.6931, and the slopes -1 / 0.25 and 1 / 0.5. Each counts half.

        >>> loss = BinaryCrossentropy()
        >>> y, p = np.array([[1.0, 0.0]]), np.array([[0.25, 0.5]])
        >>> round(loss(y, p), 4), loss.gradient(y, p)
        (1.0397, array([[-2.,  1.]]))

        From scores, no mistake is too sure.

        >>> loss = BinaryCrossentropy(from_logits=True)
        >>> y, z = np.array([[1.0]]), np.array([[-1000.0]])
        >>> loss(y, z), loss.gradient(y, z)
        (1000.0, array([[-1.]]))
    """

    name = "binary_crossentropy"
    activation = "sigmoid"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.from_logits = bool(from_logits)
        self.label_smoothing = check_smoothing(label_smoothing)

    def smoothed(self, y: Array) -> Array:
        """Return y * (1 - s) + s / 2."""
        s = self.label_smoothing
        return y * (1 - s) + s / 2 if s else y

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        return super().get_config() | {"label_smoothing": self.label_smoothing}

    def value(self, y: Array, p: Array) -> Array:
        """Return the mean surprise of each sample."""
        check_same_shape(y, p)
        y, p = self.smoothed(y.astype(np.float64)), p.astype(np.float64)
        if self.from_logits:
            losses = np.maximum(p, 0) - p * y + np.log1p(np.exp(-np.abs(p)))
        else:
            q = np.clip(p, backend.epsilon(), 1 - backend.epsilon())
            losses = -(y * np.log(q) + (1 - y) * np.log1p(-q))
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p."""
        check_same_shape(y, p)
        y = self.smoothed(y.astype(p.dtype))
        size = max(1, p.size)
        if self.from_logits:
            # losses = log(1 + exp(z)) - y * z
            e = np.exp(-np.abs(p))
            return (np.where(p >= 0, 1, e) / (1 + e) - y) / size
        eps = max(backend.epsilon(), float(np.finfo(p.dtype).epsneg))  # 1 - eps must not round to 1
        q = np.clip(p, eps, 1 - eps)
        # losses = -(y * np.log(q) + (1 - y) * np.log1p(-q))
        dp: Array = np.where(q == p, ((1 - y) / (1 - q) - y / q) / size, 0)
        return dp.astype(p.dtype)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Array:
    """Return the loss of each sample: see `BinaryCrossentropy`.

    Math:
        loss[n] = -(1/K) * sum over k of y_true * log y_pred + (1 - y_true) * log(1 - y_pred)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> binary_crossentropy([[1.0], [0.0]], [[0.25], [0.75]]).round(4)  # log 4 for both
        array([1.3863, 1.3863])
    """
    loss = BinaryCrossentropy(from_logits, label_smoothing)
    return loss.value(np.asarray(y_true), np.asarray(y_pred))
