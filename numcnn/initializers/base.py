"""What an initializer is: a shape and a dtype in, an array out."""

from typing import Any

import numpy as np

from numcnn.errors import reject_unknown_keywords
from numcnn.seeds import check_seed, generator, next_seed

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


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
