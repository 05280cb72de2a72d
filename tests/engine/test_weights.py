"""Samples that count more or less than others, in what an engine computes.

The definition is loss = (1/N) sum over n of weight[n] * loss[n]. It is checked by finite
differences of that sum, by the samples that weights stand for, and one engine by the other.
"""

import numpy as np
import pytest
from engine.strategies import nets
from hypothesis import given, settings
from hypothesis import strategies as st

from numcnn.layers import Activation, Conv2D, Dense, Flatten, MaxPool2D
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

ENGINES = ["numpy", "numba"]
engines = pytest.mark.parametrize("engine", ENGINES)


def gradients(model, x, y, weights=None):
    """Return the losses, the outputs and all gradients of a batch."""
    losses, outputs = model.engine.gradients(x.astype(model.dtype), y, weights)
    named = {
        f"{layer.name}/{name}": layer.grads[name].copy()
        for layer in model.layers
        if layer.trainable
        for name in layer.params
    }
    return losses, outputs, named


@settings(max_examples=15)
@given(nets(), st.sampled_from(["float32", "float64"]), st.sampled_from(ENGINES))
def test_weights_of_one_change_no_bit(net, dtype, engine):
    x, y = net.data()
    model = net.model(engine, dtype)
    plain = gradients(model, x, y)
    again = gradients(net.model(engine, dtype, weights=model.get_weights()), x, y, np.ones(len(x)))
    for a, b in zip(plain[:2], again[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    for name, found in again[2].items():
        np.testing.assert_array_equal(found, plain[2][name], err_msg=name)


@settings(max_examples=15)
@given(nets(), st.integers(0, 2**32 - 1))
def test_both_engines_weigh_alike(net, seed):
    x, y = net.data()
    weights = np.random.default_rng(seed).choice([0.0, 0.25, 1.0, 3.0], len(x))
    slow = net.model("numpy", "float64")
    fast = net.model("numba", "float64", weights=slow.get_weights())
    expected, found = gradients(slow, x, y, weights), gradients(fast, x, y, weights)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-9, atol=1e-12)
    for name, gradient in expected[2].items():
        size = np.abs(gradient).max(initial=0)
        np.testing.assert_allclose(found[2][name], gradient, rtol=0, atol=1e-8 * (size + 1e-3))


@engines
@settings(max_examples=10)
@given(data=st.data(), net=nets(most=2))
def test_a_weight_of_two_is_the_sample_twice_and_a_weight_of_zero_is_none(engine, data, net):
    """Up to the divisor, which is the number of samples in the batch."""
    x, y = net.data()
    n = len(x)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    rows = np.repeat(np.arange(n), weights)
    # Dropout draws other masks for other batches, and normalization measures them.
    others = {"rate", "momentum"}
    if not len(rows) or any(others & set(layer.get_config()) for layer in net.layers("float64")):
        return
    model = net.model(engine, "float64")
    found = gradients(model, x, y, weights.astype(float))[2]
    whole = net.model(engine, "float64", weights=model.get_weights())
    expected = gradients(whole, x[rows], y[rows])[2]
    for name, gradient in expected.items():
        wanted = gradient * (len(rows) / n)
        size = np.abs(wanted).max(initial=0)
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-8 * (size + 1e-3))


ENDS = {
    "fused": ([Dense(3, activation="softmax")], "categorical_crossentropy"),
    "class numbers": ([Dense(3), Activation("softmax")], "sparse_categorical_crossentropy"),
    "bits": ([Dense(3, activation="sigmoid")], "binary_crossentropy"),
    "not fused": ([Dense(3, activation="tanh")], "mse"),
    "images": ([Dense(12), Activation("tanh")], "mse"),
}


@engines
@pytest.mark.parametrize("end", ENDS)
def test_gradients_are_those_of_finite_differences(end, engine):
    set_random_seed(4)
    layers, loss = ENDS[end]
    body = [Conv2D(2, 3, activation="tanh", input_shape=(5, 6, 1)), MaxPool2D(2), Flatten()]
    model = Sequential(
        [
            type(layer).from_config({**layer.get_config(), "dtype": "float64"})
            for layer in [*body, *layers]
        ]
    )
    model.compile("sgd", loss, engine=engine)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 5, 6, 1))
    units = model.output_shape[1]
    labels = rng.integers(0, units, 5)
    y = labels if end == "class numbers" else np.eye(units)[labels]
    weights = np.array([0.0, 1.0, 2.5, 0.5, -1.0])
    found = gradients(model, x, y, weights)[2]
    assert len(found) == 4
    for layer in model.layers:
        for name, param in layer.params.items():
            gradient = found[f"{layer.name}/{name}"]
            for at in rng.choice(param.size, min(6, param.size), replace=False):
                start, sums = param.flat[at], []
                for step in (1e-5, -1e-5):
                    param.flat[at] = start + step
                    sums.append((weights * model.engine.test_batch(x, y)[0]).sum() / 5)
                param.flat[at] = start
                numeric = (sums[0] - sums[1]) / 2e-5
                assert gradient.flat[at] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


@engines
def test_a_batch_without_weights_forgets_those_of_the_batch_before(engine):
    set_random_seed(1)
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    model.compile("sgd", "categorical_crossentropy", engine=engine)
    x, y = np.random.default_rng(0).random((6, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2]]
    before = gradients(model, x, y)[2]
    weighted = gradients(model, x, y, np.arange(6.0))[2]
    after = gradients(model, x, y)[2]
    assert (weighted["dense/w"] != before["dense/w"]).any()
    np.testing.assert_array_equal(after["dense/w"], before["dense/w"])
