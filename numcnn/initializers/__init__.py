"""How weights start: random enough to break symmetry, scaled so that signals keep their size.

Random, since units that start alike get the same gradient and stay alike for ever.

Scaled: an output is z = sum over i of x[i] * w[i], over fan_in inputs. With independent weights of
mean 0 and variance var, the terms have the mean 0 and their squares add up:

    mean of z**2 = sum over i of (x[i]**2 * var) = fan_in * var * (mean of x**2)

So with var = 1 / fan_in z is as large as x. Much more, and numbers grow from layer to layer until
they overflow; much less, and they fade. On the way back each input collects from fan_out outputs,
and the same reasoning asks for 1 / fan_out. A ReLU stops half of the numbers and with them half of
the mean square, which asks for twice as much. The named schemes are these answers:

    LeCun   1 / fan_in
    Glorot  2 / (fan_in + fan_out)      between the two ways
    He      2 / fan_in                  for ReLU

each as a uniform and as a (truncated) normal distribution.
"""

from numcnn.initializers.base import Initializer
from numcnn.initializers.constants import Constant, Ones, Zeros
from numcnn.initializers.distributions import (
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    draw_truncated,
)
from numcnn.initializers.names import (
    INITIALIZERS,
    constant,
    get,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    identity,
    lecun_normal,
    lecun_uniform,
    ones,
    orthogonal,
    random_normal,
    random_uniform,
    serialize,
    truncated_normal,
    zeros,
)
from numcnn.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    VarianceScaling,
    fans,
)

__all__ = [
    "INITIALIZERS",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "draw_truncated",
    "fans",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "zeros",
]
