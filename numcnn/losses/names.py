"""Losses by name, and a look at those that a user has written."""

import inspect
import sys
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError, unknown_name
from numcnn.losses.absolute_error import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
)
from numcnn.losses.base import Array, Loss
from numcnn.losses.binary_cross_entropy import BinaryCrossentropy
from numcnn.losses.cross_entropy import CategoricalCrossentropy, SparseCategoricalCrossentropy
from numcnn.losses.function import FunctionLoss
from numcnn.losses.hinge import CategoricalHinge, Hinge, SquaredHinge
from numcnn.losses.likeness import CosineSimilarity, KLDivergence, Poisson
from numcnn.losses.squared_error import MeanSquaredError, MeanSquaredLogarithmicError

LOSSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge,
    "kl_divergence": KLDivergence,
    "poisson": Poisson,
    "cosine_similarity": CosineSimilarity,
    # Keras's other names
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "bce": BinaryCrossentropy,
    "huber_loss": Huber,
    "logcosh": LogCosh,
    "kullback_leibler_divergence": KLDivergence,
    "kld": KLDivergence,
    "cosine_proximity": CosineSimilarity,
}


def get(identifier: Any) -> Loss:
    """Return the loss that a name, a function, a class or an object stands for.

    A function of this package stands for its loss; another is differentiated by differences, see
    function.py.

    Example:
        >>> get("mse").name, get(MeanSquaredError).name
        ('mean_squared_error', 'mean_squared_error')
        >>> type(get(lambda y_true, y_pred: abs(y_true - y_pred).max(axis=-1))).__name__
        'FunctionLoss'
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier) and not isinstance(identifier, type) and not ours(identifier):
        if not takes_two(identifier):
            raise DTypeError(
                f"A loss that is a function must take (y_true, y_pred), two arrays; "
                f"{getattr(identifier, '__name__', identifier)!r} does not."
            )
        return FunctionLoss(identifier)
    name = identifier if isinstance(identifier, str) else getattr(identifier, "__name__", None)
    if name in ("MSE", "MSLE", "MAE", "MAPE", "BCE", "KLD"):
        name = name.lower()
    for cls in LOSSES.values():
        if name == cls.__name__:
            return cls()
    if name not in LOSSES:
        raise unknown_name("loss", identifier, LOSSES)
    return LOSSES[str(name)]()


def takes_two(function: Any) -> bool:
    """Return whether a function can be called with two arguments, so far as it can be known.

    Example:
        >>> takes_two(len), takes_two(lambda y_true, y_pred: 0.0)
        (False, True)
    """
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # some functions in C do not say what they take
        return True
    return True


def ours(function: Any) -> bool:
    """Return whether a function is one of this package, such as categorical_crossentropy.

    Example:
        >>> ours(print)
        False
    """
    home = str(getattr(function, "__module__", ""))
    known = vars(sys.modules[home]).get(function.__name__) if home in sys.modules else None
    return home.startswith("numcnn.losses") and known is function


class Checked(Loss):
    """A loss of a user's own, with a look at what it returns: NumPy would stretch a wrong shape.

    Math:
        That of the other loss.

    Shapes:
        y, p: (N, ...)     value: (N,)     gradient: that of p; anything else is an error.

    Example:
        >>> class Short(MeanSquaredError):
        ...     def gradient(self, y, p):
        ...         return super().gradient(y, p).sum(axis=0)
        >>> Checked(Short()).gradient(np.zeros((2, 3)), np.ones((2, 3)))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        numcnn.errors.ShapeError: gradient of the loss Short must return the shape of the outputs...
    """

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
    """Return the loss itself where it is one of numcnn's, else one that is looked at.

    Example:
        >>> type(checked(MeanSquaredError())).__name__
        'MeanSquaredError'
    """
    known = (*LOSSES.values(), FunctionLoss)
    return loss if type(loss) in known else Checked(loss)
