"""Noise in training: none in prediction, the same until the weights move, its mean and spread."""

import numpy as np
import pytest

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import (
    SELU,
    AlphaDropout,
    Conv2D,
    Dense,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout2D,
)
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
LAYERS = [AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout2D]
every = pytest.mark.parametrize("cls", LAYERS)


@every
def test_noise_changes_with_the_step_and_not_before(cls):
    layer = cls(0.5, seed=3)
    x = np.random.default_rng(0).normal(size=(4, 3, 3, 8))
    equal(layer.forward(x), x)
    assert layer.get_state() == {"seed": 3, "step": 0}
    first = layer.forward(x, training=True)
    equal(layer.forward(x, training=True), first)
    equal(cls(0.5, seed=3).forward(x, training=True), first)
    assert (cls(0.5, seed=4).forward(x, training=True) != first).any()
    layer.after_update()
    assert layer.get_state() == {"seed": 3, "step": 1}
    second = layer.forward(x, training=True)
    assert (first != second).any()
    twin = cls(0.5, seed=4)
    twin.set_state(layer.get_state())
    equal(twin.forward(x, training=True), second)
    equal(cls(0.0).forward(x, training=True), x) if cls is not AlphaDropout else None


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_means_and_variances(rate):
    x = np.random.default_rng(0).normal(size=200_000)
    y = AlphaDropout(rate, seed=1).forward(x, training=True)
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.02
    ones = np.ones_like(x)
    y = GaussianDropout(rate, seed=1).forward(ones, training=True)
    assert abs(y.mean() - 1) < 0.02
    assert abs(y.var() / (rate / (1 - rate)) - 1) < 0.02
    y = GaussianNoise(rate, seed=1).forward(ones, training=True)
    assert abs(y.mean() - 1) < 0.02
    assert abs(y.std() / rate - 1) < 0.02


def test_both_kinds_of_normal_noise_draw_the_same_numbers():
    """At the rate 0.5 the mask is 1 + sqrt(0.5 / 0.5) * a normal number."""
    x = np.ones(20)
    mask, noise = GaussianDropout(0.5, seed=3).mask(x), GaussianNoise(1.0, seed=3).noise(x)
    equal(mask, 1 + noise)
    assert (noise < 0).any()
    assert (noise > 0).any()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_whole_channels_are_dropped(data_format):
    drop = SpatialDropout2D(0.25, data_format, seed=2)
    shape, axes = (
        ((50, 3, 4, 40), (1, 2)) if data_format == "channels_last" else ((50, 40, 3, 4), (2, 3))
    )
    y = drop.forward(np.ones(shape), training=True)
    flat = y.mean(axis=axes)
    assert set(np.unique(flat.round(12))) == {0, round(4 / 3, 12)}
    assert abs((flat == 0).mean() - 0.25) < 0.05


def test_a_dropped_number_is_selu_s_limit():
    drop = AlphaDropout(0.5, seed=0)
    low = float(SELU().forward(np.array([-1000.0]))[0])
    assert abs(drop.low - low) < 1e-12


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_training_with_noise_resumes_bit_for_bit(engine, tmp_path):
    set_random_seed(5)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 5, 5, 2)), rng.normal(size=(10, 2))

    def net():
        set_random_seed(5)
        model = Sequential(
            [
                GaussianNoise(0.1, input_shape=(5, 5, 2)),
                Conv2D(4, 3, activation="selu"),
                SpatialDropout2D(0.25),
                Flatten(),
                AlphaDropout(0.2),
                Dense(4),
                GaussianDropout(0.2),
                Dense(2),
            ]
        )
        model.compile("adam", "mse", engine=engine)
        return model

    whole, half = net(), net()
    whole.fit(x, y, batch_size=4, epochs=4, verbose=0)
    half.fit(x, y, batch_size=4, epochs=2, verbose=0)
    half.save(tmp_path / "half.npz")
    again = load_model(tmp_path / "half.npz")
    again.fit(x, y, batch_size=4, epochs=4, verbose=0, resume=True)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        equal(a, b)


def test_refusals():
    for cls in (AlphaDropout, GaussianDropout, SpatialDropout2D):
        with pytest.raises(ValueError, match="at least 0 and below 1"):
            cls(1.0)
    with pytest.raises(ValueError, match="stddev of GaussianNoise must be at least 0"):
        GaussianNoise(-1)
    with pytest.raises(DTypeError, match="stddev of GaussianNoise must be a number"):
        GaussianNoise("1")
    with pytest.raises(ShapeError, match="needs images"):
        SpatialDropout2D(0.5).build_for((3, 4))
