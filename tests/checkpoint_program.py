"""A program that trains with checkpoints, for tests that stop it, kill it and start it again.

    whole MODEL FOLDER     train; write 01-01.npz, 01-02.npz, ... after each batch, and end.npz
    repeat MODEL FOLDER    train with the checkpoint c.npz, from it where it is there; write end.npz
    resume MODEL FILE...   go on from each file; print the SHA-256 of the model's file at the end

MODEL is tiny or small, networks of milliseconds, or one of the tutorial's two: 1conv or 3conv.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from small_nets import cnn, dense, images

from numcnn.callbacks import LambdaCallback, ModelCheckpoint
from numcnn.datasets import mnist
from numcnn.models import Sequential, load_model
from numcnn.optimizers import RMSprop
from numcnn.utils import set_random_seed, to_categorical

SMALL = {"tiny": dense, "small": cnn}
EPOCHS, STEPS = 4, 10  # 40 batches; the last of each epoch is shorter


def new(kind: str) -> Sequential:
    """Return a model that is compiled and has not been trained."""
    if kind in SMALL:
        return SMALL[kind]()
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    import train_mnist

    set_random_seed(99)
    model = train_mnist.MODELS[kind]((28, 28, 1))
    model.compile(RMSprop(0.001), "categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(model, kind, callbacks, resume=False, epochs=EPOCHS):
    """Train as all of these programs do; return the history."""
    if kind in SMALL:
        shape = {"shape": (4,)} if kind == "tiny" else {}
        (x, y, _), (x_val, y_val, _) = images(58, **shape), images(7, seed=3, **shape)
        size = 6
    else:
        (x, labels), (x_val, val_labels) = mnist.load_sample()
        x, y, size = x[:155, ..., None] / np.float32(255), to_categorical(labels[:155], 10), 16
        x_val, y_val = x_val[:50, ..., None] / np.float32(255), to_categorical(val_labels[:50], 10)
    return model.fit(
        *(x, y),
        batch_size=size,
        epochs=epochs,
        verbose=0,
        validation_data=(x_val, y_val),
        callbacks=callbacks,
        resume=resume,
    )


def digest(model, folder: Path) -> str:
    """Return the SHA-256 of the model's file: weights, memory, steps, seeds, history."""
    path = folder / f"digest-{model.optimizer.iterations}.npz"
    model.save(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    return found


def main(what: str, kind: str, *places: str) -> None:
    folder = Path(places[0])
    if what == "whole":
        model = new(kind)
        fit(model, kind, [ModelCheckpoint(folder / "{epoch:02d}-{batch:02d}.npz", save_freq=1)])
        model.save(folder / "end.npz")
        print(digest(model, folder))
    elif what == "repeat":
        path = folder / "c.npz"
        resume = path.exists()
        model = load_model(path) if resume else new(kind)
        begun = LambdaCallback(on_train_begin=lambda logs: print("training", flush=True))
        fit(model, kind, [begun, ModelCheckpoint(path, save_freq=1)], resume)
        model.save(folder / "end.npz")
    elif what == "resume":
        for place in places:
            model = load_model(place)
            later = ModelCheckpoint(Path(place).parent / "later.npz", save_freq=STEPS)
            fit(model, kind, [later], resume=True)
            print(digest(model, Path(place).parent))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
