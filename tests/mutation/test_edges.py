"""What surviving faults asked for: edges that random examples reach too seldom."""

import math

import numpy as np
import oracles
import pytest

from numcnn import backend
from numcnn.errors import ShapeError
from numcnn.layers import Dropout, MaxPool2D, Reshape
from numcnn.layers.im2col import im2col, image_shape, window_geometry
from numcnn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from numcnn.optimizers import SGD, Adam, Adamax, Nadam, Optimizer, RMSprop

equal = np.testing.assert_array_equal


def test_a_number_drawn_equal_to_the_rate_stays():
    """The share that is dropped is that of numbers in [0, rate)."""
    philox = np.random.Philox(key=7, counter=[0, 0, 0, 0])
    chances = np.random.Generator(philox).random(20, np.float32)
    for chance in chances:
        equal(Dropout(float(chance), seed=7).mask(np.ones(20)) > 0, chances >= chance)


@pytest.mark.parametrize("where", range(4))
def test_a_single_row_or_column_of_padding(where):
    pads = [0, 0, 0, 0]
    pads[where] = 1
    padding = tuple(pads[:2]), tuple(pads[2:])
    x = np.arange(1, 13).reshape(1, 3, 4, 1)
    equal(im2col(x, (2, 2), padding=padding), oracles.im2col(x, (2, 2), (1, 1), padding))


def test_dilation_is_named_only_where_there_is_one():
    with pytest.raises(ShapeError, match=r"a window of 5x5 does not fit into an image of 4x4"):
        window_geometry((4, 4), (5, 5), (1, 1), "valid")
    for dilation in [(1, 2), (2, 1)]:
        with pytest.raises(ShapeError, match=rf"with dilation \({dilation[0]}, {dilation[1]}\)"):
            window_geometry((4, 4), (5, 5), (1, 1), "valid", dilation)


@pytest.mark.parametrize(
    ("shape", "data_format", "text"),
    [
        (
            (28, 28),
            "channels_last",
            r"\(H, W, C\), got .* Add a channel axis: x\[\.\.\., None\]\.$",
        ),
        ((28, 28), "channels_first", r"\(C, H, W\), got .* Add a channel axis"),
        ((784,), "channels_last", r"put Conv2D before Flatten or Dense\.$"),
        ((2, 28, 28, 1), "channels_last", r"got samples of \(2, 28, 28, 1\)\.$"),
    ],
)
def test_what_is_no_image_is_told_what_it_lacks(shape, data_format, text):
    with pytest.raises(ShapeError, match=text):
        image_shape("Conv2D", shape, data_format)


@pytest.mark.parametrize("share", [1.0, 0.7])
@pytest.mark.parametrize("pool", [(3, 3), (3, 1), (1, 3), (2, 2)])
def test_where_all_is_minus_infinity_the_first_real_pixel_wins(pool, share):
    """A border comes first in the windows above and to the left, and each has its own first.

    Where numbers stand among them, each window of each sample and channel has a winner of its own.
    """
    rng = np.random.default_rng(0)
    x = np.where(rng.random((2, 4, 5, 3)) < share, -np.inf, rng.integers(0, 9, (2, 4, 5, 3)))
    layer = MaxPool2D(pool, strides=1, padding="same")
    y = layer.forward(x, training=True)
    _, winners = oracles.maxpool2d(x, pool, (1, 1), "same")
    dy = rng.permutation(y.size).reshape(y.shape).astype(float)
    equal(layer.backward(dy), oracles.maxpool2d_backward(np.zeros(x.shape), dy, winners))


def test_reshape_says_what_does_not_fit():
    for target in [(2, 4), (4, -1)]:
        with pytest.raises(ShapeError, match=r"samples of shape \(2, 3\) have 6 numbers"):
            Reshape(target).compute_output_shape((2, 3))


def test_a_loss_names_its_own_arguments_only():
    for cls in (CategoricalCrossentropy, BinaryCrossentropy):
        with pytest.raises(TypeError, match="Did you mean 'from_logits'"):
            cls(from_logit=True)
    with pytest.raises(TypeError) as error:
        MeanSquaredError(from_logit=True)
    assert "from_logits" not in str(error.value)
    with pytest.raises(NotImplementedError, match="does not define gradient"):
        Loss().gradient(np.zeros(1), np.zeros(1))


@pytest.mark.parametrize("cls", [CategoricalCrossentropy, BinaryCrossentropy])
def test_from_logits_is_a_truth_value(cls):
    assert cls(from_logits=1).get_config() == {"from_logits": True, "label_smoothing": 0.0}
    assert cls(from_logits=1).from_logits is True


def test_arguments_of_losses_at_their_ends():
    for value in (0, 1):
        assert CategoricalCrossentropy(label_smoothing=value).label_smoothing == value
    assert SparseCategoricalCrossentropy(axis=-1).get_config() == {"from_logits": False}
    with pytest.raises(ValueError, match="axis must be -1"):
        SparseCategoricalCrossentropy(axis=1)


def test_a_number_at_the_edge_of_the_clipping_counts():
    backend.set_epsilon(0.25)
    y, p = np.array([[1.0, 1.0]]), np.array([[0.25, 0.75]])
    dp = CategoricalCrossentropy().gradient(y, p)
    equal(dp, [[2 - 1 / 0.25, 2 - 1 / 0.75]])
    equal(BinaryCrossentropy().gradient(y, p), [[-1 / 0.25 / 2, -1 / 0.75 / 2]])


def test_a_sure_and_right_probability_has_no_gradient():
    y = np.eye(3)
    equal(CategoricalCrossentropy().gradient(y, y), np.zeros((3, 3)))
    equal(BinaryCrossentropy().gradient(y, y), np.zeros((3, 3)))


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("cls", [CategoricalCrossentropy, BinaryCrossentropy])
def test_classes_are_the_last_axis_of_many(cls, from_logits):
    rng = np.random.default_rng(0)
    p, y = rng.uniform(0.1, 0.9, (2, 5, 3)), np.eye(3)[rng.integers(0, 3, (2, 5))]
    loss = cls(from_logits=from_logits)
    flat = loss.value(y.reshape(10, 3), p.reshape(10, 3)).reshape(2, 5).mean(axis=1)
    np.testing.assert_allclose(loss.value(y, p), flat, rtol=1e-14)
    dp = loss.gradient(y.reshape(10, 3), p.reshape(10, 3))
    np.testing.assert_allclose(loss.gradient(y, p), dp.reshape(2, 5, 3), rtol=1e-14)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("cls", [CategoricalCrossentropy, BinaryCrossentropy])
def test_values_of_float32_outputs_are_computed_in_float64(cls, from_logits):
    p = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3)).astype("float32")
    y, loss = np.eye(4, 3, dtype="float32"), cls(from_logits=from_logits)
    values = loss.value(y, p)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, loss.value(y.astype(float), p.astype(float)), rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_where_epsilon_is_lost_in_rounding(dtype):
    """Next to 1 float32 has a step of 6e-8: a smaller epsilon must not let 1 - q become 0."""
    below = np.array([[np.nextafter(np.dtype(dtype).type(1), 0)]])
    wrong = np.zeros((1, 1))
    assert (BinaryCrossentropy().gradient(wrong, below) == 0).all()  # within 1e-7 of 1
    backend.set_epsilon(1e-9)
    ones = np.ones((1, 1), dtype)
    for y in (wrong, ones):
        assert (BinaryCrossentropy().gradient(y, ones) == 0).all()


@pytest.mark.parametrize("cls", [SGD, RMSprop, Adam])
def test_an_optimizer_knows_its_parameters_not_only_their_shapes(cls):
    optimizer, p, other = cls(0.1), np.zeros(2), np.zeros(2)
    for _ in range(2):
        optimizer.step([p], [np.ones(2)])
    for params in ([other], [p, other], []):
        with pytest.raises(ShapeError, match="new optimizer for each model"):
            optimizer.step(params, [np.ones(2)] * len(params))
    assert optimizer.iterations == 2
    equal(other, [0, 0])
    two = cls(0.1)
    two.step([p, other], [np.ones(2)] * 2)
    with pytest.raises(ShapeError, match="new optimizer for each model"):
        two.step([p, np.zeros(2)], [np.ones(2)] * 2)


def test_a_memory_that_was_loaded_is_kept_where_it_fits_and_refused_elsewhere():
    def loaded():
        optimizer = RMSprop(0.1, rho=0.5)
        optimizer.slots = {"mean_square": [np.full(2, 8.0)]}
        return optimizer

    optimizer = loaded()
    optimizer.step([np.zeros(2)], [np.zeros(2)])
    equal(optimizer.slots["mean_square"][0], [4, 4])
    for params in ([np.zeros(3)], [np.zeros(2)] * 2, [np.zeros((1, 2))]):
        with pytest.raises(ShapeError, match="new optimizer for each model"):
            loaded().step(params, params)


def test_an_optimizer_without_an_update_says_so():
    with pytest.raises(NotImplementedError, match="does not define update"):
        Optimizer(0.1).step([np.zeros(1)], [np.zeros(1)])


def test_plain_gradient_descent_remembers_nothing():
    optimizer = SGD(0.1)
    optimizer.step([np.zeros(2)], [np.ones(2)])
    assert optimizer.slot_names == ()
    assert optimizer.slots == {}
    assert SGD(0.1, momentum=0.5, nesterov=1).get_config()["nesterov"] is True


def test_what_adam_s_variants_remember_stands_under_its_name():
    for cls, second in ((Adamax, {"greatest": [4.0]}), (Nadam, {"mean_square": [4.0]})):
        optimizer = cls(0.1, beta_1=0.5, beta_2=0.75)
        optimizer.step([np.zeros(1)], [np.array([4.0])])
        assert optimizer.slots == {"mean": [2.0], **second}


def test_nadam_s_product_does_not_depend_on_what_was_asked_before():
    optimizer = Nadam()
    for t in (7, 3, 3, 9):
        assert optimizer.product(t) == math.prod(optimizer.mu(i) for i in range(1, t + 1))


def test_what_adam_remembers_stands_under_its_name():
    optimizer = Adam(0.1, beta_1=0.5, beta_2=0.75)
    optimizer.step([np.zeros(1)], [np.array([4.0])])
    assert optimizer.slots == {"mean": [2.0], "mean_square": [4.0]}


def test_what_centered_and_amsgrad_remember_stands_under_its_name():
    rmsprop = RMSprop(0.5, rho=0.5, momentum=0.5, epsilon=0.0, centered=1)
    rmsprop.step([np.zeros(1)], [np.array([4.0])])  # 4 / sqrt(8 - 2**2) = 2 rates
    assert rmsprop.slots == {"mean_square": [8.0], "mean": [2.0], "velocity": [1.0]}
    assert rmsprop.slot_names == ("mean_square", "mean", "velocity")
    assert rmsprop.get_config()["centered"] is True
    adam, p = Adam(0.1, beta_1=0.5, beta_2=0.75, amsgrad=1), np.zeros(1)
    for g in (4.0, 0.0):
        adam.step([p], [np.array([g])])
    assert adam.slots == {"mean": [1.0], "mean_square": [3.0], "greatest": [4.0]}
    assert adam.get_config()["amsgrad"] is True


def test_a_variance_that_rounding_leaves_below_0_is_0():
    """Of gradients that stay the same the mean square comes to be the square of the mean."""
    g = np.linspace(0.1, 0.9, 500)
    p, optimizer = np.zeros(500), RMSprop(1e-9, rho=0.5, epsilon=1e-30, centered=True)
    for _ in range(60):
        optimizer.step([p], [g])
    mean_square, mean = (optimizer.slots[name][0] for name in ("mean_square", "mean"))
    assert (mean_square < mean**2).any()
    assert np.isfinite(p).all()
