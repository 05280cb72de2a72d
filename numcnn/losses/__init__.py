"""Losses: one number for how wrong the outputs are, and its gradient, side by side.

This is where backpropagation begins. The last layer's outputs go into a loss together with the
targets, the loss's gradient goes into the last layer's `backward` as dy, and so on down.

Here y is the target, what should have come out, and p the output, which the last layer called y.
`value` gives the loss of each sample; training lowers their mean over the batch of N samples,

    loss = (1/N) * sum over n of loss[n].

The mean, not the sum, so that the length of a step does not depend on how many samples a batch has.
A sample's outputs go into its own loss only, and that into the mean with the slope 1/N. So by the
chain rule the gradient, as `gradient` returns it, is in every loss

    dp[n, k] = (1/N) * ∂loss[n]/∂p[n, k].

A reading order:

1. base.py                  what a loss is, and how to write one
2. squared_error.py         for numbers: the squared distance
3. absolute_error.py        for numbers with outliers: the distance itself, and in between
4. cross_entropy.py         for classes: the surprise at the true one; why softmax and this loss
                            belong together, and why their gradient is p - y
5. binary_cross_entropy.py  the same for a yes or a no
6. hinge.py                 for classes, by a margin and without probabilities
7. likeness.py              for distributions, counts and directions
8. function.py              a function of your own, differentiated by differences
9. names.py                 losses by name
"""

from numcnn.losses.absolute_error import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
)
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
from numcnn.losses.function import FunctionLoss
from numcnn.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from numcnn.losses.likeness import (
    CosineSimilarity,
    KLDivergence,
    Poisson,
    cosine_similarity,
    kl_divergence,
    poisson,
)
from numcnn.losses.names import LOSSES, Checked, checked, get
from numcnn.losses.squared_error import (
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    mean_squared_error,
    mean_squared_logarithmic_error,
)

# Keras's other names for the functions.
mse = mean_squared_error
MSE = mean_squared_error
msle = mean_squared_logarithmic_error
MSLE = mean_squared_logarithmic_error
mae = mean_absolute_error
MAE = mean_absolute_error
mape = mean_absolute_percentage_error
MAPE = mean_absolute_percentage_error
kld = kl_divergence
KLD = kl_divergence
kullback_leibler_divergence = kl_divergence
logcosh = log_cosh

__all__ = [
    "KLD",
    "LOSSES",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "Checked",
    "CosineSimilarity",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "check_same_shape",
    "checked",
    "cosine_similarity",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "kullback_leibler_divergence",
    "log_cosh",
    "log_softmax",
    "logcosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "one_hot",
    "poisson",
    "softmax",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]
