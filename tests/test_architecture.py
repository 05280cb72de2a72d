"""The arrows between the rooms: who may import whom, read from the source itself."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import numcnn

ROOT = Path(numcnn.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


@functools.cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def for_types_only(tree):
    """Return the nodes that stand under `if TYPE_CHECKING:`."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }


def imports(path, inside_functions=True):
    """Return the names of the modules that a file imports, those for types alone left out."""
    tree = parsed(path)
    skipped = for_types_only(tree)
    if not inside_functions:
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                skipped |= set(ast.walk(node)) - {node}
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else node.module)
    return found


def own(path, **kwargs):
    """Return the modules of numcnn that a file imports."""
    return {name for name in imports(path, **kwargs) if name.split(".")[0] == "numcnn"}


def under(name, *rooms):
    return any(name == f"numcnn.{r}" or name.startswith(f"numcnn.{r}.") for r in rooms)


# Room: the rooms it may import. What stands lower may not import what stands higher.
MAY_IMPORT = {
    "arrays": (),
    "errors": (),
    "_version": (),
    "backend": ("backend",),
    "seeds": (),
    "files": (),
    "exclusive": (),
    "kernels": ("kernels",),
    "initializers": ("initializers", "errors", "seeds"),
    "regularizers": ("errors",),
    "constraints": ("errors", "backend"),
    "layers": (
        "layers",
        "initializers",
        "regularizers",
        "constraints",
        "errors",
        "backend",
        "seeds",
    ),
    "losses": ("losses", "arrays", "errors", "backend"),
    "optimizers": ("optimizers", "errors", "backend"),
    "metrics": ("metrics", "errors", "losses"),
    "progress": ("errors",),
    "summary": ("errors", "layers"),
    "architecture": ("errors", "layers", "_version"),
    "data": ("errors", "losses", "layers", "rows"),
    "activations": ("arrays", "errors", "layers"),
    "advice": ("losses", "layers", "optimizers"),
    "engine": ("engine", "kernels", "layers", "losses", "optimizers", "errors", "backend"),
    "stack": ("engine.interrupts", "layers", "errors", "backend", "seeds", "summary"),
    "callbacks": ("callbacks", "errors", "files", "progress", "data"),
    "run": ("callbacks", "errors", "metrics.base", "rows"),
    "rows": ("errors",),
    "batches": ("rows", "seeds", "utils.sequence"),
    "feed": (
        "batches",
        "data",
        "errors",
        "optimizers",
        "rows",
        "run",
        "utils.sequence",
        "weighting",
    ),
    "weighting": ("data", "errors"),
    "compiled": (
        "data",
        "engine",
        "errors",
        "losses",
        "metrics",
        "optimizers",
        "run",
        "seeds",
        "stack",
    ),
    "legacy": (
        "_version",
        "backend",
        "callbacks",
        "errors",
        "legacy",
        "optimizers",
        "preprocessing",
        "utils",
    ),
    "preprocessing": (
        "backend",
        "data",
        "errors",
        "files",
        "preprocessing",
        "rows",
        "seeds",
        "utils.sequence",
    ),
    "training": ("batches", "callbacks", "engine", "errors", "run"),
    "saving": (
        "saving",
        "layers",
        "losses",
        "metrics",
        "optimizers",
        "errors",
        "extras",
        "files",
        "run",
        "seeds",
        "_version",
    ),
    "extras": (),
    "export": ("export", "layers", "errors", "extras", "files", "_version"),
    "utils": (
        "utils",
        "legacy.arguments",
        "data",
        "datasets",
        "errors",
        "files",
        "preprocessing",
        "seeds",
        "plotting",
        "stack",
    ),
    "datasets": ("datasets", "backend", "errors", "files"),
}


AT_THE_TOP = {"dask", "models", "plotting", "gradcheck", "inspect", "testing", "wrappers"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_stands_below(room):
    for name, path in MODULES.items():
        if under(name, room):
            for found in own(path):
                assert under(found, *MAY_IMPORT[room]), f"{name} imports {found}"


def test_every_room_has_its_place():
    rooms = {name.split(".")[1] for name in MODULES if "." in name}
    assert rooms - set(MAY_IMPORT) == AT_THE_TOP
    assert set(MAY_IMPORT) - rooms <= {"kernels"}


def test_only_the_front_door_knows_the_top():
    for name, path in MODULES.items():
        looks = (
            "dask",
            "gradcheck",
            "inspect",
            "plotting",
            "testing",
            "utils.vis_utils",
            "wrappers",
        )
        if name != "numcnn" and not under(name, *looks):
            for found in own(path):
                top = under(found, *AT_THE_TOP)
                inside = under(name, "models") and under(found, "models")
                assert not top or inside, (name, found)


def test_only_a_test_loads_hypothesis():
    for name, path in MODULES.items():
        if any(found.split(".")[0] == "hypothesis" for found in imports(path)):
            assert name == "numcnn.testing.strategies"
        at_import = own(path, inside_functions=False)
        assert "numcnn.testing.strategies" not in at_import, name
    assert not any(under(found, "testing") for found in own(ROOT / "__init__.py"))


def test_training_asks_the_engine_and_no_layer():
    assert not any(under(name, "layers") for name in own(ROOT / "training.py"))
    text = (ROOT / "training.py").read_text()
    assert not any(word in text for word in ("forward", "backward", "isinstance", "numba"))


def test_layers_speak_no_engines_language():
    words = {"engine", "kernels", "numba", "njit", "plan", "buffer", "scratch", "arena"}
    for path in sorted((ROOT / "layers").glob("*.py")):
        names = {n.id for n in ast.walk(parsed(path)) if isinstance(n, ast.Name)}
        names |= {n.attr for n in ast.walk(parsed(path)) if isinstance(n, ast.Attribute)}
        assert not names & words, path.name


def test_there_are_no_cycles():
    graph = {name: own(path) - {name} for name, path in MODULES.items()}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path, name])
        if name in done:
            return
        path.append(name)
        for following in sorted(graph[name]):
            # A package's modules import each other; the package itself only gathers them.
            if not name.startswith(f"{following}."):
                visit(following)
        path.pop()
        done.add(name)

    for name in graph:
        visit(name)
    assert done == set(MODULES)


def test_no_room_for_odds_and_ends():
    for name in MODULES:
        assert name.split(".")[-1] not in ("common", "helpers", "misc", "util")


def test_numba_only_in_the_kernels():
    for name, path in MODULES.items():
        if not under(name, "kernels"):
            assert not any(found.split(".")[0] == "numba" for found in imports(path)), name


def test_matplotlib_only_inside_functions_of_plotting():
    for name, path in MODULES.items():
        if any(found.split(".")[0] == "matplotlib" for found in imports(path)):
            assert under(name, "plotting")
        at_import = imports(path, inside_functions=False)
        assert not any(found.split(".")[0] == "matplotlib" for found in at_import), name


def test_only_one_place_compares_an_engines_name():
    for name, path in MODULES.items():
        if name == "numcnn.engine":
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Compare):
                text = ast.unparse(node)
                assert "'numpy'" not in text, (name, text)
                assert "'numba'" not in text, (name, text)


def test_only_known_packages_are_imported():
    for name, path in MODULES.items():
        allowed = {"numcnn", "numpy", "numba", "matplotlib", *sys.stdlib_module_names}
        if name.startswith("numcnn.kernels.simd."):
            allowed.add("llvmlite")  # comes with Numba
        if name == "numcnn.testing.strategies":
            allowed.add("hypothesis")  # comes with the extra `test`
        if name == "numcnn.preprocessing.files":
            allowed.add("PIL")  # comes with matplotlib
        assert {found.split(".")[0] for found in imports(path)} <= allowed, name


def test_optional_packages_are_loaded_in_one_place():
    users = {
        name
        for name, path in MODULES.items()
        if "import_module" in path.read_text(encoding="utf-8") and name != "numcnn.extras"
    }
    assert not users
    program = "import sys, numcnn.export, numcnn.saving; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert not {"h5py", "onnx", "safetensors", "sklearn"} & set(done.stdout.split())


@pytest.mark.parametrize("kind", [ast.Assert, ast.Global])
def test_statements_that_have_no_place(kind):
    allowed = {ast.Assert: set(), ast.Global: {"numcnn.backend.settings", "numcnn.seeds"}}
    for name, path in MODULES.items():
        lines = [node.lineno for node in ast.walk(parsed(path)) if isinstance(node, kind)]
        assert not lines or name in allowed[kind], f"{name}: {lines}"


def test_nothing_is_pickled_and_nothing_evaluated():
    for name, path in MODULES.items():
        if name != "numcnn.kernels.compile":  # Numba keeps machine code as pickles
            assert not {"pickle", "marshal", "shelve"} & imports(path), name
        calls = {
            node.func.id
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not {"eval", "exec", "__import__"} & calls, name


def test_importing_numcnn_loads_nothing_heavy():
    program = "import sys, numpy; before = set(sys.modules); import numcnn; "
    program += "print(*sorted(set(sys.modules) - before), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    loaded = done.stdout.split()
    heavy = {"numba", "llvmlite", "matplotlib", "ssl", "urllib.request", "http.client", "pickle"}
    assert "numcnn.models" in loaded
    assert not heavy & set(loaded)
    assert not any(name.split(".")[0] in ("numba", "matplotlib") for name in loaded)


def test_training_without_asserts_gives_the_same_bits():
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from small_nets import cnn, images, weights_hash
x, y, _ = images(8)
model = cnn()
model.fit(x, y, verbose=0)
print(weights_hash(model))
"""
    hashes = {
        subprocess.run(
            [sys.executable, *flags, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for flags in ([], ["-OO"])
    }
    assert len(hashes) == 1


def test_the_readme_s_way_to_onnx_needs_no_further_import():
    """It writes `numcnn.export.to_onnx`, which works after `import numcnn`."""
    program = "import numcnn; print(numcnn.export.to_onnx.__name__)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "to_onnx\n"
