"""Activations number by number: the kernels in guarded memory, the steps against the layers."""

import subprocess
import sys

import numpy as np
import pytest
from engine.guarded import Moats, eps, whole
from hypothesis import example, given
from hypothesis import strategies as st
from properties.rig import Rig

import numcnn
from numcnn.engine.curves import CURVES, CurveStep, PReluStep, curve_of
from numcnn.engine.fusion import fuse
from numcnn.kernels.curves import CURVES as KERNELS
from numcnn.kernels.curves import prelu, prelu_backward
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.layers import (
    ELU,
    GELU,
    Activation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    PReLU,
    ReLU,
    SeparableConv2D,
    Softmax,
)
from numcnn.layers.names import ACTIVATIONS
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
both = pytest.mark.parametrize("dtype", ["float32", "float64"])
dtypes = st.sampled_from(["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)


# ---- kernels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_a_kernel_stays_inside_its_arrays(name):
    dtype = "float32"
    width = VECTOR_BYTES // np.dtype(dtype).itemsize
    forward, backward = KERNELS[name]
    rng = np.random.default_rng(0)
    for n in (1, width - 1, width, 2 * width + 3):
        x, dy, moats = whole(rng, n, dtype), whole(rng, n, dtype), Moats()
        y, dx = moats.room(n, dtype), moats.room(n, dtype)
        forward(y, moats.given(x), 1.0, 0.5, 0.25)
        backward(dx, moats.given(dy), moats.given(x), 1.0, 0.5, 0.25)
        moats.check()
        assert np.isfinite(y).all()
        assert np.isfinite(dx).all()


@given(st.integers(1, 3), st.integers(1, 70), st.booleans(), dtypes, seeds)
@example(1, 1, True, "float32", 0)
def test_the_kernels_of_prelu(n, size, with_dx, dtype, seed):
    """With halves, which are as exact as whole numbers."""
    rng, moats = np.random.default_rng(seed), Moats()
    x, dy, alpha = (whole(rng, shape, dtype) / 2 for shape in ((n, size), (n, size), size))
    y, dalpha = moats.room(n * size, dtype), moats.room(size, dtype)
    dx = moats.room(n * size if with_dx else 0, dtype)
    fed = [moats.given(a.ravel()) for a in (x, dy, alpha)]
    prelu(y, fed[0], fed[2])
    prelu_backward(dx, dalpha, fed[1], fed[0], fed[2])
    moats.check()
    equal(y.reshape(x.shape), np.where(x > 0, x, alpha * x))
    equal(dalpha, (dy * np.minimum(x, 0)).sum(axis=0))
    if with_dx:
        equal(dx.reshape(x.shape), np.where(x > 0, dy, alpha * dy))


# ---- steps --------------------------------------------------------------------------------------

MAKE = {name: (lambda name=name: Activation(name)) for name in ACTIVATIONS} | {
    "relu, limited": lambda: ReLU(max_value=1.5),
    "relu, leaking": lambda: ReLU(negative_slope=0.25, threshold=0.5),
    "relu, all": lambda: ReLU(2.0, 0.5, 1.0),
    "relu, flat": lambda: ReLU(0.0, 0.0, 0.5),
    "leaky relu, flat": lambda: LeakyReLU(0.0),
    "elu, steep": lambda: ELU(2.5),
    "approximate gelu": lambda: GELU(approximate=True),
}
CURVED = sorted(name for name, make in MAKE.items() if curve_of(make()))
FEW = ("elu", "gelu", "mish", "relu6")
# What differs in float64 are the functions, which have their tests; so a few are enough every day.
PAIRS = [
    pytest.param(name, dtype, marks=[] if dtype == "float32" or name in FEW else pytest.mark.proof)
    for name in CURVED
    for dtype in ("float32", "float64")
]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 1.5, 6.0, 2.0]
SPECIAL += [1e-30, -1e-30, 50.0, -50.0, 1e30, -1e30]


def test_the_list_holds_all():
    assert {type(inner(MAKE[name]())) for name in CURVED} == set(CURVES)
    assert not {"linear", "relu", "softmax", "log_softmax"} & set(CURVED)
    assert {curve_of(MAKE[name]()).name for name in CURVED} == set(KERNELS)


def inner(layer):
    return getattr(layer, "activation", layer)


def answers(name, x, dy, dtype):
    """Return [y, predicted y, dx] of both engines."""
    found = []
    for engine in ("numpy", "numba"):
        rig = Rig(engine, [MAKE[name]()], x.shape[1:], dtype=dtype)
        if engine == "numba":
            assert type(rig.model.engine.steps[-1]) is CurveStep
        run = rig.train(x, dy)
        found.append([run.y, rig.predict(x), run.dx])
    return found


@pytest.mark.parametrize(("name", "dtype"), PAIRS)
@given(st.sampled_from([1, 9, 17]), st.sampled_from([(3,), (2, 5, 7)]), seeds)
def test_a_step_computes_what_the_layer_computes(name, dtype, n, shape, seed):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, *shape)) * 10.0 ** rng.integers(-3, 2, (n, *shape))).astype(dtype)
    dy = rng.normal(size=x.shape).astype(dtype)
    written, found = answers(name, x, dy, dtype)
    size = np.maximum(1, np.abs(x))
    for one, other, scale in zip(written, found, (size, size, size * np.abs(dy)), strict=True):
        assert other.dtype == dtype
        assert (np.abs(one - other) <= 16 * eps(dtype) * np.maximum(scale, np.abs(one))).all()


@pytest.mark.parametrize(("name", "dtype"), PAIRS)
def test_nan_and_infinity_come_out_where_the_layer_has_them(name, dtype):
    x, dy = (a.ravel() for a in np.meshgrid(SPECIAL, [1.0, -2.0, np.nan, np.inf, 0.0]))
    x, dy = x.astype(dtype)[None], dy.astype(dtype)[None]
    with np.errstate(all="ignore"):
        written, found = answers(name, x, dy, dtype)
    for one, other in zip(written, found, strict=True):
        equal(np.isnan(one), np.isnan(other))
        equal(np.where(np.isinf(one), one, 0), np.where(np.isinf(other), other, 0))
        near = np.isfinite(one)
        np.testing.assert_allclose(other[near], one[near], rtol=1e-5, atol=1e-6)


@given(
    st.sampled_from([1, 9, 20]), st.sets(st.integers(1, 3)), st.booleans(), st.booleans(), dtypes,
    seeds,
)  # fmt: skip
def test_prelu_with_any_shared_axes(n, shared, frozen, watched, dtype, seed):
    """Followed by a layer that is trained, so that something is to be done where it is frozen."""
    found, shape = [], (2, 3, 5)
    for engine in ("numpy", "numba"):
        layer, rng = PReLU(shared_axes=tuple(shared) or None), np.random.default_rng(seed)
        layer.trainable = not frozen
        rig = Rig(engine, [layer, Dense(1)], shape, dtype=dtype, watched=watched)
        x, dy = whole(rng, (n, *shape), dtype), whole(rng, rig.out(n), dtype)
        rig.model.set_weights([whole(rng, w.shape, dtype) for w in rig.model.get_weights()])
        run = rig.train(x, dy)
        found.append([run.y, *([run.dx] if watched else []), *run.grads])
        if engine == "numba":
            assert sum(type(step) is PReluStep for step in rig.model.engine.steps) == 1
    for one, other in zip(*found, strict=True):
        equal(one, other)


INSIDE = {
    "dense": lambda **more: Dense(3, **more),
    "conv2d": lambda **more: Conv2D(3, 2, **more),
    "depthwise": lambda **more: DepthwiseConv2D(2, **more),
    "separable": lambda **more: SeparableConv2D(3, 2, **more),
}


@pytest.mark.parametrize("kind", INSIDE)
@pytest.mark.parametrize("name", ["tanh", "swish", "relu6"])
def test_an_activation_inside_a_layer_becomes_a_step_of_its_own(kind, name):
    x = np.random.default_rng(0).normal(size=(9, 4, 5, 3)).astype("float32")
    found = []
    for engine in ("numpy", "numba"):
        layer = INSIDE[kind](activation=name)
        rig = Rig(engine, [layer], (4, 5, 3), dtype="float32")
        rng = np.random.default_rng(1)
        rig.model.set_weights([rng.normal(size=w.shape) for w in rig.model.get_weights()])
        run = rig.train(x, np.random.default_rng(2).normal(size=rig.out(9)).astype("float32"))
        found.append([run.y, rig.predict(x), run.dx, *run.grads])
    steps = rig.model.engine.steps
    assert [type(step).__name__ for step in steps[2:]] == ["CurveStep"]
    assert type(steps[1]).__name__ != "LayerStep"
    assert steps[2].name == f"{layer.name}'s {layer.activation.name}"
    assert type(layer.activation) is type(inner(Activation(name)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=3e-5 * max(1, np.abs(one).max()))


def test_what_no_step_takes_stays_whole():
    class MyTanh(type(Activation("tanh").activation)):
        pass

    for activation in ("softmax", MyTanh()):
        layer = Dense(3, activation=activation)
        layer.build_for((4,))
        (step,) = fuse([layer], "float32")
        assert step.layers == [layer]
        assert "the activation" in step.why
    for layer in (MyTanh(), Softmax()):
        layer.build_for((4,))
        assert type(fuse([layer], "float32")[0]).__name__ == "LayerStep"
    layer = Conv2D(3, 1, activation="tanh", data_format="channels_first")
    layer.build_for((3, 4, 4))
    (step,) = fuse([layer], "float32")
    assert step.why == "channels first"


def test_threads_change_no_bit_and_the_plan_names_the_curves(capsys):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(26, 7, 6, 2)), np.eye(3)[rng.integers(0, 3, 26)]
    before, results = numcnn.get_num_threads(), []
    try:
        for threads in (1, 3):
            numcnn.set_num_threads(threads)
            set_random_seed(1)
            model = Sequential(
                [
                    Conv2D(5, 3, activation="gelu", input_shape=(7, 6, 2)),
                    PReLU(shared_axes=(1, 2)),
                    MaxPool2D(2),
                    Flatten(),
                    Dense(8, activation="tanh"),
                    Dense(3, activation="softmax"),
                ]
            )
            model.compile("adam", "categorical_crossentropy", engine="numba")
            model.fit(x, y, batch_size=20, epochs=2, verbose=0)
            results.append([*model.get_weights(), model.predict(x)])
    finally:
        numcnn.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        equal(one, two)
    model.plan()
    printed = capsys.readouterr().out
    for name in ("conv2d's gelu", "prelu", "dense's tanh"):
        assert name in printed
    assert "the layer itself" not in printed
    assert model.predict(np.zeros((0, 7, 6, 2))).shape == (0, 3)


def test_nothing_is_loaded_for_networks_without_curves():
    program = """
import sys
from numcnn.layers import Conv2D, Dense, Flatten, MaxPool2D
from numcnn.models import Sequential
model = Sequential([Conv2D(2, 3, activation="relu", input_shape=(6, 6, 1)), MaxPool2D(2),
                    Flatten(), Dense(2, activation="softmax")])
model.compile("rmsprop", "categorical_crossentropy", engine="numba")
model.plan()
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "numcnn.kernels.matmul" in loaded, done.stderr
    assert not loaded & {"numcnn.kernels.curves", "numcnn.kernels.depthwise"}
