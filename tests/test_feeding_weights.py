"""Weights of samples and of classes; single batches, and bad ones."""

import numpy as np
import pytest
from feeding import LABELS, Parts, X, Y, forever, plain
from small_nets import SHAPE, cnn, dense, fingerprint, weights_hash

from numcnn.callbacks import ModelCheckpoint
from numcnn.errors import ShapeError
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential, load_model

# weights


def test_the_weighted_loss_by_hand():
    x, y = np.random.default_rng(0).normal(size=(2, 7, 3))
    weights = np.array([0, 1, 2, 0.5, 1, 1, 3.0])
    model = dense(inputs=3, metrics=["mse"])
    losses = ((model.predict(x).astype(float) - y) ** 2).mean(axis=1)
    for found in (
        model.evaluate(x, y, batch_size=3, sample_weight=weights, verbose=0),
        model.test_on_batch(x, y, sample_weight=weights),
        model.train_on_batch(x, y, sample_weight=weights[:, None]),
    ):
        assert found == pytest.approx([(weights * losses).sum() / 7, losses.mean()], rel=1e-6)
    history = dense(inputs=3).fit(
        x, y, batch_size=7, sample_weight=weights.tolist(), shuffle=True, verbose=0
    )
    assert history.history["loss"] == pytest.approx([(weights * losses).mean()], rel=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("shuffle", [True, "batch", False])
def test_weights_of_one_are_no_weights(engine, shuffle):
    fits = ({}, {"sample_weight": np.ones(14)}, {"class_weight": {0: 1, 2: 1.0}})
    found = set()
    for weights in (*fits, {"class_weight": {}}):
        model = cnn(engine=engine)
        model.fit(X, Y, batch_size=4, epochs=2, shuffle=shuffle, verbose=0, **weights)
        found.add(weights_hash(model))
    assert len(found) == 1


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_class_weights_are_the_weights_of_the_samples_of_the_class(engine):
    table = {0: 0.5, 2: 3}
    weights = np.array([table.get(label, 1) for label in LABELS])
    expected = cnn(engine=engine)
    plain(expected, sample_weight=weights)
    by_class = cnn(engine=engine)
    plain(by_class, class_weight={np.int64(0): 0.5, 2: np.float32(3)})
    assert fingerprint(by_class) == fingerprint(expected)
    for x in (Parts(), forever()):
        model = cnn(engine=engine)
        model.fit(x, steps_per_epoch=4, class_weight=table, shuffle=False, verbose=0)
        assert fingerprint(model) == fingerprint(expected)
    for y in (LABELS, LABELS[:, None].astype("float32")):
        model = cnn(engine=engine, loss="sparse_categorical_crossentropy")
        model.fit(X, y, batch_size=4, class_weight=table, shuffle=False, verbose=0)
        assert weights_hash(model) == weights_hash(expected)
    both, twice = cnn(engine=engine), cnn(engine=engine)
    plain(both, class_weight=table, sample_weight=np.arange(14))
    plain(twice, sample_weight=weights * np.arange(14))
    assert fingerprint(both) == fingerprint(twice) != fingerprint(expected)


def test_class_weights_of_one_output():
    model = Sequential([Flatten(input_shape=SHAPE), Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    yes = (LABELS > 0).astype(float)
    losses = [model.test_on_batch(X[i : i + 1], yes[i : i + 1]) for i in range(14)]
    expected = (np.where(yes, 4, 1) * losses).mean()
    assert model.train_on_batch(X, yes, class_weight={1: 4}) == pytest.approx(expected, rel=1e-5)


def test_weights_follow_their_samples_through_split_and_shuffle():
    weights = np.linspace(0, 2, 14)
    model = cnn()
    kwargs = {"batch_size": 4, "epochs": 2, "verbose": 0}
    split = model.fit(X, Y, sample_weight=weights, validation_split=0.25, **kwargs).history
    other = cnn().fit(
        X[:10], Y[:10], sample_weight=weights[:10],
        validation_data=(X[10:], Y[10:], weights[10:]), **kwargs,
    )  # fmt: skip
    assert split == other.history


def test_weights_must_be_those_of_before_to_go_on(tmp_path):
    path = tmp_path / "c.npz"
    weights = np.linspace(0, 2, 14)
    saving = ModelCheckpoint(path)
    plain(cnn(), callbacks=[saving], sample_weight=weights)
    whole = cnn()
    plain(whole, epochs=2, sample_weight=weights)
    again = load_model(path)
    plain(again, epochs=2, sample_weight=weights, resume=True)
    assert fingerprint(again) == fingerprint(whole)
    for other in ({}, {"sample_weight": weights[::-1]}, {"class_weight": {0: 2}}):
        with pytest.raises(ValueError, match=r"data is .*, it was"):
            plain(load_model(path), epochs=2, resume=True, **other)


def test_train_and_test_on_batch_by_name():
    model = cnn()
    measured = model.test_on_batch(X, Y, return_dict=True)
    assert list(measured) == ["loss", "accuracy"]
    assert list(measured.values()) == model.test_on_batch(X, Y)
    trained = model.train_on_batch(X, Y, return_dict=True, class_weight={0: 2})
    assert list(trained) == ["loss", "accuracy"]


def test_a_bad_batch_leaves_the_model_at_the_one_before():
    for bad, error, text in (
        ((X[..., 0], Y), ShapeError, r"x of batch 3 of the generator \(fit\)|layer 0"),
        ((X, Y[:3]), ShapeError, "same number"),
        ((X, Y * np.nan), ValueError, r"y of batch 3 of the generator \(fit\) has 42 values"),
        ((X * np.nan, Y), ValueError, r"x of batch 3 of the generator \(fit\) has .*finite=False"),
        ((X, Y, [1, 2]), ShapeError, r"sample_weight of batch 3 .* 14 samples, .*got shape \(2,"),
        (X, TypeError, r"Batch 3 of the generator \(fit\) must be \(x, y\) or .*ndarray of shape"),
        ((X, Y, None, 1), TypeError, "a tuple of 4"),
        ((X[:0], Y[:0]), ValueError, "no samples in batch 3"),
        ((X, None), TypeError, "y of batch 3 .* got None"),
        (("a", "b"), TypeError, "x of batch 3 .* dtype <U1|single"),
    ):
        model, expected = cnn(), cnn()
        with pytest.raises(error, match=text):
            model.fit(iter([(X, Y), (X, Y), bad]), verbose=0)
        expected.fit(X, Y, batch_size=14, epochs=2, shuffle=False, verbose=0)
        assert weights_hash(model) == weights_hash(expected)
