"""Which class is taken for which."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn.plotting.check import (
    Array,
    Labels,
    as_labels,
    as_names,
    check_same_length,
    list_of_names,
)
from numcnn.plotting.style import (
    BROWN,
    FAINT,
    INK,
    MUTED,
    ORANGE,
    SMALL,
    TEXT,
    WIDTH,
    colour_map,
    new_axes,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_matrix(
    y_true: Labels, y_pred: Labels, class_names: Sequence[str] | None = None
) -> "Figure":
    """Draw how often each true class was taken for each other class.

    Colour shows only the mistakes, so the large diagonal does not drown them.

    Args:
        y_true: the true classes, N integers or (N, C) one-hot.
        y_pred: the predicted classes, N integers or (N, C) probabilities.
        class_names: C names; by default the class numbers.

    Returns:
        A figure with the counts, and at the right the error of each true class.

    Raises:
        ShapeError: the two do not have the same length.
        ValueError: a label is out of range.

    Example:
        >>> figure = confusion_matrix([0, 1, 1], [0, 1, 0])
        >>> figure.texts[0].get_text()
        '33.33% error: 1 of 3 wrong'
    """
    named = len(list_of_names(class_names)) if class_names is not None else None
    truth, guess = as_labels("y_true", y_true, named), as_labels("y_pred", y_pred, named)
    widths = [np.shape(y)[1] for y in (y_true, y_pred) if np.ndim(y) == 2]
    n = named or int(max(truth.max() + 1, guess.max() + 1, *widths, 1))
    counts, names = confusion_counts(truth, guess, n), as_names(class_names, n)
    mistakes = np.where(np.eye(n, dtype=bool), 0, counts)
    total, wrong, most = int(counts.sum()), int(mistakes.sum()), int(mistakes.max())
    widest = max(map(len, names))
    left, below = 0.85 + 0.09 * widest, 0.6 if widest <= 3 else 0.6 + 0.07 * widest
    cell = min(0.62, (WIDTH - left - 0.95) / n)
    title = f"{100 * wrong / total:.2f}% error: {wrong:,} of {total:,} wrong"
    note = f"colour shows mistakes only (darkest cell: {most:,}); grey cells are right answers"
    note = note if wrong else "every answer is right"
    figure = new_figure(n * cell + below + 0.25, title, note)
    axes = new_axes(figure, left, below, n * cell, n * cell)
    shades = np.ma.masked_array(mistakes, np.eye(n, dtype=bool))
    axes.imshow(shades, cmap=colour_map("white", ORANGE, BROWN), vmin=0, vmax=max(most, 1))
    if n <= 30:
        size = min(TEXT, 72 * cell / (0.75 * max(3, len(f"{counts.max():,}"))))
        for (i, j), count in np.ndenumerate(counts):
            color = "white" if mistakes[i, j] > 0.45 * most else INK if count else "#a0a0a0"
            bold = "bold" if i == j else "normal"
            axes.text(
                j, i, f"{count:,}", ha="center", va="center", color=color, size=size, weight=bold
            )
        errors = [
            f"{100 * m / row:.1f}%" if row else "none"
            for m, row in zip(mistakes.sum(axis=1), counts.sum(axis=1), strict=True)
        ]
        for i, text in enumerate(["error", *errors], start=-1):
            y, size = (i, min(SMALL, size + 1)) if i >= 0 else (-0.5 - 0.15 / cell, SMALL)
            axes.text(n - 0.5 + 0.15 / cell, y, text, va="center", color=MUTED, size=size)
    ticks = range(0, n, math.ceil(0.22 / cell))
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    turned = turned if widest > 3 else {}
    axes.set_xticks(ticks, [names[i] for i in ticks], parse_math=False, **turned)
    axes.set_yticks(ticks, [names[i] for i in ticks], parse_math=False)
    axes.tick_params(length=0, labelsize=TEXT if cell > 0.3 else SMALL, labelcolor=INK)
    noun = "digit" if class_names is None and n <= 10 else "class"
    axes.set_xlabel(f"predicted {noun}", fontsize=TEXT, color=MUTED)
    axes.set_ylabel(f"true {noun}", fontsize=TEXT, color=MUTED)
    axes.spines[:].set_color(FAINT)
    return figure


def confusion_counts(y_true: Labels, y_pred: Labels, n_classes: int) -> Array:
    """Count how often class i (row) was predicted as class j (column).

    Args:
        y_true: the true classes, N integers or (N, C) one-hot.
        y_pred: the predicted classes, N integers or (N, C) probabilities.
        n_classes: C.

    Returns:
        An int64 array (C, C); its sum is N and its diagonal holds the right answers.

    Raises:
        ShapeError: the two do not have the same length.
        ValueError: a label is not in 0..C-1.

    Example:
        >>> confusion_counts([0, 1, 1], [0, 1, 0], 2).tolist()
        [[1, 0], [1, 1]]
    """
    truth, guess = as_labels("y_true", y_true, n_classes), as_labels("y_pred", y_pred, n_classes)
    check_same_length(y_true=truth, y_pred=guess)
    flat = np.bincount(truth * n_classes + guess, minlength=n_classes**2)
    return flat.reshape(n_classes, n_classes).astype(np.int64)
