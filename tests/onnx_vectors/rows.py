"""ONNX's test cases of arrays of any axes: shapes, products, dropout, activations."""

import numpy as np
from onnx_vectors.mapping import Unmapped, maps, predicting
from properties.rig import Rig

from numcnn import layers
from numcnn.layers.names import ACTIVATIONS as NAMES


@maps("Transpose")
def transpose(case):
    perm = case.get("perm", tuple(range(case.x.ndim))[::-1])
    if perm[0] != 0:
        raise Unmapped("samples mixed with other axes")
    return predicting([layers.Permute(perm[1:])], [], case.x)


@maps("Reshape")
def reshape(case):
    shape = list(case.outputs[0].shape)
    if shape[0] != case.x.shape[0]:
        raise Unmapped("samples mixed with other axes")
    asked = [-1 if n == -1 else m for n, m in zip(case.input(1), shape, strict=True)]
    if case.x.size == 0:
        raise Unmapped("arrays of nothing")
    return predicting([layers.Reshape(asked[1:])], [], case.x)


@maps("Flatten")
def flatten(case):
    """The axes before the given one are samples."""
    axis = case.get("axis", 1)
    x = case.x.reshape(int(np.prod(case.x.shape[:axis], dtype=int)), *case.x.shape[axis:])
    return predicting([layers.Flatten()], [], x)


@maps("Dropout")
def dropout(case):
    """Without a mask; ONNX's random masks come from NumPy's own generator."""
    rate, training = case.input(1), case.input(2)
    rate = case.get("ratio", 0.5) if rate is None else float(rate)
    if training is None or not training:
        return predicting([layers.Dropout(rate)], [], case.x)
    if rate:
        raise Unmapped("random numbers of another generator")

    def run(engine):
        rig = Rig(engine, [layers.Dropout(rate)], case.x.shape[1:], dtype="float32")
        return [rig.train(case.x, np.zeros_like(case.x)).y]

    return run


# rows


@maps("Gemm", "MatMul")
def dense(case):
    """Dense; ONNX's factors go into the weights."""
    x, w, b = case.x, case.input(1), case.input(2)
    if w.ndim != 2 or x.ndim != 2:
        raise Unmapped("products of other arrays than rows with a matrix")
    if b is not None and b.ndim == 2 and b.shape[0] != 1:
        raise Unmapped("a bias of its own for each sample")
    x = x.T if case.get("transA", 0) else x
    w = np.float32(case.get("alpha", 1.0)) * (w.T if case.get("transB", 0) else w)
    units = w.shape[1]
    weights = [w]
    if b is not None:
        weights.append(np.float32(case.get("beta", 1.0)) * np.broadcast_to(b, (1, units))[0])
    return predicting([layers.Dense(units, use_bias=b is not None)], weights, x)


# activations

ACTIVATIONS = {
    "Exp": lambda case: layers.Exponential(),
    "Identity": lambda case: layers.Linear(),
    "LeakyRelu": lambda case: layers.LeakyReLU(case.get("alpha", 0.01)),
    "Elu": lambda case: layers.ELU(case.get("alpha", 1.0)),
    "Mish": lambda case: layers.Mish(),
    "Relu": lambda case: layers.ReLU(),
    "Sigmoid": lambda case: layers.Sigmoid(),
    "Softplus": lambda case: layers.Softplus(),
    "Softsign": lambda case: layers.Softsign(),
    "Tanh": lambda case: layers.Tanh(),
    "ThresholdedRelu": lambda case: layers.ReLU(threshold=case.get("alpha", 1.0)),
}


@maps(*ACTIVATIONS)
def activation(case):
    return bent(case, ACTIVATIONS[case.operator](case))


def bent(case, layer):
    """The runner of an activation; a row is one sample."""
    x = case.x[None] if case.x.ndim == 1 else case.x
    return predicting([layer], [], x, lambda y: y.reshape(case.x.shape))


def named(name, *aliases):
    """Return the activation of Keras's name."""
    for one in (name, *aliases):
        if one in NAMES:
            return layers.Activation(one)
    raise Unmapped(f"no activation {name}")


@maps("Celu")
def celu(case):
    if case.get("alpha", 1.0) != 1.0:
        raise Unmapped("celu with an alpha of its own")
    return bent(case, named("celu"))


@maps("Clip")
def clip(case):
    low, high = (case.input(k) for k in (1, 2))
    low, high = (case.get("min") if low is None else low), case.get("max") if high is None else high
    if low is None and high is None:
        return bent(case, layers.Linear())
    if low != 0:
        raise Unmapped("limits that are not 0 below")
    return bent(case, layers.ReLU(max_value=None if high is None else float(high)))


@maps("Gelu")
def gelu(case):
    return bent(case, layers.GELU(approximate=case.get("approximate", "none") == "tanh"))


@maps("HardSigmoid")
def hard_sigmoid(case):
    if abs(case.get("alpha", 0.2) - 1 / 6) > 1e-6 or case.get("beta", 0.5) != 0.5:
        raise Unmapped("a hard sigmoid that is not x / 6 + 1 / 2")
    return bent(case, layers.HardSigmoid())


@maps("HardSwish")
def hard_swish(case):
    return bent(case, named("hard_silu", "hard_swish"))


@maps("Selu")
def selu(case):
    if "alpha" in case.attributes and abs(case.get("alpha") - layers.SELU().alpha) > 1e-6:
        raise Unmapped("selu with an alpha and a scale of its own")
    return bent(case, layers.SELU())


@maps("Swish")
def swish(case):
    if case.get("alpha", 1.0) != 1.0:
        raise Unmapped("swish with a slope of its own")
    return bent(case, layers.Swish())


@maps("PRelu")
def p_relu(case):
    slope = case.input(1)
    if case.opset < 7 and slope.ndim == 1:  # one for all, or one for each channel
        slope = slope.reshape(-1, *[1] * (case.x.ndim - 2))
    x, back = case.x, lambda y: y
    if slope.ndim == x.ndim:  # no axis of samples
        x, back = x[None], lambda y: y[0]
    slope = slope.reshape((1,) * (x.ndim - 1 - slope.ndim) + slope.shape)
    shared = [k for k, n in enumerate(slope.shape, start=1) if n == 1]
    return predicting([layers.PReLU(shared_axes=shared)], [slope], x, back)


@maps("Softmax", "LogSoftmax")
def softmax(case):
    """Over any axis; before opset 13 over all axes from one on, as one row."""
    cls = getattr(layers, case.operator)
    if case.opset < 13:
        axis = case.get("axis", 1)
        x = case.x.reshape(int(np.prod(case.x.shape[:axis], dtype=int)), -1)
        return predicting([cls()], [], x, lambda y: y.reshape(case.x.shape))
    axis = case.get("axis", -1)
    return predicting(
        [cls()], [], np.moveaxis(case.x, axis, -1), lambda y: np.moveaxis(y, -1, axis)
    )
