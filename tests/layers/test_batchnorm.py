"""BatchNormalization: its moving statistics, in training, prediction, files and after faults."""

import json

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.rig import ENGINES

from numcnn import initializers
from numcnn.callbacks import LambdaCallback
from numcnn.errors import DivergedError, DTypeError, ShapeError
from numcnn.gradcheck import check_model
from numcnn.layers import BatchNormalization, Conv2D, Dense, Flatten
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
engines = pytest.mark.parametrize("engine", ENGINES)


def net(engine, **kwargs):
    set_random_seed(3)
    model = Sequential(
        [
            Conv2D(3, 3, use_bias=False, input_shape=(6, 5, 2)),
            BatchNormalization(momentum=0.75, name="norm", **kwargs),
            Flatten(),
            Dense(4, activation="relu"),
            BatchNormalization(axis=1),
            Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", engine=engine)
    return model


def data(n=14):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 6, 5, 2)), np.eye(3)[rng.integers(0, 3, n)]


@engines
def test_statistics_move_once_per_batch_and_predictions_use_them(engine):
    """Against plain loops, over a fit whose last batch is shorter."""
    model = net(engine)
    x, y = data()
    mean, variance = np.zeros(3), np.ones(3)
    model.evaluate(x, y, verbose=0)
    for start in range(0, 14, 4):
        batch = slice(start, start + 4)
        seen = oracles.conv2d(x[batch], model.get_weights()[0], np.zeros(3))
        model.fit(x[batch], y[batch], batch_size=4, verbose=0)
        for k in range(3):
            now, std = oracles.moments(seen[..., k], 0.0, k, None)
            mean[k] = 0.75 * mean[k] + 0.25 * now
            variance[k] = 0.75 * variance[k] + 0.25 * std**2
    norm = model.get_layer("norm")
    close(norm.statistics["moving_mean"], mean, rtol=1e-4, atol=1e-5)
    close(norm.statistics["moving_variance"], variance, rtol=1e-4)
    before = model.get_weights()
    one_by_one = np.concatenate([model.predict(x[i : i + 1]) for i in range(14)])
    close(model.predict(x), one_by_one, rtol=1e-5)
    model.evaluate(x, y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        equal(a, b)


@engines
def test_a_frozen_layer_predicts_in_training_too(engine):
    model = net(engine, trainable=False)
    norm = model.get_layer("norm")
    rng = np.random.default_rng(1)
    norm.set_weights([rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), [1.0, 2.0, 0.5]])
    before = norm.get_weights()
    x, y = data()
    hidden = model.layers[0].forward(x.astype("f4"))
    equal(norm.forward(hidden, training=True), norm.forward(hidden))
    model.fit(x, y, batch_size=4, verbose=0)
    for a, b in zip(before, norm.get_weights(), strict=True):
        equal(a, b)
    norm.trainable = True
    model.compile("adam", "categorical_crossentropy", engine=engine)
    model.fit(x, y, batch_size=4, verbose=0)
    assert all((a != b).all() for a, b in zip(before, norm.get_weights(), strict=True))


@engines
@pytest.mark.parametrize("trainable", [True, False])
def test_gradients_of_a_whole_model(engine, trainable):
    model = net(engine, trainable=trainable)
    check_model(model, *data(5)).raise_if_wrong()


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@given(seed=st.integers(0, 2**32 - 1))
def test_backward_equals_the_complex_step(axis, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(size=(2, 2, 3, 2)), rng.normal(size=(2, 2, 3, 2))
    norm = BatchNormalization(axis=axis, dtype="float64")
    norm(x, training=True)
    c = x.shape[axis]

    def f(x):
        y = oracles.batch_normalization(np.moveaxis(x, axis, -1), np.ones(c), np.zeros(c), 1e-3)
        return (np.moveaxis(y, -1, axis) * dy).sum()

    close(norm.backward(dy), oracles.complex_step(f, x), rtol=1e-10, atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), power=st.integers(-6, 6), shift=st.integers(-9, 9))
def test_scale_and_shift_of_the_input_do_not_matter(seed, power, shift):
    x = np.random.default_rng(seed).normal(size=(7, 3))
    y = BatchNormalization(epsilon=0.0, dtype="float64")(x, training=True)
    close(y.mean(axis=0), 0, atol=1e-12)
    close(y.std(axis=0), 1, rtol=1e-12)
    moved = BatchNormalization(epsilon=0.0, dtype="float64")(2.0**power * x + shift, training=True)
    close(moved, y, atol=1e-9)


def test_means_of_float32_are_as_good_as_float32():
    """A sum of a million numbers near 1000 is not added up in float32."""
    x = (1000 + np.random.default_rng(0).normal(size=(2**20, 1))).astype("f4")
    norm = BatchNormalization()
    y = norm(x, training=True)
    exact = (x - x.mean(dtype="f8")) / np.sqrt(x.var(dtype="f8") + 1e-3)
    close(y, exact, atol=2e-4)  # x itself is known to 3e-5


def test_sums_of_float32_are_added_up_in_float64():
    """Beside 2**24 float32 has no room for a 1."""
    x = np.ones((5, 2), "f4")
    x[0] = 2**24
    norm = BatchNormalization()
    equal(norm.total(x), [2**24 + 4] * 2)
    equal(norm.mean(x), [3355444] * 2)


def test_weights_have_keras_s_order_names_and_counts(capsys):
    model = net("numpy")
    norm = model.get_layer("norm")
    assert list(norm.named_weights()) == ["gamma", "beta", "moving_mean", "moving_variance"]
    for array, start in zip(norm.get_weights(), [1, 0, 0, 1], strict=True):
        equal(array, np.full(3, start, "f4"))
    assert norm.count_params() == 12
    model.summary()
    printed = capsys.readouterr().out
    assert "Non-trainable params: 14" in printed
    assert f"Trainable params: {model.count_params() - 14:,}" in printed
    bare = BatchNormalization(center=False, scale=False)
    bare.build_for((2,))
    assert list(bare.named_weights()) == ["moving_mean", "moving_variance"]
    model.set_weights([w + 1 for w in model.get_weights()])
    equal(norm.statistics["moving_variance"], [2, 2, 2])


@engines
def test_files_hold_the_statistics(engine, tmp_path):
    model = net(engine)
    x, y = data()
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    model.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        equal(a, b)
    equal(again.predict(x), model.predict(x))
    model.save_weights(tmp_path / "weights.npz")
    other = net(engine)
    other.load_weights(tmp_path / "weights.npz")
    equal(other.predict(x), model.predict(x))
    with np.load(tmp_path / "model.npz") as file:
        assert {"norm/moving_mean", "norm/moving_variance", "norm/gamma"} < set(file)
        slots = [name for name in file if name.startswith("optimizer/")]
        assert slots
        assert not any("moving" in name for name in slots)


@engines
def test_training_resumes_bit_for_bit(engine, tmp_path):
    x, y = data()
    whole = net(engine)
    whole.fit(x, y, batch_size=4, epochs=3, verbose=0)
    model = net(engine)

    def stop(batch, logs):
        if model.optimizer.iterations == 6:
            model.stop_training = True

    model.fit(
        x, y, batch_size=4, epochs=3, verbose=0, callbacks=[LambdaCallback(on_batch_end=stop)]
    )
    model.save(tmp_path / "run.npz")
    again = load_model(tmp_path / "run.npz")
    again.fit(x, y, batch_size=4, epochs=3, verbose=0, resume=True)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        equal(a, b)


@engines
def test_a_batch_that_fails_leaves_the_statistics(engine):
    """NaN in the data, a variance beyond the float range, and a step that is taken back."""
    model = net(engine)
    x, y = data(8)
    model.fit(x, y, verbose=0)
    before = model.get_weights()
    bad = x.copy()
    bad[0, 0, 0, 0] = np.nan
    huge = 1e25 * x
    for batch in (bad, huge):
        with pytest.raises(DivergedError):
            model.train_on_batch(batch, y)
    model.optimizer.learning_rate = 1e39
    with pytest.raises(DivergedError, match="taken back"):
        model.train_on_batch(x, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        equal(a, b)


def test_both_layouts_are_one():
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype("f4")
    last, first = BatchNormalization(), BatchNormalization(axis=1)
    equal(
        first(x.transpose(0, 3, 1, 2), training=True), last(x, training=True).transpose(0, 3, 1, 2)
    )


def test_what_it_refuses():
    for axis in (0, 4, -4, -5):
        with pytest.raises(ShapeError, match="not an axis of one sample"):
            BatchNormalization(axis=axis).build_for((2, 3, 4))
        with pytest.raises(ShapeError, match="not an axis of one sample"):
            BatchNormalization(axis=axis).compute_output_shape((2, 3, 4))
    with pytest.raises(ShapeError, match="not an axis of one sample"):
        BatchNormalization().compute_output_shape(())
    for axis in (1.0, "1", None, True, [1]):
        with pytest.raises(DTypeError, match="axis of BatchNormalization"):
            BatchNormalization(axis=axis)
    for momentum in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="momentum of BatchNormalization must be at least 0"):
            BatchNormalization(momentum=momentum)
    with pytest.raises(ValueError, match="epsilon"):
        BatchNormalization(epsilon=-1e-3)
    with pytest.raises(DTypeError, match=r"epsilon .* must be a number"):
        BatchNormalization(epsilon="small")


def test_its_initializers_survive_json():
    norm = BatchNormalization(
        gamma_initializer=initializers.Constant(2.0), moving_variance_initializer="zeros"
    )
    again = BatchNormalization.from_config(json.loads(json.dumps(norm.get_config())))
    again.build_for((3,))
    equal(again.params["gamma"], [2, 2, 2])
    equal(again.statistics["moving_variance"], [0, 0, 0])


def test_a_frozen_layer_s_statistics_keep_their_last_bit():
    """0.99 * m + 0.01 * m is not always m."""
    norm = BatchNormalization(trainable=False)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 200)).astype("f4")
    norm(x)
    norm.set_weights([np.abs(rng.normal(size=w.shape)) for w in norm.get_weights()])
    before = norm.get_weights()
    norm.forward(x, training=True)
    norm.after_update()
    for a, b in zip(norm.get_weights(), before, strict=True):
        equal(a, b)


def test_what_is_returned_without_gamma_and_beta_is_the_caller_s():
    norm = BatchNormalization(center=False, scale=False, dtype="float64")
    x, dy = np.array([[1.0], [1.0], [5.0], [5.0]]), np.array([[8.0], [0.0], [0.0], [0.0]])
    norm(x)
    norm.forward(x, training=True)
    expected = norm.backward(dy)
    norm.forward(x, training=True)[:] = 7
    equal(norm.backward(dy), expected)


def test_a_batch_is_counted_once():
    norm = BatchNormalization(momentum=0.5, dtype="float64")
    norm(np.array([[1.0], [3.0]]), training=True)
    for _ in range(2):
        norm.after_update()
        equal(norm.statistics["moving_mean"], [1])  # half of 0 and half of 2
