"""Optimizers against one number at a time in plain Python."""

import math

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import cnn, images

from numcnn import backend, optimizers
from numcnn.errors import DTypeError, ShapeError
from numcnn.optimizers import SGD, Adam, Nadam, Optimizer, RMSprop

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
seeds = st.integers(0, 2**32 - 1)
rates = st.floats(1e-5, 1.0)
shares = st.floats(0, 0.999)
decays = st.sampled_from([0.0, 0.01, 1.0])
epsilons = st.floats(1e-8, 1e-2)

MOMENTS = {"lr": rates, "beta_1": shares, "beta_2": shares, "epsilon": epsilons, "decay": decays}
SETTINGS = {
    "SGD": st.fixed_dictionaries(
        {"lr": rates, "momentum": shares, "nesterov": st.booleans(), "decay": decays}
    ),
    "RMSprop": st.fixed_dictionaries(
        {
            "lr": rates,
            "rho": shares,
            "momentum": st.sampled_from([0.0, 0.5]),
            "epsilon": epsilons,
            "decay": decays,
        }
    ),
    "Adam": st.fixed_dictionaries({**MOMENTS, "amsgrad": st.booleans()}),
    "AdamW": st.fixed_dictionaries({**MOMENTS, "weight_decay": shares}),
    "Adagrad": st.fixed_dictionaries(
        {
            "lr": rates,
            "initial_accumulator_value": st.floats(0, 1),
            "epsilon": epsilons,
            "decay": decays,
        }
    ),
    "Adadelta": st.fixed_dictionaries(
        {"lr": rates, "rho": shares, "epsilon": epsilons, "decay": decays}
    ),
    "Adamax": st.fixed_dictionaries(MOMENTS),
    "Nadam": st.fixed_dictionaries(MOMENTS),
}
CLASSES = {name: getattr(optimizers, name) for name in SETTINGS}
ORACLES = {name: getattr(oracles, name.lower()) for name in SETTINGS if name != "AdamW"}
ORACLES["AdamW"] = oracles.adam
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


@given(seed=seeds, rho=st.floats(0.5, 0.99), momentum=st.sampled_from([0.0, 0.75]))
def test_rmsprop_centered_equals_the_oracle(seed, rho, momentum):
    """A test of its own, since v - m**2 cancels: what is left of it holds fewer digits."""
    rng = np.random.default_rng(seed)
    start, gradients = rng.normal(), rng.normal(size=20)
    settings = {"lr": 0.1, "rho": rho, "momentum": momentum, "epsilon": 1e-3, "centered": True}
    p, optimizer = np.array([start]), RMSprop(**settings)
    for g in gradients:
        optimizer.step([p], [np.array([g])])
    close(p, oracles.rmsprop(start, list(gradients), **settings), rtol=1e-9, atol=1e-9)


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
        "momentum": 0.0,
        "epsilon": 1e-7,
        "centered": False,
    }
    assert Adam().get_config() == {
        "learning_rate": 0.001,
        "decay": 0.0,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "amsgrad": False,
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
    "optimizer",
    [SGD(0.1, momentum=0.9), *(CLASSES[name](0.1) for name in CLASSES if name != "SGD")],
    ids=CLASSES,
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


# ---- clipping, shrinking weights, schedules ----


def lengths(grads):
    return [math.sqrt(sum(float(v) ** 2 for v in g.ravel())) for g in grads]


@given(seeds, st.floats(0.1, 10))
def test_clipped_gradients_are_as_long_as_allowed_and_point_where_they_did(seed, limit):
    rng = np.random.default_rng(seed)
    grads = [rng.normal(size=shape) * 10.0 ** rng.integers(-2, 3) for shape in [(2, 3), (4,), ()]]
    before = [g.copy() for g in grads]
    for found, g in zip(optimizers.clip(grads, "clipvalue", limit), grads, strict=True):
        equal(found.ravel(), [min(max(v, -limit), limit) for v in g.ravel()])
    apart = optimizers.clip(grads, "clipnorm", limit)
    close(lengths(apart), [min(length, limit) for length in lengths(grads)], rtol=1e-12)
    together = optimizers.clip(grads, "global_clipnorm", limit)
    whole = math.hypot(*lengths(grads))
    close(math.hypot(*lengths(together)), min(whole, limit), rtol=1e-12)
    for found, g in zip(together, grads, strict=True):
        close(found, g * min(1, limit / whole), rtol=1e-12)
    for g, copy in zip(grads, before, strict=True):
        equal(g, copy)


def test_zero_gradients_are_not_divided_by_their_length():
    for kind in ("clipnorm", "clipvalue", "global_clipnorm"):
        equal(optimizers.clip([np.zeros(2)], kind, 1.0)[0], [0, 0])


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize(
    "options",
    [{"clipnorm": 0.01}, {"clipvalue": 0.003}, {"global_clipnorm": 0.01}, {"weight_decay": 0.5}],
    ids=str,
)
@every_optimizer
def test_options_count_in_a_model_on_both_engines(name, options, engine):
    x, y, _ = images(4)
    model = cnn(optimizer=CLASSES[name](0.1, **options), engine=engine)
    if name == "AdamW" and "weight_decay" not in options:
        options = {**options, "weight_decay": 0.004}
    shrink = 0.1 * options.get("weight_decay", 0.0)
    twin = CLASSES["Adam" if name == "AdamW" else name](0.1)
    params = model.get_weights()
    for _ in range(3):
        model.train_on_batch(x, y)
        grads = [layer.grads[key].copy() for layer in model.layers for key in layer.params]
        for kind in options.keys() - {"weight_decay"}:
            grads = optimizers.clip(grads, kind, options[kind])
        for p in params:
            p -= shrink * p
        twin.step(params, grads)
        for found, expected in zip(model.get_weights(), params, strict=True):
            close(found, expected, rtol=1e-5, atol=1e-6)
            expected[...] = found


def test_options_are_known_and_stand_in_the_configuration():
    assert SGD().plain
    assert SGD(weight_decay=0.0).plain
    for options in (
        {"weight_decay": 0.5},
        {"clipnorm": 1.0},
        {"clipvalue": 1.0},
        {"global_clipnorm": 1.0},
        {"weight_decay": 0.5, "clipnorm": 1.0},
    ):
        assert not SGD(**options).plain
        assert SGD(**options).get_config() == SGD().get_config() | options


def test_one_way_of_clipping_and_a_positive_limit():
    with pytest.raises(ValueError, match=r"at most, got clipnorm=1 and clipvalue=2"):
        SGD(clipnorm=1, clipvalue=2)
    for kind in ("clipnorm", "clipvalue", "global_clipnorm"):
        with pytest.raises(ValueError, match=f"{kind} must be above 0"):
            SGD(**{kind: 0})
    with pytest.raises(ValueError, match="weight_decay must be at least 0"):
        Adam(weight_decay=-1)


def test_what_keras_alone_has_is_refused_unless_it_changes_nothing():
    assert (
        Adam(use_ema=False, ema_momentum=0.99, jit_compile=True).get_config() == Adam().get_config()
    )
    for wrong in ({"use_ema": True}, {"gradient_accumulation_steps": 4}):
        with pytest.raises(ValueError, match=r"of Adam is not there.*Leave it out"):
            Adam(**wrong)


def test_the_names_of_old_programs():
    assert optimizers.rmsprop(lr=1e-4, decay=1e-6).get_config()["learning_rate"] == 1e-4
    for name in ("sgd", "rmsprop", "adam", "adagrad", "adadelta", "adamax", "nadam"):
        assert getattr(optimizers, name) is optimizers.OPTIMIZERS[name]


@pytest.mark.parametrize("stop", [0, 1, 7])
def test_nadam_loaded_is_nadam_that_went_on(stop):
    p, gradients = random_steps(0)
    whole, copy = Nadam(0.1), p.copy()
    for t, g in enumerate(gradients):
        if t == stop:
            twin = Nadam.from_config(whole.get_config())
            twin.slots = {key: [a.copy() for a in arrays] for key, arrays in whole.slots.items()}
            twin.iterations, copy = whole.iterations, p.copy()
        whole.step([p], [g])
        if t >= stop:
            twin.step([copy], [g])
    equal(copy, p)
