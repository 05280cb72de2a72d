import gzip
import os
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numcnn.datasets import idx
from numcnn.errors import DataFileError, DTypeError

SMALL = idx.encode(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
TYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]


def test_the_published_header_of_mnist():
    header = idx.header(np.zeros((60000, 28, 28), np.uint8))
    assert header == bytes.fromhex("00000803 0000ea60 0000001c 0000001c")
    assert idx.header(np.zeros(10000, np.uint8)) == bytes.fromhex("00000801 00002710")


@given(
    hnp.arrays(
        st.sampled_from(TYPES).map(np.dtype),
        hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_there_and_back(array, packed):
    data = idx.encode(array)
    read = idx.decode(gzip.compress(data) if packed else data)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.shape == array.shape
    assert read.tobytes() == array.tobytes()
    assert read.flags.writeable
    assert read.flags.owndata


def test_numbers_are_big_endian():
    assert idx.decode(bytes.fromhex("00000b01 00000002 0100 ffff")).tolist() == [256, -1]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_every_truncation_is_refused(packed):
    data = gzip.compress(SMALL) if packed else SMALL
    for length in range(len(data)):
        with pytest.raises(DataFileError, match="some file"):
            idx.decode(data[:length], "some file")


@pytest.mark.parametrize("extra", [b"\0", b"abc", SMALL], ids=["zero", "abc", "again"])
def test_bytes_left_over_are_refused(extra):
    with pytest.raises(DataFileError, match=r"expected 24 bytes.*found more"):
        idx.decode(SMALL + extra)
    with pytest.raises(DataFileError, match="found more"):
        idx.decode(gzip.compress(SMALL + extra))
    with pytest.raises(DataFileError, match="found more"):
        idx.decode(gzip.compress(SMALL) + gzip.compress(extra))


@pytest.mark.parametrize(
    ("start", "match"),
    [
        ("01000803", "begins with 01 00 08 03"),
        ("00010803", "not an IDX file"),
        ("00000703", "not an IDX file"),
        ("00000803"[::-1], "not an IDX file"),
        ("89504e47", "begins with 89 50 4e 47"),
        ("00000800", "0 dimensions"),
        ("000008ff", "255 dimensions"),
        ("00000804", "promises|expected"),
    ],
)
def test_wrong_headers(start, match):
    with pytest.raises(DataFileError, match=match):
        idx.decode(bytes.fromhex(start) + SMALL[4:])


@pytest.mark.parametrize(
    "shape",
    [(1 << 31,), (0xFFFFFFFF,) * 8, (0, 0xFFFFFFFF, 0xFFFFFFFF), (0x80000000, 2)],
    ids=str,
)
def test_huge_dimensions_are_refused_before_memory_is_taken(shape):
    data = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    with pytest.raises(DataFileError, match="promises"):
        idx.decode(data)


def test_the_limit_can_be_chosen():
    assert idx.decode(SMALL, max_bytes=24).shape == (2, 3, 4)
    with pytest.raises(DataFileError, match="more than the 23 bytes"):
        idx.decode(SMALL, max_bytes=23)


def test_a_gzip_bomb_is_not_unpacked(monkeypatch):
    unpacked = 0
    read = gzip.GzipFile.read

    def counting(self, size=-1):
        nonlocal unpacked
        data = read(self, size)
        unpacked += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    bomb = gzip.compress(SMALL + bytes(50_000_000), 1)
    with pytest.raises(DataFileError, match="found more"):
        idx.decode(bomb)
    assert unpacked == len(SMALL) + 1
    with pytest.raises(DataFileError, match="unpacks to more than 100 bytes"):
        idx.gunzip(bomb, 100, "bomb")
    assert unpacked == len(SMALL) + 1 + 101


def test_every_flipped_bit_of_the_packed_data_is_noticed_or_harmless():
    data = gzip.compress(SMALL)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        try:
            read = idx.encode(idx.decode(bytes(damaged)))
        except DataFileError:
            continue
        assert read == SMALL  # a flipped bit of the time stamp, say


def test_a_wrong_crc_is_named():
    data = bytearray(gzip.compress(SMALL))
    data[-8] ^= 1
    with pytest.raises(DataFileError, match="CRC") as caught:
        idx.decode(bytes(data))
    assert isinstance(caught.value.__cause__, gzip.BadGzipFile)


def test_junk_after_the_gzip_data_is_refused():
    with pytest.raises(DataFileError, match="gzip"):
        idx.decode(gzip.compress(SMALL) + b"junk")


def test_an_unsound_deflate_stream_is_refused():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(SMALL) + packer.flush()
    head = gzip.compress(b"")[:10]
    with pytest.raises(DataFileError):
        idx.decode(head + b"\xff" + body)


def test_read_takes_plain_and_packed_files(tmp_path):
    for name, data in (("a", SMALL), ("b.gz", gzip.compress(SMALL))):
        (tmp_path / name).write_bytes(data)
        assert idx.read(tmp_path / name).shape == (2, 3, 4)
        assert idx.read(str(tmp_path / name)).dtype == np.uint8


def test_read_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        idx.read(tmp_path / "absent")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(DataFileError, match=r"empty: not an IDX file; it begins with nothing"):
        idx.read(tmp_path / "empty")


@pytest.mark.skipif(os.name != "posix", reason="pipes and symbolic links as POSIX has them")
def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(SMALL)
    (tmp_path / "link").symlink_to("file")
    for name in ("pipe", "."):
        with pytest.raises(DataFileError, match="regular file"):
            idx.read(tmp_path / name)
    with pytest.raises(DataFileError, match="regular file"):
        idx.read("/dev/zero")
    assert idx.read(tmp_path / "link").shape == (2, 3, 4)
    with pytest.raises(DataFileError, match="symbolic link"):
        idx.open_regular(tmp_path / "link", follow=False)


@pytest.mark.parametrize("array", [np.zeros(2, bool), np.zeros(2, "u2"), np.array(3, "u1")])
def test_what_idx_cannot_hold_is_refused(array):
    with pytest.raises(DTypeError, match="IDX"):
        idx.encode(array)
