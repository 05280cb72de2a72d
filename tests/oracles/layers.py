"""Dense, noise, PReLU and batch normalisation."""

import math

import numpy as np

from oracles.basics import indices


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
