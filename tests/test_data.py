"""The checks of inputs and targets: what passes as it is, and what each refusal says."""

import datetime
import decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numcnn import data
from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import Dense, Flatten
from numcnn.losses import get

# as_array


@given(hnp.arrays(st.sampled_from(["?", "u1", "i2", "u8", "f2", "f4", "f8"]), (2, 3)))
def test_an_array_of_numbers_passes_without_a_copy(array):
    assert data.as_array("x", array) is array


def test_lists_become_arrays():
    assert data.as_array("x", [[1, 2], [3, 4]]).shape == (2, 2)
    assert data.as_array("x", [decimal.Decimal(1).__float__()]).dtype == np.float64
    assert data.as_array("x", range(3)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "got None"),
        ([[1.0, 2.0], [3.0]], r"row 0 has shape \(2,\) but row 1 has shape \(1,\)"),
        ([np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((2, 3))], r"row 2 has shape \(2, 3\)"),
        (["one", "two"], "dtype <U3"),
        ([b"one"], r"dtype \|S3"),
        ([object()], "dtype object"),
        ({1, 2}, "dtype object"),
        ({"x": 1}, "dtype object"),
        ((i for i in range(3)), "dtype object"),
        ([None, 1.0], "dtype object"),
        (np.array([1, "a"], object), "dtype object"),
        (np.array([1j]), "dtype complex128"),
        ([datetime.datetime(2018, 6, 1)], "dtype object"),
        (np.array(["2018-06-01"], "M8[D]"), "datetime64"),
        (np.zeros(2, [("a", "f4")]), "dtype"),
    ],
    ids=str,
)
def test_what_is_no_array_of_numbers(value, text):
    with pytest.raises(DTypeError, match=rf"^images must be.*{text}"):
        data.as_array("images", value)


@pytest.mark.parametrize("value", [3, 2.5, np.float32(1), np.array(7)])
def test_a_single_number_is_no_batch(value):
    with pytest.raises(ShapeError, match="axis of samples"):
        data.as_array("x", value)


# input shapes


@pytest.mark.parametrize(
    ("shape", "expected", "hint"),
    [
        ((5, 28, 28), (28, 28, 1), r"x\[\.\.\., None\]"),
        ((5, 28, 28), (1, 28, 28), r"x\[:, None\]"),
        ((28, 28, 1), (28, 28, 1), r"x\[None\]"),
        ((28, 28), (28, 28, 1), r"x\[None, \.\.\., None\]"),
        ((5, 784), (28, 28, 1), r"x\.reshape\(-1, 28, 28, 1\)"),
        ((5, 28, 28, 1), (784,), r"x\.reshape\(len\(x\), -1\)"),
    ],
)
def test_a_wrong_input_shape_names_layer_shapes_and_a_hint(shape, expected, hint):
    with pytest.raises(ShapeError, match=hint) as caught:
        data.check_input_shape(np.zeros(shape), expected, "conv2d")
    message = str(caught.value)
    assert "layer 0 ('conv2d')" in message
    assert f"expected ndim={len(expected) + 1}" in message
    assert f"found ndim={len(shape)}. Full shape received: {shape}" in message


@pytest.mark.parametrize("shape", [(5, 27, 28, 1), (5, 28, 28, 3), (5,), (5, 783)])
def test_other_wrong_shapes_are_refused_without_a_wrong_hint(shape):
    with pytest.raises(ShapeError, match=r"Full shape received: .*\.$"):
        data.check_input_shape(np.zeros(shape), (28, 28, 1), "conv2d")


# finite numbers


@given(st.sets(st.integers(0, 29), min_size=1, max_size=5), st.sampled_from([np.nan, np.inf]))
def test_bad_numbers_are_counted_and_the_first_is_named(places, value):
    x = np.zeros((10, 3), np.float32)
    x.flat[list(places)] = value
    first = tuple(int(i) for i in np.unravel_index(min(places), x.shape))
    with pytest.raises(ValueError) as caught:
        data.check_finite("x", x, "float32")
    assert f"x has {len(places)} values" in str(caught.value)
    assert f"first at index {first}" in str(caught.value)


def test_bad_numbers_are_found_beyond_the_first_chunk(monkeypatch):
    monkeypatch.setattr(data, "CHUNK", 4)
    x = np.zeros((11, 2))
    data.check_finite("x", x, "float32")
    x[5, 1] = x[10, 0] = np.nan
    with pytest.raises(ValueError, match=r"2 values .* index \(5, 1\): nan"):
        data.check_finite("x", x, "float32")


def test_large_numbers_count_by_the_type_they_are_cast_to():
    x = np.array([1.0, 3.5e38])
    data.check_finite("x", x, "float64")
    with pytest.raises(DTypeError, match=r"1 values that are too large for float32"):
        data.check_finite("x", x, "float32")
    data.check_finite("x", np.array([2**63], np.uint64), "float32")
    data.check_finite("x", np.zeros((0, 3)), "float32")


# targets

SPARSE, ONE_HOT = get("sparse_categorical_crossentropy"), get("categorical_crossentropy")
BINARY, MSE = get("binary_crossentropy"), get("mse")


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_class_numbers_pass_in_any_type(dtype, shape):
    y = np.array([0, 2, 1, 2], dtype).reshape(shape)
    assert data.as_targets("y", y, SPARSE, (3,)) is y


@pytest.mark.parametrize(
    ("y", "error", "text"),
    [
        ([0, 3, -1], ValueError, r"0 to 2.*3 outputs; 2 are outside \(from -1 to 3\).*\(1,\): 3"),
        ([0, 1.5, 2], DTypeError, r"index \(1,\) stands 1.5, which is not a whole number"),
        ([0, np.nan, 2], DTypeError, r"index \(1,\) stands nan"),
        ([0, np.inf, 2], DTypeError, r"index \(1,\) stands inf"),
        (np.eye(3), ShapeError, "'categorical_crossentropy'"),
        (np.zeros((3, 2)), ShapeError, r"\(3, 2\)"),
        (["a", "b", "c"], DTypeError, "dtype <U1"),
    ],
    ids=str,
)
def test_wrong_class_numbers(y, error, text):
    with pytest.raises(error, match=text):
        data.as_targets("y", y, SPARSE, (3,))


@pytest.mark.parametrize(
    ("y", "loss", "error", "text"),
    [
        ([0, 1, 2], ONE_HOT, ShapeError, r"to_categorical\(y, 3\).*'sparse_categorical_cross"),
        ([[0], [1]], ONE_HOT, ShapeError, r"to_categorical\(y, 3\)"),
        (np.eye(4), ONE_HOT, ShapeError, r"\(4, 4\).*\('N', 3\)"),
        (-np.eye(3), ONE_HOT, ValueError, "from -1.0 to -?0.0"),
        (np.eye(3) * np.nan, ONE_HOT, ValueError, r"y has 9 values that are NaN.*data\.$"),
        (np.eye(3) * 2, BINARY, ValueError, "from 0.0 to 2.0"),
        (np.eye(2), MSE, ShapeError, r"\(2, 2\)"),
        ([[1, np.inf, 0]], MSE, ValueError, r"index \(0, 1\): inf"),
    ],
    ids=str,
)
def test_wrong_targets(y, loss, error, text):
    with pytest.raises(error, match=text):
        data.as_targets("y", y, loss, (3,))


def test_targets_of_one_output_may_be_flat():
    for loss in (BINARY, MSE):
        assert data.as_targets("y", [0, 1, 1], loss, (1,)).shape == (3, 1)
    assert data.as_targets("y", np.full((2, 3), 1 / 3), ONE_HOT, (3,)).shape == (2, 3)


# sizes and memory


@given(st.integers(1, 10**6))
def test_integers_of_any_kind_pass(n):
    for value in (n, np.int64(n), np.uint32(n), np.array(n)):
        assert data.integer("n", value, 1) == n


@pytest.mark.parametrize("value", [True, False, np.True_, 1.0, "3", None, [1], np.array([1, 2])])
def test_what_is_no_integer(value):
    with pytest.raises(TypeError, match="batch_size must be an integer of at least 1, got"):
        data.integer("batch_size", value, 1)


def test_a_batch_must_fit_into_memory(monkeypatch):
    monkeypatch.setattr(data, "physical_memory", lambda: 4000)
    layers = [Flatten(), Dense(10, name="wide"), Dense(2, dtype="float64")]
    shapes = [(5,), (5,), (10,)]
    data.check_memory(layers, shapes, 100)
    with pytest.raises(MemoryError) as caught:
        data.check_memory(layers, shapes, 101)
    assert "layer 1 ('wide')" in str(caught.value)
    assert "shape (101, 10) and 4,040 bytes" in str(caught.value)
    assert "at most 100." in str(caught.value)
