"""Resuming in another process, at every batch: the same file at the end, byte for byte."""

import subprocess
import sys
from pathlib import Path

import pytest
from checkpoint_program import EPOCHS, STEPS

PROGRAM = Path(__file__).parents[1] / "checkpoint_program.py"


def program(*arguments: object) -> list[str]:
    """Run the program to its end; return what it printed."""
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("model", ["1conv", "3conv"])
def test_some_batches_of_the_tutorials_models(tmp_path, model):
    (expected,) = program("whole", model, tmp_path)
    files = sorted(tmp_path.glob("??-??.npz"))
    assert len(files) == EPOCHS * STEPS
    # At the last batch of an epoch, within one, and one batch before the end.
    chosen = [files[i] for i in (2 * STEPS - 1, 2 * STEPS + 4, EPOCHS * STEPS - 2)]
    assert program("resume", model, *chosen) == [expected] * len(chosen)


@pytest.mark.proof
@pytest.mark.parametrize("model", ["small", "1conv", "3conv"])
def test_every_batch_of_forty_each_in_a_new_process(tmp_path, model):
    (expected,) = program("whole", model, tmp_path)
    files = sorted(tmp_path.glob("??-??.npz"))
    assert len(files) == 40
    for path in files:
        assert program("resume", model, path) == [expected], path.name
