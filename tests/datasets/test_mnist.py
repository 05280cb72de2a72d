import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import numcnn
from numcnn.datasets import fashion_mnist, idx, kmnist, mnist
from numcnn.errors import DataFileError, DownloadError


def test_the_sample():
    (x_train, y_train), (x_test, y_test) = mnist.load_sample()
    assert x_train.shape == (5000, 28, 28)
    assert x_test.shape == (1000, 28, 28)
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8
        assert array.flags.writeable
        assert array.flags.c_contiguous
    assert np.bincount(y_train).tolist() == [500] * 10
    assert np.bincount(y_test).tolist() == [100] * 10
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_the_sample_can_be_changed_without_harm():
    (x, _), _ = mnist.load_sample()
    x[:] = 0
    (again, _), _ = mnist.load_sample()
    assert again.max() == 255


def test_the_sample_needs_neither_network_nor_home(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")
    monkeypatch.delenv("HOME")
    mnist.load_sample()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_sample_is_noticed(monkeypatch, tmp_path):
    shipped = Path(mnist.__file__).with_name("mnist_sample.npz")
    assert shipped.stat().st_size < 1_100_000
    data = bytearray(shipped.read_bytes())
    data[500_000] ^= 1
    (tmp_path / shipped.name).write_bytes(data)
    monkeypatch.setattr(numcnn.datasets, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(DataFileError, match=r"mnist_sample\.npz"):
        mnist.load_sample()


def test_the_provenance_of_the_sample_names_the_same_hashes():
    text = Path(mnist.__file__).with_name("mnist_sample.README.md").read_text()
    assert "CC BY-SA 3.0" in text
    for file in (*mnist.SAMPLE.files, *mnist.MNIST.files):
        assert file.sha256 in text


@pytest.mark.parametrize(
    "dataset",
    [mnist.MNIST, fashion_mnist.FASHION_MNIST, kmnist.KMNIST],
    ids=lambda dataset: dataset.title,
)
def test_the_descriptions_agree_with_themselves(dataset):
    assert [file.shape for file in dataset.files] == [
        (60000, 28, 28),
        (60000,),
        (10000, 28, 28),
        (10000,),
    ]
    for file in dataset.files:
        assert len(file.gz_sha256) == 64
        assert len(file.sha256) in (0, 64)
        assert sum(file.counts) in (0, file.shape[0])
    assert [file.size for file in dataset.files] == [47040016, 60008, 7840016, 10008]


def test_the_files_of_fashion_mnist_are_never_taken_for_mnist():
    """The folder tf-keras-datasets has files named as those of MNIST that are not of MNIST."""
    for address in mnist.MNIST.mirrors:
        assert not address.endswith("tf-keras-datasets/")


def test_nothing_at_all(monkeypatch):
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")
    with pytest.raises(DownloadError, match="MNIST could not be loaded"):
        mnist.load_data()
    with pytest.raises(DownloadError, match="Fashion-MNIST could not be loaded"):
        fashion_mnist.load_data()
    with pytest.raises(DownloadError, match="KMNIST could not be loaded"):
        kmnist.load_data()


def test_kmnist_says_which_files_to_place_where(monkeypatch, tmp_path):
    """Without NUMCNN_OFFLINE, too, no server is asked: there is none."""
    monkeypatch.delenv("NUMCNN_OFFLINE", raising=False)
    monkeypatch.setenv("NUMCNN_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(DownloadError) as raised:
        kmnist.load_data()
    for file in kmnist.KMNIST.files:
        assert f"{file.name}.gz  {file.gz_bytes:,} bytes  SHA-256 {file.gz_sha256}" in str(
            raised.value
        )
    assert str(tmp_path / "datasets" / "kmnist") in str(raised.value)
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte not found"):
        kmnist.load_data(tmp_path / "datasets")


def test_importing_loads_no_network():
    program = (
        "import sys, numpy; before = set(sys.modules); import numcnn.datasets; "
        "print(*sorted(set(sys.modules) - before))"
    )
    root = Path(numcnn.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"urllib.request", "http.client", "ssl", "subprocess", "tarfile", "gzip"}
    assert not heavy & set(done.stdout.split())


@pytest.fixture
def real(outside, monkeypatch):
    """MNIST from the cache of whoever runs the tests."""
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")
    try:
        return mnist.load_data()
    except DownloadError:
        pytest.skip("MNIST is not in the cache; numcnn.datasets.mnist.load_data() fetches it")


@pytest.mark.mnist
def test_the_real_data(real):
    for (x, y), file, mean in zip(real, mnist.MNIST.files[::2], (33.3184, 33.7912), strict=True):
        assert x.shape == file.shape
        assert y.shape == file.shape[:1]
        assert x.mean() == pytest.approx(mean, abs=1e-4)
        assert hashlib.sha256(idx.encode(x)).hexdigest() == file.sha256


@pytest.mark.mnist
def test_the_sample_is_the_beginning_of_the_real_data(real):
    for chosen, shipped in zip(mnist.sample_of(real), mnist.load_sample(), strict=True):
        assert np.array_equal(chosen[0], shipped[0])
        assert np.array_equal(chosen[1], shipped[1])


@pytest.fixture
def real_fashion(outside, monkeypatch):
    """Fashion-MNIST from the cache of whoever runs the tests."""
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")
    try:
        return fashion_mnist.load_data()
    except DownloadError:
        pytest.skip("Fashion-MNIST is not in the cache; fashion_mnist.load_data() fetches it")


@pytest.mark.mnist
def test_the_real_fashion_mnist(real_fashion, tmp_path):
    files = fashion_mnist.FASHION_MNIST.files
    for (x, y), file, mean in zip(real_fashion, files[::2], (72.9404, 73.1466), strict=True):
        assert x.shape == file.shape
        assert y.shape == file.shape[:1]
        assert x.mean() == pytest.approx(mean, abs=1e-4)
    (_, y), (_, y_test) = real_fashion
    first = ["Ankle boot", "T-shirt/top", "T-shirt/top", "Dress"]
    assert [fashion_mnist.CLASSES[k] for k in y[:4]] == first
    assert y_test[:5].tolist() == [9, 2, 1, 1, 6]

    plain, repacked = tmp_path / "plain", tmp_path / "repacked"  # as other programs leave them
    for folder in (plain, repacked):
        folder.mkdir()
    for file, array in zip(files, (array for pair in real_fashion for array in pair), strict=True):
        data = idx.encode(array)
        assert hashlib.sha256(data).hexdigest() == file.sha256
        (plain / file.name).write_bytes(data)
        packed = gzip.compress(data, compresslevel=1, mtime=0)
        assert hashlib.sha256(packed).hexdigest() != file.gz_sha256
        (repacked / f"{file.name}.gz").write_bytes(packed)
    for folder in (plain, repacked):
        for found, expected in zip(fashion_mnist.load_data(folder), real_fashion, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
