"""`image_dataset_from_directory`: Keras 3's way to pictures in a folder of folders.

What it returns is a `Sequence`, so fit, evaluate and predict take it; and it has those methods of
TensorFlow's data sets that programs for Keras call on it: cache, prefetch, shuffle, map, take and
skip. A batch is an array, which also has the `numpy()` of a tensor.
"""

import copy
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn import backend
from numcnn.data import integer
from numcnn.errors import DTypeError, unknown_name
from numcnn.preprocessing.files import COLORS, classes_in, height_and_width, listed, load_img
from numcnn.seeds import check_seed
from numcnn.utils.sequence import PyDataset

Array = np.ndarray[Any, Any]
SHOWN = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # Keras's own list
LABEL_MODES = ("int", "categorical", "binary", None)
INTERPOLATIONS = ("bilinear", "nearest")


class Pixels(np.ndarray[Any, Any]):
    """An array that answers to a tensor's `numpy()` too."""

    def numpy(self) -> Array:
        """Return the plain array."""
        return np.asarray(self)


class PictureDataset(PyDataset):
    """Batches of pictures that lie in files.

    Attributes:
        class_names: the names of the classes, in the order of their numbers.
        file_paths: the files, in the order of an epoch that is not shuffled.
    """

    def __init__(
        self,
        file_paths: list[str],
        labels: Array | None,
        class_names: list[str] | None,
        read: Callable[[str], Array],
        batch_size: int,
        rng: np.random.RandomState | None,
    ) -> None:
        super().__init__()
        self.file_paths, self.class_names = file_paths, class_names
        self._labels, self._read = labels, read
        self._batch_size = batch_size
        self._rng = rng  # None: no shuffling
        self._order = np.arange(len(file_paths))
        self._range = range(-(-len(file_paths) // batch_size))
        self._functions: tuple[Callable[..., Any], ...] = ()
        self._kept: dict[int, Array] | None = None
        self.repeatable = rng is None
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._range)

    def __getitem__(self, index: int) -> Any:
        """Return a batch: pictures, or (pictures, labels)."""
        first = self._range[index] * self._batch_size
        rows = self._order[first : first + self._batch_size]
        batch: Any = np.stack([self._picture(row) for row in rows]).view(Pixels)
        if self._labels is not None:
            batch = batch, self._labels[rows].view(Pixels)
        for function in self._functions:
            batch = function(*batch) if isinstance(batch, tuple) else function(batch)
        return batch

    def _picture(self, row: int) -> Array:
        if self._kept is None:
            return self._read(self.file_paths[row])
        if row not in self._kept:
            self._kept[row] = self._read(self.file_paths[row])
        return self._kept[row]

    def __iter__(self) -> Any:
        """Yield the batches of an epoch, and shuffle for the next one."""
        yield from super().__iter__()
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Shuffle the files for the next epoch, where they are to be."""
        if self._rng is not None:
            self._order = self._rng.permutation(len(self.file_paths))

    # ---- what programs call on TensorFlow's data sets ---------------------------------------

    def cache(self) -> "PictureDataset":
        """Return the same data; pictures stay in memory once they have been read."""
        found = copy.copy(self)
        found._kept = {}
        return found

    def prefetch(self, buffer_size: Any = None) -> "PictureDataset":
        """Return the same data: fit(workers=...) reads ahead, where that is wanted."""
        return self

    def shuffle(self, buffer_size: int, seed: int | None = None, **kwargs: Any) -> "PictureDataset":
        """Return the same data, shuffled for each epoch, all of it."""
        found = copy.copy(self)
        found._rng, found.repeatable = np.random.RandomState(_seed(seed)), False
        found.on_epoch_end()
        return found

    def map(self, map_func: Callable[..., Any], *args: Any, **kwargs: Any) -> "PictureDataset":
        """Return the data with a function of (pictures, labels) applied to each batch."""
        found = copy.copy(self)
        found._functions = (*self._functions, map_func)
        return found

    def take(self, count: int) -> "PictureDataset":
        """Return the first batches; -1 means all."""
        found = copy.copy(self)
        found._range = self._range if count < 0 else self._range[:count]
        return found

    def skip(self, count: int) -> "PictureDataset":
        """Return all batches but the first."""
        found = copy.copy(self)
        found._range = self._range[max(0, count) :]
        return found

    def cardinality(self) -> int:
        """Return the number of batches."""
        return len(self)

    def as_numpy_iterator(self) -> "Epoch":
        """Return the batches of an epoch one by one, by `next(found)` or `found.next()`."""
        return Epoch(self)


class Epoch:
    """The batches of an epoch, with Python 2's `next` beside today's."""

    def __init__(self, data: PictureDataset) -> None:
        self._batches = iter(data)

    def __iter__(self) -> "Epoch":
        return self

    def __next__(self) -> Any:
        return next(self._batches)

    next = __next__


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
) -> Any:
    """Return batches of the pictures in a folder, which has one folder for each class.

    Args:
        directory: the folder.
        labels: 'inferred' from the folders, a list of class numbers in the order of the files'
            names, or None for pictures alone.
        label_mode: 'int' class numbers, 'categorical' one-hot rows, 'binary' a column of 0 and 1,
            None no labels.
        class_names: the folders, where not all of them, or in another order.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        batch_size: pictures in a batch.
        image_size: (height, width) to which each picture is resized.
        shuffle: whether each epoch has an order of its own.
        seed: where its random numbers begin; it also says which files a subset has.
        validation_split: the share of the files that validation has.
        subset: 'training', 'validation', or 'both' for two data sets.
        interpolation: 'bilinear', between the four nearest pixels, or 'nearest'.
        follow_links: whether links to folders are followed.
        crop_to_aspect_ratio: whether what is too wide or too high is cut off, not squeezed.
        data_format: 'channels_last' or 'channels_first'; by default the backend's.
        verbose: whether it is printed how many files there are.

    Returns:
        A `PictureDataset`, with 'both' two of them. Its pictures are float32, from 0 to 255.

    Raises:
        ValueError: an argument is not one of these. FileNotFoundError: there is no such folder, or
        no picture in it. DataFileError, where a batch is read: a file is no picture.

    Note:
        A seed gives the subsets and the classes that it gives in Keras, not the order of each
        epoch. Pillow decodes JPEG files; those of TensorFlow differ by a few of 255 levels.
    """
    if label_mode not in LABEL_MODES:
        raise unknown_name("label_mode", label_mode, [str(mode) for mode in LABEL_MODES])
    if color_mode not in COLORS:
        raise unknown_name("color_mode", color_mode, COLORS)
    if interpolation not in INTERPOLATIONS:
        raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
    if batch_size is None:
        raise ValueError("batch_size must be a number: numcnn reads pictures in batches.")
    batch_size = integer("batch_size", batch_size, 1)
    size = height_and_width("image_size", image_size)
    _check_split(validation_split, subset, shuffle, seed)
    seed = _seed(seed)
    paths, numbers, names = _indexed(directory, labels, class_names, follow_links)
    targets = None if numbers is None or label_mode is None else numbers
    if verbose:
        of = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(paths)} files{of}.")
    if label_mode == "binary" and targets is not None and len(names or ()) != 2:
        raise ValueError(f"label_mode='binary' needs two classes, there are {names}.")
    if shuffle:
        for list_ in (paths, targets):
            if list_ is not None:  # each with the same numbers, so that they stay together
                np.random.RandomState(seed).shuffle(list_)
    format_ = data_format or backend.image_data_format()

    def read(path: str) -> Array:
        x = np.asarray(load_img(path, color_mode), np.float32)
        x = resized(x.reshape(*x.shape[:2], -1), size, interpolation, crop_to_aspect_ratio)
        return x if format_ == "channels_last" else x.transpose(2, 0, 1)

    found = []
    held_out = int((validation_split or 0) * len(paths))
    at = len(paths) - held_out
    for which in ("training", "validation") if subset == "both" else (subset,):
        part = {"training": slice(at), "validation": slice(at, None), None: slice(None)}[which]
        if which is not None and verbose:
            print(f"Using {len(paths[part])} files for {which}.")
        if not paths[part]:
            raise FileNotFoundError(
                f"{os.fspath(directory)}: no pictures{f' for {which}' if which else ''}. Their "
                f"names must end in {', '.join(SHOWN)}."
            )
        y = None if targets is None else _as_labels(targets[part], label_mode, len(names or ()))
        shuffled = shuffle and not (subset == "both" and which == "validation")
        rng = np.random.RandomState(seed) if shuffled else None
        found.append(PictureDataset(paths[part], y, names, read, batch_size, rng))
    return found if subset == "both" else found[0]


def _seed(seed: int | None) -> int:
    return int(np.random.randint(10**6)) if seed is None else int(check_seed(seed) or 0)


def _check_split(share: Any, subset: Any, shuffle: bool, seed: Any) -> None:
    if subset not in (None, "training", "validation", "both"):
        raise unknown_name("subset", subset, ["training", "validation", "both"])
    if bool(share) != bool(subset):
        raise ValueError("validation_split and subset belong together: give both or neither.")
    if share and not 0 < share < 1:
        raise ValueError(f"validation_split must lie between 0 and 1, got {share!r}.")
    if share and shuffle and seed is None and subset != "both":
        raise ValueError(
            "validation_split needs a seed, the same for both subsets, so that no picture is in "
            "both; or shuffle=False, or subset='both'."
        )


def _indexed(
    directory: Any, labels: Any, class_names: list[str] | None, follow_links: bool
) -> tuple[list[str], Array | None, list[str] | None]:
    """Return the files, the number of each one's class, and the classes."""
    if labels == "inferred":
        there = [name for name in classes_in(directory) if not name.startswith(".")]
        names = list(class_names or there)
        if not set(names) <= set(there):
            raise ValueError(f"class_names must be folders, which are {there}, got {class_names}.")
        paths: list[str] = []
        numbers: list[int] = []
        for i, folder in enumerate(os.path.join(directory, name) for name in names):
            files = listed(folder, SHOWN, follow_links)
            paths += [os.path.join(folder, file) for file in files]
            numbers += [i] * len(files)
        return paths, np.array(numbers, "int32"), names
    if class_names is not None:
        raise ValueError("class_names needs labels='inferred'.")
    classes_in(directory)  # for its error
    paths = [os.path.join(directory, file) for file in listed(directory, SHOWN, follow_links)]
    if labels is None:
        return paths, None, None
    if not isinstance(labels, (list, tuple, np.ndarray)):
        raise DTypeError(f"labels must be 'inferred', None or a list of numbers, got {labels!r}.")
    if len(labels) != len(paths):
        raise ValueError(f"There are {len(labels)} labels for {len(paths)} files.")
    return paths, np.array(labels, "int32"), [str(label) for label in sorted(set(labels))]


def _as_labels(numbers: Array, label_mode: str | None, n_classes: int) -> Array:
    if label_mode == "categorical":
        return (numbers[:, None] == np.arange(n_classes)).astype("float32")
    return numbers[:, None].astype("float32") if label_mode == "binary" else numbers


def resized(x: Array, size: tuple[int, int], interpolation: str, crop: bool = False) -> Array:
    """Return a picture (H, W, C) with another height and width, as tf.image.resize does.

    Math:
        The middle of pixel i of n' lies at (i + 1/2) n / n' - 1/2 of n; its value is that of the
        two pixels around, weighted by nearness, in both directions. Where n' is smaller than n no
        mean over more of them is taken.

    Example:
        >>> resized(np.array([[[0.0], [1.0]]], "float32"), (1, 4), "bilinear").ravel().tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    if crop:
        h, w = x.shape[:2]
        inner_h, inner_w = min(h, w * size[0] // size[1]), min(w, h * size[1] // size[0])
        top, left = (h - inner_h) // 2, (w - inner_w) // 2
        x = x[top : top + inner_h, left : left + inner_w]
    if x.shape[:2] == size:
        return x
    for axis, n in enumerate(size):
        x = _along(np.moveaxis(x, axis, 0), n, interpolation)
        x = np.moveaxis(x, 0, axis)
    return np.ascontiguousarray(x)


def _along(x: Array, n: int, interpolation: str) -> Array:
    """Resize the first axis."""
    scale = np.float32(len(x) / n)
    middles = (np.arange(n, dtype=np.float32) + np.float32(0.5)) * scale
    if interpolation == "nearest":
        return x[np.minimum(middles.astype(np.intp), len(x) - 1)]
    places = middles - np.float32(0.5)
    below = np.floor(places)
    share = (places - below)[:, None, None]
    low = np.maximum(below.astype(np.intp), 0)
    high = np.minimum(np.ceil(places).astype(np.intp), len(x) - 1)
    return x[low] + (x[high] - x[low]) * share
