"""What a loss is: a value for each sample, and the gradient of their mean."""

import copy
from typing import Any, ClassVar

import numpy as np

from numcnn.arrays import Number
from numcnn.errors import ShapeError, reject_unknown_keywords

Array = np.ndarray[Any, Any]


class Loss:
    """The base of all losses; one of your own defines `value` and `gradient`.

    Math:
        value      loss[n], any function of y[n] and p[n]
        gradient   dp[n, k] = (1/N) * ∂loss[n]/∂p[n, k], since the mean of loss[n] is what counts

    Shapes:
        y, p: (N, ...)     value: (N,)     gradient: that of p

    Attributes:
        activation: the last activation that this loss can take over, by name, or ''.
        from_logits: whether the outputs are scores before that activation.

    Example:
        A loss of your own, the absolute error. Its slope is 1 above the target and -1 below.

        >>> class AbsoluteError(Loss):
        ...     def value(self, y, p):
        ...         return np.abs(p - y).sum(axis=1)
        ...
        ...     def gradient(self, y, p):
        ...         return np.sign(p - y) / len(p)
        >>> loss = AbsoluteError()
        >>> y, p = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[3.0, 1.0], [0.0, 4.0]])
        >>> loss.value(y, p), loss(y, p)
        (array([2., 4.]), 3.0)
        >>> loss.gradient(y, p)
        array([[ 0.5,  0. ],
               [-0.5,  0.5]])
    """

    name: ClassVar[str] = "loss"
    activation: ClassVar[str] = ""
    from_logits: bool = False

    def __init__(
        self,
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
        **unknown: Any,
    ) -> None:
        code = type(self).__init__.__code__
        own = code.co_varnames[1 : code.co_argcount]
        allowed = dict.fromkeys([*own, "name", "reduction"])  # each once
        reject_unknown_keywords(type(self).__name__, unknown, allowed)
        if reduction not in ("sum_over_batch_size", "auto"):
            raise ValueError(
                f"reduction of {type(self).__name__} must be 'sum_over_batch_size', the mean over "
                f"the samples of a batch, got {reduction!r}. loss.value(y, p) returns one number "
                "per sample."
            )

    def value(self, y: Array, p: Array) -> Array:
        """Return the loss of each sample, (N,), in float64."""
        raise NotImplementedError(f"{type(self).__name__} does not define value(y, p).")

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p, in p's shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__} does not define gradient(y, p).")

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """Return the mean loss, as Keras's loss objects do."""
        return Number(self.value(np.asarray(y_true), np.asarray(y_pred)).mean())

    def on_logits(self) -> "Loss":
        """Return the same loss for scores instead of activated outputs."""
        twin = copy.copy(self)
        twin.from_logits = True
        return twin

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        return {"from_logits": self.from_logits} if self.activation else {}


def check_same_shape(y: Array, p: Array) -> None:
    """Raise a ShapeError unless there is one target for each output.

    Math:
        y.shape == p.shape

    Shapes:
        y, p: any, the same.

    Example:
        >>> check_same_shape(np.zeros((2, 3)), np.zeros((2, 3)))
        >>> check_same_shape(np.zeros(2), np.zeros((2, 3)))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        numcnn.errors.ShapeError: Targets of shape (2,) and outputs of shape (2, 3) do not fit...
    """
    if y.shape != p.shape:
        raise ShapeError(
            f"Targets of shape {y.shape} and outputs of shape {p.shape} do not fit: this loss "
            "needs the same shape for both."
        )


def check_smoothing(value: Any) -> float:
    """Return label_smoothing as a float from 0 to 1.

    Example:
        >>> check_smoothing(0)
        0.0
    """
    if isinstance(value, (bool, str)) or not 0 <= value <= 1:
        raise ValueError(f"label_smoothing must be a number from 0 to 1, got {value!r}.")
    return float(value)


def per_sample(losses: Array) -> Array:
    """Return the mean over all axes but the first."""
    mean: Array = losses.mean(axis=tuple(range(1, losses.ndim)))
    return mean
