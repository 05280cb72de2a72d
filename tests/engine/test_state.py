"""Weights, masks and optimizer memory under the fast engine: where they are, what can befall them.

Models are small and of float64, so that both engines agree to 1e-9 after some dozens of steps.
"""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from engine.strategies import OPTIMIZERS, Damped, Dot, Scale, Watch
from hypothesis import given
from hypothesis import strategies as st

from numcnn.engine.plan import PlanEngine
from numcnn.errors import ShapeError
from numcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D
from numcnn.models import Sequential, load_model
from numcnn.optimizers import SGD, Adam
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
SHAPE, CLASSES = (7, 6, 2), 3
CUSTOM = {"Scale": Scale}


def build(engine, optimizer="rmsprop", dtype="float64", seed=1, first=()):
    """Return a model with a fused convolution, dropout and a layer of a user's own."""
    set_random_seed(seed)
    model = Sequential(
        [
            *first,
            Conv2D(16, 3, activation="relu", dtype=dtype, input_shape=None if first else SHAPE),
            MaxPool2D(2, dtype=dtype),
            Dropout(0.25, dtype=dtype),
            Conv2D(3, 2, padding="same", activation="relu", dtype=dtype),
            Scale(dtype=dtype),
            Flatten(dtype=dtype),
            Dense(CLASSES, activation="softmax", dtype=dtype),
        ]
    )
    compile_anew(model, engine, optimizer)
    return model


def compile_anew(model, engine, optimizer):
    made = OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer
    model.compile(made, "categorical_crossentropy", metrics=["accuracy"], engine=engine)


def batch(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, *SHAPE)), np.eye(CLASSES)[rng.integers(0, CLASSES, n)]


def both(**kwargs):
    return [build(engine, **kwargs) for engine in ("numpy", "numba")]


def assert_same(models):
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9)
    slots = [m.optimizer.slots for m in models]
    assert slots[0].keys() == slots[1].keys()
    for name in slots[0]:
        for a, b in zip(slots[0][name], slots[1][name], strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-10)
    assert models[0].optimizer.iterations == models[1].optimizer.iterations


# ---- anything in any order ----

sizes = st.one_of(st.integers(1, 9), st.sampled_from([17, 33]))
seeds = st.integers(0, 9)
names = [name for name in sorted(OPTIMIZERS) if name != "damped"]  # damped cannot be loaded
uses = st.one_of(
    st.tuples(st.just("train"), sizes, seeds),
    st.tuples(st.just("train"), sizes, seeds),
    st.tuples(st.sampled_from(["predict", "evaluate", "fit"]), sizes, seeds),
    st.tuples(st.sampled_from(["set_weights", "load_weights", "reload"]), seeds),
    st.tuples(st.just("replace"), st.integers(0, 5), st.booleans(), seeds),
    st.tuples(st.just("compile"), st.sampled_from(names)),
    st.tuples(st.just("freeze"), st.integers(0, 5), st.booleans()),
)


class Use:
    """One model on one engine, and what can be done with it."""

    def __init__(self, engine, folder):
        self.engine, self.folder, self.model = engine, folder, build(engine)

    def __call__(self, what, *args):
        """Return what the use gives, or that it raised."""
        try:
            return getattr(self, what)(*args)
        except ShapeError as error:
            return str(error).split(",")[0]

    def train(self, n, seed):
        return self.model.train_on_batch(*batch(n, seed))

    def predict(self, n, seed):
        return self.model.predict(batch(n, seed)[0], batch_size=5)

    def evaluate(self, n, seed):
        return self.model.evaluate(*batch(n, seed), batch_size=4, verbose=0)

    def fit(self, n, seed):
        history = self.model.fit(*batch(n, seed), batch_size=4, verbose=0, shuffle=False)
        return history.history["loss"]

    def set_weights(self, seed):
        rng = np.random.default_rng(seed)
        self.model.set_weights([0.3 * rng.normal(size=w.shape) for w in self.model.get_weights()])

    def load_weights(self, seed):
        path = Path(self.folder) / f"{self.engine}.npz"
        self.model.save_weights(path)
        before = self.model.get_weights()
        self.set_weights(seed)
        self.model.load_weights(path)
        for a, b in zip(self.model.get_weights(), before, strict=True):
            equal(a, b)

    def reload(self, seed):
        path = Path(self.folder) / f"{self.engine}.npz"
        self.model.save(path)
        loaded = load_model(path, custom_objects=CUSTOM)
        for name, arrays in loaded.optimizer.slots.items():  # none where it fits no longer
            for a, b in zip(arrays, self.model.optimizer.slots[name], strict=True):
                equal(a, b)
        loaded.compile(loaded.optimizer, loaded.loss, metrics=["accuracy"], engine=self.engine)
        self.model = loaded

    def replace(self, i, by_an_equal_one, seed):
        layer = self.layer(i)
        name = sorted(layer.params)[0]
        array = layer.params[name].copy()
        if not by_an_equal_one:
            array += 0.1 * np.random.default_rng(seed).normal(size=array.shape)
        layer.params[name] = array

    def compile(self, optimizer):
        compile_anew(self.model, self.engine, optimizer)

    def freeze(self, i, trainable):
        self.layer(i).trainable = trainable
        compile_anew(self.model, self.engine, "momentum")

    def layer(self, i):
        layers = [layer for layer in self.model.layers if layer.params]
        return layers[i % len(layers)]


@given(st.lists(uses, min_size=2, max_size=12))
def test_any_use_in_any_order(steps):
    with tempfile.TemporaryDirectory() as folder:
        rigs = [Use(engine, folder) for engine in ("numpy", "numba")]
        for step in steps:
            expected, found = (rig(*step) for rig in rigs)
            if expected is None or isinstance(expected, str):
                assert found == expected, step
            else:
                np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9, err_msg=step)
            assert_same([rig.model for rig in rigs])


# ---- dropout ----


def test_both_engines_draw_the_same_masks():
    x = np.random.default_rng(0).integers(1, 9, (40, 10)).astype("float32")
    kept = []
    for engine in ("numpy", "numba"):
        set_random_seed(5)
        model = Sequential([Watch(input_shape=(10,)), Dropout(0.5), Scale(trainable=False)])
        model.compile("sgd", Dot(), engine=engine)
        seen = []
        for n in (40, 7, 40, 1, 20):
            _, outputs = model.engine.gradients(x[:n], np.ones((n, 10), "float32"))
            equal(outputs != 0, model.layers[0].seen != 0)  # the same mask on the way back
            equal(outputs, x[:n] * model.layers[0].seen)
            equal(model.engine.gradients(x[:n], np.ones((n, 10)))[1], outputs)
            equal(model.predict(x[:n]), x[:n])
            model.engine.update()
            seen.append(outputs)
        kept.append(seen)
    for a, b in zip(*kept, strict=True):
        equal(a, b)
    assert not np.array_equal(kept[0][0], kept[0][2])


def test_rate_and_seed_may_change_between_batches():
    outputs = []
    for engine in ("numpy", "numba"):
        model = Sequential([Dropout(0.5, seed=1, input_shape=(50,)), Scale()])
        model.compile("sgd", Dot(), engine=engine)
        x = np.ones((9, 50), "float32")
        found = [model.engine.gradients(x, x)[1]]
        for name, value in (("rate", 0.25), ("seed", 2), ("step", 7), ("rate", 0.0)):
            setattr(model.layers[0], name, value)
            found.append(model.engine.gradients(x, x)[1])
        outputs.append(found)
    for a, b in zip(*outputs, strict=True):
        equal(a, b)


def test_an_engine_takes_no_random_numbers():
    for model in both():
        before = np.random.get_state()[1].copy()
        model.fit(*batch(9), verbose=0)
        equal(np.random.get_state()[1], before)
    a, b = both()
    assert a.seed == b.seed


# ---- memory ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_between_batches_and_other_sizes_change_no_bit(dtype):
    runs = []
    for disturbed in (False, True):
        model = build("numba", dtype=dtype)
        for n in (4, 9, 3, 9, 40, 1):
            x, y = batch(n)
            if disturbed:
                before = model.predict(batch(30)[0])
                model.engine.gradients(batch(13, 1)[0].astype(dtype), batch(13, 1)[1])
                model.evaluate(*batch(21), batch_size=6, verbose=0)
                equal(model.predict(batch(30)[0]), before)
            model.train_on_batch(x, y)
        runs.append(model.get_weights())
    for a, b in zip(*runs, strict=True):
        equal(a, b)


def test_what_is_returned_stays_as_it_is():
    model = build("numba")
    x, y = batch(6)
    losses, outputs = model.engine.gradients(x, y)
    predicted, copies = model.predict(x), [losses.copy(), outputs.copy()]
    kept = predicted.copy()
    model.engine.update()
    model.engine.gradients(*batch(6, 3))
    model.predict(batch(6, 3)[0])
    equal(losses, copies[0])
    equal(outputs, copies[1])
    equal(predicted, kept)
    for result in (losses, outputs, predicted):
        result[...] = np.nan
    assert np.isfinite(model.train_on_batch(x, y)).all()


def test_inputs_and_targets_are_not_written():
    model = build("numba")
    x, y = batch(6)
    x.flags.writeable = y.flags.writeable = False
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.predict(x)


def test_weights_are_the_layers_own_arrays():
    model = build("numba")
    x, y = batch(6)
    model.train_on_batch(x, y)
    arrays = [p for layer in model.layers for p in layer.params.values()]
    before = [p.copy() for p in arrays]
    model.train_on_batch(x, y)
    now = [p for layer in model.layers for p in layer.params.values()]
    assert all(a is b for a, b in zip(arrays, now, strict=True))
    assert all((a != b).any() for a, b in zip(arrays, before, strict=True))
    for p, w in zip(now, model.get_weights(), strict=True):
        equal(p, w)
    for layer in model.layers:
        for name, g in layer.grads.items():
            assert not np.shares_memory(g, layer.params[name])
    w = model.layers[-1].params["w"]
    w[...] = 0
    model.layers[-1].params["b"][...] = [0, 1, 2]
    expected = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    np.testing.assert_allclose(model.predict(x), np.tile(expected, (6, 1)), rtol=1e-12)


def test_a_replaced_array_is_seen_at_once():
    models = both(optimizer="momentum")
    for trained_before in (False, True):
        for i in (0, 3, 4, 6):
            answers = []
            for model, engine in zip(models, ("numpy", "numba"), strict=True):
                x, y = batch(9, i)
                if trained_before:
                    model.train_on_batch(x, y)
                before = model.predict(x)
                layer = model.layers[i]
                layer.params["w"] = 1.5 * layer.params["w"]
                after = model.predict(x)
                assert (before != after).any()
                answers.append([after, model.evaluate(x, y, verbose=0)])
                if trained_before:
                    with pytest.raises(ShapeError, match="Use a new optimizer"):
                        model.train_on_batch(x, y)
                    compile_anew(model, engine, "momentum")
            for a, b in zip(*answers, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)
        assert_same(models)


def test_saved_in_mid_training_it_goes_on_bit_for_bit(tmp_path):
    x, y = batch(23)
    model = build("numba", "adam", dtype="float32")
    model.fit(x, y, batch_size=5, epochs=2, verbose=0)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", custom_objects=CUSTOM)
    slots = [m.optimizer.slots for m in (model, loaded)]
    for name in slots[0]:
        for a, b in zip(slots[0][name], slots[1][name], strict=True):
            equal(a, b)
    for m in (model, loaded):
        assert isinstance(m.engine, PlanEngine)
        m.fit(x, y, batch_size=5, epochs=2, verbose=0)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        equal(a, b)


def test_compiled_anew_the_same_optimizer_goes_on():
    models = both(optimizer="adam")
    for model, engine in zip(models, ("numpy", "numba"), strict=True):
        model.train_on_batch(*batch(5))
        compile_anew(model, engine, model.optimizer)
        model.train_on_batch(*batch(5))
    assert_same(models)
    compile_anew(models[1], "numpy", models[1].optimizer)  # and from one engine to the other
    for model in models:
        model.train_on_batch(*batch(5))
    assert_same(models)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("make", [lambda: SGD(0.1), Adam, Damped], ids=["sgd", "adam", "custom"])
def test_an_optimizer_serves_one_model(engine, make):
    optimizer = make()
    first, second = (build(engine, optimizer) for _ in range(2))
    first.train_on_batch(*batch(4))
    before = second.get_weights()
    with pytest.raises(ShapeError, match="Use a new optimizer for each model"):
        second.train_on_batch(*batch(4))
    for a, b in zip(second.get_weights(), before, strict=True):
        equal(a, b)
    assert optimizer.iterations == 1
    first.train_on_batch(*batch(4))


def test_frozen_and_thawed():
    models = both()
    for frozen in ([0], [0, 3, 4], [6], [0, 3, 4, 6], []):
        for model, engine in zip(models, ("numpy", "numba"), strict=True):
            model.trainable = True
            for i in frozen:
                model.layers[i].trainable = False
            compile_anew(model, engine, "momentum")
            before = [layer.get_weights() for layer in model.layers]
            for n in (5, 8):
                model.train_on_batch(*batch(n))
            for i, (layer, old) in enumerate(zip(model.layers, before, strict=True)):
                moved = [(a != b).any() for a, b in zip(layer.get_weights(), old, strict=True)]
                assert all(moved) if i not in frozen else not any(moved)
        assert_same(models)
