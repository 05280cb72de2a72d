"""Properties of Dense, of the activations, and of softmax with cross-entropy, over both engines."""

import numpy as np
import reference
from hypothesis import strategies as st
from properties.rig import Rig, equal, prop

from numcnn import testing
from numcnn.layers import Activation, Dense, Flatten, ReLU
from numcnn.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from numcnn.models import Sequential

DTYPES = st.sampled_from(["float32", "float64"])
UNITS = st.sampled_from([1, 2, 3, 5, 16, 17, 33])


@st.composite
def dense_cases(draw, arrays=testing.whole_arrays, most=40, smallest_batch=0):
    """(x, w, b, dy) of a Dense."""
    n = draw(st.integers(smallest_batch, 4))
    d, u = draw(st.integers(1, most)), draw(UNITS)
    return [draw(arrays(shape)) for shape in ((n, d), (d, u), (u,), (n, u))]


def singles(shape):
    return testing.float_arrays(shape, "float32").map(lambda a: a.astype(float))


def dense(engine, case, dtype="float64", activation=None):
    x, w, b, _ = case
    return Rig(engine, [Dense(w.shape[1], activation=activation)], x.shape[1:], [w, b], dtype)


@prop(case=dense_cases(), activation=st.sampled_from([None, "relu"]), dtype=DTYPES)
def test_dense_is_the_reference(engine, case, activation, dtype):
    """P1: forward equals the reference, and (P3) so do the gradients in either type."""
    x, w, b, dy = case
    z = reference.dense(x, w, b)
    dz = dy * (z > 0) if activation else dy
    run = dense(engine, case, dtype, activation).train(x, dy)
    equal(run.y, reference.relu(z) if activation else z)
    for a, expected in zip(list(run)[1:], (dz @ w.T, x.T @ dz, dz.sum(axis=0)), strict=True):
        equal(a, expected)


@prop(case=dense_cases(singles), dtype=DTYPES)
def test_dense_is_within_the_bound(engine, case, dtype):
    """P1: with floats of all sizes it is as near to the reference as rounding allows."""
    x, w, b, dy = (a.astype(np.longdouble) for a in case)
    run = dense(engine, case, dtype).train(case[0], case[3])
    for found, expected, sizes, terms in [
        (run.y, x @ w + b, abs(x) @ abs(w) + abs(b), len(w) + 1),
        (run.dx, dy @ w.T, abs(dy) @ abs(w).T, w.shape[1]),
        (run.grads[0], x.T @ dy, abs(x).T @ abs(dy), len(x)),
        (run.grads[1], dy.sum(axis=0), abs(dy).sum(axis=0), len(x)),
    ]:
        reference.assert_within(found, expected, sizes, terms, dtype)


@prop(
    case=dense_cases(singles, most=6),
    activation=st.sampled_from(["linear", "relu", "sigmoid", "tanh", "softmax"]),
)
def test_dense_backward_is_the_complex_step(engine, case, activation):
    """P2: dx, dw and db equal the complex step of the reference, through any activation."""
    x, w, b = (a / 100 for a in case[:3])  # so that z stays below 709, where exp overflows
    dy = case[3]
    act = reference.ACTIVATIONS[activation]

    def f(x=x, w=w, b=b):
        return (act(reference.dense(x, w, b)) * dy).sum(axis=(-1, -2))

    run = dense(engine, (x, w, b, dy), activation=activation).train(x, dy)
    slopes = [
        reference.complex_gradient(lambda v: f(x=v), x),
        reference.complex_gradient(lambda v: f(w=v[:, None]), w),
        reference.complex_gradient(lambda v: f(b=v[:, None]), b),
    ]
    # No slope of these is above 1, except that softmax mixes the dy of a sample.
    dz = abs(dy).sum(axis=1, keepdims=True) + 0 * dy if activation == "softmax" else abs(dy)
    # z of up to 600 is known to 1e-15 of it, and exp carries that on.
    spread = 1 + abs(x) @ abs(w) + abs(b) if activation not in ("linear", "relu") else 1
    dz = dz * spread
    sizes = [dz @ abs(w).T, abs(x).T @ dz, dz.sum(axis=0)]
    for gradient, slope, size in zip(list(run)[1:], slopes, sizes, strict=True):
        assert (np.abs(gradient - slope) <= 1e-12 * size).all()


@prop(case=dense_cases(), seed=testing.seeds())
def test_dense_backward_is_the_transpose(engine, case, seed):
    """P5: <x w, dy> = <x, dx> = <w, dw>, for x and w that backward has not seen too."""
    x, w, b, dy = case
    run = dense(engine, case).train(x, dy)
    dw, db = run.grads
    assert (run.y * dy).sum() == (x * run.dx).sum() + (b * db).sum()
    assert (run.y * dy).sum() == (w * dw).sum() + (b * db).sum()
    rng = np.random.default_rng(seed)
    x2, w2 = (rng.integers(-8, 9, a.shape).astype(float) for a in (x, w))
    assert (dense(engine, (x, w, 0 * b, dy)).predict(x2) * dy).sum() == (x2 * run.dx).sum()
    assert (dense(engine, (x, w2, 0 * b, dy)).predict(x) * dy).sum() == (w2 * dw).sum()


@prop(shape=testing.batch_shapes(2, 3, smallest_batch=1), data=st.data())
def test_flatten_only_moves_numbers(engine, shape, data):
    """P5: Flatten is a permutation: in reading order forward, and back again."""
    x, dy = (data.draw(testing.whole_arrays(shape)) for _ in range(2))
    run = Rig(engine, [Flatten()], shape[1:]).train(x, dy.reshape(len(x), -1))
    equal(run.y, x.reshape(len(x), -1))
    equal(run.dx, dy)


@prop(case=dense_cases(), seed=testing.seeds())
def test_dense_of_permuted_samples(engine, case, seed):
    """P7: permuted samples have permuted y and dx, and the same dw and db."""
    x, _, _, dy = case
    order = np.random.default_rng(seed).permutation(len(x))
    rig = dense(engine, case)
    run, other = rig.train(x, dy), rig.train(x[order], dy[order])
    for a, b in zip(other, (run.y[order], run.dx[order], *run.grads), strict=True):
        equal(a, b)


@prop(
    case=dense_cases(smallest_batch=1), bad=st.sampled_from([np.nan, np.inf]), seed=testing.seeds()
)
def test_dense_shows_a_bad_number_in_its_row(engine, case, bad, seed):
    """P13: NaN and infinity spoil the outputs of their sample and of no other."""
    x, w, b, dy = case
    place = tuple(np.random.default_rng(seed).integers(0, n) for n in x.shape)
    x = x.copy()
    x[place] = bad
    y = dense(engine, (x, np.abs(w) + 1, b, dy)).predict(x)
    spoilt = np.zeros(y.shape, bool)
    spoilt[place[0]] = True
    equal(~np.isfinite(y), spoilt)


@prop(layer=st.sampled_from([ReLU, lambda: Activation("relu")]), dtype=DTYPES)
def test_relu_at_zero_and_at_nan(engine, dtype, layer):
    """P12 P13: the slope of ReLU at 0 is 0, and NaN stays NaN."""
    x = np.array([[-1.0, -0.0, 0.0, 2.0, np.nan, np.inf, -np.inf]])
    run = Rig(engine, [layer()], x.shape[1:], dtype=dtype).train(x, np.full(x.shape, 3.0))
    equal(run.y, [[0, 0, 0, 2, np.nan, np.inf, 0]])
    equal(run.dx[0, [0, 1, 2, 3, 5, 6]], [0, 0, 0, 3, 3, 0])


# ---- softmax, and cross-entropy after it ----


@st.composite
def scores(draw, smallest_batch=1):
    """(N, K) scores of any size, up to 1e30."""
    shape = draw(testing.batch_shapes(1, 1, largest=12, smallest_batch=smallest_batch))
    rng = np.random.default_rng(draw(testing.seeds()))
    return rng.normal(size=shape) * 10.0 ** draw(st.integers(-3, 30))


@prop(x=scores(), dtype=DTYPES)
def test_softmax_is_a_distribution(engine, x, dtype):
    """P15: rows sum to 1 within 4 u K, lie in [0, 1], and keep the order of the scores."""
    y = Rig(engine, [Activation("softmax")], x.shape[1:], dtype=dtype).predict(x)
    assert ((y >= 0) & (y <= 1)).all()
    u = np.finfo(dtype).eps / 2
    assert (np.abs(y.astype(float).sum(axis=1) - 1) <= 4 * u * x.shape[1]).all()
    order = np.argsort(x.astype(dtype), axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(y, order, axis=1)) >= 0).all()


@prop(data=st.data(), shape=testing.batch_shapes(1, 1, largest=12), power=st.integers(-8, 8))
def test_softmax_does_not_see_a_shift(engine, data, shape, power):
    """P15: whole scores shifted by a power of two give the same bits."""
    x = data.draw(testing.whole_arrays(shape))
    rig = Rig(engine, [Activation("softmax")], shape[1:])
    equal(rig.predict(x + 2.0**power), rig.predict(x))


@prop(dtype=DTYPES)
def test_softmax_of_huge_scores(engine, dtype):
    """P15: scores of +-1e30 and the largest floats give 0 and 1."""
    largest = float(np.finfo(dtype).max)
    x = np.array([[1e30, -1e30, 0], [-1e30, -1e30, -1e30], [largest, -largest, 0]])
    y = Rig(engine, [Activation("softmax")], (3,), dtype=dtype).predict(x)
    np.testing.assert_allclose(y, [[1, 0, 0], [1 / 3] * 3, [1, 0, 0]], rtol=1e-6)


def classifier(engine, loss, classes, dtype, fused=True):
    """A model whose scores are its inputs: (losses, p, dw) show the loss's gradient."""
    last = {"activation": "softmax"} if fused else {}
    layers = [Dense(classes, use_bias=False, dtype=dtype, input_shape=(classes,), **last)]
    if not fused:
        layers.append(Halfway("softmax", dtype=dtype))
    model = Sequential(layers)
    model.compile("sgd", loss, engine=engine, exact=True)
    model.set_weights([np.eye(classes)])
    return model


class Halfway(Activation):
    """A softmax that no engine takes together with the loss."""


def gradient_of_scores(model, z, y):
    """Return (losses, p, dz) of a batch; dw = z.T @ dz, and with z = 1 at one place dw shows dz."""
    losses, p = model.engine.gradients(z.astype(model.dtype), y)
    return losses, p, model.layers[0].grads["w"].copy()


@prop(z=scores(), dtype=DTYPES, seed=testing.seeds())
def test_crossentropy_of_any_scores(engine, z, dtype, seed):
    """P16: losses are finite and at least 0; dz = (p - y) / N, whose rows sum to 0 within 4 u."""
    n, k = z.shape
    labels = np.random.default_rng(seed).integers(0, k, n)
    y = np.eye(k)[labels]
    loss = CategoricalCrossentropy(from_logits=True)
    z = z.astype(dtype)
    losses = loss.value(y, z)
    assert np.isfinite(losses).all()
    assert (losses >= 0).all()
    dz = loss.gradient(y, z).astype(float)
    p = Rig(engine, [Activation("softmax")], (k,), dtype=dtype).predict(z)
    u = np.finfo(dtype).eps / 2
    assert (np.abs(dz.sum(axis=1)) <= 4 * u * k).all()
    np.testing.assert_allclose(dz, (p.astype(float) - y) / n, rtol=4 * u, atol=4 * u / n)
    # The engine's own, where Dense of the identity makes the scores: dw = z.T @ dz.
    model = classifier(engine, CategoricalCrossentropy(), k, dtype)
    found, outputs, dw = gradient_of_scores(model, z, y)
    np.testing.assert_allclose(found, losses, rtol=1e3 * u, atol=1e3 * u)
    np.testing.assert_allclose(outputs, p, rtol=1e3 * u, atol=16 * u)
    largest = 1e3 * u * np.abs(z.astype(float)).max()
    np.testing.assert_allclose(dw, z.astype(float).T @ ((p.astype(float) - y) / n), atol=largest)


@prop(data=st.data(), shape=st.tuples(st.integers(1, 4), st.integers(2, 5)), seed=testing.seeds())
def test_softmax_and_crossentropy_together_and_apart(engine, data, shape, seed):
    """P16: fused they give what softmax, then cross-entropy give, and the complex step."""
    z = data.draw(testing.whole_arrays(shape, largest=4))
    y = np.eye(shape[1])[np.random.default_rng(seed).integers(0, shape[1], shape[0])]
    models = [
        classifier(engine, CategoricalCrossentropy(), shape[1], "float64", fused)
        for fused in (True, False)
    ]
    slope = reference.complex_gradient(
        lambda w: reference.crossentropy_of_scores(y, reference.dense(z, w[:, None], 0)),
        np.eye(shape[1]),
    )
    for model in models:
        losses, _, dw = gradient_of_scores(model, z, y)
        expected = reference.crossentropy_of_scores(y, z)
        np.testing.assert_allclose(losses.mean(), expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(dw, slope, rtol=1e-9, atol=1e-9)


@prop(z=scores(), dtype=DTYPES, seed=testing.seeds())
def test_class_numbers_and_one_hot_rows(engine, z, dtype, seed):
    """P16: class numbers and one-hot rows give the same bits."""
    n, k = z.shape
    labels = np.random.default_rng(seed).integers(0, k, n)
    found = [
        gradient_of_scores(classifier(engine, loss, k, dtype), z, y)
        for loss, y in (
            (SparseCategoricalCrossentropy(), labels),
            (CategoricalCrossentropy(), np.eye(k)[labels]),
        )
    ]
    for a, b in zip(*found, strict=True):
        equal(a, b)
