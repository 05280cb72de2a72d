"""What an optimizer is: parameters and gradients in, the parameters moved, memory kept."""

from typing import Any, ClassVar

import numpy as np

from numcnn.errors import ShapeError, reject_unknown_keywords
from numcnn.optimizers.arguments import non_negative, positive, refuse_what_keras_alone_has
from numcnn.optimizers.clipping import CLIPS, chosen_clip, clip
from numcnn.optimizers.rate import Rate
from numcnn.optimizers.schedules import LearningRateSchedule, serialize
from numcnn.optimizers.schedules import get as get_schedule

Array = np.ndarray[Any, Any]
OPTIONS = ("weight_decay", *CLIPS)


class Optimizer:
    """The base of all optimizers; one of your own defines `update`, and `slot_names` to remember.

    Math:
        step       for each parameter p with its gradient g, clipped where that is asked for:
                   p -= lr_t * weight_decay * p, then update(p, g, *its slots)
        rate       lr_t = learning_rate / (1 + decay * t), with t the number of steps before,
                   or schedule(t)

    Shapes:
        p, g and each slot: any, the same.

    Args:
        learning_rate: the length of a step, positive; `lr` is another name for it. Or a schedule:
            see schedules.py.
        decay: lowers the rate as Keras 2 did: lr_t = learning_rate / (1 + decay * t), where t is
            the number of steps before this one.
        weight_decay: the share of itself, times the rate, that each parameter loses in a step; see
            `AdamW`.
        clipnorm: the largest length of each parameter's gradient: see clipping.py.
        clipvalue: the largest size of each of its numbers. global_clipnorm: the largest length of
            all gradients together. One of the three at most.

    Attributes:
        iterations: the number of steps so far.
        slots: what is remembered: name -> one array per parameter.
        trained: the parameters that it has moved, for an optimizer serves one model.
        bounded_step: whether a step is at most rate * |g| long, or rate times a number that the
            other arguments give. Each class says it for itself.

    Example:
        An optimizer of your own: steps of one length, whatever the gradient's, as long as it points
        where it pointed before; it rests where the sign changes.

        >>> class Sign(Optimizer):
        ...     slot_names = ("before",)
        ...
        ...     def update(self, p, g, *slots):
        ...         (before,) = slots  # zeros at the first step
        ...         p -= self.current_rate() * np.sign(g) * (g * before >= 0)
        ...         before[...] = g
        >>> sign, p = Sign(0.1), np.array([1.0, 1.0])
        >>> sign.step([p], [np.array([5.0, -0.2])])
        >>> p
        array([0.9, 1.1])
        >>> sign.step([p], [np.array([5.0, 0.2])])
        >>> p
        array([0.8, 1.1])
    """

    slot_names: tuple[str, ...] = ()
    bounded_step: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: float,
        *,
        lr: float | None = None,
        decay: float = 0.0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        allowed = ["learning_rate", "lr", "decay", *OPTIONS, *self.hyperparameters()]
        unknown = refuse_what_keras_alone_has(type(self).__name__, unknown)
        reject_unknown_keywords(type(self).__name__, unknown, allowed)
        self.iterations = 0
        self.decay = non_negative("decay", decay)
        self._learning_rate: float | LearningRateSchedule = 0.0
        self.learning_rate = learning_rate if lr is None else lr
        self.weight_decay: float | None = None
        if weight_decay is not None:
            self.weight_decay = non_negative("weight_decay", weight_decay)
        self.clipnorm, self.clipvalue, self.global_clipnorm = chosen_clip(
            clipnorm, clipvalue, global_clipnorm
        )
        self.slots: dict[str, list[Array]] = {}
        self.trained: list[Array] = []

    @classmethod
    def hyperparameters(cls) -> list[str]:
        """Return the names of the arguments beside learning_rate and decay."""
        code = cls.__init__.__code__
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        return [n for n in names if n not in ("learning_rate", "lr", "decay", "name", *OPTIONS)]

    @property
    def learning_rate(self) -> float:
        """The length of a step; where there is a schedule, of the next one."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return Rate(self._learning_rate(self.iterations), self)
        return Rate(self._learning_rate, self)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        schedule = get_schedule(value)
        if schedule is not None:
            self._learning_rate = schedule
            return
        rate = positive("learning_rate", value)
        if isinstance(self._learning_rate, LearningRateSchedule):
            raise TypeError(
                f"The learning rate of this {type(self).__name__} follows a "
                f"{type(self._learning_rate).__name__} and cannot be set to a number. Make the "
                "optimizer with a number, or give it another schedule."
            )
        self._learning_rate = float(rate)

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

    @property
    def plain(self) -> bool:
        """Whether a step is `update` with the gradients as they are, and nothing else."""
        return not self.weight_decay and all(getattr(self, kind) is None for kind in CLIPS)

    def surely_finite(self, norm: float) -> bool:
        """Return whether the next step is finite for certain, given the gradient's norm.

        So it is at any rate that makes sense for an optimizer with `bounded_step`, as numcnn's own
        are. The bound is far below the largest float32, 3e38, so that also momentum has room.
        """
        longest = self.current_rate() * max(1.0, norm)
        own = vars(type(self)).get("bounded_step", False)  # a class that inherits may step further
        shrinks = self.current_rate() * (self.weight_decay or 0.0) <= 1
        return own and shrinks and longest < 1e6 and getattr(self, "epsilon", 1.0) > 1e-30

    def step(self, params: list[Array], grads: list[Array]) -> None:
        """Move the parameters, in place, by one step against the gradients."""
        self.prepare(params)
        for kind in CLIPS:
            if getattr(self, kind) is not None:
                grads = clip(grads, kind, getattr(self, kind))
        if self.weight_decay:
            for p in params:
                p -= self.current_rate() * self.weight_decay * p
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
        names = ["decay", *self.hyperparameters()]
        names += [name for name in OPTIONS if getattr(self, name) is not None]
        rate: Any = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = serialize(rate)
        return {"learning_rate": rate} | {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Optimizer":
        """Make an optimizer from what `get_config` returned."""
        return cls(**config)
