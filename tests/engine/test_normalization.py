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
from numcnn.layers import BatchNormalization, Conv2D, Dense, Flatten
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
