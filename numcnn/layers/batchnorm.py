"""BatchNormalization: give every channel mean 0 and variance 1, then let it choose both anew.

While weights move, the numbers that a layer sends on drift and grow, and the layer behind it has to
follow. Here each batch is measured and put back into shape, so deep networks bear larger steps.

Forward, for one channel and the n numbers x[i] that the batch has of it:

    mean  = sum of x[i] / n
    var   = sum of (x[i] - mean)**2 / n         std = sqrt(var + epsilon)
    x_hat = (x - mean) / std                    y = gamma * x_hat + beta

Backward. beta and gamma went into every y of the channel, with the slopes 1 and x_hat:

    dbeta = sum of dy          dgamma = sum of dy * x_hat          dx_hat = dy * gamma

x[i] went into every x_hat[j] of the channel: directly where i == j, and into all by way of mean and
std. Their slopes, where in the second the deviations from the mean sum to 0 and so leave one term:

    ∂mean/∂x[i] = 1/n
    ∂var/∂x[i]  = sum over j of 2 * (x[j] - mean) * ((i == j) - 1/n) / n = 2 * (x[i] - mean) / n
    ∂std/∂x[i]  = ∂var/∂x[i] / (2 * std) = x_hat[i] / n

With the quotient rule for x_hat[j] = (x[j] - mean) / std, and (i == j) for 1 where they are equal,

    ∂x_hat[j]/∂x[i] = ((i == j) - 1/n) / std - (x[j] - mean) / std**2 * x_hat[i] / n
                    = ((i == j) - 1/n - x_hat[j] * x_hat[i] / n) / std

and by the chain rule dx[i] is the sum over j of dx_hat[j] times this:

    dx = (dx_hat - mean of dx_hat - x_hat * mean of (dx_hat * x_hat)) / std

What would move all x alike, or stretch them all, is taken out of the gradient: neither changes y.
"""

from typing import Any

import numpy as np

from numcnn import initializers
from numcnn.errors import DTypeError, ShapeError
from numcnn.layers.arguments import real_number
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.roles import SCALE_AND_SHIFT


class BatchNormalization(Layer):
    """Normalise each channel over the batch, scale it by gamma and shift it by beta.

    Math:
        Per channel, with mean and var over all numbers that the batch has of it:
        forward    x_hat = (x - mean) / std,  std = sqrt(var + epsilon)
                   y = gamma * x_hat + beta
        backward   dbeta  = sum of dy
                   dgamma = sum of dy * x_hat
                   dx_hat = dy * gamma
                   dx = (dx_hat - mean of dx_hat - x_hat * mean of (dx_hat * x_hat)) / std
        Where this comes from stands at the top of this file.
        after each batch, with the statistics that predictions use:
                   moving_mean     = momentum * moving_mean     + (1 - momentum) * mean
                   moving_variance = momentum * moving_variance + (1 - momentum) * var
        prediction x_hat = (x - moving_mean) / sqrt(moving_variance + epsilon), so that the answer
                   for an image does not depend on its neighbours. With trainable=False this is so
                   in training too, and dx = dx_hat / std.

    Shapes:
        x, y: any, the same.     gamma, beta, moving_mean, moving_variance: (C,), C = x.shape[axis]

    Args:
        axis: the axis of the channels, the batch's being 0; 1 for data_format='channels_first'.
        momentum: how much of the moving statistics stays at each batch, 0 to 1.
        epsilon: what keeps std above 0.
        center: whether beta is there.
        scale: whether gamma is there; not needed if a Dense or Conv2D follows without a bend.
        beta_initializer: how beta starts.
        gamma_initializer: how gamma starts.
        moving_mean_initializer: how moving_mean starts.
        moving_variance_initializer: how moving_variance starts.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`; gamma_regularizer,
            beta_regularizer: see regularizers.py; gamma_constraint, beta_constraint: see
            constraints.py.

    Keeps:
        x_hat, as many numbers as x has, and std.

    Raises:
        ShapeError: there is no such axis, or it is the batch's.

    Note:
        The variance divides by n, in moving_variance too, as in Keras 3; Keras 2 and PyTorch put
        the unbiased one there, n / (n - 1) times as much. A bias in the layer before would be taken
        out again with the mean: use_bias=False saves it.

    Reference:
        Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
        internal covariate shift", ICML 2015.

    Example:
        Four samples of one channel, with the mean 3 and the variance 4.

        >>> norm = BatchNormalization(epsilon=0.0, dtype="float64")
        >>> norm(np.array([[1.0], [1.0], [5.0], [5.0]]), training=True).ravel()
        array([-1., -1.,  1.,  1.])

        Only the first y matters: dy is 8, 0, 0, 0, its mean 2 and that of dy * x_hat -2. So dx is
        (8 - 2 - 2) / 2 for the first, (0 - 2 - 2) / 2 for the second, (0 - 2 + 2) / 2 for the rest.

        >>> norm.backward(np.array([[8.0], [0.0], [0.0], [0.0]])).ravel()
        array([ 2., -2.,  0.,  0.])
        >>> norm.grads["gamma"], norm.grads["beta"]  # 8 * -1, and 8
        (array([-8.]), array([8.]))

        A hundredth of the batch's mean and variance goes into the moving ones, which were 0 and 1.

        >>> norm.after_update()
        >>> norm.statistics["moving_mean"], norm.statistics["moving_variance"].round(6)
        (array([0.03]), array([1.03]))
    """

    roles = SCALE_AND_SHIFT

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise DTypeError(f"axis of BatchNormalization must be an integer, got {axis!r}.")
        self.axis = axis
        self.momentum = real_number("momentum of BatchNormalization", momentum, 0, 1)
        self.epsilon = real_number("epsilon of BatchNormalization", epsilon, 0)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.measured: tuple[Array, Array] | None = (
            None  # (mean, var) that are still to be moved in
        )

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta and the moving statistics, each (C,)."""
        c = (input_shape[self.channel_axis(len(input_shape) + 1) - 1],)
        if self.scale:
            self.add_parameter("gamma", c, self.gamma_initializer)
        if self.center:
            self.add_parameter("beta", c, self.beta_initializer)
        self.add_parameter("moving_mean", c, self.moving_mean_initializer, trainable=False)
        self.add_parameter("moving_variance", c, self.moving_variance_initializer, trainable=False)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of x."""
        self.channel_axis(len(input_shape) + 1)
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = gamma * x_hat + beta."""
        by_batch = training and self.trainable
        if by_batch:
            mean, var = self.moments(x)
        else:
            mean, var = self.statistics["moving_mean"], self.statistics["moving_variance"]
        std = self.spread(np.sqrt(var + x.dtype.type(self.epsilon)), x)
        x_hat = (x - self.spread(mean, x)) / std
        y = x_hat
        if self.scale:
            y = y * self.spread(self.params["gamma"], x)
        if self.center:
            y = y + self.spread(self.params["beta"], x)
        if training:
            self.kept = x_hat, std, by_batch
            self.measured = (mean, var) if by_batch else None
        return y.copy() if y is x_hat else y

    def backward(self, dy: Array) -> Array:
        """Set dgamma and dbeta, return dx."""
        x_hat, std, by_batch = self.recall()
        # y = gamma * x_hat + beta
        if self.center:
            self.grads["beta"] = self.total(dy).astype(dy.dtype)
        dx_hat = dy
        if self.scale:
            self.grads["gamma"] = self.total(dy * x_hat).astype(dy.dtype)
            dx_hat = dy * self.spread(self.params["gamma"], dy)
        # x_hat = (x - mean) / std
        if not by_batch:
            return dx_hat / std
        mean_d, mean_dx = self.mean(dx_hat), self.mean(dx_hat * x_hat)
        return (dx_hat - self.spread(mean_d, dy) - x_hat * self.spread(mean_dx, dy)) / std

    def after_update(self) -> None:
        """Move the moving statistics towards those of the batch."""
        if self.measured is None:
            return
        for name, now in zip(("moving_mean", "moving_variance"), self.measured, strict=True):
            moving = self.statistics[name]
            moving[...] = self.momentum * moving + (1 - self.momentum) * now
        self.measured = None

    def moments(self, x: Array) -> tuple[Array, Array]:
        """Return mean and variance of each channel, (C,), in the type of x."""
        mean = self.mean(x)
        var = self.mean((x - self.spread(mean, x)) ** 2)
        # Where the squares overflow, x / inf would be a harmless 0: it must be seen.
        return mean, np.where(np.isinf(var), np.nan, var)

    def mean(self, x: Array) -> Array:
        """Return the mean of each channel, (C,); 0 where there are no samples."""
        n = x.size // x.shape[self.channel_axis(x.ndim)]
        return (self.total(x) / max(1, n)).astype(x.dtype)

    def total(self, x: Array) -> Array:
        """Return the sum over all axes but that of the channels, (C,), added up in float64."""
        axes = tuple(i for i in range(x.ndim) if i != self.channel_axis(x.ndim))
        return np.asarray(x.sum(axis=axes, dtype=np.float64))

    def spread(self, of_channels: Array, x: Array) -> Array:
        """Return (C,) numbers with axes of size 1 beside, so that each meets its channel of x."""
        shape = [1] * x.ndim
        shape[self.channel_axis(x.ndim)] = -1
        return of_channels.reshape(shape)

    def channel_axis(self, ndim: int) -> int:
        """Return the axis of the channels in a batch of so many axes, counted from 0."""
        if self.axis % max(ndim, 1) == 0 or not -ndim <= self.axis < ndim:
            raise ShapeError(
                f"axis={self.axis} of BatchNormalization is not an axis of one sample: a batch "
                f"has the axes 0 to {ndim - 1}, and 0 counts the samples."
            )
        return self.axis % ndim

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            **super().get_config(),
        }
