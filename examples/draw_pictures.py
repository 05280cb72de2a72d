"""Draw the three pictures of the README: how a network is built, how it computes, where it errs.

    python examples/draw_pictures.py                  trains the tutorial's second network first
    python examples/draw_pictures.py model.npz        takes one that train_mnist.py --save wrote
    python examples/draw_pictures.py --data sample    offline, on the images inside the package

    architecture.png     the network to scale, with what its layers make of a test image
    im2col.png           which pixel goes to which row and column of the matrix
    misclassified.png    the test images that it gets wrong, the surest mistakes first

Training takes a minute or two on two cores; drawing takes a few seconds. Every number in the
pictures is computed by numcnn. The same model gives the same pictures.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from train_mnist import load, three_convolutions
from trainer import at_least_one, prepare

from numcnn import plotting
from numcnn.errors import NumcnnError, ShapeError
from numcnn.files import check_writable
from numcnn.models import Sequential, load_model
from numcnn.optimizers import RMSprop
from numcnn.utils import set_random_seed, to_categorical

NAMES = ("architecture.png", "im2col.png", "misclassified.png")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with status 2."""
    parser = argparse.ArgumentParser(description="Draw the three pictures of the README.")
    parser.add_argument("model", nargs="?", type=Path, help="a model file; without it, one is made")
    parser.add_argument("--epochs", type=at_least_one, default=5, help="passes over the images")
    parser.add_argument("--seed", type=int, default=99, help="same seed, same pictures")
    parser.add_argument(
        "--data", default="auto", metavar="{auto,sample,DIR}", help="as in train_mnist.py"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "pictures", help="folder to write to"
    )
    return parser.parse_args(arguments)


def trained(images: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> Sequential:
    """Return the tutorial's second network, trained."""
    set_random_seed(seed)
    model = three_convolutions((28, 28, 1))
    model.compile(RMSprop(0.001), loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        prepare(images, raw=False),
        to_categorical(labels, 10),
        batch_size=128,
        epochs=epochs,
        verbose=2,
    )
    return model


def draw(model: Sequential, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return the three pictures by file name."""
    x = prepare(images, raw=False)
    probabilities = model.predict(x)
    right = np.flatnonzero(probabilities.argmax(axis=1) == labels)
    shown = x[right[0] if len(right) else 0]
    return {
        "architecture.png": plotting.architecture(model, shown),
        "im2col.png": plotting.im2col(np.arange(1, 17).reshape(4, 4), (3, 3)),
        "misclassified.png": plotting.misclassified(images, labels, probabilities, limit=20),
    }


def run(options: argparse.Namespace) -> None:
    """Train or load, draw, write."""
    options.out.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        check_writable(options.out / name)
    model = None if options.model is None else load_model(options.model)
    if model is not None and model.input_shape != (None, 28, 28, 1):
        raise ShapeError(
            f"{options.model} takes samples of shape {model.input_shape[1:]}, these pictures show "
            "images of (28, 28, 1). Make a model with train_mnist.py --save model.npz."
        )
    ((x_train, y_train), (x_test, y_test)), _ = load(options.data)
    if model is None:
        model = trained(x_train, y_train, options.epochs, options.seed)
    for name, figure in draw(model, x_test, y_test).items():
        path = plotting.save(figure, options.out / name, dpi=120)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return 0, or 1 after an error, or 130 after Ctrl-C."""
    options = parse(arguments)
    try:
        run(options)
    except KeyboardInterrupt:
        print("\nStopped by Ctrl-C.", file=sys.stderr)
        return 130
    except (NumcnnError, OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
