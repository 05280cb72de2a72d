"""How far a training has come, so that it can stop at any batch and go on as if it had not.

Three ways of saying "go on" were open:

1. A callback, as Keras's `BackupAndRestore`: it saves as it goes and, where it finds its file when
   training begins, puts everything back. A script needs one line and no `if`. But what a script
   does then hangs on a file that happens to lie there, the file silently replaces what the script
   has just compiled, and a callback has to reach into the loop that calls it.
2. `fit(..., initial_epoch=n)` on a loaded model. Keras has it, it is here too, but it knows whole
   epochs only, and the caller has to keep n and the history.
3. `fit(..., resume=True)`. How far a training has come belongs to the model, as the optimizer's
   memory does: every file of `model.save` holds it, whoever saves and whenever, and `load_model`
   brings it back. To go on is said where training is said, and data that are not those of before
   are an error there.

The third is what is here. Between two processes:

    model = load_model("checkpoint.npz")
    model.fit(x, y, batch_size=128, epochs=10, resume=True)

What random numbers need is in the file too: they are functions of a seed and a step (seeds.py).
What a callback or a layer of one's own draws elsewhere, it has to keep in its `get_state`.
"""

import numbers
import warnings
import zlib
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import numpy as np

from numcnn.callbacks import Callback, History, Numbers
from numcnn.errors import DTypeError, ModelFileError
from numcnn.metrics.base import ratio
from numcnn.rows import take

Array = np.ndarray[Any, Any]
Logs = dict[str, float]

KINDS = ("/of", "/root", "/sum")
CHECKED_SAMPLES = 256
CHECKED_BYTES = 2**24


class Counted(NamedTuple):
    """Two sums of a batch, of which a metric is made once all batches are added up.

    kind: 'of' for part / whole, 'root' for its square root, 'sum' for part.
    """

    part: float
    whole: float
    kind: str

    @property
    def value(self) -> float:
        """The metric of this batch alone."""
        return ratio(self.part, self.whole, self.kind)


def plain(logs: dict[str, Any]) -> Logs:
    """Return logs with numbers alone."""
    return {k: v.value if isinstance(v, Counted) else v for k, v in logs.items()}


class Means:
    """Running means over samples, so that a short last batch counts for what it is.

    Of a metric that is a quotient, both sums are kept: 'precision' and 'precision/of'.
    """

    def __init__(self) -> None:
        self.sums: Logs = {}
        self.n = 0

    def add(self, logs: dict[str, Any], size: int) -> None:
        """Add a batch's means, which stand for `size` samples, and what metrics have counted."""
        for key, value in logs.items():
            if isinstance(value, Counted):
                self.sums[key] = self.sums.get(key, 0.0) + value.part
                whole = f"{key}/{value.kind}"
                self.sums[whole] = self.sums.get(whole, 0.0) + value.whole
            else:
                self.sums[key] = self.sums.get(key, 0.0) + value * size
        self.n += size

    def logs(self) -> Logs:
        """Return the means so far."""
        return Numbers(
            {key: self._made(key) for key in self.sums if not key.endswith(tuple(KINDS))}
        )

    def _made(self, key: str) -> float:
        for ending in KINDS:
            if (whole := self.sums.get(key + ending)) is not None:
                return ratio(self.sums[key], whole, ending[1:])
        return self.sums[key] / self.n


class Run:
    """One training, from its first batch to its last, in however many pieces.

    Args:
        settings: what must be the same wherever it goes on; see `settings`.
        epoch: the epoch that it begins with.
        steps: how many the optimizer has done before.

    Attributes:
        epoch: the epoch that is under way or comes next, counted from 0.
        batch: how many of its batches are done.
        began: how many steps the optimizer had done when it began: its order follows from that.
        means: its loss and metrics so far.
        ending: its final numbers, once they are there.
        told: the callbacks that have heard of them.
        history: the numbers of all epochs before it.
        resumed: whether this is not the first piece.
    """

    def __init__(self, settings: dict[str, Any], epoch: int, steps: int) -> None:
        self.settings = settings
        self.epoch = self.first_epoch = epoch
        self.batch = 0
        self.began = steps
        self.means = Means()
        self.ending: Logs | None = None
        self.told: list[Callback] = []
        self.history = History()
        self.resumed = False
        self.callbacks: list[Callback] | None = None  # those of this piece, once they have begun
        self.memories: list[dict[str, Any]] = []  # what those of the piece before remembered

    def add(self, logs: dict[str, Any], size: int) -> None:
        """Count a batch of `size` samples in: in the same breath as the step of the weights."""
        self.means.add(logs, size)
        self.batch += 1

    def end_epoch(self, steps: int) -> None:
        """Go on to the next epoch."""
        self.history.on_epoch_end(self.epoch, self.ending)
        self.epoch += 1
        self.batch, self.began, self.means = 0, steps, Means()
        self.ending, self.told = None, []

    def past(self) -> History:
        """Return a history of the epochs that are over."""
        history = History()
        history.epoch = list(self.history.epoch)
        for key, values in self.history.history.items():
            history.history[key] = list(values)
        return history

    def shown(self) -> History:
        """Return a history of those and of the one whose numbers are there."""
        history = self.past()
        if self.ending is not None:
            history.on_epoch_end(self.epoch, self.ending)
        return history

    # ---- callbacks --------------------------------------------------------------------------

    def remember(self) -> list[dict[str, Any]]:
        """Return what each callback remembers, and whether it has heard that the epoch ends."""
        if self.callbacks is None:
            return self.memories
        return [
            {
                "class": type(callback).__name__,
                "told": any(callback is other for other in self.told),
                "state": callback.get_state(),
            }
            for callback in self.callbacks
        ]

    def remind(self, callbacks: list[Callback]) -> None:
        """Give callbacks back what those of the piece before remembered, by class and order."""
        left = list(self.memories)
        for callback in callbacks:
            name = type(callback).__name__
            memory = next((m for m in left if m["class"] == name), None)
            if memory is None:  # a new one; it begins here
                if self.ending is not None:
                    self.told.append(callback)
                continue
            left.remove(memory)
            if memory["state"]:
                callback.set_state(memory["state"])
            if memory["told"]:
                self.told.append(callback)
        self.callbacks = callbacks

    # ---- going on ---------------------------------------------------------------------------

    def resume(self, settings: dict[str, Any], steps: int, epochs: int) -> None:
        """Be ready for the next piece.

        Raises:
            ValueError: it would not be the same training. Nothing has changed.
        """
        where = f"epoch {self.epoch + 1}, after {self.batch} batches"
        if steps != self.began + self.batch:
            raise ValueError(
                f"The training to resume stands in {where} and {self.began + self.batch} steps of "
                f"the optimizer, which has done {steps} by now: the model was trained otherwise "
                "since. Load the checkpoint again, or train on without resume."
            )
        others = [
            f"{name} is {settings[name]}, it was {self.settings[name]}"
            for name in settings
            if settings[name] != self.settings[name]
        ]
        if others:
            raise ValueError(
                f"resume=True goes on with the training that stands in {where}, so all must be as "
                f"before: {'; '.join(others)}. Give fit the same again, or leave resume out to "
                f"train on from these weights (initial_epoch={self.epoch} counts on)."
            )
        least = self.epoch + (self.batch > 0)
        if least > epochs:
            raise ValueError(
                f"The training to resume stands in {where}, which is beyond epochs={epochs}. "
                f"epochs counts from the very beginning: give at least {least}."
            )
        self.memories, self.callbacks, self.told = self.remember(), None, []
        self.resumed = True

    # ---- files ------------------------------------------------------------------------------

    def describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return all of it as what JSON can hold, and the arrays beside that by name."""
        arrays: dict[str, Array] = {}
        for key, values in self.history.history.items():
            if all(isinstance(value, numbers.Real) for value in values):
                arrays[f"history/{quote(key, safe='')}"] = np.array(values, np.float64)
            else:
                _warn_of_no_number(key)
        memories = []
        for i, memory in enumerate(self.remember()):
            state: dict[str, Any] = {}
            lists: dict[str, int] = {}
            for key, value in memory["state"].items():
                if isinstance(value, list) and all(_can_be_kept(array) for array in value):
                    lists[key] = len(value)
                    for j, array in enumerate(value):
                        arrays[f"callback-{i}/{quote(key, safe='')}-{j}"] = array
                elif value is None or isinstance(value, (int, float, np.number)):
                    state[key] = value.item() if isinstance(value, np.number) else value
                else:
                    raise TypeError(
                        f"get_state of {memory['class']} returned {key}={value!r}: a file holds "
                        "numbers, None, and lists of arrays of float32, float64 or uint8."
                    )
            memories.append({**memory, "state": state, "lists": lists})
        description = {
            "settings": self.settings,
            "first_epoch": self.first_epoch,
            "epoch": self.epoch,
            "batch": self.batch,
            "began": self.began,
            "samples": self.means.n,
            "sums": self.means.sums,
            "ending": None if self.ending is None else _plain(self.ending),
            "callbacks": memories,
        }
        return description, arrays

    @classmethod
    def from_description(cls, found: Any, arrays: dict[str, Array]) -> "Run":
        """Return the run that a file describes; takes the arrays that belong to it.

        Raises:
            ModelFileError: it describes none.
        """
        _check(found, "training", _DESCRIPTION)
        _check(found["settings"], "settings", _SETTINGS)
        run = cls(found["settings"], found["first_epoch"], found["began"])
        run.epoch, run.batch = found["epoch"], found["batch"]
        run.means.n = found["samples"]
        run.means.sums = _logs(found["sums"])
        run.ending = None if found["ending"] is None else _logs(found["ending"])
        if (run.means.sums and not run.means.n) or run.epoch < run.first_epoch:
            raise ModelFileError("The training that it describes cannot be.")
        for name in [name for name in arrays if name.startswith("history/")]:
            values = arrays.pop(name)
            if values.ndim != 1 or len(values) > run.epoch - run.first_epoch:
                raise ModelFileError(f"{name} is not a list of numbers, one for each epoch.")
            run.history.history[unquote(name.removeprefix("history/"))] = values.tolist()
            run.history.epoch = list(range(run.first_epoch, run.epoch))
        for i, memory in enumerate(found["callbacks"]):
            _check(memory, "callback", _MEMORY)
            state: dict[str, Any] = _logs(memory["state"], none_too=True)
            for key, count in memory["lists"].items():
                names = [f"callback-{i}/{quote(key, safe='')}-{j}" for j in range(_few(count))]
                state[key] = [arrays.pop(name) for name in names]
            kept = {"class": memory["class"], "told": memory["told"], "state": state}
            run.memories.append(kept)
        return run


def check_resume(resume: Any, run: Run | None, initial_epoch: int) -> None:
    """Raise where `fit(resume=...)` has nothing to resume, or does not say what it means."""
    if not isinstance(resume, bool):
        raise DTypeError(
            f"resume must be True or False, got {resume!r}. A file is resumed with "
            "model = load_model(file) and model.fit(..., resume=True)."
        )
    if resume and initial_epoch:
        raise ValueError(
            f"resume=True begins where the training stopped, got initial_epoch={initial_epoch} "
            "beside it. Leave one of them out."
        )
    if resume and run is None:
        raise ValueError(
            "There is nothing to resume: this model, or the file that it was loaded from, holds no "
            "training that fit began with these layers and this compile. Leave resume out, or load "
            "a file that ModelCheckpoint or model.save wrote, and do not compile it anew."
        )


def settings(
    data: str, validation: str, batch_size: int, shuffle: bool, metrics: list[str]
) -> dict[str, Any]:
    """Return what must be the same wherever a training goes on.

    batch_size: 0 where the data come in batches already.
    """
    return {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "metrics": metrics,
        "data": data,
        "validation data": validation,
    }


def describe_data(x: Any, y: Any, weights: Array | None = None) -> str:
    """Return the size of data and a checksum of 256 samples, evenly spaced, and their targets.

    Data that differ in other samples only are not told apart: reading all of a large set before
    each training would cost more than it is worth. Of samples that are very large fewer are read.

    >>> describe_data(np.zeros((5, 2), "float32"), np.arange(5))
    '5 samples of (2,) float32 with targets of () int64, checksum ca1a8e2c'
    """
    largest = max(1, x[:1].nbytes + y[:1].nbytes)
    rows = np.linspace(0, len(x) - 1, max(1, min(CHECKED_SAMPLES, CHECKED_BYTES // largest)))
    check = 0
    chosen = np.unique(rows.astype(int))
    for row, sample, target in zip(chosen, take(x, chosen), take(y, chosen), strict=True):
        check = zlib.crc32(target.tobytes(), zlib.crc32(sample.tobytes(), check))
        if weights is not None:
            check = zlib.crc32(weights[row].tobytes(), check)
    return (
        f"{len(x)} samples of {x.shape[1:]} {x.dtype} with targets of {y.shape[1:]} {y.dtype}, "
        f"checksum {check:08x}"
    )


def _can_be_kept(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype in (np.float32, np.float64, np.uint8)


def _plain(logs: Logs) -> Logs:
    """Return the numbers of the logs as JSON writes them back, bit for bit."""
    for key in [key for key, value in logs.items() if not isinstance(value, numbers.Real)]:
        _warn_of_no_number(key)
    return {
        key: v.item() if isinstance(v, np.generic) else v
        for key, v in logs.items()
        if isinstance(v, numbers.Real)
    }


def _warn_of_no_number(key: str) -> None:
    warnings.warn(
        f"The history's {key!r} holds something else than numbers and is left out of the file.",
        stacklevel=2,
    )


def _logs(found: Any, none_too: bool = False) -> Any:
    """Return a dictionary of numbers from a file."""
    allowed = (int, float, bool, type(None)) if none_too else (int, float)
    if not isinstance(found, dict) or not all(isinstance(v, allowed) for v in found.values()):
        raise ModelFileError(f"Numbers by name were expected, got {str(found)[:80]}.")
    return Numbers(found)


def _few(count: Any) -> int:
    if type(count) is not int or not 0 <= count <= 10_000:
        raise ModelFileError(f"A number of arrays was expected, got {str(count)[:80]}.")
    return count


_DESCRIPTION = {
    "settings": dict, "first_epoch": int, "epoch": int, "batch": int, "began": int, "samples": int,
    "sums": dict, "ending": (dict, type(None)), "callbacks": list,
}  # fmt: skip
_SETTINGS = {"batch_size": int, "shuffle": bool, "metrics": list, "data": str,
             "validation data": str}  # fmt: skip
_MEMORY = {"class": str, "told": bool, "state": dict, "lists": dict}


def _check(found: Any, what: str, wanted: dict[str, Any]) -> None:
    """Raise unless a dictionary of a file has these entries of these types, counts from 0."""
    if not isinstance(found, dict) or set(found) != set(wanted):
        raise ModelFileError(f"Its {what} should have the entries {', '.join(wanted)}.")
    for name, kind in wanted.items():
        value = found[name]
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not fits or (kind is int and not 0 <= value < 2**63):
            raise ModelFileError(f"{name} of its {what} cannot be {str(value)[:80]}.")
