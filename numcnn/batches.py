"""Where batches come from: arrays, a `Sequence`, a generator. training.py sees batches only.

Each source knows how many batches an epoch has, as far as that can be known, and reads the batches
of an epoch from a place in it onwards. For arrays and sequences the order of a pass over the data
is a function of the model's seed and the number of steps when the pass began, so that a training
goes on anywhere. With `steps_per_epoch` an epoch need not be a pass: the next epoch goes on where
the last one stopped, as in Keras. Where one comes to the end of arrays it is cut short, with a
warning, as in Keras 3. A sequence goes on from its beginning, as in Keras 2: many scripts say
steps_per_epoch=len(x) // batch_size, and with a sequence of one batch more Keras 3 trains on that
batch alone in every second epoch.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

from numcnn.rows import give_back, is_mapped, take
from numcnn.seeds import generator
from numcnn.utils.sequence import PyDataset, count

Array = np.ndarray[Any, Any]


class Batch(NamedTuple):
    """Samples, and where they are there targets and how much each sample counts."""

    x: Any  # an array, or what has a length and gives one for a slice
    y: Any = None
    weights: Array | None = None


class Place(NamedTuple):
    """Where in a training: what an epoch's order follows from."""

    seed: int = 0
    began: int = 0  # steps of the optimizer when the epoch began
    number: int = 0  # of epochs since the training began
    skip: int = 0  # batches of the epoch that are done


Look = Callable[[Any, str], Batch]  # looks at what was read and returns it as a batch


class Batches:
    """The base of all sources.

    Attributes:
        steps: batches in an epoch; None where only reading will tell.
        samples: how many there are; None where that is not known.
        batch_size: samples in a batch; None where the source makes batches as it likes.
        sample_shape: the shape of a sample; None where only reading will tell.
        sample: some samples to look at, without reading what cannot be read twice.
        repeatable: whether a place can be come back to.
        dry: whether there is nothing left to read, ever.
    """

    steps: int | None = None
    samples: int | None = None
    batch_size: int | None = None
    sample_shape: tuple[int, ...] | None = None
    repeatable = True
    dry = False

    def __init__(self) -> None:
        self._first: Batch | None = None
        self._rest: Iterator[Batch] | None = None

    def open(self, place: Place) -> int | None:
        """Read the first batch of an epoch; return its size, or None where there is none."""
        if self._rest is None:
            self._rest = self.read(place)
            self._first = next(self._rest, None)
        return None if self._first is None else len(self._first.x)

    def epoch(self, place: Place = Place()) -> Iterator[Batch]:  # noqa: B008 # it cannot change
        """Yield the batches of an epoch from a place in it."""
        self.open(place)
        first, rest = self._first, self._rest
        self._first = self._rest = None
        if first is None or rest is None:
            return
        with closing(rest):  # type: ignore[type-var] # a generator
            yield first
            yield from rest

    @property
    def sample(self) -> Any:
        """Samples to look at: those of the batch that is open, or None."""
        return None if self._first is None else self._first.x

    def read(self, place: Place) -> Iterator[Batch]:
        """Read the batches of an epoch from a place in it."""
        raise NotImplementedError

    def planned(self, number: int) -> int | None:
        """Return how many batches the epoch of this number has, as far as that is known."""
        return self.steps

    def end_epoch(self) -> None:
        """Hear that the batches of an epoch have been used."""

    def whole(self) -> list[Any] | None:
        """Return [x, y, weights] of all samples where they are arrays, else None."""
        return None

    def describe(self) -> str:
        """Return a text that tells these data from others."""
        raise NotImplementedError


class Passes(Batches):
    """What can be read again and again, at any batch: `total` batches to a pass.

    Args:
        total: batches in a pass over the data.
        steps: batches in an epoch; None means a pass.
        around: whether an epoch that comes to the end of the data goes on from their beginning;
            else it is cut short.
        shuffled: whether each pass is in an order of its own.
    """

    def __init__(self, total: int, steps: int | None, shuffled: bool, around: bool = False) -> None:
        super().__init__()
        self.total, self.given_steps = total, steps
        self.steps = total if steps is None else steps
        self.shuffled, self.around = shuffled, around

    def span(self, number: int) -> tuple[int, int]:
        """Return (the batch of its pass that an epoch begins with, how many batches it has)."""
        if self.given_steps is None:
            return 0, self.total
        if self.around:
            return number * self.given_steps % max(1, self.total), self.given_steps
        epochs = math.ceil(self.total / self.given_steps)  # to a pass
        start = number % max(1, epochs) * self.given_steps
        return start, min(self.given_steps, self.total - start)

    def planned(self, number: int) -> int:
        """Return how many batches the epoch of this number has."""
        return self.span(number)[1]

    def numbers(self, place: Place) -> Iterator[tuple[int, Array | None]]:
        """Yield the number in its pass, and the order of its pass, for each batch of an epoch."""
        start, n = self.span(place.number)
        order: Array | None = None
        for i in range(start + place.skip, start + n if self.total else start):
            at = i % self.total
            if self.shuffled and (order is None or at == 0):
                steps = place.began - start + i - at  # of the optimizer, when the pass began
                order = self.order(generator(place.seed, steps))
            yield at, order

    def order(self, rng: np.random.Generator) -> Array:
        """Return the order of a pass."""
        order = np.arange(self.total)
        rng.shuffle(order)
        return order


class ArrayBatches(Passes):
    """Batches cut from arrays.

    Args:
        x, y, weights: arrays with the same number of samples, x and y also `Rows`; y and weights
            may be None.
        shuffle: True for an order of the samples, 'batch' for one of the batches, or False.
        look: where given, looks at each batch.
        about: called for the description.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        weights: Array | None = None,
        *,
        batch_size: int,
        steps: int | None = None,
        shuffle: bool | str = False,
        look: Look | None = None,
        about: Callable[[], str] = str,
    ) -> None:
        super().__init__(math.ceil(len(x) / batch_size), steps, bool(shuffle))
        self.x, self.y, self.weights = x, y, weights
        self.samples, self.batch_size, self.shuffle = len(x), batch_size, shuffle
        self.sample_shape = x.shape[1:]
        self.look, self.about = look, about
        self.x_in_memory = isinstance(x, np.ndarray) and not is_mapped(x)
        self.in_memory = self.x_in_memory and not is_mapped(y)

    @property
    def sample(self) -> Any:
        """All samples, or those of a batch where not all are in memory."""
        return self.x[: len(self.x) if self.in_memory else self.batch_size]

    def whole(self) -> list[Any] | None:
        """Return [x, y, weights]; where there are no weights, ones."""
        weights = np.ones(len(self.x), np.float32) if self.weights is None else self.weights
        return [self.x, self.y, weights]

    def describe(self) -> str:
        """Return what `about` returns."""
        return self.about()

    def read(self, place: Place) -> Iterator[Batch]:
        """Read the batches of an epoch from a place in it."""
        for i, order in self.numbers(place):
            yield self.batch(i, order)
            if not self.in_memory:
                give_back(self.x)
                give_back(self.y)

    def order(self, rng: np.random.Generator) -> Array:
        """Return the order of the samples of a pass; with 'batch' that of its whole batches."""
        if self.shuffle != "batch":
            order = np.arange(len(self.x))
            rng.shuffle(order)
            return order
        starts = np.arange(0, len(self.x), self.batch_size)
        rng.shuffle(starts[: len(self.x) // (self.batch_size or 1)])  # a short one stays the last
        return starts

    def batch(self, i: int, order: Array | None) -> Batch:
        """Return batch i of a pass in this order."""
        size = self.batch_size or 1
        a = i * size
        if order is not None and self.shuffle != "batch":
            rows = order[a : a + size]
            x: Any = Chosen(self.x, rows) if self.x_in_memory else take(self.x, rows)
            part: Any = rows
        else:
            a = a if order is None else int(order[i])
            part = slice(a, min(a + size, len(self.x)))
            x = self.x[part]
        y = self.y
        if y is not None:
            y = y[part] if isinstance(part, slice) else take(y, part)
        weights = None if self.weights is None else self.weights[part]
        if self.look is None:
            return Batch(x, y, weights)
        return self.look((x if isinstance(x, np.ndarray) else x[:], y, weights), f"batch {i + 1}")


class SequenceBatches(Passes):
    """Batches that a `Sequence` makes.

    Args:
        sequence: what makes them.
        look: looks at each of them.
        workers, most: threads that read ahead, and how many batches they are ahead at most.
        steps, shuffled, around: see `Passes`.
    """

    def __init__(
        self,
        sequence: PyDataset,
        look: Look,
        *,
        steps: int | None = None,
        shuffled: bool = False,
        around: bool = False,
        workers: int = 1,
        most: int = 10,
    ) -> None:
        super().__init__(count(sequence), steps, shuffled, around)
        self.sequence, self.look = sequence, look
        self.repeatable = sequence.repeatable
        self.workers, self.most = workers, most

    def read(self, place: Place) -> Iterator[Batch]:
        """Read the batches of an epoch from a place in it."""
        self.sequence.on_epoch_begin()
        numbers = (i if order is None else int(order[i]) for i, order in self.numbers(place))
        for i, item in read_ahead(self.sequence, numbers, self.workers, self.most):
            yield self.look(item, f"batch {i} of the {type(self.sequence).__name__}")

    def end_epoch(self) -> None:
        """Tell the sequence."""
        self.sequence.on_epoch_end()

    def describe(self) -> str:
        """Return its class and length; its batches are not read for that."""
        text = f"{self.total} batches of a {type(self.sequence).__name__}"
        return text if self.given_steps is None else f"{text}, {self.given_steps} of them an epoch"


class StreamBatches(Batches):
    """Batches of a generator, or of something else that can only be read from front to back.

    Args:
        stream: a generator, or an iterable that begins anew for each epoch.
        look: looks at each batch.
        steps: batches in an epoch; None for all that come.
    """

    repeatable = False

    def __init__(self, stream: Iterable[Any], look: Look, steps: int | None = None) -> None:
        super().__init__()
        self.look, self.steps = look, steps
        self.stream = stream
        self.iterator: Iterator[Any] | None = iter(stream)
        self.begins_anew = self.iterator is not stream
        self.n_read = 0

    def read(self, place: Place) -> Iterator[Batch]:
        """Read the batches of the next epoch."""
        if self.iterator is None:
            self.iterator = iter(self.stream)
        done = 0
        while self.steps is None or done < self.steps:
            try:
                item = next(self.iterator)
            except StopIteration:
                self.iterator = None if self.begins_anew else self.iterator
                self.dry = not self.begins_anew
                return
            done += 1
            self.n_read += 1
            yield self.look(item, f"batch {self.n_read} of the generator")

    def describe(self) -> str:
        """Return that it cannot be described."""
        return "a generator"


def read_ahead(
    sequence: PyDataset, numbers: Iterable[int], workers: int, most: int
) -> Iterator[tuple[int, Any]]:
    """Yield (number, batch) in the order of the numbers, read by so many threads."""
    if workers < 2:
        for number in numbers:
            yield number, sequence[number]
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    waiting: deque[tuple[int, Future[Any]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for number in numbers:
                waiting.append((number, pool.submit(sequence.__getitem__, number)))
                if len(waiting) > most:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


class Chosen:
    """Some samples of an array, in an order of one's own: taken from it where they are needed.

    So an engine can take the pieces of a batch side by side.
    """

    def __init__(self, x: Array, rows: Array) -> None:
        self.x, self.rows = x, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> Array:
        """Return the samples of a part of the batch."""
        return self.x[self.rows[part]]
