"""What a loss is: a value for each sample, and the gradient of their mean."""

import copy
from typing import Any, ClassVar

import numpy as np

from numcnn.errors import ShapeError, reject_unknown_keywords

Array = np.ndarray[Any, Any]


class Loss:
    """The base of all losses; one of your own defines `value` and `gradient`.

    Attributes:
        activation: the last activation that this loss can take over, by name, or ''.
        from_logits: whether the outputs are scores before that activation.
    """

    name: ClassVar[str] = "loss"
    activation: ClassVar[str] = ""
    from_logits: bool = False

    def __init__(self, name: str | None = None, **unknown: Any) -> None:
        allowed = ["name", "from_logits"] if self.activation else ["name"]
        reject_unknown_keywords(type(self).__name__, unknown, allowed)

    def value(self, y: Array, p: Array) -> Array:
        """Return the loss of each sample, (N,), in float64."""
        raise NotImplementedError(f"{type(self).__name__} does not define value(y, p).")

    def gradient(self, y: Array, p: Array) -> Array:
        """Return the derivative of the mean loss with respect to p, in p's shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__} does not define gradient(y, p).")

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """Return the mean loss, as Keras's loss objects do."""
        return float(self.value(np.asarray(y_true), np.asarray(y_pred)).mean())

    def on_logits(self) -> "Loss":
        """Return the same loss for scores instead of activated outputs."""
        twin = copy.copy(self)
        twin.from_logits = True
        return twin

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        return {"from_logits": self.from_logits} if self.activation else {}


def check_same_shape(y: Array, p: Array) -> None:
    """Raise a ShapeError unless there is one target for each output."""
    if y.shape != p.shape:
        raise ShapeError(
            f"Targets of shape {y.shape} and outputs of shape {p.shape} do not fit: this loss "
            "needs the same shape for both."
        )


def per_sample(losses: Array) -> Array:
    """Return the mean over all axes but the first."""
    mean: Array = losses.mean(axis=tuple(range(1, losses.ndim)))
    return mean
