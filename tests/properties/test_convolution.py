"""Properties of convolutions, over both engines. Whole numbers: no tolerance at all."""

from dataclasses import dataclass

import numpy as np
import oracles
import reference
from hypothesis import strategies as st
from properties.rig import Rig, equal, prop

from numcnn import testing
from numcnn.layers import Conv2D, Dense, Flatten
from numcnn.testing import Geometry

FILTERS = st.sampled_from([1, 2, 3, 4, 16, 17])
shifts = st.tuples(st.integers(0, 2), st.integers(0, 2))


@dataclass
class Case:
    g: Geometry
    filters: int
    activation: str | None
    x: np.ndarray
    w: np.ndarray
    b: np.ndarray
    dy: np.ndarray

    @property
    def how(self):
        return self.g.strides, self.g.padding, self.g.dilation

    def rig(self, engine, dtype="float64", weights=None, shape=None, watched=True, **changed):
        arguments = self.g.for_conv() | {"activation": self.activation} | changed
        weights = [self.w, self.b] if weights is None else weights
        layer = Conv2D(weights[0].shape[-1], **arguments)
        return Rig(engine, [layer], shape or self.g.sample_shape, weights, dtype, watched)


@st.composite
def cases(draw, arrays=testing.whole_arrays, activation=None, filters=FILTERS, **limits):
    g = draw(testing.geometries(**limits))
    f = draw(filters)
    name = draw(st.sampled_from([None, "relu"])) if activation == "any" else activation
    x, w, b, dy = (
        draw(arrays(shape))
        for shape in (g.batch_shape, (*g.kernel, g.c, f), (f,), (g.n, *g.output_size, f))
    )
    return Case(g, f, name, x, w, b, dy)


# Of floats: the numbers of float32, so that both types start from the same ones.
def singles(shape):
    return testing.float_arrays(shape, "float32").map(lambda a: a.astype(float))


SMALL = {"largest": 5, "kernel": 3, "channels": 2, "batch": 2}


@prop(case=cases(activation="any"), dtype=st.sampled_from(["float32", "float64"]))
def test_conv_is_the_reference(engine, case, dtype):
    """P1: forward equals the reference, to the last bit with whole numbers."""
    expected = reference.conv2d(case.x, case.w, case.b, *case.how)
    expected = expected if case.activation is None else reference.relu(expected)
    rig = case.rig(engine, dtype)
    equal(rig.predict(case.x), expected)
    run = rig.train(case.x, case.dy)
    equal(run.y, expected)
    first = case.rig(engine, dtype, watched=False).train(case.x, case.dy)  # nobody asks for dx
    equal(first.y, expected)
    for a, b in zip(first.grads, run.grads, strict=True):
        equal(a, b)


@prop(case=cases(singles, "any"), dtype=st.sampled_from(["float32", "float64"]))
def test_conv_is_within_the_bound(engine, case, dtype):
    """P1: with floats of all sizes, forward is as near to the reference as rounding allows."""
    wide = [a.astype(np.longdouble) for a in (case.x, case.w, case.b)]
    expected = reference.conv2d(*wide, *case.how)
    expected = expected if case.activation is None else reference.relu(expected)
    sizes = reference.conv2d(*map(np.abs, wide), *case.how)
    y = case.rig(engine, dtype).predict(case.x)
    reference.assert_within(y, expected, sizes, case.w[..., 0].size + 1, dtype)


@prop(case=cases(singles, "any", st.integers(1, 3), **SMALL))
def test_conv_backward_is_the_complex_step(engine, case):
    """P2: dx, dw and db equal the complex step of the reference, in every entry."""
    found = case.rig(engine).train(case.x, case.dy)
    activation = reference.ACTIVATIONS[case.activation or "linear"]
    front = (slice(None), None)  # the changed weights stand in front of the samples

    def f(x=case.x, w=case.w, b=case.b):
        y = activation(reference.conv2d(x, w, b, *case.how))
        return (y * case.dy).sum(axis=(-1, -2, -3, -4))

    slopes = [
        reference.complex_gradient(lambda v: f(x=v), case.x),
        reference.complex_gradient(lambda v: f(w=v[front]), case.w),
        reference.complex_gradient(lambda v: f(b=v[:, None, None, None]), case.b),
    ]
    sizes = reference.conv2d_backward(*map(np.abs, (case.x, case.w, case.dy)), *case.how)
    for gradient, slope, size in zip(list(found)[1:], slopes, sizes, strict=True):
        assert (np.abs(gradient - slope) <= 1e-12 * size).all()


@prop(case=cases(activation="any"))
def test_conv_backward_in_float32_is_that_in_float64(engine, case):
    """P3: float32 gives the gradients of float64, to the last bit with whole numbers."""
    wide, narrow = (case.rig(engine, t).train(case.x, case.dy) for t in ("float64", "float32"))
    for a, b in zip(wide, narrow, strict=True):
        assert b.dtype == "float32"
        equal(b, a)


@prop(case=cases(singles))
def test_conv_backward_in_float32_is_within_the_bound(engine, case):
    """P3: with floats, float32's gradients are as near to float64's as rounding allows."""
    wide, narrow = (case.rig(engine, t).train(case.x, case.dy) for t in ("float64", "float32"))
    sizes = reference.conv2d_backward(*map(np.abs, (case.x, case.w, case.dy)), *case.how)
    windows = case.dy[..., 0].size
    terms = [case.w[:, :, 0].size, windows, windows]
    for a, b, size, k in zip(list(narrow)[1:], list(wide)[1:], sizes, terms, strict=True):
        reference.assert_within(a, b, size, k + 1, "float32")


@prop(case=cases(), a=st.integers(-3, 3), seed=testing.seeds())
def test_conv_is_linear(engine, case, a, seed):
    """P4: conv(a x1 + x2, w) = a conv(x1, w) + conv(x2, w); the same in w; b is added."""
    rng = np.random.default_rng(seed)
    x2, w2 = (rng.integers(-8, 9, s.shape).astype(float) for s in (case.x, case.w))
    none = np.zeros_like(case.b)
    rig = case.rig(engine, weights=[case.w, none])
    y = rig.predict(case.x)
    equal(rig.predict(a * case.x + x2), a * y + rig.predict(x2))
    other, both = (case.rig(engine, weights=[w, none]) for w in (w2, a * case.w + w2))
    equal(both.predict(case.x), a * y + other.predict(case.x))
    equal(case.rig(engine).predict(case.x), y + case.b)


@prop(case=cases(), seed=testing.seeds())
def test_conv_backward_is_the_transpose(engine, case, seed):
    """P5: <conv(x, w), dy> = <x, dx> = <w, dw>, for x and w that backward has not seen too."""
    run = case.rig(engine).train(case.x, case.dy)
    dx, (dw, db) = run.dx, run.grads
    total = (run.y * case.dy).sum()
    assert total == (case.x * dx).sum() + (case.b * db).sum()
    assert total == (case.w * dw).sum() + (case.b * db).sum()
    rng = np.random.default_rng(seed)
    x, w = (rng.integers(-8, 9, s.shape).astype(float) for s in (case.x, case.w))
    none = np.zeros_like(case.b)
    y = case.rig(engine, weights=[case.w, none]).predict(x)
    assert (y * case.dy).sum() == (x * dx).sum()
    y = case.rig(engine, weights=[w, none]).predict(case.x)
    assert (y * case.dy).sum() == (w * dw).sum()


@prop(case=cases(paddings=("valid",)), steps=shifts, seed=testing.seeds())
def test_conv_of_a_shifted_image(engine, case, steps, seed):
    """P6: an image shifted by whole strides has an answer shifted by whole outputs."""
    rows, columns = (t * s for t, s in zip(steps, case.g.strides, strict=True))
    large = (case.g.n, case.g.ih + rows, case.g.iw + columns, case.g.c)
    x = np.random.default_rng(seed).integers(-8, 9, large).astype(float)
    whole = case.rig(engine, shape=large[1:]).predict(x)
    small = case.rig(engine).predict(x[:, rows:, columns:])
    equal(whole[:, steps[0] :, steps[1] :], small)


@prop(case=cases())
def test_conv_of_a_single_pixel(engine, case):
    """P6: an image of one bright pixel shows the kernel turned round."""
    kh, kw = case.g.kernel
    for k in range(case.g.c):
        x = np.zeros((1, 2 * kh - 1, 2 * kw - 1, case.g.c))
        x[0, kh - 1, kw - 1, k] = 1
        plain = {"strides": 1, "dilation_rate": 1, "padding": "valid"}
        y = case.rig(engine, shape=x.shape[1:], **plain).predict(x)
        equal(y[0], case.w[::-1, ::-1, k] + case.b)


@prop(case=cases(activation="any"), seed=testing.seeds())
def test_conv_of_permuted_samples(engine, case, seed):
    """P7: permuted samples have permuted y and dx, and the same dw and db."""
    order = np.random.default_rng(seed).permutation(case.g.n)
    rig = case.rig(engine)
    y, dx, dw, db = rig.train(case.x, case.dy)
    other = rig.train(case.x[order], case.dy[order])
    for a, b in zip(other, (y[order], dx[order], dw, db), strict=True):
        equal(a, b)


@prop(case=cases(activation="any"))
def test_conv_of_samples_one_by_one(engine, case):
    """P7: a batch is its samples one by one; dw and db are the sums of theirs."""
    rig = case.rig(engine)
    y, dx, dw, db = rig.train(case.x, case.dy)
    sums = [np.zeros_like(case.w), np.zeros_like(case.b)]
    for m in range(case.g.n):
        run = rig.train(case.x[m : m + 1], case.dy[m : m + 1])
        equal(run.y, y[m : m + 1])
        equal(run.dx, dx[m : m + 1])
        sums = [s + g for s, g in zip(sums, run.grads, strict=True)]
    equal(sums[0], dw)
    equal(sums[1], db)


@prop(case=cases(), seed=testing.seeds())
def test_conv_of_permuted_channels(engine, case, seed):
    """P8: channels and filters can be permuted; parts of the channels add up to the whole."""
    rng = np.random.default_rng(seed)
    run = case.rig(engine).train(case.x, case.dy)
    c, f = (rng.permutation(n) for n in case.w.shape[2:])
    shuffled = case.rig(engine, weights=[case.w[:, :, c][..., f], case.b[f]])
    other = shuffled.train(case.x[..., c], case.dy[..., f])
    dw, db = run.grads
    for a, b in zip(
        other, (run.y[..., f], run.dx[..., c], dw[:, :, c][..., f], db[f]), strict=True
    ):
        equal(a, b)
    total = np.zeros_like(run.y)
    for part in np.array_split(c, 2):
        if part.size:
            weights = [case.w[:, :, part], np.zeros_like(case.b)]
            shape = (*case.g.sample_shape[:2], part.size)
            total += case.rig(engine, weights=weights, shape=shape).predict(case.x[..., part])
    equal(total + case.b, run.y)


@prop(case=cases())
def test_conv_of_a_window_as_large_as_the_image_is_dense(engine, case):
    """P9: with one position it is Dense on the flattened image; with one tap Dense per pixel."""
    f, reach = len(case.b), case.w.shape[:2]
    rng = np.random.default_rng(case.g.n)
    x = rng.integers(-8, 9, (case.g.n, *reach, case.g.c)).astype(float)
    dy = rng.integers(-8, 9, (case.g.n, 1, 1, f)).astype(float)
    plain = {"strides": 1, "dilation_rate": 1, "padding": "valid"}
    conv = case.rig(engine, shape=x.shape[1:], **plain).train(x, dy)
    weights = [case.w.reshape(-1, f), case.b]
    dense = Rig(engine, [Flatten(), Dense(f)], x.shape[1:], weights).train(x, dy[:, 0, 0])
    equal(conv.y[:, 0, 0], dense.y)
    equal(conv.dx, dense.dx)
    equal(conv.grads[0].reshape(-1, f), dense.grads[0])
    equal(conv.grads[1], dense.grads[1])

    dy = rng.integers(-8, 9, (*case.x.shape[:3], f)).astype(float)
    weights = [case.w[:1, :1], case.b]
    conv = case.rig(engine, weights=weights, kernel_size=1, **plain).train(case.x, dy)
    weights = [case.w[0, 0], case.b]
    dense = Rig(engine, [Dense(f)], case.g.sample_shape, weights).train(case.x, dy)
    for a, b in zip(conv, dense, strict=True):
        equal(a.reshape(b.shape), b)


@prop(case=cases(paddings=("valid",)))
def test_conv_with_strides_takes_every_second_answer(engine, case):
    """P9: strides leave out answers of the convolution without them, and their gradients."""
    sh, sw = case.g.strides
    run = case.rig(engine).train(case.x, case.dy)
    dense = case.rig(engine, strides=1)
    equal(run.y, dense.predict(case.x)[:, ::sh, ::sw])
    dy = np.zeros(dense.out(case.g.n))
    dy[:, ::sh, ::sw] = case.dy
    other = dense.train(case.x, dy)
    equal(run.dx, other.dx)
    equal(run.grads[0], other.grads[0])


@prop(case=cases(paddings=("same",)))
def test_conv_with_padding_is_np_pad(engine, case):
    """P9: 'same' is a border of zeros (Keras's rule says where) and then 'valid'."""
    g = case.g
    border = oracles.pads("same", g.sample_shape[:2], g.kernel, g.strides, g.dilation)
    (top, _), (left, _) = border
    x = np.pad(case.x, ((0, 0), *border, (0, 0)))
    run = case.rig(engine).train(case.x, case.dy)
    other = case.rig(engine, shape=x.shape[1:], padding="valid").train(x, case.dy)
    equal(run.y, other.y)
    equal(run.dx, other.dx[:, top : top + g.ih, left : left + g.iw])
    equal(run.grads[0], other.grads[0])


@prop(case=cases())
def test_conv_with_dilation_is_a_kernel_with_holes(engine, case):
    """P9: taps that stand apart are a larger kernel with zeros between them."""
    dh, dw = case.g.dilation
    size = [d * (k - 1) + 1 for k, d in zip(case.g.kernel, case.g.dilation, strict=True)]
    holes = np.zeros((*size, *case.w.shape[2:]))
    holes[::dh, ::dw] = case.w
    run = case.rig(engine).train(case.x, case.dy)
    changed = {"kernel_size": size, "dilation_rate": 1}
    other = case.rig(engine, weights=[holes, case.b], **changed).train(case.x, case.dy)
    equal(run.y, other.y)
    equal(run.dx, other.dx)
    equal(run.grads[0], other.grads[0][::dh, ::dw])


@prop(
    case=cases(smallest_batch=1),
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    seed=testing.seeds(),
)
def test_conv_shows_a_bad_pixel_where_a_window_touches_it(engine, case, bad, seed):
    """P13: outputs are not finite exactly where a window touches NaN or infinity."""
    place = tuple(np.random.default_rng(seed).integers(0, n) for n in case.x.shape)
    marked = np.zeros(case.x.shape)
    marked[place] = 1
    ones = np.ones_like(case.w)
    touched = oracles.conv2d(marked, ones, np.zeros(len(case.b)), *case.how) != 0
    x = case.x.copy()
    x[place] = bad
    weights = [np.abs(case.w) + 1, case.b]  # 0 times infinity is NaN: touched all the same
    y = case.rig(engine, weights=weights).predict(x)
    equal(~np.isfinite(y), touched)
    if np.isinf(bad):
        equal(y == bad, touched)
