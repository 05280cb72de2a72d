"""Weights as .safetensors, by Keras's names."""

import json

import numpy as np
import pytest
from fuzzer import fuzz
from keras_examples import without
from small_nets import cnn, dense, weights_hash

from numcnn.errors import ModelFileError
from numcnn.layers import BatchNormalization, Dense
from numcnn.models import Sequential, load_model


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    without(monkeypatch, "safetensors")
    with pytest.raises(ImportError, match=r"pip install 'numcnn\[safetensors\]'"):
        dense().save_weights(tmp_path / "w.safetensors")
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ImportError, match=r"pip install 'numcnn\[safetensors\]'"):
        dense().load_weights(tmp_path / "w.safetensors")
    with pytest.raises(ModelFileError, match="weights only"):
        load_model(tmp_path / "w.safetensors")


def test_a_model_is_no_safetensors_file(tmp_path):
    with pytest.raises(ValueError, match=r"models as \.npz, \.keras, \.h5.*'m\.npz'"):
        dense().save("m.safetensors")


@pytest.fixture
def package():
    return pytest.importorskip("safetensors.numpy", reason="needs the extra safetensors")


def test_what_is_written_is_read_again(tmp_path, package):
    model, other = cnn(seed=1), cnn(seed=2)
    model.save_weights(tmp_path / "w.safetensors")
    other.load_weights(tmp_path / "w.safetensors")
    assert weights_hash(other) == weights_hash(model)
    found = package.load_file(tmp_path / "w.safetensors")
    assert list(found) == sorted(found)
    assert set(found) == {
        f"{layer}/{name}" for layer in ("conv2d", "dense", "dense_1") for name in ("kernel", "bias")
    }
    assert np.array_equal(found["conv2d/kernel"], model.layers[0].params["w"])


def test_statistics_too(tmp_path, package):
    model = Sequential([BatchNormalization(input_shape=(3,))])
    model.save_weights(tmp_path / "w.safetensors")
    names = ["beta", "gamma", "moving_mean", "moving_variance"]
    found = package.load_file(tmp_path / "w.safetensors")
    assert sorted(found) == [f"batch_normalization/{name}" for name in names]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda w: w.pop("dense/bias"), r"missing \['dense/bias'\]"),
        (lambda w: w.update(other=np.zeros(1)), r"beyond it \['other'\]"),
        (lambda w: w.update({"dense/bias": np.zeros((2, 2))}), "another architecture"),
        (lambda w: w.update({"dense/bias": np.full(3, 1e300)}), "too large"),
        (lambda w: w.update({"dense/kernel": w["dense/kernel"].T.copy()}), "another architecture"),
    ],
    ids=["fewer", "more", "other shape", "too large", "turned"],
)
def test_weights_of_another_model_change_nothing(tmp_path, package, change, match):
    model = dense()
    model.save_weights(tmp_path / "w.safetensors")
    weights = package.load_file(tmp_path / "w.safetensors")
    change(weights)
    package.save_file(weights, tmp_path / "w.safetensors")
    before = weights_hash(model)
    with pytest.raises(ModelFileError, match=match):
        model.load_weights(tmp_path / "w.safetensors")
    assert weights_hash(model) == before


def test_nan_weights_load_with_a_warning(tmp_path, package):
    model = dense()
    model.layers[0].params["w"][1, 1] = np.nan
    model.save_weights(tmp_path / "w.safetensors")
    with pytest.warns(UserWarning, match=r"NaN or infinite: dense/w\."):
        dense().load_weights(tmp_path / "w.safetensors")


def test_every_truncation_and_every_mutant_is_refused_or_read(tmp_path, package):
    model = Sequential([Dense(1, input_shape=(1,))])
    path = tmp_path / "w.safetensors"
    model.save_weights(path)
    content, before = path.read_bytes(), weights_hash(model)
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(ModelFileError):
            model.load_weights(path)
        assert weights_hash(model) == before

    def read(raw):
        path.write_bytes(raw)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *args, **kwargs: None)
            Sequential([Dense(1, input_shape=(1,))]).load_weights(path)

    _, n_refused = fuzz(read, [content], ModelFileError, times=500, seed=1, most_bytes=5 * 2**20)
    assert n_refused > 100


@pytest.mark.parametrize("offsets", [[0, 2**62], [4, 0], [0, 8], [-4, 0]])
def test_headers_that_lie(tmp_path, package, offsets):
    model = Sequential([Dense(1, input_shape=(1,), use_bias=False)])
    entry = {"dtype": "F32", "shape": [1, 1], "data_offsets": offsets}
    header = json.dumps({"dense/kernel": entry}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelFileError, match="can be read"):
        model.load_weights(path)
