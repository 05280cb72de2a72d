"""The epoch loop: what the history says, which samples are taken when, and what a step does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import CLASSES, SHAPE, cnn, dense, fingerprint, images, weights_hash

from numcnn.batches import ArrayBatches
from numcnn.callbacks import Callback, LambdaCallback
from numcnn.layers import Activation, Dense, Flatten
from numcnn.models import Sequential
from numcnn.optimizers import SGD
from numcnn.run import Means
from numcnn.utils import set_random_seed


class Copy(Callback):
    """Notes the weights before each batch."""

    def __init__(self):
        self.weights = []

    def on_train_batch_begin(self, batch, logs=None):
        self.weights.append(self.model.get_weights())


def rows(n, inputs=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, inputs)).astype("float32"), rng.normal(size=(n, 3)).astype("float32")


# the history


def test_history_is_the_mean_over_samples_by_hand():
    x, y = rows(7)
    model = dense(inputs=2, metrics=["mse"])
    note = Copy()
    history = model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0, callbacks=[note])
    expected = []
    for epoch in range(2):
        losses = []
        for i, rows_of_batch in enumerate((slice(0, 3), slice(3, 6), slice(6, 7))):
            w, b = note.weights[3 * epoch + i]
            difference = x[rows_of_batch] @ w + b - y[rows_of_batch]
            losses.extend((difference.astype(float) ** 2).mean(axis=1))
        assert len(losses) == 7
        expected.append(np.mean(losses))
    assert history.epoch == [0, 1]
    assert list(history.history) == ["loss", "mse"]
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-6)
    np.testing.assert_allclose(history.history["mse"], expected, rtol=1e-6)
    assert model.history is history


def test_history_with_validation_holds_both():
    x, y, _ = images(10)
    x_val, y_val, _ = images(4, seed=8)
    model = cnn()
    history = model.fit(x, y, epochs=2, verbose=0, validation_data=(x_val, y_val))
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(values) == 2 for values in history.history.values())
    last = [history.history["val_loss"][-1], history.history["val_accuracy"][-1]]
    assert model.evaluate(x_val, y_val, verbose=0) == last
    assert all(type(v) is float for values in history.history.values() for v in values)


def test_params_of_a_training():
    x, y, _ = images(10)
    params = cnn().fit(x, y, batch_size=4, epochs=2, verbose=0, validation_split=0.2).params
    assert params == {
        "batch_size": 4,
        "epochs": 2,
        "steps": 2,
        "samples": 8,
        "verbose": 0,
        "do_validation": True,
        "metrics": ["loss", "accuracy"],
    }


def test_each_fit_has_a_history_of_its_own():
    x, y, _ = images(6)
    model = cnn()
    first = model.fit(x, y, epochs=2, verbose=0)
    second = model.fit(x, y, epochs=1, verbose=0)
    assert first.epoch == [0, 1]
    assert second.epoch == [0]
    assert model.history is second


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(-10, 10)), min_size=1, max_size=6))
def test_means_weigh_by_size(parts):
    means = Means()
    for size, value in parts:
        means.add({"loss": value}, size)
    expected = np.repeat([v for _, v in parts], [n for n, _ in parts]).mean()
    assert means.logs()["loss"] == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 40), st.integers(1, 50))
def test_batches_cover_every_sample_once(n, size):
    found = [batch.x.tolist() for batch in ArrayBatches(np.arange(n), batch_size=size).epoch()]
    assert [row for rows in found for row in rows] == list(range(n))
    assert all(0 < len(rows) <= size for rows in found)


# which samples, in which order


def order_of(n, **kwargs):
    """Return the numbers of the samples in the order in which they were trained on."""
    seen = []

    class Watch(Flatten):
        def forward(self, x, training=False):
            if training:
                seen.extend(int(v) for v in x[:, 0])
            return super().forward(x, training)

    set_random_seed(kwargs.pop("seed", 1))
    model = Sequential([Watch(input_shape=(1,)), Dense(1)])
    model.compile(SGD(1e-9), "mse")
    x = np.arange(n, dtype="float32")[:, None]
    model.fit(x, x, verbose=0, **kwargs)
    return seen


def test_without_shuffling_the_order_is_that_of_the_data():
    assert order_of(9, batch_size=4, epochs=2, shuffle=False) == [*range(9), *range(9)]


def test_shuffling_takes_each_sample_once_in_another_order_each_epoch():
    order = order_of(30, batch_size=4, epochs=3)
    epochs = [tuple(order[i : i + 30]) for i in (0, 30, 60)]
    assert all(sorted(epoch) == list(range(30)) for epoch in epochs)
    assert len({*epochs, tuple(range(30))}) == 4
    assert order == order_of(30, batch_size=4, epochs=3)
    assert order != order_of(30, batch_size=4, epochs=3, seed=2)


def test_validation_samples_are_the_last_before_shuffling():
    order = order_of(10, batch_size=3, epochs=2, validation_split=0.3)
    assert sorted(order) == sorted([*range(7), *range(7)])
    x, y, _ = images(10)
    model = cnn()
    history = model.fit(x, y, validation_split=0.3, verbose=0).history
    assert history["val_loss"][-1] == model.evaluate(x[7:], y[7:], verbose=0)[0]
    given_data = cnn().fit(x[:7], y[:7], validation_data=(x[7:], y[7:]), verbose=0).history
    assert given_data == history


def test_validation_data_goes_before_validation_split():
    x, y, _ = images(10)
    assert len(order_of(10, validation_split=0.5)) == 5
    model = cnn()
    history = model.fit(
        x, y, validation_split=0.5, validation_data=[x[:2], y[:2]], shuffle=False, verbose=0
    )
    assert history.params["samples"] == 10
    assert history.history["val_loss"] == [model.evaluate(x[:2], y[:2], verbose=0)[0]]


@pytest.mark.parametrize("share", [1e-18, 0.96])
def test_a_split_that_leaves_nothing_is_refused(share):
    x, y, _ = images(20)
    with pytest.raises(ValueError, match=r"leaves \d+ for training and \d+ for validation"):
        cnn().fit(x, y, validation_split=share, verbose=0)


def test_a_training_of_two_parts_equals_one_of_both():
    x, y, _ = images(14)
    whole, parts = cnn(), cnn()
    history = whole.fit(x, y, batch_size=4, epochs=5, verbose=0).history
    first = parts.fit(x, y, batch_size=4, epochs=2, verbose=0)
    second = parts.fit(x, y, batch_size=4, epochs=5, initial_epoch=2, verbose=0)
    assert second.epoch == [2, 3, 4]
    assert fingerprint(whole) == fingerprint(parts)
    joined = {key: first.history[key] + second.history[key] for key in history}
    assert joined == history


@pytest.mark.parametrize("epochs", [{"epochs": 0}, {"epochs": 2, "initial_epoch": 2}])
def test_no_epochs_change_nothing(epochs, capsys):
    x, y, _ = images(6)
    model = cnn()
    before = fingerprint(model)
    calls = []
    told = LambdaCallback(
        on_train_begin=lambda logs: calls.append("begin"),
        on_train_end=lambda logs: calls.append("end"),
        on_epoch_begin=lambda epoch, logs: calls.append(epoch),
    )
    history = model.fit(x, y, callbacks=[told], **epochs)
    assert (history.epoch, history.history) == ([], {})
    assert calls == ["begin", "end"]
    assert fingerprint(model) == before
    assert capsys.readouterr().out == ""


def test_a_batch_larger_than_the_data_is_the_data():
    x, y, _ = images(6)
    large, whole = cnn(), cnn()
    large.fit(x, y, batch_size=1000, verbose=0)
    whole.fit(x, y, batch_size=6, verbose=0)
    assert fingerprint(large) == fingerprint(whole)
    assert large.optimizer.iterations == 1


def test_the_default_batch_size_is_32():
    x, y, _ = images(70)
    model = cnn()
    model.fit(x, y, verbose=0)
    assert model.optimizer.iterations == 3


# what a step does


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_one_step_of_a_whole_model_by_hand():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5, 4))
    y = np.eye(3)[rng.integers(0, 3, 5)]
    set_random_seed(3)
    model = Sequential(
        [
            Dense(6, activation="relu", input_shape=(4,), dtype="float64"),
            Dense(3, activation="softmax", dtype="float64"),
        ]
    )
    model.compile(SGD(0.1), "categorical_crossentropy")
    w1, b1, w2, b2 = model.get_weights()
    h = np.maximum(x @ w1 + b1, 0)
    p = softmax(h @ w2 + b2)
    dz = (p - y) / 5
    dh = dz @ w2.T * (h > 0)
    expected = [
        w1 - 0.1 * x.T @ dh,
        b1 - 0.1 * dh.sum(axis=0),
        w2 - 0.1 * h.T @ dz,
        b2 - 0.1 * dz.sum(axis=0),
    ]
    loss = -np.log(p[y == 1]).mean()
    history = model.fit(x, y, batch_size=5, verbose=0)
    assert history.history["loss"] == [pytest.approx(loss, rel=1e-12)]
    for found, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse"])
def test_the_order_within_one_batch_does_not_matter(loss):
    x, y, _ = images(20)
    results = []
    for kwargs in ({"shuffle": False}, {"shuffle": True}):
        model = cnn(loss=loss, rate=0.0)
        model.fit(x, y, batch_size=20, verbose=0, **kwargs)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_sparse_and_one_hot_targets_give_the_same_bits():
    x, one_hot, labels = images(20)
    results = set()
    for loss, y in (
        ("categorical_crossentropy", one_hot),
        ("sparse_categorical_crossentropy", labels),
        ("sparse_categorical_crossentropy", labels[:, None].astype("float32")),
        ("sparse_categorical_crossentropy", labels.astype("uint8")),
    ):
        model = cnn(loss=loss)
        history = model.fit(x, y, batch_size=6, epochs=2, verbose=0).history
        results.add((weights_hash(model), str(history)))
    assert len(results) == 1


def test_a_softmax_apart_equals_one_inside_the_last_layer():
    x, y, _ = images(12)
    results = set()
    for tail in ([Dense(CLASSES, activation="softmax")], [Dense(CLASSES), "softmax"]):
        set_random_seed(6)
        layers = [Activation(t) if isinstance(t, str) else t for t in tail]
        model = Sequential([Flatten(input_shape=SHAPE), *layers])
        model.compile("adam", "categorical_crossentropy")
        model.seed = 5
        model.fit(x, y, batch_size=5, epochs=2, verbose=0)
        results.add(weights_hash(model))
    assert len(results) == 1


def test_fifty_epochs_at_once_or_one_by_one_keep_no_more_memory():
    x, y, _ = images(8)
    model = cnn()
    model.fit(x, y, verbose=0)
    names = set(vars(model))
    for _ in range(3):
        model.fit(x, y, verbose=0)
        model.predict(x)
    assert set(vars(model)) == names
    assert len(model.optimizer.slots["mean_square"]) == 6
