"""Permute: the same numbers with their axes in another order."""

from typing import Any

import numpy as np

from numcnn.errors import ShapeError
from numcnn.layers.base import Array, Layer, Shape


class Permute(Layer):
    """Exchange axes of each sample.

    Math:
        forward    y = x with axis k of y being axis dims[k - 1] of x
        backward   dx = dy with each axis put back: the inverse permutation

    Shapes:
        x: (N, D1, D2, ...)     y: (N, D_dims[0], D_dims[1], ...)

    Args:
        dims: the numbers 1 to K in any order; 1 is the first axis after the batch's.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        Nothing but that it ran.

    Raises:
        ShapeError: dims is no permutation of 1 to K, or samples have other than K axes.

    Example:
        Images with the channels in front get them last, as Conv2D wants them:

        >>> Permute((2, 3, 1)).compute_output_shape((3, 28, 30))
        (28, 30, 3)
        >>> permute = Permute((2, 1))
        >>> permute.forward(np.array([[[1., 2., 3.]]]), training=True).shape
        (1, 3, 1)
        >>> permute.backward(np.array([[[1.], [2.], [3.]]]))
        array([[[1., 2., 3.]]])
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = dims if isinstance(dims, (tuple, list)) else (dims,)
        if sorted(given, key=str) != sorted(range(1, len(given) + 1), key=str) or not given:
            raise ShapeError(
                f"dims of Permute must hold the numbers 1 to K once each, got {dims!r}."
            )
        self.dims = tuple(int(d) for d in given)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the sizes in their new order."""
        if len(input_shape) != len(self.dims):
            raise ShapeError(
                f"dims={self.dims} of Permute order {len(self.dims)} axes; samples of shape "
                f"{input_shape} have {len(input_shape)}."
            )
        return tuple(input_shape[d - 1] for d in self.dims)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x with its axes in the new order."""
        if training:
            self.kept = True
        return x.transpose(0, *self.dims)

    def backward(self, dy: Array) -> Array:
        """Return dy with its axes in the old order."""
        self.recall()
        # y = x.transpose(0, *dims)
        return dy.transpose(np.argsort((0, *self.dims)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"dims": self.dims, **super().get_config()}
