"""The kernels' tests once more: as plain Python, with bounds checked, for other processors.

CI runs two of these legs whole, with coverage: see .ci/legs. Each leg is a process of its own, and
keeps its machine code in a folder of its own: code that is kept without bounds checks would be
taken for code that has them.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNELS = [
    "test_elementwise.py", "test_kernels.py", "test_simd.py", "test_averages.py",
    "test_normalization_kernels.py", "test_winograd.py",
]  # fmt: skip
LEGS = {
    "bounds": {"NUMBA_BOUNDSCHECK": "1"},
    "haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"},
    "generic": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
}
for_intel = {"haswell"}


def run(environment, folder, *arguments):
    """Run some tests in an environment; raise with what they printed where one fails."""
    environment = os.environ | environment | {"NUMBA_CACHE_DIR": str(folder / "machine code")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return done.stdout


def test_kernels_as_plain_python(tmp_path):
    environment = {"NUMBA_DISABLE_JIT": "1", "HYPOTHESIS_PROFILE": "dev"}
    some = "pack or unpool or pool_and or relu or simd or updates or all_reached"
    some += " or average_and or moments or normalize"
    paths = [str(HERE / name) for name in KERNELS[:5]]
    assert "passed" in run(environment, tmp_path, *paths, "-k", some)


def test_a_training_in_plain_python_warns_of_nothing(tmp_path):
    which = (str(HERE.parent / "test_diverged_updates.py"), "-k", "taken_back and numba")
    assert "passed" in run({"NUMBA_DISABLE_JIT": "1"}, tmp_path, *which)


@pytest.mark.proof
def test_all_kernels_as_plain_python(tmp_path):
    run({"NUMBA_DISABLE_JIT": "1"}, tmp_path, *(str(HERE / name) for name in KERNELS))


@pytest.mark.proof
@pytest.mark.parametrize("leg", LEGS)
def test_kernels_in_other_legs(leg, tmp_path):
    if leg in for_intel and platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("for another processor")
    files = [str(HERE / name) for name in (*KERNELS, "test_equal.py")]
    run(LEGS[leg], tmp_path, *files)
