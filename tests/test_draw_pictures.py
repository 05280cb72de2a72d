"""The program that draws the README's pictures, on a network small enough to train in a second."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from numcnn.datasets import mnist
from numcnn.layers import Conv2D, Dense, Flatten, MaxPool2D
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

EXAMPLES = Path(__file__).parents[1] / "examples"
SAMPLE = ["--data", "sample"]


def small(input_shape):
    return Sequential(
        [
            Conv2D(3, 3, strides=3, activation="relu", input_shape=input_shape),
            MaxPool2D(2),
            Flatten(),
            Dense(10, activation="softmax"),
        ]
    )


@pytest.fixture
def program(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "draw_pictures", raising=False)
    program = importlib.import_module("draw_pictures")
    monkeypatch.setattr(program, "three_convolutions", small)
    return program


@pytest.fixture
def model_file(tmp_path):
    set_random_seed(0)
    model = small((28, 28, 1))
    model.compile("sgd", loss="mse")
    model.save(tmp_path / "model.npz")
    return str(tmp_path / "model.npz")


def test_it_trains_and_writes_the_three_pictures(program, tmp_path, capsys):
    out = tmp_path / "pictures"
    assert program.main([*SAMPLE, "--epochs", "1", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(program.NAMES)
    said = capsys.readouterr().out
    assert "Epoch 1/1" in said
    for name in program.NAMES:
        data = (out / name).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert 5_000 < len(data) < 150_000
        assert f"{name}: {len(data) / 1000:.0f} kB" in said


def test_the_same_model_gives_the_same_pictures(program, model_file, tmp_path):
    for folder in ("a", "b"):
        assert program.main([model_file, *SAMPLE, "--out", str(tmp_path / folder)]) == 0
    for name in program.NAMES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_image_shown_is_one_that_is_recognised(program):
    set_random_seed(0)
    model, (_, (images, labels)) = small((28, 28, 1)), mnist.load_sample()
    figures = program.draw(model, images, labels)
    right = model.predict(images[..., None] / np.float32(255)).argmax(axis=1) == labels
    faces = figures["architecture.png"].axes[0].images
    first = images[np.flatnonzero(right)[0]] / np.float32(255)
    np.testing.assert_array_equal(faces[0].get_array(), first)
    title = figures["misclassified.png"].texts[0].get_text()
    assert title == f"20 of {(~right).sum()} errors in 1,000 images"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no/such/model.npz"], "no/such/model.npz"),
        (["--out", "a-file/pictures"], "a-file"),
        (["--data", "no/such/folder"], "no/such/folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    program, arguments, says, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("a-file").write_text("")
    assert program.main([*arguments, *([] if "--out" in arguments else ["--out", "o"])]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_a_model_for_other_images_is_refused_before_data_is_fetched(program, tmp_path, capsys):
    model = Sequential([Flatten(input_shape=(8, 8, 1)), Dense(10)])
    model.compile("sgd", loss="mse")
    model.save(tmp_path / "other.npz")
    assert program.main([str(tmp_path / "other.npz"), "--out", str(tmp_path)]) == 1
    assert "takes samples of shape (8, 8, 1), these pictures show" in capsys.readouterr().err


def test_wrong_numbers_end_with_a_usage_message(program, capsys):
    with pytest.raises(SystemExit) as exit:
        program.main(["--epochs", "0"])
    assert exit.value.code == 2
    assert "must be at least 1" in capsys.readouterr().err


def test_the_pictures_in_the_repository_are_modest():
    folder = EXAMPLES / "pictures"
    for name in ("architecture.png", "im2col.png", "misclassified.png"):
        assert (folder / name).stat().st_size < 150_000
