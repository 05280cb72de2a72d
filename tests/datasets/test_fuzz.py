"""Readers of files against mutants, and every truncation and flipped bit of small files."""

import gzip
import io
import time
import warnings

import numpy as np
import pytest
from fuzzer import fuzz, mutant
from small_nets import cnn, dense, images

from numcnn.datasets import _check, idx
from numcnn.errors import DataFileError, ModelFileError
from numcnn.layers import Dense
from numcnn.models import Sequential, load_model

LIMIT = 1 << 16  # bytes of numbers that an IDX file may hold here


def idx_seeds():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (3, 4, 5)).astype("u1"), np.arange(9, dtype="u1")]
    arrays += [rng.normal(size=(2, 3)).astype(dtype) for dtype in ("f4", "f8")]
    arrays += [np.arange(6, dtype=dtype).reshape(2, 1, 3) for dtype in ("i1", "i2", "i4")]
    return [idx.encode(array) for array in arrays]


def model_seeds(folder):
    found = []
    for i, model in enumerate((cnn(), dense(), dense(optimizer="adam"))):
        if i != 1:
            x, y, _ = images(8)
            model.fit(x if i == 0 else x[:, 0, :4, 0], y, verbose=0)
        model.save(folder / "model.npz")
        found.append((folder / "model.npz").read_bytes())
    return found


class Readers:
    """For each kind of file: a reader of bytes, sound files, the errors that it may raise."""

    def __init__(self, toy, folder):
        path = folder / "file.npz"

        def read_model(data):
            path.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of NaN weights
                load_model(path).summary(print_fn=lambda line: None)

        plain = idx_seeds()
        self.kinds = {
            "IDX": (lambda data: idx.decode(data, max_bytes=LIMIT), plain, DataFileError),
            "IDX.gz": (
                lambda data: idx.decode(data, max_bytes=LIMIT),
                [gzip.compress(data, mtime=0) for data in plain],
                DataFileError,
            ),
            "npz": (
                lambda data: _check.verified_npz(toy.dataset, data, "x"),
                [toy.npz],
                DataFileError,
            ),
            "model": (read_model, model_seeds(folder), ModelFileError),
        }


@pytest.fixture
def readers(toy, tmp_path):
    return Readers(toy, tmp_path).kinds


# The weights of a mutant are those of its configuration, so a file can ask for a few times its size
# and no more; reading a zip takes some memory of its own.
MOST_BYTES = {"IDX": 2 * LIMIT, "IDX.gz": 3 * LIMIT, "npz": 1 << 20, "model": 1 << 21}
TIMES = {"IDX": 1500, "IDX.gz": 800, "npz": 500, "model": 300}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("factor", [1, pytest.param(100, marks=pytest.mark.proof)])
def test_mutants_are_read_or_refused(kind, factor, readers):
    read, seeds, errors = readers[kind]
    for data in seeds:
        read(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        taken, refused = fuzz(
            read,
            seeds,
            errors,
            times=factor * TIMES[kind],
            seed=factor,
            most_bytes=MOST_BYTES[kind],
        )
    assert refused > taken
    print(f"{kind}: {taken + refused:,} mutants, {refused:,} refused, {taken:,} read")


def test_mutants_are_the_same_each_time_and_differ_from_each_other(readers):
    _, seeds, _ = readers["IDX"]
    runs = [[mutant(rng, seeds) for _ in range(200)] for rng in map(np.random.default_rng, (5, 5))]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 150


@pytest.mark.parametrize("flaw", ["error", "memory", "time"])
def test_the_fuzzer_finds_a_bad_reader(flaw):
    kept = []

    def read(data):
        if data[:1] != b"a" and flaw == "error":
            raise KeyError("oops")
        if len(data) > 30 and flaw == "memory":
            kept.append(bytes(1 << 20))
        began = time.thread_time()
        while len(data) > 30 and flaw == "time" and time.thread_time() < began + 0.1:
            pass
        raise ValueError

    words = {"error": "oops", "memory": "bytes", "time": " s"}
    limits = {"most_bytes": 1 << 19, "most_seconds": 0.05 if flaw == "time" else 1.0}
    with pytest.raises(AssertionError, match=words[flaw]):
        fuzz(read, [b"a" * 30], ValueError, times=500, seed=1, **limits)


def bits(data):
    """Yield the data with each single bit flipped in turn."""
    changed = bytearray(data)
    for at in range(len(data)):
        for bit in range(8):
            changed[at] ^= 1 << bit
            yield at, bytes(changed)
            changed[at] ^= 1 << bit


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_every_flipped_bit_of_an_idx_file(packed):
    right = np.arange(24, dtype="u1").reshape(2, 3, 4)
    data = idx.encode(right)
    given = gzip.compress(data, mtime=0) if packed else data
    refused = equal = other = 0
    for at, changed in bits(given):
        try:
            found = idx.decode(changed, max_bytes=LIMIT)
        except DataFileError:
            refused += 1
            continue
        if np.array_equal(found, right) and found.dtype == right.dtype:
            equal += 1
        else:
            # Nothing guards the numbers of a plain file: a flipped bit is another number.
            assert not packed
            assert found.shape == right.shape
            assert at >= 16 or found.dtype == "i1"  # and u1 is one bit from i1
            other += 1
    assert refused + equal + other == 8 * len(given)
    assert (equal == 0 and other == 8 * 24 + 1) if not packed else other == 0
    assert refused >= 16 * 8 - 1


def small_model(folder):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.save(folder / "small.npz")
    return model, (folder / "small.npz").read_bytes()


@pytest.mark.proof
def test_every_truncation_and_every_flipped_bit_of_a_model_file(tmp_path):
    model, data = small_model(tmp_path)
    x = np.eye(3, dtype="float32")
    right = model.predict(x).tobytes()
    path = tmp_path / "changed.npz"
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(ModelFileError):
            load_model(path)
    refused = equal = 0
    for at, changed in bits(data):
        path.write_bytes(changed)
        try:
            found = load_model(path)
        except ModelFileError:
            refused += 1
            continue
        # Some fields of a zip say nothing: dates, versions, attributes.
        assert found.predict(x).tobytes() == right, at
        assert found.get_config() == model.get_config(), at
        equal += 1
    print(f"model file of {len(data)} bytes: {refused:,} flipped bits refused, {equal} say nothing")
    assert refused > 0.8 * 8 * len(data)


def test_a_model_file_that_is_cut_is_read_by_nobody(tmp_path):
    _, data = small_model(tmp_path)
    for size in (0, 1, 4, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.npz").write_bytes(data[:size])
        with pytest.raises(ModelFileError):
            load_model(tmp_path / "cut.npz")
    assert len(np.load(io.BytesIO(data)).files) == 3
