"""Files for Keras that numcnn writes: read back here, by h5py, and by Keras where it is there."""

import io
import json
import zipfile

import numpy as np
import pytest
from keras_examples import ACTIVATIONS
from small_nets import cnn, fingerprint, images, weights_hash

from numcnn import constraints, layers, losses, metrics, optimizers, regularizers
from numcnn.models import Sequential, load_model
from numcnn.saving.keras.layers import AS_ACTIVATIONS

h5py = pytest.importorskip("h5py", reason="needs the extra keras")

X, Y, _ = images(12)


def trained(optimizer="rmsprop"):
    model = cnn(optimizer=optimizer)
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    return model


OPTIMIZERS = {
    "rmsprop": lambda: optimizers.RMSprop(0.003, rho=0.8),
    "sgd": lambda: optimizers.SGD(0.02),
    "momentum": lambda: optimizers.SGD(0.02, momentum=0.8, nesterov=True),
    "adam": lambda: optimizers.Adam(0.003, beta_1=0.7),
    "decay": lambda: optimizers.Adam(0.003, decay=0.1),
    "centered": lambda: optimizers.RMSprop(0.003, momentum=0.5, centered=True),
    "amsgrad": lambda: optimizers.Adam(0.003, amsgrad=True, clipnorm=0.5),
    "adamw": lambda: optimizers.AdamW(0.003, weight_decay=0.1),
    "adagrad": lambda: optimizers.Adagrad(0.01),
    "adadelta": lambda: optimizers.Adadelta(1.0),
    "adamax": lambda: optimizers.Adamax(0.003),
    "nadam": lambda: optimizers.Nadam(0.003),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 20)),
}


@pytest.mark.parametrize("ending", ["keras", "h5", "hdf5"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_written_is_read_again(tmp_path, ending, name):
    model = trained(OPTIMIZERS[name]())
    path = tmp_path / f"m.{ending}"
    model.save(path)
    again = load_model(path)
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.get_config()["layers"] == model.get_config()["layers"]
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert fingerprint(again)[1] == fingerprint(model)[1]  # memory and counters too
    assert (again.loss.name, again.given_metrics) == (model.loss.name, model.given_metrics)
    again.save(tmp_path / f"again.{ending}")
    assert (tmp_path / f"again.{ending}").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_prices_limits_and_metrics_are_written_and_read(tmp_path, ending):
    model = Sequential(
        [
            layers.Conv2D(2, 3, input_shape=X.shape[1:], kernel_regularizer="l1"),
            layers.Flatten(),
            layers.Dense(
                3, "softmax", bias_regularizer=regularizers.L1L2(0.1, 0.2),
                kernel_constraint=constraints.MaxNorm(1.5, axis=[0]), bias_constraint="non_neg",
            ),
        ]
    )  # fmt: skip
    loss = losses.CategoricalCrossentropy(label_smoothing=0.25)
    given = ["accuracy", metrics.Precision(0.25), metrics.TopKCategoricalAccuracy(2)]
    model.compile("nadam", loss, metrics=given)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / f"m.{ending}")
    again = load_model(tmp_path / f"m.{ending}")
    assert again.get_config() == model.get_config()
    assert again.loss.get_config() == loss.get_config()
    assert again.train_on_batch(X, Y, return_dict=True) == model.train_on_batch(
        X, Y, return_dict=True
    )
    assert weights_hash(again) == weights_hash(model)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_model_that_has_not_trained_yet(tmp_path, ending, name):
    model = cnn(optimizer=OPTIMIZERS[name]())
    model.save(tmp_path / f"m.{ending}")
    again = load_model(tmp_path / f"m.{ending}")
    assert (again.compiled, again.optimizer.iterations) == (True, 0)
    assert not again.optimizer.slots


@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5"])
def test_weights_are_read_again(tmp_path, name):
    model, other = trained(), cnn(seed=7)
    model.save_weights(tmp_path / name)
    other.load_weights(tmp_path / name)
    assert weights_hash(other) == weights_hash(model)


def test_layout_of_the_files(tmp_path):
    model = trained()
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    model.save_weights(tmp_path / "m.weights.h5")
    model.save_weights(tmp_path / "w.h5")
    kernel = model.layers[0].params["w"]
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        config = json.loads(archive.read("config.json"))
        assert config["config"]["layers"][1]["module"] == "keras.layers"
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            assert np.array_equal(file["layers/conv2d/vars/0"], kernel)
            assert file["optimizer/vars/0"][()] == 6
    with h5py.File(tmp_path / "m.h5") as file:
        assert np.array_equal(file["model_weights/conv2d/conv2d/kernel:0"], kernel)
        assert file["model_weights/dense"].attrs["weight_names"][1] == "dense/bias:0"
        assert json.loads(file.attrs["training_config"])["loss"] == "categorical_crossentropy"
    with h5py.File(tmp_path / "m.weights.h5") as file:
        assert np.array_equal(file["layers/conv2d/vars/0"], kernel)
        assert "optimizer" not in file
    with h5py.File(tmp_path / "w.h5") as file:
        assert np.array_equal(file["conv2d/conv2d/kernel:0"], kernel)


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    model = trained()
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*args):
        raise OSError("disk full")

    monkeypatch.setattr("numcnn.files.os.fsync", full)
    for name in ("m.keras", "m.h5"):
        with pytest.raises(OSError, match="disk full"):
            model.save(tmp_path / name)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_many_layers(tmp_path):
    """So many names that Keras's own writer would have to take another form of group."""
    model = Sequential([layers.Dense(1, input_shape=(1,)), *(layers.Dense(1) for _ in range(400))])
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        assert weights_hash(load_model(tmp_path / name)) == weights_hash(model)


# every layer, and Keras itself

LAST = {"data_format": "channels_last"}
LAYERS = {
    "conv2d": lambda: [layers.Conv2D(2, (3, 2), strides=2, padding="same", use_bias=False)],
    "dilated": lambda: [layers.Conv2D(2, 3, dilation_rate=(1, 2), activation="tanh")],
    "transposed": lambda: [
        layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
        layers.Conv2DTranspose(2, (2, 3), output_padding=0, strides=2, use_bias=False),
    ],
    "by channel": lambda: [
        layers.DepthwiseConv2D(2, depth_multiplier=2, use_bias=False),
        layers.SeparableConv2D(3, 2, depth_multiplier=2, activation="elu"),
    ],
    "noise": lambda: [
        layers.SpatialDropout2D(0.2),
        layers.GaussianNoise(0.3),
        layers.GaussianDropout(0.2, seed=4),
        layers.AlphaDropout(0.1),
    ],
    "pools": lambda: [layers.MaxPool2D(2, 1), layers.AveragePooling2D(2, padding="same")],
    "global": lambda: [layers.GlobalAveragePooling2D()],
    "global max": lambda: [layers.GlobalMaxPooling2D(keepdims=True)],
    "normalized": lambda: [layers.BatchNormalization(momentum=0.9, center=False)],
    "borders": lambda: [layers.ZeroPadding2D(((1, 2), (0, 1))), layers.Cropping2D(1)],
    "moved": lambda: [layers.UpSampling2D(2), layers.Permute((3, 1, 2)), layers.Reshape((4, -1))],
    "smooth": lambda: [layers.UpSampling2D((2, 3), interpolation="bilinear")],
    "bent": lambda: [layers.LeakyReLU(0.2), layers.ELU(0.5), layers.ReLU(max_value=0.5)],
    "learned": lambda: [layers.PReLU("ones", shared_axes=(1, 2)), layers.Softmax()],
    "layers as activations": lambda: [getattr(layers, name)() for name in AS_ACTIVATIONS],
    "dropped": lambda: [layers.Dropout(0.5, seed=3), layers.Flatten()],
    **{name: lambda name=name: [layers.Activation(name)] for name in ACTIVATIONS},
}


def with_random_weights(model):
    rng = np.random.default_rng(2)
    model.set_weights([rng.random(w.shape) * 0.5 + 0.1 for w in model.get_weights()])
    return model


@pytest.fixture(params=LAYERS)
def model(request):
    first = layers.Conv2D(2, 2, input_shape=(6, 6, 1), kernel_initializer="he_uniform")
    return with_random_weights(Sequential([first, *LAYERS[request.param]()]))


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_every_layer_is_read_again(tmp_path, model, ending):
    model.save(tmp_path / f"m.{ending}")
    assert np.array_equal(load_model(tmp_path / f"m.{ending}").predict(X), model.predict(X))


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_keras_predicts_the_same_and_back(tmp_path, model, ending):
    keras = pytest.importorskip("keras")
    model.save(tmp_path / f"ours.{ending}")
    theirs = keras.models.load_model(tmp_path / f"ours.{ending}", compile=False)
    expected = model.predict(X)
    assert np.allclose(theirs.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-5)
    theirs.save(tmp_path / f"theirs.{ending}")
    again = load_model(tmp_path / f"theirs.{ending}")
    assert np.allclose(again.predict(X), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_channels_first_in_keras(tmp_path):
    keras = pytest.importorskip("keras")
    first = {"data_format": "channels_first"}
    stack = [
        layers.Conv2D(3, 3, padding="same", input_shape=(1, 6, 6), **first),
        layers.BatchNormalization(axis=1),
        layers.Flatten(**first),
        layers.Dense(3),
    ]
    ours = with_random_weights(Sequential(stack))
    ours.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras", compile=False)
    assert theirs.layers[0].data_format == "channels_first"
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["rmsprop", "momentum", "adam", "decay"])
def test_training_goes_on_in_keras(tmp_path, name):
    keras = pytest.importorskip("keras")
    model = cnn(optimizer=OPTIMIZERS[name](), rate=0.0)
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert int(theirs.optimizer.iterations) == 6
    theirs.train_on_batch(X, Y)
    model.train_on_batch(X, Y)
    for ours, other in zip(model.get_weights(), theirs.get_weights(), strict=True):
        assert np.allclose(ours, other, rtol=1e-4, atol=1e-5)
