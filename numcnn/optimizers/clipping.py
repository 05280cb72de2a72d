"""Clipping: gradients that are too long are shortened before the step.

The gradient says how the loss changes near by, and a cliff in the loss has a gradient of thousands.
A step as long as that leads far beyond "near by". So a limit is set, in one of three ways:

    clipvalue         each number of g is kept within [-limit, limit]. The direction may turn.
    clipnorm          each parameter's g is shortened to the length `limit` where it is longer. Its
                      direction stays; how it compares with those of other parameters does not.
    global_clipnorm   all gradients together are one long vector, and that is shortened.

The length is the norm, the root of the sum of the squares. A vector divided by its length has the
length 1, so g * limit / norm has the length `limit`.
"""

import math
from typing import Any

import numpy as np

from numcnn.optimizers.arguments import positive

Array = np.ndarray[Any, Any]
CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


def clip(grads: list[Array], kind: str, limit: float) -> list[Array]:
    """Return the gradients, none of them beyond the limit; those given are not written to.

    Math:
        clipvalue         min(max(g, -limit), limit)
        clipnorm          g * limit / max(norm, limit), with norm = sqrt(sum of g**2) of each g
        global_clipnorm   the same with the norm of all g together

    Shapes:
        each g: any, kept.

    Reference:
        Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
        ICML 2013, section 3.2.

    Example:
        (3, 4) has the length 5.

        >>> grads = [np.array([3.0, 4.0]), np.array([12.0])]
        >>> clip(grads, "clipnorm", 10.0)
        [array([3., 4.]), array([10.])]
        >>> clip(grads, "clipvalue", 3.5)
        [array([3. , 3.5]), array([3.5])]

        All three numbers together have the length 13, twice 6.5.

        >>> clip(grads, "global_clipnorm", 6.5)
        [array([1.5, 2. ]), array([6.])]
    """
    if kind == "clipvalue":
        return [np.clip(g, -limit, limit) for g in grads]
    squares = [float(np.vdot(g, g)) for g in grads]
    if kind == "global_clipnorm":
        squares = [sum(squares)] * len(grads)
    return [
        g * g.dtype.type(limit / max(math.sqrt(square), limit))
        for g, square in zip(grads, squares, strict=True)
    ]


def chosen_clip(*limits: Any) -> tuple[float | None, float | None, float | None]:
    """Return clipnorm, clipvalue and global_clipnorm as floats; refuse more than one of them.

    Example:
        >>> chosen_clip(None, 1, None)
        (None, 1.0, None)
    """
    given = {kind: limit for kind, limit in zip(CLIPS, limits, strict=True) if limit is not None}
    if len(given) > 1:
        told = " and ".join(f"{kind}={limit!r}" for kind, limit in given.items())
        raise ValueError(f"One way of clipping at most, got {told}. Leave the others out.")
    norm, value, together = (
        None if limit is None else positive(kind, limit)
        for kind, limit in zip(CLIPS, limits, strict=True)
    )
    return norm, value, together
