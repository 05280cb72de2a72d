"""How long do predictions take, beside PyTorch, Keras on TensorFlow and ONNX Runtime?

    python benchmarks/predict.py
    python benchmarks/predict.py --model 1conv --images 1000 --rounds 1 --peers onnxruntime
    python benchmarks/predict.py --model norm                  two convolutions, each normalised

The probabilities of 10,000 test images of MNIST, computed by the two networks of the tutorial in
batches of several sizes. Weights are random, and the same in every contestant. Each contestant has
its own process, in turns, and sees all images once with each batch size before it is timed.

Prints for each network the milliseconds for all images, each contestant with the batch size that
suits it best, and how far its probabilities are from numcnn's.
"""

import math
from functools import partial
from statistics import median
from typing import Any

import digits
import machine
import numpy as np
import runs
from contestants import CONTESTANTS, present

COMPARED = 100  # images whose probabilities are compared


def child(settings: runs.Settings) -> dict[str, Any]:
    """Predict with one contestant; return the seconds by batch size, and some probabilities."""
    contestant = CONTESTANTS[settings["contestant"]](settings["model"], threads=settings["threads"])
    x, y = digits.load(settings["folder"], "test")
    many = np.arange(settings["images"]) % len(x)
    contestant.load(x[many], y[many])
    seconds = {}
    for size in settings["batch_sizes"]:
        outputs = contestant.predict(size)
        seconds[str(size)] = runs.timed(partial(contestant.predict, size), 0.0, at_least=5)
    return {"seconds": seconds, "outputs": outputs[:COMPARED].tolist()}


def main() -> None:
    parser = runs.parser(__doc__)
    runs.add_model(parser)
    runs.add_peers(parser, list(CONTESTANTS))
    parser.add_argument("--images", type=runs.positive, default=10000, help="images to predict")
    parser.add_argument(
        "--batch-sizes", type=runs.positive, nargs="+", default=[128, 1000], help="tried by all"
    )
    runs.add_process(parser)
    options = parser.parse_args()
    print(machine.describe())
    names = present(["numcnn", *options.peers])
    everything = {}
    with digits.prepared(1) as folder:
        for model in runs.chosen_models(options):
            runs.heading(f"{model}: predicting {options.images:,} images")
            shared = {
                "model": model,
                "folder": folder,
                "images": options.images,
                "batch_sizes": options.batch_sizes,
                **runs.process_settings(options),
            }
            jobs = {name: {"contestant": name, **shared} for name in names}
            results = runs.in_turns(runs.children_of(__file__), jobs, options.rounds)
            everything[model] = results
            report(results, options.batch_sizes)
    print(runs.RATIO)
    runs.write_json(options.json, everything)


def report(results: dict[str, list[Any]], sizes: list[int]) -> None:
    """Print the table, each contestant's best batch size, and the differences of the outputs."""
    best: dict[str, runs.Samples] = {}
    lines = []
    for name, rounds in results.items():
        by_size = {size: [r["seconds"][str(size)] for r in rounds] for size in sizes}
        middle = {size: median(runs.flat(samples)) for size, samples in by_size.items()}
        size = min(middle, key=lambda s: middle[s])
        best[name] = by_size[size]
        all_sizes = ", ".join(f"{s}: {1000 * m:.1f} ms" for s, m in middle.items())
        line = f"{runs.title(name)}: best batch size {size} ({all_sizes})"
        if name != "numcnn" and "numcnn" in results:
            line += f"; differs from numcnn by {difference(results, name):.1e} at most"
        lines.append(line)
    runs.compare(best, "ms", scale=1000)
    print("\n".join(lines))


def difference(results: dict[str, list[Any]], name: str) -> float:
    """Return the greatest difference of a probability from numcnn's."""
    theirs, ours = (np.array(results[n][0]["outputs"]) for n in (name, "numcnn"))
    greatest = float(np.abs(theirs - ours).max())
    return greatest if math.isfinite(greatest) else math.inf


if __name__ == "__main__":
    runs.start(main, child)
