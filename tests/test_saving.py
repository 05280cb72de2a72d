"""Model files: the same bits back, whole or not at all, and no trust in what a file says."""

import errno
import io
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import CLASSES, SHAPE, Scale, cnn, dense, fingerprint, images, weights_hash

from numcnn import files, saving
from numcnn.errors import ModelFileError
from numcnn.initializers import GlorotUniform, RandomNormal
from numcnn.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
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
from numcnn.optimizers import SGD, Adam, RMSprop
from numcnn.utils import set_random_seed

OPTIMIZERS = {
    "sgd": lambda: SGD(0.1, decay=0.01),
    "momentum": lambda: SGD(0.01, momentum=0.9),
    "nesterov": lambda: SGD(0.01, momentum=0.5, nesterov=True),
    "rmsprop": lambda: RMSprop(0.003, rho=0.8, epsilon=1e-6),
    "adam": lambda: Adam(0.002, beta_1=0.8, beta_2=0.99, decay=0.1),
}


def saved(model, tmp_path, name="model.npz", **kwargs):
    model.save(tmp_path / name)
    return load_model(tmp_path / name, **kwargs)


def as_json(model):
    return json.loads(json.dumps(model.get_config()))


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
        assert len(file.files) == 1 + 6 + 6


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
        for name in ("m.h5", "m", "m.npz.bak"):
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


# whole or not at all


class Tripwire:
    """Counts the calls that write and raises in the chosen one."""

    def __init__(self, patch, at, error):
        self.calls, self.at, self.error = [], at, error
        for name in ("fsync", "chmod", "replace"):
            patch.setattr(files.os, name, self.watched(name, getattr(os, name)))
        fdopen, wire = os.fdopen, self

        class File(io.BufferedWriter):
            def write(self, data):
                return wire.watched("write", super().write)(data)

        patch.setattr(files.os, "fdopen", lambda *args: File(fdopen(*args, buffering=0)))

    def watched(self, name, function):
        def call(*args):
            self.calls.append(name)
            if len(self.calls) == self.at:
                raise self.error
            return function(*args)

        return call


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "disk full"), OSError(errno.EIO, "I/O error"), KeyboardInterrupt()],
    ids=["full", "broken", "Ctrl-C"],
)
def test_a_failure_at_any_call_leaves_old_or_new(tmp_path, error):
    path = tmp_path / "m.npz"
    old, new = dense(seed=1), dense(seed=2)
    new.save(path)
    complete = path.read_bytes()
    old.save(path)
    before = path.read_bytes()
    outcomes = []
    for at in range(1, 10_000):
        with pytest.MonkeyPatch.context() as patch:
            wire = Tripwire(patch, at, error)
            try:
                new.save(path)
                break
            except type(error):
                pass
        assert [p.name for p in tmp_path.iterdir()] == ["m.npz"], wire.calls[-1]
        content = path.read_bytes()
        assert content in (before, complete)
        outcomes.append((wire.calls[at - 1], content == complete))
        old.save(path)
    assert path.read_bytes() == complete
    assert {name for name, _ in outcomes} == {"write", "fsync", "chmod", "replace"}
    if os.name == "posix":  # the last call brings the folder to the disk, after the file moved
        assert outcomes[-1] == ("fsync", True)
        assert not any(moved for _, moved in outcomes[:-1])
    assert len(outcomes) > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_process_that_dies_at_any_call_leaves_old_or_new(tmp_path):
    program = f"""
import os, sys, pathlib
sys.path.insert(0, {str(Path(__file__).parent)!r})
from small_nets import dense
from numcnn import files
folder = pathlib.Path({str(tmp_path)!r})
path = folder / "m.npz"
old, new = dense(seed=1), dense(seed=2)
new.save(path); complete = path.read_bytes()
old.save(path); before = path.read_bytes()
class Dying:
    def __init__(self, at):
        self.left = at
    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in ("fdopen", "fsync", "chmod", "replace", "open", "close"):
            return real
        def call(*args):
            self.left -= 1
            if self.left == 0:
                os._exit(9)
            return real(*args)
        return call
seen = []
for at in range(1, 100):
    child = os.fork()
    if child == 0:
        files.os = Dying(at)
        new.save(path)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    content = path.read_bytes()
    assert content in (before, complete)
    seen.append(content == complete)
    if code == 0:
        break
    assert code == 9
    old.save(path)
print(seen)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True
    )
    assert done.stdout == "[False, False, False, False, True, True, True, True]\n", done.stderr


# damaged files


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A file of a model with everything in it, as (folder, bytes, fingerprint)."""
    folder = tmp_path_factory.mktemp("small")
    set_random_seed(1)
    model = Sequential([Dense(1, input_shape=(1,)), Dropout(0.5)])
    model.compile("rmsprop", "mse")
    model.train_on_batch([[1.0]], [[2.0]])
    model.save(folder / "m.npz")
    return folder, (folder / "m.npz").read_bytes(), (fingerprint(model), as_json(model))


def refused(path, match=None, **kwargs):
    """Load a file, which must raise a ModelFileError of one line; return its message."""
    with pytest.raises(ModelFileError, match=match) as caught:
        load_model(path, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


STEPS = [pytest.param(1, marks=pytest.mark.slow), 11]


@pytest.mark.parametrize("step", STEPS)
def test_every_truncation_is_refused(small, step):
    folder, content, _ = small
    path = folder / "cut.npz"
    ends = {*range(0, len(content), step), *range(len(content) - 80, len(content))}
    for end in sorted(ends):
        path.write_bytes(content[:end])
        refused(path)
        if end % 100 == 0:
            with pytest.raises(ModelFileError):
                dense(units=1, inputs=1).load_weights(path)


def held(content):
    """Return the positions of the members' bytes, which their checksums cover."""
    places = set()
    for member in zipfile.ZipFile(io.BytesIO(content)).infolist():
        at = member.header_offset
        name, extra = (int.from_bytes(content[at + i : at + i + 2], "little") for i in (26, 28))
        start = at + 30 + name + extra
        places |= set(range(start, start + member.file_size))
    return places


@pytest.mark.parametrize("step", STEPS)
def test_every_flipped_bit_is_refused_or_says_nothing(small, step):
    folder, content, expected = small
    path, covered = folder / "flipped.npz", held(content)
    assert len(covered) > len(content) / 2
    for at in range(0, len(content), step):
        for bit in range(8) if step == 1 else [at // step % 8]:
            flipped = bytearray(content)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            try:
                model = load_model(path)
            except ModelFileError:
                continue
            assert at not in covered
            assert (fingerprint(model), as_json(model)) == expected, (at, bit)


@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_are_refused(small, noise, in_zip):
    folder, _, _ = small
    path = folder / "noise.npz"
    if in_zip:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.npy", noise)
    else:
        path.write_bytes(noise)
    refused(path)


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members if isinstance(members, list) else members.items():
            archive.writestr(name, content)


def npy(array, **kwargs):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), **kwargs)
    return stream.getvalue()


def header(shape, descr="<f4", fortran_order=False):
    stream = io.BytesIO()
    fields = {"descr": descr, "fortran_order": fortran_order, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, fields)
    return stream.getvalue()


W = np.ones((1, 1), "f4")
DAMAGES = {
    "no members": lambda m: {},
    "no configuration": lambda m: {k: v for k, v in m.items() if k != "model.npy"},
    "weight missing": lambda m: {k: v for k, v in m.items() if k != "dense/w.npy"},
    "all weights missing": lambda m: {"model.npy": m["model.npy"]},
    "slot missing": lambda m: {k: v for k, v in m.items() if "square/dense/b" not in k},
    "slot of another name": lambda m: m | {"optimizer/mean/dense/w.npy": npy(W)},
    "weight too many": lambda m: m | {"dense/v.npy": npy(W)},
    "layer too many": lambda m: m | {"dense_1/w.npy": npy(W)},
    "weight for dropout": lambda m: m | {"dropout/w.npy": npy(W)},
    "no array": lambda m: m | {"readme.txt": b"hello"},
    "same name twice over": lambda m: m | {"dense/w": npy(W)},
    "text for an array": lambda m: m | {"dense/w.npy": b"hello"},
    "empty member": lambda m: m | {"dense/w.npy": b""},
    "objects": lambda m: m | {"dense/w.npy": npy(np.array([[None]], object), allow_pickle=True)},
    "texts": lambda m: m | {"dense/w.npy": npy(np.array([["a"]]))},
    "fields": lambda m: m | {"dense/w.npy": npy(np.zeros((1, 1), [("a", "f4")]))},
    "complex": lambda m: m | {"dense/w.npy": npy(W.astype(complex))},
    "big endian": lambda m: m | {"dense/w.npy": npy(W.astype(">f4"))},
    "float64": lambda m: m | {"dense/w.npy": npy(W.astype("f8"))},
    "float16": lambda m: m | {"dense/w.npy": npy(W.astype("f2"))},
    "bytes as weights": lambda m: m | {"dense/w.npy": npy(W.astype("u1"))},
    "wrong shape": lambda m: m | {"dense/w.npy": npy(np.ones((1, 2), "f4"))},
    "flat": lambda m: m | {"dense/w.npy": npy(np.ones(1, "f4"))},
    "columns first": lambda m: m | {"dense/w.npy": header((1, 1), fortran_order=True) + bytes(4)},
    "slot of wrong shape": lambda m: (
        m | {"optimizer/mean_square/dense/w.npy": npy(np.ones((2, 2), "f4"))}
    ),
    "too short": lambda m: m | {"dense/w.npy": npy(W)[:-1]},
    "too long": lambda m: m | {"dense/w.npy": npy(W) + b"\0"},
    "huge shape": lambda m: m | {"dense/w.npy": header((10**6, 10**6))},
    "larger shape": lambda m: m | {"dense/w.npy": header((2**28,)) + bytes(4)},
    "negative shape": lambda m: m | {"dense/w.npy": header((-1, -1)) + bytes(4)},
    "long header": lambda m: m | {"dense/w.npy": header((1,) * 3000) + bytes(4)},
    "format 2.0": lambda m: m | {"dense/w.npy": npy(W, version=(2, 0))},
    "configuration as numbers": lambda m: m | {"model.npy": npy(np.ones(9, "f4"))},
    "no JSON": lambda m: m | {"model.npy": npy(np.frombuffer(b"{", "u1"))},
    "no UTF-8": lambda m: m | {"model.npy": npy(np.frombuffer(b'"\xff\xff"', "u1"))},
    "a list": lambda m: m | {"model.npy": npy(np.frombuffer(b"[1]", "u1"))},
    "nested": lambda m: m | {"model.npy": npy(np.frombuffer(b"[" * 10**5, "u1"))},
    "many digits": lambda m: m | {"model.npy": npy(np.frombuffer(b"9" * 10**5, "u1"))},
    "large configuration": lambda m: m | {"model.npy": npy(np.zeros(2**20 + 1, "u1"))},
    "another npz": lambda m: {"arr_0.npy": npy(W)},
}


def relisted(members):
    """Return the members with the list in the configuration, where there is one, set right."""
    try:
        description = json.loads(np.load(io.BytesIO(members["model.npy"])).tobytes())
        description["arrays"] = [k.removesuffix(".npy") for k in members if k != "model.npy"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return members
    text = json.dumps(description).encode()
    return members | {"model.npy": npy(np.frombuffer(text, "u1"))}


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(small, damage, listed):
    folder, content, _ = small
    path = folder / "damaged.npz"
    damaged = DAMAGES[damage](members_of(content))
    if listed:
        damaged = relisted(damaged)
    tracemalloc.start()
    pack(path, damaged)
    tracemalloc.reset_peak()
    message = refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 2**20
    assert len(message) < 1000
    assert "allow_pickle" not in message


def test_packing_changes_nothing_by_itself(small):
    folder, content, expected = small
    pack(folder / "same.npz", members_of(content))
    model = load_model(folder / "same.npz")
    assert (fingerprint(model), as_json(model)) == expected


def test_compressed_doubled_and_lying_members_are_refused(small):
    folder, content, _ = small
    path = folder / "packed.npz"
    members = members_of(content)
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        pack(path, members, compression)
        refused(path, "compressed")
    with pytest.warns(UserWarning, match="Duplicate"):
        pack(path, [*members.items(), ("dense/w.npy", npy(W))])
    refused(path, "members")
    lying = bytearray(content)
    entry = lying.rindex(b"PK\x01\x02")
    for size in (2**31 - 1, 2**32 - 2):
        lying[entry + 20 : entry + 28] = size.to_bytes(4, "little") * 2
        path.write_bytes(lying)
        tracemalloc.start()
        refused(path, "larger than the file")
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
        tracemalloc.stop()


def layer(changes):
    """Return a change of the first layer's configuration."""
    return lambda d: d["config"]["layers"][0]["config"].update(changes)


def compiled(changes):
    return lambda d: d["compiled"].update(changes)


HOSTILE = {
    "class of another module": lambda d: d["config"]["layers"][0].update(class_name="os.system"),
    "builtin": lambda d: d["config"]["layers"][0].update(class_name="eval"),
    "dotted": lambda d: d["config"]["layers"][0].update(class_name="numcnn.layers.Dense"),
    "base class": lambda d: d["config"]["layers"][0].update(class_name="Layer"),
    "function": lambda d: d["config"]["layers"][0].update(class_name="Input"),
    "class is a list": lambda d: d["config"]["layers"][0].update(class_name=["Dense"]),
    "class is missing": lambda d: d["config"]["layers"][0].pop("class_name"),
    "10**9 units": layer({"units": 10**9}),
    "10**30 units": layer({"units": 10**30}),
    "negative units": layer({"units": -1}),
    "fractional units": layer({"units": 1.5}),
    "NaN units": layer({"units": float("nan")}),
    "boolean units": layer({"units": True}),
    "text units": layer({"units": "1"}),
    "two units": layer({"units": 2}),
    "unknown argument": layer({"unit": 3}),
    "activation": layer({"activation": "__import__"}),
    "activation is a dictionary": layer({"activation": {"class_name": "Lambda"}}),
    "initializer": layer({"kernel_initializer": {"class_name": "Evil", "config": {}}}),
    "initializer's seed": layer(
        {"kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": -1}}}
    ),
    "float16": layer({"dtype": "float16"}),
    "float64": layer({"dtype": "float64"}),
    "other name": layer({"name": "other"}),
    "name with a slash": layer({"name": "optimizer/mean_square/dense"}),
    "name is a number": layer({"name": 7}),
    "shape is a text": layer({"input_shape": "abc"}),
    "shape of texts": layer({"input_shape": ["1"]}),
    "shape of fractions": layer({"input_shape": [1.0]}),
    "shape of 10**12": layer({"input_shape": [10**12]}),
    "negative shape": layer({"input_shape": [-1]}),
    "deep shape": layer({"input_shape": [1] * 100}),
    "model's shape is a text": lambda d: d["config"].update(input_shape="a"),
    "model's shape is missing": lambda d: d["config"].pop("input_shape"),
    "model's shape of fractions": lambda d: d["config"].update(input_shape=[1.0]),
    "model's shape is none": lambda d: d["config"].update(input_shape=None),
    "model's name is a list": lambda d: d["config"].update(name=["a"]),
    "2,000 layers": lambda d: d["config"].update(layers=d["config"]["layers"] * 1000),
    "no layers": lambda d: d["config"].update(layers=[]),
    "layers are a dictionary": lambda d: d["config"].update(layers={"0": 1}),
    "layers are numbers": lambda d: d["config"].update(layers=[1, 2]),
    "same layer twice": lambda d: d["config"]["layers"].append(d["config"]["layers"][0]),
    "configuration is a text": lambda d: d.update(config="Dense"),
    "configuration of a layer is a list": lambda d: d["config"]["layers"][0].update(config=[]),
    "rate of 2": lambda d: d["config"]["layers"][1]["config"].update(rate=2),
    "no compiled": lambda d: d.pop("compiled"),
    "compiled is a list": lambda d: d.update(compiled=[1]),
    "optimizer": compiled({"optimizer": "os"}),
    "optimizer is a number": compiled({"optimizer": 3}),
    "another optimizer": compiled({"optimizer": "Adam", "optimizer_config": {}}),
    "learning rate": compiled({"optimizer_config": {"learning_rate": float("nan")}}),
    "optimizer's argument": compiled({"optimizer_config": {"evil": 1}}),
    "iterations are negative": compiled({"iterations": -1}),
    "iterations are a fraction": compiled({"iterations": 1.5}),
    "iterations are huge": compiled({"iterations": 10**40}),
    "iterations are true": compiled({"iterations": True}),
    "loss": compiled({"loss": "evil"}),
    "loss's argument": compiled({"loss_config": {"evil": 1}}),
    "metric": compiled({"metrics": ["eval"]}),
    "metrics are a number": compiled({"metrics": 5}),
    "engine": compiled({"engine": "evil"}),
    "states missing": lambda d: d.pop("states"),
    "a state missing": lambda d: d["states"].pop(),
    "states of other layers": lambda d: d["states"].reverse(),
    "state is negative": lambda d: d["states"][1].update(step=-1),
    "state is huge": lambda d: d["states"][1].update(step=2**64),
    "state is a text": lambda d: d["states"][1].update(seed="1"),
    "seed is negative": lambda d: d.update(seed=-5),
    "seed is NaN": lambda d: d.update(seed=float("nan")),
    "seed missing": lambda d: d.pop("seed"),
    "list of arrays missing": lambda d: d.pop("arrays"),
    "list of arrays in another order": lambda d: d["arrays"].reverse(),
    "another format": lambda d: d.update(format="keras"),
}


def rewrite(folder, content, change):
    """Return a path to the file with its description changed."""
    members = members_of(content)
    description = json.loads(np.load(io.BytesIO(members["model.npy"])).tobytes())
    change(description)
    members["model.npy"] = npy(np.frombuffer(json.dumps(description).encode(), "u1"))
    path = folder / "hostile.npz"
    pack(path, members)
    return path


@pytest.mark.parametrize("change", HOSTILE)
def test_hostile_configurations_are_refused(small, change):
    folder, content, _ = small
    path = rewrite(folder, content, HOSTILE[change])
    set_random_seed(None)
    state = np.random.get_state()[1].copy()
    tracemalloc.start()
    refused(path)
    assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    tracemalloc.stop()
    assert np.array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("version", [2, 99, 0, "1", None, 1.5])
def test_other_versions_say_which(small, version):
    folder, content, _ = small
    path = rewrite(folder, content, lambda d: d.update(version=version))
    refused(path, f"file version {version}, this numcnn reads 1")


# weights of another architecture


def test_weights_of_another_architecture_are_all_named(tmp_path):
    set_random_seed(1)
    first = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    first.save(tmp_path / "first.npz")
    other = Sequential([Dense(5, input_shape=(3,)), Dense(2)])
    before = weights_hash(other)
    match = (
        r"another architecture.*array 0: expected \(3, 5\).*got \(3, 4\).*"
        r"array 1: expected \(5,\).*got \(4,\).*array 2: expected \(5, 2\).*got \(4, 2\)"
    )
    with pytest.raises(ModelFileError, match=match) as caught:
        other.load_weights(tmp_path / "first.npz")
    assert "array 3" not in str(caught.value)
    deeper = Sequential([Dense(4, input_shape=(3,)), Dense(2), Dense(2)])
    with pytest.raises(ModelFileError, match=r"needs 6 arrays.*\(2, 2\).*got 4, of shapes"):
        deeper.load_weights(tmp_path / "first.npz")
    assert weights_hash(other) == before


def test_layers_may_have_other_names_than_in_the_file(tmp_path):
    first, other = dense(seed=1), dense(seed=2)
    first.save_weights(tmp_path / "w.npz")
    other.layers[0].name = "renamed"
    other.load_weights(tmp_path / "w.npz")
    assert np.array_equal(other.get_weights()[0], first.get_weights()[0])


def test_weights_of_another_precision_are_cast(tmp_path):
    wide = Sequential([Dense(2, input_shape=(3,), dtype="float64")])
    wide.save_weights(tmp_path / "w.npz")
    narrow = Sequential([Dense(2, input_shape=(3,))])
    narrow.load_weights(tmp_path / "w.npz")
    assert np.array_equal(narrow.get_weights()[0], wide.get_weights()[0].astype("f4"))


def test_nan_weights_load_with_a_warning(tmp_path):
    model = dense()
    model.layers[0].params["w"][1, 1] = np.nan
    model.save(tmp_path / "nan.npz")
    with pytest.warns(UserWarning, match=r"NaN or infinite: dense/w\."):
        again = load_model(tmp_path / "nan.npz")
    assert weights_hash(again) == weights_hash(model)
    with pytest.warns(UserWarning, match=r"NaN or infinite: dense/w\."):
        dense().load_weights(tmp_path / "nan.npz")


def test_limits_are_what_the_errors_say():
    assert saving.MAX_LAYERS == 1000
    assert saving.MAX_CONFIG_BYTES == 2**20


def test_a_config_that_lacks_an_argument_is_refused_when_saving(tmp_path):
    """Else the file would make another layer, silently, or none at all."""

    class Leaky(Layer):
        def __init__(self, alpha=0.1, **kwargs):
            super().__init__(**kwargs)
            self.alpha = alpha

        def forward(self, x, training=False):
            return np.where(x > 0, x, self.alpha * x)

    model = Sequential([Leaky(0.7, input_shape=(2,))])
    with pytest.raises(TypeError, match=r"Leaky takes \['alpha'\], but its get_config"):
        model.save(tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_files_of_keras_are_called_by_their_name(tmp_path):
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    with pytest.raises(ModelFileError, match="an HDF5 file, as Keras writes"):
        load_model(tmp_path / "old.h5")
    with pytest.raises(ValueError, match=r"write 'old\.npz' instead of 'old\.h5'"):
        cnn().save("old.h5")
