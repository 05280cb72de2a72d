"""Arrays and numbers with one method more, `numpy()`, for programs that know TensorFlow's tensors.

`model(x).numpy()` stands in many of them. An `Answer` is a NumPy array in all else, a `Number` a
float.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Answer(np.ndarray[Any, Any]):
    """An array that also has `numpy()`, which returns it as a plain one.

    Example:
        >>> found = answer([1.0, 2.0])
        >>> found.numpy(), float(found.sum())
        (array([1., 2.]), 3.0)
    """

    def numpy(self) -> Array:
        """Return the same numbers as a plain array."""
        return np.asarray(self)


class Number(float):
    """A float that also has `numpy()`.

    Example:
        >>> Number(0.5), Number(0.5).numpy() + 1
        (0.5, 1.5)
    """

    def numpy(self) -> float:
        """Return the plain float."""
        return float(self)


def answer(x: Any) -> Answer:
    """Return an array as an `Answer`; the numbers are not copied."""
    return np.asarray(x).view(Answer)
