"""The cross-entropy of probabilities over classes."""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.errors import ShapeError
from numcnn.losses.base import Array, Loss, check_same_shape, per_sample


class CategoricalCrossentropy(Loss):
    """The surprise at the true class, for one-hot targets.

    Math:
        from probabilities   q = p / sum(p), clipped to [eps, 1 - eps] with eps = 1e-7 as in Keras
                             loss[n] = -sum over k of y[n, k] log q[n, k]
                                     = a log sum(p[n]) - sum over k of y[n, k] log p[n, k], so
                             dloss/dp[n, k] = (1/N) (a - y[n, k] / q[n, k]) / sum(p[n]),
                             a = sum of y, which is 1 for one-hot; where q is clipped its y counts 0
        from logits z        loss[n] = sum over k of y[n, k] (log sum_m exp(z[n, m]) - z[n, k])
                             dloss/dz[n, k] = (1/N) (a softmax(z[n])[k] - y[n, k])

    Shapes:
        y, p: (N, ..., K), the same. A sample with further axes counts their mean.

    Args:
        from_logits: whether p holds scores before the softmax.

    Reference:
        Bridle, "Training stochastic model recognition algorithms as networks can lead to maximum
        mutual information estimation of parameters", NIPS 1989.

    Example:
        >>> loss = CategoricalCrossentropy(from_logits=True)
        >>> y, z = np.array([[0.0, 1.0]]), np.array([[1000.0, 0.0]])
        >>> loss(y, z), loss.gradient(y, z)  # sure, and wrong
        (1000.0, array([[ 1., -1.]]))
    """

    name = "categorical_crossentropy"
    activation = "softmax"

    def __init__(self, from_logits: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.from_logits = bool(from_logits)

    def value(self, y: Array, p: Array) -> Array:
        """Return -sum(y log q) of each sample."""
        check_same_shape(y, p)
        y = y.astype(np.float64)
        if self.from_logits:
            log_q = log_softmax(p.astype(np.float64))
        else:
            q, _, eps = _normalised(p.astype(np.float64))
            log_q = np.log(np.clip(q, eps, 1 - eps))
        return per_sample(-(y * log_q).sum(axis=-1))

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p."""
        check_same_shape(y, p)
        rows = max(1, p.size // p.shape[-1])
        y = y.astype(p.dtype)
        if self.from_logits:
            return (y.sum(axis=-1, keepdims=True) * softmax(p) - y) / rows
        q, total, eps = _normalised(p)
        inner = np.where((q >= eps) & (q <= 1 - eps), y, 0)
        dq = -inner / np.clip(q, eps, 1 - eps)
        return (dq - (dq * q).sum(axis=-1, keepdims=True)) / total / rows


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """`CategoricalCrossentropy` for targets that are class numbers instead of one-hot rows.

    Math:
        With k the class of sample n: loss[n] = -log q[n, k]; gradients as there with y[n, k] = 1.

    Shapes:
        y: (N,) or (N, 1), integers 0 to K - 1     p: (N, K)

    Args:
        from_logits: whether p holds scores before the softmax.

    Example:
        >>> loss = SparseCategoricalCrossentropy()
        >>> round(loss(np.array([1]), np.array([[0.75, 0.25]])), 4)
        1.3863
    """

    name = "sparse_categorical_crossentropy"

    def value(self, y: Array, p: Array) -> Array:
        """Return -log q of the true class."""
        return super().value(one_hot(y, p), p)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p."""
        return super().gradient(one_hot(y, p), p)


def softmax(z: Array) -> Array:
    """Return the softmax over the last axis; `layers.Softmax` explains it."""
    with np.errstate(over="ignore"):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
    p: Array = e / e.sum(axis=-1, keepdims=True)
    return p


def log_softmax(z: Array) -> Array:
    """Return log(softmax(z)) over the last axis without taking a logarithm of 0.

    It is finite for all finite z, since a target of 0 times -infinity would be NaN.
    """
    with np.errstate(over="ignore"):
        shifted = np.maximum(z - z.max(axis=-1, keepdims=True), np.finfo(z.dtype).min)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def one_hot(y: Array, p: Array) -> Array:
    """Return class numbers as one-hot rows in the shape of p."""
    if y.shape not in (p.shape[:-1], (*p.shape[:-1], 1)):
        raise ShapeError(
            f"Class numbers of shape {y.shape} do not fit outputs of shape {p.shape}: expected "
            f"{p.shape[:-1]}."
        )
    labels = y.reshape(p.shape[:-1]).astype(np.int64)
    if labels.size and not 0 <= labels.min() <= labels.max() < p.shape[-1]:
        raise ValueError(
            f"Class numbers must be 0 to {p.shape[-1] - 1} for {p.shape[-1]} outputs, got "
            f"{labels.min()} to {labels.max()}."
        )
    return (labels[..., None] == np.arange(p.shape[-1])).astype(p.dtype)


def _normalised(p: Array) -> tuple[Array, Array, float]:
    """Return (p / sum(p), sum(p), the clipping epsilon)."""
    total = p.sum(axis=-1, keepdims=True)
    return p / total, total, backend.epsilon()


def categorical_crossentropy(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `CategoricalCrossentropy`."""
    return CategoricalCrossentropy().value(np.asarray(y_true), np.asarray(y_pred))


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `SparseCategoricalCrossentropy`."""
    return SparseCategoricalCrossentropy().value(np.asarray(y_true), np.asarray(y_pred))
