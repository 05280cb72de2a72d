"""What goes wrong once a training is under way: the model stands at its last whole batch."""

import copy
import pickle

import numpy as np
import pytest
from bad_input.cases import SHAPES, TYPES, X, Y, snapshot
from small_nets import CLASSES, SHAPE, cnn, fingerprint, weights_hash

from numcnn import data
from numcnn.callbacks import Callback, LambdaCallback
from numcnn.errors import DivergedError
from numcnn.layers import Dense, Flatten
from numcnn.losses import CategoricalCrossentropy, Loss
from numcnn.models import Sequential
from numcnn.optimizers import Optimizer

pytestmark = pytest.mark.parametrize("engine", ["numpy", "numba"])

HOOKS = {  # on two batches of an epoch with validation: batches done when it is called first
    "on_train_begin": 0,
    "on_epoch_begin": 0,
    "on_train_batch_begin": 0,
    "on_batch_begin": 0,
    "on_train_batch_end": 1,
    "on_batch_end": 1,
    "on_test_begin": 2,
    "on_test_batch_begin": 2,
    "on_test_batch_end": 2,
    "on_test_end": 2,
    "on_epoch_end": 2,
    "on_train_end": 4,
}


def stages(engine):
    """Return the fingerprints after 0, 1, 2, ... batches of two epochs."""
    model = cnn(engine=engine)
    found = [fingerprint(model)]
    note = LambdaCallback(on_batch_end=lambda batch, logs: found.append(fingerprint(model)))
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[note], validation_data=(X, Y))
    return found


@pytest.mark.parametrize("error", [LookupError("mine"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_a_callback_comes_out_as_it_is(hook, error, engine):
    def fail(self, *args):
        raise error

    failing = type("Failing", (Callback,), {hook: fail})()
    model = cnn(engine=engine)
    told = []
    model_knows = LambdaCallback(on_train_end=lambda logs: told.append("end"))
    with pytest.raises(type(error)) as caught:
        model.fit(
            X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[model_knows, failing],
            validation_data=(X, Y),
        )  # fmt: skip
    assert caught.value is error
    done = HOOKS[hook]
    assert fingerprint(model) == stages(engine)[done]
    # The history of an epoch is written after the callbacks of the user.
    assert model.history.epoch == list(range(done // 4 * 2))
    assert told == ["end"] * (hook == "on_train_end")
    model.fit(X, Y, batch_size=4, verbose=0)
    assert model.optimizer.iterations == done + 2


@pytest.mark.filterwarnings("ignore:x holds values up to")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_bad_samples_that_are_not_looked_for_end_the_training_before_they_move_weights(
    value, engine
):
    x = X.copy()
    x[6] = value
    model = cnn(engine=engine)
    with pytest.raises(DivergedError) as caught:
        model.fit(
            x, Y, batch_size=2, shuffle=False, verbose=0, check_finite=False,
        )  # fmt: skip
    for word in ("epoch 1, batch 4 of 4", "learning rate 0.001", "norm", "mean loss before it was"):
        assert word in str(caught.value)
    assert model.optimizer.iterations == 3
    assert np.isfinite(np.concatenate([w.ravel() for w in model.get_weights()])).all()
    twin = cnn(engine=engine)
    for a in (0, 2, 4):
        twin.train_on_batch(X[a : a + 2], Y[a : a + 2])
    assert weights_hash(model) == weights_hash(twin)


def test_samples_changed_while_training_change_no_weight_behind_its_back(engine):
    x, y = X.copy(), Y.copy()
    model = cnn(engine=engine)

    def overwrite(batch, logs):
        before = weights_hash(model)
        x[...] = 7
        assert weights_hash(model) == before

    model.fit(x, y, batch_size=4, verbose=0, callbacks=[LambdaCallback(on_batch_end=overwrite)])
    for layer in model.layers:
        for array in (*layer.params.values(), *layer.grads.values()):
            assert not np.shares_memory(array, x)
            assert not np.shares_memory(array, y)
    weights, output = weights_hash(model), model.predict(X)
    model.predict(X)[...] = 0
    x[...] = 9
    for array in model.get_weights():
        array[...] = 0
    assert weights_hash(model) == weights
    assert np.array_equal(model.predict(X), output)


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_model_is_not_pickled_or_copied(way, engine):
    model = cnn(engine=engine)
    model.fit(X, Y, verbose=0)
    before = fingerprint(model)
    with pytest.raises(TypeError, match=r"cannot be pickled or copied: use model\.save\(path\)"):
        way(model)
    assert fingerprint(model) == before


def test_a_batch_must_fit_into_memory_with_what_the_engine_makes_of_it(
    engine, monkeypatch, tmp_path
):
    model = cnn(engine=engine)
    model.fit(X, Y, verbose=0)
    windows = 4 * 4 * 9 * 4  # bytes of the windows of a sample; what it returns has 4 * 4 * 2 * 4
    monkeypatch.setattr(data, "physical_memory", lambda: 8 * windows - 1)
    calls = [
        lambda: model.fit(X, Y, batch_size=100, verbose=0),
        lambda: model.evaluate(X, Y, verbose=0),
        lambda: model.predict(X),
        lambda: model.train_on_batch(X, Y),
    ]
    for call in calls:
        before = snapshot(model, tmp_path)
        if engine == "numba":
            call()
            continue
        with pytest.raises(MemoryError) as caught:
            call()
        for word in ("8 samples", "layer 0 ('conv2d')", "(8, 4, 4, 9)", "4,608 bytes", "most 7."):
            assert word in str(caught.value)
        assert snapshot(model, tmp_path) == before
    model.fit(X, Y, batch_size=7, verbose=0)


class Own(Loss):
    """A loss whose value or gradient is not what it should be."""

    name = "own"

    def __init__(self, value=None, gradient=None):
        super().__init__()
        self.change = value or np.asarray, gradient or np.asarray

    def value(self, y, p):
        return self.change[0](((p - y) ** 2).sum(axis=1, dtype="f8"))

    def gradient(self, y, p):
        return self.change[1](2 * (p - y) / np.float32(len(p)))


OWN = {
    "value: a number": (Own(value=np.mean), TYPES, "value of the loss Own", "(8,)", "got float"),
    "value: one number": (Own(value=lambda v: v.mean(keepdims=True)), SHAPES, "(8,)", "shape (1,)"),
    "value: a column": (Own(value=lambda v: v[:, None]), SHAPES, "per sample", "shape (8, 1)"),
    "value: a list": (Own(value=np.ndarray.tolist), TYPES, "array of floats", "got list"),
    "value: integers": (Own(value=lambda v: v.astype(int)), TYPES, "floats", "got int64"),
    "gradient: None": (Own(gradient=lambda g: None), TYPES, "gradient of the loss", "NoneType"),
    "gradient: a row": (Own(gradient=lambda g: g[0]), SHAPES, "(8, 3)", "got shape (3,)"),
    "gradient: of one": (Own(gradient=lambda g: g[:1]), SHAPES, "(8, 3)", "got shape (1, 3)"),
    "gradient: turned": (Own(gradient=lambda g: g.T), SHAPES, "(8, 3)", "got shape (3, 8)"),
    "gradient: complex": (Own(gradient=lambda g: g + 0j), TYPES, "floats", "got complex"),
}


@pytest.mark.parametrize("what", OWN)
def test_a_loss_of_ones_own_is_looked_at(what, engine):
    loss, errors, *words = OWN[what]
    model = cnn(engine=engine, loss=loss)
    before = fingerprint(model)
    with pytest.raises(errors[0]) as caught:
        model.train_on_batch(X, Y)
    for error in errors:
        assert isinstance(caught.value, error)
    for word in words:
        assert word in str(caught.value)
    assert fingerprint(model) == before
    model.compile("rmsprop", loss=Own(), engine=engine)
    model.fit(X, Y, verbose=0)


def test_a_loss_made_from_one_of_numcnns_gives_its_bits(engine):
    class Mine(CategoricalCrossentropy):
        pass

    models = [cnn(engine=engine, loss=loss) for loss in ("categorical_crossentropy", Mine())]
    for model in models:
        model.fit(X, Y, epochs=3, verbose=0)
    np.testing.assert_allclose(
        models[0].get_weights()[0], models[1].get_weights()[0], rtol=1e-5, atol=1e-7
    )
    assert models[1].engine.loss.from_logits  # it takes over the softmax, as the other does


def test_an_optimizer_without_an_update_says_so(engine):
    model = cnn(engine=engine, optimizer=Optimizer(0.1))
    before = weights_hash(model)
    with pytest.raises(NotImplementedError, match="Optimizer does not define update"):
        model.train_on_batch(X, Y)
    assert weights_hash(model) == before


@pytest.mark.parametrize(("largest", "warns"), [(255, True), (51, True), (50, False), (1, False)])
def test_pixels_that_are_not_scaled_are_said_once(largest, warns, engine, recwarn):
    x = np.random.default_rng(0).integers(0, largest + 1, (8, *SHAPE)).astype("uint8")
    x[0] = largest
    model = Sequential([Flatten(input_shape=SHAPE), Dense(CLASSES, activation="softmax")])
    model.compile("rmsprop", "categorical_crossentropy", engine=engine)
    for _ in range(2):
        model.fit(x, Y, verbose=0)
    said = [str(w.message) for w in recwarn]
    assert len(said) == warns
    assert all("divide by 255" in text and f"up to {largest}" in text for text in said)
