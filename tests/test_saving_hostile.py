"""Files that lie: hostile configurations, other versions, weights of another architecture."""

import os
import re
import tracemalloc

import numpy as np
import pytest
from model_files import refused, rewrite, write_small
from small_nets import cnn, dense, weights_hash

from numcnn import saving
from numcnn.errors import ModelFileError
from numcnn.layers import Dense, Layer
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("small"))


def layer(changes):
    """Return a change of the first layer's configuration."""
    return lambda d: d["config"]["layers"][0]["config"].update(changes)


def compiled(changes):
    return lambda d: d["compiled"].update(changes)


def training(changes):
    return lambda d: d["training"].update(changes)


def memory(changes):
    return lambda d: d["training"]["callbacks"][0].update(changes)


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
    "training is a list": lambda d: d.update(training=[1]),
    "training is empty": lambda d: d.update(training={}),
    "training of no compiled model": lambda d: d.update(compiled=None),
    "training missing": lambda d: d.pop("training"),
    "training with more": training({"evil": 1}),
    "epoch is negative": training({"epoch": -1}),
    "epoch is a text": training({"epoch": "1"}),
    "epoch is huge": training({"epoch": 10**30}),
    "epoch before the first": training({"first_epoch": 5}),
    "more numbers than epochs": training({"first_epoch": 1}),
    "batch is true": training({"batch": True}),
    "batch is a fraction": training({"batch": 0.5}),
    "sums are a list": training({"sums": [1]}),
    "sums are texts": training({"sums": {"loss": "1"}}),
    "sums of no samples": training({"sums": {"loss": 1.0}, "samples": 0}),
    "ending is a text": training({"ending": "now"}),
    "ending holds a list": training({"ending": {"loss": [1]}}),
    "settings missing": lambda d: d["training"].pop("settings"),
    "settings are empty": training({"settings": {}}),
    "a setting is a list": lambda d: d["training"]["settings"].update(data=[]),
    "callbacks are a number": training({"callbacks": 3}),
    "callbacks are texts": training({"callbacks": ["EarlyStopping"]}),
    "callback's class is a list": memory({"class": ["EarlyStopping"]}),
    "callback's state is nested": memory({"state": {"best": {"a": 1}}}),
    "callback's state is a text": memory({"state": {"best": "good"}}),
    "callback's arrays missing": memory({"lists": {"best_weights": 3}}),
    "callback's arrays negative": memory({"lists": {"best_weights": -1}}),
    "callback's arrays without end": memory({"lists": {"best_weights": 10**9}}),
    "another format": lambda d: d.update(format="keras"),
}


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


@pytest.mark.parametrize("version", [3, 99, 0, "1", None, 1.5])
def test_other_versions_say_which(small, version):
    folder, content, _ = small
    path = rewrite(folder, content, lambda d: d.update(version=version))
    refused(path, f"file version {version}, this numcnn reads <= 2")


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


def test_what_is_called_hdf5_and_is_not(tmp_path):
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    refused(tmp_path / "old.h5", "beyond its end")
    with pytest.raises(ValueError, match=r"\.npz, \.keras, \.h5.*write 'old\.npz'.*of 'old\.pt'"):
        cnn().save("old.pt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes as POSIX has them")
def test_what_has_no_end_is_no_model(tmp_path):
    """A pipe that nobody writes to never begins, /dev/zero never ends: neither is opened."""
    os.mkfifo(tmp_path / "pipe")
    model = dense()
    before = weights_hash(model)
    for path in (tmp_path / "pipe", "/dev/zero"):
        refused(path, "a pipe or a device")
        with pytest.raises(ModelFileError, match="a pipe or a device"):
            model.load_weights(path)
    assert weights_hash(model) == before


def test_what_a_file_says_makes_no_message_long(small):
    """A class's name of a megabyte, which is refused, need not be read as a whole."""
    folder, content, _ = small
    path = rewrite(folder, content, layer({"kernel_initializer": "x" * 100_000}))
    assert len(refused(path, "Unknown initializer")) < 1000
    path = rewrite(
        folder, content, lambda d: d["config"]["layers"][0].update(class_name="x" * 100_000)
    )
    assert len(refused(path, "names a layer class")) < 1000
    for odd in (["Dense"], {"Dense": 1}):
        path = rewrite(
            folder, content, lambda d, odd=odd: d["config"]["layers"][0].update(class_name=odd)
        )
        refused(path, f"names a layer class {re.escape(repr(odd))}")
