"""Callbacks: who is told what and when, and what the standard ones do about it."""

import csv
import functools
import math

import numpy as np
import pytest
from small_nets import cnn, fingerprint, images, weights_hash

from numcnn.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from numcnn.models import load_model


class Recorder(Callback):
    """Writes down every call."""

    def __init__(self):
        self.calls = []

    def __getattribute__(self, name):
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *args: self.calls.append((name, *args))


class Feed(Callback):
    """Puts numbers of a list into the logs, as if training had reached them."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def run(callback, values, name="val_loss", model=None, **kwargs):
    """Train an epoch per value with the callback seeing that value; return (model, history)."""
    x, y, _ = images(4)
    model = model or cnn()
    feed = Feed(values, name)
    kwargs = {"epochs": len(values), "verbose": 0, **kwargs}
    return model, model.fit(x, y, callbacks=[feed, callback], **kwargs)


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


# EarlyStopping


def stopped_after(values, name="val_loss", **kwargs):
    _, history = run(EarlyStopping(name, **kwargs), values, name)
    return len(history.epoch)


@pytest.mark.parametrize(
    ("kwargs", "values", "epochs"),
    [
        ({}, [3, 2, 1, 1, 0], 4),
        ({}, [3, 2, 1, 0], 4),
        ({"patience": 2}, [3, 4, 5, 1], 3),
        ({"patience": 2}, [3, 4, 2, 3, 1, 2, 2], 7),
        ({"min_delta": 0.5}, [3.0, 2.6, 1.0], 2),
        ({"min_delta": -0.5}, [3.0, 2.6, 1.0], 2),
        ({"min_delta": 0.5}, [3.0, 2.4, 1.0], 3),
        ({"mode": "max"}, [1, 2, 3, 3, 4], 4),
        ({"mode": "min"}, [1, 2, 0], 2),
        ({"baseline": 2.0, "patience": 2}, [3, 2.5, 1], 2),
        ({"baseline": 2.0, "patience": 2}, [3, 1, 0.5], 3),
        ({"start_from_epoch": 3}, [1, 2, 3, 2, 3, 0], 5),
        ({"patience": 1}, [math.nan, 3, 2, 1], 1),
        ({"patience": 2}, [math.nan, 3, 2, math.nan, 1], 5),
    ],
)
def test_when_early_stopping_stops(kwargs, values, epochs):
    assert stopped_after(values, **kwargs) == epochs


def test_early_stopping_knows_which_way_is_better():
    assert stopped_after([0.5, 0.6, 0.7, 0.7], "val_accuracy") == 4
    assert stopped_after([0.7, 0.6, 0.8], "val_acc") == 2
    assert stopped_after([0.7, 0.6, 0.8], "val_loss") == 3


def epoch_weights(n):
    """Return the weights after each epoch of the trainings that `run` does."""
    x, y, _ = images(4)
    model, hashes = cnn(), []
    note = LambdaCallback(on_epoch_end=lambda epoch, logs: hashes.append(weights_hash(model)))
    model.fit(x, y, epochs=n, verbose=0, callbacks=[note])
    return hashes


def test_early_stopping_restores_the_best_weights(capsys):
    hashes = epoch_weights(6)
    for values, best in (
        ([5, 3, 1, 2, 2], 2),
        ([1, 2, 3, 4, 5, 6], 0),
        ([5, 4, 3, 2, 1, 0], 5),
        ([math.nan, 5, 6, 7], 1),
    ):
        callback = EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
        model, _ = run(callback, values)
        assert weights_hash(model) == hashes[best]
        assert callback.best_epoch == best
        assert f"best epoch: {best + 1}." in capsys.readouterr().out
    model, _ = run(EarlyStopping(patience=2), [5, 3, 1, 2, 2])
    assert weights_hash(model) == hashes[4]


def test_early_stopping_begins_anew_with_each_training():
    callback = EarlyStopping()
    model, _ = run(callback, [1.0, 2.0])
    assert callback.stopped_epoch == 1
    _, history = run(callback, [9.0, 8.0, 8.5], model=model)
    assert history.epoch == [0, 1, 2]
    assert callback.stopped_epoch == 2


@pytest.mark.parametrize("cls", [EarlyStopping, ReduceLROnPlateau])
def test_a_number_that_is_not_there_is_a_warning(cls):
    x, y, _ = images(4)
    with pytest.warns(UserWarning, match=r"'val_loss', which is not there.*loss, accuracy"):
        history = cnn().fit(x, y, epochs=2, verbose=0, callbacks=[cls()])
    assert history.epoch == [0, 1]


def test_an_unknown_mode_is_refused():
    for cls in (EarlyStopping, ReduceLROnPlateau, functools.partial(ModelCheckpoint, "x.npz")):
        with pytest.raises(ValueError, match="Did you mean 'min'"):
            cls(mode="minn")


# learning rates


def rates(callback, values, **kwargs):
    model = cnn()
    model.optimizer.learning_rate = 1.0
    _, history = run(callback, values, model=model, **kwargs)
    return [*history.history["lr"], model.optimizer.learning_rate]


@pytest.mark.parametrize(
    ("kwargs", "values", "expected"),
    [
        ({"patience": 1, "factor": 0.5}, [1, 1, 1, 0], [1, 1, 0.5, 0.25, 0.25]),
        ({"patience": 2, "factor": 0.5}, [1, 1, 1, 1, 1], [1, 1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "factor": 0.5, "min_lr": 0.4}, [1, 1, 1, 1], [1, 1, 0.5, 0.4, 0.4]),
        (
            {"patience": 1, "factor": 0.5, "cooldown": 2},
            [1, 1, 1, 1, 1, 1],
            [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125],
        ),
        ({"patience": 1, "factor": 0.5}, [1, 0.99995, 0.99990], [1, 1, 0.5, 0.25]),
        ({"patience": 1, "factor": 0.5, "min_delta": 0}, [1, 0.99995, 0.9999], [1, 1, 1, 1]),
        ({"patience": 1, "factor": 0.5, "mode": "max"}, [1, 2, 2], [1, 1, 1, 0.5]),
    ],
)
def test_reduce_lr_on_plateau(kwargs, values, expected):
    assert rates(ReduceLROnPlateau(**kwargs), values) == pytest.approx(expected)


def test_reduce_lr_on_plateau_has_keras_defaults():
    assert rates(ReduceLROnPlateau(), [1.0] * 12) == pytest.approx([1] * 11 + [0.1, 0.1])
    for factor in (0, 1, 1.5, -1):
        with pytest.raises(ValueError, match="factor"):
            ReduceLROnPlateau(factor=factor)


class Schedule:
    def of_epoch(self, epoch):
        return 1 / (epoch + 1)

    def __call__(self, epoch):
        return 1 / (epoch + 1)


@pytest.mark.parametrize(
    "schedule",
    [
        lambda epoch: 1 / (epoch + 1),
        lambda epoch, rate: rate if epoch == 0 else rate * epoch / (epoch + 1),
        Schedule(),
        Schedule().of_epoch,
        functools.partial(lambda top, epoch: top / (epoch + 1), 1),
    ],
    ids=["one argument", "two arguments", "object", "method", "partial"],
)
def test_learning_rate_scheduler(schedule, capsys):
    expected = [1, 1 / 2, 1 / 3, 1 / 3]
    assert rates(LearningRateScheduler(schedule, verbose=1), [1, 2, 3]) == pytest.approx(expected)
    assert capsys.readouterr().out.count("learning rate to") == 3


def test_a_scheduled_rate_moves_the_weights():
    x, y, _ = images(4)
    model = cnn(optimizer="sgd")
    before = weights_hash(model)
    model.fit(x, y, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 1e-300)])
    assert weights_hash(model) == before
    with pytest.raises(ValueError, match="learning_rate must be above 0"):
        model.fit(x, y, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: -1)])
    assert weights_hash(model) == before
    with pytest.raises(TypeError, match="schedule must be a function"):
        LearningRateScheduler(0.1)


# files


def test_model_checkpoint_names(tmp_path, capsys):
    path = tmp_path / "m-{epoch:02d}-{val_loss:.1f}.npz"
    model, _ = run(ModelCheckpoint(path, verbose=1), [3.0, 2.0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m-01-3.0.npz", "m-02-2.0.npz"]
    assert "Epoch 2: saving model to" in capsys.readouterr().out
    again = load_model(tmp_path / "m-02-2.0.npz")
    assert fingerprint(again) == fingerprint(model)


def test_model_checkpoint_of_the_best_only(tmp_path):
    hashes = epoch_weights(5)
    path = tmp_path / "best.npz"
    for values, best in (
        ([3, 1, 2, 2, 2], 1),
        ([5, 4, 3, 2, 1], 4),
        ([math.nan, 3, 4, 4, math.nan], 1),
    ):
        run(ModelCheckpoint(path, save_best_only=True), values)
        assert weights_hash(load_model(path)) == hashes[best]
    run(ModelCheckpoint(path, "val_accuracy", save_best_only=True), [1, 3, 2, 2, 2], "val_accuracy")
    assert weights_hash(load_model(path)) == hashes[1]
    assert [p.name for p in tmp_path.iterdir()] == ["best.npz"]


def test_model_checkpoint_of_weights_only(tmp_path):
    model, _ = run(ModelCheckpoint(tmp_path / "w.npz", save_weights_only=True), [1.0])
    with pytest.raises(ValueError, match="weights only"):
        load_model(tmp_path / "w.npz")
    other = cnn(seed=9)
    other.load_weights(tmp_path / "w.npz")
    assert weights_hash(other) == weights_hash(model)


def test_model_checkpoint_every_few_batches(tmp_path):
    x, y, _ = images(20)
    saving = ModelCheckpoint(tmp_path / "{epoch}-{batch}.npz", save_freq=3)
    cnn().fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[saving])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1-3.npz", "2-1.npz", "2-4.npz"]


def test_model_checkpoint_finds_mistakes_early(tmp_path):
    x, y, _ = images(4)
    with pytest.raises(ValueError, match=r"\.npz"):
        ModelCheckpoint(tmp_path / "model.h5")
    for wrong in (0, -1, True, "batch", 1.5):
        with pytest.raises(ValueError, match="save_freq"):
            ModelCheckpoint("m.npz", save_freq=wrong)
    model = cnn()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        model.fit(x, y, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "no" / "m.npz")])
    assert model.optimizer.iterations == 0
    missing = ModelCheckpoint(tmp_path / "{val_los:.2f}.npz")
    with pytest.raises(KeyError, match="val_los"):
        model.fit(x, y, verbose=0, callbacks=[missing])
    best = ModelCheckpoint(tmp_path / "b.npz", save_best_only=True)
    with pytest.warns(UserWarning, match="'val_loss', which is not there"):
        model.fit(x, y, verbose=0, callbacks=[best])
    assert list(tmp_path.iterdir()) == []


def table(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old\n")
    _, history = run(CSVLogger(path), [2.0, 1.5])
    header, *lines = table(path)
    assert header == ["epoch", "accuracy", "loss", "val_loss"]
    assert [line[0] for line in lines] == ["0", "1"]
    for key in header[1:]:
        column = [float(line[header.index(key)]) for line in lines]
        assert column == history.history[key]


def test_csv_logger_goes_on_with_a_file(tmp_path):
    path = tmp_path / "log.csv"
    for first, last in ((0, 2), (2, 3)):
        logger = CSVLogger(path, separator=";", append=True)
        run(logger, [1.0, 2.0, 3.0], epochs=last, initial_epoch=first)
    header, *lines = table(path, ";")
    assert header[0] == "epoch"
    assert [line[0] for line in lines] == ["0", "1", "2"]
    assert [float(line[-1]) for line in lines] == [1, 2, 3]
    x, y, _ = images(4)
    cnn().fit(x, y, verbose=0, callbacks=[CSVLogger(path, separator=";", append=True)])
    assert table(path, ";")[-1][-1] == "NA"


def test_csv_logger_finds_a_missing_folder_before_training(tmp_path):
    x, y, _ = images(4)
    model = cnn()
    with pytest.raises(FileNotFoundError):
        model.fit(x, y, verbose=0, callbacks=[CSVLogger(tmp_path / "no" / "log.csv")])
    assert model.optimizer.iterations == 0


def test_terminate_on_nan_lets_numbers_pass(capsys):
    _, history = run(TerminateOnNaN(), [1.0, 2.0])
    assert history.epoch == [0, 1]
    assert np.isfinite(history.history["loss"]).all()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("given", "other"), [("accuracy", "acc"), ("acc", "accuracy")])
def test_accuracy_is_found_under_both_of_its_names(given, other, tmp_path):
    """Keras 2.2 wrote 'acc' where later versions write 'accuracy'; scripts read either."""
    heard = []
    model = cnn()
    model.compile("sgd", "categorical_crossentropy", metrics=[given])
    x, y, _ = images(20)
    callbacks = [
        EarlyStopping(f"val_{other}"),
        ModelCheckpoint(f"{tmp_path}/{{val_{other}:.1f}}.npz"),
        LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append(logs.get(other))),
    ]
    history = model.fit(x, y, verbose=0, validation_split=0.5, callbacks=callbacks).history
    assert list(history) == ["loss", given, "val_loss", f"val_{given}"]
    assert history[other] == history[given] == heard
    assert f"val_{other}" in history
    assert (tmp_path / f"{history[f'val_{other}'][0]:.1f}.npz").exists()
    with pytest.raises(KeyError):
        history["lr"]
