"""The mutation score's own tests: the faults it makes, and one file from end to end."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mutation.mutate import mutants
from mutation.run import equivalents, sample

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
