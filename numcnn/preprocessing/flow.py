"""The batches that ImageDataGenerator.flow returns.

They are a `Sequence` for fit, and a generator without an end for a loop of one's own. Each time a
batch is asked for its images are changed anew: which changes they are follows from the seed and
from how many batches were asked for before, so a training on them cannot be resumed within itself.
"""

import threading
from collections.abc import Iterator as Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import backend
from numcnn.data import as_array, as_rows, check_lengths, integer
from numcnn.errors import DTypeError, ShapeError, unknown_name
from numcnn.rows import part, take
from numcnn.seeds import check_seed
from numcnn.utils.sequence import PyDataset

if TYPE_CHECKING:
    from numcnn.preprocessing.from_files import Saving
    from numcnn.preprocessing.generator import ImageDataGenerator

Array = np.ndarray[Any, Any]


class Iterator(PyDataset):
    """Numbers of samples in batches, in an order of its own for each epoch.

    Args:
        n: how many samples.
        batch_size: in a batch.
        shuffle: whether each epoch has an order of its own.
        seed: where the random numbers begin; None for NumPy's global generator.
        **kwargs: those of `PyDataset`.
    """

    repeatable = False

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n, self.batch_size = n, integer("batch_size", batch_size, 1)
        self.shuffle, self.seed = bool(shuffle), check_seed(seed)
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: Array | None = None
        self._rng: Any = np.random

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Return a batch of the epoch, changed anew."""
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches, got index {index}.")
        with self.lock:
            rng = self._next_rng()
            if self.index_array is None:
                self._set_index_array()
            rows, changes = self._chosen(index), None
            changes = self._drawn(rows, rng)
        return self._batch(rows, changes)

    def __iter__(self) -> Iterable[Any]:
        """Return itself: batches without an end."""
        return self

    def __next__(self) -> Any:
        """Return the next batch; after the last the next epoch begins."""
        with self.lock:
            rng = self._next_rng()
            if self.batch_index == 0 or self.index_array is None:
                self._set_index_array()
            rows = self._chosen(self.batch_index)
            self.batch_index = (self.batch_index + 1) % max(1, len(self))
            changes = self._drawn(rows, rng)
        return self._batch(rows, changes)

    next = __next__

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self._set_index_array()

    def reset(self) -> None:
        """Begin an epoch with the next batch."""
        self.batch_index = 0

    def _next_rng(self) -> Any:
        if self.seed is not None:
            self._rng = np.random.RandomState(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1
        return self._rng

    def _set_index_array(self) -> None:
        self.index_array = self._rng.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _chosen(self, index: int) -> Array:
        if self.index_array is None:
            raise RuntimeError("the order comes before the batch")
        return self.index_array[index * self.batch_size : (index + 1) * self.batch_size]

    def _drawn(self, rows: Array, rng: Any) -> Any:
        """Return what is to be done to these samples."""
        raise NotImplementedError

    def _batch(self, rows: Array, changes: Any) -> Any:
        """Return these samples with that done to them."""
        raise NotImplementedError


class NumpyArrayIterator(Iterator):
    """Batches of the images of an array, changed at random: see `ImageDataGenerator.flow`."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: "ImageDataGenerator",
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: str | None = None,
        saving: "Saving | None" = None,
    ) -> None:
        if isinstance(x, tuple):
            raise DTypeError("x must be one array of images, got a tuple: a model has one input.")
        self.generator = image_data_generator
        self.saving = saving
        self.data_format = data_format or backend.image_data_format()
        self.dtype = dtype or backend.floatx()
        images = as_rows("x", x)
        if images.ndim != 4:
            raise ShapeError(f"x must be images (N, H, W, C), got shape {images.shape}.")
        if len(images) == 0:
            raise ValueError("x has no images.")
        targets = None if y is None else as_array("y", y)
        weights = None if sample_weight is None else as_array("sample_weight", sample_weight)
        if weights is not None and targets is None:
            raise ValueError("sample_weight needs y: the batches are (x, y, sample_weight).")
        for name, other in (("y", targets), ("sample_weight", weights)):
            if other is not None:
                check_lengths(images, other, f"x and {name}")
        if subset is not None:
            at = self._split(subset, len(images), targets, ignore_class_split)
            a, b = (0, at) if subset == "validation" else (at, len(images))
            images = part(images, a, b)
            targets = None if targets is None else targets[a:b]
            weights = None if weights is None else weights[a:b]
        self.x, self.y, self.sample_weight = images, targets, weights
        super().__init__(len(images), batch_size, shuffle, seed)

    def _split(self, subset: str, n: int, y: Array | None, ignore_class_split: bool) -> int:
        """Return where the training data begin."""
        if subset not in ("training", "validation"):
            raise unknown_name("subset", subset, ["training", "validation"])
        share = self.generator.validation_split
        at = int(n * share)
        if not 0 < at < n:
            raise ValueError(
                f"subset={subset!r} needs ImageDataGenerator(validation_split=...) that leaves "
                f"images for both; validation_split={share} of {n} images is {at}."
            )
        if y is not None and not ignore_class_split:
            if not np.array_equal(np.unique(y[:at]), np.unique(y[at:])):
                raise ValueError(
                    "Training and validation would have different classes. Shuffle the data first, "
                    "or pass ignore_class_split=True."
                )
        return at

    def _drawn(self, rows: Array, rng: Any) -> Any:
        if self.generator.preprocessing_function is not None and rng is np.random:
            return None  # it may draw from there too, image by image
        return [self.generator.draw(self.x.shape[1:], rng) for _ in rows]

    def _batch(self, rows: Array, changes: Any) -> Any:
        images = np.asarray(take(self.x, rows)).astype(self.dtype)
        generator = self.generator
        done: Any = images if changes is None else generator.apply(images, changes)
        for i in range(len(rows)):
            image = generator.random_transform(done[i]) if changes is None else done[i]
            images[i] = self._same_shape(generator.standardize(image), image.shape)
        if self.saving is not None:
            self.saving.write(images, rows, self.data_format, 10_000)
        if self.y is None:
            return images
        if self.sample_weight is None:
            return images, self.y[rows]
        return images, self.y[rows], self.sample_weight[rows]

    def _same_shape(self, found: Any, shape: Any) -> Any:
        if np.shape(found) != shape:
            raise ShapeError(
                f"preprocessing_function must return an image of shape {shape}, got "
                f"{np.shape(found)}."
            )
        return found
