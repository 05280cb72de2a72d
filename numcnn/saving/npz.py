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
from io import BytesIO
from typing import Any

import numpy as np

from numcnn.errors import ModelFileError
from numcnn.saving import archive

Array = np.ndarray[Any, Any]
FORMAT = "numcnn model"
VERSION = 2
READS = (1, 2)  # 1 knew no training
MAX_CONFIG_BYTES = 2**20
MAX_HEADER_BYTES = 4096


def write(
    path: str | os.PathLike[str], description: dict[str, Any], arrays: dict[str, Array]
) -> None:
    """Write a description and arrays, atomically."""
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
    with archive.written(path) as member:
        for name, array in {"model": np.frombuffer(text, np.uint8), **arrays}.items():
            with member(f"{name}.npy") as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the description and the arrays of a file, or raise where it is not one of numcnn's."""
    with archive.opened(path) as members:
        names = [member.filename for member in members.infolist()]
        if "model.npy" not in names:
            raise ModelFileError("the members are not those of a model")
        if not all(name.endswith(".npy") for name in names):
            raise ModelFileError("a member is not an array")
        if members.getinfo("model.npy").file_size > MAX_CONFIG_BYTES:
            raise ModelFileError("the configuration is too large")
        arrays = {name.removesuffix(".npy"): _read_array(members.read(name)) for name in names}
    description = json.loads(arrays.pop("model").tobytes())
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ModelFileError("it is not a numcnn model")
    if description.get("version") not in READS:
        raise ModelFileError(
            f"file version {description.get('version')}, this numcnn reads <= {VERSION}"
        )
    if description.get("arrays") != list(arrays):
        raise ModelFileError("its members are not those that its configuration lists")
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
