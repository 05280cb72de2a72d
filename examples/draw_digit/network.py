"""The network behind the page: trained and kept, or loaded; and checked that it reads digits.

It is the tutorial's first network, as in train_mnist.py, trained on MNIST as it is. Distorted
images (turned, scaled, moved, thicker and thinner) were tried as well and left out: on digits drawn
with a mouse, tests/drawn_digits.py, they gained nothing. What counts is that a drawing is prepared
as MNIST was (as_mnist.py).
"""

from pathlib import Path
from typing import Any

import numpy as np

from numcnn.callbacks import LearningRateScheduler
from numcnn.datasets import mnist
from numcnn.errors import DownloadError, ShapeError
from numcnn.files import check_writable
from numcnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D
from numcnn.models import Sequential, load_model
from numcnn.optimizers import RMSprop
from numcnn.utils import set_random_seed

Array = np.ndarray[Any, Any]

KEPT = {"all": "draw_digit.npz", "sample": "draw_digit_sample.npz"}
EPOCHS = {"all": 6, "sample": 12}


def get_model(file: Path | None, data: str, folder: Path, epochs: int | None) -> Sequential:
    """Return the model of a file, or the one that was kept, or a new one, which is kept."""
    if file is not None:
        return checked(load_model(file), file)
    source = "sample" if data == "sample" else "all"
    if not (folder / KEPT[source]).exists():
        if source == "all":
            try:
                images = mnist.load_data(path=None if data == "auto" else data)
            except DownloadError as error:
                print(f"{error}\n\nMNIST could not be had: going on with the sample, which reads")
                print("drawings less well (5,000 images instead of 60,000).", flush=True)
                return get_model(None, "sample", folder, epochs)
        else:
            images = mnist.load_sample()
        return trained(images, folder / KEPT[source], epochs or EPOCHS[source])
    print(f"Using {folder / KEPT[source]}, trained before. Delete it to train anew.", flush=True)
    return checked(load_model(folder / KEPT[source]), folder / KEPT[source])


def trained(data: Any, keep: Path, epochs: int) -> Sequential:
    """Train on MNIST's images, (N, 28, 28) of bytes, and keep the model."""
    keep.parent.mkdir(parents=True, exist_ok=True)
    check_writable(keep)
    (x, y), _ = data
    print(f"Training on {len(x):,} images of MNIST, {epochs} epochs. The model is then kept in")
    print(f"{keep}, so that the next start takes no time.", flush=True)
    model = fit(x, y, epochs)
    model.save(keep)
    return model


def fit(x: Array, y: Array, epochs: int, verbose: int = 1) -> Sequential:
    """Return the tutorial's first network, trained; the last third with a quarter of the step."""
    set_random_seed(99)
    model = Sequential(
        [
            Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)),
            MaxPool2D((2, 2)),
            Flatten(),
            Dense(128, activation="relu"),
            Dropout(0.25),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile(RMSprop(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = x[..., None].astype("float32") / 255
    size = 128 if len(x) > 10_000 else 64
    last = LearningRateScheduler(lambda epoch: 0.001 if epoch < epochs - epochs // 3 else 0.00025)
    model.fit(x, y, batch_size=size, epochs=epochs, verbose=verbose, callbacks=[last])
    return model


def checked(model: Sequential, file: Path) -> Sequential:
    """Return the model if it takes an image of MNIST and returns ten probabilities."""
    takes, gives = model.input_shape[1:], model.output_shape[1:]
    if takes not in ((28, 28, 1), (1, 28, 28), (28, 28)) or gives != (10,):
        raise ShapeError(
            f"{file} holds a model from {takes} to {gives}; drawing digits needs one from "
            "(28, 28, 1), (1, 28, 28) or (28, 28) to (10,). examples/train_mnist.py --save FILE "
            "makes one."
        )
    p = model.predict(as_input(model, np.linspace(0, 1, 784).reshape(1, 28, 28)))
    if not (p.min() >= -1e-3 and abs(p.sum() - 1) < 1e-3):
        raise ValueError(
            f"{file} holds a model whose ten outputs are not probabilities (for one image they "
            f"add up to {p.sum():g}). It has to end in a softmax."
        )
    return model


def as_input(model: Sequential, images: Array, raw: bool = False) -> Array:
    """Return images (N, 28, 28) from 0 to 1 as the model takes them; `raw`: from 0 to 255."""
    images = images.reshape(len(images), *model.input_shape[1:]).astype(model.dtype)
    return images * np.asarray(255, model.dtype) if raw else images


def share_read(model: Sequential, raw: bool = False) -> float:
    """Return which share of the 1,000 test images in the package the model reads rightly."""
    _, (x, y) = mnist.load_sample()
    return float((model.predict(as_input(model, x / 255, raw)).argmax(axis=1) == y).mean())
