"""Constraints: where weights may be, seen to after each step.

A regularizer makes large weights dear; a constraint forbids them. The step is made as if nothing
were forbidden, and then the weights are put to the nearest place where they may be, or one close to
it. The gradient knows nothing of it.

Lengths are those along `axis`, the root of the sum of squares. With axis=0 those are the columns
of Dense's w (D, U): all weights that lead to one output. For Conv2D's w (KH, KW, C, F) that would
be axis=[0, 1, 2].
"""

from typing import Any

import numpy as np

from numcnn import backend
from numcnn.errors import DTypeError, unknown_name

Array = np.ndarray[Any, Any]


class Constraint:
    """The base of all constraints; one of your own defines `__call__(w)`.

    Math:
        w = c(w), after each step

    Shapes:
        w: any, kept

    Example:
        >>> class Rounded(Constraint):
        ...     def __call__(self, w):
        ...         return np.round(w)
        >>> Rounded()(np.array([0.2, 1.7]))
        array([0., 2.])
    """

    def __call__(self, w: Array) -> Array:
        """Return the weights where they may be."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(w).")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this constraint again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Constraint":
        """Return the constraint that `get_config` described."""
        return cls(**config)


class MinMaxNorm(Constraint):
    """Lengths stay between two ends, or are drawn towards them.

    Math:
        length = sqrt(sum of w**2 along axis)
        wanted = rate * min(max(length, min_value), max_value) + (1 - rate) * length
        w = w * wanted / (eps + length), eps = 1e-7

    Shapes:
        w: any, kept

    Args:
        min_value: the least length. max_value: the greatest.
        rate: 1 for at once, less for part of the way with each step.
        axis: along which numbers belong together; one or several.

    Example:
        The columns have the lengths 5 and 1.

        >>> MinMaxNorm(2.0, 4.0)(np.array([[3.0, 0.0], [4.0, 1.0]])).round(4)
        array([[2.4, 0. ],
               [3.2, 2. ]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Any = 0,
    ) -> None:
        for name, value in (("min_value", min_value), ("max_value", max_value), ("rate", rate)):
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not number or not 0 <= value < np.inf:
                raise ValueError(f"{name} of a constraint must be at least 0, got {value!r}.")
        if rate > 1 or min_value > max_value:
            raise ValueError(
                f"rate must be at most 1 and min_value at most max_value, got rate={rate!r}, "
                f"min_value={min_value!r} and max_value={max_value!r}."
            )
        self.min_value, self.max_value, self.rate = min_value, max_value, rate
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else int(axis)

    def __call__(self, w: Array) -> Array:
        """Return the weights where they may be."""
        lengths = _lengths(w, self.axis)
        wanted = np.clip(lengths, self.min_value, self.max_value)
        wanted = self.rate * wanted + (1 - self.rate) * lengths
        return (w * (wanted / (backend.epsilon() + lengths))).astype(w.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this constraint again."""
        return {name: getattr(self, name) for name in ("min_value", "max_value", "rate", "axis")}


class MaxNorm(MinMaxNorm):
    """No length is above max_value.

    Math:
        w = w * min(length, max_value) / (eps + length), length = sqrt(sum of w**2 along axis)

    Shapes:
        w: any, kept

    Args:
        max_value: the greatest length.
        axis: along which numbers belong together; one or several.

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        JMLR 15, 2014, section 5.1.

    Example:
        >>> MaxNorm(2.5)(np.array([[3.0, 0.0], [4.0, 1.0]])).round(4)
        array([[1.5, 0. ],
               [2. , 1. ]])
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        super().__init__(0.0, max_value, 1.0, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this constraint again."""
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """Every length is 1.

    Math:
        w = w / (eps + sqrt(sum of w**2 along axis))

    Shapes:
        w: any, kept

    Args:
        axis: along which numbers belong together; one or several.

    Example:
        >>> UnitNorm()(np.array([[3.0, 0.0], [4.0, 2.0]])).round(4)
        array([[0.6, 0. ],
               [0.8, 1. ]])
    """

    def __init__(self, axis: Any = 0) -> None:
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else int(axis)

    def __call__(self, w: Array) -> Array:
        """Return the weights where they may be."""
        return (w / (backend.epsilon() + _lengths(w, self.axis))).astype(w.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this constraint again."""
        return {"axis": self.axis}


class NonNeg(Constraint):
    """No weight is negative.

    Math:
        w = max(w, 0)

    Shapes:
        w: any, kept

    Example:
        >>> NonNeg()(np.array([-1.0, 2.0]))
        array([0., 2.])
    """

    def __call__(self, w: Array) -> Array:
        """Return the weights where they may be."""
        return np.maximum(w, 0)


def _lengths(w: Array, axis: Any) -> Array:
    squares = (w.astype(np.float64) ** 2).sum(
        axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=True
    )
    lengths: Array = np.sqrt(squares)
    return lengths


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
maxnorm, nonneg, unitnorm = MaxNorm, NonNeg, UnitNorm  # Keras 1's names
CONSTRAINTS: dict[str, type[Constraint]] = {
    "max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm,
    "maxnorm": MaxNorm, "nonneg": NonNeg, "unitnorm": UnitNorm,
    "MaxNorm": MaxNorm, "MinMaxNorm": MinMaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm,
}  # fmt: skip


def get(identifier: Any) -> Constraint | None:
    """Return the constraint that a name, a class, an object or None stands for.

    What `serialize` returned is taken as well.

    Example:
        >>> get("max_norm").get_config(), get(None) is None
        ({'max_value': 2, 'axis': 0}, True)
    """
    if identifier is None or isinstance(identifier, Constraint):
        return identifier
    config: dict[str, Any] = {}
    if isinstance(identifier, dict) and {"class_name", "config"} <= identifier.keys():
        identifier, config = identifier["class_name"], identifier["config"]
    if isinstance(identifier, type) and issubclass(identifier, Constraint):
        return identifier()
    if not isinstance(identifier, str) or identifier not in CONSTRAINTS:
        raise unknown_name("constraint", identifier, CONSTRAINTS)
    return CONSTRAINTS[identifier](**config)


def serialize(constraint: Constraint) -> dict[str, Any]:
    """Return what `get` makes the constraint of again.

    Example:
        >>> serialize(UnitNorm())
        {'class_name': 'UnitNorm', 'config': {'axis': 0}}
    """
    name = type(constraint).__name__
    if CONSTRAINTS.get(name) is not type(constraint):
        raise DTypeError(f"The constraint {name} is not one of numcnn's and cannot be saved.")
    return {"class_name": name, "config": constraint.get_config()}
