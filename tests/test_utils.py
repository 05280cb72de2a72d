"""The names that a Keras program imports, one-hot targets, seeds and settings."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import seeds
from numcnn.errors import DTypeError
from numcnn.utils import normalize, set_random_seed, to_categorical


def test_import_paths_of_keras_programs():
    import numcnn as keras
    from numcnn import backend as K
    from numcnn.callbacks import EarlyStopping
    from numcnn.layers import Activation, Conv2D, Convolution2D, Dense, MaxPool2D, MaxPooling2D
    from numcnn.models import Sequential
    from numcnn.utils import np_utils

    assert np_utils.to_categorical is keras.utils.to_categorical is to_categorical
    assert keras.utils.np_utils is np_utils
    assert keras.models.Sequential is keras.Sequential is Sequential
    assert keras.layers.Dense is Dense
    assert keras.callbacks.EarlyStopping is EarlyStopping
    assert type(Convolution2D(2, (3, 3))) is Conv2D
    assert MaxPooling2D is MaxPool2D
    assert keras.layers.Activation is Activation
    assert keras.Input(shape=(2,)).given_input_shape == (2,)
    for module in ("datasets", "losses", "metrics", "optimizers", "initializers", "plotting"):
        assert hasattr(keras, module)
    assert K.image_data_format() == "channels_last"
    assert K.floatx() == "float32"
    assert K.epsilon() == 1e-7
    assert keras.__version__.count(".") == 2


def test_sequence_is_found_where_keras_has_had_it():
    from numcnn.utils import Sequence, data_utils

    assert data_utils.Sequence is data_utils.PyDataset is Sequence


def test_settings_refuse_what_they_do_not_know():
    from numcnn import backend as K

    for setter, wrong in (
        (K.set_image_data_format, "channels_middle"),
        (K.set_floatx, "float16"),
        (K.set_epsilon, 0),
        (K.set_epsilon, 2.0),
    ):
        with pytest.raises(ValueError, match="must"):
            setter(wrong)
    K.set_image_data_format("channels_first")
    assert K.image_data_format() == "channels_first"


# to_categorical


@given(st.lists(st.integers(0, 6), min_size=1), st.integers(7, 9))
def test_one_hot_rows_hold_one_at_the_class(labels, classes):
    rows = to_categorical(labels, classes)
    assert rows.shape == (len(labels), classes)
    assert rows.dtype == np.float32
    assert (rows.argmax(axis=1) == labels).all()
    assert ((rows == 0) | (rows == 1)).all()
    assert (rows.sum(axis=1) == 1).all()
    assert to_categorical(labels).shape == (len(labels), max(labels) + 1)
    column = np.array(labels, float)[:, None]
    assert np.array_equal(to_categorical(column, classes), rows)


def test_forms_of_labels():
    assert to_categorical(np.zeros((2, 3), int), 4).shape == (2, 3, 4)
    for shape, rows in (((2, 3, 1), (2, 3)), ((2, 1, 3), (2, 1, 3)), ((1,), (1,)), ((1, 1), (1,))):
        assert to_categorical(np.zeros(shape, int), 4).shape == (*rows, 4)
    assert to_categorical([]).shape == (0, 0)
    assert to_categorical([0, 0], 1).tolist() == [[1], [1]]
    assert to_categorical([[2]], 4).tolist() == [[0, 0, 1, 0]]
    assert to_categorical([], 4).shape == (0, 4)
    assert to_categorical([True, False]).tolist() == [[0, 1], [1, 0]]
    assert to_categorical([1], 2, dtype="float64").dtype == np.float64
    assert to_categorical(np.array([0, 255], np.uint8)).shape == (2, 256)


@pytest.mark.parametrize(
    ("labels", "classes", "error", "text"),
    [
        ([-1, -2], None, ValueError, "class numbers from 0; 2 are outside.*position 0: -1"),
        ([0, 1, 3], 3, ValueError, "0 to 2 for 3 classes; 1 are outside.*position 2: 3"),
        ([0, -1], None, ValueError, "position 1: -1"),
        ([0, 5, 7, -1], 3, ValueError, "3 are outside, the first at position 1: 5"),
        ([0, 1.5], None, DTypeError, "whole class numbers, got values such as 1.5"),
        ([0, np.nan], 3, DTypeError, "such as nan"),
        ([0, 1e300], 3, DTypeError, "1e"),
        (["a"], None, DTypeError, "dtype"),
        (None, None, DTypeError, "None"),
        ([0], 0, ValueError, "num_classes"),
        ([0], 2.5, DTypeError, "num_classes"),
        ([0], "2", DTypeError, "num_classes"),
    ],
)
def test_wrong_labels(labels, classes, error, text):
    with pytest.raises(error, match=text):
        to_categorical(labels, classes)


# seeds


@pytest.mark.parametrize(
    ("axis", "order", "expected"),
    [
        (-1, 2, [[0.6, -0.8], [0.0, 0.0]]),
        (0, 2, [[1.0, -1.0], [0.0, 0.0]]),
        (1, 1, [[3 / 7, -4 / 7], [0.0, 0.0]]),
        (-1, np.inf, [[0.75, -1.0], [0.0, 0.0]]),
    ],
)
def test_normalizing_divides_by_norms_that_are_not_0(axis, order, expected):
    np.testing.assert_allclose(normalize([[3, -4], [0, 0]], axis, order), expected)
    whole = normalize(np.array([3.0, 4.0], "float32"))
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole, [0.6, 0.8], rtol=1e-6)
    with pytest.raises(DTypeError):
        normalize(["a"])


def test_seeds_come_from_numpy_unless_set():
    np.random.seed(5)
    first = [seeds.next_seed() for _ in range(3)]
    np.random.seed(5)
    assert [seeds.next_seed() for _ in range(3)] == first
    assert len(set(first)) == 3
    set_random_seed(5)
    state = np.random.get_state()[1].copy()
    own = [seeds.next_seed() for _ in range(3)]
    assert np.array_equal(np.random.get_state()[1], state)
    assert own != first
    set_random_seed(None)
    np.random.seed(5)
    assert [seeds.next_seed() for _ in range(3)] == first


def test_a_seed_is_any_number_below_the_greatest_of_int32(monkeypatch):
    np.random.seed(5)
    expected = np.random.RandomState(5).randint(2**31 - 1, size=20)
    assert [seeds.next_seed() for _ in range(20)] == expected.tolist()
    set_random_seed(5)
    own = np.random.default_rng(5)
    assert [seeds.next_seed() for _ in range(20)] == [own.integers(2**31 - 1) for _ in range(20)]
    set_random_seed(None)
    monkeypatch.setattr(np.random, "randint", lambda above: above - 1)
    assert seeds.next_seed() == 2**31 - 2


def test_set_random_seed_sets_all_three():
    drawn = []
    for _ in range(2):
        set_random_seed(3)
        drawn.append((random.random(), np.random.random(), seeds.next_seed()))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("wrong", [-1, 2**32, 1.5, "7", True])
def test_wrong_seeds(wrong):
    with pytest.raises((TypeError, ValueError), match="seed must be an integer"):
        set_random_seed(wrong)


@given(st.integers(0, 2**31), st.integers(0, 1000))
def test_a_generator_depends_on_seed_and_step_alone(seed, step):
    draws = [seeds.generator(seed, step).random(3).tobytes() for _ in range(2)]
    philox = np.random.Philox(key=seed, counter=[0, 0, 0, step])
    assert draws[0] == draws[1] == np.random.Generator(philox).random(3).tobytes()
    assert seeds.generator(seed, step + 1).random(3).tobytes() != draws[0]
    assert seeds.generator(seed + 1, step).random(3).tobytes() != draws[0]


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_seeds_are_given_back(own, always, fails):
    if own:
        set_random_seed(4)
    following = []
    for take in (False, True):
        if own:
            set_random_seed(4)
        else:
            np.random.seed(4)
        try:
            with seeds.given_back(always):
                if take:
                    seeds.next_seed()
                if fails:
                    raise KeyError
        except KeyError:
            pass
        following.append(seeds.next_seed())
    assert (following[0] == following[1]) is (always or fails)


@pytest.mark.parametrize("before", [None, 4])
@pytest.mark.parametrize("inside", [None, 5])
def test_a_block_that_sets_the_seed_and_fails_says_why(before, inside):
    def fails():
        with seeds.given_back():
            set_random_seed(inside)
            raise KeyError("its own")

    set_random_seed(before)
    with pytest.raises(KeyError, match="its own"):
        fails()


def test_the_number_of_classes_by_its_name_in_keras_1():
    with pytest.warns(UserWarning, match="nb_classes is num_classes since Keras 2"):
        np.testing.assert_array_equal(to_categorical([1, 0], nb_classes=3), np.eye(3)[[1, 0]])
    with pytest.raises(TypeError, match="Give num_classes alone"):
        to_categorical([1, 0], num_classes=3, nb_classes=3)
