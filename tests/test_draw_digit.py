"""examples/draw_digit.py, run as a user runs it; and the network that it trains or loads."""

import base64
import doctest
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from draw_digit import look, network, server
from draw_digit.as_mnist import as_mnist
from drawn_digits import DIGITS, ink, strokes

from numcnn.datasets import mnist
from numcnn.errors import DownloadError, ShapeError
from numcnn.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU
from numcnn.models import Sequential

PROGRAM = Path(__file__).parents[1] / "examples" / "draw_digit.py"

# Tests that run in the background may ignore SIGINT, and programs inherit that.
START = (
    "import os, signal, sys; signal.signal(2, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


def start(folder, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", START, sys.executable, str(PROGRAM), *arguments],
        cwd=folder,
        env={**os.environ, "NUMCNN_HOME": str(folder / "home"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def serve(program):
    """Return what the program prints until its page is there, and the page's address."""
    said = ""
    for line in program.stdout:
        said += line
        found = re.search(r"Draw a digit at (http://127\.0\.0\.1:\d+/) ", line)
        if found:
            return said, found[1]
    raise AssertionError(said + program.stderr.read())


def stop(program):
    """Press Ctrl-C; return how the program ends and what it says then."""
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=600)
    return program.returncode, out, err


def test_it_trains_serves_keeps_and_ends(tmp_path):
    quick = ["--data", "sample", "--epochs", "1", "--no-browser"]
    said, address = serve(program := start(tmp_path, *quick))
    assert "Training on 5,000 images of MNIST, 1 epochs." in said
    assert re.search(r"The model reads \d\d\.\d % of 1,000 test images", said)
    with urllib.request.urlopen(address, timeout=600) as page:
        assert b"<h1>Draw a digit</h1>" in page.read()
    assert stop(program) == (0, "\nThe page is closed.\n", "")

    kept = tmp_path / "results" / "draw_digit_sample.npz"
    before = kept.read_bytes()
    said, _ = serve(program := start(tmp_path, *quick))
    assert "trained before. Delete it to train anew." in said
    assert "Training" not in said
    assert stop(program)[0] == 0
    assert kept.read_bytes() == before

    kept.rename(tmp_path / "mine.npz")
    said, _ = serve(program := start(tmp_path, "mine.npz", "--no-browser", "--raw-pixels"))
    assert "Training" not in said
    assert stop(program)[0] == 0
    assert not kept.exists()


def test_ctrl_c_while_it_trains(tmp_path):
    program = start(tmp_path, "--data", "sample", "--epochs", "100000", "--no-browser")
    for line in program.stdout:
        if line.startswith("Epoch 1/"):
            break
    code, out, err = stop(program)
    assert (code, err) == (130, "\nStopped by Ctrl-C before there was a page.\n")
    assert "Draw a digit at" not in out
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no/such.npz"], 1, "no/such.npz"),
        (["text.npz"], 1, "text.npz is not a model that can be read"),
        (["--port", "70000"], 2, "must lie between 0 and 65535, got 70000"),
        (["--port", "x"], 2, "invalid"),
        (["--epochs", "0"], 2, "must be at least 1, got 0"),
        (["--raw-pixels"], 2, "--raw-pixels needs model.npz"),
        (["--data", "no/such/folder"], 1, "no/such/folder"),
        (["--data", "sample", "--out", "text.npz"], 1, "text.npz"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_calls_end_before_training(tmp_path, arguments, code, message):
    (tmp_path / "text.npz").write_text("no model")
    program = start(tmp_path, "--no-browser", *arguments)
    out, err = program.communicate(timeout=600)
    assert program.returncode == code
    assert message in err
    assert "Traceback" not in err
    assert "Epoch" not in out


def compiled(*layers):
    model = Sequential(list(layers))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28), (1, 28, 28)])
def test_models_that_fit(tmp_path, shape):
    made = compiled(Flatten(input_shape=shape), Dense(10, activation="softmax"))
    made.save(tmp_path / "model.npz")
    model = network.get_model(tmp_path / "model.npz", "auto", tmp_path, None)
    assert not look.look(model, np.eye(280))["empty"]


def test_the_page_gets_the_same_maps_of_both_layouts():
    """A network with channels first, and its twin with channels last: one page."""
    pages = []
    for layout, shape in (("channels_last", (28, 28, 1)), ("channels_first", (1, 28, 28))):
        form = {"data_format": layout}
        model = compiled(
            Conv2D(3, (5, 4), activation="relu", input_shape=shape, **form),
            ReLU(),
            MaxPool2D((2, 3), **form),
            Flatten(**form),
            Dense(10, activation="softmax"),
        )
        rng = np.random.default_rng(1)
        model.set_weights([0.1 * rng.normal(size=w.shape) for w in model.get_weights()])
        pages.append([look.look(model, np.eye(280)), look.describe(model)])
    last, first = pages
    names = [layer.pop("name") for page in pages for layer in page[1]["layers"]]
    assert names
    assert [layer["shape"] for layer in first[1]["layers"][:3]] == [(24, 25, 3)] * 2 + [(12, 8, 3)]
    for ours, theirs in zip(first[0]["layers"], last[0]["layers"], strict=True):
        if ours is None:
            assert theirs is None
            continue
        a, b = (np.frombuffer(base64.b64decode(p["bytes"]), "uint8") for p in (ours, theirs))
        assert ours["shape"] == theirs["shape"]
        assert np.abs(a.astype(int) - b).max() <= 1  # of 255, by rounding
    assert first[1]["layers"] == last[1]["layers"]


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([Flatten(input_shape=(28, 28)), Dense(9, activation="softmax")], ShapeError, r"\(9,\)"),
        ([Flatten(input_shape=(32, 32)), Dense(10, activation="softmax")], ShapeError, r"\(32, 32"),
        ([Dense(10, activation="softmax", input_shape=(784,))], ShapeError, r"\(784,\) to \(10,\)"),
        ([Dense(10, activation="softmax", input_shape=(28, 28))], ShapeError, r"to \(28, 10\)"),
        ([Flatten(input_shape=(28, 28)), Dense(10)], ValueError, "end in a softmax"),
        ([Flatten(input_shape=(28, 28)), Dense(10, activation="sigmoid")], ValueError, "softmax"),
    ],
)
def test_models_that_do_not(tmp_path, layers, error, message):
    compiled(*(layer.copy() for layer in layers)).save(tmp_path / "model.npz")
    with pytest.raises(error, match=message):
        network.get_model(tmp_path / "model.npz", "auto", tmp_path, None)


def test_without_mnist_the_sample_is_taken_and_said(tmp_path, monkeypatch, capsys):
    def nowhere(path=None):
        raise DownloadError("there is no network")

    monkeypatch.setattr(mnist, "load_data", nowhere)
    monkeypatch.setattr(network, "fit", lambda x, y, epochs: fake(len(x), epochs))

    def fake(n, epochs):
        assert (n, epochs) == (5000, network.EPOCHS["sample"])
        return compiled(Flatten(input_shape=(28, 28)), Dense(10, activation="softmax"))

    network.get_model(None, "auto", tmp_path, None)
    assert [path.name for path in tmp_path.iterdir()] == ["draw_digit_sample.npz"]
    said = capsys.readouterr().out
    assert "there is no network" in said
    assert "going on with the sample" in said


def test_the_examples_in_the_docstrings():
    for module, count in ((look, 2), (server, 1)):
        assert doctest.testmod(module) == (0, count)


@pytest.mark.slow
@pytest.mark.mnist
def test_what_the_network_of_all_of_mnist_reads(tmp_path):
    """Four drawings of every style, at other places and in other sizes each time."""
    try:
        mnist.load_data()
    except DownloadError:
        pytest.skip("MNIST is not there")
    model = network.get_model(None, "auto", tmp_path, None)
    rng = np.random.default_rng(0)
    names, prepared, shrunk = [], [], []
    for name, path in DIGITS.items():
        for seed in range(4):
            size = rng.uniform(90, 220)
            left, top = rng.uniform(15, 265 - size, 2)
            drawn = ink(strokes(path, seed, size, left, top), width=22)
            names.append(name)
            prepared.append(as_mnist(drawn).image)
            shrunk.append(drawn.reshape(28, 10, 28, 10).mean(axis=(1, 3)))  # scaled, no more
    digits = np.array([int(name[0]) for name in names])
    read = [model.predict(np.array(x)[..., None]).argmax(axis=1) for x in (prepared, shrunk)]
    plain = np.array([name.isdigit() for name in names])
    print(f"read: {[int((x == digits).sum()) for x in read]} of {len(digits)}")  # pytest -s
    assert (read[0] == digits)[plain].all()
    assert (read[0] == digits).mean() > 0.96
    assert (read[1] == digits).mean() < 0.7
