"""The cross-entropy: for outputs that are the probabilities of K classes, one of which is true.

The loss of a sample is its surprise, -log of the probability that the network gave to the true
class: 0 where it was sure and right, without bound where it was sure and wrong. Probabilities of
independent answers multiply, so minus the sum of the logarithms over all samples is minus the
logarithm of the probability that the network gives to all the true answers together. The weights
that lower the loss raise that.

The target y is "one-hot": 1 at the true class, 0 elsewhere. Then loss[n] = -sum over k of
y[n, k] * log p[n, k] picks the true class out of the row.

From probabilities. p may not sum to 1 exactly, so it is made to: q[k] = p[k] / s with s = sum over
m of p[m]. Of one sample, n left out, the way back in two steps:

    loss = -sum over k of y[k] * log q[k]     the slope of log q is 1 / q, so
                                              dq[k] = -y[k] / q[k]
    q[k] = p[k] / s                           s has the slope 1 in every p[m]; by the quotient rule,
                                              with (k == m) for 1 where equal and 0 elsewhere,
                                              ∂q[k]/∂p[m] = (k == m) / s - p[k] / s**2
                                                          = ((k == m) - q[k]) / s
                                              and by the chain rule
                                              dp[m] = sum over k of dq[k] * ∂q[k]/∂p[m]
                                                    = (dq[m] - sum over k of dq[k] * q[k]) / s

The clip. log 0 is -infinity, so q is kept within [eps, 1 - eps] before the logarithm. Beyond these
ends the clipped number stays while q moves: its slope is 0, and so is dq there. A network that is
sure and wrong then learns nothing from its mistake, which is one reason for what follows.

From scores. Let p = softmax(z), as at the end of most networks; the scores z are also called
logits. With s = sum over m of exp(z[m]), log p[k] = log(exp(z[k]) / s) = z[k] - log s, so with
a = sum over k of y[k], which is 1 for one-hot targets,

    loss = a * log s - sum over k of y[k] * z[k].

The slope of log s in z[m] is (1/s) * exp(z[m]) = p[m], that of the last sum is y[m]. So

    dz[m] = a * p[m] - y[m]         for one-hot targets     dz = p - y

The gradient is the mistake itself: what was said minus what is true. The same comes out in two
steps, of dp = -y / p through Softmax.backward: p * (dp - sum(dp * p)) = p * (-y / p + a). But taken
in one step there is no division, no logarithm of a probability that was rounded to 0, and no clip.
That is what `from_logits=True` computes, and an engine takes it by itself where a model ends in a
softmax with a cross-entropy (or a sigmoid with a binary one).
"""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.errors import ShapeError
from numcnn.losses.base import Array, Loss, check_same_shape, check_smoothing, per_sample


class CategoricalCrossentropy(Loss):
    """The surprise at the true class, for one-hot targets.

    Math:
        from probabilities   q = p / sum(p), clipped to [eps, 1 - eps] with eps = 1e-7 as in Keras
                             loss[n] = -sum over k of y[n, k] * log q[n, k]
                             dq[n, k] = -y[n, k] / q[n, k], 0 where q is clipped
                             dp[n, m] = (1/N) * (dq[n, m] - sum over k of dq * q) / sum(p[n])
        from scores z        loss[n] = a * log(sum over m of exp(z[n, m])) - sum over k of y * z
                             dz[n, m] = (1/N) * (a * softmax(z[n])[m] - y[n, m])
                             where a = sum over k of y[n, k], 1 for one-hot targets
        Where this comes from stands at the top of this file.

    Shapes:
        y, p: (N, ..., K), the same. A sample with further axes counts their mean.

    Args:
        from_logits: whether p holds scores before the softmax.
        label_smoothing: s, the share of each target that is spread evenly over all K classes:
            y * (1 - s) + s / K stands for y above. So no answer pays for being surer than that.
        axis: -1; classes stand in the last axis.
        **kwargs: name, reduction: taken for Keras's sake.

    Reference:
        Bridle, "Training stochastic model recognition algorithms as networks can lead to maximum
        mutual information estimation of parameters", NIPS 1989. Szegedy et al., "Rethinking the
        Inception architecture for computer vision", CVPR 2016, section 7, for label smoothing.

    Example:
        The true class got 1/4: the surprise is log 4 = 1.3863, with the slope dq = -1 / 0.25 = -4.
        Only shares count, so from both slopes the sum of dq * q, -4 * 0.25 = -1, is subtracted.

        >>> loss = CategoricalCrossentropy()
        >>> y, p = np.array([[1.0, 0.0]]), np.array([[0.25, 0.75]])
        >>> round(loss(y, p), 4), loss.gradient(y, p).round(6)
        (1.3863, array([[-3.,  1.]]))

        From the scores that give these probabilities it is p - y; and no mistake is too sure.

        >>> loss = CategoricalCrossentropy(from_logits=True)
        >>> loss.gradient(y, np.log(p)).round(6)
        array([[-0.75,  0.75]])
        >>> z = np.array([[0.0, 1000.0]])
        >>> loss(y, z), loss.gradient(y, z)
        (1000.0, array([[-1.,  1.]]))
    """

    name = "categorical_crossentropy"
    activation = "softmax"

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
        if axis != -1:
            raise ValueError(f"axis must be -1, the last one, where classes stand; got {axis!r}.")

    def smoothed(self, y: Array) -> Array:
        """Return y * (1 - s) + s / K."""
        s = self.label_smoothing
        return y * (1 - s) + s / y.shape[-1] if s else y

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        return super().get_config() | {"label_smoothing": self.label_smoothing}

    def value(self, y: Array, p: Array) -> Array:
        """Return -sum(y log q) of each sample."""
        check_same_shape(y, p)
        y = self.smoothed(y.astype(np.float64))
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
        y = self.smoothed(y.astype(p.dtype))
        if self.from_logits:
            # log_q = log_softmax(z)
            return (y.sum(axis=-1, keepdims=True) * softmax(p) - y) / rows
        q, total, eps = _normalised(p)
        inner = np.where((q >= eps) & (q <= 1 - eps), y, 0)
        # log_q = np.log(np.clip(q, eps, 1 - eps))
        dq = -inner / np.clip(q, eps, 1 - eps)
        # q = p / sum(p)
        return (dq - (dq * q).sum(axis=-1, keepdims=True)) / total / rows


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """`CategoricalCrossentropy` for targets that are class numbers instead of one-hot rows.

    Math:
        With k the class of sample n, y[n, k] = 1 and the rest of the row is 0. So
        loss[n] = -log q[n, k], and the gradients are those of `CategoricalCrossentropy`.

    Shapes:
        y: (N,) or (N, 1), integers 0 to K - 1     p: (N, K)

    Args:
        from_logits: whether p holds scores before the softmax.
        ignore_class: None; every class counts.
        axis: -1; classes stand in the last axis.
        **kwargs: name, reduction: taken for Keras's sake.

    Example:
        >>> loss = SparseCategoricalCrossentropy()
        >>> y, p = np.array([0]), np.array([[0.25, 0.75]])  # class 0 got 1/4
        >>> round(loss(y, p), 4), loss.gradient(y, p).round(6)
        (1.3863, array([[-3.,  1.]]))
    """

    name = "sparse_categorical_crossentropy"

    def __init__(
        self, from_logits: bool = False, ignore_class: None = None, axis: int = -1, **kwargs: Any
    ) -> None:
        super().__init__(from_logits, axis=axis, **kwargs)
        if ignore_class is not None:
            raise ValueError(
                f"ignore_class={ignore_class!r} is not there. Give samples of that class a "
                "sample_weight of 0."
            )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        return {"from_logits": self.from_logits}

    def value(self, y: Array, p: Array) -> Array:
        """Return -log q of the true class."""
        return super().value(one_hot(y, p), p)

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p."""
        return super().gradient(one_hot(y, p), p)


def softmax(z: Array) -> Array:
    """Return the softmax over the last axis; `layers.Softmax` explains it.

    Math:
        p[k] = exp(z[k]) / sum over m of exp(z[m])

    Shapes:
        z, p: (..., K), the same.

    Example:
        >>> softmax(np.log([1.0, 3.0])).round(6)
        array([0.25, 0.75])
    """
    with np.errstate(over="ignore"):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
    p: Array = e / e.sum(axis=-1, keepdims=True)
    return p


def log_softmax(z: Array) -> Array:
    """Return log(softmax(z)) over the last axis without taking a logarithm of 0.

    It is finite for all finite z, since a target of 0 times -infinity would be NaN.

    Math:
        log(exp(z[k]) / s) = z[k] - log s, with s = sum over m of exp(z[m]) and the greatest z
        subtracted from all before, so that exp does not overflow.

    Shapes:
        z: (..., K), and so the result.

    Example:
        >>> log_softmax(np.array([0.0, 1000.0]))
        array([-1000.,     0.])
    """
    with np.errstate(over="ignore"):
        shifted = np.maximum(z - z.max(axis=-1, keepdims=True), np.finfo(z.dtype).min)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def one_hot(y: Array, p: Array) -> Array:
    """Return class numbers as one-hot rows in the shape of p.

    Math:
        1 where k is the class of the sample, 0 elsewhere.

    Shapes:
        y: (N,) or (N, 1), integers 0 to K - 1     p: (N, K), and so the result.

    Raises:
        ShapeError: there is not one number per sample; ValueError: there is no such class.

    Example:
        >>> one_hot(np.array([2, 0]), np.zeros((2, 3)))
        array([[0., 0., 1.],
               [1., 0., 0.]])
    """
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


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Array:
    """Return the loss of each sample: see `CategoricalCrossentropy`.

    Math:
        loss[n] = -sum over k of y_true[n, k] * log y_pred[n, k]

    Shapes:
        y_true, y_pred: (N, ..., K), the same     result: (N,)

    Example:
        >>> categorical_crossentropy([[1.0, 0.0]], [[0.25, 0.75]]).round(4)  # log 4
        array([1.3863])
    """
    loss = CategoricalCrossentropy(from_logits, label_smoothing)
    return loss.value(np.asarray(y_true), np.asarray(y_pred))


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Array:
    """Return the loss of each sample: see `SparseCategoricalCrossentropy`.

    Math:
        loss[n] = -log y_pred[n, k], with k = y_true[n]

    Shapes:
        y_true: (N,) or (N, 1), integers 0 to K - 1     y_pred: (N, K)     result: (N,)

    Example:
        >>> sparse_categorical_crossentropy([0], [[0.25, 0.75]]).round(4)  # log 4
        array([1.3863])
    """
    loss = SparseCategoricalCrossentropy(from_logits)
    return loss.value(np.asarray(y_true), np.asarray(y_pred))
