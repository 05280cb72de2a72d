"""A small web server for one page, on this machine and for this machine alone.

It listens on 127.0.0.1, so no other machine reaches it. But a browser on this machine might be sent
here by a page from elsewhere; so a request must name this server as its host (which a foreign name
that resolves to 127.0.0.1 does not) and, where it says which page it comes from, come from ours.
Files are read once at the start; no path of a request ever becomes a path on the disk. Nothing is
larger, lasts longer or comes more often at once than the page needs.

    GET   /  /page.css  /page.js  /icon.svg      the page
    GET   /model                                 what the layers are
    GET   /digit                                 an image of MNIST, by chance
    POST  /look    /look?digit=3                 280 x 280 bytes of ink: what is made of them
"""

import base64
import io
import json
import random
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from draw_digit.look import describe, look
from numcnn.datasets import mnist
from numcnn.models import Sequential

SIDE = 280  # of the drawing that the page sends, in pixels of one byte
AT_ONCE = 32  # connections; a browser opens six
FOLDER = Path(__file__).parent
FILES = {  # path: file, content type
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
JSON, TEXT = "application/json", "text/plain; charset=utf-8"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Refusal(Exception):
    """A request that is not answered: the status, and one sentence that says why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Server(ThreadingHTTPServer):
    """The page and what it asks for, each request in a thread of its own.

    Args:
        model: from an image of MNIST to ten probabilities.
        port: 0 takes one that is free; `server_port` is the one taken.
        raw: whether the model was trained on pixels 0..255 instead of 0..1.
        patience: seconds that a request may take to arrive.
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # there it would let two programs share a port

    def __init__(
        self, model: Sequential, port: int = 0, raw: bool = False, patience: float = 10.0
    ) -> None:
        self.patience = patience
        self.room = threading.BoundedSemaphore(AT_ONCE)
        files = {path: (FOLDER / name).read_bytes() for path, (name, _) in FILES.items()}
        model_text = json.dumps(describe(model, raw)).encode()
        _, (images, labels) = mnist.load_sample()
        self.pages: dict[str, Callable[[], tuple[str, bytes]]] = {
            "/model": lambda: (JSON, model_text),
            "/digit": lambda: (JSON, any_digit(images, labels)),
        }
        for path, (_, kind) in FILES.items():
            self.pages[path] = lambda path=path, kind=kind: (kind, files[path])
        self.look = lambda drawing, digit: look(model, drawing, digit, raw)
        super().__init__(("127.0.0.1", port), Handler)
        hosts = [f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"]
        self.hosts = {*hosts, "127.0.0.1", "localhost"} if self.server_port == 80 else {*hosts}

    def server_bind(self) -> None:
        """Bind without asking a name server for our name, as HTTPServer would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if there are not too many already."""
        if self.room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless it is only that the browser has gone."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            traceback.print_exc()


def any_digit(images: Any, labels: Any) -> bytes:
    """Return one of the images as JSON."""
    i = random.randrange(len(images))
    data = base64.b64encode(images[i].tobytes()).decode("ascii")
    return json.dumps({"label": int(labels[i]), "bytes": data}).encode()


class Until(io.RawIOBase):
    """What comes from a connection up to a point in time; TimeoutError after it.

    A timeout of the socket alone would begin anew with every byte that trickles in.
    """

    def __init__(self, connection: socket.socket, end: float) -> None:
        self.connection, self.end = connection, end

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come."""
        self.connection.settimeout(max(self.end - time.monotonic(), 1e-3))
        return self.connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    """One request on one connection (HTTP/1.0), which is then closed."""

    server: Server
    default_request_version = "HTTP/1.0"  # else what cannot be read is answered without headers

    def setup(self) -> None:
        """Make the streams; the one to read from ends when patience does."""
        super().setup()
        self.rfile = io.BufferedReader(
            Until(self.connection, time.monotonic() + self.server.patience)
        )

    def __getattr__(self, name: str) -> Any:
        """Bring every method to one place; http.server looks for do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        """Answer, or refuse and say why."""
        try:
            self.require_our_page()
            self.reply(HTTPStatus.OK, *self.found())
        except Refusal as refusal:
            self.reply(refusal.status, TEXT, f"{refusal}\n".encode())
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            traceback.print_exc()
            why = b"Something is wrong in the program; the terminal where it runs says what.\n"
            self.reply(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, why)

    def require_our_page(self) -> None:
        """Refuse a request that is not for this server or comes from another's page."""
        hosts, origins = (self.headers.get_all(name, []) for name in ("Host", "Origin"))
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
            raise Refusal(HTTPStatus.FORBIDDEN, "This server answers to its own address only.")
        if origins and origins != [f"http://{hosts[0]}"]:
            raise Refusal(HTTPStatus.FORBIDDEN, "This server answers to its own page only.")

    def found(self) -> tuple[str, bytes]:
        """Return the content type and the bytes that a request is answered with."""
        path, _, query = self.path.partition("?")
        if path == "/look":
            self.require_method("POST")
            return JSON, json.dumps(self.server.look(self.drawing(), asked_digit(query))).encode()
        if self.path not in self.server.pages:
            raise Refusal(HTTPStatus.NOT_FOUND, "There is nothing at this path.")
        self.require_method("GET", "HEAD")
        return self.server.pages[self.path]()

    def require_method(self, *methods: str) -> None:
        if self.command not in methods:
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED, f"This path takes {' and '.join(methods)} only."
            )

    def drawing(self) -> Any:
        """Return the drawing that the request brings, (280, 280) bytes."""
        kinds, lengths = (self.headers.get_all(f"Content-{x}", []) for x in ("Type", "Length"))
        if len(lengths) != 1 or "Transfer-Encoding" in self.headers:
            raise Refusal(HTTPStatus.LENGTH_REQUIRED, "Content-Length is needed, once.")
        if not (lengths[0].isascii() and lengths[0].isdigit()):
            raise Refusal(HTTPStatus.BAD_REQUEST, "Content-Length must be a whole number.")
        digits = lengths[0].lstrip("0")
        if len(digits) > 9 or int(digits or 0) > SIDE * SIDE:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A drawing has {SIDE * SIDE} bytes."
            )
        if kinds != ["application/octet-stream"]:
            raise Refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "The Content-Type of a drawing is application/octet-stream.",
            )
        try:
            data = self.rfile.read(int(digits or 0))
        except TimeoutError:
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "The drawing took too long.") from None
        if len(data) != SIDE * SIDE:
            raise Refusal(
                HTTPStatus.BAD_REQUEST, f"A drawing has {SIDE * SIDE} bytes, {len(data)} came."
            )
        return np.frombuffer(data, "uint8").reshape(SIDE, SIDE)

    def reply(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        """Send an answer with the headers that all answers have."""
        self.connection.settimeout(self.server.patience)
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST" if self.path.startswith("/look") else "GET, HEAD")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if status != HTTPStatus.OK:
            self.read_the_rest()

    def read_the_rest(self) -> None:
        """Read on for a little: a connection closed before would take the answer with it."""
        self.connection.shutdown(socket.SHUT_WR)
        left = 1 << 20
        while left > 0:
            try:
                data = self.rfile.read1(65536)
            except (TimeoutError, ConnectionError):
                return
            if not data:
                return
            left -= len(data)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in our own words what http.server cannot read."""
        self.reply(HTTPStatus(code), TEXT, f"{HTTPStatus(code).phrase}.\n".encode())

    def version_string(self) -> str:
        """Name the program and no versions."""
        return "numcnn"

    def log_message(self, format: str, *values: Any) -> None:
        """Keep the terminal quiet: the page asks many times a second."""


def asked_digit(query: str) -> int | None:
    """Return the digit of the query, or None where there is none.

    >>> asked_digit(""), asked_digit("digit=3")
    (None, 3)
    """
    if not query:
        return None
    name, _, value = query.partition("=")
    if name != "digit" or value not in list("0123456789"):
        raise Refusal(HTTPStatus.BAD_REQUEST, "The query is digit=0 to digit=9, or there is none.")
    return int(value)
