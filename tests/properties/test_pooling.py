"""Properties of max-pooling, over both engines. All of it is exact: no number is ever rounded."""

from dataclasses import dataclass

import numpy as np
import oracles
import reference
from hypothesis import strategies as st
from properties.rig import Rig, equal, prop

from numcnn import testing
from numcnn.layers import MaxPool2D
from numcnn.testing import Geometry


@dataclass
class Case:
    g: Geometry
    x: np.ndarray
    dy: np.ndarray

    @property
    def how(self):
        return self.g.kernel, self.g.strides, self.g.padding

    def rig(self, engine, dtype="float64"):
        return Rig(engine, [MaxPool2D(**self.g.for_pool())], self.g.sample_shape, dtype=dtype)

    @property
    def cols(self):
        """All windows, (N, OH, OW, KH, KW, C), -inf where there is no pixel."""
        cols = reference.im2col(self.x, *self.how)
        inside = reference.im2col(np.ones((1, *self.g.sample_shape[:2], 1)), *self.how) > 0
        return np.where(inside, cols, -np.inf)


def ties(shape):
    """Numbers from -1 to 1: hardly a window has one winner."""
    return testing.whole_arrays(shape, largest=1)


@st.composite
def distinct(draw, shape):
    """No two numbers of an array are equal."""
    rng = np.random.default_rng(draw(testing.seeds()))
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(float)


@st.composite
def cases(draw, arrays=testing.whole_arrays, **limits):
    limits = {"largest": 7, "kernel": 4, "dilation": 1} | limits
    g = draw(testing.geometries(**limits))
    out = (g.n, *g.output_size, g.c)
    return Case(g, draw(arrays(g.batch_shape)), draw(testing.whole_arrays(out)))


@prop(case=cases(), dtype=st.sampled_from(["float32", "float64"]))
def test_pool_is_the_reference(engine, case, dtype):
    """P1: forward equals the reference."""
    expected = reference.maxpool2d(case.x, *case.how)
    equal(case.rig(engine, dtype).predict(case.x), expected)
    equal(case.rig(engine, dtype).train(case.x, case.dy).y, expected)


@prop(case=cases(), a=st.integers(1, 5), b=st.integers(-5, 5), seed=testing.seeds())
def test_pool_is_the_largest_and_keeps_order(engine, case, a, b, seed):
    """P10: y is one of its window and the largest; it commutes with a x + b and is monotone."""
    rig = case.rig(engine)
    y = rig.predict(case.x)
    window = y[:, :, :, None, None]
    assert (window >= case.cols).all()
    assert (window == case.cols).any(axis=(3, 4)).all()
    equal(rig.predict(a * case.x + b), a * y + b)
    more = np.random.default_rng(seed).integers(0, 3, case.x.shape)
    assert (rig.predict(case.x + more) >= y).all()


@prop(case=cases(ties))
def test_pool_backward_pays_each_winner_once(engine, case):
    """P11: dx sums to what dy sums to, and all of it stands at the winners."""
    dx = case.rig(engine).train(case.x, case.dy).dx
    assert dx.sum() == case.dy.sum()
    _, winners = oracles.maxpool2d(case.x, *case.how)
    paid = np.zeros(case.x.shape, bool)
    for winner in winners.values():
        paid[winner] = True
    assert not dx[~paid].any()
    ones = case.rig(engine).train(case.x, np.ones_like(case.dy)).dx
    equal(ones != 0, paid)


@prop(case=cases(distinct, largest=5, kernel=3, channels=2, batch=2))
def test_pool_backward_is_the_complex_step(engine, case):
    """P11: where nothing ties, dx equals the complex step of the reference."""

    def f(x):
        return (reference.maxpool2d(x, *case.how) * case.dy).sum(axis=(-1, -2, -3, -4))

    slope = reference.complex_gradient(f, case.x)
    sizes = oracles.maxpool2d_backward(
        case.x, np.abs(case.dy), oracles.maxpool2d(case.x, *case.how)[1]
    )
    assert (np.abs(case.rig(engine).train(case.x, case.dy).dx - slope) <= 1e-12 * sizes).all()


@prop(case=cases(ties), dtype=st.sampled_from(["float32", "float64"]))
def test_pool_backward_goes_to_the_first_of_equals(engine, case, dtype):
    """P12: among equal pixels the first in reading order is paid, and no other."""
    _, winners = oracles.maxpool2d(case.x, *case.how)
    expected = oracles.maxpool2d_backward(case.x, case.dy, winners)
    equal(case.rig(engine, dtype).train(case.x, case.dy).dx, expected)


@prop(tied=st.sampled_from(["1111", "0111", "0011", "0001", "0101"]))
def test_pool_backward_in_a_window_by_hand(engine, tied):
    """P12: the same, in four pixels that can be seen."""
    x = np.array([float(t) for t in tied]).reshape(1, 2, 2, 1)
    dx = Rig(engine, [MaxPool2D(2)], (2, 2, 1)).train(x, np.full((1, 1, 1, 1), 5.0)).dx
    expected = np.zeros(4)
    expected[tied.index("1")] = 5
    equal(dx.ravel(), expected)


@prop(case=cases())
def test_pool_backward_is_the_transpose(engine, case):
    """P5: <pool(x), dy> = <x, dx>: every piece of the maximum goes through the origin."""
    run = case.rig(engine).train(case.x, case.dy)
    assert (run.y * case.dy).sum() == (case.x * run.dx).sum()


@prop(case=cases(ties), seed=testing.seeds())
def test_pool_of_permuted_samples_and_channels(engine, case, seed):
    """P7: permuted samples, and channels, have permuted y and dx."""
    rng = np.random.default_rng(seed)
    rig = case.rig(engine)
    run = rig.train(case.x, case.dy)
    n, c = rng.permutation(case.g.n), rng.permutation(case.g.c)
    other = rig.train(case.x[n][..., c], case.dy[n][..., c])
    equal(other.y, run.y[n][..., c])
    equal(other.dx, run.dx[n][..., c])


@prop(
    case=cases(distinct, smallest_batch=1),
    bad=st.sampled_from([np.nan, np.inf]),
    seed=testing.seeds(),
)
def test_pool_lets_nan_and_infinity_through(engine, case, bad, seed):
    """P13: NaN and infinity win every window that touches them, forward and backward."""
    rng = np.random.default_rng(seed)
    place = tuple(rng.integers(0, n) for n in case.x.shape)
    marked = np.zeros(case.x.shape)
    marked[place] = 1
    touched = reference.im2col(marked, *case.how).any(axis=(3, 4))
    x = case.x.copy()
    x[place] = bad
    run = case.rig(engine).train(x, np.ones_like(case.dy))
    equal(np.isnan(run.y) if np.isnan(bad) else run.y == bad, touched)
    equal(case.rig(engine).predict(x), run.y)
    assert run.dx[place] == touched.sum()
    assert run.dx.sum() == run.y.size


@prop(case=cases(smallest_batch=1), seed=testing.seeds())
def test_pool_of_nothing_but_minus_infinity(engine, case, seed):
    """P13: a window of -inf alone has a winner inside the image, so no gradient is lost."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(case.x.shape) < 0.7, -np.inf, case.x)
    y, winners = oracles.maxpool2d(x, *case.how)
    with np.errstate(invalid="ignore"):  # the rig's loss multiplies it by 0
        run = case.rig(engine).train(x, case.dy)
    equal(run.y, y)
    equal(run.dx, oracles.maxpool2d_backward(np.zeros_like(x), case.dy, winners))
