"""Saving while the world ends, at every moment, on a full disk, at random: old or new, whole."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkpoint_program import EPOCHS, SMALL, STEPS, fit, new
from small_nets import fingerprint

from numcnn.callbacks import LambdaCallback
from numcnn.models import load_model

TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
models = ["tiny", *(pytest.param(m, marks=pytest.mark.proof) for m in ("small", "1conv", "3conv"))]


def attempts(*arguments):
    """Run the program of crash points; return the file's size and [moment, whether it was new]."""
    command = [sys.executable, "-W", "ignore", str(TESTS / "crash_points.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["bytes"], found["moments"]


@pytest.mark.parametrize("model", models)
def test_dying_at_every_moment(tmp_path, model):
    _, moments = attempts(model, tmp_path, "die")
    names = [name for name, _ in moments]
    calls = {"open", "fdopen", "write", "flush", "fsync", "chmod", "replace", "close"}
    assert {name.split()[1] for name in names} == calls
    assert {"before write", "within write", "after write"} <= set(names)
    # The new file is there from the moment of the replacement on, and not before.
    at = names.index("after replace")
    assert [is_new for _, is_new in moments] == [i >= at for i in range(len(moments))]
    assert names.index("after fsync") < names.index("before replace")
    assert names[at:].count("after fsync") == 1  # the folder's
    print(f"{model}: {len(moments)} moments")


@pytest.mark.proof  # test_saving_faults.py does it for a small model
@pytest.mark.parametrize("model", ["small", "1conv", "3conv"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
def test_an_error_in_every_call(tmp_path, model, error):
    _, moments = attempts(model, tmp_path, error)
    assert {"within write", "before fsync", "before replace"} <= {name for name, _ in moments}
    print(f"{model}, {error}: {len(moments)} calls")


@pytest.mark.parametrize("model", models)
def test_a_disk_that_is_full_after_every_few_bytes(tmp_path, model):
    step = 256 if model in SMALL else 4096
    size, moments = attempts(model, tmp_path, "full", step)
    assert len(moments) >= size // step
    assert not any(is_new for _, is_new in moments)
    print(f"{model}: {len(moments)} sizes")


@pytest.mark.parametrize(
    ("model", "kills"),
    [
        ("small", 2),
        pytest.param("small", 30, marks=pytest.mark.proof),
        pytest.param("1conv", 10, marks=pytest.mark.proof),
        pytest.param("3conv", 10, marks=pytest.mark.proof),
    ],
)
def test_killed_at_random_and_started_again(tmp_path, model, kills):
    whole, clean = new(model), {}
    note = LambdaCallback(
        on_batch_end=lambda *_: clean.update({whole.optimizer.iterations: fingerprint(whole)})
    )
    history = fit(whole, model, [note])
    path, end = tmp_path / "c.npz", tmp_path / "end.npz"
    command = [sys.executable, str(TESTS / "checkpoint_program.py"), "repeat", model, str(tmp_path)]
    duration = 1.0  # from the first sign of life to the end; it only says where to aim

    done = ended = 0
    expected = None
    places = set()
    while done < kills:
        program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert program.stdout.readline() == "training\n"
        start = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(random.uniform(0, duration))
            duration = min(duration, time.monotonic() - start)
        program.send_signal(signal.SIGKILL)
        program.communicate()
        if program.returncode == 0:  # it was quicker
            ended += 1
            stands = end.read_bytes()
            assert load_model(end).history.history == history.history
            assert fingerprint(load_model(end)) == fingerprint(whole)
            expected = expected or stands
            assert stands == expected
        else:
            assert program.returncode == -signal.SIGKILL
            done += 1
        if path.exists():
            found = load_model(path)
            steps = found.optimizer.iterations
            assert fingerprint(found) == clean[steps]
            places.add(steps)
            if steps == EPOCHS * STEPS:  # nothing is left to do; begin anew
                path.unlink()
    subprocess.run(command, check=True, capture_output=True)
    assert fingerprint(load_model(end)) == fingerprint(whole)
    assert load_model(end).history.history == history.history
    assert {p.name for p in tmp_path.iterdir()} == {"c.npz", "end.npz"}  # nothing temporary
    print(f"{model}: {done} kills, at {len(places)} different batches, {ended} runs ended")
