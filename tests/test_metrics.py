"""Metrics: one number per sample, and a refusal of targets that do not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import losses, metrics
from numcnn.errors import ShapeError


@given(st.integers(0, 5), st.integers(1, 4), st.integers(0, 99))
def test_accuracies_count_right_answers(n, classes, seed):
    rng = np.random.default_rng(seed)
    p, labels = rng.random((n, classes)), rng.integers(0, classes, n)
    right = [
        float(max(range(classes), key=row.__getitem__) == k)
        for row, k in zip(p, labels, strict=True)
    ]
    one_hot = np.eye(classes)[labels]
    assert metrics.categorical_accuracy(one_hot, p).tolist() == right
    assert metrics.sparse_categorical_accuracy(labels, p).tolist() == right
    assert metrics.sparse_categorical_accuracy(labels[:, None], p).tolist() == right


def test_binary_accuracy_decides_at_one_half():
    y = np.array([[1, 0], [1, 0], [0, 1]])
    p = np.array([[0.51, 0.49], [0.49, 0.5], [0.5, 0.5]])
    assert metrics.binary_accuracy(y, p).tolist() == [1.0, 0.5, 0.5]
    assert metrics.binary_accuracy(y, p, threshold=0.1).tolist() == [0.5, 0.5, 0.5]


def test_targets_of_another_shape_are_refused():
    p = np.ones((3, 3)) / 3
    for metric, y in (
        (metrics.categorical_accuracy, np.zeros(3)),
        (metrics.sparse_categorical_accuracy, np.eye(3)),
        (metrics.binary_accuracy, np.zeros(3)),
    ):
        with pytest.raises(ShapeError, match=rf"{metric.__name__}.*needs targets of shape"):
            metric(y, p)


@pytest.mark.parametrize("name", metrics.METRICS)
def test_names_of_metrics_are_those_of_their_functions(name):
    assert metrics.get(name, losses.get("mse"), (3,)) == (name, getattr(metrics, name))


@pytest.mark.parametrize("word", ["acc", "accuracy"])
@pytest.mark.parametrize(
    ("loss", "units", "name"),
    [
        ("categorical_crossentropy", 3, "categorical_accuracy"),
        ("sparse_categorical_crossentropy", 3, "sparse_categorical_accuracy"),
        ("binary_crossentropy", 3, "binary_accuracy"),
        ("mse", 1, "binary_accuracy"),
        ("mse", 3, "categorical_accuracy"),
    ],
)
def test_accuracy_means_the_one_that_fits(word, loss, units, name):
    found = metrics.get(word, losses.get(loss), (units,))
    assert found == (word, metrics.METRICS[name])


def test_what_is_no_metric():
    for wrong in ("acuracy", 5, None):
        with pytest.raises(ValueError, match=r"Unknown metric .*Known: acc, accuracy"):
            metrics.get(wrong, losses.get("mse"), (1,))
