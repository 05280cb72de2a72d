"""Geometry: a batch of images and a window that slides over them."""

from dataclasses import dataclass
from typing import Any

from numcnn.layers.im2col import Padding, Pair, window_geometry


@dataclass(frozen=True)
class Geometry:
    """The numbers that decide which pixel stands under which tap.

    Attributes:
        n: samples in the batch; 0 is allowed.
        ih: rows of an image.
        iw: columns of an image.
        c: channels of an image.
        kernel: (KH, KW), the window.
        strides: (sh, sw), how far it moves.
        padding: 'valid' or 'same'.
        dilation: (dh, dw), the distance between its taps.

    Example:
        >>> g = Geometry(2, 7, 6, 3, kernel=(3, 2), strides=(2, 1), padding="same", dilation=(1, 1))
        >>> g.batch_shape, g.output_size, g.border
        ((2, 7, 6, 3), (4, 6), ((1, 1), (0, 1)))
        >>> from numcnn.layers import Conv2D
        >>> Conv2D(5, **g.for_conv()).compute_output_shape(g.sample_shape)
        (4, 6, 5)
    """

    n: int
    ih: int
    iw: int
    c: int
    kernel: Pair
    strides: Pair = (1, 1)
    padding: str = "valid"
    dilation: Pair = (1, 1)

    @property
    def sample_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.ih, self.iw, self.c

    @property
    def batch_shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        return self.n, self.ih, self.iw, self.c

    @property
    def output_size(self) -> Pair:
        """(OH, OW), how many positions the window has."""
        return self._found()[0]

    @property
    def border(self) -> Padding:
        """((top, bottom), (left, right)), the pixels that the padding adds."""
        return self._found()[1]

    def _found(self) -> tuple[Pair, Padding]:
        size = self.ih, self.iw
        return window_geometry(size, self.kernel, self.strides, self.padding, self.dilation)

    def for_conv(self) -> dict[str, Any]:
        """Return the arguments of a Conv2D beside `filters`."""
        return {
            "kernel_size": self.kernel,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation,
        }

    def for_pool(self) -> dict[str, Any]:
        """Return the arguments of a MaxPool2D, whose windows have no dilation."""
        return {"pool_size": self.kernel, "strides": self.strides, "padding": self.padding}
