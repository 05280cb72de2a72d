"""The folder where the data stay: finding files in it, and putting files into it so that no other
program ever sees half of one.

    $NUMCNN_HOME/                       by default ~/.numcnn
        datasets/mnist/                 the four uncompressed files, verified at every load
        datasets/fashion-mnist/         likewise
        datasets/kmnist/                the four .gz files (only those have a published SHA-256)

Files placed by hand are found in the same folders or in $NUMCNN_HOME itself, uncompressed or as
.gz, with a hyphen or a dot before `idx`, or all in one as mnist.npz. Symbolic links are not
followed here. No lock is needed: whoever writes, writes a file of his own and renames it, and as
every file is verified, all writers put the very same bytes in place.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, NoReturn

from numcnn.datasets import _check
from numcnn.datasets._check import Copy, DataSet
from numcnn.errors import DataFileError
from numcnn.files import atomic_write

_DAY = 24 * 60 * 60


class Fault(NamedTuple):
    """A file that could not be used, why, and how the file can be recognised later."""

    path: Path
    error: Exception
    mark: tuple[int, int]


class Found(NamedTuple):
    """What a folder holds of a data set: all of it verified, or what is missing and what is bad."""

    copy: Copy | None
    missing: list[str]
    faults: list[Fault]


def user_folder(variable: str, default: str) -> Path:
    """Return the folder that an environment variable names, else `default` in the user's own."""
    text = os.path.expanduser(os.environ.get(variable) or os.path.join("~", default))
    if text.startswith("~"):
        raise OSError(f"the user's home folder is unknown; set {variable} to the folder to use")
    return Path(text).absolute()


def home() -> Path:
    """Return the folder that NUMCNN_HOME names, by default ~/.numcnn."""
    return user_folder("NUMCNN_HOME", ".numcnn")


def search(dataset: DataSet, folder: Path, *, follow: bool) -> Found:
    """Look for the four files of a data set, or for the one .npz, and verify what is there."""
    copy = Copy({}, {})
    missing: list[str] = []
    faults: list[Fault] = []
    for file in dataset.files:
        before = len(faults)
        for path in (folder / name for name in file.names):
            try:
                copy.arrays[file.name], data = _check.read_idx(file, path, follow=follow)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, DataFileError) as error:
                faults.append(fault(path, error))
                continue
            if not file.sha256:
                copy.packed[file.name] = data
            break
        else:
            if len(faults) == before:
                missing.append(file.name)
    if len(copy.arrays) == len(dataset.files):
        return Found(copy, [], faults)
    if dataset.npz:
        path = folder / dataset.npz
        try:
            return Found(_check.read_npz(dataset, path, follow=follow), [], faults)
        except (FileNotFoundError, NotADirectoryError):
            pass  # it is the four files or this one; the missing ones are named already
        except (OSError, DataFileError) as error:
            faults.append(fault(path, error))
    return Found(None, missing, faults)


def fault(path: Path, error: Exception) -> Fault:
    """Note that a file could not be used, and how it looks now."""
    return Fault(path, error, _mark(path))


def _mark(path: Path) -> tuple[int, int]:
    """Return what changes when another file takes this name."""
    try:
        info = path.lstat()
    except OSError:
        return (0, 0)
    return (info.st_ino, info.st_mtime_ns)


def set_aside(fault: Fault) -> None:
    """Rename a damaged file to `*.corrupt-<pid>` and say so, unless it has been replaced since."""
    if fault.mark == (0, 0) or _mark(fault.path) != fault.mark:
        return
    aside = fault.path.with_name(f"{fault.path.name}.corrupt-{os.getpid()}")
    try:
        os.replace(fault.path, aside)
    except FileNotFoundError:  # another process was faster
        return
    except OSError as error:
        _refuse(fault.path.parent, error)
    say(f"numcnn: {fault.error}. Fetched again; the damaged file is now {aside.name}")


def prepare(folder: Path) -> None:
    """Create the folder for this user alone, see that it can be written, clear old left-overs.

    Raises:
        OSError: the folder cannot be created or written; the message names NUMCNN_HOME.
    """
    base = home()
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        for level in reversed([folder, *folder.parents]):
            if base in level.parents:
                level.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob("*.part"):
            if 0 < _mark(left)[1] < (time.time() - _DAY) * 1e9 and not left.is_dir():
                left.unlink(missing_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass  # only to see that it can be done
    except OSError as error:
        _refuse(folder, error)


def place(folder: Path, name: str, data: bytes) -> None:
    """Put a file into the folder, whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    try:
        with atomic_write(folder / name) as file:
            file.write(data)
    except OSError as error:
        _refuse(folder, error)


def _refuse(folder: Path, error: OSError) -> NoReturn:
    raise OSError(
        error.errno,
        f"the data cannot be kept ({error.strerror or error}); set NUMCNN_HOME to a folder that "
        "can be written, or use load_data(cache=False) to keep nothing",
        str(folder),
    ) from error


def say(text: str) -> None:
    """Write one line to stderr, where there is one."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)
