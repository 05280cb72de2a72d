"""The price of what layers give out: in loss and gradients, on both engines, for any layer."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numcnn import layers
from numcnn.errors import DivergedError, DTypeError
from numcnn.gradcheck import check_model
from numcnn.layers import (
    ActivityRegularization,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
)
from numcnn.models import Sequential, clone_model, model_from_json
from numcnn.optimizers import SGD
from numcnn.regularizers import L1, L1L2, L2, Regularizer
from numcnn.utils import set_random_seed

close = np.testing.assert_allclose
engines = pytest.mark.parametrize("engine", ["numpy", "numba"])


class Crowd(Regularizer):
    """The square of the sum: no sample's price is its own."""

    def __call__(self, w):
        return float(w.sum(dtype="float64") ** 2)

    def gradient(self, w):
        return np.full_like(w, 2 * w.sum())


def net(engine, prices, dtype="float64", loss="categorical_crossentropy", frozen=()):
    """A small network; prices: the activity_regularizer of each of its layers by number."""
    made = [
        Conv2D(3, 2, dtype=dtype),
        BatchNormalization(dtype=dtype),
        ReLU(dtype=dtype),
        MaxPool2D(dtype=dtype),
        Flatten(dtype=dtype),
        Dense(4, activation="tanh", dtype=dtype),
        Dropout(0.25, dtype=dtype, seed=3),
        Dense(3, activation="softmax", dtype=dtype),
    ]
    for i, layer in enumerate(made):
        layer.activity_regularizer = prices.get(i)
        layer.trainable = i not in frozen
    model = Sequential(made)
    model.build((None, 5, 4, 2))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) ** 2 + 0.1 for w in model.get_weights()])
    model.compile(SGD(0.125), loss, engine=engine)
    return model


def data(n=6):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 5, 4, 2)), np.eye(3)[rng.integers(0, 3, n)]


@engines
@settings(max_examples=5)
@given(
    st.dictionaries(st.integers(0, 7), st.sampled_from([L1(0.5), L1L2(0.25, 0.5), Crowd()])),
    st.sets(st.integers(0, 7)),
)
def test_gradients_are_right_wherever_the_prices_stand(engine, prices, frozen):
    model = net(engine, prices, frozen=frozen)
    check_model(model, *data(3)).raise_if_wrong()


def test_engines_agree_in_training_and_evaluation():
    x, y = data(20)
    prices = {0: L2(0.01), 2: L1(0.02), 5: Crowd(), 7: L1L2(0.5, 0.25)}
    found = []
    for engine in ("numpy", "numba"):
        set_random_seed(0)
        model = net(engine, prices)
        model.optimizer.learning_rate = 0.01
        history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, validation_data=(x, y))
        found.append([*history.history["loss"], *history.history["val_loss"]])
        found[-1] += [w.sum() for w in model.get_weights()]
    close(found[0], found[1], rtol=1e-8)


@engines
def test_the_price_is_that_of_the_whole_batch_divided_by_its_samples(engine):
    """Also of batches larger than what is predicted at once."""
    model = Sequential([Dense(2, activity_regularizer=Crowd(), input_shape=(3,), dtype="float64")])
    model.compile("sgd", "mse", engine=engine)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(700, 3)), np.zeros((700, 2))
    out = model.predict(x)
    close(
        model.evaluate(x, y, batch_size=700, verbose=0),
        (out**2).mean() + out.sum() ** 2 / 700,
        rtol=1e-9,
    )


@engines
def test_prices_of_outputs_change_no_prediction_and_ask_no_weight(engine):
    x, y = data()
    free, dear = net(engine, {}), net(engine, {5: L1(0.5)})
    np.testing.assert_array_equal(free.predict(x), dear.predict(x))
    counts = np.array([0, 3, 0.5, 1, 2, 0])
    more = [
        dear.evaluate(x, y, sample_weight=w, verbose=0)
        - free.evaluate(x, y, sample_weight=w, verbose=0)
        for w in (None, counts)
    ]
    close(more[0], more[1], rtol=1e-9)
    assert more[0] > 0


@engines
def test_threads_do_not_mix_up_what_their_batches_cost(engine):
    model = Sequential([Dense(1, use_bias=False, activity_regularizer=L1(1.0), input_shape=(1,))])
    model.set_weights([np.ones((1, 1))])
    model.compile("sgd", "mse", engine=engine)
    wrong = []

    def evaluate(size):
        x = np.full((4, 1), size, "float32")
        for _ in range(20):
            if model.evaluate(x, x, verbose=0) != size:
                wrong.append(size)

    threads = [threading.Thread(target=evaluate, args=(2.0**i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@engines
def test_a_price_that_is_not_finite_is_noticed_before_a_step(engine):
    model = net(engine, {5: L2(1e308)}, dtype="float32")
    before = model.get_weights()
    with pytest.raises(DivergedError):
        model.fit(*data(), verbose=0)
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_they_are_copied_and_described():
    model = net("auto", {0: L2(0.25), 7: L1L2(0.5, 0.25)})
    for twin in (clone_model(model), model_from_json(model.to_json())):
        assert twin.get_config() == model.get_config()
        assert [l.activity_regularizer is None for l in twin.layers] == [
            l.activity_regularizer is None for l in model.layers
        ]
    assert "activity_regularizer" not in model.layers[1].get_config()


def test_mistakes():
    with pytest.raises(DTypeError, match="Give it to the layer whose activation this is"):
        Dense(3, activation=ReLU(activity_regularizer="l1"))
    with pytest.raises(ValueError, match="l1 of a regularizer must be at least 0"):
        ActivityRegularization(l1=-1)


@pytest.mark.parametrize("name", ["Conv2D", "Dropout", "InputLayer", "PReLU", "UpSampling2D"])
def test_every_layer_takes_one(name):
    arguments = {"Conv2D": (2, 3), "Dropout": (0.5,), "InputLayer": ((3,),)}.get(name, ())
    layer = getattr(layers, name)(*arguments, activity_regularizer="l1")
    assert layer.activity_regularizer.get_config() == {"l1": 0.01}
    assert layer.from_config(layer.get_config()).activity_regularizer.l1 == 0.01
