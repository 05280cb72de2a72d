"""The epoch loop: batches in, an engine asked for gradients, weights moved, callbacks told.

It calls the engine only and knows no layer. Random order comes from the model's seed and the number
of steps so far, so an epoch has the same order whether training was stopped before it or not.
"""

import math
import time
import warnings
from collections.abc import Container
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn.batches import Batches, Place
from numcnn.callbacks import Callback, CallbackList, ProgbarLogger
from numcnn.engine.interrupts import uninterrupted
from numcnn.errors import DivergedError
from numcnn.run import Means, Run, plain

if TYPE_CHECKING:
    from numcnn.models import Sequential

Array = np.ndarray[Any, Any]
Logs = dict[str, float]


def fit(
    model: "Sequential",
    source: Batches,
    validation: Batches | None,
    *,
    epochs: int,
    validated: Container[int],
    callbacks: list[Callback],
    verbose: int,
) -> None:
    """Train from where `model.run` stands to the end of the last epoch.

    What happened stands in `model.history`, and how far it has come in `model.run`.

    validated: the epochs after which there is a validation, counted from 1.
    """
    run = model.run
    if run is None:
        raise RuntimeError("fit needs a run")
    params = {
        "batch_size": source.batch_size,
        "epochs": epochs,
        "steps": source.steps,
        "samples": source.samples,
        "verbose": verbose,
        "do_validation": validation is not None,
        "metrics": model.metrics_names,
    }
    bar = ProgbarLogger(verbose)
    # The history comes after the user's callbacks, which may add numbers of their own to the logs.
    hooks = CallbackList.of([*callbacks, model.history, bar], model, params)
    watchers = CallbackList(callbacks)  # those told of the validation
    for callback in callbacks:
        callback.set_validation(None if validation is None else validation.whole())
    model.stop_training = False
    warm_up(model, first_size(model, source, run), verbose)
    with hooks.running("train"):
        run.remind(callbacks)
        if run.ending is not None:  # it stopped while the callbacks were told of an epoch's end
            run.told.append(bar)
            hooks.but(run.told).on_epoch_begin(run.epoch, {})
        for epoch in range(run.epoch, epochs):
            short = False
            if run.ending is None:
                if model.stop_training:
                    break
                if source.open(place(model, run)) is None and not run.batch:
                    warn_of_drought(source, epoch, 0, epochs)
                    break
                hooks.on_epoch_begin(epoch, {})
                logs = train_epoch(model, run, source, hooks)
                if model.stop_training and run.batch != source.planned(epoch - run.first_epoch):
                    hooks.on_epoch_end(epoch, logs)  # a callback stopped it: it is not over yet
                    break
                short = source.steps is not None and run.batch < source.steps
                if short:
                    warn_of_drought(source, epoch, run.batch, epochs)
                source.end_epoch()
                if validation is not None and epoch + 1 in validated:
                    measured = measure(model, validation, watchers)
                    logs |= {f"val_{name}": value for name, value in measured.items()}
                run.ending = logs
            # One by one: a file that one of them writes says who has been told.
            for hook in hooks.but(run.told).callbacks:
                hook.on_epoch_end(epoch, run.ending)
                run.told.append(hook)
            with uninterrupted():
                run.end_epoch(model.optimizer.iterations)
            if short and source.dry:
                break


def place(model: "Sequential", run: Run) -> Place:
    """Return where in the training the next batch stands."""
    return Place(model.seed, run.began, run.epoch - run.first_epoch, run.batch)


def first_size(model: "Sequential", source: Batches, run: Run) -> int:
    """Return how many samples the batches have, of a source that does not know of the first."""
    if source.batch_size is not None and source.samples is not None:
        return min(source.batch_size, source.samples)
    size = source.open(place(model, run)) if run.ending is None else None
    return size or 1


def warn_of_drought(source: Batches, epoch: int, batch: int, epochs: int) -> None:
    """Say that there were fewer batches than were asked for."""
    steps = "" if source.steps is None else f" of {source.steps}"
    warnings.warn(
        f"The data ran out in epoch {epoch + 1} of {epochs}, after {batch}{steps} batches, "
        f"{'and the training ends with it' if source.dry or not batch else 'which ends there'}. "
        "Give fit data for steps_per_epoch * epochs batches, or a smaller steps_per_epoch.",
        stacklevel=4,
    )


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
    source: Batches,
    hooks: CallbackList,
) -> Logs:
    """Train on the batches of an epoch that are left; return the means over the epoch."""
    steps = "" if source.steps is None else f" of {source.steps}"
    for step, batch in enumerate(source.epoch(place(model, run)), run.batch):
        hooks.on_train_batch_begin(step, {})
        try:
            train_batch(model, batch.x, batch.y, batch.weights, run)
        except DivergedError as error:
            # A callback such as TerminateOnNaN may end the training in peace; else it is an error.
            logs = run.means.logs()
            last, logs["loss"] = logs.get("loss", math.nan), math.nan
            hooks.on_train_batch_end(step, logs)
            if model.stop_training:
                return logs
            raise DivergedError(
                f"epoch {run.epoch + 1}, batch {step + 1}{steps}: {error} The mean loss "
                f"before it was {last:.4g}. The weights are those before this batch. Lower "
                "the learning rate, scale the inputs (pixels: divide by 255), or look for bad "
                "values in the data."
            ) from None
        hooks.on_train_batch_end(step, run.means.logs())
        if model.stop_training:
            break
    return run.means.logs()


def train_batch(
    model: "Sequential", x: Any, y: Array, weights: Array | None = None, run: Run | None = None
) -> Logs:
    """Move the weights by one batch; return its loss and metrics before the step.

    x: an array, or what has a length and gives one for a slice, such as `Chosen`.
    weights: (N,), how much each sample's loss counts; see `mean_loss`.
    run: the training that the batch belongs to. It counts the batch in with the step, so that a
        Ctrl-C finds both done or neither.

    Raises:
        DivergedError: the loss or a gradient is not finite. No weight has moved.
    """
    engine = model.engine
    y = np.ascontiguousarray(y)
    # Overflow is found below and reported with its place, so NumPy need not warn of it.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        losses, outputs = engine.gradients(x, y, weights)
        loss = mean_loss(losses, weights) + engine.penalty()
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
    return plain(logs)


def mean_loss(losses: Array, weights: Array | None) -> float:
    """Return the loss of a batch, (1/N) sum over n of weights[n] * losses[n].

    The divisor is the number of samples and not the sum of the weights, as in Keras 3.
    """
    return float((losses if weights is None else losses * weights).mean())


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


def measure(model: "Sequential", source: Batches, hooks: CallbackList) -> Logs:
    """Return the loss and the metrics over all samples."""
    means = Means()
    with hooks.running("test", means.logs):
        step = -1
        for step, (x, y, weights) in enumerate(source.epoch()):
            hooks.on_test_batch_begin(step, {})
            targets = np.ascontiguousarray(y)
            with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity pass through
                losses, outputs = model.engine.test_batch(cast(x, model.dtype), targets)
            loss = mean_loss(losses, weights) + model.engine.penalty()
            means.add(model.measure(loss, targets, outputs), len(losses))
            hooks.on_test_batch_end(step, means.logs())
        check_steps("evaluation", source, step + 1)
    source.end_epoch()
    return means.logs()


def predict(model: "Sequential", source: Batches, hooks: CallbackList) -> Array:
    """Return the outputs for all samples, computed batch by batch."""
    whole: Array | None = None
    parts: list[Array] = []  # where it is not known beforehand how many there will be
    if source.samples is not None and source.batch_size is not None:
        n = min(source.samples, (source.steps or 0) * source.batch_size)
        whole = np.empty((n, *model.layers[-1].sample_output_shape), model.dtype)
    with hooks.running("predict"):
        step, done = -1, 0
        for step, batch in enumerate(source.epoch()):
            hooks.on_predict_batch_begin(step, {})
            with np.errstate(over="ignore", invalid="ignore"):
                outputs = model.engine.predict_batch(cast(batch.x, model.dtype))
            if whole is not None:
                whole[done : done + len(outputs)] = outputs
            else:
                parts.append(outputs)
            done += len(outputs)
            hooks.on_predict_batch_end(step, {})
        check_steps("prediction", source, step + 1)
    source.end_epoch()
    return np.concatenate(parts) if whole is None else whole


def check_steps(what: str, source: Batches, done: int) -> None:
    """Warn where fewer batches came than steps were asked for; refuse where none came."""
    if source.samples is None and not done:
        raise ValueError(f"The {what} got no batch at all: the generator had nothing left to give.")
    if source.steps is not None and done < source.steps:
        warnings.warn(
            f"The data ran out in the {what} after {done} of {source.steps} batches. Its result is "
            "that of these. Give fewer steps, or more data.",
            stacklevel=4,
        )


def cast(x: Array, dtype: str) -> Array:
    """Return one batch as a contiguous array of the model's dtype."""
    return np.ascontiguousarray(x, dtype)
