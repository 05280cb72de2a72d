"""Callbacks that watch the training and steer it."""

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from numcnn.callbacks.base import Callback, Logs
from numcnn.data import integer, number
from numcnn.errors import DTypeError, nearest, unknown_name

Mode = Literal["auto", "min", "max"]


class Monitor(Callback):
    """The base of callbacks that watch one number and know which way is better."""

    def __init__(self, monitor: str, mode: Mode, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise unknown_name(f"mode of {type(self).__name__}", mode, ["auto", "min", "max"])
        if not isinstance(monitor, str):
            raise DTypeError(f"monitor must be a name such as 'val_loss', got {monitor!r}.")
        self.monitor = monitor
        greater = mode == "max" or (mode == "auto" and "acc" in monitor)
        self.sign = 1.0 if greater else -1.0
        self.min_delta = abs(number("min_delta", min_delta))
        self.best: float | None = None

    def value(self, logs: Logs) -> float | None:
        """Return the watched number; warn and return None where it is not there."""
        logs = logs or {}
        if self.monitor in logs:
            return logs[self.monitor]
        hint = nearest(self.monitor, logs)
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs):
            hint = " It needs validation_data or validation_split."
        warnings.warn(
            f"{type(self).__name__} watches {self.monitor!r}, which is not there. Available: "
            f"{', '.join(logs)}.{hint}",
            stacklevel=2,
        )
        return None

    def improved(self, value: float) -> bool:
        """Return whether the value is better than the best by more than min_delta."""
        if math.isnan(value):
            return False
        return self.best is None or self.sign * (value - self.best) > self.min_delta


class EarlyStopping(Monitor):
    """Stop when a number has not improved for some epochs.

    Math:
        value < best - min_delta ('min') or value > best + min_delta ('max'): best = value, wait = 0
        else wait += 1, and the training stops at wait >= patience.

    Args:
        monitor: the number's name in the logs.
        min_delta: what counts as improvement must be larger than this.
        patience: how many epochs without improvement are borne.
        verbose: 1 prints a line when it stops.
        mode: 'min', 'max', or 'auto' by the name.
        baseline: a value that must be beaten from the start.
        restore_best_weights: whether the weights of the last epoch that counts as an improvement
            (of the first, if none does) come back at the end.
        start_from_epoch: epochs before this one are not watched.

    Example:
        >>> from types import SimpleNamespace
        >>> stopping = EarlyStopping(monitor="loss", patience=2)
        >>> stopping.set_model(SimpleNamespace(stop_training=False))  # fit gives the real one
        >>> stopping.on_train_begin()
        >>> for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.0]):
        ...     stopping.on_epoch_end(epoch, {"loss": loss})
        ...     print(loss, stopping.wait, stopping.model.stop_training)
        3.0 0 False
        2.0 0 False
        2.5 1 False
        2.0 2 True
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = integer("patience", patience, 0)
        self.verbose = verbose
        self.baseline = None if baseline is None else number("baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = integer("start_from_epoch", start_from_epoch, 0)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[np.ndarray[Any, Any]] | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start anew."""
        self.best = self.baseline
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights = None

    def get_state(self) -> dict[str, Any]:
        """Return the best value, its weights, and how long ago it was."""
        names = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take these back; a training that had been stopped stops again, now with this patience."""
        super().set_state(state)
        if self.wait >= max(self.patience, 1):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look, and stop the training when patience is at its end."""
        value = self.value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        better = self.improved(value)
        if self.restore_best_weights and (better or self.best_weights is None):
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        if better:
            self.best, self.wait = value, 0
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Bring the best weights back and say why training ended."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Monitor):
    """Lower the learning rate when a number has stopped improving.

    Math:
        best and wait as in `EarlyStopping`; at wait >= patience
        lr = max(lr * factor, min_lr), wait = 0, and the next `cooldown` epochs do not count.

    Args:
        monitor: the number's name in the logs.
        factor: what the rate is multiplied by, below 1.
        patience: how many epochs without improvement are borne.
        verbose: 1 prints a line at each change.
        mode: 'min', 'max', or 'auto' by the name.
        min_delta: what counts as improvement must be larger than this.
        cooldown: how many epochs to wait after a change before watching again.
        min_lr: the rate never falls below this.
        epsilon: min_delta, in the words of Keras before 2.1.6.

    Example:
        >>> from types import SimpleNamespace
        >>> plateau = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1)
        >>> optimizer = SimpleNamespace(learning_rate=0.8)
        >>> plateau.set_model(SimpleNamespace(optimizer=optimizer))  # fit gives the real one
        >>> plateau.on_train_begin()
        >>> for epoch, loss in enumerate([3.0, 2.0, 2.5, 1.0]):
        ...     plateau.on_epoch_end(epoch, {"loss": loss})
        ...     print(loss, optimizer.learning_rate)
        3.0 0.8
        2.0 0.8
        2.5 0.4
        1.0 0.4
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        epsilon: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, min_delta if epsilon is None else epsilon)
        if not 0 < number("factor", factor) < 1:
            raise ValueError(f"factor of ReduceLROnPlateau must lie in (0, 1), got {factor!r}.")
        self.factor = factor
        self.patience = integer("patience", patience, 0)
        self.verbose = verbose
        self.cooldown = integer("cooldown", cooldown, 0)
        self.min_lr = number("min_lr", min_lr)
        self.wait = self.cooling = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start anew."""
        self.best = None
        self.wait = self.cooling = 0

    def get_state(self) -> dict[str, Any]:
        """Return the best value, how long ago it was, and how long to wait."""
        return {"best": self.best, "wait": self.wait, "cooling": self.cooling}

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look, and lower the rate when patience is at its end."""
        optimizer = self.model.optimizer
        if logs is not None:
            logs["lr"] = float(optimizer.learning_rate)
        value = self.value(logs)
        if value is None:
            return
        if self.cooling:
            self.cooling -= 1
            self.wait = 0
        if self.improved(value):
            self.best, self.wait = value, 0
            return
        if self.cooling:
            return
        self.wait += 1
        if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
            optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
            self.cooling, self.wait = self.cooldown, 0
            if self.verbose:
                print(f"Epoch {epoch + 1}: reducing learning rate to {optimizer.learning_rate}.")


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Math:
        lr = schedule(epoch) or schedule(epoch, lr)

    Args:
        schedule: a function of the epoch (from 0) or of (epoch, current rate) that returns a rate.
        verbose: 1 prints a line at each epoch.

    Example:
        >>> from types import SimpleNamespace
        >>> halving = LearningRateScheduler(lambda epoch, lr: lr if epoch == 0 else lr / 2)
        >>> optimizer = SimpleNamespace(learning_rate=0.8)
        >>> halving.set_model(SimpleNamespace(optimizer=optimizer))  # fit gives the real one
        >>> for epoch in range(3):
        ...     halving.on_epoch_begin(epoch)
        ...     print(optimizer.learning_rate)
        0.8
        0.4
        0.2
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule must be a function of the epoch, got {schedule!r}.")
        self.schedule = schedule
        self.verbose = verbose
        try:
            inspect.signature(schedule).bind(0, 0.0)
            self.takes_rate = True
        except (TypeError, ValueError):
            self.takes_rate = False
        self.asked: int | None = None  # the epoch that the rate is for

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start anew."""
        self.asked = None

    def get_state(self) -> dict[str, Any]:
        """Return the epoch that the rate is for."""
        return {"asked": self.asked}

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Ask the schedule and set the rate; once only for an epoch that is resumed."""
        if epoch == self.asked:
            return
        optimizer = self.model.optimizer
        given = (epoch, optimizer.learning_rate) if self.takes_rate else (epoch,)
        rate = self.schedule(*given)
        optimizer.learning_rate = rate
        self.asked = epoch
        if self.verbose:
            print(f"Epoch {epoch + 1}: setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note the rate in the history."""
        if logs is not None:
            logs["lr"] = float(self.model.optimizer.learning_rate)


class TerminateOnNaN(Callback):
    """End the training quietly where the loss is not finite; without it that is an error.

    Math:
        It stops where the loss is NaN, infinity or -infinity.

    Example:
        >>> from types import SimpleNamespace
        >>> guard = TerminateOnNaN()
        >>> guard.set_model(SimpleNamespace(stop_training=False))  # fit gives the real one
        >>> guard.on_batch_end(7, {"loss": float("nan")})
        Batch 7: Invalid loss, terminating training
        >>> guard.model.stop_training
        True
    """

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss."""
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True
