"""Arguments of layers."""

import numpy as np
import pytest
from bad_input.cases import SHAPES, TYPES, case, check

from numcnn.layers import (
    ELU,
    Activation,
    AlphaDropout,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Input,
    InputLayer,
    LeakyReLU,
    MaxPool2D,
    Permute,
    PReLU,
    ReLU,
    Reshape,
    SeparableConv2D,
    SpatialDropout2D,
    UpSampling2D,
    ZeroPadding2D,
)

CASES = {
    "filters 0": case(lambda m: Conv2D(0, 3), SHAPES, "filters of Conv2D", "positive", "got 0"),
    "filters -1": case(lambda m: Conv2D(-1, 3), SHAPES, "filters of Conv2D", "got -1"),
    "filters 2.5": case(lambda m: Conv2D(2.5, 3), TYPES, "filters of Conv2D", "2.5", "float"),
    "filters True": case(lambda m: Conv2D(True, 3), TYPES, "filters of Conv2D", "True"),
    "filters '3'": case(lambda m: Conv2D("3", 3), TYPES, "filters of Conv2D", "'3'", "str"),
    "kernel 0": case(lambda m: Conv2D(2, (3, 0)), SHAPES, "kernel_size of Conv2D", "got 0"),
    "kernel of three": case(lambda m: Conv2D(2, (3, 3, 3)), SHAPES, "kernel_size", "(3, 3, 3)"),
    "kernel 2.5": case(lambda m: Conv2D(2, (2.5, 2.5)), TYPES, "kernel_size", "2.5"),
    "kernel True": case(lambda m: Conv2D(2, True), TYPES, "kernel_size", "True"),
    "kernel None": case(lambda m: Conv2D(2, None), TYPES, "kernel_size", "None"),
    "strides 0": case(lambda m: Conv2D(2, 3, strides=0), SHAPES, "strides of Conv2D", "got 0"),
    "units 0": case(lambda m: Dense(0), SHAPES, "units of Dense", "got 0"),
    "units '10'": case(lambda m: Dense("10"), TYPES, "units of Dense", "'10'"),
    "units 10.0": case(lambda m: Dense(10.0), TYPES, "units of Dense", "10.0"),
    "pool 0": case(lambda m: MaxPool2D(0), SHAPES, "pool_size of MaxPool2D", "got 0"),
    "pool strides": case(lambda m: MaxPool2D(2, strides=-1), SHAPES, "strides of MaxPool2D", "-1"),
    "padding": case(
        lambda m: Conv2D(2, 3, padding="sane"), ValueError, "'sane'", "'same'", "valid"
    ),
    "data_format": case(
        lambda m: MaxPool2D(data_format="channel_last"), ValueError, "Did you mean 'channels_last'"
    ),
    "activation": case(
        lambda m: Dense(2, activation="rleu"), ValueError, "activation 'rleu'", "'relu'", "softmax"
    ),
    "Activation": case(lambda m: Activation("tahn"), ValueError, "Did you mean 'tanh'"),
    "activation 5": case(lambda m: Activation(5), ValueError, "Unknown activation 5"),
    "initializer": case(
        lambda m: Dense(2, kernel_initializer="he_norml"), ValueError, "Did you mean 'he_normal'"
    ),
    "rate -0.1": case(lambda m: Dropout(-0.1), ValueError, "rate of Dropout", "-0.1"),
    "rate 1": case(lambda m: Dropout(1), ValueError, "rate of Dropout", "below 1", "got 1"),
    "rate 1.5": case(lambda m: Dropout(1.5), ValueError, "rate of Dropout", "1.5"),
    "rate NaN": case(lambda m: Dropout(np.nan), ValueError, "rate of Dropout", "nan"),
    "rate '0.5'": case(lambda m: Dropout("0.5"), TYPES, "rate of Dropout", "'0.5'"),
    "rate True": case(lambda m: Dropout(True), TYPES, "rate of Dropout", "True"),
    "seed of Dropout": case(lambda m: Dropout(0.5, seed=-1), ValueError, "seed", "-1"),
    "input_shape None": case(lambda m: Input(shape=None), TYPES, "shape of Input", "None"),
    "input_shape text": case(lambda m: Dense(2, input_shape="28"), TYPES, "input_shape", "'28'"),
    "input_shape with None": case(
        lambda m: Dense(2, input_shape=(None, 28)), TYPES, "input_shape=(None, 28)", "None"
    ),
    "input_shape 0": case(lambda m: Dense(2, input_shape=(0,)), SHAPES, "input_shape", "got 0"),
    "input_shape 2.5": case(lambda m: InputLayer((2.5,)), TYPES, "shape of Input", "2.5"),
    "name": case(lambda m: Dense(2, name="a/b"), TYPES, "name", "'a/b'"),
    "name 5": case(lambda m: Dense(2, name=5), TYPES, "name", "5"),
    "dtype": case(lambda m: Dense(2, dtype="float16"), TYPES, "dtype", "'float16'", "'float32'"),
    "keyword of Conv2D": case(
        lambda m: Conv2D(2, 3, activaton="relu"), TypeError, "'activaton'", "'activation'"
    ),
    "keyword of Dense": case(
        lambda m: Dense(2, use_bais=False), TypeError, "Dense", "Did you mean 'use_bias'"
    ),
    "keyword of Keras 1": case(
        lambda m: Conv2D(2, 3, padding="same", border_mode="valid"), TypeError, "one argument"
    ),
    "keyword of Dropout": case(
        lambda m: Dropout(0.5, sed=1), TypeError, "Did you mean 'seed'", "rate"
    ),
    "target_shape": case(lambda m: Reshape((2, -1, -1)), SHAPES, "target_shape", "(2, -1, -1)"),
}

# Every argument that is a number, with everything that is none or too small.
NUMBERS = {
    "filters of Conv2D": lambda value: Conv2D(value, 3),
    "kernel_size of Conv2D": lambda value: Conv2D(2, value),
    "kernel_size of Conv2D, second": lambda value: Conv2D(2, (1, value)),
    "strides of Conv2D": lambda value: Conv2D(2, 3, strides=value),
    "dilation_rate of Conv2D": lambda value: Conv2D(2, 3, dilation_rate=(value, 1)),
    "pool_size of MaxPool2D": lambda value: MaxPool2D(value),
    "strides of MaxPool2D": lambda value: MaxPool2D(2, strides=(value, value)),
    "units of Dense": lambda value: Dense(value),
    "input_shape": lambda value: Dense(2, input_shape=(3, value)),
    "filters of SeparableConv2D": lambda value: SeparableConv2D(value, 3),
    "kernel_size of SeparableConv2D": lambda value: SeparableConv2D(2, value),
    "depth_multiplier of SeparableConv2D": lambda value: SeparableConv2D(
        2, 3, depth_multiplier=value
    ),
    "kernel_size of DepthwiseConv2D": lambda value: DepthwiseConv2D(value),
    "strides of DepthwiseConv2D": lambda value: DepthwiseConv2D(2, (1, value)),
    "depth_multiplier of DepthwiseConv2D": lambda value: DepthwiseConv2D(2, depth_multiplier=value),
    "filters of Conv2DTranspose": lambda value: Conv2DTranspose(value, 3),
    "kernel_size of Conv2DTranspose": lambda value: Conv2DTranspose(2, value),
    "dilation_rate of Conv2DTranspose": lambda value: Conv2DTranspose(2, 3, dilation_rate=value),
    "pool_size of AveragePooling2D": lambda value: AveragePooling2D(value),
    "strides of AveragePooling2D": lambda value: AveragePooling2D(2, (value, 1)),
    "size of UpSampling2D": lambda value: UpSampling2D(value),
    "each axis of shared_axes": lambda value: PReLU(shared_axes=[value]),
}
WRONG = [(0, SHAPES), (-3, SHAPES)]
WRONG += [(value, TYPES) for value in (2.5, 2.0, True, "3", np.nan, None, 1j, [2], b"2")]
CASES |= {
    f"{what} = {value!r}": case(
        lambda m, make=make, value=value: make(value),
        errors,
        what.split(",")[0],
        "positive integer",
        f"got the boolean {value}" if value is True else f"got {value!r}",
    )
    for what, make in NUMBERS.items()
    for value, errors in WRONG
    if not isinstance(value, list) or what in ("filters of Conv2D", "units of Dense")  # a pair?
}

# Every argument that is a real number, with everything that is none, too small or infinite.
REALS = {
    "negative_slope of LeakyReLU": LeakyReLU,
    "alpha of ELU": ELU,
    "stddev of GaussianNoise": GaussianNoise,
    "momentum of BatchNormalization": lambda value: BatchNormalization(momentum=value),
    "epsilon of BatchNormalization": lambda value: BatchNormalization(epsilon=value),
    "max_value of ReLU": lambda value: ReLU(max_value=value),
    "rate of SpatialDropout2D": SpatialDropout2D,
    "rate of AlphaDropout": AlphaDropout,
    "rate of GaussianDropout": GaussianDropout,
}
WRONG_REALS = [(value, ValueError) for value in (-0.1, np.nan, np.inf, -np.inf)]
WRONG_REALS += [(value, TYPES) for value in ("0.5", True, 1j, np.complex64(1), [0.1])]
CASES |= {
    f"{what} = {value!r}": case(
        lambda m, make=make, value=value: make(value), errors, what, "must be", f"got {value!r}"
    )
    for what, make in REALS.items()
    for value, errors in WRONG_REALS
}
BORDERS = {"padding of ZeroPadding2D": ZeroPadding2D, "cropping of Cropping2D": Cropping2D}
CASES |= {
    f"{what} = {value!r}": case(
        lambda m, make=make, value=value: make(value), errors, what, f"got {repr(value)[:9]}"
    )
    for what, make in BORDERS.items()
    for value, errors in (
        (-1, SHAPES), ((1, 2, 3), SHAPES), (((1, -1), 0), SHAPES), (1.5, TYPES), ("12", TYPES),
        (True, ValueError), (((1, 2, 3), (1, 2)), ValueError),
    )
}  # fmt: skip
CASES |= {
    "dims of Permute": case(lambda m: Permute((1, 3)), SHAPES, "dims of Permute", "(1, 3)"),
    "cropping leaves nothing": case(
        lambda m: Cropping2D(2, input_shape=(4, 9, 1)).build_for((4, 9, 1)), SHAPES, "4x9", "less"
    ),
    "axis of BatchNormalization": case(
        lambda m: BatchNormalization(axis="1"), TYPES, "axis of BatchNormalization", "'1'"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_error_says_what_to_do_and_nothing_has_changed(name, trained, folder):
    check(CASES[name], trained, folder)
