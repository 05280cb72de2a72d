"""Archives of the form of CIFAR's python version, with a handful of random images in them.

The published batches were written by Python 2, whose texts are bytes and whose arrays name
numpy.core.multiarray; no pickler of Python 3 writes such a file, so this one does, by hand.
"""

import gzip
import hashlib
import io
import struct
import tarfile

import numpy as np

from numcnn.datasets._archive import Archive
from numcnn.datasets._batches import Batch


def text(value):
    """Return a Python 2 text: SHORT_BINSTRING or BINSTRING."""
    data = value if isinstance(value, bytes) else value.encode()
    short = len(data) < 256
    head = b"U" + bytes([len(data)]) if short else b"T" + struct.pack("<i", len(data))
    return head + data


def number(value):
    """Return BININT1, BININT2 or BININT."""
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if 0 <= value < 65536:
        return b"M" + struct.pack("<H", value)
    return b"J" + struct.pack("<i", value)


def array(values, dtype="u1", shape=None, body=None):
    """Return an array as NumPy of Python 2 pickled it."""
    rows, columns = shape or values.shape
    body = values.tobytes() if body is None else body
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
        + number(0) + b"\x85" + text("b") + b"tR("
        + number(1) + number(rows) + number(columns) + b"\x86"
        + b"cnumpy\ndtype\n" + text(dtype) + number(0) + number(1) + b"\x87R("
        + number(3) + text("|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
        + b"\x89" + text(body) + b"tb"
    )  # fmt: skip


def listed(values):
    """Return a list of numbers or texts."""
    items = b"".join(number(int(v)) if not isinstance(v, str) else text(v) for v in values)
    return b"](" + items + b"e"


def pickled(**items):
    """Return a pickle of protocol 2 of a dictionary of values that are pickled already."""
    body = b"".join(text(key) + value for key, value in items.items())
    return b"\x80\x02}(" + body + b"u."


def batch(rng, rows, labels):
    """Return the bytes of a batch, and its arrays."""
    arrays = {"data": rng.integers(0, 256, (rows, 3072)).astype(np.uint8)}
    for kind, classes in labels.items():
        arrays[kind] = rng.integers(0, classes, rows).astype(np.uint8)
    names = [f"picture_{i}.png" for i in range(rows)]
    kinds = {kind: listed(arrays[kind]) for kind in labels}
    data = pickled(
        batch_label=text("training batch"), **kinds, data=array(arrays["data"]),
        filenames=listed(names),
    )  # fmt: skip
    return data, arrays


def packed(files, folder):
    """Return a .tar.gz with files in a folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)


class ToyCifar:
    """A CIFAR of a handful of images: 4 + 4 to learn from and 3 to test with, or as CIFAR-100."""

    def __init__(self, labels=None, seed=0):
        rng = np.random.default_rng(seed)
        self.labels = labels or {"labels": 10}
        names = ("train", "test") if len(self.labels) == 2 else ("data_batch_1", "data_batch_2")
        names += () if len(self.labels) == 2 else ("test_batch",)
        self.files, self.arrays, batches = {"batches.meta": pickled(num_cases=number(4))}, {}, []
        for name in names:
            rows = 3 if "test" in name else 4
            self.files[name], self.arrays[name] = batch(rng, rows, self.labels)
            batches.append(Batch(name, rows, hashlib.md5(self.files[name]).hexdigest()))
        self.packed = packed(self.files, "toy-batches-py")
        self.archive = Archive(
            title="Toy",
            folder="toy",
            name="toy-python.tar.gz",
            size=len(self.packed),
            sha256=hashlib.sha256(self.packed).hexdigest(),
            inner="toy-batches-py",
            train=tuple(batches[:-1]),
            test=tuple(batches[-1:]),
            labels=self.labels,
            keras=("toy-target/toy-batches-py", "toy-target_archive", "toy-batches-py"),
            loopback=True,
        )

    def at(self, *mirrors):
        return self.archive._replace(mirrors=mirrors)

    def same(self, pairs, kind="labels"):
        """Compare what was loaded, pixel by pixel, with what was put into the files."""
        for (x, y), batches in zip(pairs, (self.archive.train, self.archive.test), strict=True):
            i = 0
            for b in batches:
                for pixels, label in zip(
                    *(self.arrays[b.name][k] for k in ("data", kind)), strict=True
                ):
                    for channel, plane in enumerate(pixels.reshape(3, 32, 32)):
                        if not np.array_equal(x[i, :, :, channel], plane):
                            return False
                    if y[i, 0] != label:
                        return False
                    i += 1
            if i != len(x) or x.dtype != np.uint8 or y.dtype != np.uint8 or y.shape != (i, 1):
                return False
            if not (x.flags.writeable and y.flags.writeable and x.flags.c_contiguous):
                return False
        return True

    def put(self, folder):
        """Write the batches into a folder."""
        folder.mkdir(parents=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
