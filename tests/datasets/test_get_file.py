"""keras.utils.get_file against a server on this machine, and archives that want to leave."""

import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from numcnn.errors import ChecksumError, DataFileError, DownloadError, DTypeError
from numcnn.utils import data_utils, fetch, get_file

DATA = b"some bytes" * 1000


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    monkeypatch.setattr(fetch, "_loopback", True)


def tar(**members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_dot_", "."))
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
                archive.addfile(member)
            else:
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return stream.getvalue()


def test_fetched_once_and_kept(server, tmp_path):
    server.routes["/a/b.bin"] = DATA
    path = get_file("c.bin", f"{server.url}a/b.bin")
    assert path == str(tmp_path / "numcnn" / "datasets" / "c.bin")
    assert Path(path).read_bytes() == DATA
    assert get_file("c.bin", f"{server.url}a/b.bin") == path
    assert server.asked == ["/a/b.bin"]
    get_file("c.bin", f"{server.url}a/b.bin", force_download=True)
    assert server.asked == ["/a/b.bin"] * 2
    assert get_file(origin=f"{server.url}a/b.bin", cache_subdir="x").endswith("numcnn/x/b.bin")
    assert data_utils.get_file is get_file


def test_without_an_announced_length(server):
    server.routes["/b"] = lambda handler: server.reply(handler, DATA, length="none")
    assert Path(get_file("b", f"{server.url}b")).read_bytes() == DATA


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_hash_is_checked_at_every_call(server, kind, capsys):
    server.routes["/b"] = DATA
    good = hashlib.new(kind, DATA).hexdigest()
    path = get_file("b", f"{server.url}b", file_hash=good.upper())
    assert get_file("b", f"{server.url}b", file_hash=good, hash_algorithm=kind) == path
    assert server.asked == ["/b"]
    with open(path, "ab") as file:
        file.write(b"?")
    get_file("b", f"{server.url}b", file_hash=good)
    assert "fetched anew" in capsys.readouterr().err
    assert Path(path).read_bytes() == DATA


def test_what_has_another_hash_is_not_kept(server, tmp_path):
    server.routes["/b"] = DATA
    with pytest.raises(ChecksumError, match="Nothing was kept"):
        get_file("b", f"{server.url}b", md5_hash="0" * 32)
    assert list((tmp_path / "numcnn" / "datasets").iterdir()) == []


def test_a_tar_as_keras_2_takes_it_apart(server, tmp_path):
    server.routes["/f.tgz"] = tar(flowers__rose__1_dot_txt=b"red", flowers__LICENSE=b"CC")
    folder = get_file("flowers", f"{server.url}f.tgz", untar=True)
    assert folder == str(tmp_path / "numcnn" / "datasets" / "flowers")
    assert sorted(os.listdir(folder)) == ["LICENSE", "rose"]
    assert get_file("flowers", f"{server.url}f.tgz", untar=True) == folder
    assert server.asked == ["/f.tgz"]


@pytest.mark.parametrize("pack", [tar, zipped])
def test_an_archive_that_is_extracted(server, tmp_path, pack):
    server.routes["/f"] = pack(pets__cat=b"1", pets__dog=b"2")
    path = get_file("f.zip", f"{server.url}f", extract=True, cache_dir=str(tmp_path / "c"))
    assert path == str(tmp_path / "c" / "datasets" / "f.zip")
    assert sorted(os.listdir(os.path.join(os.path.dirname(path), "pets"))) == ["cat", "dog"]


@pytest.mark.parametrize(
    "data",
    [
        zipped(**{"../evil": b"1"}),
        zipped(**{"/evil": b"1"}),
        tar(**{"../evil": b"1"}),
        tar(**{"a/../../../evil": b"1"}),
        tar(link="/etc"),
        tar(link="../../.."),
        b"no archive",
        tar(a=b"1" * 5000)[:60],
    ],
)
def test_archives_that_would_leave_the_folder_or_are_none(server, tmp_path, data):
    server.routes["/f"] = data
    with pytest.raises(DataFileError):
        get_file("f", f"{server.url}f", extract=True, cache_dir=str(tmp_path / "c"))
    assert not (tmp_path / "c" / "evil").exists()
    assert not (tmp_path / "evil").exists()
    assert [p.name for p in (tmp_path / "c" / "datasets").iterdir()] == ["f"]


def test_an_older_python_says_why_a_tar_stays_whole(server, tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    server.routes["/f"] = tar(a=b"1")
    with pytest.raises(DataFileError, match=r"taken apart from Python 3\.11\.4 on"):
        get_file("f", f"{server.url}f", extract=True)
    assert not (tmp_path / "numcnn" / "datasets" / "a").exists()


def test_an_archive_of_more_than_there_is_room_for(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_UNPACKED", 100)
    server.routes["/f"] = zipped(a=b"0" * 101)
    with pytest.raises(DataFileError, match="unpacks to 101 bytes"):
        get_file("f", f"{server.url}f", extract=True)
    assert not (tmp_path / "numcnn" / "datasets" / "a").exists()


def test_more_than_is_allowed_is_not_read(server, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_BYTES", 100)
    server.routes["/b"] = DATA
    with pytest.raises(DownloadError, match="allowed are 100"):
        get_file("b", f"{server.url}b")
    server.routes["/b"] = lambda handler: server.reply(handler, DATA, length="none")
    with pytest.raises(DownloadError, match="more than"):
        get_file("b", f"{server.url}b")
    server.routes["/b"] = lambda handler: server.reply(handler, b"1" * 50, length=60)
    with pytest.raises(DownloadError, match=r"broke off|instead of"):
        get_file("b", f"{server.url}b")


def test_wrong_arguments(server, monkeypatch):
    for name in ("a/b", "..", "/a"):
        with pytest.raises(ValueError, match="without folders"):
            get_file(name, f"{server.url}b")
    with pytest.raises(DTypeError, match="origin must be"):
        get_file("a")
    with pytest.raises(ValueError, match="hash_algorithm"):
        get_file("a", f"{server.url}b", hash_algorithm="crc")
    for address in ("http://example.org/a", "ftp://example.org/a", "file:///etc/passwd", "a"):
        with pytest.raises(DownloadError, match="only https"):
            get_file("a", address)
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")
    with pytest.raises(DownloadError, match="NUMCNN_OFFLINE is set"):
        get_file("a", f"{server.url}b")
    assert server.asked == []
