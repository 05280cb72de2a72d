"""What the tests of numcnn.dask send to workers: they import it there by its name."""

import os
import signal
import time
from pathlib import Path

from small_nets import SHAPE, Scale

from numcnn.callbacks import Callback
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential


def build(units=4, rate=0.01):
    """Return a model whose weights, order and masks hang on the seed that sweep has set."""
    model = Sequential([Flatten(input_shape=SHAPE), Dense(units, activation="relu"), Dense(3)])
    model.add(Dense(3, activation="softmax"))
    model.compile("rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = rate
    return model


def unbuilt(units=4):
    model = Sequential([Flatten(), Dense(units, activation="tanh"), Dense(3)])
    model.compile("sgd", loss="mse")
    return model


def with_the_seed(seed, **others):
    assert others == {"rate": 0.5}
    return build(units=seed)


def failing(units):
    if units == 2:
        raise ArithmeticError("no two units here")
    return build(units)


def uncompiled(units):
    return Sequential([Flatten(input_shape=SHAPE), Dense(3)]) if units else None


def flaky(units, folder):
    """Fail the first time, train the second."""
    begun = Path(folder) / f"begun-{units}"
    if not begun.exists():
        begun.touch()
        raise OSError("not yet")
    return build(units)


def deadly(units):
    if units == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return build(units)


class WaitsForItsDeath(Callback):
    """In the second epoch of one training, say who one is and wait; only the first time."""

    def __init__(self, folder, units):
        self.folder, self.units = Path(folder), units

    def on_epoch_begin(self, epoch, logs=None):
        begun = self.folder / "pid"
        if epoch == 1 and self.model.layers[1].units == self.units and not begun.exists():
            (self.folder / "new").write_text(str(os.getpid()))
            (self.folder / "new").rename(begun)
            while True:
                time.sleep(0.01)


class Endless(Callback):
    """Say that training has begun, and that it has ended."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def on_train_batch_end(self, batch, logs=None):
        (self.folder / f"begun-{self.model.layers[1].units}").touch()

    def on_train_end(self, logs=None):
        (self.folder / f"ended-{self.model.layers[1].units}").touch()


class Remembering(Callback):
    """Fail where a callback has seen another training before."""

    def __init__(self):
        self.trainings = 0

    def on_train_begin(self, logs=None):
        self.trainings += 1
        assert self.trainings == 1


class Loader:
    """A function that returns data, and notes each time it is called and by which process."""

    def __init__(self, folder, data):
        self.folder, self.data = folder, data

    def __call__(self):
        with open(Path(self.folder) / "loads", "a") as file:
            file.write(f"{os.getpid()}\n")
        return self.data


def scaled():
    """Return a model with a layer class of its own."""
    model = Sequential([Scale(factor=2.0, input_shape=(4,)), Dense(2)])
    model.compile("sgd", loss="mse")
    return model
