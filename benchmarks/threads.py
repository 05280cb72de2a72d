"""What do more threads bring, in numcnn and in PyTorch?

    python benchmarks/threads.py
    python benchmarks/threads.py --model 1conv --images 2000 --rounds 1 --up-to 2

The epoch of train_epoch.py with 1, 2, ... threads, set by `numcnn.set_num_threads` and
`torch.set_num_threads`; each number of threads and each contestant in a process of its own, in
turns.

Prints for each network and each number of threads the seconds of an epoch (median) and how many
times faster that is than one thread.
"""

from statistics import median
from typing import Any

import digits
import machine
import runs
import train_epoch
from contestants import present

PEERS = ["pytorch", "pytorch-channels-last"]


def main() -> None:
    parser = runs.parser(__doc__)
    runs.add_model(parser)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="beside numcnn")
    parser.add_argument("--images", type=runs.positive, default=60000, help="images in an epoch")
    parser.add_argument("--epochs", type=runs.positive, default=1, help="timed in each process")
    parser.add_argument(
        "--up-to", type=runs.positive, default=machine.cores(), help="the most threads"
    )
    options = parser.parse_args()
    print(machine.describe())
    names = present(["numcnn", *options.peers])
    everything = {}
    with digits.prepared(options.images) as folder:
        for model in runs.chosen_models(options):
            runs.heading(f"{model}: seconds of an epoch of {options.images:,} images by threads")
            jobs = {}
            for threads in range(1, options.up_to + 1):
                for name in names:
                    jobs[f"{name} {threads}"] = {
                        "contestant": name,
                        "model": model,
                        "folder": folder,
                        "epochs": options.epochs,
                        "threads": threads,
                        "plain_malloc": False,
                    }
            children = runs.children_of(train_epoch.__file__)
            results = runs.in_turns(children, jobs, options.rounds)
            everything[model] = results
            report(results, names, options.up_to)
    runs.write_json(options.json, everything)


def report(results: dict[str, list[Any]], names: list[str], up_to: int) -> None:
    """Print seconds and speed-ups, one line for each number of threads."""
    seconds = {
        job: median(runs.flat([r["seconds"] for r in rounds])) for job, rounds in results.items()
    }
    rows = []
    for threads in range(1, up_to + 1):
        row = [str(threads)]
        for name in names:
            one, many = (seconds.get(f"{name} {n}") for n in (1, threads))
            row.append(runs.number(many) if many else "")
            row.append(f"{one / many:.2f}" if one and many else "")
        rows.append(row)
    runs.table(["threads", *(h for n in names for h in (runs.title(n), "times faster"))], rows)


if __name__ == "__main__":
    main()
