"""Metrics that are losses: the same number, read and not trained on.

A loss that is a metric as well is the mean over all samples of an epoch. The cosine alone differs:
as a loss it has a minus, so that training raises it; as a metric it has none.
"""

from typing import Any

import numpy as np

from numcnn import losses
from numcnn.losses import Loss
from numcnn.metrics.base import Array, MeanMetric


class LossMetric(MeanMetric):
    """The base of metrics that are losses.

    Math:
        the mean of loss[n] over all samples

    Shapes:
        y_true, y_pred: those of the loss     result: a number

    Example:
        >>> MeanSquaredError()([[0.0]], [[2.0]])
        4.0
    """

    loss: type[Loss] = Loss
    sign = 1

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(None, name, dtype)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each sample."""
        return self.sign * self.loss().value(y_true, y_pred.astype(np.float64))


class MeanSquaredError(LossMetric):
    """The mean of `losses.MeanSquaredError` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> MeanSquaredError()([[0.0, 0.0]], [[1.0, 3.0]])
        5.0
    """

    default_name = "mean_squared_error"
    loss = losses.MeanSquaredError


class MeanAbsoluteError(LossMetric):
    """The mean of `losses.MeanAbsoluteError` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> MeanAbsoluteError()([[0.0, 0.0]], [[1.0, 3.0]])
        2.0
    """

    default_name = "mean_absolute_error"
    loss = losses.MeanAbsoluteError


class MeanAbsolutePercentageError(LossMetric):
    """The mean of `losses.MeanAbsolutePercentageError` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> MeanAbsolutePercentageError()([[2.0, 10.0]], [[3.0, 9.0]])
        30.0
    """

    default_name = "mean_absolute_percentage_error"
    loss = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of `losses.MeanSquaredLogarithmicError` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> MeanSquaredLogarithmicError()([[1.0]], [[1.0]])
        0.0
    """

    default_name = "mean_squared_logarithmic_error"
    loss = losses.MeanSquaredLogarithmicError


class LogCoshError(LossMetric):
    """The mean of `losses.LogCosh` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> LogCoshError()([[0.0]], [[0.0]])
        0.0
    """

    default_name = "logcosh"
    loss = losses.LogCosh


class Hinge(LossMetric):
    """The mean of `losses.Hinge` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> Hinge()([[1.0, -1.0]], [[-1.0, -0.5]])
        1.25
    """

    default_name = "hinge"
    loss = losses.Hinge


class SquaredHinge(LossMetric):
    """The mean of `losses.SquaredHinge` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> SquaredHinge()([[1.0, -1.0]], [[-1.0, -0.5]])
        2.125
    """

    default_name = "squared_hinge"
    loss = losses.SquaredHinge


class CategoricalHinge(LossMetric):
    """The mean of `losses.CategoricalHinge` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> CategoricalHinge()([[0.0, 1.0]], [[2.0, 1.5]])
        1.5
    """

    default_name = "categorical_hinge"
    loss = losses.CategoricalHinge


class KLDivergence(LossMetric):
    """The mean of `losses.KLDivergence` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])
        0.0
    """

    default_name = "kl_divergence"
    loss = losses.KLDivergence


class Poisson(LossMetric):
    """The mean of `losses.Poisson` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> Poisson()([[0.0]], [[1.0]])
        1.0
    """

    default_name = "poisson"
    loss = losses.Poisson


class CosineSimilarity(LossMetric):
    """The mean of `losses.CosineSimilarity` over all samples, with the sign of the cosine.

    Math:
        the mean of -loss[n]

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> CosineSimilarity()([[2.0, 0.0]], [[0.5, 0.0]])
        1.0
    """

    default_name = "cosine_similarity"
    loss = losses.CosineSimilarity
    sign = -1


class RootMeanSquaredError(LossMetric):
    """The root of the mean squared error over all samples: an error in the targets' unit.

    Math:
        sqrt(the mean of loss[n]); not the mean of the samples' roots

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]])  # sqrt((1 + 49) / 2)
        5.0
    """

    default_name = "root_mean_squared_error"
    loss = losses.MeanSquaredError
    kind = "root"


class CategoricalCrossentropy(LossMetric):
    """The mean of `losses.CategoricalCrossentropy` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: those of the loss     result: a number

    Args:
        from_logits, label_smoothing: see the loss.
        name: what the history calls it.

    Example:
        >>> round(CategoricalCrossentropy()([[1.0, 0.0]], [[0.25, 0.75]]), 4)  # log 4
        1.3863
    """

    default_name = "categorical_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = bool(from_logits)
        self.label_smoothing = label_smoothing
        self.made = losses.CategoricalCrossentropy(from_logits, label_smoothing)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each sample."""
        return self.made.value(y_true, y_pred.astype(np.float64))


class BinaryCrossentropy(LossMetric):
    """The mean of `losses.BinaryCrossentropy` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: those of the loss     result: a number

    Args:
        from_logits, label_smoothing: see the loss.
        name: what the history calls it.

    Example:
        >>> round(BinaryCrossentropy()([[1.0, 0.0]], [[0.25, 0.75]]), 4)  # log 4
        1.3863
    """

    default_name = "binary_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = bool(from_logits)
        self.label_smoothing = label_smoothing
        self.made = losses.BinaryCrossentropy(from_logits, label_smoothing)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each sample."""
        return self.made.value(y_true, y_pred.astype(np.float64))


class SparseCategoricalCrossentropy(LossMetric):
    """The mean of `losses.SparseCategoricalCrossentropy` over all samples.

    Math:
        the mean of loss[n]

    Shapes:
        y_true, y_pred: those of the loss     result: a number

    Args:
        from_logits: see the loss.
        name: what the history calls it.

    Example:
        >>> round(SparseCategoricalCrossentropy()([0], [[0.25, 0.75]]), 4)  # log 4
        1.3863
    """

    default_name = "sparse_categorical_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = bool(from_logits)
        self.made = losses.SparseCategoricalCrossentropy(from_logits)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each sample."""
        return self.made.value(y_true, y_pred.astype(np.float64))
