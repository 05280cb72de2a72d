"""Callbacks: who is told what and when."""

import numpy as np
import pytest
from fed_training import run
from small_nets import cnn, dense, fingerprint, images, weights_hash

from numcnn.callbacks import Callback, EarlyStopping, History, LambdaCallback


class Recorder(Callback):
    """Writes down every call."""

    def __init__(self):
        self.calls = []

    def __getattribute__(self, name):
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *args: self.calls.append((name, *args))


# the calls


def test_the_order_of_all_calls():
    x, y, _ = images(5)
    recorder = Recorder()
    model = cnn()
    model.fit(x, y, batch_size=4, verbose=0, callbacks=[recorder], validation_data=(x[:2], y[:2]))
    names = [name for name, *_ in recorder.calls]
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    epoch = ["on_epoch_begin", *batch, *batch, *test, "on_epoch_end"]
    assert names == ["on_train_begin", *epoch, "on_train_end"]
    calls = dict((call[0], call[1:]) for call in recorder.calls)
    assert calls["on_epoch_begin"] == (0, {})
    assert calls["on_train_batch_begin"] == (1, {})
    number, logs = calls["on_train_batch_end"]
    assert number == 1
    assert set(logs) == {"loss", "accuracy"}
    assert set(calls["on_epoch_end"][1]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert set(calls["on_test_end"][0]) == {"loss", "accuracy"}
    assert recorder.model is model
    assert recorder.params["steps"] == 2


def test_keras_2s_names_for_the_batches_are_called_too():
    class Old(Callback):
        def __init__(self):
            self.seen = []

        def on_batch_begin(self, batch, logs=None):
            self.seen.append(("begin", batch))

        def on_batch_end(self, batch, logs=None):
            self.seen.append(("end", batch, sorted(logs)))

    x, y, _ = images(5)
    old = Old()
    cnn().fit(x, y, batch_size=4, verbose=0, callbacks=[old])
    last = ("end", 1, ["accuracy", "loss"])
    assert old.seen == [("begin", 0), ("end", 0, ["accuracy", "loss"]), ("begin", 1), last]


def test_the_callbacks_are_told_in_their_order():
    x, y, _ = images(4)
    seen = []
    given = [
        LambdaCallback(on_epoch_end=lambda epoch, logs, i=i: seen.append(i)) for i in (3, 1, 2)
    ]
    cnn().fit(x, y, epochs=2, verbose=0, callbacks=given)
    assert seen == [3, 1, 2, 3, 1, 2]


def test_numbers_that_a_callback_adds_stand_in_the_history():
    _, history = run(Callback(), [5.0, 4.0], "mine")
    assert history.history["mine"] == [5.0, 4.0]


def test_stop_training_ends_after_this_batch():
    x, y, _ = images(20)
    model = cnn()

    def stop(batch, logs):
        model.stop_training = batch == 1

    history = model.fit(
        x, y, batch_size=4, epochs=5, verbose=0, callbacks=[LambdaCallback(on_batch_end=stop)]
    )
    assert model.optimizer.iterations == 2
    assert history.epoch == [0]
    model.fit(x, y, batch_size=4, verbose=0)
    assert model.optimizer.iterations == 7


@pytest.mark.parametrize(
    "where",
    [
        "on_train_begin",
        "on_epoch_begin",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_test_begin",
        "on_epoch_end",
        "on_train_end",
    ],
)
def test_a_callback_that_raises_is_heard_and_the_model_stays_usable(where):
    class Broken(Callback):
        pass

    def raises(*args):
        raise ZeroDivisionError(where)

    x, y, _ = images(10)
    broken, recorder, model = Broken(), Recorder(), cnn()
    setattr(broken, where, raises)
    with pytest.raises(ZeroDivisionError, match=where):
        model.fit(x, y, batch_size=4, verbose=0, validation_split=0.2, callbacks=[recorder, broken])
    done = model.optimizer.iterations
    expected = {"on_train_batch_end": 1, "on_test_begin": 2, "on_epoch_end": 2, "on_train_end": 2}
    assert done == expected.get(where, 0)
    names = [name for name, *_ in recorder.calls]
    assert ("on_abandoned" in names) is (where not in ("on_train_begin", "on_train_end"))
    assert ("on_train_end" in names) is (where == "on_train_end")
    clean = cnn()
    seen = [weights_hash(clean)]
    note = LambdaCallback(on_batch_end=lambda batch, logs: seen.append(weights_hash(clean)))
    clean.fit(x[:8], y[:8], batch_size=4, verbose=0, callbacks=[note])
    assert weights_hash(model) == seen[done]
    model.fit(x, y, batch_size=4, verbose=0)
    assert model.optimizer.iterations == done + 3


@pytest.mark.parametrize("wrong", [5, "early", [EarlyStopping], EarlyStopping, [None]])
def test_what_is_no_callback_is_refused(wrong):
    x, y, _ = images(4)
    model = cnn()
    before = fingerprint(model)
    with pytest.raises(TypeError, match="callbacks must be a list of"):
        model.fit(x, y, callbacks=wrong)
    with pytest.raises(TypeError, match=r"Write EarlyStopping\(\.\.\.\)"):
        model.fit(x, y, callbacks=[EarlyStopping])
    assert fingerprint(model) == before


@pytest.mark.parametrize("given", [History(), [History()], (History(),), [], None])
def test_what_callbacks_may_be(given):
    x, y, _ = images(4)
    cnn().fit(x, y, verbose=0, callbacks=given)


def test_lambda_callback():
    x, y, _ = images(5)
    seen = []
    names = ("on_train_begin", "on_train_end")
    pairs = ("on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_train_batch_end")
    functions = {name: lambda logs, name=name: seen.append(name) for name in names}
    functions |= {name: lambda i, logs, name=name: seen.append(name) for name in pairs}
    cnn().fit(x, y, verbose=0, callbacks=[LambdaCallback(**functions, on_batch_end=None)])
    order = ["on_epoch_begin", "on_batch_begin", "on_train_batch_end", "on_epoch_end"]
    assert seen == ["on_train_begin", *order, "on_train_end"]
    with pytest.raises(TypeError, match="on_epoch_ends"):
        LambdaCallback(on_epoch_ends=print)


class Seen(Callback):
    """Notes what it is given to validate with, as callbacks of Keras 2 use it."""

    def __init__(self, own=None):
        self.seen = []
        if own is not None:
            self.validation_data = own

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.validation_data)


def test_callbacks_are_given_the_validation_data():
    x, y = np.ones((6, 4), "float32"), np.ones((6, 3), "float32")
    held = (np.zeros((2, 4), "float32"), np.zeros((2, 3), "float32"), np.array([1.0, 2.0]))
    model, callback = dense(), Seen()
    model.fit(x, y, verbose=0, validation_data=held, callbacks=[callback])
    (data,) = callback.seen
    assert all(np.array_equal(a, b) for a, b in zip(data, held, strict=True))
    model.fit(x, y, verbose=0, validation_split=0.5, callbacks=[callback])
    assert [part.shape for part in callback.seen[-1]] == [(3, 4), (3, 3), (3,)]
    assert callback.seen[-1][2].tolist() == [1, 1, 1]
    model.fit(x, y, verbose=0, callbacks=[callback])
    assert callback.seen[-1] is None
    batches = ((x, y) for _ in range(9))
    model.fit(x, y, verbose=0, validation_data=batches, validation_steps=1, callbacks=[callback])
    assert callback.seen[-1] is None


def test_what_a_callback_brought_itself_stays():
    x, y = np.ones((6, 4), "float32"), np.ones((6, 3), "float32")
    callback = Seen(own=("mine",))
    for _ in range(2):
        dense().fit(x, y, verbose=0, validation_split=0.5, callbacks=[callback])
    assert callback.seen == [("mine",)] * 2
