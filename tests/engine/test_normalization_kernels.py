"""The kernels of batch normalization against formulas, on arrays with forbidden ground round them.

Where numbers are whole, or halves of whole ones, nothing is rounded and results are exact. Moments
are means, so they have derived bounds instead.
"""

import numpy as np
import oracles
from engine.guarded import Moats, whole
from hypothesis import example, given
from hypothesis import strategies as st
from numba import config
from reference import gamma

from numcnn.kernels.normalization import (
    BLOCK,
    LEAST_ROWS,
    moments,
    next_block,
    normalize,
    normalize_backward,
    normalize_sums,
)
from numcnn.kernels.normalization_pool import (
    normalize_pool,
    normalize_pool_backward,
    normalize_pool_sums,
)
from numcnn.kernels.pooling import pool, pool_backward

SLOW = bool(config.DISABLE_JIT)
equal = np.testing.assert_array_equal
dtypes = st.sampled_from(["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)
periods = st.sampled_from([1, 15, 16, 32, 33] if SLOW else [1, 3, 8, 16, 17, 32, 37, 48, 300])
relus = st.booleans()


@st.composite
def sizes(draw):
    """Return (period, how many numbers): whole rows and last one that is cut short, or none."""
    period, dtype = draw(periods), draw(dtypes)
    block = max(LEAST_ROWS, BLOCK // np.dtype(dtype).itemsize // period)
    rows = draw(st.sampled_from([0, 1, 2, 17] if SLOW else [0, 1, 2, 17, block, 2 * block + 3]))
    return period, rows * period + draw(st.integers(0, period - 1)), dtype


def by_column(array, period):
    """Return rows of a flat array, the last filled up with NaN."""
    rows = np.full(-(-array.size // period) * period, np.nan)
    rows[: array.size] = array
    return rows.reshape(-1, period)


@given(periods, st.integers(1, 3000), st.integers(0, 7), dtypes)
@example(1, 3000, 5, "float64")
@example(300, 20, 0, "float32")
@example(300, 10, 0, "float32")
def test_a_block_is_as_many_rows_as_its_bytes_hold(period, rows, first, dtype):
    """More of them, and a block's sums in float32 were less exact; fewer, and they took longer."""
    rows = min(rows, 10**5 // period)
    n, length = next_block(np.zeros(first + rows * period, dtype), first, period)
    assert length == period
    assert min(rows, LEAST_ROWS) <= n <= rows
    assert n <= LEAST_ROWS or n * period * np.dtype(dtype).itemsize <= BLOCK
    assert n == rows or (n + 1) * period * np.dtype(dtype).itemsize > BLOCK
    assert next_block(np.zeros(first + period - 1, dtype), first, period) == (1, period - 1)


@given(sizes(), st.sampled_from([0, 0.1, 1e3, -1e6]), st.sampled_from([0, 1e-3, 1, 1e3]), seeds)
@example((16, 16 * 150, "float32"), 1e6, 1, 0)
def test_moments(size, mean, spread, seed):
    """A block's sums, of deviations and of their squares, are off by gamma(rows + 2) at most."""
    period, n, dtype = size
    rng, moats = np.random.default_rng(seed), Moats()
    x = (mean + spread * rng.normal(size=n)).astype(dtype)
    means, squares = (moats.room(period, "float64") for _ in range(2))
    moments(means, squares, moats.given(x), moats.room(3 * period, dtype))
    moats.check()
    rows = by_column(x, period).astype(np.longdouble)
    counts = np.isfinite(rows).sum(axis=0)
    right = np.nansum(rows, axis=0) / np.maximum(counts, 1)
    around = np.nansum((rows - right) ** 2, axis=0)
    most = max(LEAST_ROWS, BLOCK // np.dtype(dtype).itemsize // period)
    share, fine = gamma(min(most, len(rows)) + 2, dtype), gamma(len(rows) + 8, "float64")
    apart = rows - rows[np.arange(len(rows)) // most * most]  # from the first row of the block
    sizes, size_of_squares = np.nansum(np.abs(apart), axis=0), np.nansum(apart**2, axis=0)
    off, far = np.abs(means - right), fine * np.abs(right)
    assert (off <= share * sizes / np.maximum(counts, 1) + far).all()
    near = 3 * (share + fine) * size_of_squares  # the mean of the deviations is squared too
    near += 2 * far * np.sqrt(around * counts) + counts * far**2  # the distance of two means
    assert (np.abs(squares - around) <= near).all()


def columns(rng, period, dtype, rows):
    """Return whole numbers, so that all products of a few of them are exact."""
    return whole(rng, (rows, period), dtype)


@given(sizes(), relus, seeds)
def test_normalize(size, relu, seed):
    period, n, dtype = size
    rng, moats = np.random.default_rng(seed), Moats()
    x, table = whole(rng, n, dtype), columns(rng, period, dtype, 3)
    x[rng.random(n) < 0.05] = np.nan
    y = moats.room(n, dtype)
    normalize(y, moats.given(x), moats.given(table), relu)
    moats.check()
    mean, factor, shift = (np.resize(row, n) for row in table)
    expected = (x - mean) * factor + shift
    equal(y, np.maximum(expected, 0) if relu else expected)
    here = moats.given(x)
    normalize(here, here, table, relu)
    equal(here, y)


@given(sizes(), relus, seeds)
def test_normalize_backward(size, relu, seed):
    period, n, dtype = size
    rng, moats = np.random.default_rng(seed), Moats()
    x, dy, table = whole(rng, n, dtype), whole(rng, n, dtype), columns(rng, period, dtype, 5)
    mean, factor, shift, offset, slope = (np.resize(row, n) for row in table)
    dz = dy * ((x - mean) * factor + shift > 0) if relu else dy
    sums = moats.room(2 * period, "float64").reshape(2, period)
    fed = [moats.given(a) for a in (dy, x, table[:3])]
    normalize_sums(sums, *fed, relu, moats.room(3 * period, dtype))
    moats.check()
    equal(sums[0], np.nansum(by_column(dz, period), axis=0))
    equal(sums[1], np.nansum(by_column(dz * (x - mean), period), axis=0))

    dx, given_table = moats.room(n, dtype), moats.given(table)
    normalize_backward(dx, *fed[:2], given_table, relu)
    moats.check()
    equal(dx, (dz - offset - (x - mean) * slope) * factor)
    here = moats.given(dy)
    normalize_backward(here, here, fed[1], given_table, relu)
    equal(here, dx)


pairs = st.tuples(*[st.integers(1, 3)] * 2)


@given(pairs, pairs, pairs, st.sampled_from([1, 3, 16, 19]), st.booleans(), dtypes, relus, seeds)
def test_with_pooling(more, size, strides, c, wide, dtype, relu, seed):
    """Bit for bit what the kernels compute that are called sample by sample."""
    rng, moats, samples, part = np.random.default_rng(seed), Moats(), 4, (1, 3)
    ih, iw = more[0] + size[0] - 1, more[1] + size[1] - 1
    found, (oh, ow) = oracles.windows((ih, iw), size, strides, "valid")
    taps = [[(row * iw + column) * c for _, (row, column) in t] for t in found.values()]
    starts, flat = np.cumsum([0, *map(len, taps)]), np.concatenate(taps)
    used, steps, of_one = np.unique(flat).size, (ih * iw * c, oh * ow * c), (0, 1)
    how = (used == flat.size, used < ih * iw)
    period = c * (4 if wide else 1)  # rows of four pixels, or of one
    x, table = whole(rng, samples * steps[0], dtype), columns(rng, period, dtype, 5)
    dy = whole(rng, samples * steps[1], dtype)
    y, dx = moats.room(dy.size, dtype), moats.room(x.size, dtype)
    winners, sums = moats.room(dy.size, np.uint8), moats.room(2 * period, "float64")
    sums = sums.reshape(2, period)
    room, rows = moats.room(steps[0], dtype), moats.room(3 * period, dtype)
    some = moats.room(2 * period, "float64").reshape(2, period)
    tables = (starts, flat, c, *how)
    fed = [moats.given(a) for a in (x, table[:3])]
    normalize_pool(y, winners, *fed, relu, tables, part, room)
    given_dy, won = moats.given(dy), moats.given(winners)
    normalize_pool_sums(sums, given_dy, won, *fed, relu, tables, part, room, rows, some)
    normalize_pool_backward(dx, given_dy, won, fed[0], moats.given(table), relu, tables, part, room)
    moats.check()

    total = np.zeros((2, period))
    for s in range(*part):
        of_x, of_y = (slice(s * step, (s + 1) * step) for step in steps)
        normalize(room, x[of_x], table[:3], relu)
        out, win = np.empty(steps[1], dtype), np.empty(steps[1], np.uint8)
        pool(out, win, room, *tables[:3], of_one, steps)
        equal(y[of_y], out)
        equal(winners[of_y], win)
        pool_backward(room, dy[of_y], win, *tables, of_one, steps)
        normalize_sums(some, room, x[of_x], table[:3], relu, rows)
        total += some
        back = np.empty(steps[0], dtype)
        normalize_backward(back, room, x[of_x], table, relu)
        equal(dx[of_x], back)
    equal(sums, total)
    for array, step in ((y, steps[1]), (dx, steps[0])):  # the other samples belong to others
        assert np.isnan(array[:step]).all()
        assert np.isnan(array[3 * step :]).all()


def test_moments_of_numbers_that_only_just_fit():
    """Sums that would overflow in the arrays' type do not: a block begins with its first row."""
    x = np.full(100 * 16, 3e38, np.float32)
    mean, squares = np.zeros(16), np.zeros(16)
    moments(mean, squares, x, np.zeros(48, np.float32))
    equal(mean, np.full(16, np.float32(3e38), float))
    equal(squares, 0)
    x.reshape(100, 16)[::2] *= -1
    with np.errstate(over="ignore", invalid="ignore"):
        moments(mean, squares, x, np.zeros(48, np.float32))
    assert not np.isfinite(squares).any()
