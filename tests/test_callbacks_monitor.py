"""Callbacks that watch a number: when they stop, restore, and lower the rate."""

import functools
import inspect
import math
import re

import pytest
from fed_training import epoch_weights, run
from small_nets import cnn, images, weights_hash

from numcnn.callbacks import (
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from numcnn.errors import DTypeError

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


@pytest.mark.parametrize("cls", [EarlyStopping, ReduceLROnPlateau])
@pytest.mark.parametrize("argument", ["min_delta", "baseline", "factor", "min_lr", "monitor"])
@pytest.mark.parametrize("wrong", ["a", [1.0], True, float("nan")], ids=repr)
def test_what_is_no_number_is_said_at_once(cls, argument, wrong):
    if (argument, wrong) == ("monitor", "a"):
        return
    if argument not in inspect.signature(cls).parameters:
        return
    with pytest.raises(DTypeError, match=f"{argument} must be a n.*got {re.escape(repr(wrong))}"):
        cls(**{argument: wrong})
