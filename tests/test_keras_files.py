"""Files that Keras 2 and Keras 3 wrote: read without Keras and without h5py."""

import shutil
import sys

import numpy as np
import pytest
from keras_examples import FOLDER, MODELS, SHAPE, WEIGHTS, beside, data, without, zipped
from small_nets import weights_hash

from numcnn import layers, optimizers
from numcnn.errors import ModelFileError
from numcnn.models import Sequential, load_model
from numcnn.saving.keras import files
from numcnn.saving.keras.layers import AS_ACTIVATIONS, KINDS, group_names
from numcnn.saving.keras.layers import from_keras as layer_from_keras
from numcnn.utils import set_random_seed


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def near(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_file_of_keras_predicts_the_same_here(name):
    model = load_model(FOLDER / name)
    near([model.predict(data()[0])], [beside(name)["predicted"]])
    assert all(
        np.array_equal(ours, theirs)
        for ours, theirs in zip(model.get_weights(), beside(name)["before"], strict=True)
    )


def test_training_goes_on_as_in_keras(name):
    """One more step needs the optimizer's memory, its count of steps, and moving statistics."""
    model = load_model(FOLDER / name)
    assert model.optimizer.iterations == 2
    model.train_on_batch(*data())
    near(model.get_weights(), beside(name)["after"])
    forgetful = load_model(FOLDER / name)
    forgetful.compile(type(model.optimizer)(0.01), "categorical_crossentropy")
    forgetful.train_on_batch(*data())
    with pytest.raises(AssertionError):
        near(forgetful.get_weights(), beside(name)["after"])


def test_what_is_carried():
    model = load_model(FOLDER / "keras3.keras")
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[:3] == ["Conv2D", "BatchNormalization", "MaxPool2D"]
    assert kinds[3:] == ["Conv2D", "Activation", "Flatten", "Dropout", "Dense"]
    assert (model.name, model.input_shape) == ("net", (None, *SHAPE))
    second = model.get_layer("second")
    assert (second.kernel_size, second.dilation_rate, second.use_bias) == ((2, 1), (2, 1), False)
    assert model.layers[0].padding == "same"
    assert type(model.layers[-1].kernel_initializer).__name__ == "HeNormal"
    assert isinstance(model.optimizer, optimizers.RMSprop)
    assert abs(model.optimizer.learning_rate - 0.01) < 1e-8
    assert (model.loss.name, model.given_metrics) == ("categorical_crossentropy", ["accuracy"])


@pytest.mark.parametrize("file", [*MODELS[:4], *WEIGHTS])
def test_weights_alone_into_a_model_that_is_there(file):
    model = load_model(FOLDER / f"{file[:6]}.keras")
    expected = beside(file)["before"]
    model.set_weights([np.zeros_like(w) for w in expected])
    model.load_weights(FOLDER / file)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), expected, strict=True))


@pytest.mark.parametrize("file", WEIGHTS)
def test_a_file_of_weights_is_no_model(file):
    with pytest.raises(ModelFileError, match=r"weights only.*model\.load_weights"):
        load_model(FOLDER / file)


def test_the_content_says_what_a_file_is_not_its_name(tmp_path, name):
    for ending in ("npz", "h5", "keras", "safetensors"):
        path = tmp_path / f"renamed.{ending}"
        shutil.copy(FOLDER / name, path)
        assert weights_hash(load_model(path)) == weights_hash(load_model(FOLDER / name))


def test_reading_needs_no_package_and_draws_no_random_number(name, monkeypatch):
    without(monkeypatch, "h5py")
    set_random_seed(None)
    before = np.random.get_state()[1].copy()
    load_model(FOLDER / name)
    assert np.array_equal(np.random.get_state()[1], before)
    assert "h5py" not in sys.modules


def test_keras_before_2_2_3_wrote_a_list_of_layers(tmp_path):
    def change(config):
        config["config"] = config["config"]["layers"][1:]
        config["config"][0]["config"]["batch_input_shape"] = [None, *SHAPE]

    model = load_model(zipped(tmp_path / "old.keras", change))
    near([model.predict(data()[0])], [beside("keras3.keras")["predicted"]])


def test_the_hard_sigmoid_of_keras_2_is_another(tmp_path):
    def change(config):
        config["config"]["layers"][5]["config"]["activation"] = "hard_sigmoid"

    load_model(zipped(tmp_path / "3.keras", change))
    with pytest.raises(ModelFileError, match=r"'activation' has the hard_sigmoid of Keras 2\.21"):
        load_model(zipped(tmp_path / "2.keras", change, name="keras2.keras"))


# layer by layer


def one(class_name, module="keras.layers", **config):
    entry = {"module": module, "class_name": class_name, "config": {"name": "it", **config}}
    return layer_from_keras({**entry, "registered_name": None}, "layer 0")


OLD_GLOROT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
}


def test_spellings_of_keras_2():
    found = one(
        "Conv2D", module=None, filters=2, kernel_size=[3, 3], strides=[1, 1], dtype="float32",
        kernel_initializer=OLD_GLOROT, batch_input_shape=[None, 3, 8, 8], bias_regularizer=None,
        bias_initializer={"class_name": "Zeros", "config": {"dtype": "float32"}}, groups=1,
        data_format="channels_first",
    )  # fmt: skip
    layer = layers.Conv2D.from_config(found["config"])
    assert layer.given_input_shape == (3, 8, 8)
    assert layer.data_format == "channels_first"
    assert layer.kernel_initializer.mode == "fan_avg"
    assert one("LeakyReLU", alpha=0.25)["config"]["negative_slope"] == 0.25
    assert one("BatchNormalization", axis=[3], fused=None)["config"]["axis"] == 3


def test_spellings_of_keras_3():
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float64"}}
    activation = {"module": "builtins", "class_name": "function", "config": "tanh"}
    glorot = {
        "module": "keras.initializers", "class_name": "GlorotUniform",
        "config": {"seed": 7, "input_axes": None}, "registered_name": None,
    }  # fmt: skip
    found = one("Dense", units=2, dtype=policy, activation=activation, kernel_initializer=glorot)
    layer = layers.Dense.from_config(found["config"])
    assert (layer.dtype, type(layer.activation).__name__) == ("float64", "Tanh")
    assert layer.kernel_initializer.seed == 7


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"class_name": "LSTM"}, ["'it' (LSTM)", "that numcnn does not have"]),
        ({"class_name": "Dens"}, ["Did you mean 'Dense'?"]),
        ({"class_name": "Lambda"}, ["(Lambda)", "holds code"]),
        ({"class_name": "Sequential"}, ["a model within a model"]),
        ({"class_name": "Functional"}, ["a model within a model"]),
        ({"class_name": ["Dense"]}, ["numcnn does not have"]),
        ({"module": "my.layers"}, ["'my.layers' and not from Keras"]),
        ({"module": "kerasnot.layers"}, ["not from Keras"]),
        ({"registered_name": "mine>Dense"}, ["not from Keras"]),
        ({"units": 2, "rank": 4}, ["rank=4"]),
        (
            {"activity_regularizer": {"module": "my", "class_name": "L2", "config": {}}},
            ["activity_regularizer comes from 'my' and not from Keras"],
        ),
        (
            {"kernel_regularizer": {"module": "my", "class_name": "L2", "config": {}}},
            ["kernel_regularizer comes from 'my' and not from Keras"],
        ),
        ({"dtype": "mixed_float16"}, ["'mixed_float16'"]),
        ({"dtype": {"class_name": "Quantized", "config": {"name": "int8"}}}, ["'int8'"]),
        ({"activation": {"class_name": "__lambda__", "config": "x"}}, ["activation holds code"]),
        (
            {"activation": {"module": "os", "class_name": "function", "config": "system"}},
            ["a function that is not Keras's"],
        ),
        (
            {"activation": {"module": "my", "class_name": "Evil", "config": {}}},
            ["'my' and not from Keras"],
        ),
        ({"activation": {"class_name": "ReLU", "config": {}}}, ["which numcnn cannot make"]),
        ({"kernel_initializer": {"class_name": 3}}, ["which numcnn cannot make"]),
        ({"batch_input_shape": [None, None]}, ["each size but the first"]),
        ({"batch_input_shape": "abc"}, ["each size but the first"]),
    ],
)
def test_what_numcnn_does_not_have_is_named(entry, words):
    config = {"name": "it", "units": 2, **entry}
    keys = ("class_name", "module", "registered_name")
    whole = {"class_name": "Dense", "config": config} | {
        k: config.pop(k) for k in keys if k in entry
    }
    with pytest.raises(ModelFileError, match="layer 4, 'it'") as caught:
        layer_from_keras(whole, "layer 4")
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("entry", [None, 3, {}, {"class_name": "Dense"}, {"config": []}])
def test_what_is_no_layer(entry):
    with pytest.raises(ModelFileError, match="layer 4 is not described"):
        layer_from_keras(entry, "layer 4")


def test_every_kind_is_a_layer_and_has_its_own_group():
    """A new layer of numcnn needs a line in one of the tables of saving/keras/layers.py."""
    there = {vars(layers)[name] for name in layers.__all__}
    classes = {cls.__name__ for cls in there if isinstance(cls, type)} - {"Layer", "InputLayer"}
    assert {kind.ours for kind in KINDS.values()} | set(AS_ACTIVATIONS) == classes
    assert group_names(["GlobalAveragePooling2D", "PReLU", "Conv2DTranspose", "ReLU", "ReLU"]) == [
        "global_average_pooling2d",
        "p_re_lu",
        "conv2d_transpose",
        "re_lu",
        "re_lu_1",
    ]


# what is left behind


def optimizer(**changes):
    return lambda config: config["compile_config"]["optimizer"].update(changes)


def argument(**changes):
    return lambda config: config["compile_config"]["optimizer"]["config"].update(changes)


def compiled(**changes):
    return lambda config: config["compile_config"].update(changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (optimizer(class_name="Lion"), "optimizer Lion is not one of numcnn's"),
        (argument(rest=3), "optimizer RMSprop has rest=3"),
        (argument(learning_rate={"class_name": "CosineDecay"}), "'CosineDecay'"),
        (compiled(loss="huber_of_mine"), "loss 'huber_of_mine' is not one of numcnn's"),
        (compiled(loss={"class_name": "BinaryCrossentropy", "config": {"axis2": 9}}), "axis2=9"),
    ],
)
def test_an_optimizer_or_loss_that_numcnn_lacks_is_left_behind(tmp_path, change, words):
    path = zipped(tmp_path / "other.keras", change)
    with pytest.warns(UserWarning, match=words) as caught:
        model = load_model(path)
    assert "compile it before training" in str(caught[0].message)
    assert not model.compiled
    near([model.predict(data()[0])], [beside("keras3.keras")["predicted"]])


def test_a_metric_that_numcnn_lacks_is_left_behind(tmp_path):
    path = zipped(tmp_path / "other.keras", compiled(metrics=["accuracy", "auc_of_mine"]))
    with pytest.warns(UserWarning, match="metric 'auc_of_mine'"):
        model = load_model(path)
    assert model.given_metrics == ["accuracy"]


def test_memory_of_another_form_is_left_behind(tmp_path):
    path = zipped(tmp_path / "other.keras", optimizer(class_name="SGD", config={}))
    with pytest.warns(UserWarning, match="begins anew"):
        model = load_model(path)
    assert model.optimizer.iterations == 0
    assert not model.optimizer.slots


def test_a_schedule_that_is_decay(tmp_path):
    schedule = {"initial_learning_rate": 0.5, "decay_steps": 1, "decay_rate": 0.25}
    change = argument(learning_rate={"class_name": "InverseTimeDecay", "config": schedule})
    model = load_model(zipped(tmp_path / "decay.keras", change))
    assert (model.optimizer.learning_rate, model.optimizer.decay) == (0.5, 0.25)


def test_a_file_that_was_never_compiled(tmp_path):
    path = zipped(tmp_path / "plain.keras", lambda config: config.pop("compile_config"))
    assert not load_model(path).compiled


def test_writing_without_h5py_names_the_extra(tmp_path, monkeypatch):
    without(monkeypatch, "h5py")
    model = Sequential([layers.Dense(1, input_shape=(2,))])
    for name in ("m.keras", "m.h5"):
        with pytest.raises(ImportError, match=r"h5py.*pip install 'numcnn\[keras\]'"):
            model.save(tmp_path / name)
    with pytest.raises(ImportError, match=r"pip install 'numcnn\[keras\]'"):
        model.save_weights(tmp_path / "m.weights.h5")
    assert not list(tmp_path.iterdir())


def test_a_layer_that_keras_lacks_is_named(tmp_path):
    class Mine(layers.Layer):
        def forward(self, x, training=False):
            return x

    model = Sequential([layers.Dense(1, input_shape=(2,)), Mine(name="own")])
    for save, name in ((model.save, "m.keras"), (model.save, "m.h5"), (model.save_weights, "m.h5")):
        with pytest.raises(ValueError, match=r"no layer Mine \('own'\).*\.npz"):
            save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="no layer Mine"):
        files.outline_of(model.get_config())
