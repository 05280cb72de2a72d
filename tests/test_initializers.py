"""Initializers and the seeds they start from."""

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numcnn import initializers, seeds
from numcnn.errors import DTypeError, ShapeError
from numcnn.initializers import (
    INITIALIZERS,
    Constant,
    GlorotUniform,
    HeNormal,
    Identity,
    Initializer,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    fans,
)
from numcnn.initializers.distributions import draw_truncated
from numcnn.layers import Conv2D, Dense, Dropout
from numcnn.utils import set_random_seed

equal = np.testing.assert_array_equal
close = np.testing.assert_allclose
every_name = pytest.mark.parametrize("name", INITIALIZERS)
random_names = pytest.mark.parametrize(
    "name", sorted(INITIALIZERS.keys() - {"zeros", "zero", "ones", "one", "constant", "identity"})
)
LARGE = (60, 50)  # fan_in 60, fan_out 50

# scheme: its variance at fans 60 and 50, and how many standard deviations no weight is beyond
UNIFORM, TRUNCATED = math.sqrt(3), 2 / 0.87962566103423978
SCHEMES = {
    "glorot_uniform": (2 / 110, UNIFORM),
    "glorot_normal": (2 / 110, TRUNCATED),
    "he_uniform": (2 / 60, UNIFORM),
    "he_normal": (2 / 60, TRUNCATED),
    "lecun_uniform": (1 / 60, UNIFORM),
    "lecun_normal": (1 / 60, TRUNCATED),
    "variance_scaling": (1 / 60, TRUNCATED),
    "random_uniform": (0.05**2 / 3, UNIFORM),
    "random_normal": (0.05**2, None),
    "truncated_normal": ((0.05 * 0.87962566103423978) ** 2, TRUNCATED),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_mean_variance_and_bounds(name):
    variance, bound = SCHEMES[name]
    w = np.concatenate([INITIALIZERS[name](seed=s)(LARGE, "float64") for s in range(10)])
    deviation = math.sqrt(variance)
    assert abs(w.mean()) < 5 * deviation / math.sqrt(w.size)
    close(w.var(), variance, rtol=0.05)
    if bound:
        assert 0.9 * bound * deviation < np.abs(w).max() <= bound * deviation * (1 + 1e-12)


@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 60), ("fan_out", 50), ("fan_avg", 55)])
def test_variance_scaling(mode, fan, distribution):
    draws = [VarianceScaling(3.0, mode, distribution, seed=s)(LARGE, "float64") for s in range(10)]
    close(np.concatenate(draws).var(), 3 / fan, rtol=0.05)


@pytest.mark.parametrize(("shape", "scale"), [((3, 4), 3.0), ((1, 5), 1.0), ((0, 5), 1.0)])
def test_variance_scaling_draws_what_it_says(shape, scale):
    """With the variance 1: a fan of nothing counts as one of 1."""

    def drawn(distribution):
        return VarianceScaling(scale, "fan_in", distribution, seed=7)(shape, "float64")

    side = math.sqrt(3)
    equal(drawn("uniform"), seeds.generator(7).uniform(-side, side, shape))
    equal(drawn("untruncated_normal"), seeds.generator(7).normal(0, 1, shape))
    truncated = draw_truncated(seeds.generator(7), shape) / 0.87962566103423978
    close(drawn("truncated_normal"), truncated, rtol=1e-15)


def test_fans():
    assert fans((7, 9)) == (7, 9)
    assert fans((3, 5, 4, 8)) == (60, 120)
    assert fans((6,)) == (6, 6)
    conv = Conv2D(8, (3, 5), kernel_initializer="he_uniform")
    conv.build_for((9, 9, 4))
    limit = math.sqrt(6 / 60)
    assert 0.9 * limit < np.abs(conv.params["w"]).max() <= limit


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 2, 3, 4), (1, 1, 2, 5), (4, 4)])
def test_orthogonal(shape):
    w = Orthogonal(gain=2.0, seed=0)(shape, "float64").reshape(-1, shape[-1])
    product = w @ w.T if len(w) < w.shape[1] else w.T @ w
    close(product, 4 * np.eye(len(product)), atol=1e-12)
    with pytest.raises(ShapeError, match="two or more axes"):
        Orthogonal()((4,))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_orthogonal_turns_a_normal_matrix_into_a_triangle_without_a_minus(shape):
    """Of all such q this one has no direction that it prefers (Mezzadri 2007)."""
    long, short = max(shape), min(shape)
    w = Orthogonal(seed=7)(shape, "float64")
    q = w if shape[0] >= shape[1] else w.T
    triangle = q.T @ seeds.generator(7).normal(size=(long, short))
    close(triangle, np.triu(triangle), atol=1e-13)
    assert (np.diag(triangle) > 0).all()


def test_constants():
    equal(Constant(2.5)((2, 2)), np.full((2, 2), 2.5))
    equal(INITIALIZERS["zeros"]()((3,), "float64"), np.zeros(3))
    equal(INITIALIZERS["ones"]()((3,)), np.ones(3))
    equal(INITIALIZERS["identity"](2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])
    with pytest.raises(ShapeError, match=r"Identity needs a shape of two axes, got \(3,\)"):
        INITIALIZERS["identity"]()((3,))
    close(RandomNormal(3.0, 0.1, seed=0)((500,)).mean(), 3, atol=0.03)
    w = RandomUniform(1.0, 2.0, seed=0)((500,))
    assert 1 <= w.min() < 1.02
    assert 1.98 < w.max() <= 2
    w = TruncatedNormal(3.0, 0.1, seed=0)((500,))
    assert 2.8 <= w.min() < w.max() <= 3.2


def test_a_seed_s_numbers_are_those_of_its_generator():
    t = draw_truncated(seeds.generator(7), (4, 3))
    assert len(np.unique(draw_truncated(seeds.generator(7), (40, 50)))) == 2000  # each redrawn
    equal(TruncatedNormal(3.0, 0.5, seed=7)((4, 3), "float64"), 3 + 0.5 * t)
    equal(RandomNormal(3.0, 0.5, 7)((4,), "float64"), seeds.generator(7).normal(3, 0.5, 4))
    equal(RandomUniform(3.0, 4.0, 7)((4,), "float64"), seeds.generator(7).uniform(3, 4, 4))


@every_name
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shape_and_type(name, dtype):
    shape = (3, 4) if name == "identity" else (3, 2, 4)
    w = INITIALIZERS[name]()(shape, dtype)
    assert w.shape == shape
    assert w.dtype == dtype
    assert w.flags.writeable
    assert w.flags.c_contiguous


@random_names
@given(st.integers(0, 2**32 - 2))
def test_the_same_seed_gives_the_same_bits(name, seed):
    make = INITIALIZERS[name]
    first, second = make(seed=seed), make(seed=seed)
    equal(first((3, 4)), second((3, 4)))
    equal(first((3, 4)), second((3, 4)))  # at every call
    assert (make(seed=seed + 1)((3, 4)) != first((3, 4))).any()


@random_names
def test_without_a_seed_each_call_is_different(name):
    initializer = INITIALIZERS[name]()
    assert (initializer((3, 4)) != initializer((3, 4))).any()


@every_name
def test_the_configuration_makes_the_same_initializer_again(name):
    initializer = initializers.get(name)
    if "seed" in vars(initializer):
        initializer.seed = 4
    config = json.loads(json.dumps(initializers.serialize(initializer)))
    twin = initializers.get(config)
    assert type(twin) is type(initializer)
    assert initializers.serialize(twin) == config
    equal(twin((3, 4)), initializer((3, 4)))


def test_arguments_survive_the_configuration():
    for initializer in (
        Constant(1.5),
        RandomNormal(1, 2, seed=3),
        RandomUniform(-1, 2, seed=3),
        VarianceScaling(2, "fan_out", "uniform", seed=3),
        Orthogonal(3, seed=4),
        HeNormal(5),
    ):
        twin = initializers.get(initializers.serialize(initializer))
        assert vars(twin) == vars(initializer)


def test_names():
    assert type(initializers.get("GlorotUniform")) is GlorotUniform
    assert type(initializers.get(GlorotUniform)) is GlorotUniform
    own = GlorotUniform()
    assert initializers.get(own) is own
    with pytest.raises(ValueError, match="Did you mean 'he_normal'"):
        initializers.get("he_norml")
    with pytest.raises(ValueError, match="Unknown initializer 3"):
        initializers.get(3)
    with pytest.raises(ValueError, match="Did you mean"):
        initializers.get({"class_name": "HeNormale", "config": {}})
    with pytest.raises(ValueError, match="Did you mean 'fan_in'"):
        VarianceScaling(mode="fan_inn")
    with pytest.raises(ValueError, match="Unknown distribution of VarianceScaling"):
        VarianceScaling(distribution="cauchy")
    with pytest.raises(ValueError, match="scale of VarianceScaling must be positive"):
        VarianceScaling(scale=0)


def test_a_base_that_draws_nothing_and_arguments_that_are_not_there():
    with pytest.raises(NotImplementedError, match=r"Initializer does not define draw"):
        Initializer()((2, 3))
    for make in (Initializer, Signs):
        with pytest.raises(TypeError, match=f"{make.__name__} has no argument 'sed'.*mean 'seed'"):
            make(sed=1)
    assert set(Signs(seed=1)((20,)).tolist()) == {-1.0, 1.0}


class Signs(Initializer):
    def draw(self, rng, shape):
        return rng.choice([-1.0, 1.0], shape)


# ---- seeds ----


def weights():
    """What a small net starts from."""
    dense = Dense(3)
    dense.build_for((4,))
    return [*dense.get_weights(), np.array(Dropout(0.5).seed)]


def same(first, second):
    return all((a == b).all() for a, b in zip(first, second, strict=True))


def test_numpy_s_seed_makes_weights_repeatable():
    np.random.seed(99)
    first = weights()
    second = weights()
    np.random.seed(99)
    assert same(weights(), first)
    assert not same(second, first)


@given(st.integers(0, 2**32 - 1))
def test_set_random_seed_makes_weights_repeatable(seed):
    try:
        set_random_seed(seed)
        first, numbers = weights(), (random.random(), np.random.rand())
        second = weights()
        set_random_seed(seed)
        assert same(weights(), first)
        assert numbers == (random.random(), np.random.rand())
        assert not same(second, first)
    finally:
        set_random_seed(None)


def test_after_set_random_seed_numpy_s_state_is_left_alone():
    set_random_seed(5)
    before = np.random.get_state()
    first = weights()
    after = np.random.get_state()
    equal(after[1], before[1])
    assert after[2:] == before[2:]
    set_random_seed(5)
    np.random.rand(10)  # what others draw does not matter
    assert same(weights(), first)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range(seed):
    with pytest.raises(ValueError, match="from 0 to"):
        set_random_seed(seed)


@pytest.mark.parametrize("seed", [1.5, "1", True])
def test_seeds_of_other_types(seed):
    with pytest.raises(TypeError, match="seed must be an integer"):
        set_random_seed(seed)


@given(st.integers(0, 2**31), st.integers(0, 2**40))
def test_a_generator_belongs_to_its_seed_and_step(seed, step):
    numbers = seeds.generator(seed, step).random(4)
    equal(seeds.generator(seed, step).random(4), numbers)
    assert (seeds.generator(seed, step + 1).random(4) != numbers).any()
    assert (seeds.generator(seed + 1, step).random(4) != numbers).any()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda value: RandomNormal(stddev=value), "stddev"),
        (lambda value: TruncatedNormal(mean=value), "mean"),
        (lambda value: RandomUniform(minval=value), "minval"),
        (lambda value: RandomUniform(maxval=value), "maxval"),
        (Constant, "value"),
        (Orthogonal, "gain"),
        (Identity, "gain"),
        (VarianceScaling, "scale of VarianceScaling"),
    ],
)
def test_what_is_no_number_is_said_when_it_is_given(made, words):
    for wrong in ("a", None, True, [1.0]):
        with pytest.raises(DTypeError, match=f"{words} must be a number, got"):
            made(wrong)
    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match=f"{words} must be a finite number"):
            made(wrong)


def test_ranges_that_are_empty():
    with pytest.raises(ValueError, match="stddev must be a finite number of at least 0, got -1"):
        RandomNormal(stddev=-1)
    with pytest.raises(ValueError, match=r"value must be a finite number, got inf\."):
        Constant(math.inf)
    with pytest.raises(ValueError, match="minval must be at most maxval, got 2 and 1"):
        RandomUniform(2, 1)
    assert (RandomNormal(stddev=0)((3,)) == 0).all()
    assert (RandomUniform(1, 1)((3,)) == 1).all()
