"""Losses that are plain functions: their gradients against those of numcnn's own losses."""

import numpy as np
import pytest

from numcnn import errors, losses
from numcnn.layers import Dense
from numcnn.losses import FunctionLoss
from numcnn.losses.function import between
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed

rng = np.random.default_rng(2)
Y = np.eye(5)[rng.integers(0, 5, 12)]
P = rng.dirichlet(np.ones(5), 12)


@pytest.mark.parametrize(
    ("function", "own"),
    [
        (lambda y, p: ((p - y) ** 2).mean(axis=-1), losses.MeanSquaredError()),
        (lambda y, p: ((p - y) ** 2).mean(), losses.MeanSquaredError()),
        (lambda y, p: (p - y) ** 2, losses.MeanSquaredError()),
        (lambda y, p: np.abs(p - y).mean(axis=-1), losses.MeanAbsoluteError()),
        (
            lambda y, p: -(y * np.log(p / p.sum(axis=-1, keepdims=True))).sum(axis=-1),
            losses.CategoricalCrossentropy(),
        ),
    ],
    ids=["squares", "squares, one number", "squares, one per output", "absolute", "entropy"],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_value_and_gradient_are_those_of_the_loss_itself(function, own, dtype):
    p = P.astype(dtype)
    loss = losses.get(function)
    assert isinstance(loss, FunctionLoss)
    assert loss.value(Y, p).shape == (12,)
    assert loss.value(Y, p).mean() == pytest.approx(own.value(Y, p).mean(), rel=1e-6)
    found, wanted = loss.gradient(Y, p), own.gradient(Y, p)
    assert found.dtype == p.dtype
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6 * float(np.abs(wanted).max()))


def test_a_slope_from_one_side_where_the_other_has_none():
    p = np.array([[1e-12, 0.5]])
    with np.errstate(invalid="raise", divide="raise"):
        slope = losses.get(lambda y, p: np.sqrt(p).sum(axis=-1)).gradient(p, p)
    assert np.isfinite(slope).all()
    assert slope[0, 1] == pytest.approx(0.5 / np.sqrt(0.5))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_it_trains_as_the_loss_itself_does(engine):
    x, y = rng.random((40, 4)), rng.random((40, 3))
    found = []
    for loss in ("mse", lambda y_true, y_pred: ((y_true - y_pred) ** 2).mean(axis=-1)):
        set_random_seed(4)
        model = Sequential([Dense(5, activation="tanh", input_shape=(4,)), Dense(3)])
        model.compile("adam", loss, metrics=["mae"], engine=engine)
        weights = np.arange(40) % 3
        found.append(model.fit(x, y, epochs=4, sample_weight=weights, verbose=0).history)
    assert found[1]["loss"] == pytest.approx(found[0]["loss"], rel=1e-6)
    assert found[1]["mae"] == pytest.approx(found[0]["mae"], rel=1e-6)


def test_class_numbers_reach_the_function():
    seen = []

    def surprise(y_true, y_pred):
        seen.append(y_true.shape)
        return -np.log(y_pred[np.arange(len(y_true)), y_true.astype(int)])

    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    model.compile("adam", surprise)
    x, y = rng.random((9, 4)), np.arange(9) % 3
    first, *_, last = model.fit(x, y, epochs=60, verbose=0).history["loss"]
    assert last < first
    assert set(seen) == {(9,)}


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [
        (lambda y, p: "much", errors.DTypeError, "must return numbers, got str"),
        (lambda y, p: p[:2].sum(axis=-1), errors.ShapeError, r"one number per sample, \(12,\)"),
    ],
)
def test_a_function_that_is_no_loss(function, error, says):
    with pytest.raises(error, match=says):
        losses.get(function).value(Y, P)


def test_too_many_calls_are_refused_and_counted():
    many = np.ones((20, 30, 30))
    per_sample = losses.get(lambda y, p: ((p - y) ** 2).mean(axis=(1, 2)))
    assert per_sample.gradient(many, many).shape == many.shape  # 1,800 calls
    with pytest.raises(ValueError, match=r"36,000 calls, more than 20,000\. Let it return one"):
        losses.get(lambda y, p: ((p - y) ** 2).mean()).gradient(many, many)


def test_calls_are_those_of_one_sample_where_each_has_its_own_number(monkeypatch):
    calls = []

    def squares(y, p):
        calls.append(1)
        return ((p - y) ** 2).sum(axis=-1)

    tall, wide = np.ones((12_000, 1)), np.ones((2, 10_001))
    losses.get(squares).gradient(tall, tall)
    assert len(calls) == 1 + 2
    with pytest.raises(ValueError, match=r"is not differentiated, .* 20,002 calls, .*\. Write a"):
        losses.get(squares).gradient(wide, wide)
    with pytest.raises(ValueError, match=r"one number for the whole batch, .* 40,004 calls"):
        losses.get(lambda y, p: p.sum()).gradient(wide, wide)
    monkeypatch.setattr("numcnn.losses.function.MOST_CALLS", 6)
    calls.clear()
    losses.get(squares).gradient(wide[:, :3], wide[:, :3])  # exactly as many as are allowed
    assert len(calls) == 1 + 6


@pytest.mark.parametrize("p", [-1e6, -1.0, 1e-5, 0.02, 1e6])
def test_the_difference_fits_the_size_of_the_output(p):
    """Neither lost in rounding where an output is large nor wider than one that is small."""
    p = np.array([[p]])
    for function, slope in ((lambda y, p: (p**2).sum(axis=-1), 2 * p), (log_of_size, 1 / p)):
        assert losses.get(function).gradient(p, p) == pytest.approx(slope, rel=1e-5)


def log_of_size(y_true, y_pred):
    return np.log(abs(y_pred)).sum(axis=-1)


@pytest.mark.parametrize(
    ("above", "below", "base", "slope"),
    [
        (5.0, 3.0, 3.5, 2.0),
        (5.0, np.inf, 3.5, 3.0),
        (np.nan, 3.0, 3.5, 1.0),
        (np.inf, np.inf, np.inf, np.nan),
        (-np.inf, 3.0, 3.5, 1.0),
        (np.nan, np.nan, 3.5, np.nan),
        (np.inf, np.nan, 3.5, np.nan),
        (np.nan, np.inf, 3.5, -np.inf),
    ],
)
def test_a_slope_between_what_there_is(above, below, base, slope):
    h = np.array([0.5])
    found = between(np.array([above]), np.array([below]), np.array([base]), h)
    np.testing.assert_array_equal(found, [slope])


def test_a_loss_has_the_name_of_its_function():
    class Distance:
        def __call__(self, y_true, y_pred):
            return abs(y_true - y_pred).max(axis=-1)

    assert FunctionLoss(farthest).name == losses.get(farthest).name == "farthest"
    assert FunctionLoss(Distance()).name == "Distance"
    assert FunctionLoss(farthest, "own").name == "own"


@pytest.mark.parametrize(
    "function", [len, lambda: 0.0, lambda a, b, c: 0.0], ids=["one", "none", "three"]
)
def test_it_must_take_targets_and_outputs(function):
    with pytest.raises(TypeError, match=r"must take \(y_true, y_pred\)"):
        losses.get(function)


def farthest(y_true, y_pred):
    return abs(y_true - y_pred).max(axis=-1)


def test_whose_function_it_is():
    """One in a module, one of a module that is gone, one in C that does not say what it takes."""

    def gone(y_true, y_pred):
        return 0.0

    gone.__module__ = "a_module_that_was_never_imported"
    for function in (farthest, gone, max):
        assert isinstance(losses.get(function), FunctionLoss)


def test_numcnns_own_functions_stand_for_their_losses():
    for function in (losses.mse, losses.categorical_crossentropy, losses.kld):
        assert not isinstance(losses.get(function), FunctionLoss)


def test_a_file_holds_no_code(tmp_path):
    def distance(y_true, y_pred):
        return abs(y_true - y_pred).sum(axis=-1)

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", distance)
    with pytest.warns(UserWarning, match=r"'distance' of your own\. A file holds no code"):
        model.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz", custom_objects={"distance": distance})
    assert not again.compiled
    assert (again.get_weights()[0] == model.get_weights()[0]).all()
