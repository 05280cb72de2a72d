"""Properties of whole engines: what a batch leaves behind, where arrays lie, batches of nothing.

The networks are those of engine/strategies.py: any layers, any loss.
"""

import importlib
import pkgutil
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from engine.strategies import Watch, bodies, nets, output_shape, whole_nets
from hypothesis import assume, given
from hypothesis import strategies as st
from properties.rig import Rig, equal, prop

import numcnn.kernels
from numcnn import losses, testing
from numcnn.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Reshape,
    Softmax,
    SpatialDropout2D,
)

DTYPES = st.sampled_from(["float32", "float64"])
small = st.integers(1, 6)


def batch(model, x, y):
    """Return copies of all that one batch gives on the model's engine; no weight moves."""
    losses, outputs = model.engine.gradients(x.astype(model.dtype), y)
    moving = [layer for layer in model.layers if layer.trainable]
    grads = [layer.grads[name].copy() for layer in moving for name in layer.params]
    seen = [w.seen for w in model.layers if isinstance(w, Watch) and hasattr(w, "seen")]
    return [losses.copy(), outputs.copy(), *grads, *seen]


def all_equal(found, expected):
    for a, b in zip(found, expected, strict=True):
        equal(a, b, strict=True)


@prop(net=nets(3), dtype=DTYPES, other=small)
def test_gradients_belong_to_their_batch(engine, net, dtype, other):
    """P20: the same batch gives the same bits, whatever came before it."""
    x, y = net.data()
    expected = batch(net.model(engine, dtype), x, y)
    model = net.model(engine, dtype)
    batch(model, 1 - x[::-1], y)
    all_equal(batch(model, x, y), expected)
    all_equal(batch(model, x, y), expected)
    batch(model, *net.data(other))
    model.predict(net.data(other)[0], verbose=0)
    all_equal(batch(model, x, y), expected)


@prop(net=nets(3), dtype=DTYPES, first=st.sampled_from([[], [(ReLU, {})]]))
def test_nothing_given_is_written_and_nothing_returned_is_shared(engine, net, dtype, first):
    """P21: x, y and weights keep their numbers; results share memory with nothing."""
    net = replace(net, specs=first + net.specs)
    model = net.model(engine, dtype)
    x, y = (a.copy() for a in net.data())
    x = x.astype(dtype)
    before = x.copy(), y.copy(), model.get_weights()
    x.flags.writeable = y.flags.writeable = False
    losses, outputs = model.engine.gradients(x, y)
    returned = {"losses": losses, "outputs": outputs, "predicted": model.predict(x, verbose=0)}
    equal(x, before[0])
    equal(y, before[1])
    all_equal(model.get_weights(), before[2])
    owned = {"x": x, "y": y}
    for layer in model.layers:
        owned |= {f"{layer.name}/{k}": p for k, p in layer.params.items()}
        owned |= {f"{layer.name}/d{k}": g for k, g in layer.grads.items()}
    for name, array in returned.items():
        for other, taken in (owned | returned).items():
            assert name == other or not np.shares_memory(array, taken), (name, other)
    kept = [array.copy() for array in returned.values()]
    model.engine.gradients(1 - x[::-1], y)
    model.predict(1 - x, verbose=0)
    all_equal(returned.values(), kept)


@contextmanager
def nan_in_new_arrays():
    """What NumPy makes without writing into it holds NaN, and not whatever lay there before."""

    def filled(make):
        def made(*args, **kwargs):
            array = make(*args, **kwargs)
            array.fill(np.nan if array.dtype.kind in "fc" else 99)
            return array

        return made

    with (
        patch.object(np, "empty", filled(np.empty)),
        patch.object(np, "empty_like", filled(np.empty_like)),
    ):
        yield


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@given(net=nets(3), dtype=DTYPES)
def test_nothing_is_read_that_was_not_written(engine, net, dtype):
    """P13: with NaN in every new array, a network gives the same bits."""
    x, y = net.data()
    runs = []
    for memory in (nullcontext, nan_in_new_arrays):
        with memory():
            model = net.model(engine, dtype)
            runs.append([*batch(model, x, y), model.predict(x, verbose=0)])
    all_equal(*runs)


def kernels():
    """All compiled functions of numcnn."""
    names = [m.name for m in pkgutil.iter_modules(numcnn.kernels.__path__)]
    modules = [importlib.import_module(f"numcnn.kernels.{name}") for name in names]
    found = [v for module in modules for v in vars(module).values()]
    return {id(k): k for k in found if hasattr(k, "signatures")}.values()


@prop(
    net=nets(2),
    layout=st.sampled_from(sorted(testing.LAYOUTS)),
    dtype=st.sampled_from(["uint8", "float32", "float64"]),
)
def test_layout_and_type_of_the_input_do_not_matter(engine, net, layout, dtype):
    """P22: x in any layout and type gives the bits of its plain float32 copy; nothing compiles."""
    x, y = net.data()
    assume(x.ndim > 1)
    x = np.round(16 * np.abs(x)).astype(dtype) if dtype == "uint8" else x.astype(dtype)
    x = testing.in_layout(x, layout)
    y = testing.in_layout(y, layout)
    runs, counts = [], []
    for a, b in [(np.array(x, "float32", order="C"), np.array(y, order="C")), (x, y)]:
        model = net.model(engine, "float32")
        with np.errstate(over="ignore", invalid="ignore"):
            predicted = model.predict(a, batch_size=3, verbose=0)
            loss = model.evaluate(a, b, batch_size=3, verbose=0)
            found = model.engine.gradients(a, b)
        moving = [layer for layer in model.layers if layer.trainable]
        grads = [layer.grads[k].copy() for layer in moving for k in layer.params]
        runs.append([predicted, np.array(loss), *found, *grads])
        counts.append(sum(len(k.signatures) for k in kernels()))
    all_equal(*runs)
    assert counts[0] == counts[1]


FIRST = {
    "conv": lambda: Conv2D(2, (2, 3), strides=(1, 2), padding="same"),
    "conv, channels first": lambda: Conv2D(2, 2, data_format="channels_first"),
    "pool": lambda: MaxPool2D((2, 3)),
    "dense": lambda: Dense(2),
    "flatten": lambda: Flatten(),
    "reshape": lambda: Reshape((6, -1)),
    "relu": lambda: ReLU(),
    "softmax": lambda: Softmax(),
}


@prop(
    data=st.data(),
    first=st.sampled_from(sorted(FIRST)),
    layout=st.sampled_from(sorted(testing.LAYOUTS)),
    dtype=st.sampled_from(["int8", "float32", "float64"]),
)
def test_layout_before_any_first_layer(engine, data, first, layout, dtype):
    """P22: the same for each layer that may stand first, forward and backward."""
    shape = (3, 4, 5, 3)
    x = testing.in_layout(data.draw(testing.whole_arrays(shape, dtype=dtype)), layout)
    rig = Rig(engine, [FIRST[first](), Flatten(), Dense(2)], shape[1:], dtype="float32")
    dy = data.draw(testing.whole_arrays((3, 2)))
    plain = np.array(x, "float32", order="C")
    equal(rig.model.predict(x, verbose=0), rig.model.predict(plain, verbose=0))
    equal(rig.predict(x), rig.predict(plain))
    for found, expected in zip(rig.train(x, dy), rig.train(plain, dy), strict=True):
        equal(found, expected)


@prop(body=bodies(2, [None, "relu", "tanh"]), dtype=DTYPES)
def test_a_batch_of_nothing(engine, body, dtype):
    """P23: without samples, results have the right shapes and types and gradients are zero."""
    shape, specs = body
    assert_nothing_comes_of_nothing(engine, shape, specs, dtype)


def assert_nothing_comes_of_nothing(engine, shape, specs, dtype):
    rig = Rig(engine, [cls(**kwargs) for cls, kwargs in specs], shape, dtype=dtype)
    x = np.zeros((0, *shape), dtype)
    dy = np.zeros((0, *output_shape(shape, specs)), dtype)
    assert rig.model.predict(x, verbose=0).shape == rig.predict(x).shape == dy.shape
    run = rig.train(x, dy)
    assert (run.y.shape, run.dx.shape) == (dy.shape, x.shape)
    assert {a.dtype.name for a in run} == {dtype}
    params = [layer.params[name] for layer, name in rig.trained()]
    for p, g in zip(params, run.grads, strict=True):
        assert g.shape == p.shape
        assert not g.any()


@pytest.mark.parametrize(
    "spec", [(Dense, {"units": 2}), (Dropout, {"rate": 0.5})], ids=lambda s: s[0].__name__
)
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_batch_of_nothing_through_dense_and_dropout(engine, spec):
    """P23: the same where there is a Dense or a Dropout."""
    assert_nothing_comes_of_nothing(engine, (3,), [spec], "float32")


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_the_loss_of_nothing(name):
    """P23: losses of no samples are no numbers, and so are their gradients."""
    loss, p = losses.get(name), np.zeros((0, 3), "float32")
    y = np.zeros(0, int) if name.startswith("sparse") else p
    assert loss.value(y, p).shape == (0,)
    assert loss.gradient(y, p).shape == (0, 3)
    assert loss.gradient(y, p).dtype == "float32"


def without_dropout(net):
    staying = [s for s in net.specs if s[0] not in (Dropout, SpatialDropout2D)]
    return replace(net, specs=staying or [(Flatten, {})])


@prop(net=whole_nets(3), dtype=DTYPES)
def test_predicting_is_the_forward_pass_of_training(engine, net, dtype):
    """P24: the plan for predictions computes what that for training does, to the last bit."""
    net = without_dropout(net)
    model = whole_model(net, engine, dtype)
    x, y = whole_data(net)
    expected = batch(model, x, y)[1]
    assume(np.abs(expected).max(initial=0) < 2**20)
    equal(model.engine.predict_batch(x.astype(dtype)), expected)
    equal(model.engine.test_batch(x.astype(dtype), y)[1], expected)


@prop(net=nets(3), dtype=DTYPES, seed=testing.seeds())
def test_new_weights_are_seen(engine, net, dtype, seed):
    """P24: after its weights have changed, a model computes what a new one with them would."""
    x, y = net.data()
    old = net.model(engine, dtype)
    old.predict(x, verbose=0)
    batch(old, x, y)
    weights = replace(net, seed=seed).weights(old)
    old.set_weights(weights)
    new = net.model(engine, dtype, weights=weights)
    equal(old.predict(x, verbose=0), new.predict(x, verbose=0))
    all_equal(batch(old, x, y), batch(new, x, y))


@prop(net=whole_nets(3), dtype=DTYPES, seed=testing.seeds())
def test_a_batch_in_another_order(engine, net, dtype, seed):
    """P7: permuted samples have permuted results and the same gradients of weights."""
    net = without_dropout(net)
    model = whole_model(net, engine, dtype)
    x, y = whole_data(net)
    order = np.random.default_rng(seed).permutation(len(x))
    first = batch(model, x, y)
    assume(max(np.abs(a).max(initial=0) for a in first) < 2**20)
    second = batch(model, x[order], y[order])
    n_seen = sum(isinstance(layer, Watch) and hasattr(layer, "seen") for layer in model.layers)
    by_sample = {0, 1, *range(len(first) - n_seen, len(first))}
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        equal(b, a[order] if i in by_sample else a)


def whole_model(net, engine, dtype):
    """The network with weights of whole numbers."""
    model = net.model(engine, dtype, exact=True)
    rng = np.random.default_rng(net.seed)
    model.set_weights([rng.integers(-1, 2, w.shape) for w in model.get_weights()])
    return model


def whole_data(net):
    rng = np.random.default_rng([net.seed, 2])
    return [rng.integers(-2, 3, a.shape).astype(float) for a in net.data()]
