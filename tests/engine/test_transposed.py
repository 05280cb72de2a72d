"""Transposed convolutions on the kernels of the others: the step against the layer."""

import numpy as np
import pytest
from engine.guarded import eps, whole
from hypothesis import assume, example, given
from hypothesis import strategies as st
from properties.rig import Rig

import numcnn
from numcnn.engine.fusion import fuse
from numcnn.engine.transposed import TransposedStep
from numcnn.errors import ShapeError
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.layers import Conv2D, Conv2DTranspose, Dense, Flatten, ReLU
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
dtypes = st.sampled_from(["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)
WIDTH = VECTOR_BYTES // 4
channels = st.sampled_from([1, 2, 3, WIDTH - 1, WIDTH, WIDTH + 1])
GAPS = {"kernel_size": 1, "strides": 2, "filters": 2, "padding": "valid", "use_bias": True}


@st.composite
def layers(draw):
    """Return (arguments, shape of a sample) of a layer that fits."""
    pairs = st.tuples(*[st.integers(1, 4)] * 2)
    how = {
        "filters": draw(channels),
        "kernel_size": draw(pairs),
        draw(st.sampled_from(["strides", "dilation_rate"])): draw(pairs),
        "padding": draw(st.sampled_from(["valid", "same"])),
        "use_bias": draw(st.booleans()),
        "activation": draw(st.sampled_from([None, "relu"])),
        "output_padding": draw(st.sampled_from([None, None, 0, 1, (0, 1)])),
    }
    shape = (*draw(st.tuples(*[st.integers(1, 5)] * 2)), draw(channels))
    try:
        Conv2DTranspose(**how).compute_output_shape(shape)
    except ShapeError:
        assume(False)
    return how, shape


def outcomes(rig, weights, batches):
    """Return all that comes out of some batches, of different sizes."""
    rig.model.set_weights(weights)
    found = []
    for x, dy in batches:
        found += [rig.predict(x), *rig.train(x, dy)]
    return found


@given(layers(), st.sampled_from([1, 2, 9, 17]), dtypes, seeds)
@example((GAPS, (2, 3, 2)), 9, "float32", 0)
@example((GAPS | {"activation": "relu"}, (2, 3, 2)), 9, "float64", 1)
def test_whole_numbers_agree_with_the_layer_to_the_last_bit(given_, n, dtype, seed):
    how, shape = given_
    rng = np.random.default_rng(seed)
    fast, written = (
        Rig(engine, [Conv2DTranspose(**how)], shape, dtype=dtype) for engine in ("numba", "numpy")
    )
    assert type(fast.model.engine.steps[-1]) is TransposedStep
    weights = [whole(rng, w.shape, dtype) for w in fast.model.get_weights()]
    batches = [
        (whole(rng, (k, *shape), dtype), whole(rng, fast.out(k), dtype))
        for k in (n, max(1, n // 2), n)
    ]
    found = [outcomes(rig, weights, batches) for rig in (fast, written)]
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype == dtype
        equal(one, other)
    assert max(np.abs(a).max(initial=0) for a in found[0]) < 2**24  # so no sum was rounded


@given(layers(), st.sampled_from([1, 9]), dtypes, seeds)
def test_any_numbers_agree_as_far_as_rounding_lets_them(given_, n, dtype, seed):
    """A sum of k products, in any order, is off by at most about k * eps times that of sizes."""
    how, shape = given_
    how = how | {"activation": None}
    rng = np.random.default_rng(seed)
    fast = Rig("numba", [Conv2DTranspose(**how)], shape, dtype=dtype)
    written, sizes = (Rig("numpy", [Conv2DTranspose(**how)], shape) for _ in range(2))

    def draw(size):
        return rng.normal(size=size).astype(dtype).astype(float)

    weights = [draw(w.shape) for w in fast.model.get_weights()]
    x, dy = draw((n, *shape)), draw(fast.out(n))
    found, expected = (outcomes(rig, weights, [(x, dy)]) for rig in (fast, written))
    bounds = outcomes(sizes, [np.abs(w) for w in weights], [(np.abs(x), np.abs(dy))])
    terms = dy.size + x.size + weights[0].size
    for one, other, size in zip(found, expected, bounds, strict=True):
        assert (np.abs(one - other) <= 1.01 * terms * (eps(dtype) + eps("float64")) * size).all()


def test_where_a_step_is_taken():
    def step(*layers, dtype="float32"):
        shape = (5, 5, 2)
        for layer in layers:
            layer.build_for(shape)
            shape = layer.sample_output_shape
        return [type(s).__name__ for s in fuse(list(layers), dtype)]

    class Mine(Conv2DTranspose):
        pass

    assert step(Conv2DTranspose(4, 3)) == ["TransposedStep"]
    assert step(Conv2DTranspose(4, 3), ReLU()) == ["TransposedStep"]
    assert step(Conv2DTranspose(4, 3, activation="tanh")) == ["TransposedStep", "CurveStep"]
    assert step(Conv2DTranspose(4, 3), dtype="float64") == ["LayerStep"]
    assert step(Conv2DTranspose(4, 3, data_format="channels_first")) == ["LayerStep"]
    assert step(Mine(4, 3)) == ["LayerStep"]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("watched", [False, True])
def test_gradients_are_there_for_whoever_needs_them(frozen, watched):
    results = []
    for engine in ("numpy", "numba"):
        layer = Conv2DTranspose(3, 3, strides=2, padding="same", trainable=not frozen)
        rig = Rig(engine, [layer, Conv2D(2, 1)], (4, 3, 3), dtype="float32", watched=watched)
        rng = np.random.default_rng(0)
        rig.model.set_weights([whole(rng, w.shape, "float32") for w in rig.model.get_weights()])
        x, dy = whole(rng, (9, 4, 3, 3), "float32"), whole(rng, rig.out(9), "float32")
        run = rig.train(x, dy)
        results.append([run.y, *([run.dx] if watched else []), *run.grads])
        if engine == "numba":
            made = rig.model.engine._training_program(9)[0].wires[0].buffers.arrays
            assert any(": dw" in name for name in made if name.startswith(layer.name)) != frozen
    assert len(results[0]) > 1
    for one, other in zip(*results, strict=True):
        equal(one, other)


def test_threads_change_no_bit_and_the_plan_names_the_kernel(capsys):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(26, 4, 3, 5)), np.eye(3)[rng.integers(0, 3, 26)]
    before, results = numcnn.get_num_threads(), []
    try:
        for threads in (1, 3):
            numcnn.set_num_threads(threads)
            set_random_seed(1)
            model = Sequential(
                [
                    Conv2DTranspose(
                        6, 3, strides=2, padding="same", activation="relu", input_shape=(4, 3, 5)
                    ),
                    Conv2DTranspose(3, 2),
                    Flatten(),
                    Dense(3, activation="softmax"),
                ]
            )
            model.compile("adam", "categorical_crossentropy", engine="numba")
            model.fit(x, y, batch_size=20, verbose=0)
            results.append([*model.get_weights(), model.predict(x)])
    finally:
        numcnn.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        equal(one, two)
    model.plan()
    printed = capsys.readouterr().out
    assert printed.count("matmul over strokes") == 2
    assert "the layer itself" not in printed
    assert model.predict(np.zeros((0, 4, 3, 5))).shape == (0, 3)
