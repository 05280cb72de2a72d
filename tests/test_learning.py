"""Learning: what data may look like, what the same seed promises, and where training goes wrong."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import CLASSES, SHAPE, cnn, dense, fingerprint, images, weights_hash

from numcnn.callbacks import LambdaCallback, TerminateOnNaN
from numcnn.errors import (
    DivergedError,
    DTypeError,
)
from numcnn.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
)
from numcnn.losses import CategoricalCrossentropy
from numcnn.models import Sequential
from numcnn.optimizers import SGD
from numcnn.utils import set_random_seed

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
