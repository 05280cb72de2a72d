"""How slopes are measured, and what counts as a kink; the package's head explains why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from numcnn.gradcheck.report import ArrayReport, Entry

Array = np.ndarray[Any, Any]
ROUNDING = 10 * float(np.finfo(np.float64).eps)  # of an output; it is a sum of some products
LOOKS = 4  # how often a measurement is repeated, each time at a tenth of the step


@dataclass
class Measurement:
    """Measures slopes of f = sum(outputs * weights) and compares gradients with them.

    Attributes:
        run: runs forward; returns the outputs and then all arrays on the way that may have a kink.
        weights: one per output.
    """

    run: Callable[[], list[Array]]
    weights: Array
    rng: np.random.Generator
    eps: float
    tolerance: float
    max_entries: int

    def __post_init__(self) -> None:
        self.middle = self.outputs()
        largest = max(np.abs(a[np.isfinite(a)]).max(initial=0) for a in self.middle)
        self.rounding = ROUNDING * float(largest * np.linalg.norm(self.weights))

    def outputs(self) -> list[Array]:
        """Return copies of what `run` returns: a Flatten's output is a view of its input."""
        return [np.array(array) for array in self.run()]

    def array(self, name: str, x: Array, dx: Array) -> ArrayReport:
        """Compare the gradient dx with slopes; x is what `run` reads, moved and put back."""
        entries: list[Entry] = []
        for i in np.sort(self.rng.permutation(x.size)[: self.max_entries]):
            direction = np.zeros(x.shape)
            direction.flat[i] = 1
            index = tuple(int(k) for k in np.unravel_index(i, x.shape))
            entries.append(self.entry(name, index, x, dx, direction))
        entries.append(self.entry(name, "all together", x, dx, np.ones(x.shape)))
        along = np.asarray(self.rng.standard_normal(x.shape))
        entries.append(self.entry(name, "a random direction", x, dx, along))
        return ArrayReport(name, x.shape, entries)

    @np.errstate(invalid="ignore")  # infinite outputs have no slopes, which is an infinite error
    def entry(self, name: str, index: Any, x: Array, dx: Array, direction: Array) -> Entry:
        """Compare sum(dx * direction) with the slope of f along the direction."""
        analytic = float((dx * direction).sum())
        start, middle = x.copy(), self.middle
        step = self.eps * max(1.0, float(np.abs(x).max(initial=0)))
        wrong: tuple[Entry, float] | None = None  # with no kink near, and by how much
        nearer = False
        for _ in range(LOOKS):
            x[...] = start - step * direction
            before = self.outputs()
            x[...] = start + step * direction
            after = self.outputs()
            x[...] = start
            left = self.weights * (middle[0] - before[0]) / step  # of each output, on either side
            right = self.weights * (after[0] - middle[0]) / step
            numeric = float((left + right).sum() / 2)
            size = max(abs(analytic) + abs(numeric), self.rounding / step / self.tolerance)
            error = abs(analytic - numeric) / size if size else 0.0
            error = error if np.isfinite(numeric) else np.inf
            gap = abs(analytic - numeric)
            nearer = wrong is not None and gap <= wrong[1] / 5
            if wrong and not nearer:
                return wrong[0]
            if error <= self.tolerance:
                return Entry(name, index, analytic, numeric, error)
            # Between the slopes of the two sides? Then a kink may be near: look closer. (One-sided
            # slopes are off by h f''(x) / 2, so that the ends of a wide gap are not sharp.)
            low, high = np.minimum(left, right).sum(), np.maximum(left, right).sum()
            margin = self.tolerance * size + (high - low) / 100
            between = low - margin <= analytic <= high + margin
            # Neither? Then it is wrong, unless a smaller step is as much nearer: where the curve
            # changes from one side to the other, a difference over h is off by about h.
            kink = between or bends(before[1:], middle[1:], after[1:])
            wrong = None if kink else (Entry(name, index, analytic, numeric, error), gap)
            step /= 10
        if wrong and not nearer:
            return wrong[0]
        return Entry(name, index, analytic, numeric, error, aside=bool(np.isfinite(numeric)))


def bends(before: list[Array], middle: list[Array], after: list[Array]) -> bool:
    """Return whether any number on the way has clearly different slopes on the two sides."""
    for a, b, c in zip(before, middle, after, strict=True):
        straight = np.abs(c - a).max(initial=0)
        if (np.abs(a - 2 * b + c) > 1e-3 * straight).any():
            return True
    return False
