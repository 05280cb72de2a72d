"""The three checks: of a layer, of a loss, of a whole model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np

from numcnn import losses, optimizers, seeds
from numcnn.data import as_targets
from numcnn.engine import make_engine
from numcnn.engine.prices import price_of, with_prices
from numcnn.engine.tail import split_tail
from numcnn.engine.upkeep import penalty
from numcnn.errors import DTypeError, NotCompiledError, ShapeError
from numcnn.gradcheck.measure import Measurement
from numcnn.gradcheck.report import ArrayReport, GradientReport
from numcnn.layers.base import Layer

Array = np.ndarray[Any, Any]


def check_layer(
    layer: Layer,
    x_or_shape: Any,
    *,
    seed: int = 0,
    eps: float = 1e-5,
    tolerance: float = 1e-6,
    max_entries: int = 200,
) -> GradientReport:
    """Compare a layer's backward with the slopes of its forward(training=True).

    Math:
        f = sum(y * dy) with a random dy; df/dx is compared with what backward returns and df/dp
        with what it sets in `grads`, for each parameter p.
        relative error = |a - n| / max(|a| + |n|, floor)    a: analytic, n: numeric
        floor = 2.2e-15 * max|y| * sqrt(sum(dy**2)) / h / tolerance: the slope that rounding alone
        can feign, divided by the tolerance. So a true zero passes, and a small gradient that is
        forgotten does not.

    Args:
        layer: any layer. Nothing of it is changed: a copy in float64 is checked, where parameters
            of equal numbers, such as a bias of zeros, get some noise.
        x_or_shape: a batch, or the shape of one, such as (2, 5, 5, 3). Of a shape a normal batch
            is drawn, and a second one of whole numbers with many ties; there all entries are moved
            together only.
        seed: of everything random here; NumPy's global state is left alone.
        eps: the first step h, times the largest number of the array if that is above 1.
        tolerance: the largest relative error that passes.
        max_entries: how many entries of each array are checked one by one.

    Returns:
        A `GradientReport`; `raise_if_wrong()` makes a test of it. Also wrong are: gradients that
        are missing, not finite or of another shape, a backward that changes its arguments or
        answers differently the second time, and outputs of another type or shape than promised.

    Raises:
        ShapeError: the batch is empty, or the layer was built for another shape.

    Example:
        A layer of your own, checked in a line:

        >>> from numcnn.layers import Layer
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.add_parameter("w", input_shape, "ones")
        ...     def forward(self, x, training=False):
        ...         self.kept = x
        ...         return x * self.params["w"]
        ...     def backward(self, dy):
        ...         self.grads["w"] = (dy * self.kept).mean(axis=0)  # wrong: a sum, not a mean
        ...         return dy * self.params["w"]
        >>> report = check_layer(Scale(), (2, 3))
        >>> report.ok, report.worst.array
        (False, 'w')
    """
    rng = np.random.default_rng(seed)
    x, drawn = _batch(x_or_shape, rng)
    with _own_randomness(seed):
        layer = _in_float64(layer, x.shape[1:], rng)

        def run() -> list[Array]:
            return [layer.forward(x, training=True)]

        # Another batch goes first, so that a layer which remembers too long is found out.
        layer.backward(layer.forward(x[::-1], training=True))
        layer.grads = {}
        y = layer.forward(x, training=True)
        dy = np.asarray(rng.standard_normal(y.shape))
        report = GradientReport(f"{type(layer).__name__} {layer.name!r}", tolerance)
        grads = _backward(layer, x, y, dy, run, report.faults)
        measurement = Measurement(run, dy, rng, eps, tolerance, max_entries)
        for name, array in {"x": x, **layer.params}.items():
            if name in grads:
                report.arrays.append(measurement.array(name, array, grads[name]))
        if drawn and "x" in grads:
            x[...] = np.round(x)
            measurement = Measurement(run, dy, rng, eps, tolerance, max_entries)
            dx, ones = layer.backward(dy), np.ones(x.shape)
            tied = measurement.entry("x with ties", "all together", x, dx, ones)
            if not tied.aside:
                report.arrays.append(ArrayReport("x with ties", x.shape, [tied]))
    return report


def check_loss(
    loss: Any,
    y_true: Any,
    y_pred: Any,
    *,
    seed: int = 0,
    eps: float = 1e-5,
    tolerance: float = 1e-6,
    max_entries: int = 200,
) -> GradientReport:
    """Compare a loss's gradient with the slopes of the mean of its values.

    Args:
        loss: a `losses.Loss` or its name.
        y_true: the targets, as the loss wants them.
        y_pred: the outputs; the gradient is with respect to these.
        seed: see `check_layer`.
        eps: see `check_layer`.
        tolerance: see `check_layer`.
        max_entries: see `check_layer`.

    Raises:
        ShapeError: there is no sample.

    Example:
        >>> check_loss("mse", np.zeros((2, 3)), np.arange(6.0).reshape(2, 3)).ok
        True
    """
    loss = losses.get(loss)
    rng = np.random.default_rng(seed)
    (p, _), y = _batch(np.asarray(y_pred), rng), np.asarray(y_true)
    report = GradientReport(type(loss).__name__, tolerance)
    values = np.asarray(loss.value(y, p))
    if values.shape != p.shape[:1]:
        report.faults.append(f"value returns the shape {values.shape}, expected {p.shape[:1]}.")
        return report
    before = p.copy(), y.copy()
    dp = loss.gradient(y, p)
    if not (np.array_equal(before[0], p) and np.array_equal(before[1], y)):
        report.faults.append("value or gradient changes the arrays that it is given.")
    if _gradient_fits("y_pred", dp, p, report.faults):
        weights = np.full(len(p), 1 / len(p))
        measurement = Measurement(
            lambda: [loss.value(y, p), p], weights, rng, eps, tolerance, max_entries
        )
        report.arrays.append(measurement.array("y_pred", p, dp))
    return report


def check_model(
    model: Any,
    x: Any,
    y: Any,
    *,
    seed: int = 0,
    eps: float = 1e-5,
    tolerance: float = 1e-6,
    max_entries: int = 10,
) -> GradientReport:
    """Compare the gradients that a model trains with, from loss to first layer, with slopes.

    The gradients come from the model's engine, the slopes from its layers' own forward and the
    loss's own value, in float64 and with the dropout masks of the next step. Kinks are looked for
    in the outputs of all layers.

    Args:
        model: a compiled `Sequential`. Nothing of it is changed: copies of the layers are checked.
        x: a small batch; its gradient is checked too, under the name x. Noise of a hundredth of
            its largest number is added: where an image is flat, pooling windows hold only ties.
        y: the targets for it.
        seed: see `check_layer`.
        eps: see `check_layer`.
        tolerance: see `check_layer`.
        max_entries: see `check_layer`.

    Raises:
        NotCompiledError: the model has no loss yet.
        ShapeError: there is no sample.

    Example:
        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Dense(3, activation="tanh", input_shape=(4,)), Dense(2)])
        >>> model.compile(loss="mse", optimizer="sgd")
        >>> report = check_model(model, np.ones((2, 4)), np.zeros((2, 2)))
        >>> report.ok, [array.name for array in report.arrays]
        (True, ['x', 'dense/w', 'dense/b', 'dense_1/w', 'dense_1/b'])
    """
    if not model.compiled:
        raise NotCompiledError("check_model needs a loss: call model.compile(...) before it.")
    rng = np.random.default_rng(seed)
    (x, _), y = _batch(np.asarray(x), rng), np.asarray(y)
    if model.built:
        y = as_targets("y", y, model.loss, model.output_shape[1:])
    x += 0.01 * np.abs(x).max() * rng.standard_normal(x.shape)
    with _own_randomness(seed):
        layers: list[Layer] = [_Entrance(name="entrance", dtype="float64")]
        shape = x.shape[1:]
        layers[0].build_for(shape)
        for layer in model.layers:
            layers.append(_in_float64(layer, shape, rng))
            shape = layer.compute_output_shape(shape)
        engine = make_engine(model.engine_name, layers, model.loss, optimizers.SGD())
        body, loss, _ = split_tail(with_prices(layers), model.loss)

        def run() -> list[Array]:
            on_the_way = [x]
            for layer in body:
                on_the_way.append(layer.forward(on_the_way[-1], training=True))
            cost = penalty(layers) + price_of(body, on_the_way[1:])
            return [loss.value(y, on_the_way[-1]) + cost, *on_the_way]

        report = GradientReport(f"{type(model).__name__} {model.name!r}", tolerance)
        values, _ = engine.gradients(x, y)
        if not np.allclose(values + engine.penalty(), run()[0], rtol=1e-9, atol=1e-9):
            report.faults.append("the engine's losses are not those of the layers.")
        arrays: list[tuple[str, Array, Any]] = [("x", x, layers[0].grads.get("x"))]
        for layer in layers:
            for name in layer.params if layer.trainable else ():
                arrays.append((f"{layer.name}/{name}", layer.params[name], layer.grads.get(name)))
        arrays = [(name, param, deepcopy(gradient)) for name, param, gradient in arrays]
        weights = np.full(len(x), 1 / len(x))
        measurement = Measurement(run, weights, rng, eps, tolerance, max_entries)
        for name, param, gradient in arrays:
            if _gradient_fits(name, gradient, param, report.faults):
                report.arrays.append(measurement.array(name, param, gradient))
    return report


class _Entrance(Layer):
    """Stands before a model's first layer and writes down what arrives there: the gradient of x."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        self.grads["x"] = dy
        return dy


def _batch(x_or_shape: Any, rng: np.random.Generator) -> tuple[Array, bool]:
    """Return (the batch as a new float64 array, whether it was drawn)."""
    is_shape = isinstance(x_or_shape, tuple) and all(isinstance(n, int) for n in x_or_shape)
    if not is_shape and not isinstance(x_or_shape, np.ndarray):
        raise DTypeError(f"Expected an array or the shape of a batch, got {x_or_shape!r}.")
    x = np.array(rng.standard_normal(x_or_shape) if is_shape else x_or_shape, np.float64)
    if x.ndim == 0 or x.size == 0:
        raise ShapeError(f"A gradient check needs at least one sample, got the shape {x.shape}.")
    return x, is_shape


def _in_float64(layer: Layer, shape: tuple[int, ...], rng: np.random.Generator) -> Layer:
    """Return a copy of the layer in float64, built for samples of this shape.

    Parameters whose numbers are all the same get noise. A scale of ones hides that a backward
    forgot it, and with a bias of zeros the black border of an image stands on ReLU's kink.
    """
    if not isinstance(layer, Layer) or not hasattr(layer, "params"):
        raise DTypeError(
            f"Expected a layer whose __init__ calls super().__init__(**kwargs), got a "
            f"{type(layer).__name__}."
        )
    layer = layer.copy()
    layer.dtype, layer.kept, layer.grads = "float64", None, {}
    try:
        layer.build_for(shape)
    except ShapeError as error:
        raise ShapeError(
            f"{error} (The batch's first axis counts the samples, the others were {shape}.)"
        ) from None
    if layer.built_for != shape:
        raise ShapeError(f"{layer!r} was built for samples of {layer.built_for}, got {shape}.")
    for name, p in layer.params.items():
        noise = 0.1 * rng.standard_normal(p.shape) * np.where(p == 0, 1, p)
        layer.params[name] = p.astype(np.float64) + (noise if np.ptp(p) == 0 else 0)
    layer.statistics = {name: a.astype(np.float64) for name, a in layer.statistics.items()}
    return layer


def _backward(
    layer: Layer, x: Array, y: Array, dy: Array, run: Callable[[], list[Array]], faults: list[str]
) -> dict[str, Array]:
    """Return copies of the gradients that have the right shape; write down what else is wrong."""
    promised = (len(x), *layer.compute_output_shape(x.shape[1:]))
    if y.shape != promised:
        faults.append(f"forward returns the shape {y.shape}, compute_output_shape says {promised}.")
    if y.dtype != np.float64:
        faults.append(f"forward turns float64 into {y.dtype}; it must keep the type of x.")
    if not np.isfinite(y).all():
        faults.append("forward returns numbers that are not finite.")
    given = {"x": x, "dy": dy, **layer.params}
    before = deepcopy(given)
    answers: list[dict[str, Array]] = []
    for _ in range(2):  # the second time without a forward in between
        layer.grads = {}
        answers.append(deepcopy({"x": layer.backward(dy), **layer.grads}))
    for name, array in given.items():
        if not np.array_equal(array, before[name], equal_nan=True):
            faults.append(f"forward or backward changes {name} in place.")
            array[...] = before[name]
    if not np.array_equal(run()[0], y, equal_nan=True):
        faults.append("forward returns something else the second time.")
    first, second = answers
    arrays = {"x": x, **layer.params}
    for name in first.keys() - arrays.keys():
        faults.append(f"backward sets grads[{name!r}], but there is no such parameter.")
    good: dict[str, Array] = {}
    for name, array in arrays.items():
        if _gradient_fits(name, first.get(name), array, faults):
            good[name] = first[name]
            if not np.array_equal(first[name], second.get(name, np.nan)):
                faults.append(f"backward gives another gradient of {name} the second time.")
    return good


def _gradient_fits(name: str, gradient: Any, array: Array, faults: list[str]) -> bool:
    """Return whether a gradient can be compared; write down why not."""
    if gradient is None or np.shape(gradient) != array.shape:
        came = "is missing" if gradient is None else f"has the shape {np.shape(gradient)}"
        faults.append(f"the gradient of {name} {came}, expected {array.shape}.")
        return False
    if not np.isfinite(gradient).all():
        faults.append(f"the gradient of {name} has numbers that are not finite.")
        return False
    return True


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Let layers draw from a generator of the check's own, and put everything back."""
    numpy_state, own = np.random.get_state(), seeds._own
    seeds._own = np.random.default_rng(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        seeds._own = own
