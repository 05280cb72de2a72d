"""ModelCheckpoint: the model in a file as it trains, to keep the best or to go on from the last."""

import math
import os
from pathlib import PurePath
from string import Formatter
from typing import Any, Literal

from numcnn.callbacks.base import Logs, Numbers
from numcnn.callbacks.monitor import Mode, Monitor
from numcnn.data import integer, number
from numcnn.files import check_writable

MODELS = (".npz", ".keras", ".h5", ".hdf5")
WEIGHTS = (".npz", ".h5", ".hdf5", ".safetensors")
SAYS_NOTHING = ("", ".model", ".ckpt", ".hd5", ".hdf", ".h5py", ".weights")  # HDF5, as in Keras 2


class ModelCheckpoint(Monitor):
    """Save the model as it trains, each time in one piece: whole, or the file before stays.

    The file holds the model, what the optimizer remembers, and how far the training has come, so
    that a training which ended in whatever way goes on from it, at any batch, bit for bit:

        model = load_model("checkpoint.npz")
        model.fit(x, y, epochs=10, callbacks=[ModelCheckpoint("checkpoint.npz")], resume=True)

    Args:
        filepath: where to; `{epoch:02d}`, `{batch}` (both from 1) and names in the logs such as
            `{val_loss:.2f}` are filled in. It ends in .npz, or in .keras or .h5 for a file of
            Keras's, from which nothing can be resumed.
        monitor: the number that says which is best.
        verbose: 1 prints a line at each save.
        save_best_only: whether only an improvement is saved.
        save_weights_only: whether all but the weights is left out. Nothing can be resumed from
            such a file.
        mode: 'min', 'max', or 'auto' by the name.
        save_freq: 'epoch', or a number of batches, counted from the first of the first epoch.
        initial_value_threshold: with save_best_only, the value that the first save must improve on.
        period: with save_freq='epoch', every how many epochs; Keras 2's argument.

    Raises:
        ValueError: an argument is not one of these. OSError: the file cannot be written; what
            stood there before still does, and no temporary file is left.

    Example:
        >>> import os, tempfile
        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential, load_model
        >>> x, y = [[0.0, 1.0], [1.0, 0.0]], [[1.0], [2.0]]
        >>> path = os.path.join(tempfile.mkdtemp(), "checkpoint.npz")
        >>> model = Sequential([Dense(1, input_shape=(2,))])
        >>> model.compile("rmsprop", loss="mse")
        >>> history = model.fit(x, y, epochs=3, verbose=0, callbacks=[ModelCheckpoint(path)])
        >>> again = load_model(path).fit(x, y, epochs=5, verbose=0, resume=True)
        >>> again.epoch, again.history["loss"][:3] == history.history["loss"]
        ([0, 1, 2, 3, 4], True)
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
        initial_value_threshold: float | None = None,
        period: int = 1,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        _check_pattern(self.filepath)
        endings = WEIGHTS if save_weights_only else MODELS
        last = PurePath(self.filepath).suffix
        if not (self.filepath.endswith(endings) or last in SAYS_NOTHING or last[1:2].isdigit()):
            raise ValueError(f"filepath must end in {', '.join(endings)}, got {self.filepath!r}.")
        if save_freq != "epoch":
            integer("save_freq, where it is not 'epoch',", save_freq, 1)
        if initial_value_threshold is not None:
            self.best = number("initial_value_threshold", initial_value_threshold)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.period = integer("period", period, 1)
        self.epoch = 0
        self.batch = 0
        self.seen = 0  # batches, where nobody knows how many an epoch has

    def get_state(self) -> dict[str, Any]:
        """Return the best value."""
        return {"best": self.best}

    def on_train_begin(self, logs: Logs = None) -> None:
        """Make the folder, and see now, rather than after an epoch, that it can be written to."""
        self.seen = 0
        folder = os.path.dirname(self.filepath)
        if folder and "{" not in folder:
            os.makedirs(folder, exist_ok=True)
        if "{" not in self.filepath:
            check_writable(self.filepath)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch, for the file's name."""
        self.epoch = epoch

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save where a number of batches was asked for."""
        self.batch = batch
        if self.params["steps"] is None:
            self.seen += 1
            batches = self.seen
        else:
            batches = self.epoch * self.params["steps"] + batch + 1
        if self.save_freq != "epoch" and batches % self.save_freq == 0:
            self.save(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save where that was asked for after each epoch."""
        if self.save_freq == "epoch" and (epoch + 1) % self.period == 0:
            self.save(logs)

    def save(self, logs: Logs) -> None:
        """Write the file, unless there was no improvement."""
        best, text = self.best, ""
        if self.save_best_only:
            value = self.value(logs)
            if value is None:
                return
            before = f"{-self.sign * math.inf if best is None else best:.5f}"
            if not self.improved(value):
                self.say(f"{self.monitor} did not improve from {before}")
                return
            self.best = value  # before the file is written, for it stands there too
            text = f"{self.monitor} improved from {before} to {value:.5f}, "
        try:
            path = self.path(logs)
            self.say(f"{text}saving model to {path}")
            if self.save_weights_only:
                self.model.save_weights(path)
            else:
                self.model.save(path)
        except BaseException:
            self.best = best
            raise

    def say(self, text: str) -> None:
        """Print a line below the progress bar, if lines are wanted."""
        if self.verbose:
            print(f"\nEpoch {self.epoch + 1}: {text}")

    def path(self, logs: Logs) -> str:
        """Return the file's name with epoch and numbers filled in."""
        try:
            names = Numbers({"epoch": self.epoch + 1, "batch": self.batch + 1, **(logs or {})})
            return self.filepath.format_map(names)
        except KeyError as missing:
            raise KeyError(
                f"filepath {self.filepath!r} names {missing}, there are {list(names)}."
            ) from None


def _check_pattern(filepath: str) -> None:
    """Fill the name in with numbers of the right kind, now rather than after an epoch."""
    try:
        for _, name, kind, conversion in Formatter().parse(filepath):
            if name is not None and not name.isidentifier():
                raise ValueError(f"{{{name}}} is no name")
            if name is not None and not conversion:
                format(1 if name in ("epoch", "batch") else 1.0, kind or "")
    except ValueError as error:
        raise ValueError(
            f"filepath {filepath!r} cannot be filled in: {error}. Write for example "
            "'weights-{epoch:02d}-{val_loss:.2f}.npz', and {{ where a brace is meant."
        ) from None
