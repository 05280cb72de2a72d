"""A toy data set with every file of the real one, a server on this machine, no way out of it."""

import gzip
import hashlib
import io
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from numcnn.datasets import _download, idx
from numcnn.datasets._check import DataFile, DataSet

SETTINGS = ("HOME", "NUMCNN_HOME", "KERAS_HOME", "NUMCNN_OFFLINE", "PATH")
OUTSIDE = {name: os.environ.get(name) for name in SETTINGS}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _sealed(tmp_path, monkeypatch):
    """Give every test a home of its own, no npm, and no address but 127.0.0.1.

    And patience: a server on this machine answers, but the machine may stop for minutes.
    """
    monkeypatch.setattr(_download, "CONNECT_SECONDS", 600)
    monkeypatch.setattr(_download, "READ_SECONDS", 600)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NUMCNN_HOME", str(tmp_path / "numcnn"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("KERAS_HOME", "NUMCNN_OFFLINE", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    look_up = socket.getaddrinfo

    def only_here(host, *args, **kwargs):
        if host != "127.0.0.1":
            raise socket.gaierror(f"tests do not look up {host}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)


@pytest.fixture
def outside(monkeypatch):
    """Bring back the settings with which the tests were started."""
    for name, value in OUTSIDE.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)


class Toy:
    """30 images of 5 x 4 pixels in the four files, plain, packed and as one .npz."""

    def __init__(self, published="raw"):
        rng = np.random.default_rng(3)
        self.raw, self.gz, files = {}, {}, []
        kinds = (("train", "x_train", 20), ("train", "y_train", 20))
        kinds += (("t10k", "x_test", 10), ("t10k", "y_test", 10))
        self.arrays = {}
        for part, key, n in kinds:
            images = key[0] == "x"
            shape = (n, 5, 4) if images else (n,)
            name = f"{part}-images-idx3-ubyte" if images else f"{part}-labels-idx1-ubyte"
            array = rng.integers(0, 256 if images else 10, shape).astype(np.uint8)
            self.arrays[key] = array
            self.raw[name] = idx.encode(array)
            self.gz[name] = gzip.compress(self.raw[name])
            files.append(
                DataFile(
                    name=name,
                    key=key,
                    shape=shape,
                    sha256=digest(self.raw[name]) if published == "raw" else "",
                    gz_bytes=len(self.gz[name]),
                    gz_sha256=digest(self.gz[name]),
                    counts=() if images else tuple(np.bincount(array, minlength=10).tolist()),
                )
            )
        stream = io.BytesIO()
        np.savez_compressed(stream, **self.arrays)
        self.npz = stream.getvalue()
        self.dataset = DataSet(
            title="Toy",
            folder="toy",
            files=tuple(files),
            npz="toy.npz" if published == "raw" else "",
            npz_bytes=len(self.npz),
            keras="toy.npz" if published == "raw" else "toy",
            loopback=True,
        )

    def at(self, *mirrors, **changes):
        return self.dataset._replace(mirrors=mirrors, **changes)

    def same(self, pairs):
        (x_train, y_train), (x_test, y_test) = pairs
        got = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
        return all(
            np.array_equal(got[key], self.arrays[key]) and got[key].flags.writeable
            for key in self.arrays
        )

    def arrays_by_name(self):
        return {file.name: self.arrays[file.key].copy() for file in self.dataset.files}

    def put(self, folder, form="raw"):
        folder.mkdir(parents=True, exist_ok=True)
        if form == "npz":
            (folder / "toy.npz").write_bytes(self.npz)
            return
        for name in self.raw:
            dotted = name.replace("-idx", ".idx") if "dot" in form else name
            packed = "gz" in form
            data = self.gz[name] if packed else self.raw[name]
            (folder / f"{dotted}{'.gz' if packed else ''}").write_bytes(data)


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture
def packed_toy():
    """The toy as KMNIST is: only the .gz files have published hashes."""
    return Toy("gz")


@pytest.fixture
def cached(tmp_path):
    """The folder in which the toy is cached."""
    return tmp_path / "numcnn" / "datasets" / "toy"


class Server:
    """Serves `routes`: bytes, or a function that is handed the request handler."""

    def __init__(self):
        self.routes, self.asked, self.released = {}, [], threading.Event()
        routes, asked = self.routes, self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                answer = routes.get(self.path)
                try:
                    if answer is None:
                        self.send_error(404)
                    elif callable(answer):
                        answer(self)
                    else:
                        reply(self, answer)
                except ConnectionError:
                    pass  # the client broke off, as it should in some tests

            def log_message(self, *args):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()


def reply(handler, body, length=None, status=200, **headers):
    handler.send_response(status)
    if length != "none":
        handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server():
    server = Server()
    server.reply = reply
    yield server
    server.close()
