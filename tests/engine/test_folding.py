"""Batch normalization folded into weights: when, how near, and that nobody notices."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import gamma

from numcnn.engine.folding import BATCH
from numcnn.engine.plan import MOST_AT_ONCE
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
)
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

WIDTH = VECTOR_BYTES // 4  # float32 numbers in a vector
equal = np.testing.assert_array_equal


def model_of(layers, engine="numba", exact=False, seed=3):
    """Return a compiled model; its weights and moving statistics are drawn from the seed."""
    set_random_seed(seed)
    model = Sequential(layers)
    model.compile("sgd", "mse", engine=engine, exact=exact)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        scale = np.sqrt(max(1, layer.params["w"][..., 0].size)) if "w" in layer.params else 1
        layer.set_weights([rng.normal(size=w.shape) / scale for w in layer.get_weights()])
        if "moving_variance" in layer.statistics:
            variance = layer.statistics["moving_variance"]
            variance[...] = np.exp(rng.normal(size=variance.shape))
    return model


def fresh(layers):
    """Return layers with the same arguments that stand in no model."""
    configs = [layer.get_config() | {"name": None} for layer in layers]
    return [type(l).from_config(c) for l, c in zip(layers, configs, strict=True)]


def predicting(model):
    """Return the steps of predictions as text: class(layers)."""
    return [
        f"{type(step).__name__}({' '.join(layer.name for layer in step.layers)})"
        for step in model.engine.predicting
    ]


def conv(**changes):
    return Conv2D(**{"filters": WIDTH, "kernel_size": 3, "input_shape": (9, 8, 1)} | changes)


NORM = "conv2d batch_normalization"


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([conv(), BatchNormalization()], [f"ConvStep({NORM})"]),
        ([conv(), BatchNormalization(), ReLU()], [f"ConvStep({NORM} re_lu)"]),
        (
            [conv(use_bias=False), BatchNormalization(), Activation("relu"), MaxPool2D(2)],
            [f"PooledConvStep({NORM} activation max_pooling2d)"],
        ),
        (
            [conv(), BatchNormalization(), MaxPool2D(2)],
            [f"PooledConvStep({NORM} max_pooling2d)"],
        ),
        (  # ReLU comes first: nothing can be folded
            [conv(activation="relu"), BatchNormalization(), MaxPool2D(2)],
            ["ConvStep(conv2d)", "NormPoolStep(batch_normalization max_pooling2d)"],
        ),
        (
            [conv(), BatchNormalization(axis=1)],
            ["ConvStep(conv2d)", "LayerStep(batch_normalization)"],
        ),
        (
            [conv(), BatchNormalization(), BatchNormalization(), ReLU()],
            [f"ConvStep({NORM})", "BatchNormStep(batch_normalization_1 re_lu)"],
        ),
        (
            [conv(), type("Mine", (BatchNormalization,), {})()],
            ["ConvStep(conv2d)", "LayerStep(mine)"],
        ),
        (  # few weights, and too many to be folded
            [Dense(4, input_shape=(BATCH,)), BatchNormalization(), ReLU()],
            ["DenseStep(dense batch_normalization re_lu)"],
        ),
        (
            [Dense(4, input_shape=(BATCH + 1,)), BatchNormalization(), ReLU()],
            ["DenseStep(dense)", "BatchNormStep(batch_normalization re_lu)"],
        ),
    ],
)
def test_what_is_folded(layers, expected):
    model = model_of([*fresh(layers), Flatten(), Dense(1)])
    assert predicting(model)[: len(expected)] == expected
    assert not any(getattr(step, "folded", None) for step in model.engine.steps)  # of training
    for step in model.engine.predicting:
        assert ("batch norm folded" in step.why) == bool(getattr(step, "folded", None))
    exact = model_of([*fresh(layers), Flatten(), Dense(1)], exact=True)
    assert exact.engine.predicting is exact.engine.steps


def test_without_batch_normalization_there_is_one_plan():
    model = model_of([conv(activation="relu"), MaxPool2D(2), Flatten(), Dense(2)])
    assert model.engine.predicting is model.engine.steps
    assert "Predictions" not in model.engine.describe(4)


def test_the_plan_says_what_is_folded():
    model = model_of([conv(), BatchNormalization(), ReLU(), MaxPool2D(2), Flatten(), Dense(2)])
    training, predictions = model.engine.describe(5).split("Predictions, 5 samples at a time:\n")
    assert "batch norm folded into the weights" not in training
    row = next(line for line in predictions.splitlines() if line.startswith("0 "))
    assert "conv2d + batch_normalization + re_lu + max_pooling2d" in row
    assert "batch norm folded into the weights" in row
    total = next(line for line in predictions.splitlines() if line.split()[:1] == ["all"])
    assert int(total.split()[-1].replace(",", "")) > 0


# ---- rounding -----------------------------------------------------------------------------------


@st.composite
def blocks(draw):
    """Return what makes a product, batch normalization and what follows, in a type."""
    c, f = draw(st.sampled_from([1, 3, 16])), draw(st.sampled_from([1, 5, WIDTH]))
    kernel = draw(st.sampled_from([(1, 1), (2, 3), (3, 3)]))
    how = {
        "use_bias": draw(st.booleans()),
        "strides": draw(st.integers(1, 2)),
        "padding": draw(st.sampled_from(["valid", "same"])),
    }
    parts = {"center": draw(st.booleans()), "scale": draw(st.booleans())}
    parts["epsilon"] = draw(st.sampled_from([1e-3, 1e-5]))
    after = draw(st.sampled_from([[], [ReLU], [ReLU, MaxPool2D], [MaxPool2D]]))
    dense = draw(st.integers(0, 4)) == 0

    def make(dtype):
        if dense:
            first = Dense(f, use_bias=how["use_bias"], dtype=dtype, input_shape=(6, 7, c))
        else:
            first = Conv2D(f, kernel, **how, dtype=dtype, input_shape=(6, 7, c))
        return [
            first,
            BatchNormalization(**parts, dtype=dtype),
            *(cls(dtype=dtype) for cls in after),
        ]

    return make


def sizes_and_terms(model, x):
    """Return (the bound's sizes in the shape of y, K + 8), as engine/folding.py states them."""
    first, norm, *after = model.layers
    twin = first.copy()
    twin.build_for(first.built_for)
    twin.set_weights([np.abs(w) for w in first.get_weights()])
    sums = twin.forward(np.abs(x)) + np.abs(norm.statistics["moving_mean"])
    factor = 1 / np.sqrt(norm.statistics["moving_variance"] + norm.epsilon)
    sums = sums * np.abs(factor * norm.params.get("gamma", 1)) + np.abs(norm.params.get("beta", 0))
    for layer in after:  # a maximum is off by no more than the worst of its numbers
        sums = layer.forward(sums)
    return sums, first.params["w"][..., 0].size + 8


@given(
    blocks(), st.sampled_from(["float32", "float64"]), st.integers(0, 9), st.sampled_from([0, 1, 9])
)
def test_folded_and_unfolded_are_within_the_bound_of_the_truth(make, dtype, seed, n):
    x = np.random.default_rng(seed).normal(size=(n, 6, 7, make(dtype)[0].given_input_shape[-1]))
    folded, exact = model_of(make(dtype), seed=seed), model_of(make(dtype), exact=True, seed=seed)
    assert folded.engine.predicting[0].folded
    if getattr(folded.engine.predicting[0], "winograd", None):
        return  # it has a test of its own
    x = x.astype(dtype)
    truth = model_of(make("float64"), "numpy", seed=seed)
    truth.set_weights(folded.get_weights())
    right, (sizes, terms) = truth.predict(x), sizes_and_terms(truth, x.astype(float))
    slack = gamma(terms, "float64") if dtype == "float64" else 0  # the truth is rounded too
    bound = (gamma(terms, dtype) + slack) * sizes + np.finfo(dtype).smallest_normal
    for model in (folded, exact):
        found = model.predict(x)
        assert found.dtype == dtype
        assert (np.abs(found - right) <= bound).all()


@pytest.mark.parametrize("pooled", [False, True])
def test_folded_into_winograds_filters(pooled):
    """Ten times the direct sum's largest error is what kernels/winograd.py expects; see there."""
    layers = [Conv2D(WIDTH, 3, input_shape=(12, 12, WIDTH)), BatchNormalization(), ReLU()]
    model = model_of([*layers, *([MaxPool2D(2)] if pooled else [])])
    assert model.engine.predicting[0].winograd
    x = np.random.default_rng(1).normal(size=(9, 12, 12, WIDTH)).astype(np.float32)
    right = model_of(fresh(model.layers), "numpy").predict(x)
    sizes, terms = sizes_and_terms(model, x)
    found = model.predict(x)
    assert (np.abs(found - right) <= 10 * gamma(terms, "float32") * sizes).all()
    assert np.abs(found - right).max() < 1e-4


# ---- nobody notices -----------------------------------------------------------------------------


def net(**compiling):
    return model_of(
        [
            Conv2D(WIDTH, 3, input_shape=(9, 8, 2), use_bias=False),
            BatchNormalization(momentum=0.5),
            Activation("relu"),
            MaxPool2D(2),
            Conv2D(5, 2),
            BatchNormalization(momentum=0.5),
            Flatten(),
            Dropout(0.5, seed=4),
            Dense(3),
        ],
        **compiling,
    )


def data(n=40):
    rng = np.random.default_rng(5)
    return rng.normal(size=(n, 9, 8, 2)).astype(np.float32), rng.normal(size=(n, 3))


def test_predictions_leave_no_trace_in_weights_and_training():
    (x, y), results = data(), []
    for looks in (False, True):
        model = net()
        for _ in range(3):
            if looks:
                before = model.get_weights()
                model.predict(x)
                model.evaluate(x, y, verbose=0)
                for a, b in zip(before, model.get_weights(), strict=True):
                    equal(a, b)
            model.fit(x, y, batch_size=16, epochs=1, verbose=0, shuffle=False)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        equal(a, b)


def test_every_change_of_weights_and_statistics_is_seen():
    x, y = data()
    model, plain = net(), net(engine="numpy")

    def compared():
        plain.set_weights(model.get_weights())
        outputs = model.predict(x)
        np.testing.assert_allclose(outputs, plain.predict(x), rtol=1e-4, atol=1e-5)
        return outputs

    seen = [compared()]
    conv, norm = model.layers[:2]

    def change(what):
        what()
        seen.append(compared())
        assert np.abs(seen[-1] - seen[-2]).max() > 1e-3

    change(lambda: conv.params["w"].__imul__(1.5))
    change(lambda: norm.params.update(gamma=norm.params["gamma"] + 1))  # another array
    change(lambda: norm.params["beta"].__iadd__(0.5))
    change(lambda: norm.statistics["moving_variance"].__imul__(4))
    change(lambda: norm.statistics.update(moving_mean=norm.statistics["moving_mean"] + 1))
    change(lambda: model.fit(x, y, batch_size=16, verbose=0))
    change(lambda: model.set_weights([2 * w for w in model.get_weights()]))


def test_any_number_of_samples_at_a_time():
    x, _ = data(MOST_AT_ONCE + 9)
    model = net()
    whole = model.predict(x, batch_size=len(x))
    for size in (1, 7, 64):
        np.testing.assert_allclose(model.predict(x, batch_size=size), whole, rtol=1e-5, atol=1e-6)
    assert model.predict(x[:0]).shape == (0, 3)


def test_threads_that_predict_at_once_get_what_each_gets_alone():
    x, _ = data(300)
    parts = [x[at : at + 30] for at in range(0, 300, 30)]
    model, twin = net(), net(seed=8)
    alone = {m: [m.predict(part) for part in parts] for m in (model, twin)}
    wrong, start = [], threading.Barrier(4)

    def work(number):
        m = (model, twin)[number % 2]
        start.wait(600)
        for _ in range(5):
            for part, expected in zip(parts, alone[m], strict=True):
                if not np.array_equal(m.predict(part), expected):
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
