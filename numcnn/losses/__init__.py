"""Losses: one number for how wrong the outputs are, and its gradient, side by side.

This is where backpropagation begins. The last layer's outputs go into a loss together with the
targets, the loss's gradient goes into the last layer's `backward` as dy, and so on down.

Here y is the target, what should have come out, and p the output. `value` gives the loss of each
sample; training lowers their mean over the batch of N samples,

    loss = (1/N) * sum over n of loss[n].

The mean, not the sum, so that the length of a step does not depend on how many samples a batch has.
A sample's outputs go into its own loss only, and that into the mean with the slope 1/N. So by the
chain rule the gradient, as `gradient` returns it, is in every loss

    dp[n, k] = (1/N) * ∂loss[n]/∂p[n, k].

A reading order:

1. base.py                  what a loss is, and how to write one
2. squared_error.py         for numbers: the squared distance
3. cross_entropy.py         for classes: the surprise at the true one; why softmax and this loss
                            belong together, and why their gradient is p - y
4. binary_cross_entropy.py  the same for a yes or a no
5. names.py                 losses by name
"""

from numcnn.losses.base import Loss, check_same_shape
from numcnn.losses.binary_cross_entropy import BinaryCrossentropy, binary_crossentropy
from numcnn.losses.cross_entropy import (
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    categorical_crossentropy,
    log_softmax,
    one_hot,
    softmax,
    sparse_categorical_crossentropy,
)
from numcnn.losses.names import LOSSES, Checked, checked, get
from numcnn.losses.squared_error import MeanSquaredError, mean_squared_error

__all__ = [
    "LOSSES",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Checked",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "check_same_shape",
    "checked",
    "get",
    "log_softmax",
    "mean_squared_error",
    "one_hot",
    "softmax",
    "sparse_categorical_crossentropy",
]
