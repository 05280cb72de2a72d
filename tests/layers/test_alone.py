"""Layers without a model: built by what they are called on, and what they say where they cannot."""

import numpy as np
import pytest

from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import (
    ActivityRegularization,
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    Rescaling,
    Reshape,
    base,
)
from numcnn.layers.arguments import sample_shape


def test_a_layer_that_defines_nothing_says_so():
    layer = Layer()
    with pytest.raises(NotImplementedError, match=r"Layer does not define forward\(x, training\)"):
        layer.forward(np.zeros((1, 2)))
    with pytest.raises(NotImplementedError, match=r"Layer does not define backward\(dy\)"):
        layer.backward(np.zeros((1, 2)))
    layer.build((2,))
    assert layer.compute_output_shape((2,)) == layer.work_shape((2,)) == (2,)
    assert layer.params == {}
    assert repr(Layer(name="mine")) == "<Layer 'mine'>"


def test_weights_given_in_advance_must_fit_and_are_taken_as_they_are():
    w, b = np.ones((2, 3), "f4"), np.zeros(3, "f4")
    layer = Dense(3, name="d")
    layer.preset = {"w": w, "b": b}
    layer.build_for((2,))
    assert layer.params["w"] is w
    for wrong, found in ((w.T, "(3, 2) of float32"), (w.astype("f8"), "(2, 3) of float64")):
        layer = Dense(3, name="d")
        layer.preset = {"w": wrong, "b": b}
        with pytest.raises(ShapeError) as caught:
            layer.build_for((2,))
        for word in ("'d'", "'w' needs (2, 3) of float32", f"the file has {found}"):
            assert word in str(caught.value)
    layer.preset = {}
    with pytest.raises(ShapeError, match="the file has nothing"):
        layer.build_for((2,))


def test_the_arrays_that_forward_makes_have_the_shapes_that_are_foretold():
    conv = Conv2D(5, (2, 3), strides=2, padding="same", data_format="channels_first")
    pool = MaxPool2D((2, 3), strides=1)
    x = np.zeros((2, 7, 9, 3), "f4")
    conv(x.transpose(0, 3, 1, 2), training=True)
    cols, _ = conv.kept
    assert cols.size == 2 * np.prod(conv.work_shape((3, 7, 9)))
    assert pool.work_shape((7, 9, 3)) == (6, 7, 6, 3)
    mean = AveragePooling2D((2, 3), strides=1, data_format="channels_first")
    assert mean.work_shape((3, 7, 9)) == (6, 7, 6, 3)
    assert Flatten().work_shape((7, 8, 3)) == (168,)
    assert Dense(4).work_shape((5, 3)) == (5, 4)


def test_a_layer_keeps_the_shape_of_its_first_input():
    layer = Dense(2)
    assert layer(np.zeros((4, 3))).shape == (4, 2)
    with pytest.raises(ShapeError, match=r"built for samples of shape \(3,\), got .*\(4, 5\)"):
        layer(np.zeros((4, 5)))
    assert layer.count_params() == 8
    layer.unbuild()
    assert layer(np.zeros((4, 5))).shape == (4, 2)


def test_forms_of_shapes():
    assert Dense(2, input_dim=3).given_input_shape == (3,)
    assert (
        sample_shape("s", 5) == sample_shape("s", [5]) == sample_shape("s", np.array([5])) == (5,)
    )
    with pytest.raises(ShapeError, match="at least one axis"):
        Dense(2).compute_output_shape(())
    assert Reshape((-1, 2)).compute_output_shape((4,)) == (2, 2)
    with pytest.raises(DTypeError, match="tuple of positive integers"):
        sample_shape("s", b"12")


def test_memory_of_a_machine_that_does_not_tell(monkeypatch):
    assert base.physical_memory() > 2**20
    monkeypatch.delattr(base.os, "sysconf")
    assert base.physical_memory() == 2**40


@pytest.mark.parametrize("wrong", [True, "1", None, [1.0], np.nan, np.inf, -np.inf])
def test_rescaling_takes_finite_numbers(wrong):
    for arguments in ({"scale": wrong}, {"scale": 1.0, "offset": wrong}):
        with pytest.raises(DTypeError, match=r"(scale|offset) of Rescaling must be a finite numb"):
            Rescaling(**arguments)
    assert Rescaling(np.float32(0.5), 0).get_config()["scale"] == 0.5


def test_the_price_of_activityregularization_is_stated_once():
    config = ActivityRegularization(l1=0.5, l2=0.25).get_config()
    assert (config["l1"], config["l2"]) == (0.5, 0.25)
    assert "activity_regularizer" not in config
