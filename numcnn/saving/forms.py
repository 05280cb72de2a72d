"""The forms of file: which one a name asks for, and which one a file's content is."""

import os
import warnings
import zipfile
from pathlib import PurePath
from typing import Any

from numcnn.errors import ModelFileError, unknown_name
from numcnn.files import open_regular

NPZ, KERAS, HDF5, SAFETENSORS = "npz", "keras", "hdf5", "safetensors"
SUFFIXES = {
    ".npz": NPZ, ".keras": KERAS, ".h5": HDF5, ".hdf5": HDF5, ".safetensors": SAFETENSORS,
}  # fmt: skip
MODELS = (".npz", ".keras", ".h5", ".hdf5")
WEIGHTS = (".npz", ".weights.h5", ".h5", ".hdf5", ".safetensors")
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


SAYS_NOTHING = ("", ".model", ".ckpt", ".hd5", ".hdf", ".h5py", ".weights")
# Keras's save_format, and the form; None: the one that the name asks for.
SAVE_FORMATS = {None: None, "h5": HDF5, "hdf5": HDF5, "keras": KERAS}


def by_save_format(path: str | os.PathLike[str], save_format: Any) -> str | None:
    """Return the form of a new model file where Keras's argument says it, else None.

    >>> by_save_format("mnist", "h5"), by_save_format("mnist.npz", None)
    ('hdf5', None)

    Raises:
        ValueError: save_format is none that there is.
    """
    if save_format == "tf":
        raise ValueError(
            "save_format='tf': TensorFlow's SavedModel is not here. Leave save_format out and "
            f"write {os.fspath(PurePath(path).with_suffix('.keras'))!r}, Keras's own form."
        )
    if save_format not in SAVE_FORMATS:
        raise unknown_name("save_format", save_format, [str(name) for name in SAVE_FORMATS])
    return SAVE_FORMATS[save_format]


def by_name(path: str | os.PathLike[str], what: str, allowed: tuple[str, ...]) -> str:
    """Return the form that a new file's name asks for.

    Keras 2 wrote HDF5 whatever the name was, `mnist.model` or none at all. So it is here, with a
    warning, unless the name ends as the files of other programs do.

    >>> by_name("best.weights.h5", "weights", WEIGHTS)
    'hdf5'

    Raises:
        ValueError: it asks for none.
    """
    suffix = PurePath(path).suffix
    if suffix in SAYS_NOTHING or suffix[1:2].isdigit():
        warnings.warn(
            f"{os.fspath(path)!r} does not say in which form to save, so it is HDF5, as Keras 2 "
            "wrote it whatever the name. A name that ends in .h5 or .npz says it.",
            stacklevel=4,
        )
        return HDF5
    if suffix not in [PurePath(f"a{name}").suffix for name in allowed]:
        raise ValueError(
            f"numcnn saves {what} as {', '.join(allowed)} files: write "
            f"{os.fspath(PurePath(path).with_suffix('.npz'))!r}, for example, instead of "
            f"{os.fspath(path)!r}."
        )
    return SUFFIXES[suffix]


def by_content(path: str | os.PathLike[str]) -> str:
    """Return the form that a file has, whatever its name is.

    Raises:
        ModelFileError: it has none of them. OSError: it cannot be read.
    """
    with open_regular(path) as file:
        head = file.read(9)
        size = os.fstat(file.fileno()).st_size
    if head[:8] == HDF5_SIGNATURE:
        return HDF5
    if head[:2] == b"PK":
        try:
            with zipfile.ZipFile(path) as archive:
                return KERAS if "config.json" in archive.namelist() else NPZ
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            return NPZ  # whose reader says what is wrong
    if head[8:] == b"{" and int.from_bytes(head[:8], "little") <= size:
        return SAFETENSORS
    if not head:
        raise ModelFileError(f"{os.fspath(path)} is empty.")
    return NPZ
