"""One list of checks that every layer passes, on random shapes and arguments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import cases, cases_convolutions, cases_images, cases_numbers
from properties.rig import ENGINES, Rig

import numcnn.layers
from numcnn import layers, testing
from numcnn.layers import Layer

CASES = cases.CASES | cases_numbers.CASES | cases_images.CASES | cases_convolutions.CASES
every_layer = pytest.mark.parametrize("name", CASES)


def examples(name):
    """Run what is decorated on random cases: fewer of the layers that came after the basic ones."""
    most = settings.default.max_examples
    number = most if name in cases.CASES else max(5, most // 4)
    return lambda body: settings(max_examples=number)(given(data=st.data())(body))()


def test_the_list_holds_every_layer():
    exported = {getattr(numcnn.layers, name) for name in numcnn.layers.__all__}
    classes = {c.__name__ for c in exported if isinstance(c, type) and issubclass(c, Layer)}
    assert classes - {"Layer"} == {name.split(",")[0] for name in CASES}


@every_layer
def test_forward_and_backward_equal_the_oracle(name):
    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        x, dy = case.start()
        y = case.layer.forward(x, training=True)
        dx = case.layer.backward(dy)
        case.assert_equal(y, case.forward(x, case.layer.params))
        expected = case.backward(x, case.layer.params, dy)
        case.assert_equal(dx, expected.pop("x"))
        assert case.layer.grads.keys() == expected.keys() == case.layer.params.keys()
        for key, gradient in expected.items():
            case.assert_equal(case.layer.grads[key], gradient)


@every_layer
def test_float32_equals_float64(name):
    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        results = []
        for dtype in ("float64", "float32"):
            layer = case.layer = case.layer.copy()
            layer.unbuild()
            x, dy = case.start(dtype)
            y = layer.forward(x, training=True)
            arrays = [y, layer.backward(dy), *(layer.grads[key] for key in layer.params)]
            assert {a.dtype.name for a in [*arrays, layer.forward(x)]} == {dtype}
            results.append(arrays)
        for wide, narrow in zip(*results, strict=True):
            case.assert_equal(narrow, wide, "float32")


@every_layer
@pytest.mark.parametrize("check", testing.CHECKS)
def test_the_public_checks_pass(name, check):
    """Shapes, memory, repeats, samples, layouts, gradient: as for a layer of one's own."""

    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        if check == "samples":
            case.one_by_one()
        testing.CHECKS[check](case.layer, (case.n, *case.shape), seed=case.seed)


@every_layer
def test_the_configuration_makes_the_same_layer_again(name):
    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        case.start()
        testing.check_config(case.layer, (case.n, *case.shape), seed=case.seed)


@every_layer
def test_the_layer_knows_its_shapes(name):
    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        x, dy = case.start()
        assert case.layer.input_shape == (None, *x.shape[1:])
        assert case.layer.output_shape == (None, *dy.shape[1:])


@every_layer
def test_prediction_keeps_nothing(name):
    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        x, dy = case.start()
        case.layer.forward(x)
        assert case.layer.kept is None
        case.layer.forward(x, training=True)
        kept = case.layer.kept
        dx = case.layer.backward(dy)
        case.layer.forward(x + 1)
        assert case.layer.kept is kept
        np.testing.assert_array_equal(case.layer.backward(dy), dx, strict=True)


@every_layer
def test_a_copy_is_independent(name):
    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        x, dy = case.start()
        case.layer.forward(x, training=True)
        before = case.layer.get_weights()
        twin = case.layer.copy()
        for p in twin.named_weights().values():
            p += 1
        twin.forward(x + 1, training=True)
        case.layer.backward(dy)
        for p, q in zip(before, case.layer.get_weights(), strict=True):
            np.testing.assert_array_equal(p, q)


KEEP_NOTHING = {
    "ActivityRegularization", "GaussianNoise", "InputLayer", "Linear", "Rescaling",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES.keys() - KEEP_NOTHING))
def test_backward_without_forward_says_so(name):
    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        _, dy = case.start()
        with pytest.raises(RuntimeError, match=r"forward\(x, training=True\)"):
            case.layer.backward(dy)


# InputLayer is no step; an engine adds a price to what the other does.
@pytest.mark.parametrize("name", sorted(CASES.keys() - {"InputLayer", "ActivityRegularization"}))
def test_engines_compute_what_the_layer_does(name):
    """In training and prediction, for the batch and then for a shorter one."""

    @examples(name)
    def holds(data):
        case = data.draw(CASES[name])
        x, dy = case.start()
        layer, weights = case.layer, case.layer.get_weights()
        for engine in ENGINES:
            rig = Rig(engine, [layer.copy()], case.shape, weights)
            for part in (slice(None), slice(1, None)):
                case.assert_equal(rig.predict(x[part]), layer.forward(x[part]))
                if len(x[part]):
                    y, dx = layer.forward(x[part], training=True), layer.backward(dy[part])
                    found = rig.train(x[part], dy[part])
                    moving = [layer.grads[key] for key in layer.params if layer.trainable]
                    for a, b in zip(found, [y, dx, *moving], strict=True):
                        case.assert_equal(a, b)


def test_an_unknown_argument_names_the_nearest():
    with pytest.raises(TypeError, match="Did you mean 'padding'"):
        layers.Conv2D(2, 3, paddin="same")
