"""Models as ONNX files: what ONNX's own reference computes with them, and ONNX Runtime."""

import numpy as np
import pytest
from keras_examples import without
from small_nets import Scale, cnn, dense

from numcnn import layers
from numcnn.errors import NotCompiledError
from numcnn.export import to_onnx
from numcnn.export.layers import EXPORTERS
from numcnn.layers.names import ACTIVATIONS
from numcnn.models import Sequential

RNG = np.random.default_rng(4)


class Bend(layers.ReLU):
    """An activation of a user's own."""


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    without(monkeypatch, "onnx")
    with pytest.raises(ImportError, match=r"to_onnx needs.*pip install 'numcnn\[onnx\]'"):
        to_onnx(dense(), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def onnx():
    return pytest.importorskip("onnx", reason="needs the extra onnx")


def with_random_weights(model):
    for layer in model.layers:
        for name, weight in layer.named_weights().items():
            weight[...] = RNG.normal(size=weight.shape) * 0.4
            if name == "moving_variance":
                weight[...] = np.abs(weight) + 0.1
    return model


def runs(onnx, path):
    """Return functions that compute what a file says, each by another program."""
    reference = onnx.reference.ReferenceEvaluator(str(path))
    (name,) = reference.input_names
    found = [lambda x: reference.run(None, {name: x})[0]]
    try:
        import onnxruntime
    except ImportError:
        return found
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [*found, lambda x: session.run(None, {name: x})[0]]


def check(onnx, folder, model, opset=17, sizes=(1, 5)):
    """Export a model and compare; return the graph."""
    import onnx.reference

    path = folder / "m.onnx"
    to_onnx(model, path, opset)
    for run in runs(onnx, path):
        for n in sizes:
            x = RNG.normal(size=(n, *model.input_shape[1:])).astype("f4")
            found, expected = run(x), model.predict(x)
            assert found.shape == expected.shape
            assert np.allclose(found, expected, rtol=1e-5, atol=1e-5)
    return onnx.load(str(path)).graph


def operators(graph):
    return [node.op_type for node in graph.node]


@pytest.mark.parametrize("opset", [14, 15, 17, 18, 21])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_convolutional_network(tmp_path, onnx, opset, padding):
    model = with_random_weights(
        Sequential(
            [
                layers.Conv2D(
                    4, 3, strides=(2, 1), padding=padding, activation="relu", input_shape=(9, 8, 3)
                ),
                layers.BatchNormalization(),
                layers.MaxPool2D(2, padding=padding),
                layers.Dropout(0.25),
                layers.Conv2D(3, (2, 1), padding=padding, dilation_rate=(1, 2), use_bias=False),
                layers.Flatten(),
                layers.Dense(5, activation="tanh"),
                layers.Dense(3, activation="softmax"),
            ]
        )
    )
    graph = check(onnx, tmp_path, model, opset)
    inside = ["Conv", "Relu", "BatchNormalization", "MaxPool", "Conv"]
    ending = ["Flatten", "Gemm", "Tanh", "Gemm", "Softmax"]
    assert operators(graph) == ["Transpose", *inside, "Transpose", *ending]


def test_the_oldest_opset(tmp_path, onnx):
    """Without BatchNormalization: ONNX's reference takes that of opset 13 to be in training."""
    check(onnx, tmp_path, with_random_weights(cnn()), 13)


def test_names_and_shapes(tmp_path, onnx):
    model = with_random_weights(cnn())
    graph = check(onnx, tmp_path, model)
    (given,), (returned,) = graph.input, graph.output
    shape = [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim]
    assert (given.name, shape) == ("input", ["N", 6, 6, 1])
    shape = [d.dim_param or d.dim_value for d in returned.type.tensor_type.shape.dim]
    assert (returned.name, shape) == ("dense_1", ["N", 3])
    names = [f"{layer}/{w}" for layer in ("conv2d", "dense", "dense_1") for w in ("kernel", "bias")]
    assert [weight.name for weight in graph.initializer] == names
    whole = onnx.load(str(tmp_path / "m.onnx"))
    assert (whole.producer_name, whole.opset_import[0].version) == ("numcnn", 17)


FIRST = {"data_format": "channels_first"}
ODD = {
    "channels first": [
        layers.Conv2D(3, 3, padding="same", input_shape=(2, 6, 5), **FIRST),
        layers.BatchNormalization(axis=1),
        layers.MaxPool2D(2, **FIRST),
        layers.Flatten(**FIRST),
        layers.Dense(2),
    ],
    "both layouts": [
        layers.Conv2D(3, 3, padding="same", input_shape=(6, 5, 2)),
        layers.Conv2D(3, 2, **FIRST),
        layers.Softmax(),
    ],
    "scores of pixels": [layers.Conv2D(3, 2, activation="softmax", input_shape=(6, 5, 2))],
    "nothing at all": [layers.Dropout(0.5, input_shape=(3,))],
    "rows": [
        layers.Dense(4, activation="sigmoid", input_shape=(3, 2)),
        layers.BatchNormalization(),
        layers.Reshape((2, -1)),
        layers.Dense(2, use_bias=False, name="input"),
    ],
    "float64": [layers.Conv2D(2, 3, input_shape=(6, 6, 1), dtype="float64")],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_models(tmp_path, onnx, name):
    check(onnx, tmp_path, with_random_weights(Sequential([part.copy() for part in ODD[name]])))


def kinds(form):
    yield layers.AveragePooling2D(2, padding="same", **form)
    yield layers.AveragePooling2D((3, 2), 1, **form)
    yield layers.Cropping2D(((1, 2), (0, 1)), **form)
    yield layers.ZeroPadding2D(((1, 2), (0, 1)), **form)
    yield layers.UpSampling2D((2, 3), **form)
    yield layers.UpSampling2D((2, 3), interpolation="bilinear", **form)
    for keepdims in (False, True):
        yield layers.GlobalAveragePooling2D(keepdims=keepdims, **form)
        yield layers.GlobalMaxPooling2D(keepdims=keepdims, **form)
    for padding in ("same", "valid"):
        for arguments in ({"strides": (2, 3)}, {"dilation_rate": (2, 1)}, {"use_bias": False}):
            more = {"padding": padding, **arguments, **form}
            yield layers.Conv2DTranspose(3, (2, 3), activation="tanh", **more)
            if "strides" in more:
                more["strides"] = 2
            yield layers.DepthwiseConv2D((2, 3), depth_multiplier=2, activation="tanh", **more)
            yield layers.SeparableConv2D(3, (2, 3), depth_multiplier=2, **more)
    yield layers.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=0, **form)
    yield layers.Permute((3, 1, 2))
    yield layers.PReLU(shared_axes=(1, 2))
    yield layers.PReLU()
    yield layers.ELU(0.5)
    yield layers.LeakyReLU(0.1)
    yield layers.SpatialDropout2D(0.5, **form)
    yield layers.GaussianNoise(0.5)
    yield layers.GaussianDropout(0.5)
    yield layers.AlphaDropout(0.5)
    for most in (None, 0.5):
        for slope in (0.0, 0.25):
            for threshold in (0.0, 0.3):
                yield layers.ReLU(most, slope, threshold)
    yield layers.ReLU(0.2, 0.5, 0.3)  # the most is below the threshold
    yield layers.GELU(approximate=True)
    yield layers.ThresholdedReLU(0.5)
    yield layers.Rescaling(0.5, -1.0)
    yield layers.Softmax(axis=1)
    yield layers.ActivityRegularization(0.5)
    for name in ACTIVATIONS:
        if name != "sparsemax":  # which has no ONNX form
            yield layers.Activation(name)


@pytest.mark.parametrize("form", [{}, FIRST], ids=["channels_last", "channels_first"])
@pytest.mark.parametrize("at", range(len(list(kinds({})))))
def test_every_layer(tmp_path, onnx, form, at):
    layer = list(kinds(form))[at]
    shape = (2, 6, 5) if form else (6, 5, 2)
    model = Sequential([layers.Conv2D(2, 2, input_shape=shape, **form), layer])
    check(onnx, tmp_path, with_random_weights(model), sizes=(2,))


def test_every_layer_is_there():
    """A new layer of numcnn needs a line in the table of export/layers.py."""
    there = {vars(layers)[name] for name in layers.__all__}
    classes = {cls.__name__ for cls in there if isinstance(cls, type)}
    assert set(EXPORTERS) == classes - {"Layer", "InputLayer"}


def test_what_cannot_be_exported(tmp_path, onnx):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="layer 'scale': Scale has no ONNX form"):
        to_onnx(Sequential([Scale(input_shape=(2,))]), path)
    with pytest.raises(NotCompiledError, match="needs a model that is built"):
        to_onnx(Sequential([layers.Dense(1)]), path)
    for opset in (12, 10**6, 17.0, True, "17"):
        with pytest.raises(ValueError, match="opset must be an integer from 13"):
            to_onnx(dense(), path, opset)
    with pytest.raises(ValueError, match=r"activation .*Bend.* of 'activation'"):
        to_onnx(Sequential([layers.Activation(Bend(), input_shape=(2,))]), path)
    with pytest.raises(FileNotFoundError, match="make it first"):
        to_onnx(dense(), tmp_path / "no" / "m.onnx")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.onnx"]
