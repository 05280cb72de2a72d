"""Optimizers: how a gradient becomes a step.

`step(params, grads)` changes the parameters in place. What an optimizer remembers between steps
stands in `slots`: for each kind of memory one array per parameter.
"""

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from numcnn import backend
from numcnn.errors import DTypeError, ShapeError, reject_unknown_keywords, unknown_name

Array = np.ndarray[Any, Any]


class Optimizer:
    """The base of all optimizers; one of your own defines `slot_names` and `update`.

    Args:
        learning_rate: the length of a step, positive; `lr` is another name for it.
        decay: lowers the rate as Keras 2 did: lr_t = learning_rate / (1 + decay * t), where t is
            the number of steps before this one.

    Attributes:
        iterations: the number of steps so far.
        slots: what is remembered: name -> one array per parameter.
        trained: the parameters that it has moved, for an optimizer serves one model.
    """

    slot_names: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: float,
        *,
        lr: float | None = None,
        decay: float = 0.0,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        allowed = ["learning_rate", "lr", "decay", *self.hyperparameters()]
        reject_unknown_keywords(type(self).__name__, unknown, allowed)
        self.learning_rate = learning_rate if lr is None else lr
        self.decay = non_negative("decay", decay)
        self.iterations = 0
        self.slots: dict[str, list[Array]] = {}
        self.trained: list[Array] = []

    @classmethod
    def hyperparameters(cls) -> list[str]:
        """Return the names of the arguments beside learning_rate and decay."""
        code = cls.__init__.__code__
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        return [n for n in names if n not in ("learning_rate", "lr", "decay", "name")]

    @property
    def learning_rate(self) -> float:
        """The length of a step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = positive("learning_rate", value)

    @property
    def lr(self) -> float:
        """The learning rate, by its old name."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: float) -> None:
        self.learning_rate = value

    def current_rate(self) -> float:
        """Return the rate of the next step, after decay."""
        return self.learning_rate / (1 + self.decay * self.iterations)

    def surely_finite(self, norm: float) -> bool:
        """Return whether the next step is finite for certain, given the gradient's norm.

        So it is for numcnn's own optimizers at any rate that makes sense: a step is at most
        rate * norm long, or rate times a number that depends on rho or the betas. The bound is far
        below the largest float32, 3e38, so that also momentum has room.
        """
        longest = self.current_rate() * max(1.0, norm)
        known = type(self) in OPTIMIZERS.values()
        return known and longest < 1e6 and getattr(self, "epsilon", 1.0) > 1e-30

    def step(self, params: list[Array], grads: list[Array]) -> None:
        """Move the parameters, in place, by one step against the gradients."""
        self.prepare(params)
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            self.update(p, g, *(self.slots[name][i] for name in self.slot_names))
        self.iterations += 1

    def prepare(self, params: list[Array]) -> None:
        """See that these are the parameters of the steps before, and that their slots are there."""
        if not self.fits(params):
            raise ShapeError(
                f"This {type(self).__name__} has trained other parameters than those it is given "
                f"now, of the shapes {[p.shape for p in params]}, and what it remembers belongs to "
                "them. Use a new optimizer for each model, and compile anew after a change of "
                "layers or of what is trainable."
            )
        if not self.trained:
            self.trained = list(params)
        if not self.slots:
            self.make_slots(params)

    def fits(self, params: list[Array]) -> bool:
        """Return whether what is remembered, if anything, belongs to such parameters."""
        if self.trained:
            same = (a is b for a, b in zip(self.trained, params, strict=False))
            return len(params) == len(self.trained) and all(same)
        shapes = [p.shape for p in params]
        return all([a.shape for a in slot] == shapes for slot in self.slots.values())

    def make_slots(self, params: list[Array]) -> None:
        """Start the memory with zeros."""
        self.slots = {name: [np.zeros_like(p) for p in params] for name in self.slot_names}

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change one parameter p and its slots, in place, given its gradient g."""
        raise NotImplementedError(f"{type(self).__name__} does not define update(p, g, *slots).")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this optimizer again (without its memory)."""
        names = ["learning_rate", "decay", *self.hyperparameters()]
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Optimizer":
        """Make an optimizer from what `get_config` returned."""
        return cls(**config)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    Math:
        without momentum     p -= lr * g
        with momentum        v = momentum * v - lr * g
                             p += v                         (the ball rolls on)
        with nesterov        p += momentum * v - lr * g     (the gradient seen from where it rolls)

    Args:
        learning_rate: the length of a step.
        momentum: the share of the last step that goes on, 0 to below 1.
        nesterov: whether to look ahead.
        **kwargs: lr, decay: see `Optimizer`.

    Reference:
        Sutskever et al., "On the importance of initialization and momentum in deep learning",
        ICML 2013.

    Example:
        >>> p = np.array([1.0])
        >>> SGD(0.1).step([p], [np.array([2.0])])
        >>> p
        array([0.8])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = share("momentum", momentum)
        self.slot_names = ("velocity",) if momentum else ()
        self.nesterov = bool(nesterov)

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p, and v where there is one, in place."""
        lr = self.current_rate()
        if not slots:
            p -= lr * g
            return
        (v,) = slots
        v *= self.momentum
        v -= lr * g
        p += self.momentum * v - lr * g if self.nesterov else v


class RMSprop(Optimizer):
    """Divide each gradient by its recent size, so that every weight takes steps of like length.

    Math:
        v = rho * v + (1 - rho) * g**2              (a running mean of the squared gradient)
        p -= lr * g / sqrt(v + epsilon)

    Args:
        learning_rate: the length of a step.
        rho: how slowly the mean forgets, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay: see `Optimizer`.

    Note:
        Epsilon stands inside the root, as in Keras 3. In Keras 2 and PyTorch it stands outside:
        sqrt(v) + epsilon. It matters once gradients are small: inside, those far below
        sqrt(epsilon), 3e-4, take steps that shrink with them; outside, every weight goes on with
        steps of length lr.

    Reference:
        Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.

    Example:
        The first step is lr / sqrt(1 - rho) long, whatever the gradient's size.

        >>> p = np.zeros(2)
        >>> RMSprop(0.001, epsilon=1e-30).step([p], [np.array([5.0, -0.005])])
        >>> p.round(6)
        array([-0.003162,  0.003162])
    """

    slot_names = ("mean_square",)

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = share("rho", rho)
        self.epsilon = epsilon_or_default(epsilon)

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p and v in place."""
        (v,) = slots
        v *= self.rho
        v += (1 - self.rho) * g**2
        p -= self.current_rate() * g / np.sqrt(v + self.epsilon)


class Adam(Optimizer):
    """RMSprop with momentum, both corrected for their start at zero.

    Math:
        m = beta_1 * m + (1 - beta_1) * g           (a running mean of the gradient)
        v = beta_2 * v + (1 - beta_2) * g**2        (and of its square)
        From m = 0 the mean of m after t steps is only (1 - beta_1**t) times that of g, and v
        likewise; dividing by those factors undoes it. At step t = 1, 2, ...
        lr_t = lr * sqrt(1 - beta_2**t) / (1 - beta_1**t)
        p -= lr_t * m / (sqrt(v) + epsilon)

    Args:
        learning_rate: the length of a step.
        beta_1: how slowly m forgets, 0 to below 1.
        beta_2: how slowly v forgets, 0 to below 1.
        epsilon: keeps the division finite; None means `numcnn.backend.epsilon()`.
        **kwargs: lr, decay: see `Optimizer`.

    Note:
        Epsilon is the paper's "epsilon hat", added to the uncorrected root, as in Keras. PyTorch
        adds it to the corrected one.

    Reference:
        Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, end of section 2.

    Example:
        >>> p = np.zeros(1)
        >>> Adam(0.001).step([p], [np.array([5.0])])
        >>> p.round(6)
        array([-0.001])
    """

    slot_names = ("mean", "mean_square")

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = share("beta_1", beta_1)
        self.beta_2 = share("beta_2", beta_2)
        self.epsilon = epsilon_or_default(epsilon)

    def update(self, p: Array, g: Array, *slots: Array) -> None:
        """Change p, m and v in place."""
        m, v = slots
        t = self.iterations + 1
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        v *= self.beta_2
        v += (1 - self.beta_2) * g**2
        lr_t = self.current_rate() * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        p -= lr_t * m / (np.sqrt(v) + self.epsilon)


def number(what: str, value: Any) -> float:
    """Return a finite number as a float."""
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
        raise DTypeError(f"{what} must be a number, got {value!r} of type {type(value).__name__}.")
    if not math.isfinite(value):
        raise ValueError(f"{what} must be finite, got {value!r}.")
    return float(value)


def positive(what: str, value: Any) -> float:
    """Return a number above 0 as a float."""
    if not number(what, value) > 0:
        raise ValueError(f"{what} must be above 0, got {value!r}.")
    return float(value)


def non_negative(what: str, value: Any) -> float:
    """Return a number of at least 0 as a float."""
    if not number(what, value) >= 0:
        raise ValueError(f"{what} must be at least 0, got {value!r}.")
    return float(value)


def share(what: str, value: Any) -> float:
    """Return a number from 0 to below 1 as a float."""
    if not 0 <= number(what, value) < 1:
        raise ValueError(f"{what} must be at least 0 and below 1, got {value!r}.")
    return float(value)


def epsilon_or_default(value: Any) -> float:
    """Return epsilon; None means the backend's."""
    return backend.epsilon() if value is None else non_negative("epsilon", value)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}


def get(identifier: Any) -> Optimizer:
    """Return the optimizer that a name (in any case), a class or an object stands for.

    >>> get("rmsprop").rho
    0.9
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return cast(Callable[..., Optimizer], identifier)()
    name = identifier.lower() if isinstance(identifier, str) else identifier
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise unknown_name("optimizer", identifier, OPTIMIZERS)
    return OPTIMIZERS[name]()
