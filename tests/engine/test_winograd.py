"""Winograd's convolution against the direct one, within what its detour can cost."""

import itertools

import numpy as np
import pytest
from engine.guarded import Moats
from hypothesis import example, given
from hypothesis import strategies as st
from numba import config, njit

from numcnn.engine.winograd import Winograd
from numcnn.kernels.simd import VECTOR_BYTES, load, store
from numcnn.kernels.winograd import LEAST, TILES, outputs_of_tile, winograd, winograd_filters
from numcnn.kernels.winograd_backward import (
    add_patch,
    gradients_of_tile,
    points_of_gradients,
    winograd_backward,
    winograd_dw,
)

WIDTH = VECTOR_BYTES // 4  # of float32
SLOW = bool(config.DISABLE_JIT)  # then random examples are small, and only the given ones are not
sizes = st.tuples(*[st.integers(7, 8 if SLOW else 13)] * 2)
few = st.integers(1, 1 if SLOW else 2)  # vectors of channels, of filters
seeds = st.integers(0, 2**32 - 1)

# The matrices of F(4x4, 3x3) for the points 0, 1, -1, 2, -2 and infinity.
G = np.array(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], float
) / np.array([[24], [24], [24], [24], [24], [24]])
B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    float,
)
A = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], float
)
G[0] = [1 / 4, 0, 0]


def by_points(x, w):
    """Return the 4x4 outputs of a 6x6 patch (6, 6, C) with filters (3, 3, C, F)."""
    u = np.einsum("ai,bj,ijcf->abcf", G, G, w)
    v = np.einsum("ai,bj,ijc->abc", B, B, x)
    return np.einsum("ai,bj,ijcf,ijc->abf", A, A, u, v)


def bound_of(x, w):
    """Return the same where every product and every sum is of absolute values."""
    g, b, a = np.abs(G), np.abs(B), np.abs(A)
    u = np.einsum("ai,bj,ijcf->abcf", g, g, np.abs(w))
    v = np.einsum("ai,bj,ijc->abc", b, b, np.abs(x))
    return np.einsum("ai,bj,ijcf,ijc->abf", a, a, u, v)


def test_the_matrices_here_are_right():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(6, 6, 2)), rng.normal(size=(3, 3, 2, 3))
    np.testing.assert_allclose(by_points(x, w), direct(x, w), atol=1e-12)


@njit
def outputs_and_least(least, tmp, m, bias):
    store(least, 0, outputs_of_tile(tmp, m, 0, least.size, load(bias, 0)))


def test_the_outputs_of_a_tile_and_what_can_be_told_from_zero():
    rng, moats = np.random.default_rng(0), Moats()
    m, bias = (rng.normal(size=s).astype("float32") for s in ((6, 6, WIDTH), WIDTH))
    least, tmp = moats.room(WIDTH, "float32"), moats.room(40 * WIDTH, "float32")
    outputs_and_least(least, tmp, moats.given(m).ravel(), moats.given(bias))
    moats.check()
    y = tmp[: 16 * WIDTH].reshape(4, 4, WIDTH)
    np.testing.assert_allclose(y, np.einsum("ai,bj,ijf->abf", A, A, m) + bias, atol=1e-4)
    np.testing.assert_allclose(least, LEAST * np.sqrt((m**2).sum(axis=(0, 1))), rtol=1e-5)


def whole(rng, *shape):
    return rng.integers(-8, 9, shape).astype("float32")


@pytest.mark.parametrize("skips", list(itertools.product(range(4), range(4))))
def test_a_tile_leaves_out_what_the_tile_before_it_has_done(skips):
    dy = whole(np.random.default_rng(0), 5, 6, WIDTH)  # the tile stands at row 1, column 2
    moats = Moats()
    tmp, none = moats.room(16 * WIDTH, "float32"), np.zeros(0, "uint8")
    given = moats.given(dy).ravel()
    gradients_of_tile(tmp, given, given, none, 8 * WIDTH, 6 * WIDTH, WIDTH, False, False, *skips)
    moats.check()
    expected = dy[1:5, 2:6].copy()
    expected[: skips[0]] = expected[:, : skips[1]] = 0
    np.testing.assert_array_equal(tmp.reshape(4, 4, WIDTH), expected)


def test_the_points_of_a_tile_and_none_beyond():
    rng, point = np.random.default_rng(0), 3 * WIDTH
    dz = whole(rng, 4, 4, WIDTH)
    tmp, z = np.full(60 * WIDTH, 5, "float32"), np.full((45, point), 7, "float32")
    tmp[: 16 * WIDTH] = dz.ravel()
    points_of_gradients(z.ravel(), WIDTH, point, tmp)
    expected = np.full_like(z, 7)
    expected[:36, WIDTH : 2 * WIDTH] = np.einsum("ia,jb,ijf->abf", A, A, dz).reshape(36, -1)
    np.testing.assert_array_equal(z, expected)


def test_a_patch_is_added_from_its_points_and_no_others():
    rng, point = np.random.default_rng(0), 3 * WIDTH
    v, dx = whole(rng, 45, point), whole(rng, 7, 8, WIDTH)  # the patch stands at row 1, column 2
    expected = dx.copy()
    dv = v[:36, WIDTH : 2 * WIDTH].reshape(6, 6, WIDTH)
    expected[1:7, 2:8] += np.einsum("ai,bj,abc->ijc", B, B, dv)
    tmp = np.zeros(36 * WIDTH, "float32")
    add_patch(dx.ravel(), 10 * WIDTH, 8 * WIDTH, WIDTH, v.ravel(), WIDTH, point, tmp)
    np.testing.assert_array_equal(dx, expected)


def direct(x, w):
    oh, ow = x.shape[0] - 2, x.shape[1] - 2
    y = np.zeros((oh, ow, w.shape[3]))
    for i, j in itertools.product(range(3), range(3)):
        y += x[i : i + oh, j : j + ow] @ w[i, j]
    return y


def best_of(z):
    """Return (maximum, position) of each 2x2 window of z (OH, OW, F)."""
    ph, pw = z.shape[0] // 2, z.shape[1] // 2
    four = np.stack([z[i : 2 * ph : 2, j : 2 * pw : 2] for i in (0, 1) for j in (0, 1)])
    return four.max(axis=0), four.argmax(axis=0), np.sort(four, axis=0)


@given(
    sizes, few, few, st.just(1 if SLOW else 4), st.booleans(), st.booleans(), st.booleans(), seeds
)
@example((7, 7), 1, 1, 1, True, False, True, 0)
@example((7, 11), 2, 1, 5, True, True, True, 1)  # 18 tiles from the second sample on
@example((11, 7), 1, 2, 5, True, False, True, 1)
def test_it_is_the_convolution(size, n_c, n_f, samples, relu, pool, has_bias, seed):
    """Rounding of k terms in a row costs at most k * 2**-24 of the sums of absolute values."""
    rng, moats = np.random.default_rng(seed), Moats()
    (ih, iw), c, f = size, n_c * WIDTH, n_f * WIDTH
    has_bias = has_bias or pool
    x = rng.normal(size=(samples, ih, iw, c)).astype("float32")
    w = rng.normal(size=(3, 3, c, f)).astype("float32")
    bias = rng.normal(size=f if has_bias else 0).astype("float32")
    assert Winograd.fits((ih, iw, c), f, pool, "float32")
    tables = Winograd("conv", (ih, iw, c), f, pool, "float32")
    oh, ow = ih - 2, iw - 2
    py, px = (oh // 2, ow // 2) if pool else (oh, ow)
    first = seed % max(1, samples - 1)
    last = max(first + 1, samples - 1)  # the sample after it is another's work
    y = moats.room(samples * py * px * f, "float32")
    codes = moats.room(y.size if pool else 0, np.uint8)
    u, scratch = (moats.room(n, "float32") for n in (36 * c * f, tables.scratch_size()))
    winograd_filters(u, moats.given(w).ravel(), c, f, scratch)
    winograd(
        y, codes, moats.given(x).ravel(), u, moats.given(bias), relu, pool, tables.tiles_x,
        tables.tiles_y, tables.sizes, (first, last), tables.steps, tables.tables, scratch,
    )  # fmt: skip
    moats.check()
    y = y.reshape(samples, py, px, f)
    assert np.isnan(y[:first]).all()
    assert np.isnan(y[last:]).all()

    allowed = (c + 40) * 2.0**-24
    x, w, b = x.astype(float), w.astype(float), bias.astype(float) if has_bias else 0
    for s in range(first, last):
        z, bound = direct(x[s], w) + b, np.zeros((oh, ow, f))
        for i, j in itertools.product(range(oh - 3), range(ow - 3)):
            tile = bound_of(x[s, i : i + 6, j : j + 6], w) + np.abs(b)
            at = slice(i, i + 4), slice(j, j + 4)
            bound[at] = np.maximum(bound[at], tile)
        if not pool:
            expected = np.maximum(z, 0) if relu else z
            assert (np.abs(y[s] - expected) <= allowed * bound).all()
            continue
        best, winner, ordered = best_of(z)
        tolerance = allowed * best_of(bound)[0]
        expected = np.maximum(best, 0) if relu else best
        assert (np.abs(y[s] - expected) <= tolerance).all()
        clear = ordered[3] - ordered[2] > 2 * tolerance
        code = codes.reshape(samples, py, px, f)[s]
        if relu:
            clear &= np.abs(best) > tolerance
            winner = np.where(best > 0, winner, 4)
        assert clear.mean() > 0.9
        np.testing.assert_array_equal(code[clear], winner[clear])


def outputs(x, w, relu, pool):
    """Return (y, codes) of samples x (N, H, W, C) without a bias."""
    (n, ih, iw, c), f = x.shape, w.shape[3]
    tables = Winograd("conv", (ih, iw, c), f, pool, "float32")
    shape = (n, (ih - 2) // 2, (iw - 2) // 2, f) if pool else (n, ih - 2, iw - 2, f)
    y, codes = np.zeros(shape, "float32"), np.zeros(shape, np.uint8)
    u, scratch = (np.zeros(k, "float32") for k in (36 * c * f, tables.scratch_size()))
    winograd_filters(u, w.ravel(), c, f, scratch)
    winograd(
        y.ravel(), codes.ravel(), x.ravel(), u, np.zeros(f, "float32"), relu, pool, tables.tiles_x,
        tables.tiles_y, tables.sizes, (0, n), tables.steps, tables.tables, scratch,
    )  # fmt: skip
    return y, codes


@pytest.mark.parametrize("pool", [False, True])
def test_where_a_patch_is_zero_relu_lets_nothing_through(pool):
    """In a tile of which other patches are not: rounding leaves some 1e-7 of either sign there."""
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=s).astype("float32") for s in ((1, 8, 10, WIDTH), (3, 3, WIDTH, WIDTH)))
    x[:, :4] = 0
    rows = 1 if pool else 2
    y, codes = outputs(x, w, True, pool)
    assert (y[:, :rows] == 0).all()
    assert (y[:, rows:] > 0).mean() > 0.4
    if pool:
        assert (codes[:, :rows] == 4).all()
        assert (codes[:, rows:] < 4).mean() > 0.4
    bent, _ = outputs(x, w, False, False)
    assert (bent[:, :2] != 0).any()
    assert (np.abs(bent[:, :2]) < 1e-4).all()


@pytest.mark.parametrize("pool", [False, True])
def test_what_is_huge_is_not_taken_for_zero(pool):
    """The squares overflow that say what an output must exceed; the outputs do not."""
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=s).astype("float32") for s in ((1, 8, 8, WIDTH), (3, 3, WIDTH, WIDTH)))
    y, _ = outputs(x, w, True, pool)
    assert (y > 0).mean() > 0.4
    with np.errstate(over="ignore"):
        huge, _ = outputs(x * np.float32(2**66), w, True, pool)
    np.testing.assert_array_equal(huge[y > 0], y[y > 0] * np.float32(2**66))


def bounds_of_gradients(x, w, dz):
    """Return (for dw, for dx) of one sample, with every product and sum of absolute values."""
    (oh, ow, _), g, b, a = dz.shape, np.abs(G), np.abs(B), np.abs(A)
    u, dw, dx = np.einsum("ai,bj,ijcf->abcf", g, g, np.abs(w)), np.zeros(w.shape), np.zeros(x.shape)
    starts = [sorted({*range(0, n - 4, 4), n - 4}) for n in (oh, ow)]
    for i, j in itertools.product(*starts):
        patch = slice(i, i + 6), slice(j, j + 6)
        z = np.einsum("ia,jb,ijf->abf", a, a, np.abs(dz[i : i + 4, j : j + 4]))
        v = np.einsum("ai,bj,ijc->abc", b, b, np.abs(x[patch]))
        dw += np.einsum("ai,bj,abc,abf->ijcf", g, g, v, z)
        dx[patch] += np.einsum("ai,bj,abf,abcf->ijc", b, b, z, u)
    return dw, dx


@given(
    sizes, few, few, st.just(1 if SLOW else 3), st.booleans(), st.booleans(),
    st.sampled_from(["both", "dx", "dw"]), seeds,
)  # fmt: skip
@example((7, 11), 2, 1, 5, True, True, "both", 1)  # 18 tiles from the second sample on
@example((11, 7), 1, 2, 5, True, False, "both", 1)
@example((7, 7), 3, 1, 2, False, False, "both", 1)  # 3 vectors of channels are whole blocks of ROWS
def test_its_gradients(size, n_c, n_f, samples, relu, pool, wanted, seed):
    """Against the direct sums, within what rounding of every step can cost."""
    rng, moats = np.random.default_rng(seed), Moats()
    (ih, iw), c, f = size, n_c * WIDTH, n_f * WIDTH
    oh, ow = ih - 2, iw - 2
    py, px = (oh // 2, ow // 2) if pool else (oh, ow)
    first = seed % max(1, samples - 1)
    last = max(first + 1, samples - 1)  # the sample after it is another's work
    x = rng.normal(size=(samples, ih, iw, c)).astype("float32")
    w = rng.normal(size=(3, 3, c, f)).astype("float32")
    dy, y = (rng.normal(size=(samples, py, px, f)).astype("float32") for _ in range(2))
    codes = rng.integers(0, 5, dy.shape).astype(np.uint8)
    tables = Winograd("conv", (ih, iw, c), f, pool, "float32")
    scratch, u = (moats.room(n, "float32") for n in (tables.scratch_size(), 36 * c * f))
    winograd_filters(u, moats.given(w.transpose(0, 1, 3, 2)).ravel(), f, c, scratch)
    dx = moats.room(x.size if wanted != "dw" else 0, "float32")
    du = moats.room(tables.du_size if wanted != "dx" else 0, "float32")
    db, dw = moats.room(f, "float32"), moats.room(w.size, "float32")
    winograd_backward(
        dx, du, db, moats.given(dy).ravel(), moats.given(y).ravel(), moats.given(codes).ravel(),
        moats.given(x).ravel(), u, relu, pool, tables.tiles_x, tables.tiles_y, tables.skips,
        tables.sizes, (first, last), tables.steps, (*tables.tables, *tables.du_tables), scratch,
    )  # fmt: skip
    if wanted != "dx":
        winograd_dw(dw, du, c, f, scratch)
    moats.check()

    dz = np.zeros((samples, oh, ow, f))
    if pool:
        for t in range(4):
            dz[:, t // 2 : 2 * py : 2, t % 2 : 2 * px : 2] = np.where(codes == t, dy, 0)
    else:
        dz[:] = np.where(y > 0, dy, 0) if relu else dy
    x, w = x.astype(float), w.astype(float)
    terms = c + f + 40 + TILES * samples * oh * ow // 16
    expected_dw, bound_dw = np.zeros(w.shape), np.zeros(w.shape)
    for s in range(first, last):
        expected_dx = np.zeros(x[s].shape)
        for i, j in itertools.product(range(3), range(3)):
            window = slice(i, i + oh), slice(j, j + ow)
            expected_dw[i, j] += np.tensordot(x[s][window], dz[s], axes=((0, 1), (0, 1)))
            expected_dx[window] += dz[s] @ w[i, j].T
        of_dw, of_dx = bounds_of_gradients(x[s], w, dz[s])
        bound_dw += of_dw
        if wanted != "dw":
            error = np.abs(dx.reshape(x.shape)[s] - expected_dx)
            assert (error <= terms * 2.0**-24 * of_dx).all()
    if wanted != "dw":
        assert np.isnan(dx.reshape(x.shape)[:first]).all()
        assert np.isnan(dx.reshape(x.shape)[last:]).all()
    if wanted != "dx":
        assert (np.abs(dw.reshape(w.shape) - expected_dw) <= terms * 2.0**-24 * bound_dw).all()
    expected_db = dz[first:last].sum(axis=(0, 1, 2))
    limit = terms * 2.0**-24 * np.abs(dz[first:last]).sum(axis=(0, 1, 2))
    assert (np.abs(db - expected_db) <= limit).all()


@pytest.mark.parametrize(
    ("image", "filters", "pool", "dtype"),
    [
        ((6, 5, WIDTH), WIDTH, False, "float32"),
        ((6, 7, WIDTH), WIDTH, True, "float32"),
        ((8, 8, WIDTH + 1), WIDTH, False, "float32"),
        ((8, 8, WIDTH), WIDTH + 1, False, "float32"),
        ((8, 8, WIDTH), WIDTH, False, "float64"),
    ],
)
def test_where_it_does_not_fit(image, filters, pool, dtype):
    assert not Winograd.fits(image, filters, pool, dtype)
