"""Conv2D: the odd pad by hand, and what it refuses. Its properties: ../properties/."""

import numpy as np
import pytest

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import Conv2D, Convolution2D

equal = np.testing.assert_array_equal


def test_an_odd_pad_goes_to_the_bottom_and_right():
    conv = Conv2D(1, 2, padding="same", use_bias=False, dtype="float64")
    conv.build_for((2, 2, 1))
    conv.set_weights([np.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 2, 1, 1)])
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    equal(conv.forward(x).reshape(2, 2), [[4321.0, 402.0], [43.0, 4.0]])


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("argument", ["filters", "kernel_size", "strides", "dilation_rate"])
def test_refused_sizes(argument, value):
    with pytest.raises(ShapeError, match=f"{argument} of Conv2D .* got {value}"):
        Conv2D(**{"filters": 1, "kernel_size": 1, argument: value})


@pytest.mark.parametrize("value", [True, 2.5, "3", None])
@pytest.mark.parametrize("argument", ["filters", "kernel_size", "strides", "dilation_rate"])
def test_refused_types(argument, value):
    with pytest.raises(DTypeError, match=f"{argument} of Conv2D"):
        Conv2D(**{"filters": 1, "kernel_size": 1, argument: value})


def test_refused_names_and_shapes():
    with pytest.raises(ValueError, match="Did you mean 'same'"):
        Conv2D(1, 1, padding="sane")
    with pytest.raises(ValueError, match="Did you mean 'channels_last'"):
        Conv2D(1, 1, data_format="channel_last")
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        Conv2D(1, 1, activation="rleu")
    with pytest.raises(ShapeError, match=r"Add a channel axis: x\[\.\.\., None\]"):
        Conv2D(1, 1).build_for((28, 28))
    with pytest.raises(ShapeError, match="does not fit"):
        Conv2D(1, 3).build_for((2, 5, 1))
    conv = Conv2D(1, 1, input_shape=(2, 2, 1))
    conv(np.zeros((1, 2, 2, 1)))
    with pytest.raises(ShapeError, match=r"built for samples of shape \(2, 2, 1\)"):
        conv(np.zeros((1, 2, 2, 3)))


def test_two_positional_integers_have_had_two_meanings_and_are_refused():
    with pytest.raises(DTypeError, match=r"kernel_size=\(3, 3\) or strides=3"):
        Conv2D(32, 3, 3)
    with pytest.raises(DTypeError, match=r"kernel_size=\(3, 3\) or strides=3"):
        Convolution2D(32, 3, 3, padding="same")
    assert Conv2D(32, 3, (3, 3)).strides == Conv2D(32, 3, strides=3).strides == (3, 3)
