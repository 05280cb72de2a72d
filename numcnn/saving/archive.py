"""Zip archives whose members are stored as they are: nothing in them grows beyond the file."""

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from numcnn.errors import ModelFileError
from numcnn.files import atomic_write, open_regular


@contextmanager
def written(path: str | os.PathLike[str]) -> Iterator[Callable[[str], IO[bytes]]]:
    """Write an archive, atomically; what it gives opens a new member for writing."""
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def member(name: str) -> IO[bytes]:
            # A fixed date, so that the same model gives the same bytes.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            return archive.open(entry, "w", force_zip64=True)

        yield member


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Open an archive to be read.

    Raises:
        ModelFileError: members of the same name, compressed, encrypted, or larger than the file.
    """
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len({member.filename for member in members}) != len(members):
            raise ModelFileError("the members are not those of a model")
        if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 for m in members):
            raise ModelFileError("a member is compressed or encrypted")
        size = os.fstat(file.fileno()).st_size
        if any(m.compress_size != m.file_size or m.file_size > size for m in members):
            raise ModelFileError("a member is larger than the file")
        yield archive
