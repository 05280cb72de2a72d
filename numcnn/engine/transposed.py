"""Conv2DTranspose as a step: a convolution with forward and dx exchanged.

The convolution that it is the transpose of goes from y's images to x's, with the same filters. So y
is that convolution's dx, dx is that convolution of dy, and dw is its dw with x in the place of dz:
three times the product of kernels/matmul.py, by the tables of geometry.py.
"""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.geometry import ConvGeometry, grid
from numcnn.engine.products import ProductStep
from numcnn.engine.steps import MOST_PIECES, Phase, Wires
from numcnn.kernels.matmul import matmul
from numcnn.layers.base import Layer
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.conv2dtranspose import Conv2DTranspose

Array = np.ndarray[Any, Any]


class TransposedStep(ProductStep):
    """Conv2DTranspose, with ReLU."""

    kernel = "matmul over strokes"
    why = "each pixel from the strokes that reach it"
    light = False

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype, relu)
        layer: Conv2DTranspose = layers[0]  # type: ignore[assignment]
        self.layer = layer
        self.ih, self.iw, self.c = layer.built_for or (0, 0, 0)
        # In the geometry of the convolution from y to x, y is the image and x are the outputs.
        like = Conv2D(
            self.c, layer.kernel_size, layer.strides, layer.padding, "channels_last",
            dilation_rate=layer.dilation_rate,
        )  # fmt: skip
        (oh, ow), _ = layer.geometry(self.ih, self.iw)
        like.built_for = oh, ow, layer.filters
        g = self.geometry = ConvGeometry(like)
        above, below, left, right = g.dz_border()
        self.bordered = any(g.dz_border())
        self.x_shape = (above + self.ih + below, left + self.iw + right, self.c)
        self.x_rows = grid((self.ih * self.iw, self.c))
        self.filters = grid((g.n_k, self.c))
        self.whole = sum(part.pixels.size for part in g.backward) == oh * ow

    def padded_x(self, wires: Wires) -> Array:
        """Return x with the border of zeros that strokes from outside come from, where needed."""
        if not self.bordered:
            return wires.x
        name = f"{self.name}: padded x"
        return wires.buffers.per_sample(name, self.x_shape, self.dtype)[: wires.n]

    def padded_dy(self, wires: Wires) -> Array:
        """Return dy with the border that was cut off y, as zeros."""
        g = self.geometry
        if not g.padded:
            return wires.dy  # type: ignore[return-value]
        shape = (g.ph, g.pw, g.c)
        return wires.buffers.per_sample(f"{self.name}: padded dy", shape, self.dtype)[: wires.n]

    def turned(self, wires: Wires) -> list[Array]:
        """Return where the filters of each part of y stand, (taps * C, F)."""
        g = self.geometry
        return [
            wires.buffers.take(f"{self.name}: w of part {i}", (part.cols.size, g.c), self.dtype)
            for i, part in enumerate(g.backward)
        ]

    def forms(self, wires: Wires) -> list[Task]:
        """Return how the filters get the order of y's taps."""
        turned, w = self.turned(wires), self.weights(wires)

        def task(worker: int) -> None:
            for part, to in zip(self.geometry.backward, turned, strict=True):
                to[...] = w[np.ix_(*part.taps)].transpose(0, 1, 3, 2).reshape(to.shape)

        return [task]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y, each pixel act(the sum over its taps of x @ w.T + b)."""
        g, parts, turned = self.geometry, self.geometry.backward, self.turned(wires)
        image, y, bias = self.padded_x(wires), wires.y.reshape(-1), self.bias(wires)
        x = image.reshape(-1)
        above, _, left, _ = g.dz_border()
        steps = (int(np.prod(self.x_shape)), 0, g.ih * g.iw * g.c)

        def task(worker: int, a: int, b: int) -> None:
            if self.bordered:
                image[a:b, above : above + self.ih, left : left + self.iw] = wires.x[a:b]
            if not self.whole:  # where no stroke reaches
                wires.y[a:b] = bias if bias.size else 0
                if self.relu:
                    np.maximum(wires.y[a:b], 0, out=wires.y[a:b])
            for part, w in zip(parts, turned, strict=True):
                where = (a, b, 0, part.pixels.size, 0, self.panels(g.c))
                matmul(
                    y, part.pixels, x, part.rows, part.cols, w.reshape(-1), g.c, 1, bias,
                    self.relu, g.c, where, steps, wires.scratch(worker),
                )  # fmt: skip

        return [wires.by_piece(task)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dz, then db, dw = windows of dz.T @ x and dx = windows of dz @ w."""
        g = self.geometry
        phase, sums = self.dz(wires, g.c)
        phases, rest = [phase], self.add_up(wires, "b", sums)
        image, dz = self.padded_dy(wires), wires.dy

        def put_border(a: int, b: int) -> None:
            if image is not dz:
                inside = image[a:b, g.top : g.top + g.ih, g.left : g.left + g.iw]
                inside[...] = dz[a:b]  # type: ignore[index]

        phases.append(wires.by_sample(put_border))
        if wires.gradient(self.layer, "w") is not None:
            phase, shares = self.dw(wires, image.reshape(-1))
            phases.append(phase)
            rest += self.add_up(wires, "w", shares)
        if wires.dx is not None:
            phases.append(self.dx(wires, image.reshape(-1)))
        return phases, rest

    def dw(self, wires: Wires, dz: Array) -> tuple[Phase, Array]:
        """Return each piece's dw."""
        g, x = self.geometry, wires.x.reshape(-1)
        shares = wires.buffers.take(f"{self.name}: dw", (MOST_PIECES, g.n_k * self.c), self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        steps = (g.x_step, self.ih * self.iw * self.c, 0)

        def task(worker: int, a: int, b: int) -> None:
            where = (a, b, 0, g.n_k, 0, self.panels(self.c))
            matmul(
                shares[numbers[a]], self.filters, dz, g.taps, g.windows, x, self.c, 1,
                self.no_bias, False, self.c, where, steps, wires.scratch(worker),
            )  # fmt: skip

        return wires.by_piece(task), shares

    def dx(self, wires: Wires, dz: Array) -> Phase:
        """Return dx, the convolution of dz."""
        g, dx = self.geometry, wires.dx.reshape(-1)  # type: ignore[union-attr]
        w = self.weights(wires).reshape(-1)
        steps = (g.x_step, 0, self.ih * self.iw * self.c)

        def task(worker: int, a: int, b: int) -> None:
            where = (a, b, 0, self.ih * self.iw, 0, self.panels(self.c))
            matmul(
                dx, self.x_rows, dz, g.windows, g.taps, w, self.c, 1, self.no_bias, False, self.c,
                where, steps, wires.scratch(worker),
            )  # fmt: skip

        return wires.by_piece(task)
