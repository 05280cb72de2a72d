"""Convolutions of each channel by itself: kernels against loops, steps against layers."""

import itertools

import numpy as np
import pytest
from engine.guarded import Moats, eps, indices, whole
from hypothesis import assume, example, given
from hypothesis import strategies as st
from properties.rig import Rig

import numcnn
from numcnn.engine.depthwise import DepthwiseStep, SeparableStep
from numcnn.engine.fusion import fuse
from numcnn.errors import ShapeError
from numcnn.kernels.depthwise import TAPS, depthwise, depthwise_dw
from numcnn.kernels.simd import ROWS, VECTOR_BYTES
from numcnn.layers import Conv2D, Dense, DepthwiseConv2D, Flatten, ReLU, SeparableConv2D
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
dtypes = st.sampled_from(["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)
pairs = st.tuples(*[st.integers(1, 3)] * 2)
WIDTH = VECTOR_BYTES // 4
channels = st.sampled_from([1, 2, 3, WIDTH // 2 - 1, WIDTH // 2, WIDTH, WIDTH + 1, 2 * WIDTH + 3])


# ---- kernels ------------------------------------------------------------------------------------


@given(
    st.integers(1, ROWS + 2), st.integers(1, TAPS + 2), channels, st.booleans(), st.booleans(),
    dtypes, seeds,
)  # fmt: skip
@example(ROWS, TAPS, WIDTH, True, True, "float32", 0)
@example(ROWS, 2 * TAPS, WIDTH - 1, False, False, "float32", 1)
def test_the_kernels(pixels, n_taps, n, relu, with_bias, dtype, seed):
    """Pixels and taps lie anywhere; samples before and after the part are not touched."""
    rng, moats, samples = np.random.default_rng(seed), Moats(), 4
    rows, taps = rng.integers(0, 30, pixels), rng.integers(0, 20, n_taps)
    x_step = int(rows.max() + taps.max()) + n
    outs = rng.permutation(pixels) * n + rng.integers(0, 3)
    y_step = int(outs.max()) + n
    part = (1, 3)
    x, w = whole(rng, samples * x_step, dtype), whole(rng, (n_taps, n), dtype)
    bias = whole(rng, n if with_bias else 0, dtype)
    y = moats.room(samples * y_step, dtype)
    depthwise(
        y, outs, moats.given(x), rows, taps, moats.given(w.ravel()), moats.given(bias), relu, n,
        part, (y_step, x_step),
    )  # fmt: skip
    moats.check()
    dz, dw = whole(rng, y.size, dtype), moats.room(w.size, dtype)
    places = indices((n_taps, n))
    depthwise_dw(
        dw, places, moats.given(x), rows, taps, moats.given(dz), outs, n, part, (x_step, y_step)
    )
    moats.check()

    expected, expected_dw = np.full(y.size, np.nan), np.zeros(w.shape)
    for s, m in itertools.product(range(*part), range(pixels)):
        at = s * y_step + outs[m]
        z = np.zeros(n) + (bias if with_bias else 0)
        for t in range(n_taps):
            start = s * x_step + rows[m] + taps[t]
            z += x[start : start + n] * w[t]
            expected_dw[t] += x[start : start + n] * dz[at : at + n]
        expected[at : at + n] = np.maximum(z, 0) if relu else z
    equal(y, expected)
    equal(dw.reshape(w.shape), expected_dw)


@pytest.mark.parametrize("n", [2, WIDTH])
def test_a_kernel_keeps_what_is_no_number(n):
    x = np.tile(np.array([np.nan, np.inf, -np.inf, 1], "float32")[:, None], n).ravel()
    y, none = np.zeros_like(x), np.zeros(0, "float32")
    places, start = indices((4, n)), np.zeros(1, np.int64)
    depthwise(y, places, x, places, start, np.ones(n, "float32"), none, True, n, (0, 1), (0, 0))
    equal(y.reshape(4, n)[:, 0], [np.nan, np.inf, 0, 1])


# ---- steps --------------------------------------------------------------------------------------


@st.composite
def layers(draw):
    """Return (class, arguments, shape of a sample) of a layer that fits."""
    cls = draw(st.sampled_from([DepthwiseConv2D, SeparableConv2D]))
    how = {
        "kernel_size": draw(pairs),
        "padding": draw(st.sampled_from(["valid", "same"])),
        "depth_multiplier": draw(st.sampled_from([1, 1, 1, 2, 3])),
        "use_bias": draw(st.booleans()),
        "activation": draw(st.sampled_from([None, "relu"])),
        draw(st.sampled_from(["strides", "dilation_rate"])): draw(pairs),
    }
    if cls is SeparableConv2D:
        how["filters"] = draw(st.sampled_from([1, 3, WIDTH, WIDTH + 1]))
    shape = (*draw(st.tuples(*[st.integers(1, 9)] * 2)), draw(channels))
    try:
        cls(**how).compute_output_shape(shape)
    except ShapeError:
        assume(False)
    return cls, how, shape


def outcomes(rig, weights, batches):
    """Return all that comes out of some batches, of different sizes."""
    rig.model.set_weights(weights)
    found = []
    for x, dy in batches:
        found += [rig.predict(x), *rig.train(x, dy)]
    return found


@given(layers(), st.sampled_from([1, 2, 9, 17]), dtypes, seeds)
def test_whole_numbers_agree_with_the_layer_to_the_last_bit(given_, n, dtype, seed):
    cls, how, shape = given_
    rng, found = np.random.default_rng(seed), []
    fast, written = (Rig(e, [cls(**how)], shape, dtype=dtype) for e in ("numba", "numpy"))
    expected_step = SeparableStep if cls is SeparableConv2D else DepthwiseStep
    assert type(fast.model.engine.steps[-1]) is expected_step
    weights = [whole(rng, w.shape, dtype) for w in fast.model.get_weights()]
    batches = [
        (whole(rng, (k, *shape), dtype), whole(rng, fast.out(k), dtype))
        for k in (n, max(1, n // 2), n)
    ]
    found = [outcomes(rig, weights, batches) for rig in (fast, written)]
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype == dtype
        equal(one, other)
    if dtype == "float32":  # exact only if no sum was rounded
        assert max(np.abs(a).max(initial=0) for a in found[0]) < 2**24


@given(layers(), st.sampled_from([1, 9]), dtypes, seeds)
def test_any_numbers_agree_as_far_as_rounding_lets_them(given_, n, dtype, seed):
    """A sum of k products, in any order, is off by at most about k * eps times that of |products|.

    The sums are at most: dw's over all windows and samples, each factor itself such a sum.
    """
    cls, how, shape = given_
    how = how | {"activation": None}
    rng = np.random.default_rng(seed)
    fast = Rig("numba", [cls(**how)], shape, dtype=dtype)
    written, sizes = (Rig("numpy", [cls(**how)], shape) for _ in range(2))

    def draw(size):
        return rng.normal(size=size).astype(dtype).astype(float)

    weights = [draw(w.shape) for w in fast.model.get_weights()]
    x, dy = draw((n, *shape)), draw(fast.out(n))
    found, expected = (outcomes(rig, weights, [(x, dy)]) for rig in (fast, written))
    bounds = outcomes(sizes, [np.abs(w) for w in weights], [(np.abs(x), np.abs(dy))])
    terms = dy.size // dy.shape[-1] + sum(w.size // w.shape[-1] for w in weights) + 9
    for one, other, size in zip(found, expected, bounds, strict=True):
        assert (np.abs(one - other) <= 1.01 * terms * eps(dtype) * size).all()


@pytest.mark.parametrize("cls", [DepthwiseConv2D, SeparableConv2D])
def test_where_a_step_is_taken(cls):
    more = {"filters": 4} if cls is SeparableConv2D else {}

    class Mine(cls):
        pass

    def step(layer, *rest, dtype="float32"):
        shape = (5, 5, 2)
        for one in (layer, *rest):
            one.build_for(shape)
            shape = one.sample_output_shape
        return [type(s).__name__ for s in fuse([layer, *rest], dtype)]

    taken = "SeparableStep" if more else "DepthwiseStep"
    assert step(cls(kernel_size=2, **more)) == [taken]
    assert step(cls(kernel_size=2, **more), ReLU()) == [taken]
    assert step(cls(kernel_size=2, **more, activation="relu"), ReLU()) == [taken, "ReluStep"]
    assert step(cls(kernel_size=2, **more), dtype="float64") == ["LayerStep"]
    assert step(cls(kernel_size=2, **more, data_format="channels_first")) == ["LayerStep"]
    assert step(cls(kernel_size=2, **more, activation="softmax")) == ["LayerStep"]
    assert step(Mine(kernel_size=2, **more)) == ["LayerStep"]


@pytest.mark.parametrize("cls", [DepthwiseConv2D, SeparableConv2D])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("watched", [False, True])
def test_nothing_is_computed_that_nobody_needs(cls, frozen, watched):
    """First layer or not, frozen or not; gradients are right where they are asked for."""
    more = {"filters": 4} if cls is SeparableConv2D else {}
    results = []
    for engine in ("numpy", "numba"):
        layer = cls(kernel_size=2, depth_multiplier=2, padding="same", trainable=not frozen, **more)
        rig = Rig(engine, [layer, Conv2D(2, 1)], (4, 3, 3), dtype="float32", watched=watched)
        rng = np.random.default_rng(0)
        rig.model.set_weights([whole(rng, w.shape, "float32") for w in rig.model.get_weights()])
        x, dy = whole(rng, (9, 4, 3, 3), "float32"), whole(rng, rig.out(9), "float32")
        run = rig.train(x, dy)
        results.append([run.y, *([run.dx] if watched else []), *run.grads])
        if engine == "numba":
            made = rig.model.engine._training_program(9)[0].wires[0].buffers.arrays
            assert any(": dw" in name for name in made if name.startswith(layer.name)) != frozen
            assert any("padded dz" in name for name in made) == (
                watched or (bool(more) and not frozen)
            )
    assert len(results[0]) == len(results[1]) > 1
    for one, other in zip(*results, strict=True):
        equal(one, other)


@pytest.mark.parametrize("m", [1, 2])
def test_pixels_that_no_window_reaches_get_no_gradient(m):
    """Whatever stands there from before."""
    layer = DepthwiseConv2D(1, strides=2, depth_multiplier=m)
    rig = Rig("numba", [layer], (3, 4, 2))
    x, dy = np.ones((9, 3, 4, 2)), np.ones(rig.out(9))
    first = rig.train(x, dy).dx
    program, *_ = rig.model.engine._training_program(9)
    program.wires[-1].dx[...] = np.nan
    for name, array in program.wires[-1].buffers.arrays.items():
        if "wide" in name:
            array[...] = np.nan
    equal(rig.train(x, dy).dx, first)
    assert (first[:, 1] == 0).all()


def test_threads_change_no_bit_and_the_plan_names_the_kernels(capsys):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(26, 6, 5, 3)), np.eye(3)[rng.integers(0, 3, 26)]
    before, results = numcnn.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            numcnn.set_num_threads(threads)
            set_random_seed(1)
            model = Sequential(
                [
                    DepthwiseConv2D(3, depth_multiplier=2, padding="same", input_shape=(6, 5, 3)),
                    SeparableConv2D(18, 3, activation="relu"),
                    DepthwiseConv2D(2, strides=(2, 1)),
                    Flatten(),
                    Dense(3, activation="softmax"),
                ]
            )
            model.compile("adam", "categorical_crossentropy", engine="numba")
            model.fit(x, y, batch_size=20, verbose=0)
            results.append([*model.get_weights(), model.predict(x)])
    finally:
        numcnn.set_num_threads(before)
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            equal(one, two)
    model.plan()
    printed = capsys.readouterr().out
    assert printed.count("depthwise, matmul") == 1
    assert "the layer itself" not in printed


def test_no_sample_at_all():
    layer = DepthwiseConv2D(3)
    rig = Rig("numba", [layer], (5, 5, 3))
    assert rig.predict(np.zeros((0, 5, 5, 3))).shape == (0, 3, 3, 3)
