"""Predictions and trainings on a Dask cluster: two workers, each a process, some of them killed.

Nothing here looks at a clock: a test that waits, waits until something has happened.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from dask_trainings import (
    Endless,
    Loader,
    Remembering,
    WaitsForItsDeath,
    build,
    deadly,
    failing,
    flaky,
    scaled,
    unbuilt,
    uncompiled,
    with_the_seed,
)
from keras_examples import without
from small_nets import Scale, cnn, dense, images

import numcnn.dask
from numcnn.dask import blocks
from numcnn.errors import DTypeError, ModelFileError, NotCompiledError, ShapeError
from numcnn.layers import Dense
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

# What Dask, tornado and their like warn of is not numcnn's.
pytestmark = [
    pytest.mark.filterwarnings("default::DeprecationWarning"),
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.filterwarnings("default::UserWarning:distributed"),
    pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"),
]

X, Y, _ = images(40)
XT, YT, _ = images(24, seed=5)


@pytest.mark.parametrize(
    ("package", "call"),
    [("dask", lambda: numcnn.dask.predict(dense(), None)),
     ("distributed", lambda: numcnn.dask.sweep(build, {"units": [1]}, (X, Y), None))],
    ids=["predict", "sweep"],
)  # fmt: skip
def test_without_the_package_the_extra_is_named(monkeypatch, package, call):
    without(monkeypatch, package)
    with pytest.raises(ImportError, match=r"needs the package.*pip install 'numcnn\[dask\]'"):
        call()


@pytest.fixture(scope="module")
def client():
    """Two workers with one thread each, who may die twice before a task is given up."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    import dask

    here = str(Path(__file__).parent)
    settings = {
        "distributed.scheduler.allowed-failures": 1,
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.comm.timeouts.connect": "600s",
        "distributed.comm.timeouts.tcp": "600s",
        "distributed.scheduler.worker-ttl": None,
        "distributed.worker.memory.terminate": False,
        "distributed.worker.memory.pause": False,
        "distributed.nanny.pre-spawn-environ.PYTHONPATH": os.pathsep.join(
            [here, os.environ.get("PYTHONPATH", "")]
        ),
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            death_timeout=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def da():
    return pytest.importorskip("dask.array", reason="needs the extra dask")


def wait_for(condition):
    while not condition():
        time.sleep(0.01)


def here(configuration, data=(X, Y), seed=0, make=build, **fit):
    """Return the history and the model of a configuration that is trained in this process."""
    set_random_seed(seed)
    model = make(**configuration)
    return model.fit(*data, verbose=0, **fit).history, model


# ---- predict ---------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("chunks", [(8, 6, 6, 1), (16, 3, 2, 1)], ids=["samples", "pixels too"])
def test_predictions_are_those_of_the_model(da, client, engine, chunks):
    model = cnn(engine=engine)
    model.fit(X, Y, epochs=2, verbose=0)
    y = numcnn.dask.predict(model, da.from_array(X, chunks=chunks), batch_size=8)
    assert isinstance(y, da.Array)
    rows = (8,) * 5 if chunks[0] == 8 else (16, 16, 8)
    assert (y.shape, y.dtype, y.chunks) == ((40, 3), np.float32, (rows, (3,)))
    expected = model.predict(X, batch_size=8)
    np.testing.assert_array_equal(y.compute(), expected)
    np.testing.assert_array_equal(y.compute(scheduler="threads"), expected)


def test_the_model_is_taken_as_it_is(da):
    model = cnn(optimizer="adam", loss="mse", exact=True)
    model.fit(X, Y, verbose=0)
    expected = model.predict(X)
    before = np.random.get_state()[1].copy()
    y = numcnn.dask.predict(model, da.from_array(X, chunks=(20, 6, 6, 1)), batch_size=20)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    model.set_weights([0 * w for w in model.get_weights()])
    got = y.compute(scheduler="synchronous")
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_the_engine_travels():
    model = cnn(engine="numpy", exact=True)
    there = blocks._unpacked(blocks._packed(model, None), model.engine_name, model.exact, None)
    assert (there.engine_name, there.exact, there.compiled) == ("numpy", True, False)
    assert there.engine.__class__ is model.engine.__class__


def test_other_shapes_and_types_of_output(da):
    model = Sequential([Dense(5, input_shape=(2, 3), dtype="float64")])
    x = da.arange(42, chunks=12, dtype="int16").reshape(7, 2, 3)
    y = numcnn.dask.predict(model, x)
    assert (y.shape, y.dtype) == ((7, 2, 5), np.float64)
    np.testing.assert_array_equal(
        y.compute(scheduler="synchronous"), model.predict(np.asarray(x), batch_size=2)
    )
    empty = numcnn.dask.predict(model, x[:0]).compute(scheduler="synchronous")
    assert empty.shape == (0, 2, 5)


def test_an_unknown_number_of_samples(da):
    x = da.from_array(X, chunks=(8, 6, 6, 1))
    some = x[x[:, 0, 0, 0] > 0.5]
    model = cnn()
    y = numcnn.dask.predict(model, some)
    assert np.isnan(y.shape[0])
    expected = model.predict(X[X[:, 0, 0, 0] > 0.5])
    np.testing.assert_allclose(y.compute(scheduler="synchronous"), expected, rtol=1e-5)


def test_a_layer_of_ones_own(da, client):
    model = scaled()
    x = np.random.default_rng(0).random((6, 4), np.float32)
    there = da.from_array(x, chunks=(3, 4))
    with pytest.raises(ModelFileError, match="'Scale' that numcnn does not have"):
        numcnn.dask.predict(model, there)
    y = numcnn.dask.predict(model, there, 3, custom_objects={"Scale": Scale})
    np.testing.assert_array_equal(y.compute(), model.predict(x, 3))


def test_what_predict_refuses(da):
    model = cnn()
    x = da.from_array(X, chunks=(8, 6, 6, 1))
    for wrong, error, message in (
        (X, DTypeError, "must be a Dask array, got ndarray"),
        (x.astype(str), DTypeError, "must hold numbers"),
        (x[..., 0], ShapeError, "Add a channel axis"),
        (x[:, x[0, :, 0, 0] > 0.5], ShapeError, "compute_chunk_sizes"),
    ):
        with pytest.raises(error, match=message):
            numcnn.dask.predict(model, wrong)
    for name in ("batch_size", "threads"):
        with pytest.raises(ValueError, match=f"{name} must be"):
            numcnn.dask.predict(model, x, **{name: 0})
    with pytest.raises(NotCompiledError, match="built"):
        numcnn.dask.predict(Sequential([Dense(3)]), x)


# ---- sweep -----------------------------------------------------------------------------------


def test_a_sweep_is_the_trainings_one_by_one(client, capsys):
    grid = {"units": [2, 5], "seed": [3, 4]}
    table = numcnn.dask.sweep(
        build, grid, ((X, Y), (XT, YT)), client, epochs=3, batch_size=8, verbose=2,
        callbacks=[Remembering()], validation_data=(XT[:8], YT[:8]),
    )  # fmt: skip
    printed = capsys.readouterr().out
    configurations = [{"units": u, "seed": s} for u in (2, 5) for s in (3, 4)]
    assert [row["configuration"] for row in table] == configurations
    for row in table:
        units, seed = row["configuration"].values()
        history, model = here(
            {"units": units}, seed=seed, epochs=3, batch_size=8, validation_data=(XT[:8], YT[:8])
        )
        assert row["history"] == history
        assert row["metrics"] == model.evaluate(XT, YT, batch_size=8, verbose=0, return_dict=True)
        assert (row["attempts"], row["error"]) == (1, None)
        assert row["seconds"] > 0
        assert row["worker"].startswith("tcp://")
        assert f"units={units} seed={seed}: Epoch 3 - loss: " in printed
        assert f"/4 units={units} seed={seed}: " in printed
    lines = str(table).splitlines()
    head = ["units", "seed", "loss", "accuracy", "seconds", "attempts", "worker"]
    assert lines[0].split() == head
    assert lines[3].split()[:3] == ["5", "3", f"{table[2]['metrics']['loss']:.4f}"]


def test_an_unbuilt_model_a_list_and_one_seed_for_all(client, capsys):
    grid = [{"units": 2}, {}, {"units": 2}]
    table = numcnn.dask.sweep(unbuilt, grid, (X, Y), client, seed=8, epochs=2, verbose=0)
    assert capsys.readouterr().out == ""
    for row in table:
        history, _ = here(row["configuration"], seed=8, make=unbuilt, epochs=2)
        assert row["history"] == history
        assert row["metrics"] == {"loss": history["loss"][-1]}
    assert table[0]["history"] == table[2]["history"] != table[1]["history"]
    rates = [{"rate": 0.5, "seed": 3}]
    (row,) = numcnn.dask.sweep(with_the_seed, rates, (X, Y), client, verbose=0)
    assert row["error"] is None


def test_data_are_loaded_once_in_each_process(client, tmp_path):
    loader = Loader(tmp_path, ((X, Y, np.ones(len(X))), (XT, YT, np.arange(24))))
    table = numcnn.dask.sweep(build, {"units": [1, 2, 3, 4, 5, 6]}, loader, client, verbose=0)
    loads = (tmp_path / "loads").read_text().split()
    assert 1 <= len(loads) == len(set(loads)) <= 2
    assert {row["error"] for row in table} == {None}
    _, model = here({"units": 6})
    expected = model.evaluate(XT, YT, sample_weight=np.arange(24), verbose=0)
    assert list(table[5]["metrics"].values()) == expected


def test_an_error_is_a_row(client, tmp_path, capsys):
    table = numcnn.dask.sweep(failing, {"units": [1, 2, 3]}, (X, Y), client)
    assert [row["error"] for row in table] == [None, "ArithmeticError: no two units here", None]
    assert (table[1]["history"], table[1]["metrics"], table[1]["seconds"]) == ({}, {}, None)
    assert [row["attempts"] for row in table] == [1, 1, 1]
    assert "units=2: ArithmeticError: no two units here\n" in capsys.readouterr().out
    assert str(table).splitlines()[2].endswith("  ArithmeticError: no two units here")
    table = numcnn.dask.sweep(uncompiled, {"units": [0, 1]}, (X, Y), client, verbose=0)
    assert "must return a Sequential, got NoneType" in table[0]["error"]
    assert "must return a compiled model" in table[1]["error"]
    grid = {"units": [2, 3], "folder": [str(tmp_path)]}
    table = numcnn.dask.sweep(flaky, grid, (X, Y), client, retries=1, verbose=0)
    assert [(row["error"], row["attempts"]) for row in table] == [(None, 2)] * 2


def test_the_loss_of_a_worker_changes_no_bit(client, tmp_path):
    """One of two workers is killed in the middle of a training; it may have had the data."""

    def kill():
        wait_for((tmp_path / "pid").exists)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    callbacks = WaitsForItsDeath(tmp_path, 3)
    table = numcnn.dask.sweep(
        build, {"units": [2, 3, 4]}, (X, Y), client, epochs=3, callbacks=callbacks, verbose=0
    )
    killer.join()
    for row in table:
        assert row["error"] is None
        assert row["history"] == here(row["configuration"], epochs=3)[0]
    assert table[1]["attempts"] >= 2
    processes = client.run(os.getpid).values()
    assert int((tmp_path / "pid").read_text()) not in processes


def test_what_kills_workers_is_a_row_and_its_neighbours_are_not_blamed(client):
    table = numcnn.dask.sweep(deadly, {"units": [1, 2, 3, 4]}, (X, Y), client, verbose=0)
    errors = [row["error"] for row in table]
    assert errors.pop(1) == "KilledWorker: 2 workers died while they trained it alone."
    assert errors == [None] * 3
    assert table[1]["attempts"] == 4  # twice among others, twice alone
    for row in (table[0], table[2], table[3]):
        assert row["history"] == here(row["configuration"])[0]


def test_ctrl_c_cancels_what_waits_and_ends_what_trains(client, tmp_path, monkeypatch):
    from distributed import as_completed

    def interrupted(futures):
        wait_for(lambda: len(list(tmp_path.glob("begun-*"))) >= 1)
        raise KeyboardInterrupt
        yield from as_completed(futures)

    monkeypatch.setattr("distributed.as_completed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        numcnn.dask.sweep(
            build, {"units": [1, 2, 3, 4]}, (X, Y), client, epochs=10**9, verbose=0,
            callbacks=Endless(tmp_path),
        )  # fmt: skip
    wait_for(lambda: len(list(tmp_path.glob("ended-*"))) == len(list(tmp_path.glob("begun-*"))))
    wait_for(lambda: not any(client.processing().values()))
    monkeypatch.undo()
    (row,) = numcnn.dask.sweep(build, [{"units": 2}], (X, Y), client, verbose=0)
    assert row["history"] == here({"units": 2})[0]


def test_what_sweep_refuses(client):
    good = {"build": build, "grid": {"units": [1]}, "data": (X, Y), "client": client}
    for name, wrong, error, message in (
        ("build", build(), DTypeError, "build must be a function"),
        ("client", "tcp://here", DTypeError, "must be a distributed.Client"),
        ("grid", {}, ValueError, "no configuration"),
        ("grid", {"units": []}, ValueError, "no configuration"),
        ("grid", {"units": 3}, DTypeError, r"grid\['units'\] must be a list of values, got 3"),
        ("grid", "units", DTypeError, "grid must be"),
        ("grid", {"seed": [-1]}, ValueError, "seed must be an integer"),
        ("data", X, DTypeError, "data must be .* got ndarray"),
        ("data", (X,), DTypeError, "got tuple of 1"),
        ("data", ((X, Y), X), DTypeError, "got tuple of 2"),
        ("seed", -1, ValueError, "seed must be"),
        ("threads", 0, ValueError, "threads must be"),
        ("retries", -1, ValueError, "retries must be"),
        ("verbose", 3, ValueError, "verbose must be"),
        ("epoch", 3, TypeError, "no argument 'epoch'. Did you mean 'epochs'"),
        ("x", 3, TypeError, "no argument 'x'"),
    ):
        with pytest.raises(error, match=message):
            numcnn.dask.sweep(**{**good, name: wrong})


def test_the_example(tmp_path):
    pytest.importorskip("distributed", reason="needs the extra dask")
    program = Path(__file__).parents[1] / "examples" / "sweep.py"
    options = "--learning-rates 0.01 -1 --seeds 0 1 --epochs 1 --images 200 --workers 1".split()
    done = subprocess.run(
        [sys.executable, str(program), *options], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "4/4 learning_rate=" in done.stdout
    assert "learning_rate must be above 0" in done.stdout
    last = done.stdout.splitlines()[-2:]
    assert last[0].startswith("learning rate 0.01: error ")
    assert last[0].endswith(" seeds")
    assert last[1] == "learning rate -1: error no training ended, 0 of 2 seeds"
