"""The fast engine under Ctrl-C: weights of whole batches, whenever it comes."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from engine.programs import START, run

INTERRUPTS = """
import gc, signal, threading, time
from interrupting import Aim, interrupted
from numcnn.callbacks import LambdaCallback
set_num_threads(2)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
gc.disable()  # an interrupt inside one of its callbacks would be lost

def clean(epochs):
    model = make()
    hashes = [weights_hash(model)]
    note = LambdaCallback(on_batch_end=lambda batch, logs: hashes.append(weights_hash(model)))
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[note])
    return hashes

"""

TIMER = """
from interrupting import timer
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
aim = Aim({seed}, time.perf_counter() - began)
places_wanted = min({times}, 120) // 4  # of 60 batches
for _ in range(20 * {times}):
    if stopped >= {times} and len(places) > places_wanted:
        break
    model = make()
    work = lambda: model.fit(x, y, batch_size=16, epochs=epochs, verbose=0)
    hit = interrupted(*timer(aim.delay()), work)
    aim.learn(hit)
    stopped += hit
    done = model.optimizer.iterations
    assert weights_hash(model) == hashes[done], done
    assert model.get_layer("dropout").step == done
    if hit:
        places.add(done)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(x, y, batch_size=16, verbose=0)
    assert model.optimizer.iterations == done + 3
    assert np.isfinite(model.predict(x)).all()
from numcnn.engine.crew import CREW
assert not CREW._busy.locked()
print(stopped >= {times}, len(places) > places_wanted)
"""

RESUMED = """
# The same batches one by one, going on after each interrupt with the next that is not done.
batches = [(x[i:i + 16], y[i:i + 16]) for i in (0, 8, 24, 16)]
def go_on(model):
    while model.optimizer.iterations < 150:
        model.train_on_batch(*batches[model.optimizer.iterations % 4])
straight = make()
go_on(straight)
aim, stopped, same = Aim({seed}, 0.01), 0, True
for _ in range(20):
    model = make()
    while model.optimizer.iterations < 150:
        before = model.optimizer.iterations
        stopped += interrupted(*timer(aim.delay()), lambda: go_on(model))
        # Some batches between two interrupts, however long the machine needs for one.
        done = model.optimizer.iterations - before
        aim.longest *= 2 if done == 0 else 0.5 if done > 10 else 1
    same = same and weights_hash(model) == weights_hash(straight)
    if stopped > 5:
        break
print(stopped > 5, same)
"""

needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")


@needs_timer
@pytest.mark.parametrize("source", [TIMER, KILLER], ids=["timer", "kill"])
@pytest.mark.parametrize("times", [20, pytest.param(1000, marks=pytest.mark.proof)])
def test_an_interrupted_fit_stands_at_the_end_of_a_batch(source, times):
    program = (INTERRUPTS + source + FIT).format_map(Only(times=times, seed=times))
    out = run(program, seconds=900 + 2 * times)
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
aim, stopped = Aim(1, time.perf_counter() - began), 0
for _ in range(1000):
    hit = interrupted(*timer(aim.delay()), lambda: model.predict(many, batch_size=7))
    aim.learn(hit)
    stopped += hit
    assert model.predict(many, batch_size=7).tobytes() == right
    if stopped > 20:
        break
print(stopped > 20)
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


FROM_OUTSIDE = """
class Ready(LambdaCallback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == self.at:
            print("training", flush=True)
twin, hashes = make(), []
note = LambdaCallback(on_batch_end=lambda batch, logs: hashes.append(weights_hash(twin)))
for i in range({times}):
    model, ready = make(), Ready()
    ready.at = 2 + 7 * i % 50
    try:
        model.fit(x, y, batch_size=16, epochs=10**9, verbose=0, callbacks=[ready])
    except KeyboardInterrupt:
        done = model.optimizer.iterations
    while len(hashes) < done:
        twin.fit(x, y, batch_size=16, verbose=0, callbacks=[note])
    assert weights_hash(model) == hashes[done - 1], done
    model.fit(x, y, batch_size=16, verbose=0)
    assert model.optimizer.iterations == done + 3
    print(done, flush=True)
"""


@pytest.mark.parametrize("times", [5, pytest.param(200, marks=pytest.mark.proof)])
def test_a_training_interrupted_by_another_process(times):
    program = START.replace("later(870", f"later({870 + 5 * times}")
    program += (INTERRUPTS + FROM_OUTSIDE).format_map(Only(times=times))
    rng, places, late = np.random.default_rng(times), set(), []
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as p:
        for _ in range(times):
            assert p.stdout.readline() == "training\n"
            time.sleep(rng.uniform(0, 0.01))
            began = time.perf_counter()
            p.send_signal(signal.SIGINT)
            places.add(int(p.stdout.readline()))
            late.append(time.perf_counter() - began)
    assert p.returncode == 0
    if times > 50:
        late.sort()
        print(
            f"{times} interrupts from outside, in {len(places)} different batches; stopped, looked "
            f"at and trained on within {late[times // 2]:.3f} s (median), {late[-1]:.3f} s (most)"
        )
        assert len(places) > 10
