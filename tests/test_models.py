"""Sequential: building, adding and taking away layers, weights, frozen layers."""

import numpy as np
import pytest
from small_nets import CLASSES, SHAPE, cnn, fingerprint, images, weights_hash

from numcnn.errors import (
    DTypeError,
    NotCompiledError,
    ShapeError,
)
from numcnn.layers import (
    Conv2D,
    Dense,
    Flatten,
    Input,
)
from numcnn.models import Sequential
from numcnn.utils import set_random_seed


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
