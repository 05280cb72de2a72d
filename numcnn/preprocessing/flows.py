"""Where an ImageDataGenerator takes images from: an array, a folder of folders, a table."""

import os
from typing import TYPE_CHECKING, Any, cast

from numcnn.errors import unknown_name
from numcnn.preprocessing.flow import NumpyArrayIterator
from numcnn.preprocessing.from_files import DataFrameIterator, DirectoryIterator, Saving

if TYPE_CHECKING:
    from numcnn.preprocessing.generator import ImageDataGenerator


class Flows:
    """`flow`, `flow_from_directory` and `flow_from_dataframe`."""

    data_format: str
    dtype: str
    validation_split: float

    @property
    def _own(self) -> "ImageDataGenerator":
        return cast("ImageDataGenerator", self)

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Return the batches of images: a `Sequence`, which is also a generator without an end.

        Args:
            x: (N, H, W, C), or (N, C, H, W) with 'channels_first'; also what is read by slices.
            y: the targets; without them the batches are x alone.
            batch_size: images in a batch.
            shuffle: whether each epoch has an order of its own.
            sample_weight: (N,); with them the batches are (x, y, sample_weight).
            seed: where the random numbers begin; None for NumPy's global generator.
            save_to_dir: a folder to which each changed image is written, to look at it.
            save_prefix: how the names of these files begin.
            save_format: 'png', 'jpeg' and others.
            ignore_class_split: whether both subsets may have other classes.
            subset: 'training' or 'validation', where there is a validation_split.
        """
        return NumpyArrayIterator(
            x, y, self._own, batch_size, shuffle, sample_weight, seed, self.data_format,
            subset=subset, ignore_class_split=ignore_class_split, dtype=self.dtype,
            saving=Saving(save_to_dir, save_prefix, save_format),
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Return batches of the pictures in a folder, which has one folder for each class.

        Args:
            directory: the folder.
            target_size: (height, width) to which each picture is resized.
            color_mode: 'rgb', 'rgba' or 'grayscale'.
            classes: the names of the folders, where not all of them, or in another order.
            class_mode: the targets: 'categorical' one-hot rows, 'binary' and 'sparse' class
                numbers, 'input' the pictures themselves, None no targets.
            follow_links: whether links to folders are followed.
            interpolation: how pictures are resized; see `load_img`.
            keep_aspect_ratio: see `load_img`.
            batch_size: see `flow`.
            shuffle: see `flow`.
            seed: see `flow`.
            save_to_dir: see `flow`.
            save_prefix: see `flow`.
            save_format: see `flow`.
            subset: see `flow`; of each class the share from the beginning is for validation.

        Raises:
            FileNotFoundError: there is no such folder. DataFileError: a file is no picture.
        """
        return DirectoryIterator(
            directory, self._own, target_size, color_mode, classes, class_mode, batch_size,
            shuffle, seed, Saving(save_to_dir, save_prefix, save_format), follow_links, subset,
            interpolation, keep_aspect_ratio,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: None = None,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
    ) -> DataFrameIterator:
        """Return batches of the pictures that a table names, in a column of file names.

        Args:
            dataframe: a table of pandas, or anything that gives a column for its name.
            directory: where the files are, if their names do not say it.
            x_col: the column of file names.
            y_col: the column of classes; with class_mode='raw' the column, or the list of columns,
                of targets as they are.
            weight_col: None; weights are not taken from tables.
            class_mode: see `flow_from_directory`; here also 'raw'.
            validate_filenames: whether files that are not there are left out, and counted.
            target_size: see `flow_from_directory`.
            color_mode: see `flow_from_directory`.
            classes: see `flow_from_directory`.
            interpolation: see `flow_from_directory`.
            batch_size: see `flow`.
            shuffle: see `flow`.
            seed: see `flow`.
            save_to_dir: see `flow`.
            save_prefix: see `flow`.
            save_format: see `flow`.
            subset: see `flow`.
        """
        if weight_col is not None:
            raise NotImplementedError(
                "weight_col must be None. Give fit class_weight, or a Sequence of "
                "(x, y, sample_weight)."
            )
        return DataFrameIterator(
            dataframe, directory, self._own, x_col, y_col, target_size, color_mode, classes,
            class_mode, batch_size, shuffle, seed, Saving(save_to_dir, save_prefix, save_format),
            subset, interpolation, validate_filenames=validate_filenames,
        )  # fmt: skip

    def bounds(self, subset: str | None, n: int) -> tuple[int, int]:
        """Return where, among n files of a class, those of a subset begin and end."""
        if subset not in (None, "training", "validation"):
            raise unknown_name("subset", subset, ["training", "validation"])
        if subset is None:
            return 0, n
        if not self.validation_split:
            raise ValueError(f"subset={subset!r} needs ImageDataGenerator(validation_split=...).")
        at = int(self.validation_split * n)
        return (0, at) if subset == "validation" else (at, n)
