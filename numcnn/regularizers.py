"""Regularizers: a price for large weights, which is added to the loss.

A network with many weights can learn its samples by heart, noise and all. To draw a wild curve
through every point takes large weights that cancel each other; a smooth one does with small ones.
So weights are made to cost something, and only those that lower the loss by more than their price
grow. Where w is a weight,

    L2     l2 * w**2, with the slope 2 * l2 * w: large weights are pulled hard, small ones hardly.
    L1     l1 * |w|, with the slope l1 * sign(w): all are pulled alike, and many end at about 0.

The price is in the loss that is shown, of training and of evaluation. It is not divided by the
number of samples. Weights of layers that are frozen cost nothing.

What a layer gives out can have a price, too, its `activity_regularizer`: with L1 few of its units
answer to any one sample. For a batch of N samples, in training and in evaluation,

    price = r(y) / N        dy += ∂r/∂y / N

which is the mean price of a sample. It asks neither for a sample's weight nor whether the layer is
frozen: so does Keras.
"""

from typing import Any

import numpy as np

from numcnn.errors import DTypeError, reject_unknown_keywords, unknown_name

Array = np.ndarray[Any, Any]


class Regularizer:
    """The base of all regularizers; one of your own defines `__call__(w)` and `gradient(w)`.

    Math:
        price = r(w), any number; dw = ∂price/∂w

    Shapes:
        w, dw: any, the same     price: a number

    Example:
        >>> class Fourth(Regularizer):
        ...     def __call__(self, w):
        ...         return float((w**4).sum())
        ...
        ...     def gradient(self, w):
        ...         return 4 * w**3
        >>> Fourth()(np.array([1.0, 2.0])), Fourth().gradient(np.array([1.0, 2.0]))
        (17.0, array([ 4., 32.]))
    """

    def __call__(self, w: Array) -> float:
        """Return the price of a parameter."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(w).")

    def gradient(self, w: Array) -> Array:
        """Return the derivative of the price with respect to w, in w's shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__} does not define gradient(w).")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this regularizer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Regularizer":
        """Return the regularizer that `get_config` described."""
        return cls(**config)


class L1L2(Regularizer):
    """A price for the size of weights and for its square.

    Math:
        price = l1 * sum of |w| + l2 * sum of w**2
        dw = l1 * sign(w) + 2 * l2 * w

    Shapes:
        w, dw: any, the same     price: a number

    Args:
        l1: the price of |w|, at least 0. l2: that of w**2.

    Reference:
        Krogh and Hertz, "A simple weight decay can improve generalization", NIPS 1991.

    Example:
        >>> price, w = L1L2(l1=0.5, l2=0.25), np.array([2.0, -4.0])
        >>> price(w), price.gradient(w)  # 0.5 * 6 + 0.25 * 20
        (8.0, array([ 1.5, -2.5]))
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1, self.l2 = _price("l1", l1), _price("l2", l2)

    def __call__(self, w: Array) -> float:
        """Return the price of a parameter."""
        wide = w.astype(np.float64)
        return float(self.l1 * np.abs(wide).sum() + self.l2 * (wide**2).sum())

    def gradient(self, w: Array) -> Array:
        """Return l1 * sign(w) + 2 * l2 * w."""
        dw: Array = self.l1 * np.sign(w) + 2 * self.l2 * w
        return dw

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this regularizer again."""
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """A price for the size of weights: many of them end at about 0.

    Math:
        price = l1 * sum of |w|, dw = l1 * sign(w)

    Shapes:
        w, dw: any, the same     price: a number

    Args:
        l1: the price, at least 0.

    Example:
        >>> L1(0.5)(np.array([2.0, -4.0])), L1(0.5).gradient(np.array([2.0, -4.0]))
        (3.0, array([ 0.5, -0.5]))
    """

    def __init__(self, l1: float = 0.01, **kwargs: Any) -> None:
        super().__init__(l1=_old("L1", l1, kwargs))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this regularizer again."""
        return {"l1": self.l1}


class L2(L1L2):
    """A price for the square of weights: none grows large.

    Math:
        price = l2 * sum of w**2, dw = 2 * l2 * w

    Shapes:
        w, dw: any, the same     price: a number

    Args:
        l2: the price, at least 0.

    Example:
        >>> L2(0.25)(np.array([2.0, -4.0])), L2(0.25).gradient(np.array([2.0, -4.0]))
        (5.0, array([ 1., -2.]))
    """

    def __init__(self, l2: float = 0.01, **kwargs: Any) -> None:
        super().__init__(l2=_old("L2", l2, kwargs))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this regularizer again."""
        return {"l2": self.l2}


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """Return an `L1L2`; the function has other defaults than the class, as in Keras.

    Example:
        >>> l1_l2().get_config()
        {'l1': 0.01, 'l2': 0.01}
    """
    return L1L2(l1, l2)


def _price(what: str, value: Any) -> float:
    number = 0.0 if value is None else value
    if isinstance(number, (bool, str)) or not isinstance(number, (int, float, np.number)):
        raise DTypeError(f"{what} of a regularizer must be a number, got {value!r}.")
    if not 0 <= number < np.inf:
        raise ValueError(f"{what} of a regularizer must be at least 0 and finite, got {value!r}.")
    return float(number)


def _old(owner: str, value: float, kwargs: dict[str, Any]) -> float:
    """Return the price, which Keras 2's functions l1 and l2 also called `l`."""
    found: float = kwargs.pop("l", value)
    reject_unknown_keywords(owner, kwargs, [owner.lower(), "l"])
    return found


l1, l2 = L1, L2
REGULARIZERS: dict[str, Any] = {
    "l1": L1, "l2": L2, "l1_l2": l1_l2, "l1l2": L1L2, "L1": L1, "L2": L2, "L1L2": L1L2,
}  # fmt: skip


def get(identifier: Any) -> Regularizer | None:
    """Return the regularizer that a name, a class, an object or None stands for.

    What `serialize` returned is taken as well.

    Example:
        >>> get("l2").get_config(), get(None) is None
        ({'l2': 0.01}, True)
    """
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    config: dict[str, Any] = {}
    if isinstance(identifier, dict) and {"class_name", "config"} <= identifier.keys():
        identifier, config = identifier["class_name"], identifier["config"]
    if isinstance(identifier, type) and issubclass(identifier, Regularizer):
        return identifier()
    if not isinstance(identifier, str) or identifier not in REGULARIZERS:
        raise unknown_name("regularizer", identifier, REGULARIZERS)
    made: Regularizer = REGULARIZERS[identifier](**config)
    return made


def serialize(regularizer: Regularizer) -> dict[str, Any]:
    """Return what `get` makes the regularizer of again.

    Example:
        >>> serialize(L2(0.5))
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    name = type(regularizer).__name__
    if REGULARIZERS.get(name) is not type(regularizer):
        raise DTypeError(f"The regularizer {name} is not one of numcnn's and cannot be saved.")
    return {"class_name": name, "config": regularizer.get_config()}
