"""How kernels are compiled, and kept on disk for the next run.

`@kernel` is Numba's `njit` with one set of options and a cache that cannot do harm. Numba's own
would raise where its folder cannot be written or a file in it is damaged, and would not notice an
edit in another file than the kernel's. Here the result is always right; what is lost is time:

    no folder to write       compiled in each process anew
    a damaged file           found by its checksum, compiled and written anew
    any edit in kernels/     another key, since the key holds a hash of the whole folder

The options: `nogil`, so that threads run kernels side by side; "contract" lets the compiler join a
product and a sum into one instruction, and nothing else, so that NaN and infinity stay what they
are; `error_model="numpy"`, so that a division by zero gives what NumPy gives.
"""

import hashlib
import importlib.resources
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

_compiling = threading.local()
problems: list[str] = []  # why kernels are not kept on disk, for whoever asks


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call, or take it from the disk."""
    dispatcher = numba.njit(**OPTIONS)(function)
    if not numba.config.DISABLE_JIT:
        try:
            dispatcher._cache = _Cache(function)
        except (RuntimeError, OSError) as error:
            problems.append(f"{function.__name__}: {error}")
    return dispatcher


@contextmanager
def announced(say: Callable[[], None]) -> Iterator[None]:
    """Call `say` once if a kernel has to be compiled inside the block."""
    _compiling.say = say
    try:
        yield
    finally:
        _compiling.say = None


def source_hash() -> str:
    """Return a hash of all files of this folder."""
    digest = hashlib.sha256()
    folder = importlib.resources.files(__package__)
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


SOURCE_HASH = source_hash()


class _CheckedFile(IndexDataCacheFile):
    """Numba's file of machine code, with a checksum in front."""

    def _dump(self, obj: Any) -> bytes:
        data: bytes = super()._dump(obj)
        return data

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def _load_data(self, name: str) -> Any:
        with open(self._data_path(name), "rb") as file:
            digest, content = file.read(32), file.read()
        if hashlib.sha256(content).digest() != digest:
            raise ValueError("the checksum is wrong")
        return numba.core.caching.pickle.loads(content)


class _Cache(FunctionCache):
    """Numba's cache of a function, made harmless."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        file = self._cache_file
        self._cache_file = _CheckedFile(
            self._cache_path, self._impl.filename_base, file._source_stamp
        )

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), SOURCE_HASH)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kept machine code, or None where there is none or it is damaged."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:  # a damaged pickle may raise anything
            problems.append(f"{self._name}: {type(error).__name__}: {error}")
            found = None
            self._forget()
        if found is None and getattr(_compiling, "say", None):
            _compiling.say()
            _compiling.say = None
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code, where that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # no room, no permission, no pickle
            problems.append(f"{self._name}: {type(error).__name__}: {error}")

    def _forget(self) -> None:
        try:
            self._cache_file.flush()
        except OSError as error:
            problems.append(f"{self._name}: {error}")
