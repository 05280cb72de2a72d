"""How kernels are compiled, and kept on disk for the next run.

`@kernel` is Numba's `njit` with one set of options and a cache that cannot do harm. Numba's own
would raise where its folder cannot be written or a file in it is damaged, would not notice an edit
in another file than the kernel's, and two processes that fill it at once could mix up its files.
Here the result is always right; what may be lost is time:

    no folder to write       compiled in each process anew
    a damaged file           found by its checksum, compiled and written anew
    any edit in kernels/     another name, since a hash of the whole folder is part of it

What is in these files is run, as everything that Numba keeps: a folder where every user of the
machine may write is used, with a warning; but for `__pycache__` beside the code, which holds what
Python itself runs.

One file per kernel and signature, named by the hash of all that matters and without an index, was
chosen over Numba's index with numbered files: nothing is read, changed and written back.

The options: `nogil`, so that threads run kernels side by side; "contract" lets the compiler join a
product and a sum into one instruction, and nothing else, so that NaN and infinity stay what they
are; `error_model="numpy"`, so that a division by zero gives what NumPy gives.
"""

import contextlib
import functools
import glob
import hashlib
import importlib.resources
import os
import pickle
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.serialize import dumps

OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

problems: list[str] = []  # why kernels are not kept on disk, for whoever asks
_listeners: list[Callable[[], None]] = []


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call, or take it from the disk."""
    dispatcher = numba.njit(**OPTIONS)(function)
    if not numba.config.DISABLE_JIT:
        try:
            dispatcher._cache = _Cache(function)
        except (RuntimeError, OSError) as error:
            problems.append(f"{function.__name__}: {error}")
            dispatcher._cache = _NoCache()
    return dispatcher


@contextmanager
def announced(say: Callable[[], None]) -> Iterator[None]:
    """Call `say` once if a kernel has to be compiled before the block ends."""
    _listeners.append(say)
    try:
        yield
    finally:
        if say in _listeners:
            _listeners.remove(say)


def _announce() -> None:
    while _listeners:
        _listeners.pop()()


def source_hash() -> str:
    """Return a hash of all files of this folder and of those in it."""
    digest = hashlib.sha256()
    folders = [importlib.resources.files(__package__)]
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
            elif file.is_dir():
                folders.append(file)
    return digest.hexdigest()


SOURCE_HASH = source_hash()


def written_by_others(folder: str) -> bool:
    """Return whether every user of this machine may write into a folder."""
    try:
        return os.name == "posix" and bool(os.stat(folder).st_mode & stat.S_IWOTH)
    except FileNotFoundError:  # gone meanwhile: what comes in its place is of this process
        return False


@functools.cache  # once for each folder
def _warn_of(folder: str) -> None:
    warnings.warn(
        f"Compiled kernels are kept in {folder}, where every user of this machine may write, and "
        "what is there is run. Take that right away (chmod o-w), or let NUMBA_CACHE_DIR name a "
        "folder of your own.",
        stacklevel=2,
    )


class _Files(IndexDataCacheFile):
    """One file per key: the hash of the key and the content, then the content."""

    def _path(self, key: Any) -> str:
        base = self._index_name.removesuffix(".nbi")
        name = hashlib.sha256(repr((self._version, key)).encode()).hexdigest()
        return os.path.join(self._cache_path, f"{base}.{SOURCE_HASH[:12]}.{name[:24]}.nbc")

    def _digest(self, key: Any, content: bytes) -> bytes:
        return hashlib.sha256(repr((self._version, key)).encode() + b"\0" + content).digest()

    def save(self, key: Any, data: Any) -> None:
        """Write the file of this key, and remove those of other versions of the source."""
        content: bytes = dumps(data)
        path = self._path(key)
        with self._open_for_write(path) as file:
            file.write(self._digest(key, content) + content)
        base, now, *_ = path.rsplit(".", 3)
        for other in glob.glob(f"{glob.escape(base)}.*.nbc"):
            if other.rsplit(".", 3)[1] != now:
                with contextlib.suppress(OSError):  # another process may have done it
                    os.unlink(other)

    def load(self, key: Any) -> Any:
        """Return what was saved under this key, or None."""
        try:
            with open(self._path(key), "rb") as file:
                digest, content = file.read(32), file.read()
        except FileNotFoundError:
            return None
        if digest != self._digest(key, content):
            raise ValueError(f"{self._path(key)} is damaged")
        return pickle.loads(content)


class _Cache(FunctionCache):
    """Numba's cache of a function, made harmless."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        base, stamp = self._impl.filename_base, self._cache_file._source_stamp
        self._cache_file = _Files(self._cache_path, base, stamp)
        beside = self._cache_path.startswith(os.path.dirname(__file__) + os.sep)
        if not beside and written_by_others(self._cache_path):
            _warn_of(self._cache_path)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), SOURCE_HASH, bool(numba.config.BOUNDSCHECK))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kept machine code, or None where there is none or it is damaged."""
        found = None
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:  # a damaged or foreign file may raise anything
            problems.append(f"{self._name}: {type(error).__name__}: {error}")
        if found is None:
            _announce()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code, where that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # no room, no permission, a file in the place of a folder
            problems.append(f"{self._name}: {type(error).__name__}: {error}")


class _NoCache(NullCache):
    """What a kernel has where nothing can be kept."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Return None: everything is compiled."""
        _announce()
