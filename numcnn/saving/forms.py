"""The forms of file: which one a name asks for, and which one a file's content is."""

import os
import zipfile
from pathlib import PurePath

from numcnn.errors import ModelFileError

NPZ, KERAS, HDF5, SAFETENSORS = "npz", "keras", "hdf5", "safetensors"
SUFFIXES = {
    ".npz": NPZ, ".keras": KERAS, ".h5": HDF5, ".hdf5": HDF5, ".safetensors": SAFETENSORS,
}  # fmt: skip
MODELS = (".npz", ".keras", ".h5", ".hdf5")
WEIGHTS = (".npz", ".weights.h5", ".h5", ".hdf5", ".safetensors")
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def by_name(path: str | os.PathLike[str], what: str, allowed: tuple[str, ...]) -> str:
    """Return the form that a new file's name asks for.

    >>> by_name("best.weights.h5", "weights", WEIGHTS)
    'hdf5'

    Raises:
        ValueError: it asks for none.
    """
    suffix = PurePath(path).suffix
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
    with open(path, "rb") as file:
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
