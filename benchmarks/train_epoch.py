"""How long does one epoch of training take, beside PyTorch and Keras on TensorFlow?

    python benchmarks/train_epoch.py                          both networks, all of MNIST
    python benchmarks/train_epoch.py --model 1conv --images 2000 --rounds 1 --peers pytorch
    python benchmarks/train_epoch.py --model norm             two convolutions, each normalised

The two networks of the tutorial: batches of 128, shuffled, dropout, softmax with cross-entropy,
RMSprop, pixels from 0 to 1, float32. Each contestant has its own process, in turns; each process
trains some batches first, so that everything is compiled, and then times whole epochs.

Prints for each network the seconds of an epoch: median, least and greatest over all epochs of all
rounds, the ratio to numcnn, and the mean loss of the last epoch, which shows that all learn alike.
"""

import time
from statistics import median
from typing import Any

import digits
import machine
import runs
from contestants import BATCH_SIZE, CONTESTANTS, present

WARM_UP_BATCHES = 20


def child(settings: runs.Settings) -> dict[str, Any]:
    """Train one contestant; return the seconds of each epoch."""
    contestant = CONTESTANTS[settings["contestant"]](settings["model"], threads=settings["threads"])
    x, y = digits.load(settings["folder"])
    # The last batch of an epoch may be shorter: it is warmed up too.
    few = min(len(x), WARM_UP_BATCHES * BATCH_SIZE + len(x) % BATCH_SIZE)
    contestant.load(x[:few], y[:few])
    contestant.train_epoch()
    contestant.load(x, y)
    seconds = []
    for _ in range(settings["epochs"]):
        begin = time.perf_counter()
        loss = contestant.train_epoch()
        seconds.append(time.perf_counter() - begin)
    return {"seconds": seconds, "loss": loss, "note": contestant.note()}


def main() -> None:
    parser = runs.parser(__doc__)
    runs.add_model(parser)
    runs.add_peers(parser)
    parser.add_argument("--images", type=runs.positive, default=60000, help="images in an epoch")
    parser.add_argument("--epochs", type=runs.positive, default=2, help="timed in each process")
    runs.add_process(parser)
    options = parser.parse_args()
    print(machine.describe())
    names = present(["numcnn", *options.peers])
    everything = {}
    with digits.prepared(options.images) as folder:
        for model in runs.chosen_models(options):
            runs.heading(f"{model}: training on {options.images:,} images")
            shared = {"model": model, "folder": folder, "epochs": options.epochs}
            shared |= runs.process_settings(options)
            jobs = {name: {"contestant": name, **shared} for name in names}
            results = runs.in_turns(runs.children_of(__file__), jobs, options.rounds)
            everything[model] = results
            runs.compare(
                {name: [r["seconds"] for r in rounds] for name, rounds in results.items()}, "s"
            )
            for name, rounds in results.items():
                loss = median(r["loss"] for r in rounds)
                print(f"{runs.title(name)}: loss {loss:.4f}; {rounds[-1]['note']}")
    print(runs.RATIO)
    runs.write_json(options.json, everything)


if __name__ == "__main__":
    runs.start(main, child)
