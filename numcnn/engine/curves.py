"""Activations as steps of their own, each number by itself.

An activation inside another layer, such as Dense(activation="tanh"), is taken out of it: the layer
without it gets its own step, and the activation one of these.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.steps import MOST_PIECES, Phase, Step, Wires
from numcnn.layers.activations import Linear, ReLU, Sigmoid, Tanh
from numcnn.layers.base import Layer
from numcnn.layers.curves import Exponential, HardSigmoid, Softplus, Softsign
from numcnn.layers.gates import GELU, Mish, Swish
from numcnn.layers.names import Activation
from numcnn.layers.rectifiers import ELU, SELU, LeakyReLU, PReLU

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Curve:
    """What computes an activation: the name of its kernels, and what they want to know."""

    name: str
    from_y: bool = False  # whether y says the slope, otherwise x
    arguments: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _bent_relu(layer: ReLU) -> Curve:
    most = math.nan if layer.max_value is None else float(layer.max_value)
    arguments = most, float(layer.negative_slope), float(layer.threshold)
    return Curve("bent relu", arguments=arguments)


def _elu(layer: ELU) -> Curve:
    return Curve("elu", arguments=(float(layer.alpha), float(layer.scale), 0.0))


CURVES: dict[type, Callable[[Any], Curve]] = {
    ELU: _elu,
    Exponential: lambda layer: Curve("exponential", from_y=True),
    GELU: lambda layer: Curve("approximate gelu" if layer.approximate else "gelu"),
    HardSigmoid: lambda layer: Curve("hard sigmoid"),
    LeakyReLU: lambda layer: Curve("leaky relu", arguments=(float(layer.negative_slope), 0.0, 0.0)),
    Mish: lambda layer: Curve("mish"),
    ReLU: _bent_relu,
    SELU: _elu,
    Sigmoid: lambda layer: Curve("sigmoid", from_y=True),
    Softplus: lambda layer: Curve("softplus"),
    Softsign: lambda layer: Curve("softsign"),
    Swish: lambda layer: Curve("swish"),
    Tanh: lambda layer: Curve("tanh", from_y=True),
}


def curve_of(layer: Any) -> Curve | None:
    """Return what computes an activation layer, None where no kernel does (ReLU has its own)."""
    if type(layer) is Activation:
        layer = layer.activation
    if type(layer) is ReLU and layer.plain:
        return None
    make = CURVES.get(type(layer))
    return make(layer) if make else None


def apart(layer: Layer) -> list[Layer]:
    """Return a layer without its activation, and this as a layer that follows it.

    Parameters and gradients are the same dictionaries.
    """
    bare = copy.copy(layer)
    activation = copy.copy(layer.activation)  # type: ignore[attr-defined]
    bare.activation = Linear()  # type: ignore[attr-defined]
    activation.name = f"{layer.name}'s {activation.name}"
    activation.dtype = layer.dtype
    activation.built_for = layer.sample_output_shape
    return [bare, activation]


class CurveStep(Step):
    """An activation as a layer of its own."""

    why = "each number by itself"

    def __init__(self, layer: Layer, dtype: str) -> None:
        super().__init__([layer], dtype)
        curve = curve_of(layer)
        if curve is None:
            raise ValueError(f"no kernel computes {layer!r}")
        from numcnn.kernels.curves import CURVES

        self.curve, self.kernels = curve, CURVES[curve.name]
        self.kernel = curve.name

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = the curve of x."""
        (kernel, _), arguments, x, y = self.kernels, self.curve.arguments, wires.x, wires.y
        return [
            wires.by_sample(lambda a, b: kernel(y[a:b].reshape(-1), x[a:b].reshape(-1), *arguments))
        ]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = dy * the slope."""
        (_, kernel), arguments = self.kernels, self.curve.arguments
        dx, dy, v = wires.dx, wires.dy, wires.y if self.curve.from_y else wires.x
        if dx is None or dy is None:
            return [], []

        def piece(a: int, b: int) -> None:
            kernel(dx[a:b].reshape(-1), dy[a:b].reshape(-1), v[a:b].reshape(-1), *arguments)

        return [wires.by_sample(piece)], []


class PReluStep(Step):
    """PReLU. Its alpha is repeated along shared axes, and dalpha summed over them at last."""

    kernel = "prelu"
    why = "each number by itself"

    def __init__(self, layer: PReLU, dtype: str) -> None:
        super().__init__([layer], dtype)
        from numcnn.kernels.curves import prelu, prelu_backward

        self.layer, self.kernels = layer, (prelu, prelu_backward)

    def alpha(self, wires: Wires) -> Array:
        """Return where alpha stands for each number of a sample."""
        return wires.buffers.take(f"{self.name}: alpha", self.output_shape, self.dtype)

    def prepare(self, wires: Wires) -> list[Task]:
        """Return how alpha is repeated."""
        alpha, own = self.alpha(wires), self.layer.params["alpha"]
        return [lambda worker: np.copyto(alpha, own)]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = x where x > 0, alpha * x elsewhere."""
        (prelu, _), alpha, x, y = self.kernels, self.alpha(wires).reshape(-1), wires.x, wires.y
        return [wires.by_sample(lambda a, b: prelu(y[a:b].reshape(-1), x[a:b].reshape(-1), alpha))]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx and each piece's dalpha; left for later is their sum."""
        if wires.dy is None:
            return [], []
        dx, dy, x, alpha = wires.dx, wires.dy, wires.x, self.alpha(wires).reshape(-1)
        name, shape = f"{self.name}: dalpha", (MOST_PIECES, alpha.size)
        shares = wires.buffers.take(name, shape, self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}

        def piece(a: int, b: int) -> None:
            to = (dy[:0] if dx is None else dx[a:b]).reshape(-1)
            flat = dy[a:b].reshape(-1), x[a:b].reshape(-1)
            self.kernels[1](to, shares[numbers[a]], *flat, alpha)

        phases, gradient = [wires.by_sample(piece)], wires.gradient(self.layer, "alpha")
        if gradient is None:
            return phases, []
        square = wires.squares.of(self.layer, "alpha", gradient)
        axes = tuple(axis - 1 for axis in self.layer.shared_axes)

        def task(worker: int) -> None:
            sums = shares[: len(numbers)].sum(axis=0).reshape(self.output_shape)
            gradient[...] = sums.sum(axis=axes).reshape(gradient.shape)
            square()

        return phases, [task]
