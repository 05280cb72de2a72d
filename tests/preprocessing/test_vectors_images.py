"""Images changed at random: bit for bit what Keras does to them with the same seeds.

One sum is taken in another order: the mean of an image that has been flipped.
"""

from pathlib import Path

import numpy as np
import pytest
from vectors.make_images import MODES, MOVES, RANDOM, batches, moved, singles

from numcnn.legacy.preprocessing import image as legacy
from numcnn.preprocessing import image

RECORDED = np.load(Path(__file__).parents[1] / "vectors" / "images.npz")


def equal(found, name):
    expected = RECORDED[name]
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), name
    np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", MOVES)
def test_moved_images(name, mode, order):
    channels = 1 if order else 2
    found = moved(image, name, mode, order, channels)
    equal(found, f"{name}/{mode}/{order}/{channels}")


@pytest.mark.parametrize("name", RANDOM)
def test_batches(name):
    x, y = batches(image, name)
    np.testing.assert_array_equal(y, RECORDED[f"{name}/y"])
    if name == "all":
        np.testing.assert_allclose(x, RECORDED["all/x"], rtol=0, atol=2e-5)
    else:
        equal(x, f"{name}/x")


def test_single_images():
    for name, found in singles(image).items():
        equal(found, f"single/{name}")


def test_no_two_cases_are_the_same():
    assert len({RECORDED[name].tobytes() for name in RECORDED.files if "/y" not in name}) >= 70


def test_old_paths():
    assert set(legacy.__all__) == set(image.__all__)
    assert legacy.ImageDataGenerator is image.ImageDataGenerator
