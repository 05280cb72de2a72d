"""Noise: in training, disturb what a layer sends on, so that the next does not rely on details.

Dropout (dropout.py) multiplies by 0 or by 1 / (1 - rate). Here are its relatives: whole channels
are silenced, or numbers are blurred; all do nothing in prediction.
"""

from typing import Any

import numpy as np

from numcnn.layers.arguments import data_format_name, real_number
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.dropout import Dropout
from numcnn.layers.im2col import image_shape
from numcnn.layers.rectifiers import SELU
from numcnn.seeds import check_seed, generator, next_seed


class SpatialDropout2D(Dropout):
    """Silence whole channels: neighbouring pixels of one are alike, so single ones hide little.

    Math:
        mask[n, c] = 1 / (1 - rate) with probability 1 - rate, else 0
        forward    y[n, h, w, c] = x[n, h, w, c] * mask[n, c]       (training)     y = x otherwise
        backward   the slope of y in x is mask, so dx = dy * mask

    Shapes:
        x, y: (N, H, W, C), or (N, C, H, W) with data_format='channels_first'; the same.

    Args:
        rate: the share of channels that is dropped, 0 <= rate < 1.
        data_format: 'channels_last', 'channels_first', or None for the backend's setting.
        seed: an integer for masks of one's own; None takes the next seed.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        mask, one number per channel of each image.

    Raises:
        ShapeError: the input is not images. ValueError: the rate is outside [0, 1).

    Reference:
        Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.

    Example:
        >>> drop = SpatialDropout2D(0.5, seed=1)
        >>> y = drop.forward(np.ones((1, 2, 2, 4)), training=True)
        >>> y[0, 0, 0]
        array([0., 0., 2., 2.])
        >>> bool((y == y[:, :1, :1]).all()), bool((drop.backward(np.ones((1, 2, 2, 4))) == y).all())
        (True, True)
    """

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = data_format_name(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of x."""
        image_shape("SpatialDropout2D", input_shape, self.data_format)
        return input_shape

    def mask(self, x: Array) -> Array:
        """Return the mask of this step, with axes of size 1 for height and width."""
        first = self.data_format == "channels_first"
        return super().mask(x[:, :, :1, :1] if first else x[:, :1, :1, :])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"data_format": self.data_format, **super().get_config()}


class GaussianDropout(Dropout):
    """Multiply by normal noise around 1, as spread out as Dropout's mask is.

    Math:
        mask = 1 + sqrt(rate / (1 - rate)) * a normal number
        forward    y = x * mask         (training)     y = x     (prediction)
        backward   the slope of y in x is mask, so dx = dy * mask
        Dropout's mask has the mean 1 and the variance rate / (1 - rate), too.

    Shapes:
        x, y: any, the same.

    Args:
        rate: as in Dropout, 0 <= rate < 1.
        seed: an integer for masks of one's own; None takes the next seed.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        mask, one number per number of x.

    Reference:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        JMLR 15, 2014, section 10.

    Example:
        >>> blur = GaussianDropout(0.2, seed=1)
        >>> y = blur.forward(np.ones(100_000), training=True)
        >>> float(y.mean().round(2)), float(y.var().round(2))
        (1.0, 0.25)
        >>> bool((blur.backward(np.ones(100_000)) == y).all())
        True
    """

    def mask(self, x: Array) -> Array:
        """Return the mask of this step."""
        spread = (self.rate / (1 - self.rate)) ** 0.5
        noise = np.asarray(generator(self.seed, self.step).standard_normal(x.shape, np.float32))
        return 1 + x.dtype.type(spread) * noise.astype(x.dtype)


class GaussianNoise(Layer):
    """Add normal noise.

    Math:
        forward    y = x + stddev * a normal number     (training)     y = x     (prediction)
        backward   dx = dy, since the noise does not depend on x

    Shapes:
        x, y: any, the same.

    Args:
        stddev: the noise's standard deviation, at least 0.
        seed: an integer for noise of one's own; None takes the next seed.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Note:
        As in Dropout, the noise depends on the seed and on how many batches have been trained.

    Reference:
        Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.

    Example:
        >>> noise = GaussianNoise(0.5, seed=1)
        >>> y = noise.forward(np.full(100_000, 3.0), training=True)
        >>> float(y.mean().round(2)), float(y.std().round(2))
        (3.0, 0.5)
        >>> noise.backward(np.array([1.0, 2.0]))
        array([1., 2.])
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = real_number("stddev of GaussianNoise", stddev, 0)
        self.given_seed = check_seed(seed)
        self.seed = next_seed() if self.given_seed is None else self.given_seed
        self.step = 0  # batches trained so far

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x + noise in training, x itself in prediction."""
        return x + self.noise(x) if training else x

    def noise(self, x: Array) -> Array:
        """Return the noise of this step."""
        normal = np.asarray(generator(self.seed, self.step).standard_normal(x.shape, np.float32))
        return x.dtype.type(self.stddev) * normal.astype(x.dtype)

    def backward(self, dy: Array) -> Array:
        """Return dy."""
        return dy

    def after_update(self) -> None:
        """Go on to the next noise."""
        self.step += 1

    def get_state(self) -> dict[str, int]:
        """Return the seed and the step."""
        return {"seed": self.seed, "step": self.step}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"stddev": self.stddev, "seed": self.given_seed, **super().get_config()}


class AlphaDropout(Dropout):
    """Dropout for networks of SELU: mean 0 and variance 1 stay so.

    Math:
        low = -scale * alpha of SELU, what it sends on for very negative numbers; a dropped number
        becomes low instead of 0. keep[i] is 1 with probability 1 - rate, else 0.
        forward    y = a * (x * keep + low * (1 - keep)) + b
                   a = 1 / sqrt((1 - rate) * (1 + rate * low**2)),  b = -a * rate * low
        backward   the slope of y in x is a * keep, so dx = dy * a * keep
        x * keep + low * (1 - keep) has the mean rate * low and the variance 1 / a**2, where x has 0
        and 1: so a and b bring these back.

    Shapes:
        x, y: any, the same.

    Args:
        rate: the share that is dropped, 0 <= rate < 1.
        seed: an integer for masks of one's own; None takes the next seed.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        a * keep, one number per number of x.

    Reference:
        Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NIPS 2017.

    Example:
        >>> x = np.random.default_rng(0).normal(size=100_000)
        >>> drop = AlphaDropout(0.2, seed=1)
        >>> y = drop.forward(x, training=True)
        >>> float(abs(y.mean()).round(1)), float(y.var().round(1))
        (0.0, 1.0)
        >>> dx = drop.backward(np.ones(100_000))
        >>> np.unique(dx).round(4), float((dx == 0).mean().round(2))
        (array([0.    , 0.8789]), 0.2)
    """

    low = -SELU.scale * 1.6732632423543772848170429916717

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return a * (x * keep + low * (1 - keep)) + b in training, x itself in prediction."""
        if not training:
            return x
        keep = (self.mask(x) > 0).astype(x.dtype)
        a = ((1 - self.rate) * (1 + self.rate * self.low**2)) ** -0.5
        slope = a * keep
        self.kept = slope
        y: Array = x * slope + (a * self.low * (1 - keep) - a * self.rate * self.low)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * a * keep."""
        slope = self.recall()
        # y = x * slope
        return dy * slope
