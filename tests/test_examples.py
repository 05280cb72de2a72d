"""The examples, run as a user runs them: as programs."""

import os
import signal
import subprocess
import sys
import time
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
    )


def finish(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = program.communicate(timeout=120)
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
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_calls_fail_before_training(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "a-file").write_text("")
    found, out, err = finish(start(tmp_path, "--data", "sample", *arguments))
    assert found == code
    assert message in err
    assert "Traceback" not in err
    assert "Epoch" not in out


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    program = start(tmp_path, "--data", "sample", "--epochs", "50")
    assert program.stdout is not None
    for line in program.stdout:
        if line.startswith("Epoch 1/50"):
            break
    time.sleep(0.2)
    program.send_signal(signal.SIGINT)
    code, _, err = finish(program)
    assert code == 130
    assert "Stopped by Ctrl-C" in err
    assert "Traceback" not in err


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    with start(tmp_path, *QUICK) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert "Traceback" not in program.stderr.read()
    assert program.returncode == 1
