"""Pictures of a network: to scale, what its layers make of an image, the pixels that count."""

import os

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon, Rectangle
from small_nets import cnn, dense, fingerprint, images
from tidy import assert_tidy

import numcnn
from numcnn import inspect, plotting
from numcnn.errors import DTypeError, NotCompiledError, ShapeError
from numcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    LeakyReLU,
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
from numcnn.plotting import volumes
from numcnn.utils import plot_model, set_random_seed, vis_utils


def tutorial(name, data_format="channels_last"):
    """Return one of the tutorial's two networks."""
    set_random_seed(0)
    layout = {"data_format": data_format}
    shape = (28, 28, 1) if data_format == "channels_last" else (1, 28, 28)
    if name == "1conv":
        return Sequential(
            [
                Conv2D(32, 3, activation="relu", input_shape=shape, **layout),
                MaxPool2D(2, **layout),
                Flatten(**layout),
                Dense(128, activation="relu"),
                Dropout(0.25),
                Dense(10, activation="softmax"),
            ]
        )
    return Sequential(
        [
            Conv2D(32, 3, activation="relu", input_shape=shape, **layout),
            Conv2D(32, 3, activation="relu", **layout),
            MaxPool2D(2, **layout),
            Conv2D(32, 3, activation="relu", **layout),
            Flatten(**layout),
            Dense(128, activation="relu"),
            Dropout(0.1),
            Dense(10),
            Activation("softmax"),
        ]
    )


def deep():
    """Return twenty layers of many kinds, on images that are not square, in colour."""
    layers = [Conv2D(3, 3, padding="same", input_shape=(64, 48, 3)), BatchNormalization(), ReLU()]
    for i in range(3):
        layers += [Conv2D(8 * (i + 1), (3, 5), padding="same", strides=2), MaxPool2D(2, strides=1)]
        layers += [ReLU(name=f"bend{i}"), Dropout(0.1 * i)]
    layers += [Reshape((-1, 8)), Flatten(), Dense(1000, name="a_name_that_is_very_long_indeed")]
    return Sequential([*layers, Dense(2), Softmax()])


def other_layers():
    """Return a model of layers that are less common."""
    return Sequential(
        [
            ZeroPadding2D(1, input_shape=(9, 8, 2)),
            Conv2D(4, 3, activation="hard_sigmoid"),
            LeakyReLU(0.1),
            AveragePooling2D(2),
            UpSampling2D(2),
            Cropping2D(1),
            Permute((3, 1, 2)),
            Conv2D(5, 2, data_format="channels_first"),
            Conv2DTranspose(3, 2, strides=2, data_format="channels_first"),
            SeparableConv2D(4, 3, data_format="channels_first", activation="relu"),
            DepthwiseConv2D(2, data_format="channels_first"),
            GlobalMaxPooling2D(data_format="channels_first"),
            PReLU(),
            Dense(3, activation="silu"),
        ]
    )


NETS = {
    "other layers": other_layers,
    "1conv": lambda: tutorial("1conv"),
    "3conv": lambda: tutorial("3conv"),
    "1conv channels_first": lambda: tutorial("1conv", "channels_first"),
    "3conv channels_first": lambda: tutorial("3conv", "channels_first"),
    "one dense layer": lambda: dense(units=1, inputs=3),
    "20 layers": deep,
    "wide": lambda: Sequential([Conv2D(300, 2, input_shape=(2, 90, 200)), Flatten(), Dense(9)]),
    "rows": lambda: Sequential([Dense(4, input_shape=(7, 5)), Flatten(), Dense(1)]),
}


def heading(figure):
    return figure.texts[0].get_text().replace("\n", " ")


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def an_image(model, seed=0):
    return np.random.default_rng(seed).random(model.input_shape[1:]).astype("float32")


# architecture


@pytest.mark.parametrize("name", NETS)
def test_the_architecture_says_what_the_summary_says(name):
    model = NETS[name]()
    figure = plotting.architecture(model)
    assert_tidy(figure)
    found = words(figure)
    count = f"{model.count_params():,}"
    assert heading(figure).endswith(f", {count} parameter{'s' * (count != '1')}")
    assert heading(figure).startswith(f"{len(model.layers)} layer")
    for layer in model.layers:
        assert volumes._short(layer.name) in found
        if layer.count_params():
            assert f"{layer.count_params():,}" in found
    assert found.count("input") == 1


def fronts(figure):
    """Return the width and height of each front face, in inches."""
    faces = [patch for patch in figure.axes[0].patches if isinstance(patch, Polygon)]
    boxes = [face.get_xy() for face in faces[::3]]
    return np.array([np.ptp(corners, axis=0) for corners in boxes])


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_boxes_are_to_scale(layout):
    figure = plotting.architecture(tutorial("1conv", layout))
    size = fronts(figure)
    unit = size[0, 0] / 28
    np.testing.assert_allclose(size[:3], unit * np.array([[28, 28], [26, 26], [13, 13]]))
    polygons = [patch for patch in figure.axes[0].patches if isinstance(patch, Polygon)]
    depths = [np.ptp(patch.get_xy(), axis=0)[1] for patch in polygons[1:9:3]]  # of the tops
    np.testing.assert_allclose(depths[1] / depths[2], 1)  # 32 and 32 channels
    assert depths[0] < depths[1] / 10
    heights = size[3:, 1]
    decade = heights[0] / np.log10(5408)
    np.testing.assert_allclose(heights, decade * np.log10([5408, 128, 128, 10]))
    assert "26×26×32" in words(figure)


def test_a_face_is_as_wide_as_the_image_is():
    size = fronts(plotting.architecture(Sequential([Conv2D(2, 3, input_shape=(40, 20, 1))])))
    np.testing.assert_allclose(size / size[0, 1], [[0.5, 1], [18 / 40, 38 / 40]])


def test_columns_are_marked_at_each_factor_of_ten():
    figure = plotting.architecture(Sequential([Dense(10, input_shape=(5000,))]))
    bottom = min(p.get_xy()[:, 1].min() for p in figure.axes[0].patches if isinstance(p, Polygon))
    marks = sorted({float(line.get_ydata()[0]) for line in figure.axes[0].lines})
    tall = fronts(figure)[0, 1]
    expected = bottom + tall / np.log10(5000) * np.arange(1, 4)
    np.testing.assert_allclose(marks, expected)


def test_windows_are_drawn_where_they_slide():
    def frames(model):
        figure = plotting.architecture(model)
        return [p for p in figure.axes[0].patches if isinstance(p, Rectangle)], fronts(figure)

    found, size = frames(Sequential([Conv2D(2, (3, 5), input_shape=(20, 20, 1)), MaxPool2D(2)]))
    unit = size[0, 0] / 20
    np.testing.assert_allclose(
        [(frame.get_width() / unit, frame.get_height() / unit) for frame in found],
        [(5, 3), (2, 2)],
    )
    assert frames(dense())[0] == []


def test_what_layers_do_is_said_in_short():
    model = Sequential(
        [
            Conv2D(4, (3, 2), strides=2, activation="tanh", input_shape=(12, 12, 1)),
            BatchNormalization(),
            MaxPool2D((2, 1)),
            Dropout(0.125),
            Reshape((-1,)),
            Dense(3, activation="relu", name="middle"),
            Dense(3, name="dense_end"),
            Activation("softmax", name="answer"),
        ]
    )
    did = [volumes._does(layer) for layer in model.layers]
    assert did == [
        "3×2/2 tanh",
        "mean 0, var 1",
        "2×1 max",
        "drops 12.5%",
        "reshapes",
        "Dense relu",
        "–",
        "Activation softmax",
    ]
    assert_tidy(plotting.architecture(model))


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_with_an_image_the_faces_show_the_layers_numbers(layout):
    model = tutorial("1conv", layout)
    x = an_image(model)
    figure = plotting.architecture(model, x)
    assert_tidy(figure)
    shown = [picture.get_array() for picture in figure.axes[0].images]
    found = inspect.activations(model, x[None])
    conv = found["conv2d"][0]
    conv = conv if layout == "channels_last" else conv.transpose(1, 2, 0)
    np.testing.assert_array_equal(shown[0], x.squeeze())
    np.testing.assert_array_equal(shown[1], conv[:, :, conv.max(axis=(0, 1)).argmax()])
    np.testing.assert_array_equal(shown[-1][:, 0], found["dense_1"][0])
    assert len(shown) == len(model.layers) + 1


# activations


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_activations_draw_every_layer_with_its_numbers(layout):
    model = tutorial("3conv", layout)
    x = an_image(model)
    figure = plotting.activations(model, x)
    assert_tidy(figure)
    found = inspect.activations(model, x[None])
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(shown) == 1 + 4 * 32 + 1
    np.testing.assert_allclose(shown[0], x.squeeze(), rtol=1e-6)
    first = found["conv2d"][0]
    first = first if layout == "channels_last" else first.transpose(1, 2, 0)
    for i in range(32):
        np.testing.assert_array_equal(shown[1 + i], first[:, :, i])
    np.testing.assert_array_equal(shown[-1].ravel(), found["dense"][0])
    scores, chances = (axes for axes in figure.axes if not axes.images)
    np.testing.assert_allclose([b.get_height() for b in scores.patches], found["dense_1"][0])
    np.testing.assert_allclose([b.get_height() for b in chances.patches], found["activation"][0])
    best = int(found["activation"][0].argmax())
    assert heading(figure).startswith(f"Predicted {best} with ")
    colours = [to_hex(bar.get_facecolor()) for bar in chances.patches]
    assert colours[best] == plotting.style.ORANGE
    assert colours.count(plotting.style.BLUE) == 9
    said = [text.get_text() for text in figure.texts]
    assert "passes the same 3,200 numbers on (Flatten)" in said
    assert "passes the same 128 numbers on (Dropout)" in said


def test_maps_that_are_zero_everywhere_say_so():
    model = Sequential([Conv2D(2, 3, activation="relu", input_shape=(6, 6, 1))])
    model.set_weights([np.ones((3, 3, 1, 2)) * [1, -1], np.zeros(2)])
    figure = plotting.activations(model, np.ones((6, 6)))
    assert words(figure) == ["0"]
    model.set_weights([np.ones((3, 3, 1, 2)) * [1, 0.001], np.zeros(2)])
    assert words(plotting.activations(model, np.ones((6, 6)))) == ["≈0"]
    assert "What each layer makes of the image" in heading(figure)
    assert_tidy(figure)


def test_less_common_layers_are_said_in_short_too():
    did = [volumes._does(layer) for layer in other_layers().layers]
    assert did[1] == "3×3 hard_sigmoid"
    assert did[3] == "2×2 mean"
    assert did[8:12] == ["2×2/2", "3×3 relu", "2×2", "global max"]
    assert did[13] == "silu"
    model = Sequential([GlobalAveragePooling2D(input_shape=(4, 4, 2))])
    assert volumes._does(model.layers[0]) == "global mean"


@pytest.mark.parametrize("name", ["20 layers", "wide", "other layers"])
def test_activations_of_other_networks(name):
    model = NETS[name]()
    figure = plotting.activations(model, an_image(model), limit=17)
    assert_tidy(figure)


def test_activations_of_much_are_capped_and_say_so():
    model = Sequential([Conv2D(40, 1, input_shape=(8, 9, 3)), Flatten(), Dense(600)])
    figure = plotting.activations(model, an_image(model), limit=5)
    said = [text.get_text() for text in figure.texts]
    assert "5 of 40 maps" in said
    assert "the first 512" in said
    assert sum(bool(axes.images) for axes in figure.axes) == 1 + 5 + 1
    assert_tidy(figure)


# saliency


def test_saliency_draws_image_saliency_both_and_the_signed_gradient():
    model = tutorial("1conv")
    x = an_image(model)
    figure = plotting.saliency(model, x, classes=[3, 8])
    assert_tidy(figure)
    assert len(figure.axes) == 8
    for row, k in enumerate((3, 8)):
        image, size, both, gradient = figure.axes[4 * row : 4 * row + 4]
        np.testing.assert_allclose(image.images[0].get_array(), x[..., 0], rtol=1e-6)
        expected = inspect.saliency(model, x[None], k)[0]
        np.testing.assert_allclose(size.images[0].get_array(), expected, rtol=1e-3, atol=1e-7)
        alpha = both.images[1].get_array()[..., 3]
        assert np.unravel_index(alpha.argmax(), alpha.shape) == np.unravel_index(
            expected.argmax(), expected.shape
        )
        signed = inspect.input_gradient(model, x[None], k)[0, ..., 0]
        np.testing.assert_allclose(gradient.images[0].get_array(), signed, rtol=1e-3, atol=1e-7)
        limits = gradient.images[0].get_clim()
        np.testing.assert_allclose(limits, (-expected.max(), expected.max()), rtol=1e-5)
    chances = model.predict(x[None])[0]
    said = [text.get_text() for text in figure.texts[2:]]
    assert said == [f"class {k}\n{100 * chances[k]:.1f}%" for k in (3, 8)]
    assert [axes.get_title() for axes in figure.axes[:4]][1] == "saliency: |gradient|"


def test_saliency_of_the_predicted_class_and_of_colours():
    model = Sequential([Conv2D(2, 3, input_shape=(9, 6, 3)), Flatten(), Dense(4)])
    x = an_image(model)
    figure = plotting.saliency(model, x)
    assert len(figure.axes) == 3  # the sign of three channels is not one picture
    assert f"class {model.predict(x[None]).argmax()}\n" in figure.texts[2].get_text()
    assert heading(figure) == "The pixels that count"
    assert_tidy(figure)


def test_one_image_comes_in_three_forms():
    model = cnn()
    x = an_image(model)
    pictures = [plotting.saliency(model, form) for form in (x, x[..., 0], x[None])]
    arrays = [figure.axes[1].images[0].get_array() for figure in pictures]
    np.testing.assert_array_equal(arrays[0], arrays[1])
    np.testing.assert_array_equal(arrays[0], arrays[2])


# what all of them share


@pytest.mark.parametrize("draw", [plotting.activations, plotting.saliency, plotting.architecture])
@pytest.mark.parametrize(
    ("image", "error", "says"),
    [
        (np.zeros((2, 6, 6, 1)), ShapeError, r"\(6, 6, 1\), got \(2, 6, 6, 1\). Of a batch"),
        (np.zeros((6, 5)), ShapeError, r"image must have the shape \(6, 6, 1\), got \(6, 5\)"),
        (np.zeros(36), ShapeError, "image must have the shape"),
        (np.full((6, 6), np.nan), ValueError, "image must be finite"),
        ([["a"]], DTypeError, "image must be numbers"),
    ],
)
def test_bad_images(draw, image, error, says):
    with pytest.raises(error, match=says):
        draw(cnn(), image)


@pytest.mark.parametrize("draw", [plotting.activations, plotting.saliency])
def test_samples_that_are_no_images(draw):
    with pytest.raises(ShapeError, match=r"samples must be images, got a model for \(4,\)"):
        draw(dense(), np.zeros(4))


@pytest.mark.parametrize("draw", [plotting.activations, plotting.saliency, plotting.architecture])
def test_bad_models(draw):
    with pytest.raises(NotCompiledError, match="needs a model that is built"):
        draw(Sequential([Dense(2)]), np.zeros((6, 6)))
    with pytest.raises(DTypeError, match="a model such as Sequential"):
        draw([Dense(2)], np.zeros((6, 6)))


def test_bad_classes_and_limits():
    with pytest.raises(ValueError, match="between 0 and 2"):
        plotting.saliency(cnn(), np.zeros((6, 6)), 3)
    with pytest.raises(ShapeError, match="a class number or a list"):
        plotting.saliency(cnn(), np.zeros((6, 6)), [])
    with pytest.raises(ValueError, match="limit must be a whole number >= 1"):
        plotting.activations(cnn(), np.zeros((6, 6)), limit=0)


def test_no_picture_changes_the_model(tmp_path):
    x, y, _ = images(8)
    model = cnn()
    model.train_on_batch(x, y)
    grads = {layer.name: dict(layer.grads) for layer in model.layers}
    before = fingerprint(model), np.random.get_state()[2]
    plotting.architecture(model, x[0])
    plotting.activations(model, x[0])
    plotting.saliency(model, x[0], [0, 1])
    plot_model(model, tmp_path / "model.png")
    assert (fingerprint(model), np.random.get_state()[2]) == before
    for layer in model.layers:
        assert all(layer.grads[name] is grad for name, grad in grads[layer.name].items())


# plot_model


def test_plot_model_writes_the_file_and_returns_the_figure(tmp_path):
    figure = plot_model(cnn(), to_file=tmp_path / "model.png", dpi=100)
    data = (tmp_path / "model.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20]) == int(100 * figure.get_size_inches()[0])
    assert words(figure) == ["Conv2D", "MaxPool2D", "Flatten", "Dense", "Dropout", "Dense"]
    assert os.listdir(tmp_path) == ["model.png"]
    assert numcnn.utils.plot_model is vis_utils.plot_model is plot_model


def test_plot_model_writes_model_png_as_keras_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plot_model(cnn())
    assert os.listdir(tmp_path) == ["model.png"]
    plot_model(cnn(), to_file=None)
    plot_model(cnn(), "model.svg", dpi=None)
    assert sorted(os.listdir(tmp_path)) == ["model.png", "model.svg"]


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("name", NETS)
def test_charts_are_tidy_and_say_what_is_asked(name, rankdir):
    model = NETS[name]()
    figure = plot_model(
        model,
        to_file=None,
        show_shapes=True,
        show_dtype=True,
        show_layer_names=True,
        rankdir=rankdir,
        expand_nested=True,
        show_layer_activations=True,
        show_trainable=True,
    )
    assert_tidy(figure, width=None)
    wide, high = figure.get_size_inches()
    assert len(model.layers) == 1 or (wide > high) == (rankdir == "LR")
    found = words(figure)
    for layer in model.layers:
        at = found.index(f"{layer.name} ({type(layer).__name__})")
        assert f"Output shape: {layer.output_shape}" in found[at : at + 4]
        assert f"Input shape: {layer.input_shape}" in found[at : at + 3]
    assert found.count("Dtype: float32") == len(model.layers)
    with_weights = sum(layer.count_params() > 0 for layer in model.layers)
    assert found.count("Trainable") == with_weights


def test_boxes_stand_in_order_and_do_not_overlap():
    figure = plot_model(tutorial("3conv"), None, show_shapes=True)
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)][::2]
    tops = [box.get_y() + box.get_height() for box in boxes]
    assert len(boxes) == 9
    assert all(box.get_y() > top for box, top in zip(boxes, tops[1:], strict=False))


def test_charts_of_frozen_layers_activations_and_a_range():
    model = tutorial("1conv")
    model.layers[0].trainable = False
    found = words(plot_model(model, None, show_trainable=True, show_layer_activations=True))
    assert found[:3] == ["Conv2D", "Activation: relu", "Not trainable"]
    assert found[-3:] == ["Dense", "Activation: softmax", "Trainable"]
    figure = plot_model(model, None, show_layer_names=True, layer_range=["flatten", "dropout"])
    assert words(figure) == ["flatten (Flatten)", "dense (Dense)", "dropout (Dropout)"]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (
            {"rankdir": "RL"},
            ValueError,
            r"rankdir must be 'TB' \(top to bottom\) or 'LR', got 'RL'",
        ),
        ({"show_shape": True}, TypeError, r"no argument 'show_shape'. Did you mean 'show_shapes'"),
        ({"layer_range": ["conv2d", "x"]}, ValueError, r"two layers.*Its layers: conv2d, max_"),
        ({"layer_range": "conv2d"}, ValueError, "two layers"),
        ({"layer_range": ["dense", "conv2d"]}, ValueError, "'dense' comes after 'conv2d'"),
        ({"to_file": "model.bmp2"}, ValueError, r"must end in one of.*Try model\.png"),
        ({"dpi": -1}, ValueError, "dpi must be a positive number"),
    ],
)
def test_bad_charts(arguments, error, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=says):
        plot_model(cnn(), **arguments)
    assert os.listdir(tmp_path) == []


def test_charts_of_no_models():
    with pytest.raises(ValueError, match="This model has no shapes yet"):
        plot_model(Sequential([Dense(2)]), None)
    with pytest.raises(ValueError, match="no shapes yet"):
        plot_model(Sequential([Input(shape=(2,))]), None)
    with pytest.raises(TypeError, match="needs a model such as Sequential"):
        plot_model(Dense(2), None)
