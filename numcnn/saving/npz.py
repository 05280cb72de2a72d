"""numcnn's own file: `.npz`, readable by `np.load(path, allow_pickle=False)`, never a pickle.

The file is a zip of uncompressed `.npy` members, as `np.savez` writes it. The member `model` is the
description, JSON in UTF-8, as an array of bytes; it lists the other members, so that none can be
lost unseen. They are the arrays of `numcnn.saving.description`, by the names that they have there.

Two forms were open. All weights could stand in one flat array beside a table of offsets, which is
quick to map into memory; or each in a member with a name. Named members can be read by anyone with
NumPy and no numcnn, and the zip brings a checksum for each; so it is named members.

Reading trusts nothing: members are uncompressed and a header that promises more than its member
holds is refused, so nothing grows beyond the file's own size.
"""

import json
import math
import os
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from numcnn.errors import ModelFileError
from numcnn.files import atomic_write, check_writable
from numcnn.saving.description import one_line

Array = np.ndarray[Any, Any]
FORMAT = "numcnn model"
VERSION = 2
READS = (1, 2)  # 1 knew no training
MAX_CONFIG_BYTES = 2**20
MAX_HEADER_BYTES = 4096
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def write(
    path: str | os.PathLike[str], description: dict[str, Any], arrays: dict[str, Array]
) -> None:
    """Write a description and arrays, atomically."""
    if Path(path).suffix != ".npz":
        raise ValueError(
            f"numcnn saves models as .npz files, not HDF5 or others: write "
            f"{os.fspath(Path(path).with_suffix('.npz'))!r} instead of {os.fspath(path)!r}."
        )
    check_writable(path)
    try:
        text = json.dumps(
            {"format": FORMAT, "version": VERSION, **description, "arrays": list(arrays)}
        ).encode()
    except TypeError as error:
        raise TypeError(
            f"The configuration of a layer holds something that JSON cannot: {error}. Let its "
            "get_config return numbers, texts, lists and dictionaries."
        ) from None
    if len(text) > MAX_CONFIG_BYTES:
        raise ValueError(
            f"The configuration takes {len(text):,} bytes, a file holds at most "
            f"{MAX_CONFIG_BYTES:,}. Let the layers' get_config return less."
        )
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"model": np.frombuffer(text, np.uint8), **arrays}.items():
            # A fixed date, so that the same model gives the same bytes.
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the description and the arrays of a file, or raise one ModelFileError."""
    try:
        with open(path, "rb") as file:
            if file.read(8) == HDF5_SIGNATURE:
                raise ModelFileError(
                    "it is an HDF5 file, as Keras writes; numcnn reads the .npz files that it saves"
                )
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) != len(names) or "model.npy" not in names:
                raise ModelFileError("the members are not those of a model")
            if not all(name.endswith(".npy") for name in names):
                raise ModelFileError("a member is not an array")
            if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
                raise ModelFileError("a member is compressed or encrypted")
            size = os.fstat(file.fileno()).st_size
            if any(m.compress_size != m.file_size or m.file_size > size for m in members):
                raise ModelFileError("a member is larger than the file")
            if archive.getinfo("model.npy").file_size > MAX_CONFIG_BYTES:
                raise ModelFileError("the configuration is too large")
            arrays = {name.removesuffix(".npy"): _read_array(archive.read(name)) for name in names}
        description = json.loads(arrays.pop("model").tobytes())
        if not isinstance(description, dict) or description.get("format") != FORMAT:
            raise ModelFileError("it is not a numcnn model")
        if description.get("version") not in READS:
            raise ModelFileError(
                f"file version {description.get('version')}, this numcnn reads <= {VERSION}"
            )
        if description.get("arrays") != list(arrays):
            raise ModelFileError("its members are not those that its configuration lists")
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:
        raise ModelFileError(
            f"{os.fspath(path)} is not a model that can be read: {one_line(error)}"
        ) from error
    return description, arrays


def _read_array(raw: bytes) -> Array:
    stream = BytesIO(raw)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ModelFileError("a member is not an array of format 1.0")
    if int.from_bytes(raw[8:10], "little") > MAX_HEADER_BYTES:
        raise ModelFileError("the header of a member is too long")
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype not in (np.uint8, np.float32, np.float64) or in_columns:
        raise ModelFileError(f"a member has dtype {dtype}, or its numbers in another order")
    if math.prod(shape) * dtype.itemsize != len(raw) - stream.tell():
        raise ModelFileError(f"a member's bytes do not make an array of shape {shape}")
    return np.frombuffer(raw, dtype, offset=stream.tell()).reshape(shape).copy()
