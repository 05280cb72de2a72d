"""The layers beyond the tutorial's against Keras, recorded by vectors/make_layers.py.

On both engines and in both types: y in training and prediction, dx, all gradients, and the weights
after one batch. A sum of a few dozen terms may be off by as many roundings of its largest term.
"""

from pathlib import Path

import numpy as np
import pytest
from properties.rig import ENGINES, Rig
from vectors import make, make_layers

from numcnn import layers

FILE = Path(make_layers.__file__).parent / "keras_layers.npz"
VERSIONS, RECORDS = make.read(FILE)
ROUNDINGS = 64
IN_FLOAT32 = {
    "UpSampling2D, bilinear",
    "gelu",
    "leaky_relu",
}  # TensorFlow rounds to it


def in_order(a, letter):
    """Return the arrays w0, w1, ... of a record."""
    return [a[f"{letter}{i}"] for i in range(len(a)) if f"{letter}{i}" in a]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", RECORDS)
def test_layers_compute_what_keras_computes(name, engine, dtype):
    _, config, a = RECORDS[name]
    layer = getattr(layers, config["class"])(**config["arguments"])
    rig = Rig(engine, [layer], a["x"].shape[1:], in_order(a, "w"), dtype)
    found, expected = [rig.predict(a["x"])], [a.get("predicted", a["y"])]
    y, dx, grads = rig.train(a["x"], a["dy"]).__dict__.values()
    layer.after_update()
    found += [y, dx, *grads, *layer.get_weights()]
    expected += [a["y"], a["dx"], *in_order(a, "g"), *(in_order(a, "after") or in_order(a, "w"))]
    eps = np.finfo("float32" if name in IN_FLOAT32 else dtype).eps
    for one, other in zip(found, expected, strict=True):
        bound = ROUNDINGS * eps * max(1, np.abs(other).max())
        np.testing.assert_allclose(one, other, rtol=0, atol=bound)


def test_the_records_cover_each_case_of_the_script():
    assert RECORDS.keys() == make_layers.LAYERS.keys()
    for name, (cls, arguments, shape) in make_layers.LAYERS.items():
        _, config, a = RECORDS[name]
        assert (config["class"], a["x"].shape) == (cls, shape)
        assert config["arguments"].keys() == arguments.keys()
    assert VERSIONS["keras"].startswith("3.")


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_the_records_are_what_the_script_makes(tmp_path):
    pytest.importorskip("tensorflow")
    make_layers.make_keras_layers(tmp_path / "new.npz")
    _, again = make.read(tmp_path / "new.npz")
    for name, (_, _, arrays) in RECORDS.items():
        for key, array in arrays.items():
            np.testing.assert_allclose(again[name][2][key], array, rtol=1e-10, atol=1e-12)
