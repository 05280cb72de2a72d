"""Losses: one number for how wrong the outputs are, and its gradient, side by side.

`value` gives one loss per sample; training minimises their mean. `gradient` is the derivative of
that mean with respect to the outputs, so it holds the factor 1/N.

The last activation and the loss belong together. A softmax followed by a cross-entropy, taken one
after the other, computes log(exp(z)) with a rounding error in between: for a sure mistake the
probability rounds to 0 and its logarithm to -infinity. From the scores z (the "logits", before the
softmax) both are exact:

    p = softmax(z)
    loss = -sum_k y_k log p_k = log(sum_k exp(z_k)) - sum_k y_k z_k          (where sum_k y_k = 1)
    dloss/dz_k = exp(z_k) / sum_m exp(z_m) - y_k = p_k - y_k

That is what `from_logits=True` computes, and an engine takes it by itself where a model ends in a
softmax with a cross-entropy (or a sigmoid with a binary one).
"""

import copy
from typing import Any, ClassVar

import numpy as np

from numcnn import backend
from numcnn.errors import DTypeError, ShapeError, reject_unknown_keywords, unknown_name

Array = np.ndarray[Any, Any]


class Loss:
    """The base of all losses; one of your own defines `value` and `gradient`.

    Attributes:
        activation: the last activation that this loss can take over, by name, or ''.
        from_logits: whether the outputs are scores before that activation.
    """

    name: ClassVar[str] = "loss"
    activation: ClassVar[str] = ""
    from_logits: bool = False

    def __init__(self, name: str | None = None, **unknown: Any) -> None:
        allowed = ["name", "from_logits"] if self.activation else ["name"]
        reject_unknown_keywords(type(self).__name__, unknown, allowed)

    def value(self, y: Array, p: Array) -> Array:
        """Return the loss of each sample, (N,), in float64."""
        raise NotImplementedError(f"{type(self).__name__} does not define value(y, p).")

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p, in p's shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__} does not define gradient(y, p).")

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """Return the mean loss, as Keras's loss objects do."""
        return float(self.value(np.asarray(y_true), np.asarray(y_pred)).mean())

    def on_logits(self) -> "Loss":
        """Return the same loss for scores instead of activated outputs."""
        twin = copy.copy(self)
        twin.from_logits = True
        return twin

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        return {"from_logits": self.from_logits} if self.activation else {}


class MeanSquaredError(Loss):
    """The mean of the squared differences.

    Math:
        loss[n] = (1/K) sum over k of (p[n, k] - y[n, k])**2
        dloss/dp[n, k] = (1/N) (2/K) (p[n, k] - y[n, k])

    Shapes:
        y, p: (N, ...), the same; K numbers per sample.

    Example:
        >>> mse = MeanSquaredError()
        >>> y, p = np.array([[0.0, 0.0]]), np.array([[1.0, 3.0]])
        >>> mse(y, p), mse.gradient(y, p)
        (5.0, array([[1., 3.]]))
    """

    name = "mean_squared_error"

    def value(self, y: Array, p: Array) -> Array:
        """Return mean((p - y)**2) of each sample."""
        check_same_shape(y, p)
        difference = (p.astype(np.float64) - y).reshape(len(p), -1 if p.size else 1)
        squares: Array = (difference**2).mean(axis=1)
        return squares

    def gradient(self, y: Array, p: Array) -> Array:
        """Return 2 (p - y) / (N K)."""
        check_same_shape(y, p)
        return (2 / max(1, p.size)) * (p - y.astype(p.dtype))


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
        return _per_sample(-(y * log_q).sum(axis=-1))

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
        return _per_sample(losses)

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


def check_same_shape(y: Array, p: Array) -> None:
    """Raise a ShapeError unless there is one target for each output."""
    if y.shape != p.shape:
        raise ShapeError(
            f"Targets of shape {y.shape} and outputs of shape {p.shape} do not fit: this loss "
            "needs the same shape for both."
        )


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


def _per_sample(losses: Array) -> Array:
    """Return the mean over all axes but the first."""
    mean: Array = losses.mean(axis=tuple(range(1, losses.ndim)))
    return mean


LOSSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}


def categorical_crossentropy(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `CategoricalCrossentropy`."""
    return CategoricalCrossentropy().value(np.asarray(y_true), np.asarray(y_pred))


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `SparseCategoricalCrossentropy`."""
    return SparseCategoricalCrossentropy().value(np.asarray(y_true), np.asarray(y_pred))


def binary_crossentropy(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `BinaryCrossentropy`."""
    return BinaryCrossentropy().value(np.asarray(y_true), np.asarray(y_pred))


def mean_squared_error(y_true: Any, y_pred: Any) -> Array:
    """Return the loss of each sample: see `MeanSquaredError`."""
    return MeanSquaredError().value(np.asarray(y_true), np.asarray(y_pred))


def get(identifier: Any) -> Loss:
    """Return the loss that a name, a function of this module, a class or an object stands for.

    >>> get("mse").name, get(categorical_crossentropy).name
    ('mean_squared_error', 'categorical_crossentropy')
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    name = identifier if isinstance(identifier, str) else getattr(identifier, "__name__", None)
    for cls in LOSSES.values():
        if name == cls.__name__:
            return cls()
    if name not in LOSSES:
        raise unknown_name("loss", identifier, LOSSES)
    return LOSSES[str(name)]()


class Checked(Loss):
    """A loss of a user's own, with a look at what it returns: NumPy would stretch a wrong shape."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss

    @property
    def activation(self) -> str:  # type: ignore[override] # that of the other, not of the class
        """The last activation that the loss can take over."""
        return self.loss.activation

    @property
    def from_logits(self) -> bool:  # type: ignore[override]
        """Whether the outputs are scores."""
        return self.loss.from_logits

    def value(self, y: Array, p: Array) -> Array:
        """Return the loss of each sample."""
        return self._seen("value", self.loss.value(y, p), p.shape[:1], "one number per sample")

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss."""
        return self._seen("gradient", self.loss.gradient(y, p), p.shape, "the shape of the outputs")

    def on_logits(self) -> Loss:
        """Return the same for scores."""
        return Checked(self.loss.on_logits())

    def _seen(self, what: str, found: Any, shape: tuple[int, ...], words: str) -> Array:
        name = f"{what} of the loss {type(self.loss).__name__}"
        if not isinstance(found, np.ndarray) or found.dtype.kind != "f":
            kind = found.dtype if isinstance(found, np.ndarray) else type(found).__name__
            raise DTypeError(f"{name} must return an array of floats of shape {shape}, got {kind}.")
        if found.shape != shape:
            raise ShapeError(f"{name} must return {words}, {shape}, got shape {found.shape}.")
        return found


def checked(loss: Loss) -> Loss:
    """Return the loss itself where it is one of numcnn's, else one that is looked at."""
    return loss if type(loss) in LOSSES.values() else Checked(loss)
