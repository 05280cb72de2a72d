"""Optimizers against one number at a time in plain Python."""

import math

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import backend, optimizers
from numcnn.errors import DTypeError, ShapeError
from numcnn.optimizers import SGD, Adam, Optimizer, RMSprop

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
seeds = st.integers(0, 2**32 - 1)
rates = st.floats(1e-5, 1.0)
shares = st.floats(0, 0.999)
decays = st.sampled_from([0.0, 0.01, 1.0])
epsilons = st.floats(1e-8, 1e-2)

SETTINGS = {
    "SGD": st.fixed_dictionaries(
        {"lr": rates, "momentum": shares, "nesterov": st.booleans(), "decay": decays}
    ),
    "RMSprop": st.fixed_dictionaries(
        {"lr": rates, "rho": shares, "epsilon": epsilons, "decay": decays}
    ),
    "Adam": st.fixed_dictionaries(
        {"lr": rates, "beta_1": shares, "beta_2": shares, "epsilon": epsilons, "decay": decays}
    ),
}
CLASSES = {"SGD": SGD, "RMSprop": RMSprop, "Adam": Adam}
ORACLES = {"SGD": oracles.sgd, "RMSprop": oracles.rmsprop, "Adam": oracles.adam}
every_optimizer = pytest.mark.parametrize("name", CLASSES)


def test_the_list_holds_every_optimizer():
    assert set(CLASSES.values()) == set(optimizers.OPTIMIZERS.values())


def random_steps(seed, steps=20, shape=(2, 3)):
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.integers(-4, 3, (steps, 1, 1))
    return rng.normal(size=shape), rng.normal(size=(steps, *shape)) * sizes


@every_optimizer
@given(data=st.data(), seed=seeds)
def test_steps_equal_the_oracle(name, data, seed):
    settings = data.draw(SETTINGS[name])
    p, gradients = random_steps(seed)
    expected = [
        ORACLES[name](float(p[i]), [float(g[i]) for g in gradients], **settings)
        for i in np.ndindex(p.shape)
    ]
    optimizer = CLASSES[name](**settings)
    for g in gradients:
        optimizer.step([p], [g])
    scale = np.abs(expected).max() + settings["lr"] * np.abs(gradients).sum()
    close(p.ravel(), expected, rtol=1e-12, atol=1e-14 * scale)
    assert optimizer.iterations == len(gradients)


@every_optimizer
@given(data=st.data(), seed=seeds)
def test_many_arrays_move_as_one_would(name, data, seed):
    settings = data.draw(SETTINGS[name])
    p, gradients = random_steps(seed, shape=(2, 6))
    whole, parts = p.copy(), [p[0].copy(), p[1, :2].copy(), p[1, 2:].reshape(2, 2).copy()]
    together, apart = CLASSES[name](**settings), CLASSES[name](**settings)
    for g in gradients:
        together.step([whole], [g])
        apart.step(parts, [g[0], g[1, :2], g[1, 2:].reshape(2, 2)])
    equal(np.concatenate([part.ravel() for part in parts]), whole.ravel())


@every_optimizer
@given(data=st.data(), seed=seeds)
def test_arrays_are_changed_in_place_and_keep_their_type(name, data, seed):
    settings = data.draw(SETTINGS[name])
    p, gradients = random_steps(seed, steps=3)
    for dtype in ("float32", "float64"):
        moving, wide = p.astype(dtype), p.copy()
        narrow_optimizer, wide_optimizer = CLASSES[name](**settings), CLASSES[name](**settings)
        for g in gradients:
            g = g.astype("float32")
            g.flags.writeable = False  # writing raises
            narrow_optimizer.step([moving], [g.astype(dtype)])
            wide_optimizer.step([wide], [g.astype("float64")])
        slots = [array for arrays in narrow_optimizer.slots.values() for array in arrays]
        assert {a.dtype.name for a in [moving, *slots]} == {dtype}
        scale = 1 + settings["lr"] * np.abs(gradients).sum()
        close(moving, wide, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("name", ["RMSprop", "Adam"])
def test_the_default_step_does_not_depend_on_the_size_of_the_gradient(name):
    steps = []
    for size in (1e-2, 1.0, 1e4):
        p = np.zeros(1)
        CLASSES[name](0.5, epsilon=0).step([p], [np.array([size])])
        steps.append(float(p[0]))
    close(steps, steps[0], rtol=1e-12)


@given(st.integers(1, 60), st.floats(0.1, 10), shares)
def test_rmsprop_with_a_constant_gradient(steps, g, rho):
    p, optimizer = np.zeros(1), RMSprop(0.1, rho=rho, epsilon=1e-7)
    for _ in range(steps):
        before = p.copy()
        optimizer.step([p], [np.array([g])])
    v = (1 - rho**steps) * g**2
    close(optimizer.slots["mean_square"][0], v, rtol=1e-11)
    close(p - before, -0.1 * g / math.sqrt(v + 1e-7), rtol=1e-9)


def test_where_epsilon_stands():
    p = np.zeros(1)
    RMSprop(1.0, rho=0.0, epsilon=1.0).step([p], [np.array([2.0])])
    close(p, -2 / math.sqrt(5))  # inside the root; outside, it would be -2 / (2 + 1)


def test_epsilon_none_is_the_backend_s():
    backend.set_epsilon(1e-3)
    assert RMSprop(epsilon=None).epsilon == Adam(epsilon=None).epsilon == 1e-3
    assert RMSprop().epsilon == Adam().epsilon == 1e-7


def test_defaults_are_those_of_keras():
    assert SGD().get_config() == {
        "learning_rate": 0.01,
        "decay": 0.0,
        "momentum": 0.0,
        "nesterov": False,
    }
    assert RMSprop().get_config() == {
        "learning_rate": 0.001,
        "decay": 0.0,
        "rho": 0.9,
        "epsilon": 1e-7,
    }
    assert Adam().get_config() == {
        "learning_rate": 0.001,
        "decay": 0.0,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
    }


@every_optimizer
@given(data=st.data())
def test_the_configuration_makes_the_same_optimizer_again(name, data):
    optimizer = CLASSES[name](**data.draw(SETTINGS[name]))
    twin = CLASSES[name].from_config(optimizer.get_config())
    assert twin.get_config() == optimizer.get_config()


@every_optimizer
def test_lr_is_the_learning_rate(name):
    optimizer = CLASSES[name](lr=0.25)
    assert optimizer.learning_rate == optimizer.lr == 0.25
    optimizer.lr = 0.5
    assert optimizer.learning_rate == 0.5
    assert CLASSES[name](0.125).lr == CLASSES[name](learning_rate=np.float32(0.125)).lr == 0.125


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
@every_optimizer
def test_refused_learning_rates(name, value):
    with pytest.raises(ValueError, match="learning_rate must be"):
        CLASSES[name](value)
    optimizer = CLASSES[name](lr=0.5)
    with pytest.raises(ValueError, match="learning_rate must be"):
        optimizer.lr = value
    assert optimizer.lr == 0.5


@pytest.mark.parametrize("value", ["x", True, None, [0.1]])
@every_optimizer
def test_refused_types_of_learning_rates(name, value):
    with pytest.raises(DTypeError, match="learning_rate must be a number"):
        CLASSES[name](value)


@pytest.mark.parametrize(
    ("cls", "argument", "value"),
    [
        (SGD, "momentum", 1),
        (SGD, "momentum", -0.1),
        (SGD, "decay", -1),
        (RMSprop, "rho", 1.0),
        (RMSprop, "rho", math.nan),
        (RMSprop, "epsilon", -1e-7),
        (Adam, "beta_1", 1),
        (Adam, "beta_2", 1.5),
        (Adam, "epsilon", math.inf),
    ],
)
def test_refused_values(cls, argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be"):
        cls(**{argument: value})


def test_unknown_arguments_name_the_nearest():
    with pytest.raises(TypeError, match=r"SGD has no argument 'momentun'. Did you mean 'momentum'"):
        SGD(momentun=0.9)
    with pytest.raises(TypeError, match="Did you mean 'learning_rate'"):
        Adam(learning_rat=1)
    with pytest.raises(TypeError, match="Did you mean 'epsilon'"):
        RMSprop(epsilom=1)


def test_names():
    assert type(optimizers.get("RMSprop")) is type(optimizers.get(RMSprop)) is RMSprop
    optimizer = SGD()
    assert optimizers.get(optimizer) is optimizer
    with pytest.raises(ValueError, match="Did you mean 'adam'"):
        optimizers.get("adan")
    with pytest.raises(ValueError, match="Unknown optimizer None"):
        optimizers.get(None)


@pytest.mark.parametrize(
    "optimizer", [SGD(0.1, momentum=0.9), RMSprop(0.1), Adam(0.1)], ids=CLASSES
)
def test_another_model_s_parameters_are_refused(optimizer):
    optimizer.step([np.zeros(2), np.zeros(3)], [np.ones(2), np.ones(3)])
    p = np.zeros(2)
    with pytest.raises(ShapeError, match="new optimizer for each model"):
        optimizer.step([p], [np.ones(2)])
    equal(p, [0, 0])


@every_optimizer
def test_no_parameters(name):
    optimizer = CLASSES[name](0.1)
    optimizer.step([], [])
    assert optimizer.iterations == 1


def test_an_optimizer_of_ones_own():
    class Signs(Optimizer):
        def __init__(self, learning_rate=0.5, **kwargs):
            super().__init__(learning_rate, **kwargs)

        def update(self, p, g, *slots):
            p -= self.current_rate() * np.sign(g)

    p, optimizer = np.zeros(2), Signs(decay=1.0)
    for _ in range(2):
        optimizer.step([p], [np.array([3.0, -3.0])])
    equal(p, [-0.75, 0.75])
    assert optimizers.get(optimizer) is optimizer
    assert Signs.from_config(optimizer.get_config()).decay == 1.0
