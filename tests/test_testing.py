"""numcnn.testing: what it draws is what it says, and each check finds what it is there for."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from numcnn import layers, testing
from numcnn.errors import DTypeError, GradientError, PropertyError, ShapeError
from numcnn.layers import Conv2D, Dense, Dropout, Layer, ReLU, Softmax
from numcnn.utils import set_random_seed

EXAMPLE = Path(__file__).parents[1] / "examples" / "check_your_layer.py"


# ---- what is drawn ----


@given(testing.geometries())
def test_a_window_fits_its_image(g):
    assert min(g.output_size) >= 1
    conv = Conv2D(2, **g.for_conv())
    assert conv.compute_output_shape(g.sample_shape) == (*g.output_size, 2)
    assert conv.geometry(g.ih, g.iw)[1] == g.border
    assert g.batch_shape == (g.n, *g.sample_shape)
    if g.dilation == (1, 1):
        pool = layers.MaxPool2D(**g.for_pool())
        assert pool.compute_output_shape(g.sample_shape) == (*g.output_size, g.c)
    ranges = [(g.n, 0, 4), (g.c, 1, 4), *((s, 1, 9) for s in (g.ih, g.iw))]
    ranges += [(k, 1, 5) for k in g.kernel] + [(s, 1, 4) for s in g.strides]
    assert all(low <= value <= high for value, low, high in ranges)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda g: g.n == 0,
        lambda g: g.padding == "same" and min(g.kernel) > max(g.ih, g.iw),
        lambda g: g.padding == "same" and g.border[0][0] != g.border[0][1],
        lambda g: g.strides[0] > g.kernel[0] and g.output_size[0] > 1,
        lambda g: g.dilation[0] > 1 and g.kernel[0] > 1 and g.padding == "valid",
        lambda g: g.padding == "valid" and (g.ih - g.kernel[0]) % g.strides[0] and g.ih > 5,
    ],
    ids=["empty", "larger than the image", "odd border", "gaps", "dilated", "pixels left over"],
)
def test_all_kinds_of_windows_are_drawn(wanted):
    how = settings(max_examples=2000, database=None, suppress_health_check=list(HealthCheck))
    assert wanted(find(testing.geometries(), wanted, settings=how))


@given(st.data(), testing.batch_shapes(), st.integers(0, 100), st.sampled_from(["f4", "f8", "i4"]))
def test_whole_numbers(data, shape, largest, dtype):
    x = data.draw(testing.whole_arrays(shape, largest, dtype))
    assert (x.shape, x.dtype) == (shape, dtype)
    assert (x == np.round(x)).all()
    assert np.abs(x).max(initial=0) <= largest


def test_arrays_shrink_to_a_few_ones_among_zeros():
    x = find(testing.whole_arrays((4, 5)), lambda x: (x != 0).sum() >= 2)
    assert sorted(x.ravel()) == [0] * 18 + [1, 1]


@given(st.data(), testing.seeds(), st.sampled_from(["float32", "float64"]))
def test_floats_of_all_sizes(data, seed, dtype):
    x = data.draw(testing.float_arrays((30, 40), dtype))
    assert x.dtype == dtype
    size = np.abs(x)
    assert size.max() <= 1e3
    assert (size > 100).any()
    assert (x == 0).any()
    assert ((size > 0) & (size < np.finfo(dtype).tiny)).any()
    assert ((size > 1e-3) & (size < 1e-2)).any()
    assert (x < 0).any()


@given(testing.batch_shapes(2, 4, largest=3), st.data())
def test_a_layout_moves_no_number(shape, data):
    x = data.draw(testing.whole_arrays(shape))
    for name in testing.LAYOUTS:
        y = testing.in_layout(x, name)
        np.testing.assert_array_equal(y, x if name != "broadcast" or not len(x) else x[:1] + 0 * x)
    y, plain = data.draw(testing.laid_out(testing.whole_arrays(shape)))
    np.testing.assert_array_equal(y, plain)
    assert plain.flags.c_contiguous
    assert plain.flags.writeable


def test_layouts_are_what_they_are_called():
    x = np.arange(24.0).reshape(2, 3, 4)
    strides = {name: testing.in_layout(x, name).strides for name in testing.LAYOUTS}
    assert strides["C"] == strides["read-only"] == strides["off line"] == (96, 32, 8)
    assert strides["F"] == strides["transposed"] == (8, 16, 48)
    assert strides["backwards"] == (-96, 32, -8)
    assert strides["every second"] == (192, 64, 16)
    assert strides["broadcast"] == (0, 32, 8)
    assert not testing.in_layout(x, "read-only").flags.writeable
    assert testing.in_layout(x, "off line").ctypes.data % 16 == 8
    with pytest.raises(ValueError, match="Did you mean 'transposed'"):
        testing.in_layout(x, "transpose")


def test_all_names_are_there():
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'geometry_strategies'"):
        _ = testing.geometry_strategies


# ---- what is checked ----


class Square(Layer):
    """y = w * x**2, right; the wrong ones below each change one thing."""

    def build(self, input_shape):
        self.add_parameter("w", input_shape, "ones")

    def forward(self, x, training=False):
        if training:
            self.kept = x
        return self.params["w"] * x**2

    def backward(self, dy):
        x = self.recall()
        self.grads["w"] = (dy * x**2).sum(axis=0)
        return 2 * dy * self.params["w"] * x


class Promising(Square):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)


class Widening(Square):
    def forward(self, x, training=False):
        return super().forward(x, training).astype("float64")


class Transposing(Square):
    def backward(self, dy):
        return super().backward(dy).T


class Silent(Square):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads = {}
        return dx


class Starting(Square):
    """Adds a number to a gradient, which shows where there is no sample."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] += 1
        return dx


class WritingX(Square):
    def forward(self, x, training=False):
        y = super().forward(x.copy(), training)
        x -= 1
        return y


class WritingDy(Square):
    def backward(self, dy):
        dy *= 2
        return super().backward(dy / 2)


class Updating(Square):
    def backward(self, dy):
        dx = super().backward(dy)
        self.params["w"] -= 0.1
        return dx


class GivingAway(Square):
    def backward(self, dy):
        super().backward(dy)
        self.grads["w"] = dy[0] if len(dy) else np.zeros_like(self.params["w"])
        return dy


class Reusing(Square):
    """Always the same array comes out."""

    def forward(self, x, training=False):
        y = super().forward(x, training)
        if getattr(self, "room", y[:0]).shape != y.shape:
            self.room = y
        self.room[...] = y
        return self.room


class Accumulating(Square):
    def backward(self, dy):
        before = self.grads.get("w", 0)
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"] + before
        return dx


class Remembering(Square):
    """Keeps the x of a prediction too."""

    def forward(self, x, training=False):
        self.kept = x
        return self.params["w"] * x**2


class First(Square):
    """Keeps the first x for good."""

    def forward(self, x, training=False):
        if self.kept is None:
            self.kept = x
        y = self.params["w"] * x**2
        self.kept = self.kept if self.kept.shape == x.shape else x
        return y


class Averaging(Square):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"] / max(1, len(dy))
        return dx


class Looking(Square):
    """Each sample looks at the first one."""

    def forward(self, x, training=False):
        return super().forward(x, training) + 0 * x + x[:1]


class Raw(Square):
    """Reads the numbers as they lie in memory."""

    def forward(self, x, training=False):
        y = super().forward(x, training)
        return x.ravel(order="K").reshape(x.shape) ** 2 * self.params["w"] if training else y


class Steep(Square):
    def backward(self, dy):
        return 1.5 * super().backward(dy)


WRONG = {
    Promising: (testing.check_shapes, r"returns \(3, 4\), promised is \(3, 5\)"),
    Widening: (testing.check_shapes, "float64 for float32"),
    Transposing: (testing.check_shapes, r"dx the shape \(4, 3\)"),
    Silent: (testing.check_shapes, r"sets the gradients \[\], the parameters are \['w'\]"),
    Starting: (testing.check_shapes, "without samples, grads"),
    WritingX: (testing.check_memory, "changes x in place"),
    WritingDy: (testing.check_memory, "changes dy in place"),
    Updating: (testing.check_memory, r"changes params\['w'\] in place"),
    GivingAway: (testing.check_memory, r"grads\['w'\] shares its memory with dy"),
    Reusing: (testing.check_memory, "the same memory twice"),
    Accumulating: (testing.check_repeats, "another w a second time|another w after"),
    Remembering: (testing.check_repeats, "another dx after a prediction"),
    First: (testing.check_repeats, "another dx after other batches"),
    Averaging: (testing.check_samples, r"grads\['w'\], added up over the samples"),
    Looking: (testing.check_samples, r"y\[1\] alone"),
    Raw: (testing.check_layouts, "'F'"),
    Steep: (testing.check_gradient, "NOT right"),
}


def test_a_right_layer_passes():
    layer = Square(dtype="float32")
    before = np.random.get_state()[1].copy()
    testing.check_all(layer, (3, 4))
    testing.check_all(layer, (0, 4))
    testing.check_all(layer, np.arange(6.0).reshape(2, 3) - 2.5)
    testing.check_adjoint(layer, (3, 4), linear_in="w")
    testing.check_config(layer, (3, 4))
    assert (layer.params, layer.grads, layer.kept, layer.dtype) == ({}, {}, None, "float32")
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda cls: cls.__name__)
def test_a_wrong_layer_is_found(wrong):
    check, text = WRONG[wrong]
    with pytest.raises((PropertyError, GradientError), match=text):
        check(wrong(), (3, 4))
    with pytest.raises((PropertyError, GradientError)):
        testing.check_all(wrong(), (3, 4))
    with pytest.raises(AssertionError):
        check(wrong(), (3, 4), seed=1)


def test_a_backward_that_is_not_the_transpose():
    class Halved(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.grads["w"] = self.grads["w"] / 2
            return dx

    testing.check_adjoint(Halved(2), (3, 4), linear_in=["x", "b"])
    with pytest.raises(GradientError, match=r"sum\(w \* dw\) \+ sum\(b \* db\) is .* transpose"):
        testing.check_adjoint(Halved(2), (3, 4), linear_in=["w", "b"])
    with pytest.raises(GradientError, match="transpose"):
        testing.check_adjoint(Softmax(), (3, 4))  # is not linear at all
    with pytest.raises(ValueError, match=r"names \['v'\]; there are 'x' and .*\['b', 'w'\]"):
        testing.check_adjoint(Dense(2), (3, 4), linear_in=["v"])


def test_a_configuration_that_is_not_whole():
    class Scaled(Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def forward(self, x, training=False):
            return self.factor * x

    testing.check_config(Scaled(), (2, 3))
    with pytest.raises(PropertyError, match="something else"):
        testing.check_config(Scaled(2.0), (2, 3))


def test_layers_with_randomness_of_their_own():
    set_random_seed(3)
    layer = Dropout(0.5)
    testing.check_all(layer, (4, 6), skip=["samples"])
    with pytest.raises(PropertyError, match="alone"):
        testing.check_samples(layer, (4, 6))
    assert layer.kept is None


def test_refusals():
    with pytest.raises(ValueError, match=r"skip names .*'shape'.* the checks are shapes"):
        testing.check_all(ReLU(), (2, 3), skip=["shape"])
    with pytest.raises(DTypeError, match="Expected a layer"):
        testing.check_all(ReLU, (2, 3))
    with pytest.raises(DTypeError, match="Expected an array or the shape"):
        testing.check_all(ReLU(), "2, 3")
    with pytest.raises(ShapeError, match="got one number"):
        testing.check_all(ReLU(), np.array(1.0))
    dense = Dense(2)
    dense.build_for((4,))
    with pytest.raises(ShapeError, match=r"built for samples of \(4,\), got \(3,\)"):
        testing.check_all(dense, (2, 3))


# ---- without Hypothesis, and the example ----


def test_without_hypothesis_the_checks_work_and_the_rest_says_what_is_missing():
    program = """
import sys
sys.modules["hypothesis"] = None
from numcnn import testing
from numcnn.layers import ReLU
testing.check_all(ReLU(), (2, 3))
try:
    testing.geometries()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pip install 'numcnn[test]'" in done.stdout


def test_the_example(tmp_path):
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        cwd=tmp_path,
        env=os.environ | {"NUMCNN_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("test_leaky_relu", "test_pointwise_conv"):
        assert f"{name}: right, on 25 random shapes" in done.stdout
    for name in ("test_forgetful_leaky_relu", "test_averaging_conv"):
        assert f"{name}: WRONG" in done.stdout
    assert "backward says 0, the central difference" in done.stdout
    assert "grads['w'], added up over the samples" in done.stdout
    assert not list(tmp_path.glob(".hypothesis"))


def test_names_that_testing_does_not_have():
    with pytest.raises(AttributeError, match=r"'numcnn\.testing' has no attribute 'check_al'"):
        _ = testing.check_al
