"""Callbacks that record: the history, the progress bar, files."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from numcnn.callbacks.base import Callback, Logs, Numbers
from numcnn.callbacks.monitor import Mode, Monitor
from numcnn.data import integer
from numcnn.files import atomic_write, check_writable
from numcnn.progress import Progbar


class History(Callback):
    """What `fit` returns: `.epoch`, a list of epochs, and `.history`, name -> value of each."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: Numbers[list[float]] = Numbers()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch's numbers."""
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)


class ProgbarLogger(Callback):
    """Show progress: verbose 0 nothing, 1 a bar (one line an epoch in a pipe), 2 one line."""

    def __init__(self, verbose: int = 1) -> None:
        self.verbose = verbose
        self.bar: Progbar | None = None
        self.logs: dict[str, float] = {}

    def start(self, head: str = "") -> None:
        """Begin a line, or none."""
        if self.verbose:
            redraw = False if self.verbose == 2 else None
            self.bar = Progbar(self.params["steps"], head, redraw)

    def advance(self, batch: int, logs: Logs) -> None:
        """Move the bar on."""
        self.logs = logs or {}
        if self.bar:
            self.bar.update(batch + 1, self.logs)

    def end(self, logs: Logs) -> None:
        """Write the final line."""
        if self.bar:
            self.bar.finish(logs or {})
            self.bar = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin the epoch's line."""
        self.start(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar on."""
        self.advance(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's final line."""
        self.end(logs)

    def on_abandoned(self) -> None:
        """Leave the cursor at the start of a line."""
        if self.bar:
            self.bar.abandon()
            self.bar = None

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin a line."""
        self.start()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar on."""
        self.advance(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """Write the final line."""
        self.end(self.logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a line."""
        self.start()

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar on."""
        self.advance(batch, logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        """Write the final line."""
        self.end({})


class ModelCheckpoint(Monitor):
    """Save the model as it trains.

    Args:
        filepath: where to; `{epoch:02d}`, `{batch}` (both from 1) and names in the logs such as
            `{val_loss:.2f}` are filled in. It ends in .npz.
        monitor: the number that says which is best.
        verbose: 1 prints a line at each save.
        save_best_only: whether only an improvement is saved.
        save_weights_only: whether configuration and optimizer are left out.
        mode: 'min', 'max', or 'auto' by the name.
        save_freq: 'epoch', or a number of batches.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        save_freq: int | Literal["epoch"] = "epoch",
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith(".npz"):
            raise ValueError(f"filepath must end in .npz, got {self.filepath!r}.")
        if save_freq != "epoch":
            integer("save_freq, where it is not 'epoch',", save_freq, 1)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.epoch = 0
        self.batch = 0
        self.batches = 0  # since the beginning

    def on_train_begin(self, logs: Logs = None) -> None:
        """See now, rather than after an epoch, that the folder can be written to."""
        if "{" not in self.filepath:
            check_writable(self.filepath)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch, for the file's name."""
        self.epoch = epoch

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save where a number of batches was asked for."""
        self.batch = batch
        self.batches += 1
        if self.save_freq != "epoch" and self.batches % self.save_freq == 0:
            self.save(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save where that was asked for after each epoch."""
        if self.save_freq == "epoch":
            self.save(logs)

    def save(self, logs: Logs) -> None:
        """Write the file, unless there was no improvement."""
        if self.save_best_only:
            value = self.value(logs)
            if value is None or not self.improved(value):
                return
            self.best = value
        path = self.path(logs)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            print(f"Epoch {self.epoch + 1}: saving model to {path}")

    def path(self, logs: Logs) -> str:
        """Return the file's name with epoch and numbers filled in."""
        try:
            names = Numbers({"epoch": self.epoch + 1, "batch": self.batch + 1, **(logs or {})})
            return self.filepath.format_map(names)
        except KeyError as missing:
            raise KeyError(
                f"filepath {self.filepath!r} names {missing}, there are {list(names)}."
            ) from None


class CSVLogger(Callback):
    """Write a line of numbers to a CSV file after each epoch.

    Args:
        filename: where to.
        separator: what stands between the numbers.
        append: whether to go on with a file that is there instead of beginning anew.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = Path(filename)
        self.separator = separator
        self.append = append
        self.keys: list[str] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin the file, or read the header of the one that is there."""
        self.keys = []
        if self.append and self.filename.exists() and self.filename.stat().st_size:
            with self.filename.open(newline="") as file:
                self.keys = next(csv.reader(file, delimiter=self.separator))[1:]
        else:
            with atomic_write(self.filename):
                pass

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's line; the first one brings the header."""
        logs = logs or {}
        with self.filename.open("a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if not self.keys:
                self.keys = sorted(logs)
                writer.writerow(["epoch", *self.keys])
            writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])


class LambdaCallback(Callback):
    """A callback made of functions: LambdaCallback(on_epoch_end=lambda epoch, logs: ...).

    Args:
        **functions: any of on_train_begin, on_train_end (logs), on_epoch_begin, on_epoch_end
            (epoch, logs), on_batch_begin, on_batch_end, on_train_batch_begin, on_train_batch_end
            (batch, logs).
    """

    def __init__(self, **functions: Callable[..., Any] | None) -> None:
        names = [name for name in vars(Callback) if name.startswith("on_")]
        for name, function in functions.items():
            if name not in names:
                raise TypeError(f"LambdaCallback has no {name!r}. It has: {', '.join(names)}.")
            if function is not None:
                setattr(self, name, function)
