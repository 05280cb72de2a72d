"""Losses: the mean over samples, from which complex_step makes the gradient."""

import numpy as np

from oracles.basics import indices


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
