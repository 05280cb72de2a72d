"""Prices and limits of weights and outputs against Keras, recorded by vectors/make_prices.py."""

from pathlib import Path

import numpy as np
import pytest
from properties.rig import ENGINES
from vectors import make, make_prices

from numcnn import layers
from numcnn.models import Sequential, load_model
from numcnn.optimizers import SGD

VERSIONS, RECORDS = make.read(Path(make_prices.__file__).parent / "keras_prices.npz")
BOUNDS = {"float32": 3e-6, "float64": 3e-15}


def model_of(config, a, engine="auto", dtype="float64"):
    """Return the model of a record, with its weights."""
    made = [getattr(layers, cls)(dtype=dtype, **arguments) for cls, arguments in config["layers"]]
    model = Sequential(made)
    model.build((None, *config["shape"]))
    model.compile(SGD(make_prices.RATE), config["loss"], engine=engine)
    model.set_weights([a[f"w{i}"] for i in range(len(model.get_weights()))])
    return model


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", RECORDS)
def test_a_model_with_prices_computes_what_keras_computes(name, engine, dtype):
    _, config, a = RECORDS[name]
    model = model_of(config, a, engine, dtype)
    x, y, counts = a["x"], a["y"], a["counts"]
    found = [model.evaluate(x, y, batch_size=2, sample_weight=counts, verbose=0)]
    found += [model.train_on_batch(x, y, sample_weight=counts), *model.get_weights()]
    expected = [a["evaluated"], a["trained"], *(a[f"after{i}"] for i in range(len(found) - 2))]
    for i, (one, other) in enumerate(zip(found, expected, strict=True)):
        # Keras's limits round their epsilon to float32.
        bound = BOUNDS[dtype] * 10 * max(1, np.abs(other).max())
        np.testing.assert_allclose(one, other, rtol=0, atol=bound, err_msg=str(i))


@pytest.mark.parametrize("form", ["npz", "keras", "h5"])
@pytest.mark.parametrize("name", RECORDS)
def test_such_models_travel(name, form, tmp_path):
    if form != "npz":
        pytest.importorskip("h5py")  # what writes Keras's files
    _, config, a = RECORDS[name]
    model = model_of(config, a, dtype="float32")
    model.save(tmp_path / f"model.{form}")
    again = load_model(tmp_path / f"model.{form}")
    expected = model.evaluate(a["x"], a["y"], verbose=0)
    assert again.evaluate(a["x"], a["y"], verbose=0) == expected
    described = [[layer.get_config() for layer in m.layers] for m in (model, again)]
    for config in [*described[0], *described[1]]:
        config.pop("input_shape")
    assert described[0] == described[1]


def test_the_records_cover_each_case_of_the_script():
    assert RECORDS.keys() == make_prices.MODELS.keys()
    for name, (shape, loss, specs) in make_prices.MODELS.items():
        config = RECORDS[name][1]
        assert (config["shape"], config["loss"]) == (shape, loss)
        assert [tuple(spec) for spec in config["layers"]] == specs
    assert VERSIONS["keras"].startswith("3.")


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_the_records_are_what_the_script_makes(tmp_path):
    pytest.importorskip("tensorflow")
    make_prices.make_keras_prices(tmp_path / "new.npz")
    _, again = make.read(tmp_path / "new.npz")
    for name, (_, _, arrays) in RECORDS.items():
        for key, array in arrays.items():
            np.testing.assert_allclose(again[name][2][key], array, rtol=1e-10, atol=1e-12)
