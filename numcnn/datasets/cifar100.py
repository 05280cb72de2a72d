"""CIFAR-100: 60,000 colour pictures of 32 x 32 pixels in a hundred classes, in twenty groups.

Everything else is as with CIFAR-10: the archive stays in `$NUMCNN_HOME/datasets/cifar-100`, it or
its folder `cifar-100-python` may be placed by hand, and Keras's copy is used where it is sound.

The data were collected by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton: "Learning Multiple
Layers of Features from Tiny Images", 2009.
"""

import os

from numcnn.datasets._archive import Archive, load
from numcnn.datasets._batches import Batch
from numcnn.datasets._check import Pair
from numcnn.errors import unknown_name

CIFAR100 = Archive(
    title="CIFAR-100",
    folder="cifar-100",
    name="cifar-100-python.tar.gz",
    size=169001437,
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    inner="cifar-100-python",
    train=(Batch("train", 50000, "16019d7e3df5f24257cddd939b257f8d"),),
    test=(Batch("test", 10000, "f0ef6b0ae62326f3e7ffdfab6717acfc"),),
    labels={"fine_labels": 100, "coarse_labels": 20},
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        "https://cave.cs.toronto.edu/kriz/cifar-100-python.tar.gz",
    ),
    keras=(
        "cifar-100-python-target/cifar-100-python",
        "cifar-100-python-target_archive",
        "cifar-100-python",
        "cifar-100-python.tar.gz",
    ),
)


def load_data(
    label_mode: str = "fine",
    path: str | os.PathLike[str] | None = None,
    *,
    cache: bool = True,
) -> tuple[Pair, Pair]:
    """Return the 50,000 training and 10,000 test pictures of CIFAR-100 with their labels.

    Args:
        label_mode: 'fine' for the hundred classes, 'coarse' for the twenty groups.
        path: the published `cifar-100-python.tar.gz`, or a folder with it or with the files `train`
            and `test` that are in it. Nothing else is then tried.
        cache: False keeps nothing that was fetched; the data are loaded into memory only.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of the shapes (50000, 32, 32, 3),
        (50000, 1), (10000, 32, 32, 3) and (10000, 1); with the backend's 'channels_first' the
        pictures are (50000, 3, 32, 32).

    Raises:
        ValueError: there is no such label_mode. All else as `numcnn.datasets.cifar10.load_data`.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data("coarse")  # doctest: +SKIP
        >>> y_train.max()  # doctest: +SKIP
        np.uint8(19)
    """
    if label_mode not in ("fine", "coarse"):
        raise unknown_name("label_mode", label_mode, ["fine", "coarse"])
    return load(CIFAR100, f"{label_mode}_labels", path, cache=cache)
