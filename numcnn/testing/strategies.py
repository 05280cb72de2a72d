"""What Hypothesis draws: shapes, windows, arrays, layouts.

Sizes are small, for a fault shows in small arrays already and Hypothesis shrinks what fails. Arrays
of few numbers are drawn number by number, so that a failing one ends in a few ones among zeros;
larger ones come from a seed.
"""

import math
from typing import Any

import numpy as np

from numcnn.testing.geometry import Geometry
from numcnn.testing.layouts import LAYOUTS, in_layout

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "numcnn.testing draws its shapes and arrays with Hypothesis, which is not installed. It "
        "comes with the extra `test`: pip install 'numcnn[test]'."
    ) from error

Array = np.ndarray[Any, Any]
ONE_BY_ONE = 256  # numbers of an array that are drawn each for itself


def seeds() -> st.SearchStrategy[int]:
    """Return seeds for random generators: 0 to 2**32 - 1."""
    return st.integers(0, 2**32 - 1)


def batch_sizes(most: int = 4) -> st.SearchStrategy[int]:
    """Return numbers of samples: 0 to `most`."""
    return st.integers(0, most)


def batch_shapes(
    min_dims: int = 1, max_dims: int = 3, largest: int = 5, smallest_batch: int = 0
) -> st.SearchStrategy[tuple[int, ...]]:
    """Return shapes of batches, (N, ...).

    Args:
        min_dims: the least number of axes of a sample.
        max_dims: the greatest; min_dims = max_dims = 3 gives images.
        largest: the greatest size of an axis.
        smallest_batch: the least N, which is 0: a batch of no samples must work too.

    Example:
        >>> from hypothesis import find
        >>> find(batch_shapes(min_dims=3), lambda shape: shape[0] > 1)
        (2, 1, 1, 1)
    """
    sample = st.lists(st.integers(1, largest), min_size=min_dims, max_size=max_dims)
    return st.builds(lambda n, s: (n, *s), st.integers(smallest_batch, 4), sample)


@st.composite
def geometries(
    draw: st.DrawFn,
    *,
    largest: int = 9,
    kernel: int = 5,
    strides: int = 4,
    dilation: int = 3,
    channels: int = 4,
    batch: int = 4,
    smallest_batch: int = 0,
    paddings: tuple[str, ...] = ("valid", "same"),
) -> Geometry:
    """Return geometries whose window has at least one position.

    Args:
        draw: given by Hypothesis.
        largest: the greatest height and width of an image.
        kernel: the greatest height and width of a window.
        strides: the greatest stride; it may be above the window, so that pixels are left out.
        dilation: the greatest distance between taps; 1 for pooling.
        channels: the greatest number of channels.
        batch: the greatest number of samples.
        smallest_batch: the least one.
        paddings: which of 'valid' and 'same'.

    Example:
        >>> from hypothesis import find
        >>> g = find(geometries(paddings=("same",)), lambda g: g.border[0] == (0, 1))
        >>> g.padding, g.border  # above and below, left and right
        ('same', ((0, 1), (0, 0)))
    """
    padding = draw(st.sampled_from(paddings))
    size, window, spread = [], [], []
    for _ in range(2):
        n = draw(st.integers(1, largest))
        k = draw(st.integers(1, kernel if padding == "same" else min(kernel, n)))
        most = dilation if padding == "same" or k == 1 else min(dilation, (n - 1) // (k - 1))
        size.append(n)
        window.append(k)
        spread.append(draw(st.integers(1, most)))
    return Geometry(
        n=draw(st.integers(smallest_batch, batch)),
        ih=size[0],
        iw=size[1],
        c=draw(st.integers(1, channels)),
        kernel=(window[0], window[1]),
        strides=(draw(st.integers(1, strides)), draw(st.integers(1, strides))),
        padding=padding,
        dilation=(spread[0], spread[1]),
    )


@st.composite
def whole_arrays(
    draw: st.DrawFn, shape: tuple[int, ...], largest: int = 8, dtype: str = "float64"
) -> Array:
    """Return arrays of whole numbers from -largest to largest (at most 127).

    Sums of products of such numbers are exact in float32 up to 2**24 and in float64 up to 2**53, in
    any order. So what two ways of computing give must be equal, without any tolerance.

    Example:
        What fails ends as a few ones among zeros:

        >>> from hypothesis import find
        >>> find(whole_arrays((2, 3)), lambda x: x.sum() > 0)
        array([[0., 0., 0.],
               [0., 0., 1.]])
    """
    size, span = math.prod(shape), 2 * largest + 1
    if size > ONE_BY_ONE:
        rng = np.random.default_rng(draw(seeds()))
        return rng.integers(-largest, largest + 1, shape).astype(dtype)
    drawn = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    steps = drawn.astype(np.int64) % span  # 0, 1, 2, 3, 4 ... become 0, 1, -1, 2, -2 ...
    return np.where(steps % 2, (steps + 1) // 2, -(steps // 2)).reshape(shape).astype(dtype)


@st.composite
def float_arrays(
    draw: st.DrawFn, shape: tuple[int, ...], dtype: str = "float64", decades: int = 3
) -> Array:
    """Return arrays of both signs from 10**-decades to 10**decades, with some zeros.

    One in sixteen numbers is 0, and one in sixteen is too small for a float to be normal.

    Example:
        >>> from hypothesis import find
        >>> find(float_arrays((2, 3), "float32"), lambda x: True).dtype
        dtype('float32')
    """
    rng = np.random.default_rng(draw(seeds()))
    x = rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-decades, decades, shape)
    kind = rng.integers(0, 16, shape)
    tiny = np.finfo(dtype).smallest_subnormal * rng.integers(1, 100, shape)
    return np.where(kind == 0, 0, np.where(kind == 1, np.copysign(tiny, x), x)).astype(dtype)


@st.composite
def laid_out(draw: st.DrawFn, arrays: st.SearchStrategy[Array]) -> tuple[Array, Array]:
    """Return (an array in some layout of memory, the same numbers in a plain one).

    Example:
        >>> from hypothesis import find
        >>> x, plain = find(laid_out(whole_arrays((2, 3))), lambda both: both[0].flags.f_contiguous)
        >>> x.strides, plain.strides
        ((8, 16), (24, 8))
    """
    x = in_layout(draw(arrays), draw(st.sampled_from(sorted(LAYOUTS))))
    return x, np.array(x, order="C")
