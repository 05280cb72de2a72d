"""The epoch loop: batches in, an engine asked for gradients, weights moved, callbacks told.

It calls the engine only and knows no layer. Random order comes from the model's seed and the number
of steps so far, so an epoch has the same order whether training was stopped before it or not.
"""

import math
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn.callbacks import Callback, CallbackList, ProgbarLogger
from numcnn.engine.interrupts import uninterrupted
from numcnn.errors import DivergedError
from numcnn.run import Means, Run
from numcnn.seeds import generator

if TYPE_CHECKING:
    from numcnn.models import Sequential

Array = np.ndarray[Any, Any]
Logs = dict[str, float]
Data = tuple[Array, Array]


def fit(
    model: "Sequential",
    data: Data,
    validation: Data | None,
    *,
    batch_size: int,
    epochs: int,
    shuffle: bool,
    callbacks: list[Callback],
    verbose: int,
) -> None:
    """Train from where `model.run` stands to the end of the last epoch.

    What happened stands in `model.history`, and how far it has come in `model.run`.
    """
    run = model.run
    if run is None:
        raise RuntimeError("fit needs a run")
    x, y = data
    steps = math.ceil(len(x) / batch_size)
    params = {
        "batch_size": batch_size,
        "epochs": epochs,
        "steps": steps,
        "samples": len(x),
        "verbose": verbose,
        "do_validation": validation is not None,
        "metrics": model.metrics_names,
    }
    bar = ProgbarLogger(verbose)
    # The history comes after the user's callbacks, which may add numbers of their own to the logs.
    hooks = CallbackList.of([*callbacks, model.history, bar], model, params)
    watchers = CallbackList(callbacks)  # those told of the validation
    model.stop_training = False
    warm_up(model, min(batch_size, len(x)), verbose)
    with hooks.running("train"):
        run.remind(callbacks)
        if run.ending is not None:  # it stopped while the callbacks were told of an epoch's end
            run.told.append(bar)
            hooks.but(run.told).on_epoch_begin(run.epoch, {})
        for epoch in range(run.epoch, epochs):
            if run.ending is None:
                if model.stop_training:
                    break
                hooks.on_epoch_begin(epoch, {})
                logs = train_epoch(model, run, x, y, batch_size, shuffle, hooks)
                if run.batch < steps:  # a callback stopped it: it is not over yet
                    hooks.on_epoch_end(epoch, logs)
                    break
                if validation is not None:
                    measured = measure(model, *validation, batch_size, watchers)
                    logs |= {f"val_{name}": value for name, value in measured.items()}
                run.ending = logs
            # One by one: a file that one of them writes says who has been told.
            for hook in hooks.but(run.told).callbacks:
                hook.on_epoch_end(epoch, run.ending)
                run.told.append(hook)
            with uninterrupted():
                run.end_epoch(model.optimizer.iterations)


def warm_up(model: "Sequential", batch_size: int, verbose: int = 1) -> None:
    """Do what is slow the first time, and say so where that takes a while.

    A training does it before its clock starts, so that no step's time holds a compilation.
    """
    began: list[float] = []

    def say() -> None:
        began.append(time.perf_counter())
        if verbose:
            print("Compiling kernels, once: they are kept for the next run ...", flush=True)

    model.engine.warm_up(batch_size, say)
    if began and verbose:
        print(f"... compiled in {time.perf_counter() - began[0]:.1f} s.", flush=True)


def train_epoch(
    model: "Sequential",
    run: Run,
    x: Array,
    y: Array,
    batch_size: int,
    shuffle: bool,
    hooks: CallbackList,
) -> Logs:
    """Train on every sample once, or on those that are left; return the means over the epoch."""
    order = np.arange(len(x))
    if shuffle:
        generator(model.seed, run.began).shuffle(order)
    steps = math.ceil(len(x) / batch_size)
    for step, rows in islice(enumerate(batches(len(x), batch_size)), run.batch, None):
        hooks.on_train_batch_begin(step, {})
        chosen = order[rows] if shuffle else rows
        try:
            batch = Chosen(x, order[rows]) if shuffle else x[rows]
            train_batch(model, batch, y[chosen], run)
        except DivergedError as error:
            # A callback such as TerminateOnNaN may end the training in peace; else it is an error.
            logs = run.means.logs()
            last, logs["loss"] = logs.get("loss", math.nan), math.nan
            hooks.on_train_batch_end(step, logs)
            if model.stop_training:
                return logs
            raise DivergedError(
                f"epoch {run.epoch + 1}, batch {step + 1} of {steps}: {error} The mean loss "
                f"before it was {last:.4g}. The weights are those before this batch. Lower "
                "the learning rate, scale the inputs (pixels: divide by 255), or look for bad "
                "values in the data."
            ) from None
        hooks.on_train_batch_end(step, run.means.logs())
        if model.stop_training:
            break
    return run.means.logs()


def train_batch(model: "Sequential", x: Any, y: Array, run: Run | None = None) -> Logs:
    """Move the weights by one batch; return its loss and metrics before the step.

    x: an array, or what has a length and gives one for a slice, such as `Chosen`.
    run: the training that the batch belongs to. It counts the batch in with the step, so that a
        Ctrl-C finds both done or neither.

    Raises:
        DivergedError: the loss or a gradient is not finite. No weight has moved.
    """
    engine = model.engine
    y = np.ascontiguousarray(y)
    # Overflow is found below and reported with its place, so NumPy need not warn of it.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        losses, outputs = engine.gradients(x, y)
        loss = float(losses.mean())
        # Optimizers square gradients, so a sum of squares beyond the float range is too much too.
        squares = engine.gradient_squares()
    broken = [name for name, square in squares.items() if not math.isfinite(square)]
    norm = math.sqrt(sum(squares.values()))
    rate = model.optimizer.current_rate()
    if not math.isfinite(loss) or broken:
        raise DivergedError(
            f"the loss became {loss:.4g} at learning rate {rate:.3g}, the gradient's norm "
            f"{norm:.4g}; gradients that are NaN, infinite or too large: "
            f"{', '.join(broken) or 'none'}."
        )
    logs = model.measure(loss, y, outputs)
    with uninterrupted():
        if model.optimizer.surely_finite(norm):
            engine.update()
        elif broken := careful_update(model):
            raise DivergedError(
                f"the step at learning rate {rate:.3g} along a gradient of norm {norm:.4g} made "
                f"{', '.join(broken)} NaN or infinite and was taken back (the loss was {loss:.4g})."
            )
        if run is not None:
            run.add(logs, len(x))
    return logs


def careful_update(model: "Sequential") -> list[str]:
    """Move the weights; where one is not finite then, take the step back and return their names."""
    optimizer = model.optimizer
    named = {
        f"{name} of {layer.name!r}": param
        for layer in model.layers
        if layer.trainable
        for name, param in layer.params.items()
    }
    slots = {name: [a.copy() for a in arrays] for name, arrays in optimizer.slots.items()}
    trained, steps = list(optimizer.trained), optimizer.iterations
    copies = [param.copy() for param in named.values()]
    statistics = [array for layer in model.layers for array in layer.statistics.values()]
    before = [array.copy() for array in statistics]
    states = [(layer, layer.get_state()) for layer in model.layers]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        model.engine.update()
    broken = [name for name, param in named.items() if not np.isfinite(param).all()]
    for name, arrays in optimizer.slots.items():
        pairs = zip(named, arrays, strict=True)
        broken += [f"{name} of {of}" for of, array in pairs if not np.isfinite(array).all()]
    if broken:
        for array, copy in zip([*named.values(), *statistics], [*copies, *before], strict=True):
            array[...] = copy
        optimizer.slots, optimizer.trained, optimizer.iterations = slots, trained, steps
        for layer, state in states:
            layer.set_state(state)
    return broken


def measure(model: "Sequential", x: Array, y: Array, batch_size: int, hooks: CallbackList) -> Logs:
    """Return the loss and the metrics over all samples."""
    means = Means()
    with hooks.running("test", means.logs):
        for step, rows in enumerate(batches(len(x), batch_size)):
            hooks.on_test_batch_begin(step, {})
            targets = np.ascontiguousarray(y[rows])
            with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity pass through
                losses, outputs = model.engine.test_batch(cast(x[rows], model.dtype), targets)
            means.add(model.measure(float(losses.mean()), targets, outputs), len(losses))
            hooks.on_test_batch_end(step, means.logs())
    return means.logs()


def predict(model: "Sequential", x: Array, batch_size: int, hooks: CallbackList) -> Array:
    """Return the outputs for all samples, computed batch by batch."""
    outputs = np.empty((len(x), *model.layers[-1].sample_output_shape), model.dtype)
    with hooks.running("predict"):
        for step, rows in enumerate(batches(len(x), batch_size)):
            hooks.on_predict_batch_begin(step, {})
            with np.errstate(over="ignore", invalid="ignore"):
                outputs[rows] = model.engine.predict_batch(cast(x[rows], model.dtype))
            hooks.on_predict_batch_end(step, {})
    return outputs


def batches(n: int, batch_size: int) -> Iterator[slice]:
    """Yield the slices that cover n samples; the last may be shorter."""
    for start in range(0, n, batch_size):
        yield slice(start, min(start + batch_size, n))


def cast(x: Array, dtype: str) -> Array:
    """Return one batch as a contiguous array of the model's dtype."""
    return np.ascontiguousarray(x, dtype)


class Chosen:
    """Some samples of an array, in an order of one's own: taken from it where they are needed.

    So an engine can take the pieces of a batch side by side.
    """

    def __init__(self, x: Array, rows: Array) -> None:
        self.x, self.rows = x, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice) -> Array:
        """Return the samples of a part of the batch."""
        return self.x[self.rows[part]]
