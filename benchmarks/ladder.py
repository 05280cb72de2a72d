"""From plain loops to fast ones: the same convolution and the same max-pooling, rung by rung.

    python benchmarks/ladder.py               measure all rungs
    python benchmarks/ladder.py --explain     say what each rung changed, measure nothing

The convolution of 3x3 pixels takes images of 28x28 with 32 channels to 26x26 with 32; the pooling
of 2x2 then takes those to 13x13. Both are the forward pass, in float32, alone and one after the
other. Every rung is first held against the loops on a few images, and is timed only if it agrees.
Each has its own process, in turns.

Prints the milliseconds for one batch on each rung, how many times faster that is than the rung
before, and for the convolution the billions of multiplications and additions per second (those of
the plain sum, also where a rung needs fewer).

A rung is a class with `convolve(x, w, b)` and `pool(x)` and an entry in RUNGS. Its docstring says
what it changed and why that is faster.
"""

import inspect
import itertools
from functools import partial
from statistics import median
from typing import Any, ClassVar

import machine
import numpy as np
import runs

SIZE, CHANNELS, FILTERS, KERNEL, POOL = 28, 32, 32, 3, 2
OUT = SIZE - KERNEL + 1
TOLERANCE = 1e-4


class Rung:
    """One way to compute both.

    Shapes:
        convolve: x (N, H, W, C), w (KH, KW, C, F), b (F,) -> (N, H - KH + 1, W - KW + 1, F)
        pool: x (N, H, W, C) -> (N, H // 2, W // 2, C)
    """

    name: ClassVar[str]
    images: ClassVar[int] = 0  # measured on so many, then scaled to the batch; 0: on the batch

    def convolve(self, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def pool(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def both(self, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Convolution, ReLU and pooling: a block of most small networks."""
        return self.pool(np.maximum(self.convolve(x, w, b), 0))


class Loops(Rung):
    """The definition, as Python loops over lists of numbers.

    Seven loops: image, row, column, filter, and the three of the window. Each multiplication takes
    Python dozens of nanoseconds to look up types, make objects and count references, and the
    multiplication itself a fraction of one. So this is measured on one image.
    """

    name = "loops"
    images = 1

    def convolve(self, x, w, b):
        n, ih, iw, c = x.shape
        kh, kw, _, f = w.shape
        oh, ow = ih - kh + 1, iw - kw + 1
        x, w, b = x.tolist(), w.tolist(), b.tolist()
        window = list(itertools.product(range(kh), range(kw), range(c)))
        y = np.empty((n, oh, ow, f), np.float32)
        for image, row, column, out in itertools.product(range(n), range(oh), range(ow), range(f)):
            total = b[out]
            for i, j, channel in window:
                total += x[image][row + i][column + j][channel] * w[i][j][channel][out]
            y[image, row, column, out] = total
        return y

    def pool(self, x):
        n, ih, iw, c = x.shape
        oh, ow = ih // POOL, iw // POOL
        x = x.tolist()
        y = np.empty((n, oh, ow, c), np.float32)
        for image, row, column, channel in itertools.product(
            range(n), range(oh), range(ow), range(c)
        ):
            y[image, row, column, channel] = max(
                x[image][row * POOL + i][column * POOL + j][channel]
                for i in range(POOL)
                for j in range(POOL)
            )
        return y


class Im2col(Rung):
    """All windows laid out as the rows of one matrix: NumPy does the loops.

    The convolution becomes one matrix product, for which BLAS has machine code that uses vector
    instructions, caches and all cores. The price is memory: each pixel is written nine times, once
    for every window that covers it, and read again by the product. The pooling copies each pixel
    too, and has no product to gain from. This is what numcnn's layers do, and its "numpy" engine.
    """

    name = "im2col"

    def convolve(self, x, w, b):
        from numcnn.layers.im2col import im2col

        cols = im2col(x, w.shape[:2])
        n, oh, ow = cols.shape[:3]
        y = cols.reshape(n * oh * ow, -1) @ w.reshape(-1, w.shape[3])
        y += b
        return y.reshape(n, oh, ow, -1)

    def pool(self, x):
        from numcnn.layers.im2col import im2col

        return im2col(x, (POOL, POOL), (POOL, POOL)).max(axis=(3, 4))


class PlainNumba(Rung):
    """The loops again, compiled to machine code, one image per core at a time.

    Nothing is copied: a window is read where it lies. The loop over filters is the innermost one,
    for there both the weights and the sums lie side by side, and the compiler makes vector
    instructions of it. Rows are sliced before that loop, so that all that is left to index is
    `row[out]`; and `fastmath={"contract"}` lets a product and a sum become one instruction. The
    images are shared out among the cores by `prange`.

    The pooling gains much by this, for it only moves numbers, and now moves each once. The
    convolution does not reach BLAS: its sums travel between memory and registers at each step, two
    transfers and one load of weights for one multiplication.
    """

    name = "plain Numba"

    def __init__(self) -> None:
        import numba

        parallel = numba.njit(parallel=True, fastmath={"contract"})

        @parallel
        def convolve(x, w, b):
            n, ih, iw, c = x.shape
            kh, kw, _, f = w.shape
            oh, ow = ih - kh + 1, iw - kw + 1
            y = np.empty((n, oh, ow, f), x.dtype)
            for image in numba.prange(n):
                for row in range(oh):
                    for column in range(ow):
                        sums = y[image, row, column]
                        sums[:] = b
                        for i in range(kh):
                            for j in range(kw):
                                pixel = x[image, row + i, column + j]
                                for channel in range(c):
                                    weights, value = w[i, j, channel], pixel[channel]
                                    for out in range(f):
                                        sums[out] += value * weights[out]
            return y

        @parallel
        def pool(x):
            n, ih, iw, c = x.shape
            oh, ow = ih // 2, iw // 2
            y = np.empty((n, oh, ow, c), x.dtype)
            for image in numba.prange(n):
                for row in range(oh):
                    for column in range(ow):
                        greatest = y[image, row, column]
                        greatest[:] = x[image, 2 * row, 2 * column]
                        for i in range(2):
                            for j in range(2):
                                pixel = x[image, 2 * row + i, 2 * column + j]
                                for channel in range(c):
                                    greatest[channel] = max(greatest[channel], pixel[channel])
            return y

        self.convolve, self.pool = convolve, pool


class Blocked(Rung):
    """Sums that stay in registers: numcnn's `matmul` kernel.

    Six windows times one vector of filters are summed up at once. Their sums are twelve of the
    processor's registers, and stay there from the first tap to the last; each loaded weight is used
    six times and each loaded pixel for a whole vector of filters. Memory sees each output once. The
    pixels of a window are found through a table, so there is still no im2col. The pooling has no
    sums to keep, and is the plain one.
    """

    name = "blocked"
    exact = True

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}

    def model(self, kind: str, x: np.ndarray) -> Any:
        """Return a model with the layers that are asked for, made once."""
        from numcnn.layers import Conv2D, MaxPool2D
        from numcnn.models import Sequential

        if kind not in self.models:
            made = Sequential()
            if kind != "pool":
                relu = "relu" if kind == "both" else None
                made.add(Conv2D(FILTERS, KERNEL, activation=relu, input_shape=x.shape[1:]))
            if kind != "convolve":
                made.add(MaxPool2D(POOL, input_shape=x.shape[1:]))
            made.compile("sgd", "mse", engine="numba", exact=self.exact)
            self.models[kind] = made
        return self.models[kind]

    def convolve(self, x, w, b):
        model = self.model("convolve", x)
        model.set_weights([w, b])
        return model.engine.predict_batch(x)

    def pool(self, x):
        return self.model("pool", x).engine.predict_batch(x)


class Fused(Blocked):
    """Convolution, ReLU and pooling in one kernel: `matmul_pool`.

    The outputs of the four windows under one pooling window are compared while they are still in
    registers. Only the greatest is written, and one byte that says which it was. So the largest
    array of the network, the convolution's output, never exists. Alone, either is what it was.
    """

    name = "fused"

    def both(self, x, w, b):
        model = self.model("both", x)
        model.set_weights([w, b])
        return model.engine.predict_batch(x)


class Winograd(Fused):
    """Fewer multiplications: 36 instead of 144 for 4x4 outputs.

    The filters and 6x6 patches of the image are taken to another basis, where the convolution is a
    multiplication point by point, and the products back again. The price is additions and some
    accuracy. numcnn/kernels/winograd.py explains it.
    """

    name = "Winograd"
    exact = False


RUNGS: dict[str, type[Rung]] = {
    rung.name: rung for rung in (Loops, Im2col, PlainNumba, Blocked, Fused, Winograd)
}


# ---- one process ----------------------------------------------------------------------------


def arrays(batch: int) -> dict[str, tuple[np.ndarray, ...]]:
    """Return what each of the two takes, the same in every process."""
    random = np.random.default_rng(3)

    def draw(*size: int) -> np.ndarray:
        return random.standard_normal(size, np.float32)

    w = draw(KERNEL, KERNEL, CHANNELS, FILTERS) / np.float32(np.sqrt(KERNEL**2 * CHANNELS))
    b = draw(FILTERS)
    return {
        "convolve": (draw(batch, SIZE, SIZE, CHANNELS), w, b),
        "pool": (draw(batch, OUT, OUT, FILTERS),),
        "both": (draw(batch, SIZE, SIZE, CHANNELS), w, b),
    }


def child(settings: runs.Settings) -> dict[str, list[float]]:
    """Check and measure one rung; return the seconds of each call, scaled to the batch."""
    rung, loops = RUNGS[settings["rung"]](), Loops()
    batch = settings["batch"]
    result = {}
    for task, (x, *rest) in arrays(batch).items():
        call, reference = getattr(rung, task), getattr(loops, task)
        if settings["rung"] != Loops.name:
            check(call(x, *rest)[-1:], reference(x[-1:], *rest), f"{task} of {rung.name}")
        few = x[: rung.images] if rung.images else x
        least = 1 if rung.images else 5
        seconds = 0.0 if rung.images else settings["seconds"]
        times = runs.timed(partial(call, few, *rest), seconds, least)
        result[task] = [t * len(x) / len(few) for t in times]
    return result


def check(y: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Raise ValueError where a rung computes something else than the loops."""
    if y.shape != expected.shape or not np.abs(y - expected).max() < TOLERANCE:
        raise ValueError(f"{what} does not agree with the loops; it is not timed")


# ---- all of them ----------------------------------------------------------------------------


def main() -> None:
    parser = runs.parser(__doc__)
    parser.add_argument("--batch", type=runs.positive, default=32, help="images at once")
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring, each rung")
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, default=list(RUNGS), help="which")
    parser.add_argument("--explain", action="store_true", help="only say what each rung changed")
    options = parser.parse_args()
    if options.explain:
        for name in options.rungs:
            print(f"{name}: {inspect.getdoc(RUNGS[name])}\n")
        return
    print(machine.describe())
    shared = {"batch": options.batch, "seconds": options.seconds, "plain_malloc": False}
    jobs = {name: {"rung": name, **shared} for name in options.rungs}
    results = runs.in_turns(runs.children_of(__file__), jobs, options.rounds)
    operations = 2 * options.batch * OUT**2 * FILTERS * KERNEL**2 * CHANNELS
    runs.heading(f"Convolution, {options.batch} images")
    report(results, "convolve", operations)
    runs.heading(f"Max-pooling, {options.batch} images")
    report(results, "pool")
    runs.heading(f"Convolution, ReLU and max-pooling, {options.batch} images")
    report(results, "both", operations)
    for name in results:
        if RUNGS[name].images:
            print(f"{name}: measured on {RUNGS[name].images} image, multiplied by the batch.")
    runs.write_json(options.json, results)


def report(results: dict[str, list[Any]], task: str, operations: int = 0) -> None:
    """Print one table, in the order of the rungs."""
    rows = []
    before = None
    for name, rounds in results.items():
        times = runs.flat([r[task] for r in rounds])
        middle = median(times)
        row = [name, *(runs.number(1000 * t) for t in (middle, min(times), max(times)))]
        row.append(f"{before / middle:.1f}" if before else "")
        if operations:
            row.append(runs.number(operations / middle / 1e9))
        rows.append(row)
        before = middle
    header = ["", "median ms", "least", "greatest", "times the rung before"]
    runs.table(header + (["GFLOP/s"] if operations else []), rows)


if __name__ == "__main__":
    runs.start(main, child)
