"""What PyTorch and Keras compute, recorded by vectors/make.py, on both engines and in both types.

A sum of k terms is off by at most k * u times the sum of their absolute values, u being half a unit
in the last place; the bounds below are that, with the few roundings more that an operation has.
Where PyTorch or Keras is installed the records are made anew and compared, and PyTorch is asked for
random convolutions and poolings besides.
"""

from pathlib import Path

import numpy as np
import oracles
import pytest
from engine.strategies import Dot, Watch
from hypothesis import given
from hypothesis import strategies as st
from vectors import make
from vectors.convention import epsilon_stands_inside

from numcnn import losses, optimizers
from numcnn.layers import Activation, Conv2D, Dense, Flatten, Input, MaxPool2D
from numcnn.models import Sequential

FOLDER = Path(make.__file__).parent
LIBRARIES = {name: make.read(FOLDER / f"{name}.npz") for name in ("torch", "keras")}
U = {"float32": 2.0**-24 + 2.0**-53, "float64": 2.0**-52}  # ours and theirs
ENGINES = ["numpy", "numba"]
types = pytest.mark.parametrize("dtype", U)
engines = pytest.mark.parametrize("engine", ENGINES)


def cases(*kinds):
    """Parametrise a test with the records of some kinds, of both libraries."""
    found = [
        pytest.param(config, arrays, id=f"{library}: {name}")
        for library, (_, records) in LIBRARIES.items()
        for name, (kind, config, arrays) in records.items()
        if kind in kinds
    ]
    assert found
    return pytest.mark.parametrize(("config", "a"), found)


def assert_within(found, expected, bound, what=""):
    assert found.shape == expected.shape, what
    excess = np.abs(found.astype("float64") - expected) - bound
    assert (excess <= 0).all(), (what, float(excess.max()), float(np.max(bound)))


def run(layers, loss, engine, dtype, x, y, weights=()):
    """Return (losses, outputs, dx, gradients in the order of the weights) of one batch."""
    watch = Watch(input_shape=x.shape[1:], dtype=dtype)
    model = Sequential([watch, *layers])
    model.compile("sgd", loss, engine=engine)
    model.set_weights(weights)
    values, outputs = model.engine.gradients(x.astype(dtype), y)
    grads = [layer.grads[name].copy() for layer in model.layers for name in layer.params]
    assert outputs.dtype == watch.seen.dtype == dtype
    return values, outputs, watch.seen, grads


def layer_for(kind, config, a, dtype):
    if kind == "conv2d":
        *kernel, _, filters = a["w"].shape
        return Conv2D(filters, kernel, **config, dtype=dtype)
    if kind == "max_pool2d":
        return MaxPool2D(**config, dtype=dtype)
    if kind == "dense":
        return Dense(a["w"].shape[1], dtype=dtype)
    return Activation(**config, dtype=dtype)


def bounds(kind, config, a):
    """Return, in units of u, how far rounding can carry y and each gradient."""
    size = {key: np.abs(array) for key, array in a.items()}
    if kind == "max_pool2d":
        pool = config["pool_size"]
        how = (pool, config.get("strides", pool), config.get("padding", "valid"))
        paid = oracles.maxpool2d_backward(a["x"], size["dy"], oracles.maxpool2d(a["x"], *how)[1])
        return {"y": 0, "dx": np.prod(pool) * paid}
    if kind == "activation":
        if config["activation"] == "relu":
            return {"y": 0, "dx": 0}
        # exp carries an error of u in its argument on as |x| * u.
        y, growth = size["y"], 16 * (1 + size["x"].max())
        mean = (size["dy"] * y).sum(axis=-1, keepdims=True)
        slope = y * (size["dy"] + mean) if config["activation"] == "softmax" else size["dy"]
        return {"y": growth * y, "dx": growth * slope}
    x, w, b, dy = (size[key] for key in ("x", "w", "b", "dy"))
    if kind == "dense":
        sums = (oracles.dense(x, w, b), *oracles.dense_backward(x, w, dy))
        terms = w.shape[0] + 1, w.shape[1], len(x), len(x)
    else:
        how = [tuple(config.get(k, (1, 1))) for k in ("strides", "dilation_rate")]
        how.insert(1, config.get("padding", "valid"))
        sums = (oracles.conv2d(x, w, b, *how), *oracles.conv2d_backward(x, w, dy, *how))
        outputs = dy[..., 0].size
        terms = w[..., 0].size + 1, w[:, :, 0].size, outputs, outputs
    return {
        key: (n + 1) * total
        for key, n, total in zip(("y", "dx", "dw", "db"), terms, sums, strict=True)
    }


@types
@engines
@cases("conv2d")
def test_conv2d(config, a, engine, dtype):
    check_layer("conv2d", config, a, engine, dtype)


@types
@engines
@cases("max_pool2d")
def test_max_pool2d(config, a, engine, dtype):
    check_layer("max_pool2d", config, a, engine, dtype)


@types
@engines
@cases("dense")
def test_dense(config, a, engine, dtype):
    check_layer("dense", config, a, engine, dtype)


@types
@engines
@cases("activation")
def test_activations(config, a, engine, dtype):
    check_layer("activation", config, a, engine, dtype)


def check_layer(kind, config, a, engine, dtype):
    layer = layer_for(kind, config, a, dtype)
    weights = [a[name] for name in ("w", "b") if name in a]
    _, y, dx, grads = run([layer], Dot(), engine, dtype, a["x"], a["dy"], weights)
    bound = bounds(kind, config, a)
    found = {"y": y, "dx": dx, **dict(zip(("dw", "db"), grads, strict=False))}
    assert found.keys() == bound.keys()
    for name, array in found.items():
        assert_within(array, a[name], U[dtype] * bound[name], name)


@types
@engines
@cases("loss")
def test_losses(config, a, engine, dtype):
    """From scores the network ends in the activation, which both engines join with the loss."""
    loss = losses.get(config["loss"])
    ending = [Activation(loss.activation, dtype=dtype)] if config["from_logits"] else []
    y = a["y"].astype("int64") if config["loss"].startswith("sparse") else a["y"]
    values, _, dp, _ = run(ending, loss, engine, dtype, a["p"], y)
    z = np.abs(a["p"])
    growth = 32 * (1 + z.max()) * U[dtype]
    assert_within(values.mean(), a["value"], growth * (1 + np.abs(a["value"])))
    # 1 / p in the gradient from probabilities makes its own size the measure.
    assert_within(dp, a["dp"], growth * (np.abs(a["dp"]) + 1 / len(z)))


def is_ours(config, library):
    """Return whether the library has RMSprop's epsilon where it stands here."""
    return config["name"] != "rmsprop" or epsilon_stands_inside() == (library == "keras")


def optimizer_for(config):
    arguments = {key: value for key, value in config.items() if key != "name"}
    known = {"rmsprop": optimizers.RMSprop, "adam": optimizers.Adam}
    return known.get(config["name"], optimizers.SGD)(**arguments)


def moved(config, a, engine, dtype):
    """Return the parameter after each step, as the only weight of a network whose dw is g."""
    n = a["start"].size
    model = Sequential([Dense(1, use_bias=False, input_shape=(n,), dtype=dtype)])
    model.compile(optimizer_for(config), Dot(), engine=engine)
    model.set_weights([a["start"][:, None]])
    path = []
    for g in a["g"]:
        model.engine.gradients(np.eye(n, dtype=dtype), g[:, None].astype(dtype))
        model.engine.update()
        path.append(model.get_weights()[0][:, 0])
    return np.array(path)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", make.OPTIMIZERS)
@types
@engines
def test_five_steps_of_an_optimizer(library, name, engine, dtype):
    _, config, a = LIBRARIES[library][1][f"{name} steps"]
    path = moved(config, a, engine, dtype)
    way = np.abs(np.diff(np.vstack([a["start"], a["p"]]), axis=0)).cumsum(axis=0)
    if is_ours(config, library):
        steps = np.arange(1, make.STEPS + 1)[:, None]
        assert_within(path, a["p"], 8 * steps * U[dtype] * (np.abs(a["start"]) + way))
    else:
        assert np.abs(path - a["p"]).max() > 1e-4


def net(config, weights, optimizer, engine, dtype, first=None):
    (hidden, classes), shape = config["units"], (9, 8, 2)
    model = Sequential(
        [
            first or Input(shape=shape),
            Conv2D(config["filters"], config["kernel_size"], activation="relu", dtype=dtype),
            MaxPool2D(2, dtype=dtype),
            Flatten(dtype=dtype),
            Dense(hidden, activation="relu", dtype=dtype),
            Dense(classes, activation="softmax", dtype=dtype),
        ]
    )
    model.compile(optimizer, "categorical_crossentropy", engine=engine)
    model.set_weights(weights)
    return model


def in_order(a, letter):
    return [a[f"{letter}{i}"] for i in range(6)]


def batch(config, a, weights, engine, dtype):
    first = Watch(input_shape=a["x"].shape[1:], dtype=dtype)
    model = net(config, weights, "sgd", engine, dtype, first)
    values, p = model.engine.gradients(a["x"].astype(dtype), a["y"])
    grads = [layer.grads[name].copy() for layer in model.layers for name in layer.params]
    return [values.mean(), p, *grads]


@types
@engines
@cases("net")
def test_a_network_and_all_its_gradients(config, a, engine, dtype):
    """Allowed: 60 times what u in every number, and u in every weight, makes of the results."""
    weights, expected = in_order(a, "w"), [a["value"], a["p"], *in_order(a, "g")]
    rng, step = np.random.default_rng(0), 1e-9
    shaken = [w * (1 + step * rng.choice([-1, 1], w.shape)) for w in weights]
    far = batch(config, a, shaken, "numpy", "float64")
    for found, one, other in zip(
        batch(config, a, weights, engine, dtype), expected, far, strict=True
    ):
        size = np.abs(one).max() + np.abs(other - one).max() / step
        assert_within(np.asarray(found), one, 60 * U[dtype] * size)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", make.OPTIMIZERS)
@types
@engines
def test_five_steps_of_fit(library, name, engine, dtype):
    """In float32 1e-5 per step: each weight may move by its own rounding, and all follow."""
    records = LIBRARIES[library][1]
    (_, shape, start), (_, config, a) = records["net"], records[f"fit {name}"]
    model = net(shape, in_order(start, "w"), optimizer_for(config), engine, dtype)
    x, size = start["x"].astype(dtype), shape["batch_size"]
    history = model.fit(x, start["y"], batch_size=size, shuffle=False, verbose=0)
    assert model.optimizer.iterations == make.STEPS
    tolerance = make.STEPS * (1e-5 if dtype == "float32" else 1e-13)
    if is_ours(config, library):
        assert abs(history.history["loss"][0] - a["loss"]) <= tolerance * a["loss"]
        for w, expected in zip(model.get_weights(), in_order(a, "w"), strict=True):
            assert_within(w, expected, tolerance * np.abs(expected).max())
    else:
        differences = zip(model.get_weights(), in_order(a, "w"), strict=True)
        assert max(np.abs(w - v).max() for w, v in differences) > 1e-4


def test_the_records_say_what_made_them_and_are_small():
    for name, (versions, records) in LIBRARIES.items():
        assert versions[name].count(".") >= 1
        assert {kind for kind, *_ in records.values()} == {
            "conv2d", "max_pool2d", "dense", "activation", "loss", "optimizer", "net", "fit",
        }  # fmt: skip
    assert sum(file.stat().st_size for file in FOLDER.glob("*.npz")) < 400_000


# ---- where the libraries are installed ----


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_records_are_what_the_script_makes(library, tmp_path):
    pytest.importorskip("torch" if library == "torch" else "tensorflow")
    getattr(make, f"make_{library}")(tmp_path / "new.npz")
    _, again = make.read(tmp_path / "new.npz")
    records = LIBRARIES[library][1]
    assert again.keys() == records.keys()
    for name, (_, config, arrays) in records.items():
        assert again[name][1] == config
        for key, array in arrays.items():
            np.testing.assert_allclose(again[name][2][key], array, rtol=1e-10, atol=1e-12)


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@types
@engines
@given(kernel=pairs, strides=pairs, dilation=pairs, more=pairs, seed=st.integers(0, 2**32 - 1))
def test_random_convolutions_and_poolings_equal_those_of_pytorch(
    engine, dtype, kernel, strides, dilation, more, seed
):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    n, c, f = rng.integers(1, 5, 3)
    reach = [d * (k - 1) + m for d, k, m in zip(dilation, kernel, more, strict=True)]
    x = make.numbers(rng, n, *reach, c)
    w, b = make.numbers(rng, *kernel, c, f), make.numbers(rng, f)
    ties = rng.integers(-1, 2, x.shape).astype(float)
    pool = tuple(min(k, r) for k, r in zip(kernel, reach, strict=True))
    functional = torch.nn.functional
    for kind, config, a in [
        ("conv2d", {"strides": strides, "dilation_rate": dilation}, {"x": x, "w": w, "b": b}),
        ("max_pool2d", {"pool_size": pool, "strides": strides}, {"x": ties}),
    ]:
        leaves = [torch.tensor(array, requires_grad=True) for array in a.values()]
        image = leaves[0].permute(0, 3, 1, 2)
        if kind == "conv2d":
            filters = leaves[1].permute(3, 2, 0, 1)
            y = functional.conv2d(image, filters, leaves[2], strides, 0, dilation)
        else:
            y = functional.max_pool2d(image, pool, strides)
        y = y.permute(0, 2, 3, 1)
        dy = make.numbers(rng, *y.shape)
        y.backward(torch.tensor(dy))
        slopes = {f"d{key}": t.grad.numpy() for key, t in zip(a, leaves, strict=True)}
        check_layer(kind, config, {**a, "y": y.detach().numpy(), "dy": dy, **slopes}, engine, dtype)
