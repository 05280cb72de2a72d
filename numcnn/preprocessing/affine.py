"""Images turned, shifted, sheared and zoomed: each new pixel is looked up in the original.

A map (r, c) -> M (r, c) + t says for each pixel of the result where it comes from. That place lies
between four pixels, and their mean, weighted by nearness, is its value (bilinear interpolation):

    value(r, c) = (1-a)(1-b) x[i, j] + (1-a) b x[i, j+1] + a (1-b) x[i+1, j] + a b x[i+1, j+1]
    i = floor(r),  a = r - i,  j = floor(c),  b = c - j

Where the place lies outside the image, `fill_mode` says what stands there:

    nearest    aaaa | abcd | dddd      the pixel at the edge
    constant   kkkk | abcd | kkkk      the number cval
    reflect    abcddcba | abcd | dcba  the image in a mirror that stands at the edge
    wrap       abcd | abcd | abcd      the image again; with a period of n - 1, as SciPy's

All is computed in float64 and in the order of scipy.ndimage.affine_transform, which Keras calls, so
that results equal its results bit for bit for the usual processors.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FILL_MODES = ("nearest", "constant", "reflect", "wrap")
ORDERS = (0, 1)  # the nearest pixel, or four of them


STILL = (0, 0, 0, 0, 1, 1)  # theta, tx, ty, shear, zx, zy with which nothing moves


def backwards_maps(how: Array, h: int, w: int) -> tuple[Array, Array]:
    """Return (M, t) with which the pixels of each result are looked up.

    Math:
        M = P R(theta) T(tx, ty) S(shear) Z(zx, zy) P, around the middle of the image

            [cos -sin 0]   [1 0 tx]   [1 -sin 0]   [zx 0 0]
        R = [sin  cos 0] T=[0 1 ty] S=[0  cos 0] Z=[0 zy 0]    angles in degrees
            [0    0   1]   [0 0  1]   [0   0  1]   [0  0 1]

        P exchanges rows and columns. Keras has it since 2.4, so there and here tx moves columns, ty
        rows, and the middle of an image that is not square is taken the wrong way round.

    Shapes:
        how: (N, 6), the columns theta, tx, ty, shear, zx, zy     M: (N, 2, 2)     t: (N, 2)
    """
    theta, tx, ty, shear, zx, zy = how.T
    a, s = np.deg2rad(theta), np.deg2rad(shear)
    rotation, shift, shearing, zoom, to_middle, back = np.tile(np.eye(3), (6, len(how), 1, 1))
    rotation[:, 0, 0], rotation[:, 0, 1] = np.cos(a), -np.sin(a)
    rotation[:, 1, 0], rotation[:, 1, 1] = np.sin(a), np.cos(a)
    shift[:, 0, 2], shift[:, 1, 2] = tx, ty
    shearing[:, 0, 1], shearing[:, 1, 1] = -np.sin(s), np.cos(s)
    zoom[:, 0, 0], zoom[:, 1, 1] = zx, zy
    x, y = h / 2 - 0.5, w / 2 - 0.5
    to_middle[:, 0, 2], to_middle[:, 1, 2] = x, y
    back[:, 0, 2], back[:, 1, 2] = -x, -y
    matrix = to_middle @ (rotation @ shift @ shearing @ zoom) @ back
    matrix = matrix[:, [1, 0]]
    return matrix[:, :, [1, 0]], matrix[:, :, 2]


def look_up(
    images: Array, matrices: Array, offsets: Array, fill_mode: str, cval: float, order: int
) -> Array:
    """Return images whose pixel (r, c) is the one at M (r, c) + t of the original.

    Shapes:
        images: (N, H, W, C)     matrices: (N, 2, 2)     offsets: (N, 2)     result: as images
    """
    n, h, w, c = images.shape
    rows, columns = np.arange(h, dtype=float)[:, None], np.arange(w, dtype=float)
    m, t = matrices[:, :, :, None, None], offsets[:, :, None, None]
    r = t[:, 0] + rows * m[:, 0, 0] + columns * m[:, 0, 1]  # (N, H, W)
    s = t[:, 1] + rows * m[:, 1, 0] + columns * m[:, 1, 1]
    outside = np.zeros(r.shape, bool)
    if fill_mode == "constant":
        outside = (r < 0) | (r > h - 1) | (s < 0) | (s > w - 1)
    r, s = folded(r, h, fill_mode), folded(s, w, fill_mode)
    pixels = np.ascontiguousarray(images).reshape(n * h * w, c)
    first = (np.arange(n) * h * w)[:, None, None]
    if order == 0:
        i, j = np.floor(r + 0.5).astype(np.intp), np.floor(s + 0.5).astype(np.intp)
        found = pixels[first + _inside(i, h) * w + _inside(j, w)].astype(float)
    else:
        i, j = np.floor(r), np.floor(s)
        a, b = (r - i)[..., None], (s - j)[..., None]
        i, j = i.astype(np.intp), j.astype(np.intp)
        above, below = first + _inside(i, h) * w, first + _inside(i + 1, h) * w
        left, right = _inside(j, w), _inside(j + 1, w)
        found = pixels[above + left] * (1 - a) * (1 - b)  # (N, H, W, C), in float64
        found += pixels[above + right] * (1 - a) * b
        found += pixels[below + left] * a * (1 - b)
        found += pixels[below + right] * a * b
    found[outside] = cval
    if images.dtype.kind in "iu":
        found = np.trunc(found + np.where(found > 0, 0.5, -0.5 if images.dtype.kind == "i" else 0))
    return found.astype(images.dtype)


def folded(x: Array, n: int, fill_mode: str) -> Array:
    """Return places along an axis of n pixels, those outside replaced by the ones they stand for.

    >>> folded(np.array([-1.0, 0.5, 3.0, 4.5]), 4, "reflect").tolist()
    [0.0, 0.5, 3.0, 2.5]
    """
    if fill_mode in ("nearest", "constant"):
        return np.clip(x, 0, n - 1)
    if n == 1:
        return np.zeros_like(x)
    before, after = x < 0, x > n - 1
    if fill_mode == "wrap":
        period = n - 1
        around = np.where(before, x + period * (np.trunc(-x / period) + 1), x)
        return np.where(after, x - period * np.trunc(x / period), around)
    period = 2 * n
    left = np.where(x < -period, period * np.trunc(-x / period) + x, x)
    left = np.where(left < -n, left + period, np.where(left > -1e-15, 1e-15, -left) - 1)
    right = x - period * np.trunc(x / period)
    right = np.where(right >= n, period - right - 1, right)
    return np.where(before, left, np.where(after, right, x))


def _inside(i: Array, n: int) -> Array:
    return np.clip(i, 0, n - 1)
