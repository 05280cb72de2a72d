"""What an initializer is: a shape and a dtype in, an array out."""

import math
import numbers
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, reject_unknown_keywords
from numcnn.seeds import check_seed, generator, next_seed

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def number(what: str, value: Any, least: float = -math.inf) -> float:
    """Return a finite number of at least `least`.

    Example:
        >>> number("stddev", 1, 0)
        1.0
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise DTypeError(f"{what} must be a number, got {value!r}.")
    if not math.isfinite(value) or value < least:
        bound = "" if least == -math.inf else f" of at least {least:g}"
        raise ValueError(f"{what} must be a finite number{bound}, got {value!r}.")
    return float(value)


class Initializer:
    """Base: an object that makes an array of a shape and a dtype.

    Math:
        w = draw(rng, shape), whatever a subclass draws

    Args:
        seed: an integer gives the same array at every call; `None` takes the next seed from
            `numcnn.utils.set_random_seed` or, unset, from NumPy's global state.

    Example:
        An initializer of your own.

        >>> class Coin(Initializer):
        ...     def draw(self, rng, shape):
        ...         return rng.choice([-1.0, 1.0], shape)
        >>> np.unique(Coin(seed=1)((10, 10)))
        array([-1.,  1.], dtype=float32)
    """

    def __init__(self, seed: int | None = None, **unknown: Any) -> None:
        reject_unknown_keywords(type(self).__name__, unknown, ["seed"])
        self.seed = check_seed(seed)

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        """Return a new array of this shape and dtype."""
        rng = generator(next_seed() if self.seed is None else self.seed)
        return self.draw(rng, tuple(shape)).astype(dtype)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Return float64 numbers of this shape; what a subclass writes."""
        raise NotImplementedError(f"{type(self).__name__} does not define draw(rng, shape).")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this initializer again."""
        return dict(vars(self))
