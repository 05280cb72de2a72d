"""Fashion-MNIST: 70,000 grey pictures of clothes, in the very form of MNIST and harder to learn.

The files stay in `$NUMCNN_HOME/datasets/fashion-mnist`. Files placed by hand there, or in
`$NUMCNN_HOME` itself, are found too, uncompressed or as .gz, and so are Keras's own copies in
`~/.keras/datasets/fashion-mnist`. The SHA-256 of the uncompressed files decides.

Published are only those of the .gz files. The others were had from the files in Debian's package
dataset-fashion-mnist: with the file's name and time put back into the gzip header (the time that of
the training files 1504176606, of the test files 1504176627), each has the published SHA-256.

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
            sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            gz_bytes=26421880,
            gz_sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        DataFile(
            name="train-labels-idx1-ubyte",
            key="y_train",
            shape=(60000,),
            sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            gz_bytes=29515,
            gz_sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            counts=(6000,) * 10,
        ),
        DataFile(
            name="t10k-images-idx3-ubyte",
            key="x_test",
            shape=(10000, 28, 28),
            sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            gz_bytes=4422102,
            gz_sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        DataFile(
            name="t10k-labels-idx1-ubyte",
            key="y_test",
            shape=(10000,),
            sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
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
        path: a folder with the four files, uncompressed or as .gz; nothing else is then tried.
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
