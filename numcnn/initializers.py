"""How weights start: random enough to break symmetry, scaled so that signals keep their size.

Random, since units that start alike get the same gradient and stay alike for ever.

Scaled: an output is z = sum over i of x[i] * w[i], over fan_in inputs. With independent weights of
mean 0 and variance var, the terms have the mean 0 and their squares add up:

    mean of z**2 = sum over i of (x[i]**2 * var) = fan_in * var * (mean of x**2)

So with var = 1 / fan_in z is as large as x. Much more, and numbers grow from layer to layer until
they overflow; much less, and they fade. On the way back each input collects from fan_out outputs,
and the same reasoning asks for 1 / fan_out. A ReLU stops half of the numbers and with them half of
the mean square, which asks for twice as much. The named schemes are these answers:

    LeCun   1 / fan_in
    Glorot  2 / (fan_in + fan_out)      between the two ways
    He      2 / fan_in                  for ReLU

each as a uniform and as a (truncated) normal distribution.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from numcnn.errors import ShapeError, reject_unknown_keywords, unknown_name
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
        self.value = float(value)

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
        self.mean, self.stddev = float(mean), float(stddev)

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
        self.minval, self.maxval = float(minval), float(maxval)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw from [minval, maxval)."""
        return rng.uniform(self.minval, self.maxval, shape)


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
        if not scale > 0:
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
        self.gain = float(gain)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw by the QR factorisation of a normal matrix (prod(shape[:-1]), shape[-1])."""
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal needs a shape of two or more axes, got {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


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


INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal,
}
_CLASS_NAMES = {make.__name__: name for name, make in INITIALIZERS.items()}
INITIALIZERS |= {"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform}

# Keras also has these names as functions: kernel_initializer=initializers.he_normal().
(zeros, ones, constant) = (Zeros, Ones, Constant)
(random_normal, random_uniform, truncated_normal) = (
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
(glorot_uniform, glorot_normal) = (GlorotUniform, GlorotNormal)
(he_uniform, he_normal) = (HeUniform, HeNormal)
(lecun_uniform, lecun_normal) = (LecunUniform, LecunNormal)
orthogonal = Orthogonal


def get(identifier: Any) -> Initializer:
    """Return the initializer that a name, a class, a configuration or an object stands for.

    Example:
        >>> get("he_normal").__class__.__name__
        'HeNormal'
    """
    if isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if isinstance(identifier, dict) and set(identifier) == {"class_name", "config"}:
        name = _CLASS_NAMES.get(identifier["class_name"], identifier["class_name"])
        if name not in INITIALIZERS:
            raise unknown_name("initializer", name, INITIALIZERS)
        return INITIALIZERS[name](**identifier["config"])
    name = _CLASS_NAMES.get(identifier, identifier) if isinstance(identifier, str) else identifier
    if not isinstance(name, str) or name not in INITIALIZERS:
        raise unknown_name("initializer", identifier, INITIALIZERS)
    return INITIALIZERS[name]()


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return the configuration from which `get` makes the initializer again.

    Example:
        >>> serialize(Constant(0.5))
        {'class_name': 'Constant', 'config': {'value': 0.5}}
    """
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}
