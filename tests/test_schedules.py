"""Schedules of the learning rate: what they are where one can tell, in a model and in its file."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import cnn, fingerprint, images

from numcnn.callbacks import LambdaCallback
from numcnn.errors import DTypeError
from numcnn.models import load_model
from numcnn.optimizers import OPTIMIZERS, SGD, Adam, schedules

CASES = {
    "ExponentialDecay": {"initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.5},
    "InverseTimeDecay": {
        "initial_learning_rate": 0.5,
        "decay_steps": 2,
        "decay_rate": 0.5,
        "staircase": True,
    },
    "PolynomialDecay": {
        "initial_learning_rate": 0.5,
        "decay_steps": 4,
        "power": 2.0,
        "cycle": True,
    },
    "PiecewiseConstantDecay": {"boundaries": [2, 5], "values": [0.5, 0.25, 0.125]},
    "CosineDecay": {
        "initial_learning_rate": 0.1,
        "decay_steps": 6,
        "alpha": 0.1,
        "warmup_target": 0.5,
        "warmup_steps": 3,
    },
    "CosineDecayRestarts": {"initial_learning_rate": 0.5, "first_decay_steps": 2, "m_mul": 0.9},
}
every_schedule = pytest.mark.parametrize("name", CASES)


def made(name):
    return getattr(schedules, name)(**CASES[name])


def test_the_list_holds_every_schedule():
    assert CASES.keys() == schedules.SCHEDULES.keys()


@given(st.integers(0, 50), st.floats(0.1, 0.9), st.integers(1, 9))
def test_decays_step_by_step(t, factor, length):
    rate = 0.5
    for _ in range(t // length):
        rate *= factor
    stairs = schedules.ExponentialDecay(0.5, length, factor, staircase=True)
    assert math.isclose(stairs(t), rate, rel_tol=1e-12)
    smooth = schedules.ExponentialDecay(0.5, length, factor)
    assert math.isclose(smooth(t + length), smooth(t) * factor, rel_tol=1e-12)
    inverse = schedules.InverseTimeDecay(0.5, length, factor)
    assert math.isclose(1 / inverse(t + length) - 1 / inverse(t), factor / 0.5, rel_tol=1e-9)
    line = schedules.PolynomialDecay(0.5, length, 0.1)
    assert math.isclose(line(t), max(0.1, 0.5 - t * 0.4 / length), rel_tol=1e-12)
    again = schedules.PolynomialDecay(0.5, length, 0.1, power=2, cycle=True)
    assert again(length) == pytest.approx(0.1)
    assert again(length + 1) == pytest.approx(0.1 + 0.4 * (1 - (length + 1) / (2 * length)) ** 2)
    wave = schedules.CosineDecay(0.5, length, 0.2)
    assert math.isclose(wave(t) + wave(max(0, length - t)), 0.6, rel_tol=1e-12)


@given(st.integers(0, 100), st.sampled_from([1.0, 1.5, 2.0]), st.floats(0.5, 1))
def test_restarts_are_waves_in_a_row(t, longer, lower):
    found = schedules.CosineDecayRestarts(0.5, 4, t_mul=longer, m_mul=lower)(t)
    begin, length, height = 0.0, 4.0, 0.5
    while begin + length <= t:
        begin, length, height = begin + length, length * longer, height * lower
    assert math.isclose(found, height * (1 + math.cos(math.pi * (t - begin) / length)) / 2)


def test_a_warm_up_and_a_restart_by_hand():
    rate = schedules.CosineDecay(0.1, 10, warmup_target=0.5, warmup_steps=4)
    assert [rate(t) for t in (0, 2, 4, 9, 14, 99)] == pytest.approx([0.1, 0.3, 0.5, 0.25, 0, 0])
    waves = schedules.CosineDecayRestarts(0.5, 4, m_mul=0.5, alpha=0.2)
    # Half of the second wave, which is 8 long and half as high: 0.5 * (0.2 + 0.8 * 0.25).
    assert [waves(t) for t in (0, 2, 4, 8)] == pytest.approx([0.5, 0.3, 0.3, 0.2])


@every_schedule
def test_an_unknown_argument_is_refused_and_a_configuration_makes_the_same(name):
    cls = getattr(schedules, name)
    with pytest.raises(TypeError, match=f"{name} has no argument 'size'"):
        cls(**CASES[name], size=3)
    config = made(name).get_config()
    assert cls.from_config(config).get_config() == config
    for switch in {"staircase", "cycle"} & config.keys():
        assert cls(**{**config, switch: 1}).get_config()[switch] is True


def test_a_schedule_that_defines_nothing_says_so():
    with pytest.raises(NotImplementedError, match="does not define"):
        schedules.LearningRateSchedule()(0)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@every_schedule
def test_each_step_has_its_rate(name, engine):
    x, y, _ = images(24)
    seen = []
    model = cnn(optimizer=SGD(made(name)), engine=engine)
    before = model.get_weights()
    moved = []

    def note(batch, logs):
        now = model.get_weights()
        grads = [layer.grads[key] for layer in model.layers for key in layer.params]
        pairs = zip(before, now, grads, strict=True)
        moved.append(max(float(np.abs(a - b - made(name)(batch) * g).max()) for a, b, g in pairs))
        before[:] = now
        seen.append(model.optimizer.learning_rate)

    note = LambdaCallback(on_batch_end=note)
    model.fit(x, y, batch_size=3, verbose=0, callbacks=[note])
    assert seen == [made(name)(t) for t in range(1, 9)]
    assert max(moved) < 1e-6


@every_schedule
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_configurations_come_back(name, optimizer):
    one = OPTIMIZERS[optimizer](made(name))
    twin = type(one).from_config(one.get_config())
    assert twin.get_config() == one.get_config()
    for t in (0, 1, 7):
        one.iterations = twin.iterations = t
        assert one.current_rate() == twin.current_rate() == made(name)(t)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_training_that_was_stopped_goes_on_bit_for_bit(tmp_path, engine):
    x, y, _ = images(12)

    def model():
        rate = schedules.CosineDecay(0.01, 9)
        return cnn(optimizer=Adam(rate, clipnorm=0.1, weight_decay=0.01), engine=engine)

    whole, first = model(), model()
    whole.fit(x, y, batch_size=4, epochs=3, verbose=0)
    stop = LambdaCallback(
        on_batch_end=lambda batch, logs: setattr(
            first, "stop_training", first.optimizer.iterations == 4
        )
    )
    first.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[stop])
    assert first.optimizer.iterations == 4
    first.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    again.fit(x, y, batch_size=4, epochs=3, verbose=0, resume=True)
    assert fingerprint(again) == fingerprint(whole)


def test_a_scheduled_rate_is_not_set_to_a_number():
    optimizer = SGD(made("ExponentialDecay"))
    with pytest.raises(TypeError, match="follows a ExponentialDecay and cannot be set to a number"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = made("CosineDecay")
    assert optimizer.learning_rate == made("CosineDecay")(0)


def test_mistakes():
    with pytest.raises(ValueError, match="one value more than boundaries, got 1 values and 2"):
        schedules.PiecewiseConstantDecay([1, 2], [0.1])
    with pytest.raises(ValueError, match="boundaries must rise"):
        schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3])
    with pytest.raises(TypeError, match="Did you mean 'decay_rate'"):
        schedules.ExponentialDecay(0.1, 1, 1, decay_rat=2)
    with pytest.raises(ValueError, match="t_mul must be at least 1"):
        schedules.CosineDecayRestarts(0.1, 2, t_mul=0.5)
    with pytest.raises(ValueError, match=r"Unknown schedule 'Cosine'. Did you mean 'CosineDecay'"):
        SGD({"class_name": "Cosine", "config": {}})

    class Own(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    with pytest.raises(DTypeError, match="Own is not one of numcnn's and cannot be saved"):
        SGD(Own()).get_config()
    assert SGD(Own()).current_rate() == 0.1
