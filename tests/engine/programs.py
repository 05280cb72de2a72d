"""Programs that tests run in processes of their own, and how they are run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent

START = f"""
import faulthandler, os, sys
faulthandler.dump_traceback_later(870, exit=True)
sys.path[:0] = [{str(ROOT)!r}, {str(TESTS)!r}]
import numpy as np
from small_nets import cnn, images, weights_hash
from numcnn.engine.crew import set_num_threads
from numcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed

def make(seed=1):
    set_random_seed(seed)
    model = Sequential([
        Conv2D(32, 3, activation="relu", input_shape=(8, 8, 1)), MaxPool2D(2), Flatten(),
        Dense(200, activation="relu"), Dropout(0.25), Dense(3, activation="softmax"),
    ])
    model.compile("rmsprop", loss="categorical_crossentropy")
    return model

x, y, _ = images(40, shape=(8, 8, 1))
set_num_threads(3)
"""


def run(program, seconds=900, **options):
    """Run a program of its own; return what it printed. It ends itself before the time is over."""
    start = START.replace("later(870", f"later({seconds - 30}")
    return run_command([sys.executable, "-c", start + program], seconds, **options)


def run_command(command, seconds=900, **options):
    """Run a command, end it and its children if it takes too long; return what it printed."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    try:
        out, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        raise AssertionError(f"hangs after {seconds} s: {errors}") from None
    assert process.returncode == 0, errors
    return out


FORKS = """
import signal, threading

def in_child(work):
    "Return the exit status of a child that does the work."
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(600)  # ends a child that hangs
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

model, twin = make(), make()
for m in (model, twin):
    m.fit(x, y, batch_size=16, epochs=2, verbose=0)
expected = model.predict(x).tobytes()
twin.fit(x, y, batch_size=16, epochs=2, verbose=0)
further = weights_hash(twin)

def check():
    "Predict, train, and see that helpers work here too; 0 if all is as in the parent."
    same = model.predict(x).tobytes() == expected
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    helpers = [t for t in threading.enumerate() if t.name.startswith("numcnn-")]
    return 0 if same and weights_hash(model) == further and len(helpers) == 2 else 3
"""
