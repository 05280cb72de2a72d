"""The progress bar: what stands on the screen, in a pipe and in a notebook, and when."""

import io
import re
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import cnn, dense, images

from numcnn import progress
from numcnn.callbacks import LambdaCallback
from numcnn.optimizers import SGD
from numcnn.progress import Progbar, check_verbose, duration, numbers, time_per_step

LINE = re.compile(
    r"(?P<head>Epoch \d+/\d+ - )?(?P<count> *\d+/\d+)( \[(?P<bar>[=>.]{30})\])? - "
    r"(ETA: (?P<eta>[\d:]+s?)|(?P<total>\d+)s (?P<step>\d+(s|ms|us)/step))"
    r"(?P<logs>( - \w+: -?\d+\.\d{4}(e[-+]\d\d)?)*)"
)


class Screen(io.StringIO):
    """A terminal that remembers; `shown` is what stands on it at last."""

    def isatty(self):
        return True

    @property
    def redraws(self):
        return self.getvalue().count("\r")

    @property
    def shown(self):
        lines = []
        for line in self.getvalue().split("\n"):
            cells = ""
            for part in line.split("\r"):
                cells = part + cells[len(part) :]
            lines.append(cells.rstrip())
        return lines


class Clock:
    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def screen(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stdout=screen, modules={}))
    return screen


def run(bar, clock, steps, seconds, logs=None):
    for done in range(1, steps + 1):
        clock.now += seconds
        bar.update(done, logs or {})


# the texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (59.4, "59s"),
        (59.6, "1:00"),
        (83, "1:23"),
        (3599.6, "1:00:00"),
        (3683, "1:01:23"),
        (86400, "24:00:00"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2.4, "2s/step"),
        (1.0, "1s/step"),
        (0.0641, "64ms/step"),
        (0.000502, "502us/step"),
        (0.9999, "1s/step"),
        (0.0009999, "1ms/step"),
        (0, "0us/step"),
    ],
)
def test_times_per_step(seconds, text):
    assert time_per_step(seconds) == text


@given(st.floats(0, 1e5))
def test_a_duration_says_the_seconds(seconds):
    text = duration(seconds)
    parts = [int(part) for part in text.rstrip("s").split(":")]
    assert sum(part * 60**i for i, part in enumerate(reversed(parts))) == round(seconds)


def test_numbers_as_keras_writes_them():
    logs = {"loss": 0.15341, "small": 0.001, "mse": 0.0001, "minus": -2.0, "nothing": 0.0}
    assert numbers(logs) == (
        " - loss: 0.1534 - small: 1.0000e-03 - mse: 1.0000e-04 - minus: -2.0000 "
        "- nothing: 0.0000e+00"
    )
    assert numbers({"loss": float("nan")}) == " - loss: nan"
    assert numbers({}) == ""


def test_the_bar_of_a_terminal(clock, screen):
    bar = Progbar(469, "Epoch 1/10")
    clock.now += 5
    bar.update(1, {"loss": 2.3})
    for done in range(2, 101):
        clock.now += 0.064
        bar.update(done, {"loss": 0.4021, "accuracy": 0.879})
    assert screen.shown[0] == "Epoch 1/10"
    assert screen.shown[1] == (
        "100/469 [======>.......................] - ETA: 24s - loss: 0.4021 - accuracy: 0.8790"
    )
    for done in range(101, 470):
        clock.now += 0.064
        bar.update(done, {"loss": 0.2})
    bar.finish({"loss": 0.1534, "accuracy": 0.9541})
    assert screen.shown[1:] == [
        "469/469 [==============================] - 35s 64ms/step - loss: 0.1534 "
        "- accuracy: 0.9541",
        "",
    ]


def test_the_first_step_does_not_count_for_the_time_left(clock, screen):
    bar = Progbar(11)
    clock.now += 1000
    bar.update(1, {})
    assert "ETA: 2:46:40" in screen.shown[-1]
    clock.now += 2
    bar.update(2, {})
    assert " 2/11 [=====>" in screen.shown[-1]
    assert screen.shown[-1].endswith("ETA: 18s")
    clock.now += 2
    bar.update(3, {})
    assert screen.shown[-1].endswith("ETA: 16s")


def test_a_shorter_line_covers_a_longer_one(clock, screen):
    bar = Progbar(3)
    clock.now += 1
    bar.update(1, {"a_long_name": 1.0})
    clock.now += 1
    bar.update(2, {})
    assert "a_long_name" not in screen.shown[-1]


def test_a_bar_that_ends_early_says_so(clock, screen):
    bar = Progbar(10)
    run(bar, clock, 4, 1)
    bar.finish({"loss": 1.0})
    assert screen.shown[0] == " 4/10 [============>.................] - 4s 1s/step - loss: 1.0000"


# how often


@pytest.mark.parametrize(("notebook", "most"), [(False, 201), (True, 21)])
def test_redraws_are_few_however_fast_the_steps(clock, screen, notebook, most):
    if notebook:
        progress.sys.modules["ipykernel"] = None
    bar = Progbar(100_000)
    run(bar, clock, 100_000, 1e-4)
    bar.finish({})
    assert most - 15 <= screen.redraws <= most + 1


def test_a_notebook_redraws_though_it_is_no_terminal(monkeypatch, clock):
    monkeypatch.setitem(sys.modules, "ipykernel", io)
    stream = io.StringIO()
    bar = Progbar(3, "Epoch 1/1", stream=stream)
    run(bar, clock, 3, 1)
    bar.finish({})
    assert stream.getvalue().count("\r") == 3


def test_each_slow_step_is_drawn(clock, screen):
    bar = Progbar(5)
    run(bar, clock, 5, 2)
    bar.finish({})
    assert screen.redraws == 5


# in a training


def lines_of_fit(**kwargs):
    x, y, _ = images(10)
    model = cnn()
    model.fit(x, y, batch_size=4, epochs=2, **kwargs)
    return model


def check_lines(lines, head, logs):
    assert len(lines) == 2
    for line in lines:
        found = LINE.fullmatch(line)
        assert found, line
        assert bool(found["head"]) is head
        assert found["count"] == "3/3"
        assert found["bar"] is None
        assert re.findall(r"(\w+): ", found["logs"]) == logs


@pytest.mark.parametrize("verbose", [1, 2, "auto", True])
def test_a_pipe_gets_one_line_an_epoch(verbose, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    lines_of_fit(verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    check_lines(lines, True, ["loss", "accuracy"])
    assert [line[:12] for line in lines] == ["Epoch 1/2 - ", "Epoch 2/2 - "]


def test_validation_stands_on_the_same_line(capsys):
    x, y, _ = images(4)
    lines_of_fit(verbose=2, validation_data=(x, y))
    lines = capsys.readouterr().out.splitlines()
    check_lines(lines, True, ["loss", "accuracy", "val_loss", "val_accuracy"])


def test_verbose_0_prints_nothing(capsys):
    model = lines_of_fit(verbose=0)
    x, y, _ = images(10)
    model.evaluate(x, y, verbose=0)
    model.predict(x)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_terminal_gets_a_head_and_a_bar(screen):
    lines_of_fit(verbose=1)
    shown = screen.shown
    assert shown[0] == "Epoch 1/2"
    assert shown[2] == "Epoch 2/2"
    for line in (shown[1], shown[3]):
        assert LINE.fullmatch(line)["bar"] == "=" * 30
    assert shown[4:] == [""]


def test_verbose_2_never_redraws(screen):
    lines_of_fit(verbose=2)
    assert screen.redraws == 0
    check_lines(screen.getvalue().splitlines(), True, ["loss", "accuracy"])


def test_evaluate_and_predict_show_a_bar_of_their_own(capsys):
    x, y, _ = images(10)
    model = cnn()
    model.evaluate(x, y, batch_size=4)
    model.predict(x, batch_size=4, verbose=1)
    evaluated, predicted = capsys.readouterr().out.splitlines()
    assert LINE.fullmatch(evaluated)["logs"].startswith(" - loss: ")
    assert LINE.fullmatch(predicted)["logs"] == ""
    model.predict(x[:0], verbose=1)
    assert capsys.readouterr().out.startswith("0/0 - 0s")


@pytest.mark.parametrize("use", ["fit", "evaluate", "predict"])
def test_an_interruption_ends_the_line(screen, monkeypatch, use):
    x, y, _ = images(40)
    model = cnn()
    seen = []

    def interrupt(*args):
        seen.append(args)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return original(*args)

    name = {"fit": "gradients", "evaluate": "test_batch", "predict": "predict_batch"}[use]
    original = getattr(model.engine, name)
    monkeypatch.setattr(model.engine, name, interrupt)
    monkeypatch.setattr(progress, "time", Clock())
    with pytest.raises(KeyboardInterrupt):
        getattr(model, use)(x, **({} if use == "predict" else {"y": y}), batch_size=4, verbose=1)
    assert " 1/10 [===>" in screen.shown[-2]
    assert screen.shown[-1] == ""
    assert screen.getvalue().count("\n") == (2 if use == "fit" else 1)


def test_a_divergence_ends_the_line(screen):
    x, y, _ = images(20)
    model = dense(inputs=36, optimizer=SGD(1e30))
    with pytest.raises(FloatingPointError):
        model.fit(x.reshape(20, -1), y, batch_size=4, epochs=9)
    assert screen.shown[-1] == ""


def test_a_training_that_stops_early_says_how_far_it_came(capsys):
    x, y, _ = images(20)
    model = cnn()

    def stop(batch, logs):
        model.stop_training = batch == 1

    model.fit(x, y, batch_size=4, callbacks=[LambdaCallback(on_batch_end=stop)])
    assert capsys.readouterr().out.startswith("Epoch 1/1 - 2/5 - ")


def test_a_program_without_output_trains(monkeypatch):
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stdout=None, modules={}))
    lines_of_fit(verbose=1)


@pytest.mark.parametrize("wrong", [3, -1, "loud", None, 0.5, [1]])
def test_verbose_must_be_known(wrong):
    with pytest.raises(ValueError, match=r"verbose must be 0, 1, 2 or 'auto', got"):
        check_verbose(wrong)
