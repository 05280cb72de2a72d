"""The examples, run as a user runs them: as programs."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
QUICK = ["--data", "sample", "--epochs", "1", "--batch-size", "500"]


def start(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / "train_mnist.py"), *arguments],
        cwd=tmp_path,
        env={**os.environ, "NUMCNN_HOME": str(tmp_path / "home"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background may ignore SIGINT, and programs inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = program.communicate(timeout=900)
    return program.returncode, out, err


def test_train_mnist_on_the_sample(tmp_path: Path) -> None:
    save = tmp_path / "model.npz"
    code, out, err = finish(start(tmp_path, *QUICK, "--out", "pictures", "--save", str(save)))
    assert (code, err) == (0, "")
    assert "Total params: 693,962" in out
    assert "Epoch 1/1 - 10/10 - " in out
    assert "Baseline Error: " in out
    for name in ("learning_curves", "misclassified", "confusion_matrix", "filters"):
        assert (tmp_path / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"{name}.png" in out
    from numcnn.datasets import mnist
    from numcnn.models import load_model

    _, (x, y) = mnist.load_sample()
    wrong = load_model(save).predict(x[..., None] / np.float32(255)).argmax(axis=1) != y
    assert f"Baseline Error: {100 * wrong.mean():.2f}%" in out


def test_auto_says_twice_that_it_fell_back(tmp_path: Path) -> None:
    code, out, err = finish(
        start(
            tmp_path,
            *("--epochs", "1", "--batch-size", "500", "--raw-pixels"),
            NUMCNN_OFFLINE="1",
            KERAS_HOME=str(tmp_path),
            HOME=str(tmp_path),
        )
    )
    assert code == 0
    assert out.count("uses the SAMPLE inside the package") == 2
    assert out.index("SAMPLE") < out.index("Epoch 1/1") < out.rindex("SAMPLE")
    assert "train-images-idx3-ubyte" in out.split("Epoch 1/1")[1]  # what to place by hand
    assert "divide by 255" in err  # raw pixels were asked for


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--epochs", "0"], 2, "must be at least 1, got 0"),
        (["--model", "4conv"], 2, "invalid choice"),
        (["--learning-rate", "-1"], 1, "learning_rate must be above 0"),
        (["--engine", "cuda"], 1, "Unknown engine 'cuda'"),
        (["--data", "no/such/folder"], 1, "no/such/folder"),
        (["--save", "model.h5"], 1, ".npz"),
        (["--save", "no/such/folder/model.npz"], 1, "no/such/folder"),
        (["--out", "a-file/pictures"], 1, "a-file"),
        (["--resume"], 2, "--resume needs --checkpoint FILE"),
        (["--checkpoint", "c.h5"], 1, "--checkpoint needs a file name that ends in .npz"),
        (["--checkpoint", "no/such/folder/c.npz", "--resume"], 1, "no/such/folder"),
        (["--checkpoint", "old.npz"], 1, "go on from it with --resume, or delete it"),
        (["--checkpoint", "old.npz", "--resume"], 1, "old.npz is not a model that can be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_calls_fail_before_training(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "old.npz").write_text("")
    found, out, err = finish(start(tmp_path, "--data", "sample", *arguments))
    assert found == code
    assert message in err
    assert "Traceback" not in err
    assert "Epoch" not in out
    assert (tmp_path / "old.npz").read_text() == ""


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    program = start(tmp_path, "--data", "sample", "--epochs", "1000000")
    assert program.stdout is not None
    for line in program.stdout:
        if line.startswith("Epoch 1/1000000"):
            break
    time.sleep(0.2)
    program.send_signal(signal.SIGINT)
    code, _, err = finish(program)
    assert code == 130
    assert "Stopped by Ctrl-C" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("model", ["1conv", pytest.param("3conv", marks=pytest.mark.proof)])
def test_ctrl_c_and_going_on_end_with_the_same_file(tmp_path: Path, model: str) -> None:
    options = ["--data", "sample", "--model", model, "--batch-size", "200"]
    mine = [*options, "--checkpoint", "c.npz", "--save", "mine.npz"]
    program = start(tmp_path, *mine, "--epochs", "1000000", "--resume")
    assert program.stdout is not None
    said = []
    for line in program.stdout:
        said.append(line)
        if line.startswith("Epoch 1/1000000"):
            break
    assert "There is no checkpoint c.npz yet: training begins at the start.\n" in said
    program.send_signal(signal.SIGINT)
    code, _, err = finish(program)
    assert (code, "Traceback" in err) == (130, False)
    place = re.search(
        r"Ctrl-C (after (?:\d+ batches of )?epoch (\d+)): to go on from there, run (.*)", err
    )
    assert place is not None
    assert err.count("\n") == 2
    assert "--checkpoint c.npz" in place[3]
    assert place[3].count("--resume") == 1
    assert [path.name for path in tmp_path.glob("*.npz")] == ["c.npz"]
    assert list(tmp_path.glob(".*")) == []  # no temporary file

    to_the_end = ["--epochs", str(int(place[2]) + 1)]
    code, out, err = finish(start(tmp_path, *mine, *to_the_end, "--resume"))
    assert (code, err) == (0, "")
    assert f"Going on from c.npz {place[1]}.\n" in out
    assert "Epoch 1/" not in out
    whole = [*options, "--checkpoint", "w.npz", "--save", "whole.npz"]
    assert finish(start(tmp_path, *whole, *to_the_end))[0] == 0
    for a, b in (("mine.npz", "whole.npz"), ("c.npz", "w.npz")):
        assert (tmp_path / a).read_bytes() == (tmp_path / b).read_bytes()


def test_a_checkpoint_goes_on_with_the_same_options_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("train_mnist", EXAMPLES / "train_mnist.py")
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    monkeypatch.chdir(tmp_path)
    begin = ["--data", "sample", "--batch-size", "2500", "--checkpoint", "c.npz"]
    assert program.main([*begin, "--epochs", "2"]) == 0
    before = Path("c.npz").read_bytes()
    for others, message in (
        (["--seed", "1"], "with another --seed:"),
        (["--model", "3conv"], "with another --model:"),
        (["--learning-rate", "0.1", "--engine", "numpy"], "--learning-rate and --engine:"),
        (["--batch-size", "100"], "batch_size is 100, it was 2500"),
        (["--raw-pixels"], "data is 5000 samples of (28, 28, 1) uint8"),
        (["--epochs", "1"], "beyond epochs=1"),
    ):
        capsys.readouterr()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*divide by 255")
            assert program.main([*begin, "--epochs", "3", *others, "--resume"]) == 1
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
        assert Path("c.npz").read_bytes() == before
    assert program.main([*begin, "--epochs", "2", "--resume"]) == 0  # over already
    assert "Epoch 2/" not in capsys.readouterr().out
    assert program.main([*begin, "--epochs", "3", "--resume"]) == 0
    assert "Epoch 3/3" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    with start(tmp_path, *QUICK) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert "Traceback" not in program.stderr.read()
    assert program.returncode == 1
