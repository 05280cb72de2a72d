"""Keras's functions of numbers: what a metric or a loss of one's own calls.

    def mean_error(y_true, y_pred):
        return K.mean(K.abs(y_true - y_pred), axis=-1)

There is no graph: each function computes at once, with NumPy, in the type that it is given, and
returns an array. So all functions of NumPy may stand beside them. Where a division or a logarithm
would leave the numbers, Keras's epsilon stands in, as there.
"""

from typing import Any

import numpy as np

from numcnn.backend.settings import epsilon, floatx

Array = np.ndarray[Any, Any]

# ---- numbers of an array, along axes -------------------------------------------------------------


def _floats(x: Any) -> Array:
    """Return x; truth values and whole numbers as numbers of floatx, which have a mean."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(floatx())


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the sum along axes."""
    x = np.asarray(x)
    return np.sum(x if x.dtype.kind != "b" else _floats(x), axis=_axes(axis), keepdims=keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean along axes; of truth values the share of those that are true.

    Example:
        >>> mean(equal([1, 2, 3, 4], [1, 2, 3, 5])).item()
        0.75
    """
    return np.mean(_floats(x), axis=_axes(axis), keepdims=keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the product along axes."""
    return np.prod(x, axis=_axes(axis), keepdims=keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the greatest along axes."""
    return np.max(x, axis=_axes(axis), keepdims=keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the least along axes."""
    return np.min(x, axis=_axes(axis), keepdims=keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the variance along axes."""
    return np.var(_floats(x), axis=_axes(axis), keepdims=keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the standard deviation along axes."""
    return np.std(_floats(x), axis=_axes(axis), keepdims=keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return whether one is true."""
    return np.any(x, axis=_axes(axis), keepdims=keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return whether all are true."""
    return np.all(x, axis=_axes(axis), keepdims=keepdims)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return log(sum(exp(x))), without overflow."""
    x, axis = _floats(x), _axes(axis)
    top = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def argmax(x: Any, axis: int = -1) -> Any:
    """Return the place of the greatest along an axis."""
    return np.argmax(x, axis=axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Return the place of the least along an axis."""
    return np.argmin(x, axis=axis)


def cumsum(x: Any, axis: int = 0) -> Array:
    """Return the sums of the first, the first two, the first three ... along an axis."""
    return np.cumsum(x, axis=axis)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


# ---- number by number ------------------------------------------------------------------------


def abs(x: Any) -> Any:
    """Return the size of each number."""
    return np.abs(x)


def square(x: Any) -> Any:
    """Return x * x."""
    return np.square(x)


def sqrt(x: Any) -> Any:
    """Return the root; of what is below 0 it is 0, as in Keras."""
    return np.sqrt(np.maximum(_floats(x), 0))


def exp(x: Any) -> Any:
    """Return e ** x."""
    return np.exp(_floats(x))


def log(x: Any) -> Any:
    """Return the natural logarithm."""
    return np.log(_floats(x))


def pow(x: Any, a: Any) -> Any:
    """Return x ** a."""
    return np.power(x, a)


def sign(x: Any) -> Any:
    """Return -1, 0 or 1."""
    return np.sign(x)


def sin(x: Any) -> Any:
    """Return the sine."""
    return np.sin(_floats(x))


def cos(x: Any) -> Any:
    """Return the cosine."""
    return np.cos(_floats(x))


def round(x: Any) -> Any:
    """Return the nearest whole numbers; a half goes to the even one."""
    return np.round(x)


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """Return x, not below min_value nor above max_value; None for no bound."""
    if min_value is None and max_value is None:
        return np.asarray(x)
    return np.clip(x, min_value, max_value)


def maximum(x: Any, y: Any) -> Any:
    """Return the greater of both."""
    return np.maximum(x, y)


def minimum(x: Any, y: Any) -> Any:
    """Return the lesser of both."""
    return np.minimum(x, y)


def equal(x: Any, y: Any) -> Any:
    """Return where both are equal."""
    return np.equal(x, y)


def not_equal(x: Any, y: Any) -> Any:
    """Return where they are not equal."""
    return np.not_equal(x, y)


def greater(x: Any, y: Any) -> Any:
    """Return where x > y."""
    return np.greater(x, y)


def greater_equal(x: Any, y: Any) -> Any:
    """Return where x >= y."""
    return np.greater_equal(x, y)


def less(x: Any, y: Any) -> Any:
    """Return where x < y."""
    return np.less(x, y)


def less_equal(x: Any, y: Any) -> Any:
    """Return where x <= y."""
    return np.less_equal(x, y)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Return the one where the condition is true, else the other."""
    made = [e() if callable(e) else e for e in (then_expression, else_expression)]
    return np.where(condition, *made)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    x = _floats(x)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def hard_sigmoid(x: Any) -> Any:
    """Return 0.2 x + 0.5, not below 0 nor above 1: Keras 2's."""
    return np.clip(0.2 * _floats(x) + np.asarray(0.5, _floats(x).dtype), 0, 1)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    return np.tanh(_floats(x))


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x))."""
    return np.logaddexp(_floats(x), 0).astype(_floats(x).dtype)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0) -> Any:
    """Return x where it reaches the threshold, else alpha * (x - threshold); max_value at most."""
    x = _floats(x)
    y = np.where(x >= threshold, x, (alpha * (x - threshold)).astype(x.dtype))
    return y if max_value is None else np.minimum(y, np.asarray(max_value, x.dtype))


def softmax(x: Any, axis: int = -1) -> Array:
    """Return exp(x) divided by its sum along an axis."""
    x = _floats(x)
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return np.asarray(e / np.sum(e, axis=axis, keepdims=True))


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Return x divided by its length along axes."""
    x = _floats(x)
    squares = np.sum(np.square(x), axis=_axes(axis), keepdims=True)
    return x / np.sqrt(np.maximum(squares, np.asarray(1e-12, x.dtype)))


# ---- losses ----------------------------------------------------------------------------------


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return -t log(p) - (1 - t) log(1 - p), number by number."""
    p, t = _inside(sigmoid(output) if from_logits else output), np.asarray(target)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return -sum(t log(p)) along an axis, with p divided by its sum."""
    p = softmax(output, axis) if from_logits else _floats(output)
    p = _inside(p / np.sum(p, axis=axis, keepdims=True))
    return -np.sum(np.asarray(target) * np.log(p), axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return -log(p[t]), for class numbers t."""
    p = np.moveaxis(softmax(output, axis) if from_logits else _floats(output), axis, -1)
    t = np.asarray(target).astype(np.intp).reshape(p.shape[:-1])
    return -np.log(_inside(np.take_along_axis(p, t[..., None], -1)[..., 0]))


def _inside(p: Any) -> Any:
    p = _floats(p)
    return np.clip(p, np.asarray(epsilon(), p.dtype), np.asarray(1 - epsilon(), p.dtype))
