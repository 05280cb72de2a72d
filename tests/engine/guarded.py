"""Arrays that stand in the middle of forbidden ground, and small loops to compare kernels with."""

import numpy as np

MOAT = 67  # numbers on each side; odd, so that most arrays begin at no multiple of a vector
CANARY = 12345.0


class Moats:
    """Hands out arrays with a moat round each, and tells whether anybody has crossed one."""

    def __init__(self):
        self.outputs = []

    def given(self, array):
        """Return a copy of an input: what is read beside it is NaN."""
        array = np.asarray(array)
        beside = np.nan if array.dtype.kind == "f" else 0
        return self._inside(array, beside)[0]

    def room(self, size, dtype, inside=np.nan):
        """Return an output, which holds NaN (or `inside`); what is written beside it is noticed."""
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            inside = 99
        canary = 77 if dtype == np.uint8 else CANARY
        view, whole = self._inside(np.full(size, inside, dtype), canary)
        self.outputs.append((whole, size, canary))
        return view

    def check(self):
        """Raise unless all that lies beside the outputs is as it was."""
        for whole, size, canary in self.outputs:
            assert (whole[:MOAT] == canary).all(), "written before the start"
            assert (whole[MOAT + size :] == canary).all(), "written beyond the end"

    def _inside(self, array, beside):
        flat = array.reshape(-1)
        whole = np.full(flat.size + 2 * MOAT, beside, flat.dtype)
        view = whole[MOAT : MOAT + flat.size]
        view[...] = flat
        return view.reshape(array.shape), whole


def whole(rng, shape, dtype, size=3):
    """Return whole numbers, whose sums are exact in any order."""
    return rng.integers(-size, size + 1, shape).astype(dtype)


def indices(*axes):
    """Return all sums of multiples, axes as (count, step), in reading order."""
    total = [0]
    for count, step in axes:
        total = [t + i * step for t in total for i in range(count)]
    return np.array(total, np.int64)


def eps(dtype):
    """Return half a unit in the last place of 1."""
    return np.finfo(dtype).eps / 2
