import io
import struct
import warnings
import zipfile

import numpy as np
import pytest

from numcnn.datasets._check import check, verified_idx, verified_npz
from numcnn.errors import ChecksumError, DataFileError


def zipped(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore", UserWarning)  # zipfile warns of doubled names
        for name, body in members:
            archive.writestr(name, body)
    return stream.getvalue()


def npy(array, **kwargs):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **kwargs)
    return stream.getvalue()


def members(toy, **replaced):
    return [(f"{key}.npy", npy(replaced.get(key, array))) for key, array in toy.arrays.items()]


def test_sound_npz(toy):
    assert toy.same(verified_npz(toy.dataset, toy.npz, "here").pairs(toy.dataset))
    stored = zipped(members(toy), zipfile.ZIP_STORED)
    assert toy.same(verified_npz(toy.dataset, stored, "here").pairs(toy.dataset))


def test_npz_with_missing_extra_or_doubled_members(toy):
    sound = members(toy)
    for wrong in (
        sound[:3],
        [*sound, ("more.npy", b"")],
        [*sound, sound[0]],
        sound[:3] + sound[:1],
    ):
        with pytest.raises(DataFileError, match=r"here: holds .* expected just"):
            verified_npz(toy.dataset, zipped(wrong), "here")


@pytest.mark.parametrize(
    "wrong",
    [
        np.array([object()] * 20, dtype=object),
        np.zeros(20, np.int64),
        np.zeros(21, np.uint8),
        np.zeros((20, 1), np.uint8),
        np.zeros((4, 5), np.uint8),
        np.zeros(20, np.int8),
    ],
    ids=["objects", "int64", "longer", "column", "table", "int8"],
)
def test_npz_with_another_array(toy, wrong):
    with pytest.raises(DataFileError, match=r"here"):
        verified_npz(toy.dataset, zipped(members(toy, y_train=wrong)), "here")


def test_npz_never_unpickles(toy):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    wrong = np.empty(20, dtype=object)
    wrong[0] = Trap()
    with pytest.raises(DataFileError):
        verified_npz(toy.dataset, zipped(members(toy, y_train=wrong)), "here")


def test_npz_in_fortran_order(toy):
    wrong = np.asfortranarray(toy.arrays["x_train"])
    with pytest.raises(DataFileError, match="C order"):
        verified_npz(toy.dataset, zipped(members(toy, x_train=wrong)), "here")


def test_npz_of_another_npy_version(toy):
    wrong = members(toy)
    wrong[1] = ("y_train.npy", npy(toy.arrays["y_train"], version=(2, 0)))
    with pytest.raises(DataFileError, match=r"version 1.0"):
        verified_npz(toy.dataset, zipped(wrong), "here")


def test_npz_with_one_other_pixel(toy):
    wrong = toy.arrays["x_test"].copy()
    wrong[3, 2, 1] ^= 1
    with pytest.raises(ChecksumError, match=r"SHA-256 is \w{64}, expected \w{64}"):
        verified_npz(toy.dataset, zipped(members(toy, x_test=wrong)), "here")


def test_npz_bomb(toy):
    wrong = members(toy)
    wrong[0] = ("x_train.npy", wrong[0][1] + bytes(30_000_000))
    with pytest.raises(DataFileError, match="claims 30,000,528 bytes"):
        verified_npz(toy.dataset, zipped(wrong), "here")


def test_npz_bomb_that_claims_to_be_small(toy):
    sound, wrong = members(toy), members(toy)
    size = len(sound[0][1])
    wrong[0] = ("x_train.npy", sound[0][1] + bytes(3_000_000))
    data = zipped(wrong)
    lie = data.replace(struct.pack("<I", size + 3_000_000), struct.pack("<I", size))
    assert lie != data
    with pytest.raises(DataFileError):
        verified_npz(toy.dataset, lie, "here")


def test_npz_that_is_encrypted(toy):
    data = bytearray(toy.npz)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(DataFileError, match="encrypted"):
        verified_npz(toy.dataset, bytes(data), "here")


def test_every_truncated_npz_is_refused(toy):
    for length in range(len(toy.npz)):
        with pytest.raises(DataFileError):
            verified_npz(toy.dataset, toy.npz[:length], "here")


def test_every_damaged_byte_of_an_npz_is_noticed_or_harmless(toy):
    for position in range(len(toy.npz)):
        data = bytearray(toy.npz)
        data[position] ^= 0xFF
        try:
            copy = verified_npz(toy.dataset, bytes(data), "here")
        except DataFileError:
            continue
        assert toy.same(copy.pairs(toy.dataset))


def test_idx_with_one_other_pixel_names_both_sums(toy):
    file = toy.dataset.files[0]
    data = bytearray(toy.raw[file.name])
    data[100] ^= 1
    with pytest.raises(ChecksumError, match=f"here: SHA-256 is .* expected {file.sha256}"):
        verified_idx(file, bytes(data), "here")


def test_idx_of_another_shape(toy):
    images, labels = toy.dataset.files[:2]
    with pytest.raises(DataFileError, match=r"shape \(20,\).*expected.*\(20, 5, 4\)"):
        verified_idx(images, toy.raw[labels.name], "here")


def test_where_only_the_gz_is_published_nothing_else_is_trusted(packed_toy):
    file = packed_toy.dataset.files[0]
    sound = packed_toy.gz[file.name]
    assert np.array_equal(verified_idx(file, sound, "here"), packed_toy.arrays["x_train"])
    with pytest.raises(DataFileError, match=r"only .*gz can be verified"):
        verified_idx(file, packed_toy.raw[file.name], "here")
    other_time = sound[:4] + b"\1\2\3\4" + sound[8:]
    with pytest.raises(ChecksumError, match=file.gz_sha256):
        verified_idx(file, other_time, "here")


def test_labels_are_counted(toy):
    file = toy.dataset.files[1]._replace(sha256="")
    labels = toy.arrays["y_train"].copy()
    assert check(file, labels, "here") is labels
    labels[0] = (labels[0] + 1) % 10
    with pytest.raises(DataFileError, match="labels"):
        check(file, labels, "here")
    labels[0] = 10
    with pytest.raises(DataFileError, match="labels"):
        check(file, labels, "here")
