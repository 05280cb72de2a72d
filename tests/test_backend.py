"""keras.backend on arrays: what metrics and callbacks of one's own call."""

import copy
import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from small_nets import dense

from numcnn import backend as K
from numcnn.callbacks import Callback, LearningRateScheduler
from numcnn.layers import Dense
from numcnn.models import Sequential
from numcnn.optimizers import SGD, Adam
from numcnn.optimizers.schedules import ExponentialDecay

RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 3)).astype("float32")


def test_every_public_function_has_a_name_at_the_front():
    assert all(callable(getattr(K, name)) for name in K.__all__ if name != "DataFormat")
    assert len(K.__all__) == len(set(K.__all__))


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "var", "std"])
@pytest.mark.parametrize("axis", [None, 0, -1, [0, 1]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_along_axes(name, axis, dtype):
    x = X.astype(dtype)
    found = getattr(K, name)(x, axis=axis, keepdims=True)
    expected = getattr(np, name)(x, axis=tuple(axis) if isinstance(axis, list) else axis)
    assert found.dtype == dtype
    assert_allclose(np.squeeze(found), np.squeeze(expected))
    assert found.ndim == 2


def test_truth_values_have_a_mean_and_a_sum():
    hits = K.equal(K.argmax(np.eye(3)), K.argmax(np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1]])))
    assert K.mean(hits) == pytest.approx(2 / 3)
    assert K.mean(hits).dtype == np.float32
    assert K.sum(hits) == 2
    assert K.mean([1, 2]) == 1.5
    assert K.any(hits)
    assert not K.all(hits)


def test_where_the_numbers_end():
    assert K.sqrt([-4.0, 4.0]).tolist() == [0, 2]
    assert K.sigmoid([-1000.0, 0.0, 1000.0]).tolist() == [0, 0.5, 1]
    assert K.softplus([-1000.0, 1000.0]).tolist() == [0, 1000]
    assert K.logsumexp([1000.0, 1000.0]) == pytest.approx(1000 + np.log(2))
    assert K.softmax([[1000.0, 1000.0]]).tolist() == [[0.5, 0.5]]
    assert K.round([0.5, 1.5, 2.4]).tolist() == [0, 2, 2]
    assert K.hard_sigmoid([-3.0, 0.0, 3.0]).tolist() == [0, 0.5, 1]
    assert K.relu([-2.0, 0.5, 9.0], alpha=0.5, max_value=6).tolist() == [-1, 0.5, 6]
    assert K.relu([0.5, 2.0], threshold=1).tolist() == [0, 2]
    assert K.clip([-1.0, 5.0], 0, None).tolist() == [0, 5]
    assert K.clip([-1.0], None, None).tolist() == [-1]
    assert_allclose(K.l2_normalize([[3.0, 4.0], [0.0, 0.0]], axis=-1), [[0.6, 0.8], [0, 0]])
    assert K.logsumexp(X, axis=1, keepdims=True).shape == (4, 1)


def test_losses_of_certain_and_impossible_outputs_are_finite():
    t, p = np.array([[1.0, 0.0]], "float32"), np.array([[0.0, 1.0]], "float32")
    far = -np.log(np.float32(1e-7))
    assert K.categorical_crossentropy(t, p)[0] == pytest.approx(far, rel=1e-5)
    np.testing.assert_allclose(K.binary_crossentropy(t, p), far, rtol=0.02)
    assert K.sparse_categorical_crossentropy([0], p)[0] == pytest.approx(far, rel=1e-5)


def test_losses_are_those_that_models_train_with():
    from numcnn.losses import binary_crossentropy, categorical_crossentropy

    t = np.eye(3)[[0, 2, 1, 1]]
    p = K.softmax(X.astype("float64"))
    assert_allclose(K.categorical_crossentropy(t, p), categorical_crossentropy(t, p))
    assert_allclose(K.categorical_crossentropy(t, X.astype("f8"), from_logits=True),
                    categorical_crossentropy(t, p))  # fmt: skip
    assert_allclose(K.sparse_categorical_crossentropy([[0], [2], [1], [1]], p),
                    categorical_crossentropy(t, p))  # fmt: skip
    assert_allclose(K.mean(K.binary_crossentropy(t, p), axis=-1), binary_crossentropy(t, p))
    assert_allclose(K.binary_crossentropy(t, X.astype("f8"), from_logits=True),
                    K.binary_crossentropy(t, K.sigmoid(X.astype("f8"))))  # fmt: skip


def test_shapes():
    x = np.arange(24).reshape(2, 3, 4)
    assert K.int_shape(x) == K.shape(x) == (2, 3, 4)
    assert (K.ndim(x), K.dtype(X)) == (3, "float32")
    assert K.batch_flatten(x).shape == (2, 12)
    assert K.flatten(x).shape == (24,)
    assert K.reshape(x, (4, -1)).shape == (4, 6)
    assert K.permute_dimensions(x, (2, 0, 1)).shape == (4, 2, 3)
    assert K.transpose(x).shape == (4, 3, 2)
    assert K.expand_dims(x).shape == (2, 3, 4, 1)
    assert K.squeeze(x[:1], 0).shape == (3, 4)
    assert K.concatenate([x, x]).shape == (2, 3, 8)
    assert K.stack([x, x]).shape == (2, 2, 3, 4)
    assert K.tile(x, (1, 1, 2)).shape == (2, 3, 8)
    assert K.gather(x, [1.0]).tolist() == x[1:].tolist()
    assert K.one_hot([1, 0], 2).tolist() == [[0, 1], [1, 0]]
    assert K.cast(x, "float32").dtype == K.variable(x).dtype == K.constant(1).dtype == "float32"
    assert K.constant(2, shape=(2, 2)).tolist() == [[2, 2], [2, 2]]
    assert K.zeros((2, 2)).tolist() == K.zeros_like(np.ones((2, 2))).tolist()
    assert K.ones(2).tolist() == K.ones_like([0.0, 0.0]).tolist()
    assert K.switch([True, False], lambda: np.array([1, 2]), np.array([3, 4])).tolist() == [1, 4]
    assert K.dot(x, np.ones((4, 5))).shape == (2, 3, 5)
    assert K.eval([1, 2]).tolist() == [1, 2]
    assert K.cumsum([1, 2, 3]).tolist() == [1, 3, 6]
    assert K.argmin([[3, 1, 2]]).tolist() == [1]


def test_a_metric_of_ones_own():
    def hits(y_true, y_pred):
        return K.mean(K.equal(K.argmax(y_true, axis=-1), K.argmax(y_pred, axis=-1)))

    def f1(y_true, y_pred):
        found = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
        precision = found / (K.sum(K.round(K.clip(y_pred, 0, 1))) + K.epsilon())
        recall = found / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())
        return 2 * precision * recall / (precision + recall + K.epsilon())

    model = Sequential([Dense(3, activation="softmax", input_shape=(3,))])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy", hits, f1])
    y = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    _, accuracy, own, f = model.evaluate(X, y, verbose=0)
    assert own == pytest.approx(accuracy)
    p = np.round(model.predict(X))
    assert f == pytest.approx(2 * (p * y).sum() / (p.sum() + y.sum()), abs=1e-5)


# ---- learning rates ---------------------------------------------------------------------------


def test_a_rate_is_set_through_the_backend():
    model = dense()
    lr = model.optimizer.lr
    K.set_value(model.optimizer.lr, K.get_value(model.optimizer.lr) * 0.5)
    assert model.optimizer.learning_rate == lr * 0.5
    model.optimizer.learning_rate.assign(np.float32(0.125))
    assert (
        model.optimizer.lr == model.optimizer.lr.numpy() == model.optimizer.lr.get_value() == 0.125
    )
    assert type(K.get_value(model.optimizer.lr)) is float
    with pytest.raises(ValueError, match="learning_rate"):
        K.set_value(model.optimizer.lr, -1)
    assert model.optimizer.lr == 0.125


def test_a_rate_is_a_number_wherever_it_goes():
    sgd = SGD(0.5)
    rate = sgd.learning_rate
    assert repr(rate) == "0.5"
    assert json.dumps(rate) == "0.5"
    for other in (copy.copy(rate), copy.deepcopy([rate])[0], pickle.loads(pickle.dumps(rate))):
        assert type(other) is float
        assert other == 0.5
    assert type(sgd.get_config()["learning_rate"]) is float
    sgd.learning_rate = rate  # as a schedule that returns what it was given does
    assert type(sgd.get_config()["learning_rate"]) is float


def test_a_rate_that_follows_a_schedule_is_not_set():
    adam = Adam(ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(TypeError, match="follows a ExponentialDecay"):
        K.set_value(adam.lr, 0.5)


def test_a_callback_that_sets_the_rate():
    class Halve(Callback):
        def on_epoch_end(self, epoch, logs=None):
            K.set_value(self.model.optimizer.lr, K.get_value(self.model.optimizer.lr) / 2)

    model = Sequential([Dense(3, input_shape=(3,))])
    model.compile(SGD(0.5), "mse")
    same = LearningRateScheduler(lambda epoch, lr: lr)
    history = model.fit(X, X, epochs=3, verbose=0, callbacks=[same, Halve()])
    assert history.history["lr"] == [0.5, 0.25, 0.125]
    assert all(type(lr) is float for lr in history.history["lr"])


def test_arrays_are_set_in_place_and_numbers_are_not():
    x = np.zeros(2)
    K.set_value(x, [1, 2])
    assert K.get_value(x) is x
    assert x.tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(3,\)"):
        K.set_value(x, [1, 2, 3])
    with pytest.raises(TypeError, match=r"model\.optimizer\.momentum = value"):
        K.set_value(0.9, 0.5)
