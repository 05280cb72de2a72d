"""What a callback is, and the list that passes each call on to all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from numcnn.errors import DTypeError, ModelFileError

if TYPE_CHECKING:
    from numcnn.models import Sequential

Logs = dict[str, float] | None
Value = TypeVar("Value")


class Numbers(dict[str, Value]):
    """Numbers by name, where accuracy answers to both of its names.

    Keras wrote 'acc' and 'val_acc' up to version 2.2 and 'accuracy' since. Here the name is the one
    given in `metrics`, and a script that reads the other one finds it all the same.

    >>> numbers = Numbers(val_accuracy=0.9)
    >>> numbers["val_acc"], "val_acc" in numbers, list(numbers)
    (0.9, True, ['val_accuracy'])
    """

    def __missing__(self, name: str) -> Value:
        other = other_name(name)
        if dict.__contains__(self, other):
            return self[other]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or dict.__contains__(self, other_name(name))

    def get(self, name: str, default: Any = None) -> Any:
        """Return the number of this name, or the default."""
        return self[name] if name in self else default


def other_name(name: object) -> str:
    """Return 'val_accuracy' for 'val_acc' and the reverse; other names stay.

    >>> other_name("acc"), other_name("val_accuracy"), other_name("loss")
    ('accuracy', 'val_acc', 'loss')
    """
    text = str(name)
    if text in ("acc", "val_acc"):
        return f"{text}uracy"
    return text.removesuffix("uracy") if text in ("accuracy", "val_accuracy") else text


class Callback:
    """The base: every method may be overridden, none needs to be.

    Attributes:
        model: the model in training; `model.stop_training = True` ends it after this batch.
        params: batch_size, epochs, steps, samples, verbose, do_validation, metrics.
        validation_data: [x, y, sample_weight] of the validation where `fit` has arrays for it, as
            in Keras 2, unless the callback brought something of its own; None else.
    """

    model: "Sequential"
    params: dict[str, Any]
    validation_data: Any = None
    _own_validation = True  # whether validation_data is the callback's own

    def set_model(self, model: "Sequential") -> None:
        """Take the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the settings of this training."""
        self.params = params

    def set_validation(self, data: list[Any] | None) -> None:
        """Take what `validation_data` is to be, unless there is one already."""
        if self.validation_data is None or not self._own_validation:
            self.validation_data, self._own_validation = data, False

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint holds for this callback: numbers and lists of arrays, by name.

        One of your own that remembers something from epoch to epoch returns it here, so that a
        training that is resumed gives it back. One that remembers something from batch to batch
        stands before a ModelCheckpoint that saves within an epoch, so that its file knows it.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_state` returned; called after `on_train_begin` of what is resumed.

        Raises:
            ModelFileError: it is not what this callback remembers.
        """
        own = self.get_state()
        if set(state) != set(own):
            raise ModelFileError(
                f"The checkpoint holds {sorted(state)} for {type(self).__name__}, which remembers "
                f"{sorted(own)}. It was written by another version of it."
            )
        for name, value in state.items():
            setattr(self, name, value)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Called once before the first epoch."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Called once after the last epoch, unless an error ended the training."""

    def on_abandoned(self) -> None:
        """Called where an error or Ctrl-C ended a training, an evaluation or a prediction."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called before each epoch; the first is 0.

        In a training that is resumed within an epoch it is called for that epoch too, with
        `model.run.batch` batches of it done before.
        """

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called after each epoch with its means: loss, metrics, and val_... of both."""

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Keras 2's name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Keras 2's name for `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch in training; the first is 0."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch with the means of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Called before an evaluation, and before the validation after each epoch."""

    def on_test_end(self, logs: Logs = None) -> None:
        """Called after an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch of an evaluation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Called after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before each batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after each batch of a prediction."""


class CallbackList(Callback):
    """Several callbacks as one: each call goes to all, in order."""

    def __init__(self, callbacks: list[Callback]) -> None:
        self.callbacks = callbacks

    @classmethod
    def of(
        cls, callbacks: list[Callback], model: "Sequential", params: dict[str, Any]
    ) -> "CallbackList":
        """Return a list of callbacks that have been given the model and the settings."""
        for callback in callbacks:
            callback.set_model(model)
            callback.set_params(params)
        return cls(callbacks)

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)

        def call_all(*args: Any) -> None:
            for callback in self.callbacks:
                getattr(callback, name)(*args)

        return call_all

    def but(self, others: list[Callback]) -> "CallbackList":
        """Return a list of those that are not among the others."""
        left = [c for c in self.callbacks if not any(c is other for other in others)]
        return CallbackList(left)

    @contextmanager
    def running(self, what: str, logs: Callable[[], dict[str, float]] = dict) -> Iterator[None]:
        """Frame what is 'train', 'test' or 'predict' with its begin and end."""
        getattr(self, f"on_{what}_begin")({})
        try:
            yield
        except BaseException:
            self.on_abandoned()
            raise
        getattr(self, f"on_{what}_end")(logs())


def check_callbacks(callbacks: Any) -> list[Callback]:
    """Return the callbacks as a list, or raise where one is none."""
    given = [] if callbacks is None else callbacks
    wanted = list(given) if isinstance(given, (list, tuple)) else [given]
    for callback in wanted:
        if not isinstance(callback, Callback):
            hint = f" Write {callback.__name__}(...)." if isinstance(callback, type) else ""
            raise DTypeError(
                "callbacks must be a list of numcnn.callbacks.Callback objects, got "
                f"{callback!r}.{hint}"
            )
    return wanted
