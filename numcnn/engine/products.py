"""Steps that are matrix products: dense layers and convolutions, with what follows them."""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.geometry import ConvGeometry, grid
from numcnn.engine.steps import MOST_PIECES, Phase, Step, Wires
from numcnn.kernels.elementwise import relu_backward
from numcnn.kernels.matmul import DEPTH, matmul
from numcnn.kernels.simd import ROWS, VECTOR_BYTES
from numcnn.layers.base import Layer
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.dense import Dense

Array = np.ndarray[Any, Any]

GROUP = 8  # panels of columns at a time: 128 KB of scratch
SMALL = 2**14  # weights of a dense layer that is cut by samples, not by columns


def groups(n: int, width: int, size: int = GROUP) -> list[tuple[int, int]]:
    """Return the panels of n columns in groups: (first, last + 1)."""
    panels = -(-n // width)
    return [(q, min(q + size, panels)) for q in range(0, panels, size)]


class ProductStep(Step):
    """What dense layers and convolutions share: a bias, ReLU, sums over pieces."""

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype)
        self.relu = relu
        self.width = VECTOR_BYTES // self.dtype.itemsize
        self.no_bias = np.zeros(0, dtype)

    def bias(self) -> Array:
        """Return b, or an empty array."""
        return self.layers[0].params.get("b", self.no_bias)

    def scratch_size(self) -> int:
        """Return the room for the panels of one group."""
        return GROUP * DEPTH * self.width

    def dz(self, wires: Wires, columns: int) -> tuple[Phase, Array]:
        """Return how dy becomes dz, in its place, and where the pieces' sums for db stand."""
        layer = self.layers[0]
        sums = wires.buffers.take(f"{self.name}: db", (MOST_PIECES, columns), self.dtype)
        dy, y = wires.dy, wires.y
        if dy is None:
            raise ValueError(f"step {layer.name!r} has no gradient to go back from.")
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}

        def piece(a: int, b: int) -> None:
            g = dy[a:b].reshape(-1)
            relu_backward(g, g, y[a:b].reshape(-1), self.relu, sums[numbers[a]])

        return wires.by_sample(piece), sums

    def add_up(self, wires: Wires, name: str, partial: Array) -> list[Task]:
        """Return the task that adds the pieces' shares of a gradient up, in their order."""
        gradient = wires.gradient(self.layers[0], name)
        if gradient is None:
            return []
        shares = partial[: len(wires.pieces)]

        def task(worker: int) -> None:
            np.add.reduce(shares, axis=0, out=gradient.reshape(shares.shape[1:]))

        return [task]


class DenseStep(ProductStep):
    """Dense, with ReLU: z = x @ w + b."""

    kernel = "matmul"

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype, relu)
        self.dense: Dense = layers[0]  # type: ignore[assignment]
        self.d, self.u = self.dense.params["w"].shape
        self.small = self.d * self.u <= SMALL
        self.why = "by samples: few weights" if self.small else "by columns: many weights"
        self.inputs, self.units = grid((self.d, 1)), grid((self.u, 1))

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = relu(x @ w + b)."""
        x, y = wires.x.reshape(-1), wires.y.reshape(-1)
        w = self.dense.params["w"].reshape(-1)
        b = self.bias()
        rows = wires.y.size // self.u
        from_, to = grid((rows, self.d)), grid((rows, self.u))

        def part(worker: int, m0: int, m1: int, q0: int, q1: int) -> None:
            where = (0, 1, m0, m1, q0, q1)
            scratch = wires.scratch(worker)
            matmul(
                y, to, x, from_, self.inputs, w, self.u, 1, b, self.relu, self.u, where,
                (0, 0, 0), scratch,
            )  # fmt: skip

        return [self._cut(wires, part, self.u, 2)]

    def _cut(self, wires: Wires, part: Any, columns: int, size: int) -> Phase:
        """Return the phase that does all rows and columns of a product over the batch."""
        per_sample = wires.y.size // (self.u * wires.n)
        if self.small:
            all_columns = groups(columns, self.width)

            def rows_of(a: int, b: int) -> Task:
                def task(worker: int) -> None:
                    for q0, q1 in all_columns:
                        part(worker, a * per_sample, b * per_sample, q0, q1)

                return task

            return Phase([rows_of(a, b) for a, b in wires.pieces], by_sample=True)
        rows = wires.n * per_sample
        return Phase(
            [
                lambda worker, q0=q0, q1=q1: part(worker, 0, rows, q0, q1)
                for q0, q1 in groups(columns, self.width, size)
            ]
        )

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = dz @ w.T; left for later are dw = x.T @ dz and db = the sum of dz."""
        phase, sums = self.dz(wires, self.u)
        phases, rest = [phase], self.add_up(wires, "b", sums)
        dz = wires.dy.reshape(-1)  # type: ignore[union-attr]
        x, w = wires.x.reshape(-1), self.dense.params["w"].reshape(-1)
        rows = wires.y.size // self.u
        none = self.no_bias
        if wires.dx is not None:
            dx = wires.dx.reshape(-1)
            from_, to = grid((rows, self.u)), grid((rows, self.d))

            def part(worker: int, m0: int, m1: int, q0: int, q1: int) -> None:
                where = (0, 1, m0, m1, q0, q1)
                scratch = wires.scratch(worker)
                matmul(
                    dx, to, dz, from_, self.units, w, 1, self.u, none, False, self.d, where,
                    (0, 0, 0), scratch,
                )  # fmt: skip

            phases.append(self._cut(wires, part, self.d, GROUP))
        gradient = wires.gradient(self.dense, "w")
        if gradient is not None:
            dw = gradient.reshape(-1)
            samples, to_w = grid((rows, self.d)), grid((self.d, self.u))

            def rows_of_w(worker: int, m0: int, m1: int) -> None:
                for q0, q1 in groups(self.u, self.width):
                    where = (0, 1, m0, m1, q0, q1)
                    scratch = wires.scratch(worker)
                    matmul(
                        dw, to_w, x, self.inputs, samples, dz, self.u, 1, none, False, self.u,
                        where, (0, 0, 0), scratch,
                    )  # fmt: skip

            size = max(ROWS, -(-self.d // (16 * ROWS)) * ROWS)
            rest += [
                lambda worker, m=m: rows_of_w(worker, m, min(m + size, self.d))
                for m in range(0, self.d, size)
            ]
        return phases, rest


class ConvStep(ProductStep):
    """Conv2D, with ReLU: im2col's product without im2col."""

    kernel = "matmul over windows"
    why = "any window, stride, padding and dilation"

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype, relu)
        self.conv: Conv2D = layers[0]  # type: ignore[assignment]
        self.geometry = ConvGeometry(self.conv)
        self.filters = grid((self.geometry.n_k, self.geometry.f))

    def image(self, wires: Wires) -> Array:
        """Return x, with its border of zeros where it has one."""
        g = self.geometry
        if not g.padded:
            return wires.x
        shape = (g.ph, g.pw, g.c)
        return wires.buffers.per_sample(f"{self.name}: padded x", shape, self.dtype)[: wires.n]

    def copy_inside(self, wires: Wires, image: Array, a: int, b: int) -> None:
        """Copy the samples from a to b - 1 inside their border."""
        g = self.geometry
        if g.padded:
            image[a:b, g.top : g.top + g.ih, g.left : g.left + g.iw] = wires.x[a:b]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = relu(windows of x @ w + b)."""
        g, image = self.geometry, self.image(wires)
        x, y = image.reshape(-1), wires.y.reshape(-1)
        w, bias = self.conv.params["w"].reshape(-1), self.bias()
        steps = (g.x_step, 0, g.oh * g.ow * g.f)

        def task(worker: int, a: int, b: int) -> None:
            self.copy_inside(wires, image, a, b)
            for q0, q1 in groups(g.f, self.width):
                where = (a, b, 0, g.oh * g.ow, q0, q1)
                scratch = wires.scratch(worker)
                matmul(
                    y, g.outs, x, g.windows, g.taps, w, g.f, 1, bias, self.relu, g.f, where, steps,
                    scratch,
                )  # fmt: skip

        return [wires.by_piece(task)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dz, then what `from_dz` says."""
        phase, sums = self.dz(wires, self.geometry.f)
        phases, rest = self.from_dz(wires, wires.dy)  # type: ignore[arg-type]
        return [phase, *phases], rest + self.add_up(wires, "b", sums)

    def from_dz(self, wires: Wires, dz: Array) -> tuple[list[Phase], list[Task]]:
        """Return how dz gives dw, summed up piece by piece, and dx."""
        phases: list[Phase] = []
        rest: list[Task] = []
        if wires.gradient(self.conv, "w") is not None:
            phase, shares = self.dw(wires, dz)
            phases.append(phase)
            rest += self.add_up(wires, "w", shares)
        if wires.dx is not None:
            phases.append(self.dx(wires, dz))
        return phases, rest

    def dw(self, wires: Wires, dz: Array) -> tuple[Phase, Array]:
        """Return each piece's dw = windows.T @ dz."""
        g, x, z = self.geometry, self.image(wires).reshape(-1), dz.reshape(-1)
        shape = (MOST_PIECES, g.n_k * g.f)
        shares = wires.buffers.take(f"{self.name}: dw", shape, self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        steps = (g.x_step, g.oh * g.ow * g.f, 0)

        def task(worker: int, a: int, b: int) -> None:
            for q0, q1 in groups(g.f, self.width):
                where = (a, b, 0, g.n_k, q0, q1)
                scratch = wires.scratch(worker)
                matmul(
                    shares[numbers[a]], self.filters, x, g.taps, g.windows, z, g.f, 1,
                    self.no_bias, False, g.f, where, steps, scratch,
                )  # fmt: skip

        return wires.by_piece(task), shares

    def prepare(self, wires: Wires) -> list[Task]:
        """Return the filters turned round, as dx needs them."""
        if not wires.training or wires.dx is None:
            return []
        w, turned = self.conv.params["w"], self.turned(wires)

        def task(worker: int) -> None:
            for part, to in zip(self.geometry.backward, turned, strict=True):
                ys, xs = part.taps
                to[...] = w[np.ix_(ys, xs)].transpose(0, 1, 3, 2).reshape(to.shape)

        return [task]

    def turned(self, wires: Wires) -> list[Array]:
        """Return where the filters of each part of dx stand, (taps * F, C)."""
        g = self.geometry
        return [
            wires.buffers.take(f"{self.name}: w of part {i}", (part.cols.size, g.c), self.dtype)
            for i, part in enumerate(g.backward)
        ]

    def dx(self, wires: Wires, dz: Array) -> Phase:
        """Return dx, each pixel the sum over its taps of dz @ w.T."""
        g, parts, turned = self.geometry, self.geometry.backward, self.turned(wires)
        above, below, left, right = g.dz_border()
        shape = (above + g.oh + below, left + g.ow + right, g.f)
        bordered = any(g.dz_border())
        z = dz
        if bordered:
            z = wires.buffers.per_sample(f"{self.name}: padded dz", shape, self.dtype)[: wires.n]
        dx, flat = wires.dx.reshape(-1), z.reshape(-1)  # type: ignore[union-attr]
        steps = (int(np.prod(shape)), 0, g.ih * g.iw * g.c)
        whole = sum(part.pixels.size for part in parts) == g.ih * g.iw

        def task(worker: int, a: int, b: int) -> None:
            if bordered:
                z[a:b, above : above + g.oh, left : left + g.ow] = dz[a:b]
            if not whole:
                wires.dx[a:b] = 0  # type: ignore[index]
            for part, w in zip(parts, turned, strict=True):
                for q0, q1 in groups(g.c, self.width):
                    where = (a, b, 0, part.pixels.size, q0, q1)
                    scratch = wires.scratch(worker)
                    matmul(
                        dx, part.pixels, flat, part.rows, part.cols, w.reshape(-1), g.c, 1,
                        self.no_bias, False, g.c, where, steps, scratch,
                    )  # fmt: skip

        return wires.by_piece(task)
