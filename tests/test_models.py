"""Sequential: building, compiling, naming, training and using, as a user meets it."""

import copy
import pickle

import numpy as np
import pytest
from small_nets import CLASSES, SHAPE, Scale, cnn, fingerprint, images, weights_hash

from numcnn import backend
from numcnn.errors import (
    DTypeError,
    GradientError,
    NotCompiledError,
    ShapeError,
)
from numcnn.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPool2D,
    Reshape,
    Softmax,
)
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


def test_a_layer_stands_in_a_model_once():
    layer = Dense(3)
    model = Sequential([Dense(4, input_shape=(2,)), layer])
    with pytest.raises(ValueError, match="stands in this model already"):
        model.add(layer)
    model.pop()
    model.add(layer)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]


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
