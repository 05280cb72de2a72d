"""A learning rate that knows its optimizer, for programs that take it for a variable."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numcnn.optimizers.base import Optimizer


class Rate(float):
    """A number, as `optimizer.learning_rate` gives it; `assign` changes it in the optimizer.

    The number itself stays what it is, as numbers do: read it anew. Copied or stored it is a float.

    Example:
        >>> from numcnn.optimizers import SGD
        >>> sgd = SGD(learning_rate=0.5)
        >>> sgd.lr.assign(sgd.lr * 0.5)
        >>> sgd.lr
        0.25
    """

    __slots__ = ("_optimizer",)
    _optimizer: "Optimizer"

    def __new__(cls, value: float, optimizer: "Optimizer") -> "Rate":
        """Make one."""
        rate = super().__new__(cls, value)
        rate._optimizer = optimizer
        return rate

    def assign(self, value: Any) -> None:
        """Set the optimizer's learning rate."""
        self._optimizer.learning_rate = float(value)

    def numpy(self) -> float:
        """Return the plain number, as a tensor's `numpy()` does."""
        return float(self)

    def get_value(self) -> float:
        """Return the plain number, as a variable of Theano does."""
        return float(self)

    def __reduce__(self) -> Any:
        return float, (float(self),)

    def __copy__(self) -> float:
        return float(self)

    def __deepcopy__(self, memo: Any) -> float:
        return float(self)
