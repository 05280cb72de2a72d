"""Callbacks that record: the history, the progress bar, tables."""

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numcnn.callbacks.base import Callback, Logs, Numbers
from numcnn.errors import DataFileError, DTypeError
from numcnn.files import atomic_write
from numcnn.progress import Progbar


class History(Callback):
    """What `fit` returns: `.epoch`, a list of epochs, and `.history`, name -> value of each.

    Example:
        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 3.0})
        >>> history.on_epoch_end(1, {"loss": 2.0})
        >>> history.epoch, history.history
        ([0, 1], {'loss': [3.0, 2.0]})
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: Numbers[list[float]] = Numbers()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch's numbers."""
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)


class ProgbarLogger(Callback):
    """Show progress: verbose 0 nothing, 1 a bar (one line an epoch in a pipe), 2 one line.

    `fit` makes one by itself, with the `verbose` that it is given.

    Example:
        >>> ProgbarLogger(verbose=2).verbose
        2
    """

    def __init__(self, verbose: int = 1) -> None:
        self.verbose = verbose
        self.bar: Progbar | None = None
        self.logs: dict[str, float] = {}

    def start(self, head: str = "", done: int = 0) -> None:
        """Begin a line, or none."""
        if self.verbose:
            redraw = False if self.verbose == 2 else None
            self.bar = Progbar(self.params["steps"], head, redraw, done=done)

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
        done = self.model.run.batch if self.model.run else 0
        self.start(f"Epoch {epoch + 1}/{self.params['epochs']}", done)

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


class CSVLogger(Callback):
    """Write a line of numbers to a CSV file after each epoch.

    Args:
        filename: where to.
        separator: what stands between the numbers.
        append: whether to go on with a file that is there instead of beginning anew. A training
            that is resumed always goes on with it.

    Example:
        >>> import tempfile
        >>> from types import SimpleNamespace
        >>> table = CSVLogger(Path(tempfile.mkdtemp()) / "table.csv")
        >>> table.set_model(SimpleNamespace(run=None))  # fit gives the real one
        >>> table.on_train_begin()
        >>> table.on_epoch_end(0, {"loss": 3.0})
        >>> table.on_epoch_end(1, {"loss": 2.0})
        >>> print(table.filename.read_text())
        epoch,loss
        0,3.0
        1,2.0
        <BLANKLINE>
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise ValueError(f"separator must be one letter such as ',', got {separator!r}.")
        self.filename = Path(filename)
        self.separator = separator
        self.append = append
        self.keys: list[str] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin the file, or read the header of the one that is there."""
        self.keys = []
        resumed = self.model.run is not None and self.model.run.resumed
        if (self.append or resumed) and self.filename.exists() and self.filename.stat().st_size:
            try:
                with self.filename.open(newline="") as file:
                    self.keys = next(csv.reader(file, delimiter=self.separator))[1:]
            except (csv.Error, UnicodeDecodeError) as error:
                raise DataFileError(
                    f"{self.filename} is no table that CSVLogger could go on with ({error}): name "
                    "another file, or delete it."
                ) from error
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

    Example:
        >>> shout = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
        >>> shout.on_epoch_end(0, {"loss": 3.0})
        0 3.0
    """

    def __init__(self, **functions: Callable[..., Any] | None) -> None:
        names = [name for name in vars(Callback) if name.startswith("on_")]
        for name, function in functions.items():
            if name not in names:
                raise TypeError(f"LambdaCallback has no {name!r}. It has: {', '.join(names)}.")
            if function is not None and not callable(function):
                raise DTypeError(f"{name} of LambdaCallback must be a function, got {function!r}.")
            if function is not None:
                setattr(self, name, function)
