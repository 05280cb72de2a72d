"""How long does a user wait from starting Python to the first trained batch?

    python benchmarks/startup.py
    python benchmarks/startup.py --model 1conv --rounds 1 --peers pytorch

Measured from outside, by this process: from the start of a new Python until it says that it has
imported the framework, or that it has built the network and trained it on one batch of 128 images.
The images are random numbers, so no time goes into reading data.

"Cold" is numcnn with an empty cache of compiled code, as after installing it (NUMBA_CACHE_DIR is a
new folder); "warm" is the same once more, as at every later start. The files themselves have been
read before by every contestant, so the speed of the disk plays no part.

Prints the seconds of each: median, least, greatest, and the ratio to numcnn's warm start.
"""

import json
import subprocess
import sys
import tempfile
import time
from functools import partial

import machine
import numpy as np
import runs
from contestants import BATCH_SIZE, CONTESTANTS, INPUT_SHAPE, present

READY = "ready"
IMPORTS = {"numcnn": "numcnn", "pytorch": "torch", "keras": "keras"}
PEERS = ["pytorch", "keras"]
WARM, COLD = "numcnn, warm", "numcnn, cold"


def child(settings: runs.Settings) -> None:
    """Train one contestant on one batch and say so."""
    random = np.random.default_rng(0)
    contestant = CONTESTANTS[settings["contestant"]](settings["model"], own_weights=True)
    x = random.random((BATCH_SIZE, *INPUT_SHAPE), np.float32)
    contestant.load(x, random.integers(0, 10, BATCH_SIZE))
    contestant.train_batch()
    print(READY, flush=True)


def import_arguments(name: str) -> list[str]:
    return ["-c", f"import {IMPORTS[name]}; print({READY!r})"]


def batch_arguments(name: str, model: str) -> list[str]:
    return [__file__, "--child", json.dumps({"contestant": name, "model": model})]


class Starter:
    """Starts Python processes and measures how long they take until they are ready.

    Args:
        folder: where the folders for compiled code are made.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.cache = tempfile.mkdtemp(dir=folder)

    def cold(self, arguments: list[str]) -> list[float]:
        """Start with no compiled code; it stays for the warm starts after this one."""
        self.cache = tempfile.mkdtemp(dir=self.folder)
        return self.warm(arguments)

    def warm(self, arguments: list[str]) -> list[float]:
        """Return the seconds from the start until the process prints the word."""
        env = runs.environment({}) | {"NUMBA_CACHE_DIR": self.cache}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begin = time.perf_counter()
        with subprocess.Popen([sys.executable, *arguments], env=env, **pipes) as process:
            for line in process.stdout:
                if line.strip() == READY:
                    seconds = time.perf_counter() - begin
                    process.communicate()
                    return [seconds]
            _, errors = process.communicate()
        raise runs.ChildError("\n".join(errors.strip().splitlines()[-5:]))


def main() -> None:
    parser = runs.parser(__doc__)
    runs.add_model(parser)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="beside numcnn")
    options = parser.parse_args()
    print(machine.describe())
    names = present(["numcnn", *options.peers])
    everything = {}
    with tempfile.TemporaryDirectory() as folder:
        runs.heading("Until the import is done")
        jobs = {"Python alone": ["-c", f"print({READY!r})"]}
        jobs |= {name: import_arguments(name) for name in names}
        everything["import"] = in_turns(jobs, folder, options.rounds)
        runs.compare(everything["import"], "s")
        for model in runs.chosen_models(options):
            runs.heading(f"{model}: until the first batch is trained")
            jobs = {name: batch_arguments("numcnn", model) for name in (COLD, WARM)}
            jobs |= {name: batch_arguments(name, model) for name in names if name != "numcnn"}
            everything[model] = in_turns(jobs, folder, options.rounds)
            runs.compare(everything[model], "s", base=WARM)
    print(runs.RATIO)
    runs.write_json(options.json, everything)


def in_turns(jobs: dict[str, list[str]], folder: str, rounds: int) -> runs.Samples:
    """Start each once in every round, and once before, so that its files have been read."""
    starter = Starter(folder)
    calls = {
        name: partial(starter.cold if name == COLD else starter.warm, arguments)
        for name, arguments in jobs.items()
    }
    runs.in_turns(lambda call: call(), calls, 1)
    return runs.in_turns(lambda call: call(), calls, rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(json.loads(sys.argv[2]))
    else:
        main()
