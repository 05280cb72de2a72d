"""Arguments of models and of their files that Keras programs give, of Keras 1 and of TensorFlow."""

import importlib
import json

import numpy as np
import pytest

import numcnn as tf
from numcnn import errors, saving
from numcnn.layers import Conv2D, Dense, Dropout, Flatten, Softmax
from numcnn.models import (
    Sequential,
    load_model,
    model_from_json,
    model_from_yaml,
    save_model,
)

X, Y = np.random.default_rng(0).random((20, 3)), np.random.default_rng(1).random((20, 2))


def small(**kwargs):
    model = Sequential([Dense(4, input_shape=(3,)), Dense(2, **kwargs)])
    model.compile("adam", "mse")
    return model


def forever(size=5):
    while True:
        for a in range(0, 20, size):
            yield X[a : a + size], Y[a : a + size]


# ---- Keras 1 ----------------------------------------------------------------------------------


def test_nb_epoch():
    with pytest.warns(UserWarning, match="nb_epoch is epochs since Keras 2") as said:
        assert small().fit(X, Y, nb_epoch=3, verbose=0).epoch == [0, 1, 2]
    assert [warning.filename for warning in said] == [__file__]
    with pytest.raises(TypeError, match="Give epochs alone"):
        small().fit(X, Y, epochs=2, nb_epoch=3)


@pytest.mark.parametrize("by_name", [False, True])
def test_samples_become_batches_of_the_generators_own_size(by_name):
    model, seen = small(), []

    def counted():
        for batch in forever(5):
            seen.append(len(batch[0]))
            yield batch

    given = {"generator": counted()} if by_name else {}
    with pytest.warns(UserWarning, match="Keras 1's argument"):
        history = model.fit_generator(
            *([] if by_name else [counted()]), **given, samples_per_epoch=18, nb_epoch=2,
            validation_data=forever(10), nb_val_samples=20, nb_worker=1, max_q_size=3, verbose=0,
        )  # fmt: skip
    assert history.epoch == [0, 1]
    assert model.optimizer.iterations == 8  # ceil(18 / 5) batches, twice
    assert seen[:8] == [5] * 8
    whole = model.evaluate(X, Y, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(whole, rel=1e-6)
    with pytest.warns(UserWarning, match="4 batches for 20 samples"):
        assert model.predict_generator(forever(5), val_samples=20) == pytest.approx(
            model.predict(X), abs=1e-6
        )
    with pytest.warns(UserWarning, match="2 batches for 20 samples"):
        assert model.evaluate_generator(forever(10), val_samples=20) == pytest.approx(whole)


def test_an_argument_that_a_method_never_had():
    with pytest.raises(TypeError, match="nb_epoch"):
        small().predict_generator(forever(), nb_epoch=2)


# ---- files ------------------------------------------------------------------------------------


def test_compile_false_and_no_optimizer(tmp_path):
    model = small()
    model.fit(X, Y, verbose=0)
    path = tmp_path / "model.npz"
    save_model(model, path, overwrite=True)
    assert load_model(filepath=path).optimizer.iterations == 1
    bare = load_model(path, compile=False, custom_objects={"f1": len}, safe_mode=False)
    assert not bare.compiled
    assert bare.run is None
    assert (bare.predict(X) == model.predict(X)).all()
    model.save(path, include_optimizer=False)
    assert not load_model(path).compiled
    assert saving.load_model is load_model
    assert saving.save_model is save_model
    with pytest.raises(AttributeError, match="load_modl"):
        saving.load_modl  # noqa: B018
    with pytest.raises(TypeError, match="overwrit"):
        model.save(path, overwrit=True)
    with pytest.raises(FileExistsError):
        save_model(model, path, overwrite=False)


@pytest.mark.parametrize("name", ["mnist.model", "mnist", "weights.03-0.98"])
def test_a_name_that_says_nothing_means_hdf5(name, tmp_path):
    pytest.importorskip("h5py")
    model = small()
    with pytest.warns(UserWarning, match="HDF5, as Keras 2 wrote it"):
        model.save(tmp_path / name)
    assert (load_model(tmp_path / name).predict(X) == model.predict(X)).all()
    with pytest.warns(UserWarning, match="HDF5"):
        model.save_weights(tmp_path / "w.ckpt")
    other = small()
    other.load_weights(tmp_path / "w.ckpt")
    assert (other.predict(X) == model.predict(X)).all()


def test_save_format(tmp_path):
    model = small()
    with pytest.raises(ValueError, match="SavedModel is not here"):
        model.save(tmp_path / "model", save_format="tf")
    with pytest.raises(ValueError, match="Unknown save_format 'onnx'"):
        model.save(tmp_path / "model", save_format="onnx")
    pytest.importorskip("h5py")
    model.save(tmp_path / "model", save_format="h5")
    assert (load_model(tmp_path / "model").predict(X) == model.predict(X)).all()


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_weights_by_name(suffix, tmp_path):
    if suffix == "h5":
        pytest.importorskip("h5py")
    old, path = small(name="head"), tmp_path / f"weights.{suffix}"
    old.save_weights(path)
    new = Sequential([Dense(4, input_shape=(3,)), Dropout(0.5), Dense(7, name="other")])
    before = new.get_weights()
    new.load_weights(path, by_name=True)
    assert (new.layers[0].get_weights()[0] == old.layers[0].get_weights()[0]).all()
    assert (new.get_weights()[2] == before[2]).all()
    other = Sequential([Dense(4, input_shape=(3,)), Dense(7, name="head")])
    before = other.get_weights()
    with pytest.raises(errors.ModelFileError, match="'head'"):
        other.load_weights(path, by_name=True)
    assert all((a == b).all() for a, b in zip(before, other.get_weights(), strict=True))
    other.load_weights(path, by_name=True, skip_mismatch=True)
    assert (other.get_weights()[0] == old.get_weights()[0]).all()
    assert (other.get_weights()[2] == before[2]).all()
    with pytest.warns(UserWarning, match="nothing was loaded"):
        Sequential([Dense(2, name="else", input_shape=(3,))]).load_weights(path, by_name=True)


# ---- configurations ---------------------------------------------------------------------------


def test_yaml_is_json():
    model = small()
    assert json.loads(model.to_yaml()) == json.loads(model.to_json())
    assert model_from_yaml(model.to_yaml()).count_params() == model.count_params()
    with pytest.raises(errors.ModelFileError, match="Other YAML is not read"):
        model_from_yaml("backend: tensorflow\nclass_name: Sequential\n")


KERAS_2 = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential_1",
        "layers": [
            {
                "class_name": "Conv2D",
                "config": {
                    "name": "conv2d_1", "trainable": True, "batch_input_shape": [None, 8, 8, 1],
                    "dtype": "float32", "filters": 4, "kernel_size": [3, 3], "strides": [1, 1],
                    "padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1],
                    "activation": "relu", "use_bias": True, "kernel_regularizer": None,
                    "bias_regularizer": None, "activity_regularizer": None,
                    "kernel_constraint": None, "bias_constraint": None,
                    "bias_initializer": {"class_name": "Zeros", "config": {}},
                },
            },
            {
                "class_name": "Flatten",
                "config": {"name": "flatten_1", "trainable": True, "data_format": "channels_last"},
            },
        ],
    },
    "keras_version": "2.2.4",
    "backend": "tensorflow",
}  # fmt: skip


def test_json_that_keras_wrote():
    model = model_from_json(json.dumps(KERAS_2))
    assert [type(layer) for layer in model.layers] == [Conv2D, Flatten]
    assert model.layers[0].name == "conv2d_1"
    assert model.input_shape == (None, 8, 8, 1)
    assert model.output_shape == (None, 144)
    assert model.count_params() == 40
    broken = json.loads(json.dumps(KERAS_2))
    broken["config"]["layers"][1]["class_name"] = "LSTM"
    with pytest.raises(errors.ModelFileError, match="LSTM"):
        model_from_json(json.dumps(broken))


# ---- TensorFlow -------------------------------------------------------------------------------


def test_seeds_under_tensorflows_names():
    found = []
    for seed in (
        tf.random.set_seed, tf.set_random_seed, tf.compat.v1.set_random_seed,
        importlib.import_module("numcnn.random").set_seed,
    ):  # fmt: skip
        seed(7)
        found.append(small().get_weights()[0].tobytes())
    assert len(set(found)) == 1
    tf.random.set_seed(8)
    assert small().get_weights()[0].tobytes() not in found


def test_questions_about_a_gpu():
    assert tf.config.list_physical_devices("GPU") == []
    assert tf.config.experimental.list_physical_devices("GPU") == []
    assert tf.config.list_physical_devices("CPU") == ["CPU"]
    assert not tf.test.is_gpu_available()
    assert tf.test.gpu_device_name() == ""
    assert tf.version.VERSION == tf.__version__
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)


def test_activations_and_optimizers_of_tensorflow():
    layer = tf.keras.layers.Dense(3, activation=tf.nn.relu, input_shape=(3,))
    model = tf.keras.Sequential([layer, Softmax()])
    assert layer.get_config()["activation"] == "relu"
    assert tf.nn.softmax(X).numpy() == pytest.approx(np.exp(X) / np.exp(X).sum(1, keepdims=True))
    model.compile(tf.train.AdamOptimizer(learning_rate=0.1), "mse")
    assert model.optimizer.learning_rate == 0.1
    momentum = tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True)
    assert momentum.nesterov
    assert type(tf.keras.losses.MeanSquaredError()(Y, Y).numpy()) is float


def test_functions_of_tensors():
    def distance(y_true, y_pred):
        y_true = tf.cast(y_true, tf.float32)
        return tf.reduce_mean(tf.square(tf.subtract(y_true, y_pred)), axis=-1)

    model = small()
    model.compile("sgd", "mse", metrics=[distance])
    found = model.evaluate(X, Y, verbose=0)
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    assert tf.argmax(Y, axis=1).tolist() == Y.argmax(axis=1).tolist()
    assert tf.argmax(Y).tolist() == Y.argmax(axis=0).tolist()
    assert tf.one_hot([1, 0], 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert X[..., tf.newaxis].shape == (20, 3, 1)
    assert tf.math.log(np.e) == pytest.approx(1)
    assert tf.data.AUTOTUNE == tf.data.experimental.AUTOTUNE == -1
    with tf.device("/GPU:0"):
        assert tf.reduce_sum(np.ones((2, 3)), axis=1).tolist() == [3, 3]


@pytest.mark.parametrize(
    "name",
    ["random.normal", "compat.v1.Session", "data.Dataset", "nn.conv2d", "GradientTape"],
)
def test_the_rest_of_tensorflow_says_that_it_is_not_here(name):
    *rooms, last = name.split(".")
    found = tf
    for room in rooms:
        found = getattr(found, room)
    with pytest.raises(AttributeError, match=f"has no '{last}'"):
        getattr(found, last)


def test_adadeltas_rate_is_named():
    model = small()
    model.compile("adadelta", "mse")
    with pytest.warns(UserWarning, match=r"Adadelta\(learning_rate=1\.0\)"):
        model.fit(X, Y, verbose=0)
    model = small()
    model.compile(tf.optimizers.Adadelta(1.0), "mse")
    model.fit(X, Y, verbose=0)


def test_model_is_a_name_and_no_class_to_make():
    from numcnn.models import Input, Model

    model = Sequential([Input((3,)), Dense(2)])
    assert isinstance(model, Model)
    assert tf.keras.Model is Model
    with pytest.raises(TypeError, match=r"Model\(inputs, outputs\): The functional API is not"):
        Model(inputs=model.input, outputs=model.output)
    with pytest.raises(TypeError, match=r"class Own\(Model\): The functional API is not here"):
        type("Own", (Model,), {})
    assert type("Own", (Sequential,), {})([Dense(2, input_shape=(3,))]).count_params() == 8


def test_one_array_in_a_list():
    model = small()
    assert (model.predict([X]) == model.predict(X)).all()
    assert model.evaluate([X], [Y], verbose=0) == model.evaluate(X, Y, verbose=0)
    assert model.fit((X,), [Y], validation_data=([X], [Y]), verbose=0).epoch == [0]
    assert model.predict([[1.0, 2.0, 3.0]]).shape == (1, 2)
    with pytest.raises(ValueError, match="expected ndim=2"):
        model.predict([X, X])
