"""Writing a file whole or not at all, and opening one that can be read to its end."""

import errno
import glob
import os
import platform
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
    one is removed; what a killed process left is removed by the next write. A symbolic link is
    replaced, not followed. A file that was there hands its permissions on to the new one.

    Raises:
        OSError: the folder is not there or cannot be written to, or the disk is full; it names
            the file.
    """
    target = Path(path)
    check_writable(target)
    _remove_leftovers(target)
    descriptor, name = tempfile.mkstemp(
        dir=target.parent, prefix=_prefix(target, os.getpid()), suffix=".part"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(target))
        os.replace(name, target)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(name)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(target)  # a full disk does not say which file had no place
        raise
    _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the OSError that writing to this path would meet, before there is anything to write."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, a file name was expected", str(target))
    if target.exists() and not target.is_file() and not target.is_symlink():
        raise OSError(errno.EINVAL, "is a pipe or a device, a file name was expected", str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT,
            "the folder to write into does not exist; make it first",
            str(target.parent),
        )
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(target.parent))


def open_regular(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading; a pipe or a device is refused, for it may never begin or never end.

    Raises:
        IsADirectoryError: it is a folder. OSError: it is no file, or cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        raise OSError(errno.EINVAL, "is a pipe or a device, a file was expected", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def _prefix(target: Path, process: int | str = "") -> str:
    """Return how temporary files for this target begin, by machine and process."""
    start = f".{target.name}.{platform.node()}-"
    return f"{start}{process}-" if process else start


def _remove_leftovers(target: Path) -> None:
    """Remove temporary files of processes of this machine that were killed while writing."""
    start = _prefix(target)
    for left in target.parent.glob(f"{glob.escape(start)}*.part"):
        process = left.name.removeprefix(start).split("-")[0]
        if process.isdigit() and not _is_running(int(process)):
            left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name != "posix":  # elsewhere asking is not harmless
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


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
