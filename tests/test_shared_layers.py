"""Layers that stand in several models: a model on a model, and whoever trains them, all see it."""

import copy
import gc

import numpy as np
import pytest

from numcnn.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Softmax
from numcnn.models import Sequential, clone_model, load_model

X = np.random.default_rng(3).random((24, 6), "f4")
ENGINES = ["numpy", "numba"]


def halves():
    encoder = Sequential([Dense(4, activation="tanh", input_shape=(6,)), Dense(2)], "encoder")
    decoder = Sequential([Dense(4, activation="tanh", input_shape=(2,)), Dense(6)], "decoder")
    return encoder, decoder


@pytest.mark.parametrize("engine", ENGINES)
def test_what_the_whole_learns_the_halves_know(engine):
    encoder, decoder = halves()
    whole = Sequential([encoder, decoder])
    alone = Sequential([Dense(4, activation="tanh", input_shape=(6,)), Dense(2)])
    alone.add(Dense(4, activation="tanh"))
    alone.add(Dense(6))
    alone.set_weights(whole.get_weights())
    for model in (whole, alone):
        model.compile("adam", "mse", engine=engine)
        model.fit(X, X, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(whole.weights, alone.weights, strict=True):
        assert a == pytest.approx(b, abs=1e-6)
    assert whole.predict(X) == pytest.approx(decoder.predict(encoder.predict(X)), abs=1e-6)
    assert [layer.name for layer in whole.layers] == ["dense", "dense_1", "dense_2", "dense_3"]
    assert whole.layers == encoder.layers + decoder.layers
    assert whole.input_shape == (None, 6)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_models_take_turns(engine):
    """Each has its own optimizer and goes on where the other has put the weights."""
    encoder, decoder = halves()
    whole = Sequential([encoder, decoder])
    encoder.compile("adam", "mse", engine=engine)
    whole.compile("adam", "mse", engine=engine)
    for _ in range(3):
        before = encoder.get_weights()
        encoder.train_on_batch(X, X[:, :2])
        moved = encoder.get_weights()
        assert all((a != b).any() for a, b in zip(before, moved, strict=True))
        assert all((a == b).all() for a, b in zip(moved, whole.get_weights(), strict=False))
        whole.train_on_batch(X, X)
        assert all((a != b).any() for a, b in zip(moved, encoder.get_weights(), strict=True))
    assert encoder.optimizer.iterations == whole.optimizer.iterations == 3
    assert whole.predict(X) == pytest.approx(decoder.predict(encoder.predict(X)), abs=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_that_was_trained_before_it_was_shared(engine):
    model = Sequential([Dense(5, activation="relu", input_shape=(6,)), Dense(3)])
    model.compile("adam", "mse", engine=engine)
    model.fit(X, X[:, :3], epochs=2, verbose=0)
    head = Sequential([model, Softmax()])
    scores = np.exp(model.predict(X).astype("f8"))
    assert head.predict(X) == pytest.approx(scores / scores.sum(1, keepdims=True), abs=1e-6)
    model.fit(X, X[:, :3], epochs=2, verbose=0)
    scores = np.exp(model.predict(X).astype("f8"))
    assert head.predict(X) == pytest.approx(scores / scores.sum(1, keepdims=True), abs=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_discriminator_learns_alone_and_stays_in_the_gan(engine):
    """Compiled, then frozen, then put behind the generator, as Keras's GANs do it."""
    judge = Sequential([Dense(8, activation="relu", input_shape=(6,)), Dropout(0.2)])
    judge.add(BatchNormalization())
    judge.add(Dense(1, activation="sigmoid"))
    judge.compile("adam", "binary_crossentropy", metrics=["accuracy"], engine=engine)
    judge.trainable = False
    maker = Sequential([Dense(8, activation="relu", input_shape=(3,)), Dense(6)])
    gan = Sequential([maker, judge])
    gan.compile("adam", "binary_crossentropy", engine=engine)
    noise = np.random.default_rng(1).random((8, 3))
    for _ in range(2):
        of_judge, of_maker = judge.get_weights(), maker.get_weights()
        gan.train_on_batch(noise, np.ones(8))
        assert all((a == b).all() for a, b in zip(of_judge, judge.get_weights(), strict=True))
        assert all((a != b).any() for a, b in zip(of_maker, maker.get_weights(), strict=True))
        of_maker = maker.get_weights()
        assert len(judge.train_on_batch(X, [0] * 12 + [1] * 12)) == 2
        assert all((a != b).any() for a, b in zip(of_judge, judge.get_weights(), strict=True))
        assert all((a == b).all() for a, b in zip(of_maker, maker.get_weights(), strict=True))
        assert not judge.trainable  # as it was set
    judge.compile("adam", "binary_crossentropy", engine=engine)  # now it is frozen itself
    of_judge = judge.get_weights()
    judge.fit(X, np.ones(24), verbose=0)
    assert all((a == b).all() for a, b in zip(of_judge, judge.get_weights(), strict=True))


def test_a_layer_of_one_model_follows_trainable_as_it_is():
    model = Sequential([Dense(3, input_shape=(6,))])
    model.compile("sgd", "mse")
    model.trainable = False
    before = model.get_weights()
    model.train_on_batch(X, X[:, :3])
    assert (before[0] == model.get_weights()[0]).all()


def test_layers_of_a_trained_model_one_by_one():
    base = Sequential([Conv2D(2, 3, input_shape=(6, 6, 1)), Flatten(), Dense(4), Dense(3)])
    new = Sequential()
    for layer in base.layers[:-1]:
        new.add(layer)
    new.add(Dense(2))
    images = np.random.default_rng(0).random((4, 6, 6, 1))
    assert new.predict(images).shape == (4, 2)
    assert new.layers[0] is base.layers[0]
    assert base.predict(images).shape == (4, 3)


def test_names_are_free_in_all_models():
    first = Sequential([Dense(2, input_shape=(6,)), Dense(3)])  # dense, dense_1
    other = Sequential([Dense(4, input_shape=(3,)), Dense(5)])  # dense, dense_1
    whole = Sequential([first, other])
    assert [layer.name for layer in whole.layers] == ["dense", "dense_1", "dense_2", "dense_3"]
    third = Sequential([Dense(6, name="dense_3", input_shape=(6,)), first])
    third.add(other.layers[0])  # dense_2 is free in third
    assert len({layer.name for layer in third.layers}) == 4
    for model in (first, other, whole, third):
        names = [layer.name for layer in model.layers]
        assert len(set(names)) == len(names)


def test_a_name_that_its_user_gave_counts_up_where_it_is_taken():
    one = Sequential([Dense(4, name="hidden", input_shape=(6,))])
    two = Sequential([Dense(4, name="hidden", input_shape=(4,))])
    whole = Sequential([one, two])
    assert [layer.name for layer in whole.layers] == ["hidden", "hidden_1"]
    with pytest.raises(ValueError, match="named 'hidden' already"):
        whole.add(Dense(3, name="hidden"))


def test_nothing_is_added_where_a_part_does_not_fit():
    small = Sequential([Dense(3, input_shape=(6,))])
    unbuilt = Sequential([Dense(4), Conv2D(2, 3)])
    with pytest.raises(ValueError, match="needs images"):
        small.add(unbuilt)
    assert [layer.name for layer in small.layers] == ["dense"]
    assert [layer.name for layer in unbuilt.layers] == ["dense", "conv2d"]
    assert small.output_shape == (None, 3)
    with pytest.raises(ValueError, match="cannot stand in itself"):
        small.add(small)
    with pytest.raises(ValueError, match="no layers"):
        small.add(Sequential())
    with pytest.raises(ValueError, match="stands in this model already"):
        Sequential([small, small])


@pytest.mark.parametrize("form", ["npz"])
def test_a_file_holds_all_layers(form, tmp_path):
    whole = Sequential(list(halves()))
    whole.compile("adam", "mse")
    whole.fit(X, X, verbose=0)
    whole.save(tmp_path / f"whole.{form}")
    again = load_model(tmp_path / f"whole.{form}")
    assert (again.predict(X) == whole.predict(X)).all()
    twin = clone_model(whole)
    twin.set_weights(whole.get_weights())
    assert (twin.predict(X) == whole.predict(X)).all()
    assert twin.layers[0] is not whole.layers[0]


def test_a_model_that_is_gone_is_forgotten():
    layer = Dense(3, input_shape=(6,))
    Sequential([layer])
    gc.collect()
    model = Sequential([layer])
    assert not layer.shared
    model.pop()
    assert copy.deepcopy(layer).name == "dense"


def test_the_functional_api_is_named():
    encoder, decoder = halves()
    with pytest.raises(TypeError, match=r"Sequential\(\[first, second\]\)"):
        decoder(encoder)
    with pytest.raises(ValueError, match="training=True"):
        encoder(X, training=True)
    assert (encoder(X).numpy() == encoder.predict(X)).all()


@pytest.mark.parametrize("first", ["training", "predicting"])
def test_statistics_that_another_model_moves(first):
    """The fast engine folds a normalization into the weights before it, when it predicts."""
    images = np.random.default_rng(4).random((16, 6, 6, 1)).astype("f4")
    base = Sequential([Conv2D(3, 3, input_shape=(6, 6, 1)), BatchNormalization(momentum=0.5)])
    whole = Sequential([base, Flatten(), Dense(2)])
    base.compile("sgd", "mse", engine="numba")
    whole.compile("sgd", "mse", engine="numba")
    if first == "predicting":
        base.predict(images)
    for _ in range(2):
        whole.fit(images, np.ones((16, 2)), verbose=0)
        assert base.predict(images) == pytest.approx(as_written(base, images), abs=1e-5)
        base.fit(images, np.ones((16, 4, 4, 3)), verbose=0)
        assert whole.predict(images) == pytest.approx(as_written(whole, images), abs=1e-5)


def as_written(model, x):
    """Return what the layers themselves return."""
    for layer in model.layers:
        x = layer.forward(x)
    return x
