"""examples/draw_digit/server.py: what it answers, and all that it refuses."""

import base64
import http.client
import json
import os
import socket
import struct
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from draw_digit import look, server
from drawn_digits import FIRST, ink, strokes

from numcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

PATIENCE = 600  # seconds; the machine may stand still for minutes
BYTES = "application/octet-stream"


def small_model(*layers):
    """Return a model that reads nothing but is quick."""
    set_random_seed(3)
    first = layers or [
        Conv2D(4, (3, 3), activation="relu", input_shape=(28, 28, 1)),
        MaxPool2D((2, 2)),
        Flatten(),
        Dropout(0.5),
    ]
    return Sequential([*first, Dense(10, activation="softmax")])


@contextmanager
def serving(model, **options):
    with server.Server(model, **{"patience": PATIENCE, **options}) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def running():
    with serving(small_model()) as one:
        yield one


def drawing(digit=5, seed=0):
    part = [stroke / 4 for stroke in strokes(FIRST[digit], seed)]
    return np.kron((255 * ink(part, 5, 70)).astype("uint8"), np.ones((4, 4), "uint8"))


DRAWING = drawing().tobytes()


def ask(running, method, path, body=None, headers=(), host=None):
    """Return (status, headers, body) of a request with exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", running.server_port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if host is None:
            host = f"127.0.0.1:{running.server_port}"
        if host:
            connection.putheader("Host", host)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def post(running, body=DRAWING, path="/look", kind=BYTES, length=None, more=(), **others):
    length = len(body) if length is None else length
    headers = [("Content-Type", kind), ("Content-Length", str(length)), *more]
    return ask(running, "POST", path, body, headers, **others)


def raw(running, data):
    """Return all that comes back when these bytes are sent and no more."""
    with socket.create_connection(("127.0.0.1", running.server_port), PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# ---- what it answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "begins"),
    [
        ("/", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/page.css", "text/css; charset=utf-8", b"/*"),
        ("/page.js", "text/javascript; charset=utf-8", b'"use strict"'),
        ("/icon.svg", "image/svg+xml", b"<svg"),
        ("/model", "application/json", b"{"),
        ("/digit", "application/json", b"{"),
    ],
)
def test_pages(running, path, kind, begins):
    status, headers, body = ask(running, "GET", path)
    assert (status, headers["Content-Type"]) == (200, kind)
    assert body.startswith(begins)
    assert len(body) == int(headers["Content-Length"])
    status, headers, body = ask(running, "HEAD", path)
    assert (status, headers["Content-Type"], body) == (200, kind, b"")


def test_the_headers_of_every_answer(running):
    for answer in (
        ask(running, "GET", "/"),
        ask(running, "GET", "/nothing"),
        ask(running, "GET", "/", host="evil.example"),
        ask(running, "BREW", "/"),
        post(running),
        post(running, b"x"),
    ):
        headers = answer[1]
        policy = headers["Content-Security-Policy"].split("; ")
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Server"] == "numcnn"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_files_of_the_page_name_no_other_place():
    for name, _ in server.FILES.values():
        text = (server.FOLDER / name).read_text(encoding="utf-8")
        assert "//" not in text.replace("http://www.w3.org/2000/svg", "").replace("// ", ""), name
        assert "style=" not in text  # the policy would forbid it
        assert "<script>" not in text


def unpacked(found):
    """Return a picture of the answer as numbers."""
    data = np.frombuffer(base64.b64decode(found["bytes"]), "uint8").reshape(found["shape"])
    return found["low"] + (found["high"] - found["low"]) * (data / 255)


def test_what_is_said_about_a_drawing(running):
    status, _, body = post(running)
    assert status == 200
    found, model = json.loads(body), small_model()
    assert not found["empty"]
    prepared = look.as_mnist(drawing())
    assert found["crop"] == list(prepared.crop)
    assert np.abs(unpacked(found["image"]) - prepared.image).max() < 1 / 255
    x = prepared.image[None, ..., None]
    p = model.predict(x)[0]
    assert found["probabilities"] == pytest.approx(p.tolist(), abs=1e-5)
    assert found["saliency"]["digit"] == p.argmax()
    gradient = look.input_gradient(model, x, int(p.argmax()))[0, ..., 0]
    step = np.abs(gradient).max() / 127
    assert np.abs(unpacked(found["saliency"]) - gradient).max() < step
    maps = look.activations(model, x)
    for layer, shown in zip(model.layers, found["layers"], strict=True):
        if type(layer) in (Flatten, Dropout):
            assert shown is None
        else:
            y = maps[layer.name][0]
            assert shown["shape"] == list(y.shape)
            assert np.abs(unpacked(shown) - y).max() <= np.abs(y).max() / 250


def test_the_saliency_of_a_digit_that_is_asked_for(running):
    for digit in range(10):
        found = json.loads(post(running, path=f"/look?digit={digit}")[2])
        assert found["saliency"]["digit"] == digit
        x = look.as_mnist(drawing()).image[None, ..., None]
        gradient = look.input_gradient(small_model(), x, digit)[0, ..., 0]
        assert found["saliency"]["high"] == pytest.approx(np.abs(gradient).max(), rel=1e-4)


def test_an_empty_drawing(running):
    status, _, body = post(running, bytes(280 * 280))
    assert (status, json.loads(body)) == (200, {"empty": True})


def test_what_is_said_about_the_model(running):
    found = json.loads(ask(running, "GET", "/model")[2])
    assert [layer["kind"] for layer in found["layers"]] == [
        *("Conv2D", "MaxPool2D", "Flatten", "Dropout", "Dense")
    ]
    assert found["parameters"] == small_model().count_params()
    assert all(len(layer["text"]) > 20 for layer in found["layers"])
    assert (
        np.abs(unpacked(found["filters"]) - small_model().layers[0].params["w"][:, :, 0]).max()
        < 0.01
    )


def test_a_digit_of_mnist(running):
    seen = {json.loads(ask(running, "GET", "/digit")[2])["label"] for _ in range(30)}
    assert len(seen) > 3
    assert seen <= set(range(10))


def test_models_of_other_shapes_are_shown_in_part():
    for model in (
        small_model(Flatten(input_shape=(28, 28)), Dense(3000, activation="tanh")),
        small_model(Conv2D(100, 3, strides=5, input_shape=(28, 28, 1)), Flatten()),
    ):
        told = look.describe(model)
        found = look.look(model, drawing())
        assert [layer["shown"] for layer in told["layers"] if layer["picture"]] == [
            y["shape"] for y in found["layers"] if y
        ]
        assert len(json.dumps(found)) < 100_000
        first = next(y for y in found["layers"] if y)
        assert first["low"] == -first["high"] < 0  # no ReLU: both signs


def test_pixels_up_to_255():
    model = small_model()
    p = look.look(model, drawing(), raw=True)["probabilities"]
    x = 255 * look.as_mnist(drawing()).image[None, ..., None]
    assert p == pytest.approx(model.predict(x)[0].tolist(), abs=1e-5)


def test_many_drawings_at_once_are_each_answered_rightly(running):
    drawings = [drawing(digit, seed) for digit in range(10) for seed in range(2)]
    expected = [look.look(small_model(), one) for one in drawings]
    barrier, found = threading.Barrier(5), {}

    def work(first):
        barrier.wait()
        for i in range(first, len(drawings), 5):
            found[i] = json.loads(post(running, drawings[i].tobytes())[2])

    threads = [threading.Thread(target=work, args=(first,)) for first in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, right in enumerate(expected):
        assert found[i] == json.loads(json.dumps(right)), i


# ---- what it refuses ----------------------------------------------------------------------------


def sentence(answer):
    """Return the status of a refusal, which says why in one sentence and nothing of the inside."""
    status, headers, body = answer
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    text = body.decode()
    assert text.endswith(".\n")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    assert "/tmp" not in text
    return status


def test_only_its_own_address(running):
    port = running.server_port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert ask(running, "GET", "/", host=host)[0] == 200
        assert post(running, host=host)[0] == 200
    others = ["evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", "[::1]"]
    for host in (*others, "", f"127.0.0.1:{port}.evil.example", f"0.0.0.0:{port}"):
        assert sentence(ask(running, "GET", "/", host=host)) == 403
        assert sentence(post(running, host=host)) == 403
    twice = [("Host", "evil.example")]
    assert sentence(ask(running, "GET", "/", headers=twice)) == 403


def test_only_its_own_page(running):
    port = running.server_port
    here = [("Origin", f"http://127.0.0.1:{port}")]
    assert post(running, more=here)[0] == 200
    for origin in (
        *("http://evil.example", "null", "", f"https://127.0.0.1:{port}", "http://127.0.0.1"),
        *(f"http://localhost:{port}", f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port + 1}"),
    ):
        assert sentence(post(running, more=[("Origin", origin)])) == 403
        assert sentence(ask(running, "GET", "/digit", headers=[("Origin", origin)])) == 403
    assert sentence(post(running, more=[*here, ("Origin", "http://evil.example")])) == 403


@pytest.mark.parametrize(
    "path",
    [
        *("/index.html", "/page.html", "/favicon.ico", "/look/", "/digit/..", "/server.py"),
        *("/../server.py", "/%2e%2e/server.py", "/page.css?x", "/?", "//page.css/", "/page.css%00"),
        *("http://127.0.0.1/", "*", "page.css", "/" + "a" * 5000, "/etc/passwd", "/..%2fpage.css"),
    ],
)
def test_unknown_paths(running, path):
    assert sentence(ask(running, "GET", path)) == 404


def test_other_methods(running):
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", "POST", "get"):
        answer = ask(running, method, "/")
        assert (sentence(answer), answer[1]["Allow"]) == (405, "GET, HEAD")
    for method in ("GET", "PUT", "OPTIONS"):
        answer = ask(running, method, "/look")
        assert (sentence(answer), answer[1]["Allow"]) == (405, "POST")
    assert ask(running, "HEAD", "/look")[0] == 405


@pytest.mark.parametrize("length", ["-1", "+5", "1e3", "78_400", "0x10", "٣", "", "78400, 78400"])
def test_lengths_that_are_no_numbers(running, length):
    sent = length.encode("utf-8").decode("latin-1")
    assert sentence(post(running, length=sent)) == 400


@pytest.mark.parametrize("length", ["78401", "100000000", "9" * 400])
def test_drawings_that_are_too_large(running, length):
    assert sentence(post(running, length=length)) == 413
    assert sentence(post(running, bytes(900_000), length=length)) == 413


@pytest.mark.parametrize("body", [b"", b"x", DRAWING[:-1], b'{"drawing": []}'])
def test_drawings_of_another_size(running, body):
    assert sentence(post(running, body)) == 400


def test_a_drawing_that_ends_early(running):
    head = f"POST /look HTTP/1.1\r\nHost: 127.0.0.1:{running.server_port}\r\n"
    head += f"Content-Type: {BYTES}\r\nContent-Length: 78400\r\n\r\n"
    assert raw(running, head.encode() + b"abc").startswith(b"HTTP/1.0 400 ")


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", f"{BYTES}; charset=utf-8", "multipart/form-data"]
)
def test_other_content_types(running, kind):
    assert sentence(post(running, kind=kind)) == 415
    assert sentence(post(running, more=[("Content-Type", kind)])) == 415


def test_no_length_or_two(running):
    plain = [("Content-Type", BYTES)]
    assert sentence(ask(running, "POST", "/look", headers=plain)) == 411
    assert sentence(post(running, more=[("Content-Length", "78400")])) == 411
    assert sentence(post(running, more=[("Transfer-Encoding", "chunked")])) == 411


@pytest.mark.parametrize(
    "query", ["?", "?digit", "?digit=", "?digit=10", "?digit=-1", "?digit=x", "?digit=٣", "?a=1"]
)
def test_other_queries(running, query):
    path = f"/look{query}".encode().decode("latin-1")
    if query == "?":
        assert post(running, path=path)[0] == 200
    elif query.isascii():
        assert sentence(post(running, path=path)) == 400
    else:
        line = f"POST /look{query} HTTP/1.1\r\nHost: 127.0.0.1:{running.server_port}\r\n"
        head = f"{line}Content-Type: {BYTES}\r\nContent-Length: 78400\r\n\r\n"
        assert raw(running, head.encode() + DRAWING).startswith(b"HTTP/1.0 400 ")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\n", b""),
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1 x\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\n\r\n", b"403"),
        (b"GET /\r\n\r\n", b"403"),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),  # a browser that tries TLS
        (b"", b""),
    ],
)
def test_what_is_hardly_http(running, data, status, capfd):
    found = raw(running, data)
    if status:
        assert found.startswith(b"HTTP/1.0 " + status)
        assert b"Python" not in found
        assert found.endswith(b".\n")
    assert capfd.readouterr().err == ""
    assert ask(running, "GET", "/")[0] == 200


def test_a_failure_inside_is_told_to_the_terminal_only(capfd, monkeypatch):
    with serving(small_model()) as running:
        monkeypatch.setattr(running, "look", lambda drawing, digit: 1 / 0)
        answer = post(running)
        assert sentence(answer) == 500
        assert b"division" not in answer[2]
        assert ask(running, "GET", "/")[0] == 200
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_who_is_slow_is_sent_away():
    address = "127.0.0.1"
    with serving(small_model(), patience=0.2) as running:
        port = running.server_port
        for sent, said in (
            (b"", b""),
            (b"GET / HT", b""),
            (b"GET / HTTP/1.1\r\nHost: a", b""),
            (f"POST /look HTTP/1.1\r\nHost: {address}:{port}\r\nContent-Type: {BYTES}\r\n"
             "Content-Length: 78400\r\n\r\nabc".encode(), b"HTTP/1.0 408 "),
        ):  # fmt: skip
            with socket.create_connection((address, port), PATIENCE) as connection:
                connection.sendall(sent)
                found = b"".join(iter(lambda: connection.recv(65536), b""))
                # The machine may have stood still before the first line was read.
                assert found.startswith(said) or found == b""


def test_who_trickles_is_sent_away_too():
    with serving(small_model(), patience=0.2) as running:
        with socket.create_connection(("127.0.0.1", running.server_port), PATIENCE) as connection:
            ended = threading.Event()

            def trickle():
                try:
                    for _ in range(1000):
                        if ended.wait(0.02):  # well within a timeout that begins anew
                            return
                        connection.sendall(b"a")
                    connection.sendall(b"\r\n\r\n")  # which is answered, if anyone still listens
                except OSError:
                    return

            thread = threading.Thread(target=trickle)
            thread.start()
            try:
                assert connection.recv(100) == b""
            except ConnectionError:
                pass
            finally:
                ended.set()
                thread.join()


def test_who_goes_away_is_no_error(running, capfd):
    head = f"POST /look HTTP/1.1\r\nHost: 127.0.0.1:{running.server_port}\r\n"
    head += f"Content-Type: {BYTES}\r\nContent-Length: 78400\r\n\r\n"
    for data in (head.encode() + DRAWING, head.encode() + DRAWING[:9], b"GE"):
        connection = socket.create_connection(("127.0.0.1", running.server_port), PATIENCE)
        connection.sendall(data)
        reset = struct.pack("ii", 1, 0)  # close with a reset, not in peace
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        connection.close()
    assert post(running)[0] == 200
    assert capfd.readouterr().err == ""


def test_too_many_at_once_wait_outside(monkeypatch):
    monkeypatch.setattr(server, "AT_ONCE", 3)
    with serving(small_model()) as running:
        address = ("127.0.0.1", running.server_port)
        inside = [socket.create_connection(address, PATIENCE) for _ in range(3)]
        with socket.create_connection(address, PATIENCE) as fourth:
            assert fourth.recv(10) == b""
        for connection in inside:
            connection.close()
        while not running.room.acquire(timeout=PATIENCE):
            pass
        running.room.release()
        assert ask(running, "GET", "/")[0] == 200


def test_it_listens_to_this_machine_only(running):
    assert running.server_address[0] == "127.0.0.1"
    assert running.server_port > 0


@pytest.mark.skipif(os.name != "posix", reason="ports may be shared elsewhere")
def test_a_port_that_is_taken(running):
    with pytest.raises(OSError, match="in use"):
        server.Server(small_model(), running.server_port)
