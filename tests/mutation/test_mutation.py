"""The mutation score's own tests: the faults it makes, and one file from end to end."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mutation.mutate import mutants
from mutation.run import chosen, equivalents, sample

RUN = Path(__file__).parent / "run.py"
SOURCE = '''
class A:
    def f(self, x, training=False):
        """Return x + 1."""
        y: Array = x.sum(axis=0) + 1
        if training:
            self.kept = x, y
        y *= 2.5
        if y.shape != x.T.shape:
            raise ValueError(f"expected {x.shape[0] + 1}")
        return np.where(y > 0, y, -y[1:])


def g(n):
    for i in range(n):
        n = n - i if i else n
    return n
'''


def made(source=SOURCE, functions=""):
    return [(m.before, m.after) for m in mutants(source, "file.py", functions)]


def test_every_mutant_is_another_program():
    found = list(mutants(SOURCE, "file.py"))
    original = ast.dump(ast.parse(SOURCE))
    dumps = [ast.dump(ast.parse(m.source)) for m in found]
    assert original not in dumps
    assert len(set(dumps)) == len(dumps) == len({m.key for m in found}) > 30


def test_the_source_itself_is_left_as_it_was():
    first = [m.source for m in mutants(SOURCE, "file.py")]
    assert [m.source for m in mutants(SOURCE, "file.py")] == first
    docstrings = [ast.get_docstring(ast.parse(s).body[0].body[0]) for s in first]
    assert set(docstrings) == {"Return x + 1."}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y: Array = x.sum(axis=0) + 1", "y: Array = x.sum(axis=0) - 1"),
        ("y: Array = x.sum(axis=0) + 1", "y: Array = x.sum(axis=1) + 1"),
        ("y: Array = x.sum(axis=0) + 1", "y: Array = x.sum(axis=0) + 0"),
        ("y: Array = x.sum(axis=0) + 1", "y: Array = x.mean(axis=0) + 1"),
        ("y: Array = x.sum(axis=0) + 1", "y: Array = x.sum() + 1"),
        ("if training", "if True"),
        ("self.kept = (x, y)", "self.kept = (y, x)"),
        ("self.kept = (x, y)", "pass"),
        ("y *= 2.5", "y /= 2.5"),
        ("y *= 2.5", "y *= 3.5"),
        ("y *= 2.5", "pass"),
        ("if y.shape != x.T.shape", "if y.shape == x.T.shape"),
        ("if y.shape != x.T.shape", "if y.shape != x.shape"),
        ("raise ValueError(f'expected {x.shape[0] + 1}')", "pass"),
        ("return np.where(y > 0, y, -y[1:])", "return np.where(y >= 0, y, -y[1:])"),
        ("return np.where(y > 0, y, -y[1:])", "return np.where(y > 0, -y[1:], y)"),
        ("return np.where(y > 0, y, -y[1:])", "return np.where(y > 0, y, y[1:])"),
        ("return np.where(y > 0, y, -y[1:])", "return np.where(y > 0, y, -y[:])"),
        ("for i in range(n)", "for i in ()"),
        ("n = n - i if i else n", "n = n - i"),
        ("n = n - i if i else n", "pass"),
    ],
)
def test_faults(before, after):
    assert (before, after) in made()


def test_what_numpy_takes_for_the_same_is_left_alone():
    source = "def f(x):\n    return x.sum(axis=(1, 2)).reshape(-1, len(x), g(-1)).transpose(1, 0)"
    changes = {after for _, after in made(source)}
    assert not [after for after in changes if "axis=(2, 1)" in after or "reshape(-2" in after]
    assert "return x.sum(axis=(1, 2)).reshape(1, len(x), g(-1)).transpose(1, 0)" in changes
    assert "return x.sum(axis=(1, 2)).reshape(-1, len(x), g(-2)).transpose(1, 0)" in changes
    assert "return x.sum(axis=(2, 2)).reshape(-1, len(x), g(-1)).transpose(1, 0)" in changes


def test_texts_of_errors_and_first_assignments_are_left_alone():
    changes = made()
    assert sum("raise" in before for before, _ in changes) == 1
    assert ("y: Array = x.sum(axis=0) + 1", "pass") not in changes
    assert all("range" not in before for before, _ in made(functions=r"^A\.f$"))


def test_every_fault_that_is_listed_as_equivalent_can_still_be_made():
    """An entry is found again by its text: it must not outlive the statement."""
    listed = set(equivalents())
    functions = {key[:2] for key in listed}
    assert len(functions) > 20
    for file, function in functions:
        source = (RUN.parents[2] / file).read_text(encoding="utf-8")
        made = {m.key for m in mutants(source, file, f"^{re.escape(function)}$")}
        missing = {key for key in listed if key[:2] == (file, function)} - made
        assert not missing


def test_a_larger_sample_contains_the_smaller_one():
    faults = list(mutants(SOURCE, "file.py"))
    few, more = sample(faults, 5, seed=1), sample(faults, 9, seed=1)
    assert len(few) == 5
    assert len(more) == 9
    assert all(fault in more for fault in few)
    assert more == sorted(more, key=faults.index)
    assert sample(faults, 5, seed=2) != few
    assert sample(faults, None, seed=1) == sample(faults, 10**6, seed=1) == faults


SHAKEN = """
def early():
    return [1, 2]


def late(x):
    return x + 1


def endless(x):
    while x < 0:
        x += 1
    return x


def idle(x):
    return x - 1
"""
TESTS = """
import pytest
from shaken import early, endless, late

FIRST = early()


@pytest.mark.parametrize("x", [1, 2])
def test_late(x):
    assert late(x) == x + 1 and FIRST == [1, 2] and endless(-x) == 0
"""
TRY = """
import sys
from pathlib import Path
from mutation.mutate import mutants
from mutation.trial import afresh, rehearsed

path, log = Path.cwd() / "shaken.py", Path("log.txt")
tests = ["test_shaken.py"]
faults = list(mutants(path.read_text(), path.name))
faults = [m for m in faults if m.after in ("return [2, 2]", "return x - 1", "pass", "return x - 0")]
for fault, result in rehearsed(path.parent, tests, faults, log):
    print(fault.function, result, sep="|")
sys.dont_write_bytecode = True
print("sound", afresh(tests, 60, log)[0], sep="|")
for fault in faults:
    if fault.function == "early":
        path.write_text(fault.source)
        print("early", afresh(tests, 60, log)[0], sep="|")
print("mutation" in sys.modules, "shaken" in sys.modules, sep="|")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_what_becomes_of_faults_is_the_same_in_a_process_that_began_without_them(tmp_path):
    """Found, alive, without an end, or in a function that collecting the tests has called."""
    (tmp_path / "shaken.py").write_text(SHAKEN)
    (tmp_path / "test_shaken.py").write_text(TESTS)
    found = subprocess.run(
        [sys.executable, "-c", TRY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(RUN.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("|") for line in found.stdout.splitlines() if "|" in line]
    results = {(name, result) for name, result in lines}
    assert results == {
        ("early", "afresh"),
        ("late", "found"),
        ("endless", "found"),
        ("idle", "lives"),
        ("sound", "True"),
        ("early", "False"),
        ("True", "False"),
    }


CHECKED = """
def checked(x, kind):
    if x < 0:
        raise ValueError("negative")
    match kind:
        case "odd" if x % 2 == 0:
            raise ValueError("even")
        case "even":
            try:
                x / (x % 2 - 1)
            except ZeroDivisionError as error:
                raise ValueError("odd") from error
    return x
"""
TESTS_OF_RAISES = """
import contextlib
import pytest
from checked import checked

FIRST = checked(1, "odd")


def test_negative():
    with pytest.raises(ValueError, match="negative"):
        checked(-1, "any")


def test_even_numbers_are_tried_and_nothing_is_asked_of_them():
    with contextlib.suppress(ValueError):
        checked(2, "odd")
"""
TRY_RAISES = """
import ast
from pathlib import Path
from mutation.mutate import mutants
from mutation.trial import rehearsed

source = Path("checked.py").read_text()
faults = list(mutants(source, "checked.py", kinds=ast.Raise))
log = Path("log.txt")
for fault, result in rehearsed(Path.cwd(), ["test_checked.py"], faults, log, reaching=True):
    print(fault.before, result, sep="|")
print(log.read_text().count("1 passed") + log.read_text().count("1 failed"), "alone", sep="|")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_raise_is_tried_by_the_tests_that_reach_it(tmp_path):
    """Missed, reached but not looked at, and never reached."""
    (tmp_path / "checked.py").write_text(CHECKED)
    (tmp_path / "test_checked.py").write_text(TESTS_OF_RAISES)
    found = subprocess.run(
        [sys.executable, "-c", TRY_RAISES],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(RUN.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split("|") for line in found.stdout.splitlines() if "|" in line] == [
        ["raise ValueError('negative')", "found"],
        ["raise ValueError('even')", "lives"],
        ["raise ValueError('odd') from error", "lives"],
        ["3", "alone"],  # the first by one test, and that test without a fault; the second by one
    ]


def test_every_raise_is_in_one_target():
    found = [file for target in chosen(None, raises=True) for file in target["files"]]
    assert len(set(found)) == len(found)
    package = RUN.parents[2]
    for path in (package / "numcnn").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.Raise) for node in ast.walk(tree)):
            assert str(path.relative_to(package)) in found


def test_every_raise_that_need_not_be_noticed_is_there():
    listed = set(equivalents("raises"))
    for file in {key[0] for key in listed}:
        source = (RUN.parents[2] / file).read_text(encoding="utf-8")
        made = {m.key for m in mutants(source, file, kinds=ast.Raise)}
        assert {key for key in listed if key[0] == file} <= made


def run(*arguments):
    """Run the command as a user does."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "HYPOTHESIS_"))}
    command = [sys.executable, RUN, "--files", "numcnn/layers/dropout.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=clean, check=False)


pytestmark_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@pytestmark_fork
def test_all_faults_of_a_backward_pass_are_found():
    done = run("--sample", "6", "--tests", "tests/layers/test_dropout.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 killed, 0 equivalent, 0 survived" in done.stdout


@pytestmark_fork
def test_a_fault_that_no_test_looks_for_survives_and_fails_the_command():
    done = run("--functions", "backward", "--tests", "tests/test_initializers.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "+ return dy / mask" in done.stdout
    assert "0 of 1 killed, 0 equivalent, 1 survived" in done.stdout
