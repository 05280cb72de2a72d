"""What each layer makes of a sample, and the gradient with respect to the input."""

import threading

import numpy as np
import pytest
from small_nets import CLASSES, SHAPE, Scale, cnn, fingerprint, images

from numcnn import backend, inspect, seeds
from numcnn.callbacks import LambdaCallback
from numcnn.errors import DTypeError, GradientError, NotCompiledError, ShapeError
from numcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Layer,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    Permute,
    PReLU,
    ReLU,
    Reshape,
    SeparableConv2D,
    Softmax,
    UpSampling2D,
    ZeroPadding2D,
)
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

ENGINES = ["numpy", "numba"]


class Scaled(Scale):
    """The user's layer of small_nets in any float type."""

    def forward(self, x, training=False):
        self.kept = x  # also in prediction, as people write it
        return self.factor * x * self.params["w"]

    def backward(self, dy):
        self.grads["w"] = self.factor * (dy * self.kept).sum(axis=0)
        return self.factor * dy * self.params["w"]


class Pair(Layer):
    """Two Dense layers in one, its state in arrays and in a generator."""

    def build(self, input_shape):
        self.inner = [Dense(4, activation="tanh"), Dense(3)]
        self.last = Scaled(2.0)
        for layer, shape in zip([*self.inner, self.last], [input_shape, (4,), (3,)], strict=True):
            layer.build_for(shape)
            for name, array in layer.params.items():
                self.params[f"{len(self.params)}{name}"] = array
        self.seen, self.rng = np.zeros(1), np.random.default_rng(3)

    def compute_output_shape(self, input_shape):
        return (3,)

    def forward(self, x, training=False):
        for layer in [*self.inner, self.last]:
            x = layer.forward(x, training)
        if training:
            self.seen += len(x)
            self.kept = self.rng.random()
        return x

    def backward(self, dy):
        for layer in reversed([*self.inner, self.last]):
            dy = layer.backward(dy)
        return dy


NETS = {
    "cnn": lambda end: [
        Conv2D(3, 3, activation="relu", input_shape=(7, 6, 2)),
        MaxPool2D(2),
        Flatten(),
        Dense(5, activation="tanh"),
        Dropout(0.5),
        *end,
    ],
    "channels_first": lambda end: [
        Conv2D(3, 3, data_format="channels_first", padding="same", input_shape=(2, 7, 6)),
        ReLU(),
        MaxPool2D(3, strides=2, data_format="channels_first"),
        Flatten(data_format="channels_first"),
        *end,
    ],
    "batch normalization": lambda end: [
        Conv2D(3, 3, input_shape=(5, 6, 1)),
        BatchNormalization(momentum=0.5),
        ReLU(),
        Flatten(),
        BatchNormalization(),
        *end,
    ],
    "input and reshape": lambda end: [
        Input(shape=(24,)),
        Reshape((4, 6, 1)),
        Conv2D(2, (3, 2), strides=2, activation="sigmoid"),
        Reshape((-1,)),
        *end,
    ],
    "less common layers": lambda end: [
        ZeroPadding2D(1, input_shape=(5, 4, 2)),
        Conv2D(4, 3, activation="swish"),
        LeakyReLU(0.1),
        AveragePooling2D(2),
        UpSampling2D(2),
        Permute((3, 1, 2)),
        Conv2D(3, 2, data_format="channels_first"),
        Conv2DTranspose(2, 2, data_format="channels_first"),
        DepthwiseConv2D(2, data_format="channels_first"),
        SeparableConv2D(3, 2, data_format="channels_first"),
        PReLU(),
        GlobalAveragePooling2D(data_format="channels_first"),
        *end,
    ],
    "layers of one's own": lambda end: [
        Dropout(0.9, input_shape=(5,)),
        Scaled(0.5),
        Pair(),
        Scaled(2.0),
        *end,
    ],
    "dense alone": lambda end: [Input(shape=(4,)), *end],
}
ENDS = {
    "scores": lambda: [Dense(CLASSES)],
    "softmax in Dense": lambda: [Dense(CLASSES, activation="softmax")],
    "Activation": lambda: [Dense(CLASSES), Activation("softmax")],
    "Softmax": lambda: [Dense(CLASSES), Softmax()],
    "log_softmax in Dense": lambda: [Dense(CLASSES, activation="log_softmax")],
    "LogSoftmax": lambda: [Dense(CLASSES), LogSoftmax()],
}


def net(name, end="scores", engine="numpy", floatx="float64"):
    """Return a model with biases that are not zero, and a batch for it."""
    backend.set_floatx(floatx)
    set_random_seed(5)
    model = Sequential(NETS[name](ENDS[end]()))
    model.compile("sgd", loss="mse", engine=engine)
    rng = np.random.default_rng(2)
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in model.get_weights()])
    return model, rng.standard_normal((3, *model.input_shape[1:]))


def slopes(score, x, classes, h=1e-6):
    """Return the central differences of score(x)[n, classes[n]] in each number of x."""
    found = np.empty(x.shape)
    n = np.arange(len(x))
    for i in np.ndindex(x.shape[1:]):
        step = np.zeros(x.shape)
        step[(slice(None), *i)] = h
        found[(slice(None), *i)] = (score(x + step)[n, classes] - score(x - step)[n, classes]) / (
            2 * h
        )
    return found


# activations


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NETS)
def test_activations_are_those_of_predict_layer_by_layer(name, engine):
    model, x = net(name, "Activation", engine)
    found = inspect.activations(model, x, batch_size=2)
    assert list(found) == [layer.name for layer in model.layers]
    below = x
    for layer in model.layers:
        assert found[layer.name].shape == (3, *layer.output_shape[1:])
        expected = layer.forward(below, training=False)
        np.testing.assert_allclose(found[layer.name], expected, rtol=1e-12, atol=1e-14)
        below = found[layer.name]
    np.testing.assert_allclose(below, model.predict(x), rtol=1e-9, atol=1e-12)
    for name_, whole in inspect.activations(model, x).items():
        np.testing.assert_allclose(found[name_], whole, rtol=1e-12, atol=1e-14)


def test_activations_are_after_the_activation_and_dropout_does_nothing():
    x, _, _ = images(4)
    found = inspect.activations(cnn(rate=0.9), x)
    assert found["conv2d"].min() == 0
    assert found["conv2d"].max() > 0
    np.testing.assert_array_equal(found["dropout"], found["dense"])
    np.testing.assert_allclose(found["dense_1"].sum(axis=1), 1, rtol=1e-6)
    assert {y.dtype for y in found.values()} == {np.dtype("float32")}


def test_no_samples_give_no_activations_and_no_gradient():
    none = np.empty((0, *SHAPE))
    model = cnn()
    assert inspect.activations(model, none)["conv2d"].shape == (0, 4, 4, 2)
    assert inspect.input_gradient(model, none).shape == (0, *SHAPE)
    assert inspect.saliency(model, none).shape == (0, 6, 6)


def test_pixels_of_bytes_are_cast_as_predict_casts_them():
    x = np.arange(72, dtype=np.uint8).reshape(2, *SHAPE)
    model = cnn(engine="numpy")
    np.testing.assert_array_equal(inspect.activations(model, x)["dense_1"], model.predict(x))
    expected = inspect.input_gradient(model, x.astype("float32"))
    np.testing.assert_array_equal(inspect.input_gradient(model, x), expected)


def test_nan_goes_through_the_layers_so_that_one_sees_where_it_came_from():
    x = np.zeros((1, *SHAPE))
    x[0, 0, 0, 0] = np.nan
    found = inspect.activations(cnn(), x)
    assert np.isnan(found["conv2d"][0, 0, 0]).all()
    assert np.isfinite(found["conv2d"][0, 1:]).all()


def test_layouts_are_those_that_the_layers_say():
    first, last = "channels_first", "channels_last"
    model, _ = net("less common layers")
    assert inspect.data_formats(model) == [last] * 6 + [first] * 8
    model = Sequential([ReLU(input_shape=(2, 5, 5)), Conv2D(1, 3, data_format=first), Flatten()])
    assert inspect.data_formats(model) == [first, first, first, last]
    assert inspect.data_formats(Sequential([ReLU(input_shape=(5, 5, 2))])) == [last, last]
    model = Sequential([Permute((3, 1, 2), input_shape=(5, 5, 2)), Conv2D(1, 3, data_format=first)])
    assert inspect.data_formats(model) == [last, first, first]


# the gradient


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NETS)
def test_the_gradient_is_the_slope_of_predict(name, engine):
    model, x = net(name, "scores", engine)
    classes = np.array([2, 0, 1])
    found = inspect.input_gradient(model, x, classes)
    expected = slopes(model.predict, x, classes)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("end", [end for end in ENDS if end != "scores"])
def test_before_a_softmax_it_is_the_slope_of_the_score(name, end):
    with_softmax, x = net(name, end)
    without, _ = net(name, "scores")
    without.set_weights(with_softmax.get_weights())
    np.testing.assert_array_equal(
        inspect.input_gradient(with_softmax, x, 1), inspect.input_gradient(without, x, 1)
    )


def test_without_a_softmax_it_is_the_slope_of_the_output():
    set_random_seed(0)
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(3,), dtype="float64")])
    x = np.random.default_rng(0).standard_normal((2, 3))
    p, w = model.predict(x), model.layers[0].params["w"][:, 0]
    np.testing.assert_allclose(inspect.input_gradient(model, x), p * (1 - p) * w)


def test_the_class_is_the_predicted_one_unless_it_is_given():
    model, x = net("cnn", "softmax in Dense")
    x = np.random.default_rng(0).standard_normal((40, *x.shape[1:]))  # more than a batch
    predicted = model.predict(x).argmax(axis=1)
    assert len(set(predicted)) > 1
    found = inspect.input_gradient(model, x)
    np.testing.assert_array_equal(found, inspect.input_gradient(model, x, predicted))
    by_class = [inspect.input_gradient(model, x, k) for k in range(CLASSES)]
    for n, k in enumerate(predicted):
        np.testing.assert_array_equal(found[n], by_class[k][n])
    assert np.abs(by_class[0] - by_class[1]).max() > 0.01


def test_each_samples_gradient_is_its_own():
    model, x = net("cnn")
    together = inspect.input_gradient(model, x, [0, 1, 2])
    for n in range(3):
        alone = inspect.input_gradient(model, x[n : n + 1], n)
        np.testing.assert_allclose(together[n : n + 1], alone, rtol=1e-12, atol=1e-14)


def test_saliency_is_the_greatest_size_over_the_channels():
    model, x = net("cnn")
    gradient = inspect.input_gradient(model, x, 1)
    np.testing.assert_array_equal(inspect.saliency(model, x, 1), np.abs(gradient).max(axis=3))
    model, x = net("channels_first")
    gradient = inspect.input_gradient(model, x, 1)
    assert inspect.saliency(model, x, 1).shape == (3, 7, 6)
    np.testing.assert_array_equal(inspect.saliency(model, x, 1), np.abs(gradient).max(axis=1))
    flat = Sequential([Input(shape=(3, 4)), Flatten(), Dense(2)])
    x = np.ones((2, 3, 4))
    expected = np.abs(flat.layers[1].params["w"][:, 0].reshape(3, 4))
    np.testing.assert_array_equal(inspect.saliency(flat, x, 0), [expected, expected])


# nothing changes


def state(model):
    memory = [(layer.kept, dict(layer.grads)) for layer in model.layers]
    inner = [getattr(layer, "activation", None) for layer in model.layers]
    numpy_state = np.random.get_state()
    own = seeds._own.bit_generator.state if seeds._own else None
    return (
        fingerprint(model),
        repr(memory),
        [(a.kept is None, a.grads) for a in inner if a is not None],
        (numpy_state[1].tobytes(), numpy_state[2], own),
        model._engine,
        model.run,
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("trained", [False, True])
def test_nothing_in_the_model_changes(engine, trained):
    x, y, _ = images(20)
    model = cnn(engine=engine)
    if trained:
        model.train_on_batch(x, y)
    before, pixels = state(model), x.tobytes()
    inspect.activations(model, x, 7)
    inspect.input_gradient(model, x)
    inspect.saliency(model, x, 1)
    assert state(model) == before
    assert x.tobytes() == pixels


def test_training_goes_on_as_if_nobody_had_looked():
    x, y, _ = images(20)
    looked, alone = cnn(), cnn()
    look = LambdaCallback(on_batch_end=lambda batch, logs: inspect.input_gradient(looked, x))
    looked.fit(x, y, 4, epochs=2, verbose=0, callbacks=[look])
    alone.fit(x, y, 4, epochs=2, verbose=0)
    assert fingerprint(looked) == fingerprint(alone)


def test_a_layer_of_ones_own_keeps_its_state():
    model, x = net("layers of one's own")
    pair = model.layers[2]
    pair.forward(np.ones((2, 5)), training=True)
    kept = [layer.kept for layer in [*pair.inner, pair.last]]
    before = pair.rng.bit_generator.state, pair.kept, pair.seen.copy()
    inspect.activations(model, x)
    inspect.input_gradient(model, x)
    assert (pair.rng.bit_generator.state, pair.kept, pair.seen) == before
    assert all(layer.kept is was for layer, was in zip([*pair.inner, pair.last], kept, strict=True))
    assert not pair.grads
    assert not pair.inner[0].grads
    assert not pair.last.grads
    (twin,) = inspect._twins([pair])
    assert twin.inner[0] is not pair.inner[0]
    assert twin.inner[0].params["w"] is pair.inner[0].params["w"]  # nothing large is copied


def test_several_threads_look_while_it_predicts():
    x, _, _ = images(24)
    model = cnn()
    work = [
        lambda: inspect.input_gradient(model, x[:9]),
        lambda: inspect.input_gradient(model, x[9:], 1),
        lambda: inspect.activations(model, x)["dense"],
        lambda: model.predict(x),
    ]
    expected = [do().tobytes() for do in work]
    wrong = []

    def repeat(i):
        for _ in range(20):
            if work[i]().tobytes() != expected[i]:
                wrong.append(i)

    threads = [threading.Thread(target=repeat, args=(i,)) for i in (0, 1, 2, 3, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# what cannot be done is said


class Noise(Layer):
    def forward(self, x, training=False):
        return x + np.random.default_rng(0).standard_normal(x.shape) if training else x

    def backward(self, dy):
        return dy


class Centre(Layer):
    """As batch normalization: the batch's own mean in training, a remembered one in prediction."""

    def forward(self, x, training=False):
        return x - x.mean(axis=0) if training else x - 7

    def backward(self, dy):
        return dy - dy.mean(axis=0)


class NoWayBack(Layer):
    def forward(self, x, training=False):
        return 2 * x

    def backward(self, dy):
        return None


class WritesIntoItsInput(Layer):
    def forward(self, x, training=False):
        x *= 2
        return x


def test_a_layer_that_does_nothing_in_prediction_is_passed_by():
    noisy = Sequential([Input(shape=(3,)), Noise(), Dense(2)])
    w = noisy.layers[1].params["w"]
    np.testing.assert_array_equal(inspect.input_gradient(noisy, np.ones((1, 3)), 1), [w[:, 1]])


@pytest.mark.parametrize(
    ("layer", "error", "says"),
    [
        (Centre, GradientError, r"'centre' \(Centre\) gives other numbers in training"),
        (NoWayBack, GradientError, r"'no_way_back' .* dx of shape \(2, 3\), got None"),
        (WritesIntoItsInput, ValueError, "read-only"),
    ],
)
def test_layers_with_no_gradient_of_predict(layer, error, says):
    model = Sequential([Input(shape=(3,)), layer(), Dense(2)])
    with pytest.raises(error, match=says):
        inspect.input_gradient(model, np.random.default_rng(0).random((2, 3)))


def test_a_diverged_model_has_no_gradient():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.layers[0].params["w"][...] = np.nan
    with pytest.raises(ValueError, match=r"'dense' is NaN or infinite.* smaller learning rate"):
        inspect.input_gradient(model, np.ones((2, 3)))


@pytest.mark.parametrize("look", [inspect.activations, inspect.input_gradient, inspect.saliency])
@pytest.mark.parametrize(
    ("x", "error", "says"),
    [
        (np.zeros(SHAPE), ShapeError, r"single sample; make it a batch of one: x\[None\]"),
        (np.zeros((2, 6, 6)), ShapeError, "Add a channel axis"),
        (None, DTypeError, "x must be an array of numbers, got None"),
        ("digit", DTypeError, "real numbers"),
    ],
)
def test_bad_samples(look, x, error, says):
    with pytest.raises(error, match=says):
        look(cnn(), x)


@pytest.mark.parametrize("look", [inspect.activations, inspect.input_gradient, inspect.saliency])
def test_bad_models(look):
    with pytest.raises(NotCompiledError, match=f"{look.__name__} needs a model that is built"):
        look(Sequential([Flatten(), Dense(2)]), np.zeros((2, 6, 6)))
    with pytest.raises(NotCompiledError, match="needs a model that is built"):
        look(Sequential(), np.zeros((2, 6, 6)))
    with pytest.raises(DTypeError, match=f"{look.__name__} needs a model such as Sequential"):
        look(Dense(2), np.zeros((2, 6)))


@pytest.mark.parametrize(
    ("classes", "error", "says"),
    [
        (CLASSES, ValueError, "between 0 and 2, since the model has 3 outputs, got 3"),
        ([0, -1], ValueError, "got -1"),
        ([0, 1, 2], ShapeError, r"one for each of 2 samples, got the shape \(3,\)"),
        (np.eye(CLASSES, dtype=int)[:2], ShapeError, r"classes.argmax\(axis=1\)"),
        ([0.0, 1.0], DTypeError, "whole numbers from 0 to 2, got float64"),
        ("seven", DTypeError, "whole numbers"),
        (True, DTypeError, "whole numbers from 0 to 2, got bool"),
    ],
)
def test_bad_classes(classes, error, says):
    for look in (inspect.input_gradient, inspect.saliency):
        with pytest.raises(error, match=says):
            look(cnn(), np.zeros((2, *SHAPE)), classes)


def test_what_else_cannot_be_looked_into():
    x = np.zeros((1, *SHAPE))
    x[0, 2, 3] = np.nan
    with pytest.raises(ValueError, match="x has 1 values that are NaN or infinite"):
        inspect.input_gradient(cnn(), x)
    with pytest.raises(ShapeError, match=r"\(N, K\), got \('N', 4, 4, 2\)"):
        inspect.input_gradient(Sequential([Conv2D(2, 3, input_shape=SHAPE)]), np.zeros((1, *SHAPE)))
    with pytest.raises(ShapeError, match="saliency needs images"):
        inspect.saliency(Sequential([Dense(2, input_shape=(3,))]), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="batch_size must be an integer of at least 1, got 0"):
        inspect.activations(cnn(), np.zeros((1, *SHAPE)), batch_size=0)


def test_outputs_beyond_memory_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(inspect, "physical_memory", lambda: 1000)
    with pytest.raises(MemoryError, match=r"for 5 samples need 1,220 bytes.* Pass fewer samples"):
        inspect.activations(cnn(), np.zeros((5, *SHAPE)))
    inspect.activations(cnn(), np.zeros((4, *SHAPE)))


# the name that Keras programs know


def test_a_layers_output_says_where_it_is_to_be_had():
    model = cnn()
    says = r"numcnn\.inspect\.activations\(model, x\).*\['max_pooling2d'\]"
    for name in ("output", "input"):
        with pytest.raises(AttributeError, match=says):
            getattr(model.layers[1], name)
        assert not hasattr(model.layers[1], name)
    own = Scale()
    own.output = 3  # a layer of one's own may call something so
    assert own.output == 3
