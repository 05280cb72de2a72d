"""The normal distribution: how much of it lies below x. GELU needs it, and NumPy does not have it.

Math:
    density(x)    = exp(-x**2 / 2) / sqrt(2 * pi)
    share_below(x) = the integral of density from minus infinity to x = erfc(-x / sqrt(2)) / 2

    erfc has no closed form. For u >= 0 the function (1 + 2*u) * exp(u**2) * erfc(u) has: it runs
    smoothly from 1 to 2 / sqrt(pi), so a polynomial in t = (u - 3.75) / (u + 3.75), which runs from
    -1 to 1, comes within 1e-16 of it; COEFFICIENTS are its Chebyshev coefficients, computed with 50
    digits. For u < 0 erfc(u) = 2 - erfc(-u).

Reference:
    Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x**2) erfc x in
    0 <= x < infinity", Mathematics of Computation 36, 1981.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

COEFFICIENTS = (
    1.1775789345674017541, -4.5900545806464773309e-3, -8.4249133366517915584e-2,
    5.9209939998191890498e-2, -2.6658668435305752277e-2, 9.0749976707052650939e-3,
    -2.4131635404176081909e-3, 4.9077583652580863229e-4, -6.9169733025012063671e-5,
    4.1390279860730101675e-6, 7.7403830661984906686e-7, -2.1886401049234395661e-7,
    1.0764999465670910377e-8, 4.5219598112182868979e-9, -7.7544002088313511065e-10,
    -6.3180883408866844944e-11, 2.8687950109306698981e-11, 1.945586854577734723e-13,
    -9.6546967484334389059e-13, 3.2525481481487398415e-14, 3.3478119482868053878e-14,
    -1.8645628804193131015e-15, -1.2507950530688647085e-15, 7.418235256624043463e-17,
    5.0681489047961113168e-17,
)  # fmt: skip


def density(x: Array) -> Array:
    """Return exp(-x**2 / 2) / sqrt(2 * pi), in the type of x.

    Example:
        >>> density(np.array([-1.0, 0.0])).round(6)
        array([0.241971, 0.398942])
    """
    with np.errstate(over="ignore"):  # of a square beyond the float range exp makes 0
        return np.asarray(np.exp(-0.5 * np.square(x)) / np.sqrt(2 * np.pi), x.dtype)


def share_below(x: Array) -> Array:
    """Return the share of the normal distribution that lies below x, in the type of x.

    Example:
        >>> share_below(np.array([-1.0, 0.0, 1.0])).round(6)
        array([0.158655, 0.5     , 0.841345])
    """
    u = np.minimum(np.abs(x, dtype=np.float64) / np.sqrt(2), 1e3)  # erfc(1e3) is 0
    t = (u - 3.75) / (u + 3.75)
    beyond = np.exp(-u * u) * np.polynomial.chebyshev.chebval(t, COEFFICIENTS) / (1 + 2 * u) / 2
    return np.asarray(np.where(x < 0, beyond, 1 - beyond), x.dtype)
