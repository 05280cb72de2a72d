"""What a metric is: two sums over the samples, and the number that they make."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from numcnn.errors import DTypeError

Array = np.ndarray[Any, Any]
PerSample = Callable[[Array, Array], Array]  # (targets, outputs) -> one number per sample


class Metric:
    """The base of all metrics; one of your own defines `counts`, or is a function.

    Math:
        counts     (part, whole), two numbers for a batch, which are added up over the batches
        result     part / whole; 0 where whole is 0
                   for kind 'root' the square root of that, for kind 'sum' part alone

    Shapes:
        y_true, y_pred: (N, ...)     part, whole, result: numbers

    Args:
        name: what the history calls it; by default from the class's name.
        dtype: taken for Keras's sake; sums are float64.

    Example:
        A metric of your own, the share of zeros among the outputs.

        >>> class Zeros(Metric):
        ...     def counts(self, y_true, y_pred):
        ...         return (y_pred == 0).sum(), y_pred.size
        >>> zeros = Zeros()
        >>> zeros.update_state(None, np.array([0.0, 0.0, 1.0]))
        >>> zeros.update_state(None, np.array([5.0]))
        >>> zeros.result()  # 2 of 4, and not the mean of 2/3 and 0
        0.5
        >>> zeros.reset_state()
        >>> zeros.result()
        0.0
    """

    default_name: ClassVar[str] = "metric"
    kind: ClassVar[str] = "of"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        if name is not None and not isinstance(name, str):
            raise DTypeError(f"name of {type(self).__name__} must be a text, got {name!r}.")
        self.name = name or self.default_name
        self.part = self.whole = 0.0

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return what a batch adds to the two sums."""
        raise NotImplementedError(f"{type(self).__name__} does not define counts(y_true, y_pred).")

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        """Count a batch in."""
        y_pred = np.asarray(y_pred)
        part, whole = self.counts(fitted(np.asarray(y_true), y_pred), y_pred)
        self.part, self.whole = self.part + float(part), self.whole + float(whole)

    def result(self) -> float:
        """Return the number over all batches since the last reset."""
        return ratio(self.part, self.whole, self.kind)

    def reset_state(self) -> None:
        """Begin anew."""
        self.part = self.whole = 0.0

    reset_states = reset_state  # Keras 2's name

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """Count a batch in and return the result."""
        self.update_state(y_true, y_pred)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        code = type(self).__init__.__code__
        names = [n for n in code.co_varnames[1 : code.co_argcount] if n not in ("name", "dtype")]
        return {"name": self.name} | {name: getattr(self, name) for name in names}


class MeanMetric(Metric):
    """The mean of a number that each sample has.

    Math:
        part = the sum of the samples' numbers, whole = N

    Shapes:
        y_true, y_pred: (N, ...)     result: a number

    Example:
        >>> largest = MeanMetric(lambda y_true, y_pred: y_pred.max(axis=1), name="largest")
        >>> largest(np.zeros((2, 2)), np.array([[1.0, 2.0], [5.0, 0.0]]))  # (2 + 5) / 2
        3.5
    """

    def __init__(
        self, function: PerSample | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)
        self.function = function

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return one number per sample."""
        if self.function is None:
            raise NotImplementedError(f"{type(self).__name__} has no function.")
        return self.function(y_true, y_pred)

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return the sum of the samples' numbers, and how many there are."""
        values = np.asarray(self.per_sample(y_true, y_pred), np.float64)
        return float(values.sum()), values.size


def ratio(part: float, whole: float, kind: str) -> float:
    """Return what a metric of this kind makes of its sums.

    Example:
        >>> ratio(8.0, 2.0, "of"), ratio(8.0, 2.0, "root"), ratio(8.0, 2.0, "sum")
        (4.0, 2.0, 8.0)
        >>> ratio(0.0, 0.0, "of")
        0.0
    """
    if kind == "sum":
        return part
    quotient = part / whole if whole else 0.0
    return float(quotient**0.5) if kind == "root" else quotient


def fitted(y_true: Array, y_pred: Array) -> Array:
    """Return targets without, or with, a last axis of 1, where that makes them fit the outputs.

    Math:
        the same numbers

    Shapes:
        y_true: (N,) where y_pred is (N, 1) becomes (N, 1)

    Example:
        >>> fitted(np.zeros(3), np.zeros((3, 1))).shape
        (3, 1)
    """
    return y_true[..., None] if (*y_true.shape, 1) == y_pred.shape else y_true
