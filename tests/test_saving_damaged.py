"""Damaged files: cut, flipped, packed anew. Each is refused with one error."""

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_files import as_json, members_of, npy, pack, refused, write_small
from small_nets import dense, fingerprint

from numcnn.errors import ModelFileError
from numcnn.models import load_model


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("small"))


STEPS = [pytest.param(1, marks=pytest.mark.slow), 11]


@pytest.mark.parametrize("step", STEPS)
def test_every_truncation_is_refused(small, step):
    folder, content, _ = small
    path = folder / "cut.npz"
    ends = {*range(0, len(content), step), *range(len(content) - 80, len(content))}
    for end in sorted(ends):
        path.write_bytes(content[:end])
        refused(path)
        if end % 100 == 0:
            with pytest.raises(ModelFileError):
                dense(units=1, inputs=1).load_weights(path)


def held(content):
    """Return the positions of the members' bytes, which their checksums cover."""
    places = set()
    for member in zipfile.ZipFile(io.BytesIO(content)).infolist():
        at = member.header_offset
        name, extra = (int.from_bytes(content[at + i : at + i + 2], "little") for i in (26, 28))
        start = at + 30 + name + extra
        places |= set(range(start, start + member.file_size))
    return places


@pytest.mark.parametrize("step", STEPS)
def test_every_flipped_bit_is_refused_or_says_nothing(small, step):
    folder, content, expected = small
    path, covered = folder / "flipped.npz", held(content)
    assert len(covered) > len(content) / 2
    for at in range(0, len(content), step):
        for bit in range(8) if step == 1 else [at // step % 8]:
            flipped = bytearray(content)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            try:
                model = load_model(path)
            except ModelFileError:
                continue
            assert at not in covered
            assert (fingerprint(model), as_json(model)) == expected, (at, bit)


@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_are_refused(small, noise, in_zip):
    folder, _, _ = small
    path = folder / "noise.npz"
    if in_zip:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.npy", noise)
    else:
        path.write_bytes(noise)
    refused(path)


def header(shape, descr="<f4", fortran_order=False):
    stream = io.BytesIO()
    fields = {"descr": descr, "fortran_order": fortran_order, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, fields)
    return stream.getvalue()


W = np.ones((1, 1), "f4")
DAMAGES = {
    "no members": lambda m: {},
    "no configuration": lambda m: {k: v for k, v in m.items() if k != "model.npy"},
    "weight missing": lambda m: {k: v for k, v in m.items() if k != "dense/w.npy"},
    "all weights missing": lambda m: {"model.npy": m["model.npy"]},
    "slot missing": lambda m: {k: v for k, v in m.items() if "square/dense/b" not in k},
    "slot of another name": lambda m: m | {"optimizer/mean/dense/w.npy": npy(W)},
    "weight too many": lambda m: m | {"dense/v.npy": npy(W)},
    "layer too many": lambda m: m | {"dense_1/w.npy": npy(W)},
    "weight for dropout": lambda m: m | {"dropout/w.npy": npy(W)},
    "history of two rows": lambda m: m | {"training/history/loss.npy": npy(np.ones((1, 1)))},
    "history too long": lambda m: m | {"training/history/loss.npy": npy(np.ones(2))},
    "array of no training": lambda m: m | {"training/future/loss.npy": npy(np.ones(1))},
    "array of no callback": lambda m: m | {"training/callback-0/best-0.npy": npy(np.ones(1))},
    "no array": lambda m: m | {"readme.txt": b"hello"},
    "same name twice over": lambda m: m | {"dense/w": npy(W)},
    "text for an array": lambda m: m | {"dense/w.npy": b"hello"},
    "empty member": lambda m: m | {"dense/w.npy": b""},
    "objects": lambda m: m | {"dense/w.npy": npy(np.array([[None]], object), allow_pickle=True)},
    "texts": lambda m: m | {"dense/w.npy": npy(np.array([["a"]]))},
    "fields": lambda m: m | {"dense/w.npy": npy(np.zeros((1, 1), [("a", "f4")]))},
    "complex": lambda m: m | {"dense/w.npy": npy(W.astype(complex))},
    "big endian": lambda m: m | {"dense/w.npy": npy(W.astype(">f4"))},
    "float64": lambda m: m | {"dense/w.npy": npy(W.astype("f8"))},
    "float16": lambda m: m | {"dense/w.npy": npy(W.astype("f2"))},
    "bytes as weights": lambda m: m | {"dense/w.npy": npy(W.astype("u1"))},
    "wrong shape": lambda m: m | {"dense/w.npy": npy(np.ones((1, 2), "f4"))},
    "flat": lambda m: m | {"dense/w.npy": npy(np.ones(1, "f4"))},
    "columns first": lambda m: m | {"dense/w.npy": header((1, 1), fortran_order=True) + bytes(4)},
    "slot of wrong shape": lambda m: (
        m | {"optimizer/mean_square/dense/w.npy": npy(np.ones((2, 2), "f4"))}
    ),
    "too short": lambda m: m | {"dense/w.npy": npy(W)[:-1]},
    "too long": lambda m: m | {"dense/w.npy": npy(W) + b"\0"},
    "huge shape": lambda m: m | {"dense/w.npy": header((10**6, 10**6))},
    "larger shape": lambda m: m | {"dense/w.npy": header((2**28,)) + bytes(4)},
    "negative shape": lambda m: m | {"dense/w.npy": header((-1, -1)) + bytes(4)},
    "long header": lambda m: m | {"dense/w.npy": header((1,) * 3000) + bytes(4)},
    "format 2.0": lambda m: m | {"dense/w.npy": npy(W, version=(2, 0))},
    "configuration as numbers": lambda m: m | {"model.npy": npy(np.ones(9, "f4"))},
    "no JSON": lambda m: m | {"model.npy": npy(np.frombuffer(b"{", "u1"))},
    "no UTF-8": lambda m: m | {"model.npy": npy(np.frombuffer(b'"\xff\xff"', "u1"))},
    "a list": lambda m: m | {"model.npy": npy(np.frombuffer(b"[1]", "u1"))},
    "nested": lambda m: m | {"model.npy": npy(np.frombuffer(b"[" * 10**5, "u1"))},
    "many digits": lambda m: m | {"model.npy": npy(np.frombuffer(b"9" * 10**5, "u1"))},
    "large configuration": lambda m: m | {"model.npy": npy(np.zeros(2**20 + 1, "u1"))},
    "another npz": lambda m: {"arr_0.npy": npy(W)},
}


def relisted(members):
    """Return the members with the list in the configuration, where there is one, set right."""
    try:
        description = json.loads(np.load(io.BytesIO(members["model.npy"])).tobytes())
        description["arrays"] = [k.removesuffix(".npy") for k in members if k != "model.npy"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return members
    text = json.dumps(description).encode()
    return members | {"model.npy": npy(np.frombuffer(text, "u1"))}


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(small, damage, listed):
    folder, content, _ = small
    path = folder / "damaged.npz"
    damaged = DAMAGES[damage](members_of(content))
    if listed:
        damaged = relisted(damaged)
    tracemalloc.start()
    pack(path, damaged)
    tracemalloc.reset_peak()
    message = refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 2**20
    assert len(message) < 1000
    assert "allow_pickle" not in message


def test_packing_changes_nothing_by_itself(small):
    folder, content, expected = small
    pack(folder / "same.npz", members_of(content))
    model = load_model(folder / "same.npz")
    assert (fingerprint(model), as_json(model)) == expected


def test_compressed_doubled_and_lying_members_are_refused(small):
    folder, content, _ = small
    path = folder / "packed.npz"
    members = members_of(content)
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        pack(path, members, compression)
        refused(path, "compressed")
    with pytest.warns(UserWarning, match="Duplicate"):
        pack(path, [*members.items(), ("dense/w.npy", npy(W))])
    refused(path, "members")
    lying = bytearray(content)
    entry = lying.rindex(b"PK\x01\x02")
    for size in (2**31 - 1, 2**32 - 2):
        lying[entry + 20 : entry + 28] = size.to_bytes(4, "little") * 2
        path.write_bytes(lying)
        tracemalloc.start()
        refused(path, "larger than the file")
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
        tracemalloc.stop()
