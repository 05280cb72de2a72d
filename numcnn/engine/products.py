"""Steps that are matrix products: dense layers and convolutions, with what follows them."""

import math
from typing import Any

import numpy as np

from numcnn.engine.crew import CREW, Task
from numcnn.engine.folding import Folded
from numcnn.engine.geometry import ConvGeometry, grid
from numcnn.engine.steps import MOST_PIECES, Phase, Step, Wires
from numcnn.engine.winograd import Winograd
from numcnn.kernels.columns import add_columns
from numcnn.kernels.elementwise import relu_backward
from numcnn.kernels.matmul import DEPTH, GROUP, matmul
from numcnn.kernels.simd import ROWS, VECTOR_BYTES
from numcnn.layers.base import Layer
from numcnn.layers.batchnorm import BatchNormalization
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.dense import Dense

Array = np.ndarray[Any, Any]

WORTH = 1.4  # times the products by windows, and dx is not computed by pixels
FOLDED = "batch norm folded into the weights; "
SMALL = 2**14  # weights of a dense layer that is cut by samples, not by columns


class ProductStep(Step):
    """What dense layers and convolutions share: a bias, ReLU, sums over pieces.

    A BatchNormalization second among the layers is folded into the weights, for predictions.
    """

    def __init__(self, layers: list[Layer], dtype: str, relu: bool) -> None:
        super().__init__(layers, dtype)
        self.relu = relu
        self.folded: Folded | None = None
        if len(layers) > 1 and isinstance(layers[1], BatchNormalization):
            self.folded = Folded(layers[0], layers[1])
        self.width = VECTOR_BYTES // self.dtype.itemsize
        self.no_bias = np.zeros(0, dtype)

    def weights(self, wires: Wires) -> Array:
        """Return w, or what it is folded into."""
        return self.folded.weights(wires) if self.folded else self.layers[0].params["w"]

    def bias(self, wires: Wires) -> Array:
        """Return b, or an empty array, or what it is folded into."""
        if self.folded:
            return self.folded.bias(wires)
        return self.layers[0].params.get("b", self.no_bias)

    def prepare(self, wires: Wires) -> list[Task]:
        """Return how the weights are brought into the forms that are needed."""
        tasks = self.forms(wires)
        return [self.folded.task(wires, tasks)] if self.folded else tasks

    def forms(self, wires: Wires) -> list[Task]:
        """Return how the weights are brought into other forms than their own."""
        return []

    def scratch_size(self) -> int:
        """Return the room for the panels of one group."""
        return GROUP * DEPTH * self.width

    def panels(self, n: int) -> int:
        """Return how many vectors n columns are."""
        return -(-n // self.width)

    def dz(self, wires: Wires, columns: int) -> tuple[Phase, Array]:
        """Return how dy becomes dz, in its place, and where the pieces' sums for db stand."""
        layer = self.layers[0]
        sums = wires.buffers.take(f"{self.name}: db", (MOST_PIECES, columns), self.dtype)
        dy, y = wires.dy, wires.y
        if dy is None:
            raise ValueError(f"step {layer.name!r} has no gradient to go back from.")
        if not self.relu and wires.gradient(layer, "b") is None:
            return Phase(), sums  # dz is dy, and nobody asks for its sums
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        rows = math.lcm(columns, self.width)  # rows of any length, until they are whole vectors

        def task(worker: int, a: int, b: int) -> None:
            g, room = (
                dy[a:b].reshape(-1),
                wires.room(worker, f"rows of {columns}", rows, self.dtype),
            )
            relu_backward(g, g, y[a:b].reshape(-1), self.relu, sums[numbers[a]], room)

        return wires.by_piece(task), sums

    def add_up(self, wires: Wires, name: str, partial: Array) -> list[Task]:
        """Return the task that adds the pieces' shares of a gradient up, in their order."""
        gradient = wires.gradient(self.layers[0], name)
        if gradient is None:
            return []
        shares = partial[: len(wires.pieces)]
        square = wires.squares.of(self.layers[0], name, gradient)

        def task(worker: int) -> None:
            np.add.reduce(shares, axis=0, out=gradient.reshape(shares.shape[1:]))
            square()

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
        self.why = FOLDED * bool(self.folded) + self.why
        self.inputs, self.units = grid((self.d, 1)), grid((self.u, 1))

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = relu(x @ w + b)."""
        x, y = wires.x.reshape(-1), wires.y.reshape(-1)
        w = self.weights(wires).reshape(-1)
        b = self.bias(wires)
        rows = wires.y.size // self.u
        from_, to = grid((rows, self.d)), grid((rows, self.u))

        def part(worker: int, m0: int, m1: int, q0: int, q1: int) -> None:
            where = (0, 1, m0, m1, q0, q1)
            matmul(
                y, to, x, from_, self.inputs, w, self.u, 1, b, self.relu, self.u, where,
                (0, 0, 0), wires.scratch(worker),
            )  # fmt: skip

        return [self._cut(wires, part, self.u)]

    def _cut(self, wires: Wires, part: Any, columns: int) -> Phase:
        """Return the phase that does all rows and columns of a product over the batch."""
        per_sample, panels = math.prod(wires.y.shape[1:]) // self.u, self.panels(columns)
        if self.small:

            def rows_of(a: int, b: int) -> Task:
                return lambda worker: part(worker, a * per_sample, b * per_sample, 0, panels)

            return Phase([rows_of(a, b) for a, b in wires.pieces], by_sample=True)
        rows = wires.n * per_sample

        def columns_of(q0: int, q1: int) -> Task:
            return lambda worker: part(worker, 0, rows, q0, q1)

        share = min(-(-panels // CREW.size), max(GROUP, -(-panels // MOST_PIECES)))
        cuts = [(q, min(q + share, panels)) for q in range(0, panels, share)]
        return Phase([columns_of(q0, q1) for q0, q1 in cuts])

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
                matmul(
                    dx, to, dz, from_, self.units, w, 1, self.u, none, False, self.d, where,
                    (0, 0, 0), wires.scratch(worker),
                )  # fmt: skip

            phases.append(self._cut(wires, part, self.d))
        gradient = wires.gradient(self.dense, "w")
        if gradient is not None:
            dw = gradient.reshape(-1)
            samples, to_w = grid((rows, self.d)), grid((self.d, self.u))
            panels = self.panels(self.u)

            def rows_of_w(m0: int, m1: int) -> Task:
                square = wires.squares.of(self.dense, "w", gradient[m0:m1])

                def task(worker: int) -> None:
                    matmul(
                        dw, to_w, x, self.inputs, samples, dz, self.u, 1, none, False, self.u,
                        (0, 1, m0, m1, 0, panels), (0, 0, 0), wires.scratch(worker),
                    )  # fmt: skip
                    square()

                return task

            parts = 2 if self.small else 16
            size = max(ROWS, -(-self.d // (parts * ROWS)) * ROWS)
            tasks = [rows_of_w(m, min(m + size, self.d)) for m in range(0, self.d, size)]
            if self.small or wires.dx is None:
                rest += tasks
            else:
                phases[-1].tasks += tasks  # they need no more than dx does
        return phases, rest


class ConvStep(ProductStep):
    """Conv2D, with ReLU: im2col's product without im2col, or Winograd's where that may be."""

    pooled = False
    light = False

    def __init__(self, layers: list[Layer], dtype: str, relu: bool, exact: bool) -> None:
        super().__init__(layers, dtype, relu)
        self.conv: Conv2D = layers[0]  # type: ignore[assignment]
        g = self.geometry = ConvGeometry(self.conv)
        self.filters = grid((g.n_k, g.f))
        above, below, left, right = g.dz_border()
        self.bordered = any(g.dz_border())
        self.z_shape = (above + g.oh + below, left + g.ow + right, g.f)
        self.winograd = None
        simple = (g.kh, g.kw, g.sh, g.sw, g.dh, g.dw) == (3, 3, 1, 1, 1, 1)
        image = (g.ph, g.pw, g.c)
        if simple and not exact and Winograd.fits(image, g.f, self.pooled, dtype):
            self.winograd = Winograd(self.name, image, g.f, self.pooled, dtype)
        by_pixels = sum(part.pixels.size * part.cols.size for part in g.backward)
        by_pixels *= self._lanes(g.c)
        by_windows = g.oh * g.ow * g.f * self._lanes(g.n_k)
        fewer = by_pixels > WORTH * by_windows
        self.by_columns = fewer and not self.pooled and not self.winograd
        self.kernel = "winograd" if self.winograd else "matmul over windows"
        self.why = "3x3, stride 1, whole vectors" if self.winograd else self._why_direct(exact)
        self.why = FOLDED * bool(self.folded) + self.why

    def _lanes(self, n: int) -> int:
        """Return n, rounded up to whole vectors."""
        return -(-n // self.width) * self.width

    def _why_direct(self, exact: bool) -> str:
        g = self.geometry
        if (g.kh, g.kw, g.sh, g.sw, g.dh, g.dw) != (3, 3, 1, 1, 1, 1):
            return "any window, stride and dilation"
        if exact or self.dtype != np.float32:
            return "exact sums wanted"
        return f"channels not in vectors of {self.width}, or a small image"

    def scratch_size(self) -> int:
        """Return the room for panels or for Winograd's points."""
        points = self.winograd.scratch_size() if self.winograd else 0
        return max(super().scratch_size(), points)

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

    def forms(self, wires: Wires) -> list[Task]:
        """Return the filters in the forms that forward and dx need."""
        w = self.weights(wires)
        tasks: list[Task] = []
        if self.winograd:
            tasks.append(self.winograd.prepare(wires, w))
        if wires.training and wires.dx is not None:
            tasks += self.prepare_dx(wires, w)
        return tasks

    def prepare_dx(self, wires: Wires, w: Array) -> list[Task]:
        """Return the filters turned round."""
        if self.winograd:
            return [self.winograd.prepare_dx(wires, w)]
        if self.by_columns:
            return []
        turned = self.turned(wires)

        def task(worker: int) -> None:
            for part, to in zip(self.geometry.backward, turned, strict=True):
                to[...] = w[np.ix_(*part.taps)].transpose(0, 1, 3, 2).reshape(to.shape)

        return [task]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = relu(windows of x @ w + b)."""
        g, image = self.geometry, self.image(wires)
        x, y = image.reshape(-1), wires.y.reshape(-1)
        w, bias = self.weights(wires).reshape(-1), self.bias(wires)
        steps = (g.x_step, 0, g.oh * g.ow * g.f)
        if self.winograd:
            no_codes = np.zeros(0, np.uint8)
            product = self.winograd.piece(wires, y, no_codes, x, bias, self.relu)

        def task(worker: int, a: int, b: int) -> None:
            self.copy_inside(wires, image, a, b)
            if self.winograd:
                product(worker, a, b)
                return
            where = (a, b, 0, g.oh * g.ow, 0, self.panels(g.f))
            matmul(
                y, g.outs, x, g.windows, g.taps, w, g.f, 1, bias, self.relu, g.f, where, steps,
                wires.scratch(worker),
            )  # fmt: skip

        return [wires.by_piece(task)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dz, then dw, db and dx."""
        if self.winograd:
            return self.winograd_backward(wires, np.zeros(0, np.uint8))
        phase, sums = self.dz(wires, self.geometry.f)
        phases, rest = [phase], self.add_up(wires, "b", sums)
        dz: Array = wires.dy  # type: ignore[assignment]
        if wires.gradient(self.conv, "w") is not None:
            phase, shares = self.dw(wires, dz)
            phases.append(phase)
            rest += self.add_up(wires, "w", shares)
        if wires.dx is not None and self.by_columns:
            phases.append(self.dx_by_columns(wires, dz))
        elif wires.dx is not None:
            phases += [self.put_border(wires, dz), self.dx(wires, dz)]
        return phases, rest

    def winograd_backward(self, wires: Wires, codes: Array) -> tuple[list[Phase], list[Task]]:
        """Return dw, db and dx by Winograd's way back; codes: of the pooling, or none."""
        g, image, none = self.geometry, self.image(wires), self.no_bias
        db = wires.buffers.take(f"{self.name}: db", (MOST_PIECES, g.f), self.dtype)
        dx, dw = self.padded_dx(wires), none.reshape(0, 0)
        if wires.gradient(self.conv, "w") is not None:
            shape = (MOST_PIECES, g.n_k * g.f)
            dw = wires.buffers.take(f"{self.name}: dw", shape, self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        gradients = self.winograd.backward(  # type: ignore[union-attr]
            wires, none if dx is None else dx.reshape(-1), dw, db, wires.y.reshape(-1),
            codes.reshape(-1), image.reshape(-1), self.relu,
        )  # fmt: skip

        def task(worker: int, a: int, b: int) -> None:
            gradients(worker, a, b, numbers[a])
            if dx is not None:
                self.crop_dx(wires, dx, a, b)

        rest = self.add_up(wires, "b", db) + self.add_up(wires, "w", dw)
        return [wires.by_piece(task)], rest

    def padded_dx(self, wires: Wires) -> Array | None:
        """Return where dx can be added up under whole windows; None where nobody needs it."""
        g = self.geometry
        if wires.dx is None or not g.padded:
            return wires.dx
        shape = (g.ph, g.pw, g.c)
        return wires.buffers.per_sample(f"{self.name}: padded dx", shape, self.dtype)[: wires.n]

    def crop_dx(self, wires: Wires, dx: Array, a: int, b: int) -> None:
        """Copy the samples from a to b - 1 without their border."""
        g = self.geometry
        if g.padded:
            inside = dx[a:b, g.top : g.top + g.ih, g.left : g.left + g.iw]
            wires.dx[a:b] = inside  # type: ignore[index]

    def dw(self, wires: Wires, dz: Array) -> tuple[Phase, Array]:
        """Return each piece's dw = windows.T @ dz."""
        g, x, z = self.geometry, self.image(wires).reshape(-1), dz.reshape(-1)
        shape = (MOST_PIECES, g.n_k * g.f)
        shares = wires.buffers.take(f"{self.name}: dw", shape, self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        steps = (g.x_step, g.oh * g.ow * g.f, 0)

        def task(worker: int, a: int, b: int) -> None:
            where = (a, b, 0, g.n_k, 0, self.panels(g.f))
            matmul(
                shares[numbers[a]], self.filters, x, g.taps, g.windows, z, g.f, 1, self.no_bias,
                False, g.f, where, steps, wires.scratch(worker),
            )  # fmt: skip

        return wires.by_piece(task), shares

    def turned(self, wires: Wires) -> list[Array]:
        """Return where the filters of each part of dx stand, (taps * F, C)."""
        g = self.geometry
        return [
            wires.buffers.take(f"{self.name}: w of part {i}", (part.cols.size, g.c), self.dtype)
            for i, part in enumerate(g.backward)
        ]

    def bordered_dz(self, wires: Wires, dz: Array) -> Array:
        """Return where dz stands with the border of zeros that dx needs; dz itself without one."""
        if not self.bordered:
            return dz
        name = f"{self.name}: padded dz"
        return wires.buffers.per_sample(name, self.z_shape, self.dtype)[: wires.n]

    def put_border(self, wires: Wires, dz: Array) -> Phase:
        """Return how dz gets its border."""
        z, g = self.bordered_dz(wires, dz), self.geometry
        above, _, left, _ = g.dz_border()

        def piece(a: int, b: int) -> None:
            if self.bordered:
                z[a:b, above : above + g.oh, left : left + g.ow] = dz[a:b]

        return wires.by_sample(piece)

    def dx_by_columns(self, wires: Wires, dz: Array) -> Phase:
        """Return dx = col2im(dz @ w.T), as layers/conv2d.py computes it, sample by sample."""
        g, z, n = self.geometry, dz.reshape(-1), self.geometry.oh * self.geometry.ow
        w = self.conv.params["w"].reshape(-1)
        rows, filters, outs = grid((n, g.f)), grid((g.f, 1)), grid((n, g.n_k))
        run = g.kw * g.c if g.dw == 1 else g.c
        runs = g.taps[::run].copy()
        steps = (n * g.f, 0, 0)
        inside = (slice(g.top, g.top + g.ih), slice(g.left, g.left + g.iw))

        def task(worker: int, a: int, b: int) -> None:
            dcols = wires.room(worker, f"{self.name}: dcols", n * g.n_k, self.dtype)
            image = wires.room(worker, f"{self.name}: padded dx", g.x_step, self.dtype)
            for s in range(a, b):
                matmul(
                    dcols, outs, z, rows, filters, w, 1, g.f, self.no_bias, False, g.n_k,
                    (s, s + 1, 0, n, 0, self.panels(g.n_k)), steps, wires.scratch(worker),
                )  # fmt: skip
                add_columns(image, dcols, g.windows, runs, run)
                wires.dx[s] = image.reshape(g.ph, g.pw, g.c)[inside]  # type: ignore[index]

        return wires.by_piece(task)

    def dx(self, wires: Wires, dz: Array) -> Phase:
        """Return dx, each pixel the sum over its taps of dz @ w.T."""
        g, parts = self.geometry, self.geometry.backward
        z = self.bordered_dz(wires, dz).reshape(-1)
        dx = wires.dx.reshape(-1)  # type: ignore[union-attr]
        turned = self.turned(wires)
        steps = (int(np.prod(self.z_shape)), 0, g.ih * g.iw * g.c)
        whole = sum(part.pixels.size for part in parts) == g.ih * g.iw

        def task(worker: int, a: int, b: int) -> None:
            if not whole:
                wires.dx[a:b] = 0  # type: ignore[index]
            for part, w in zip(parts, turned, strict=True):
                where = (a, b, 0, part.pixels.size, 0, self.panels(g.c))
                matmul(
                    dx, part.pixels, z, part.rows, part.cols, w.reshape(-1), g.c, 1,
                    self.no_bias, False, g.c, where, steps, wires.scratch(worker),
                )  # fmt: skip

        return wires.by_piece(task)
