"""Bare, odd and strict environments: the same bits come out, and nothing is written elsewhere."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import numcnn

TESTS = Path(__file__).parents[1]
PACKAGE = Path(numcnn.__file__).parent

TRAIN = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import numpy as np
import numcnn
from small_nets import cnn, images, weights_hash
from numcnn.datasets import mnist
from numcnn.models import load_model
assert numcnn.__file__.startswith({root!r}), numcnn.__file__
x, y, _ = images(8)
model = cnn(engine={engine!r})
model.summary()
model.fit(x, y, epochs=2, verbose=1, batch_size=4)
if {file!r}:
    model.save({file!r})
    assert np.array_equal(load_model({file!r}).predict(x), model.predict(x))
sample = mnist.load_sample()[0][0]
print(weights_hash(model), sample.shape)
"""


def run(root=PACKAGE.parent, engine="numpy", file="", flags=(), environment=None, **options):
    """Train in a process of its own; return the last line that it printed."""
    program = TRAIN.format(root=str(root), tests=str(TESTS), engine=engine, file=file)
    done = subprocess.run(
        [sys.executable, *flags, "-c", program],
        capture_output=True,
        env=os.environ if environment is None else environment,
        **options,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert done.stderr == b""
    return done.stdout.decode(errors="replace").splitlines()[-1]


@pytest.fixture(scope="module", params=["numpy", pytest.param("numba", marks=pytest.mark.proof)])
def usual(request):
    """The engine, and what comes out of a usual run."""
    return request.param, run(engine=request.param)


def copied(folder):
    shutil.copytree(PACKAGE, folder / "numcnn", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def folder(tmp_path):
    """A folder whose permissions are put back."""
    yield tmp_path
    for path in (tmp_path, *tmp_path.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def obey_permissions():
    """Let root, in a new program, be bound by the permissions of files as others are."""
    import ctypes

    drop_from_bounds, override_permissions = 24, 1
    if ctypes.CDLL(None, use_errno=True).prctl(drop_from_bounds, override_permissions, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_read_only_install(usual, folder):
    engine, right = usual
    root = copied(folder)
    options = {"preexec_fn": obey_permissions} if os.geteuid() == 0 else {}
    for path in (root, *root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted(root.rglob("*"))
    written = "open('x', 'w')"
    denied = subprocess.run(
        [sys.executable, "-c", written], cwd=root, capture_output=True, **options
    )
    assert b"PermissionError" in denied.stderr
    assert run(root, engine, environment={"HOME": str(root)}, cwd="/", **options) == right
    assert sorted(root.rglob("*")) == before


def test_a_package_in_a_zip(usual, tmp_path):
    engine, right = usual
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in PACKAGE.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(PACKAGE.parent))
    environment = os.environ | {"NUMBA_CACHE_DIR": ""}
    assert run(tmp_path / "all.zip", engine, environment=environment) == right
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]


@pytest.mark.parametrize("utf8", ["0", "1"])
def test_the_c_locale_and_a_path_with_spaces_and_signs(usual, tmp_path, utf8):
    engine, right = usual
    folder = tmp_path / "a b ü 空 'q' %s"
    folder.mkdir()
    environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": utf8}
    file = str(folder / "modell ü.npz") if utf8 == "1" else str(tmp_path / "a b.npz")
    root = copied(folder) if utf8 == "1" else PACKAGE.parent
    assert run(root, engine, file, environment=environment) == right


@pytest.mark.parametrize("flags", [["-O"], ["-OO"], ["-I"], ["-B"], ["-X", "dev", "-W", "error"]])
def test_python_with_flags(usual, flags, tmp_path):
    engine, right = usual
    assert run(engine=engine, flags=flags, file=str(tmp_path / "model.npz")) == right


@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONMALLOC": "debug", "MALLOC_PERTURB_": "165"},
        {"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"},
        {"NUMCNN_HOME": "/dev/null/x", "HOME": "/dev/null/y", "TMPDIR": "/dev/null/z"},
        {"COLUMNS": "0", "LINES": "0", "TERM": "dumb", "NO_COLOR": "1"},
    ],
    ids=lambda settings: " ".join(settings),
)
def test_settings_that_should_not_matter(usual, settings):
    engine, right = usual
    assert run(engine=engine, environment=os.environ | settings) == right


REFUSED = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import numpy as np
from small_nets import cnn, images
from numcnn.datasets import idx
from numcnn.layers import Conv2D, Dense, Dropout
from numcnn.optimizers import SGD
x, y, _ = images(8)
model = cnn(engine="numpy")
for call in (
    lambda: model.fit(x[..., 0], y), lambda: model.fit(x, y[:3]), lambda: model.fit(x * np.nan, y),
    lambda: model.fit(x, y, batch_size=0), lambda: model.fit(x, -y), lambda: model.fit(x[:0], y),
    lambda: Dense(0), lambda: Dropout(1.5), lambda: Conv2D(2, 2.5), lambda: SGD(-1),
    lambda: idx.decode(b"abcd"), lambda: idx.decode(bytes([0, 0, 8, 1, 0, 0, 0, 9])),
    lambda: model.set_weights([]), lambda: model.get_layer("none"), lambda: model.add(5),
):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_no_check_is_an_assert():
    found = {
        subprocess.run(
            [
                sys.executable,
                *flags,
                "-c",
                REFUSED.format(root=str(PACKAGE.parent), tests=str(TESTS)),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for flags in ([], ["-O"], ["-OO"])
    }
    (text,) = found
    assert len(text.splitlines()) == 15
    assert "AssertionError" not in text


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
def test_no_openmp_is_needed():
    # Where libgomp is not installed, what never loads it works.
    program = f"""
import sys
sys.path[:0] = [{str(PACKAGE.parent)!r}, {str(TESTS)!r}]
from small_nets import cnn, images
x, y, _ = images(8)
cnn(engine="numba").fit(x, y, verbose=0)
print([n for n in sys.modules if n.startswith("numba.np.ufunc") and n.endswith("pool")])
maps = open("/proc/self/maps").read()
print(*(name for name in ("libgomp", "libomp", "libiomp", "libtbb") if name in maps))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n\n", done.stdout + done.stderr
