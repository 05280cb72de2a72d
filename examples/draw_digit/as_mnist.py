"""From a drawing to an image like those of MNIST: cropped, scaled to 20 x 20, centred in 28 x 28.

A network knows only what it was trained on. MNIST's digits were all prepared in the same way, which
its page (Yann LeCun, Corinna Cortes, Christopher J.C. Burges: The MNIST database of handwritten
digits, yann.lecun.com/exdb/mnist) describes in two sentences. In our words:

1. Each black and white digit was scaled to fit a box of 20 x 20 pixels, its proportions kept; the
   scaling left grey pixels at the edges.
2. It was then moved in an image of 28 x 28 pixels so that its centre of mass came to the middle.

A drawing of any size, at any place, has to be prepared in the same way, or the network is shown
what it has never seen. The page does not say how the middle of 28 pixels is rounded; the images do:
in 59,998 of the 60,000 training images both coordinates of the centre of mass lie within half a
pixel of pixel 14, counted from 0. So digits are moved by whole pixels, and to there.

This file is arithmetic on arrays: it knows nothing of networks, pages and servers.
"""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

BOX, SIDE, MIDDLE = 20, 28, 14


class Prepared(NamedTuple):
    """A drawing on its way.

    crop: (top, left, height, width) of the ink in the drawing, in pixels of the drawing.
    scaled: (h, w), the ink alone, its longer side 20 pixels; 0 is paper and 1 is ink.
    place: (top, left) of `scaled` in `image`.
    image: (28, 28), what the network gets.
    mass: (row, column) of the centre of mass of `image`; 0.0 is the middle of the first pixel.
    """

    crop: tuple[int, int, int, int]
    scaled: Array
    place: tuple[int, int]
    image: Array
    mass: tuple[float, float]


def as_mnist(drawing: Array) -> Prepared | None:
    """Prepare a drawing as MNIST's digits were; None where there is no ink.

    Args:
        drawing: (H, W) of any size, 0 is paper and 1 (or 255, for bytes) is ink.

    Raises:
        ValueError: it is not a picture of such numbers.

    Example:
        >>> drawing = np.zeros((280, 280))
        >>> drawing[30:130, 200:220] = 1  # an upright bar, 100 high and 20 wide
        >>> prepared = as_mnist(drawing)
        >>> prepared.crop, prepared.scaled.shape, prepared.place
        ((30, 200, 100, 20), (20, 4), (4, 12))
        >>> prepared.mass  # rows 4 to 23, columns 12 to 15
        (13.5, 13.5)
    """
    ink = as_ink(drawing)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    scaled = shrink(ink[top : top + height, left : left + width])
    at = [place(m, n) for m, n in zip(centre_of_mass(scaled), scaled.shape, strict=True)]
    image = np.zeros((SIDE, SIDE))
    image[at[0] : at[0] + scaled.shape[0], at[1] : at[1] + scaled.shape[1]] = scaled
    return Prepared(
        (top, left, height, width), scaled, (at[0], at[1]), image, centre_of_mass(image)
    )


def as_ink(drawing: Array) -> Array:
    """Return a drawing as numbers from 0, paper, to 1, ink."""
    ink = np.asarray(drawing)
    if ink.ndim != 2 or ink.dtype.kind not in "buif":
        raise ValueError(
            f"a drawing is an array (H, W) of numbers, got {ink.shape} of {ink.dtype}."
        )
    ink = ink / 255 if ink.dtype == np.uint8 else ink.astype("float64")
    if not ((ink >= 0) & (ink <= 1)).all():
        raise ValueError("a drawing has numbers from 0 (paper) to 1 (ink), or bytes 0 to 255.")
    return ink


def shrink(ink: Array) -> Array:
    """Scale (H, W) so that the longer side becomes 20 pixels, its proportions kept.

    Each new pixel is the part of its area that is ink: the average over the old pixels, or parts of
    them, that it covers. That is what makes grey edges. The shorter side need not end at a whole
    pixel; the last one is then covered in part only.

        scaled = A @ ink @ B.T      A[i, j]: how much of the new row i the old row j covers

    >>> shrink(np.array([[1.0, 0.0]])).shape
    (10, 20)
    >>> shrink(np.eye(40))[0, :3]  # 2 x 2 old pixels in a new one, two of them ink
    array([0.5, 0. , 0. ])
    """
    height, width = ink.shape
    longer = max(height, width)
    scaled = covering(height, longer) @ ink @ covering(width, longer).T
    return np.clip(scaled, 0, 1)  # rounding may leave 1 by a bit


def covering(n: int, longer: int) -> Array:
    """Return (M, n): how much of each new pixel is covered by each of n old ones.

    >>> covering(3, 8)  # an old pixel becomes 2.5 new ones, three become 7.5
    array([[1. , 0. , 0. ],
           [1. , 0. , 0. ],
           [0.5, 0.5, 0. ],
           [0. , 1. , 0. ],
           [0. , 1. , 0. ],
           [0. , 0. , 1. ],
           [0. , 0. , 1. ],
           [0. , 0. , 0.5]])
    """
    edges = np.arange(n + 1) * BOX / longer  # where the old pixels begin and end
    new = np.arange(np.ceil(edges[-1]))[:, None]
    overlap = np.minimum(edges[1:], new + 1) - np.maximum(edges[:-1], new)
    return np.maximum(overlap, 0)


def centre_of_mass(ink: Array) -> tuple[float, float]:
    """Return the mean (row, column) of the ink.

    >>> centre_of_mass(np.array([[0, 0, 1], [0, 0, 1], [0, 0, 1]]))
    (1.0, 2.0)
    """
    rows, columns = ink.sum(axis=1), ink.sum(axis=0)
    total = rows.sum()
    return (
        float(np.arange(len(rows)) @ rows / total),
        float(np.arange(len(columns)) @ columns / total),
    )


def place(mass: float, length: int) -> int:
    """Return where ink of this length begins, so that its centre of mass comes to pixel 14.

    Ink is never cut off: where it would leave the image it stops at the border.

    >>> place(9.4, 20), place(2.0, 20)
    (5, 8)
    """
    return int(np.clip(round(MIDDLE - mass), 0, SIDE - length))
