"""CIFAR-10 and CIFAR-100: one .tar.gz of batches, looked for, fetched, verified and read.

The order is that of the other data sets (_load.py): the cache, $NUMCNN_HOME itself, Keras's copy
(read only), the mirrors in turn. In each folder both forms count: the archive as published, told by
its SHA-256, and the batches taken out of it, each told by its MD5; _batches.py says why that order
of things matters. In the cache the archive stays as it came.
"""

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from numcnn import backend
from numcnn.datasets import _batches, _cache, _check, _download
from numcnn.datasets._batches import Batch, Images
from numcnn.datasets._check import Pair
from numcnn.datasets._load import offline
from numcnn.errors import ChecksumError, DataFileError, DownloadError, DTypeError

if TYPE_CHECKING:
    import tarfile

Arrays = dict[str, Images]


class Archive(NamedTuple):
    """A data set in one archive: how it is called, what is in it, how it is recognised."""

    title: str  # for messages: "CIFAR-10"
    folder: str  # in the cache: "cifar-10"
    name: str  # "cifar-10-python.tar.gz"
    size: int
    sha256: str
    inner: str  # the folder in the archive: "cifar-10-batches-py"
    train: tuple[Batch, ...]
    test: tuple[Batch, ...]
    labels: dict[str, int]  # the kinds of labels, and how many classes each has
    mirrors: tuple[str, ...] = ()
    keras: tuple[str, ...] = ()  # where Keras keeps archive or batches, below its own folder
    loopback: bool = False  # tests only: allow http from this very machine


def load(
    archive: Archive,
    labels: str,
    path: str | os.PathLike[str] | None = None,
    *,
    cache: bool = True,
) -> tuple[Pair, Pair]:
    """Return `(x_train, y_train), (x_test, y_test)`; see `numcnn.datasets.cifar10.load_data`."""
    if path is not None:
        return _pairs(archive, _from_path(archive, path), labels)
    tried: list[str] = []
    faults: list[_cache.Fault] = []
    folder = _cache.home() / "datasets" / archive.folder
    found = _search(archive, _places(archive, folder), tried, faults, follow=False)
    damaged = list(faults)  # those in the cache: they make room for a sound one
    if found is None:
        found = _search(archive, _places(archive, _cache.home()), tried, faults, follow=False)
    if found is None:
        found = _search(archive, _keras(archive), tried, [], follow=True)
    if found is None:
        found = _from_network(archive, folder if cache else None, damaged, tried)
    if found is None:
        _give_up(archive, folder, tried, bool(faults))
    return _pairs(archive, found, labels)


def _pairs(archive: Archive, found: dict[str, Arrays], labels: str) -> tuple[Pair, Pair]:
    """Put the batches together, with channels where the backend wants them."""
    pairs = []
    for batches in (archive.train, archive.test):
        x = np.concatenate([found[batch.name]["data"] for batch in batches])
        y = np.concatenate([found[batch.name][labels] for batch in batches])
        x = x.reshape(-1, 3, 32, 32)
        if backend.image_data_format() == "channels_last":
            x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        pairs.append((x, y[:, None]))
    return pairs[0], pairs[1]


# ---- on this machine ------------------------------------------------------------------------


def _places(archive: Archive, folder: Path) -> list[Path]:
    """Return where in a folder the data may be: the archive, its folder, or the folder itself."""
    return [folder / archive.name, folder / archive.inner, folder]


def _keras(archive: Archive) -> list[Path]:
    try:
        folder = _cache.user_folder("KERAS_HOME", ".keras") / "datasets"
    except OSError:
        return []  # nobody's home: then there is no copy of Keras's
    return [folder / place for place in archive.keras]


def _search(
    archive: Archive,
    places: list[Path],
    tried: list[str],
    faults: list[_cache.Fault],
    *,
    follow: bool,
) -> dict[str, Arrays] | None:
    """Return the batches from the first place that has them; note why the others do not."""
    for place in places:
        try:
            return _read(archive, place, follow=follow)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, DataFileError) as error:
            faults.append(_cache.fault(place, error))
            tried.append(str(error))
    tried.append(f"{places[-1] if places else 'Keras'}: no sound {archive.title}")
    return None


def _read(archive: Archive, place: Path, *, follow: bool) -> dict[str, Arrays]:
    """Read an archive, or a folder of batches."""
    batches = (*archive.train, *archive.test)
    if place.is_dir():
        data = {
            b.name: _check.read_bytes(place / b.name, b.most_bytes, follow=follow) for b in batches
        }
        for batch in batches:
            _compare(str(place / batch.name), "MD5", _md5(data[batch.name]), batch.md5)
        return {
            b.name: _batches.read(data.pop(b.name), str(place / b.name), b.rows, archive.labels)
            for b in batches
        }
    return verified(archive, _check.read_bytes(place, archive.size, follow=follow), str(place))


def verified(archive: Archive, data: bytes, where: str) -> dict[str, Arrays]:
    """Return the batches of an archive whose SHA-256 is the published one."""
    _compare(where, "SHA-256", _check.sha256(data), archive.sha256)
    return unpacked(archive, data, where)


def unpacked(archive: Archive, data: bytes, where: str) -> dict[str, Arrays]:
    """Take the batches out of an archive; nothing is written, and no size in it is trusted."""
    import tarfile
    import zlib

    wanted = {f"{archive.inner}/{b.name}": b for b in (*archive.train, *archive.test)}
    found: dict[str, Arrays] = {}
    try:
        with tarfile.open(fileobj=BytesIO(data), mode="r:gz") as members:
            for member in members:
                batch = wanted.get(member.name)
                if batch is not None:
                    body = _member(members, member, batch, where)
                    name = f"{where} ({batch.name})"
                    found[batch.name] = _batches.read(body, name, batch.rows, archive.labels)
                if len(found) == len(wanted):
                    break
    except DataFileError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, OverflowError) as error:
        raise DataFileError(f"{where}: not a sound .tar.gz file ({error})") from error
    missing = [batch.name for batch in wanted.values() if batch.name not in found]
    if missing:
        raise DataFileError(f"{where}: {', '.join(missing)} not found in it")
    return found


def _member(
    members: "tarfile.TarFile", member: "tarfile.TarInfo", batch: Batch, where: str
) -> bytes:
    stream = members.extractfile(member) if member.isreg() else None
    if stream is None or member.size > batch.most_bytes:
        raise DataFileError(f"{where}: {member.name} is not a file of the right size")
    return stream.read(batch.most_bytes)


def _md5(data: bytes) -> str:
    import hashlib

    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _compare(where: str, kind: str, found: str, expected: str) -> None:
    if found != expected:
        raise ChecksumError(f"{where}: {kind} is {found}, expected {expected}")


def _from_path(archive: Archive, path: str | os.PathLike[str]) -> dict[str, Arrays]:
    """Load from the folder or file that the caller names; every failure is an error."""
    expected = (
        f"load_data takes the published {archive.name}, or a folder with it or with what is in it: "
        f"{', '.join(b.name for b in (*archive.train, *archive.test))}"
    )
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str) or not text or "\0" in text:
        raise DTypeError(f"path={path!r}: expected a text or a Path; {expected}")
    place = Path(os.path.expanduser(text))
    if not os.path.lexists(place):
        raise FileNotFoundError(f"{place}: no such file or folder; {expected}")
    try:
        if not place.is_dir():
            return _read(archive, place, follow=True)
        for inner in _places(archive, place):
            if inner.exists() and (inner != place or (place / archive.train[0].name).exists()):
                return _read(archive, inner, follow=True)
        raise FileNotFoundError(f"{place}: no {archive.title} in it")
    except (FileNotFoundError, DataFileError) as error:
        raise type(error)(f"{error}; {expected}") from error


# ---- from the network -----------------------------------------------------------------------


def _from_network(
    archive: Archive, folder: Path | None, damaged: list[_cache.Fault], tried: list[str]
) -> dict[str, Arrays] | None:
    """Try the mirrors in turn; keep the archive of the first that has it."""
    if offline():
        tried.append("the network: not tried, as NUMCNN_OFFLINE is set")
        return None
    if folder is not None:
        _cache.prepare(folder)
    for address in archive.mirrors:
        try:
            data = _download.get(address, archive.size, loopback=archive.loopback)
            found = verified(archive, data, address)
        except (OSError, DataFileError) as error:
            tried.append(str(error))
            continue
        if folder is not None:
            for fault in damaged:
                if fault.path.name == archive.name:
                    _cache.set_aside(fault)
            _cache.place(folder, archive.name, data)
        return found
    return None


def _give_up(archive: Archive, folder: Path, tried: list[str], damaged: bool) -> NoReturn:
    """Say what was tried and what to do by hand."""
    lines = [f"{archive.title} could not be loaded. Tried:"]
    lines += [f"  - {' '.join(text.split())}" for text in tried]
    lines += [
        "To place it by hand, put this file, or the folder that is in it, into",
        f"  {folder}",
        f"  {archive.name}  {archive.size:,} bytes  SHA-256 {archive.sha256}",
        "or keep it anywhere and call load_data(path=that file). Without it,",
        "numcnn.datasets.mnist.load_sample() gives 6,000 real MNIST images at once.",
    ]
    text = "\n".join(lines)
    raise ChecksumError(text) if damaged else DownloadError(text)
