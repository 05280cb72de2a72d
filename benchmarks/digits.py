"""MNIST for the contestants, read once and handed over as files.

The processes of the other frameworks must not load numcnn, or its memory and its import would count
as theirs. So a process of its own fetches the images through numcnn and writes them to a temporary
folder as NumPy files: pixels as float32 from 0 to 1, (N, 28, 28, 1), and labels as int64.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]


@contextmanager
def prepared(images: int) -> Iterator[str]:
    """Yield a folder with `images` training images and the test images."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, folder, str(images)], check=True)
        yield folder


def load(folder: str, part: str = "train") -> Pair:
    """Return the images and labels of one part, 'train' or 'test'."""
    return np.load(Path(folder, f"x_{part}.npy")), np.load(Path(folder, f"y_{part}.npy"))


def prepare(folder: str, images: int) -> None:
    """Write the files; where MNIST cannot be had, the sample in numcnn, repeated."""
    from numcnn.datasets import mnist
    from numcnn.errors import DownloadError

    try:
        (x_train, y_train), test = mnist.load_data()
    except DownloadError:
        (x_train, y_train), test = mnist.load_sample()
        print(f"MNIST could not be had: its sample of {len(x_train):,} images is used instead.")
    if images > len(x_train):
        print(f"{len(x_train):,} images are repeated to make {images:,}.")
    chosen = np.arange(images) % len(x_train)
    for part, (x, y) in {"train": (x_train[chosen], y_train[chosen]), "test": test}.items():
        np.save(Path(folder, f"x_{part}.npy"), x[..., None].astype(np.float32) / 255)
        np.save(Path(folder, f"y_{part}.npy"), y.astype(np.int64))


if __name__ == "__main__":
    prepare(sys.argv[1], int(sys.argv[2]))
