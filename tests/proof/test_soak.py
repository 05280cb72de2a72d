"""Ten minutes of everything: memory and open files stay as they are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")


def soak(seconds, folder, engine):
    """Return what the program printed."""
    paths = [str(TESTS.parent), str(TESTS)]
    done = subprocess.run(
        [sys.executable, str(TESTS / "faults" / "soak.py"), str(seconds), str(folder), engine],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(f"soak with {engine}: {done.stdout}")
    return found


@needs_proc
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("seconds", [2, pytest.param(600, marks=pytest.mark.proof)])
def test_memory_and_open_files_stay(seconds, engine, tmp_path):
    found = soak(seconds, tmp_path, engine)
    low, high = found["files"]
    assert low == high
    # In seconds the allocator's habits are still seen; what leaks a kilobyte a step is, too.
    assert found["bytes_per_step"] - found["interval"] < (1024 if seconds < 60 else 16)
    assert found["megabytes"][1] - found["megabytes"][0] < 16
    if seconds > 60:
        assert found["bytes_per_step"] < 64
