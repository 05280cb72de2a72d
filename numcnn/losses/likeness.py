"""The Kullback-Leibler divergence, the Poisson loss, the cosine: how alike two rows of numbers are.

Divergence. The cross-entropy -sum of y * log p (cross_entropy.py) is not 0 where p = y, unless y is
one-hot: even the best answer is surprised by chance itself, -sum of y * log y. That subtracted,
sum of y * log(y / p), is 0 where p = y and positive elsewhere. In p both have the slope -y / p.

Poisson. Counts y of things that happen at a rate p, such as calls per hour, have the probability
p**y * exp(-p) / y!. Minus its logarithm is p - y * log p, but for a term without p.

Cosine. The cosine of the angle between y and p is the sum of their products, once both have the
length 1: 1 where they point the same way, whatever their lengths. Training lowers a loss, so it is
the cosine with a minus. Let u = y / |y| and q = p / |p|. The slope of |p| in p[m] is q[m], so by
the quotient rule that of q[k] is ((k == m) - q[k] * q[m]) / |p|, and

    dp[m] = sum over k of -u[k] * ((k == m) - q[k] * q[m]) / |p| = (q[m] * cosine - u[m]) / |p|.
"""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.losses.base import Array, Loss, check_same_shape, per_sample


class KLDivergence(Loss):
    """How much more surprised one is who counts on p where y is true.

    Math:
        y and p are clipped to [eps, 1], eps = 1e-7
        loss[n] = sum over k of y[n, k] * log(y[n, k] / p[n, k])
        dp[n, k] = (1/N) * -y[n, k] / p[n, k], 0 where p is clipped

    Shapes:
        y, p: (N, ..., K), the same. A sample with further axes counts their mean.

    Reference:
        Kullback and Leibler, "On information and sufficiency", 1951.

    Example:
        >>> divergence, y, p = KLDivergence(), np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])
        >>> round(divergence(y, p), 4), divergence.gradient(y, p).round(4)  # log(4/3) / 2
        (0.1438, array([[-2.    , -0.6667]]))
        >>> divergence(y, y)
        0.0
    """

    name = "kl_divergence"

    def value(self, y: Array, p: Array) -> Array:
        """Return sum(y log(y / p)) of each sample."""
        check_same_shape(y, p)
        y = np.clip(y.astype(np.float64), backend.epsilon(), 1)
        q = np.clip(p.astype(np.float64), backend.epsilon(), 1)
        losses = (y * np.log(y / q)).sum(axis=-1)
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return -y / p / N."""
        check_same_shape(y, p)
        eps = p.dtype.type(backend.epsilon())
        y, q = np.clip(y.astype(p.dtype), eps, 1), np.clip(p, eps, 1)
        # losses = (y * np.log(y / q)).sum()
        dp: Array = np.where(q == p, -y / q, 0) / max(1, p.size // p.shape[-1])
        return dp.astype(p.dtype)


class Poisson(Loss):
    """For targets that are counts, and outputs that are rates.

    Math:
        loss[n] = (1/K) * sum over k of p[n, k] - y[n, k] * log(p[n, k] + eps), eps = 1e-7
        dp[n, k] = (1/N) * (1/K) * (1 - y[n, k] / (p[n, k] + eps))

    Shapes:
        y, p: (N, ...), the same; K numbers per sample, p not negative.

    Example:
        >>> poisson, y, p = Poisson(), np.array([[3.0]]), np.array([[1.0]])
        >>> round(poisson(y, p), 4), poisson.gradient(y, p).round(4)  # 1 - 3 * log 1; 1 - 3
        (1.0, array([[-2.]]))
    """

    name = "poisson"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean(p - y log p) of each sample."""
        check_same_shape(y, p)
        p = p.astype(np.float64)
        losses = p - y * np.log(p + backend.epsilon())
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return (1 - y / p) / (N K)."""
        check_same_shape(y, p)
        # losses = p - y * np.log(p + epsilon)
        slope = 1 - y.astype(p.dtype) / (p + p.dtype.type(backend.epsilon()))
        dp: Array = slope / max(1, p.size)
        return dp


class CosineSimilarity(Loss):
    """Minus the cosine of the angle between target and output: -1 where they point the same way.

    Math:
        u = y / max(|y|, eps), q = p / max(|p|, eps), eps = 1e-7
        loss[n] = -sum over k of u[n, k] * q[n, k]
        dp[n, m] = (1/N) * (-loss * q[n, m] - u[n, m]) / |p[n]|

    Shapes:
        y, p: (N, ..., K), the same. A sample with further axes counts their mean.

    Example:
        (3, 4) has the length 5, so the cosine with (1, 0) is 3/5.

        >>> cosine, y, p = CosineSimilarity(), np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]])
        >>> round(cosine(y, p), 6), cosine.gradient(y, p).round(6)  # (0.36 - 1) / 5, 0.48 / 5
        (-0.6, array([[-0.128,  0.096]]))
    """

    name = "cosine_similarity"

    def value(self, y: Array, p: Array) -> Array:
        """Return -sum(u q) of each sample."""
        check_same_shape(y, p)
        (u, _), (q, _) = directed(y.astype(np.float64)), directed(p.astype(np.float64))
        losses = -(u * q).sum(axis=-1)
        return per_sample(losses)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return (q * cosine - u) / |p| / N."""
        check_same_shape(y, p)
        (u, _), (q, length) = directed(y.astype(p.dtype)), directed(p)
        # losses = -(u * q).sum()
        turned = q * (u * q).sum(axis=-1, keepdims=True)
        # q = p / |p|, or p / eps, which has no such part
        turned = np.where(length > p.dtype.type(backend.epsilon()), turned, 0)
        dp: Array = (turned - u) / length / max(1, p.size // p.shape[-1])
        return dp


def directed(p: Array) -> tuple[Array, Array]:
    """Return (rows of the length 1 that point where p does, their lengths, at least eps).

    Math:
        q[n] = p[n] / max(|p[n]|, eps), with |p[n]| = sqrt(sum over k of p[n, k]**2)

    Shapes:
        p, q: (..., K)     lengths: (..., 1)

    Example:
        >>> directed(np.array([[3.0, 4.0]]))
        (array([[0.6, 0.8]]), array([[5.]]))
    """
    length = np.sqrt((p * p).sum(axis=-1, keepdims=True))
    length = np.maximum(length, p.dtype.type(backend.epsilon()))
    return p / length, length


def kl_divergence(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `KLDivergence`.

    Math:
        loss[n] = sum over k of y_true[n, k] * log(y_true[n, k] / y_pred[n, k])

    Shapes:
        y_true, y_pred: (N, ..., K), the same     result: (N,)

    Example:
        >>> kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).round(4)
        array([0.1438])
    """
    return KLDivergence().value(np.asarray(y_true), np.asarray(y_pred))


def poisson(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `Poisson`.

    Math:
        loss[n] = (1/K) * sum over k of y_pred[n, k] - y_true[n, k] * log(y_pred[n, k])

    Shapes:
        y_true, y_pred: (N, ...), the same     result: (N,)

    Example:
        >>> poisson([[3.0]], [[1.0]]).round(4)
        array([1.])
    """
    return Poisson().value(np.asarray(y_true), np.asarray(y_pred))


def cosine_similarity(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `CosineSimilarity`.

    Math:
        loss[n] = -(the cosine of the angle between y_true[n] and y_pred[n])

    Shapes:
        y_true, y_pred: (N, ..., K), the same     result: (N,)

    Example:
        >>> cosine_similarity([[1.0, 0.0]], [[3.0, 4.0]]).round(4)
        array([-0.6])
    """
    return CosineSimilarity().value(np.asarray(y_true), np.asarray(y_pred))
