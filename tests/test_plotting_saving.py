"""Figures as files, in a notebook, and without a display."""

import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from plotted import HISTORY

from numcnn import plotting

# save


@pytest.fixture
def figure():
    return plotting.filters(np.ones((3, 3, 1, 2)))


@pytest.mark.parametrize("name", ["a.png", "B.PNG", "ä b.svg", "c.pdf"])
def test_save_writes_the_file_and_nothing_else(figure, tmp_path, name):
    assert plotting.save(figure, str(tmp_path / name)) == tmp_path / name
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).stat().st_size > 1000


def test_save_replaces_an_older_file_and_sets_its_size(figure, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    plotting.save(figure, path, dpi=100)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20]) == 800


def failing(*args, **kwargs):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_a_failed_save_keeps_the_old_file_and_leaves_no_other(figure, tmp_path, monkeypatch, where):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, where, failing)
    with pytest.raises(OSError, match="No space left on device"):
        plotting.save(figure, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]


def test_an_interrupted_save_leaves_nothing(figure, tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plotting.save(figure, tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_save_into_a_read_only_folder(figure, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="folder cannot be written to"):
        plotting.save(figure, tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_bad_paths(figure, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist.*no"):
        plotting.save(figure, tmp_path / "no" / "a.png")
    (tmp_path / "d.png").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        plotting.save(figure, tmp_path / "d.png")
    for name in ("a", "a.txt"):
        with pytest.raises(ValueError, match=r"must end in one of .*\.png.* Try a\.png"):
            plotting.save(figure, tmp_path / name)
    with pytest.raises(ValueError, match="dpi must be a positive number"):
        plotting.save(figure, tmp_path / "a.png", dpi=0)


# in a notebook


@pytest.mark.parametrize(
    "figure",
    [plotting.filters(np.ones((3, 3, 1, 8))), plotting.learning_curves(HISTORY)],
    ids=["tiles", "curves"],
)
def test_a_notebook_shows_figures_without_pyplot(figure):
    from matplotlib.image import imread

    png, shown = figure._repr_png_()
    pixels = imread(io.BytesIO(png)).shape[:2]
    assert pixels == pytest.approx((1.5 * shown["height"], 1.5 * shown["width"]), abs=2)
    assert shown["width"] == 800


def test_figures_can_be_pickled(figure):
    assert pickle.loads(pickle.dumps(figure))._repr_png_() == figure._repr_png_()


# no display, no global state


def test_matplotlib_comes_late_and_pyplot_never(tmp_path):
    program = f"""
import sys
from numcnn import plotting
assert not any(name.startswith("matplotlib") for name in sys.modules)
import numpy as np
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential
from numcnn.utils import plot_model
model, image = Sequential([Flatten(input_shape=(4, 4, 1)), Dense(2)]), np.ones((4, 4))
assert not any(name.startswith("matplotlib") for name in sys.modules)
figures = [
    plotting.architecture(model, image),
    plotting.activations(model, image),
    plotting.saliency(model, image),
    plotting.im2col(),
    plotting.max_pool_routing(),
    plotting.filters_over_time([np.ones((3, 3, 1, 2)), np.zeros((3, 3, 1, 2))]),
    plot_model(model, None),
    plotting.learning_curves({{"loss": [1, 0.5], "val_loss": [1, 0.01]}}),
    plotting.misclassified(np.zeros((1, 4, 4)), [0], np.array([[0.1, 0.9]])),
    plotting.confusion_matrix([0, 1], [1, 1]),
    plotting.filters(np.ones((3, 3, 1, 2))),
    plotting.feature_maps(np.ones((3, 3, 2))),
    plotting.sample_grid(np.zeros((1, 4, 4)), [0]),
    plotting.bars({{"a": 1.0}}, "bars"),
]
import matplotlib
before = matplotlib.rcParams.copy()
for figure in figures:
    assert type(figure.canvas).__name__ == "FigureCanvasAgg"
    plotting.save(figure, {str(tmp_path / "a.png")!r})
assert matplotlib.rcParams.copy() == before
assert "matplotlib.pyplot" not in sys.modules
"""
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
