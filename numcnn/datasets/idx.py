"""The IDX file format, in which MNIST was published: a reader that trusts nothing, and a writer.

An IDX file is one array. A short header says what it holds, then the numbers follow, row by row:

    byte 0, 1   zero
    byte 2      the type of the numbers: 08 unsigned byte, 09 signed byte, 0B int16, 0C int32,
                0D float32, 0E float64
    byte 3      how many dimensions there are
    then        the length of every dimension, four bytes each
    then        the numbers, the last dimension running fastest (what NumPy calls C order)

All of it is *big endian*: the most significant byte comes first, so `00 00 EA 60` is 60000.
`train-images-idx3-ubyte` therefore begins with

    00 00 08 03   00 00 EA 60   00 00 00 1C   00 00 00 1C
    uint8, 3 dim. 60000 images  28 rows       28 columns

and goes on with 60000 * 28 * 28 pixels, 0 for paper and 255 for ink. Nothing in the file guards
against damage, hence the checks below: the length must be exactly what the header promises, and
the header may promise no more than a limit that is looked at before any memory is taken. Files
packed with gzip are recognised by their first two bytes. Nothing here knows of MNIST itself.
"""

import errno
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from numcnn.errors import DataFileError, DTypeError

if TYPE_CHECKING:
    import gzip

MAX_BYTES = 1 << 30
"""The most bytes of numbers that a file may hold unless the caller allows more."""

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(name).newbyteorder("="): code for code, name in _TYPES.items()}
_MAX_DIMENSIONS = 32
GZIP_MAGIC = b"\x1f\x8b"


def read(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> NDArray[np.generic]:
    """Read one IDX file, plain or packed with gzip.

    Args:
        path: the file. It must be a regular file: no folder, no pipe, no device.
        max_bytes: the most bytes of numbers to accept; a header that promises more is refused.

    Returns:
        A writable array in the machine's own byte order, with the shape that the header gives.

    Raises:
        OSError: the file cannot be opened.
        DataFileError: it is no IDX file, is cut short, has bytes left over, or promises too much.

    Example:
    >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = os.path.join(folder, "two-by-three")
        ...     with open(file, "wb") as stream:
        ...         size = stream.write(encode(np.arange(6, dtype=np.int16).reshape(2, 3)))
        ...     read(file)
        array([[0, 1, 2],
               [3, 4, 5]], dtype=int16)
    """
    with open_regular(path) as stream:
        return _read(stream, os.fspath(path), max_bytes)


def decode(data: bytes, name: str = "IDX data", max_bytes: int = MAX_BYTES) -> NDArray[np.generic]:
    """Read an IDX file that is already in memory; `name` stands in the error messages.

    >>> decode(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    array([7, 8, 9], dtype=uint8)
    """
    return _read(BytesIO(data), name, max_bytes)


def encode(array: NDArray[np.generic]) -> bytes:
    """Return the array as the bytes of an IDX file.

    >>> encode(np.array([7, 8, 9], dtype=np.uint8)).hex(" ")
    '00 00 08 01 00 00 00 03 07 08 09'
    """
    return header(array) + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()


def header(array: NDArray[np.generic]) -> bytes:
    """Return the first bytes of an IDX file: the type, the number of dimensions, their lengths.

    >>> header(np.zeros((60000, 28, 28), dtype=np.uint8)).hex(" ", 4)
    '00000803 0000ea60 0000001c 0000001c'
    """
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        known = ", ".join(str(dtype) for dtype in _CODES)
        raise DTypeError(f"IDX has no type for {array.dtype}; convert to one of {known}")
    if not 1 <= array.ndim <= _MAX_DIMENSIONS or max(array.shape) >= 1 << 32:
        raise DTypeError(f"IDX cannot describe the shape {array.shape}")
    return bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()


def open_regular(path: str | os.PathLike[str], *, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading; anything else is refused without waiting for it.

    With `follow=False` a symbolic link is refused too, where the system can tell.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if follow or error.errno != errno.ELOOP:
            raise
        raise DataFileError(f"{os.fspath(path)}: a symbolic link; a file is expected") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataFileError(f"{os.fspath(path)}: expected a regular file, found something else")
    return open(descriptor, "rb")


def gunzip(data: bytes, limit: int, name: str) -> bytes:
    """Unpack gzip data of at most `limit` bytes; no more than one byte beyond is ever unpacked."""
    with _unpacked(BytesIO(data), name) as stream:
        body = stream.read(limit + 1)
    if len(body) > limit:
        raise DataFileError(f"{name}: unpacks to more than {limit:,} bytes")
    return body


def _read(stream: BinaryIO, name: str, max_bytes: int) -> NDArray[np.generic]:
    packed = stream.read(2) == GZIP_MAGIC
    stream.seek(0)
    if not packed:
        return _parse(stream, name, max_bytes)
    with _unpacked(stream, name) as unpacked:
        return _parse(unpacked, name, max_bytes)


@contextmanager
def _unpacked(stream: BinaryIO, name: str) -> Iterator["gzip.GzipFile"]:
    """Read through gzip, and turn its various complaints into a DataFileError."""
    import gzip
    import zlib

    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield unpacked
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(f"{name}: the gzip data are damaged ({error})") from error


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _parse(stream: _Readable, name: str, max_bytes: int) -> NDArray[np.generic]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise DataFileError(
            f"{name}: not an IDX file; it begins with {magic.hex(' ') or 'nothing'}, "
            "expected 00 00, a type (08, 09, 0b, 0c, 0d or 0e) and the number of dimensions"
        )
    ndim = magic[3]
    if not 1 <= ndim <= _MAX_DIMENSIONS:
        raise DataFileError(f"{name}: {ndim} dimensions; expected 1 to {_MAX_DIMENSIONS}")
    lengths = stream.read(4 * ndim)
    if len(lengths) < 4 * ndim:
        raise DataFileError(f"{name}: ends inside its header, after {4 + len(lengths)} bytes")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(_TYPES[magic[2]])
    # Python's integers cannot overflow. A zero counts as one here, so that an empty array with
    # other, enormous dimensions is refused as well.
    if math.prod(max(length, 1) for length in shape) * dtype.itemsize > max_bytes:
        raise DataFileError(
            f"{name}: promises {shape} numbers of {dtype.itemsize} bytes, "
            f"more than the {max_bytes:,} bytes allowed here"
        )
    size = math.prod(shape) * dtype.itemsize
    body = stream.read(size + 1)  # one more than promised: shows leftovers, bounds a gzip bomb
    if len(body) != size:
        found = f"only {len(body):,}" if len(body) < size else "more"
        raise DataFileError(
            f"{name}: expected {size:,} bytes after the header for {shape}, found {found}"
        )
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="))
