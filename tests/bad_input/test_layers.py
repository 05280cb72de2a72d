"""Arguments of layers."""

import numpy as np
import pytest
from bad_input.cases import SHAPES, TYPES, case, check

from numcnn.layers import Activation, Conv2D, Dense, Dropout, Input, InputLayer, MaxPool2D, Reshape

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


@pytest.mark.parametrize("name", CASES)
def test_the_error_says_what_to_do_and_nothing_has_changed(name, trained, folder):
    check(CASES[name], trained, folder)
