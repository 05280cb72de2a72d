"""Batches of pictures that lie in files: `flow_from_directory` and `flow_from_dataframe`.

    datagen = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    train = datagen.flow_from_directory("data/train", target_size=(64, 64), class_mode="binary")
    model.fit(train, epochs=10)

Each folder in data/train is a class, in the order of their names. A file is read each time that its
picture is asked for, so the data may be larger than memory.
"""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import backend
from numcnn.errors import ShapeError, unknown_name
from numcnn.preprocessing.files import (
    COLORS,
    array_to_img,
    classes_in,
    height_and_width,
    listed,
    load_img,
)
from numcnn.preprocessing.flow import Iterator
from numcnn.preprocessing.pictures import img_to_array

if TYPE_CHECKING:
    from numcnn.preprocessing.generator import ImageDataGenerator

Array = np.ndarray[Any, Any]
CLASS_MODES = ("categorical", "binary", "sparse", "input", None)
SHOWN = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")  # Keras's own list


class FileIterator(Iterator):
    """The base: pictures named by their files, each read when it is due."""

    def __init__(
        self,
        image_data_generator: "ImageDataGenerator",
        filepaths: list[str],
        targets: Array | None,
        target_size: Any,
        color_mode: str,
        interpolation: str,
        keep_aspect_ratio: bool,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        saving: "Saving",
    ) -> None:
        self.image_data_generator = image_data_generator
        self.filepaths, self.targets = filepaths, targets
        self.target_size = height_and_width("target_size", target_size)
        if color_mode not in COLORS:
            raise unknown_name("color_mode", color_mode, COLORS)
        self.color_mode, self.interpolation = color_mode, interpolation
        self.keep_aspect_ratio = keep_aspect_ratio
        self.data_format = image_data_generator.data_format
        self.dtype = image_data_generator.dtype
        channels = (COLORS[color_mode],)
        last = self.data_format == "channels_last"
        self.image_shape = self.target_size + channels if last else channels + self.target_size
        self.samples = len(filepaths)
        self.saving = saving
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _drawn(self, rows: Array, rng: Any) -> Any:
        generator = self.image_data_generator
        if generator.preprocessing_function is not None and rng is np.random:
            return None  # it may draw from there too, picture by picture
        return [generator.draw(self.image_shape, rng) for _ in rows]

    def _picture(self, path: str) -> Array:
        image = load_img(
            path, self.color_mode, self.target_size, self.interpolation, self.keep_aspect_ratio
        )
        return img_to_array(image, self.data_format, self.dtype)

    def _batch(self, rows: Array, changes: Any) -> Any:
        generator = self.image_data_generator
        x = np.zeros((len(rows), *self.image_shape), self.dtype)
        for i, row in enumerate(rows):
            image = self._picture(self.filepaths[row])
            change = generator.draw(image.shape, np.random) if changes is None else changes[i]
            image = generator.standardize(generator.apply_transform(image, change))
            if image.shape != self.image_shape:
                raise ShapeError(
                    "preprocessing_function must return an image of shape "
                    f"{self.image_shape}, got {image.shape}."
                )
            x[i] = image
        self.saving.write(x, rows, self.data_format)
        if self.class_mode == "input":
            return x, x.copy()
        return x if self.targets is None else (x, self.targets[rows])

    class_mode: Any = None


class DirectoryIterator(FileIterator):
    """Batches of the pictures in a folder of folders: see `ImageDataGenerator`."""

    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: "ImageDataGenerator",
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        saving: "Saving | None" = None,
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> None:
        if class_mode not in CLASS_MODES:
            raise unknown_name("class_mode", class_mode, [str(mode) for mode in CLASS_MODES])
        self.directory, self.class_mode, self.subset = directory, class_mode, subset
        names = list(classes) if classes else classes_in(directory)
        self.num_classes = len(names)
        self.class_indices = {name: i for i, name in enumerate(names)}
        self.filenames: list[str] = []
        numbers: list[int] = []
        for i, name in enumerate(names):
            found = listed(os.path.join(directory, name), SHOWN, follow_links)
            found = found[slice(*image_data_generator.bounds(subset, len(found)))]
            self.filenames += [os.path.join(name, file) for file in found]
            numbers += [i] * len(found)
        self.classes = np.array(numbers, "int32")
        print(f"Found {len(numbers)} images belonging to {len(names)} classes.")
        super().__init__(
            image_data_generator,
            [os.path.join(directory, name) for name in self.filenames],
            as_targets(self.classes, class_mode, self.num_classes),
            target_size, color_mode, interpolation, keep_aspect_ratio,
            batch_size, shuffle, seed, saving or Saving(),
        )  # fmt: skip

    @property
    def labels(self) -> Array:
        """The class of each picture."""
        return self.classes


class DataFrameIterator(FileIterator):
    """Batches of pictures that a table names: see `ImageDataGenerator.flow_from_dataframe`."""

    def __init__(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None,
        image_data_generator: "ImageDataGenerator",
        x_col: str = "filename",
        y_col: Any = "class",
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        saving: "Saving | None" = None,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        validate_filenames: bool = True,
    ) -> None:
        modes = (*CLASS_MODES, "raw")
        class_mode = "raw" if class_mode == "other" else class_mode  # its name before 2.2.5
        if class_mode not in modes:
            raise unknown_name("class_mode", class_mode, [str(mode) for mode in modes])
        self.directory, self.class_mode, self.subset = directory, class_mode, subset
        names = [str(name) for name in _column(dataframe, x_col)]
        paths = [os.path.join(directory or "", name) for name in names]
        kept = [i for i, path in enumerate(paths) if not validate_filenames or _is_picture(path)]
        if len(kept) < len(paths):
            print(f"{len(paths) - len(kept)} of {len(paths)} files are no pictures, left out.")
        labels: list[Any] = []
        named = class_mode in ("categorical", "binary", "sparse")
        if named:
            column = list(_column(dataframe, y_col))
            known = list(classes) if classes else sorted({column[i] for i in kept})
            self.class_indices = {name: i for i, name in enumerate(known)}
            self.num_classes = len(known)
            kept = [i for i in kept if column[i] in self.class_indices]
            labels = [self.class_indices[column[i]] for i in kept]
        kept_slice = slice(*image_data_generator.bounds(subset, len(kept)))
        kept, labels = kept[kept_slice], labels[kept_slice]
        self.filenames = [names[i] for i in kept]
        self.classes = np.array(labels, "int32")
        targets = as_targets(self.classes, class_mode, len(getattr(self, "class_indices", ())))
        if class_mode == "raw":
            columns = [y_col] if isinstance(y_col, str) else list(y_col)
            targets = np.stack([np.asarray(list(dataframe[c]))[kept] for c in columns], axis=1)
            targets = targets[:, 0] if isinstance(y_col, str) else targets
        belonging = f" belonging to {self.num_classes} classes" if named else ""
        print(f"Found {len(kept)} validated image filenames{belonging}.")
        super().__init__(
            image_data_generator, [paths[i] for i in kept], targets,
            target_size, color_mode, interpolation, keep_aspect_ratio,
            batch_size, shuffle, seed, saving or Saving(),
        )  # fmt: skip


def _column(dataframe: Any, name: Any) -> Any:
    try:
        return dataframe[name]
    except (LookupError, TypeError, ValueError):
        columns = list(
            getattr(dataframe, "columns", dataframe if isinstance(dataframe, dict) else [])
        )
        raise ValueError(f"dataframe has no column {name!r}; it has {columns}.") from None


def _is_picture(path: str) -> bool:
    return path.lower().endswith(SHOWN) and os.path.isfile(path)


def as_targets(classes: Array, class_mode: str | None, n_classes: int) -> Array | None:
    """Return class numbers as a training needs them.

    >>> as_targets(np.array([0, 1]), "categorical", 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if class_mode == "categorical":
        return (classes[:, None] == np.arange(n_classes)).astype(backend.floatx())
    return classes.astype(backend.floatx()) if class_mode in ("binary", "sparse") else None


class Saving:
    """Where the changed pictures are written to, if anywhere, to look at them."""

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, prefix: str = "", form: str = "png"
    ) -> None:
        self.folder, self.prefix, self.form = folder, prefix, form

    def write(self, x: Array, rows: Array, data_format: str, most: int = 10_000_000) -> None:
        """Write the pictures of a batch; the number in their names is drawn as Keras draws it."""
        if self.folder is None:
            return
        for image, row in zip(x, rows, strict=True):
            name = f"{self.prefix}_{row}_{np.random.randint(most)}.{self.form}"
            picture = array_to_img(image, data_format)
            if picture.mode == "RGBA" and self.form in ("jpg", "jpeg"):
                picture = picture.convert("RGB")
            picture.save(os.path.join(self.folder, name))
