"""Data that are not in memory: read batch by batch, with the results of an array in memory."""

import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import cnn, fingerprint, images

from numcnn import rows, run
from numcnn.callbacks import ModelCheckpoint
from numcnn.errors import DTypeError, ShapeError
from numcnn.models import load_model
from numcnn.rows import Rows, give_back, is_elsewhere, is_mapped

X, Y, LABELS = images(14)


class Slabs:
    """An array that can only be sliced, and remembers how many samples each slice had."""

    def __init__(self, array):
        self.array = np.asarray(array)
        self.shape, self.dtype = self.array.shape, self.array.dtype
        self.sizes = []

    def __getitem__(self, part):
        assert isinstance(part, slice), part
        assert part.step is None
        found = self.array[part]
        self.sizes.append(len(found))
        return found

    def __array__(self, *args, **kwargs):
        raise AssertionError("it was read whole")


@given(st.data())
def test_rows_are_those_of_the_array(data):
    n = data.draw(st.integers(1, 20))
    array = np.arange(3 * n).reshape(n, 3)
    source = Slabs(array)
    a = data.draw(st.integers(0, n))
    b = data.draw(st.integers(a, n))
    lazy, expected = Rows(source, "x").part(a, b), array[a:b]
    assert (lazy.shape, len(lazy), lazy.dtype) == (expected.shape, b - a, array.dtype)
    part = data.draw(st.slices(max(1, b - a)).filter(lambda s: s.step in (None, 1)))
    np.testing.assert_array_equal(lazy[part], expected[part])
    if b > a:
        which = np.array(data.draw(st.lists(st.integers(0, b - a - 1), max_size=9)), int)
        source.sizes.clear()
        np.testing.assert_array_equal(lazy[which], expected[which])
        assert sum(source.sizes) == len(set(which.tolist()))


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("shuffle", [True, "batch", False])
def test_training_on_slices_gives_the_bits_of_an_array(engine, shuffle, monkeypatch):
    monkeypatch.setattr(run, "CHECKED_SAMPLES", 2)  # else some 256 are looked at together
    expected = cnn(engine=engine)
    kwargs = {"batch_size": 4, "epochs": 2, "shuffle": shuffle, "verbose": 0}
    history = expected.fit(X, Y, validation_data=(X, Y), **kwargs).history
    for x, y in ((Slabs(X), Y), (Slabs(X), Slabs(Y)), (X, Slabs(Y))):
        model = cnn(engine=engine)
        assert model.fit(x, y, validation_data=(x, y), **kwargs).history == history
        assert fingerprint(model) == fingerprint(expected)
        measured = model.evaluate(x, y, batch_size=5, verbose=0)
        assert measured == model.evaluate(X, Y, batch_size=5, verbose=0)
        np.testing.assert_array_equal(
            model.predict(x, batch_size=5), model.predict(X, batch_size=5)
        )
        for source in (x, y):
            if isinstance(source, Slabs):
                assert max(source.sizes) <= 5


def test_a_split_and_weights_of_slices():
    kwargs = {"batch_size": 4, "epochs": 2, "verbose": 0, "validation_split": 0.3}
    kwargs |= {"class_weight": {0: 2, 1: 0.5}, "sample_weight": np.linspace(0, 2, 14)}
    expected, model = cnn(), cnn()
    history = expected.fit(X, Y, **kwargs).history
    assert model.fit(Slabs(X), Slabs(Y), **kwargs).history == history
    assert fingerprint(model) == fingerprint(expected)
    one, other = cnn(), cnn()
    assert one.train_on_batch(Slabs(X), Slabs(Y)) == other.train_on_batch(X, Y)


def test_class_numbers_of_slices():
    expected, model = (cnn(loss="sparse_categorical_crossentropy") for _ in range(2))
    expected.fit(X, LABELS, verbose=0)
    model.fit(Slabs(X), Slabs(LABELS[:, None]), verbose=0)
    assert fingerprint(model) == fingerprint(expected)


def test_going_on_with_slices(tmp_path):
    each = tmp_path / "{epoch}-{batch}.npz"
    whole = cnn()
    kwargs = {"batch_size": 4, "epochs": 2, "verbose": 0}
    whole.fit(Slabs(X), Slabs(Y), callbacks=[ModelCheckpoint(each, save_freq=3)], **kwargs)
    for path in sorted(tmp_path.glob("?-?.npz")):
        again = load_model(path)
        again.fit(X, Y, resume=True, **kwargs)  # they are the same samples
        assert fingerprint(again) == fingerprint(whole)
        with pytest.raises(ValueError, match="checksum"):
            load_model(path).fit(Slabs(X + 1), Slabs(Y), resume=True, **kwargs)


def test_what_is_wrong_with_slices_is_said_before_or_at_their_batch():
    model = cnn()
    before = fingerprint(model)
    bad = X.copy()
    bad[9] = np.nan
    for x, y, error, text in (
        (Slabs(X[..., 0]), Y, ShapeError, r"x\[\.\.\., None\]"),
        (Slabs(X), Slabs(Y[:3]), ShapeError, "same number of samples, got 14"),
        (Slabs(X), Slabs(LABELS), ShapeError, "to_categorical"),
        (Slabs(X.astype(str)), Y, DTypeError, "x must be .* Slabs of dtype <U"),
        (Slabs(X[:0]), Slabs(Y[:0]), ValueError, "at least one sample"),
    ):
        with pytest.raises(error, match=text):
            model.fit(x, y, verbose=0)
        assert fingerprint(model) == before
    with pytest.raises(ValueError, match=r"x of batch 3 \(fit\) has 36 values .*check_finite=Fal"):
        model.fit(Slabs(bad), Y, batch_size=4, shuffle=False, verbose=0)
    expected = cnn()
    expected.fit(X[:8], Y[:8], batch_size=4, shuffle=False, verbose=0)
    assert fingerprint(model) == fingerprint(expected)


def test_a_source_that_does_not_keep_its_word():
    class Short(Slabs):
        def __getitem__(self, part):
            return super().__getitem__(slice(part.start, part.stop - 1))

    class Texts(Slabs):
        def __getitem__(self, part):
            return super().__getitem__(part).astype(str)

    with pytest.raises(ShapeError, match=r"x \(Short of shape .*\) gave an array of shape \(13,"):
        cnn().predict(Short(X))
    with pytest.raises(DTypeError, match=r"x \(Texts of float32\) gave an array of dtype <U"):
        cnn().predict(Texts(X))


def test_what_is_read_by_slices_and_what_is_converted():
    class Table(Slabs):
        iloc = None

    class Tensor(Slabs):
        def __init__(self, array):
            super().__init__(array)
            self.dtype = "float32 of another library"

    assert is_elsewhere(Slabs(X))
    for value in (X, X[0, 0, 0, 0], [1], range(3), Table(X), Tensor(X), np.memmap, None):
        assert not is_elsewhere(value)


# real ones, where they are installed


def test_data_sets_of_h5py(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        x = file.create_dataset("x", data=X, chunks=(3, 6, 6, 1))
        check_real(x, file.create_dataset("y", data=Y))


def test_dask_arrays():
    da = pytest.importorskip("dask.array")
    check_real(da.from_array(X, chunks=(3, 6, 6, 1)), da.from_array(Y, chunks=5))
    unknown = da.from_array(X, chunks=3)
    unknown = unknown[da.from_array(LABELS, chunks=3) > 0]
    with pytest.raises(ShapeError, match="compute_chunk_sizes"):
        cnn().predict(unknown)


def check_real(x, y):
    for shuffle in (True, "batch"):
        expected, model = cnn(), cnn()
        expected.fit(X, Y, batch_size=4, shuffle=shuffle, verbose=0, validation_split=0.25)
        model.fit(x, y, batch_size=4, shuffle=shuffle, verbose=0, validation_split=0.25)
        assert fingerprint(model) == fingerprint(expected)
    np.testing.assert_array_equal(model.predict(x), model.predict(X))
    assert model.evaluate(x, y, verbose=0) == model.evaluate(X, Y, verbose=0)


# files that are mapped into memory


def test_only_pages_without_changes_of_their_own_are_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "KEPT", 0)
    path = tmp_path / "x.npy"
    np.save(path, np.arange(5000.0))
    for mode in ("r", "r+", "c"):
        x = np.load(path, mmap_mode=mode)
        for view in (x, x[3:], np.asarray(x)[::2].reshape(10, -1)):
            assert is_mapped(view) is (mode != "c")
        if mode != "r":
            x[7] = -1.0
        give_back(x)
        assert x[7] == (7.0 if mode == "r" else -1.0)
    assert np.load(path)[7] == -1.0
    give_back(np.zeros(3))
    give_back([1])
    monkeypatch.setattr(rows, "KEPT", 10**9)
    assert not is_mapped(np.load(path, mmap_mode="r"))


PROGRAM = """
import sys
import numpy as np
sys.path.insert(0, {tests!r})
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential

class File:
    # Slices of a file that is read, not mapped.
    def __init__(self, path, shape):
        self.path, self.shape, self.dtype = path, shape, np.dtype("uint8")

    def __getitem__(self, part):
        size = int(np.prod(self.shape[1:]))
        a, b, _ = part.indices(len(range(self.shape[0])))
        found = np.fromfile(self.path, "uint8", (b - a) * size, offset=a * size)
        return found.reshape(b - a, *self.shape[1:])

def memory(name):
    with open("/proc/self/status") as file:
        return 1024 * next(int(l.split()[1]) for l in file if l.startswith(name))

how, path, shape = sys.argv[1], sys.argv[2], (int(sys.argv[3]), 64, 64, 4)
if how == "mapped":
    x = np.memmap(path, "uint8", "r", shape=shape)
else:
    x = File(path, shape)
y = np.zeros(len(range(shape[0])), "uint8")
model = Sequential([Flatten(input_shape=shape[1:]), Dense(2, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", engine={engine!r})

def use(x, y):
    model.fit(x, y, batch_size=128, verbose=0, validation_split=0.1)
    model.evaluate(x, y, batch_size=128, verbose=0)
    model.predict(x, batch_size=128)

use(np.zeros((256, *shape[1:]), "uint8"), np.zeros(256))
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak begins anew
before = memory("VmRSS")
use(x, y)
print(memory("VmHWM") - before)
"""
ALLOWED = 24 * 2**20
SIZE = 64 * 64 * 4
SAMPLES = 10 * ALLOWED // SIZE


def peak(how, folder, engine):
    path = folder / "x"
    with path.open("wb") as file:
        file.truncate(SAMPLES * SIZE)
    program = PROGRAM.format(tests=str(Path(__file__).parent), engine=engine)
    done = subprocess.run(
        [sys.executable, "-c", program, how, str(path), str(SAMPLES)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


linux = pytest.mark.skipif(
    not (Path("/proc/self/clear_refs").exists() and hasattr(mmap, "MADV_DONTNEED")),
    reason="the peak of the memory is read as Linux tells it",
)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("shuffle", [True, "batch", False])
def test_mapped_files_give_the_bits_of_an_array(engine, shuffle, tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "KEPT", 0)
    monkeypatch.setattr(rows, "TAKEN", 3)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    kwargs = {"batch_size": 5, "epochs": 2, "shuffle": shuffle, "verbose": 0}
    expected, model = cnn(engine=engine), cnn(engine=engine)
    history = expected.fit(X, Y, validation_split=0.3, **kwargs).history
    assert model.fit(x, y, validation_split=0.3, **kwargs).history == history
    assert fingerprint(model) == fingerprint(expected)
    np.testing.assert_array_equal(model.predict(x), model.predict(X))


@linux
@pytest.mark.parametrize(("how", "engine"), [("mapped", "numba"), ("slices", "numpy")])
def test_ten_times_the_memory_goes_through_it(how, engine, tmp_path):
    """Training, evaluation and prediction on ten times what the process may grow by."""
    assert peak(how, tmp_path, engine) < ALLOWED
