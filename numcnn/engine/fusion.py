"""Which layers become which step: the pattern table, longest first.

A layer that no pattern knows, and one of a subclass that may have changed anything, becomes a step
that calls the layer as it is written. So everything works from the first day, and what matters gets
fast.
"""

import numpy as np

from numcnn.engine import averages
from numcnn.engine.averages import AVERAGED
from numcnn.engine.curves import CurveStep, PReluStep, apart, curve_of
from numcnn.engine.folding import Folded
from numcnn.engine.normalization import BatchNormStep, NormPoolStep
from numcnn.engine.pooled import MOST_TAPS, PooledConvStep, PoolStep
from numcnn.engine.prices import ActivityPrice
from numcnn.engine.products import ConvStep, DenseStep
from numcnn.engine.steps import DropoutStep, LayerStep, PriceStep, ReluStep, Step, ViewStep
from numcnn.engine.transposed import TransposedStep
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.layers.activations import Linear, ReLU
from numcnn.layers.base import Layer
from numcnn.layers.batchnorm import BatchNormalization
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.conv2dtranspose import Conv2DTranspose
from numcnn.layers.dense import Dense
from numcnn.layers.depthwiseconv2d import DepthwiseConv2D
from numcnn.layers.dropout import Dropout
from numcnn.layers.flatten import Flatten, Reshape
from numcnn.layers.maxpool2d import MaxPool2D
from numcnn.layers.names import Activation
from numcnn.layers.rectifiers import PReLU
from numcnn.layers.separableconv2d import SeparableConv2D

# Layers that are sums of products with a bias, and an activation that a step may take with them.
PRODUCTS = (Conv2D, Conv2DTranspose, Dense, DepthwiseConv2D, SeparableConv2D)


def fuse(layers: list[Layer], dtype: str, exact: bool = False, folded: bool = False) -> list[Step]:
    """Return the steps that do the work of these layers, in order.

    exact: without Winograd. folded: with batch normalization in the weights, for predictions alone.
    """
    steps: list[Step] = []
    rest = [part for layer in layers for part in _parts(layer, dtype)]
    while rest:
        step, used = _next_step(rest, dtype, exact, folded)
        steps.append(step)
        rest = rest[used:]
    return steps


def _parts(layer: Layer, dtype: str) -> list[Layer]:
    """Return the layer, or it and its activation apart where there is a step for either."""
    if type(layer) not in PRODUCTS or not curve_of(layer.activation):  # type: ignore[attr-defined]
        return [layer]
    parts = apart(layer)
    return [layer] if any(_why_not(part, dtype) for part in parts) else parts


def _next_step(rest: list[Layer], dtype: str, exact: bool, folded: bool) -> tuple[Step, int]:
    """Return (the step that begins with the first layer, how many layers it takes)."""
    first = rest[0]
    if reason := _why_not(first, dtype):
        return LayerStep(first, dtype, reason), 1
    if type(first) in PRODUCTS:
        relu = _is_relu(first.activation)  # type: ignore[attr-defined]
        folded = folded and not relu and len(rest) > 1 and not _why_not(rest[1], dtype)
        folded = folded and Folded.fits(first, rest[1])
        used = 2 if folded else 1
        if not relu and len(rest) > used and _is_relu(rest[used]):
            relu, used = True, used + 1
        if type(first) is Dense:
            return DenseStep(rest[:used], dtype, relu), used
        if type(first) is Conv2DTranspose:
            return TransposedStep(rest[:used], dtype, relu), used
        if type(first) in (DepthwiseConv2D, SeparableConv2D):
            # Its kernels are loaded where they are needed, which is seldom.
            from numcnn.engine.depthwise import DepthwiseStep, SeparableStep

            step = SeparableStep if type(first) is SeparableConv2D else DepthwiseStep
            return step(rest[:used], dtype, relu), used
        if len(rest) > used and not _why_not(rest[used], dtype):
            width = VECTOR_BYTES // np.dtype(dtype).itemsize
            if PooledConvStep.fits(first, rest[used], width, folded):
                return PooledConvStep(rest[: used + 1], dtype, relu, exact), used + 1
        return ConvStep(rest[:used], dtype, relu, exact), used
    if type(first) in AVERAGED:
        return averages.step_of(first, dtype), 1
    if type(first) is MaxPool2D:
        return PoolStep(first, dtype), 1
    if type(first) is BatchNormalization:
        relu = len(rest) > 1 and _is_relu(rest[1]) and not _why_not(rest[1], dtype)
        used = 2 if relu else 1
        if len(rest) > used and type(rest[used]) is MaxPool2D and not _why_not(rest[used], dtype):
            return NormPoolStep(rest[: used + 1], dtype, relu), used + 1
        return BatchNormStep(rest[:used], dtype, relu), used
    if type(first) is ActivityPrice:
        return PriceStep(first, dtype), 1
    if type(first) is PReLU:
        return PReluStep(first, dtype), 1
    if curve_of(first):
        return CurveStep(first, dtype), 1
    if type(first) is Dropout:
        return DropoutStep(first, dtype), 1
    if _is_relu(first):
        return ReluStep([first], dtype), 1
    return ViewStep([first], dtype), 1


def _is_relu(layer: Layer) -> bool:
    if type(layer) is Activation:
        layer = layer.activation
    return type(layer) is ReLU and layer.plain


def _why_not(layer: Layer, dtype: str) -> str:
    """Return why the layer has to be called as it is, or '' where there is a step for it."""
    known: tuple[type, ...] = (*PRODUCTS, *AVERAGED, ActivityPrice, BatchNormalization, MaxPool2D)
    known += (Dropout, Flatten, PReLU, Reshape)
    if type(layer) not in known and not _is_relu(layer) and not curve_of(layer):
        return f"no step knows {type(layer).__name__}"
    if layer.dtype != dtype:
        return f"its type is {layer.dtype}, the model's {dtype}"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "channels first"
    if isinstance(layer, BatchNormalization) and layer.axis not in (-1, len(layer.input_shape) - 1):
        return "channels that do not come last"
    if isinstance(layer, MaxPool2D) and layer.n_taps > MOST_TAPS:
        return f"windows of more than {MOST_TAPS} pixels"
    if type(layer) in AVERAGED and (reason := averages.why_not(layer)):
        return reason
    activation = getattr(layer, "activation", None)
    if type(layer) in PRODUCTS and not (
        type(activation) is Linear or _is_relu(activation)  # type: ignore[arg-type]
    ):
        return f"the activation {type(activation).__name__}"
    return ""
