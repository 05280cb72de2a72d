"""Schedules: a learning rate that changes from step to step.

At first the loss falls fastest with long steps. Near the end they jump to and fro over the lowest
point: each batch pulls a little elsewhere, and the weights wander around by about a step's length.
Shorter steps then settle. A schedule gives the rate as a function of t, the number of steps before
this one; pass it as `learning_rate=`. It counts steps, not epochs.
"""

import bisect
import math
from typing import Any

from numcnn.errors import DTypeError, reject_unknown_keywords, unknown_name
from numcnn.optimizers.arguments import non_negative, number, positive


class LearningRateSchedule:
    """The base of all schedules; one of your own defines `__call__(step)`.

    Math:
        lr_t = schedule(t), with t = 0 at the first step

    Example:
        >>> class Halved(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.5**step
        >>> [Halved()(t) for t in range(3)]
        [1.0, 0.5, 0.25]
    """

    def __init__(self, name: str | None = None, **unknown: Any) -> None:
        reject_unknown_keywords(type(self).__name__, unknown, self.arguments())

    @classmethod
    def arguments(cls) -> list[str]:
        """Return the names of the arguments."""
        code = cls.__init__.__code__
        return list(code.co_varnames[1 : code.co_argcount])

    def __call__(self, step: int) -> float:
        """Return the rate of the step that has `step` others before it."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(step).")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this schedule again."""
        return {name: getattr(self, name) for name in self.arguments()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRateSchedule":
        """Make a schedule from what `get_config` returned."""
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """The rate is multiplied by one factor again and again.

    Math:
        lr_t = initial_learning_rate * decay_rate**(t / decay_steps)
        with staircase, t / decay_steps is rounded down: the rate falls in jumps

    Example:
        >>> halving = ExponentialDecay(0.8, decay_steps=10, decay_rate=0.25)
        >>> halving(0), halving(5), halving(10)
        (0.8, 0.4, 0.2)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.initial_learning_rate = positive("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.decay_rate = positive("decay_rate", decay_rate)
        self.staircase = bool(staircase)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        return self.initial_learning_rate * self.decay_rate ** parts(self, step)


class InverseTimeDecay(LearningRateSchedule):
    """The rate falls as 1 / t does: fast at first, ever more slowly later.

    Math:
        lr_t = initial_learning_rate / (1 + decay_rate * t / decay_steps)
        with staircase, t / decay_steps is rounded down

    Example:
        >>> inverse = InverseTimeDecay(0.8, decay_steps=10, decay_rate=1.0)
        >>> inverse(0), inverse(10), inverse(30)
        (0.8, 0.4, 0.2)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.initial_learning_rate = positive("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.decay_rate = non_negative("decay_rate", decay_rate)
        self.staircase = bool(staircase)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        return self.initial_learning_rate / (1 + self.decay_rate * parts(self, step))


class PolynomialDecay(LearningRateSchedule):
    """The rate goes from one value to another, in a straight line or along a power.

    Math:
        part = min(t, decay_steps) / decay_steps
        lr_t = end_learning_rate + (initial_learning_rate - end_learning_rate) * (1 - part)**power
        With cycle, part begins anew: decay_steps is taken as many times as t has gone into it.

    Example:
        >>> line = PolynomialDecay(0.5, decay_steps=10, end_learning_rate=0.25)
        >>> line(0), line(5), line(10), line(99)
        (0.5, 0.375, 0.25, 0.25)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.initial_learning_rate = positive("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.end_learning_rate = non_negative("end_learning_rate", end_learning_rate)
        self.power = positive("power", power)
        self.cycle = bool(cycle)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        length = self.decay_steps
        if self.cycle:
            length *= max(1, math.ceil(step / length))
        rest = (1 - min(step, length) / length) ** self.power
        return self.end_learning_rate + (self.initial_learning_rate - self.end_learning_rate) * rest


class PiecewiseConstantDecay(LearningRateSchedule):
    """The rate stands still, and jumps at given steps.

    Math:
        lr_t = values[i], where i is the number of boundaries below t

    Example:
        >>> stairs = PiecewiseConstantDecay([10, 20], [0.4, 0.2, 0.1])
        >>> stairs(0), stairs(10), stairs(11), stairs(21)
        (0.4, 0.4, 0.2, 0.1)
    """

    def __init__(self, boundaries: list[float], values: list[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.boundaries = [number("each boundary", b) for b in boundaries]
        self.values = [non_negative("each of the values", value) for value in values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"There must be one value more than boundaries, got {len(self.values)} values and "
                f"{len(self.boundaries)} boundaries."
            )
        if sorted(self.boundaries) != self.boundaries:
            raise ValueError(f"boundaries must rise, got {self.boundaries}.")

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        return self.values[bisect.bisect_left(self.boundaries, step)]


class CosineDecay(LearningRateSchedule):
    """The rate follows half a wave of a cosine: slowly at first, steeply, and slowly to its end.

    Math:
        part = min(t, decay_steps) / decay_steps
        lr_t = initial_learning_rate * (alpha + (1 - alpha) * (1 + cos(pi * part)) / 2)
        With a warm-up, the rate first goes in a straight line from initial_learning_rate to
        warmup_target, in warmup_steps; the wave begins there and then.

    Reference:
        Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Example:
        >>> wave = CosineDecay(0.4, decay_steps=10)
        >>> wave(0), round(wave(5), 6), wave(10)
        (0.4, 0.2, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.initial_learning_rate = non_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = positive("decay_steps", decay_steps)
        self.alpha = non_negative("alpha", alpha)
        self.warmup_target: float | None = None
        if warmup_target is not None:
            self.warmup_target = positive("warmup_target", warmup_target)
        self.warmup_steps = non_negative("warmup_steps", warmup_steps)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        top, since = self.initial_learning_rate, float(step)
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            top, since = self.warmup_target, step - self.warmup_steps
        return top * wave(min(since, self.decay_steps) / self.decay_steps, self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Waves of a cosine one after the other, each longer and lower than the one before if wanted.

    Math:
        wave i has the length first_decay_steps * t_mul**i and the height m_mul**i; part is how much
        of its wave is over at t
        lr_t = initial_learning_rate * (alpha + (1 - alpha) * m_mul**i * (1 + cos(pi * part)) / 2)

    Reference:
        Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Example:
        >>> waves = CosineDecayRestarts(0.4, first_decay_steps=10, m_mul=0.5)
        >>> waves(0), round(waves(5), 6), waves(10), round(waves(20), 6)  # the second has 20 steps
        (0.4, 0.2, 0.2, 0.1)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.initial_learning_rate = positive("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = positive("first_decay_steps", first_decay_steps)
        self.t_mul = positive("t_mul", t_mul)
        if self.t_mul < 1:
            raise ValueError(f"t_mul must be at least 1, got {t_mul!r}.")
        self.m_mul = positive("m_mul", m_mul)
        self.alpha = non_negative("alpha", alpha)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        i, rest, length = 0, float(step), self.first_decay_steps
        if self.t_mul == 1:
            i, rest = int(rest // length), rest % length
        while rest >= length:
            i, rest, length = i + 1, rest - length, length * self.t_mul
        height = self.m_mul**i
        shape = wave(rest / length, 0.0) * height
        return self.initial_learning_rate * (self.alpha + (1 - self.alpha) * shape)


def parts(schedule: ExponentialDecay | InverseTimeDecay, step: int) -> float:
    """Return how often decay_steps has passed; with staircase in whole numbers.

    Example:
        >>> [parts(ExponentialDecay(0.1, 10, 0.5, staircase), 15) for staircase in (False, True)]
        [1.5, 1]
    """
    passed = step / schedule.decay_steps
    return math.floor(passed) if schedule.staircase else passed


def wave(part: float, alpha: float) -> float:
    """Return half a wave of a cosine, from 1 at part 0 to alpha at part 1.

    Example:
        >>> wave(0.0, 0.5), wave(1.0, 0.5)
        (1.0, 0.5)
    """
    return alpha + (1 - alpha) * (1 + math.cos(math.pi * part)) / 2


SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}


def get(identifier: Any) -> LearningRateSchedule | None:
    """Return the schedule that an object, or what `serialize` returned, stands for; else None.

    Example:
        >>> get(serialize(CosineDecay(1.0, decay_steps=2)))(1)
        0.5
        >>> get(0.1) is None
        True
    """
    if isinstance(identifier, LearningRateSchedule):
        return identifier
    if isinstance(identifier, dict) and identifier.keys() >= {"class_name", "config"}:
        if identifier["class_name"] not in SCHEDULES:
            raise unknown_name("schedule", identifier["class_name"], SCHEDULES)
        return SCHEDULES[identifier["class_name"]](**identifier["config"])
    return None


def serialize(schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return what `get` makes the schedule of again.

    Example:
        >>> serialize(InverseTimeDecay(0.5, 10, 1))["class_name"]
        'InverseTimeDecay'
    """
    name = type(schedule).__name__
    if SCHEDULES.get(name) is not type(schedule):
        raise DTypeError(
            f"The schedule {name} is not one of numcnn's and cannot be saved. Save the weights "
            "with model.save_weights(path)."
        )
    return {"class_name": name, "config": schedule.get_config()}
