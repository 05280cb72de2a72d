"""Counts of yes and no, and what they say: precision and recall.

Where one answer in a hundred is a yes, always saying no is right in 99 of them. Two questions see
through that. Of those that were said to be a yes, how many are one? That is the precision. Of those
that are one, how many were found? That is the recall. With the four counts

    true positives: said yes, is yes       false positives: said yes, is no
    false negatives: said no, is yes       true negatives: said no, is no

precision = TP / (TP + FP) and recall = TP / (TP + FN). Both are quotients of counts over all
samples. The mean of the batches' quotients is another number: a batch without a yes would count as
much as one full of them.
"""

from typing import Any

import numpy as np

from numcnn.errors import ShapeError
from numcnn.metrics.base import Array, Metric


def decided(
    y_true: Array,
    y_pred: Array,
    threshold: float | None,
    top_k: int | None = None,
    class_id: int | None = None,
) -> tuple[Array, Array]:
    """Return (what is a yes, what is said to be one).

    Math:
        said = y_pred > threshold; with top_k only where y_pred is among the k greatest of its row

    Shapes:
        y_true, y_pred: (N, ...), the same; with class_id both become the column of that class

    Example:
        >>> decided(np.array([[1, 0]]), np.array([[0.9, 0.6]]), 0.7)
        (array([[ True, False]]), array([[ True, False]]))
    """
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"Targets of shape {y_true.shape} and outputs of shape {y_pred.shape} do not fit: this "
            "metric needs a 0 or 1 for each output."
        )
    said = np.ones(y_pred.shape, bool) if threshold is None else y_pred > threshold
    if top_k is not None:
        places = np.argsort(-y_pred, axis=-1, kind="stable").argsort(axis=-1, kind="stable")
        said = said & (places < top_k)
    true = y_true != 0
    if class_id is not None and y_pred.ndim < 2:
        raise ShapeError(
            f"class_id={class_id} asks for one of several outputs of a sample; the outputs have "
            f"the shape {y_pred.shape}, one number for each."
        )
    if class_id is not None:
        true, said = true[..., class_id], said[..., class_id]
    return true, said


class Decision(Metric):
    """The base of metrics that look at yes and no.

    Math:
        said = y_pred > thresholds, 0.5 by default

    Shapes:
        y_true, y_pred: (N, ...), the same

    Args:
        thresholds: what an output has to be above to mean yes; one number.
        name: what the history calls it.

    Example:
        >>> Decision(0.7).threshold
        0.7
    """

    def __init__(
        self, thresholds: float | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)
        if (
            isinstance(thresholds, (list, tuple))
            and len(thresholds) == 1
            and None not in thresholds
        ):
            thresholds = thresholds[0]
        if isinstance(thresholds, (list, tuple)) or not 0 <= (thresholds or 0) <= 1:
            raise ValueError(
                f"thresholds must be one number from 0 to 1, got {thresholds!r}. Use a metric for "
                "each of several."
            )
        self.thresholds = thresholds

    @property
    def threshold(self) -> float | None:
        """What an output has to be above to mean yes."""
        return 0.5 if self.thresholds is None else self.thresholds


class Chosen(Decision):
    """The base of `Precision` and `Recall`, which can look at the greatest outputs, or one class.

    Math:
        said = y_pred > thresholds, and with top_k among the k greatest of its row

    Shapes:
        y_true, y_pred: (N, ...), the same

    Args:
        thresholds: what an output has to be above to mean yes; 0.5, but with top_k none.
        top_k: how many of the greatest outputs of a sample mean yes, or None.
        class_id: the class to look at alone, or None.
        name: what the history calls it.

    Example:
        >>> Chosen(top_k=2).threshold is None
        True
    """

    def __init__(
        self,
        thresholds: float | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name, dtype)
        self.top_k, self.class_id = top_k, class_id

    @property
    def threshold(self) -> float | None:
        """What an output has to be above to mean yes."""
        return None if self.top_k and self.thresholds is None else super().threshold

    def decided(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Return (what is a yes, what is said to be one)."""
        return decided(y_true, y_pred, self.threshold, self.top_k, self.class_id)


class Precision(Chosen):
    """Of those that were said to be a yes, the share of those that are one.

    Math:
        TP / (TP + FP), counted over all samples; 0 where nothing was said to be a yes

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Args:
        thresholds, top_k, class_id, name: see `Chosen`.

    Example:
        Three were said to be a yes, and one is.

        >>> Precision()([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.2])
        0.3333333333333333
    """

    default_name = "precision"

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return TP and TP + FP."""
        true, said = self.decided(y_true, y_pred)
        return (true & said).sum(), said.sum()


class Recall(Chosen):
    """Of those that are a yes, the share of those that were found.

    Math:
        TP / (TP + FN), counted over all samples; 0 where nothing is a yes

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Args:
        thresholds, top_k, class_id, name: see `Chosen`.

    Example:
        Two are a yes, and one was found.

        >>> Recall()([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.2])
        0.5
    """

    default_name = "recall"

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return TP and TP + FN."""
        true, said = self.decided(y_true, y_pred)
        return (true & said).sum(), true.sum()


class TruePositives(Decision):
    """How many are a yes and were said to be a yes.

    Math:
        the sum of (true & said)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> TruePositives()([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.2])
        1.0
    """

    default_name = "true_positives"
    kind = "sum"

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return the number, and how many there are in all."""
        true, said = decided(y_true, y_pred, self.threshold)
        return (true & said).sum(), true.size


class FalsePositives(Decision):
    """How many are a no and were said to be a yes.

    Math:
        the sum of (~true & said)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> FalsePositives()([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.2])
        2.0
    """

    default_name = "false_positives"
    kind = "sum"

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return the number, and how many there are in all."""
        true, said = decided(y_true, y_pred, self.threshold)
        return (~true & said).sum(), true.size


class TrueNegatives(Decision):
    """How many are a no and were said to be a no.

    Math:
        the sum of (~true & ~said)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> TrueNegatives()([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.2])
        0.0
    """

    default_name = "true_negatives"
    kind = "sum"

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return the number, and how many there are in all."""
        true, said = decided(y_true, y_pred, self.threshold)
        return (~true & ~said).sum(), true.size


class FalseNegatives(Decision):
    """How many are a yes and were said to be a no.

    Math:
        the sum of (true & ~said)

    Shapes:
        y_true, y_pred: (N, ...), the same     result: a number

    Example:
        >>> FalseNegatives()([0, 1, 0, 1], [0.9, 0.8, 0.7, 0.2])
        1.0
    """

    default_name = "false_negatives"
    kind = "sum"

    def counts(self, y_true: Array, y_pred: Array) -> tuple[float, float]:
        """Return the number, and how many there are in all."""
        true, said = decided(y_true, y_pred, self.threshold)
        return (true & ~said).sum(), true.size
