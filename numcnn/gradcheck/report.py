"""What a gradient check found: every comparison, and a table to read."""

from dataclasses import dataclass, field

from numcnn.errors import GradientError


@dataclass(frozen=True)
class Entry:
    """One comparison: an entry of an array, or all its entries moved together."""

    array: str
    index: tuple[int, ...] | str
    analytic: float
    numeric: float
    error: float
    aside: bool = False

    def __str__(self) -> str:
        """Return array[index]: both numbers and their relative error."""
        where = f"[{', '.join(map(str, self.index))}]" if isinstance(self.index, tuple) else ""
        where = where or f" ({self.index})"
        return (
            f"{self.array}{where}: backward says {self.analytic:.9g}, the central difference "
            f"{self.numeric:.9g}, relative error {self.error:.1e}"
        )


@dataclass(frozen=True)
class ArrayReport:
    """The comparisons of one array."""

    name: str
    shape: tuple[int, ...]
    entries: list[Entry]

    @property
    def set_aside(self) -> int:
        """How many comparisons stood at a kink."""
        return sum(entry.aside for entry in self.entries)

    @property
    def decided(self) -> bool:
        """Whether at least half of the comparisons did not stand at a kink."""
        return 2 * self.set_aside <= len(self.entries)

    @property
    def worst(self) -> Entry | None:
        """The comparison with the largest error."""
        inside = [entry for entry in self.entries if not entry.aside]
        return max(inside, key=lambda entry: entry.error, default=None)


@dataclass
class GradientReport:
    """What a check found; printed, it is a table.

    Attributes:
        subject: what was checked.
        tolerance: the largest relative error that passes.
        arrays: the comparisons, array by array.
        faults: what is wrong beside numbers, such as a gradient of another shape.
    """

    subject: str
    tolerance: float
    arrays: list[ArrayReport] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all gradients are right and enough entries were away from kinks to say so."""
        small = self.worst is None or self.worst.error <= self.tolerance
        return small and not self.faults and all(array.decided for array in self.arrays)

    @property
    def worst(self) -> Entry | None:
        """The comparison with the largest error of all."""
        found = [array.worst for array in self.arrays if array.worst is not None]
        return max(found, key=lambda entry: entry.error, default=None)

    @property
    def checked(self) -> int:
        """The number of comparisons, those set aside included."""
        return sum(len(array.entries) for array in self.arrays)

    @property
    def set_aside(self) -> int:
        """The number of comparisons that stood at a kink and say nothing."""
        return sum(array.set_aside for array in self.arrays)

    def raise_if_wrong(self) -> "GradientReport":
        """Raise GradientError with this report as its text, unless `ok`; return the report."""
        if not self.ok:
            raise GradientError(str(self))
        return self

    def __str__(self) -> str:
        """Return the table, the worst entry and the faults."""
        lines = [("array", "shape", "checked", "set aside", "worst error", "at")]
        for a in self.arrays:
            error, at = ("-", "-") if a.worst is None else (f"{a.worst.error:.1e}", a.worst.index)
            counts = str(len(a.entries)), str(a.set_aside)
            lines.append((a.name, str(a.shape), *counts, error, str(at)))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = ["  ".join(c.ljust(w) for c, w in zip(ln, widths, strict=True)) for ln in lines]
        notes = [f"fault: {fault}" for fault in self.faults]
        if self.worst is not None and self.worst.error > self.tolerance:
            notes.append(f"wrong: {self.worst}")
        for a in self.arrays:
            if not a.decided:
                notes.append(f"undecided: most of {a.name} is at kinks; check with another input.")
        title = f"{self.subject}: the gradients are {'right' if self.ok else 'NOT right'}"
        return "\n".join([title, *(f"  {line.rstrip()}" for line in [*table, *notes])])
