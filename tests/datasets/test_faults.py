"""Every fault of a mirror, with the cache empty, complete and damaged.

Whatever a mirror does: the error is a DownloadError or a ChecksumError that names the address, no
file that cannot be verified is ever in the cache, nothing is left over, and a sound mirror after it
is used.
"""

import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import numcnn
from numcnn.datasets import _download
from numcnn.datasets._load import load
from numcnn.errors import ChecksumError, DownloadError

HERE = Path(__file__).parent
LINGER = struct.pack("ii", 1, 0)  # closing sends a reset


def reset(handler):
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    handler.connection.close()


def redirect(handler, location):
    handler.send_response(302)
    handler.send_header("Location", location)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


class Faults:
    """What a mirror may do to a body; each method is one fault, given (handler, body)."""

    def __init__(self, server):
        self.server, self.reply = server, server.reply

    def wait(self, handler):
        self.server.released.wait(600)

    def cut_at_once(self, h, body):
        self.reply(h, b"", len(body))

    def cut_after_a_byte(self, h, body):
        self.reply(h, body[:1], len(body))

    def cut_before_the_last_byte(self, h, body):
        self.reply(h, body[:-1], len(body))

    def cut_without_a_length(self, h, body):
        self.reply(h, body[:-7], "none")

    def one_wrong_bit(self, h, body):
        self.reply(h, body[:200] + bytes([body[200] ^ 1]) + body[201:])

    def zeros(self, h, body):
        self.reply(h, bytes(len(body)))

    def stalls(self, h, body):
        self.reply(h, body[:99], len(body))
        self.wait(h)

    def drips(self, h, body):
        self.reply(h, b"", len(body))
        for byte in body:
            if self.server.released.wait(0.05):
                break
            h.wfile.write(bytes([byte]))

    def never_answers(self, h, body):
        self.wait(h)

    def drips_headers(self, h, body):
        h.wfile.write(b"HTTP/1.0 200 OK\r\n")
        while not self.server.released.wait(0.05):
            h.wfile.write(b"X-A: b\r\n")

    def offers_more(self, h, body):
        self.reply(h, body + b"?")

    def offers_less(self, h, body):
        self.reply(h, body[:-1])

    def sends_more_than_it_offers(self, h, body):
        self.reply(h, body * 3, "none")

    def sends_no_end(self, h, body):
        self.reply(h, b"", "none")
        for _ in range(10_000):
            h.wfile.write(bytes(1 << 14))

    def a_length_that_is_none(self, h, body):
        self.reply(h, body, "many")

    def cut_in_a_chunk(self, h, body):
        h.protocol_version = "HTTP/1.1"
        h.send_response(200)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        h.wfile.write(b"%x\r\n" % len(body) + body[:50])

    def a_chunk_without_a_size(self, h, body):
        h.protocol_version = "HTTP/1.1"
        h.send_response(200)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        h.wfile.write(b"zz\r\n" + body)

    def status_403(self, h, body):
        h.send_error(403)

    def status_404(self, h, body):
        h.send_error(404)

    def status_500(self, h, body):
        h.send_error(500)

    def status_204(self, h, body):
        h.send_response(204)
        h.end_headers()

    def a_page_of_the_right_size(self, h, body):
        self.reply(h, b"<html>please log in</html>".ljust(len(body)))

    def six_redirects(self, h, body):
        redirect(h, f"{h.path}.")

    def a_redirect_to_itself(self, h, body):
        redirect(h, h.path)

    def a_redirect_to_http(self, h, body):
        redirect(h, "http://example.org/toy.npz")

    def a_redirect_to_a_file(self, h, body):
        redirect(h, "file:///etc/hosts")

    def a_redirect_to_ftp(self, h, body):
        redirect(h, "ftp://127.0.0.1/toy.npz")

    def a_redirect_to_nowhere(self, h, body):
        redirect(h, "")

    def a_reset_in_the_middle(self, h, body):
        self.reply(h, body[:200], len(body))
        reset(h)

    def a_reset_at_once(self, h, body):
        reset(h)

    def no_http_at_all(self, h, body):
        h.wfile.write(b"\x00\xff SSH-2.0\r\n\r\n")

    def headers_without_end(self, h, body):
        h.wfile.write(b"HTTP/1.0 200 OK\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n")

    def a_header_too_long(self, h, body):
        h.wfile.write(b"HTTP/1.0 200 OK\r\nX-A: " + b"b" * 100_000 + b"\r\n\r\n")


FAULTS = [name for name in vars(Faults) if name[0] != "_" and name != "wait"]


@pytest.fixture
def spoilt(toy, server, monkeypatch):
    """Return the address of a mirror with this fault; the client is impatient with it alone."""
    real = _download.get

    def get(url, *args, **kwargs):
        with monkeypatch.context() as patch:
            if "/bad/" in url:
                patch.setattr(_download, "CONNECT_SECONDS", 0.3)
                patch.setattr(_download, "READ_SECONDS", 0.3)
                patch.setattr(_download, "SLOWEST", 10**6)
            return real(url, *args, **kwargs)

    monkeypatch.setattr(_download, "get", get)
    faults = Faults(server)

    def spoil(fault):
        def answer(handler):
            getattr(faults, fault)(handler, toy.npz)

        for dots in range(8):
            server.routes[f"/bad/toy.npz{'.' * dots}"] = answer
        server.routes["/toy.npz"] = toy.npz
        return f"{server.url}bad/toy.npz"

    return spoil


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("cache", ["cold", "warm", "corrupt"])
def test_a_fault_of_a_mirror(fault, cache, toy, server, spoilt, cached):
    address = spoilt(fault)
    if cache != "cold":
        toy.put(cached)
    if cache == "corrupt":
        bad = cached / "train-labels-idx1-ubyte"
        bad.write_bytes(bad.read_bytes()[:-1] + b"\xff")
    before = contents(cached)

    if cache == "warm":
        assert toy.same(load(toy.at(address)))
        assert server.asked == []
        assert contents(cached) == before
        return
    with pytest.raises(DownloadError if cache == "cold" else ChecksumError) as caught:
        load(toy.at(address))
    assert address in str(caught.value)
    assert "To place the files by hand" in str(caught.value)
    assert contents(cached) == before

    assert toy.same(load(toy.at(address, f"{server.url}toy.npz")))
    found = contents(cached)
    aside = [name for name in found if ".corrupt-" in name]
    assert len(aside) == (cache == "corrupt")
    assert all(found.pop(name) == before[name.split(".corrupt")[0]] for name in aside)
    assert found == toy.raw


class Tls:
    """A server that speaks TLS with a certificate that nobody has signed."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.socket.getsockname()[1]}/"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(HERE / "self_signed.pem")
        self.got = []

        def serve():
            while True:
                try:
                    connection, _ = self.socket.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        self.got.append(secure.recv(1))
                except OSError:
                    continue  # the client has broken off, as it should

        threading.Thread(target=serve, daemon=True).start()


def test_a_certificate_that_nobody_has_signed(toy, cached):
    server = Tls()
    with pytest.raises(DownloadError, match=r"cannot be reached .*certificate.verify.failed"):
        load(toy.at(f"{server.url}toy.npz"))
    server.socket.close()
    assert server.got == []
    assert contents(cached) == {}


def test_a_server_without_tls(toy, server, cached):
    with pytest.raises(DownloadError, match=r"cannot be reached"):
        load(toy.at(f"{server.url.replace('http:', 'https:')}toy.npz"))
    assert contents(cached) == {}


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "nonsense", "http://"])
def test_a_proxy_that_is_of_no_use(toy, server, cached, monkeypatch, proxy):
    server.routes["/toy.npz"] = toy.npz
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(DownloadError, match=r"toy\.npz.* cannot be reached"):
        load(toy.at(f"{server.url}toy.npz"))
    assert server.asked == []
    assert contents(cached) == {}


# Processes that are killed, and many at once.

WORKER = """
import pickle, sys
from numcnn.datasets import _download
from numcnn.datasets._load import load
_download.CONNECT_SECONDS = _download.READ_SECONDS = 600
dataset, sums = pickle.load(open(sys.argv[1], "rb"))
for line in sys.stdin:
    (a, b), (c, d) = load(dataset)
    assert [int(array.sum()) for array in (a, b, c, d)] == sums
    print("loaded", flush=True)
"""


def worker(toy, tmp_path, *mirrors):
    import pickle

    sums = [int(array.sum()) for array in toy.arrays.values()]
    (tmp_path / "dataset").write_bytes(pickle.dumps((toy.at(*mirrors), sums)))
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path / "dataset")],
        env={**os.environ, "PYTHONPATH": str(Path(numcnn.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sound(toy, cached):
    """Tell whether every file under a final name is whole."""
    found = contents(cached)
    return all(data == toy.raw[name] for name, data in found.items() if not name.endswith(".part"))


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.proof)])
def test_a_killed_download_leaves_whole_files_only(toy, server, cached, tmp_path, kills):
    import random

    asked, slow = threading.Event(), random.Random(kills)

    def slowly(handler):
        server.reply(handler, toy.npz[:1000], len(toy.npz))
        asked.set()
        time.sleep(slow.uniform(0, 0.02))
        handler.wfile.write(toy.npz[1000:])

    server.routes["/toy.npz"] = slowly
    places = set()
    for _ in range(kills):
        process = worker(toy, tmp_path, f"{server.url}toy.npz")
        asked.clear()
        process.stdin.write("go\n")
        process.stdin.flush()
        assert asked.wait(600)
        time.sleep(slow.uniform(0, 0.04))
        process.kill()
        process.communicate()
        assert sound(toy, cached)
        places.add(len(contents(cached)))
        if len(contents(cached)) >= 4:
            for path in cached.iterdir():
                path.unlink()
    assert toy.same(load(toy.at(f"{server.url}toy.npz")))
    assert contents(cached) == toy.raw
    if kills > 50:
        print(f"{kills} downloads killed; files in the cache then: {sorted(places)}")
        assert len(places) > 1


@pytest.mark.proof
@pytest.mark.parametrize("state", ["cold", "corrupt"])
def test_eight_processes_at_once_fifty_times(toy, server, cached, tmp_path, state):
    server.routes["/toy.npz"] = toy.npz
    workers = [worker(toy, tmp_path, f"{server.url}toy.npz") for _ in range(8)]
    try:
        for _ in range(50):
            for path in cached.iterdir() if cached.exists() else ():
                path.unlink()
            if state == "corrupt":
                toy.put(cached)
                (cached / "train-images-idx3-ubyte").write_bytes(b"damaged")
            for process in workers:
                process.stdin.write("go\n")
                process.stdin.flush()
            for process in workers:
                assert process.stdout.readline() == "loaded\n", process.stderr.read()
            found = contents(cached)
            aside = [found.pop(name) for name in list(found) if ".corrupt-" in name]
            assert set(aside) <= {b"damaged"}
            assert found == toy.raw
    finally:
        for process in workers:
            process.kill()
            process.communicate()
