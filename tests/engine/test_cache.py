"""Numba's cache on disk: whatever is wrong with it, results are right."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import numcnn  # noqa: E402
from numcnn.kernels import compile as compiling  # noqa: E402
from numcnn.kernels import updates  # noqa: E402

TESTS = Path(__file__).parent.parent
PACKAGE = Path(numcnn.__file__).parent

USE = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import numpy as np
from numcnn.kernels.updates import sgd
from numcnn.kernels.elementwise import sum_of_squares
from numcnn.kernels.compile import problems
"""
SGD = USE + "p = np.ones(3, {dtype!r}); sgd(p, p.copy(), np.array([0.25]))\n"
SGD += "print(p.tolist(), sum(sgd.stats.cache_hits.values()), len(problems))\n"
SQUARES = USE + "print(sum_of_squares(np.arange(1000, dtype='f4')))\n"
FIT = USE + "from small_nets import cnn, images, weights_hash\nx, y, _ = images(8)\nmodel = cnn()\n"
FIT += "model.fit(x, y, epochs=2, verbose=0)\nprint(weights_hash(model))\n"


def start(program, root=PACKAGE.parent, dtype="float32", **environment):
    """Start a program that uses the package in `root`."""
    text = program.format(root=str(root), tests=str(TESTS), dtype=dtype)
    return subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def ended(process):
    """Return what it printed; it must have ended well."""
    out, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    return out


def copied(folder):
    """Return a folder with a copy of the package, without anything compiled."""
    shutil.copytree(PACKAGE, folder / "numcnn", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


# ---- in this process: a new dispatcher each time reads the folder anew --------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Let kernels be kept in an empty folder, and note problems anew."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "problems", [])
    return tmp_path


def fresh():
    """Return the kernel sgd as a new process would make it."""
    return compiling.kernel(updates.sgd.py_func)


def check(dispatcher, dtype="float32"):
    """Call it and see that the result is right; return whether it came from the disk."""
    p, g = np.array([1, 2, 3], dtype), np.array([4, -8, 16], dtype)
    dispatcher(p, g, np.array([0.25]))
    assert p.tolist() == [0, 4, -1]
    assert p.dtype == dtype
    return sum(dispatcher.stats.cache_hits.values()) == 1


def kept(folder):
    """Return the files of the cache."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contents(folder):
    """Fill the cache with sgd for float32; return its files and what is in them."""
    assert not check(fresh())
    found = {path: path.read_bytes() for path in kept(folder)}
    assert found
    assert check(fresh())
    return found


def read(dispatcher, like):
    """Read machine code from the disk without compiling; return what was found."""
    (signature,) = like.signatures
    return dispatcher._cache.load_overload(signature, dispatcher.targetctx)


def test_a_kernel_is_kept_and_found(folder):
    contents(folder)
    assert not check(fresh(), "float64")
    assert check(fresh(), "float64")
    assert check(fresh())
    assert compiling.problems == []
    assert not [path for path in kept(folder) if ".tmp." in path.name]


@pytest.mark.parametrize("step", [1999, pytest.param(61, marks=pytest.mark.proof)])
def test_a_truncated_file_does_no_harm(folder, step):
    for path, good in contents(folder).items():
        for size in [0, 1, 31, 32, 33, *range(50, len(good), step), len(good) - 1]:
            path.write_bytes(good[:size])
            assert not check(fresh()), size
            assert compiling.problems, size
            assert check(fresh()), "it is written anew"
            compiling.problems.clear()
            path.write_bytes(good)


@pytest.mark.parametrize("step", [3001, pytest.param(101, marks=pytest.mark.proof)])
def test_a_flipped_bit_does_no_harm(folder, step):
    for path, good in contents(folder).items():
        for at in [*range(0, 40, 13), *range(41, len(good), step), len(good) - 1]:
            bad = bytearray(good)
            bad[at] ^= 1 << at % 8
            path.write_bytes(bad)
            assert not check(fresh()), at
            assert compiling.problems, at
            compiling.problems.clear()
            path.write_bytes(good)


def test_no_flipped_bit_is_read(folder):
    found = contents(folder)
    like = fresh()
    check(like)
    assert read(fresh(), like) is not None
    dispatcher = fresh()
    generator = np.random.default_rng(0)
    for path, good in found.items():
        for at in [*range(64), *generator.integers(0, len(good), 500)]:
            bad = bytearray(good)
            bad[at] ^= 1 << generator.integers(8)
            path.write_bytes(bad)
            assert read(dispatcher, like) is None, at
        path.write_bytes(good)
    assert read(dispatcher, like) is not None


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"garbage", b"\x80\x04N." * 9, None])
def test_other_content_does_no_harm(folder, content):
    for path in contents(folder):
        path.unlink()
        path.mkdir() if content is None else path.write_bytes(content)
    assert not check(fresh())
    assert compiling.problems
    assert all("sgd" in problem for problem in compiling.problems)


def test_machine_code_of_another_type_is_not_run(folder):
    # Two processes that begin at the same time may both think that a name is free.
    (single,) = (path for path in contents(folder) if path.suffix == ".nbc")
    check(fresh(), "float64")
    (double,) = (path for path in kept(folder) if path.suffix == ".nbc" and path != single)
    one, two = single.read_bytes(), double.read_bytes()
    single.write_bytes(two)
    double.write_bytes(one)
    for dtype in ("float32", "float64"):
        assert not check(fresh(), dtype)
    single.unlink()
    double.unlink()
    single.write_bytes(two)
    for dtype in ("float32", "float64"):
        assert not check(fresh(), dtype)


def test_a_missing_file_is_written_anew(folder):
    for path in contents(folder):
        path.unlink()
        assert not check(fresh())
        assert check(fresh())


def test_a_folder_that_disappears_does_no_harm(folder):
    contents(folder)
    dispatcher = fresh()
    for inner in folder.iterdir():
        shutil.rmtree(inner)
    assert not check(dispatcher)
    assert check(fresh())


def test_a_full_disk_does_no_harm(folder, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert not check(fresh())
    assert "No space left" in " ".join(compiling.problems)
    assert kept(folder) == []


def test_kernels_of_another_source_are_not_found(folder, monkeypatch):
    contents(folder)
    monkeypatch.setattr(compiling, "SOURCE_HASH", "0" * 64)
    assert not check(fresh())
    assert check(fresh())
    monkeypatch.setattr(compiling, "SOURCE_HASH", compiling.source_hash())
    check(fresh())
    assert compiling.problems == []


def test_old_machine_code_does_not_pile_up(folder, monkeypatch):
    contents(folder)
    size = len(kept(folder))
    for i in range(4):
        monkeypatch.setattr(compiling, "SOURCE_HASH", str(i) * 64)
        check(fresh())
    assert len(kept(folder)) == size


# ---- in processes of their own ------------------------------------------------------------------


def nowhere(folder):
    """Return the folder of a package that finds no place for its kernels, and its environment."""
    root = copied(folder)
    (root / "numcnn" / "kernels" / "__pycache__").write_text("in the way")
    file = str(root / "numcnn" / "__init__.py")
    return root, {"NUMBA_CACHE_DIR": f"{file}/x", "HOME": file, "XDG_CACHE_HOME": f"{file}/y"}


def test_a_package_with_no_place_for_kernels_works(tmp_path):
    root, environment = nowhere(tmp_path)
    before = {path for path in root.rglob("*") if "__pycache__" not in path.parts}
    program = SGD + "print(*problems, sep='\\n')"
    first, *rest = ended(start(program, root, **environment)).splitlines()
    assert re.fullmatch(r"\[0.75, 0.75, 0.75\] 0 [1-9]\d*", first)
    assert any("sgd" in line and "locator" in line for line in rest)
    assert {path for path in root.rglob("*") if "__pycache__" not in path.parts} == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_folders_without_permission_to_write_do_no_harm(tmp_path):
    root = copied(tmp_path)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        found = ended(start(SGD, root, HOME=str(root), XDG_CACHE_HOME=str(root / "x")))
    finally:
        for path in folders:
            path.chmod(0o755)
    assert found.startswith("[0.75, 0.75, 0.75] 0 ")


def test_four_processes_may_begin_at_once(tmp_path):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    dtypes = ["float32", "float64"] * 2
    for process in [start(SGD, dtype=dtype, **environment) for dtype in dtypes]:
        assert ended(process).startswith("[0.75, 0.75, 0.75] ")
    assert all(path.suffix in (".nbc", ".nbi") for path in kept(tmp_path))
    for dtype in dtypes[:2]:
        found = ended(start(SGD, dtype=dtype, **environment))
        assert found == "[0.75, 0.75, 0.75] 1 0\n"


SUM = sum(i * i for i in range(1000))


def edit(path, old, new):
    """Replace a text in a file that has it once; return how to undo it."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return lambda: path.write_text(text)


def test_an_edit_in_another_file_is_seen(tmp_path):
    root = copied(tmp_path / "copy")
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    right = float(ended(start(SQUARES, root, **environment)))
    assert right == pytest.approx(SUM, rel=1e-6)
    vectors = root / "numcnn" / "kernels" / "simd" / "vectors.py"
    undo = edit(vectors, '@primitive(_emit_binary("fadd"))', '@primitive(_emit_binary("fsub"))')
    wrong = float(ended(start(SQUARES, root, **environment)))
    assert abs(wrong - right) > 0.1 * right
    undo()
    assert float(ended(start(SQUARES, root, **environment))) == right


def test_an_edit_of_the_options_is_seen(tmp_path):
    root = copied(tmp_path / "copy")
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert ended(start(SGD, root, **environment)).split()[-2:] == ["0", "0"]
    edit(root / "numcnn" / "kernels" / "compile.py", '{"contract"}', "False")
    assert ended(start(SGD, root, **environment)).split()[-2:] == ["0", "0"]


@pytest.mark.proof
def test_a_whole_model_comes_through_all_of_this(tmp_path):
    right = ended(start(FIT))
    root, environment = nowhere(tmp_path / "nowhere")
    assert ended(start(FIT, root, **environment)) == right
    cache = tmp_path / "cache"
    environment = {"NUMBA_CACHE_DIR": str(cache)}
    for process in [start(FIT, **environment) for _ in range(4)]:
        assert ended(process) == right
    assert ended(start(FIT, **environment)) == right
    generator = np.random.default_rng(0)
    for _ in range(3):
        for path in kept(cache):
            good = path.read_bytes()
            path.write_bytes(good[: generator.integers(len(good))])
        assert ended(start(FIT, **environment)) == right
