"""Losses: one number for how wrong the outputs are, and its gradient, side by side.

`value` gives one loss per sample; training minimises their mean. `gradient` is the derivative of
that mean with respect to the outputs, so it holds the factor 1/N.

The last activation and the loss belong together. A softmax followed by a cross-entropy, taken one
after the other, computes log(exp(z)) with a rounding error in between: for a sure mistake the
probability rounds to 0 and its logarithm to -infinity. From the scores z (the "logits", before the
softmax) both are exact:

    p = softmax(z)
    loss = -sum_k y_k log p_k = log(sum_k exp(z_k)) - sum_k y_k z_k          (where sum_k y_k = 1)
    dloss/dz_k = exp(z_k) / sum_m exp(z_m) - y_k = p_k - y_k

That is what `from_logits=True` computes, and an engine takes it by itself where a model ends in a
softmax with a cross-entropy (or a sigmoid with a binary one).
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
