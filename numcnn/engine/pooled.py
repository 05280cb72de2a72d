"""Steps with max-pooling: a convolution whose full-size output is never written, and pooling alone.

Conv2D + ReLU + MaxPool2D is what most small networks are made of. Fused, the convolution's outputs
are compared while they are still in registers; one in four is written, with one byte that says
which it was. Backward, three of four gradients are zero, and dw is computed without writing them.
"""

from typing import Any

import numpy as np

from numcnn.engine.crew import Task
from numcnn.engine.geometry import grid, pool_windows
from numcnn.engine.products import ConvStep
from numcnn.engine.steps import MOST_PIECES, Phase, Step, Wires
from numcnn.kernels.pooling import matmul_pool, pool, pool_backward, unpool
from numcnn.kernels.sparse import living, pooled_dw, sparse_dw, sparse_dx
from numcnn.layers.base import Layer
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.maxpool2d import MaxPool2D

Array = np.ndarray[Any, Any]

MOST_TAPS = 256  # pixels in a window, so that a winner's number is a byte
STRIP_BYTES = 20_480  # of x at a time: the better half of the first cache


class PooledConvStep(ConvStep):
    """Conv2D + ReLU + MaxPool2D of 2x2."""

    pooled = True

    def __init__(self, layers: list[Layer], dtype: str, relu: bool, exact: bool) -> None:
        super().__init__(layers, dtype, relu, exact)
        g = self.geometry
        self.py, self.px = g.oh // 2, g.ow // 2
        self.windows = g.pooled_windows
        run = g.kw * g.c
        self.sparse = g.dw == 1 and run % self.width == 0
        self.kernel = "winograd, pooled" if self.winograd else "matmul_pool"
        if not self.winograd and not self.folded:
            self.why += "; dw from the winners alone" if self.sparse else "; dw from all pixels"
        self.quad_taps = 4 * g.taps
        self.patch = grid((g.kh, g.dh * g.x_row), (run // self.width, self.width))
        self.places = grid((g.kh, run), (run // self.width, self.width))
        rows = max(1, (STRIP_BYTES // (g.x_row * self.dtype.itemsize) - g.kh + 1) // (2 * g.sh))
        self.strip = rows * self.px

    @staticmethod
    def fits(conv: Layer, pool: Layer, width: int, folded: bool) -> bool:
        """Return whether the two layers can be fused; `folded`: there is a bias in any case."""
        return (
            isinstance(conv, Conv2D)
            and isinstance(pool, MaxPool2D)
            and pool.pool_size == pool.strides == (2, 2)
            and pool.geometry(*pool.built_for[:2])[1] == ((0, 0), (0, 0))  # type: ignore[index]
            and (conv.use_bias or folded)
            and conv.filters % width == 0
        )

    def scratch_size(self) -> int:
        """Return the room for all filters."""
        g = self.geometry
        return max(super().scratch_size(), g.n_k * g.f)

    def codes(self, wires: Wires) -> Array:
        """Return where the winners' codes stand."""
        shape = (self.py, self.px, self.geometry.f)
        return wires.buffers.per_sample(f"{self.name}: codes", shape, np.uint8)[: wires.n]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = the maxima of relu(windows of x @ w + b)."""
        g, image = self.geometry, self.image(wires)
        x, y, codes = image.reshape(-1), wires.y.reshape(-1), self.codes(wires).reshape(-1)
        w, bias = self.weights(wires).reshape(-1), self.bias(wires)
        steps = (g.x_step, self.py * self.px * g.f)

        if self.winograd:
            product = self.winograd.piece(wires, y, codes, x, bias, self.relu)

        def task(worker: int, a: int, b: int) -> None:
            self.copy_inside(wires, image, a, b)
            if self.winograd:
                product(worker, a, b)
                return
            matmul_pool(
                y, codes, x, self.windows, g.taps, w, bias, self.relu, (a, b), steps,
                wires.scratch(worker),
            )  # fmt: skip

        return [wires.by_piece(task)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dw and db from the pooled gradients, and dx."""
        if self.winograd:
            return self.winograd_backward(wires, self.codes(wires))
        phases: list[Phase] = []
        rest: list[Task] = []
        if wires.gradient(self.conv, "w") is not None:
            phase, rest = self._pooled_dw(wires)
            phases.append(phase)
        if wires.dx is not None and self.sparse:
            phases.append(self._sparse_dx(wires))
        elif wires.dx is not None:
            phases += [self._unpooled(wires), self.dx(wires, wires.y)]
        return phases, rest

    def _unpooled(self, wires: Wires) -> Phase:
        """Return how dz is made in full size, with the border that dx needs."""
        g, dy, codes = self.geometry, wires.dy.reshape(-1), self.codes(wires).reshape(-1)  # type: ignore[union-attr]
        above, _, left, _ = g.dz_border()
        dz = self.bordered_dz(wires, wires.y).reshape(-1)
        z_row = self.z_shape[1] * g.f
        pixels = g.pooled(z_row, g.f) + above * z_row + left * g.f
        steps = (int(np.prod(self.z_shape)), self.py * self.px * g.f)

        def piece(a: int, b: int) -> None:
            unpool(dz, dy, codes, pixels, g.f, (a, b), steps)

        return wires.by_sample(piece)

    def bordered_dz(self, wires: Wires, dz: Array) -> Array:
        """Return where `_unpooled` has put dz."""
        name = f"{self.name}: padded dz"
        return wires.buffers.per_sample(name, self.z_shape, self.dtype)[: wires.n]

    def _pooled_dw(self, wires: Wires) -> tuple[Phase, list[Task]]:
        """Return each piece's dw and db, and how they are added up."""
        g, x = self.geometry, self.image(wires).reshape(-1)
        dy, codes = wires.dy.reshape(-1), self.codes(wires).reshape(-1)  # type: ignore[union-attr]
        shares = wires.buffers.take(f"{self.name}: dw", (MOST_PIECES, g.n_k * g.f), self.dtype)
        db = wires.buffers.take(f"{self.name}: db", (MOST_PIECES, g.f), self.dtype)
        numbers = {a: i for i, (a, _) in enumerate(wires.pieces)}
        y_step = self.py * self.px * g.f
        steps = (g.x_step, y_step)
        alive = self.no_bias  # not needed
        if self.sparse:
            name = f"{self.name}: living"
            alive = wires.buffers.per_sample(name, (y_step,), self.dtype).reshape(-1)

        def task(worker: int, a: int, b: int) -> None:
            i, piece = numbers[a], slice(a * y_step, b * y_step)
            if self.sparse:
                living(alive[piece], db[i], dy[piece], codes[piece])
                sparse_dw(
                    shares[i], alive, codes, x, self.windows, self.patch, self.places, (a, b),
                    steps, g.f, self.strip,
                )  # fmt: skip
            else:
                quads = wires.room(worker, f"{self.name}: quads", 4 * g.x_step, self.dtype)
                pooled_dw(
                    shares[i], db[i], dy, codes, x, self.windows, self.quad_taps, self.filters,
                    (a, b), steps, g.f, quads,
                )  # fmt: skip

        rest = self.add_up(wires, "b", db)
        rest += (
            self._add_up_turned(wires, shares) if self.sparse else self.add_up(wires, "w", shares)
        )
        return wires.by_piece(task), rest

    def _add_up_turned(self, wires: Wires, shares: Array) -> list[Task]:
        """Return the task that adds the pieces' dw up, which are (F, K)."""
        g, gradient = self.geometry, wires.gradient(self.conv, "w")
        used = shares[: len(wires.pieces)]
        total = wires.buffers.take(f"{self.name}: dw turned", (g.n_k * g.f,), self.dtype)
        square = wires.squares.of(self.conv, "w", total)

        def task(worker: int) -> None:
            np.add.reduce(used, axis=0, out=total)
            gradient.reshape(g.n_k, g.f)[...] = total.reshape(g.f, g.n_k).T  # type: ignore[union-attr]
            square()

        return [task]

    def prepare_dx(self, wires: Wires, w: Array) -> list[Task]:
        """Return the filters as rows, as the lists need them."""
        if self.winograd or not self.sparse:
            return super().prepare_dx(wires, w)
        rows = self._filters(wires)

        def task(worker: int) -> None:
            rows[...] = w.reshape(-1, self.geometry.f).T

        return [task]

    def _filters(self, wires: Wires) -> Array:
        g = self.geometry
        return wires.buffers.take(f"{self.name}: filters", (g.f, g.n_k), self.dtype)

    def _sparse_dx(self, wires: Wires) -> Phase:
        """Return dx, the sum of the living gradients times their filters."""
        g, filters = self.geometry, self._filters(wires).reshape(-1)
        dy, codes = wires.dy.reshape(-1), self.codes(wires).reshape(-1)  # type: ignore[union-attr]
        dx: Array = self.padded_dx(wires)  # type: ignore[assignment]
        flat, steps = dx.reshape(-1), (g.x_step, self.py * self.px * g.f)

        def task(worker: int, a: int, b: int) -> None:
            where = wires.room(worker, f"{self.name}: windows", g.f + 1, np.int64)
            values = wires.room(worker, f"{self.name}: gradients", g.f + 1, self.dtype)
            which = wires.room(worker, f"{self.name}: which", g.f + 1, np.int64)
            sparse_dx(
                flat, dy, codes, filters, self.windows, self.patch, self.places, (a, b), steps,
                where, values, which,
            )  # fmt: skip
            self.crop_dx(wires, dx, a, b)

        return wires.by_piece(task)


class PoolStep(Step):
    """MaxPool2D alone, of any size up to MOST_TAPS."""

    kernel = "pool"
    why = "no convolution before it that it could be fused with"

    def __init__(self, layer: MaxPool2D, dtype: str) -> None:
        super().__init__([layer], dtype)
        self.starts, self.taps = pool_windows(layer)
        self.ih, self.iw, self.c = layer.built_for or (0, 0, 0)
        used = np.unique(self.taps).size  # pixels in some window
        self.apart, self.gaps = used == self.taps.size, used < self.ih * self.iw
        self.sizes = self.ih * self.iw * self.c, int(np.prod(self.output_shape))

    def winners(self, wires: Wires) -> Array:
        """Return where the winners' numbers in their windows stand."""
        shape = self.output_shape
        return wires.buffers.per_sample(f"{self.name}: winners", shape, np.uint8)[: wires.n]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = the maximum of each window."""
        x, y, winners = (a.reshape(-1) for a in (wires.x, wires.y, self.winners(wires)))

        def piece(a: int, b: int) -> None:
            pool(y, winners, x, self.starts, self.taps, self.c, (a, b), self.sizes)

        return [wires.by_sample(piece)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = dy at the winners, zero elsewhere."""
        if wires.dx is None or wires.dy is None:
            return [], []
        dx, dy, winners = (a.reshape(-1) for a in (wires.dx, wires.dy, self.winners(wires)))

        def piece(a: int, b: int) -> None:
            pool_backward(
                dx, dy, winners, self.starts, self.taps, self.c, self.apart, self.gaps, (a, b),
                self.sizes,
            )  # fmt: skip

        return [wires.by_sample(piece)], []
