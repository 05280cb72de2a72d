"""Cases of layers that work on each number, or on channels as a whole."""

import numpy as np
import oracles
from hypothesis import strategies as st
from layers.cases import Case, batches, seeds, shapes

from numcnn import layers


@st.composite
def batch_normalization_cases(draw):
    shape = draw(shapes)
    axis = draw(st.integers(1, len(shape)))
    center, scale, frozen = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    layer = layers.BatchNormalization(
        axis=draw(st.sampled_from([axis, axis - len(shape) - 1])),
        epsilon=draw(st.sampled_from([1e-3, 0.1])),
        center=center,
        scale=scale,
        trainable=not frozen,
    )
    n, seed = draw(batches), draw(seeds)
    c = shape[axis - 1]

    def rows(x):
        return np.moveaxis(x, axis, -1)

    def prepared(x, params):
        gamma = params.get("gamma", np.ones(c))
        fixed = None
        if frozen:
            fixed = layer.statistics["moving_mean"], layer.statistics["moving_variance"]
        return rows(x), gamma, layer.epsilon, fixed

    def forward(x, params):
        x, gamma, epsilon, fixed = prepared(x, params)
        y = oracles.batch_normalization(x, gamma, params.get("beta", np.zeros(c)), epsilon, fixed)
        return np.moveaxis(y, -1, axis)

    def backward(x, params, dy):
        x, gamma, epsilon, fixed = prepared(x, params)
        found = oracles.batch_normalization_backward(x, gamma, epsilon, rows(dy), fixed)
        dx, dgamma, dbeta = found
        grads = {"x": np.moveaxis(dx, -1, axis)}
        return grads | ({"gamma": dgamma} if scale else {}) | ({"beta": dbeta} if center else {})

    def one_by_one():
        layer.trainable = False  # samples look at each other in training

    return Case(layer, shape, n, seed, forward, backward, exact=False, one_by_one=one_by_one)


CASES = {
    "BatchNormalization": batch_normalization_cases(),
}
