"""Average and global pooling as kernels: against plain loops, and against the layers as written.

Sums of whole numbers are exact in any order. What is divided is a multiple of every number of
pixels that a window can have, so shares are whole too, and nothing here has a tolerance but one
test, whose bound is derived.
"""

import itertools

import numpy as np
import oracles
import pytest
from engine.guarded import Moats, whole
from hypothesis import example, given
from hypothesis import strategies as st
from numba import config
from properties.rig import Rig
from reference import gamma

import numcnn
from numcnn.engine.averages import AverageStep, GlobalMaxStep
from numcnn.engine.fusion import fuse
from numcnn.engine.pooled import MOST_TAPS
from numcnn.engine.steps import LayerStep
from numcnn.kernels.averages import BLOCK, average, average_backward
from numcnn.layers import (
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
)
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

SLOW = bool(config.DISABLE_JIT)
COUNTS = 2520  # a multiple of 1 to 10
equal = np.testing.assert_array_equal
dtypes = st.sampled_from(["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)
pairs = st.tuples(*[st.integers(1, 3)] * 2)
paddings = st.sampled_from(["valid", "same"])
channels = st.sampled_from([1, 3, 16, 19] if SLOW else [1, 3, 8, 16, 17, 37])


# ---- the kernels --------------------------------------------------------------------------------


@given(pairs, pairs, pairs, paddings, channels, dtypes, seeds)
@example((1, 1), (6, 7), (1, 1), "valid", 3, "float32", 0)  # a window of more than one block
def test_average_and_its_backward(more, size, strides, padding, c, dtype, seed):
    """The samples before and after the part belong to others: not read, not written."""
    rng, moats, samples, part = np.random.default_rng(seed), Moats(), 4, (1, 3)
    ih, iw = more[0] + size[0] - 1, more[1] + size[1] - 1
    x = whole(rng, (samples, ih, iw, c), dtype)
    found, (oh, ow) = oracles.windows((ih, iw), size, strides, padding)
    taps = [[(row * iw + column) * c for _, (row, column) in t] for t in found.values()]
    starts, flat = np.cumsum([0, *map(len, taps)]), np.concatenate(taps)
    steps = (ih * iw * c, oh * ow * c)
    x[[0, 3]] = np.nan
    y = moats.room(samples * steps[1], dtype)
    average(y, moats.given(x).ravel(), starts, flat, c, part, steps)
    moats.check()
    y = y.reshape(samples, oh, ow, c)
    for (p, q), window in found.items():
        for s, k in itertools.product(range(1, 3), range(c)):
            values = [x[s, row, column, k] for _, (row, column) in window]
            assert y[s, p, q, k] == np.sum(values).astype(dtype) / np.dtype(dtype).type(len(values))
    assert np.isnan(y[[0, 3]]).all()

    if max(map(len, taps)) > 10:
        return
    dy, dx = whole(rng, y.shape, dtype) * COUNTS, moats.room(x.size, dtype)
    used = np.unique(flat).size
    how = (used == flat.size, used < ih * iw)
    given_dy = moats.given(dy.astype(dtype)).ravel()
    average_backward(dx, given_dy, starts, flat, c, *how, part, steps)
    moats.check()
    dx = dx.reshape(x.shape)
    expected = oracles.average_pooling2d_backward(np.zeros(x.shape), size, strides, padding, dy)
    equal(dx[1:3], np.round(expected[1:3]))
    assert np.isnan(dx[[0, 3]]).all()


@given(st.sampled_from([1, BLOCK, BLOCK + 1, 5 * BLOCK + 3]), dtypes, seeds)
def test_the_average_of_any_numbers(pixels, dtype, seed):
    """Each number goes through a block's sums, the sum of the blocks and the division."""
    rng, c = np.random.default_rng(seed), 5
    x = (rng.normal(size=(pixels, c)) * 10.0 ** rng.integers(-3, 4, (pixels, c))).astype(dtype)
    y = np.empty(c, dtype)
    starts, taps = np.array([0, pixels]), np.arange(pixels) * c
    average(y, x.ravel(), starts, taps, c, (0, 1), (x.size, c))
    terms = BLOCK + -(-pixels // BLOCK) + 1
    bound = (gamma(terms, dtype) + gamma(pixels, "float64")) * np.abs(x).mean(axis=0, dtype=float)
    assert (np.abs(y - x.mean(axis=0, dtype=float)) <= bound).all()


# ---- the steps ----------------------------------------------------------------------------------

batches = st.sampled_from([0, 1, 2] if SLOW else [0, 1, 2, 7, 8, 9, 20])


def both_ways(make, shape, dtype, batches, draw):
    """Return what the two engines compute in batches of these sizes, one after the other."""
    results = []
    for engine in ("numpy", "numba"):
        rig, rng, found = Rig(engine, [make()], shape, dtype=dtype), np.random.default_rng(0), []
        for n in batches:
            x, dy = draw(rng, (n, *shape)), COUNTS * whole(rng, rig.out(n), dtype)
            with np.errstate(invalid="ignore"):  # the rig's loss is dy * y, 0 * inf among it
                found += [rig.predict(x), *rig.train(x, dy)]
        results.append(found)
    return results


@given(
    pairs, pairs, st.one_of(st.none(), pairs), paddings, channels, dtypes, batches, batches, seeds
)
def test_average_pooling_is_the_layer_as_written(
    more, size, strides, padding, c, dtype, n, short, seed
):
    shape = (more[0] + size[0] - 1, more[1] + size[1] - 1, c)
    results = both_ways(
        lambda: AveragePooling2D(size, strides, padding),
        shape,
        dtype,
        [n, min(n, short)],
        lambda rng, s: whole(np.random.default_rng([seed, s[0]]), s, dtype),
    )
    for one, other in zip(*results, strict=True):
        equal(other, one)
        assert other.dtype == dtype


def with_ties_and_nan(seed, dtype):
    def draw(_, shape):
        rng = np.random.default_rng([seed, shape[0]])
        x = whole(rng, shape, dtype, 1)
        x[rng.random(shape) < 0.2] = -np.inf
        x[rng.random(shape) < 0.002] = np.nan
        return x

    return draw


@given(
    st.sampled_from([GlobalAveragePooling2D, GlobalMaxPooling2D]),
    st.sampled_from([(1, 1), (2, 5)] + ([(16, 17)] if SLOW else [(16, 16), (16, 17), (9, 57)])),
    st.booleans(), channels, dtypes, batches, seeds,
)  # fmt: skip
def test_global_pooling_is_the_layer_as_written(cls, size, keepdims, c, dtype, n, seed):
    """Up to twice as many pixels as the number of a winner can say, with ties in all places."""
    shape = (*size, c)
    draw = with_ties_and_nan(seed, dtype)
    if cls is GlobalAveragePooling2D:

        def draw(_, shape):
            return whole(np.random.default_rng([seed, shape[0]]), shape, dtype)

    results = both_ways(lambda: cls(keepdims=keepdims), shape, dtype, [n, n // 2], draw)
    for one, other in zip(*results, strict=True):
        equal(other, one)


def test_a_nan_in_the_second_stretch_wins_once():
    x = np.zeros((1, 30, 30, 2))
    x[0, 20, 3, 1] = x[0, 25, 0, 1] = np.nan
    x[0, 29, 29, 0] = 7
    assert 20 * 30 > MOST_TAPS
    rig = Rig("numba", [GlobalMaxPooling2D()], x.shape[1:])
    run = rig.train(x, np.array([[3.0, 5.0]]))
    equal(run.y, [[7, np.nan]])
    expected = np.zeros_like(x)
    expected[0, 29, 29, 0], expected[0, 20, 3, 1] = 3, 5
    equal(run.dx, expected)


@pytest.mark.parametrize(
    ("layer", "shape", "step"),
    [
        (AveragePooling2D(2), (5, 4, 3), AverageStep),
        (AveragePooling2D(20, strides=1, padding="same"), (20, 21, 1), AverageStep),
        (AveragePooling2D(2, data_format="channels_first"), (3, 5, 4), LayerStep),
        (GlobalAveragePooling2D(), (5, 4, 3), AverageStep),
        (GlobalMaxPooling2D(), (256, 256, 1), GlobalMaxStep),
        (GlobalMaxPooling2D(), (256, 257, 1), LayerStep),
        (type("Mine", (AveragePooling2D,), {})(2), (5, 4, 3), LayerStep),
    ],
)
def test_where_they_are_taken(layer, shape, step):
    layer.build_for(shape)
    (made,) = fuse([layer], "float32")
    assert type(made) is step
    assert type(fuse([layer], "float64")[0]) is LayerStep


@pytest.mark.skipif(SLOW, reason="trains for minutes in plain Python")
def test_threads_change_no_bit():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 20, 19, 2)), np.eye(3)[rng.integers(0, 3, 50)]
    before, results = numcnn.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            numcnn.set_num_threads(threads)
            set_random_seed(1)
            model = Sequential(
                [
                    Conv2D(5, 3, input_shape=(20, 19, 2)),
                    AveragePooling2D(3, strides=1, padding="same"),
                    Conv2D(4, 2),
                    GlobalMaxPooling2D(keepdims=True),
                    Flatten(),
                    Dense(3, activation="softmax"),
                ]
            )
            model.compile("adam", "categorical_crossentropy", engine="numba")
            assert model.engine.native
            model.fit(x, y, batch_size=20, epochs=2, verbose=0)
            results.append([*model.get_weights(), model.predict(x)])
    finally:
        numcnn.set_num_threads(before)
    for one, *others in zip(*results, strict=True):
        for other in others:
            equal(other, one)
