"""Weights of samples and of classes, looked at alone; what a model does with them: test_feeding."""

import numpy as np
import pytest

from numcnn.errors import DTypeError, ShapeError
from numcnn.weighting import (
    check_class_weight,
    class_numbers,
    class_weighting,
    sample_weights,
)

equal = np.testing.assert_array_equal


def test_one_number_for_each_sample():
    assert sample_weights("sample_weight", None, 3) is None
    for given in ([1, 2, 3], np.array([[1], [2], [3]], "float32")):
        found = sample_weights("sample_weight", given, 3)
        equal(found, [1.0, 2.0, 3.0], strict=True)
    for wrong in ([1, 2], [[1, 2, 3]], [[1, 2]] * 3):
        with pytest.raises(ShapeError, match=r"sample_weight must hold .* 3 samples, shape \(3,\)"):
            sample_weights("sample_weight", wrong, 3)
    for wrong in (np.nan, np.inf, 1e39):
        with pytest.raises(ValueError, match="sample_weight has 1 values"):
            sample_weights("sample_weight", [1, wrong, 3], 3)


@pytest.mark.parametrize(
    "y", [[2, 0, 1, 2], [[2], [0], [1], [2]], np.eye(3)[[2, 0, 1, 2]], [2.0, 0.0, 1.0, 2.0]]
)
def test_samples_count_as_their_class_does(y):
    y = np.array(y)
    weigh = class_weighting({0: 0.5, np.int64(2): np.float32(3)}, (3,))
    equal(weigh(y, None), [3.0, 0.5, 1.0, 3.0], strict=True)
    equal(weigh(y, np.array([1.0, 2.0, 3.0, 4.0])), [3, 1, 3, 12])
    assert class_weighting(None, (3,)) is None
    assert weigh(y[:0], None).shape == (0,)


def test_one_output_has_two_classes():
    weigh = class_weighting({1: 4}, (1,))
    equal(weigh(np.array([[1.0], [0.0]]), None), [4, 1])
    with pytest.raises(ValueError, match=r"has the key 2; its keys must be class numbers 0 to 1\."):
        class_weighting({2: 1}, (1,))


def test_classes_of_outputs_with_several_axes_are_not_known():
    for shape in ((4, 3), ()):
        with pytest.raises(ShapeError, match=r"outputs have shape \('N'.* Use sample_weight"):
            class_weighting({0: 1}, shape)


@pytest.mark.parametrize("key", [3, 4])
def test_a_class_that_is_not_there(key):
    with pytest.raises(ValueError, match=rf"key {key}; its keys must be class numbers 0 to 2\."):
        class_weighting({key: 1.0}, (3,))


@pytest.mark.parametrize("key", [-1, 0.0, True, "0", None])
def test_keys_that_are_no_class_numbers(key):
    with pytest.raises(ValueError, match="keys must be class numbers from 0"):
        check_class_weight({key: 1.0})


@pytest.mark.parametrize("value", [np.nan, np.inf, True, "1", None, 1j])
def test_values_that_are_no_weights(value):
    with pytest.raises(ValueError, match=r"class_weight\[0\] must be a finite number"):
        check_class_weight({0: value})
    check_class_weight({0: 0, 1: -2.5, np.uint8(2): np.float32(1)})


@pytest.mark.parametrize("given", [[1, 2], np.ones(2), "balanced"])
def test_something_else_than_a_dictionary(given):
    with pytest.raises(DTypeError, match=r"write dict\(enumerate\(weights\)\)"):
        check_class_weight(given)
    with pytest.raises(DTypeError, match="class_weight must be a dictionary"):
        class_weighting(given, (3,))


def test_targets_that_are_no_classes():
    equal(class_numbers(np.array([0.0, 1.0]), 2), [0, 1])
    for y in ([0, 2], [-1, 1], [0, 1.6]):
        with pytest.raises(ValueError, match="needs targets that are class numbers 0 to 1, got"):
            class_numbers(np.array(y), 2)
    equal(class_numbers(np.zeros((0, 1)), 2), np.zeros(0))
    equal(class_numbers(np.array([1, 1]), 2), [1, 1])
    several = np.random.default_rng(0).random((2, 4, 1, 3))
    equal(class_numbers(several, 3), several.argmax(axis=3))
    equal(class_numbers(several[:, :1], 3), several[:, :1].argmax(axis=3))
