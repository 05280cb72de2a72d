"""How much memory does training need, beside PyTorch and Keras on TensorFlow?

    python benchmarks/memory.py
    python benchmarks/memory.py --model 1conv --images 2000 --rounds 1

The peak resident memory of a process that imports the framework, reads the training images as
float32 and trains for one epoch, as the operating system counts it: everything that the process
ever held at once, so also the framework itself. The images alone take 188 MB, in every contestant.
malloc is as it comes, unlike in the timings.

Prints for each network the megabytes (10**6 bytes): median, least, greatest, and the ratio to
numcnn. The line "NumPy and the images" is a process that reads the images and does nothing.
"""

import resource
import sys
from typing import Any

import digits
import machine
import runs
from contestants import CONTESTANTS, present

IDLE = "NumPy and the images"


def child(settings: runs.Settings) -> dict[str, Any]:
    """Train one contestant for an epoch; return the peak of this process's memory in bytes."""
    if settings["contestant"] == IDLE:
        data = digits.load(settings["folder"])
    else:
        contestant = CONTESTANTS[settings["contestant"]](settings["model"])
        data = digits.load(settings["folder"])
        contestant.load(*data)
        contestant.train_epoch()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"bytes": peak if sys.platform == "darwin" else 1024 * peak, "images": len(data[0])}


def main() -> None:
    parser = runs.parser(__doc__, rounds=1)
    runs.add_model(parser)
    runs.add_peers(parser)
    parser.add_argument("--images", type=runs.positive, default=60000, help="images in an epoch")
    options = parser.parse_args()
    print(machine.describe())
    names = [IDLE, *present(["numcnn", *options.peers])]
    everything = {}
    with digits.prepared(options.images) as folder:
        for model in runs.chosen_models(options):
            runs.heading(f"{model}: peak memory of training on {options.images:,} images")
            jobs = {n: {"contestant": n, "model": model, "folder": folder} for n in names}
            results = runs.in_turns(runs.children_of(__file__), jobs, options.rounds)
            everything[model] = results
            samples = {n: [[r["bytes"]] for r in rounds] for n, rounds in results.items()}
            runs.compare(samples, "MB", scale=1e-6)
    print(runs.RATIO)
    runs.write_json(options.json, everything)


if __name__ == "__main__":
    runs.start(main, child)
