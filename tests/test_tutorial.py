"""The 2018 tutorial's own cells, with nothing changed but `keras` to `numcnn` in the imports.

They are read from a copy of the tutorial beside the project's folder, where there is one. What the
cells call is tested everywhere by test_keras_script.py.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcnn import backend
from numcnn.datasets import mnist

TUTORIAL = Path(__file__).parents[2] / "shared" / "tutorial" / "watson-mnist-cnn-tutorial.md"

needs_tutorial = pytest.mark.skipif(
    not TUTORIAL.exists(), reason=f"the tutorial's text is not at {TUTORIAL}"
)


def cells() -> list[str]:
    """Return the tutorial's code cells, in order, with the imports renamed."""
    fenced = re.findall(r"^```\n(.*?)^```", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)
    code = [cell for cell in fenced if "!pip" not in cell]  # a notebook's shell command
    return [re.sub(r"(?m)^from keras\b", "from numcnn", cell) for cell in code]


def cells_with(model: str) -> list[str]:
    """Return the cells with one of the tutorial's two models."""
    chosen = cells()
    models = [cell for cell in chosen if "model.add" in cell]
    assert len(models) == 2
    one, three = models
    dropped = three if model == "1conv" else one
    return [cell for cell in chosen if cell is not dropped]


def run(code: list[str]) -> dict[str, Any]:
    """Run the cells in one namespace, as a notebook does."""
    namespace: dict[str, Any] = {}
    for cell in code:
        exec(compile(cell, str(TUTORIAL), "exec"), namespace)
    return namespace


@pytest.fixture(autouse=True)
def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plt.show() draw nothing and say nothing."""
    import matplotlib as mpl

    mpl.use("template")


@pytest.fixture
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let load_data return 640 training and 50 test images."""
    (x, y), (x_test, y_test) = mnist.load_sample()
    small = (x[:640], y[:640]), (x_test[:50], y_test[:50])
    monkeypatch.setattr(mnist, "load_data", lambda: tuple((a.copy(), b.copy()) for a, b in small))


@needs_tutorial
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("model", "parameters"), [("1conv", "693,962"), ("3conv", "429,834")])
def test_cells_on_few_samples(
    model: str,
    parameters: str,
    data_format: str,
    few_samples: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(backend.settings, "_image_data_format", data_format)
    code = cells_with(model)
    if model == "3conv":
        code = [cell.replace("epochs=10", "epochs=2") for cell in code]
    with pytest.warns(UserWarning, match="divide by 255") as warned:
        namespace = run(code)
    assert len(warned) == 1
    printed = capsys.readouterr().out
    assert "(640, 28, 28)\n" in printed
    assert "[0. 0. 0. 0. 0. 1. 0. 0. 0. 0.]" in printed  # the first digit is a 5
    assert f"Total params: {parameters}" in printed
    assert "\nNone\n" in printed  # print(model.summary())
    assert re.search(r"Baseline Error: \d+\.\d\d%", printed)
    assert printed.endswith("END\n")
    shape = (1, 28, 28) if data_format == "channels_first" else (28, 28, 1)
    assert namespace["model"].input_shape == (None, *shape)
    assert namespace["scores"][1] > 0.3  # ten times as many epochs would be needed for more


@needs_tutorial
def test_same_seed_same_result(few_samples: None, capsys: pytest.CaptureFixture[str]) -> None:
    code = [cell.replace("epochs=10", "epochs=1") for cell in cells_with("1conv")]
    with pytest.warns(UserWarning, match="divide by 255"):
        first = run(code)
    np.random.seed(1)  # whatever happens in between
    with pytest.warns(UserWarning, match="divide by 255"):
        second = run(code)
    assert first["prev"].tobytes() == second["prev"].tobytes()
    assert first["scores"] == second["scores"]
    for a, b in zip(first["model"].get_weights(), second["model"].get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


@needs_tutorial
@pytest.mark.slow
@pytest.mark.mnist
@pytest.mark.parametrize(("model", "epochs", "error"), [("1conv", 10, 2.2), ("3conv", 2, 2.5)])
def test_cells_on_all_of_mnist(
    model: str, epochs: int, error: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Raw pixels, as the tutorial feeds them."""
    try:
        mnist.load_data()
    except OSError as reason:
        pytest.skip(f"MNIST could not be had: {reason}")
    code = [cell.replace("epochs=10", f"epochs={epochs}") for cell in cells_with(model)]
    with pytest.warns(UserWarning, match="divide by 255"):
        namespace = run(code)
    assert "(60000, 28, 28)\n" in capsys.readouterr().out
    assert 100 - 100 * namespace["scores"][1] < error
