"""How ONNX's test cases become networks of numcnn; images.py, rows.py and training.py do it.

A mapper says which layers, loss or optimizer of numcnn compute what an ONNX node does; it moves
channels from ONNX's second axis to the last one and back. Where numcnn has nothing that computes
it, it raises `Unmapped` with the reason.
"""

import numpy as np
from properties.rig import Rig

MAPPERS = {}


class Unmapped(Exception):
    """numcnn has nothing that computes this case."""


def maps(*operators):
    """Enter a mapper: a function of a case that returns a function of an engine."""

    def decorate(mapper):
        MAPPERS.update(dict.fromkeys(operators, mapper))
        return mapper

    return decorate


def runner(case):
    """Return a function of an engine that returns outputs; raise Unmapped if there is none."""
    if not isinstance(case.x, (np.ndarray, np.generic)):
        raise Unmapped("lists of arrays")
    if case.x.dtype.name in ("float16", "bfloat16"):
        raise Unmapped("numbers of 16 bits")
    if case.x.dtype == np.int8:
        raise Unmapped("whole numbers below zero")
    return MAPPERS[case.operator](case)


def predicting(network, weights, x, back=lambda y: y):
    """Return the runner of a few layers."""

    def run(engine):
        rig = Rig(engine, [layer.copy() for layer in network], x.shape[1:], weights, "float32")
        return [back(rig.predict(x))]

    return run


def to_last(x):
    """(N, C, ...) -> (N, ..., C)."""
    return np.moveaxis(x, 1, -1)


def to_second(y):
    return np.moveaxis(y, -1, 1)
