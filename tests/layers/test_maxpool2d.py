"""MaxPool2D: its default strides, and what it refuses. Its properties: ../properties/."""

import pytest

from numcnn.errors import ShapeError
from numcnn.layers import MaxPool2D


def test_strides_are_the_pool_size_unless_given():
    assert MaxPool2D((2, 3)).strides == (2, 3)
    assert MaxPool2D((2, 3), strides=1).strides == (1, 1)
    assert MaxPool2D().pool_size == (2, 2)


def test_refusals():
    with pytest.raises(ShapeError, match="does not fit into an image of 1x4"):
        MaxPool2D(2).build_for((1, 4, 1))
    with pytest.raises(ShapeError, match="strides of MaxPool2D"):
        MaxPool2D(2, strides=0)
    with pytest.raises(ShapeError, match="needs images of shape"):
        MaxPool2D(2).build_for((16,))
