"""The formulas of oracles without loops: quick enough for a complex step in every entry.

Nothing comes from numcnn. Which pixel stands under which tap is a table of zeros and ones, and a
convolution a sum over such tables; test_reference.py compares all with the plain loops. Everything
works for whole numbers, floats and complex numbers, and takes further axes in front, so that many
slightly changed inputs go through at once.
"""

import numpy as np
import oracles


def complex_gradient(f, x):
    """The gradient of f at x, entry by entry: f(x + ih).imag / h.

    f takes an array (S, *x.shape), all changed inputs at once, and returns S numbers. There is no
    subtraction, so h can be tiny and the result is right to the last digits.
    """
    h = 1e-30
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    return (np.imag(f(x + 1j * steps)) / h).reshape(x.shape)


def taps(size, k, stride, pad, dilation):
    """s[p, i, h] = 1 where tap i of window p stands on pixel h of an axis, else 0."""
    outputs = (size + sum(pad) - dilation * (k - 1) - 1) // stride + 1
    p, i, h = np.ogrid[:outputs, :k, :size]
    return (p * stride + i * dilation - pad[0] == h).astype(float)


def tables(size, kernel, strides, padding, dilation=(1, 1)):
    """The two tables of an image, for rows and for columns."""
    pads = oracles.pads(padding, size, kernel, strides, dilation)
    return [taps(*a) for a in zip(size, kernel, strides, pads, dilation, strict=True)]


def im2col(x, kernel, strides, padding, dilation=(1, 1)):
    """(..., H, W, C) -> (..., OH, OW, KH, KW, C)."""
    rows, columns = tables(x.shape[-3:-1], kernel, strides, padding, dilation)
    x = np.einsum("pih,...hwc->...piwc", rows, x)
    return np.einsum("qjw,...piwc->...pqijc", columns, x)


def conv2d(x, w, b, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """x (..., H, W, C); w (KH, KW, C, F) or with axes in front that fit those of x; b likewise."""
    cols = im2col(x, w.shape[-4:-2], strides, padding, dilation)
    return np.einsum("...pqijc,...ijcf->...pqf", cols, w) + b


def conv2d_backward(x, w, dy, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """(dx, dw, db), x (N, H, W, C): the same sum as conv2d's, over other letters."""
    cols = im2col(x, w.shape[:2], strides, padding, dilation)
    # Not einsum: without samples and with C = 1, NumPy 2.4 reads memory that is not the array's.
    dw = np.tensordot(cols, dy, axes=((0, 1, 2), (0, 1, 2)))
    rows, columns = tables(x.shape[1:3], w.shape[:2], strides, padding, dilation)
    dcols = np.einsum("npqf,ijcf->npqijc", dy, w)
    dx = np.einsum("pih,npqijc->nhqjc", rows, dcols)
    return np.einsum("qjw,nhqjc->nhwc", columns, dx), dw, dy.sum(axis=(0, 1, 2))


def maxpool2d(x, pool, strides, padding="valid"):
    """The first largest pixel of each window; complex numbers are compared by their real parts."""
    cols = im2col(x, pool, strides, padding)
    real = im2col(np.ones((*x.shape[-3:-1], 1)), pool, strides, padding) > 0
    cols = cols.reshape(
        *cols.shape[:-3], pool[0] * pool[1], cols.shape[-1]
    )  # (..., OH, OW, KH*KW, C)
    real = real.reshape(*real.shape[:-3], pool[0] * pool[1], 1)
    winner = np.where(real, cols.real, -np.inf).argmax(axis=-2, keepdims=True)
    return np.take_along_axis(cols, winner, axis=-2)[..., 0, :]


def dense(x, w, b):
    """x (N, ..., D); w (D, U) or (S, 1, D, U)."""
    return np.einsum("...d,...du->...u", x, w) + b


def relu(x):
    return np.where(x.real > 0, x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    """Over the last axis."""
    e = np.exp(x - x.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softmax": softmax,
}


def crossentropy_of_scores(y, z):
    """The mean loss of scores z (..., N, K) with targets y (N, K)."""
    largest = z.real.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(z - largest).sum(axis=-1, keepdims=True)) + largest
    return (y * (log_sum - z)).sum(axis=-1).mean(axis=-1)


# ---- what rounding may do ----


def gamma(terms, dtype):
    """How far a sum of products, in any order, may be off, per sum of the products' sizes.

    With u half a unit in the last place of 1, each of at most `terms` roundings multiplies by
    1 + d, |d| <= u; all together by at most 1 + terms * u / (1 - terms * u). (Higham, "Accuracy and
    stability of numerical algorithms", section 3.1.)
    """
    u = np.finfo(dtype).eps / 2
    return terms * u / (1 - terms * u)


def assert_within(found, expected, sizes, terms, dtype, name=""):
    """Raise unless sums of `terms` products, whose sizes add up to `sizes`, are as near as that.

    A product below the smallest normal number loses up to the smallest one there is.
    """
    assert found.shape == expected.shape, name
    bound = gamma(terms + 1, dtype) * sizes + (terms + 1) * np.finfo(dtype).smallest_subnormal
    error = np.abs(found.astype(float) - expected)
    assert (error <= bound).all(), (name, error.max(), bound.max())
