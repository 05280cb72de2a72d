"""Random numbers whose spread fits the shape: see the top of initializers/__init__.py."""

import math
from typing import Any, Literal

import numpy as np

from numcnn.errors import ShapeError, unknown_name
from numcnn.initializers.base import Array, Initializer, Shape, number
from numcnn.initializers.distributions import draw_truncated


class VarianceScaling(Initializer):
    """Random weights of variance scale / fan.

    Math:
        variance = scale / fan, with fan = fan_in, fan_out or their mean. Uniform on (-a, a) has the
        variance a**2 / 3, so a = sqrt(3 * scale / fan). A normal distribution truncated at two
        standard deviations has only 0.8796 of its standard deviation left, and is drawn wider by
        1 / 0.8796, as in Keras.

    Args:
        scale: the variance times the fan; positive.
        mode: 'fan_in', 'fan_out' or 'fan_avg'.
        distribution: 'truncated_normal', 'untruncated_normal' or 'uniform'.
        seed: see `Initializer`.

    Example:
        >>> w = VarianceScaling(2.0, "fan_in", seed=1)((400, 300))  # variance 2 / 400
        >>> round(float(w.var()) * 400, 2)
        2.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in",
        distribution: Literal[
            "truncated_normal", "untruncated_normal", "uniform"
        ] = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        modes = ("fan_in", "fan_out", "fan_avg")
        distributions = ("truncated_normal", "untruncated_normal", "uniform")
        if mode not in modes:
            raise unknown_name("mode of VarianceScaling", mode, modes)
        if distribution not in distributions:
            raise unknown_name("distribution of VarianceScaling", distribution, distributions)
        if not number("scale of VarianceScaling", scale) > 0:
            raise ValueError(f"scale of VarianceScaling must be positive, got {scale!r}.")
        self.scale, self.mode, self.distribution = float(scale), mode, distribution

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw weights of variance scale / fan."""
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0.0, math.sqrt(variance), shape)
        # 0.8796... is the standard deviation of N(0, 1) truncated to (-2, 2).
        return math.sqrt(variance) / 0.87962566103423978 * draw_truncated(rng, shape)


class _Scheme(VarianceScaling):
    """A `VarianceScaling` with a name of its own."""

    settings: tuple[float, Any, Any]

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self.settings, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the seed."""
        return {"seed": self.seed}


class GlorotUniform(_Scheme):
    """Uniform, variance 2 / (fan_in + fan_out). Glorot & Bengio, AISTATS 2010. Keras's default.

    Math:
        w from (-a, a), a = sqrt(6 / (fan_in + fan_out))

    Example:
        >>> w = GlorotUniform(seed=1)((100, 200))
        >>> bool(abs(w).max() < (6 / 300) ** 0.5)
        True
    """

    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scheme):
    """Truncated normal, variance 2 / (fan_in + fan_out). Glorot & Bengio, AISTATS 2010.

    Math:
        w = a truncated normal, variance = 2 / (fan_in + fan_out)

    Example:
        >>> w = GlorotNormal(seed=1)((200, 300))
        >>> round(float(w.var()) * 500, 1)
        2.0
    """

    settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scheme):
    """Uniform, variance 2 / fan_in, for ReLU. He et al., ICCV 2015.

    Math:
        w from (-a, a), a = sqrt(3 * variance), variance = 2 / fan_in

    Example:
        >>> w = HeUniform(seed=1)((200, 300))
        >>> round(float(w.var()) * 200, 1)
        2.0
    """

    settings = (2.0, "fan_in", "uniform")


class HeNormal(_Scheme):
    """Truncated normal, variance 2 / fan_in, for ReLU. He et al., ICCV 2015.

    Math:
        w = a truncated normal, variance = 2 / fan_in

    Example:
        >>> w = HeNormal(seed=1)((200, 300))
        >>> round(float(w.var()) * 200, 1)
        2.0
    """

    settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scheme):
    """Uniform, variance 1 / fan_in. LeCun et al., "Efficient BackProp", 1998.

    Math:
        w from (-a, a), a = sqrt(3 * variance), variance = 1 / fan_in

    Example:
        >>> w = LecunUniform(seed=1)((200, 300))
        >>> round(float(w.var()) * 200, 1)
        1.0
    """

    settings = (1.0, "fan_in", "uniform")


class LecunNormal(_Scheme):
    """Truncated normal, variance 1 / fan_in. LeCun et al., "Efficient BackProp", 1998.

    Math:
        w = a truncated normal, variance = 1 / fan_in

    Example:
        >>> w = LecunNormal(seed=1)((200, 300))
        >>> round(float(w.var()) * 200, 1)
        1.0
    """

    settings = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """Orthonormal rows or columns times `gain`. Saxe et al., ICLR 2014.

    Math:
        w = gain * q, where q.T @ q (or q @ q.T, whichever is smaller) is the unit matrix: such a
        matrix turns signals and leaves their length as it is.

    Example:
        >>> w = Orthogonal(seed=1)((3, 2), "float64")
        >>> np.abs(w.T @ w).round(6)
        array([[1., 0.],
               [0., 1.]])
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = number("gain", gain)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw by the QR factorisation of a normal matrix (prod(shape[:-1]), shape[-1])."""
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal needs a shape of two or more axes, got {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


class Identity(Initializer):
    """The unit matrix times `gain`: a Dense layer that starts so passes on what it gets.

    Math:
        w[i, j] = gain * (i == j)

    Example:
        >>> Identity()((2, 3), "float64")
        array([[1., 0., 0.],
               [0., 1., 0.]])
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = number("gain", gain)

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        """Return a new matrix; nothing is drawn."""
        if len(shape) != 2:
            raise ShapeError(f"Identity needs a shape of two axes, got {shape}.")
        return (self.gain * np.eye(*shape)).astype(dtype)


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out) of weights whose last two axes are inputs and outputs.

    A convolution's axes before those, (KH, KW), multiply both: each output sums over a window.

    Example:
        >>> fans((784, 128)), fans((3, 3, 32, 64))
        ((784, 128), (288, 576))
    """
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]
