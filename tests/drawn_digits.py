"""Digits as one draws them with a mouse: the paths of the pen, two styles or more of each digit.

A path is a row of points in a square of 100 x 100, y downwards, through which a smooth curve is
drawn; "/" ends a stroke. `strokes` adds what a hand adds: it trembles a little, and no two sizes,
slants and places are the same.
"""

import itertools

import numpy as np

DIGITS = {
    "0": "52,8 30,14 18,38 18,66 32,90 54,94 74,82 82,56 78,28 64,10 50,8",
    "0 slanted, not closed": "66,8 44,14 26,40 22,70 36,92 58,86 74,60 78,30 68,14 58,10",
    "1": "52,6 51,30 50,55 49,78 49,95",
    "1 with a serif": "30,28 42,18 52,7 / 52,7 52,35 51,65 51,94",
    "1 with a foot": "34,26 50,8 / 50,8 50,50 50,92 / 30,93 50,92 72,93",
    "2": "24,28 32,12 52,7 70,16 72,34 58,54 38,74 22,90 / 22,90 50,90 80,89",
    "2 with a loop": "22,26 38,8 62,10 70,30 56,56 34,80 22,88 22,76 36,76 54,88 82,90",
    "3": "24,16 44,7 64,12 68,28 54,42 40,46 / 40,46 62,50 74,66 66,86 46,94 24,86",
    "3 in one go": "26,14 50,6 68,20 60,38 44,46 62,52 74,70 62,90 40,94 22,84",
    "4": "58,8 42,34 20,64 / 20,64 50,64 84,62 / 60,30 59,60 58,95",
    "4 open": "28,10 24,34 24,54 / 24,54 48,56 76,52 / 72,8 70,40 68,70 67,95",
    "4 closed, steep": "62,6 40,34 18,62 / 18,62 52,62 86,62 / 62,6 62,48 62,94",
    "5": "74,9 52,9 32,10 / 32,10 30,28 28,44 / 28,44 48,38 68,48 74,66 64,86 42,94 22,86",
    "5 hat last": "34,10 32,26 30,42 / 30,42 50,38 70,52 70,76 52,93 26,88 / 34,10 54,9 76,8",
    "6": "66,8 46,24 32,46 24,70 34,90 54,94 70,82 68,64 50,56 34,62 27,74",
    "6 curled": "58,6 36,28 24,56 26,82 46,94 66,86 68,66 52,58 36,66 30,80",
    "7": "22,12 50,11 78,10 / 78,10 64,36 50,64 40,94",
    "7 with a bar": "20,12 50,11 78,10 / 78,10 62,38 48,66 38,94 / 36,52 52,51 72,50",
    "8": "66,20 50,8 34,18 38,36 54,48 70,66 66,86 48,94 32,84 34,64 50,48 66,34 68,20",
    "8 two rings": "50,8 34,18 36,36 50,44 66,36 66,18 50,8 / "
    "50,44 30,58 30,84 50,94 70,84 70,58 50,44",
    "9": "70,28 56,10 36,14 28,34 40,50 60,46 70,28 / 70,28 68,56 62,78 54,95",
    "9 curled": "68,24 50,8 30,20 30,40 48,50 66,36 70,20 / 70,20 72,50 66,80 48,94 28,88",
}
FIRST = {int(name): path for name, path in DIGITS.items() if name.isdigit()}


def strokes(path, seed, size=200.0, left=40.0, top=40.0):
    """Return a list of strokes, (N, 2) arrays of (x, y), for a canvas of 280 x 280."""
    rng = np.random.default_rng(seed)
    slant, stretch = rng.uniform(-0.12, 0.12), rng.uniform(0.9, 1.1)
    found = []
    for part in path.split("/"):
        points = np.array([p.split(",") for p in part.split()], "float64") / 100
        points += rng.normal(0, 0.01, points.shape)  # each time a little different
        curve = smooth(points)
        curve += tremble(rng, len(curve)) * 0.006
        x = (curve[:, 0] - 0.5) * stretch - slant * (curve[:, 1] - 0.5) + 0.5
        found.append(np.stack([left + size * x, top + size * curve[:, 1]], axis=1))
    return found


def smooth(points, steps=10):
    """Return points of the Catmull-Rom curve through these."""
    p = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.arange(steps)[:, None] / steps
    a, b, c, d = p[:-3, None], p[1:-2, None], p[2:-1, None], p[3:, None]
    cubic = 3 * (b - c) + d - a
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * cubic))
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def tremble(rng, n):
    """Return (n, 2) of noise that changes slowly from point to point."""
    noise = rng.normal(size=(n + 8, 2))
    return np.stack([np.convolve(column, np.ones(9) / 3, "valid") for column in noise.T], axis=1)


def ink(found, width, side=280):
    """Return (side, side): 1 where a round pen of this width has been, with soft edges."""
    y, x = np.mgrid[:side, :side] + 0.5
    distance = np.full((side, side), np.inf)
    for stroke in found:
        for (x0, y0), (x1, y1) in itertools.pairwise(stroke):
            dx, dy = x1 - x0, y1 - y0
            t = ((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9)
            t = np.clip(t, 0, 1)
            np.minimum(distance, np.hypot(x - x0 - t * dx, y - y0 - t * dy), out=distance)
    return np.clip(width / 2 + 0.5 - distance, 0, 1)
