"""Batch normalization as a step: taken where it should be, equal to the layer, whoever computes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.rig import Rig

import numcnn
from numcnn.engine.fusion import fuse
from numcnn.engine.normalization import BatchNormStep
from numcnn.engine.steps import LayerStep
from numcnn.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
)
from numcnn.models import Sequential
from numcnn.utils import set_random_seed


@pytest.mark.parametrize(
    ("shape", "axis", "step"),
    [
        ((4, 5, 3), -1, BatchNormStep),
        ((4, 5, 3), 3, BatchNormStep),
        ((4, 5, 3), 1, LayerStep),
        ((7,), 1, BatchNormStep),
    ],
)
def test_where_it_is_taken(shape, axis, step):
    layer = BatchNormalization(axis=axis)
    layer.build_for(shape)
    assert type(fuse([layer], "float32")[0]) is step
    assert type(fuse([layer], "float64")[0]) is LayerStep


@given(
    n=st.sampled_from([1, 2, 7, 8, 9, 40, 130]),
    shape=st.sampled_from([(3,), (1,), (2, 3, 5), (17, 2)]),
    mean=st.sampled_from([0, 100]),
    dtype=st.sampled_from(["float32", "float64"]),
    parts=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_computes_what_the_layer_computes(n, shape, mean, dtype, parts, seed):
    """Two batches of different sizes, and the moving statistics after them."""
    center, scale, trainable = parts
    found = []
    for engine in ("numpy", "numba"):
        layer = BatchNormalization(center=center, scale=scale, trainable=trainable, momentum=0.5)
        rig = Rig(engine, [layer], shape, dtype=dtype)
        draw = np.random.default_rng(seed)
        weights = [draw.normal(size=w.shape) for w in layer.get_weights()]
        weights[-1] = np.abs(weights[-1]) + 0.5
        layer.set_weights(weights)
        answers = []
        for size in (n, max(1, n // 2)):
            x, dy = mean + draw.normal(size=(size, *shape)), draw.normal(size=(size, *shape))
            answers += [rig.predict(x), *(part for part in rig.train(x, dy).__dict__.values())]
            layer.after_update()
            answers += layer.get_weights()
        found.append([a for part in answers for a in (part if isinstance(part, list) else [part])])
    tolerance = 1e-4 * (1 + mean / 10) if dtype == "float32" else 1e-10
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype == dtype
        if n // 2 > 1 or not trainable:
            size = max(1, np.abs(one).max())
            np.testing.assert_allclose(other / size, one / size, rtol=0, atol=tolerance)
        assert np.isfinite(other).all()


@pytest.mark.parametrize(
    ("after", "step"),
    [
        ([ReLU()], "BatchNormStep(batch_normalization re_lu)"),
        ([ReLU(), MaxPool2D(2)], "NormPoolStep(batch_normalization re_lu max_pooling2d)"),
        ([MaxPool2D(3, strides=1)], "NormPoolStep(batch_normalization max_pooling2d)"),
        ([MaxPool2D(17)], "BatchNormStep(batch_normalization)"),
        ([Activation("tanh")], "BatchNormStep(batch_normalization)"),
    ],
)
def test_what_is_taken_with_it(after, step):
    layers = [BatchNormalization(input_shape=(18, 18, 2)), *after]
    first = fuse(Sequential(layers).layers, "float32")[0]
    names = " ".join(layer.name for layer in first.layers)
    assert f"{type(first).__name__}({names})" == step


@given(
    n=st.sampled_from([0, 1, 2, 9, 40]),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    strides=st.one_of(st.none(), st.tuples(st.integers(1, 3), st.integers(1, 3))),
    padding=st.sampled_from(["valid", "same"]),
    c=st.sampled_from([1, 5, 16]),
    relu=st.booleans(),
    pooled=st.booleans(),
    trainable=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_with_relu_and_pooling(n, size, strides, padding, c, relu, pooled, trainable, seed):
    """In float64, where neither a maximum nor the sign of a number is ever within rounding."""
    found, shape = [], (4, 5, c)
    for engine in ("numpy", "numba"):
        layers = [BatchNormalization(trainable=trainable)]
        layers += [ReLU()] if relu else []
        layers += [MaxPool2D(size, strides, padding)] if pooled else []
        rig, draw = Rig(engine, layers, shape), np.random.default_rng(seed)
        layers[0].set_weights(
            [draw.normal(size=w.shape) ** 2 + 0.1 for w in layers[0].get_weights()]
        )
        layers[0].params["beta"] -= 1
        x, dy = draw.normal(size=(n, *shape)), draw.normal(size=rig.out(n))
        run = rig.train(x, dy)
        layers[0].after_update()
        found.append([run.y, run.dx, *run.grads, *layers[0].get_weights(), rig.predict(x)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-10)


def test_threads_change_no_bit():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 7, 6, 2)), np.eye(3)[rng.integers(0, 3, 50)]
    before, results = numcnn.get_num_threads(), []
    try:
        for threads in (1, 2):
            numcnn.set_num_threads(threads)
            set_random_seed(1)
            model = Sequential(
                [
                    Conv2D(5, 3, input_shape=(7, 6, 2)),
                    BatchNormalization(),
                    ReLU(),
                    MaxPool2D(2),
                    Flatten(),
                    Dense(8, activation="relu"),
                    BatchNormalization(),
                    Dense(3, activation="softmax"),
                ]
            )
            model.compile("adam", "categorical_crossentropy", engine="numba")
            model.fit(x, y, batch_size=20, epochs=2, verbose=0)
            results.append([*model.get_weights(), model.predict(x)])
    finally:
        numcnn.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_overflows_in_a_thread_is_an_error_and_no_warning():
    model = Sequential([BatchNormalization(input_shape=(6, 6, 8)), Flatten(), Dense(1)])
    model.compile("sgd", "mse", engine="numba")
    x = 3e38 * np.where(np.random.default_rng(0).random((64, 6, 6, 8)) < 0.8, 1, -1)
    with pytest.raises(FloatingPointError):
        model.train_on_batch(x, np.zeros((64, 1)))
