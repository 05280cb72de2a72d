"""What the programs here that train a network share: options, checkpoints, Ctrl-C, pictures.

They are train_mnist.py and train_networks.py. This file knows neither their networks nor their
images: each hands `main` a `Program`, with a function that makes the model and one that loads.
"""

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numcnn import plotting
from numcnn.callbacks import ModelCheckpoint
from numcnn.errors import DivergedError, NumcnnError
from numcnn.files import check_writable
from numcnn.models import Sequential, load_model, warmup
from numcnn.utils import to_categorical

Data = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Images(NamedTuple):
    """What a program trains and measures on."""

    data: Data  # ((x_train, y_train), (x_test, y_test)), the images as uint8 (N, 28, 28)
    notice: str = ""  # printed at the end, where not empty
    class_names: Sequence[str] | None = None


class Program(NamedTuple):
    """What a program has of its own."""

    build: Callable[[argparse.Namespace], Sequential]  # a new model, compiled
    load: Callable[[argparse.Namespace], Images]
    model_options: str = "--model"  # the options that choose the layers
    step_options: str = "--learning-rate"  # the options that the optimizer is made from
    error: str = "Test error"


def add_options(
    parser: argparse.ArgumentParser, *, epochs: int | str, learning_rate: float
) -> None:
    """Add the options that the programs share, two of them with a program's own defaults."""
    parser.set_defaults(raw_pixels=False)
    parser.add_argument(
        "--epochs", type=at_least_one, default=epochs, help="passes over the images"
    )
    parser.add_argument("--batch-size", type=at_least_one, default=128, help="images per step")
    parser.add_argument(
        "--learning-rate", type=float, default=learning_rate, help="length of a step"
    )
    parser.add_argument("--seed", type=int, default=99, help="same seed, same result")
    parser.add_argument("--engine", default="auto", help="what runs the layers: auto, numba, numpy")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for the pictures")
    parser.add_argument("--save", type=Path, metavar="FILE", help="also save the model (.npz)")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="after each epoch, and at Ctrl-C, write all that training needs to go on (.npz)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint: the same result, bit for bit, as without a stop. Options "
        "must be those of before, but --epochs may be more unless the steps' length depends on it; "
        "where no checkpoint is yet, begin",
    )


def parse(parser: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with status 2."""
    options = parser.parse_args(arguments)
    if options.resume and options.checkpoint is None:
        parser.error("--resume needs --checkpoint FILE")
    return options


def at_least_one(text: str) -> int:
    """Return a positive integer from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def prepare(images: np.ndarray, raw: bool) -> np.ndarray:
    """Return images (N, 28, 28, 1): pixels 0..255 as they are, or 0..1."""
    images = images[..., None]
    return images if raw else images.astype("float32") / 255


def check_outputs(options: argparse.Namespace) -> None:
    """Make the output folder and see that all can be written, before any time is spent."""
    options.out.mkdir(parents=True, exist_ok=True)
    check_writable(options.out / "learning_curves.png")
    for name in ("save", "checkpoint"):
        file = getattr(options, name)
        if file is not None:
            if file.suffix != ".npz":
                raise ValueError(f"--{name} needs a file name that ends in .npz, got {file}")
            check_writable(file)
    if options.checkpoint is not None and options.checkpoint.exists() and not options.resume:
        raise FileExistsError(
            f"there is a checkpoint {options.checkpoint} already: go on from it with --resume, or "
            "delete it or name another to begin anew"
        )


def from_checkpoint(file: Path, made: Sequential, program: Program) -> Sequential:
    """Return the model of a checkpoint, which must be the one that the options ask for."""
    model = load_model(file)
    pairs = {
        program.model_options: (summary_of(model), summary_of(made)),
        program.step_options: (model.optimizer.get_config(), made.optimizer.get_config()),
        "--seed": (model.seed, made.seed),
        "--engine": (model.engine_name, made.engine_name),
    }
    others = [option for option, (found, wanted) in pairs.items() if found != wanted]
    if program.model_options in others and "--seed" in others:  # other layers draw other seeds
        others.remove("--seed")
    if others:
        raise ValueError(
            f"the checkpoint {file} was made with another {' and '.join(others)}: give the same "
            "options as then, or name another file to begin anew"
        )
    return model


def summary_of(model: Sequential) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return "\n".join(lines)


def draw(model: Sequential, history: Any, images: Images, p: np.ndarray) -> dict[str, Any]:
    """Return the four pictures by file name."""
    _, (x, labels) = images.data
    return {
        "learning_curves.png": plotting.learning_curves(history),
        "misclassified.png": plotting.misclassified(x, labels, p, class_names=images.class_names),
        "confusion_matrix.png": plotting.confusion_matrix(labels, p, images.class_names),
        "filters.png": plotting.filters(model.layers[0].params["w"]),
    }


def train(options: argparse.Namespace, program: Program) -> None:
    """Train, measure, draw."""
    check_outputs(options)
    model = program.build(options)
    callbacks = []
    resume = False
    if options.checkpoint is not None:
        callbacks.append(ModelCheckpoint(options.checkpoint))
        resume = options.resume and options.checkpoint.exists()
        if resume:
            model = from_checkpoint(options.checkpoint, model, program)
        elif options.resume:
            print(f"There is no checkpoint {options.checkpoint} yet: training begins at the start.")
    images = program.load(options)
    (x_train, y_train), (x_test, y_test) = images.data
    model.summary()
    print(f"Training on {len(x_train):,} images, measuring on {len(x_test):,} others.", flush=True)
    if resume:
        print(f"Going on from {options.checkpoint} {place(model)}.", flush=True)

    warmup(model, options.batch_size, verbose=1)
    start = time.perf_counter()
    steps = model.optimizer.iterations
    test_set = prepare(x_test, options.raw_pixels), to_categorical(y_test, 10)
    try:
        history = model.fit(
            prepare(x_train, options.raw_pixels),
            to_categorical(y_train, 10),
            batch_size=options.batch_size,
            epochs=options.epochs,
            callbacks=callbacks,
            validation_data=test_set,  # to draw the curves; nothing is chosen by it
            resume=resume,
        )
    except KeyboardInterrupt:
        raise Stopped(model) from None
    seconds = time.perf_counter() - start
    _, accuracy = model.evaluate(*test_set, batch_size=options.batch_size, verbose=0)
    print(f"{program.error}: {100 - 100 * accuracy:.2f}%")
    epochs = (model.optimizer.iterations - steps) / -(-len(x_train) // options.batch_size)
    if epochs:
        print(f"Trained {epochs:.3g} epochs in {seconds:.0f} s ({seconds / epochs:.1f} s each).")

    probabilities = model.predict(test_set[0], batch_size=options.batch_size)
    pictures = draw(model, history, images, probabilities)
    for name, figure in pictures.items():
        plotting.save(figure, options.out / name)
    print(f"Pictures in {options.out.resolve()}: {', '.join(pictures)}")
    if options.save is not None:
        model.save(options.save)
        print(f"Model in {options.save.resolve()}")
    if images.notice:
        print(images.notice)


class Stopped(KeyboardInterrupt):
    """Ctrl-C within the training of a model, which is that of the last whole batch."""

    def __init__(self, model: Sequential) -> None:
        self.model = model


def place(model: Sequential) -> str:
    """Say where a training stands."""
    run = model.run
    if run.ending is not None:
        return f"after epoch {run.epoch + 1}"
    return f"after {run.batch} batches of epoch {run.epoch + 1}"


def stop(options: argparse.Namespace, reason: KeyboardInterrupt, command: list[str]) -> None:
    """Write the checkpoint, where one is wanted and training has begun; say how to go on."""
    again = shlex.join([*command, *([] if options.resume else ["--resume"])])
    if options.checkpoint is None:
        say = "\nStopped by Ctrl-C: no pictures and no model were written."
    elif isinstance(reason, Stopped) and reason.model.run is not None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C may wait for this
        try:
            reason.model.save(options.checkpoint)
        finally:
            signal.signal(signal.SIGINT, before)
        say = f"\nStopped by Ctrl-C {place(reason.model)}: to go on from there, run {again}"
    elif options.checkpoint.exists():
        say = f"\nStopped by Ctrl-C outside of training: to go on from the checkpoint, run {again}"
    else:
        say = "\nStopped by Ctrl-C before training began: there is nothing to go on from."
    print(say, file=sys.stderr)


def main(program: Program, options: argparse.Namespace, arguments: list[str] | None) -> int:
    """Run a program; return 0, or 1 after an error, or 130 after Ctrl-C."""
    try:
        try:
            train(options, program)
        except KeyboardInterrupt as reason:
            given = sys.argv[1:] if arguments is None else arguments
            stop(options, reason, ["python", sys.argv[0], *given])
            return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (NumcnnError, DivergedError, OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
