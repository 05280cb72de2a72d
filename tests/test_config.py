"""Models as text, copies of models, and what a model says of itself."""

import json

import numpy as np
import pytest
from small_nets import CLASSES, SHAPE, Scale, cnn, fingerprint, images, weights_hash

from numcnn.errors import DTypeError, ModelFileError, NotCompiledError
from numcnn.layers import BatchNormalization, Conv2D, Dense, Flatten, Input
from numcnn.models import Sequential, clone_model, model_from_json
from numcnn.utils import set_random_seed

X, Y, _ = images(8)


def configs(model):
    return [(type(layer), layer.get_config()) for layer in model.layers]


# text


@pytest.mark.parametrize("build", [True, False])
def test_a_model_comes_back_from_its_text_with_new_weights(build):
    model = cnn()
    if not build:
        model = Sequential([Conv2D(2, 3), Flatten(), Dense(4, name="own", trainable=False)], "mine")
    for again in (
        model_from_json(model.to_json()),
        model_from_json(model.to_json(indent=1, sort_keys=True).encode()),
        Sequential.from_config(model.get_config()),
        clone_model(model),
    ):
        assert configs(again) == configs(model)
        assert again.name == model.name
        assert again.built is model.built is build
        assert not again.compiled
        if build:
            assert again.output_shape == model.output_shape
            assert weights_hash(again) != weights_hash(model)
            again.set_weights(model.get_weights())
            np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_copy_shares_nothing_with_the_model():
    model = cnn()
    copy = clone_model(model)
    before = fingerprint(model)
    copy.compile("sgd", "categorical_crossentropy")
    copy.fit(X, Y, verbose=0)
    assert fingerprint(model) == before
    assert not {id(layer) for layer in model.layers} & {id(layer) for layer in copy.layers}


def test_a_copy_with_other_layers():
    model = cnn()

    def wider(layer):
        config = layer.get_config()
        if config["name"] == "dense":
            config["units"] = 7
        return type(layer).from_config(config)

    assert clone_model(model, clone_function=wider).get_layer("dense").output_shape == (None, 7)
    assert clone_model(Sequential(name="empty")).layers == []
    with pytest.raises(DTypeError, match="symbolic tensors"):
        clone_model(model, input_tensors=X)
    with pytest.raises(DTypeError, match="needs a Sequential, got list"):
        clone_model(model.layers)


def test_layers_of_ones_own():
    model = Sequential([Scale(0.5, input_shape=(3,), name="own")])
    assert clone_model(model).layers[0].factor == 0.5
    text = model.to_json()
    assert model_from_json(text, custom_objects={"Scale": Scale}).layers[0].factor == 0.5
    with pytest.raises(ModelFileError, match=r"'Scale' that numcnn does not have.*custom_objects"):
        model_from_json(text)

    class Odd(Scale):
        def get_config(self):
            return {**super().get_config(), "factor": {1, 2}}

    with pytest.raises(TypeError, match="get_config return numbers"):
        Sequential([Odd(input_shape=(3,))]).to_json()


def with_layers(*layers, **more):
    found = {"name": "a", "input_shape": None, "layers": list(layers), **more}
    return json.dumps({"class_name": "Sequential", "numcnn": "0", "config": found})


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (7, DTypeError, "got int"),
        ("{", ModelFileError, "not JSON"),
        ("[" * 100_000, ModelFileError, "JSON"),
        (" " * (2**20 + 1), ModelFileError, "1,048,577 letters"),
        ("[]", ModelFileError, "Sequential"),
        ('{"class_name": "Functional"}', ModelFileError, "Sequential"),
        ('{"class_name": "Sequential", "config": {}}', ModelFileError, "no list of layers"),
        (with_layers(layers=5), ModelFileError, "list of at most"),
        (with_layers(*["x"] * 1001), ModelFileError, "list of at most 1000"),
        (with_layers("x"), ModelFileError, "Layer 0 has no class_name"),
        (with_layers({"class_name": "Layer", "config": {}}), ModelFileError, "'Layer'"),
        (with_layers({"class_name": "__import__", "config": {}}), ModelFileError, "does not have"),
        (with_layers({"class_name": "Dens", "config": {}}), ModelFileError, "Did you mean 'Dense'"),
        (
            with_layers({"class_name": "Dense", "config": {"units": -1}}),
            ModelFileError,
            r"Layer 0 \(Dense\) cannot be made",
        ),
        (
            with_layers(
                {"class_name": "Conv2D", "config": {"filters": 2, "kernel_size": 9}},
                input_shape=[3, 3, 1],
            ),
            ModelFileError,
            "do not make a model",
        ),
    ],
)
def test_texts_that_describe_no_model(text, error, words):
    with pytest.raises(error, match=words):
        model_from_json(text)


def test_configurations_that_describe_no_model():
    for wrong in (None, [], {}, {"layers": []}, {"name": "a"}):
        with pytest.raises(ModelFileError, match="get_config"):
            Sequential.from_config(wrong)


# what a model says of itself


def test_what_comes_in_and_goes_out():
    model = cnn()
    (given,), (made,) = model.inputs, model.outputs
    assert (given.shape, given.dtype) == ((None, *SHAPE), "float32")
    assert (made.shape, made.name) == ((None, CLASSES), model.layers[-1].name)
    assert (model.input, model.output) == (given, made)
    with pytest.raises(NotCompiledError, match="built"):
        Sequential([Dense(3)]).inputs  # noqa: B018


def test_weights_that_training_moves_and_others():
    model = Sequential(
        [
            Dense(3, input_shape=(2,), trainable=False),
            BatchNormalization(),
            Dense(2, use_bias=False),
        ]
    )
    assert [w.shape for w in model.trainable_weights] == [(3,), (3,), (3, 2)]
    assert [w.shape for w in model.non_trainable_weights] == [(2, 3), (3,), (3,), (3,)]
    assert sum(w.size for w in model.weights) == model.count_params()
    for own, copy in zip(model.weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, copy)
        assert not np.shares_memory(own, copy)
    frozen = Sequential([Dense(3, input_shape=(2,))], trainable=False)
    assert frozen.trainable_weights == []
    assert Sequential([Dense(3, input_shape=(2,))]).trainable


def test_build_may_do_without_a_shape():
    model = Sequential([Input((4,)), Dense(3)])
    model.build()
    assert model.built
    with pytest.raises(DTypeError, match="input_shape"):
        Sequential([Dense(3)]).build()


def test_pop_returns_the_layer():
    layer = Dense(3)
    model = Sequential([Dense(4, input_shape=(2,)), layer])
    assert model.pop() is layer
    assert model.output_shape == (None, 4)


def test_layers_by_name_or_index():
    model = cnn()
    assert model.get_layer("dense") is model.get_layer(index=3) is model.get_layer(index=np.int8(3))
    assert model.get_layer(index=-1) is model.layers[-1]
    for wrong in (6, -7, "dense", 1.0):
        with pytest.raises(ValueError, match="one of the 6 layers' numbers"):
            model.get_layer(index=wrong)
    for kwargs in ({}, {"name": "dense", "index": 3}):
        with pytest.raises(ValueError, match="needs a name or an index"):
            model.get_layer(**kwargs)


def lines_of(model, **kwargs):
    lines = []
    model.summary(print_fn=lines.append, **kwargs)
    return lines


def test_columns_of_a_summary_end_where_they_are_told_to():
    model = cnn()
    for positions in ([0.5, 0.75, 1.0], [40, 60, 80]):
        lines = lines_of(model, line_length=80, positions=positions)
        assert {len(line) for line in lines if set(line) <= {"_", "="}} == {80}
        assert (lines[2].index("Output Shape"), lines[2].index("Param #")) == (40, 60)
    narrow = lines_of(model, line_length=30, positions=[0.1, 0.2, 1.0])
    assert any("max_pooling2d (MaxPool2D)" in line for line in narrow)
    model.summary(90, [0.4, 0.6, 1.0], lambda line: None)  # Keras's order
    for wrong in ([0.5], [0.5, 0.4, 1], "abc", 3, [0, 0.5, 1]):
        with pytest.raises(DTypeError, match="where each of the 3 columns ends"):
            model.summary(positions=wrong)


def test_a_summary_says_what_is_trained_and_shows_a_part():
    model = cnn()
    model.layers[0].trainable = False
    lines = lines_of(model, show_trainable=True, expand_nested=True)
    assert lines[2].split()[-1] == "Trainable"
    marks = [line.split()[-1] for line in lines if "(None" in line]
    assert marks == ["N", "-", "-", "Y", "-", "Y"]
    part = lines_of(model, layer_range=["flatten", "dropout"])
    text = "\n".join(part)
    assert "flatten (" in text
    assert "dropout (" in text
    assert "conv2d (" not in text
    assert "dense_1 (" not in text
    assert part[-4:] == lines_of(model)[-4:]
    with pytest.raises(DTypeError, match="first and the last"):
        model.summary(layer_range="flatten")
    with pytest.raises(ValueError, match="Did you mean 'flatten'"):
        model.summary(layer_range=["flaten", "dense"])


# compile


def test_arguments_of_keras_that_change_nothing():
    found = set()
    for kwargs in (
        {},
        {"run_eagerly": True, "jit_compile": "auto", "steps_per_execution": 4},
        {"loss_weights": None, "weighted_metrics": [], "auto_scale_loss": True},
    ):
        model = cnn()
        set_random_seed(3)
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], **kwargs)
        model.fit(X, Y, verbose=0)
        found.add(weights_hash(model))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("loss_weights", [0.5], "learning rate"),
        ("weighted_metrics", ["accuracy"], "Use metrics"),
        ("sample_weight_mode", "temporal", "sample_weight"),
    ],
)
def test_arguments_of_keras_that_are_not_there(name, value, instead):
    model = cnn()
    before = fingerprint(model), model.optimizer
    with pytest.raises(ValueError, match=f"{name}=.* is not there: .*{instead}"):
        model.compile("sgd", "mse", **{name: value})
    assert (fingerprint(model), model.optimizer) == before
