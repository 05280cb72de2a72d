"""Ctrl-C in front of each line that a training passes: weights of whole batches, nothing locked."""

import contextlib
import gc
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from small_nets import dense, fingerprint, weights_hash

import numcnn

PACKAGE = str(Path(numcnn.__file__).parent)
KERNELS = str(Path(PACKAGE) / "kernels")
X, Y = np.ones((4, 4), "float32"), np.ones((4, 3), "float32")


def traced(path):
    """Tell whether a file is searched: numcnn's own, and the with blocks that it uses."""
    return path == contextlib.__file__ or (
        path.startswith(PACKAGE) and not path.startswith(KERNELS)
    )


def run(model, call, at=None):
    """Call it with an interrupt in front of the line `at`; return the lines it came by, and how.

    A line is (file, number); the second result is the interrupt where it came through.
    """
    passed, caught = {}, None

    def trace(frame, event, argument):
        if not traced(frame.f_code.co_filename):
            return None
        if event == "line":
            place = frame.f_code.co_filename, frame.f_lineno
            first = place not in passed
            passed[place] = True
            if first and place == at:
                signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call(model)
    except KeyboardInterrupt as interrupt:
        caught = interrupt
    finally:
        sys.settrace(before)
    return list(passed), caught


CALLS = {
    "fit": lambda model: model.fit(X, Y, batch_size=2, verbose=0),
    "train_on_batch": lambda model: model.train_on_batch(X[:2], Y[:2]),
    "set_weights": lambda model: model.set_weights([w + 1 for w in model.get_weights()]),
}


@pytest.fixture
def no_collection():
    """Hold the garbage collector: an interrupt inside one of its callbacks would be lost."""
    gc.disable()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    yield
    signal.signal(signal.SIGINT, before)
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("what", CALLS)
def test_an_interrupt_at_any_line_leaves_a_whole_model_that_can_train(what, engine):
    def fresh():
        return dense(optimizer="rmsprop", engine=engine)

    call = CALLS[what]
    call(fresh())  # compiles
    model = fresh()
    whole = [weights_hash(model)]
    for part in (X[:2], X[2:]):
        model.train_on_batch(part, Y[:2])
        whole.append(weights_hash(model))
    other = fresh()
    CALLS["set_weights"](other)
    lines, caught = run(fresh(), call)
    assert caught is None
    assert len(lines) > 20
    interrupted = 0
    for line in lines:
        model = fresh()
        _, caught = run(model, call, line)
        interrupted += caught is not None
        # The interrupt is still held by `caught`, and with it every frame that it came through.
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, line
        if what == "set_weights":
            assert weights_hash(model) in (whole[0], weights_hash(other)), line
        else:
            assert weights_hash(model) == whole[model.optimizer.iterations], line
        before = fingerprint(model)
        steps = model.optimizer.iterations
        model.train_on_batch(X[:2], Y[:2])
        assert model.optimizer.iterations == steps + 1, line
        assert fingerprint(model) != before
    assert interrupted > 0.9 * len(lines)
