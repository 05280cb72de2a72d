"""CIFAR-10 and CIFAR-100: found, fetched, verified; and files that want to do something else.

No byte of the real data is on this page: the archives are made by tests/cifar_files.py.
"""

import hashlib
import os
import pickle
import re

import numpy as np
import pytest
from cifar_files import ToyCifar, array, batch, listed, number, packed, pickled, text

from numcnn import backend
from numcnn.datasets import _archive, _batches, cifar10, cifar100
from numcnn.datasets._archive import load, unpacked
from numcnn.errors import ChecksumError, DataFileError, DownloadError, DTypeError

LABELS = {"labels": 10}


@pytest.fixture
def toy():
    return ToyCifar()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "numcnn" / "datasets" / "toy"


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")


# ---- where the data come from ---------------------------------------------------------------


def test_fetched_once_and_kept_as_it_came(toy, server, cache, monkeypatch):
    server.routes["/toy.tar.gz"] = toy.packed
    dataset = toy.at(f"{server.url}toy.tar.gz")
    assert toy.same(load(dataset, "labels"))
    assert [p.name for p in cache.iterdir()] == ["toy-python.tar.gz"]
    assert (cache / "toy-python.tar.gz").read_bytes() == toy.packed
    assert toy.same(load(dataset, "labels"))
    assert server.asked == ["/toy.tar.gz"]


def test_the_next_mirror_where_one_sends_something_else(toy, server):
    other = ToyCifar(seed=1).packed
    server.routes |= {"/bad": other[: toy.archive.size].ljust(toy.archive.size), "/ok": toy.packed}
    assert toy.same(load(toy.at(f"{server.url}bad", f"{server.url}ok"), "labels"))
    assert server.asked == ["/bad", "/ok"]


def test_nothing_is_kept_without_the_cache(toy, server, tmp_path):
    server.routes["/ok"] = toy.packed
    assert toy.same(load(toy.at(f"{server.url}ok"), "labels", cache=False))
    assert not (tmp_path / "numcnn").exists()


@pytest.mark.parametrize("place", ["numcnn/datasets/toy", "numcnn"])
@pytest.mark.parametrize("form", ["archive", "folder", "loose"])
def test_files_placed_by_hand(toy, tmp_path, offline, place, form):
    if form == "archive":
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "toy-python.tar.gz").write_bytes(toy.packed)
    else:
        toy.put(tmp_path / place / ("toy-batches-py" if form == "folder" else ""))
    assert toy.same(load(toy.archive, "labels"))


@pytest.mark.parametrize("place", ["toy-target/toy-batches-py", "toy-batches-py"])
def test_what_keras_unpacked(toy, tmp_path, offline, place):
    toy.put(tmp_path / "home" / ".keras" / "datasets" / place)
    assert toy.same(load(toy.archive, "labels"))


def test_what_keras_fetched_and_left(toy, tmp_path, offline, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    (tmp_path / "k" / "datasets").mkdir(parents=True)
    (tmp_path / "k" / "datasets" / "toy-target_archive").write_bytes(toy.packed)
    assert toy.same(load(toy.archive, "labels"))


@pytest.mark.parametrize("form", ["archive", "its folder", "batches", "above the batches"])
def test_a_path(toy, tmp_path, form):
    if "batches" in form:
        toy.put(tmp_path / "d" / "toy-batches-py")
    else:
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "toy-python.tar.gz").write_bytes(toy.packed)
    inner = {"archive": "toy-python.tar.gz", "batches": "toy-batches-py"}.get(form, "")
    assert toy.same(load(toy.archive, "labels", tmp_path / "d" / inner))
    assert toy.same(load(toy.archive, "labels", str(tmp_path / "d" / inner)))


def test_both_kinds_of_labels(tmp_path):
    toy = ToyCifar({"fine_labels": 100, "coarse_labels": 20})
    (tmp_path / "a.tar.gz").write_bytes(toy.packed)
    for kind in ("fine_labels", "coarse_labels"):
        assert toy.same(load(toy.archive, kind, tmp_path / "a.tar.gz"), kind)


def test_channels_first(toy, tmp_path):
    toy.put(tmp_path / "d")
    (last, _), (last_test, _) = load(toy.archive, "labels", tmp_path / "d")
    backend.set_image_data_format("channels_first")
    try:
        (first, _), (first_test, _) = load(toy.archive, "labels", tmp_path / "d")
    finally:
        backend.set_image_data_format("channels_last")
    assert first.shape == (8, 3, 32, 32)
    assert np.array_equal(np.moveaxis(first, 1, 3), last)
    assert np.array_equal(np.moveaxis(first_test, 1, 3), last_test)


def test_label_mode():
    with pytest.raises(ValueError, match="Unknown label_mode 'both'"):
        cifar100.load_data("both")


@pytest.mark.parametrize("module", [cifar10, cifar100])
def test_the_published_sets_are_described_whole(module):
    archive = next(v for v in vars(module).values() if isinstance(v, _archive.Archive))
    assert sum(b.rows for b in archive.train) == 50000
    assert sum(b.rows for b in archive.test) == 10000
    assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
    for b in (*archive.train, *archive.test):
        assert re.fullmatch("[0-9a-f]{32}", b.md5)
    assert all(m.startswith("https://") and m.endswith(archive.name) for m in archive.mirrors)
    assert not archive.loopback
    assert len(cifar10.CLASSES) == archive.labels.get("labels", 10)


# ---- what fails -----------------------------------------------------------------------------


def test_offline_without_data_says_what_to_do(toy, offline, cache):
    with pytest.raises(DownloadError) as raised:
        load(toy.archive, "labels")
    told = str(raised.value)
    for part in (str(cache), "toy-python.tar.gz", toy.archive.sha256, "NUMCNN_OFFLINE", ".keras"):
        assert part in told
    assert not cache.exists()


def test_a_damaged_archive_in_the_cache_is_set_aside(toy, server, cache):
    cache.mkdir(parents=True)
    (cache / "toy-python.tar.gz").write_bytes(toy.packed[:-1] + b"?")
    server.routes["/ok"] = toy.packed
    assert toy.same(load(toy.at(f"{server.url}ok"), "labels"))
    names = sorted(p.name for p in cache.iterdir())
    assert names == ["toy-python.tar.gz", f"toy-python.tar.gz.corrupt-{os.getpid()}"]
    assert (cache / "toy-python.tar.gz").read_bytes() == toy.packed


def test_a_damaged_archive_and_no_network_is_a_checksum_error(toy, offline, cache):
    cache.mkdir(parents=True)
    (cache / "toy-python.tar.gz").write_bytes(toy.packed[:-1] + b"?")
    with pytest.raises(ChecksumError, match=r"SHA-256 is [0-9a-f]{64}, expected"):
        load(toy.archive, "labels")
    assert [p.name for p in cache.iterdir()] == ["toy-python.tar.gz"]


def test_a_batch_that_is_not_the_published_one_is_never_unpickled(toy, tmp_path, monkeypatch):
    def read(*args):
        raise AssertionError("read before it was verified")

    toy.put(tmp_path / "d")
    name = toy.archive.test[0].name
    (tmp_path / "d" / name).write_bytes(toy.files[name].replace(b"training", b"Training"))
    monkeypatch.setattr(_batches, "read", read)
    with pytest.raises(ChecksumError, match="MD5 is"):
        load(toy.archive, "labels", tmp_path / "d")
    (tmp_path / "a.tar.gz").write_bytes(toy.packed[:-2])
    with pytest.raises(ChecksumError, match="SHA-256 is"):
        load(toy.archive, "labels", tmp_path / "a.tar.gz")


def test_a_file_that_is_too_long_is_not_read_whole(toy, tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(toy.packed + b"0")
    with pytest.raises(DataFileError, match="longer than the"):
        load(toy.archive, "labels", tmp_path / "a.tar.gz")


def test_a_link_in_the_cache_is_not_followed(toy, cache, offline, tmp_path):
    cache.mkdir(parents=True)
    (tmp_path / "real").write_bytes(toy.packed)
    (cache / "toy-python.tar.gz").symlink_to(tmp_path / "real")
    with pytest.raises(ChecksumError, match="symbolic link"):
        load(toy.archive, "labels")
    assert toy.same(load(toy.archive, "labels", cache))  # whoever names it may mean it


@pytest.mark.parametrize("path", ["", "a\0b", 3, b"x"])
def test_what_is_no_path(toy, path):
    with pytest.raises(DTypeError, match="load_data takes the published toy-python"):
        load(toy.archive, "labels", path)


def test_paths_without_the_data(toy, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        load(toy.archive, "labels", tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="no Toy in it"):
        load(toy.archive, "labels", tmp_path)
    toy.put(tmp_path / "d")
    (tmp_path / "d" / "test_batch").unlink()
    with pytest.raises(FileNotFoundError, match="test_batch"):
        load(toy.archive, "labels", tmp_path / "d")


# ---- archives that are none -----------------------------------------------------------------


def test_archives_of_another_content(toy):
    name = toy.archive.test[0].name
    for files, said in (
        ({k: v for k, v in toy.files.items() if k != name}, f"{name} not found"),
        (toy.files | {name: b"\x80\x02}."}, "holds nothing, expected an array"),
        (toy.files | {name: b"0" * 200_000}, "not a file of the right size"),
    ):
        with pytest.raises(DataFileError, match=said):
            unpacked(toy.archive, packed(files, "toy-batches-py"), "a")
    for data in (b"", b"no gzip", toy.packed[:100], b"\x1f\x8b" + toy.packed[3:]):
        with pytest.raises(DataFileError, match=r"not a sound \.tar\.gz"):
            unpacked(toy.archive, data, "a")
    with pytest.raises(DataFileError):
        unpacked(toy.archive, toy.packed[:-300] + b"\0" * 300, "a")


# ---- pickles that want to do something else ---------------------------------------------------


class Evil:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def read(data, rows=2, labels=LABELS):
    return _batches.read(data, "file", rows, labels)


def some(rows=2):
    return np.arange(rows * 3072).reshape(rows, 3072).astype(np.uint8)


def test_a_sound_batch():
    data, arrays = batch(np.random.default_rng(0), 5, LABELS)
    found = read(data, 5)
    assert set(found) == {"data", "labels"}
    assert all(np.array_equal(found[k], arrays[k]) for k in found)
    assert pickle.loads(data, encoding="bytes")[b"data"].tolist() == arrays["data"].tolist()


def test_functions_are_refused_and_never_called(tmp_path):
    target = tmp_path / "made"
    calls = [Evil(os.mkdir, str(target)), Evil(os.system, f"touch {target}"), Evil(eval, "1/0")]
    calls.append(Evil(np.full, 3, 1))
    for evil in calls:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for whole in (evil, {b"data": evil}, [evil]):
                with pytest.raises(DataFileError, match=r"(asks for|has a step) .+; refused"):
                    read(pickle.dumps(whole, protocol))
    assert not target.exists()


GLOBALS = b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n"


@pytest.mark.parametrize("name", GLOBALS)
@pytest.mark.parametrize(
    ("after", "said"),
    [
        (b")R.", "expected a dictionary"),
        (b"}b.", "changes something that is no Made"),
        (b"K\x01R.", "calls something with what is no tuple"),
        (b")\x81.", "has a step NEWOBJ"),
        (b"(K\x01e.", "changes something that is no list"),
        (b"U\x01aK\x01s.", "changes something that is no dict"),
        (b"R.", "not a sound pickle"),
        (b"h\x07.", "not a sound pickle"),
        (b"t.", "not a sound pickle"),
    ],
)
def test_the_three_names_call_and_change_nothing(name, after, said):
    with pytest.raises(DataFileError, match=said):
        read(b"\x80\x02" + name + after)


def test_keys_that_could_be_anything_are_refused():
    with pytest.raises(DataFileError, match="a key that is no text"):
        read(b"\x80\x02}))s.")
    nested = b"\x80\x02})" + b"\x85" * 200_000 + b"Ns."  # its hash would need all of the C stack
    with pytest.raises(DataFileError, match="a key that is no text"):
        read(nested)


def test_arrays_that_are_not_what_they_should_be():
    labels = listed([1, 2])
    for body, said in (
        (array(some(), dtype="f4"), "not bytes"),
        (array(some(), dtype="O"), "not bytes"),
        (array(some(3)), "another shape"),
        (array(some(), shape=(3072, 2)), "another shape"),
        (array(some(), body=b"12"), "2 bytes stand under 'data'"),
        (array(some(), shape=(2, 3072), body=b"0" * 7000), "7,000 bytes stand"),
        (text("pixels"), "holds <class 'str'>"),
        (listed([1, 2]), "holds list of 2"),
        (GLOBALS[0] + b")R", "not as NumPy writes it"),
        (GLOBALS[2] + b")R", "expected an array"),
    ):
        with pytest.raises(DataFileError, match=re.escape(said)):
            read(pickled(data=body, labels=labels))
    assert read(pickled(data=array(some()), labels=labels))["labels"].tolist() == [1, 2]


def test_labels_that_are_not_what_they_should_be():
    for body, said in (
        (listed([1]), "list of 1 under 'labels', expected a list of 2"),
        (listed([1, 10]), "numbers from 0 to 9"),
        (listed([1, -1]), "numbers from 0 to 9"),
        (listed([1, "2"]), "numbers from 0 to 9"),
        (b"](\x88\x89e", "numbers from 0 to 9"),
        (number(1), "holds <class 'int'>"),
    ):
        with pytest.raises(DataFileError, match=re.escape(said)):
            read(pickled(data=array(some()), labels=body))
    with pytest.raises(DataFileError, match="holds nothing under 'labels'"):
        read(pickled(data=array(some())))


def test_an_index_of_the_memo_takes_no_memory():
    with pytest.raises(DataFileError, match="holds <class 'int'>, expected a dictionary"):
        read(b"\x80\x02K\x01r\xff\xff\xff\x7f.")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pickletools, of a text in quotes
def test_every_truncation_and_many_changes_give_one_kind_of_error():
    data, _ = batch(np.random.default_rng(1), 1, LABELS)
    head = data.index(b"T" + (3072).to_bytes(4, "little")) + 5
    cuts = [*range(head), *range(len(data) - 60, len(data))]
    for cut in cuts:
        with pytest.raises(DataFileError):
            read(data[:cut], 1)
    rng = np.random.default_rng(2)
    places = [*range(head), *range(head + 3072, len(data))]
    for place in places:
        changed = bytearray(data)
        changed[place] = rng.integers(0, 256)
        try:
            found = read(bytes(changed), 1)
        except DataFileError:
            continue
        assert found["data"].shape == (1, 3072)
        assert found["labels"].shape == (1,)


def test_hashes_of_the_toy_are_hashes(toy):
    assert hashlib.sha256(toy.packed).hexdigest() == toy.archive.sha256
    assert toy.archive.size == len(toy.packed)
