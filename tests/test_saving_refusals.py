"""Refusals of files and configurations for one reason alone, without help from others."""

import copy
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from model_files import members_of, npy, pack, refused, rewrite, write_small
from small_nets import dense, weights_hash

from numcnn import saving
from numcnn.errors import ModelFileError
from numcnn.layers import Dense
from numcnn.models import Sequential, model_from_json
from numcnn.saving.keras import compiled
from numcnn.saving.keras.hdf5 import Reader

KERAS_FILES = Path(__file__).parent / "keras_files"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("small"))


def many_layers(description):
    layers = description["config"]["layers"]
    for k in range(1000):
        layers.append(copy.deepcopy(layers[1]))
        layers[-1]["config"]["name"] = f"dropout_{k + 1}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (many_layers, "more than 1000"),
        (lambda d: d["compiled"].update(exact=1), "exact must be true or false, got 1"),
        (lambda d: d.update(compiled=None), "a training of a model that is not compiled"),
    ],
    ids=["1,002 layers of different names", "exact is 1", "a training without compile"],
)
def test_a_description_is_refused(small, change, words):
    folder, content, _ = small
    assert words in refused(rewrite(folder, content, change))


def test_an_empty_file_is_called_so(tmp_path):
    (tmp_path / "model.npz").touch()
    assert "is empty" in refused(tmp_path / "model.npz")


def test_json_of_no_model():
    text = json.dumps({"class_name": "Sequential", "numcnn": "0.2", "config": []})
    with pytest.raises(ModelFileError, match="does not describe a Sequential model"):
        model_from_json(text)


def test_names_that_saving_does_not_have():
    with pytest.raises(AttributeError, match=r"'numcnn\.saving' has no attribute 'safe_model'"):
        _ = saving.safe_model


def test_weights_by_name_that_do_not_fit_change_nothing(tmp_path):
    dense(seed=1).save_weights(tmp_path / "w.npz")
    other = Sequential([Dense(7, input_shape=(2,), name=dense().layers[0].name)])
    before = weights_hash(other)
    with pytest.raises(ModelFileError, match=r"w\.npz does not fit\. .*'dense': array 0"):
        other.load_weights(tmp_path / "w.npz", by_name=True)
    assert weights_hash(other) == before


def test_weights_by_name_of_files_that_number_their_layers(tmp_path):
    model = dense()
    before = weights_hash(model)
    pack(tmp_path / "m.keras", {"config.json": b"{}"})
    for path in (tmp_path / "m.keras", KERAS_FILES / "keras3.weights.h5"):
        with pytest.raises(ModelFileError, match=r"numbers its layers; leave by_name out"):
            model.load_weights(path, by_name=True)
    assert weights_hash(model) == before


def test_optimizers_that_keras_cannot_have_written():
    with pytest.raises(compiled.NotCarriedError, match="optimizer is not described"):
        compiled._optimizer(5)
    with pytest.raises(ModelFileError, match=r"SGD cannot be: .*learning_rate.*-1"):
        compiled._optimizer({"class_name": "SGD", "config": {"learning_rate": -1}})


def test_hdf5_attributes_of_another_form():
    reader = Reader((KERAS_FILES / "keras2_weights.h5").read_bytes())
    with pytest.raises(ModelFileError, match="'layer_names' is not one text"):
        reader.text(reader.root, "layer_names")
    version_9 = struct.pack("<2B3H", 9, 0, 0, 0, 0)
    reader.root.attributes["backend"] = version_9 + reader.root.attributes["backend"][8:]
    with pytest.raises(ModelFileError, match="'backend' is of another form"):
        reader.text(reader.root, "backend")


def test_numbered_weights_of_another_model():
    path = KERAS_FILES / "keras3.weights.h5"
    model = Sequential([Dense(2, input_shape=(3,))])
    with pytest.raises(ModelFileError, match=r"has weights of \[.*which the model does not have"):
        model.load_weights(path)


def with_long_header(array):
    raw = npy(array)
    end = 10 + int.from_bytes(raw[8:10], "little")
    header = raw[10 : end - 1] + b" " * 20_000 + b"\n"
    return raw[:8] + len(header).to_bytes(2, "little") + header + raw[end:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.pop("model.npy"), "the members are not those of a model"),
        (lambda m: m.update({"model.npy": bytes(2**20 + 1)}), "the configuration is too large"),
        (
            lambda m: m.update({"dense/w.npy": npy(np.ones((1, 1), "f4"), version=(2, 0))}),
            "not an array of format 1.0",
        ),
        (
            lambda m: m.update({"dense/w.npy": with_long_header(np.ones((1, 1), "f4"))}),
            "header of a member is too long",
        ),
        (
            lambda m: m.update({"dense/w.npy": m["dense/w.npy"] + b"\0"}),
            "do not make an array of shape (1, 1)",
        ),
    ],
    ids=["no model", "a large configuration", "format 2.0", "a long header", "a byte too many"],
)
def test_members_are_refused(small, tmp_path, change, words):
    members = members_of(small[1])
    assert "dense/w.npy" in members
    change(members)
    pack(tmp_path / "m.npz", members)
    assert words in refused(tmp_path / "m.npz")
