"""The mutation score: how many small faults in the mathematics the tests find.

    python tests/mutation/run.py                            all files, about an hour
    python tests/mutation/run.py --files numcnn/losses.py   one or some
    python tests/mutation/run.py --list                     what would be tried, without trying it
    python tests/mutation/run.py --sample 60                60 of each file, spread evenly

For each fault (see mutate.py) the file's tests run in a copy of the tree, in a process of their
own and with Numba switched off, so that kernels are the plain Python that they are written in. A
fault that no test finds must stand in equivalent.toml with the reason why it changes no result.
The exit status is 1 if one does not, or if one that stands there is found after all or is gone.

Needs os.fork (Linux, macOS). Time is counted in processor seconds.
"""

import argparse
import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from mutation.mutate import Mutant, mutants  # noqa: E402

MEMORY = 8 * 2**30  # of address space: a fault may ask for an array of any size


def settings(name: str) -> dict[str, Any]:
    """Return what a .toml file in this folder says."""
    return tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))


def faults_of(root: Path, target: dict[str, Any]) -> list[Mutant]:
    """Return the mutants of a file that targets.toml names."""
    source = (root / target["file"]).read_text(encoding="utf-8")
    pattern, without = target.get("functions", ""), target.get("without", "$^")
    return list(mutants(source, target["file"], pattern, without))


def copy_of_the_tree(to: Path) -> None:
    """Copy what the tests need."""
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("numcnn", "tests"):
        shutil.copytree(ROOT / name, to / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", to)


def preload(tree: Path) -> None:
    """Import once what every child needs, but nothing of the tree itself."""
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "HYPOTHESIS_PROFILE": "mutation"}
    os.environ.pop("PYTHONPATH", None)
    import hypothesis.extra.numpy  # noqa: F401
    import numba  # noqa: F401
    import pytest  # noqa: F401
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutation",
        max_examples=40,
        deadline=None,
        database=None,
        derandomize=True,  # the same examples each time, so that the score can be repeated
        phases=[Phase.explicit, Phase.generate],  # a fault need not be made small
        suppress_health_check=list(HealthCheck),
    )
    sys.path[:] = [str(tree), *(p for p in sys.path if p not in ("", str(HERE), str(HERE.parent)))]
    for name in [n for n in sys.modules if n.split(".")[0] == "mutation"]:
        del sys.modules[name]
    os.chdir(tree)


def passes(tree: Path, tests: list[str], seconds: float, log: Path) -> bool:
    """Run tests in a child; return whether all of them passed, in time."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            with open(log, "wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            import pytest

            quiet = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
            quiet += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
            status = pytest.main([*quiet, f"--rootdir={tree}", *tests])
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(int(status))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


class Score:
    """What became of the mutants of one file."""

    def __init__(self, target: dict[str, Any], tree: Path, listed: set[Any]) -> None:
        self.target, self.tree, self.listed = target, tree, listed
        self.killed: list[Mutant] = []
        self.survived: list[Mutant] = []

    def measure(self, faults: list[Mutant]) -> None:
        """Try all faults."""
        path, log = self.tree / self.target["file"], self.tree / "log.txt"
        tests = self.target["tests"]
        before = os.times()
        sys.dont_write_bytecode = False  # the files without a fault are compiled once
        if not passes(self.tree, tests, 3600, log):
            raise SystemExit(f"The tests fail without any fault:\n{log.read_text()}")
        sys.dont_write_bytecode = True
        after = os.times()
        spent = after.children_user + after.children_system
        limit = 30 + 10 * (spent - before.children_user - before.children_system)
        original = path.read_text(encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()
        try:
            for fault in faults:
                path.write_text(fault.source, encoding="utf-8")
                lives = passes(self.tree, tests, limit, log)
                (self.survived if lives else self.killed).append(fault)
                if lives and fault.key not in self.listed:
                    print(f"SURVIVED {fault}", flush=True)
        finally:
            path.write_text(original, encoding="utf-8")


def spread(faults: list[Mutant], n: int | None) -> list[Mutant]:
    """Return n of the faults, evenly spread; all of them for None."""
    if n is None or n >= len(faults):
        return faults
    return [faults[i * len(faults) // n] for i in range(n)]


def chosen(files: list[str] | None) -> list[dict[str, Any]]:
    """Return the targets of these files, or all."""
    targets = settings("targets")["target"]
    if files is None:
        return targets
    known = [t["file"] for t in targets]
    if unknown := sorted(set(files) - set(known)):
        raise SystemExit(f"No targets: {', '.join(unknown)}. Known are {', '.join(known)}.")
    return [t for t in targets if t["file"] in files]


def main(argv: list[str] | None = None) -> int:
    """Run, print a line per file, and return the exit status."""
    parser = argparse.ArgumentParser(description="Count the faults that the tests find.")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="such as numcnn/losses.py")
    parser.add_argument("--list", action="store_true", help="print the faults, try none")
    parser.add_argument("--sample", type=int, metavar="N", help="try N of each file")
    parser.add_argument("--survivors", type=Path, metavar="FILE", help="write survivors there")
    args = parser.parse_args(argv)
    targets = chosen(args.files)
    if args.list:
        for target in targets:
            print(*faults_of(ROOT, target), sep="\n")
        return 0

    fields = ("file", "function", "before", "after")
    entries = settings("equivalent").get("equivalent", [])
    listed = {(*(e[f] for f in fields), e.get("nth", 1)): e["reason"] for e in entries}
    doubles = [key for key, n in Counter((*(e[f] for f in fields), e.get("nth", 1)) for e in entries).items() if n > 1]
    wrong = [f"listed twice: {key}" for key in doubles]
    survivors: list[Mutant] = []
    total, all_killed = 0, 0
    with tempfile.TemporaryDirectory(prefix="numcnn-mutation-") as folder:
        tree = Path(folder).resolve()
        copy_of_the_tree(tree)
        preload(tree)
        for target in targets:
            start = time.monotonic()
            every = faults_of(tree, target)
            score = Score(target, tree, set(listed))
            score.measure(spread(every, args.sample))
            keys = {m.key for m in every}
            mine = {key for key in listed if key[0] == target["file"]}
            wrong += [f"listed, but there is no such fault: {key}" for key in mine - keys]
            wrong += [f"listed, but found by a test: {m}" for m in score.killed if m.key in mine]
            unlisted = [m for m in score.survived if m.key not in mine]
            survivors += score.survived
            tried = len(score.killed) + len(score.survived)
            total, all_killed = total + tried, all_killed + len(score.killed)
            print(
                f"{target['file']}: {len(score.killed)} of {tried} killed, "
                f"{len(score.survived) - len(unlisted)} equivalent, {len(unlisted)} survived"
                f" ({time.monotonic() - start:.0f} s)",
                flush=True,
            )
    if args.survivors is not None:
        args.survivors.write_text("\n".join(map(str, survivors)) + "\n", encoding="utf-8")
    unlisted = [m for m in survivors if m.key not in listed]
    print(f"all: {all_killed} of {total} killed, {len(survivors) - len(unlisted)} equivalent, ", end="")
    print(f"{len(unlisted)} survived")
    for line in wrong:
        print(line)
    return 1 if unlisted or wrong else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
