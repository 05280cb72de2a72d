"""Fashion-MNIST: 70,000 grey pictures of clothes, in the very form of MNIST and harder to learn.

The files stay in `$NUMCNN_HOME/datasets/fashion-mnist` as the four .gz files, because only those
have a published SHA-256. For the same reason files placed by hand must be these very .gz files:
unpacked or packed anew they cannot be told from others, and are refused. Keras's own copies in
`~/.keras/datasets/fashion-mnist` are used when they are sound.

The data are the work of Han Xiao, Kashif Rasul and Roland Vollgraf (Zalando), licensed MIT.
"""

import os

from numcnn.datasets._check import DataFile, DataSet, Pair
from numcnn.datasets._load import load

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""What the labels 0 to 9 mean."""

FASHION_MNIST = DataSet(
    title="Fashion-MNIST",
    folder="fashion-mnist",
    files=(
        DataFile(
            name="train-images-idx3-ubyte",
            key="x_train",
            shape=(60000, 28, 28),
            gz_bytes=26421880,
            gz_sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        DataFile(
            name="train-labels-idx1-ubyte",
            key="y_train",
            shape=(60000,),
            gz_bytes=29515,
            gz_sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            counts=(6000,) * 10,
        ),
        DataFile(
            name="t10k-images-idx3-ubyte",
            key="x_test",
            shape=(10000, 28, 28),
            gz_bytes=4422102,
            gz_sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        DataFile(
            name="t10k-labels-idx1-ubyte",
            key="y_test",
            shape=(10000,),
            gz_bytes=5148,
            gz_sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            counts=(1000,) * 10,
        ),
    ),
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    keras="fashion-mnist",
)


def load_data(
    path: str | os.PathLike[str] | None = None, *, cache: bool = True
) -> tuple[Pair, Pair]:
    """Return the 60,000 training and 10,000 test pictures of Fashion-MNIST with their labels.

    Args:
        path: a folder with the four published .gz files; nothing else is then tried.
        cache: False keeps nothing that was fetched; the data are loaded into memory only.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of the shapes (60000, 28, 28),
        (60000,), (10000, 28, 28) and (10000,). `CLASSES` names what the labels mean.

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
        >>> CLASSES[y_train[0]]  # doctest: +SKIP
        'Ankle boot'
    """
    return load(FASHION_MNIST, path, cache=cache)
