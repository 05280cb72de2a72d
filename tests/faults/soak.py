"""Use the library for some time and print how memory and open files grow; a program of its own.

    python soak.py SECONDS FOLDER [ENGINE]

A round is: make a model, train it with batches of several sizes, evaluate, predict, save, load, go
on training, meet an error or two. Rounds in the first fifth of the time warm up and do not count.
Prints JSON: rounds, steps, open files at both ends, and the slope of the resident memory in bytes
per step by least squares, with the half-width of its 95 % interval.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from small_nets import cnn, images

from numcnn.models import load_model

X, Y, _ = images(60)


def resident():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files():
    return len(os.listdir("/proc/self/fd"))


def a_round(number, folder, engine):
    """Return the number of steps."""
    model = cnn(seed=number % 7, engine=engine)
    for size in (1 + number % 40, 32, 7):
        model.fit(X, Y, batch_size=size, epochs=2, verbose=0, validation_split=0.2)
    model.evaluate(X, Y, verbose=0, batch_size=1 + number % 13)
    file = folder / "model.npz"
    model.save(file)
    again = load_model(file)
    assert np.array_equal(again.predict(X), model.predict(X))
    again.fit(X, Y, batch_size=16, verbose=0)
    for bad in (X[..., 0], X * np.nan, None):
        try:
            again.fit(bad, Y, verbose=0)
        except (ValueError, TypeError):
            continue
        raise AssertionError("bad input was taken")
    return model.optimizer.iterations + again.optimizer.iterations


def slope(steps, memory):
    """Return the slope of a line through the points, and 1.96 standard errors of it."""
    t = np.array(steps, float) - np.mean(steps)
    m = np.array(memory, float) - np.mean(memory)
    b = (t @ m) / (t @ t)
    rest = m - b * t
    error = np.sqrt(rest @ rest / (len(t) - 2) / (t @ t))
    return float(b), float(1.96 * error)


def main(seconds, folder, engine="auto"):
    began, number, done = time.monotonic(), 0, 0
    files, steps, memory = [], [], []
    while time.monotonic() - began < seconds or len(steps) < 12:
        done += a_round(number, folder, engine)
        number += 1
        if time.monotonic() - began > seconds / 5 and number > 15:
            files.append(open_files())
            steps.append(done)
            memory.append(resident())
    b, width = slope(steps, memory)
    print(
        json.dumps(
            {
                "seconds": round(time.monotonic() - began),
                "rounds": number,
                "steps": done,
                "files": [min(files), max(files)],
                "megabytes": [round(min(memory) / 2**20, 1), round(max(memory) / 2**20, 1)],
                "bytes_per_step": round(b, 3),
                "interval": round(width, 3),
            }
        )
    )


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
