"""Random networks of all layers cross to Keras and back, in every form of file, and train alike.

Keras runs on any backend. On PyTorch it takes the pixels of an uneven border into an average, as
if they were of the image (3.15); on TensorFlow, and here, borders do not count. There such pools
are left out.
"""

import copy
import sys

import any_network
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numcnn import optimizers
from numcnn.export import to_onnx
from numcnn.models import load_model

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
SEEDS = st.integers(0, 2**32 - 1)
LARGE = 1e3  # beyond it, float32 has less than 1e-5 to spare


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("h5py", reason="needs the extra keras")
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("crossing")


def near(found, expected, what, tolerance=1e-5):
    found = np.asarray(found)
    assert found.shape == expected.shape, what
    bound = tolerance * max(1.0, np.abs(expected).max(initial=0))
    assert np.abs(found - expected).max(initial=0) <= bound, what


def drawn(network, seed, engine="auto"):
    """Return a model, a batch, and what the model makes of it."""
    model, x = any_network.model_of(network, seed, engine)
    with np.errstate(all="ignore"):
        y = model.predict(x)
    assume(np.isfinite(y).all() and np.abs(y).max(initial=0) < LARGE)
    on_torch = sys.modules.get("keras") and sys.modules["keras"].backend.backend() == "torch"
    assume(not on_torch or not any_network.uneven_averages(model))
    return model, x, y


def as_array(keras, tensor):
    return keras.ops.convert_to_numpy(tensor)


def named(variable):
    return "/".join(variable.path.split("/")[-2:])


@given(network=any_network.networks(), seed=SEEDS, ending=st.sampled_from(["keras", "h5"]))
def test_models_cross_to_keras_and_back(keras, folder, network, seed, ending):
    model, x, y = drawn(network, seed)
    model.save(folder / f"ours.{ending}")
    theirs = keras.models.load_model(folder / f"ours.{ending}", compile=False)
    near(as_array(keras, theirs(x, training=False)), y, "read in Keras")
    theirs.save(folder / f"theirs.{ending}")
    again = load_model(folder / f"theirs.{ending}")
    near(again.predict(x), y, "written by Keras")
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(a, b)


@given(network=any_network.networks(), seed=SEEDS)
def test_weights_cross_to_keras_and_back(keras, folder, network, seed):
    model, x, y = drawn(network, seed)
    model.save(folder / "model.keras")
    theirs = keras.models.load_model(folder / "model.keras", compile=False)
    zeros = [np.zeros_like(w) for w in model.get_weights()]
    theirs.set_weights(zeros)
    model.save_weights(folder / "ours.weights.h5")
    theirs.load_weights(folder / "ours.weights.h5")
    near(as_array(keras, theirs(x, training=False)), y, "read in Keras")
    theirs.save_weights(folder / "theirs.weights.h5")
    model.set_weights(zeros)
    model.load_weights(folder / "theirs.weights.h5")
    near(model.predict(x), y, "written by Keras")


@given(network=any_network.networks(), seed=SEEDS)
def test_safetensors_cross_to_keras_and_back(keras, folder, network, seed):
    """By names alone: those of the file are Keras's own, of a layer and its variable."""
    package = pytest.importorskip("safetensors.numpy", reason="needs the extra safetensors")
    model, x, y = drawn(network, seed)
    model.save(folder / "model.keras")
    theirs = keras.models.load_model(folder / "model.keras", compile=False)
    theirs.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.save_weights(folder / "ours.safetensors")
    found = package.load_file(folder / "ours.safetensors")
    variables = {named(v): v for v in theirs.weights}
    assert set(found) == set(variables)
    for name, array in found.items():
        variables[name].assign(array)
    near(as_array(keras, theirs(x, training=False)), y, "read in Keras")
    arrays = {named(v): as_array(keras, v.value) for v in theirs.weights}
    package.save_file(arrays, folder / "theirs.safetensors")
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.load_weights(folder / "theirs.safetensors")
    near(model.predict(x), y, "written by another program")


@given(network=any_network.networks(), seed=SEEDS)
def test_models_cross_to_onnx_runtime(folder, network, seed):
    pytest.importorskip("onnx", reason="needs the extra onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, x, y = drawn(network, seed)
    to_onnx(model, folder / "m.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / "m.onnx"), options, providers=["CPUExecutionProvider"]
    )
    (name,) = (i.name for i in session.get_inputs())
    near(session.run(None, {name: x})[0], y, "read by ONNX Runtime")


OPTIMIZERS = {
    "SGD": {"learning_rate": 0.1},
    "RMSprop": {"learning_rate": 0.01, "epsilon": 1e-2},
    "Adam": {"learning_rate": 0.01, "epsilon": 1e-2},
    "Adagrad": {"learning_rate": 0.01},
    "Nadam": {"learning_rate": 0.01, "epsilon": 1e-2},
}


@given(
    network=any_network.networks().filter(lambda n: not any_network.is_random(n)),
    seed=SEEDS,
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    engine=st.sampled_from(["numpy", "numba"]),
)
def test_a_step_of_training_is_that_of_keras(keras, folder, network, seed, optimizer, engine):
    model, x, y = drawn(network, seed, engine)
    assume(model.get_weights())
    arguments = OPTIMIZERS[optimizer]
    model.save(folder / "model.keras")
    theirs = keras.models.load_model(folder / "model.keras", compile=False)
    theirs.compile(getattr(keras.optimizers, optimizer)(**arguments), loss="mse", run_eagerly=True)
    model.compile(getattr(optimizers, optimizer)(**arguments), loss="mse", engine=engine)
    target = np.random.default_rng(seed).normal(size=y.shape).astype("float32")
    before = copy.deepcopy(model.get_weights())
    losses = [float(m.train_on_batch(x, target)) for m in (model, theirs)]
    assume(abs(losses[1]) < LARGE)
    near(losses[0], np.asarray(losses[1]), "loss", 1e-4)
    moved = [np.abs(w - b).max(initial=0) for w, b in zip(model.get_weights(), before, strict=True)]
    for ours, other, w in zip(model.get_weights(), theirs.get_weights(), before, strict=True):
        near(ours - w, other - w, (optimizer, moved), 1e-4)
    near(as_array(keras, theirs(x, training=False)), model.predict(x), "afterwards", 1e-3)
