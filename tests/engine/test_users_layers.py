"""What users do beside the usual: own layers, shared arrays, other types, late changes.

Each time both engines must do the same, or both must refuse.
"""

import numpy as np
import pytest
from engine.strategies import OPTIMIZERS, Scale

from numcnn.errors import GradientError, ShapeError
from numcnn.layers import Conv2D, Dense, Flatten, Layer, MaxPool2D
from numcnn.models import Sequential, load_model

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
optimizers = pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))


def pair(make, optimizer="sgd", loss="mse"):
    """Return the same model twice, on the two engines, with the same weights."""
    models = []
    for engine in ("numpy", "numba"):
        model = Sequential(make())
        model.compile(OPTIMIZERS[optimizer](), loss, engine=engine)
        rng = np.random.default_rng(0)
        model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
        models.append(model)
    return models


def train(models, x, y, steps=3, rtol=1e-4):
    for _ in range(steps):
        losses = [model.train_on_batch(x, y) for model in models]
        close(losses[1], losses[0], rtol=rtol)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        assert a.dtype == b.dtype
        close(b, a, rtol=rtol, atol=1e-5)


def data(n=6, inputs=4, outputs=2):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, inputs)), rng.normal(size=(n, outputs))


class Holding(Layer):
    """Keeps its own reference to its parameter."""

    def build(self, input_shape):
        self.add_parameter("w", input_shape, "ones")
        self.w = self.params["w"]

    def forward(self, x, training=False):
        self.kept = x if training else None
        return x * self.w

    def backward(self, dy):
        self.grads["w"] = (dy * self.recall()).sum(axis=0)
        return dy * self.w


class OneNumber(Layer):
    """y = w * x + b, with numbers that have no axes."""

    def build(self, input_shape):
        self.add_parameter("w", (), "ones")
        self.add_parameter("b", (), "zeros")

    def forward(self, x, training=False):
        self.kept = x if training else None
        return self.params["w"] * x + self.params["b"]

    def backward(self, dy):
        x = self.recall()
        self.grads["b"], self.grads["w"] = dy.sum(), (x * dy).sum()
        return self.params["w"] * dy


class WrongShape(Layer):
    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy[:1]


@optimizers
def test_a_layer_may_hold_on_to_its_array(optimizer):
    models = pair(lambda: [Dense(4, input_shape=(4,)), Holding(), Dense(2)], optimizer)
    train(models, *data())
    for model in models:
        layer = model.layers[1]
        assert layer.w is layer.params["w"]
        assert (layer.w != np.random.default_rng(0).normal(size=4)).all()


@optimizers
def test_parameters_without_axes(optimizer):
    train(pair(lambda: [OneNumber(input_shape=(4,)), Dense(2)], optimizer), *data())


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS.keys() - {"damped"}))  # can be saved
def test_layers_of_another_type(optimizer, tmp_path):
    def make():
        return [
            Dense(3, input_shape=(4,)),
            Dense(3, dtype="float64"),
            Scale(dtype="float64"),
            Dense(2),
        ]

    models = pair(make, optimizer)
    before = [w.dtype for w in models[1].get_weights()]
    train(models, *data())
    assert [w.dtype for w in models[1].get_weights()] == before
    models[1].save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", custom_objects={"Scale": Scale})
    for a, b in zip(loaded.get_weights(), models[1].get_weights(), strict=True):
        equal(a, b)


@optimizers
def test_two_layers_with_one_array(optimizer):
    models = pair(lambda: [Dense(4, input_shape=(4,)), Dense(4), Dense(2)], optimizer)
    for model in models:
        model.layers[1].params["w"] = model.layers[0].params["w"]
    train(models, *data())
    for model in models:
        assert model.layers[1].params["w"] is model.layers[0].params["w"]


def test_a_gradient_of_a_wrong_shape_is_refused():
    for model in pair(lambda: [Dense(4, input_shape=(4,)), WrongShape(), Dense(2)]):
        before = model.get_weights()
        with pytest.raises((ValueError, GradientError), match=r"shape|mismatch"):
            model.train_on_batch(*data())
        for a, b in zip(model.get_weights(), before, strict=True):
            equal(a, b)


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("trained_before", [False, True])
def test_thawed_without_being_compiled(late, trained_before):
    """Both engines go by what is trainable now, or both refuse."""
    x, y = data()
    y = np.eye(2)[(y[:, 0] > 0).astype(int)]

    def make():
        return [Dense(3, input_shape=(4,)), Dense(2, activation="softmax")]

    models = pair(make, "momentum", "categorical_crossentropy")
    answers = []
    for model in models:
        model.layers[late].trainable = False
        assert model.engine
        if trained_before:
            model.train_on_batch(x, y)
        model.layers[late].trainable = True
        try:
            answers.append(model.train_on_batch(x, y))
        except ShapeError as error:
            answers.append(str(error))
    assert (answers[0] == answers[1]) if trained_before else answers[0] == pytest.approx(answers[1])
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        close(b, a, rtol=1e-5, atol=1e-6)


def test_a_parameter_replaced_between_gradients_and_update():
    """The step is taken with these gradients, or refused; it is not lost without a word."""
    x, y = data()
    for model in pair(lambda: [Dense(2, input_shape=(4,))]):
        model.engine.gradients(x.astype("float32"), y)
        layer = model.layers[0]
        old = layer.params["w"] = layer.params["w"].copy()
        before = old.copy()
        try:
            model.engine.update()
        except (ShapeError, RuntimeError):
            continue
        assert (layer.params["w"] != before).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_at_both_ends_of_the_floats(dtype):
    def make():
        return [Dense(3, use_bias=False, activation="softmax", dtype=dtype, input_shape=(1,))]

    top = np.finfo(dtype).max
    for model in pair(make, loss="categorical_crossentropy"):
        model.set_weights([np.array([[top, -top, 0]])])
        with np.errstate(over="ignore"):
            assert model.train_on_batch([[1.0]], [[1.0, 0.0, 0.0]]) == 0
            assert model.evaluate([[1.0]], [[1.0, 0.0, 0.0]], verbose=0) == 0
        equal(model.get_weights()[0], [[top, -top, 0]])


def test_nan_and_infinity_go_where_the_reference_lets_them():
    def make():
        return [
            Conv2D(16, 3, activation="relu", input_shape=(8, 8, 16)),
            MaxPool2D(2),
            Conv2D(3, 2),
            MaxPool2D(2),
            Flatten(),
            Dense(2),
        ]

    x = np.random.default_rng(0).normal(size=(4, 8, 8, 16)).astype("float32")
    x[1, 3, 3, 2], x[2, 0, 0, 0], x[3, 7, 7, 1] = np.nan, np.inf, -np.inf
    models = pair(make)
    with np.errstate(invalid="ignore"):
        answers = [model.predict(x) for model in models]
    close(answers[1][:1], answers[0][:1], rtol=1e-3, atol=1e-3)
    assert not np.isfinite(answers[0][1:2]).any()
    assert not np.isfinite(answers[1][1:2]).any()
