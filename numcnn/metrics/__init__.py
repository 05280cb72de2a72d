"""Metrics: what a person reads off a model, such as the share of right answers. No gradients.

A share of right answers cannot be trained on: it jumps when an answer changes and is flat
everywhere else, so its slope is 0. A loss is smooth, and falls where the answers become right.

How a metric goes through an epoch. Most are means over samples, and those of the batches can be
averaged, each with its size. Precision cannot: it is a quotient of two counts, and a mean of
quotients is another number. Keras keeps a state in each metric, which is cleared when an epoch
begins. Two ways were open here: the same, and then every checkpoint within an epoch must hold those
states too; or to say that a metric is two sums over the samples, `part` and `whole`, and a formula
for both. The second is what is here. The two sums stand where the sums of the losses stand, in
the training's own record (run.py), so a training that was stopped goes on with them, and a `Metric`
in a model keeps nothing. On its own it adds up what `update_state` is given, as in Keras.

A reading order:

1. base.py              what a metric is, and how to write one
2. accuracy.py          the share of right answers
3. decisions.py         precision, recall, and the counts of yes and no
4. errors_of_outputs.py losses that are read as metrics
5. names.py             metrics by name
"""

from numcnn.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from numcnn.metrics.base import MeanMetric, Metric
from numcnn.metrics.decisions import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from numcnn.metrics.errors_of_outputs import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from numcnn.metrics.names import METRICS, get, serialize

__all__ = [
    "METRICS",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetric",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SquaredHinge",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "categorical_accuracy",
    "get",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]
