"""What each layer becomes in ONNX. To export one more, write its function and name it below.

A function is given the graph, whose last value is what the layer gets, and adds the layer's nodes.
It says which layout it needs and which shape comes out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn.export.activations import ACTIVATIONS, activate
from numcnn.export.graph import TO_CHANNELS_LAST, Array, Graph
from numcnn.layers.im2col import image_shape

Exporter = Callable[[Graph, Any], None]


def inner(layer: Any) -> str:
    """Return the name of the node before the activation."""
    return layer.name if type(layer.activation).__name__ == "Linear" else f"{layer.name}/z"


def lay_out(graph: Graph, layer: Any) -> None:
    """Lay images out as (N, C, H, W), as ONNX computes on them."""
    if layer.data_format == "channels_last":
        graph.channels_first(layer.name)
    else:
        graph.as_numcnn_has_it(layer.name)


def windows(graph: Graph, layer: Any) -> dict[str, Any]:
    """Lay images out for ONNX; return the attributes of a window that slides over them."""
    ih, iw, _ = image_shape(type(layer).__name__, graph.shape, layer.data_format)
    lay_out(graph, layer)
    _, ((top, bottom), (left, right)) = layer.geometry(ih, iw)
    graph.shape = layer.compute_output_shape(graph.shape)
    return {"strides": layer.strides, "pads": (top, left, bottom, right)}


def conv2d(graph: Graph, layer: Any) -> None:
    """Conv, whose weights are (F, C, KH, KW)."""
    attributes = windows(graph, layer)
    w = layer.params["w"].transpose(3, 2, 0, 1)
    weights = [graph.weight(f"{layer.name}/kernel", w)]
    if layer.use_bias:
        weights.append(graph.weight(f"{layer.name}/bias", layer.params["b"]))
    shape = {"kernel_shape": layer.kernel_size, "dilations": layer.dilation_rate}
    graph.node("Conv", inner(layer), *weights, **shape, **attributes)
    activate(graph, layer.activation, layer.name)


def conv2d_transpose(graph: Graph, layer: Any) -> None:
    """ConvTranspose, whose weights are (C, F, KH, KW)."""
    before = graph.shape
    attributes = windows(graph, layer)
    first = 0 if layer.data_format == "channels_last" else 1
    more = []
    for axis in (0, 1):
        reach = layer.dilation_rate[axis] * (layer.kernel_size[axis] - 1) + 1
        cut = attributes["pads"][axis] + attributes["pads"][axis + 2]
        painted = layer.strides[axis] * (before[first + axis] - 1) + reach - cut
        more.append(graph.shape[first + axis] - painted)
    weights = [graph.weight(f"{layer.name}/kernel", layer.params["w"].transpose(3, 2, 0, 1))]
    if layer.use_bias:
        weights.append(graph.weight(f"{layer.name}/bias", layer.params["b"]))
    attributes |= {"kernel_shape": layer.kernel_size, "dilations": layer.dilation_rate}
    graph.node("ConvTranspose", inner(layer), *weights, output_padding=more, **attributes)
    activate(graph, layer.activation, layer.name)


def depthwise_conv2d(graph: Graph, layer: Any) -> None:
    """Conv with as many groups as there are channels."""
    weights = [graph.weight(f"{layer.name}/kernel", by_channel(layer.params["w"]))]
    if layer.use_bias:
        weights.append(graph.weight(f"{layer.name}/bias", layer.params["b"]))
    attributes = windows(graph, layer) | {"group": layer.params["w"].shape[2]}
    attributes |= {"kernel_shape": layer.kernel_size, "dilations": layer.dilation_rate}
    graph.node("Conv", inner(layer), *weights, **attributes)
    activate(graph, layer.activation, layer.name)


def separable_conv2d(graph: Graph, layer: Any) -> None:
    """Conv for each channel, and Conv that mixes them."""
    w, point = layer.params["w_depth"], layer.params["w_point"]
    depth_name = graph.weight(f"{layer.name}/depthwise_kernel", by_channel(w))
    point_name = graph.weight(f"{layer.name}/pointwise_kernel", point.transpose(3, 2, 0, 1))
    bias = [graph.weight(f"{layer.name}/bias", layer.params["b"])] if layer.use_bias else []
    attributes = windows(graph, layer) | {"group": w.shape[2], "dilations": layer.dilation_rate}
    kernel = {"kernel_shape": layer.kernel_size}
    graph.node("Conv", f"{layer.name}/depthwise", depth_name, **attributes, **kernel)
    graph.node("Conv", inner(layer), point_name, *bias, kernel_shape=(1, 1))
    activate(graph, layer.activation, layer.name)


def by_channel(w: Array) -> Array:
    """Return (KH, KW, C, M) weights as ONNX has them for C groups, (C*M, 1, KH, KW)."""
    kh, kw, c, m = w.shape
    return w.transpose(2, 3, 0, 1).reshape(c * m, 1, kh, kw)


def max_pool2d(graph: Graph, layer: Any) -> None:
    """MaxPool, whose border never wins, as here."""
    attributes = windows(graph, layer)
    graph.node("MaxPool", layer.name, kernel_shape=layer.pool_size, **attributes)


def average_pool2d(graph: Graph, layer: Any) -> None:
    """AveragePool, whose border does not count, as here."""
    attributes = windows(graph, layer)
    graph.node(
        "AveragePool",
        layer.name,
        kernel_shape=layer.pool_size,
        count_include_pad=0,
        **attributes,
    )


def global_pool2d(graph: Graph, layer: Any) -> None:
    """GlobalAveragePool or GlobalMaxPool, and Flatten where the pixel's axes go."""
    lay_out(graph, layer)
    operator = type(layer).__name__.removesuffix("ing2D")
    graph.node(operator, layer.name if layer.keepdims else f"{layer.name}/pixel")
    graph.shape = layer.compute_output_shape(graph.shape)
    if not layer.keepdims:
        graph.node("Flatten", layer.name, axis=1)
        graph.moved = False


def zero_padding2d(graph: Graph, layer: Any) -> None:
    """Pad, with zeros."""
    h, w = rows_and_columns(graph, layer)
    pads = np.zeros((2, 4), np.int64)
    pads[:, h], pads[:, w] = layer.padding
    graph.node("Pad", layer.name, graph.weight(f"{layer.name}/pads", pads.ravel()))
    graph.shape = layer.compute_output_shape(graph.shape)


def cropping2d(graph: Graph, layer: Any) -> None:
    """Slice, along rows and columns."""
    h, w = rows_and_columns(graph, layer)
    (top, bottom), (left, right) = layer.cropping
    sizes = graph.shape if layer.data_format == "channels_last" else graph.shape[1:]
    ends = {"starts": [top, left], "ends": [sizes[0] - bottom, sizes[1] - right], "axes": [h, w]}
    names = [graph.weight(f"{layer.name}/{k}", np.array(v, np.int64)) for k, v in ends.items()]
    graph.node("Slice", layer.name, *names)
    graph.shape = layer.compute_output_shape(graph.shape)


def up_sampling2d(graph: Graph, layer: Any) -> None:
    """Resize, each pixel a square, or with straight lines between their middles."""
    h, w = rows_and_columns(graph, layer)
    scales = np.ones(4, np.float32)
    scales[[h, w]] = layer.size
    kind = "linear" if layer.interpolation == "bilinear" else "nearest"
    more = {"nearest_mode": "floor"} if kind == "nearest" else {}
    where = "asymmetric" if kind == "nearest" else "half_pixel"
    scales_name = graph.weight(f"{layer.name}/scales", scales)
    graph.node(
        "Resize", layer.name, "", scales_name,
        mode=kind, coordinate_transformation_mode=where, **more,
    )  # fmt: skip
    graph.shape = layer.compute_output_shape(graph.shape)


def rows_and_columns(graph: Graph, layer: Any) -> tuple[int, int]:
    """Return the axes of rows and columns in the last value."""
    first = 1 if layer.data_format == "channels_last" else 2
    return graph.axis(first), graph.axis(first + 1)


def permute(graph: Graph, layer: Any) -> None:
    """Transpose."""
    graph.as_numcnn_has_it(layer.name)
    graph.node("Transpose", layer.name, perm=(0, *layer.dims))
    graph.shape = layer.compute_output_shape(graph.shape)


def p_relu(graph: Graph, layer: Any) -> None:
    """PRelu, whose slopes are spread over the batch."""
    graph.as_numcnn_has_it(layer.name)
    slope = graph.weight(f"{layer.name}/alpha", layer.params["alpha"])
    graph.node("PRelu", layer.name, slope)


def dense(graph: Graph, layer: Any) -> None:
    """Gemm on rows; MatMul and Add where there are axes between."""
    graph.as_numcnn_has_it(layer.name)
    w = graph.weight(f"{layer.name}/kernel", layer.params["w"])
    b = [graph.weight(f"{layer.name}/bias", layer.params["b"])] if layer.use_bias else []
    z = inner(layer)
    if len(graph.shape) == 1:
        graph.node("Gemm", z, w, *b)
    else:
        graph.node("MatMul", f"{layer.name}/product" if b else z, w)
        if b:
            graph.node("Add", z, *b)
    graph.shape = layer.compute_output_shape(graph.shape)
    activate(graph, layer.activation, layer.name)


def batch_normalization(graph: Graph, layer: Any) -> None:
    """BatchNormalization where the channels are ONNX's second axis, else Mul and Add."""
    axis = layer.channel_axis(len(graph.shape) + 1)
    if len(graph.shape) == 3 and axis == 3:
        graph.channels_first(layer.name)
    mean, var = layer.statistics["moving_mean"], layer.statistics["moving_variance"]
    gamma = layer.params["gamma"] if layer.scale else np.ones_like(mean)
    beta = layer.params["beta"] if layer.center else np.zeros_like(mean)
    if graph.axis(axis) == 1:
        named = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": var}
        weights = [graph.weight(f"{layer.name}/{name}", array) for name, array in named.items()]
        graph.node("BatchNormalization", layer.name, *weights, epsilon=layer.epsilon)
        return
    # gamma * (x - mean) / std + beta = factor * x + (beta - factor * mean)
    factor = gamma / np.sqrt(var.astype(np.float64) + layer.epsilon)
    shape = [1] * (len(graph.shape) + 1)
    shape[graph.axis(axis)] = -1
    factor_name = graph.weight(f"{layer.name}/factor", factor.reshape(shape))
    graph.node("Mul", f"{layer.name}/scaled", factor_name)
    shift_name = graph.weight(f"{layer.name}/shift", (beta - factor * mean).reshape(shape))
    graph.node("Add", layer.name, shift_name)


def flatten(graph: Graph, layer: Any) -> None:
    """Flatten, pixel by pixel as numcnn does it in both layouts."""
    graph.as_numcnn_has_it(layer.name)
    if len(graph.shape) == 3 and layer.data_format == "channels_first":
        graph.node("Transpose", f"{layer.name}/channels_last", perm=TO_CHANNELS_LAST)
    graph.node("Flatten", layer.name, axis=1)
    graph.shape = layer.compute_output_shape(graph.shape)


def reshape(graph: Graph, layer: Any) -> None:
    """Reshape; 0 stands for the size that is there, that of the batch."""
    graph.as_numcnn_has_it(layer.name)
    graph.shape = layer.compute_output_shape(graph.shape)
    shape = graph.weight(f"{layer.name}/shape", np.array([0, *graph.shape], np.int64))
    graph.node("Reshape", layer.name, shape)


def nothing(graph: Graph, layer: Any) -> None:
    """What does nothing in prediction is left out."""


def rescaling(graph: Graph, layer: Any) -> None:
    """Mul and Add."""
    graph.node("Mul", f"{layer.name}/scaled", graph.number(f"{layer.name}/scale", layer.scale))
    graph.node("Add", layer.name, graph.number(f"{layer.name}/offset", layer.offset))


def activation(graph: Graph, layer: Any) -> None:
    """An activation by name."""
    activate(graph, layer.activation, layer.name)


def itself(graph: Graph, layer: Any) -> None:
    """An activation that is a layer."""
    activate(graph, layer, layer.name)


EXPORTERS: dict[str, Exporter] = {
    "Activation": activation,
    "ActivityRegularization": nothing,
    "AlphaDropout": nothing,
    "AveragePooling2D": average_pool2d,
    "BatchNormalization": batch_normalization,
    "Conv2D": conv2d,
    "Conv2DTranspose": conv2d_transpose,
    "Cropping2D": cropping2d,
    "Dense": dense,
    "DepthwiseConv2D": depthwise_conv2d,
    "Dropout": nothing,
    "Flatten": flatten,
    "GaussianDropout": nothing,
    "GaussianNoise": nothing,
    "GlobalAveragePooling2D": global_pool2d,
    "GlobalMaxPooling2D": global_pool2d,
    "MaxPool2D": max_pool2d,
    "PReLU": p_relu,
    "Permute": permute,
    "Rescaling": rescaling,
    "Reshape": reshape,
    "SeparableConv2D": separable_conv2d,
    "SpatialDropout2D": nothing,
    "UpSampling2D": up_sampling2d,
    "ZeroPadding2D": zero_padding2d,
}
EXPORTERS |= dict.fromkeys(ACTIVATIONS, itself)
