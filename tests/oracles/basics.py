"""All indices of an array, and derivatives by a complex step."""

import itertools

import numpy as np


def indices(shape):
    """All index tuples of an array of this shape, in reading order."""
    return itertools.product(*map(range, shape))


def complex_step(f, x):
    """The gradient of f, which makes one number of an array: f(x + ih).imag / h.

    There is no subtraction, so h can be tiny and the result is right to the last digits.
    """
    h = 1e-30
    gradient = np.zeros(x.shape)
    for index in indices(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * h
        gradient[index] = np.imag(f(moved)) / h
    return gradient
