"""Sequence: a data set that makes its batches itself, one for each number from 0."""

from collections.abc import Iterator
from typing import Any

from numcnn.data import integer
from numcnn.errors import DTypeError


class PyDataset:
    """The base of data sets that are read batch by batch; Keras 2 calls it `Sequence`.

    One of your own defines `__len__`, the number of batches, and `__getitem__`, which returns the
    batch of a number as (x, y) or (x, y, sample_weight). A training that stops within an epoch can
    go on (`fit(resume=True)`) with the same bits where `__getitem__` returns the same batch for the
    same number.

    Args:
        workers: threads that read batches ahead of the training. 0 and 1 mean none: each batch is
            read when it is due. The order of the batches is the same with any number of workers,
            but `__getitem__` is called by several threads at once.
        use_multiprocessing: taken for Keras's sake; the workers are threads all the same.
        max_queue_size: how many batches are kept that have been read and are not yet due.

    Example:
        >>> import numpy as np
        >>> class Rows(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         return np.full((2, 1), index), np.zeros((2, 1))
        >>> [x[0, 0].item() for x, y in Rows()]
        [0, 1, 2]
    """

    # For those that do not call super().__init__, which Keras 2 did not ask for.
    repeatable = True  # whether the same number gives the same batch again
    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = integer("workers", workers, 0)
        self.use_multiprocessing = bool(use_multiprocessing)
        self.max_queue_size = integer("max_queue_size", max_queue_size, 1)

    def __getitem__(self, index: int) -> Any:
        """Return the batch of this number."""
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__(index).")

    def __len__(self) -> int:
        """Return the number of batches."""
        raise NotImplementedError(f"{type(self).__name__} does not define __len__().")

    @property
    def num_batches(self) -> int:
        """The number of batches, as Keras 3 asks for it."""
        return len(self)

    def __iter__(self) -> Iterator[Any]:
        """Yield all batches once."""
        for index in range(count(self)):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before the batches of an epoch, an evaluation or a prediction are read."""

    def on_epoch_end(self) -> None:
        """Called when an epoch's batches have all been used."""


Sequence = PyDataset


def count(sequence: PyDataset) -> int:
    """Return how many batches there are, or raise where that is no number."""
    found = sequence.num_batches
    if found is None:
        raise DTypeError(
            f"{type(sequence).__name__} says that it has no end (num_batches is None). Return how "
            "many batches make an epoch, or give a generator and steps_per_epoch."
        )
    return integer(f"the number of batches of {type(sequence).__name__}", found, 0)
