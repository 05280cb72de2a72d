"""Optimizers, schedules, losses, metrics, prices and limits of weights against Keras.

Recorded by vectors/make_judging.py. Keras on TensorFlow rounds some shares and metrics to float32.
"""

from pathlib import Path

import numpy as np
import pytest
from vectors import make, make_judging

from numcnn import constraints, losses, metrics, optimizers, regularizers

FILE = Path(make_judging.__file__).parent / "keras_judging.npz"
VERSIONS, RECORDS = make.read(FILE)
close = np.testing.assert_allclose


def cases(kind):
    names = [name for name, (found, _, _) in RECORDS.items() if found == kind]
    return pytest.mark.parametrize("name", names)


@cases("optimizer")
def test_steps_of_optimizers(name):
    _, config, expected = RECORDS[name]
    _, _, a = RECORDS["steps"]
    optimizer = getattr(optimizers, config["class"])(**config["arguments"])
    weights = [a["p0"].copy(), a["p1"].copy()]
    for t in range(make_judging.STEPS):
        optimizer.step(weights, [a[f"g{t}0"], a[f"g{t}1"]])
    tolerance = 3e-7 if name in ("nadam", "adamax") else 1e-7  # powers in float32
    for i, w in enumerate(weights):
        close(w, expected[f"p{i}"], rtol=tolerance, atol=tolerance)
        assert np.abs(w - a[f"p{i}"]).max() > 0.05


@cases("schedule")
def test_rates_of_schedules(name):
    _, config, a = RECORDS[name]
    cls = getattr(optimizers.schedules, config["class"])
    schedule = cls(*config["order"], **config["arguments"])
    close([schedule(t) for t in range(16)], a["rates"], rtol=1e-6, atol=1e-7)


@cases("loss")
def test_losses_and_their_gradients(name):
    _, config, a = RECORDS[name]
    loss = getattr(losses, config["class"])(**config["arguments"])
    close(loss(a["y"], a["p"]), a["value"], rtol=1e-6, atol=1e-9)
    close(loss.gradient(a["y"], a["p"]), a["dp"], rtol=1e-6, atol=1e-8)


@cases("metric")
def test_metrics_over_two_batches(name):
    _, config, a = RECORDS[name]
    metric = getattr(metrics, config["class"])(**config["arguments"])
    for part in (slice(0, 2), slice(2, 9)):
        metric.update_state(a["y"][part], a["p"][part])
    close(metric.result(), a["value"], rtol=1e-6)


@cases("price")
def test_prices_of_weights(name):
    _, config, a = RECORDS[name]
    price = getattr(regularizers, config["class"])(**config["arguments"])
    close(price(a["w"]), a["value"], rtol=1e-9)
    close(price.gradient(a["w"]), a["dw"], rtol=1e-9)


@cases("limit")
def test_limits_of_weights(name):
    _, config, a = RECORDS[name]
    limit = getattr(constraints, config["class"])(**config["arguments"])
    close(limit(a["w"]), a["found"], rtol=1e-9)


def test_the_records_cover_what_numcnn_has():
    classes = {kind: set() for kind in ("loss", "metric", "price", "limit", "schedule")}
    for kind, config, _ in RECORDS.values():
        if kind in classes:
            classes[kind].add(config["class"])
    assert classes["schedule"] == set(optimizers.schedules.SCHEDULES)
    assert classes["loss"] == {cls.__name__ for cls in losses.LOSSES.values()}
    assert classes["price"] == {"L1", "L2", "L1L2"}
    assert classes["limit"] == {cls.__name__ for cls in constraints.CONSTRAINTS.values()}
    assert VERSIONS["keras"].startswith("3.")


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_the_records_are_what_the_script_makes(tmp_path):
    pytest.importorskip("tensorflow")
    make_judging.make_keras_judging(tmp_path / "new.npz")
    _, again = make.read(tmp_path / "new.npz")
    for name, (_, _, arrays) in RECORDS.items():
        for key, array in arrays.items():
            close(again[name][2][key], array, rtol=1e-6, atol=1e-7)
