"""Writing a file whole or not at all."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path`; when the block ends well, it takes the path's place.

    Whoever reads the path sees the old file or the new one, never a part: the bytes are on the
    disk before the name moves. Where anything fails the old file is untouched and the temporary
    one is removed. A symbolic link is replaced, not followed. A file that was there hands its
    permissions on to the new one.

    Raises:
        OSError: the folder is not there or cannot be written to, or the disk is full.
    """
    target = Path(path)
    check_writable(target)
    descriptor, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name}.", suffix=".part"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(target))
        os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the OSError that writing to this path would meet, before there is anything to write."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, a file name was expected", str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT,
            "the folder to write into does not exist; make it first",
            str(target.parent),
        )
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(target.parent))


def _mode(target: Path) -> int:
    """Return the permissions of the file that stands there, or those of a new file."""
    with suppress(FileNotFoundError):
        status = target.lstat()
        if stat.S_ISREG(status.st_mode):
            return stat.S_IMODE(status.st_mode)
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Bring the folder's new entry to the disk, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
