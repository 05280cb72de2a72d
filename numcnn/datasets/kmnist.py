"""KMNIST: 70,000 grey pictures of ten cursive Japanese characters, in the very form of MNIST.

Its server has been out of reach since March 2026, so the four published .gz files are placed by
hand: in `$NUMCNN_HOME/datasets/kmnist`, in `$NUMCNN_HOME` itself, or in the folder that `load_data`
is given. Their SHA-256 decides; unpacked or packed anew they cannot be told from others, and are
refused.

The data are the work of the Center for Open Data in the Humanities (ROIS-DS), "KMNIST Dataset",
adapted from "Kuzushiji Dataset", licensed CC BY-SA 4.0.
"""

import os

from numcnn.datasets._check import DataFile, DataSet, Pair
from numcnn.datasets._load import load

CLASSES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
"""What the labels 0 to 9 mean."""

KMNIST = DataSet(
    title="KMNIST",
    folder="kmnist",
    files=(
        DataFile(
            name="train-images-idx3-ubyte",
            key="x_train",
            shape=(60000, 28, 28),
            gz_bytes=18165135,
            gz_sha256="51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        DataFile(
            name="train-labels-idx1-ubyte",
            key="y_train",
            shape=(60000,),
            gz_bytes=29497,
            gz_sha256="e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            counts=(6000,) * 10,
        ),
        DataFile(
            name="t10k-images-idx3-ubyte",
            key="x_test",
            shape=(10000, 28, 28),
            gz_bytes=3041136,
            gz_sha256="edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        DataFile(
            name="t10k-labels-idx1-ubyte",
            key="y_test",
            shape=(10000,),
            gz_bytes=5120,
            gz_sha256="20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
            counts=(1000,) * 10,
        ),
    ),
)


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Pair, Pair]:
    """Return the 60,000 training and 10,000 test pictures of KMNIST with their labels.

    Args:
        path: a folder with the four published .gz files; nothing else is then tried.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of the shapes (60000, 28, 28),
        (60000,), (10000, 28, 28) and (10000,). `CLASSES` names what the labels mean.

    Raises:
        FileNotFoundError: `path` does not exist or lacks files.
        ChecksumError: a file is not the published one.
        DataFileError: a file in `path` is damaged otherwise, or is not of the right kind.
        DownloadError: the files are nowhere. It says where to place which.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> CLASSES[9]
        'wo'
    """
    return load(KMNIST, path)
