"""Ctrl-C between two batches, never inside an update."""

import signal
import threading
from _signal import getsignal  # type: ignore[import-not-found] # `signal` takes 20 microseconds more
from _signal import signal as set_signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a Ctrl-C back until the block is done, then let it through.

    Only the main thread gets signals, so elsewhere, and where a program ignores the signal or
    leaves it to the system, nothing is to be done.
    """
    previous = getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    set_signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        set_signal(signal.SIGINT, previous)
        if held:
            previous(*held[0])
