"""Optimizers: one number p, its gradients step by step."""

import math


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
