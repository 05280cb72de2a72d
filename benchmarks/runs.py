"""Rounds of processes, and what is printed of them.

How the benchmarks measure: each contestant runs in a process of its own, because the idle threads
of one framework can keep the cores from another. The processes take turns, round after round, so
that a slow minute of the machine meets all of them. A process warms up before it measures. What is
printed are medians over all measurements, with the least and the greatest beside them.

A script that measures defines `child(settings) -> result`, what one process does, and
`main(arguments)`, and ends with `runs.start(main, child)`. Settings and results travel as JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import machine
from contestants import CONTESTANTS, MODELS, TRAINERS, TUTORIAL

Settings = dict[str, Any]
Samples = dict[str, list[list[float]]]  # contestant -> one list of measurements per round

CHILD_ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
# glibc hands large arrays back to the system when they are freed and asks for them anew; then the
# system zeroes every page again. A framework that allocates at each call can lose half of its time
# by it (PyTorch's predictions did). These two settings make glibc keep the memory.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31)}

QUIET = 0.03  # of the cores: what other programs may take without a warning


class ChildError(RuntimeError):
    """A contestant's process failed."""


# ---- processes ------------------------------------------------------------------------------


def start(main: Callable[[], None], child: Callable[[Settings], Any]) -> None:
    """Be the parent, or the child that the parent started."""
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(json.loads(sys.argv[2]))))
    else:
        main()


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a child; some libraries read their number of threads there."""
    env = {**os.environ, **CHILD_ENVIRONMENT}
    if not settings.get("plain_malloc", True):
        env |= KEEP_MEMORY
    if threads := settings.get("threads"):
        env |= {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    return env


def children_of(script: str) -> Callable[[Settings], Any]:
    """Return the function that has `child(settings)` of this script run in a new process."""
    return lambda settings: in_child(script, settings)


def in_child(script: str, settings: Settings) -> Any:
    """Return what `child(settings)` of this script returns in a new process."""
    done = subprocess.run(
        [sys.executable, script, "--child", json.dumps(settings)],
        env=environment(settings),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ChildError("\n".join(done.stderr.strip().splitlines()[-5:]))
    return json.loads(done.stdout.splitlines()[-1])


def in_turns(run: Callable[[Any], Any], jobs: dict[str, Any], rounds: int) -> dict[str, list[Any]]:
    """Run every job once in each round; return the results of each, round by round.

    A job that fails is reported and leaves the race; the others go on. Where other programs kept
    the cores busy meanwhile, that is said too: the figures are then not worth keeping.
    """
    results: dict[str, list[Any]] = {name: [] for name in jobs}
    disturbed = 0.0
    for turn in range(rounds):
        for name in list(results):
            print(f"  round {turn + 1} of {rounds}: {name} ...", file=sys.stderr, flush=True)
            others = machine.Disturbance()
            try:
                results[name].append(run(jobs[name]))
            except ChildError as error:
                print(f"{name} failed and is left out:\n{error}")
                del results[name]
            disturbed = max(disturbed, others.share())
    if disturbed > QUIET:
        print(f"DISTURBED: other programs took up to {disturbed:.0%} of the cores meanwhile.")
    return results


def timed(call: Callable[[], Any], seconds: float, at_least: int) -> list[float]:
    """Return how long each call took, for so many seconds in all and so many calls at least."""
    times: list[float] = []
    while len(times) < at_least or sum(times) < seconds:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return times


# ---- command lines --------------------------------------------------------------------------


def parser(description: str | None, rounds: int = 3, shared: bool = True) -> ArgumentParser:
    """Return a parser, with the options that the timings share."""
    result = ArgumentParser(
        description=(description or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    if shared:
        result.add_argument("--rounds", type=positive, default=rounds, help="turns of each")
        result.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    return result


def add_model(to: ArgumentParser) -> None:
    """Add the choice of the network."""
    choices = [*MODELS, "both"]
    to.add_argument("--model", choices=choices, default="both", help="both: the tutorial's")


def add_peers(to: ArgumentParser, among: list[str] = TRAINERS) -> None:
    """Add the choice of what numcnn is measured against."""
    peers = [name for name in among if name != "numcnn"]
    to.add_argument("--peers", nargs="*", choices=peers, default=peers, help="beside numcnn")


def add_process(to: ArgumentParser) -> None:
    """Add how each contestant's process is set up."""
    to.add_argument("--threads", type=positive, help="of every contestant; else its own choice")
    to.add_argument(
        "--plain-malloc", action="store_true", help="leave the C library's malloc as it comes"
    )


def process_settings(options: argparse.Namespace) -> Settings:
    """Return these options as settings of a child."""
    return {"threads": options.threads, "plain_malloc": options.plain_malloc}


def chosen_models(options: argparse.Namespace) -> list[str]:
    return TUTORIAL if options.model == "both" else [options.model]


def positive(text: str) -> int:
    """Return a positive integer from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


# ---- what is printed ------------------------------------------------------------------------


def title(name: str) -> str:
    return CONTESTANTS[name].title if name in CONTESTANTS else name


def heading(text: str) -> None:
    print(f"\n{text}\n", flush=True)


def table(header: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table; the first column is words, the others are numbers."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    for row in [header, rule, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print(f"| {' | '.join(cells)} |")
    sys.stdout.flush()


def number(value: float) -> str:
    """Return a number with three figures."""
    if value == 0:
        return "0"
    digits = 0
    while abs(value) * 10**digits < 100 and digits < 5:
        digits += 1
    return f"{value:.{digits}f}"


def compare(samples: Samples, unit: str, scale: float = 1.0, base: str = "numcnn") -> None:
    """Print each contestant's median, least and greatest, and its ratio to the base.

    The ratio is that of the medians; the two numbers after it are the least and the greatest ratio
    of the medians of one round.
    """
    middle = {name: median(flat(rounds)) for name, rounds in samples.items() if rounds}
    rows = []
    for name, value in middle.items():
        all_of_it = flat(samples[name])
        row = [title(name), *(number(v * scale) for v in (value, min(all_of_it), max(all_of_it)))]
        if base not in middle:
            row.append("")
        elif name == base:
            row.append("1")
        else:
            by_round = [
                median(theirs) / median(ours)
                for theirs, ours in zip(samples[name], samples[base], strict=False)
            ]
            row.append(f"{value / middle[base]:.2f} ({min(by_round):.2f}..{max(by_round):.2f})")
        rows.append(row)
    table(["", f"median {unit}", "least", "greatest", f"ratio to {base}"], rows)
    others = {n: value for n, value in middle.items() if n != base and n in CONTESTANTS}
    if base in middle and others:
        best = min(others, key=lambda name: others[name])
        print(f"Best of the others: {title(best)}, ratio {others[best] / middle[base]:.2f}.")


RATIO = "Ratio: the other's figure divided by numcnn's; above 1, numcnn needs less."


def flat(rounds: list[list[float]]) -> list[float]:
    return [value for one in rounds for value in one]


def write_json(path: Path | None, results: Any) -> None:
    """Write the machine's facts and all results, where a file was asked for."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine.facts(), "results": results}, indent=1))
        print(f"\nEvery measurement is in {path}")
