"""What each activation becomes in ONNX: one node where ONNX has it, a few nodes otherwise."""

from typing import Any

import numpy as np

from numcnn.export.graph import Graph

OPERATORS = {
    "Exponential": "Exp",
    "Sigmoid": "Sigmoid",
    "Softplus": "Softplus",
    "Softsign": "Softsign",
    "Tanh": "Tanh",
}


def activate(graph: Graph, activation: Any, name: str) -> None:
    """Add an activation, as a layer or after one; its last node has the name."""
    kind = type(activation).__name__
    if kind in OPERATORS:
        graph.node(OPERATORS[kind], name)
    elif kind in ("Softmax", "LogSoftmax"):
        graph.node(kind, name, axis=graph.axis(-1))
    elif kind == "ELU":
        graph.node("Elu", name, alpha=activation.alpha)
    elif kind == "LeakyReLU":
        graph.node("LeakyRelu", name, alpha=activation.negative_slope)
    elif kind == "SELU":
        graph.node("Selu", name, alpha=activation.alpha, gamma=activation.scale)
    elif kind == "HardSigmoid":
        graph.node("HardSigmoid", name, alpha=1 / 6, beta=0.5)
    elif kind == "ReLU":
        relu(graph, activation, name)
    elif kind in ("Swish", "Mish", "GELU"):
        gate(graph, activation, name)
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
        ends = {"least": 0.0, "most": most}
        graph.node("Clip", name, *(graph.number(f"{name}/{k}", v) for k, v in ends.items()))


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


def gate(graph: Graph, activation: Any, name: str) -> None:
    """Add a gate, and the product of the last value with it."""
    x, kind = graph.value, type(activation).__name__
    if kind == "Swish":
        graph.node("Sigmoid", f"{name}/gate")
    elif kind == "Mish":
        graph.node("Softplus", f"{name}/softplus")
        graph.node("Tanh", f"{name}/gate")
    else:
        if activation.approximate:  # the share is (1 + tanh(a * x * (1 + b * x**2))) / 2
            graph.node("Mul", f"{name}/square", x)
            graph.node("Mul", f"{name}/bent", graph.number(f"{name}/b", 0.044715))
            graph.node("Add", f"{name}/slope", graph.number(f"{name}/first", 1.0))
            graph.node("Mul", f"{name}/stretched", x)
            graph.node("Mul", f"{name}/scaled", graph.number(f"{name}/a", (2 / np.pi) ** 0.5))
            graph.node("Tanh", f"{name}/tanh")
        else:  # the share of a normal distribution below x is (1 + erf(x / sqrt(2))) / 2
            graph.node("Mul", f"{name}/scaled", graph.number(f"{name}/scale", 0.5**0.5))
            graph.node("Erf", f"{name}/erf")
        graph.node("Add", f"{name}/sum", graph.number(f"{name}/one", 1.0))
        graph.node("Mul", f"{name}/gate", graph.number(f"{name}/half", 0.5))
    graph.node("Mul", name, x)
