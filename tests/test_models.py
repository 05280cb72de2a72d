"""Sequential: building, compiling, naming, training and using, as a user meets it."""

import copy
import gc
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import CLASSES, SHAPE, Scale, cnn, dense, fingerprint, images, weights_hash

from numcnn import backend
from numcnn.callbacks import Callback, LambdaCallback, TerminateOnNaN
from numcnn.errors import (
    DivergedError,
    DTypeError,
    GradientError,
    NotCompiledError,
    ShapeError,
)
from numcnn.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPool2D,
    Reshape,
    Softmax,
)
from numcnn.losses import CategoricalCrossentropy
from numcnn.models import Sequential, load_model
from numcnn.optimizers import SGD
from numcnn.utils import set_random_seed

ONE_CONVOLUTION = """\
Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #
=================================================================
conv2d (Conv2D)              (None, 26, 26, 32)        320
_________________________________________________________________
max_pooling2d (MaxPool2D)    (None, 13, 13, 32)        0
_________________________________________________________________
flatten (Flatten)            (None, 5408)              0
_________________________________________________________________
dense (Dense)                (None, 128)               692352
_________________________________________________________________
dropout (Dropout)            (None, 128)               0
_________________________________________________________________
dense_1 (Dense)              (None, 10)                1290
=================================================================
Total params: 693,962
Trainable params: 693,962
Non-trainable params: 0
_________________________________________________________________
"""

THREE_CONVOLUTIONS = """\
Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #
=================================================================
conv2d (Conv2D)              (None, 26, 26, 32)        320
_________________________________________________________________
conv2d_1 (Conv2D)            (None, 24, 24, 32)        9248
_________________________________________________________________
max_pooling2d (MaxPool2D)    (None, 12, 12, 32)        0
_________________________________________________________________
conv2d_2 (Conv2D)            (None, 10, 10, 32)        9248
_________________________________________________________________
flatten (Flatten)            (None, 3200)              0
_________________________________________________________________
dense (Dense)                (None, 128)               409728
_________________________________________________________________
dropout (Dropout)            (None, 128)               0
_________________________________________________________________
dense_1 (Dense)              (None, 10)                1290
=================================================================
Total params: 429,834
Trainable params: 429,834
Non-trainable params: 0
_________________________________________________________________
"""


def one_convolution():
    model = Sequential()
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(MaxPool2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.25))
    model.add(Dense(10, activation="softmax"))
    return model


def three_convolutions():
    model = Sequential()
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
    model.add(MaxPool2D((2, 2)))
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.1))
    model.add(Dense(10, activation="softmax"))
    return model


# summary


@pytest.mark.parametrize(
    ("make", "text", "count"),
    [
        (one_convolution, ONE_CONVOLUTION, 693_962),
        (three_convolutions, THREE_CONVOLUTIONS, 429_834),
    ],
)
def test_the_summaries_of_the_tutorial(make, text, count, capsys):
    model = make()
    assert model.summary() is None
    printed = capsys.readouterr().out
    assert [line.rstrip() for line in printed.splitlines()] == text.splitlines()
    assert model.count_params() == count


def test_a_summary_goes_where_it_is_sent(capsys):
    lines = []
    one_convolution().summary(line_length=100, print_fn=lines.append)
    assert capsys.readouterr().out == ""
    assert {len(line) for line in lines if set(line) <= {"_", "="}} == {100}
    assert lines[2].index("Output Shape") == 45
    assert lines[2].index("Param #") == 85


def test_a_summary_grows_where_a_name_would_be_cut():
    lines = []
    Sequential([Dense(2, name="a" * 60, input_shape=(3,))]).summary(print_fn=lines.append)
    assert any("a" * 60 + " (Dense)" in line for line in lines)
    assert len({len(line) for line in lines[1:6]}) == 1


def test_a_summary_counts_frozen_parameters():
    lines = []
    model = Sequential([Dense(2, input_shape=(3,), trainable=False), Dense(1)])
    model.summary(print_fn=lines.append)
    assert lines[-4:-1] == ["Total params: 11", "Trainable params: 3", "Non-trainable params: 8"]


# adding, naming, building


def test_names_count_up_and_given_names_stay():
    model = three_convolutions()
    model.add(Dense(3, name="last"))
    names = [layer.name for layer in model.layers]
    assert names[:3] == ["conv2d", "conv2d_1", "max_pooling2d"]
    assert names[-3:] == ["dropout", "dense_1", "last"]
    assert model.get_layer("last") is model.get_layer(index=-1) is model.layers[-1]
    with pytest.raises(ValueError, match="already"):
        model.add(Dense(2, name="last"))
    assert len(model.layers) == 9
    with pytest.raises(ValueError, match=r"Unknown layer 'lost'\. Did you mean 'last'"):
        model.get_layer("lost")


def test_a_layer_added_after_a_pop_takes_the_free_name():
    model = Sequential([Dense(4, input_shape=(2,)), Dense(3), Dense(2)])
    model.pop()
    assert model.output_shape == (None, 3)
    model.add(Dense(5))
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "dense_2"]
    assert model.output_shape == (None, 5)


def test_a_popped_layer_is_free_again():
    layer = Dense(3)
    model = Sequential([Dense(4, input_shape=(2,)), layer])
    with pytest.raises(ValueError, match="belong to one place"):
        Sequential([layer])
    model.pop()
    Sequential([Input(shape=(4,)), layer])
    with pytest.raises(ValueError, match="belong to one place"):
        model.add(layer)


def test_popping_to_the_last_layer():
    model = Sequential([Dense(4, input_shape=(2,))])
    model.pop()
    model.add(Dense(4, input_shape=(7,)))
    assert model.input_shape == (None, 7)
    model.pop()
    with pytest.raises(ValueError, match="empty"):
        model.pop()


def test_a_list_that_fails_lets_its_layers_go():
    first = Flatten(input_shape=(4, 4, 1))
    with pytest.raises(ShapeError):
        Sequential([first, Conv2D(2, 3)])
    assert Sequential([first, Dense(2)]).output_shape == (None, 2)


def test_a_layer_that_does_not_fit_leaves_the_model_as_it_was():
    model = Sequential()
    with pytest.raises(ShapeError, match=r"Layer 0 \('conv2d'\)"):
        model.add(Conv2D(2, (9, 9), input_shape=(4, 4, 1)))
    assert model.layers == []
    model.add(Dense(2, input_shape=(3,)))
    assert model.input_shape == (None, 3)


def test_input_says_the_shape():
    for model in (
        Sequential([Input(shape=(3,)), Dense(2)]),
        Sequential([Dense(2, input_shape=(3,))]),
        Sequential([Dense(2, input_dim=3)]),
        Sequential([Input((3,)), Dense(2, input_shape=(3,))]),
    ):
        assert model.built
        assert model.input_shape == (None, 3)
        assert [type(layer) for layer in model.layers] == [Dense]
    with pytest.raises(ShapeError, match="first"):
        Sequential([Dense(2), Input(shape=(3,))])
    with pytest.raises(ShapeError, match=r"\(3,\).*\(4,\)"):
        Sequential([Input(shape=(3,)), Dense(2, input_shape=(4,))])


def test_building_by_hand_and_twice():
    model = Sequential([Flatten(), Dense(2)])
    assert not model.built
    for use in (model.count_params, model.get_weights, model.summary, lambda: model.input_shape):
        with pytest.raises(NotCompiledError, match=r"input_shape|build"):
            use()
    model.build((None, 2, 3))
    before = weights_hash(model)
    model.build((7, 2, 3))
    assert weights_hash(model) == before
    assert model.layers[1].params["w"].shape == (6, 2)
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(4, 3\)"):
        model.build((None, 4, 3))


def test_an_unbuilt_model_builds_at_its_first_use():
    x, y, _ = images(8)
    layers = [Conv2D(2, 3), Flatten(), Dense(CLASSES, activation="softmax")]
    model = Sequential(layers)
    model.compile("sgd", "categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert model.input_shape == (None, *SHAPE)
    assert Sequential([Flatten(), Dense(2)]).predict(x).shape == (8, 2)


def test_a_model_that_cannot_be_built_takes_no_seed():
    model = Sequential([Dense(4), Dense(10**12)])
    model.compile("sgd", "mse")
    before = np.random.get_state()[1:3]
    with pytest.raises(MemoryError, match=r"'dense_1'.*\(4, 1000000000000\)"):
        model.build((None, 3))
    after = np.random.get_state()[1:3]
    assert not model.layers[0].built
    assert np.array_equal(before[0], after[0])
    assert before[1] == after[1]


def test_a_batch_that_no_machine_holds():
    model = Sequential([Conv2D(64, 3, padding="same"), Flatten(), Dense(2)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.broadcast_to(np.zeros((1, 28, 28, 1), np.uint8), (10**8, 28, 28, 1))
    y = np.zeros(10**8, np.uint8)
    match = r"batch of 100,000,000 samples.*layer 0 \('conv2d'\).*batch_size, at most [\d,]+\."
    with pytest.raises(MemoryError, match=match):
        model.fit(x, y, batch_size=10**8)
    with pytest.raises(MemoryError, match=match):
        model.predict(x, batch_size=10**9)
    assert not model.built


# compiling


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


def test_weights_are_copies_all_or_none():
    model = cnn()
    weights = model.get_weights()
    assert [w.shape for w in weights] == [(3, 3, 1, 2), (2,), (8, 5), (5,), (5, 3), (3,)]
    for array in weights:
        array += 1
    before = weights_hash(model)
    assert all((a != b).any() for a, b in zip(weights, model.get_weights(), strict=True))
    model.set_weights(weights)
    for given_array, own in zip(weights, model.get_weights(), strict=True):
        assert np.array_equal(given_array, own)
    for layer in model.layers:
        for param in layer.params.values():
            assert not any(np.shares_memory(param, w) for w in weights)
    after = weights_hash(model)
    assert after != before
    wrong = [w * 2 for w in weights]
    wrong[1], wrong[4] = np.zeros(3), np.zeros((5, 3), complex)
    match = r"array 1: expected \(2,\).*got \(3,\).*; array 4: .*complex"
    with pytest.raises(ShapeError, match=match):
        model.set_weights(wrong)
    with pytest.raises(ShapeError, match=r"needs 6 arrays.*got 5"):
        model.set_weights(weights[:-1])
    with pytest.raises(DTypeError):
        model.set_weights(None)
    assert weights_hash(model) == after


def test_frozen_layers_stay_and_all_others_move():
    x, y, _ = images(12)
    set_random_seed(3)
    model = Sequential(
        [
            Conv2D(2, 3, activation="tanh", input_shape=SHAPE),
            Flatten(),
            Dense(4, activation="tanh", trainable=False),
            Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "categorical_crossentropy")
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.fit(x, y, epochs=2, verbose=0)
    for layer in model.layers:
        for old, new in zip(before[layer.name], layer.get_weights(), strict=True):
            assert np.array_equal(old, new) is (layer.name == "dense")


def test_thawing_needs_a_new_optimizer():
    x, y, _ = images(12)
    model = cnn()
    model.layers[0].trainable = False
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = True
    before = fingerprint(model)
    with pytest.raises(ShapeError, match="compile anew after a change"):
        model.fit(x, y, verbose=0)
    assert fingerprint(model) == before
    model.compile("rmsprop", "categorical_crossentropy")
    model.fit(x, y, verbose=0)


def test_another_layer_in_place_of_the_last_needs_a_new_optimizer():
    x, y, labels = images(12)
    model = cnn()
    model.fit(x, y, verbose=0)
    model.pop()
    model.add(Dense(2, activation="softmax"))
    before = fingerprint(model)
    with pytest.raises(ShapeError, match="compile anew after a change"):
        model.fit(x, np.eye(2)[labels % 2], verbose=0)
    assert fingerprint(model) == before


def test_a_layer_added_after_the_first_use_takes_part():
    x, y, labels = images(12)
    model = cnn()
    model.evaluate(x, y, verbose=0)
    model.add(Dense(2, activation="softmax"))
    targets = np.eye(2)[labels % 2]
    expected = -np.log((model.predict(x) * targets).sum(axis=1)).mean()
    assert model.evaluate(x, targets, verbose=0)[0] == pytest.approx(expected, rel=1e-5)
    model.fit(x, targets, verbose=0)
    model.compile("sgd", "mse")
    expected = ((model.predict(x) - targets) ** 2).mean()
    assert model.evaluate(x, targets, verbose=0) == pytest.approx(expected, rel=1e-5)


# predicting and evaluating


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


# training: what comes out


def train(seed, how):
    how(seed)
    x, y, _ = images(20)
    model = Sequential([Conv2D(2, 3, input_shape=SHAPE), Flatten(), Dropout(0.3), Dense(CLASSES)])
    model.add(Activation("softmax"))
    model.compile("rmsprop", "categorical_crossentropy", ["accuracy"])
    history = model.fit(x, y, batch_size=6, epochs=3, validation_split=0.2, verbose=0)
    return weights_hash(model), history.history


@pytest.mark.parametrize("how", [np.random.seed, set_random_seed])
def test_the_same_seed_gives_the_same_bits(how):
    assert train(99, how) == train(99, how)
    assert train(99, how) != train(98, how)


def test_training_leaves_numpys_random_state_alone():
    x, y, _ = images(20)
    model = cnn()
    np.random.seed(7)
    expected = np.random.random(5)
    np.random.seed(7)
    model.fit(x, y, epochs=2, verbose=0)
    model.predict(x)
    assert np.array_equal(np.random.random(5), expected)


def ten_classes(seed):
    set_random_seed(seed)
    model = Sequential(
        [
            Conv2D(4, 3, activation="relu", input_shape=SHAPE),
            Flatten(),
            Dense(32, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


@given(st.integers(0, 2**32 - 1))
def test_the_loss_begins_at_log_10(seed):
    x, _, _ = images(200, seed)
    labels = np.arange(200) % 10
    loss, _ = ten_classes(seed).evaluate(0.2 * x, labels, verbose=0)
    assert loss == pytest.approx(np.log(10), rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_twenty_samples_are_learned_by_heart(seed):
    x, _, _ = images(20, seed)
    labels = np.random.default_rng(seed).integers(0, 10, 20)
    model = ten_classes(seed)
    model.optimizer.learning_rate = 0.01
    model.fit(x, labels, epochs=300, batch_size=20, verbose=0)
    loss, accuracy = model.evaluate(x, labels, verbose=0)
    assert loss < 1e-3
    assert accuracy == 1


def test_two_classes_that_a_line_parts_are_learned():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    x += 2 * np.sign(x.sum(axis=1, keepdims=True))
    y = (x.sum(axis=1) > 0).astype(int)
    set_random_seed(0)
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(2,))])
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    model.optimizer.learning_rate = 0.1
    assert model.fit(x, y, epochs=20, verbose=0).history["accuracy"][-1] == 1


def layouts(x):
    """Yield the same numbers in arrays of other layouts and types."""
    yield "read-only", np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape)
    yield "columns first", np.asfortranarray(x)
    yield "every second", np.repeat(x, 2, axis=0)[::2]
    yield "backwards", x[::-1].copy()[::-1]
    yield "transposed", x.transpose(2, 1, 0, 3).copy().transpose(2, 1, 0, 3)
    yield "big endian", x.astype(">f4")
    yield "float64", x.astype("float64")
    yield "subclass", x.view(np.recarray)
    if (x == x.astype("uint8")).all():
        yield "uint8", x.astype("uint8")
        yield "int64", x.astype("int64")
        yield "bool", x.astype(bool)
        yield "float16", x.astype("float16")
        yield "list", x.tolist()


@pytest.mark.parametrize("whole", [False, True])
def test_any_layout_and_type_of_inputs_gives_the_same_bits(whole, tmp_path):
    x, y, _ = images(10)
    if whole:
        x = (x > 0.5).astype("float32")
    results = set()
    np.save(tmp_path / "x.npy", x)
    variants = [*layouts(x), ("memory map", np.load(tmp_path / "x.npy", mmap_mode="r"))]
    for name, array in [("as it is", x), *variants]:
        before = np.array(array, copy=True)
        model = cnn()
        model.fit(array, y, batch_size=4, epochs=2, verbose=0)
        results.add((weights_hash(model), model.predict(array).tobytes()))
        assert len(results) == 1, name
        assert np.array_equal(array, before), name
    one_hot = np.asfortranarray(y)
    for targets in (one_hot, y.astype("int32"), y.astype(bool), y.tolist()):
        model = cnn()
        model.fit(x, targets, batch_size=4, epochs=2, verbose=0)
        results.add((weights_hash(model), model.predict(x).tobytes()))
    assert len(results) == 1


def test_weights_never_share_memory_with_the_data():
    x, y, _ = images(6)
    model = Sequential([Flatten(input_shape=SHAPE), Dense(CLASSES)])
    model.compile("sgd", "mse")
    model.fit(x, y, shuffle=False, batch_size=6, verbose=0)
    outputs = model.predict(x)
    for layer in model.layers:
        for array in layer.params.values():
            assert not np.shares_memory(array, x)
            assert not np.shares_memory(array, outputs)
    flat = Sequential([Flatten(input_shape=SHAPE)])
    assert not np.shares_memory(flat.predict(x), x)


def test_raw_pixels_train_with_one_warning():
    x, y, _ = images(16)
    pixels = (x * 255).astype("uint8")
    model = cnn()
    with pytest.warns(UserWarning, match="divide by 255") as warned:
        model.fit(pixels, y, verbose=0)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(pixels, y, verbose=0)
        cnn().fit(x, y, verbose=0)
    assert np.isfinite(model.predict(pixels)).all()


# copies, threads, interrupts


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_model_cannot_be_pickled(copied):
    with pytest.raises(TypeError, match=r"model\.save.*load_model"):
        copied(cnn())


def test_a_second_training_at_the_same_time_is_refused():
    x, y, _ = images(8)
    model = cnn()
    inside, go_on = threading.Event(), threading.Event()

    class Pause(Callback):
        def on_train_batch_begin(self, batch, logs=None):
            inside.set()
            assert go_on.wait(30)

    thread = threading.Thread(target=lambda: model.fit(x, y, verbose=0, callbacks=[Pause()]))
    thread.start()
    try:
        assert inside.wait(30)
        before = fingerprint(model)
        with pytest.raises(RuntimeError, match="training already"):
            model.fit(x, y, verbose=0)
        with pytest.raises(RuntimeError, match="training already"):
            model.train_on_batch(x, y)
        assert model.predict(x).shape == (8, CLASSES)
        assert fingerprint(model) == before
    finally:
        go_on.set()
        thread.join()
    assert model.optimizer.iterations == 1
    model.fit(x, y, verbose=0)


def test_fit_within_fit_is_refused_and_leaves_the_model_free():
    x, y, _ = images(8)
    model = cnn()
    again = LambdaCallback(on_epoch_end=lambda epoch, logs: model.fit(x, y, verbose=0))
    with pytest.raises(RuntimeError, match="further up"):
        model.fit(x, y, verbose=0, callbacks=[again])
    model.fit(x, y, verbose=0)


def test_predicting_from_many_threads_is_right():
    x, _, _ = images(24)
    model = cnn()
    slices = [x[i : i + n] for i in range(6) for n in (1, 4, 9)]
    expected = [model.predict(part, batch_size=4).tobytes() for part in slices]
    wrong = []

    def work():
        for _ in range(5):
            for part, right in zip(slices, expected, strict=True):
                if model.predict(part, batch_size=4).tobytes() != right:
                    wrong.append(len(part))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def hashes_of_a_clean_run(x, y, epochs):
    model = cnn()
    hashes = [weights_hash(model)]
    note = LambdaCallback(on_batch_end=lambda batch, logs: hashes.append(weights_hash(model)))
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, callbacks=[note])
    return hashes


def test_an_interrupt_in_a_callback_leaves_the_last_whole_batch():
    x, y, _ = images(20)
    clean = hashes_of_a_clean_run(x, y, 2)
    for at in range(10):
        model = cnn()
        seen = []

        def interrupt(batch, logs, at=at, seen=seen):
            seen.append(batch)
            if len(seen) == at + 1:
                raise KeyboardInterrupt

        stop = LambdaCallback(on_batch_end=interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[stop])
        assert weights_hash(model) == clean[at + 1]
        assert model.optimizer.iterations == at + 1
        assert model.get_layer("dropout").step == at + 1
        assert model.history.epoch == [0] * (at > 4)


@pytest.fixture
def no_collection():
    """Hold the garbage collector: an interrupt inside one of its callbacks would be lost."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_real_interrupts_leave_whole_batches(no_collection):
    x, y, _ = images(20)
    clean = hashes_of_a_clean_run(x, y, 40)
    delays = np.random.default_rng(0).uniform(0.0005, 0.04, 60)
    places = []
    for delay in delays:
        model = cnn()
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            model.fit(x, y, batch_size=4, epochs=40, verbose=0)
        except KeyboardInterrupt:
            pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        done = model.optimizer.iterations
        assert weights_hash(model) == clean[done]
        assert model.get_layer("dropout").step == done
        assert all((a == 0).all() for s in model.optimizer.slots.values() for a in s) is (done == 0)
        places.append(done)
        model.train_on_batch(x, y)
    assert len(set(places)) > 5


def test_a_program_interrupted_from_outside_ends_with_a_whole_model():
    program = f"""
import os, signal, threading, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from small_nets import cnn, images, weights_hash
from numcnn.callbacks import LambdaCallback
x, y, _ = images(20)
model, seen = cnn(), []
def told(batch, logs):
    seen.append(weights_hash(model))
    if len(seen) == 7:
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
try:
    model.fit(x, y, batch_size=4, epochs=10**6, verbose=0,
              callbacks=[LambdaCallback(on_batch_end=told)])
except KeyboardInterrupt:
    before = weights_hash(model)
    done = model.optimizer.iterations
    assert done in (len(seen), len(seen) + 1)
    assert done > len(seen) or before == seen[-1]
    print("whole", done >= 7)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "whole True\n", done.stderr


def test_a_thread_can_train_while_signals_go_to_another():
    x, y, _ = images(8)
    model = cnn()
    thread = threading.Thread(target=lambda: model.fit(x, y, verbose=0))
    thread.start()
    thread.join()
    assert model.optimizer.iterations == 1


# divergence


def diverge(model, x, y, **kwargs):
    """Train until the loss is no number; return the error and the state before the last batch."""
    states = []
    note = LambdaCallback(on_batch_begin=lambda batch, logs: states.append(fingerprint(model)))
    with pytest.raises(DivergedError) as caught:
        model.fit(x, y, batch_size=4, verbose=0, callbacks=[note], **kwargs)
    return caught.value, states


@pytest.mark.parametrize("optimizer", [SGD(1e30), SGD(1e12, momentum=0.9)])
def test_divergence_is_an_error_that_names_the_place(optimizer):
    x, y, _ = images(20)
    set_random_seed(2)
    model = Sequential([Flatten(input_shape=SHAPE), Dropout(0.2), Dense(4), Dense(CLASSES)])
    model.compile(optimizer, "mse")
    error, states = diverge(model, x, y, epochs=50)
    batch, epoch = (len(states) - 1) % 5 + 1, (len(states) - 1) // 5 + 1
    assert str(error).startswith(f"epoch {epoch}, batch {batch} of 5: the loss became")
    assert f"learning rate {optimizer.learning_rate:.3g}" in str(error)
    assert "Lower the learning rate" in str(error)
    assert "norm" in str(error)
    assert isinstance(error, FloatingPointError)
    assert fingerprint(model) == states[-1]
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert model.get_layer("dropout").step == model.optimizer.iterations == len(states) - 1


def test_a_gradient_that_is_too_large_is_found_before_a_weight_moves():
    x, y, _ = images(4)
    model = cnn()
    model.set_weights([abs(w) for w in model.get_weights()])
    model.layers[-1].params["w"][...] *= [1e25, 2e25, 3e25]
    error, states = diverge(model, x * 1e-3, y)
    assert np.isfinite(model.layers[0].grads["w"]).all()
    assert "w of 'conv2d'" in str(error)
    assert "w of 'dense_1'" not in str(error)
    assert fingerprint(model) == states[0]


def test_training_goes_on_after_a_divergence():
    x, y, _ = images(20)
    model = dense(inputs=36, optimizer=SGD(1e30))
    flat = x.reshape(20, -1)
    diverge(model, flat, y, epochs=9)
    model.set_weights([np.zeros((36, 3)), np.zeros(3)])
    model.optimizer.learning_rate = 0.01
    assert np.isfinite(model.fit(flat, y, verbose=0).history["loss"]).all()


def test_terminate_on_nan_ends_in_peace(capsys):
    x, y, _ = images(20)
    model = dense(inputs=36, optimizer=SGD(1e30))
    history = model.fit(
        x.reshape(20, -1), y, batch_size=4, epochs=9, verbose=0, callbacks=[TerminateOnNaN()]
    )
    assert "terminating training" in capsys.readouterr().out
    assert np.isnan(history.history["loss"][-1])
    assert len(history.epoch) < 9
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_numbers_in_x_are_found_before_anything_changes(bad):
    x, y, _ = images(10)
    x[7, 1, 2, 0] = x[9, 0, 0, 0] = bad
    model = Sequential([Flatten(), Dropout(0.5), Dense(CLASSES)])
    model.compile("sgd", "mse")
    state = np.random.get_state()[1].copy()
    with pytest.raises(ValueError, match=r"x has 2 values .*\(7, 1, 2, 0\).*check_finite=False"):
        model.fit(x, y)
    assert not model.built
    assert np.array_equal(np.random.get_state()[1], state)
    error, _ = diverge(model, x, y, check_finite=False, shuffle=False)
    assert "epoch 1, batch 2 of 3" in str(error)


def test_numbers_too_large_for_float32_are_refused():
    x, y, _ = images(4, dtype="float64")
    x[2, 0, 0, 0] = 1e39
    with pytest.raises(DTypeError, match=r"too large for float32.*\(2, 0, 0, 0\)"):
        cnn().fit(x, y)
    set_random_seed(0)
    wide = Sequential([Flatten(input_shape=SHAPE, dtype="float64")])
    wide.add(Dense(CLASSES, dtype="float64"))
    wide.compile("sgd", "mse")
    wide.optimizer.learning_rate = 1e-300
    with pytest.warns(UserWarning, match="divide by 255"):
        wide.fit(x, y, verbose=0)
    assert wide.predict(x).dtype == np.float64


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


@pytest.mark.parametrize(
    ("units", "activation", "loss", "message"),
    [
        (1, "softmax", "categorical_crossentropy", "softmax over one output is always 1"),
        (3, "softmax", "binary_crossentropy", "a yes or no of its own"),
        (
            3,
            None,
            "categorical_crossentropy",
            "needs probabilities, but the last layer ends in Lin",
        ),
        (3, "relu", "sparse_categorical_crossentropy", "End the model in a softmax"),
    ],
)
def test_an_ending_that_does_not_fit_the_loss_is_warned_of_once(units, activation, loss, message):
    model = Sequential([Dense(units, activation=activation, input_shape=(2,))])
    model.compile("sgd", loss)
    x, y = np.ones((4, 2)), np.ones((4, 1 if loss.startswith("sparse") else units))
    with pytest.warns(UserWarning, match=message) as warned:
        model.fit(x, y, verbose=0)
    model.fit(x, y, verbose=0)
    assert len(warned) == 1
    assert warned[0].filename == __file__


def test_scores_with_a_loss_on_scores_are_no_reason_to_warn():
    model = Sequential([Dense(3, input_shape=(2,))])
    model.compile("sgd", CategoricalCrossentropy(from_logits=True))
    model.fit(np.ones((4, 2)), np.eye(4, 3), verbose=0)


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


def test_the_first_predict_may_come_from_several_threads():
    for _ in range(10):
        model = Sequential([Dense(50), Dense(3)])
        x = np.ones((4, 20), "float32")
        barrier, outputs = threading.Barrier(4), []

        def work(model=model, x=x, barrier=barrier, outputs=outputs):
            barrier.wait()
            outputs.append(model.predict(x))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(np.array_equal(output, model.predict(x)) for output in outputs)
        assert len(outputs) == 4
