"""What runs on a worker: a model or data made once in each process, and one training."""

import copy
import inspect
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn import extras
from numcnn.callbacks import Callback, check_callbacks
from numcnn.engine.crew import set_num_threads
from numcnn.errors import DTypeError, NotCompiledError
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

_SEEDING = threading.Lock()  # the seeds belong to the process, which may train in several threads


class OncePerProcess:
    """A value that is made where it is used, once in each process; what travels is how to make it.

    Args:
        make: returns the value.
        arguments: what it is called with.

    Example:
        >>> import pickle
        >>> numbers = OncePerProcess(list, "ab")
        >>> numbers.value is numbers.value
        True
        >>> pickle.loads(pickle.dumps(numbers)).value
        ['a', 'b']
    """

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        self.make, self.arguments = make, arguments
        self._lock = threading.Lock()
        self._made: list[Any] = []

    @property
    def value(self) -> Any:
        """The value, made when first asked for."""
        with self._lock:
            if not self._made:
                self._made.append(self.make(*self.arguments))
        return self._made[0]

    def __reduce__(self) -> Any:
        return type(self), (self.make, *self.arguments)


def same(value: Any) -> Any:
    """Return what is given: a task that holds data, and can give them again when they are lost."""
    return value


def parts(data: Any) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """Return (what is trained on, what is measured at the end or None) of `sweep`'s data.

    >>> parts((1, 2)), parts(((1, 2), (3, 4)))
    (((1, 2), None), ((1, 2), (3, 4)))
    """
    found = tuple(data) if isinstance(data, (tuple, list)) else ()
    if len(found) == 2 and all(isinstance(p, tuple) and len(p) in (2, 3) for p in found):
        return found[0], found[1]
    if len(found) in (2, 3) and not any(isinstance(p, tuple) for p in found):
        return found, None
    raise DTypeError(
        "data must be (x, y) or (x, y, sample_weight), two such tuples, the second of which is "
        "measured after training, or a function that returns one of these, got "
        f"{type(data).__name__}" + (f" of {len(found)}." if found else ".")
    )


class Report(Callback):
    """Send each epoch's numbers to whoever waits, and stop where nobody does any more."""

    def __init__(self, worker: Any, topic: str, row: int) -> None:
        self.worker, self.topic, self.row = worker, topic, row
        self.key = worker.get_current_task()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop when Dask has cancelled the task; it does not stop a task that is running."""
        task = self.worker.state.tasks.get(self.key)
        if task is None or task.state == "cancelled":
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Send the numbers."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        self.worker.log_event(self.topic, {"row": self.row, "epoch": epoch, "logs": numbers})


def train(
    build: Callable[..., Sequential],
    row: int,
    configuration: dict[str, Any],
    shared: Any,
    fit: dict[str, Any],
    seed: int,
    threads: int,
    topic: str,
) -> dict[str, Any]:
    """Train one configuration of `sweep` and return its numbers."""
    distributed = extras.load("distributed", "dask", "numcnn.dask.sweep")
    worker = distributed.get_worker()
    # The scheduler knows of this attempt before anything can go wrong in it.
    started = {"row": row, "worker": worker.address}
    distributed.utils.sync(worker.loop, worker.scheduler.log_event, topic=topic, msg=started)
    set_num_threads(threads)
    data, held_out = shared
    training, test = parts(data.value if isinstance(data, OncePerProcess) else data)
    x, y, weights = (*training, None)[:3]
    fit = copy.deepcopy(fit)  # the callbacks are this attempt's own
    begin = time.perf_counter()
    with _SEEDING:
        set_random_seed(configuration.get("seed", seed))
        model = build(**_accepted(build, configuration))
        if not isinstance(model, Sequential):
            raise DTypeError(f"build must return a Sequential, got {type(model).__name__}.")
        if not model.compiled:
            raise NotCompiledError("build must return a compiled model: call model.compile in it.")
        if not model.built and hasattr(x, "shape"):
            model.build((None, *np.shape(x)[1:]))
    hooks = [*check_callbacks(fit.pop("callbacks", None)), Report(worker, topic, row)]
    if held_out is not None:
        fit["validation_data"] = held_out
    history = model.fit(x, y, sample_weight=weights, callbacks=hooks, verbose=0, **fit).history
    metrics = {name: values[-1] for name, values in history.items()}
    if test is not None:
        x, y, weights = (*test, None)[:3]
        metrics = model.evaluate(
            x, y, fit.get("batch_size"), verbose=0, sample_weight=weights, return_dict=True
        )
    return {
        "history": {name: [float(v) for v in values] for name, values in history.items()},
        "metrics": {name: float(value) for name, value in metrics.items()},
        "seconds": time.perf_counter() - begin,
        "worker": worker.address,
    }


def _accepted(build: Callable[..., Any], configuration: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration, without its seed where `build` has no use for it."""
    known = inspect.signature(build).parameters.values()
    if any(p.name == "seed" or p.kind is p.VAR_KEYWORD for p in known):
        return configuration
    return {name: value for name, value in configuration.items() if name != "seed"}
