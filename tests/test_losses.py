"""Losses: values against plain loops, gradients against complex steps and central differences."""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import backend, losses, optimizers
from numcnn.errors import DTypeError, ShapeError
from numcnn.gradcheck import check_loss
from numcnn.layers import Dense, Sigmoid, Softmax
from numcnn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 5))


def scores(rng, shape):
    return 3 * rng.normal(size=shape)


def probabilities(rng, shape):
    """Rows that need not sum to 1, as the loss divides by the sum."""
    return rng.uniform(0.05, 0.95, shape)


def any_targets(rng, shape):
    return rng.normal(size=shape)


def shares(rng, shape):
    return rng.uniform(size=shape)


def one_hot(rng, shape):
    return oracles.one_hot(rng.integers(0, shape[-1], shape[0]), shape[-1])


def labels(rng, shape):
    return rng.integers(0, shape[-1], shape[0])


def sparse(oracle):
    return lambda y, p: oracle(oracles.one_hot(y, p.shape[-1]), p)


def yes_or_no(rng, shape):
    return rng.integers(0, 2, shape).astype(float)


def signs(rng, shape):
    return rng.choice([-1.0, 1.0], shape)


def from_signs(oracle):
    return lambda y, p: oracle(2 * y - 1, p)


def smoothed(oracle, classes=None):
    def on_smoothed(y, p):
        return oracle(oracles.smoothed(y, 0.1, 1 / (classes or y.shape[-1])), p)

    return on_smoothed


CASES = {
    "mse": (MeanSquaredError(), any_targets, scores, oracles.mean_squared_error),
    "categorical": (
        CategoricalCrossentropy(),
        one_hot,
        probabilities,
        oracles.categorical_crossentropy,
    ),
    "categorical, soft targets": (
        CategoricalCrossentropy(),
        shares,
        probabilities,
        oracles.categorical_crossentropy,
    ),
    "categorical from logits": (
        CategoricalCrossentropy(from_logits=True),
        one_hot,
        scores,
        oracles.categorical_crossentropy_from_logits,
    ),
    "categorical from logits, soft targets": (
        CategoricalCrossentropy(from_logits=True),
        shares,
        scores,
        oracles.categorical_crossentropy_from_logits,
    ),
    "sparse": (
        SparseCategoricalCrossentropy(),
        labels,
        probabilities,
        sparse(oracles.categorical_crossentropy),
    ),
    "sparse from logits": (
        SparseCategoricalCrossentropy(from_logits=True),
        labels,
        scores,
        sparse(oracles.categorical_crossentropy_from_logits),
    ),
    "binary": (BinaryCrossentropy(), shares, probabilities, oracles.binary_crossentropy),
    "binary from logits": (
        BinaryCrossentropy(from_logits=True),
        shares,
        scores,
        oracles.binary_crossentropy_from_logits,
    ),
}
CASES |= {
    "mae": (losses.MeanAbsoluteError(), any_targets, scores, oracles.mean_absolute_error),
    "mape": (
        losses.MeanAbsolutePercentageError(),
        lambda rng, shape: 2 + shares(rng, shape),
        scores,
        oracles.mean_absolute_percentage_error,
    ),
    "msle": (
        losses.MeanSquaredLogarithmicError(),
        shares,
        lambda rng, shape: scores(rng, shape) + 1,
        oracles.mean_squared_logarithmic_error,
    ),
    "huber": (losses.Huber(), any_targets, scores, oracles.huber),
    "huber, delta": (
        losses.Huber(delta=2.5),
        any_targets,
        scores,
        lambda y, p: oracles.huber(y, p, delta=2.5),
    ),
    "log cosh": (losses.LogCosh(), any_targets, scores, oracles.log_cosh),
    "hinge": (losses.Hinge(), signs, scores, oracles.hinge),
    "hinge of 0 and 1": (losses.Hinge(), yes_or_no, scores, from_signs(oracles.hinge)),
    "squared hinge": (losses.SquaredHinge(), signs, scores, oracles.squared_hinge),
    "squared hinge of 0 and 1": (
        losses.SquaredHinge(),
        yes_or_no,
        scores,
        from_signs(oracles.squared_hinge),
    ),
    "categorical hinge": (losses.CategoricalHinge(), one_hot, scores, oracles.categorical_hinge),
    "divergence": (losses.KLDivergence(), shares, probabilities, oracles.kl_divergence),
    "poisson": (losses.Poisson(), shares, probabilities, oracles.poisson),
    "cosine": (losses.CosineSimilarity(), any_targets, scores, oracles.cosine_similarity),
    "categorical, smoothed": (
        CategoricalCrossentropy(label_smoothing=0.1),
        one_hot,
        probabilities,
        smoothed(oracles.categorical_crossentropy),
    ),
    "categorical from logits, smoothed": (
        CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        one_hot,
        scores,
        smoothed(oracles.categorical_crossentropy_from_logits),
    ),
    "binary, smoothed": (
        BinaryCrossentropy(label_smoothing=0.1),
        yes_or_no,
        probabilities,
        smoothed(oracles.binary_crossentropy, 2),
    ),
    "binary from logits, smoothed": (
        BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        yes_or_no,
        scores,
        smoothed(oracles.binary_crossentropy_from_logits, 2),
    ),
}
every_loss = pytest.mark.parametrize("name", CASES)


def draw(name, shape, seed):
    loss, targets, outputs, oracle = CASES[name]
    rng = np.random.default_rng(seed)
    return loss, targets(rng, shape), outputs(rng, shape), oracle


def test_the_list_holds_every_loss():
    assert {type(case[0]) for case in CASES.values()} == set(losses.LOSSES.values())


@every_loss
@given(shapes, seeds)
def test_value_and_gradient_equal_the_oracle(name, shape, seed):
    loss, y, p, oracle = draw(name, shape, seed)
    values = loss.value(y, p)
    assert values.shape == shape[:1]
    assert values.dtype == np.float64
    close(values.mean(), oracle(y, p), rtol=1e-12, atol=1e-13)
    assert loss(y, p) == values.mean()
    expected = oracles.complex_step(lambda v: oracle(y, v), p)
    close(loss.gradient(y, p), expected, rtol=1e-11, atol=1e-13)


@every_loss
@given(shapes, seeds)
def test_the_gradient_check_passes(name, shape, seed):
    loss, y, p, _ = draw(name, shape, seed)
    check_loss(loss, y, p, seed=seed).raise_if_wrong()


@every_loss
@given(shapes, seeds)
def test_types_and_arguments_are_kept(name, shape, seed):
    loss, y, p, _ = draw(name, shape, seed)
    for dtype, tolerance in (("float32", 1e-4), ("float64", 1e-12)):
        q = p.astype(dtype)
        q.flags.writeable = y.flags.writeable = False  # writing raises
        gradient = loss.gradient(y, q)
        assert gradient.dtype == dtype
        assert not np.shares_memory(gradient, q)
        close(gradient, loss.gradient(y, p), rtol=tolerance, atol=tolerance)
        close(loss.value(y, q), loss.value(y, p), rtol=tolerance, atol=tolerance)


@every_loss
def test_values_of_float32_are_computed_in_float64(name):
    loss, y, p, _ = draw(name, (4, 3), 1)
    y, p = y if y.dtype.kind == "i" else y.astype("f4"), p.astype("f4")
    values = loss.value(y, p)
    assert values.dtype == np.float64
    equal(values, loss.value(y.astype(float), p.astype(float)))


@every_loss
@given(shapes, seeds)
def test_a_batch_is_its_samples_one_by_one(name, shape, seed):
    loss, y, p, _ = draw(name, shape, seed)
    single = [(y[m : m + 1], p[m : m + 1]) for m in range(len(p))]
    equal(loss.value(y, p), np.concatenate([loss.value(*sample) for sample in single]))
    gradients = np.concatenate([loss.gradient(*sample) for sample in single])
    close(loss.gradient(y, p), gradients / len(p), rtol=1e-14)


@every_loss
def test_no_samples(name):
    loss, y, p, _ = draw(name, (1, 3), 0)
    assert loss.value(y[:0], p[:0]).shape == (0,)
    assert loss.gradient(y[:0], p[:0]).shape == (0, 3)


@every_loss
def test_a_sample_may_have_further_axes(name):
    loss, y, p, _ = draw(name, (24, 3), 0)
    deep_y, deep_p = y.reshape(2, 12, *y.shape[1:]), p.reshape(2, 12, 3)
    close(loss.value(deep_y, deep_p), loss.value(y, p).reshape(2, 12).mean(axis=1))
    close(loss.gradient(deep_y, deep_p), loss.gradient(y, p).reshape(2, 12, 3))


@given(shapes, seeds, st.integers(-3, 30), st.sampled_from(["float32", "float64"]))
def test_cross_entropy_of_any_scores(shape, seed, power, dtype):
    rng = np.random.default_rng(seed)
    z = (rng.normal(size=shape) * 10.0**power).astype(dtype)
    y = one_hot(rng, shape)
    loss = CategoricalCrossentropy(from_logits=True)
    values, dz = loss.value(y, z), loss.gradient(y, z)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    rounding = 4 * np.finfo(dtype).eps
    close(dz.sum(axis=1), 0, atol=rounding)
    close(dz, (Softmax().forward(z) - y) / shape[0], atol=rounding)


@pytest.mark.parametrize("sign", [-1, 1])
def test_extreme_scores_are_finite_and_silent(sign):
    z = sign * np.array([[1e30, -1e30, 0.0]])
    for loss, y in [
        (CategoricalCrossentropy(from_logits=True), np.eye(3)[:1]),
        (SparseCategoricalCrossentropy(from_logits=True), np.array([0])),
        (BinaryCrossentropy(from_logits=True), np.eye(3)[:1]),
        (MeanSquaredError(), np.eye(3)[:1]),
    ]:
        assert np.isfinite(loss.value(y, z)).all()
        assert np.isfinite(loss.gradient(y, z)).all()


@given(shapes, seeds)
def test_activation_and_loss_together_equal_one_after_the_other(shape, seed):
    rng = np.random.default_rng(seed)
    z, y = scores(rng, shape), one_hot(rng, shape)
    pairs = [(CategoricalCrossentropy(), Softmax()), (BinaryCrossentropy(), Sigmoid())]
    for loss, activation in pairs:
        p = activation.forward(z, training=True)
        dz = activation.backward(loss.gradient(y, p))
        inside = (p > 1e-7) & (p < 1 - 1e-7)  # nothing clipped
        if inside.all() or shape[1] == 1:
            close(loss.on_logits().value(y, z), loss.value(y, p), rtol=1e-6, atol=1e-6)
            close(loss.on_logits().gradient(y, z), dz, rtol=1e-6, atol=1e-9)
        assert not loss.from_logits


@given(shapes, seeds, st.booleans(), st.sampled_from(["float32", "float64"]))
def test_class_numbers_and_one_hot_rows_are_bitwise_equal(shape, seed, from_logits, dtype):
    rng = np.random.default_rng(seed)
    y = labels(rng, shape)
    p = (scores if from_logits else probabilities)(rng, shape).astype(dtype)
    numbers = SparseCategoricalCrossentropy(from_logits=from_logits)
    rows = CategoricalCrossentropy(from_logits=from_logits)
    hot = oracles.one_hot(y, shape[1])
    for given_y in (y, y[:, None], y.astype(float), y.astype("uint8")):
        equal(numbers.value(given_y, p), rows.value(hot, p))
        equal(numbers.gradient(given_y, p), rows.gradient(hot, p))


def test_clipping_as_in_keras():
    y, p = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    close(CategoricalCrossentropy()(y, p), -np.log(1e-7))
    close(BinaryCrossentropy()(y, p), -np.log(1e-7))
    equal(CategoricalCrossentropy().gradient(y, p), [[0, 0]])
    equal(BinaryCrossentropy().gradient(y, p), [[0, 0]])
    backend.set_epsilon(1e-3)
    close(CategoricalCrossentropy()(y, p), -np.log(1e-3))
    for dtype in ("float32", "float64"):
        certain = BinaryCrossentropy().gradient(y, y.astype(dtype))
        assert np.isfinite(certain).all()


@every_loss
def test_the_configuration_makes_the_same_loss_again(name):
    loss = CASES[name][0]
    twin = type(loss)(**loss.get_config())
    assert twin.from_logits == loss.from_logits
    assert twin.get_config() == loss.get_config()


def test_names():
    for name, cls in losses.LOSSES.items():
        assert type(losses.get(name)) is cls
        assert type(losses.get(cls)) is type(losses.get(cls.__name__)) is cls
    loss = MeanSquaredError()
    assert losses.get(loss) is loss
    for function in (
        losses.categorical_crossentropy,
        losses.sparse_categorical_crossentropy,
        losses.binary_crossentropy,
        losses.mean_squared_error,
    ):
        case = losses.get(function)
        y = np.array([1]) if isinstance(case, SparseCategoricalCrossentropy) else [[0.0, 1.0]]
        p = [[0.5, 0.5]]
        equal(function(y, p), case.value(np.asarray(y), np.asarray(p)))
    with pytest.raises(ValueError, match="Did you mean 'categorical_crossentropy'"):
        losses.get("categorical_crossentropie")
    with pytest.raises(TypeError, match="Did you mean 'from_logits'"):
        CategoricalCrossentropy(from_logit=True)
    with pytest.raises(NotImplementedError, match="does not define value"):
        Loss().value(np.zeros(1), np.zeros(1))


@pytest.mark.parametrize(
    "name", sorted({c.name for c in losses.LOSSES.values()} - {"sparse_categorical_crossentropy"})
)
def test_targets_of_another_shape_are_refused_not_broadcast(name: str) -> None:
    loss = losses.get(name)
    y, p = np.ones((3, 1)), np.full((3, 2), 0.5)
    for method in (loss.value, loss.gradient, loss):
        with pytest.raises(ShapeError, match=r"\(3, 1\).*\(3, 2\)"):
            method(y, p)


@pytest.mark.parametrize("label", [-1, 2])
def test_class_numbers_out_of_range_are_refused(label: int) -> None:
    loss = losses.SparseCategoricalCrossentropy()
    for y in ([label], [0, label], [label, 1]):
        words = f"must be 0 to 1 for 2 outputs, got {min(y)} to {max(y)}"
        with pytest.raises(ValueError, match=words):
            loss(np.array(y), np.full((len(y), 2), 0.5))


def test_scores_near_the_end_of_the_float_range_are_finite() -> None:
    top = np.finfo(np.float64).max
    loss = losses.CategoricalCrossentropy(from_logits=True)
    z = np.array([[top, -top, 0.0]])
    assert np.isfinite(loss(np.array([[1.0, 0.0, 0.0]]), z))
    assert np.isfinite(loss.gradient(np.array([[0.0, 1.0, 0.0]]), z)).all()


def test_class_numbers_may_have_an_axis_of_their_own_and_no_other_shape() -> None:
    p = probabilities(np.random.default_rng(0), (2, 3, 4))
    y = np.arange(6).reshape(2, 3) % 4
    loss = SparseCategoricalCrossentropy()
    equal(loss.value(y[..., None], p), loss.value(y, p))
    equal(loss.gradient(y[..., None], p), loss.gradient(y, p))
    for wrong in [(3, 2), (6,), (2, 3, 4), (2, 1, 3), (1, 2, 3), (2, 3, 1, 1)]:
        bad = np.zeros(wrong, int)
        for method in (loss.value, loss.gradient):
            with pytest.raises(ShapeError, match=r"\(2, 3, 4\): expected \(2, 3\)"):
                method(bad, p)


@pytest.mark.parametrize("cls", sorted(set(losses.LOSSES.values()), key=str))
def test_numcnns_losses_are_taken_as_they_are(cls: type[Loss]) -> None:
    loss = cls()
    assert losses.checked(loss) is loss


class Own(MeanSquaredError):
    """A loss of a user's own, which returns what it was given."""

    activation = "softmax"

    def __init__(self, value: object, gradient: object) -> None:
        self.returned = {"value": value, "gradient": gradient}

    def value(self, y, p):
        return self.returned["value"]

    def gradient(self, y, p):
        return self.returned["gradient"]


@pytest.mark.parametrize("method", ["value", "gradient"])
@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        ([0.0, 0.0], DTypeError, "got list"),
        (np.zeros(2, int), DTypeError, "got int64"),
        (np.zeros((2, 1)), ShapeError, r"got shape \(2, 1\)"),
        (np.zeros((1, 3)), ShapeError, r"got shape \(1, 3\)"),
        (np.zeros(()), ShapeError, r"got shape \(\)"),
    ],
    ids=["list", "integers", "a column", "a row", "a number"],
)
def test_a_loss_of_ones_own_must_return_the_right_shape(
    method: str, found: object, error: type[Exception], message: str
) -> None:
    y, p = np.zeros((2, 3)), np.zeros((2, 3))
    right = {"value": np.zeros(2), "gradient": np.zeros((2, 3), np.float32)}
    loss = losses.checked(Own(**right))
    assert (loss.activation, loss.from_logits) == ("softmax", False)
    assert loss.on_logits().from_logits is True
    assert loss.value(y, p) is right["value"]
    assert loss.gradient(y, p) is right["gradient"]
    bad = losses.checked(Own(**{**right, method: found}))
    for wrong in (bad, bad.on_logits()):
        with pytest.raises(error, match=f"{method} of the loss Own must return .*{message}"):
            getattr(wrong, method)(y, p)


# ---- arguments, names, and what a fast engine makes of them ----


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("end", ["softmax", "sigmoid", None])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_smoothed_targets_reach_every_ending_of_a_network(engine, end, smoothing):
    """The engines take a softmax, or a sigmoid, and the loss together."""
    cls = BinaryCrossentropy if end == "sigmoid" else CategoricalCrossentropy
    loss = cls(from_logits=end is None, label_smoothing=smoothing)
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 4)), one_hot(rng, (5, 3))
    model = Sequential([Dense(3, activation=end, dtype="float64", input_shape=(4,))])
    model.compile("sgd", loss, engine=engine)
    w, b = model.get_weights()
    oracle = getattr(oracles, loss.name + "_from_logits")
    targets = oracles.smoothed(y, smoothing, 1 / 2 if end == "sigmoid" else 1 / 3)
    values, _ = model.engine.gradients(x, y)
    close(values.mean(), oracle(targets, x @ w + b), rtol=1e-9)
    expected = oracles.complex_step(lambda v: oracle(targets, x @ v + b), w)
    close(model.layers[0].grads["w"], expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_a_model_learns_from_any_loss_on_both_engines_alike(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 4))
    y = rng.integers(0, 3, 8) if name.startswith("sparse") else one_hot(rng, (8, 3))
    found = []
    for engine in ("numpy", "numba"):
        set_random_seed(1)
        end = "sigmoid" if name in ("bce", "binary_crossentropy") else "softmax"
        model = Sequential([Dense(3, end, dtype="float64", input_shape=(4,))])
        model.compile(optimizers.SGD(1e-9 if name == "mape" else 0.05), name, engine=engine)
        found.append(model.fit(x, y, epochs=5, verbose=0).history["loss"])
    close(found[0], found[1], rtol=1e-9)
    assert found[0][-1] < found[0][0]


def test_keras_s_other_names_mean_the_same():
    for name, other in [("mae", "MAE"), ("msle", "MSLE"), ("mape", "MAPE"), ("kld", "KLD")]:
        assert getattr(losses, name) is getattr(losses, other)
        assert type(losses.get(name)) is type(losses.get(other)) is losses.LOSSES[name]
        assert type(losses.get(getattr(losses, name))) is losses.LOSSES[name]
    assert isinstance(losses.get(losses.kullback_leibler_divergence), losses.KLDivergence)


def test_what_losses_refuse():
    for cls in sorted(set(losses.LOSSES.values()), key=str):
        assert cls(reduction="sum_over_batch_size", name="own").get_config() == cls().get_config()
        with pytest.raises(ValueError, match=r"reduction of .* got 'sum'"):
            cls(reduction="sum")
    for wrong in (-0.1, 1.5, True, "0.1"):
        with pytest.raises(ValueError, match="label_smoothing must be a number from 0 to 1"):
            CategoricalCrossentropy(label_smoothing=wrong)
    for wrong in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match="delta of Huber"):
            losses.Huber(wrong)
    with pytest.raises(ValueError, match="axis must be -1"):
        CategoricalCrossentropy(axis=1)
    with pytest.raises(ValueError, match="ignore_class=0 is not there"):
        SparseCategoricalCrossentropy(ignore_class=0)


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (MeanSquaredError, "name, reduction, dtype"),
        (losses.Huber, "delta, name, reduction"),
        (BinaryCrossentropy, "from_logits, label_smoothing, axis, name, reduction"),
    ],
)
def test_an_unknown_argument_is_told_those_that_there_are(cls, arguments):
    with pytest.raises(TypeError, match=rf"no argument 'size'\. Its arguments: {arguments}\.$"):
        cls(size=3)


def test_arguments_come_back_from_a_file(tmp_path):
    for loss in (losses.Huber(2.0), BinaryCrossentropy(True, 0.1)):
        model = Sequential([Dense(2, input_shape=(3,))])
        model.compile("sgd", loss)
        model.save(tmp_path / "model.npz")
        again = load_model(tmp_path / "model.npz")
        assert type(again.loss) is type(loss)
        assert again.loss.get_config() == loss.get_config()


def test_ends_of_the_range_are_finite_and_slopes_stop_there():
    zero, one = np.zeros((1, 2)), np.array([[1.0, 0.0]])
    divergence = losses.KLDivergence()
    assert np.isfinite(divergence(one, zero))
    equal(divergence.gradient(one, zero), [[0, 0]])
    cosine = losses.CosineSimilarity()
    assert cosine(one, zero) == 0
    assert np.isfinite(cosine.gradient(one, zero)).all()
    assert np.isfinite(losses.Poisson().gradient(one, zero)).all()
    assert np.isfinite(losses.LogCosh()(zero, zero + 1e6))


def test_kinks_by_hand():
    """A score that is right by just the margin costs nothing and has no slope."""
    one, minus = np.ones((1, 2)), np.array([[1.0, -1.0]])
    for y, p in ((one, one), (minus, minus)):
        equal(losses.Hinge().value(y, p), [0])
        equal(losses.Hinge().gradient(y, p), [[0, 0]])
    y, p = np.array([[0.0, 1.0, 0.0]]), np.array([[2.0, 3.0, 2.0]])
    equal(losses.CategoricalHinge().value(y, p), [0])
    equal(losses.CategoricalHinge().gradient(y, p), [[0, 0, 0]])
    p = np.array([[2.5, 3.0, 2.5]])  # of equals the first moves
    equal(losses.CategoricalHinge().gradient(y, p), [[1, -1, 0]])
    p = np.array([[-2.0, 0.5, -1.0]])  # no other score counts as less than 0
    equal(losses.CategoricalHinge().value(y, p), [0.5])
    equal(losses.CategoricalHinge().gradient(y, p), [[0, -1, 0]])
    for loss in (losses.MeanAbsoluteError(), losses.MeanAbsolutePercentageError()):
        equal(loss.gradient(one, one), [[0, 0]])
        # No number of float32 is nearer to the target, which float32 does not have.
        equal(loss.gradient(0.1 * one, (0.1 * one).astype("f4")), [[0, 0]])


def test_targets_and_outputs_of_zero_by_hand():
    backend.set_epsilon(0.25)
    y, p = np.array([[0.0, -2.0]]), np.array([[1.0, -3.0]])
    percent = losses.MeanAbsolutePercentageError()
    equal(percent.value(y, p), [100 * (1 / 0.25 + 1 / 2) / 2])
    equal(percent.gradient(y, p), [[100 / 0.25 / 2, -100 / 2 / 2]])
    count, rate = np.array([[3.0]]), np.array([[0.0]])
    close(losses.Poisson().value(count, rate), -3 * np.log(0.25), rtol=1e-15)
    equal(losses.Poisson().gradient(count, rate), [[1 - 3 / 0.25]])
    # What is clipped stands at 0.25 or 1 and has no slope; what stands there by itself has one.
    y, p = np.array([[0.0, 1.0, 0.5, 2.0, 2.0]]), np.array([[0.25, 1.0, 2.0, 0.0, 0.5]])
    divergence = losses.KLDivergence()
    close(divergence.value(y, p), 0.5 * np.log(0.5) + np.log(4) + np.log(2), rtol=1e-15)
    equal(divergence.gradient(y, p), [[-0.25 / 0.25, -1 / 1, 0, 0, -1 / 0.5]])


def test_logarithms_of_less_than_epsilon_by_hand():
    """Targets and outputs below it count as epsilon; an output of just epsilon has a slope."""
    backend.set_epsilon(0.25)
    loss, y, p = losses.MeanSquaredLogarithmicError(), np.array([[-5.0]]), np.array([[1.0]])
    close(loss.value(y, p), np.log(2 / 1.25) ** 2, rtol=1e-15)
    close(loss.gradient(y, p), [[2 * np.log(2 / 1.25) / 2]], rtol=1e-15)
    close(loss.gradient(p, y + 5.25), [[2 * np.log(1.25 / 2) / 1.25]], rtol=1e-15)
    equal(loss.gradient(p, y), [[0]])


def test_the_cosine_of_short_vectors_by_hand():
    """Below epsilon nothing is divided by the length, and what is left is linear in p."""
    backend.set_epsilon(0.5)
    cosine, y = losses.CosineSimilarity(), np.array([[3.0, 4.0]])
    p = np.array([[0.3, 0.0]])
    close(cosine.value(y, p), [-0.6 * 0.3 / 0.5], rtol=1e-15)
    close(cosine.gradient(y, p), [[-0.6 / 0.5, -0.8 / 0.5]], rtol=1e-15)
    close(cosine.gradient(y, -3 * p), [[0, -0.8 / 0.9]], atol=1e-15)
    for short in ([[0.4, 0.2]], [[0.5, 0.0]]):  # nearly as long, just as long
        close(cosine.gradient(y, np.array(short)), [[-0.6 / 0.5, -0.8 / 0.5]], rtol=1e-15)
    both = cosine.gradient(np.repeat(y, 2, axis=0), np.concatenate([p, -3 * p]))
    close(both, [[-0.6, -0.8], [0, -0.4 / 0.9]], atol=1e-15)
