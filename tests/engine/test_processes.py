"""The fast engine across processes, in bare environments, and under Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent

START = f"""
import faulthandler, os, sys
faulthandler.dump_traceback_later(240, exit=True)
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


def run(program, seconds=270, **options):
    """Run a program of its own; return what it printed."""
    return run_command([sys.executable, "-c", START + program], seconds, **options)


def run_command(command, seconds=270, **options):
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


# ---- forks --------------------------------------------------------------------------------------

FORKS = """
import signal, threading

def in_child(work):
    "Return the exit status of a child that does the work."
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(100)  # ends a child that hangs
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

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@needs_fork
def test_forked_children_and_their_children_work():
    out = run(
        FORKS
        + """
found = [in_child(check) for _ in range(5)]
found += [in_child(lambda: in_child(check)) for _ in range(3)]
found += [in_child(lambda: check() or in_child(lambda: in_child(lambda: 0 if
    weights_hash(model) == further and len(model.predict(x)) == 40 else 4)))]
found += [check()]
print(found, len([t for t in threading.enumerate() if t.name.startswith("numcnn-")]))
"""
    )
    assert out == f"{[0] * 10} 2\n"


@needs_fork
@pytest.mark.parametrize("rounds", [8, pytest.param(300, marks=pytest.mark.slow)])
def test_a_fork_in_the_middle_of_another_threads_batch_works(rounds):
    out = run(
        FORKS.replace("later(240", "later(600")
        + f"""
going = True
other = make(2)
def keep_training():
    while going:
        other.train_on_batch(x, y)
thread = threading.Thread(target=keep_training)
thread.start()
found = {{in_child(check) for _ in range({rounds})}}
going = False
thread.join()
print(found, check())
""",
        seconds=630,
    )
    assert out == "{0} 0\n"


@needs_fork
def test_a_fork_while_another_thread_uses_the_same_model_works():
    # The child predicts with the model whose memory is being bound at this moment.
    out = run(
        FORKS
        + """
from numcnn.engine import plan
real, inside, go_on = plan.PlanEngine._program, threading.Event(), threading.Event()
def slow(*args, **kwargs):
    inside.set()
    assert go_on.wait(30)
    return real(*args, **kwargs)
plan.PlanEngine._program = slow
thread = threading.Thread(target=model.predict, args=(x[:5],))
thread.start()
assert inside.wait(30)
def predict():
    plan.PlanEngine._program = real
    return 0 if model.predict(x).tobytes() == expected else 3
found = in_child(predict)
go_on.set()
thread.join()
print(found)
"""
    )
    assert out == "0\n"


WORKERS = """
import hashlib, multiprocessing
from pathlib import Path

def work(path):
    model = load_model(path)
    first = hashlib.sha256(model.predict(x)).hexdigest()
    model.fit(x, y, batch_size=16, verbose=0)
    return first, weights_hash(model)

if __name__ == "__main__":
    path = sys.argv[2]
    model = make()
    model.fit(x, y, batch_size=16, verbose=0)
    model.save(path)
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        found = pool.map(work, [path] * 4)
    print(set(found) == {work(path)})
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_works(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(START + WORKERS)
    command = [sys.executable, str(script), method, str(tmp_path / "model.npz")]
    assert run_command(command) == "True\n"


# ---- environments -------------------------------------------------------------------------------


ANYWHERE = (
    FORKS
    + """
from numba.np.ufunc import parallel
wrong = []
def predict():
    for _ in range(20):
        for n in (1, 9, 40):
            if model.predict(x[:n]).tobytes() != right[n]:
                wrong.append(n)
right = {n: model.predict(x[:n]).tobytes() for n in (1, 9, 40)}
threads = [threading.Thread(target=predict) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print(wrong, in_child(check), in_child(lambda: in_child(check)), parallel._is_initialized)
"""
)


@needs_fork
@pytest.mark.parametrize("layer", ["workqueue", "omp", "tbb", "no such layer"])
def test_numbas_threading_layer_does_not_matter(layer):
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer}
    assert run(ANYWHERE, env=environment) == "[] 0 0 False\n"


@needs_fork
def test_no_environment_variable_is_needed(tmp_path):
    assert run(ANYWHERE, env={}, cwd=tmp_path) == "[] 0 0 False\n"
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_does_not_exist_and_one_core_work(tmp_path):
    one_core = """
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
model = make()
model.fit(x, y, batch_size=16, verbose=0)
print(weights_hash(model))
"""
    bare = {"HOME": str(tmp_path / "nobody"), "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    usual = run(one_core.replace("hasattr", "not hasattr"))
    assert run(one_core, env=bare) == usual
    assert not (tmp_path / "nobody").exists()


# ---- Ctrl-C -------------------------------------------------------------------------------------

INTERRUPTS = """
import gc, signal, threading, time
from numcnn.callbacks import LambdaCallback
set_num_threads(2)
gc.disable()  # an interrupt inside one of its callbacks would be lost

def clean(epochs):
    model = make()
    hashes = [weights_hash(model)]
    note = LambdaCallback(on_batch_end=lambda batch, logs: hashes.append(weights_hash(model)))
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[note])
    return hashes

def interrupted(model, start, stop, work):
    "Do the work and return whether it was interrupted; start and stop are the timer."
    try:
        try:
            start()
            work()
        finally:
            stop()
    except KeyboardInterrupt:
        return True
    return False
"""

TIMER = """
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
def timer(delay):
    return (lambda: signal.setitimer(signal.ITIMER_REAL, delay),
            lambda: signal.setitimer(signal.ITIMER_REAL, 0))
"""

KILLER = """
def timer(delay):
    off = threading.Event()
    def send():
        if not off.wait(delay):
            os.kill(os.getpid(), signal.SIGINT)
    thread = threading.Thread(target=send)
    def stop():
        off.set()
        thread.join()
    return thread.start, stop
"""

FIT = """
epochs, places, stopped = 20, set(), 0
hashes = clean(epochs)
began = time.perf_counter()
clean(epochs)
takes = time.perf_counter() - began
for delay in np.random.default_rng({seed}).uniform(0.0005, 0.7 * takes, {times}):
    model = make()
    work = lambda: model.fit(x, y, batch_size=16, epochs=epochs, verbose=0)
    stopped += interrupted(model, *timer(delay), work)
    done = model.optimizer.iterations
    assert weights_hash(model) == hashes[done], done
    assert model.get_layer("dropout").step == done
    places.add(done)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(x, y, batch_size=16, verbose=0)
    assert model.optimizer.iterations == done + 3
    assert np.isfinite(model.predict(x)).all()
from numcnn.engine.crew import CREW
assert not CREW._busy.locked()
print(stopped > {times} // 2, len(places) > {times} // 4)
"""

RESUMED = """
# The same batches one by one, going on after each interrupt with the next that is not done.
batches = [(x[i:i + 16], y[i:i + 16]) for i in (0, 8, 24, 16)]
def go_on(model):
    while model.optimizer.iterations < 150:
        model.train_on_batch(*batches[model.optimizer.iterations % 4])
straight = make()
go_on(straight)
delays = np.random.default_rng({seed})
model, stopped, longest = make(), 0, 0.01
while model.optimizer.iterations < 150:
    before = model.optimizer.iterations
    delay = delays.uniform(0.0005, longest)
    stopped += interrupted(model, *timer(delay), lambda: go_on(model))
    # A slow machine needs more time for a batch.
    longest = 2 * longest if model.optimizer.iterations == before else 0.01
print(stopped > 5, weights_hash(model) == weights_hash(straight))
"""

needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")


@needs_timer
@pytest.mark.parametrize("source", [TIMER, KILLER], ids=["timer", "kill"])
@pytest.mark.parametrize("times", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_an_interrupted_fit_stands_at_the_end_of_a_batch(source, times):
    program = (INTERRUPTS + source + FIT).format_map(Only(times=times, seed=times))
    out = run(program.replace("later(240", "later(900"), seconds=270 + times)
    assert out == "True True\n"


@needs_timer
@pytest.mark.parametrize("source", [TIMER, KILLER], ids=["timer", "kill"])
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(source):
    program = (INTERRUPTS + source + RESUMED).format_map(Only(seed=7))
    assert run(program) == "True True\n"


class Only(dict):
    """Fills in what it has and leaves other braces alone."""

    def __missing__(self, key):
        return "{" + key + "}"


@needs_timer
def test_an_interrupted_prediction_leaves_a_model_that_predicts():
    out = run(
        INTERRUPTS
        + TIMER
        + """
model = make()
model.fit(x, y, verbose=0)
many = np.tile(x, (6, 1, 1, 1))
right = model.predict(many, batch_size=7).tobytes()
began = time.perf_counter()
model.predict(many, batch_size=7)
takes = time.perf_counter() - began
stopped = 0
for delay in np.random.default_rng(1).uniform(0.0001, takes, 30):
    stopped += interrupted(model, *timer(delay), lambda: model.predict(many, batch_size=7))
    assert model.predict(many, batch_size=7).tobytes() == right
print(stopped > 10)
"""
    )
    assert out == "True\n"


def test_the_crew_is_free_after_an_interrupt_at_any_line():
    # Raised by a trace function in front of each line that Crew.run passes.
    out = run(
        INTERRUPTS
        + """
from numcnn.engine import crew
code = crew.Crew.run.__code__
lines = sorted({line for *_, line in code.co_lines() if line})
passed = set()
for line in lines:
    def trace(frame, event, arg):
        if frame.f_code is code and event == "line" and frame.f_lineno == line:
            passed.add(line)
            signal.raise_signal(signal.SIGINT)
        return trace if frame.f_code is code else None
    done = []
    sys.settrace(trace)
    try:
        crew.CREW.run([[done.append] * 6] * 3)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    assert not crew.CREW._busy.locked(), line
    assert len(done) in (0, 18), (line, done)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print(len(passed) > 8)
"""
    )
    assert out == "True\n"


def test_hashes_of_different_programs_are_the_same():
    program = """
model = make()
model.fit(x, y, batch_size=16, epochs=2, verbose=0)
print(weights_hash(model), model.predict(x).tobytes().hex()[:64])
"""
    found = {
        run(program, env=os.environ | {"OPENBLAS_NUM_THREADS": n, "PYTHONHASHSEED": n})
        for n in ("1", "3")
    }
    assert len(found) == 1
    assert np.size(found.pop().split()) == 2
