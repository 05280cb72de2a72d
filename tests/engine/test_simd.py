"""Each operation on vectors, compiled into a small kernel, against what NumPy makes of it."""

import numpy as np
import pytest
from engine.guarded import Moats
from numba import config, njit

from numcnn.kernels import simd
from numcnn.kernels.simd import (
    add,
    add_row,
    div,
    fill,
    fma,
    fma_chosen,
    fma_half_rows,
    fma_rows,
    fma_vectors,
    load,
    load_codes,
    load_rows,
    load_some,
    load_some_codes,
    load_some_rows,
    mul,
    mul_high,
    offsets,
    peek,
    relu_rows,
    repeat,
    scale_add,
    splat,
    sqrt,
    store,
    store_codes,
    store_rows,
    store_some,
    store_some_codes,
    store_some_rows,
    sub,
    total,
    transpose,
    where_beats,
    where_equal,
    wrapping_add,
    wrapping_mul,
)

equal = np.testing.assert_array_equal
N = 3  # rows of the blocks here


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


def width_of(dtype):
    return simd.VECTOR_BYTES // np.dtype(dtype).itemsize


def numbers(size, dtype, seed=0):
    """Return an input between NaNs: whole numbers."""
    rng = np.random.default_rng(seed)
    return Moats().given(rng.integers(-50, 51, size).astype(dtype))


def room(size, dtype):
    moats = Moats()
    return moats.room(size, dtype), moats


@njit
def move(out, a, i, j):
    store(out, i, load(a, j))


@njit
def move_some(out, a, i, j, lanes, kept):
    store_some(out, i, load_some(a, j, lanes), kept)


@njit
def spread(out, a, i, value):
    width = out.size // 2
    store(out, 0, splat(a, i))
    store(out, width, fill(out, value))


@njit
def arithmetic(out, a, b, c):
    width = a.size
    x, y, z = load(a, 0), load(b, 0), load(c, 0)
    store(out, 0, add(x, y))
    store(out, width, sub(x, y))
    store(out, 2 * width, mul(x, y))
    store(out, 3 * width, fma(x, y, z))
    store(out, 4 * width, where_beats(x, y, z, x))
    store(out, 5 * width, where_equal(x, y, z, x))
    store(out, 6 * width, scale_add(x, 3.0, y))
    return total(x)


@njit
def roots_and_quotients(out, a, b):
    store(out, 0, sqrt(load(a, 0)))
    store(out, a.size, div(load(a, 0), load(b, 0)))


@njit
def turn(to, i, a, k, row):
    transpose(to, i, a, k, row)


@njit
def codes_of(codes, i, a):
    store_codes(codes, i, load(a, 0))


@njit
def numbers_of(out, codes, i):
    store(out, 0, load_codes(codes, i, out))


@njit
def some_codes(codes, i, out, given, j, a, lanes):
    store_some_codes(codes, i, load(a, 0), lanes)
    store(out, 0, load_some_codes(given, j, out, lanes))


@njit
def wrap(found, ab):
    found[0] = wrapping_add(ab[0], ab[1])
    found[1] = wrapping_mul(ab[0], ab[1])
    found[2] = mul_high(ab[0], ab[1])


@njit
def look(a, i):
    return peek(a, i)


@njit
def places(found, table, i, last, base):
    r = offsets(table, i, last, base, 3)
    for p in range(3):
        found[p] = r[p]


@njit
def products(out, a, b, table, k):
    """Blocks: of numbers times a vector, of vectors times one, of neither, of a half vector."""
    width = b.size
    v = load(b, 0)
    r = offsets(table, 0, 2, 0, 3)
    to = offsets(table, 3, 5, 0, 3)
    store_rows(out, to, 0, fma_rows(repeat(v, 3), a, r, k, v))
    store_rows(out, to, 3 * width, fma_vectors(repeat(v, 3), a, r, k, v))
    store_rows(out, to, 6 * width, relu_rows(add_row(load_rows(a, r, k), v)))
    store_rows(out, to, 9 * width, fma_half_rows(repeat(v, 3), a, r, k, v))


@njit
def chosen(out, a, table, k, codes, b):
    starts, to = offsets(table, 0, 2, 0, 3), offsets(table, 3, 5, 0, 3)
    block = load_rows(out, to, 0)
    store_rows(out, to, 0, fma_chosen(block, a, starts, k, load_codes(codes, 0, a), load(b, 0)))


@njit
def some_rows(out, a, table, lanes, rows, kept, k):
    r = offsets(table, 0, 2, 0, 3)
    to = offsets(table, 3, 5, 0, 3)
    store_some_rows(out, to, k, load_some_rows(a, r, lanes), rows, kept)


def test_a_vector_moves_from_any_place_to_any_place(dtype):
    width = width_of(dtype)
    a = numbers(3 * width, dtype)
    for i in range(width + 1):
        out, moats = room(2 * width, dtype)
        move(out, a, i, 2 * i)
        expected = np.full(2 * width, np.nan, dtype)
        expected[i : i + width] = a[2 * i : 2 * i + width]
        equal(out, expected)
        moats.check()


def test_some_numbers_of_a_vector(dtype):
    """Beyond `lanes` nothing is read; beyond `kept` nothing is written."""
    width = width_of(dtype)
    least = 1 if config.BOUNDSCHECK else 0  # at the end of an array there is no place for none
    for lanes in range(least, width + 3):
        for kept in (least, 1, lanes, width - 1, width, width + 5):
            n = min(lanes, width)
            a = numbers(n, dtype)
            stored = min(kept, width)
            out, moats = room(stored, dtype)
            move_some(out, a, 0, 0, lanes, kept)
            expected = np.zeros(width, dtype)
            expected[:n] = a
            equal(out, expected[:stored])
            moats.check()
    out, moats = room(width, dtype)
    move_some(out, numbers(width, dtype), 2, 2, -1, -1)
    assert np.isnan(out).all()
    moats.check()


def test_one_number_in_all_places(dtype):
    width = width_of(dtype)
    out, moats = room(2 * width, dtype)
    spread(out, numbers(5, dtype) * 0 + np.arange(5, dtype=dtype), 3, 7)
    equal(out, [3] * width + [7] * width)
    moats.check()


def test_arithmetic(dtype):
    width = width_of(dtype)
    a, b, c = (numbers(width, dtype, seed) for seed in range(3))
    a[0] = b[0]
    out, moats = room(7 * width, dtype)
    assert arithmetic(out, a, b, c) == a.sum()
    expected = [a + b, a - b, a * b, a * b + c, np.where(a > b, c, a), np.where(a == b, c, a)]
    equal(out.reshape(7, width), [*expected, 3 * a + b])
    moats.check()


def test_roots_and_quotients_are_numpy_s(dtype):
    width = width_of(dtype)
    a, b = abs(numbers(width, dtype)) + 1, numbers(width, dtype, 1) + 0.5
    out, moats = room(2 * width, dtype)
    roots_and_quotients(out, a, b)
    equal(out.reshape(2, width), [np.sqrt(a), a / b])
    moats.check()


def test_a_square_block_is_turned(dtype):
    width = width_of(dtype)
    i, k, row = 3, 2, width + 5
    a = numbers(k + row * width, dtype)
    out, moats = room(i + width * width + 4, dtype)
    turn(out, i, a, k, row)
    expected = np.full(out.size, np.nan, dtype)
    for y in range(width):
        for x in range(width):
            expected[i + x * width + y] = a[k + y * row + x]
    equal(out, expected)
    moats.check()


def test_a_multiply_add_rounds_once(dtype):
    if config.DISABLE_JIT:
        pytest.skip("plain Python rounds twice")
    width = width_of(dtype)
    e = np.finfo(dtype).eps
    a, b, c = (np.full(width, v, dtype) for v in (1 + e, 1 - e, -1))
    out = np.zeros(7 * width, dtype)
    arithmetic(out, a, b, c)
    equal(out[3 * width : 4 * width], np.full(width, -(e * e), dtype))


def test_what_beats_what(dtype):
    width = width_of(dtype)
    values = [-np.inf, -1, -0.0, 0.0, 1, np.inf, np.nan]
    for x in values:
        for y in values:
            a, b, c = (np.full(width, v, dtype) for v in (x, y, 77))
            out = np.zeros(7 * width, dtype)
            with np.errstate(invalid="ignore"):
                arithmetic(out, a, b, c)
            beats = x > y or (np.isnan(x) and not np.isnan(y))
            equal(out[4 * width : 5 * width], c if beats else a)
            equal(out[5 * width : 6 * width], c if x == y else a)


def test_small_numbers_as_bytes(dtype):
    width = width_of(dtype)
    codes, moats = room(width + 4, np.uint8)
    codes_of(codes, 3, np.arange(width).astype(dtype) % 5)
    equal(codes, [99] * 3 + [i % 5 for i in range(width)] + [99])
    moats.check()
    back, moats = room(width, dtype)
    numbers_of(back, Moats().given(np.arange(1, width + 6).astype(np.uint8)), 2)
    equal(back, np.arange(3, width + 3))
    moats.check()


def test_some_small_numbers_as_bytes(dtype):
    width = width_of(dtype)
    for lanes in range(-1, width + 3):
        n = min(max(lanes, 0), width)
        codes, moats = room(width + 4, np.uint8)
        out = np.full(width, np.nan, dtype)
        given = Moats().given(np.arange(width + 6).astype(np.uint8))
        some_codes(codes, 3, out, given, 1, np.arange(width).astype(dtype), lanes)
        moats.check()
        equal(codes, [99] * 3 + [*range(n)] + [99] * (width + 1 - n))
        equal(out, [*range(1, n + 1), *[0] * (width - n)])


def test_each_lane_chooses_one_of_four_numbers(dtype):
    width, rng = width_of(dtype), np.random.default_rng(0)
    a, b = (Moats().given(rng.integers(-9, 9, n).astype(dtype)) for n in (11, width))
    codes = rng.integers(0, 4, width).astype(np.uint8)
    codes[:2] = 3, 4  # a code of 4 counts as 0
    table = np.array([0, 5, 6, 0, width, 2 * width])
    out, moats = room(3 * width, dtype)
    out[:] = start = rng.integers(-9, 9, 3 * width)
    chosen(out, a, table, 1, Moats().given(codes), b)
    moats.check()
    expected = [a[first + 1 + codes % 4] * b for first in table[:3]]
    equal(out, start + np.concatenate(expected))


def test_a_look_at_memory():
    assert look(np.array([5, 6, 7], np.int64), 1) == 6


def test_whole_numbers_wrap_round():
    top = 2**64 - 1
    for a, b in (
        (top, top),
        (top, 1),
        (3, 5),
        (2**63, 2),
        (2**63, 2**63),
        (0xD2E7470EE14C6C93, top - 9),
    ):
        found = np.zeros(3, np.uint64)
        wrap(found, np.array([a, b], np.uint64))
        assert [int(v) for v in found] == [(a + b) & top, (a * b) & top, a * b >> 64]


def test_offsets_stop_at_the_last():
    table, found = np.array([10, 20, 30, 40], np.int64), np.zeros(3, np.int64)
    places(found, table, 1, 3, 5)
    equal(found, [25, 35, 45])
    places(found, table, 2, 3, 0)
    equal(found, [30, 40, 40])
    places(found, table, 1, 1, 0)
    equal(found, [20, 20, 20])


def test_blocks(dtype):
    width = width_of(dtype)
    a, b = numbers(3 * width + 5, dtype), numbers(width, dtype, 1)
    starts, to, k = [0, 2 * width, 3], [0, 2 * width, width], 5
    out, moats = room(12 * width, dtype)
    products(out, a, b, np.array(starts + to, np.int64), k)
    moats.check()
    rows = [a[i + k : i + k + width] for i in starts]
    expected = np.zeros((4, 3, width), dtype)
    half = np.arange(width) < width // 2
    for place, start, row in zip((0, 2, 1), starts, rows, strict=True):
        expected[0, place] = b + a[start + k] * b
        expected[1, place] = b + row * b
        expected[2, place] = np.maximum(row + b, 0)
        expected[3, place] = np.where(half, b + a[start + k] * b, b)
    equal(out.reshape(expected.shape), expected)


@pytest.mark.parametrize("rows", range(-1, N + 2))
def test_some_rows_of_some_numbers(dtype, rows):
    width = width_of(dtype)
    for lanes, kept in ((1, 1), (width - 1, width), (width, width - 1), (width + 4, width + 4)):
        n, stored = min(lanes, width), min(kept, width)
        a = numbers(2 * width + n, dtype)
        starts, to = [0, 2 * width, width], [0, 2 * width, width]
        out, moats = room(2 * width + stored + 1, dtype)
        some_rows(out, a, np.array(starts + to, np.int64), lanes, rows, kept, 1)
        moats.check()
        expected = np.full(out.size, np.nan, dtype)
        for start, place in list(zip(starts, to, strict=True))[: max(0, rows)]:
            v = np.zeros(width, dtype)
            v[:n] = a[start : start + n]
            expected[place + 1 : place + 1 + stored] = v[:stored]
        equal(out, expected)


def test_relu_keeps_nan(dtype):
    """And makes +0 of -0, as max(x, 0) may."""
    width = width_of(dtype)
    a = np.zeros(3 * width, dtype)
    a[:4] = [np.nan, -1, np.inf, -np.inf]
    out = np.zeros(12 * width, dtype)
    table = np.array([0, 0, 0, 0, width, 2 * width], np.int64)
    with np.errstate(invalid="ignore"):
        products(out, a, np.zeros(width, dtype), table, 0)
    equal(out[6 * width : 6 * width + 4], [np.nan, 0, np.inf, 0])
