"""How fast are the layers that the tutorial does not use, beside PyTorch and as they are written?

    python benchmarks/layers.py
    python benchmarks/layers.py --only depthwise --rounds 1 --seconds 0.1

Each row is one layer on images: forward as in training, then forward and backward, with all
gradients. Measured are numcnn's layer as it is written (NumPy), the step that the engine makes of
it, and PyTorch with contiguous tensors and with channels_last, of which the faster counts. The
contestants have processes of their own, in turns; see sweep.py for what is timed.

Checks that outputs and gradients have the same norms. Padding is 'valid', except for transposed
convolutions: there the sizes are such that both cut the same border off.
"""

from dataclasses import dataclass
from statistics import median
from typing import Any

import machine
import numpy as np
import runs
from contestants import CONTESTANTS, present

TOLERANCE = 1e-3  # of the norms of outputs and gradients, relative
SHAPES = [(26, 26, 32), (12, 12, 64)]

# Class in numcnn, arguments, class in PyTorch, arguments there; {c} stands for the channels.
LAYERS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "depthwise 3x3": (
        "DepthwiseConv2D", {"kernel_size": 3},
        "Conv2d", {"in_channels": "{c}", "out_channels": "{c}", "kernel_size": 3, "groups": "{c}"},
    ),
    "separable 3x3": (
        "SeparableConv2D", {"filters": "{c}", "kernel_size": 3},
        "Separable", {"channels": "{c}"},
    ),
    "transposed 3x3, stride 2": (
        "Conv2DTranspose",
        {"filters": "{c}", "kernel_size": 3, "strides": 2, "padding": "valid"},
        "ConvTranspose2d",
        {"in_channels": "{c}", "out_channels": "{c}", "kernel_size": 3, "stride": 2},
    ),
    "sigmoid": ("Activation", {"activation": "sigmoid"}, "Sigmoid", {}),
    "tanh": ("Activation", {"activation": "tanh"}, "Tanh", {}),
    "swish": ("Activation", {"activation": "swish"}, "SiLU", {}),
    "gelu": ("Activation", {"activation": "gelu"}, "GELU", {}),
    "mish": ("Activation", {"activation": "mish"}, "Mish", {}),
    "softplus": ("Activation", {"activation": "softplus"}, "Softplus", {}),
    "elu": ("Activation", {"activation": "elu"}, "ELU", {}),
    "leaky relu": ("LeakyReLU", {"negative_slope": 0.2}, "LeakyReLU", {"negative_slope": 0.2}),
    "prelu, one alpha a channel": (
        "PReLU", {"shared_axes": (1, 2), "alpha_initializer": "ones"},
        "PReLU", {"num_parameters": "{c}", "init": 1.0},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One layer on one size of images."""

    layer: str
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{'x'.join(map(str, self.shape))}: {self.layer}"

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        return {k: self.shape[-1] if v == "{c}" else v for k, v in given.items()}

    def numcnn(self) -> Any:
        """Return numcnn's layer, built, with weights from a generator."""
        from numcnn import layers

        name, arguments, *_ = LAYERS[self.layer]
        layer = getattr(layers, name)(**self.arguments(arguments))
        layer.build_for(self.shape)
        draw = np.random.default_rng(7)
        layer.set_weights([draw.standard_normal(w.shape) / 9 for w in layer.get_weights()])
        return layer

    def arrays(self, layer: Any, batch: int) -> tuple[np.ndarray, np.ndarray]:
        draw = np.random.default_rng(8)
        sizes = ((batch, *self.shape), (batch, *layer.sample_output_shape))
        x, dy = (draw.standard_normal(size, np.float32) for size in sizes)
        return x, dy


class AsWritten:
    """The layer called as it is."""

    def __init__(self, row: Row, batch: int) -> None:
        self.layer = row.numcnn()
        self.x, self.dy = row.arrays(self.layer, batch)

    def forward(self) -> None:
        self.y = self.layer.forward(self.x, training=True)

    def backward(self) -> None:
        self.dx = self.layer.backward(self.dy)

    def results(self) -> list[Any]:
        return [self.y, self.dx, *(self.layer.grads[name] for name in self.layer.params)]


class Step(AsWritten):
    """The step that the engine makes of the layer."""

    def __init__(self, row: Row, batch: int) -> None:
        from numcnn import optimizers
        from numcnn.engine.buffers import Buffers
        from numcnn.engine.crew import CREW
        from numcnn.engine.fusion import fuse
        from numcnn.engine.parameters import Parameters
        from numcnn.engine.plan import joined
        from numcnn.engine.steps import Phase, Squares, Wires

        super().__init__(row, batch)
        parameters = Parameters([self.layer], [self.layer], optimizers.SGD(), np.float32)
        (made,), buffers = fuse([self.layer], "float32"), Buffers(batch)
        x, dx, y, dy = (
            buffers.per_sample(name, like.shape[1:], np.float32)
            for name, like in zip(("x", "dx", "y", "dy"), [self.x] * 2 + [self.dy] * 2, strict=True)
        )
        x[...], dy[...] = self.x, self.dy
        wires = Wires(
            n=batch, training=True, x=x, y=y, dx=dx, dy=dy, buffers=buffers,
            scratch_size=made.scratch_size(), dtype=np.dtype(np.float32), light=made.light,
            gradient=lambda layer, name: parameters.gradient_of.get((id(layer.params), name)),
            squares=Squares(),
        )  # fmt: skip
        parameters.hand_out()
        self.y, self.dx, self.crew = y, dx, CREW
        backward, rest = made.backward(wires)
        self.parts = [
            joined([Phase(made.prepare(wires)), *made.forward(wires)]),
            joined([*backward, Phase(rest)]),
        ]

    def forward(self) -> None:
        self._run(self.parts[0])

    def backward(self) -> None:
        self._run(self.parts[1])

    def _run(self, parts: list[Any]) -> None:
        for part in parts:
            if callable(part):
                part()
            else:
                self.crew.run(part)


class PyTorch:
    """The layer in PyTorch."""

    channels_last = False

    def __init__(self, row: Row, batch: int) -> None:
        import torch

        layer = row.numcnn()
        form = torch.channels_last if self.channels_last else torch.contiguous_format
        self.x, self.dy = (
            torch.from_numpy(a).permute(0, 3, 1, 2).contiguous(memory_format=form)
            for a in row.arrays(layer, batch)
        )
        self.x.requires_grad_(True)
        _, _, name, arguments = LAYERS[row.layer]
        made = separable if name == "Separable" else getattr(torch.nn, name)
        self.layer = made(**row.arguments(arguments)).to(memory_format=form)
        turned = {"Conv2d": (2, 3, 0, 1), "ConvTranspose2d": (3, 2, 0, 1)}
        with torch.no_grad():
            for to, w in zip(self.layer.parameters(), layer.get_weights(), strict=True):
                if w.ndim == 4:
                    order = turned.get(name, (2, 3, 0, 1) if to.shape[1] == 1 else (3, 2, 0, 1))
                    w = w.transpose(order)
                to.copy_(torch.from_numpy(w.reshape(to.shape).copy()))

    def forward(self) -> None:
        self.x.grad = None
        self.layer.zero_grad(set_to_none=True)
        self.y = self.layer(self.x)

    def backward(self) -> None:
        self.y.backward(self.dy)

    def results(self) -> list[Any]:
        grads = [p.grad for p in self.layer.parameters()]
        return [t.detach().numpy() for t in (self.y, self.x.grad, *grads)]


class PyTorchChannelsLast(PyTorch):
    channels_last = True


def separable(channels: int) -> Any:
    """Return PyTorch's separable convolution: two layers, the first without a bias."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1),
    )


MEASURED = {
    "as written": AsWritten,
    "numcnn": Step,
    "pytorch": PyTorch,
    "pytorch-channels-last": PyTorchChannelsLast,
}


def child(settings: runs.Settings) -> list[dict[str, Any]]:
    """Measure one contestant on all rows; return seconds and norms for each."""
    result = []
    for layer, shape in settings["rows"]:
        made = MEASURED[settings["contestant"]](Row(layer, tuple(shape)), settings["batch"])

        def both(made: Any = made) -> None:
            made.forward()
            made.backward()

        both()
        both()
        times = [runs.timed(f, settings["seconds"], at_least=3) for f in (made.forward, both)]
        # Not before: BLAS's threads stay awake for a while and would take a core.
        norms = [float(np.linalg.norm(np.ravel(r).astype(np.float64))) for r in made.results()]
        result.append({"seconds": [median(t) for t in times], "norms": norms})
    return result


def main() -> None:
    parser = runs.parser(__doc__)
    runs.add_process(parser)
    parser.add_argument("--batch", type=runs.positive, default=128, help="images at once")
    parser.add_argument("--seconds", type=float, default=0.2, help="of measuring, each row, twice")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows with this in the name")
    options = parser.parse_args()
    print(machine.describe())
    rows = [Row(layer, shape) for shape in SHAPES for layer in LAYERS]
    rows = [row for row in rows if options.only in row.name]
    if not rows:
        parser.error(f"no row has {options.only!r} in its name")
    names = ["as written", *present([name for name in MEASURED if name in CONTESTANTS])]
    shared = {"rows": [[r.layer, r.shape] for r in rows], "batch": options.batch}
    shared |= {"seconds": options.seconds, **runs.process_settings(options)}
    jobs = {name: {"contestant": name, **shared} for name in names}
    found = runs.in_turns(runs.children_of(__file__), jobs, options.rounds)
    runs.heading(f"One layer, {options.batch} images, milliseconds: forward, and with backward")
    report(rows, found)
    runs.write_json(options.json, found)


def report(rows: list[Row], found: dict[str, list[Any]]) -> None:
    """Print the table, and where the numbers differ."""
    table, unlike = [], []
    peers = [name for name in found if name.startswith("pytorch")]
    for i, row in enumerate(rows):
        seconds = {
            name: [median(one[i]["seconds"][k] for one in rounds) for k in range(2)]
            for name, rounds in found.items()
        }
        cells = [row.name]
        for k in range(2):
            ours, written = seconds["numcnn"][k], seconds["as written"][k]
            cells += [runs.number(1000 * written), runs.number(1000 * ours)]
            if peers:
                best = min(seconds[name][k] for name in peers)
                cells += [runs.number(1000 * best), f"{best / ours:.2f}"]
        table.append(cells)
        norms = {name: np.array(rounds[0][i]["norms"]) for name, rounds in found.items()}
        for name, other in norms.items():
            if np.abs(norms["numcnn"] / other - 1).max() > TOLERANCE:
                unlike.append(f"{row.name}: {name}")
    header = ["as written", "numcnn"]
    if peers:
        header += [CONTESTANTS["pytorch"].title, "ratio"]
    runs.table(["layer", *header, *(f"{h}, both" for h in header)], table)
    print("All norms agree." if not unlike else f"Norms differ: {'; '.join(unlike)}")
    print(runs.RATIO)


if __name__ == "__main__":
    runs.start(main, child)
