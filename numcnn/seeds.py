"""Where random numbers begin: every random choice in numcnn starts from a seed taken here.

Two ways were open for a program that never calls `set_random_seed`: to start from the operating
system's entropy, or to draw from NumPy's global state. The second is what Keras 2 did, and it makes
the line `np.random.seed(99)` of an old script mean what it says, so it is what happens here.

After `set_random_seed(n)` the seeds come from a generator of numcnn's own, and NumPy's global state
is left alone from then on.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

_own: np.random.Generator | None = None


def set_random_seed(seed: int | None) -> None:
    """Seed Python's `random`, NumPy's global state and numcnn, as Keras's function does.

    Args:
        seed: an integer from 0 to 2**32 - 1. `None` goes back to drawing seeds from NumPy's
            global state and seeds nothing.

    Raises:
        ValueError: the seed is negative or too large.
        TypeError: the seed is not an integer.

    Example:
        >>> set_random_seed(7); a = next_seed()
        >>> set_random_seed(7); a == next_seed()
        True
        >>> set_random_seed(None)
    """
    global _own
    if seed is None:
        _own = None
        return
    seed = check_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    _own = np.random.default_rng(seed)


def check_seed(seed: int | None) -> int | None:
    """Return the seed as an int, or None; refuse what is no seed for NumPy."""
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an integer from 0 to 2**32 - 1 or None, got {seed!r}.")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer from 0 to 2**32 - 1, got {seed!r}.")
    return int(seed)


def next_seed() -> int:
    """Return the next seed: from numcnn's own generator or, unset, from NumPy's global state."""
    if _own is None:
        return int(np.random.randint(2**31 - 1))
    return int(_own.integers(2**31 - 1))


@contextmanager
def given_back(always: bool = False) -> Iterator[None]:
    """Take back the seeds that the block took where it raises, or `always`."""
    numpy_state = np.random.get_state()
    own_state = _own.bit_generator.state if _own else None
    kept = False
    try:
        yield
        kept = not always
    finally:
        if not kept:
            np.random.set_state(numpy_state)
            if _own and own_state:
                _own.bit_generator.state = own_state


def generator(seed: int, step: int = 0) -> np.random.Generator:
    """Return the random generator that belongs to a seed and a step, and to nothing else.

    Philox is counter-based: a new step is a new counter, so what is drawn in step 100 does not
    depend on steps 0 to 99 having been drawn. That is what lets training resume bit for bit.

    Reference: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))
