"""Properties of training: the steps of optimizers, whole networks, and that they learn.

P17, P18, P19 and P31 of the catalogue, on both engines. What a single layer must satisfy stands in
tests/layers, what PyTorch and Keras compute in tests/test_vectors.py.
"""

import numpy as np
import pytest
from engine.strategies import OTHERS, ROUNDING, Dot, Watch, nets
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from properties.plain_net import PlainNet
from small_nets import SHAPE, images
from vectors.convention import epsilon_stands_inside

from numcnn.engine.update import Update
from numcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D
from numcnn.models import Sequential
from numcnn.optimizers import SGD, Adam, RMSprop
from numcnn.utils import set_random_seed

ENGINES = ["numpy", "numba"]
engines = pytest.mark.parametrize("engine", ENGINES)
U = {"float32": 2.0**-24, "float64": 2.0**-53}  # half a unit in the last place of 1
dtypes = st.sampled_from(list(U))
seeds = st.integers(0, 2**32 - 1)
shares = st.sampled_from([0.0, 0.5, 0.9, 0.99])
rates = st.floats(1e-4, 1.0)
epsilons = st.sampled_from([1e-7, 1e-3])
decays = st.sampled_from([0.0, 0.1])
SETTINGS = {
    "sgd": {"lr": rates, "decay": decays},
    "momentum": {"lr": rates, "momentum": st.sampled_from([0.5, 0.9])},
    "nesterov": {"lr": rates, "momentum": st.sampled_from([0.5, 0.9]), "nesterov": st.just(True)},
    "rmsprop": {"lr": rates, "rho": shares, "epsilon": epsilons, "decay": decays},
    "adam": {"lr": rates, "beta_1": shares, "beta_2": shares, "epsilon": epsilons},
}
CLASSES = {"sgd": SGD, "momentum": SGD, "nesterov": SGD, "rmsprop": RMSprop, "adam": Adam}
every_optimizer = pytest.mark.parametrize("name", SETTINGS)


class Mover:
    """A network of one weight per input, whose gradient is whatever is given as the target."""

    def __init__(self, start, optimizer, engine, dtype):
        n = len(start)
        self.model = Sequential([Dense(1, use_bias=False, input_shape=(n,), dtype=dtype)])
        self.model.compile(optimizer, Dot(), engine=engine)
        self.model.set_weights([start[:, None]])
        self.optimizer, self.dtype = optimizer, dtype
        self.x = np.eye(n, dtype=dtype)

    def step(self, g):
        self.model.engine.gradients(self.x, g[:, None].astype(self.dtype))
        self.model.engine.update()

    def state(self):
        """Return the weight and each slot, as they are now, in the widest type there is."""
        slots = [self.optimizer.slots.get(name, []) for name in self.optimizer.slot_names]
        arrays = [self.model.get_weights()[0], *(s[0] if s else np.zeros(1) for s in slots)]
        return [a.astype(np.longdouble).ravel() for a in arrays]


def one_step(optimizer, t, g, p, slots):
    """Return (expected p and slots, the sizes that their roundings are measured by) of step t."""
    wide = np.longdouble
    lr = wide(optimizer.learning_rate) / (1 + wide(optimizer.decay) * (t - 1))
    if isinstance(optimizer, SGD):
        if not slots:
            return [p - lr * g], [abs(p) + abs(lr * g)]
        m = wide(optimizer.momentum)
        v, size = m * slots[0] - lr * g, abs(m * slots[0]) + abs(lr * g)
        step = m * v - lr * g if optimizer.nesterov else v
        return [p + step, v], [abs(p) + size + abs(lr * g), size]
    rho = wide(optimizer.rho if isinstance(optimizer, RMSprop) else optimizer.beta_2)
    v = rho * slots[-1] + (1 - rho) * g**2
    if isinstance(optimizer, RMSprop):
        e = wide(optimizer.epsilon)
        divisor = np.sqrt(v + e) if epsilon_stands_inside() else np.sqrt(v) + e
        return [p - lr * g / divisor, v], [abs(p) + abs(lr * g) / divisor, v]
    b = wide(optimizer.beta_1)
    m, size = b * slots[0] + (1 - b) * g, abs(b * slots[0]) + abs((1 - b) * g)
    divisor = np.sqrt(v) + wide(optimizer.epsilon)
    lr_t = lr * np.sqrt(1 - rho**t) / (1 - b**t)
    # 1 - beta**t is computed in float64 and loses what cancels.
    lost = 2 * (1 / (1 - rho**t) + 1 / (1 - b**t)) * U["float64"]
    factor = 1 + lost / U["float32" if p.dtype == "float32" else "float64"]
    return [p - lr_t * m / divisor, m, v], [abs(p) + factor * lr_t * size / divisor, size, v]


# ---- P17: optimizers against a wider type, and against closed forms ----


@engines
@every_optimizer
@settings(max_examples=8)
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_each_of_fifty_steps_is_right_to_four_ulp(engine, name, data, dtype, seed):
    """Each step starts from the state as it is, so nothing adds up and nothing averages out."""
    optimizer = CLASSES[name](**data.draw(st.fixed_dictionaries(SETTINGS[name])))
    rng = np.random.default_rng(seed)
    mover = Mover(rng.normal(size=37), optimizer, engine, dtype)
    sizes = 10.0 ** rng.integers(-4, 3, 37)
    before = mover.state()
    for t in range(1, 51):
        g = (sizes * rng.normal(size=37)).astype(dtype)
        g[rng.random(37) < 0.1] = 0
        mover.step(g)
        expected, scales = one_step(optimizer, t, g.astype(np.longdouble), before[0], before[1:])
        found = mover.state()
        for now, right, scale in zip(found, expected, scales, strict=True):
            assert (abs(now - right) <= 4 * 2 * U[dtype] * scale).all(), (t, name)
        before = found


@engines
@given(st.integers(1, 60), st.floats(0.1, 10), st.sampled_from([0.5, 0.9, 0.99]), rates, seeds)
def test_a_constant_gradient_has_a_closed_form(engine, steps, g, m, lr, seed):
    start = np.random.default_rng(seed).normal(size=3)
    t = np.arange(1, steps + 1)
    velocity = -lr * g * (1 - m**t) / (1 - m)
    root = np.sqrt((1 - m**t) * g**2 + (1e-7 if epsilon_stands_inside() else 0))
    walks = {
        "sgd": (SGD(lr), np.full(steps, -lr * g)),
        "momentum": (SGD(lr, momentum=m), velocity),
        "nesterov": (SGD(lr, momentum=m, nesterov=True), m * velocity - lr * g),
        "rmsprop": (
            RMSprop(lr, rho=m),
            -lr * g / (root if epsilon_stands_inside() else root + 1e-7),
        ),
        "adam": (  # both means are corrected to g and g**2
            Adam(lr, beta_1=m, beta_2=0.75),
            -lr * g / (g + 1e-7 / np.sqrt(1 - 0.75**t)),
        ),
    }
    for name, (optimizer, walk) in walks.items():
        mover = Mover(start, optimizer, engine, "float64")
        for _ in range(steps):
            mover.step(np.full(3, g))
        p, *slots = mover.state()
        tolerance = 1e-12 * (1 + steps * np.abs(walk).max())
        np.testing.assert_allclose(p, start + walk.sum(), rtol=0, atol=tolerance, err_msg=name)
        memory = {"momentum": velocity, "nesterov": velocity, "rmsprop": (1 - m**t) * g**2}
        if name in memory:
            np.testing.assert_allclose(slots[0], memory[name][-1], rtol=1e-11, err_msg=name)


def test_where_epsilon_stands_is_written_down():
    """The formula before the notes is the one that is computed."""
    formula = RMSprop.__doc__.split("Args:")[0]
    inside, outside = "sqrt(v + epsilon)" in formula, "(sqrt(v) + epsilon)" in formula
    assert inside != outside
    assert inside == epsilon_stands_inside()
    for optimizer_inside in (True, False):
        divisor = np.sqrt(4 + 1.0) if optimizer_inside else np.sqrt(4) + 1
        p = np.zeros(1)
        RMSprop(1.0, rho=0.0, epsilon=1.0).step([p], [np.array([2.0])])
        assert (abs(p[0] + 2 / divisor) < 1e-12) == (optimizer_inside == inside)


# ---- P18: one long buffer or many arrays ----


@every_optimizer
@settings(max_examples=10)
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_the_kernels_treat_every_number_alike(name, data, dtype, seed):
    """Bit for bit the same wherever the buffer is cut: at no edge does the loop count otherwise."""
    arguments = data.draw(st.fixed_dictionaries(SETTINGS[name]))
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 200))
    cuts = np.unique(rng.integers(0, size + 1, 4))
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, size], strict=True) if a < b]
    optimizer = CLASSES[name](**arguments)
    n_slots = len(optimizer.slot_names)
    whole = [rng.normal(size=size).astype(dtype), np.zeros(size, dtype)]
    whole += [np.zeros(size, dtype) for _ in range(n_slots)]
    apart = [[a[piece].copy() for a in whole] for piece in pieces]
    for _ in range(3):
        g = (rng.normal(size=size) * 10.0 ** rng.integers(-3, 3, size)).astype(dtype)
        whole[1][:] = g
        Update(optimizer, whole).run()
        for piece, arrays in zip(pieces, apart, strict=True):
            arrays[1][:] = g[piece]
            Update(optimizer, arrays).run()
        optimizer.iterations += 1
    for k, array in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([arrays[k] for arrays in apart]), array)


@every_optimizer
@settings(max_examples=5)
@given(data=st.data(), dtype=dtypes, seed=seeds)
def test_the_engine_s_buffer_is_each_parameter_by_itself(name, data, dtype, seed):
    arguments = data.draw(st.fixed_dictionaries(SETTINGS[name]))
    rng = np.random.default_rng(seed)
    layers = [Dense(n, dtype=dtype) for n in rng.integers(1, 40, 3)]
    model = Sequential([Watch(input_shape=(7,), dtype=dtype), *layers])
    model.compile(CLASSES[name](**arguments), "mse", engine="numba")
    model.set_weights([rng.normal(size=w.shape) / 4 for w in model.get_weights()])
    alone = CLASSES[name](**arguments)
    states = [[p, np.zeros_like(p)] for p in model.get_weights()]
    states = [[*s, *(np.zeros_like(s[0]) for _ in alone.slot_names)] for s in states]
    x, y = rng.normal(size=(5, 7)).astype(dtype), rng.normal(size=(5, layers[-1].units))
    for _ in range(3):
        model.engine.gradients(x, y)
        grads = [layer.grads[key] for layer in model.layers for key in layer.params]
        assume(all(np.abs(g).max() < 1e6 for g in grads))
        for state, g in zip(states, grads, strict=True):
            state[1][...] = g
            Update(alone, [a.reshape(-1) for a in state]).run()
        alone.iterations += 1
        model.engine.update()
    for i, (state, p) in enumerate(zip(states, model.get_weights(), strict=True)):
        np.testing.assert_array_equal(state[0], p)
        for slot, key in zip(state[2:], alone.slot_names, strict=True):
            np.testing.assert_array_equal(slot, model.optimizer.slots[key][i])


# ---- P19: whole networks against the complex step ----

STEP, ENTRIES = 1e-30, 6


@st.composite
def nets_with_dropout(draw):
    """Return a network, in three of four cases with a Dropout more than chance puts there."""
    net = draw(nets(6))
    if draw(st.integers(0, 3)):
        above_the_samples = int(net.specs[0][0] is Watch)
        place = draw(st.integers(above_the_samples, max(above_the_samples, len(net.specs) - 2)))
        rate = {"rate": draw(st.sampled_from([0.25, 0.5])), "seed": draw(st.integers(0, 99))}
        net.specs.insert(place, (Dropout, rate))
    return net


patient = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@patient
@given(nets_with_dropout(), st.integers(0, 3))
def test_gradients_of_any_network_are_those_of_the_complex_step(net, step):
    assert_gradients_are_those_of_the_complex_step(net, step)


@pytest.mark.parametrize("kind", OTHERS + ROUNDING)
@settings(patient, max_examples=settings().max_examples // 4)
@given(data=st.data())
def test_so_are_those_through_every_kind_of_layer(kind, data):
    assert_gradients_are_those_of_the_complex_step(data.draw(nets(kind=kind)), step=1)


def assert_gradients_are_those_of_the_complex_step(net, step):
    """Of each array a few entries, and a direction that all entries take part in."""
    net.n = min(net.n, 3)
    x, y = net.data()
    plain, rng = PlainNet(net, step), np.random.default_rng(net.seed)
    found = []
    for engine in ENGINES:
        model = net.model(engine, "float64")
        for layer in model.layers:
            layer.step = step  # only Dropout reads it
        losses, _ = model.engine.gradients(x.copy(), y)
        grads = {("x",): model.layers[0].seen} if isinstance(model.layers[0], Watch) else {}
        for k, layer in enumerate(model.layers):
            for i, name in enumerate(layer.params if layer.trainable else ()):
                grads[k, i] = layer.grads[name].copy()
        found.append((losses.mean(), grads))
    params = [[p.copy() for p in layer.named_weights().values()] for layer in model.layers]
    loss = plain.loss(x, y, params)
    assume(plain.nearest_kink > 1e-9)

    def slope(place, direction):
        """Return the derivative of the loss along a direction in one array."""
        moved = [list(p) for p in params]
        if place == ("x",):
            return plain.loss(x + 1j * STEP * direction, y, moved).imag / STEP
        k, i = place
        moved[k][i] = moved[k][i] + 1j * STEP * direction
        return plain.loss(x, y, moved).imag / STEP

    for mean, grads in found:
        assert abs(mean - loss) <= 1e-11 * (1 + abs(loss))
        assert grads.keys() == found[0][1].keys()
    for place, first in found[0][1].items():
        directions = [rng.normal(size=first.shape)]
        for at in rng.choice(first.size, min(ENTRIES, first.size), replace=False):
            directions.append((np.arange(first.size) == at).reshape(first.shape).astype(float))
        for direction in directions:
            expected = slope(place, direction)
            for engine, (_, grads) in zip(ENGINES, found, strict=True):
                size = (np.abs(grads[place]) * np.abs(direction)).sum() + np.abs(first).max()
                error = abs((grads[place] * direction).sum() - expected)
                assert error <= 1e-10 * size + 1e-14, (engine, place, error, size)


# ---- P31: sanity ----


def digits(optimizer, engine, seed):
    set_random_seed(seed)
    model = Sequential(
        [
            Conv2D(4, 3, activation="relu", input_shape=SHAPE),
            MaxPool2D(2),
            Flatten(),
            Dense(32, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"], engine=engine)
    return model


@engines
@settings(max_examples=10)
@given(seeds)
def test_the_loss_begins_at_ln_10(engine, seed):
    x, _, _ = images(200, seed)
    loss, accuracy = digits("sgd", engine, seed).evaluate(0.2 * x, np.arange(200) % 10, verbose=0)
    assert loss == pytest.approx(np.log(10), rel=0.05)
    assert accuracy < 0.35


@engines
@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(0.5),
        lambda: SGD(0.1, momentum=0.9),
        lambda: SGD(0.1, momentum=0.9, nesterov=True),
        lambda: RMSprop(0.005),
        lambda: Adam(0.01),
    ],
    ids=["sgd", "momentum", "nesterov", "rmsprop", "adam"],
)
def test_every_optimizer_learns_twenty_samples_by_heart(engine, make):
    x, _, _ = images(20, 1)
    labels = np.random.default_rng(1).integers(0, 10, 20)
    model = digits(make(), engine, 0)
    for _ in range(10):
        model.fit(2 * x - 1, labels, epochs=100, batch_size=20, verbose=0)
        loss, accuracy = model.evaluate(2 * x - 1, labels, verbose=0)
        if loss < 1e-3:
            break
    assert loss < 1e-3
    assert accuracy == 1


@engines
@pytest.mark.parametrize("ending", ["sigmoid", "softmax"])
def test_two_classes_that_a_line_parts_are_told_apart(engine, ending):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 2))
    x += 2 * np.sign(x.sum(axis=1, keepdims=True))
    y = (x.sum(axis=1) > 0).astype(int)
    units, loss = (1, "binary") if ending == "sigmoid" else (2, "sparse_categorical")
    set_random_seed(5)
    model = Sequential([Dense(units, activation=ending, input_shape=(2,))])
    model.compile(Adam(0.1), f"{loss}_crossentropy", ["accuracy"], engine=engine)
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] == 1
