"""Convolutions and pooling: what each window sees, and what goes back to it."""

import math

import numpy as np

from oracles.basics import indices


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
