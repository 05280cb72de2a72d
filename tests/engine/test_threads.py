"""The fast engine and threads: the same bits from any number of them, and no way to get stuck."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from small_nets import CLASSES, Scale, images, weights_hash

from numcnn.engine import products
from numcnn.engine.crew import CREW, get_num_threads, set_num_threads
from numcnn.engine.eager import EagerEngine
from numcnn.engine.pooled import PooledConvStep
from numcnn.engine.products import DenseStep
from numcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, Reshape
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

TESTS = Path(__file__).parent.parent
NUMBERS = (1, 2, 3, 7)


@pytest.fixture(autouse=True)
def number_of_threads():
    """Put the number of threads back after each test."""
    before = get_num_threads()
    yield
    set_num_threads(before)


def pooled():
    """Both kinds of pooled convolution, and small dense layers."""
    return [
        Conv2D(32, 3, activation="relu", input_shape=(14, 14, 1)),
        MaxPool2D(2),
        Conv2D(32, 3, padding="same"),
        Activation("relu"),
        MaxPool2D(2),
        Flatten(),
        Dropout(0.25),
        Dense(CLASSES, activation="softmax"),
    ]


def plain():
    """Convolutions that are not pooled, pooling of another size, a large dense layer."""
    return [
        Conv2D(5, 3, strides=2, padding="same", input_shape=(14, 14, 1)),
        MaxPool2D(3, strides=1),
        Activation("relu"),
        Conv2D(20, 2, padding="same", dilation_rate=2, activation="relu"),
        Conv2D(20, 2, strides=(1, 2), activation="softmax"),
        Conv2D(40, 2, padding="same"),
        Flatten(),
        Dense(210, activation="relu"),
        Dropout(0.1),
        Reshape((21, 10)),
        Dense(6),
        Flatten(),
        Dense(CLASSES),
        Activation("softmax"),
    ]


def trained(layers, number, dtype="float32", n=43, **compiling):
    """Train with so many threads; return a model and all bits that came out."""
    set_num_threads(number)
    set_random_seed(5)
    model = Sequential(layers())
    compiling = {"optimizer": "rmsprop", "loss": "categorical_crossentropy"} | compiling
    model.compile(**compiling)
    x, y, _ = images(n, dtype=dtype, shape=(14, 14, 1))
    history = model.fit(x, y, batch_size=20, epochs=2, verbose=0)
    found = [np.array(history.history["loss"]), *model.get_weights()]
    found += [array for arrays in model.optimizer.slots.values() for array in arrays]
    losses, outputs = model.engine.gradients(x, y)
    found += [losses, outputs]
    found += [layer.grads[name] for layer in model.layers for name in layer.params]
    found.append(np.array(list(model.engine.gradient_squares().values())))
    found += [model.predict(x, batch_size=size) for size in (1, 7, 8, 300)]
    found += model.engine.test_batch(x, y)
    return model, [np.ascontiguousarray(array).tobytes() for array in found]


def test_the_models_here_have_every_kind_of_step():
    steps = [step for layers in (pooled, plain) for step in trained(layers, 1)[0].engine.steps]
    assert {type(step).__name__ for step in steps} == {
        "PooledConvStep", "ConvStep", "PoolStep", "DenseStep", "DropoutStep", "ReluStep",
        "ViewStep", "LayerStep",
    }  # fmt: skip
    assert {step.sparse for step in steps if isinstance(step, PooledConvStep)} == {True, False}
    assert {step.small for step in steps if isinstance(step, DenseStep)} == {True, False}


@pytest.mark.parametrize("layers", [pooled, plain])
@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_no_bit_depends_on_the_number_of_threads(layers, optimizer):
    _, expected = trained(layers, 1, optimizer=optimizer)
    for number in NUMBERS[1:]:
        for _ in range(3):
            _, found = trained(layers, number, optimizer=optimizer)
            different = [i for i, a in enumerate(expected) if a != found[i]]
            assert not different, f"{number} threads: arrays {different} differ"


def test_more_threads_than_cores_work():
    _, expected = trained(pooled, 1)
    _, found = trained(pooled, 64)
    assert found == expected
    nine, ran = threading.Barrier(9), []
    CREW.run([[lambda worker: (nine.wait(600), ran.append(worker))] * 9])
    assert len(set(ran)) == 9


def test_a_changed_number_of_threads_holds_for_a_model_that_has_run():
    model, _ = trained(pooled, 1)
    x, y, _ = images(43, shape=(14, 14, 1))
    hashes = set()
    for number in (*NUMBERS, 1):
        set_num_threads(number)
        model.engine.gradients(x, y)
        hashes.add(b"".join(model.layers[0].grads[name].tobytes() for name in "wb"))
    assert len(hashes) == 1


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "2", None])
def test_a_wrong_number_of_threads_is_refused(wrong):
    before = get_num_threads()
    with pytest.raises((TypeError, ValueError), match="number of threads"):
        set_num_threads(wrong)
    assert get_num_threads() == before


# ---- the crew itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_every_task_is_done_once_and_phases_follow_each_other(number):
    set_num_threads(number)
    generator = np.random.default_rng(number)
    for _ in range(100):
        sizes = generator.integers(0, 12, generator.integers(1, 9))
        done = []
        phases = [
            [lambda worker, at=(p, t), done=done: done.append(at) for t in range(size)]
            for p, size in enumerate(sizes)
        ]
        CREW.run(phases)
        assert sorted(done) == [(p, t) for p, size in enumerate(sizes) for t in range(size)]
        assert [p for p, _ in done] == sorted(p for p, _ in done)


@pytest.mark.parametrize("error", [ValueError("a"), KeyboardInterrupt(), SystemExit(3)])
def test_an_error_in_a_helper_is_raised_by_the_caller(error):
    set_num_threads(3)
    caller = threading.current_thread()
    later, raised = [], threading.Event()

    def task(worker):
        if threading.current_thread() is not caller:
            raised.set()
            raise error
        assert raised.wait(600)

    with pytest.raises(type(error)) as caught:
        CREW.run([[task] * 50, [later.append] * 10])
    assert caught.value is error
    assert later == []
    helpers = [t for t in threading.enumerate() if t.name.startswith("numcnn-")]
    assert len(helpers) >= 2
    three, seen = threading.Barrier(3), []
    CREW.run([[lambda worker: (three.wait(600), seen.append(worker))] * 3])
    assert sorted(seen) == [0, 1, 2]


def test_a_crew_that_is_busy_leaves_the_caller_to_work_alone():
    set_num_threads(2)
    begun, go_on, inner = threading.Event(), threading.Event(), []

    def hold(worker):
        begun.set()
        assert go_on.wait(600)

    thread = threading.Thread(target=CREW.run, args=([[hold, hold]],))
    thread.start()
    try:
        assert begun.wait(600)
        CREW.run([[inner.append] * 4, [inner.append] * 4])
        assert inner == [0] * 8
    finally:
        go_on.set()
        thread.join()
    # A task may run tasks of its own.
    phases = [[lambda worker: CREW.run([[inner.append] * 3])] * 2]
    thread = threading.Thread(target=CREW.run, args=(phases,), daemon=True)
    thread.start()
    thread.join(600)
    assert len(inner) == 14


# ---- errors in the middle of a batch ------------------------------------------------------------


class Trap(Layer):
    """Passes everything on, and raises `error` where it is told to."""

    error = None
    place = None

    def forward(self, x, training=False):
        if self.place == "forward":
            raise self.error
        return x

    def backward(self, dy):
        if self.place == "backward":
            raise self.error
        return dy


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("place", ["forward", "backward"])
def test_an_error_in_a_layer_comes_out_as_it_is(number, place):
    def with_trap():
        layers = pooled()
        layers.insert(3, Trap())
        return layers

    model, expected = trained(with_trap, number)
    trap = model.get_layer("trap")
    x, y, _ = images(30, shape=(14, 14, 1))
    output, before = model.predict(x), weights_hash(model)
    trap.error, trap.place = LookupError("this one"), place
    for _ in range(3):
        with pytest.raises(LookupError) as caught:
            model.train_on_batch(x, y)
        assert caught.value is trap.error
        if place == "forward":
            with pytest.raises(LookupError) as caught:
                model.predict(x)
            assert caught.value is trap.error
    assert weights_hash(model) == before
    trap.place = None
    assert np.array_equal(model.predict(x), output)
    model.train_on_batch(x, y)
    assert trained(with_trap, number)[1] == expected


@pytest.mark.parametrize("at", [1, 3, 10, 17])
def test_an_error_in_a_kernel_comes_out_as_it_is(monkeypatch, at):
    model, _ = trained(plain, 3)
    x, y, _ = images(43, shape=(14, 14, 1))
    output, before = model.predict(x), weights_hash(model)
    error, calls, real = OSError("broken"), [], products.matmul

    def broken(*args):
        calls.append(threading.current_thread())
        if len(calls) >= at:
            raise error
        real(*args)

    monkeypatch.setattr(products, "matmul", broken)
    for run in (lambda: model.train_on_batch(x, y), lambda: model.predict(x)):
        calls.clear()
        with pytest.raises(OSError, match="broken") as caught:
            run()
        assert caught.value is error
    monkeypatch.undo()
    assert weights_hash(model) == before
    assert np.array_equal(model.predict(x), output)
    model.train_on_batch(x, y)


# ---- many threads at one engine -----------------------------------------------------------------


def test_a_prediction_under_way_while_training_begins_leaves_nothing_stale():
    inside, go_on = threading.Event(), threading.Event()

    class Pause(Scale):
        def forward(self, x, training=False):
            if threading.current_thread().name == "slow":
                inside.set()
                assert go_on.wait(600)
            return super().forward(x, training)

    x, y, _ = images(12)
    model = Sequential([Pause(input_shape=x.shape[1:]), Flatten(), Dense(CLASSES)])
    model.compile("rmsprop", loss="mse")
    slow = threading.Thread(target=model.predict, args=(x,), name="slow")
    slow.start()
    try:
        assert inside.wait(600)
        model.train_on_batch(x, y)
    finally:
        go_on.set()
        slow.join()
    model.fit(x, y, epochs=5, verbose=0)
    right = EagerEngine(model.layers, model.loss, model.optimizer).predict_batch(x)
    for _ in range(3):
        np.testing.assert_allclose(model.predict(x), right, rtol=1e-5, atol=1e-6)


CROWD = """
import faulthandler, sys, threading
faulthandler.dump_traceback_later({seconds}, exit=True)
sys.path[:0] = [{tests!r}, {here!r}]
import numpy as np
from small_nets import CLASSES, cnn, images, weights_hash
from test_threads import plain, pooled, trained
from numcnn.engine.crew import set_num_threads

models = [trained(layers, {number})[0] for layers in (pooled, plain, pooled)]
x, y, _ = images(64, shape=(14, 14, 1))
jobs = [(m, i, n) for m in range(3) for i in (0, 3) for n in (1, 5, 17, 60)]
expected = {{job: models[job[0]].predict(x[job[1]:job[1] + job[2]]).tobytes() for job in jobs}}

def train(rounds):
    model = cnn(seed=3)
    x, y, _ = images(24)
    for _ in range(rounds):
        model.fit(x, y, batch_size=10, epochs=2, verbose=0)
    return weights_hash(model)

alone, hashes, wrong, done = train({rounds}), [], [], []

def predict(number):
    order = np.random.default_rng(number)
    for _ in range({rounds}):
        for at in order.permutation(len(jobs)):
            m, i, n = job = jobs[at]
            if models[m].predict(x[i:i + n]).tobytes() != expected[job]:
                wrong.append(job)
    done.append(number)

threads = [threading.Thread(target=predict, args=(i,)) for i in range(8)]
threads.append(threading.Thread(target=lambda: hashes.append(train({rounds}))))
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(done) == list(range(8)), wrong, hashes == [alone])
"""


def crowd(rounds, number, seconds):
    program = CROWD.format(
        rounds=rounds, number=number, seconds=seconds, tests=str(TESTS), here=str(TESTS / "engine")
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=seconds + 30
    )
    assert done.stdout == "True [] True\n", done.stderr


@pytest.mark.parametrize("number", [1, 4])
def test_eight_threads_predict_while_another_trains(number):
    crowd(rounds=3, number=number, seconds=870)


@pytest.mark.proof
def test_eight_threads_predict_a_thousand_times_each():
    crowd(rounds=42, number=2, seconds=1800)


@pytest.mark.proof
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [pooled, plain])
def test_no_bit_depends_on_chance(layers, dtype):
    _, expected = trained(layers, 1, dtype, n=200)
    for number in (2, 3, 5, 16) * 10:
        assert trained(layers, number, dtype, n=200)[1] == expected
