"""What every layer promises, each promise as a function that raises where it is broken.

All take the layer, built or not, and a batch or the shape of one, of which a normal batch is drawn.
The layer itself is left as it is: copies are checked. Except in `check_shapes` they compute in
float64, where rounding is 1e-16 and the faults looked for are not; so 1e-9 parts the two.
"""

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, GradientError, NumcnnError, PropertyError, ShapeError
from numcnn.gradcheck import check_layer
from numcnn.layers.base import Layer
from numcnn.seeds import given_back
from numcnn.testing.layouts import LAYOUTS, in_layout

Array = np.ndarray[Any, Any]
ROUNDING = 1e-9


def check_shapes(layer: Layer, x_or_shape: Any, *, seed: int = 0) -> None:
    """Check shapes and types: of y, of dx, of each gradient; for the batch and for none.

    y has the shape that compute_output_shape promises, dx that of x, each gradient that of its
    parameter. float32 stays float32 and float64 float64. Without samples there are the same shapes
    with N = 0, and gradients of zeros.

    Raises:
        PropertyError: one of these is not so.

    Example:
        >>> from numcnn.layers import Dense
        >>> check_shapes(Dense(3), (4, 2))
    """
    for dtype in ("float32", "float64"):
        twin, x, rng = _ready(layer, x_or_shape, seed, dtype)
        for batch in (x, x[:0]):
            promised = (len(batch), *twin.compute_output_shape(batch.shape[1:]))
            for training in (False, True):
                y = twin.forward(batch, training)
                what = f"forward of {len(batch)} samples returns"
                _require(y.shape == promised, twin, f"{what} {y.shape}, promised is {promised}.")
                _require(y.dtype == dtype, twin, f"{what} {y.dtype} for {dtype}.")
            dx = twin.backward(_normal(rng, promised).astype(dtype))
            _require(
                twin.grads.keys() == twin.params.keys(),
                twin,
                f"backward sets the gradients {sorted(twin.grads)}, the parameters are "
                f"{sorted(twin.params)}.",
            )
            arrays = {"dx": (dx, batch)}
            arrays |= {f"grads[{k!r}]": (twin.grads[k], p) for k, p in twin.params.items()}
            for name, (found, of) in arrays.items():
                same = np.shape(found) == of.shape and found.dtype == of.dtype
                _require(
                    same,
                    twin,
                    f"backward of {len(batch)} samples gives {name} the shape {np.shape(found)} "
                    f"and the type {np.asarray(found).dtype}, expected {of.shape} and {of.dtype}.",
                )
        for name, gradient in twin.grads.items():  # those of no samples
            _require(not gradient.any(), twin, f"without samples, grads[{name!r}] is not zero.")


def check_memory(layer: Layer, x_or_shape: Any, *, seed: int = 0) -> None:
    """Check that nothing given is written to, and that nothing returned is a parameter.

    x, dy and the parameters hold the same numbers after forward and backward. y and dx may be views
    of x and dy (those of Flatten are), but of no parameter; gradients lie in memory of their own,
    and each y in other memory than the last.

    Raises:
        PropertyError: one of these is not so.

    Example:
        >>> from numcnn.layers import Flatten
        >>> check_memory(Flatten(), (4, 2, 3))
    """
    twin, x, rng = _ready(layer, x_or_shape, seed)
    given = {"x": x} | {f"params[{name!r}]": p for name, p in twin.params.items()}
    given |= {f"statistics[{name!r}]": a for name, a in twin.statistics.items()}
    before = {name: array.copy() for name, array in given.items()}
    predicted, y = twin.forward(x), twin.forward(x, training=True)
    given["dy"] = dy = _normal(rng, y.shape)
    before["dy"] = dy.copy()
    again, dx = twin.forward(x, training=True), twin.backward(dy)
    for name, array in given.items():
        same = np.array_equal(array, before[name], equal_nan=True)
        _require(same, twin, f"forward or backward changes {name} in place.")
    outputs = {"y": y, "y (predicted)": predicted, "y (again)": again, "dx": dx}
    fresh = np.shares_memory(y, x) or not np.shares_memory(y, again)
    _require(fresh, twin, "forward returns the same memory twice: a y overwrites the last.")
    grads = {f"grads[{name!r}]": g for name, g in twin.grads.items()}
    params = {name: p for name, p in given.items() if name.startswith(("params", "statistics"))}
    for (name, array), (other, owned) in [
        *((o, p) for o in outputs.items() for p in params.items()),
        *((g, o) for g in grads.items() for o in (given | outputs).items()),
        *((g, o) for g in grads.items() for o in grads.items() if g[0] < o[0]),
    ]:
        apart = not np.shares_memory(array, owned)
        _require(apart, twin, f"{name} shares its memory with {other}; return a copy.")


def check_repeats(layer: Layer, x_or_shape: Any, *, seed: int = 0) -> None:
    """Check that backward belongs to the last forward(training=True), and to nothing else.

    Neither other batches before it, of this size or another, nor a prediction between the two, nor
    a second call of backward changes a bit of the gradients.

    Raises:
        PropertyError: something else is remembered.

    Example:
        >>> from numcnn.layers import ReLU
        >>> check_repeats(ReLU(), (4, 2))
    """
    fresh, x, rng = _ready(layer, x_or_shape, seed)
    twin = fresh.copy()
    dy = _normal(rng, fresh.forward(x, training=True).shape)
    expected = {"dx": fresh.backward(dy), **fresh.grads}
    larger = np.concatenate([x + 1, x[::-1], x[:1]])
    for when in ("after other batches", "a second time", "after a prediction"):
        if when == "after other batches":
            for other in (larger, x + 1, x):
                y = twin.forward(other, training=True)
                if other is not x:
                    twin.backward(np.ones_like(y))
        if when == "after a prediction":
            twin.forward(x + 1)
        found = {"dx": twin.backward(dy), **twin.grads}
        for name, array in expected.items():
            same = np.array_equal(found[name], array, equal_nan=True)
            _require(same, twin, f"backward gives another {name} {when}.")


def check_samples(layer: Layer, x_or_shape: Any, *, seed: int = 0) -> None:
    """Check that a batch is its samples one by one: the same y and dx, and gradients that add up.

    Not for layers whose samples look at each other, nor for Dropout, whose masks differ.

    Raises:
        PropertyError: samples depend on their neighbours, or gradients are averaged.

    Example:
        >>> from numcnn.layers import Dense
        >>> check_samples(Dense(3), (4, 2))
    """
    twin, x, rng = _ready(layer, x_or_shape, seed)
    y = twin.forward(x, training=True)
    dy = _normal(rng, y.shape)
    dx, grads = twin.backward(dy), dict(twin.grads)
    totals = {name: np.zeros(p.shape) for name, p in twin.params.items()}
    for m in range(len(x)):
        _require_near(
            twin.forward(x[m : m + 1], training=True), y[m : m + 1], twin, f"y[{m}] alone"
        )
        _require_near(twin.backward(dy[m : m + 1]), dx[m : m + 1], twin, f"dx[{m}] alone")
        totals = {name: total + twin.grads[name] for name, total in totals.items()}
    for name, total in totals.items():
        _require_near(total, grads[name], twin, f"grads[{name!r}], added up over the samples,")


def check_layouts(layer: Layer, x_or_shape: Any, *, seed: int = 0) -> None:
    """Check that it does not matter how x and dy lie in memory: see `LAYOUTS`.

    Raises:
        PropertyError: a layout changes a result.

    Example:
        >>> from numcnn.layers import MaxPool2D
        >>> check_layouts(MaxPool2D(2), (2, 4, 5, 3))
    """
    twin, x, rng = _ready(layer, x_or_shape, seed)
    dy = _normal(rng, twin.forward(x).shape)
    for name in LAYOUTS:
        answers = []
        for a, da in [
            (in_layout(x, name), in_layout(dy, name)),
            (in_layout(x, name).copy("C"), in_layout(dy, name).copy("C")),
        ]:
            y = twin.forward(a, training=True)
            answers.append({"y": y, "dx": twin.backward(da), **twin.grads})
        for key, expected in answers[1].items():
            _require_near(answers[0][key], expected, twin, f"{key}, with x and dy {name!r},")


def check_gradient(layer: Layer, x_or_shape: Any, *, seed: int = 0, max_entries: int = 20) -> None:
    """Check backward against finite differences: see `numcnn.gradcheck.check_layer`.

    A batch of no samples has no slopes, and passes.

    Args:
        layer: the layer.
        x_or_shape: a batch or the shape of one.
        seed: of everything random.
        max_entries: how many entries of each array are checked one by one; few, since a property
            is tested on many batches. All together are checked as well.

    Raises:
        GradientError: backward is not the derivative of forward.

    Example:
        >>> from numcnn.layers import Softmax
        >>> check_gradient(Softmax(), (2, 3))
    """
    _, x, _ = _ready(layer, x_or_shape, seed)
    if x.size:
        check_layer(layer, x_or_shape, seed=seed, max_entries=max_entries).raise_if_wrong()


def check_adjoint(
    layer: Layer, x_or_shape: Any, *, linear_in: Iterable[str] = ("x",), seed: int = 0
) -> None:
    """Check, without any small step, a backward pass whose forward pass is linear in some arrays.

    Math:
        Where y is linear in x, y = A x, backward must return A^T dy, and
            sum(y * dy) = sum(x * (A^T dy)) = sum(x * dx)       whatever x and dy are.
        It holds as well where y is piecewise linear with every piece through the origin: for a
        ReLU, for max-pooling. With y linear in x and b together, y = A x + b,
            sum(y * dy) = sum(x * dx) + sum(b * db).
        Numbers are whole, so both sides are exact; a forgotten or doubled share is a difference of
        1 or more.

    Args:
        layer: the layer; a copy gets parameters of whole numbers.
        x_or_shape: a batch, or the shape of one, of which whole numbers are drawn.
        linear_in: the arrays that y is linear in, all together: 'x' and names of parameters.
        seed: of the numbers that are drawn.

    Raises:
        GradientError: the sums differ; it names both.
        ValueError: linear_in names an array that is not there.

    Example:
        >>> from numcnn.layers import Conv2D, MaxPool2D
        >>> check_adjoint(Conv2D(3, 2), (2, 5, 4, 2), linear_in=["x", "b"])
        >>> check_adjoint(Conv2D(3, 2), (2, 5, 4, 2), linear_in=["w", "b"])
        >>> check_adjoint(MaxPool2D(2), (2, 5, 4, 2))
    """
    names = [linear_in] if isinstance(linear_in, str) else list(linear_in)
    twin, x, rng = _ready(layer, x_or_shape, seed)
    if unknown := set(names) - {"x", *twin.params}:
        raise ValueError(
            f"linear_in names {sorted(unknown)}; there are 'x' and the parameters "
            f"{sorted(twin.params)}."
        )
    if not isinstance(x_or_shape, np.ndarray):
        x = rng.integers(-8, 9, x.shape).astype(float)
    for p in twin.params.values():
        p[...] = rng.integers(-8, 9, p.shape)
    y = twin.forward(x, training=True)
    dy = rng.integers(-8, 9, y.shape).astype(float)
    pairs = {"x": (x, twin.backward(dy))}
    pairs |= {name: (p, twin.grads[name]) for name, p in twin.params.items()}
    terms = [y * dy, *(-a * da for a, da in (pairs[name] for name in names))]
    left, *right = (float(term.sum()) for term in terms)
    rounding = ROUNDING * 1e-3 * sum(float(np.abs(term).sum()) for term in terms)
    shares = " + ".join(f"sum({name} * d{name})" for name in names)
    _require(
        abs(left + sum(right)) <= rounding,
        twin,
        f"sum(y * dy) is {left:.12g}, but {shares} is {-sum(right):.12g}: backward is not the "
        "transpose of forward.",
        GradientError,
    )


def check_config(layer: Layer, x_or_shape: Any, *, seed: int = 0) -> None:
    """Check that get_config holds all arguments, so that the layer can be saved.

    The configuration goes through JSON and makes a layer, which, with the same weights and state,
    computes the same bits.

    Raises:
        PropertyError: the configuration or what it makes is another.

    Example:
        >>> from numcnn.layers import Dense
        >>> check_config(Dense(3, activation="tanh", use_bias=False), (2, 4))
    """
    twin, x, _ = _ready(layer, x_or_shape, seed)
    config = json.loads(json.dumps(twin.get_config()))
    again = type(twin).from_config(config)
    found = json.loads(json.dumps(again.get_config()))
    _require(found == config, twin, f"get_config gives {config}, and what that makes {found}.")
    with given_back(always=True):
        again.build_for(x.shape[1:])
    again.set_weights(twin.get_weights())
    again.set_state(twin.get_state())
    for training in (False, True):
        same = np.array_equal(again.forward(x, training), twin.forward(x, training), equal_nan=True)
        _require(same, twin, "made again from its configuration it computes something else.")


CHECKS: dict[str, Callable[..., None]] = {
    "shapes": check_shapes,
    "memory": check_memory,
    "repeats": check_repeats,
    "samples": check_samples,
    "layouts": check_layouts,
    "gradient": check_gradient,
}


def check_all(layer: Layer, x_or_shape: Any, *, seed: int = 0, skip: Collection[str] = ()) -> None:
    """Run all `CHECKS`: shapes, memory, repeats, samples, layouts, gradient.

    Args:
        layer: the layer. It stays as it is.
        x_or_shape: a batch or the shape of one; N = 0 is allowed.
        seed: of everything random.
        skip: names of checks to leave out, such as 'samples' for a layer like Dropout.

    Raises:
        PropertyError, GradientError: the first check that fails says how.

    Example:
        >>> from numcnn.layers import Layer
        >>> class Double(Layer):
        ...     def forward(self, x, training=False):
        ...         x *= 2
        ...         return x
        ...     def backward(self, dy):
        ...         return 2 * dy
        >>> check_all(Double(), (2, 3))
        Traceback (most recent call last):
        numcnn.errors.PropertyError: Double 'double': forward or backward changes x in place.
    """
    if unknown := set(skip) - CHECKS.keys():
        raise ValueError(f"skip names {sorted(unknown)}; the checks are {', '.join(CHECKS)}.")
    for name, check in CHECKS.items():
        if name not in skip:
            check(layer, x_or_shape, seed=seed)


def _ready(
    layer: Layer, x_or_shape: Any, seed: int, dtype: str = "float64"
) -> tuple[Layer, Array, np.random.Generator]:
    """Return (a copy of the layer of this type, built for the batch; the batch; a generator).

    Parameters get some noise: equal numbers, such as a bias of zeros, hide faults.
    """
    if not isinstance(layer, Layer) or not hasattr(layer, "params"):
        raise DTypeError(
            "Expected a layer whose __init__ calls super().__init__(**kwargs), got a "
            f"{type(layer).__name__}."
        )
    rng = np.random.default_rng(seed)
    if isinstance(x_or_shape, np.ndarray):
        x = np.array(x_or_shape, dtype, order="C")
    elif isinstance(x_or_shape, tuple) and all(isinstance(n, int) for n in x_or_shape):
        x = _normal(rng, x_or_shape).astype(dtype)
    else:
        raise DTypeError(f"Expected an array or the shape of a batch, got {x_or_shape!r}.")
    if x.ndim == 0:
        raise ShapeError("Expected a batch, whose first axis counts samples, got one number.")
    twin = layer.copy()
    twin.dtype, twin.kept, twin.grads = dtype, None, {}
    with given_back(always=True):
        twin.build_for(x.shape[1:])
    if twin.built_for != x.shape[1:]:
        raise ShapeError(f"{twin!r} was built for samples of {twin.built_for}, got {x.shape[1:]}.")
    for name, p in twin.params.items():
        twin.params[name] = (p + 0.1 * _normal(rng, p.shape)).astype(dtype)
    twin.statistics = {name: a.astype(dtype) for name, a in twin.statistics.items()}
    return twin, x, rng


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return normal numbers, as an array also where the shape is ()."""
    return np.asarray(rng.standard_normal(shape))


def _require(holds: Any, layer: Layer, text: str, error: type[NumcnnError] = PropertyError) -> None:
    if not holds:
        raise error(f"{type(layer).__name__} {layer.name!r}: {text}")


def _require_near(found: Array, expected: Array, layer: Layer, what: str) -> None:
    """Raise unless two arrays are the same but for rounding, which NaN and infinity are not."""
    _require(
        found.shape == expected.shape,
        layer,
        f"{what} has the shape {found.shape}, expected {expected.shape}.",
    )
    if found.size:
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=1)
        near = np.isclose(found, expected, rtol=0, atol=ROUNDING * largest, equal_nan=True)
        if not near.all():
            i = tuple(int(k) for k in np.argwhere(~near)[0])
            text = f"{what} is {found[i]:.9g} at {i}, expected {expected[i]:.9g}."
            _require(False, layer, text)
