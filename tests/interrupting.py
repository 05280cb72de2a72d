"""Ctrl-C at random times within a piece of work, on a machine that may be slow or stop at times."""

import random
import signal


class Aim:
    """Delays, up to about the time that the work takes at the moment; hits and misses say which.

    Where an interrupt came in time the next may come later, and the other way round: so about four
    of five hit, all over the work, whatever the clock has done in between.
    """

    def __init__(self, seed, longest):
        self.random, self.longest = random.Random(seed), longest

    def delay(self):
        """Return how many seconds to wait."""
        return self.random.uniform(0.0005, self.longest)

    def learn(self, hit):
        """Note whether the work was interrupted."""
        self.longest = max(0.001, self.longest * (1.1 if hit else 0.7))


def timer(delay):
    """Return (what starts a timer that ends in SIGINT, what stops it)."""

    def start():
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, delay)

    return start, lambda: signal.setitimer(signal.ITIMER_REAL, 0)


def interrupted(start, stop, work):
    """Do the work and return whether an interrupt ended it; `start` and `stop` are the timer."""
    try:
        try:
            start()
            work()
        finally:
            stop()
    except KeyboardInterrupt:
        return True
    return False
