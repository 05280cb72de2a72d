"""One at a time: what two threads, or a callback and its own training, must not do at once."""

import os
import sys
import threading
from types import FrameType, TracebackType


class Exclusive:
    """A block of which one is running at a time; a second one is refused, it does not wait.

    A lock would do, were it not for Ctrl-C: it can come between the taking of a lock and the `try`
    that gives it back, and the lock would be taken for ever. So what is remembered is not "taken"
    but the call that has taken it; one that no thread is in any more holds nothing. The same is
    true in a forked child, which has none of its parent's other threads.

    >>> alone = Exclusive("in use already")
    >>> with alone:
    ...     with alone:
    ...         pass
    Traceback (most recent call last):
    RuntimeError: in use already
    """

    _door = threading.Lock()  # held for the look at who is inside

    def __init__(self, refusal: str) -> None:
        self.refusal = refusal
        self._inside: FrameType | None = None

    def __enter__(self) -> None:
        with Exclusive._door:
            if self._inside is not None and _is_running(self._inside):
                raise RuntimeError(self.refusal)
            self._inside = sys._getframe(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inside = None

    @classmethod
    def _renew(cls) -> None:
        cls._door = threading.Lock()


def _is_running(frame: FrameType) -> bool:
    """Return whether any thread is in this call."""
    for top in sys._current_frames().values():
        current: FrameType | None = top
        while current is not None:
            if current is frame:
                return True
            current = current.f_back
    return False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Exclusive._renew)
