"""How fast are single layers on other shapes than the tutorial's, beside PyTorch?

    python benchmarks/sweep.py
    python benchmarks/sweep.py --only 32x32 --rounds 1 --seconds 0.1
    python benchmarks/sweep.py --others --batch 128

Each shape is one layer (with --others also a few in a row: a convolution, batch normalization, ReLU
and max-pooling), forward and backward: the output, and the gradients with respect to the
input, the weights and the bias. PyTorch runs it with contiguous tensors and with channels_last;
the faster of the two counts. The contestants have processes of their own, in turns.

What is timed is the layer and nothing else:

- In numcnn it is what the engine makes of the layer, its steps (numcnn/engine/steps.py) between
  their arrays. A model would skip the gradient of its input, which nothing needs; here it is
  computed. In PyTorch the input is a leaf with `requires_grad`.
- The gradient that comes in from above is given, in numcnn in its array, in PyTorch as the argument
  of `backward`. Nobody computes a loss.
- Padding 'same' is sometimes uneven: one more zero at the bottom and right. PyTorch's layer cannot
  do that without a copy, so there it pads evenly: same output size, same work, other numbers.

Prints for each shape the milliseconds of both and PyTorch's divided by numcnn's, then the geometric
mean and the worst of these ratios, and checks that both compute the same wherever the padding is
even.
"""

from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import Any

import machine
import numpy as np
import runs
from contestants import CONTESTANTS, present

GROUP = 9  # shapes that one process measures before the other contestants have their turn
TOLERANCE = 1e-3  # of the norms of outputs and gradients, relative


@dataclass(frozen=True)
class Shape:
    """Layers on images of size x size pixels, c_in channels; filters: of the convolution, or 0."""

    size: int
    c_in: int
    filters: int
    kernel: int
    stride: int
    padding: str
    kind: str  # 'conv', 'pool', 'average', 'global average', 'global max', 'norm' or 'block'

    @property
    def name(self) -> str:
        window = f"{self.kernel}x{self.kernel}"
        kind = {
            "conv": f"conv {window} to {self.filters}",
            "pool": f"pool {window}",
            "average": f"average {window}",
            "norm": "batch norm + ReLU",
            "block": f"conv {window} to {self.filters} + batch norm + ReLU + pool 2x2",
        }.get(self.kind, self.kind)
        if self.kind in ("conv", "pool", "average"):
            kind += f", stride {self.stride}" if self.stride > 1 else ""
            kind += f", {self.padding}"
        return f"{self.size}x{self.size}x{self.c_in}: {kind}"

    @property
    def out(self) -> int:
        if self.kind == "block":
            return (self.size - self.kernel + 1) // 2
        if self.kind == "norm":
            return self.size
        if self.padding == "same":
            return -(-self.size // self.stride)
        return (self.size - self.kernel) // self.stride + 1

    @property
    def padding_is_even(self) -> bool:
        zeros = (self.out - 1) * self.stride + self.kernel - self.size
        return self.padding == "valid" or max(0, zeros) % 2 == 0


def conv(size, c_in, filters, kernel, stride=1, padding="valid"):
    return Shape(size, c_in, filters, kernel, stride, padding, "conv")


def pool(size, channels, kernel=2, padding="valid", kind="pool"):
    return Shape(size, channels, 0, kernel, 2, padding, kind)


def whole(size, channels, kind):
    """Layers whose windows, if any, are the whole image."""
    return Shape(size, channels, 0, size, size, "valid", kind)


def block(size, c_in, filters):
    return Shape(size, c_in, filters, 3, 1, "valid", "block")


SHAPES = [
    conv(64, 3, 32, 3, padding="same"),
    conv(64, 3, 16, 7, 2, "same"),
    conv(64, 3, 64, 5, 2),
    conv(64, 16, 16, 3, padding="same"),
    conv(64, 32, 8, 1),
    conv(48, 12, 24, 3),
    conv(32, 3, 32, 5, padding="same"),
    conv(32, 3, 64, 7),
    conv(32, 16, 32, 2),
    conv(32, 16, 32, 4, 2),
    conv(32, 32, 32, 3, padding="same"),
    conv(32, 32, 64, 3, 2, "same"),
    conv(32, 48, 24, 5, padding="same"),
    conv(32, 64, 64, 3),
    conv(28, 8, 16, 3),
    conv(28, 16, 32, 5),
    conv(28, 20, 40, 6),
    conv(28, 32, 64, 3),
    conv(16, 64, 128, 3, padding="same"),
    conv(16, 64, 128, 3, 2, "same"),
    conv(16, 128, 64, 1),
    conv(15, 33, 31, 3),  # channels that no vector length divides
    conv(14, 64, 64, 3, padding="same"),
    conv(14, 128, 32, 5),
    conv(13, 10, 20, 7, padding="same"),
    conv(7, 64, 128, 3, 2, "same"),
    conv(7, 128, 128, 1),
    conv(7, 128, 128, 3, padding="same"),
    pool(64, 32),
    pool(64, 16, 3),
    pool(32, 3),
    pool(32, 32, 3, "same"),
    pool(28, 16),
    pool(27, 32),
    pool(15, 128, 3),
    pool(7, 128),
]

OTHERS = [
    *(
        shape
        for size, channels in ((26, 32), (12, 64))
        for shape in (
            pool(size, channels, kind="average"),
            pool(size, channels, 3, "same", kind="average"),
            whole(size, channels, "global average"),
            whole(size, channels, "global max"),
            whole(size, channels, "norm"),
        )
    ),
    block(28, 1, 32),
    block(28, 32, 32),
    block(14, 32, 64),
]


# ---- one process ----------------------------------------------------------------------------


def arrays(shape: Shape, batch: int) -> tuple[np.ndarray, ...]:
    """Return x, dy, w and b of a shape, channels last, the same in every process."""
    random = np.random.default_rng(7)

    def draw(*size: int) -> np.ndarray:
        return random.standard_normal(size, np.float32)

    channels = shape.filters or shape.c_in
    return (
        draw(batch, shape.size, shape.size, shape.c_in),
        draw(batch, shape.out, shape.out, channels),
        draw(shape.kernel, shape.kernel, shape.c_in, channels),
        draw(channels),
    )


class NumcnnLayer:
    """The layers as steps of the engine that training uses."""

    def __init__(self, shape: Shape, batch: int) -> None:
        from numcnn import layers, optimizers
        from numcnn.engine.buffers import Buffers
        from numcnn.engine.crew import CREW
        from numcnn.engine.fusion import fuse
        from numcnn.engine.parameters import Parameters
        from numcnn.engine.plan import joined
        from numcnn.engine.steps import Phase, Squares, Wires

        x, dy, w, b = arrays(shape, batch)
        size, step = (shape.kernel, shape.kernel), (shape.stride, shape.stride)
        windows = {"strides": step, "padding": shape.padding}
        self.layers = {
            "conv": lambda: [layers.Conv2D(shape.filters, size, **windows)],
            "pool": lambda: [layers.MaxPool2D(size, **windows)],
            "average": lambda: [layers.AveragePooling2D(size, **windows)],
            "global average": lambda: [layers.GlobalAveragePooling2D()],
            "global max": lambda: [layers.GlobalMaxPooling2D()],
            "norm": lambda: [layers.BatchNormalization(), layers.ReLU()],
            "block": lambda: [
                layers.Conv2D(shape.filters, size),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.MaxPool2D(2),
            ],
        }[shape.kind]()
        sample = x.shape[1:]
        for layer in self.layers:
            layer.build_for(sample)
            sample = layer.sample_output_shape
        if shape.filters:
            self.layers[0].set_weights([w, b])
        parameters = Parameters(self.layers, self.layers, optimizers.SGD(), np.float32)
        buffers, self.crew = Buffers(batch), CREW
        into = [buffers.per_sample(name, x.shape[1:], np.float32) for name in ("x", "dx")]
        into[0][...] = x
        prepared, forward, backward, rest = [], [], [], []
        self.wires = []
        for i, made in enumerate(fuse(self.layers, "float32")):
            out = [
                buffers.per_sample(f"{name}{i}", made.output_shape, np.float32)
                for name in ("y", "dy")
            ]
            wires = Wires(
                n=batch,
                training=True,
                x=into[0],
                y=out[0],
                dx=into[1],
                dy=out[1],
                buffers=buffers,
                scratch_size=made.scratch_size(),
                dtype=np.dtype(np.float32),
                gradient=lambda layer, name: parameters.gradient_of.get((id(layer.params), name)),
                light=made.light,
                squares=Squares(),
            )
            prepared += made.prepare(wires)
            forward += made.forward(wires)
            back, later = made.backward(wires)
            backward, rest = back + backward, rest + later
            self.wires.append(wires)
            into = out
        self.dy = dy.reshape(into[1].shape)
        parameters.hand_out()
        self.parts = joined([Phase(prepared), *forward, *backward, Phase(rest)])

    def run(self) -> None:
        np.copyto(self.wires[-1].dy, self.dy)  # the way back may have written over it
        for part in self.parts:
            if callable(part):
                part()
            else:
                self.crew.run(part)

    def results(self) -> list[np.ndarray]:
        gradients = [layer.grads[name] for layer in self.layers for name in layer.params]
        return [self.wires[-1].y, self.wires[0].dx, *gradients]


class PyTorchLayer:
    """The layer in PyTorch."""

    channels_last = False

    def __init__(self, shape: Shape, batch: int) -> None:
        import torch
        from torch import nn

        x, dy, w, b = arrays(shape, batch)
        form = torch.channels_last if self.channels_last else torch.contiguous_format
        self.x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=form)
        self.dy = torch.from_numpy(dy).permute(0, 3, 1, 2).contiguous(memory_format=form)
        self.x.requires_grad_(True)
        padding = shape.kernel // 2 if shape.padding == "same" else 0
        channels = shape.filters or shape.c_in
        conv = nn.Conv2d(shape.c_in, channels, shape.kernel, shape.stride, padding)
        with torch.no_grad():
            conv.weight.copy_(torch.from_numpy(w).permute(3, 2, 0, 1))
            conv.bias.copy_(torch.from_numpy(b))
        norm = [nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01), nn.ReLU()]
        average = nn.AvgPool2d(shape.kernel, shape.stride, padding, count_include_pad=False)
        layers = {
            "conv": [conv],
            "pool": [nn.MaxPool2d(shape.kernel, shape.stride, padding)],
            "average": [average],
            "global average": [nn.AdaptiveAvgPool2d(1)],
            "global max": [nn.AdaptiveMaxPool2d(1)],
            "norm": norm,
            "block": [conv, *norm, nn.MaxPool2d(2)],
        }[shape.kind]
        self.layer = nn.Sequential(*layers).to(memory_format=form)

    def run(self) -> None:
        self.x.grad = None
        self.layer.zero_grad(set_to_none=True)
        self.y = self.layer(self.x)
        self.y.backward(self.dy)

    def results(self) -> list[Any]:
        grads = [p.grad for p in self.layer.parameters()]
        return [t.detach().numpy() for t in (self.y, self.x.grad, *grads)]


class PyTorchChannelsLastLayer(PyTorchLayer):
    channels_last = True


MEASURED = {
    "numcnn": NumcnnLayer,
    "pytorch": PyTorchLayer,
    "pytorch-channels-last": PyTorchChannelsLastLayer,
}


def child(settings: runs.Settings) -> list[dict[str, Any]]:
    """Measure one contestant on some shapes; return seconds and norms for each."""
    if settings["threads"]:
        set_threads(settings["contestant"], settings["threads"])
    result = []
    for fields in settings["shapes"]:
        shape = Shape(**fields)
        layer = MEASURED[settings["contestant"]](shape, settings["batch"])
        for _ in range(3):  # compile, and let the frameworks find their memory
            layer.run()
        norms = [float(np.linalg.norm(np.ravel(r).astype(np.float64))) for r in layer.results()]
        times = runs.timed(layer.run, settings["seconds"], at_least=5)
        result.append({"seconds": median(times), "norms": norms})
    return result


def set_threads(contestant: str, threads: int) -> None:
    if contestant == "numcnn":
        import numcnn

        numcnn.set_num_threads(threads)
    else:
        import torch

        torch.set_num_threads(threads)


# ---- all of them ----------------------------------------------------------------------------


def main() -> None:
    parser = runs.parser(__doc__)
    runs.add_process(parser)
    parser.add_argument("--batch", type=runs.positive, default=32, help="images at once")
    parser.add_argument("--seconds", type=float, default=0.3, help="of measuring, each shape")
    parser.add_argument(
        "--others", action="store_true", help="averages, global pooling, batch normalization"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="shapes with this in the name")
    options = parser.parse_args()
    print(machine.describe())
    shapes = [s for s in (OTHERS if options.others else SHAPES) if options.only in s.name]
    if not shapes:
        parser.error(f"no shape has {options.only!r} in its name")
    names = present(list(MEASURED))
    measured: dict[str, dict[str, list[Any]]] = {s.name: {n: [] for n in names} for s in shapes}
    for first in range(0, len(shapes), GROUP):
        group = shapes[first : first + GROUP]
        shared = {"shapes": [vars(s) for s in group], "batch": options.batch}
        shared |= {"seconds": options.seconds, **runs.process_settings(options)}
        jobs = {name: {"contestant": name, **shared} for name in names}
        for name, rounds in runs.in_turns(runs.children_of(__file__), jobs, options.rounds).items():
            for one in rounds:
                for shape, result in zip(group, one, strict=True):
                    measured[shape.name][name].append(result)
    runs.heading(f"Forward and backward, {options.batch} images, milliseconds")
    report(shapes, measured)
    runs.write_json(options.json, measured)


def report(shapes: list[Shape], measured: dict[str, dict[str, list[Any]]]) -> None:
    """Print the table, the geometric mean, the worst ratio, and whether the numbers agree."""
    rows, ratios, compared, unlike = [], {}, 0, []
    for shape in shapes:
        results = measured[shape.name]
        seconds = {
            n: median(r["seconds"] for r in rounds) for n, rounds in results.items() if rounds
        }
        if "numcnn" not in seconds:
            continue
        ours = seconds.pop("numcnn")
        row = [shape.name, runs.number(1000 * ours)]
        if seconds:
            best = min(seconds, key=lambda n: seconds[n])
            ratios[shape.name] = seconds[best] / ours
            layout = "last" if "last" in best else "first"
            row += [runs.number(1000 * seconds[best]), layout, f"{ratios[shape.name]:.2f}"]
            if shape.padding_is_even:
                compared += 1
                norms = [np.array(results[n][0]["norms"]) for n in ("numcnn", best)]
                # A bias before batch normalization has no gradient but rounding.
                if not np.allclose(*norms, rtol=TOLERANCE, atol=TOLERANCE**2 * norms[1].max()):
                    unlike.append(shape.name)
        else:
            row += ["", "", ""]
        rows.append(row)
    title = CONTESTANTS["pytorch"].title
    runs.table(["shape", "numcnn", title, "its channels", "ratio"], rows)
    if ratios:
        worst = min(ratios, key=lambda n: ratios[n])
        print(f"{len(ratios)} shapes. Geometric mean of the ratios: ", end="")
        print(f"{geometric_mean(ratios.values()):.2f}; worst: {ratios[worst]:.2f} ({worst})")
        print(f"Norms of outputs and gradients agree on {compared - len(unlike)} of {compared}.")
        for name in unlike:
            print(f"  They do not agree on {name}")
    print(runs.RATIO)


if __name__ == "__main__":
    runs.start(main, child)
