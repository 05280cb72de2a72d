"""Prices and limits of weights: by plain loops, and in models on both engines."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numcnn import constraints, layers, regularizers
from numcnn.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from numcnn.errors import DTypeError
from numcnn.gradcheck import check_model
from numcnn.layers import Conv2D, Conv2DTranspose, Dense, Flatten
from numcnn.models import Sequential, clone_model, load_model, model_from_json
from numcnn.optimizers import SGD, Adam
from numcnn.regularizers import L1, L1L2, L2, Regularizer
from numcnn.utils import set_random_seed

close = np.testing.assert_allclose
SUBNORMAL = 100 * 5e-324  # a hundred roundings, each by at most half of the least number there is
engines = pytest.mark.parametrize("engine", ["numpy", "numba"])
prices = st.floats(0, 10)


@given(st.integers(0, 99), prices, prices)
@example(0, 0.0, 5e-324)
def test_prices_and_slopes(seed, l1, l2):
    w = np.random.default_rng(seed).normal(size=(2, 3, 2))
    expected = sum(l1 * abs(v) + l2 * v * v for v in w.ravel())
    for price, value in ((L1L2(l1, l2), expected), (L1(l1), None), (L2(l2), None)):
        if value is not None:
            close(price(w), value, rtol=1e-12, atol=SUBNORMAL)
        step = 1e-6
        for index in np.ndindex(w.shape):
            up, down = w.copy(), w.copy()
            up[index] += step
            down[index] -= step
            close(price.gradient(w)[index], (price(up) - price(down)) / (2 * step), atol=1e-6)
    assert L2(l2).gradient(w.astype("float32")).dtype == "float32"
    close(L1(l1)(w) + L2(l2)(w), expected, rtol=1e-12, atol=SUBNORMAL)


@given(st.integers(0, 99), st.floats(0, 2), st.floats(0, 3), st.floats(0, 1))
def test_limits_of_columns(seed, low, more, rate):
    w = np.random.default_rng(seed).normal(size=(3, 4))
    w[0, 0] = 0
    cases = {
        MaxNorm(more): lambda n: min(n, more),
        UnitNorm(): lambda n: 1,
        MinMaxNorm(low, low + more, rate): lambda n: (
            rate * min(max(n, low), low + more) + (1 - rate) * n
        ),
    }
    for constraint, wanted in cases.items():
        found = constraint(w)
        for j in range(4):
            length = sum(v * v for v in w[:, j]) ** 0.5
            close(found[:, j], w[:, j] * wanted(length) / (1e-7 + length), rtol=1e-9, atol=1e-12)
    assert NonNeg()(w).tolist() == [[max(v, 0) for v in row] for row in w]
    images = np.random.default_rng(seed).normal(size=(2, 2, 3, 4))
    found = MaxNorm(0.5, axis=[0, 1, 2])(images)
    for f in range(4):
        assert (found[..., f] ** 2).sum() ** 0.5 <= 0.5


class Fourth(Regularizer):
    def __call__(self, w):
        return float((w.astype("float64") ** 4).sum())

    def gradient(self, w):
        return 4 * w**3


class Anywhere(Constraint):
    def __call__(self, w):
        return w


def net(engine, optimizer=None, dtype="float32", **last):
    set_random_seed(3)
    model = Sequential(
        [
            Conv2D(
                3, 2, activation="relu", input_shape=(4, 4, 1), dtype=dtype,
                kernel_regularizer=L2(0.05), bias_regularizer="l1",
            ),
            Conv2DTranspose(2, 2, kernel_regularizer=Fourth(), dtype=dtype),
            Flatten(dtype=dtype),
            Dense(3, activation="softmax", dtype=dtype, **last),
        ]
    )  # fmt: skip
    model.compile(optimizer or SGD(0.1), "categorical_crossentropy", engine=engine)
    return model


def data(n=6):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 4, 4, 1)), np.eye(3)[rng.integers(0, 3, n)]


@engines
def test_gradients_of_a_model_with_prices_are_right(engine):
    x, y = data()
    model = net(engine, dtype="float64", kernel_regularizer=L1L2(0.02, 0.03))
    check_model(model, x, y).raise_if_wrong()


@engines
def test_the_price_is_in_the_loss_that_is_shown_and_in_the_step(engine):
    x, y = data()
    last = {"kernel_regularizer": regularizers.l1_l2(0.02, 0.03)}
    model = net(engine, dtype="float64", **last)
    free = net(engine, dtype="float64")
    for layer in free.layers:
        layer.regularizers.clear()
    free.set_weights(model.get_weights())
    w = {f"{l.name}/{k}": v.copy() for l in model.layers for k, v in l.params.items()}
    names = list(w)
    price = 0.05 * (w[names[0]] ** 2).sum() + 0.01 * abs(w[names[1]]).sum()
    price += (
        (w[names[2]] ** 4).sum() + 0.02 * abs(w[names[4]]).sum() + 0.03 * (w[names[4]] ** 2).sum()
    )
    bare = free.evaluate(x, y, batch_size=4, verbose=0)
    close(model.evaluate(x, y, batch_size=4, verbose=0), bare + price, rtol=1e-9)
    close(model.train_on_batch(x, y), free.train_on_batch(x, y) + price, rtol=1e-9)
    slopes = [0.1 * w[names[0]], 0.01 * np.sign(w[names[1]]), 4 * w[names[2]] ** 3, 0]
    slopes += [0.02 * np.sign(w[names[4]]) + 0.06 * w[names[4]], 0]
    pairs = zip(free.get_weights(), slopes, model.get_weights(), strict=True)
    for other, slope, found in pairs:
        close(found, other - 0.1 * slope, rtol=1e-9, atol=1e-12)


def test_both_engines_train_alike():
    x, y = data(20)
    found = []
    for engine in ("numpy", "numba"):
        last = {"kernel_constraint": MaxNorm(0.3), "kernel_regularizer": "l2"}
        model = net(engine, Adam(0.05, clipnorm=0.5), dtype="float64", **last)
        history = model.fit(x, y, batch_size=8, epochs=3, verbose=0, validation_data=(x, y))
        found.append([*history.history["loss"], *history.history["val_loss"]])
        lengths = (model.layers[-1].params["w"] ** 2).sum(axis=0) ** 0.5
        assert lengths.max() < 0.3
        assert model.layers[-1].params["w"].any()
    close(found[0], found[1], rtol=1e-9)


@engines
def test_a_frozen_layer_costs_nothing_and_is_not_moved(engine):
    x, y = data()
    last = {
        "kernel_regularizer": L2(5.0),
        "kernel_constraint": UnitNorm(),
        "bias_constraint": NonNeg(),
    }
    model = net(engine, dtype="float64", **last)
    before = model.layers[-1].get_weights()
    with_price = model.evaluate(x, y, verbose=0)
    model.layers[-1].trainable = False
    model.compile(SGD(0.1), "categorical_crossentropy", engine=engine)
    price = 5 * (before[0] ** 2).sum()
    close(model.evaluate(x, y, verbose=0), with_price - price, rtol=1e-9)
    model.train_on_batch(x, y)
    for found, expected in zip(model.layers[-1].get_weights(), before, strict=True):
        assert (found == expected).all()


@engines
def test_a_price_beyond_all_bounds_is_noticed_before_a_step(engine):
    x, y = data()
    model = net(engine, kernel_regularizer=L2(3e38))
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match="w of 'dense'"):
        model.fit(x, y, verbose=0)
    for found, expected in zip(model.get_weights(), before, strict=True):
        assert (found == expected).all()


def test_prices_and_limits_travel(tmp_path):
    x, y = data()
    last = {
        "kernel_regularizer": L1L2(0.1, 0.2),
        "bias_regularizer": L1(0.5),
        "kernel_constraint": MinMaxNorm(0.5, 1.5, 0.5, axis=[0]),
        "bias_constraint": "non_neg",
    }
    model = net("auto", **last)
    model.layers[1].regularizers["w"] = L2(0.5)
    model.save(tmp_path / "model.npz")
    others = [load_model(tmp_path / "model.npz"), clone_model(model)]
    others.append(model_from_json(model.to_json()))
    for other in others:
        assert other.get_config() == model.get_config()
    again = others[0]
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("module", [regularizers, constraints])
def test_names_and_configurations(module):
    every = module.REGULARIZERS if module is regularizers else module.CONSTRAINTS
    for name, make in every.items():
        made = make()
        assert module.get(name).get_config() == made.get_config()
        assert module.get(made) is made
        twin = module.get(module.serialize(made))
        assert (type(twin), twin.get_config()) == (type(made), made.get_config())
    assert module.get(None) is None
    own = Fourth if module is regularizers else Anywhere
    assert type(module.get(own)) is own
    with pytest.raises(DTypeError, match=f"{own.__name__} is not one of numcnn's"):
        module.serialize(own())
    for wrong in ({"class_name": "L9", "config": {}}, {"class_name": "L2"}, 3, Dense):
        with pytest.raises(ValueError, match=r"Unknown (regularizer|constraint)"):
            module.get(wrong)


def test_mistakes():
    with pytest.raises(ValueError, match=r"Unknown regularizer 'l3'. Did you mean 'l"):
        Dense(3, kernel_regularizer="l3")
    with pytest.raises(ValueError, match="Unknown regularizer <function"):
        Dense(3, kernel_regularizer=lambda w: 0)  # it would need a gradient
    with pytest.raises(ValueError, match=r"Unknown constraint 'maxnrm'. Did you mean 'maxnorm'"):
        Dense(3, bias_constraint="maxnrm")
    with pytest.raises(ValueError, match="l2 of a regularizer must be at least 0"):
        L2(-1)
    with pytest.raises(DTypeError, match="l1 of a regularizer must be a number"):
        L1("0.1")
    with pytest.raises(TypeError, match="L2 has no argument 'l3'"):
        L2(l3=1)
    with pytest.raises(ValueError, match="min_value at most max_value"):
        MinMaxNorm(2, 1)
    with pytest.raises(ValueError, match="Unknown regularizer 'l3'"):
        Dense(3, activity_regularizer="l3")
    with pytest.raises(TypeError, match="Did you mean 'gamma_regularizer'"):
        layers.BatchNormalization(gama_regularizer="l2")
    with pytest.raises(TypeError, match="Flatten has no argument 'kernel_regularizer'"):
        Flatten(kernel_regularizer="l2")
    with pytest.raises(DTypeError, match="Fourth is not one of numcnn's"):
        Dense(3, kernel_regularizer=Fourth()).get_config()

    assert Dense(3, kernel_constraint=Anywhere()).constraints["w"](1) == 1


@pytest.mark.parametrize("kind", [L1, L2, L1L2])
def test_prices_that_are_none_and_those_that_are_refused(kind):
    assert L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}
    assert kind(0).get_config() == kind.from_config(kind(0).get_config()).get_config()
    assert kind.from_config(kind(2).get_config()).get_config() == kind(2).get_config()
    assert kind(np.float32(0.5)).get_config() == kind(0.5).get_config()
    for wrong in (True, "0.1", [0.1], 1j):
        with pytest.raises(DTypeError, match="of a regularizer must be a number"):
            kind(wrong)
    for wrong in (-0.5, np.inf, np.nan):
        with pytest.raises(ValueError, match="of a regularizer must be at least 0 and finite"):
            kind(wrong)


def test_what_defines_nothing_says_so():
    for call in (Regularizer(), Regularizer().gradient, Constraint()):
        with pytest.raises(NotImplementedError, match="does not define"):
            call(np.ones(2))


def test_ends_of_limits():
    for key in ("min_value", "max_value", "rate"):
        for wrong in (-0.5, np.inf, np.nan, True, "1", None):
            with pytest.raises(ValueError, match=f"{key} of a constraint must be at least 0"):
                MinMaxNorm(**{key: wrong})
    for low, high, rate in ((2, 1, 1), (0, 1, 1.5)):
        with pytest.raises(ValueError, match="rate must be at most 1 and min_value at most max"):
            MinMaxNorm(low, high, rate)
    config = {"min_value": 0, "max_value": 0, "rate": np.float32(0), "axis": [0, 1]}
    assert MinMaxNorm.from_config(config).get_config() == config
    assert MinMaxNorm(2, 2, 1, axis=(0, 1)).axis == [0, 1]
    assert UnitNorm((1,)).axis == [1]
    assert MinMaxNorm(axis=np.int64(1)).axis == 1


def test_limits_keep_the_type_and_their_own_axis():
    w = np.array([[3.0, 4.0], [0.0, 2.0]], "float32")
    for limit in (MaxNorm(2, axis=1), UnitNorm(1), MinMaxNorm(1, 2, 0.5, 1), NonNeg()):
        assert limit(w).dtype == "float32"
    close(UnitNorm(1)(w), [[0.6, 0.8], [0, 1]], rtol=1e-6)
    close(UnitNorm([0, 1])(w), w / 29**0.5, rtol=1e-6)
    close(MaxNorm(2, axis=1)(w), [[1.2, 1.6], [0, 2]], rtol=1e-6)
    close(MinMaxNorm(2.5, 3, 0.5, axis=1)(w), [[2.4, 3.2], [0, 2.25]], rtol=1e-6)
    assert MaxNorm()(np.array([3.0])) == pytest.approx([2.0])
    assert MinMaxNorm()(np.array([3.0])) == pytest.approx([1.0])


def test_arguments_of_keras_2_and_3_that_are_none_change_nothing():
    for cls in (Conv2D, Conv2DTranspose):
        layer = cls(2, 3, kernel_regularizer=None, bias_constraint=None, activity_regularizer=None)
        assert not layer.regularizers | layer.constraints
        assert layer.get_config().keys() == cls(2, 3).get_config().keys()
    assert regularizers.l2(l=0.5).l2 == 0.5
    assert layers.Dense(1, kernel_regularizer=regularizers.l2(0.5)).regularizers["w"].l2 == 0.5
