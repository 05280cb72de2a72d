"""A file fetched once and kept: `keras.utils.get_file`.

    folder = get_file("flower_photos", origin="https://...tgz", untar=True)

It lies in `$NUMCNN_HOME/datasets` (by default `~/.numcnn/datasets`), and what is there is not
fetched again. Addresses must be https. Give `file_hash` where one is known: it is then checked at
every call, and a file that does not have it is fetched anew. Archives are taken apart with care: no
member leaves the folder, and none is a link or a device.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from numcnn.datasets import _cache, _download
from numcnn.datasets._load import offline
from numcnn.errors import ChecksumError, DataFileError, DownloadError, DTypeError
from numcnn.files import atomic_write

MOST_BYTES = 2 << 30
"""The most that is fetched; what is larger is better fetched by another program."""
MOST_UNPACKED = 16 << 30
ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar", ".zip")


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Return where a file is, after it has been fetched if it was not there.

    Args:
        fname: its name there; by default the last part of the address.
        origin: the address, https.
        untar: whether it is a .tar.gz archive to be taken apart, next to it; the result is then
            the path `fname` there, the folder that such archives hold. As in Keras 2.
        md5_hash: the MD5 of the file, an older word for file_hash.
        file_hash: the SHA-256 of the file, or its MD5.
        cache_subdir: the folder in the cache.
        hash_algorithm: 'sha256', 'md5', or 'auto' by the length.
        extract: whether an archive, .zip or .tar.gz, is taken apart next to the file; the result is
            the path of the archive, as in Keras 2.
        archive_format: taken for Keras's sake; the file itself says what it is.
        cache_dir: another folder than $NUMCNN_HOME.
        force_download: whether it is fetched even if it is there.

    Raises:
        DownloadError: the address is not https, does not answer, or NUMCNN_OFFLINE is set.
        ChecksumError: the file has another hash. DataFileError: it is no archive, or one that would
        leave the folder. OSError: the cache cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     os.mkdir(f"{folder}/datasets")
        ...     _ = Path(folder, "datasets", "a.txt").write_text("here already")
        ...     found = get_file("a.txt", "https://example.org/a.txt", cache_dir=folder)
        ...     Path(found).read_text()
        'here already'
    """
    if not isinstance(origin, str):
        raise DTypeError(f"origin must be an https address, got {origin!r}.")
    _download.require_https(origin, loopback=_loopback)
    name = os.fspath(fname) if fname else origin.split("?")[0].rstrip("/").rpartition("/")[2]
    if not name or name != os.path.basename(name) or name in (".", ".."):
        raise ValueError(f"fname must be a file's name without folders, got {name!r}.")
    base = _cache.home() if cache_dir is None else Path(os.path.expanduser(cache_dir))
    folder = base / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / (f"{name}.tar.gz" if untar and not name.endswith(ARCHIVES) else name)
    wanted = file_hash or md5_hash
    kind = "md5" if md5_hash and not file_hash else _kind(hash_algorithm, wanted)
    if not force_download and packed.is_file() and _is_sound(packed, wanted, kind):
        fetched = False
    else:
        fetched = True
        if offline():
            raise DownloadError(
                f"{packed} is not there, and NUMCNN_OFFLINE is set. Place it there by hand; it is "
                f"fetched from {origin}"
            )
        data = _download.get(origin, MOST_BYTES, loopback=_loopback, exact=False)
        if wanted and _digest(data, kind) != wanted.lower():
            raise ChecksumError(
                f"{origin}: {kind} is {_digest(data, kind)}, expected {wanted}. Nothing was kept."
            )
        with atomic_write(packed) as file:
            file.write(data)
    if not (untar or extract):
        return str(packed)
    target = folder / name.removesuffix(".tar.gz").removesuffix(".tgz") if untar else packed
    if fetched or (untar and not target.exists()) or extract:
        unpack(packed, folder)
    return str(target)


_loopback = False  # tests let it fetch from this very machine


def _kind(hash_algorithm: str, wanted: str | None) -> str:
    if hash_algorithm not in ("auto", "md5", "sha256"):
        raise ValueError(
            f"hash_algorithm must be 'auto', 'md5' or 'sha256', got {hash_algorithm!r}."
        )
    if hash_algorithm != "auto":
        return hash_algorithm
    return "md5" if wanted and len(wanted) == 32 else "sha256"


def _digest(data: bytes, kind: str) -> str:
    import hashlib

    return hashlib.new(kind, data, usedforsecurity=False).hexdigest()


def _is_sound(path: Path, wanted: str | None, kind: str) -> bool:
    if wanted is None or _digest(path.read_bytes(), kind) == wanted.lower():
        return True
    _cache.say(f"numcnn: {path} is not the file that is asked for ({kind}); it is fetched anew")
    return False


def unpack(path: Path, folder: Path) -> None:
    """Take an archive apart into a folder.

    Raises:
        DataFileError: it is no archive, is damaged, or holds what has no place there.
    """
    import tarfile
    import zipfile

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _check_size(path, [info.file_size for info in archive.infolist()])
                _check_names(path, folder, archive.namelist())
                archive.extractall(folder)
        elif tarfile.is_tarfile(path):
            if not hasattr(tarfile, "data_filter"):
                raise RuntimeError("tar archives are taken apart from Python 3.11.4 on")
            with tarfile.open(path) as members:
                _check_size(path, [m.size for m in members.getmembers()])
                members.extractall(folder, filter="data")
        else:
            raise DataFileError(f"{path}: not an archive (.zip, .tar or .tar.gz)")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(f"{path}: cannot be taken apart ({error})") from error


def _check_size(path: Path, sizes: list[int]) -> None:
    free = shutil.disk_usage(path.parent).free
    if sum(sizes) > min(MOST_UNPACKED, free):
        raise DataFileError(
            f"{path}: unpacks to {sum(sizes):,} bytes, more than {min(MOST_UNPACKED, free):,}, "
            "which is the most here"
        )


def _check_names(path: Path, folder: Path, names: list[str]) -> None:
    inside = folder.resolve()
    for name in names:
        if not (inside / name).resolve().is_relative_to(inside):
            raise DataFileError(f"{path}: its member {name!r} would leave the folder; refused")
