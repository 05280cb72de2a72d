"""The same number everywhere."""

from typing import Any

import numpy as np

from numcnn.initializers.base import Array, Initializer, Shape, number


class Constant(Initializer):
    """Every number is `value`.

    Math:
        w = value

    Example:
        >>> Constant(0.5)((2, 2), "float64")
        array([[0.5, 0.5],
               [0.5, 0.5]])
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = number("value", value)

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        """Return a new array filled with the value."""
        return np.full(shape, self.value, dtype)


class Zeros(Constant):
    """Zeros, the usual start of a bias. Of weights it is a bad one: all units would be alike.

    Math:
        w = 0

    Example:
        >>> Zeros()((3,), "float64")
        array([0., 0., 0.])
    """

    def __init__(self) -> None:
        super().__init__(0.0)

    def get_config(self) -> dict[str, Any]:
        """Return no arguments."""
        return {}


class Ones(Constant):
    """Ones, the usual start of a scale.

    Math:
        w = 1

    Example:
        >>> Ones()((3,), "float64")
        array([1., 1., 1.])
    """

    def __init__(self) -> None:
        super().__init__(1.0)

    def get_config(self) -> dict[str, Any]:
        """Return no arguments."""
        return {}
