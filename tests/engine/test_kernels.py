"""Products and pooling against plain loops, on arrays with forbidden ground round them.

The numbers are whole, so that sums are exact in any order; one test has others, and a bound. The
same tests pass with the kernels as plain Python (NUMBA_DISABLE_JIT=1), on fewer sizes.
"""

import itertools

import numpy as np
import oracles
import pytest
from engine.guarded import Moats, eps, indices, whole
from hypothesis import example, given
from hypothesis import strategies as st
from numba import config

from numcnn.kernels.columns import add_columns
from numcnn.kernels.matmul import DEPTH, GROUP, matmul, pack
from numcnn.kernels.pooling import matmul_pool, pool, pool_backward, unpool
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.kernels.sparse import living, pooled_dw, sparse_dw, sparse_dx

SLOW = bool(config.DISABLE_JIT)
equal = np.testing.assert_array_equal
dtypes = st.sampled_from(["float32", "float64"])
seeds = st.integers(0, 2**32 - 1)
depths = st.sampled_from([1, 2, 7, DEPTH + 1] if SLOW else [1, 2, 7, 255, 256, 257, 512, 513, 600])


def width_of(dtype):
    return VECTOR_BYTES // np.dtype(dtype).itemsize


@st.composite
def products(draw):
    """Return the sizes of a matrix product and how it is cut."""
    dtype = draw(dtypes)
    width, most = width_of(dtype), 20 if SLOW else 40
    edges = [n for n in (width - 1, width, width + 1, 2 * width - 1, 2 * width) if n <= most]
    n = draw(st.one_of(st.integers(1, most), st.sampled_from(edges)))
    m = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8] + ([] if SLOW else [11, 12, 13, 20])))
    panels = -(-n // width_of(dtype))
    m0, q0 = draw(st.integers(0, m - 1)), draw(st.integers(0, panels - 1))
    return {
        "dtype": dtype, "n": n, "m": m, "n_k": draw(depths), "samples": draw(st.integers(1, 3)),
        "m0": m0, "m1": draw(st.integers(m0 + 1, m)), "q0": q0,
        "q1": draw(st.integers(q0 + 1, panels)), "transposed": draw(st.booleans()),
        "relu": draw(st.booleans()), "bias": draw(st.booleans()), "summed": draw(st.booleans()),
        "one_b": draw(st.booleans()), "gap": draw(st.integers(0, 3)), "seed": draw(seeds),
    }  # fmt: skip


def run_matmul(p, numbers):
    """Return (what matmul computes, what loops compute, the same of absolute values)."""
    rng, dtype, n, n_k = np.random.default_rng(p["seed"]), p["dtype"], p["n"], p["n_k"]
    width, moats = width_of(dtype), Moats()
    rows = np.sort(rng.integers(0, 50, p["m"]))
    cols = rng.integers(-10, 60, n_k)
    rows += 10
    a_step = int(rows.max() + cols.max()) + 1
    samples, first = p["samples"], int(rng.integers(0, p["samples"]))
    a = numbers(rng, samples * a_step, dtype)
    b_step = 0 if p["one_b"] and not p["summed"] else n_k * n
    b_row, b_col = (1, n_k) if p["transposed"] else (n, 1)
    b = numbers(rng, max(b_step * samples, n_k * n), dtype)
    outs = np.arange(p["m"]) * (n + p["gap"])
    c_step = 0 if p["summed"] else p["m"] * (n + p["gap"])
    relu, has_bias = p["relu"] and not p["summed"], p["bias"] and not p["summed"]
    bias = numbers(rng, n if has_bias else 0, dtype)
    size = p["m"] * (n + p["gap"]) * (1 if p["summed"] else samples)
    c = moats.room(size, dtype)
    scratch = moats.room(min(n_k, DEPTH) * width * min(GROUP, p["q1"] - p["q0"]), dtype)
    part = (first, samples, p["m0"], p["m1"], p["q0"], p["q1"])
    matmul(
        c, outs, moats.given(a), rows, cols, moats.given(b), b_row, b_col, moats.given(bias), relu,
        n, part, (a_step, b_step, c_step), scratch,
    )  # fmt: skip
    moats.check()

    expected, sizes = np.full(size, np.nan), np.zeros(size)
    a, b, bias = a.astype(float), b.astype(float), bias.astype(float)
    columns = range(p["q0"] * width, min(n, p["q1"] * width))
    for m, j in itertools.product(range(p["m0"], p["m1"]), columns):
        for s in range(first, samples):
            left = a[s * a_step + rows[m] + cols]
            right = b[s * b_step + np.arange(n_k) * b_row + j * b_col]
            at = s * c_step + outs[m] + j
            start = bias[j] if has_bias else 0.0
            if c_step == 0 and s > first:
                start = expected[at]
            expected[at] = start + (left * right).sum()
            sizes[at] += np.abs(left * right).sum() + (abs(bias[j]) if has_bias else 0)
            if relu:
                expected[at] = max(expected[at], 0)
    return c, expected, sizes


ONE = {
    "dtype": "float32", "n": 1, "m": 1, "n_k": 1, "samples": 4, "m0": 0, "m1": 1, "q0": 0, "q1": 1,
    "transposed": False, "relu": False, "bias": False, "summed": False, "one_b": False, "gap": 0,
    "seed": 2,
}  # fmt: skip


@given(products())
@example(ONE)
@example(ONE | {"seed": 3})
@example(ONE | {"n": VECTOR_BYTES // 4, "n_k": DEPTH + 1})  # b is read where it stands
@example(ONE | {"n": VECTOR_BYTES // 4, "n_k": DEPTH + 1, "summed": True})
def test_matmul(p):
    c, expected, _ = run_matmul(p, whole)
    equal(c, expected.astype(p["dtype"]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m", [1, 5, 6, 7, 12])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_matmul_at_the_edges_of_vectors_and_blocks(more, m, dtype):
    for n in (width_of(dtype) + more, 2 * width_of(dtype) + more):
        for kind in range(8):
            p = {"dtype": dtype, "n": n, "m": m, "n_k": 3, "samples": 2, "m0": 0, "m1": m}
            p |= {"q0": 0, "q1": -(-n // width_of(dtype)), "gap": 0, "seed": kind}
            p |= {"transposed": False, "relu": kind == 4, "bias": kind == 5}
            p |= {"summed": bool(kind & 1), "one_b": bool(kind & 2)}
            c, expected, _ = run_matmul(p, whole)
            equal(c, expected.astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("summed", [False, True])
def test_matmul_of_more_columns_than_a_group_has(summed, dtype):
    width = width_of(dtype)
    for q0, more in itertools.product((0, 1), (1, 2)):
        n = (q0 + GROUP + more) * width - 3 * (more - 1)
        p = {"dtype": dtype, "n": n, "m": 2, "n_k": 3, "samples": 2, "m0": 0, "m1": 2}
        p |= {"q0": q0, "q1": -(-n // width), "gap": 1, "seed": more, "summed": summed}
        p |= {"transposed": False, "relu": False, "bias": True, "one_b": False}
        c, expected, _ = run_matmul(p, whole)
        equal(c, expected.astype(dtype))


@given(products())
def test_matmul_of_any_numbers(p):
    """A sum of k products in any order is off by at most k * eps times that of absolute values."""

    def numbers(rng, shape, dtype):
        return (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, shape)).astype(dtype)

    c, expected, sizes = run_matmul(p, numbers)
    terms = p["n_k"] * p["samples"] + 2
    allowed = 1.01 * terms * (eps(p["dtype"]) + eps("float64")) * sizes
    equal(np.isnan(c), np.isnan(expected))
    assert (np.nan_to_num(np.abs(c - expected)) <= allowed).all()


@given(products())
@example(  # rows two numbers apart, as many as are turned at a time where they stand side by side
    ONE | {"dtype": "float64", "n": 40, "n_k": 30, "transposed": True, "gap": 3, "q1": 2}
)
def test_pack(p):
    rng, moats = np.random.default_rng(p["seed"]), Moats()
    n, n_k, width = p["n"], min(p["n_k"], 30), width_of(p["dtype"])
    row, col = (1, n_k) if p["transposed"] else (n, 1)
    if p["gap"] == 3:  # as a slice with steps of 2 has them
        row, col = 2 * row, 2 * col
    b = whole(rng, 2 * n_k * n + 5, p["dtype"])
    panels = moats.room((p["q1"] - p["q0"]) * n_k * width, p["dtype"])
    pack(panels, moats.given(b), 5, n_k, row, col, n, p["q0"], p["q1"])
    moats.check()
    panels = panels.reshape(-1, n_k, width)
    for q, k, j in np.ndindex(panels.shape):
        column = (p["q0"] + q) * width + j
        assert panels[q, k, j] == (b[5 + k * row + column * col] if column < n else 0)


# ---- pooling ------------------------------------------------------------------------------------


def winner_of(values):
    """Return the first of the largest; NaN is larger than all."""
    best = 0
    for t, v in enumerate(values):
        if v > values[best] or (np.isnan(v) and not np.isnan(values[best])):
            best = t
    return best


@given(st.integers(1, 2), st.integers(1, 7), st.booleans(), st.booleans(), dtypes, seeds)
def test_matmul_pool(panels, windows, relu, special, dtype, seed):
    rng, moats, samples = np.random.default_rng(seed), Moats(), 2
    n, n_k = panels * width_of(dtype), int(rng.integers(1, 8))
    rows, cols = rng.integers(0, 40, 4 * windows), rng.integers(0, 30, n_k)
    x_step, y_step = int(rows.max() + cols.max()) + 1, windows * n
    x = whole(rng, samples * x_step, dtype, size=1)  # few numbers, many ties
    if special:
        x[rng.integers(0, x.size, 3)] = [np.nan, np.inf, -np.inf]
    w, bias = whole(rng, (n_k, n), dtype, 1), whole(rng, n, dtype, 1)
    y, codes = (moats.room(samples * y_step, t) for t in (dtype, np.uint8))
    first = int(rng.integers(0, samples))
    with np.errstate(invalid="ignore"):
        matmul_pool(
            y, codes, moats.given(x), rows, cols, moats.given(w.ravel()), moats.given(bias), relu,
            (first, samples), (x_step, y_step), moats.room(n_k * n, dtype),
        )  # fmt: skip
    moats.check()
    y, codes = y.reshape(samples, windows, n), codes.reshape(samples, windows, n)
    assert np.isnan(y[:first]).all()
    assert (codes[:first] == 99).all()
    for s, i in itertools.product(range(first, samples), range(windows)):
        with np.errstate(invalid="ignore"):
            pixels = x[s * x_step + rows[4 * i : 4 * i + 4, None] + cols]  # (4, K)
            z = (pixels[:, :, None] * w).sum(axis=1) + bias  # (4, F)
        for j in range(n):
            t = winner_of(z[:, j])
            dead = relu and z[t, j] <= 0
            equal(y[s, i, j], 0 if dead else z[t, j])
            assert codes[s, i, j] == (4 if dead else t)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), dtypes, seeds)
def test_unpool(py, px, vectors, dtype, seed):
    rng, moats, samples = np.random.default_rng(seed), Moats(), 2
    n = vectors * width_of(dtype)
    oh, ow = 2 * py + 1, 2 * px + 1  # the last row and column are in no window
    pixels = indices((py, 2 * ow * n), (px, 2 * n), (2, ow * n), (2, n))
    dy, codes = whole(rng, (samples, py, px, n), dtype), rng.integers(0, 5, (samples, py, px, n))
    dz = moats.room(samples * oh * ow * n, dtype)
    given_codes = moats.given(codes.astype(np.uint8)).ravel()
    part, steps = (0, samples), (oh * ow * n, py * px * n)
    unpool(dz, moats.given(dy).ravel(), given_codes, pixels, n, part, steps)
    moats.check()
    expected = np.full((samples, oh, ow, n), np.nan)
    expected[:, : 2 * py, : 2 * px] = 0
    for s, p, q, j in np.ndindex(dy.shape):
        if codes[s, p, q, j] < 4:
            i, k = divmod(codes[s, p, q, j], 2)
            expected[s, 2 * p + i, 2 * q + k, j] = dy[s, p, q, j]
    equal(dz.reshape(expected.shape), expected)


pairs = st.tuples(*[st.integers(1, 3)] * 2)


channels = st.sampled_from([1, 3, 16, 19] if SLOW else [1, 3, 8, 16, 17, 37])


@given(pairs, pairs, pairs, st.sampled_from(["valid", "same"]), channels, dtypes, seeds)
@example((1, 1), (2, 2), (2, 2), "valid", VECTOR_BYTES // 4 - 1, "float32", 0)
@example((2, 1), (2, 1), (1, 1), "valid", VECTOR_BYTES // 8 - 1, "float64", 0)
def test_pool_and_its_backward(more, size, strides, padding, c, dtype, seed):
    rng, moats, samples = np.random.default_rng(seed), Moats(), 4
    ih, iw = more[0] + size[0] - 1, more[1] + size[1] - 1
    x = whole(rng, (samples, ih, iw, c), dtype, 1)
    x[rng.random(x.shape) < 0.2] = -np.inf
    x[rng.random(x.shape) < 0.1] = np.nan
    expected, won = oracles.maxpool2d(x, size, strides, padding)
    found, (oh, ow) = oracles.windows((ih, iw), size, strides, padding)
    taps = [[(row * iw + column) * c for _, (row, column) in t] for t in found.values()]
    starts = np.cumsum([0, *map(len, taps)])
    steps, part = (ih * iw * c, oh * ow * c), (1, 3)
    y, winners = (moats.room(samples * oh * ow * c, t) for t in (dtype, np.uint8))
    tables = (starts, np.concatenate(taps), c, part, steps)
    pool(y, winners, moats.given(x).ravel(), *tables)
    moats.check()
    y = y.reshape(expected.shape)
    equal(y[1:3], expected[1:3])
    assert np.isnan(y[[0, 3]]).all()
    for (s, p, q, k), (_, *pixel) in won.items():
        if 0 < s < 3:
            place = taps[p * ow + q].index(np.ravel_multi_index((*pixel[:2], 0), (ih, iw, c)))
            assert winners.reshape(expected.shape)[s, p, q, k] == place

    dy, dx = whole(rng, expected.shape, dtype), moats.room(x.size, dtype)
    starts, taps, n, part, steps = tables
    used = np.unique(taps).size
    how = (used == taps.size, used < ih * iw)
    pool_backward(
        dx, moats.given(dy).ravel(), moats.given(winners), starts, taps, n, *how, part, steps
    )
    moats.check()
    dx = dx.reshape(x.shape)
    equal(dx[1:3], oracles.maxpool2d_backward(np.zeros_like(x), dy, won)[1:3])
    assert np.isnan(dx[[0, 3]]).all()


@given(
    st.integers(1, 3), st.integers(1, 3), pairs, pairs, st.integers(1, 3), st.integers(1, 3),
    st.integers(1, 2), dtypes, seeds,
)  # fmt: skip
def test_sparse_gradients(kh, vectors, pooled, strides, dilation, strip, wide, dtype, seed):
    """Against loops over every window and tap, of filters kh high and `vectors` vectors wide."""
    rng, moats, samples = np.random.default_rng(seed), Moats(), 3
    width, (py, px), (sh, sw) = width_of(dtype), pooled, strides
    n_f, run = wide * width, vectors * width  # run: the numbers of a row of the filter, KW * C
    c = 4
    ih, iw = (2 * py - 1) * sh + (kh - 1) * dilation + 1, (2 * px - 1) * sw + run // c
    row, border = iw * c, int(rng.integers(0, 4))  # border: numbers before the first window
    size = border + ih * row
    rows = border + indices((py, 2 * sh * row), (px, 2 * sw * c), (2, sh * row), (2, sw * c))
    patch = indices((kh, dilation * row), (vectors, width))
    places = indices((kh, run), (vectors, width))
    x, dy = whole(rng, (samples, size), dtype), whole(rng, (samples, py * px, n_f), dtype)
    codes, w = rng.integers(0, 5, dy.shape), whole(rng, (n_f, kh * run), dtype)
    first, last = int(rng.integers(0, 2)), 2  # the samples after it are others' work
    part, steps = (first, last), (size, py * px * n_f)
    tables = (rows, patch, places, part, steps)
    dw, g, db, dx = (moats.room(n, dtype) for n in (w.size, dy.size, n_f, x.size))
    fed = [moats.given(a).ravel() for a in (dy, codes.astype(np.uint8), x)]
    living(g, db, *fed[:2])
    moats.check()
    sparse_dw(dw, moats.given(g), *fed[1:], *tables, n_f, strip)
    taps = indices((kh, dilation * row), (run, 1))
    to = np.arange(kh * run) * n_f
    by_lanes, sums = moats.room(w.size, dtype), moats.room(n_f, dtype)
    quads = moats.room(4 * size, dtype)
    pooled_dw(by_lanes, sums, *fed, rows, 4 * taps, to, part, steps, n_f, quads)
    lists = [moats.room(n_f + 1, t) for t in (np.int64, dtype, np.int64)]
    sparse_dx(dx, *fed[:2], moats.given(w).ravel(), *tables, *lists)
    moats.check()

    expected_dw, expected_db, expected_dx = (np.zeros(a.shape) for a in (w, db, x))
    expected_sums = np.zeros(n_f)
    for s, i, f in np.ndindex(dy.shape):
        if codes[s, i, f] < 4:
            share, start = dy[s, i, f], rows[4 * i + codes[s, i, f]]
            expected_db[f] += share
            if not first <= s < last:
                continue
            expected_sums[f] += share
            for k in range(kh):
                at = start + k * dilation * row
                expected_dw[f, k * run : (k + 1) * run] += share * x[s, at : at + run]
                expected_dx[s, at : at + run] += share * w[f, k * run : (k + 1) * run]
    equal(g, (dy * (codes < 4)).ravel())
    equal(dw.reshape(w.shape), expected_dw)
    equal(by_lanes.reshape(kh * run, n_f).T, expected_dw)
    equal(db, expected_db)
    equal(sums, expected_sums)
    expected_dx[:first] = expected_dx[last:] = np.nan
    equal(dx.reshape(x.shape), expected_dx)


@given(pairs, pairs, pairs, st.integers(1, 2), st.sampled_from([1, 3, 8, 19]), dtypes, seeds)
def test_add_columns(windows, size, strides, dilation, c, dtype, seed):
    rng, moats = np.random.default_rng(seed), Moats()
    (oh, ow), (kh, kw), (sh, sw) = windows, size, strides
    ih, iw = (oh - 1) * sh + (kh - 1) * dilation + 1, (ow - 1) * sw + (kw - 1) * dilation + 1
    starts = indices((oh, sh * iw * c), (ow, sw * c))
    taps = indices((kh, dilation * iw * c), (kw, dilation * c))
    dcols, dx = whole(rng, (starts.size, taps.size, c), dtype), moats.room(ih * iw * c, dtype)
    add_columns(dx, moats.given(dcols).ravel(), starts, taps, c)
    moats.check()
    expected = np.zeros(dx.size)
    for i, t in itertools.product(range(starts.size), range(taps.size)):
        expected[starts[i] + taps[t] : starts[i] + taps[t] + c] += dcols[i, t]
    equal(dx, expected)
