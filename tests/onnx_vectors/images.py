"""ONNX's test cases of images: convolutions, poolings, borders, sizes."""

import numpy as np
from onnx_vectors.mapping import Unmapped, maps, predicting, to_last, to_second
from properties.rig import Rig

from numcnn import layers


class Windows:
    """The windows of a convolution or pooling. Rows of pixels are images of height 1."""

    def __init__(self, case, kernel):
        self.axes = case.x.ndim - 2
        if self.axes == 3:
            raise Unmapped("images of three axes")
        one = (1,) * (2 - self.axes)
        self.kernel = one + tuple(case.get("kernel_shape", kernel))
        self.strides = one + tuple(case.get("strides", (1,) * self.axes))
        self.dilations = one + tuple(case.get("dilations", (1,) * self.axes))
        given = np.array(case.get("pads", (0,) * 2 * self.axes)).reshape(2, self.axes).T.tolist()
        self.pads = [[0, 0]] * len(one) + given
        self.sizes = one + case.x.shape[2:]
        self.auto = case.get("auto_pad", "NOTSET")
        if self.auto.startswith("SAME"):
            self.pads = self.same(self.auto == "SAME_LOWER")

    def reaches(self):
        return [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]

    def same(self, more_in_front=False):
        """The pads with which as many windows as size / stride, rounded up, fit."""
        pads = []
        for n, s, reach in zip(self.sizes, self.strides, self.reaches(), strict=True):
            total = max((-(-n // s) - 1) * s + reach - n, 0)
            pads.append(sorted([total // 2, total - total // 2], reverse=more_in_front))
        return pads

    @property
    def padding(self):
        """Keras's word for the pads; None if it has none."""
        if not np.any(self.pads):
            return "valid"
        return "same" if self.pads == self.same() else None

    def pool(self):
        """The arguments of a pooling layer, and whether images are to be turned around for it."""
        if max(self.dilations) > 1:
            raise Unmapped("pools with dilations")
        turned = self.auto == "SAME_LOWER" and not self.padding
        padding = "same" if turned else self.padding
        return {"pool_size": self.kernel, "strides": self.strides, "padding": padding}, turned

    def check_rounding(self):
        """Raise Unmapped if windows that hang over the edge count."""
        for n, s, reach, pad in zip(
            self.sizes, self.strides, self.reaches(), self.pads, strict=True
        ):
            if (n + sum(pad) - reach) % s:
                raise Unmapped("ceil_mode=1")

    def run(self, network, weights, x, turned=False):
        x = x if self.axes == 2 else x[:, :, None]
        step = -1 if turned else 1

        def back(y):
            y = to_second(y[:, ::step, ::step])
            return y if self.axes == 2 else y[:, :, 0]

        return predicting(network, weights, to_last(x)[:, ::step, ::step], back)


@maps("Conv")
def conv(case):
    w, b = case.input(1), case.input(2)
    windows = Windows(case, w.shape[2:])
    w = w if windows.axes == 2 else w[:, :, None]
    filters, _, *kernel = w.shape
    channels, group = case.x.shape[1], case.get("group", 1)
    form = {
        "strides": windows.strides,
        "dilation_rate": windows.dilations,
        "padding": windows.padding or "valid",
        "use_bias": b is not None,
    }
    if group == 1:
        layer = layers.Conv2D(filters, kernel, **form)
        w = w.transpose(2, 3, 1, 0)
    elif group == channels:
        layer = layers.DepthwiseConv2D(kernel, depth_multiplier=filters // channels, **form)
        w = w.reshape(channels, -1, *kernel).transpose(2, 3, 0, 1)
    else:
        raise Unmapped("groups of several channels")
    border = [] if windows.padding else [layers.ZeroPadding2D(windows.pads)]
    return windows.run([*border, layer], [w] if b is None else [w, b], case.x)


@maps("ConvTranspose")
def conv_transpose(case):
    """All that the windows paint, and then what pads cut off."""
    w, b = case.input(1), case.input(2)
    if case.get("group", 1) != 1:
        raise Unmapped("groups of a transposed convolution")
    windows = Windows(case, w.shape[2:])
    w = w if windows.axes == 2 else w[:, :, None]
    form = {"strides": windows.strides, "dilation_rate": windows.dilations}
    weights = [w.transpose(2, 3, 1, 0)] if b is None else [w.transpose(2, 3, 1, 0), b]
    if windows.auto == "SAME_UPPER":
        form["padding"], cut = "same", None
    else:
        more, cut = pads_of_transpose(case, windows)
        form["output_padding"] = more if any(more) else None
    network = [layers.Conv2DTranspose(w.shape[1], w.shape[2:], use_bias=b is not None, **form)]
    if np.any(cut):
        network.append(layers.Cropping2D(cut))
    return windows.run(network, weights, case.x)


def pads_of_transpose(case, windows):
    """Return output_padding and what is cut off, so that output_shape comes out if it is given."""
    more = (0,) * (2 - windows.axes) + tuple(case.get("output_padding", (0,) * windows.axes))
    wanted = case.get("output_shape")
    if wanted is None:
        return more, windows.pads
    painted = [
        s * (n - 1) + reach
        for n, s, reach in zip(windows.sizes, windows.strides, windows.reaches(), strict=True)
    ]
    over = [p + m - n for p, m, n in zip(painted, more, wanted, strict=True)]
    more = tuple(m + max(-o, 0) for m, o in zip(more, over, strict=True))
    return more, [[o - o // 2, o // 2] if o > 0 else [0, 0] for o in over]


@maps("AveragePool", "MaxPool")
def pool(case):
    """Where the odd row of a border is in front, not behind, images are turned by 180 degrees."""
    windows = Windows(case, None)
    if case.get("ceil_mode", 0):
        windows.check_rounding()
    form, turned = windows.pool()
    border = []
    if case.get("count_include_pad", 0) and np.any(windows.pads):
        border, form["padding"] = [layers.ZeroPadding2D(windows.pads)], "valid"
    if form["padding"] is None:
        raise Unmapped("pads of a pool that are not those of 'same'")
    cls = layers.MaxPool2D if case.operator == "MaxPool" else layers.AveragePooling2D
    return windows.run([*border, cls(**form)], [], case.x, turned)


@maps("GlobalAveragePool", "GlobalMaxPool")
def global_pool(case):
    cls = {
        "GlobalAveragePool": layers.GlobalAveragePooling2D,
        "GlobalMaxPool": layers.GlobalMaxPooling2D,
    }[case.operator]
    return predicting([cls(keepdims=True)], [], to_last(case.x), to_second)


@maps("BatchNormalization")
def batch_normalization(case):
    """In training ONNX returns the moving statistics too, as they are afterwards."""
    weights = [case.input(k) for k in range(1, 5)]
    x, training = to_last(case.x), case.get("training_mode", 0)

    def run(engine):
        layer = layers.BatchNormalization(
            momentum=case.get("momentum", 0.9), epsilon=case.get("epsilon", 1e-5)
        )
        rig = Rig(engine, [layer], x.shape[1:], weights, "float32")
        if not training:
            return [to_second(rig.predict(x))]
        y = rig.train(x, np.zeros_like(x)).y
        layer.after_update()
        return [to_second(y), *layer.get_weights()[2:]]

    return run


@maps("Pad")
def pad(case):
    """ZeroPadding2D, in ONNX's own layout."""
    pads = case.input(1) if case.input(1) is not None else case.get("pads")
    value = case.input(2) if case.input(2) is not None else case.get("value", 0.0)
    axes = case.input(3) if case.input(3) is not None else range(case.x.ndim)
    if case.get("mode", "constant") != "constant" or np.any(value != 0):
        raise Unmapped("a border that is not of zeros")
    border = np.zeros((case.x.ndim, 2), int)
    border[list(axes)] = np.reshape(pads, (2, -1)).T
    if case.x.ndim != 4 or border[:2].any() or (border < 0).any():
        raise Unmapped("a border around something else than images")
    layer = layers.ZeroPadding2D(border[2:].tolist(), data_format="channels_first")
    return predicting([layer], [], case.x)


@maps("Slice")
def cut(case):
    """Cropping2D; an array of three axes is one image."""
    starts, ends = (case.input(k) for k in (1, 2))
    axes = case.input(3) if case.input(3) is not None else range(case.x.ndim)
    steps = case.input(4) if case.input(4) is not None else [1]
    if case.inputs[1] is None or case.x.ndim != 3 or any(step != 1 for step in steps):
        raise Unmapped("slices that leave pixels out")
    cropping = [[0, 0], [0, 0], [0, 0]]
    for start, end, axis in zip(starts, ends, axes, strict=True):
        first, last, _ = slice(int(start), int(end)).indices(case.x.shape[axis])
        cropping[axis] = [first, case.x.shape[axis] - last]
        if last <= first:
            raise Unmapped("slices without a pixel")
    if any(cropping[2]):
        raise Unmapped("slices that leave channels out")
    return predicting([layers.Cropping2D(cropping[:2])], [], case.x[None], lambda y: y[0])


@maps("Resize", "Upsample")
def resize(case):
    upsample = case.operator == "Upsample"
    shape = np.array(case.outputs[0].shape)
    if case.x.ndim != 4 or (shape % case.x.shape).any() or (shape[:2] != case.x.shape[:2]).any():
        raise Unmapped("images that do not grow by whole factors")
    size = (shape[2:] // case.x.shape[2:]).tolist()
    mode = case.get("mode", "nearest")
    where = case.get("coordinate_transformation_mode", "half_pixel")
    rounding = case.get("nearest_mode", "round_prefer_floor")
    middles = mode == "linear" and where in ("half_pixel", "half_pixel_symmetric")
    squares = (where, rounding) in [("half_pixel", "round_prefer_floor"), ("asymmetric", "floor")]
    if middles:
        layer = layers.UpSampling2D(size, interpolation="bilinear")
    elif mode == "nearest" and (upsample or squares):
        layer = layers.UpSampling2D(size)
    else:
        raise Unmapped("interpolations that UpSampling2D does not have")
    return predicting([layer], [], to_last(case.x), to_second)
