"""What the layers, losses and optimizers should compute, in plain loops.

Nothing here is fast or clever, and nothing comes from numcnn: each function is one formula, written
index by index, so that it can be seen to be right. All work for floats, whole numbers and, where a
derivative is defined, complex numbers, for derivatives by a complex step.
"""

import itertools
import math

import numpy as np


def indices(shape):
    """All index tuples of an array of this shape, in reading order."""
    return itertools.product(*map(range, shape))


def complex_step(f, x):
    """The gradient of f, which makes one number of an array: f(x + ih).imag / h.

    There is no subtraction, so h can be tiny and the result is right to the last digits.
    """
    h = 1e-30
    gradient = np.zeros(x.shape)
    for index in indices(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * h
        gradient[index] = np.imag(f(moved)) / h
    return gradient


# ---- windows ----


def same_padding(size, k, stride, dilation=1):
    """Keras's 'same': ceil(size / stride) outputs, the odd pixel at the end."""
    outputs = math.ceil(size / stride)
    reach = dilation * (k - 1) + 1
    total = max((outputs - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def pads(padding, size, kernel, strides, dilation=(1, 1)):
    """((top, bottom), (left, right)) of 'same', 'valid', or as given."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        rows, columns = (
            same_padding(*a) for a in zip(size, kernel, strides, dilation, strict=True)
        )
        return rows, columns
    return padding


def count(size, k, stride, pad, dilation=1):
    """The number of positions of a window, by trying them all."""
    reach = dilation * (k - 1) + 1
    return len(range(0, size + sum(pad) - reach + 1, stride))


def windows(size, kernel, strides, padding, dilation=(1, 1)):
    """For each output (oh, ow): the taps (i, j) on the image and the pixel (row, column) there."""
    (ih, iw), (kh, kw), (sh, sw), (dh, dw) = size, kernel, strides, dilation
    (top, bottom), (left, right) = pads(padding, size, kernel, strides, dilation)
    oh, ow = count(ih, kh, sh, (top, bottom), dh), count(iw, kw, sw, (left, right), dw)
    found = {}
    for p, q in indices((oh, ow)):
        found[p, q] = []
        for i, j in indices((kh, kw)):
            row, column = p * sh + i * dh - top, q * sw + j * dw - left
            if 0 <= row < ih and 0 <= column < iw:
                found[p, q].append(((i, j), (row, column)))
    return found, (oh, ow)


def im2col(x, kernel, strides, padding, dilation=(1, 1)):
    n, ih, iw, c = x.shape
    found, size = windows((ih, iw), kernel, strides, padding, dilation)
    cols = np.zeros((n, *size, *kernel, c), x.dtype)
    for m, k in indices((n, c)):
        for (p, q), taps in found.items():
            for (i, j), (row, column) in taps:
                cols[m, p, q, i, j, k] = x[m, row, column, k]
    return cols


def col2im(dcols, x_shape, kernel, strides, padding, dilation=(1, 1)):
    n, ih, iw, c = x_shape
    found, _ = windows((ih, iw), kernel, strides, padding, dilation)
    dx = np.zeros(x_shape, dcols.dtype)
    for m, k in indices((n, c)):
        for (p, q), taps in found.items():
            for (i, j), (row, column) in taps:
                dx[m, row, column, k] += dcols[m, p, q, i, j, k]
    return dx


def conv2d(x, w, b, strides=(1, 1), padding="valid", dilation=(1, 1)):
    n, ih, iw, c = x.shape
    kh, kw, _, f = w.shape
    found, size = windows((ih, iw), (kh, kw), strides, padding, dilation)
    y = np.zeros((n, *size, f), np.result_type(x, w, b))
    for m, g in indices((n, f)):
        for (p, q), taps in found.items():
            y[m, p, q, g] = b[g]
            for (i, j), (row, column) in taps:
                for k in range(c):
                    y[m, p, q, g] += x[m, row, column, k] * w[i, j, k, g]
    return y


def conv2d_backward(x, w, dy, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """(dx, dw, db): each product x * w of the forward loops gives its two factors a share."""
    n, ih, iw, c = x.shape
    kh, kw, _, f = w.shape
    found, _ = windows((ih, iw), (kh, kw), strides, padding, dilation)
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(f, w.dtype)
    for m, g in indices((n, f)):
        for (p, q), taps in found.items():
            db[g] += dy[m, p, q, g]
            for (i, j), (row, column) in taps:
                for k in range(c):
                    dx[m, row, column, k] += dy[m, p, q, g] * w[i, j, k, g]
                    dw[i, j, k, g] += dy[m, p, q, g] * x[m, row, column, k]
    return dx, dw, db


def maxpool2d(x, pool, strides, padding="valid"):
    """(y, winners): the first largest pixel in reading order wins; NaN is larger than all."""
    n, ih, iw, c = x.shape
    found, size = windows((ih, iw), pool, strides, padding)
    y, winners = np.zeros((n, *size, c), x.dtype), {}
    for m, k in indices((n, c)):
        for (p, q), taps in found.items():
            best = None
            for _, (row, column) in taps:
                value = x[m, row, column, k]
                if best is None or value.real > best.real or (np.isnan(value) > np.isnan(best)):
                    best, winner = value, (m, row, column, k)
            y[m, p, q, k], winners[m, p, q, k] = best, winner
    return y, winners


def maxpool2d_backward(x, dy, winners):
    dx = np.zeros_like(x)
    for output, winner in winners.items():
        dx[winner] += dy[output]
    return dx


def average_pooling2d(x, pool, strides, padding="valid"):
    n, ih, iw, c = x.shape
    found, size = windows((ih, iw), pool, strides, padding)
    y = np.zeros((n, *size, c), x.dtype)
    for m, k in indices((n, c)):
        for (p, q), taps in found.items():
            for _, (row, column) in taps:
                y[m, p, q, k] += x[m, row, column, k] / len(taps)
    return y


def average_pooling2d_backward(x, pool, strides, padding, dy):
    n, ih, iw, c = x.shape
    found, _ = windows((ih, iw), pool, strides, padding)
    dx = np.zeros_like(x)
    for m, k in indices((n, c)):
        for (p, q), taps in found.items():
            for _, (row, column) in taps:
                dx[m, row, column, k] += dy[m, p, q, k] / len(taps)
    return dx


def depthwise_conv2d(x, w, b, *how):
    """Channel k's filters make the outputs k * M to k * M + M - 1."""
    *_, c, m = w.shape
    parts = [
        conv2d(x[..., k : k + 1], w[:, :, k : k + 1], b[k * m : k * m + m], *how) for k in range(c)
    ]
    return np.concatenate(parts, axis=3)


def depthwise_conv2d_backward(x, w, dy, *how):
    parts, m = [], w.shape[3]
    for k in range(w.shape[2]):
        own = slice(k, k + 1), slice(k * m, k * m + m)
        parts.append(conv2d_backward(x[..., own[0]], w[:, :, own[0]], dy[..., own[1]], *how))
    dx, dw, db = zip(*parts, strict=True)
    return np.concatenate(dx, axis=3), np.concatenate(dw, axis=2), np.concatenate(db)


def painted(x_size, size, kernel, strides, cut, dilation):
    """For each pixel of x and each tap: which pixel of y is painted, where it is not cut off."""
    for h, v in indices(x_size):
        for i, j in indices(kernel):
            row = h * strides[0] + i * dilation[0] - cut[0]
            column = v * strides[1] + j * dilation[1] - cut[1]
            if 0 <= row < size[0] and 0 <= column < size[1]:
                yield (h, v), (i, j), (row, column)


def conv2d_transpose(x, w, b, size, *how):
    """how: strides, what is cut off at the top and left, dilation."""
    y = np.zeros((len(x), *size, len(b)), np.result_type(x, w, b)) + b
    for m, f, c in indices((len(x), len(b), x.shape[3])):
        for pixel, tap, target in painted(x.shape[1:3], size, w.shape[:2], *how):
            y[(m, *target, f)] += x[(m, *pixel, c)] * w[(*tap, f, c)]
    return y


def conv2d_transpose_backward(x, w, dy, *how):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for m, f, c in indices((len(x), w.shape[2], x.shape[3])):
        for pixel, tap, target in painted(x.shape[1:3], dy.shape[1:3], w.shape[:2], *how):
            dx[(m, *pixel, c)] += dy[(m, *target, f)] * w[(*tap, f, c)]
            dw[(*tap, f, c)] += dy[(m, *target, f)] * x[(m, *pixel, c)]
    return dx, dw, dy.sum(axis=(0, 1, 2))


# ---- images of other sizes: where each output comes from, and with what weights ----


def from_places(x, size, places):
    """y[m, p, q, k]: the sum of weight * x[m, row, column, k] over places(p, q)."""
    y = np.zeros((len(x), *size, x.shape[3]), x.dtype)
    for m, p, q, k in indices(y.shape):
        for weight, row, column in places(p, q):
            y[m, p, q, k] += weight * x[m, row, column, k]
    return y


def to_places(dy, x_shape, places):
    """dx: each place gets back what it gave."""
    dx = np.zeros(x_shape, dy.dtype)
    for m, p, q, k in indices(dy.shape):
        for weight, row, column in places(p, q):
            dx[m, row, column, k] += weight * dy[m, p, q, k]
    return dx


def inside(size, top, left):
    """Places of an image of this size that was moved down and to the right."""

    def places(p, q):
        row, column = p - top, q - left
        return [(1, row, column)] if 0 <= row < size[0] and 0 <= column < size[1] else []

    return places


def enlarged(size, factors, smooth):
    """Places of an image made larger: where on the old grid the new pixel's centre falls."""

    def along(p, n, s):
        if not smooth:
            return [(1, p // s)]
        at = min(max((p + 0.5) / s - 0.5, 0), n - 1)
        low = min(math.floor(at), n - 1)
        return [(1 - (at - low), low), (at - low, min(low + 1, n - 1))]

    def places(p, q):
        rows, columns = along(p, size[0], factors[0]), along(q, size[1], factors[1])
        return [(a * b, row, column) for a, row in rows for b, column in columns]

    return places


# ---- other layers ----


def dense(x, w, b):
    (n, d), u = x.shape, w.shape[1]
    y = np.zeros((n, u), np.result_type(x, w, b))
    for m, j in indices((n, u)):
        y[m, j] = b[j]
        for i in range(d):
            y[m, j] += x[m, i] * w[i, j]
    return y


def dense_backward(x, w, dy):
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1], w.dtype)
    for m, j in indices(dy.shape):
        db[j] += dy[m, j]
        for i in range(x.shape[1]):
            dx[m, i] += dy[m, j] * w[i, j]
            dw[i, j] += dy[m, j] * x[m, i]
    return dx, dw, db


def elementwise(function, x):
    y = np.zeros(x.shape, x.dtype)
    for index in indices(x.shape):
        y[index] = function(x[index])
    return y


def linear(x):
    return x.copy()


def relu(x):
    return elementwise(lambda v: v if v.real > 0 else 0 * v.real, x)


def sigmoid(x):
    return elementwise(lambda v: 1 / (1 + np.exp(-v)), x)


def tanh(x):
    return elementwise(lambda v: (np.exp(2 * v) - 1) / (np.exp(2 * v) + 1), x)


def softmax(x):
    """Over the last axis."""
    y = np.zeros(x.shape, x.dtype)
    for row in indices(x.shape[:-1]):
        largest = max(v.real for v in x[row])
        e = [np.exp(v - largest) for v in x[row]]
        for k in range(x.shape[-1]):
            y[(*row, k)] = e[k] / sum(e)
    return y


def softmax_backward(x, dy):
    """dx from the whole table dy[k]/dx[m] = y[k] * ((k == m) - y[m])."""
    y, dx = softmax(x), np.zeros_like(x)
    for row in indices(x.shape[:-1]):
        for k, m in indices((x.shape[-1],) * 2):
            dx[(*row, m)] += dy[(*row, k)] * y[(*row, k)] * ((k == m) - y[(*row, m)])
    return dx


def sparsemax(x):
    """By bisection: the tau for which what is left above it sums to 1."""
    y = np.zeros_like(x)
    for index in indices(x.shape[:-1]):
        scores = [float(v) for v in x[index]]
        low, high = max(scores) - 1, max(scores)
        for _ in range(200):
            tau = (low + high) / 2
            if sum(max(v - tau, 0) for v in scores) > 1:
                low = tau
            else:
                high = tau
        y[index] = [max(v - tau, 0) for v in scores]
    return y


def sparsemax_backward(x, dy):
    """dx from the whole table dy[k]/dx[m] = (k == m) - 1 / size of the support, on it."""
    y, dx = sparsemax(x), np.zeros_like(x)
    for index in indices(x.shape[:-1]):
        left = [k for k in range(x.shape[-1]) if y[(*index, k)] > 0]
        for m in left:
            for k in left:
                dx[(*index, m)] += dy[(*index, k)] * ((k == m) - 1 / len(left))
    return dx


def log_softmax(x):
    y = np.zeros(x.shape, x.dtype)
    for row in indices(x.shape[:-1]):
        largest = max(v.real for v in x[row])
        log_sum = largest + np.log(sum(np.exp(v - largest) for v in x[row]))
        for k in range(x.shape[-1]):
            y[(*row, k)] = x[(*row, k)] - log_sum
    return y


def log_softmax_backward(x, dy):
    """dx from the whole table dy[k]/dx[m] = (k == m) - softmax[m]."""
    p, dx = softmax(x), np.zeros_like(x)
    for row in indices(x.shape[:-1]):
        for k, m in indices((x.shape[-1],) * 2):
            dx[(*row, m)] += dy[(*row, k)] * ((k == m) - p[(*row, m)])
    return dx


def erf(v):
    """2/sqrt(pi) * exp(-v**2) * (v + 2 v**3 / 3 + 4 v**5 / (3 * 5) + ...): nothing cancels."""
    term, total, k = v, 0, 0
    while abs(term) > 1e-18 * abs(total):
        total, k = total + term, k + 1
        term = term * 2 * v * v / (2 * k + 1)
    return 2 / math.sqrt(math.pi) * np.exp(-v * v) * total


def bent_relu(max_value=math.inf, slope=0.0, threshold=0.0):
    """Keras's ReLU with all arguments, of one number."""

    def f(v):
        if v.real <= threshold:
            return slope * (v - threshold)
        return v if v.real < max_value else max_value + 0 * v

    return f


def elu(alpha=1.0, scale=1.0):
    return lambda v: scale * (v if v.real > 0 else alpha * (np.exp(v) - 1))


def softplus(v):
    return v + np.log(1 + np.exp(-v)) if v.real > 0 else np.log(1 + np.exp(v))


def gelu_by_tanh(v):
    return 0.5 * v * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))


def between(v, least, most):
    return least + 0 * v if v.real < least else most + 0 * v if v.real > most else v


def shrunk(threshold, less):
    """What is no further from 0 than the threshold becomes 0, the rest comes closer by `less`."""

    def f(v):
        if abs(v.real) <= threshold and threshold:
            return 0 * v
        return v - less if v.real > 0 else v + less

    return f


def squareplus(b):
    return lambda v: (v + np.sqrt(v * v + b)) / 2


def celu(alpha):
    return lambda v: v if v.real > 0 else alpha * (np.exp(v / alpha) - 1)


ELEMENTWISE = {
    "celu": elu(),
    "elu": elu(),
    "exponential": np.exp,
    "gelu": lambda v: 0.5 * v * (1 + erf(v / math.sqrt(2))),
    "hard_sigmoid": lambda v: 0 * v if v.real <= -3 else (v + 3) / 6 if v.real < 3 else 1 + 0 * v,
    "hard_shrink": shrunk(0.5, 0.0),
    "hard_silu": lambda v: v * between((v + 3) / 6, 0, 1),
    "hard_swish": lambda v: v * between((v + 3) / 6, 0, 1),
    "hard_tanh": lambda v: between(v, -1, 1),
    "leaky_relu": bent_relu(slope=0.2),
    "log_sigmoid": lambda v: np.log(1 / (1 + np.exp(-v))),
    "mish": lambda v: v * np.tanh(softplus(v)),
    "relu6": bent_relu(6.0),
    "selu": elu(1.6732632423543772, 1.0507009873554805),
    "silu": lambda v: v / (1 + np.exp(-v)),
    "swish": lambda v: v / (1 + np.exp(-v)),
    "soft_shrink": shrunk(0.5, 0.5),
    "softplus": softplus,
    "sparse_plus": lambda v: 0 * v if v.real < -1 else (v + 1) ** 2 / 4 if v.real < 1 else v,
    "sparse_sigmoid": lambda v: between((v + 1) / 2, 0, 1),
    "squareplus": squareplus(4.0),
    "tanh_shrink": lambda v: v - np.tanh(v),
    "softsign": lambda v: v / (1 + v) if v.real > 0 else v / (1 - v),
}
ACTIVATIONS = {
    "linear": linear,
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "sparsemax": sparsemax,
} | {name: lambda x, f=f: elementwise(f, x) for name, f in ELEMENTWISE.items()}


def slope(f):
    """The slope of a function of one number, by a complex step."""
    return lambda v: np.imag(f(v + 1e-30j)) / 1e-30


def activation_backward(name, x, dy):
    slopes = {
        "linear": lambda v: 1.0,
        "relu": lambda v: float(v > 0),
        "sigmoid": lambda v: np.exp(-v) / (1 + np.exp(-v)) ** 2,
        "tanh": lambda v: 4 / (np.exp(v) + np.exp(-v)) ** 2,
    }
    if name == "softmax":
        return softmax_backward(x, dy)
    if name == "log_softmax":
        return log_softmax_backward(x, dy)
    if name == "sparsemax":
        return sparsemax_backward(x, dy)
    return dy * elementwise(slopes.get(name) or slope(ELEMENTWISE[name]), x)


def added(x, noise):
    y = np.zeros_like(x)
    for index in indices(x.shape):
        y[index] = x[index] + noise[index]
    return y


def multiplied(x, mask):
    y = np.zeros_like(x)
    for index in indices(x.shape):
        y[index] = x[index] * mask[index]
    return y


def alpha_dropout(x, mask, rate):
    """Dropped numbers become SELU's limit; then mean and variance are put right."""
    low = -1.0507009873554805 * 1.6732632423543772
    mean = rate * low
    variance = (1 - rate) * 1 + rate * low**2 - mean**2  # for x of mean 0 and variance 1
    y = np.zeros_like(x)
    for index in indices(x.shape):
        y[index] = ((x[index] if mask[index] else low) - mean) / math.sqrt(variance)
    return y


def prelu(x, alpha):
    """alpha has the shape of a sample, with 1 where it is shared."""
    y = np.zeros(x.shape, np.result_type(x, alpha))
    for index in indices(x.shape):
        v = x[index]
        y[index] = v if v.real > 0 else v * alpha[owner(index, alpha)]
    return y


def owner(index, alpha):
    """Where in alpha the factor of a number stands."""
    return tuple(0 if n == 1 else i for i, n in zip(index[1:], alpha.shape, strict=True))


def prelu_backward(x, alpha, dy):
    dx, dalpha = np.zeros_like(x), np.zeros_like(alpha)
    for index in indices(x.shape):
        if x[index] > 0:
            dx[index] = dy[index]
        else:
            dx[index] = dy[index] * alpha[owner(index, alpha)]
            dalpha[owner(index, alpha)] += dy[index] * x[index]
    return dx, dalpha


def dropout(x, mask, rate):
    """The mask says who stays."""
    y = np.zeros_like(x)
    for index in indices(x.shape):
        y[index] = x[index] / (1 - rate) if mask[index] else 0
    return y


def batch_normalization(x, gamma, beta, epsilon, fixed=None):
    """Channels last. fixed: (mean, variance) of each channel instead of the batch's."""
    y = np.zeros(x.shape, np.result_type(x, gamma, beta))
    for k in range(x.shape[-1]):
        mean, std = moments(x[..., k], epsilon, k, fixed)
        for index in indices(x.shape[:-1]):
            y[(*index, k)] = gamma[k] * (x[(*index, k)] - mean) / std + beta[k]
    return y


def moments(x, epsilon, k, fixed):
    """(mean, standard deviation) of all numbers of a channel."""
    if fixed is not None:
        return fixed[0][k], (fixed[1][k] + epsilon) ** 0.5
    values = [x[index] for index in indices(x.shape)]
    mean = sum(values) / max(1, len(values))
    variance = sum((v - mean) ** 2 for v in values) / max(1, len(values))
    return mean, (variance + epsilon) ** 0.5


def batch_normalization_backward(x, gamma, epsilon, dy, fixed=None):
    """(dx, dgamma, dbeta), dx from the whole table of each y's derivative by each x."""
    dx, dgamma, dbeta = np.zeros_like(x), np.zeros_like(gamma), np.zeros_like(gamma)
    places = list(indices(x.shape[:-1]))
    for k in range(x.shape[-1]):
        mean, std = moments(x[..., k], epsilon, k, fixed)
        hat = {place: (x[(*place, k)] - mean) / std for place in places}
        for j in places:
            dbeta[k] += dy[(*j, k)]
            dgamma[k] += dy[(*j, k)] * hat[j]
            for i in places:
                slope = float(i == j)
                if fixed is None:
                    slope -= (1 + hat[i] * hat[j]) / len(places)
                dx[(*i, k)] += dy[(*j, k)] * gamma[k] * slope / std
    return dx, dgamma, dbeta


# ---- losses: the mean over samples, from which complex_step makes the gradient ----


def clip(v, low, high):
    return low if v.real < low else high if v.real > high else v


def mean_squared_error(y, p):
    total = 0
    for index in indices(p.shape):
        total += (p[index] - y[index]) ** 2
    return total / p.size


def categorical_crossentropy(y, p, epsilon=1e-7):
    """Rows are divided by their sum, then clipped."""
    total = 0
    for row in indices(p.shape[:-1]):
        for k in range(p.shape[-1]):
            q = clip(p[(*row, k)] / sum(p[row]), epsilon, 1 - epsilon)
            total -= y[(*row, k)] * np.log(q)
    return total / (p.size // p.shape[-1])


def categorical_crossentropy_from_logits(y, z):
    total = 0
    for row in indices(z.shape[:-1]):
        largest = max(v.real for v in z[row])
        log_sum = largest + np.log(sum(np.exp(v - largest) for v in z[row]))
        for k in range(z.shape[-1]):
            total += y[(*row, k)] * (log_sum - z[(*row, k)])
    return total / (z.size // z.shape[-1])


def binary_crossentropy(y, p, epsilon=1e-7):
    total = 0
    for index in indices(p.shape):
        q = clip(p[index], epsilon, 1 - epsilon)
        total -= y[index] * np.log(q) + (1 - y[index]) * np.log(1 - q)
    return total / p.size


def binary_crossentropy_from_logits(y, z):
    total = 0
    for index in indices(z.shape):
        v = z[index]
        softplus = v + np.log(1 + np.exp(-v)) if v.real > 0 else np.log(1 + np.exp(v))
        total += softplus - v * y[index]
    return total / z.size


def size(v):
    """|v| of a complex number as a step away from a real one."""
    return -v if v.real < 0 else v


def mean_of(term):
    """Return the loss that is the mean of a term over all numbers."""

    def loss(y, p, **arguments):
        return sum(term(y[i], p[i], **arguments) for i in indices(p.shape)) / p.size

    return loss


def huber_term(y, p, delta=1.0):
    e = size(p - y)
    return e * e / 2 if e.real <= delta else delta * e - delta * delta / 2


mean_absolute_error = mean_of(lambda y, p: size(p - y))
mean_absolute_percentage_error = mean_of(lambda y, p: 100 * size(p - y) / max(abs(y), 1e-7))
mean_squared_logarithmic_error = mean_of(
    lambda y, p: (np.log(clip(p, 1e-7, np.inf) + 1) - np.log(max(y, 1e-7) + 1)) ** 2
)
huber = mean_of(huber_term)
log_cosh = mean_of(lambda y, p: np.log((np.exp(p - y) + np.exp(y - p)) / 2))
hinge = mean_of(lambda y, p: clip(1 - y * p, 0, np.inf))
squared_hinge = mean_of(lambda y, p: clip(1 - y * p, 0, np.inf) ** 2)
poisson = mean_of(lambda y, p: p - y * np.log(p + 1e-7))


def mean_of_rows(term):
    """Return the loss that is the mean of a term over all rows."""

    def loss(y, p):
        rows = list(indices(p.shape[:-1]))
        return sum(term(list(y[row]), list(p[row])) for row in rows) / len(rows)

    return loss


def categorical_hinge_term(y, p):
    own = sum(a * b for a, b in zip(y, p, strict=True))
    other = max(((1 - a) * b for a, b in zip(y, p, strict=True)), key=lambda v: v.real)
    return clip(1 + other - own, 0, np.inf)


def kl_divergence_term(y, p):
    pairs = [(clip(a, 1e-7, 1), clip(b, 1e-7, 1)) for a, b in zip(y, p, strict=True)]
    return sum(a * (np.log(a) - np.log(b)) for a, b in pairs)


def cosine_similarity_term(y, p):
    lengths = [np.sqrt(sum(v * v for v in row)) for row in (y, p)]
    return -sum(a * b for a, b in zip(y, p, strict=True)) / lengths[0] / lengths[1]


categorical_hinge = mean_of_rows(categorical_hinge_term)
kl_divergence = mean_of_rows(kl_divergence_term)
cosine_similarity = mean_of_rows(cosine_similarity_term)


def smoothed(y, share, towards):
    return np.array([v * (1 - share) + share * towards for v in y.ravel()]).reshape(y.shape)


def one_hot(labels, classes):
    return np.array([[float(k == label) for k in range(classes)] for label in labels])


# ---- optimizers: one number p, its gradients step by step ----


def sgd(p, gradients, lr=0.01, momentum=0.0, nesterov=False, decay=0.0):
    v = 0.0
    for t, g in enumerate(gradients):
        rate = lr / (1 + decay * t)
        v = momentum * v - rate * g
        p = p + (momentum * v - rate * g if nesterov else v)
    return p


def rmsprop(p, gradients, lr=0.001, rho=0.9, epsilon=1e-7, decay=0.0, momentum=0.0, centered=False):
    """Epsilon inside the root."""
    v = m = u = 0.0
    for t, g in enumerate(gradients):
        v = rho * v + (1 - rho) * g * g
        m = rho * m + (1 - rho) * g
        spread = max(v - m * m, 0.0) if centered else v
        u = momentum * u + lr / (1 + decay * t) * g / math.sqrt(spread + epsilon)
        p = p - u
    return p


def adam(
    p, gradients, lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0, amsgrad=False,
    weight_decay=0.0,
):  # fmt: skip
    """Epsilon added to the root before its correction."""
    m = v = greatest = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        greatest = max(greatest, v)
        rate = lr / (1 + decay * (t - 1))
        p = p - rate * weight_decay * p
        rate *= math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        p = p - rate * m / (math.sqrt(greatest if amsgrad else v) + epsilon)
    return p


def adagrad(p, gradients, lr=0.001, initial_accumulator_value=0.1, epsilon=1e-7, decay=0.0):
    for t in range(len(gradients)):
        so_far = initial_accumulator_value + sum(g * g for g in gradients[: t + 1])
        p = p - lr / (1 + decay * t) * gradients[t] / math.sqrt(so_far + epsilon)
    return p


def adadelta(p, gradients, lr=0.001, rho=0.95, epsilon=1e-7, decay=0.0):
    v = d = 0.0
    for t, g in enumerate(gradients):
        v = rho * v + (1 - rho) * g * g
        step = g * math.sqrt((d + epsilon) / (v + epsilon))
        d = rho * d + (1 - rho) * step * step
        p = p - lr / (1 + decay * t) * step
    return p


def adamax(p, gradients, lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    """The greatest gradient is looked for among all, each faded by its age."""
    m = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        greatest = max(beta_2 ** (t - i) * abs(h) for i, h in enumerate(gradients[:t], start=1))
        p = p - lr / (1 + decay * (t - 1)) * m / (1 - beta_1**t) / (greatest + epsilon)
    return p


def nadam(p, gradients, lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    m = v = 0.0
    mu = [beta_1 * (1 - 0.5 * 0.96**t) for t in range(len(gradients) + 2)]
    for t, g in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        now, following = math.prod(mu[1 : t + 1]), math.prod(mu[1 : t + 2])
        ahead = mu[t + 1] * m / (1 - following) + (1 - mu[t]) * g / (1 - now)
        root = math.sqrt(v / (1 - beta_2**t))
        p = p - lr / (1 + decay * (t - 1)) * ahead / (root + epsilon)
    return p
