"""Model files: the same bits back, and what the file is."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_files import as_json
from small_nets import CLASSES, SHAPE, Scale, cnn, dense, fingerprint, images, weights_hash

from numcnn import layers
from numcnn.errors import ModelFileError
from numcnn.initializers import GlorotUniform, RandomNormal
from numcnn.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Linear,
    MaxPool2D,
    ReLU,
    Reshape,
    Sigmoid,
    Softmax,
    Tanh,
)
from numcnn.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError
from numcnn.models import Sequential, load_model
from numcnn.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Nadam,
    RMSprop,
    schedules,
)
from numcnn.saving.keras.layers import AS_ACTIVATIONS
from numcnn.utils import set_random_seed

OPTIMIZERS = {
    "sgd": lambda: SGD(0.1, decay=0.01),
    "momentum": lambda: SGD(0.01, momentum=0.9),
    "nesterov": lambda: SGD(0.01, momentum=0.5, nesterov=True),
    "rmsprop": lambda: RMSprop(0.003, rho=0.8, epsilon=1e-6),
    "adam": lambda: Adam(0.002, beta_1=0.8, beta_2=0.99, decay=0.1),
    "amsgrad": lambda: Adam(0.002, amsgrad=True, clipvalue=0.01),
    "centered": lambda: RMSprop(0.003, momentum=0.5, centered=True),
    "adamw": lambda: AdamW(schedules.ExponentialDecay(0.002, 3, 0.5), weight_decay=0.01),
    "adagrad": lambda: Adagrad(0.01, initial_accumulator_value=0.5, clipnorm=0.1),
    "adadelta": lambda: Adadelta(1.0, rho=0.8),
    "adamax": lambda: Adamax(0.01, global_clipnorm=0.5),
    "nadam": lambda: Nadam(0.01, weight_decay=0.1),
}


def saved(model, tmp_path, name="model.npz", **kwargs):
    model.save(tmp_path / name)
    return load_model(tmp_path / name, **kwargs)


# the same bits back

names = st.sampled_from(["linear", "relu", "sigmoid", "softmax", "tanh"])
pairs = st.tuples(st.integers(1, 2), st.integers(1, 2))
starts = st.sampled_from(
    ["glorot_uniform", "he_normal", "ones", GlorotUniform(seed=np.int64(3)), RandomNormal(0.1, 0.2)]
)


def drawn_model(draw):
    """Return a trained model of up to six layers."""
    set_random_seed(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    layout = draw(st.sampled_from(["channels_last", "channels_first"]))
    layers = []
    for kind in draw(st.lists(st.sampled_from("cpad"), max_size=3)):
        if kind == "c":
            size, strides, bias = draw(pairs), draw(pairs), draw(st.booleans())
            layers.append(
                Conv2D(2, size, strides, "same", layout, activation=draw(names), use_bias=bias)
            )
        elif kind == "p":
            layers.append(MaxPool2D(2, 1, padding="same", data_format=layout, dtype=dtype))
        elif kind == "a":
            some = [Linear(), ReLU(), Sigmoid(), Tanh(), Softmax(), Activation(draw(names))]
            layers.append(draw(st.sampled_from(some)))
        else:
            layers.append(Dropout(draw(st.floats(0, 0.9)), seed=draw(st.sampled_from([None, 4]))))
    layers.append(draw(st.sampled_from([Flatten(layout), Reshape(-1)])))
    for _ in range(draw(st.integers(0, 2))):
        bias, trainable = draw(st.booleans()), draw(st.booleans())
        start = draw(starts)
        layers.append(Dense(2, use_bias=bias, trainable=trainable, kernel_initializer=start))
    for layer in layers:
        layer.dtype = dtype
    model = Sequential(layers, name=draw(st.sampled_from(["sequential", "läge 网"])))
    model.build((None, 3, 4, 2))
    model.compile(OPTIMIZERS[draw(st.sampled_from(sorted(OPTIMIZERS)))](), "mse", ["mse"])
    for step in range(draw(st.integers(0, 2))):
        x = np.random.default_rng(step).random((3, 3, 4, 2))
        model.train_on_batch(x, np.ones((3, *model.output_shape[1:])))
    return model


@given(st.data())
def test_any_model_comes_back_bit_for_bit(tmp_path_factory, data):
    model = drawn_model(data.draw)
    path = tmp_path_factory.mktemp("any") / "model.npz"
    model.save(path)
    again = load_model(path)
    assert fingerprint(again) == fingerprint(model)
    assert as_json(again) == as_json(model)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    assert again.metrics_names == model.metrics_names
    assert again.loss.name == model.loss.name
    assert type(again.optimizer) is type(model.optimizer)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    x = np.random.default_rng(9).random((2, 3, 4, 2))
    assert again.predict(x).dtype == model.predict(x).dtype
    assert again.predict(x).tobytes() == model.predict(x).tobytes()
    before = path.read_bytes()
    again.save(path)
    assert path.read_bytes() == before
    y = np.ones((2, *model.output_shape[1:]))
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)
    assert fingerprint(again) == fingerprint(model)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_saving_and_going_on_equals_never_having_stopped(tmp_path, optimizer):
    x, y, _ = images(14)
    whole = cnn(optimizer=OPTIMIZERS[optimizer]())
    history = whole.fit(x, y, batch_size=4, epochs=4, verbose=0).history
    for stop in range(5):
        first = cnn(optimizer=OPTIMIZERS[optimizer]())
        early = first.fit(x, y, batch_size=4, epochs=stop, verbose=0).history
        set_random_seed(stop)
        again = saved(first, tmp_path)
        late = again.fit(x, y, batch_size=4, epochs=4, initial_epoch=stop, verbose=0).history
        assert fingerprint(again) == fingerprint(whole)
        for key, values in history.items():
            assert early.get(key, []) + late.get(key, []) == values


def test_saving_within_an_epoch_is_no_different(tmp_path):
    x, y, _ = images(30)
    whole = cnn()
    parts = [(x[i : i + 3], y[i : i + 3]) for i in range(0, 30, 3)]
    expected = [whole.train_on_batch(*part) for part in parts]
    for stop in range(11):
        model = cnn()
        found = [model.train_on_batch(*part) for part in parts[:stop]]
        model = saved(model, tmp_path)
        found += [model.train_on_batch(*part) for part in parts[stop:]]
        assert found == expected
        assert fingerprint(model) == fingerprint(whole)


def test_another_process_goes_on_with_the_same_bits(tmp_path):
    x, y, _ = images(14)
    model = cnn()
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    model.save(tmp_path / "model.npz")
    model.fit(x, y, batch_size=4, epochs=4, initial_epoch=2, verbose=0)
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from small_nets import images, weights_hash
from numcnn.models import load_model
x, y, _ = images(14)
model = load_model({str(tmp_path / "model.npz")!r})
model.fit(x, y, batch_size=4, epochs=4, initial_epoch=2, verbose=0)
print(weights_hash(model))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == weights_hash(model), done.stderr


@pytest.mark.parametrize(
    ("loss", "units"),
    [
        ("categorical_crossentropy", CLASSES),
        ("sparse_categorical_crossentropy", CLASSES),
        ("binary_crossentropy", 1),
        (CategoricalCrossentropy(from_logits=True), CLASSES),
        (BinaryCrossentropy(from_logits=True), 1),
    ],
    ids=str,
)
def test_every_loss_comes_back(tmp_path, loss, units):
    model = Sequential([Flatten(input_shape=SHAPE), Dense(units)])
    model.compile("adam", loss, ["accuracy"])
    again = saved(model, tmp_path)
    assert type(again.loss) is type(model.loss)
    assert again.loss.get_config() == model.loss.get_config()
    assert again.given_metrics == ["accuracy"]


def test_a_model_that_is_not_compiled_stays_so(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,))])
    again = saved(model, tmp_path)
    assert not again.compiled
    assert weights_hash(again) == weights_hash(model)
    with pytest.raises(RuntimeError, match="compile"):
        again.fit(np.zeros((1, 3)), np.zeros((1, 2)))


@pytest.mark.parametrize("name", ["optimizer", "model", "model.npy", "a b", "né"])
def test_layers_of_odd_names(tmp_path, name):
    model = Sequential([Dense(3, name=name, input_shape=(4,)), Dense(2)])
    model.compile("rmsprop", "mse")
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 2)))
    again = saved(model, tmp_path)
    assert fingerprint(again) == fingerprint(model)
    again.set_weights([w * 0 for w in again.get_weights()])
    again.load_weights(tmp_path / "model.npz")
    assert fingerprint(again) == fingerprint(model)


def test_a_loaded_model_can_grow(tmp_path):
    again = saved(Sequential([Dense(3, input_shape=(4,)), Dense(2)]), tmp_path)
    again.add(Dense(5))
    assert [layer.name for layer in again.layers] == ["dense", "dense_1", "dense_2"]
    assert again.predict(np.zeros((1, 4))).shape == (1, 5)


def test_a_model_changed_since_training_can_be_saved(tmp_path):
    x, y, labels = images(6)
    for units in (CLASSES, 2):
        model = cnn()
        model.fit(x, y, verbose=0)
        model.pop()
        again = saved(model, tmp_path)
        assert weights_hash(again) == weights_hash(model)
        model.add(Dense(units, activation="softmax"))
        again = saved(model, tmp_path)
        assert again.predict(x).tobytes() == model.predict(x).tobytes()
        again.fit(x, np.eye(units)[labels % units], verbose=0)


def test_loading_leaves_numpys_random_state_alone(tmp_path):
    model = cnn()
    model.save(tmp_path / "model.npz")
    set_random_seed(None)
    np.random.seed(4)
    expected = np.random.random()
    np.random.seed(4)
    load_model(tmp_path / "model.npz")
    assert np.random.random() == expected


# the file


def test_the_file_can_be_read_without_numcnn(tmp_path):
    x, y, _ = images(4)
    model = cnn()
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert np.array_equal(file["conv2d/w"], model.layers[0].params["w"])
        slot = file["optimizer/mean_square/dense/b"]
        assert np.array_equal(slot, model.optimizer.slots["mean_square"][3])
        description = json.loads(bytes(file["model"]))
        assert description["config"]["layers"][0]["class_name"] == "Conv2D"
        assert file["training/history/loss"].tolist() == model.history.history["loss"]
        assert len(file.files) == 1 + 6 + 6 + 2


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        model = cnn()
        model.fit(*images(8)[:2], verbose=0)
        model.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_weights_alone(tmp_path):
    model, other = cnn(), cnn(seed=2)
    model.save_weights(tmp_path / "w.npz")
    before = fingerprint(other)[1:]
    other.load_weights(tmp_path / "w.npz")
    assert weights_hash(other) == weights_hash(model)
    assert fingerprint(other)[1:] == before
    with pytest.raises(ModelFileError, match=r"weights only.*load_weights"):
        load_model(tmp_path / "w.npz")


def test_custom_objects_decide_what_may_be_made(tmp_path):
    model = Sequential([Scale(2.0, input_shape=(3,))])
    model.save(tmp_path / "own.npz")
    for objects in (None, {}, {"Scala": Scale}, {"Scale": print}, {"Scale": int}):
        with pytest.raises(ModelFileError, match=r"'Scale'.*custom_objects"):
            load_model(tmp_path / "own.npz", custom_objects=objects)
    again = load_model(tmp_path / "own.npz", {"Scale": Scale})
    assert again.predict(np.ones((1, 3))).tolist() == [[2, 2, 2]]


def test_what_cannot_be_saved_is_said_before_writing(tmp_path):
    class Mine(SGD):
        pass

    class MyLoss(MeanSquaredError):
        pass

    class Odd(Scale):
        def get_config(self):
            return {**super().get_config(), "factor": {1, 2}}

    class Chatty(Scale):
        def get_config(self):
            return {**super().get_config(), "factor": "x" * 2**20}

    path = tmp_path / "m.npz"
    path.write_bytes(b"old")
    for optimizer, loss in ((Mine(), "mse"), ("sgd", MyLoss())):
        model = dense(optimizer=optimizer, loss=loss)
        with pytest.raises(TypeError, match=r"(Mine|MyLoss) .*save_weights"):
            model.save(path)
        model.save_weights(tmp_path / "w.npz")
    with pytest.raises(TypeError, match="get_config"):
        Sequential([Odd(input_shape=(2,))]).save(path)
    with pytest.raises(ValueError, match="get_config"):
        Sequential([Chatty(input_shape=(2,))]).save(path)
    deep = Sequential([Linear(input_shape=(1,))])
    deep.layers *= 1001
    with pytest.raises(ValueError, match="at most 1000 layers"):
        deep.save(path)
    assert path.read_bytes() == b"old"


def test_where_a_model_cannot_be_saved(tmp_path):
    model = cnn()
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    for save in (model.save, model.save_weights):
        with pytest.raises(FileNotFoundError, match="make it first"):
            save(tmp_path / "no" / "m.npz")
        with pytest.raises(IsADirectoryError):
            save(folder)
        for name in ("m.pt", "m.npz.bak"):
            with pytest.raises(ValueError, match=r"\.npz"):
                save(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.npz"]


def test_where_no_model_is(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "no.npz")
    with pytest.raises(FileNotFoundError):
        cnn().load_weights(tmp_path / "no.npz")
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path)


@pytest.mark.parametrize("name", [*AS_ACTIVATIONS, "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"])
def test_every_activation_that_is_a_layer_is_read_again(tmp_path, name):
    """A SELU was refused once: its class gives its base an argument, which is none of its own."""
    model = Sequential([getattr(layers, name)(input_shape=(3,))])
    model.save(tmp_path / "m.npz")
    x = np.linspace(-2, 2, 9).reshape(3, 3)
    assert np.array_equal(load_model(tmp_path / "m.npz").predict(x), model.predict(x))
