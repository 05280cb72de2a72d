"""Activations, one number or one row at a time."""

import math

import numpy as np

from oracles.basics import indices


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
