"""A loss that is a plain function of your own, with its gradient found by differences.

Keras takes a function of (y_true, y_pred) for a loss, and TensorFlow differentiates it. Here no
code is differentiated, but what the gradient means can be measured: raise one output a little,
lower it a little, and see how far apart the two losses are,

    ∂loss/∂p  =  (loss(p + h) - loss(p - h)) / 2h,   wrong by about h**2.

In float64 with h = 1e-6 some nine digits are right, more than float32 holds; gradcheck/ tests
backward passes by the same rule. The price is two calls of the function for each output that a
sample has, twenty for ten classes, which is little beside a network. A sample's outputs go into its
own loss only, so one call raises an output in all samples at once. Where the function returns one
number for the whole batch it cannot be told whose loss it is, and each output of each sample takes
its own two calls.

A `Loss` with `value` and `gradient` (base.py) needs none of this.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError
from numcnn.losses.base import Array, Loss

H = 1e-6
MOST_CALLS = 20_000  # of the function, for one batch


class FunctionLoss(Loss):
    """A function of (y_true, y_pred) as a loss; what `compile(loss=function)` makes of it.

    Math:
        value      loss[n] = function(y, p)[n], averaged over further axes; where it returns one
                   number, that number for every n
        gradient   dp[n, k] = (1/N) * (loss[n](p + h e_k) - loss[n](p - h e_k)) / 2h
                   with e_k the k-th output alone, and h = 1e-6 * max(|p[n, k]|, 0.01)
                   of one number L: dp[n, k] = (L(p + h e_nk) - L(p - h e_nk)) / 2h

    Shapes:
        y, p: (N, ...)     value: (N,)     gradient: that of p

    Args:
        function: takes arrays y_true and y_pred, float64, and returns an array with one row per
            sample, or one number.
        name: by default the function's.

    Raises:
        DTypeError, ShapeError: the function returns something else. ValueError: a batch would take
        more than 20,000 calls.

    Example:
        The squared error, whose gradient is 2 (p - y) / (K N).

        >>> loss = FunctionLoss(lambda y_true, y_pred: ((y_pred - y_true) ** 2).mean(axis=-1))
        >>> y, p = np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 2.0], [3.0, 0.0]])
        >>> loss.value(y, p)
        array([2.5, 4.5])
        >>> loss.gradient(y, p).round(6)
        array([[0.5, 1. ],
               [1.5, 0. ]])
    """

    def __init__(self, function: Callable[[Array, Array], Any], name: str | None = None) -> None:
        super().__init__()
        self.function = function
        of_function = getattr(function, "__name__", type(function).__name__)
        self.name = name or str(of_function)  # type: ignore[misc] # each has its own

    def value(self, y: Array, p: Array) -> Array:
        """Return the loss of each sample."""
        found = self._call(y, np.asarray(p, np.float64))
        return np.full(len(p), found) if found.ndim == 0 else found

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss, by differences."""
        at = np.array(p, np.float64)
        n, rows = len(at), at.reshape(len(at), -1)
        base = self._call(y, at)
        alone = base.ndim == 0
        calls = 2 * (rows.size if alone else rows.shape[1])
        if calls > MOST_CALLS:
            ways = "returns one number for the whole batch" if alone else "is not differentiated"
            raise ValueError(
                f"The loss {self.name!r} {ways}, so its gradient for outputs of shape {p.shape} "
                f"takes {calls:,} calls, more than {MOST_CALLS:,}. "
                + ("Let it return one number per sample (mean over axis=-1), or write" * alone)
                + ("Write" * (not alone))
                + " a subclass of numcnn.losses.Loss with value(y, p) and gradient(y, p)."
            )
        slope = np.empty_like(rows)
        steps = H * np.maximum(np.abs(rows), 0.01)
        for k in range(rows.shape[1]):
            for which in range(n) if alone else (slice(None),):
                kept = np.copy(rows[which, k])
                h = steps[which, k]
                # found = self._call(y, np.asarray(p, np.float64)), with p a little up, then down
                rows[which, k] = kept + h
                above = self._call(y, at)
                rows[which, k] = kept - h
                below = self._call(y, at)
                rows[which, k] = kept
                slope[which, k] = between(above, below, base, h)
        return (slope if alone else slope / n).reshape(p.shape).astype(p.dtype)

    def _call(self, y: Array, p: Array) -> Array:
        """Return one number per sample, or one in all."""
        # As a tensor of Keras would: no warning at log(0), which the training looks for itself.
        with np.errstate(all="ignore"):
            found = self.function(np.asarray(y, np.float64), p)
        try:
            array = np.asarray(found, np.float64)
        except (TypeError, ValueError):
            raise DTypeError(
                f"The loss {self.name!r} must return numbers, got {type(found).__name__}."
            ) from None
        if array.ndim and len(array) != len(p):
            raise ShapeError(
                f"The loss {self.name!r} must return one number per sample, ({len(p)},), or one "
                f"number, got shape {array.shape}."
            )
        return array.reshape(len(p), -1).mean(axis=1) if array.ndim else array


def between(above: Array, below: Array, base: Array, h: Array) -> Array:
    """Return the slope from the losses above and below; from one side where the other has none.

    Math:
        (above - below) / 2h, else (above - base) / h, else (base - below) / h

    Shapes:
        all: () or (N,)

    Example:
        A logarithm has no value below 0.

        >>> between(np.array([3.0]), np.array([np.nan]), np.array([1.0]), np.array([0.5]))
        array([4.])
    """
    with np.errstate(invalid="ignore"):
        both = (above - below) / (2 * h)
        right, left = (above - base) / h, (base - below) / h
    one: Array = np.where(np.isfinite(right), right, left)
    return np.where(np.isfinite(both), both, one)
