"""Random numbers of a given spread, whatever the shape."""

import numpy as np

from numcnn.initializers.base import Array, Initializer, Shape, number


class RandomNormal(Initializer):
    """Normal with a mean and a standard deviation.

    Math:
        w = mean + stddev * N(0, 1)

    Example:
        >>> round(float(RandomNormal(mean=7.0, stddev=0.1, seed=1)((100, 100)).std()), 2)
        0.1
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = number("mean", mean), number("stddev", stddev, 0)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw mean + stddev * N(0, 1)."""
        return rng.normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """Normal, redrawn where it falls more than two standard deviations from the mean.

    Math:
        w = mean + stddev * t, with t from N(0, 1) given that |t| <= 2

    Example:
        >>> bool(np.abs(TruncatedNormal(stddev=0.1, seed=1)((100, 100))).max() <= 0.2)
        True
    """

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw, and redraw what lies outside two standard deviations."""
        return self.mean + self.stddev * draw_truncated(rng, shape)


class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`.

    Math:
        w from [minval, maxval), all alike probable

    Example:
        >>> w = RandomUniform(2.0, 3.0, seed=1)((100, 100))
        >>> bool(2 <= w.min() < 2.01 and 2.99 < w.max() < 3)
        True
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval, self.maxval = number("minval", minval), number("maxval", maxval)
        if self.minval > self.maxval:
            raise ValueError(f"minval must be at most maxval, got {minval!r} and {maxval!r}.")

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw from [minval, maxval)."""
        return rng.uniform(self.minval, self.maxval, shape)


def draw_truncated(rng: np.random.Generator, shape: Shape) -> Array:
    """Return standard normal numbers, redrawn until none is beyond two.

    Math:
        t from N(0, 1) given that |t| <= 2

    Shapes:
        result: shape

    Example:
        >>> bool(np.abs(draw_truncated(np.random.default_rng(1), (100, 100))).max() <= 2)
        True
    """
    values = rng.normal(size=shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.normal(size=int(outside.sum()))
    return values
