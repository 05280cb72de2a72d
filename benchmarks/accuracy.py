"""How well do the networks learn, over several seeds, beside Keras?

    python benchmarks/accuracy.py --log accuracy.jsonl
    python benchmarks/accuracy.py --log accuracy.jsonl --model 1conv --seeds 10 --contestants numcnn

Each seed is one training of the network on all of MNIST: batches of 128, RMSprop with its defaults,
pixels from 0 to 1, weights started by the contestant itself. The error is measured once, on the
10,000 test images, after the last epoch; nothing is chosen by it. Each training has its own
process. Its result is a line of the log; a training that the log holds is not repeated, so an
interrupted run goes on where it was. After a change to the library, take a new log.

Prints every test error, then for each contestant the mean, its standard error, the least and the
greatest, and the difference of the means with its standard error.
"""

import argparse
import json
import math
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import digits
import machine
import runs
from contestants import CONTESTANTS, TRAINERS, present

Result = dict[str, Any]
RUN = ("contestant", "model", "seed", "epochs", "images")  # what tells two trainings apart


def child(settings: runs.Settings) -> Result:
    """Train once; return the test error in per cent."""
    contestant = CONTESTANTS[settings["contestant"]](
        settings["model"], seed=settings["seed"], threads=settings["threads"], own_weights=True
    )
    contestant.load(*digits.load(settings["folder"]))
    begin = time.perf_counter()
    losses = [contestant.train_epoch() for _ in range(settings["epochs"])]
    seconds = time.perf_counter() - begin
    x, y = digits.load(settings["folder"], "test")
    contestant.load(x, y)
    wrong = contestant.predict(1000).argmax(axis=1) != y
    return {
        "test_error": 100 * float(wrong.mean()),
        "tested_on": len(y),
        "losses": losses,
        "seconds": seconds,
        "note": contestant.note(),
    }


def main() -> None:
    options = parse()
    print(machine.describe())
    names = present(options.contestants)
    log = read_log(options.log)
    with digits.prepared(options.images) as folder:
        for model in runs.chosen_models(options):
            for seed in range(options.first_seed, options.first_seed + options.seeds):
                for name in names:
                    run = {"contestant": name, "model": model, "seed": seed}
                    run |= {"epochs": options.epochs, "images": options.images}
                    if find(log, run) is None:
                        train(run, folder, options, log)
    for model in runs.chosen_models(options):
        runs.heading(f"{model}: test error in per cent, epochs: {options.epochs}")
        report(log, model, names, options)


def parse() -> argparse.Namespace:
    parser = runs.parser(__doc__, shared=False)
    runs.add_model(parser)
    parser.add_argument(
        "--contestants", nargs="+", choices=TRAINERS, default=["numcnn", "keras"], help="who"
    )
    parser.add_argument("--seeds", type=runs.positive, default=5, help="trainings of each")
    parser.add_argument("--first-seed", type=int, default=1, help="the others follow it")
    parser.add_argument("--epochs", type=runs.positive, default=10, help="of each training")
    parser.add_argument("--images", type=runs.positive, default=60000, help="images in an epoch")
    parser.add_argument("--log", type=Path, required=True, help="file of results, JSON lines")
    runs.add_process(parser)
    return parser.parse_args()


def read_log(path: Path) -> list[Result]:
    """Return the results so far; a last line that was cut off by an interruption is dropped."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
        path.write_text("".join(lines))
    return [json.loads(line) for line in lines]


def find(log: list[Result], run: Result) -> Result | None:
    """Return the result of this training, if the log has it."""
    return next((r for r in log if all(r[key] == run[key] for key in RUN)), None)


def train(run: Result, folder: str, options: argparse.Namespace, log: list[Result]) -> None:
    """Train in a new process and append the result to the log."""
    settings = {**run, "folder": folder, **runs.process_settings(options)}
    try:
        result = runs.in_child(__file__, settings)
    except runs.ChildError as error:
        print(f"{run} failed:\n{error}", flush=True)
        return
    log.append({**run, **result, "versions": machine.versions()})
    with options.log.open("a") as file:
        file.write(json.dumps(log[-1]) + "\n")
    title = runs.title(run["contestant"])
    print(f"{run['model']}, seed {run['seed']}, {title}: {result['test_error']:.2f} %", flush=True)


def report(log: list[Result], model: str, names: list[str], options: argparse.Namespace) -> None:
    """Print the errors seed by seed, and what they come to."""
    wanted = {"model": model, "epochs": options.epochs, "images": options.images}
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    errors: dict[str, dict[int, float]] = {}
    for name in names:
        results = [find(log, {"contestant": name, "seed": s, **wanted}) for s in seeds]
        found = {r["seed"]: r["test_error"] for r in results if r}
        if found:
            errors[name] = found
    rows = [[f"seed {s}", *(cell(e.get(s)) for e in errors.values())] for s in seeds]
    all_errors = [list(e.values()) for e in errors.values()]
    rows.append(["mean", *(cell(mean(e)) for e in all_errors)])
    rows.append(["standard error of the mean", *(cell(standard_error(e)) for e in all_errors)])
    rows.append(["least", *(cell(min(e)) for e in all_errors)])
    rows.append(["greatest", *(cell(max(e)) for e in all_errors)])
    runs.table(["", *(runs.title(name) for name in errors)], rows)
    if "numcnn" in errors:
        ours = list(errors["numcnn"].values())
        for name in errors:
            if name != "numcnn":
                theirs = list(errors[name].values())
                by = math.hypot(standard_error(ours), standard_error(theirs))
                print(f"numcnn minus {runs.title(name)}: {mean(ours) - mean(theirs):+.3f}", end="")
                print(f", standard error {by:.3f}")


def cell(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def standard_error(values: list[float]) -> float:
    """Return the standard error of the mean; NaN where one value cannot tell."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


if __name__ == "__main__":
    runs.start(main, child)
