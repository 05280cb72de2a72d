"""The crew: threads that work through phases of tasks together.

A phase is a list of tasks that do not depend on each other; the next phase begins when all are
done. Who does which task is left to chance, so a task must compute the same whoever does it.

Two ways were open. Numba's own `parallel=True` starts its threads in 3 microseconds, but compiles
three times as long, ends the process on one of its threading layers when two threads use it at once
and on another after a fork. Threads of Python, which run kernels without holding Python's lock,
have none of that and take about 100 microseconds to wake up; so they are woken once for all phases
of a batch, and between phases they wait in a kernel, awake. That is what is done here.
"""

import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from numcnn.engine.interrupts import uninterrupted

Task = Callable[[int], Any]  # called with the number of the worker that does it
Phases = Sequence[Sequence[Task]]

APART = 16  # numbers between two workers' flags, so that no two share a line of the cache
PATIENCE = 20_000  # looks at the flags before a waiting thread lets others have the core
ALERT = 50_000  # looks for the next job, some 100 microseconds, before a helper goes to sleep


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Crew:
    """A calling thread and its helpers, started when first needed."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.reset()

    def reset(self) -> None:
        """Forget the helpers, as a forked child must: it has none of its parent's threads."""
        self._mailboxes: list[queue.SimpleQueue[_Job]] = []
        self._busy = threading.Lock()
        self._bell = np.zeros(1, np.int64)  # the number of jobs so far

    def run(self, phases: Phases) -> None:
        """Do all tasks, phase after phase; raise what the first failing one raised.

        A Ctrl-C waits until all is done. While the crew is busy for another thread, the caller does
        its tasks alone.
        """
        size = min(self.size, max((len(phase) for phase in phases), default=0))
        job = None
        with uninterrupted():
            if size > 1 and self._busy.acquire(blocking=False):
                try:
                    self._hire(size - 1)
                    job = _Job(phases, size)
                    for mailbox in self._mailboxes[: size - 1]:
                        mailbox.put(job)
                    self._bell[0] += 1
                    job.work(0)
                finally:
                    self._busy.release()
        if job is None:
            alone(phases)
        elif job.error is not None:
            raise job.error

    def _hire(self, helpers: int) -> None:
        while len(self._mailboxes) < helpers:
            mailbox: queue.SimpleQueue[_Job] = queue.SimpleQueue()
            number = len(self._mailboxes) + 1
            threading.Thread(
                target=_help,
                args=(mailbox, number, self._bell),
                name=f"numcnn-{number}",
                daemon=True,
            ).start()
            self._mailboxes.append(mailbox)


def alone(phases: Phases) -> None:
    """Do all tasks in the calling thread."""
    for phase in phases:
        for task in phase:
            task(0)


def _help(mailbox: "queue.SimpleQueue[_Job]", number: int, bell: np.ndarray[Any, Any]) -> None:
    """Work for ever. The update follows the gradients at once, so a helper listens for a while."""
    while True:
        job = mailbox.get()
        heard = int(bell[0])
        job.work(number)
        job.all_reached(bell, 1, heard + 1, ALERT)


class _Job:
    """The phases of one run, and who has finished which."""

    def __init__(self, phases: Phases, size: int) -> None:
        from numcnn.kernels.waiting import all_reached

        self.all_reached = all_reached
        self.phases = phases
        self.turns = [itertools.count() for _ in phases]
        self.flags = np.zeros(size * APART, np.int64)
        self.error: BaseException | None = None

    def work(self, me: int) -> None:
        """Do one worker's share of every phase."""
        for i, (phase, turn) in enumerate(zip(self.phases, self.turns, strict=True), 1):
            if self.error is None:
                try:
                    for at in turn:
                        if at >= len(phase):
                            break
                        phase[at](me)
                except BaseException as error:
                    self.error = error
            self.flags[me * APART] = i
            if me == 0 or i < len(self.phases):
                self._wait_for(i)

    def _wait_for(self, phase: int) -> None:
        pause = 0.0
        while not self.all_reached(self.flags, APART, phase, PATIENCE):
            time.sleep(pause)
            pause = min(pause + 1e-6, 1e-4)


CREW = Crew(available_cores())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CREW.reset)


def set_num_threads(n: int) -> None:
    """Set how many threads compute; by default as many as the process may use cores.

    Args:
        n: at least 1. The results are the same, bit for bit, whatever it is.

    Raises:
        TypeError, ValueError: n is no whole number of at least 1.

    Example:
        >>> before = get_num_threads()
        >>> set_num_threads(1)
        >>> get_num_threads()
        1
        >>> set_num_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"The number of threads must be a whole number, got {n!r}.")
    if n < 1:
        raise ValueError(f"The number of threads must be at least 1, got {n}.")
    CREW.size = int(n)


def get_num_threads() -> int:
    """Return how many threads compute."""
    return CREW.size
