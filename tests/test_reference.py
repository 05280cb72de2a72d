"""The quick reference computes what the plain loops compute."""

import numpy as np
import oracles
import reference
from hypothesis import given
from hypothesis import strategies as st

from numcnn import testing

equal = np.testing.assert_array_equal
small = testing.geometries(largest=6, kernel=3, strides=3, channels=2, batch=2)


@given(st.data(), small)
def test_convolutions(data, g):
    x = data.draw(testing.whole_arrays(g.batch_shape))
    w, b = (data.draw(testing.whole_arrays(s)) for s in ((*g.kernel, g.c, 2), (2,)))
    how = g.strides, g.padding, g.dilation
    y = oracles.conv2d(x, w, b, *how)
    equal(reference.conv2d(x, w, b, *how), y)
    dy = data.draw(testing.whole_arrays(y.shape))
    expected = oracles.conv2d_backward(x, w, dy, *how)
    for a, c in zip(reference.conv2d_backward(x, w, dy, *how), expected, strict=True):
        equal(a, c)
    moved = x + 1j * data.draw(testing.whole_arrays(x.shape))
    equal(reference.conv2d(moved, w, b, *how), oracles.conv2d(moved, w, b, *how))


@given(st.data(), testing.geometries(largest=6, kernel=3, dilation=1, channels=2, batch=2))
def test_pooling(data, g):
    x = data.draw(testing.whole_arrays(g.batch_shape, largest=2))
    how = g.kernel, g.strides, g.padding
    equal(reference.maxpool2d(x, *how), oracles.maxpool2d(x, *how)[0])


@given(st.data(), testing.batch_shapes(1, 1, smallest_batch=1), testing.seeds())
def test_the_rest(data, shape, seed):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=shape), rng.normal(size=(shape[1], 3)), rng.normal(size=3)
    near = {"rtol": 1e-13, "atol": 1e-13}
    np.testing.assert_allclose(reference.dense(x, w, b), oracles.dense(x, w, b), **near)
    for name, activation in reference.ACTIVATIONS.items():
        np.testing.assert_allclose(activation(x), oracles.ACTIVATIONS[name](x), **near)
    y = oracles.one_hot(rng.integers(0, shape[1], len(x)), shape[1])
    loss = oracles.categorical_crossentropy_from_logits(y, x)
    np.testing.assert_allclose(reference.crossentropy_of_scores(y, x), loss, **near)

    def f(v):
        return (v * v * b[0]).sum(axis=(1, 2))

    np.testing.assert_allclose(reference.complex_gradient(f, x), 2 * b[0] * x, rtol=1e-15)
