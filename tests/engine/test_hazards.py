"""What Numba would let pass in a kernel, and nobody would notice until it matters.

tests/README.md, "Numba's hazards", says where the others are tested.
"""

import ast
import importlib
import os
import pkgutil
import stat
from pathlib import Path

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import numcnn.kernels  # noqa: E402
from numcnn.kernels import compile as compiling  # noqa: E402
from numcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D  # noqa: E402
from numcnn.models import Sequential  # noqa: E402

FOLDER = Path(numcnn.kernels.__file__).parent
# What leaves an array, an exception or a Python object behind. (A tuple is numbers side by side.)
HARMFUL = (
    ast.Raise, ast.Assert, ast.Try, ast.With, ast.List, ast.ListComp, ast.Dict, ast.DictComp,
    ast.Set, ast.SetComp, ast.GeneratorExp, ast.JoinedStr, ast.Lambda, ast.Global, ast.Yield,
)  # fmt: skip
NUMBERS = {"range", "slice", "min", "max", "len", "int", "float", "abs"}
NUMBERS |= {f"np.{name}" for name in ("int64", "uint32", "uint64", "float32", "float64", "isnan")}
NUMBERS |= {"np.finfo", "math.sqrt", "math.log", "math.exp"}
INSIDE = ("kernel", "over_vectors", "with_doubles")  # what runs as machine code is decorated so


def kernels_in(source):
    """Yield the syntax tree of each function that runs as machine code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            if any(ast.unparse(d).startswith(INSIDE) for d in node.decorator_list):
                yield node


def sources():
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")}


def harm(function, known):
    """Return what a kernel holds that it must not."""
    inside = [node for part in function.body for node in ast.walk(part)]
    calls = {ast.unparse(node.func) for node in inside if isinstance(node, ast.Call)}
    allowed = {c for c in calls if c in NUMBERS | known or c.endswith(".dtype.type")}
    return sorted(calls - allowed) + [type(n).__name__ for n in inside if isinstance(n, HARMFUL)]


def known_in(source):
    """Return what a file's kernels may call: each other, those of other files, what they are given.

    And NumPy's types under a shorter name.
    """
    tree = ast.parse(source)
    froms = [n for n in tree.body if isinstance(n, ast.ImportFrom)]
    own = [n for n in froms if n.module.startswith("numcnn.kernels")]
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    types = [n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.value) in NUMBERS]
    return (
        {alias.asname or alias.name for n in own for alias in n.names}
        | {f.name for f in functions}
        | {argument.arg for f in functions for argument in f.args.args}
        | {ast.unparse(target) for n in types for target in n.targets}
    )


def test_kernels_neither_raise_nor_allocate():
    """An exception in a kernel would leak the arrays made before it, and these cost time."""
    seen = 0
    for name, source in sources().items():
        for function in kernels_in(source):
            assert not harm(function, known_in(source)), (name, function.name)
            seen += 1
    assert seen > 60


@pytest.mark.parametrize(
    "line",
    ["raise ValueError", "assert a", "b = np.empty(3)", "b = [1]", "b = a.copy()", "b = sorted(a)"],
)
def test_harm_in_a_kernel_is_seen(line):
    (function,) = kernels_in(f'@kernel\ndef f(a):\n    """f."""\n    {line}\n')
    assert harm(function, {"a"})


def dispatchers():
    """Return all compiled functions of numcnn, by name."""
    names = [m.name for m in pkgutil.walk_packages(numcnn.kernels.__path__, "numcnn.kernels.")]
    found = [v for name in names for v in vars(importlib.import_module(name)).values()]
    return {v.__qualname__: v for v in found if hasattr(v, "targetoptions")}


compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")


@compiled
def test_no_kernel_may_take_nan_for_impossible():
    """fastmath=True would make isnan False; parallel=True would need Numba's threads."""
    found = dispatchers()
    assert {"matmul", "pool", "softmax_crossentropy", "winograd", "normalize"} <= set(found)
    for name, dispatcher in found.items():
        options = dispatcher.targetoptions
        assert set(options.get("fastmath") or ()) <= {"contract"}, name
        assert options.get("error_model") == "numpy", name
        assert options.get("nogil"), name
        assert not options.get("parallel"), name
        assert not options.get("forceobj"), name


@compiled
def test_no_kernel_is_compiled_for_more_than_two_types_of_numbers():
    """Whatever comes in: any layout, any type, any size is made one of two before a kernel."""
    before = {name: set(d.signatures) for name, d in dispatchers().items()}
    for dtype in ("float32", "float64"):
        layers = [
            Conv2D(16, 3, activation="relu"),
            MaxPool2D(2),
            Flatten(),
            Dropout(0.5),
            Dense(3, activation="softmax"),
        ]
        for layer in layers:
            layer.dtype = dtype
        model = Sequential(layers)
        model.compile("sgd", "sparse_categorical_crossentropy", engine="numba")
        rng = np.random.default_rng(0)
        for n, kind in enumerate(["uint8", "int64", "float32", "float64", ">f4"], start=1):
            x = rng.integers(0, 3, (2 * n, 10, 9, 2)).astype(kind)
            y = rng.integers(0, 3, n).astype(["int8", "int32", "uint64", "float32", "i8"][n - 1])
            for part in (x[::2], np.asfortranarray(x[:n]), x[:n][:, ::-1]):
                model.fit(part, y, batch_size=2, verbose=0)
                model.predict(part, batch_size=3)
    for name, dispatcher in dispatchers().items():
        added = set(dispatcher.signatures) - before[name]
        assert len(added) <= 2, (name, added)


@compiled
@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of POSIX")
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o777, 0o1777])
def test_a_folder_of_kernels_that_others_may_write_is_warned_of(tmp_path, monkeypatch, mode):
    """Numba's files are pickles: whoever can write them runs what they like as this user."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def begin():
        compiling.kernel(harm)

    begin()  # makes the folder
    (folder,) = tmp_path.iterdir()
    folder.chmod(mode)
    compiling._warn_of.cache_clear()
    if mode & stat.S_IWOTH:
        with pytest.warns(UserWarning, match="NUMBA_CACHE_DIR") as caught:
            begin()
        assert str(folder) in str(caught[0].message)
    begin()  # said once, or not at all
