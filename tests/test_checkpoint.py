"""Checkpoints: a training that stops at any moment and goes on ends with the same bits."""

import gc
import io
import json
import signal

import numpy as np
import pytest
from interrupting import Aim, interrupted, timer
from small_nets import CLASSES, cnn, fingerprint, images

from numcnn import progress
from numcnn.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from numcnn.layers import Dense
from numcnn.models import Sequential, load_model
from numcnn.progress import Progbar
from numcnn.utils import set_random_seed

X, Y, _ = images(14)
HELD_OUT = images(5, seed=3)[:2]
EPOCHS, STEPS = 3, 4  # the last batch of each epoch is shorter


def train(model, callbacks=(), **kwargs):
    kwargs = {"batch_size": 4, "epochs": EPOCHS, "verbose": 0, **kwargs}
    return model.fit(X, Y, callbacks=list(callbacks), validation_data=HELD_OUT, **kwargs)


def content(model, folder):
    """Return the bytes of the model's file: weights, memory, seeds, steps and history."""
    model.save(folder / "content.npz")
    return (folder / "content.npz").read_bytes()


# every batch


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_going_on_at_every_batch(tmp_path, engine, shuffle):
    each = tmp_path / "{epoch}-{batch}.npz"
    model = cnn(engine=engine)
    history = train(model, [ModelCheckpoint(each, save_freq=1)], shuffle=shuffle)
    expected = content(model, tmp_path)
    files = sorted(tmp_path.glob("?-?.npz"))
    assert len(files) == EPOCHS * STEPS
    for path in files:
        set_random_seed(0)  # another process draws other seeds
        again = load_model(path)
        later = ModelCheckpoint(tmp_path / "later.npz", save_freq=STEPS)
        found = train(again, [later], shuffle=shuffle, resume=True)
        assert content(again, tmp_path) == expected, path.name
        assert (found.epoch, found.history) == (history.epoch, history.history)
        assert again.history is found


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_going_on_again_and_again(tmp_path, optimizer):
    """One batch at a time, each with a model loaded anew."""
    path = tmp_path / "last.npz"
    whole, model = cnn(optimizer=optimizer), cnn(optimizer=optimizer)
    expected = train(whole).history
    stop = LambdaCallback(on_batch_end=lambda batch, logs: setattr(model, "stop_training", True))
    for done in range(EPOCHS * STEPS):
        train(model, [stop], resume=done > 0)
        assert model.optimizer.iterations == done + 1
        model.save(path)
        model = load_model(path)
    train(model, resume=True)
    assert model.history.history == expected
    assert fingerprint(model) == fingerprint(whole)


class Schedule(LearningRateScheduler):
    """A rate that would be wrong if it were asked for twice."""

    def __init__(self):
        super().__init__(lambda epoch, rate: rate * 0.7)


def rememberers(path, late, save_freq=1):
    """Return callbacks with a memory, some told after the checkpoint."""
    saving = [
        ModelCheckpoint(path, save_freq=save_freq),
        ModelCheckpoint(path.parent / "{epoch}-end.npz"),
    ]
    worse = LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(mine=[3, 1, 2, 2, 1][epoch])
    )
    others = [
        worse,
        ReduceLROnPlateau("mine", factor=0.5, patience=1),
        Schedule(),
        EarlyStopping("mine", patience=2, restore_best_weights=True),
    ]
    return others[:late] + saving + others[late:]


@pytest.mark.parametrize("late", [4, 2, 0])
def test_callbacks_take_their_memory_along(tmp_path, late):
    model = cnn()
    each = tmp_path / "{epoch}-{batch}.npz"
    history = train(model, rememberers(each, late), epochs=5)
    assert history.epoch == [0, 1, 2, 3]  # stopped early, with the weights of the second epoch
    expected = content(model, tmp_path)
    files = sorted(tmp_path.glob("?-*.npz"))
    assert len(files) == 4 * STEPS + 4
    later = tmp_path / "later"
    later.mkdir()
    for path in files:
        again = load_model(path)
        callbacks = rememberers(later / "x.npz", late, save_freq=7)
        found = train(again, callbacks, epochs=5, resume=True)
        assert (found.epoch, found.history) == (history.epoch, history.history), path.name
        assert content(again, tmp_path) == expected, path.name


def test_an_end_is_told_once_and_after_a_beginning(tmp_path):
    """The file is written while callbacks hear that the first epoch ends: one has, one has not."""

    class Heard(Callback):
        def __init__(self):
            self.calls = []

        def on_epoch_begin(self, epoch, logs=None):
            self.calls.append(f"begin {epoch}")

        def on_epoch_end(self, epoch, logs=None):
            self.calls.append(f"end {epoch}")

    saving = ModelCheckpoint(tmp_path / "{epoch}.npz")
    train(cnn(), [Heard(), saving, Heard()], epochs=1)
    before, after = Heard(), Heard()
    train(load_model(tmp_path / "1.npz"), [before, saving, after], epochs=2, resume=True)
    assert before.calls == ["begin 1", "end 1"]
    assert after.calls == ["begin 0", "end 0", "begin 1", "end 1"]


def test_the_best_so_far_is_remembered(tmp_path):
    values = [3.0, 1.0, 2.0, 0.5]
    feed = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=values[epoch]))
    saving = ModelCheckpoint(tmp_path / "best.npz", "mine", save_best_only=True)
    train(cnn(), [feed, saving, ModelCheckpoint(tmp_path / "last.npz")], epochs=2)
    best = (tmp_path / "best.npz").read_bytes()
    saving = ModelCheckpoint(tmp_path / "best.npz", "mine", save_best_only=True)
    model = load_model(tmp_path / "last.npz")
    train(model, [feed, saving, ModelCheckpoint(tmp_path / "last.npz")], epochs=3, resume=True)
    assert (tmp_path / "best.npz").read_bytes() == best
    assert saving.best == 1.0
    train(model, [feed, saving], epochs=4, resume=True)
    assert saving.best == 0.5
    assert (tmp_path / "best.npz").read_bytes() != best


def test_a_table_goes_on_where_it_was(tmp_path):
    path, table = tmp_path / "c.npz", tmp_path / "log.csv"
    train(cnn(), [CSVLogger(tmp_path / "whole.csv")])
    train(cnn(), [CSVLogger(table), ModelCheckpoint(path)], epochs=2)
    train(load_model(path), [CSVLogger(table)], resume=True)
    assert table.read_text() == (tmp_path / "whole.csv").read_text()


# interrupts


class Interrupt(Callback):
    """Raises at the n-th call of any kind."""

    def __init__(self, n=0):
        self.left = n

    def __getattribute__(self, name):
        if not name.startswith("on_") or name == "on_abandoned":
            return super().__getattribute__(name)
        return self.count

    def count(self, *args):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_an_interrupt_at_any_call_of_a_callback(tmp_path):
    def others():
        return [ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=9.0), Schedule()]

    def train(model, callbacks, **kwargs):
        return model.fit(
            *(X, Y), batch_size=9, epochs=2, verbose=0, callbacks=callbacks,
            validation_data=HELD_OUT, **kwargs,
        )  # fmt: skip

    whole = cnn()
    history = train(whole, [*others(), Interrupt()]).history
    expected = content(whole, tmp_path)
    for first in (True, False):
        for n in range(1, 1000):
            model = cnn()
            stop = Interrupt(n)
            callbacks = [stop, *others()] if first else [*others(), stop]
            try:
                train(model, callbacks)
            except KeyboardInterrupt:
                pass
            else:
                break
            model.save(tmp_path / "stopped.npz")
            for again in (load_model(tmp_path / "stopped.npz"), model):
                train(again, [*others(), Interrupt()], resume=True)
                assert again.history.history == history, n
                assert content(again, tmp_path) == expected, n
        assert n == 1 + 2 + 2 * (2 + 2 * 2 + 4)


@pytest.fixture
def interrupts():
    """Let SIGINT interrupt, also where the tests run in the background, which ignores it.

    The garbage collector is held: an interrupt inside one of its callbacks would be lost.
    """
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    alarm = signal.getsignal(signal.SIGALRM) if hasattr(signal, "SIGALRM") else None
    gc.disable()
    yield
    gc.enable()
    signal.signal(signal.SIGINT, previous)
    if alarm is not None:
        signal.signal(signal.SIGALRM, alarm)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
@pytest.mark.parametrize("times", [5, pytest.param(200, marks=pytest.mark.proof)])
def test_real_interrupts(tmp_path, interrupts, times):
    whole = cnn()
    history = train(whole, epochs=30).history
    expected = content(whole, tmp_path)
    aim, stopped = Aim(seed=None, longest=0.1), 0
    for _ in range(40 * times):
        model = cnn()
        hit = interrupted(*timer(aim.delay()), lambda model=model: train(model, epochs=30))
        aim.learn(hit)
        if model.run is None:
            continue  # before the training
        stopped += hit
        model.save(tmp_path / "stopped.npz")
        model = load_model(tmp_path / "stopped.npz")
        assert train(model, epochs=30, resume=True).history == history
        assert content(model, tmp_path) == expected
        if stopped == times:
            break
    assert stopped == times


def test_a_callback_that_stops_within_an_epoch(tmp_path):
    whole = cnn()
    train(whole)
    for at in range(1, EPOCHS * STEPS + 1):
        model = cnn()

        def stop(batch, logs, model=model, at=at):
            model.stop_training = model.optimizer.iterations == at

        train(model, [LambdaCallback(on_batch_end=stop)])
        assert model.optimizer.iterations == at
        model.save(tmp_path / "stopped.npz")
        for again in (load_model(tmp_path / "stopped.npz"), model):
            assert train(again, resume=True).history == whole.history.history
            assert fingerprint(again) == fingerprint(whole)


def test_an_interrupt_within_the_step_finds_the_batch_counted(tmp_path, monkeypatch, interrupts):
    """The signal comes while the weights move; it is heard after they have, as after the count."""
    whole = cnn(engine="numpy")
    train(whole)
    for at in range(1, EPOCHS * STEPS + 1):
        model = cnn(engine="numpy")
        update = model.optimizer.step

        def step(params, grads, model=model, update=update, at=at):
            update(params, grads)
            if model.optimizer.iterations == at:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(model.optimizer, "step", step)
        with pytest.raises(KeyboardInterrupt):
            train(model)
        assert (model.run.began + model.run.batch, model.optimizer.iterations) == (at, at)
        model.save(tmp_path / "stopped.npz")
        again = load_model(tmp_path / "stopped.npz")
        assert train(again, resume=True).history == whole.history.history
        assert fingerprint(again) == fingerprint(whole)


# what is over, and what is more


def test_what_is_over_changes_nothing(tmp_path, capsys):
    model = cnn()
    train(model, [ModelCheckpoint(tmp_path / "c.npz")], verbose=1)
    capsys.readouterr()
    before = fingerprint(model)
    again = load_model(tmp_path / "c.npz")
    assert fingerprint(again) == before
    assert again.history.history == model.history.history
    assert train(again, verbose=1, resume=True).history == model.history.history
    assert fingerprint(again) == before
    assert capsys.readouterr().out == ""


def test_more_epochs_than_before(tmp_path):
    whole, model = cnn(), cnn()
    train(whole, epochs=5)
    train(model, epochs=2)
    model.save(tmp_path / "two.npz")
    again = load_model(tmp_path / "two.npz")
    assert train(again, epochs=5, resume=True).history == whole.history.history
    assert fingerprint(again) == fingerprint(whole)


def test_the_bar_goes_on_within_the_epoch(capsys):
    model = cnn()

    def stop(batch, logs):
        if model.optimizer.iterations == STEPS + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, [LambdaCallback(on_batch_end=stop)])
    train(model, verbose=2, resume=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:18] for line in lines] == [f"Epoch {e}/3 - 4/4 - " for e in (2, 3)]


def test_the_bar_times_its_own_steps_only(monkeypatch):
    now, screen = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    bar = Progbar(11, redraw=True, stream=screen, done=5)
    for done, seconds in ((6, 1000), (7, 2), (8, 2)):
        now[0] += seconds
        bar.update(done, {})
    assert screen.getvalue().rstrip().endswith("ETA: 6s")
    assert " 8/11 [" in screen.getvalue()


# what the file holds


def test_the_history_stands_in_the_file_by_name(tmp_path):
    model = cnn()
    odd = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update({"a/b é": np.float32(0.1)}))
    train(model, [odd])
    model.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert file[f"training/history/{key}"].tolist() == model.history.history[key]
        training = json.loads(bytes(file["model"]))["training"]
    assert (training["epoch"], training["batch"]) == (3, 0)
    assert load_model(tmp_path / "m.npz").history.history == model.history.history


def test_what_is_no_number_in_a_history_is_left_out_with_a_warning(tmp_path):
    model = cnn()
    note = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(note="good"))
    train(model, [note])
    with pytest.warns(UserWarning, match="'note' holds something else than numbers"):
        model.save(tmp_path / "m.npz")
    assert "note" not in load_model(tmp_path / "m.npz").history.history
    with pytest.warns(UserWarning, match="'note' holds something else than numbers"):
        train(cnn(), [note, ModelCheckpoint(tmp_path / "m.npz")], epochs=1)


def test_files_of_version_1_hold_no_training(tmp_path):
    from model_files import rewrite

    cnn().save(tmp_path / "m.npz")
    old = rewrite(tmp_path, (tmp_path / "m.npz").read_bytes(), lambda d: d.update(version=1))
    again = load_model(old)
    assert fingerprint(again) == fingerprint(cnn())
    with pytest.raises(ValueError, match="nothing to resume"):
        train(again, resume=True)


def test_layers_named_training(tmp_path):
    model = Sequential([Dense(3, name="training", input_shape=(4,)), Dense(CLASSES)])
    model.compile("rmsprop", "mse")
    x, y = np.ones((3, 4)), np.ones((3, CLASSES))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert fingerprint(again) == fingerprint(model)
    again.load_weights(tmp_path / "m.npz")
    assert fingerprint(again) == fingerprint(model)
