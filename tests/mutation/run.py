"""The mutation score: how many small faults in the mathematics the tests find.

    python tests/mutation/run.py                                 all files, a night
    python tests/mutation/run.py --files numcnn/layers/dense.py  one or some
    python tests/mutation/run.py --list                          what would be tried, no more
    python tests/mutation/run.py --sample 150                    of each file 150 at random, or all
    python tests/mutation/run.py --raises                        each `raise` left out, all files
    python tests/mutation/run.py --help                          more

For each fault (see mutate.py) the file's tests run in a copy of the tree, in a process of their
own (trial.py) and with Numba switched off, so that kernels are the plain Python that they are
written in. A fault that no test finds must stand in equivalent.toml with the reason why it changes
no result. The exit status is 1 if one does not, or if one that stands there is found after all or
is gone.

With --raises the fault is a `raise` that is left out, anywhere in the package. The tests that have
to notice it are those of raises.toml that reach it, and the reasons stand there, too. Kernels are
compiled then, or taken as they are in the folder.

Needs os.fork (Linux, macOS). Time is counted in processor seconds.
"""

import argparse
import ast
import contextlib
import os
import random
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from mutation.mutate import Mutant, mutants  # noqa: E402
from mutation.trial import afresh, rehearsed  # noqa: E402


def settings(name: str) -> dict[str, Any]:
    """Return what a .toml file in this folder says."""
    return tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))


def faults_of(root: Path, target: dict[str, Any]) -> list[Mutant]:
    """Return the mutants of the file, or the files, of a target."""
    pattern, without = target.get("functions", ""), target.get("without", "$^")
    faults: list[Mutant] = []
    for file in target.get("files", [target["file"]]):
        source = (root / file).read_text(encoding="utf-8")
        faults += mutants(source, file, pattern, without, target.get("kinds", ast.stmt))
    return faults


def copy_of_the_tree(to: Path) -> None:
    """Copy what the tests need."""
    ignore = shutil.ignore_patterns("__pycache__", ".*", "*.png", "*.ipynb")
    for name in ("numcnn", "tests", "examples"):
        shutil.copytree(ROOT / name, to / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", to)
    compiled = Path("numcnn", "kernels", "__pycache__")
    (to / compiled).mkdir()
    for kernel in (ROOT / compiled).glob("*.nbc"):
        shutil.copy(kernel, to / compiled)


def preload(tree: Path, compiled: bool) -> None:
    """Import once what every child needs, but nothing of the tree itself."""
    os.environ |= {"NUMBA_DISABLE_JIT": str(int(not compiled)), "HYPOTHESIS_PROFILE": "mutation"}
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.pop("PYTHONPATH", None)
    import hypothesis.extra.numpy  # noqa: F401
    import numba  # noqa: F401
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
        del sys.modules[name]  # the copy's own tests of this folder are to be found
    os.chdir(tree)


class Score:
    """What became of the mutants of one file."""

    def __init__(self, target: dict[str, Any], tree: Path, listed: set[Any]) -> None:
        self.target, self.tree, self.listed = target, tree, listed
        self.killed: list[Mutant] = []
        self.survived: list[Mutant] = []
        self.seconds = 0.0

    def measure(self, faults: list[Mutant]) -> None:
        """Try the faults one after the other."""
        start = sum(os.times()[:4])
        log, reaching = self.tree / "log.txt", "kinds" in self.target
        tests, anew = self.target["tests"], []
        log.unlink(missing_ok=True)
        sys.dont_write_bytecode = False  # the files without a fault are compiled once
        for fault, result in rehearsed(self.tree, tests, faults, log, reaching):
            if result == "afresh":
                anew.append(fault)
            else:
                self.note(fault, result == "lives")
        sys.dont_write_bytecode = True
        if anew:
            self._measure_afresh(anew, tests, log)
        self.seconds = sum(os.times()[:4]) - start

    def _measure_afresh(self, faults: list[Mutant], tests: list[str], log: Path) -> None:
        """Try faults by importing the file with each of them."""
        passed, spent = afresh(tests, 3600, log)
        if not passed:
            raise SystemExit(f"The tests fail without any fault:\n{log.read_text()}")
        for fault in faults:
            path = self.tree / fault.file
            for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
                compiled.unlink()
            original = path.read_text(encoding="utf-8")
            try:
                path.write_text(fault.source, encoding="utf-8")
                lives, _ = afresh(tests, 10 + 5 * spent, log)
                self.note(fault, lives)
            finally:
                path.write_text(original, encoding="utf-8")

    def note(self, fault: Mutant, lives: bool) -> None:
        """Count a fault; print it if it lives and is not listed."""
        (self.survived if lives else self.killed).append(fault)
        if lives and fault.key not in self.listed:
            print(f"SURVIVED {fault}", flush=True)

    @property
    def unlisted(self) -> list[Mutant]:
        """The survivors for which no reason is given."""
        return [m for m in self.survived if m.key not in self.listed]

    def __str__(self) -> str:
        tried = len(self.killed) + len(self.survived)
        equivalent = len(self.survived) - len(self.unlisted)
        return (
            f"{self.target['file']}: {len(self.killed)} of {tried} killed, {equivalent} "
            f"equivalent, {len(self.unlisted)} survived ({self.seconds:.0f} s)"
        )

    def by_folder(self) -> list[str]:
        """Return a line for each folder, where a target has many."""
        folders: dict[str, list[int]] = {}
        for m in [*self.killed, *self.survived]:
            killed_of = folders.setdefault(str(Path(m.file).parent), [0, 0])
            killed_of[0] += m in self.killed
            killed_of[1] += 1
        return [f"  {name}: {k} of {n}" for name, (k, n) in sorted(folders.items())]


def sample(faults: list[Mutant], n: int | None, seed: int) -> list[Mutant]:
    """Return n of the faults, drawn at random and in their order; all of them for None.

    A larger sample with the same seed contains the smaller one.
    """
    drawn = list(range(len(faults)))
    random.Random(seed).shuffle(drawn)
    return [faults[i] for i in sorted(drawn[:n])]


def chosen(files: list[str] | None, raises: bool) -> list[dict[str, Any]]:
    """Return the targets of these files, or all; with `raises` a target has many files."""
    if raises:
        found = settings("raises")["target"]
        for target in found:
            paths = [p for pattern in target["files"] for p in (ROOT / "numcnn").glob(pattern)]
            every = [str(path.relative_to(ROOT)) for path in sorted(paths)]
            target |= {"files": [f for f in every if files is None or f in files]}
            target |= {"kinds": ast.Raise}
        return found
    targets = settings("targets")["target"]
    if files is None:
        return targets
    known = [t["file"] for t in targets]
    if unknown := sorted(set(files) - set(known)):
        raise SystemExit(f"No targets: {', '.join(unknown)}. Known are {', '.join(known)}.")
    return [t for t in targets if t["file"] in files]


def equivalents(name: str = "equivalent") -> dict[tuple[str, str, str, str, int], str]:
    """Return the reason for each fault that equivalent.toml or raises.toml lists, by its key."""
    reasons: dict[tuple[str, str, str, str, int], str] = {}
    for entry in settings(name).get("equivalent", []):
        after = entry.get("after", "pass")
        for text in after if isinstance(after, list) else [after]:
            key = entry["file"], entry["function"], entry["before"], text, entry.get("nth", 1)
            if key in reasons or not entry["reason"].strip():
                raise SystemExit(f"{name}.toml: listed twice or without a reason: {key}")
            reasons[key] = entry["reason"]
    return reasons


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Count the faults that the tests find.")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="such as numcnn/layers/dense.py")
    parser.add_argument("--raises", action="store_true", help="leave out each raise, in all files")
    parser.add_argument("--functions", default="", metavar="PATTERN", help="such as 'backward'")
    parser.add_argument("--tests", nargs="+", metavar="FILE", help="instead of those chosen")
    parser.add_argument("--sample", type=int, metavar="N", help="try N of each file, at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample; 0 by default")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only those that it names")
    parser.add_argument("--list", action="store_true", help="print the faults, try none")
    parser.add_argument("--survivors", type=Path, metavar="FILE", help="write survivors there")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run, print a line per file, and return the exit status."""
    args = arguments(argv)
    listed, wrong = equivalents("raises" if args.raises else "equivalent"), []
    again = args.again.read_text(encoding="utf-8") if args.again is not None else ""
    scores: list[Score] = []
    with tempfile.TemporaryDirectory(prefix="numcnn-mutation-") as folder:
        tree = Path(folder).resolve()
        copy_of_the_tree(tree)
        targets = chosen(args.files, args.raises)
        if not args.list:
            preload(tree, compiled=args.raises)
        for target in targets:
            every = faults_of(tree, target)
            wanted = [m for m in every if re.search(args.functions, m.function)]
            wanted = [m for m in wanted if args.again is None or m.text in again]
            if args.list:
                print(*wanted, sep="\n")
            if args.list or not wanted:
                continue
            target["tests"] = args.tests or target["tests"]
            score = Score(target, tree, set(listed))
            score.measure(sample(wanted, args.sample, args.seed))
            print(score, *(score.by_folder() if args.raises else ()), sep="\n", flush=True)
            scores.append(score)
            files = target.get("files", [target["file"]])
            gone = {k for k in listed if k[0] in files} - {m.key for m in every}
            wrong += [f"listed, but there is no such fault: {key}" for key in sorted(gone)]
            wrong += [f"listed, but found by a test: {m}" for m in score.killed if m.key in listed]
    survivors = [m for score in scores for m in score.survived]
    if args.survivors is not None:
        args.survivors.write_text("".join(f"{m}\n" for m in survivors), encoding="utf-8")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong or any(score.unlisted for score in scores) else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
