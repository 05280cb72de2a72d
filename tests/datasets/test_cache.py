import errno
import os
import stat
import time

import pytest

from numcnn.datasets import _cache

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and links as POSIX has them")


def test_the_default_home(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMCNN_HOME")
    assert _cache.home() == tmp_path / "home" / ".numcnn"
    monkeypatch.setenv("NUMCNN_HOME", "")
    assert _cache.home() == tmp_path / "home" / ".numcnn"
    monkeypatch.setenv("NUMCNN_HOME", "~/elsewhere")
    assert _cache.home() == tmp_path / "home" / "elsewhere"


def test_an_unknown_home(monkeypatch):
    monkeypatch.delenv("NUMCNN_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(OSError, match="set NUMCNN_HOME"):
        _cache.home()


@pytest.mark.parametrize("form", ["raw", "gz", "raw-dot", "gz-dot", "npz"])
def test_search_knows_every_form(toy, tmp_path, form):
    toy.put(tmp_path / "data", form)
    found = _cache.search(toy.dataset, tmp_path / "data", follow=False)
    assert toy.same(found.copy.pairs(toy.dataset))
    assert not found.missing
    assert not found.faults


def test_search_takes_the_sound_copy_of_a_file(toy, tmp_path):
    toy.put(tmp_path)
    toy.put(tmp_path, "gz")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"damaged")
    assert _cache.search(toy.dataset, tmp_path, follow=False).copy is not None


def test_search_says_what_is_missing_and_what_is_bad(toy, tmp_path):
    toy.put(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").unlink()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"damaged")
    found = _cache.search(toy.dataset, tmp_path, follow=False)
    assert found.copy is None
    assert found.missing == ["train-images-idx3-ubyte"]
    assert [fault.path.name for fault in found.faults] == ["t10k-labels-idx1-ubyte"]


@posix
def test_search_follows_links_only_when_told(toy, tmp_path):
    toy.put(tmp_path / "there")
    (tmp_path / "here").mkdir()
    for name in toy.raw:
        (tmp_path / "here" / name).symlink_to(tmp_path / "there" / name)
    assert _cache.search(toy.dataset, tmp_path / "here", follow=True).copy is not None
    found = _cache.search(toy.dataset, tmp_path / "here", follow=False)
    assert found.copy is None
    assert "symbolic link" in str(found.faults[0].error)


@posix
def test_search_does_not_wait_for_a_pipe(toy, tmp_path):
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    found = _cache.search(toy.dataset, tmp_path, follow=True)
    assert "regular file" in str(found.faults[0].error)


@posix
def test_what_is_no_file_is_refused_and_left_where_it_is(toy, cached, tmp_path):
    names = list(toy.raw)
    cached.mkdir(parents=True)
    (cached / names[0]).mkdir()
    os.mkfifo(cached / names[1])
    (cached / names[2]).symlink_to("/dev/zero")
    (cached / names[3]).symlink_to(cached / names[3])  # a loop
    found = _cache.search(toy.dataset, cached, follow=False)
    assert found.copy is None
    assert [fault.path.name for fault in found.faults] == names
    words = ["regular file", "regular file", "symbolic link", "symbolic link"]
    for fault, word in zip(found.faults, words, strict=True):
        assert word in str(fault.error)
        assert fault.path.name in str(fault.error)
    assert sorted(path.name for path in cached.iterdir()) == sorted(names)


@posix
def test_prepare_makes_private_folders(cached):
    _cache.prepare(cached)
    for folder in (cached, cached.parent, cached.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(cached.iterdir()) == []


def test_prepare_clears_old_left_overs_only(cached):
    cached.mkdir(parents=True)
    for name, age in (("old.part", 25), ("young.part", 23), ("old.txt", 25)):
        (cached / name).write_bytes(b"x")
        then = time.time() - age * 3600
        os.utime(cached / name, (then, then))
    _cache.prepare(cached)
    assert sorted(path.name for path in cached.iterdir()) == ["old.txt", "young.part"]


def test_a_home_that_is_a_file(cached, tmp_path):
    (tmp_path / "numcnn").write_bytes(b"")
    with pytest.raises(OSError, match="NUMCNN_HOME"):
        _cache.prepare(cached)


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written(cached, tmp_path):
    (tmp_path / "numcnn").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="NUMCNN_HOME"):
        _cache.prepare(cached)


def test_a_disk_that_refuses_to_write(cached, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    cached.mkdir(parents=True)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match=r"Read-only file system.*NUMCNN_HOME") as caught:
        _cache.prepare(cached)
    assert caught.value.errno == errno.EROFS


def test_place_replaces_whole_files(cached):
    cached.mkdir(parents=True)
    _cache.place(cached, "name", b"first")
    _cache.place(cached, "name", b"second")
    assert (cached / "name").read_bytes() == b"second"
    assert len(list(cached.iterdir())) == 1


@posix
def test_place_swaps_a_link_and_spares_its_target(cached, tmp_path):
    cached.mkdir(parents=True)
    (tmp_path / "target").write_bytes(b"mine")
    (cached / "name").symlink_to(tmp_path / "target")
    _cache.place(cached, "name", b"new")
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert not (cached / "name").is_symlink()


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("kind", ["full disk", "ctrl-c"])
def test_place_leaves_nothing_behind_and_the_old_file_alone(cached, monkeypatch, function, kind):
    cached.mkdir(parents=True)
    (cached / "name").write_bytes(b"old")
    error = OSError(errno.ENOSPC, "No space left") if kind == "full disk" else KeyboardInterrupt()

    def fail(*args):
        raise error

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError if kind == "full disk" else KeyboardInterrupt) as caught:
        _cache.place(cached, "name", b"new")
    if kind == "full disk":
        assert caught.value.errno == errno.ENOSPC
        assert "NUMCNN_HOME" in str(caught.value)
    assert [path.name for path in cached.iterdir()] == ["name"]
    assert (cached / "name").read_bytes() == b"old"


def test_set_aside_spares_a_file_that_was_replaced_meanwhile(toy, cached, capsys):
    toy.put(cached)
    bad = cached / "train-labels-idx1-ubyte"
    bad.write_bytes(b"damaged")
    (fault,) = _cache.search(toy.dataset, cached, follow=False).faults
    _cache.place(cached, bad.name, toy.raw[bad.name])
    _cache.set_aside(fault)
    assert len(list(cached.iterdir())) == 4
    bad.unlink()
    _cache.set_aside(fault)
    assert capsys.readouterr().err == ""
