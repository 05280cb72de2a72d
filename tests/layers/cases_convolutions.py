"""Cases of the other convolutions."""

import numpy as np
import oracles
from hypothesis import strategies as st
from layers.cases import Case, image_windows, seeds, to_given, to_last

from numcnn import layers

few = st.integers(1, 2)
batches = st.integers(0, 2)
activations = st.sampled_from([None, "relu", "tanh"])


def case_of(draw, layer, shape, data_format, activation, scores, backward):
    """Return the case of a layer that ends in b and an activation.

    scores: (x, params) -> z; backward: (x, params, dz) -> gradients, all with the channels last.
    """
    name = activation or "linear"

    def z(x, params):
        return scores(to_last(x, data_format), params)

    def all_gradients(x, params, dy):
        dz = oracles.activation_backward(name, z(x, params), to_last(dy, data_format))
        found = backward(to_last(x, data_format), params, dz)
        found["x"] = to_given(found["x"], data_format)
        return {key: found[key] for key in ("x", *params)}

    return Case(
        layer,
        shape,
        draw(batches),
        draw(seeds),
        lambda x, params: to_given(oracles.ACTIVATIONS[name](z(x, params)), data_format),
        all_gradients,
        exact=name != "tanh",
    )


def bias(params, n):
    return params.get("b", np.zeros(n))


@st.composite
def depthwise_conv2d_cases(draw):
    kernel, strides, dilation, padding, data_format, shape = draw(image_windows(dilated=True))
    c = shape[-1 if data_format == "channels_last" else 0]
    m, activation = draw(few), draw(activations)
    layer = layers.DepthwiseConv2D(
        kernel,
        strides,
        padding,
        depth_multiplier=m,
        data_format=data_format,
        dilation_rate=dilation,
        activation=activation,
        use_bias=draw(st.booleans()),
    )
    how = strides, padding, dilation

    def scores(x, params):
        return oracles.depthwise_conv2d(x, params["w"], bias(params, c * m), *how)

    def backward(x, params, dz):
        dx, dw, db = oracles.depthwise_conv2d_backward(x, params["w"], dz, *how)
        return {"x": dx, "w": dw, "b": db}

    return case_of(draw, layer, shape, data_format, activation, scores, backward)


@st.composite
def separable_conv2d_cases(draw):
    kernel, strides, dilation, padding, data_format, shape = draw(image_windows(dilated=True))
    c = shape[-1 if data_format == "channels_last" else 0]
    m, f, activation = draw(few), draw(few), draw(activations)
    layer = layers.SeparableConv2D(
        f,
        kernel,
        strides,
        padding,
        depth_multiplier=m,
        data_format=data_format,
        dilation_rate=dilation,
        activation=activation,
        use_bias=draw(st.booleans()),
    )
    how, none = (strides, padding, dilation), np.zeros(c * m)

    def scores(x, params):
        h = oracles.depthwise_conv2d(x, params["w_depth"], none, *how)
        return oracles.conv2d(h, params["w_point"], bias(params, f))

    def backward(x, params, dz):
        h = oracles.depthwise_conv2d(x, params["w_depth"], none, *how)
        dh, dpoint, db = oracles.conv2d_backward(h, params["w_point"], dz)
        dx, ddepth, _ = oracles.depthwise_conv2d_backward(x, params["w_depth"], dh, *how)
        return {"x": dx, "w_depth": ddepth, "w_point": dpoint, "b": db}

    return case_of(draw, layer, shape, data_format, activation, scores, backward)


def painted_size(n, k, s, d, padding, more):
    """Keras's rule for the size of what a transposed convolution paints, axis by axis."""
    reach = k + (k - 1) * (d - 1)
    if more is not None:
        return (n - 1) * s + reach - 2 * (reach // 2 if padding == "same" else 0) + more
    return n * s if padding == "same" else n * s + max(reach - s, 0)


@st.composite
def conv2d_transpose_cases(draw):
    kernel, strides, dilation, padding, data_format, _ = draw(image_windows(dilated=True))
    size, c, f = (draw(st.integers(1, 3)), draw(st.integers(1, 3))), draw(few), draw(few)
    shape = (*size, c) if data_format == "channels_last" else (c, *size)
    more = None
    # An even window with 'same' leaves one pixel less than a convolution needs: it is put back.
    even = [(d * (k - 1) + 1) % 2 == 0 for k, d in zip(kernel, dilation, strict=True)]
    least = [int(padding == "same" and e) for e in even]
    fits = all(low < s for low, s in zip(least, strides, strict=True))
    if fits and draw(st.booleans()):
        more = [draw(st.integers(low, s - 1)) for low, s in zip(least, strides, strict=True)]
    activation = draw(activations)
    layer = layers.Conv2DTranspose(
        f,
        kernel,
        strides,
        padding,
        output_padding=more,
        data_format=data_format,
        dilation_rate=dilation,
        activation=activation,
        use_bias=draw(st.booleans()),
    )
    out = tuple(
        painted_size(*axis, padding, None if more is None else more[i])
        for i, axis in enumerate(zip(size, kernel, strides, dilation, strict=True))
    )
    cut = [before for before, _ in oracles.pads(padding, out, kernel, strides, dilation)]
    how = strides, cut, dilation

    def scores(x, params):
        return oracles.conv2d_transpose(x, params["w"], bias(params, f), out, *how)

    def backward(x, params, dz):
        dx, dw, db = oracles.conv2d_transpose_backward(x, params["w"], dz, *how)
        return {"x": dx, "w": dw, "b": db}

    return case_of(draw, layer, shape, data_format, activation, scores, backward)


CASES = {
    "DepthwiseConv2D": depthwise_conv2d_cases(),
    "SeparableConv2D": separable_conv2d_cases(),
    "Conv2DTranspose": conv2d_transpose_cases(),
}
