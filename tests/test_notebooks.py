"""The notebooks of examples/: what is kept in git is clean, and they run.

The first part reads them and needs nothing but pytest. The second runs each with nbclient, as a
user would with "Run all", and looks at what came out: `pytest -m notebooks`, which needs the
dependency group `notebooks`.
"""

import ast
import base64
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from numcnn import plotting

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ["backprop_by_hand", "from_loops_to_speed", "tutorial", "what_the_network_sees"]
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CODE = {"cell_type", "execution_count", "id", "metadata", "outputs", "source"}
MARKDOWN = {"cell_type", "id", "metadata", "source"}
DRAW = set(plotting.__all__) - {"save", "confusion_counts"}

each_notebook = pytest.mark.parametrize("name", NAMES)


def text_of(name):
    return (EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8")


def cells_of(name, kind=None):
    cells = json.loads(text_of(name))["cells"]
    return [cell for cell in cells if kind in (None, cell["cell_type"])]


def source_of(cell):
    return "".join(cell["source"])


def draws(node):
    """Return whether this is a call such as plotting.filters(...)."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "plotting"
        and node.func.attr in DRAW
    )


def pictures_of(cell):
    """Return how many calls draw, and whether the last expression of the cell does."""
    tree = ast.parse(source_of(cell))
    last = tree.body[-1]
    shown = isinstance(last, ast.Expr) and draws(last.value)
    return sum(map(draws, ast.walk(tree))), shown


def test_these_are_all_notebooks():
    assert sorted(path.stem for path in EXAMPLES.rglob("*.ipynb")) == NAMES


@each_notebook
def test_the_file_is_as_git_should_keep_it(name):
    """nbformat 4.5, nothing of a run in it, and one way to write it, so that diffs are small."""
    notebook = json.loads(text_of(name))
    canonical = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert text_of(name) == canonical
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == METADATA
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[a-z0-9-]{1,64}", cell["id"])
        code = cell["cell_type"] == "code"
        assert set(cell) == (CODE if code else MARKDOWN)
        assert cell["metadata"] == {}
        if code:
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        lines = source_of(cell).splitlines(keepends=True)
        assert cell["source"] == lines, "one entry per line"
        assert lines
        assert lines[0].strip()
        assert lines[-1] == lines[-1].rstrip()


@each_notebook
def test_it_reads_as_a_lesson(name):
    """A title, then text before each piece of code, which is short."""
    cells = cells_of(name)
    assert re.match(r"# \w.*\n", source_of(cells[0]))
    assert cells[-1]["cell_type"] == "markdown"
    for before, cell in itertools.pairwise(cells):
        if cell["cell_type"] == "code":
            assert before["cell_type"] == "markdown", cell["id"]
            assert len(cell["source"]) <= 32, cell["id"]


@each_notebook
def test_no_result_is_claimed_in_the_text(name):
    """What was measured stands in the output of a cell, where it is what it is."""
    for cell in cells_of(name, "markdown"):
        claims = re.findall(r"\d\s*(?:%|percent|per cent|seconds|ms\b|times)", source_of(cell))
        assert claims == [], cell["id"]


@each_notebook
def test_files_that_it_names_are_there(name):
    text = "\n".join(source_of(cell) for cell in cells_of(name, "markdown"))
    files = set(re.findall(r"[\w/]+\.(?:py|md|ipynb)\b", text))
    folders = {match for match in re.findall(r"`(\w+/(?:\w+/)*)`", text)}
    assert files
    for file in files | folders:
        assert any((folder / file).exists() for folder in (EXAMPLES, EXAMPLES.parent)), file


@each_notebook
def test_the_code_is_python_that_needs_nothing_else(name):
    modules = set()
    for cell in cells_of(name, "code"):
        tree = ast.parse(source_of(cell), cell["id"])  # no magic, no shell
        compile(tree, cell["id"], "exec")
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module.split(".")[0])
    assert "numcnn" in modules
    assert modules <= {"numcnn", "numpy", "numba", *sys.stdlib_module_names}


@each_notebook
def test_every_picture_is_shown(name):
    """A figure shows itself only as the last expression of its cell."""
    found = 0
    for cell in cells_of(name, "code"):
        drawn, shown = pictures_of(cell)
        assert drawn == shown, cell["id"]
        found += drawn
    assert found >= 1


# ---- run them -------------------------------------------------------------------------------

# In a process of its own, so that what nbclient leaves open when it ends is not pytest's concern.
RUN = """
import sys

import nbclient
import nbformat
from jupyter_client.manager import AsyncKernelManager

name, folder, sockets, result = sys.argv[1:]
notebook = nbformat.read(name, as_version=4)
nbformat.validate(notebook)
nbclient.NotebookClient(
    notebook,
    km=AsyncKernelManager(kernel_name="python3", transport="ipc", ip=sockets + "/kernel"),
    timeout=1200,  # of a cell, on the slowest machine
    startup_timeout=600,
    resources={"metadata": {"path": folder}},
).execute()
nbformat.write(notebook, result)
"""


def executed(name, tmp_path):
    """Run a notebook in an empty folder, with no data but the package's; return its code cells."""
    folder, result = tmp_path / "folder", tmp_path / "result.ipynb"
    folder.mkdir()
    elsewhere = {
        variable: str(tmp_path / variable.lower())
        for variable in (
            *("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"),
            "NUMCNN_HOME",
        )
    }
    with tempfile.TemporaryDirectory() as sockets:  # the path of a socket must be short
        run = subprocess.run(
            [sys.executable, "-c", RUN, EXAMPLES / f"{name}.ipynb", folder, sockets, result],
            env={**os.environ, **elsewhere},
            capture_output=True,
            text=True,
        )
    assert run.returncode == 0, run.stderr
    assert list(folder.iterdir()) == []
    assert not Path(elsewhere["NUMCNN_HOME"]).exists()
    cells = json.loads(result.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.notebooks
@each_notebook
def test_run_all(name, tmp_path):
    from matplotlib.image import imread

    for cell in executed(name, tmp_path):
        outputs = cell["outputs"]
        assert outputs, f"{cell['id']} says nothing"
        assert [out["text"] for out in outputs if out.get("name") == "stderr"] == [], cell["id"]
        data = [out.get("data", {}) for out in outputs]
        pictures = [kinds["image/png"] for kinds in data if "image/png" in kinds]
        drawn, _ = pictures_of(cell)
        assert len(pictures) == drawn, cell["id"]
        for picture in pictures:
            pixels = imread(io.BytesIO(base64.b64decode("".join(picture))))
            assert pixels.shape[1] == 1200, cell["id"]
            assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 10, cell["id"]
        words = "".join("".join(out.get("text", "")) for out in outputs)
        assert not re.search(r"\bnan\b", words), cell["id"]
