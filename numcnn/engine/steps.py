"""Steps: what a plan is made of. Each does the work of one or a few layers, forward and backward.

A step owns no weights and no scratch. Given the arrays that it stands between (`Wires`), it returns
tasks bound to them, in phases; the plan does the rest. So a step reads as "what is computed, cut
into which pieces". Which piece is computed by whom changes no bit: pieces depend on shapes alone,
and what several pieces add to is added up in their order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numcnn.engine.buffers import Buffers
from numcnn.engine.crew import Task
from numcnn.engine.eager import require_gradients
from numcnn.engine.prices import ActivityPrice
from numcnn.errors import GradientError, ShapeError
from numcnn.kernels.elementwise import sum_of_squares
from numcnn.kernels.random import dropout_mask
from numcnn.layers.base import Layer
from numcnn.layers.dropout import Dropout

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

LEAST_SAMPLES = 8  # in a piece, so that it is worth a call
MOST_PIECES = 16  # of a batch
LIGHT = 1024  # numbers in a sample of a step that is cut into few pieces


@dataclass
class Phase:
    """Tasks that do not depend on each other.

    by_sample: task i does the i-th piece of the samples and touches no others, so the same piece of
        the next such phase can follow at once.
    call: instead of tasks, Python code that only the calling thread may run.
    """

    tasks: list[Task] = field(default_factory=list)
    by_sample: bool = False
    call: Callable[[], None] | None = None


class Squares:
    """The sums of the squares of the gradients, taken where each stretch is still in the cache."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Array]] = {}

    def of(self, layer: Layer, name: str, stretch: Array) -> Callable[[], None]:
        """Return what is to be called when this stretch of a gradient is there."""
        part = np.zeros(1)
        self.parts.setdefault(f"{name} of {layer.name!r}", []).append(part)
        flat = stretch.reshape(-1)

        def square() -> None:
            part[0] = sum_of_squares(flat)

        return square

    def sums(self) -> dict[str, float]:
        """Return the sum for each gradient."""
        return {name: float(sum(p[0] for p in parts)) for name, parts in self.parts.items()}


@dataclass
class Wires:
    """What a step stands between, for a batch of n samples."""

    n: int
    training: bool
    x: Array
    y: Array
    dx: Array | None  # None: nobody needs the gradient of x
    dy: Array | None
    buffers: Buffers
    scratch_size: int
    dtype: Any
    gradient: Callable[[Layer, str], Array | None]  # where a parameter's gradient goes
    light: bool  # little work, so that few pieces are enough
    squares: "Squares"
    price: float = 0.0  # of the outputs, where they have one

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """The pieces of the batch: (first sample, last + 1)."""
        return pieces(self.n, 2 if self.light else MOST_PIECES)

    def scratch(self, worker: int) -> Array:
        """Return a worker's room for packed panels."""
        return self.room(worker, "scratch", self.scratch_size, self.dtype)

    def room(self, worker: int, name: str, size: int, dtype: Any) -> Array:
        """Return room that belongs to one worker."""
        return self.buffers.take(f"{name} of worker {worker}", (size,), dtype)

    def by_sample(self, piece: Callable[[int, int], None]) -> Phase:
        """Return the phase in which `piece(a, b)` does the samples from a to b - 1."""
        return self.by_piece(lambda worker, a, b: piece(a, b))

    def by_piece(self, task: Callable[[int, int, int], None]) -> Phase:
        """Return the same for a task that also wants to know its worker, for the scratch."""

        def bound(a: int, b: int) -> Task:
            return lambda worker: task(worker, a, b)

        return Phase([bound(a, b) for a, b in self.pieces], by_sample=True)


def pieces(n: int, most: int) -> list[tuple[int, int]]:
    """Cut n samples into pieces; how many does not depend on the threads."""
    size = max(LEAST_SAMPLES, -(-n // most))
    return [(a, min(a + size, n)) for a in range(0, n, size)]


class Step:
    """The base of all steps.

    Attributes:
        layers: the layers that it does the work of.
        kernel, why: for the table that `model.plan()` prints.
        keeps_memory: y is x in another shape.
    """

    kernel = ""
    why = ""
    keeps_memory = False
    native = True  # False: only the calling thread may run it

    def __init__(self, layers: list[Layer], dtype: str) -> None:
        self.layers = layers
        self.dtype = np.dtype(dtype)
        self.name = layers[0].name

    @property
    def output_shape(self) -> Shape:
        """The shape of a sample that goes out."""
        return self.layers[-1].sample_output_shape

    @property
    def light(self) -> bool:
        """Whether a few numbers come out of each sample, for little work."""
        return math.prod(self.output_shape) <= LIGHT

    def scratch_size(self) -> int:
        """Return how many numbers of scratch each worker needs."""
        return 0

    def prepare(self, wires: Wires) -> list[Task]:
        """Return what can be done before the batch, such as weights in another order."""
        return []

    def forward(self, wires: Wires) -> list[Phase]:
        """Return how y is computed."""
        raise NotImplementedError

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return how dx is computed, and what is left to do for the parameters' gradients.

        Whoever has computed a stretch of a gradient calls for its square (`wires.squares`).
        """
        raise NotImplementedError


class LayerStep(Step):
    """Calls the layer as it is written. What every layer gets that no other step knows."""

    kernel = "the layer itself (NumPy)"
    native = False

    def __init__(self, layer: Layer, dtype: str, why: str) -> None:
        super().__init__([layer], dtype)
        self.layer, self.why = layer, why

    def forward(self, wires: Wires) -> list[Phase]:
        """Return one call of the layer's forward."""

        def call() -> None:
            y = np.asarray(self.layer.forward(wires.x, wires.training))
            if y.shape != wires.y.shape:
                raise ShapeError(
                    f"forward of layer {self.layer.name!r} returned an array of shape {y.shape}; "
                    f"its compute_output_shape promises {wires.y.shape}."
                )
            wires.y[...] = y

        return [Phase(call=call)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return one call of the layer's backward."""

        def call() -> None:
            self.layer.grads.clear()
            dx = np.asarray(self.layer.backward(wires.dy))  # type: ignore[arg-type]
            require_gradients(self.layer)
            if wires.dx is None:
                return
            if dx.shape != wires.dx.shape:
                raise GradientError(
                    f"backward of layer {self.layer.name!r} returned an array of shape {dx.shape}, "
                    f"but its x has the shape {wires.dx.shape}."
                )
            wires.dx[...] = dx

        return [Phase(call=call)], []


class ViewStep(Step):
    """Flatten and Reshape: nothing moves."""

    kernel = "a view"
    why = "the same numbers in the same order"
    keeps_memory = True

    def forward(self, wires: Wires) -> list[Phase]:
        """Return nothing to do."""
        return []

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return nothing to do."""
        return [], []


class PriceStep(Step):
    """The price of what the layer before gives out: nothing moves, and dy takes on its slope."""

    kernel = "a slope more (NumPy)"
    why = "activity_regularizer"
    keeps_memory = True

    def __init__(self, layer: ActivityPrice, dtype: str) -> None:
        super().__init__([layer], dtype)
        self.layer = layer

    def forward(self, wires: Wires) -> list[Phase]:
        """Return how the price is noted."""

        def call() -> None:
            wires.price = self.layer.price(wires.y)

        return [Phase(call=call)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = dy + the slope; both stand in the same memory."""
        y, dy = wires.y, wires.dy
        if dy is None:
            return [], []

        def call() -> None:
            np.add(dy, self.layer.slope(y), out=dy)

        return [Phase(call=call)], []


class ReluStep(Step):
    """ReLU as a layer of its own."""

    kernel = "maximum (NumPy)"
    why = "no product before it"

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = max(x, 0)."""
        x, y = wires.x, wires.y

        def piece(a: int, b: int) -> None:
            np.maximum(x[a:b], 0, out=y[a:b])

        return [wires.by_sample(piece)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = dy * (y > 0)."""
        y, dx, dy = wires.y, wires.dx, wires.dy
        if dx is None or dy is None:
            return [], []

        def piece(a: int, b: int) -> None:
            np.multiply(dy[a:b], y[a:b] > 0, out=dx[a:b])

        return [wires.by_sample(piece)], []


class DropoutStep(Step):
    """Dropout, with the layer's own mask."""

    kernel = "dropout_mask"
    why = "the layer's own mask, drawn in pieces"

    def __init__(self, layer: Dropout, dtype: str) -> None:
        super().__init__([layer], dtype)
        self.layer = layer

    def mask(self, wires: Wires) -> Array:
        """Return where the mask of this batch stands."""
        shape = self.layer.sample_output_shape
        return wires.buffers.per_sample(f"{self.name}: mask", shape, self.dtype)[: wires.n]

    def forward(self, wires: Wires) -> list[Phase]:
        """Return y = x * mask in training and y = x otherwise."""
        x, y = wires.x, wires.y
        if not wires.training:
            return [wires.by_sample(lambda a, b: np.copyto(y[a:b], x[a:b]))]
        layer, mask = self.layer, self.mask(wires)
        per_sample = math.prod(mask.shape[1:])

        def piece(a: int, b: int) -> None:
            flat, start = mask[a:b].reshape(-1), a * per_sample
            before = start % 8  # eight numbers are drawn together
            rate, scale = layer.rate, 1 / (1 - layer.rate)
            dropout_mask(flat, start - before, before, layer.seed, layer.step, rate, scale)
            np.multiply(x[a:b], mask[a:b], out=y[a:b])

        return [wires.by_sample(piece)]

    def backward(self, wires: Wires) -> tuple[list[Phase], list[Task]]:
        """Return dx = dy * mask."""
        dx, dy, mask = wires.dx, wires.dy, self.mask(wires)
        if dx is None or dy is None:
            return [], []
        return [wires.by_sample(lambda a, b: np.copyto(dx[a:b], dy[a:b] * mask[a:b]))], []
