"""Names of Keras that are here under old paths, and what is said of those that are not."""

import importlib
import re
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

import numcnn
from numcnn import activations, backend, errors, layers, losses, models
from numcnn.layers import Conv2D, Dense
from numcnn.legacy import missing, paths

PAGE = "What is here and what is not: examples/README.md."


def run(statement):
    """Run a statement as a program has it; return its names."""
    names = {}
    exec(statement, names)
    return names


def whole(dotted):
    """Return what a dotted name means."""
    found = numcnn
    for part in dotted.split(".")[1:]:
        found = getattr(found, part)
    return found


def refused(statement):
    with pytest.raises(ImportError) as raised:
        run(statement)
    assert type(raised.value) is errors.MissingModuleError
    return str(raised.value)


def test_what_is_said_of_a_missing_name():
    assert refused("from numcnn.models import Functional") == (
        "numcnn.models has no 'Functional'. The functional API is not here: a model is a row of "
        f"layers. Nearest: numcnn.models.Sequential. {PAGE}"
    )
    assert refused("from numcnn.layers import Conv3D") == (
        "numcnn.layers has no 'Conv3D'. Layers are for images, so 2D. "
        f"Nearest: numcnn.layers.Conv2D. {PAGE}"
    )
    assert refused("from numcnn.layers import Dropuot") == (
        "numcnn.layers has no 'Dropuot'. Did you mean 'Dropout'?"
    )
    assert refused("from numcnn.models import Dense") == (
        "numcnn.models has no 'Dense'. It is numcnn.layers.Dense: from numcnn.layers import Dense"
    )
    everything = ", ".join(sorted(numcnn.datasets.__all__))
    assert refused("from numcnn.datasets import xyz") == (
        f"numcnn.datasets has no 'xyz'. It has: {everything}. {PAGE}"
    )


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("from numcnn.layers import LSTM", "no recurrent layers"),
        ("from numcnn.layers import Dense, LSTM", "no recurrent layers"),
        ("from numcnn.layers.recurrent import GRU", "no recurrent layers"),
        ("from numcnn.layers.core import Lambda", "numcnn.layers.Layer"),
        ("from numcnn.keras.layers import Embedding", "nothing for text"),
        ("from numcnn.layers.merge import concatenate", "functional API"),
        ("import numcnn.applications", "no networks that are trained"),
        ("from numcnn.applications.vgg16 import VGG16", "no networks that are trained"),
        ("from numcnn import applications", "no networks that are trained"),
        ("from numcnn.preprocessing.text import Tokenizer", "nothing for text"),
        ("from numcnn.datasets import boston_housing", "fit takes any arrays"),
        ("from numcnn.backend import get_session", "no TensorFlow below"),
        ("from numcnn.backend import image_data_formt", "Did you mean 'image_data_format'?"),
        ("from numcnn.metrics import catgorical_accuracy", "Did you mean 'categorical_accuracy'?"),
        ("from numcnn.callbacks import RemoteMonitor", "numcnn.callbacks.CSVLogger"),
        ("from numcnn.callbacks import Earlystopping", "Did you mean 'EarlyStopping'?"),
        ("from numcnn.optimizers import Sequential", "from numcnn.models import Sequential"),
        ("from numcnn.losses import categorical_crossentrop", "'categorical_crossentropy'"),
        ("from numcnn.utils import multi_gpu_model", "There is no GPU"),
        ("from numcnn.utils import to_categorial", "Did you mean 'to_categorical'?"),
        ("from numcnn.preprocessing.image import ImageDataGen", "'ImageDataGenerator'"),
        ("from numcnn.models import Sequental", "Did you mean 'Sequential'?"),
        ("from numcnn.initializers import glorot_unifrom", "Did you mean 'glorot_uniform'?"),
    ],
)
def test_both_ways_to_ask_say_the_same(statement, says):
    assert says in refused(statement)
    found = re.match(r"from (\S+) import (?:Dense, )?(\w+)$", statement)
    if found and found[1] in sys.modules:
        module = sys.modules[found[1]]
        with pytest.raises(AttributeError) as raised:
            getattr(module, found[2])
        assert type(raised.value) is errors.MissingNameError
        assert str(raised.value) == refused(statement)


@pytest.mark.parametrize(
    "program",
    ["from numcnn.layers import Dens", "import numcnn; numcnn.layers.Dens"],
    ids=["from", "attribute"],
)
def test_python_adds_no_suggestion_of_its_own(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    kind = "MissingModuleError" if "from" in program else "MissingNameError"
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"numcnn.errors.{kind}: numcnn.layers has no 'Dens'. Did you mean 'Dense'?"
    )


def test_who_only_asks_gets_a_plain_answer():
    assert not hasattr(layers, "LSTM")
    assert getattr(layers, "LSTM", None) is None
    assert not hasattr(layers, "__wrapped__")
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such_package'$"):
        run("import no_such_package.layers")
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'numcnn\._inside'$"):
        run("import numcnn._inside")
    assert run("import numcnn.layers.conv2d as c")["c"].Conv2D is Conv2D


@pytest.mark.parametrize("part", missing.ABSENT, ids=lambda part: part.nearest[0] + part.names[:9])
def test_what_is_called_nearest_exists(part):
    for name in part.nearest:
        whole(name)
        assert name.startswith("numcnn.")


def test_nothing_that_is_here_is_called_absent():
    for place, names in ((m.__name__, missing.public(m)) for m in (layers, models, losses)):
        for name in names:
            assert run(f"from {place} import {name}")[name] is whole(f"{place}.{name}")


@pytest.mark.parametrize("old", paths.OLD)
def test_an_old_path_has_the_names_of_its_room(old):
    room = whole(f"numcnn.{paths.OLD[old]}" if paths.OLD[old] else "numcnn")
    module = importlib.import_module(f"numcnn.{old}")
    for name in room.__all__ if hasattr(room, "__all__") else ["plot_model"]:
        thing = getattr(room, name)
        if not isinstance(thing, ModuleType):  # those have an old path themselves, once imported
            assert getattr(module, name) is thing
            assert run(f"from numcnn.{old} import {name}")[name] is thing
    assert set(missing.public(room)) <= set(dir(module))
    assert room is not module
    assert room.__spec__.name == room.__name__


def test_tensorflow_keras():
    assert run("from numcnn import keras")["keras"].layers.Dense is Dense
    assert run("import numcnn as tf; found = tf.keras.layers.Dense")["found"] is Dense
    assert run("from numcnn.keras.layers import Dense")["Dense"] is Dense
    assert run("from numcnn.keras import layers")["layers"].Dense is Dense
    assert run("from numcnn.keras.layers.convolutional import *")["Conv2D"] is Conv2D
    assert run("import numcnn.keras.backend as K")["K"].set_floatx is backend.set_floatx


def test_keras_1s_words_for_arguments():
    with pytest.warns(UserWarning, match=r"Conv2D was given words of Keras 1: border_mode"):
        assert Conv2D(4, (3, 3), border_mode="same").padding == "same"
    with pytest.raises(TypeError, match=r"no argument 'paddin'\. Did you mean 'padding'"):
        Conv2D(4, (3, 3), paddin="same")


def test_the_backends_older_names():
    backend.set_image_dim_ordering("th")
    assert (backend.image_data_format(), backend.image_dim_ordering()) == ("channels_first", "th")
    assert Conv2D(1, 1).data_format == "channels_first"
    backend.set_image_dim_ordering("tf")
    assert (backend.image_data_format(), backend.image_dim_ordering()) == ("channels_last", "tf")
    with pytest.raises(ValueError, match="'tf' or 'th', got 'channels_last'"):
        backend.set_image_dim_ordering("channels_last")
    assert backend.backend() == "numcnn"
    backend.set_floatx("float64")
    assert backend.cast_to_floatx(np.float32([1, 2])).dtype == "float64"
    x = np.zeros(3)
    backend.set_value(backend.get_value(x), [1, 2, 3])
    assert x.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match=r"shape \(3,\), got \(2,\)"):
        backend.set_value(x, [1, 2])
    with pytest.raises(TypeError, match=r"model\.optimizer\.momentum = value"):
        backend.set_value(0.1, 0.2)


def test_a_session_that_is_cleared_takes_no_model_with_it():
    model = models.Sequential([Dense(2, input_shape=(3,))])
    before = model.predict(np.ones((1, 3)))
    backend.clear_session()
    assert (model.predict(np.ones((1, 3))) == before).all()


@pytest.mark.parametrize("name", layers.names.ACTIVATIONS)
def test_activations_are_the_layers(name):
    x = np.linspace(-3, 3, 12).reshape(3, 4)
    function = getattr(activations, name)
    assert function.__name__ == name
    assert (function(x) == layers.Activation(name).forward(x)).all()
    assert activations.get(name) is function
    assert activations.serialize(function) == name
    assert type(Dense(2, activation=function).activation) is type(layers.names.get(name))


def test_activations_and_what_they_refuse():
    assert activations.relu([-2, 3], negative_slope=0.5).tolist() == [-1, 3]
    assert activations.get(None)([1, 2]).tolist() == [1, 2]
    assert activations.get(abs) is abs
    assert activations.relu(np.array([1.0], "float32")).dtype == "float32"
    assert activations.relu([-1, 2]).dtype == "float64"
    assert activations.relu.__qualname__ == "relu"
    assert "activation='relu'" in activations.relu.__doc__
    assert activations.threshold([1.0, 2.0, 3.0], 2.0, 9.0).tolist() == [9, 9, 3]
    halves = activations.glu(np.array([[6.0, 8.0], [0.0, -1000.0]]), axis=0)
    np.testing.assert_array_equal(halves, [[3, 0]])
    with pytest.raises(ValueError, match=r"Unknown activation 'rleu'. Did you mean 'relu'"):
        activations.get("rleu")
    with pytest.raises(ValueError, match="Unknown activation"):
        activations.serialize(abs)


def test_classes_as_keras_2_predicted_them():
    x = np.array([[1.0], [-1.0]])
    model = models.Sequential([Dense(3, input_shape=(1,), use_bias=False)])
    model.set_weights([np.array([[1.0, 0.0, -2.0]])])
    assert model.predict_classes(x).tolist() == [0, 2]
    assert (model.predict_proba(x) == model.predict(x)).all()
    one = models.Sequential([Dense(1, activation="sigmoid", input_shape=(1,), use_bias=False)])
    one.set_weights([np.array([[2.0]])])
    assert one.predict_classes(x).tolist() == [[1], [0]]


def test_a_checkpoint_every_other_epoch(tmp_path):
    model = models.Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", loss="mse")
    keep = numcnn.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.npz"), period=2)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=5, verbose=0, callbacks=[keep])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.npz", "4.npz"]
    with pytest.raises(ValueError, match="period"):
        numcnn.callbacks.ModelCheckpoint("x.npz", period=0)


def test_layers_that_are_called_on_layers_name_the_functional_api():
    for given in (layers.Input((3,)), [layers.Input((3,)), layers.Input((3,))]):
        with pytest.raises(TypeError, match=r"functional API.* is not here.*Sequential"):
            Dense(2)(given)
    assert Dense(2)([[1.0, 2.0]]).shape == (1, 2)


@pytest.mark.parametrize("method", ["save", "save_weights"])
def test_a_file_that_is_there_may_be_kept(method, tmp_path):
    model, path = models.Sequential([Dense(2, input_shape=(3,))]), tmp_path / "x.npz"
    getattr(model, method)(path, overwrite=False)
    before = path.read_bytes()
    model.set_weights([np.ones((3, 2)), np.ones(2)])
    with pytest.raises(FileExistsError, match="overwrite=False"):
        getattr(model, method)(str(path), overwrite=False)
    assert path.read_bytes() == before
    getattr(model, method)(path, overwrite=True)
    assert path.read_bytes() != before


def test_finders_leave_alone_what_is_there():
    # As tools do that look for a file's module: every finder in turn, with a path of their own.
    for name in ("numcnn.testing", "numcnn.dask", "numcnn.layers.dense"):
        for finder in sys.meta_path:
            finder.find_spec(name, ["/nowhere"])
