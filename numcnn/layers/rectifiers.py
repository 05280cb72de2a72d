"""Rectifiers: ReLU's relatives, which let something through below zero as well.

Where ReLU is 0 its gradient is 0 too, and a unit that is negative for every image learns no more.
These bend less: to a flat slope (LeakyReLU), one that is learned (PReLU), a curve (ELU, SELU).
"""

from typing import Any

import numpy as np

from numcnn import initializers
from numcnn.errors import ShapeError
from numcnn.layers.arguments import positive_int, real_number
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.roles import SLOPE


class LeakyReLU(Layer):
    """Let positive numbers through, and negative ones on a smaller scale.

    Math:
        forward    y = x where x > 0, negative_slope * x elsewhere
        backward   dx = dy where x > 0, negative_slope * dy elsewhere

    Shapes:
        x, y: any, the same.

    Args:
        negative_slope: the factor for negative numbers, at least 0. Keras 2 called it alpha.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        positive, one truth value per number.

    Note:
        The layer's slope is 0.3 by default, that of `activation="leaky_relu"` 0.2, as in Keras.

    Reference:
        Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models",
        ICML 2013.

    Example:
        >>> leaky = LeakyReLU(0.5)
        >>> leaky.forward(np.array([-2.0, 3.0]), training=True)
        array([-1.,  3.])
        >>> leaky.backward(np.array([10.0, 10.0]))
        array([ 5., 10.])
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:  # Keras 2
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = real_number("negative_slope of LeakyReLU", negative_slope, 0)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x where it is positive, negative_slope * x elsewhere."""
        positive = x > 0
        if training:
            self.kept = positive
        return np.where(positive, x, self.negative_slope * x)

    def backward(self, dy: Array) -> Array:
        """Return dy where x was positive, negative_slope * dy elsewhere."""
        positive = self.recall()
        # y = where(positive, x, negative_slope * x)
        return np.where(positive, dy, self.negative_slope * dy)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"negative_slope": self.negative_slope, **super().get_config()}


class PReLU(Layer):
    """Let positive numbers through, and negative ones by a factor that is learned.

    Math:
        forward    y = x where x > 0, alpha * x elsewhere
        backward   dx = dy where x > 0, alpha * dy elsewhere
                   y depends on alpha where x is negative, with the slope x, so
                   dalpha = sum over samples of dy * min(x, 0)
                   and over the shared axes too, since one alpha serves all of these.

    Shapes:
        x, y: (N, ...), the same.     alpha: that of one sample, with size 1 on shared axes

    Args:
        alpha_initializer: how alpha starts; with zeros this is a ReLU at first.
        shared_axes: axes along which there is one alpha; (1, 2) for images, one per channel.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`; alpha_regularizer: see
            regularizers.py; alpha_constraint: see constraints.py.

    Keeps:
        x.

    Raises:
        ShapeError: samples do not have one of the shared axes.

    Reference:
        He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Example:
        >>> prelu = PReLU(alpha_initializer="ones", dtype="float64")
        >>> prelu(np.array([[-2.0, 3.0], [-4.0, 5.0]]), training=True)
        array([[-2.,  3.],
               [-4.,  5.]])
        >>> prelu.backward(np.ones((2, 2)))
        array([[1., 1.],
               [1., 1.]])
        >>> prelu.grads["alpha"]
        array([-6.,  0.])
    """

    roles = SLOPE

    def __init__(
        self, alpha_initializer: Any = "zeros", shared_axes: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        axes = () if shared_axes is None else shared_axes
        axes = axes if isinstance(axes, (tuple, list)) else (axes,)
        self.shared_axes = tuple(positive_int("each axis of shared_axes", axis) for axis in axes)

    def build(self, input_shape: Shape) -> None:
        """Make alpha, of the shape of a sample, with 1 on shared axes."""
        shape = [1 if k in self.shared_axes else n for k, n in enumerate(input_shape, start=1)]
        self.add_parameter("alpha", tuple(shape), self.alpha_initializer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of x."""
        if any(axis > len(input_shape) for axis in self.shared_axes):
            raise ShapeError(
                f"shared_axes={self.shared_axes} of PReLU: samples of shape {input_shape} have the "
                f"axes 1 to {len(input_shape)}."
            )
        return input_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x where it is positive, alpha * x elsewhere."""
        if training:
            self.kept = x
        return np.where(x > 0, x, self.params["alpha"] * x)

    def backward(self, dy: Array) -> Array:
        """Set dalpha, return dx."""
        x = self.recall()
        alpha = self.params["alpha"]
        # y = where(x > 0, x, alpha * x)
        shares = dy * np.minimum(x, 0)
        self.grads["alpha"] = shares.sum(axis=(0, *self.shared_axes)).reshape(alpha.shape)
        return np.where(x > 0, dy, alpha * dy)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "shared_axes": self.shared_axes or None,
            **super().get_config(),
        }


class ELU(Layer):
    """Let positive numbers through, and bend negative ones softly towards -alpha.

    Math:
        forward    y = x where x > 0, alpha * (exp(x) - 1) elsewhere
        backward   dx = dy where x > 0, dy * alpha * exp(x) elsewhere

    Shapes:
        x, y: any, the same.

    Args:
        alpha: what large negative numbers become, with a minus sign.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Reference:
        Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
        linear units", ICLR 2016.

    Example:
        >>> elu = ELU()
        >>> elu.forward(np.array([-np.log(2.0), 3.0]), training=True)
        array([-0.5,  3. ])
        >>> elu.backward(np.array([10.0, 10.0]))
        array([ 5., 10.])
    """

    scale = 1.0

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = real_number("alpha of ELU", alpha, 0)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return scale * x where x is positive, scale * alpha * (exp(x) - 1) elsewhere."""
        below = np.minimum(x, 0)  # exp of large numbers would overflow
        if training:
            slope = self.scale * np.where(x > 0, 1, self.alpha * np.exp(below))
            self.kept = slope.astype(x.dtype)
        return self.scale * np.where(x > 0, x, self.alpha * np.expm1(below))

    def backward(self, dy: Array) -> Array:
        """Return dy * ∂y/∂x."""
        slope = self.recall()
        # y = scale * where(x > 0, x, alpha * (exp(x) - 1))
        return dy * slope

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"alpha": self.alpha, **super().get_config()}


class CELU(Layer):
    """An ELU that has no corner at 0, whatever alpha is.

    Math:
        forward    y = x where x > 0, alpha * (exp(x / alpha) - 1) elsewhere
        backward   dx = dy where x > 0, dy * exp(x / alpha) elsewhere: 1 at 0 from both sides

    Shapes:
        x, y: any, the same.

    Args:
        alpha: what large negative numbers become, with a minus sign; above 0.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Reference:
        Barron, "Continuously differentiable exponential linear units", arXiv:1704.07483, 2017.

    Example:
        >>> celu = CELU(2.0)
        >>> celu.forward(np.array([-2 * np.log(2.0), 3.0]), training=True)
        array([-1.,  3.])
        >>> celu.backward(np.array([10.0, 10.0]))
        array([ 5., 10.])
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = real_number("alpha of CELU", alpha, 1e-12)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x where it is positive, alpha * (exp(x / alpha) - 1) elsewhere."""
        below = np.minimum(x, 0) / self.alpha  # exp of large numbers would overflow
        y = np.where(x > 0, x, self.alpha * np.expm1(below))
        if training:
            self.kept = np.exp(below)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dy * ∂y/∂x."""
        slope = self.recall()
        # y = where(x > 0, x, alpha * (exp(x / alpha) - 1))
        return dy * slope

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {"alpha": self.alpha, **super().get_config()}


class SELU(ELU):
    """An ELU scaled so that mean 0 and variance 1 stay so, layer after layer.

    Math:
        forward    y = scale * x where x > 0, scale * alpha * (exp(x) - 1) elsewhere
        backward   dx = dy * scale where x > 0, dy * scale * alpha * exp(x) elsewhere
        alpha and scale are such that for a normal x, y has mean 0 and variance 1 again.

    Shapes:
        x, y: any, the same.

    Args:
        **kwargs: name, input_shape, trainable, dtype: see `Layer`.

    Keeps:
        slope, ∂y/∂x, one number per number.

    Note:
        It is meant for weights that start as 'lecun_normal'.

    Reference:
        Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NIPS 2017.

    Example:
        >>> selu = SELU()
        >>> y = selu.forward(np.random.default_rng(0).normal(size=1_000_000))
        >>> bool(abs(y.mean()) < 0.01), bool(abs(y.var() - 1) < 0.01)
        (True, True)
        >>> selu.forward(np.array([2.0]), training=True).round(4)
        array([2.1014])
        >>> selu.backward(np.ones(1)).round(4)
        array([1.0507])
    """

    scale = 1.0507009873554804934193349852946
    given_to_base = ("alpha",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(alpha=1.6732632423543772848170429916717, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return Layer.get_config(self)
