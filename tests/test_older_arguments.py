"""What layers take beside the arguments of their __init__: older Keras's words, and everyone's."""

import inspect
import warnings
from abc import ABC, abstractmethod

import numpy as np
import pytest

from numcnn import backend, layers
from numcnn.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Input,
    Layer,
    MaxPool2D,
    PReLU,
    SeparableConv2D,
)
from numcnn.models import Sequential

CLASSES = sorted(
    {cls for cls in map(vars(layers).get, layers.__all__) if isinstance(cls, type)} - {Layer},
    key=lambda cls: cls.__name__,
)
POSITIONAL = {
    "Activation": ("relu",), "AlphaDropout": (0.5,), "Conv2D": (2, 3), "Conv2DTranspose": (2, 3),
    "Dense": (2,), "DepthwiseConv2D": (3,), "Dropout": (0.5,), "GaussianDropout": (0.5,),
    "GaussianNoise": (0.5,), "Permute": ((1, 2),), "Reshape": ((-1,),),
    "Rescaling": (0.5,), "SeparableConv2D": (2, 3), "SpatialDropout2D": (0.5,),
}  # fmt: skip


def make(cls, **kwargs):
    return cls(*POSITIONAL.get(cls.__name__, ()), **kwargs)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_layer_takes_what_keras_gives_any_layer(cls):
    common = {"name": "it", "trainable": False, "dtype": np.float64}
    shapes = [
        {"input_shape": (4, 4, 3)}, {"batch_input_shape": (None, 4, 4, 3)},
        {"batch_input_shape": [32, 4, 4, 3]}, {"batch_shape": (None, 4, 4, 3)},
        {"input_shape": (4, 4, 3), "batch_size": 8},
    ]  # fmt: skip
    for shape in shapes:
        layer = make(cls, **common, **shape)
        found = layer.name, layer.trainable, layer.dtype, layer.given_input_shape
        assert found == ("it", False, "float64", (4, 4, 3))
    assert make(cls, input_dim=5).given_input_shape == (5,)


@pytest.mark.parametrize("cls", CLASSES)
def test_help_shows_the_arguments(cls):
    assert inspect.signature(cls).parameters == {
        name: p for name, p in inspect.signature(cls.__init__).parameters.items() if name != "self"
    }


# (a call in Keras 1's words, the same in today's)
CALLS = {
    "a convolution": (
        lambda: Conv2D(
            nb_filter=4, nb_row=3, nb_col=2, border_mode="same", subsample=(2, 1), init="he_normal",
            W_regularizer="l2", b_regularizer="l1", W_constraint="maxnorm", b_constraint="nonneg",
            bias=True, dim_ordering="tf",
        ),
        lambda: Conv2D(
            4, (3, 2), padding="same", strides=(2, 1), kernel_initializer="he_normal",
            kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="maxnorm",
            bias_constraint="nonneg", data_format="channels_last",
        ),
    ),
    "a window by position": (
        lambda: Conv2D(4, 3, 2, border_mode="valid"), lambda: Conv2D(4, (3, 2)),
    ),
    "channels first": (
        lambda: MaxPool2D((2, 2), dim_ordering="th"),
        lambda: MaxPool2D((2, 2), data_format="channels_first"),
    ),
    "the order by default": (
        lambda: MaxPool2D(border_mode="same", dim_ordering="default"),
        lambda: MaxPool2D(padding="same"),
    ),
    "separable": (
        lambda: layers.SeparableConvolution2D(2, 3, 3, init="orthogonal", subsample=(2, 2)),
        lambda: SeparableConv2D(
            2, (3, 3), (2, 2), depthwise_initializer="orthogonal",
            pointwise_initializer="orthogonal",
        ),
    ),
    "dense": (
        lambda: Dense(output_dim=4, input_dim=3, init="uniform", bias=False),
        lambda: Dense(4, input_shape=(3,), kernel_initializer="uniform", use_bias=False),
    ),
    "dropout": (lambda: Dropout(p=0.25), lambda: Dropout(0.25)),
    "noise": (lambda: GaussianNoise(sigma=0.5), lambda: GaussianNoise(0.5)),
    "normalization": (
        lambda: BatchNormalization(mode=0, axis=1, beta_init="one", gamma_init="zero"),
        lambda: BatchNormalization(axis=1, beta_initializer="ones", gamma_initializer="zeros"),
    ),
    "prelu": (lambda: PReLU(init="one"), lambda: PReLU(alpha_initializer="ones")),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_words_of_keras_1_mean_what_they_meant(name):
    old, new = CALLS[name]
    with pytest.warns(
        UserWarning, match=r"was given words of Keras 1: .*This is said once"
    ) as said:
        layer = old()
    assert said[0].filename == __file__
    assert layer.get_config() == new().get_config()
    with warnings.catch_warnings(record=True) as again:
        warnings.simplefilter("always")
        old()
    assert not again


def test_what_the_warning_says():
    with pytest.warns(UserWarning, match="Keras 1") as said:
        layers.Convolution2D(4, 3, 3, border_mode="same", dim_ordering="tf")
    assert str(said[0].message) == (
        "Conv2D was given words of Keras 1: border_mode (padding), dim_ordering (data_format), "
        "nb_row, nb_col (kernel_size). They are read as what stands in brackets, and "
        "Conv2D(32, 3, 3) as a window of 3x3. This is said once."
    )


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Conv2D(4, 3, 3), TypeError, r"Conv2D\(4, 3, 3\) is a 3x3 kernel in Keras 1 and"),
        (lambda: SeparableConv2D(4, 3, 3), TypeError, "strides=3 in Keras 3"),
        (lambda: Conv2D(4, 3, 3, padding="same"), TypeError, r"Write kernel_size=\(3, 3\)"),
        (lambda: Conv2D(4, 3, 3, padding="same", init="one"), TypeError, "Write kernel_size"),
        (lambda: Conv2D(4, 3, border_mode="full"), ValueError, "padding of Conv2D 'full'"),
        (lambda: MaxPool2D(dim_ordering="tg"), ValueError, "Unknown dim_ordering 'tg'"),
        (
            lambda: Conv2D(4, 3, padding="same", border_mode="valid"), TypeError,
            "border_mode='valid' and padding='same', which are one argument",
        ),
        (
            lambda: Dense(2, input_dim=3, input_shape=(4,)), TypeError,
            r"input_dim=\(3,\) and input_shape=\(4,\)",
        ),
        (lambda: BatchNormalization(mode=2), ValueError, "mode=2 of BatchNormalization"),
        (lambda: Dense(2, p=0.5), TypeError, "Dense has no argument 'p'"),
        (lambda: Conv2D(2, nb_row=3), TypeError, "kernel_size|nb_row"),
        (lambda: Dense(2, batch_input_shape=5), TypeError, r"such as \(None, 28, 28, 1\), got 5"),
        (lambda: Dense(2, batch_size=0), ValueError, "batch_size of Dense"),
        (lambda: Dense(2, dtype="float16"), TypeError, "dtype must be 'float32' or 'float64'"),
        (lambda: Dense(2, dtype=np.int64), TypeError, "'float64', got <class 'numpy.int64'>"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Conv2D was given words")
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_window_by_position_after_words_of_keras_1():
    """No Keras that takes the first call reads the second one as strides."""
    with pytest.raises(TypeError, match="Write kernel_size"):
        Conv2D(4, 3, 3)
    with pytest.warns(UserWarning, match=r"and Conv2D\(32, 3, 3\) as a window of 3x3"):
        Conv2D(4, 3, 3, border_mode="same")
    assert Conv2D(4, 3, 3).kernel_size == (3, 3)
    assert Conv2D(4, 3, 2).strides == (1, 1)
    with pytest.raises(TypeError, match="Write kernel_size"):
        Conv2D(4, 3, 3, padding="same")


def test_a_window_by_position_after_the_layout_in_keras_1s_words(monkeypatch):
    monkeypatch.setattr(backend.settings, "KERAS_1_WORDS", [])
    with pytest.raises(TypeError, match="Write kernel_size"):
        Conv2D(4, 3, 3)
    backend.set_image_dim_ordering("tf")
    with pytest.warns(UserWarning, match=r"Conv2D was given words of Keras 1: nb_row, nb_col"):
        assert Conv2D(4, 3, 3).kernel_size == (3, 3)


def test_the_name_of_keras_1_has_a_window_by_position():
    with pytest.warns(
        UserWarning, match=r"Convolution2D\(4, 3, 2\) was written as in Keras 1"
    ) as said:
        layer = layers.Convolution2D(4, 3, 2, input_shape=(8, 8, 1), activation="relu")
    assert said[0].filename == __file__
    assert type(layer) is Conv2D
    assert (layer.kernel_size, layer.strides) == ((3, 2), (1, 1))
    assert layers.Convolution2D(4, (3, 2)).kernel_size == (3, 2)
    with pytest.raises(TypeError, match="Write kernel_size"):
        layers.Convolution2D(4, 3, 3, strides=2)


def test_a_window_of_one_pixel_means_the_same_in_all():
    conv = Conv2D(4, 1, 1)
    assert (conv.kernel_size, conv.strides) == ((1, 1), (1, 1))


def test_a_description_is_in_todays_words():
    config = Conv2D(2, 3).get_config()
    with pytest.raises(TypeError, match="no argument 'border_mode'"):
        Conv2D.from_config({**config, "border_mode": "same"})


def test_weights_start_a_layer():
    w, b = np.arange(6.0).reshape(3, 2), np.ones(2)
    model = Sequential([Dense(2, weights=[w, b], input_dim=3), Dense(1)])
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], w)
    np.testing.assert_array_equal(model.layers[0].get_weights()[1], b)
    with pytest.raises(ValueError, match=r"needs 2 arrays, of shapes \[\(3, 2\), \(2,\)\]; got 1"):
        Sequential([Dense(2, weights=[w], input_dim=3)])
    model.add(Dense(1, weights=None))


def test_layers_of_ones_own_keep_their_words():
    class Mine(Layer):
        def __init__(self, p, init=3, weights=None, **kwargs):
            super().__init__(**kwargs)
            self.found = p, init, weights

    mine = Mine(p=1, init=2, weights=[4], batch_input_shape=(None, 5), name="mine")
    assert (mine.found, mine.given_input_shape) == ((1, 2, [4]), (5,))

    class Wider(Conv2D):
        def __init__(self, filters, **kwargs):
            super().__init__(2 * filters, 3, **kwargs)

    with pytest.warns(UserWarning, match="Wider was given"):
        assert Wider(2, border_mode="same").padding == "same"

    class Shape(Layer, ABC):
        @abstractmethod
        def area(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Shape()


def test_input_takes_what_keras_gives_it():
    for entrance in (
        Input((4, 3)), Input(shape=(4, 3), batch_size=16, sparse=False, tensor=None),
        Input(batch_shape=(None, 4, 3)), layers.InputLayer(batch_input_shape=(None, 4, 3)),
    ):  # fmt: skip
        assert entrance.given_input_shape == (4, 3)
    with pytest.raises(TypeError, match="no argument 'sparse'"):
        Input((4, 3), sparse=True)


def test_a_program_of_keras_1_trains():
    backend.set_image_dim_ordering("th")
    model = Sequential()
    with pytest.warns(UserWarning, match="Keras 1"):
        model.add(
            layers.Convolution2D(
                4, 3, 3, border_mode="same", input_shape=(1, 6, 6), activation="relu"
            )
        )
    model.add(MaxPool2D(pool_size=(2, 2), border_mode="valid"))
    model.add(Dropout(p=0.25))
    model.add(Flatten())
    model.add(Dense(output_dim=3, init="glorot_normal", activation="softmax"))
    model.compile("sgd", "categorical_crossentropy")
    x, y = np.ones((4, 1, 6, 6)), np.eye(3)[[0, 1, 2, 0]]
    model.fit(x, y, batch_size=2, epochs=1, verbose=0)
    assert model.output_shape == (None, 3)
    assert model.layers[0].output_shape == (None, 4, 6, 6)


def test_weights_by_keras_names():
    norm = BatchNormalization(input_shape=(3,))
    separable = SeparableConv2D(2, 3)
    depthwise = layers.DepthwiseConv2D(3)
    model = Sequential([norm, Dense(4), PReLU(), Dense(2, use_bias=False)])
    _, dense, prelu, last = model.layers
    assert dense.kernel is dense.params["w"]
    assert dense.bias is dense.params["b"]
    assert prelu.alpha is prelu.params["alpha"]
    assert norm.gamma is norm.params["gamma"]
    assert norm.moving_mean is norm.statistics["moving_mean"]
    for layer in (separable, depthwise):
        layer.build_for((4, 4, 2))
    assert separable.depthwise_kernel is separable.params["w_depth"]
    assert separable.pointwise_kernel is separable.params["w_point"]
    assert depthwise.depthwise_kernel is depthwise.kernel is depthwise.params["w"]
    for layer, name in ((last, "bias"), (Dense(2), "kernel"), (prelu, "kernel"), (dense, "w")):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(layer, name)
    assert not hasattr(separable, "kernel")


def test_lists_of_weights():
    norm = BatchNormalization(input_shape=(3,))
    Sequential([norm])
    own = list(norm.named_weights().values())

    def are(found, expected):
        return len(found) == len(expected) and all(map(lambda a, b: a is b, found, expected))

    assert are(norm.weights, own)
    assert are(norm.variables, own)
    assert are(norm.trainable_weights, own[:2])
    assert are(norm.non_trainable_variables, own[2:])
    norm.trainable = False
    assert are(norm.trainable_variables, [])
    assert are(norm.non_trainable_weights, own)


@pytest.mark.filterwarnings("ignore:Dense was given words")
def test_the_unit_matrix():
    model = Sequential([Dense(3, init="identity", input_shape=(3,))])
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(model.predict(x), x)
    with pytest.raises(ValueError, match="Identity needs a shape of two axes"):
        Conv2D(2, 3, kernel_initializer="identity").build_for((4, 4, 2))
