"""The progress bar, in Keras's form: a line that redraws itself, or one line where it cannot.

100/469 [=====>........................] - ETA: 23s - loss: 0.4021 - accuracy: 0.8790
469/469 [==============================] - 30s 64ms/step - loss: 0.1534 - accuracy: 0.9541
"""

import io
import sys
import time
from typing import Any, TextIO

WIDTH = 30


class Progbar:
    """One line of progress over a known number of steps.

    Args:
        steps: how many there will be; None where nobody knows.
        head: what stands before a line that is written only once, such as 'Epoch 1/10'.
        redraw: True draws a bar again and again, False writes one line at the end, None means
            True on a terminal and in a notebook.
        stream: where to write; by default standard output as it is at that moment.
        done: how many were done before, where training goes on within an epoch.
    """

    def __init__(
        self,
        steps: int | None,
        head: str = "",
        redraw: bool | None = None,
        stream: TextIO | None = None,
        done: int = 0,
    ) -> None:
        self.steps = steps
        self.head = head
        self.stream = stream or sys.stdout or io.StringIO()  # a program may have no output
        in_notebook = "ipykernel" in sys.modules
        self.redraw = (self.stream.isatty() or in_notebook) if redraw is None else redraw
        self.interval = 0.5 if in_notebook else 0.05  # seconds between redraws
        self.start = self.after_first = time.perf_counter()
        self.last_drawn = 0.0
        self.drawn_width = 0
        self.done = self.before = done
        if head and self.redraw:
            self.stream.write(f"{head}\n")

    def update(self, done: int, logs: dict[str, float]) -> None:
        """Say that `done` steps are done."""
        now = time.perf_counter()
        self.done = done
        if done == self.before + 1:
            self.after_first = now
        last = self.steps is not None and done >= self.steps
        if not self.redraw or now - self.last_drawn < self.interval or last:
            return
        self.last_drawn = now
        if self.steps is None:
            per_step = time_per_step(self.seconds_per_step(done, now))
            self.draw(f"{self.count()} - {round(now - self.start)}s {per_step}{numbers(logs)}")
            return
        count = self.count()
        eta = duration((self.steps - done) * self.seconds_per_step(done, now))
        self.draw(f"{count} [{self.bar(done)}] - ETA: {eta}{numbers(logs)}")

    def finish(self, logs: dict[str, float]) -> None:
        """Write the last line; where not all steps were done, it says how many were."""
        now = time.perf_counter()
        count = self.count()
        per_step = time_per_step(self.seconds_per_step(self.done, now))
        text = f" - {round(now - self.start)}s {per_step}{numbers(logs)}"
        if self.redraw:
            bar = "" if self.steps is None else f" [{self.bar(self.done)}]"
            self.draw(f"{count}{bar}{text}")
            self.stream.write("\n")
        else:
            self.stream.write(f"{self.head + ' - ' if self.head else ''}{count}{text}\n")
        self.stream.flush()

    def abandon(self) -> None:
        """End a line that was begun, where the work ended early."""
        if self.drawn_width:
            self.stream.write("\n")
            self.stream.flush()

    def draw(self, line: str) -> None:
        """Write over the line that stands there."""
        self.stream.write("\r" + line.ljust(self.drawn_width))
        self.stream.flush()
        self.drawn_width = len(line)

    def count(self) -> str:
        """Return how many steps of how many are done."""
        if self.steps is None:
            return f"{self.done}/Unknown"
        return f"{self.done:>{len(str(self.steps))}}/{self.steps}"

    def bar(self, done: int) -> str:
        """Return the bar between its brackets."""
        if self.steps is None or done >= self.steps:
            return "=" * WIDTH
        return ("=" * (WIDTH * done // self.steps) + ">").ljust(WIDTH, ".")[:WIDTH]

    def seconds_per_step(self, done: int, now: float) -> float:
        """Return the mean time of a step; the first, which may hold a start-up, does not count."""
        timed = done - self.before - 1
        if timed > 0:
            return (now - self.after_first) / timed
        return now - self.start


def check_verbose(value: Any) -> int:
    """Return 0, 1 or 2; 'auto' means 1."""
    if value == "auto":
        return 1
    if value not in (0, 1, 2):
        raise ValueError(f"verbose must be 0, 1, 2 or 'auto', got {value!r}.")
    return int(value)


def duration(seconds: float) -> str:
    """Return a time as Keras writes it.

    >>> duration(23.4), duration(83), duration(3683)
    ('23s', '1:23', '1:01:23')
    """
    total = round(seconds)
    if total >= 3600:
        return f"{total // 3600}:{total % 3600 // 60:02d}:{total % 60:02d}"
    if total >= 60:
        return f"{total // 60}:{total % 60:02d}"
    return f"{total}s"


def time_per_step(seconds: float) -> str:
    """Return the time of a step as Keras writes it.

    >>> time_per_step(0.0641), time_per_step(2.0), time_per_step(0.0000502)
    ('64ms/step', '2s/step', '50us/step')
    """
    if seconds >= 0.9995:
        return f"{seconds:.0f}s/step"
    if seconds >= 0.9995e-3:
        return f"{seconds * 1e3:.0f}ms/step"
    return f"{seconds * 1e6:.0f}us/step"


def numbers(logs: dict[str, float]) -> str:
    """Return losses and metrics as Keras writes them.

    >>> numbers({"loss": 0.15341, "mse": 0.0001})
    ' - loss: 0.1534 - mse: 1.0000e-04'
    """
    texts = [f"{k}: {v:.4f}" if abs(v) > 1e-3 else f"{k}: {v:.4e}" for k, v in logs.items()]
    return "".join(f" - {text}" for text in texts)
