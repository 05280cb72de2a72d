"""Arrays that are somewhere else: in a file, in another process, larger than memory.

Whatever has `shape`, `dtype` and slices will do: an h5py data set, a Dask or zarr array. It is read
batch by batch. `fit(shuffle=True)` takes the samples in the same order as those of an array, so the
results have the same bits; each sample is then read on its own. `shuffle="batch"` reads batches of
neighbours and is the one to take where reading is slow.

`numpy.memmap` needs none of this, except that the pages it has read would stay in memory until
somebody else wants it; those of large files are given back as soon as they are used.
"""

import math
import mmap
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError

Array = np.ndarray[Any, Any]

KEPT = 2**26  # bytes of a mapped file that may stay in memory
TAKEN = 64  # samples of a larger one that are taken at a time


class Rows:
    """The samples from `start` to `stop` of something that is read by slices.

    Args:
        source: has shape, dtype and slices.
        what: what errors call it.
        start: the first sample.
        stop: the one after the last; None for all.
    """

    def __init__(self, source: Any, what: str, start: int = 0, stop: int | None = None) -> None:
        self.source, self.what = source, what
        self.start = start
        self.stop = len_of(source.shape, what) if stop is None else stop
        self.shape = (self.stop - start, *map(int, source.shape[1:]))
        self.dtype = np.dtype(source.dtype)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.stop - self.start

    def part(self, a: int, b: int) -> "Rows":
        """Return the samples from a to b - 1, still unread."""
        return Rows(self.source, self.what, self.start + a, self.start + b)

    def __getitem__(self, which: Any) -> Array:
        """Return the samples of a slice, or those of an array of numbers, in its order."""
        if isinstance(which, slice):
            a, b, _ = which.indices(len(self))
            return self.read(a, max(a, b))
        wanted, places = np.unique(which, return_inverse=True)
        if hasattr(self.source, "__dask_graph__"):  # one task for all, where each has its price
            found = self.seen(self.source[wanted + self.start], len(wanted))
        else:
            edges = np.flatnonzero(np.diff(wanted) != 1) + 1
            runs = [run for run in np.split(wanted, edges) if len(run)]
            parts = [self.read(int(run[0]), int(run[-1]) + 1) for run in runs]
            found = np.concatenate(parts) if parts else self.read(0, 0)
        return found[places]

    def read(self, a: int, b: int) -> Array:
        """Return the samples from a to b - 1."""
        return self.seen(self.source[self.start + a : self.start + b], b - a)

    def seen(self, found: Any, n: int) -> Array:
        """Return what was read as an array, or raise where it is not that of n samples."""
        array = np.asarray(found)
        if array.shape != (n, *self.shape[1:]):
            raise ShapeError(
                f"{self.what} ({type(self.source).__name__} of shape {tuple(self.source.shape)}) "
                f"gave an array of shape {array.shape} where {(n, *self.shape[1:])} was read."
            )
        if array.dtype.kind not in "biuf":
            raise DTypeError(
                f"{self.what} ({type(self.source).__name__} of {self.dtype}) gave an array of "
                f"dtype {array.dtype}."
            )
        return array


def is_elsewhere(value: Any) -> bool:
    """Return whether something is an array that is to be read by slices, not converted whole.

    Tables of pandas are not: their slices go by names. They are in memory anyway.

    >>> is_elsewhere(np.zeros(3)), is_elsewhere([1, 2]), is_elsewhere(np.float32(1))
    (False, False, False)
    """
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "iloc"):
        return False
    has_all = all(hasattr(value, name) for name in ("shape", "dtype", "__getitem__"))
    return has_all and isinstance(value.dtype, np.dtype) and len(value.shape) > 0


def len_of(shape: Any, what: str) -> int:
    """Return the number of samples; Dask may not know it."""
    if not all(math.isfinite(n) for n in shape):
        raise ShapeError(
            f"{what} has the shape {tuple(shape)}, which does not say how many samples there are. "
            "For a Dask array call x.compute_chunk_sizes() first."
        )
    return int(shape[0])


def part(x: Any, a: int, b: int) -> Any:
    """Return the samples from a to b - 1 of an array or of `Rows`, without reading them."""
    return x.part(a, b) if isinstance(x, Rows) else x[a:b]


def take(x: Any, which: Array) -> Array:
    """Return the samples of these numbers.

    A page of a mapped file brings its neighbours along, so that a batch of scattered samples costs
    many times its size until the pages are given back: that is done after every few samples.
    """
    if not is_mapped(x):
        found: Array = x[which]
        return found
    found = np.empty((len(which), *x.shape[1:]), x.dtype)
    for a in range(0, len(which), TAKEN):
        found[a : a + TAKEN] = x[which[a : a + TAKEN]]
        give_back(x)
    return found


def is_mapped(x: Any) -> bool:
    """Return whether an array is a part of a large file that is mapped into memory."""
    return _mapping(x) is not None


def give_back(x: Any) -> None:
    """Let go of the pages that were read of a large file; they are read again where needed."""
    mapping = _mapping(x)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(x: Any) -> mmap.mmap | None:
    """Return the mapping of a large file that an array is a view of, unless it has changes."""
    shared = False
    while isinstance(x, np.ndarray):
        # With mode 'c' the changes are nowhere but in these pages.
        shared = shared or (isinstance(x, np.memmap) and x.mode in ("r", "r+", "w+"))
        x = x.base
    return x if shared and isinstance(x, mmap.mmap) and len(x) > KEPT else None
