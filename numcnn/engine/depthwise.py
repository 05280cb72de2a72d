"""Steps that convolve each channel by itself: DepthwiseConv2D, and the first half of Separable.

Where a channel has M filters it is copied M times beside itself, so that there are C*M channels
with one filter each, in the order in which the layer's weights and outputs have them already.
"""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.geometry import ConvGeometry, grid
from numcnn.engine.products import ProductStep
from numcnn.engine.steps import MOST_PIECES, Phase, Wires
from numcnn.kernels.depthwise import depthwise, depthwise_dw
from numcnn.kernels.matmul import matmul
from numcnn.layers.base import Layer
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.depthwiseconv2d import DepthwiseConv2D
from numcnn.layers.separableconv2d import SeparableConv2D

Array = np.ndarray[Any, Any]


class DepthwiseStep(ProductStep):
    """DepthwiseConv2D, with ReLU."""

    kernel = "depthwise"
    why = "each channel by itself"
    light = False
    key = "w"  # the name of the filters (KH, KW, C, M)

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype, relu)
        layer: DepthwiseConv2D | SeparableConv2D = layers[0]  # type: ignore[assignment]
        self.layer = layer
        ih, iw, c = layer.built_for or (0, 0, 0)
        self.m = layer.depth_multiplier
        self.c = c * self.m
        # A convolution from C*M to as many channels moves over the image in the same way.
        like = Conv2D(
            self.c, layer.kernel_size, layer.strides, layer.padding, "channels_last",
            dilation_rate=layer.dilation_rate,
        )  # fmt: skip
        like.built_for = ih, iw, self.c
        g = self.geometry = ConvGeometry(like)
        self.taps, self.places = g.taps[:: self.c].copy(), grid((g.kh * g.kw, self.c))
        above, below, left, right = g.dz_border()
        self.z_shape = (above + g.oh + below, left + g.ow + right, self.c)
        z_row = self.z_shape[1] * self.c
        self.z_step = self.z_shape[0] * z_row
        self.inside = grid((g.oh, z_row), (g.ow, self.c)) + above * z_row + left * self.c

    def scratch_size(self) -> int:
        """Return that no panels are packed."""
        return 0

    def image(self, wires: Wires) -> Array:
        """Return x with its border of zeros and its channels M times; x itself where it is that."""
        g = self.geometry
        if not g.padded and self.m == 1:
            return wires.x
        shape = (g.ph, g.pw, self.c)
        return wires.buffers.per_sample(f"{self.name}: padded x", shape, self.dtype)[: wires.n]

    def copy_inside(self, wires: Wires, image: Array, a: int, b: int) -> None:
        """Copy the samples from a to b - 1 inside their border."""
        g = self.geometry
        if image is not wires.x:
            inside = image[a:b, g.top : g.top + g.ih, g.left : g.left + g.iw]
            for m in range(self.m):
                inside[..., m :: self.m] = wires.x[a:b]

    def forms(self, wires: Wires) -> list[Task]:
        """Return how the filters get the order of dx's taps."""
        if not wires.training or wires.dx is None:
            return []
        g, turned = self.geometry, self.turned(wires)
        w = self.layer.params[self.key].reshape(g.kh, g.kw, self.c)

        def task(worker: int) -> None:
            for part, to in zip(g.backward, turned, strict=True):
                to[...] = w[np.ix_(*part.taps)].reshape(to.shape)

        return [task]

    def turned(self, wires: Wires) -> list[Array]:
        """Return where the filters of each part of dx stand, (taps, C*M)."""
        return [
            wires.buffers.take(f"{self.name}: w of part {i}", (part.cols[:: self.c].size, self.c),
                               self.dtype)
            for i, part in enumerate(self.geometry.backward)
        ]  # fmt: skip

    def filtered(self, wires: Wires, y: Array, bias: Array, relu: bool) -> Any:
        """Return what computes y = act(filters over x + bias) for the samples from a to b - 1."""
        g, image = self.geometry, self.image(wires)
        x, w = image.reshape(-1), self.layer.params[self.key].reshape(-1)
        steps = (g.oh * g.ow * self.c, g.x_step)

        def piece(a: int, b: int) -> None:
            self.copy_inside(wires, image, a, b)
            depthwise(
                y, g.outs, x, g.windows, self.taps, w, bias, relu, self.c, (a, b), steps
            )  # fmt: skip

        return piece

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = act(filters over x + b)."""
        y, bias = wires.y.reshape(-1), self.bias(wires)
        return [wires.by_sample(self.filtered(wires, y, bias, self.relu))]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dz, then dw, db and dx."""
        phase, sums = self.dz(wires, self.c)
        phases, rest = [phase], self.add_up(wires, "b", sums)
        dz: Array = wires.dy  # type: ignore[assignment]
        z_step = self.geometry.oh * self.geometry.ow * self.c
        self.add_dw(wires, dz.reshape(-1), self.geometry.outs, z_step, phases, rest)
        if wires.dx is not None:
            z, g = self.bordered(wires), self.geometry
            above, _, left, _ = g.dz_border()

            def put_border(a: int, b: int) -> None:
                z[a:b, above : above + g.oh, left : left + g.ow] = dz[a:b]

            phases += [wires.by_sample(put_border), self.dx(wires)]
        return phases, rest

    def bordered(self, wires: Wires) -> Array:
        """Return where the gradient of the filters' outputs stands, in the zeros that dx needs."""
        name = f"{self.name}: padded dz"
        return wires.buffers.per_sample(name, self.z_shape, self.dtype)[: wires.n]

    def add_dw(
        self, wires: Wires, dz: Array, outs: Array, z_step: int, phases: list[Phase],
        rest: list[Task],
    ) -> None:  # fmt: skip
        """Add each piece's share of the filters' gradient, and their sum, to what is to be done."""
        if wires.gradient(self.layer, self.key) is None:
            return
        g, x = self.geometry, self.image(wires).reshape(-1)
        shape = (MOST_PIECES, g.kh * g.kw * self.c)
        shares = wires.buffers.take(f"{self.name}: dw", shape, self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}

        def piece(a: int, b: int) -> None:
            depthwise_dw(
                shares[numbers[a]], self.places, x, g.windows, self.taps, dz, outs, self.c,
                (a, b), (g.x_step, z_step),
            )  # fmt: skip

        phases.append(wires.by_sample(piece))
        rest += self.add_up(wires, self.key, shares)

    def dx(self, wires: Wires) -> Phase:
        """Return dx, each pixel the sum over its taps; where M is above 1, over its copies too."""
        g, dx = self.geometry, wires.dx
        z, turned = self.bordered(wires).reshape(-1), self.turned(wires)
        wide: Array = dx  # type: ignore[assignment]
        if self.m > 1:
            shape = (g.ih, g.iw, self.c)
            wide = wires.buffers.per_sample(f"{self.name}: wide dx", shape, self.dtype)[: wires.n]
        steps = (g.ih * g.iw * self.c, self.z_step)
        gaps = sum(part.pixels.size for part in g.backward) < g.ih * g.iw
        tables = [(part.pixels, part.rows, part.cols[:: self.c].copy()) for part in g.backward]

        def piece(a: int, b: int) -> None:
            if gaps:
                wide[a:b] = 0
            for (pixels, rows, taps), w in zip(tables, turned, strict=True):
                depthwise(
                    wide.reshape(-1), pixels, z, rows, taps, w.reshape(-1), self.no_bias, False,
                    self.c, (a, b), steps,
                )  # fmt: skip
            if self.m > 1:
                copies = wide[a:b].reshape(b - a, g.ih, g.iw, -1, self.m)
                np.sum(copies, axis=-1, out=dx[a:b])  # type: ignore[index]

        return wires.by_sample(piece)


class SeparableStep(DepthwiseStep):
    """SeparableConv2D, with ReLU: each channel by itself, then a product that mixes them."""

    kernel = "depthwise, matmul"
    why = "each channel by itself, then all of a pixel"
    key = "w_depth"

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype, relu)
        g = self.geometry
        self.f: int = self.layer.filters  # type: ignore[union-attr]
        self.n = g.oh * g.ow
        self.channels, self.filters = grid((self.c, 1)), grid((self.f, 1))
        self.h_rows, self.z_rows = grid((self.n, self.c)), grid((self.n, self.f))
        self.w_rows = grid((self.c, self.f))
        self.h_step, self.y_step = self.n * self.c, self.n * self.f

    def scratch_size(self) -> int:
        """Return the room for the panels of one group."""
        return ProductStep.scratch_size(self)

    def h(self, wires: Wires) -> Array:
        """Return where the filters' outputs stand."""
        g = self.geometry
        shape = (g.oh, g.ow, self.c)
        return wires.buffers.per_sample(f"{self.name}: h", shape, self.dtype)[: wires.n]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return h = filters over x, y = act(h @ w_point + b)."""
        h, y = self.h(wires).reshape(-1), wires.y.reshape(-1)
        w, bias = self.layer.params["w_point"].reshape(-1), self.bias(wires)
        filtered = self.filtered(wires, h, self.no_bias, False)

        def task(worker: int, a: int, b: int) -> None:
            filtered(a, b)
            matmul(
                y, self.z_rows, h, self.h_rows, self.channels, w, self.f, 1, bias, self.relu,
                self.f, (a, b, 0, self.n, 0, self.panels(self.f)), (self.h_step, 0, self.y_step),
                wires.scratch(worker),
            )  # fmt: skip

        return [wires.by_piece(task)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dz, then dw_point, db, dh = dz @ w_point.T, dw_depth and dx."""
        phase, sums = self.dz(wires, self.f)
        phases, rest = [phase], self.add_up(wires, "b", sums)
        dz = wires.dy.reshape(-1)  # type: ignore[union-attr]
        if wires.gradient(self.layer, "w_point") is not None:
            phase, shares = self.dw_point(wires, dz)
            phases.append(phase)
            rest += self.add_up(wires, "w_point", shares)
        if wires.dx is None and wires.gradient(self.layer, self.key) is None:
            return phases, rest
        dh, w = self.bordered(wires).reshape(-1), self.layer.params["w_point"].reshape(-1)

        def task(worker: int, a: int, b: int) -> None:
            matmul(
                dh, self.inside, dz, self.z_rows, self.filters, w, 1, self.f, self.no_bias, False,
                self.c, (a, b, 0, self.n, 0, self.panels(self.c)), (self.y_step, 0, self.z_step),
                wires.scratch(worker),
            )  # fmt: skip

        phases.append(wires.by_piece(task))
        self.add_dw(wires, dh, self.inside, self.z_step, phases, rest)
        if wires.dx is not None:
            phases.append(self.dx(wires))
        return phases, rest

    def dw_point(self, wires: Wires, dz: Array) -> tuple[Phase, Array]:
        """Return each piece's dw_point = h.T @ dz."""
        h = self.h(wires).reshape(-1)
        shape = (MOST_PIECES, self.c * self.f)
        shares = wires.buffers.take(f"{self.name}: dw_point", shape, self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}

        def task(worker: int, a: int, b: int) -> None:
            matmul(
                shares[numbers[a]], self.w_rows, h, self.channels, self.h_rows, dz, self.f, 1,
                self.no_bias, False, self.f, (a, b, 0, self.c, 0, self.panels(self.f)),
                (self.h_step, self.y_step, 0), wires.scratch(worker),
            )  # fmt: skip

        return wires.by_piece(task), shares
