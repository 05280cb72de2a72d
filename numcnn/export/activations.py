"""What each activation becomes in ONNX: one node where ONNX has it, a few nodes otherwise."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.export.graph import Graph

# numcnn's class: ONNX's operator, and its attributes
SINGLE: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "CELU": ("Celu", lambda a: {"alpha": a.alpha}),
    "ELU": ("Elu", lambda a: {"alpha": a.alpha}),
    "Exponential": ("Exp", lambda a: {}),
    "HardShrink": ("Shrink", lambda a: {"lambd": a.threshold, "bias": 0.0}),
    "HardSigmoid": ("HardSigmoid", lambda a: {"alpha": 1 / 6, "beta": 0.5}),
    "LeakyReLU": ("LeakyRelu", lambda a: {"alpha": a.negative_slope}),
    "SELU": ("Selu", lambda a: {"alpha": a.alpha, "gamma": a.scale}),
    "Sigmoid": ("Sigmoid", lambda a: {}),
    "SoftShrink": ("Shrink", lambda a: {"lambd": a.threshold, "bias": a.threshold}),
    "Softplus": ("Softplus", lambda a: {}),
    "Softsign": ("Softsign", lambda a: {}),
    "SparseSigmoid": ("HardSigmoid", lambda a: {"alpha": 0.5, "beta": 0.5}),
    "Tanh": ("Tanh", lambda a: {}),
    "ThresholdedReLU": ("ThresholdedRelu", lambda a: {"alpha": a.theta}),
}


def activate(graph: Graph, activation: Any, name: str) -> None:
    """Add an activation, as a layer or after one; its last node has the name."""
    kind = type(activation).__name__
    if kind in SINGLE:
        operator, attributes = SINGLE[kind]
        graph.node(operator, name, **attributes(activation))
    elif kind in ("Softmax", "LogSoftmax") and isinstance(activation.axis, int):
        graph.node(kind, name, axis=graph.axis(activation.axis))
    elif kind in SEVERAL:
        SEVERAL[kind](graph, activation, name)
    elif kind != "Linear":
        raise ValueError(f"to_onnx cannot write the activation {activation!r} of {name!r}.")


def relu(graph: Graph, activation: Any, name: str) -> None:
    """Add a ReLU, in the fewest nodes that its arguments allow."""
    most, slope, threshold = activation.max_value, activation.negative_slope, activation.threshold
    rising = name if most is None else f"{name}/rising"  # before it is cut off at most
    if threshold:
        above_threshold(graph, slope, threshold, rising)
    elif slope:
        graph.node("LeakyRelu", rising, alpha=slope)
    elif most is None:
        graph.node("Relu", name)
    if most is not None and (slope or threshold):
        graph.node("Min", name, graph.number(f"{name}/most", most))
    elif most is not None:
        clip(graph, name, 0.0, most)


def above_threshold(graph: Graph, slope: float, threshold: float, name: str) -> None:
    """Add x where it is above the threshold, slope * (x - threshold) elsewhere."""
    if not slope:
        graph.node("ThresholdedRelu", name, alpha=threshold)
        return
    x, limit = graph.value, graph.number(f"{name}/threshold", threshold)
    graph.node("Greater", f"{name}/above", limit)
    above = graph.value
    graph.value = x
    graph.node("Sub", f"{name}/beyond", limit)
    graph.node("Mul", f"{name}/below", graph.number(f"{name}/slope", slope))
    below, graph.value = graph.value, above
    graph.node("Where", name, x, below)


def clip(graph: Graph, name: str, least: float, most: float) -> None:
    """min(max(x, least), most)."""
    graph.node(
        "Clip", name, graph.number(f"{name}/least", least), graph.number(f"{name}/most", most)
    )


def hard_tanh(graph: Graph, activation: Any, name: str) -> None:
    """From -1 to 1."""
    clip(graph, name, -1.0, 1.0)


def swish(graph: Graph, activation: Any, name: str) -> None:
    """The gate is the sigmoid."""
    x = graph.value
    graph.node("Sigmoid", f"{name}/gate")
    graph.node("Mul", name, x)


def hard_swish(graph: Graph, activation: Any, name: str) -> None:
    """The gate is the sigmoid of straight lines."""
    x = graph.value
    graph.node("HardSigmoid", f"{name}/gate", alpha=1 / 6, beta=0.5)
    graph.node("Mul", name, x)


def mish(graph: Graph, activation: Any, name: str) -> None:
    """The gate is tanh of softplus."""
    x = graph.value
    graph.node("Softplus", f"{name}/softplus")
    graph.node("Tanh", f"{name}/gate")
    graph.node("Mul", name, x)


def gelu(graph: Graph, activation: Any, name: str) -> None:
    """The gate is the share of a normal distribution below x."""
    x = graph.value
    if activation.approximate:  # the share is (1 + tanh(a * x * (1 + b * x**2))) / 2
        graph.node("Mul", f"{name}/square", x)
        graph.node("Mul", f"{name}/bent", graph.number(f"{name}/b", 0.044715))
        graph.node("Add", f"{name}/slope", graph.number(f"{name}/first", 1.0))
        graph.node("Mul", f"{name}/stretched", x)
        graph.node("Mul", f"{name}/scaled", graph.number(f"{name}/a", (2 / np.pi) ** 0.5))
        graph.node("Tanh", f"{name}/tanh")
    else:  # the share is (1 + erf(x / sqrt(2))) / 2
        graph.node("Mul", f"{name}/scaled", graph.number(f"{name}/scale", 0.5**0.5))
        graph.node("Erf", f"{name}/erf")
    graph.node("Add", f"{name}/sum", graph.number(f"{name}/one", 1.0))
    graph.node("Mul", f"{name}/gate", graph.number(f"{name}/half", 0.5))
    graph.node("Mul", name, x)


def log_sigmoid(graph: Graph, activation: Any, name: str) -> None:
    """-softplus(-x)."""
    graph.node("Neg", f"{name}/turned")
    graph.node("Softplus", f"{name}/softplus")
    graph.node("Neg", name)


def tanh_shrink(graph: Graph, activation: Any, name: str) -> None:
    """X - tanh(x), as -(tanh(x) - x)."""
    x = graph.value
    graph.node("Tanh", f"{name}/tanh")
    graph.node("Sub", f"{name}/turned", x)
    graph.node("Neg", name)


def sparse_plus(graph: Graph, activation: Any, name: str) -> None:
    """The square of its slope, and what x is above 1."""
    x = graph.value
    graph.node("HardSigmoid", f"{name}/slope", alpha=0.5, beta=0.5)
    graph.node("Mul", f"{name}/square", graph.value)
    square, graph.value = graph.value, x
    graph.node("Sub", f"{name}/less", graph.number(f"{name}/one", 1.0))
    graph.node("Relu", f"{name}/above")
    graph.node("Add", name, square)


def squareplus(graph: Graph, activation: Any, name: str) -> None:
    """(x + sqrt(x * x + b)) / 2."""
    x = graph.value
    graph.node("Mul", f"{name}/square", x)
    graph.node("Add", f"{name}/sum", graph.number(f"{name}/b", activation.b))
    graph.node("Sqrt", f"{name}/root")
    graph.node("Add", f"{name}/both", x)
    graph.node("Mul", name, graph.number(f"{name}/half", 0.5))


SEVERAL: dict[str, Callable[[Graph, Any, str], None]] = {
    "GELU": gelu,
    "HardSwish": hard_swish,
    "HardTanh": hard_tanh,
    "LogSigmoid": log_sigmoid,
    "Mish": mish,
    "ReLU": relu,
    "SparsePlus": sparse_plus,
    "Squareplus": squareplus,
    "Swish": swish,
    "TanhShrink": tanh_shrink,
}
ACTIVATIONS = [
    *SINGLE, *SEVERAL, "Linear", "LogSoftmax", "Softmax", "Sparsemax",
]  # fmt: skip
