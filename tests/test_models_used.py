"""Sequential in use: compiled, evaluated, trained by the batch, with layers of one's own."""

import copy
import pickle

import numpy as np
import pytest
from small_nets import CLASSES, SHAPE, Scale, cnn, fingerprint, images, weights_hash

from numcnn import backend
from numcnn.errors import (
    DTypeError,
    GradientError,
    ShapeError,
)
from numcnn.layers import (
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    Reshape,
    Softmax,
)
from numcnn.models import Sequential, load_model
from numcnn.optimizers import SGD
from numcnn.utils import set_random_seed


def test_compile_fails_without_a_change():
    model = cnn()
    before = fingerprint(model), model.optimizer, model.loss
    for wrong in (
        {"optimizer": "rmsprob", "loss": "mse"},
        {"optimizer": "sgd", "loss": "mso"},
        {"optimizer": "sgd", "loss": "mse", "metrics": ["acuracy"]},
        {"optimizer": "sgd", "loss": "mse", "engine": "nunpy"},
        {"optimizer": "sgd"},
    ):
        with pytest.raises(ValueError):
            model.compile(**wrong)
    assert (fingerprint(model), model.optimizer, model.loss) == before


def halves(y_true, y_pred):
    return np.full(len(y_true), 0.5)


@pytest.mark.parametrize(
    ("metrics", "names"),
    [
        (None, ["loss"]),
        (["accuracy"], ["loss", "accuracy"]),
        (["acc"], ["loss", "acc"]),
        ("accuracy", ["loss", "accuracy"]),
        (["categorical_accuracy", "mse"], ["loss", "categorical_accuracy", "mse"]),
        ([halves], ["loss", "halves"]),
        (halves, ["loss", "halves"]),
    ],
)
def test_names_of_metrics(metrics, names):
    x, y, _ = images(6)
    model = Sequential([Flatten(input_shape=SHAPE), Dense(CLASSES, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics)
    assert model.metrics_names == names
    assert list(model.fit(x, y, verbose=0).history) == names
    measured = model.evaluate(x, y, verbose=0)
    if len(names) == 1:
        assert isinstance(measured, float)
    else:
        assert len(measured) == len(names)
    by_name = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(by_name) == names
    assert by_name.get("halves", 0.5) == 0.5


def test_accuracy_fits_the_loss():
    x, one_hot, labels = images(30)
    right = {}
    for loss, y in (
        ("categorical_crossentropy", one_hot),
        ("sparse_categorical_crossentropy", labels),
        ("sparse_categorical_crossentropy", labels[:, None]),
    ):
        model = cnn(loss=loss)
        classes = model.predict(x).argmax(axis=1)
        _, accuracy = model.evaluate(x, y, verbose=0)
        right[len(right)] = accuracy
        assert accuracy == (classes == labels).mean()
    assert len(set(right.values())) == 1
    binary = Sequential([Flatten(input_shape=SHAPE), Dense(1, activation="sigmoid")])
    binary.compile("sgd", "binary_crossentropy", ["accuracy", "binary_accuracy"])
    yes = (labels > 0).astype(int)
    expected = ((binary.predict(x)[:, 0] > 0.5) == yes).mean()
    assert binary.evaluate(x, yes, verbose=0)[1:] == [expected, expected]


def test_a_metric_that_does_not_fit_the_targets_is_refused():
    x, _, labels = images(6)
    model = Sequential([Flatten(input_shape=SHAPE), Dense(CLASSES, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", ["categorical_accuracy"])
    with pytest.raises(ShapeError, match=r"'categorical_accuracy' needs .*\(6, 3\), got \(6,\)"):
        model.evaluate(x, labels, verbose=0)


# weights


def test_predicting_nothing_gives_nothing():
    assert cnn().predict(np.zeros((0, *SHAPE))).shape == (0, CLASSES)
    assert cnn().predict(np.zeros((0, *SHAPE)), verbose=1).dtype == np.float32


def test_predict_needs_no_compile_and_any_batch_size_agrees():
    x, _, _ = images(23)
    model = Sequential([Conv2D(2, 3, input_shape=SHAPE), Flatten(), Dense(4), Softmax()])
    whole = model.predict(x, batch_size=23)
    for size in (1, 2, 7, 22, 1000, None):
        np.testing.assert_allclose(model.predict(x, batch_size=size), whole, rtol=1e-5)
    assert np.array_equal(model(x), model.predict(x))
    assert np.array_equal(model.predict_on_batch(x), whole)
    np.testing.assert_allclose(whole.sum(axis=1), 1, rtol=1e-6)


def test_evaluate_weighs_a_short_last_batch_for_what_it_is():
    x, y, _ = images(10)
    model = cnn()
    p = model.predict(x)
    expected = -np.log(p[np.arange(10), y.argmax(axis=1)]).mean()
    for size in (1, 3, 4, 10, 99):
        loss, _ = model.evaluate(x, y, batch_size=size, verbose=0)
        assert loss == pytest.approx(expected, rel=1e-5)
    assert model.test_on_batch(x, y) == model.evaluate(x, y, batch_size=10, verbose=0)


def test_nothing_but_training_changes_a_model():
    x, y, _ = images(9)
    model = cnn()
    model.fit(x, y, verbose=0)
    before = fingerprint(model)
    model.predict(x)
    model.evaluate(x, y, verbose=0)
    model.get_config()
    model.get_weights()
    assert fingerprint(model) == before
    model.train_on_batch(x, y)
    assert fingerprint(model) != before


def test_predict_lets_nan_through():
    x, _, _ = images(3)
    x[1, 2, 2, 0] = np.nan
    model = Sequential([Conv2D(2, 3, input_shape=SHAPE)])
    broken = np.isnan(model.predict(x))
    assert broken[1].any()
    assert not broken[[0, 2]].any()


def test_train_on_batch_is_one_step_of_fit():
    x, y, _ = images(8)
    one, other = cnn(rate=0.0), cnn(rate=0.0)
    history = one.fit(x, y, batch_size=8, shuffle=False, verbose=0).history
    loss, accuracy = other.train_on_batch(x, y)
    assert fingerprint(one) == fingerprint(other)
    assert history == {"loss": [loss], "accuracy": [accuracy]}


# layers of one's own, layouts


def test_a_layer_of_ones_own_trains_and_is_saved(tmp_path):
    x, y, _ = images(12)
    set_random_seed(5)
    model = Sequential([Flatten(input_shape=SHAPE), Scale(0.5), Dense(CLASSES), Softmax()])
    model.compile("adam", "categorical_crossentropy")
    losses = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert (model.layers[1].params["w"] != 1).all()
    model.save(tmp_path / "own.npz")
    with pytest.raises(ValueError, match="custom_objects"):
        load_model(tmp_path / "own.npz")
    again = load_model(tmp_path / "own.npz", custom_objects={"Scale": Scale})
    assert again.layers[1].factor == 0.5
    assert np.array_equal(again.predict(x), model.predict(x))


def test_channels_first_equals_channels_last():
    x, y, _ = images(10, shape=(6, 5, 2))
    models = {}
    for layout in ("channels_last", "channels_first"):
        backend.set_image_data_format(layout)
        shape = (6, 5, 2) if layout == "channels_last" else (2, 6, 5)
        set_random_seed(4)
        models[layout] = Sequential(
            [
                Conv2D(3, (2, 3), activation="relu", padding="same", input_shape=shape),
                MaxPool2D(2),
                Flatten(),
                Dense(CLASSES, activation="softmax"),
            ]
        )
        models[layout].compile("rmsprop", "categorical_crossentropy")
    last, first = models["channels_last"], models["channels_first"]
    assert first.layers[0].output_shape == (None, 3, 6, 5)
    assert weights_hash(first) == weights_hash(last)
    moved = x.transpose(0, 3, 1, 2)
    assert np.array_equal(first.predict(moved), last.predict(x))
    last.fit(x, y, batch_size=4, epochs=2, verbose=0)
    first.fit(moved, y, batch_size=4, epochs=2, verbose=0)
    for a, b in zip(last.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


# copies, threads, interrupts


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_model_cannot_be_pickled(copied):
    with pytest.raises(TypeError, match=r"model\.save.*load_model"):
        copied(cnn())


def test_two_models_in_one_program_do_not_meet():
    x, y, _ = images(12)
    alone = cnn()
    alone.fit(x, y, verbose=0)
    first, second = cnn(), cnn()
    second.fit(x, y, epochs=2, verbose=0)
    first.fit(x, y, verbose=0)
    assert weights_hash(first) == weights_hash(alone)


def test_a_reshape_in_the_middle_trains():
    x, _, _ = images(12)
    set_random_seed(1)
    model = Sequential([Reshape((36,), input_shape=SHAPE), Dense(36), Reshape((6, 6, 1))])
    model.compile("adam", "mse")
    losses = model.fit(x, x, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_weights_beyond_the_float_range_are_refused():
    model = cnn()
    before = model.get_weights()
    after = [w.astype(np.float64) for w in before]
    after[-1][0] = 1e300
    with pytest.raises(DTypeError, match="array 5 has numbers that are too large for float32"):
        model.set_weights(after)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_layer_that_sets_no_gradient_is_named():
    class Forgetful(Scale):
        def backward(self, dy):
            return dy

    model = Sequential([Forgetful(input_shape=(2,), name="forgetful")])
    model.compile("sgd", "mse")
    with pytest.raises(GradientError, match=r"'forgetful' did not set grads\['w'\].*check_layer"):
        model.fit(np.ones((4, 2)), np.ones((4, 2)), verbose=0)


def test_an_optimizer_serves_one_model():
    """Else the second model would begin with the first one's momentum."""
    optimizer = SGD(0.1, momentum=0.9)
    x, y, _ = images(8)
    for first in (True, False):
        model = cnn()
        model.compile(optimizer, "categorical_crossentropy")
        before = model.get_weights()
        if first:
            model.fit(x, y, verbose=0)
            model.fit(x, y, verbose=0)
            continue
        with pytest.raises(ShapeError, match="Use a new optimizer for each model"):
            model.fit(x, y, verbose=0)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_trainable_of_the_model_is_that_of_its_layers():
    model = cnn()
    model.trainable = False
    assert not model.trainable
    before = model.get_weights()
    x, y, _ = images(8)
    model.fit(x, y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_copied_layer_stands_in_no_model():
    model = Sequential([Dense(3, input_shape=(2,)), Dense(1)])
    other = Sequential([layer.copy() for layer in model.layers])
    x = np.ones((4, 2))
    np.testing.assert_array_equal(other.predict(x), model.predict(x))
    assert not any(layer.shared for layer in [*model.layers, *other.layers])
    other.layers[0].params["w"][...] = 0
    assert (other.predict(x) != model.predict(x)).any()
