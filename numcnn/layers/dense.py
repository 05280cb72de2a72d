"""Dense: every output looks at every input, each through a weight of its own.

Forward. Output u of sample n, which is also called unit u, is a weighted sum of the sample's D
numbers, plus a constant of its own, the bias:

    z[n, u] = b[u] + sum over d of x[n, d] * w[d, u]          as matrices   z = x @ w + b

A row of x is a sample, a column of w holds the weights of one output. An activation may follow,
y = activation(z): see activations.py.

Backward. Given is dy, for each number of y by how much the loss rises per unit of it. Wanted is the
same for all that went in. The activation gives dz for dy. Then for each number one question: which
z did it go into, and how steeply? Its gradient is the sum, over those z, of dz times the slope.

    b[u]     went into z[n, u] of every sample n. The slope ∂z[n, u]/∂b[u] is 1:
             db[u] = sum over n of dz[n, u]                                  db = dz.sum(axis=0)
    w[d, u]  went into z[n, u] of every sample n. The slope is what it is multiplied by, x[n, d]:
             dw[d, u] = sum over n of x[n, d] * dz[n, u]                     dw = x.T @ dz
    x[n, d]  went into z[n, u] of every output u. The slope is w[d, u]:
             dx[n, d] = sum over u of dz[n, u] * w[d, u]                     dx = dz @ w.T

Where to transpose need not be learned by heart, for the shapes allow nothing else: dw must be
(D, U) as w is, and of x (N, D) and dz (N, U) only x.T @ dz makes that.
"""

from typing import Any

from numcnn import initializers
from numcnn.errors import ShapeError
from numcnn.layers import names
from numcnn.layers.arguments import positive_int
from numcnn.layers.base import Array, Layer, Shape
from numcnn.layers.roles import KERNEL_AND_BIAS


class Dense(Layer):
    """Multiply by a matrix, add a bias, apply an activation.

    Math:
        forward    z = x @ w + b,  y = activation(z)
        backward   dz = activation.backward(dy)
                   db = dz.sum(axis=0)
                   dw = x.T @ dz
                   dx = dz @ w.T
        Where this comes from stands at the top of this file.

    Shapes:
        x: (N, D)     w: (D, U)     b: (U,)     y: (N, U)
        Further axes between N and D are kept: (N, ..., D) becomes (N, ..., U).

    Args:
        units: U, the number of outputs.
        activation: a name such as 'relu', an activation layer, or None for y = z.
        use_bias: whether b is there.
        kernel_initializer: how w starts.
        bias_initializer: how b starts.
        **kwargs: name, input_shape, trainable, dtype: see `Layer`; kernel_regularizer,
            bias_regularizer: see regularizers.py; kernel_constraint, bias_constraint: see
            constraints.py.

    Keeps:
        x, since dw is made of it. The activation keeps what it needs itself.

    Raises:
        ShapeError: the samples have no axis to multiply.

    Example:
        Two samples of three numbers, and one output.

        >>> import numpy as np
        >>> dense = Dense(1, dtype="float64")
        >>> dense.build_for((3,))
        >>> dense.set_weights([np.array([[2.0], [3.0], [4.0]]), np.array([1.0])])
        >>> x = np.array([[1.0, 0.0, 5.0], [2.0, 3.0, 0.0]])
        >>> dense.forward(x, training=True)  # 1*2 + 0*3 + 5*4 + 1 and 2*2 + 3*3 + 0*4 + 1
        array([[23.],
               [14.]])

        Let the loss rise by 1 per unit of the first output and by 10 per unit of the second. Then
        the digits show who went where: dw is 1 times the first sample plus 10 times the second.

        >>> dense.backward(np.array([[1.0], [10.0]]))
        array([[ 2.,  3.,  4.],
               [20., 30., 40.]])
        >>> dense.grads["w"].ravel(), dense.grads["b"]
        (array([21., 30.,  5.]), array([11.]))
    """

    roles = KERNEL_AND_BIAS

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive_int("units of Dense", units)
        self.activation = names.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make w (D, U) and b (U,)."""
        self.add_parameter("w", (input_shape[-1], self.units), self.kernel_initializer)
        if self.use_bias:
            self.add_parameter("b", (self.units,), self.bias_initializer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (..., U)."""
        if not input_shape:
            raise ShapeError("Dense needs samples of at least one axis, got single numbers.")
        return (*input_shape[:-1], self.units)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = activation(x @ w + b)."""
        z = x @ self.params["w"]  # (N, U)
        if self.use_bias:
            z += self.params["b"]
        if training:
            self.kept = x
        return self.activation.forward(z, training)

    def backward(self, dy: Array) -> Array:
        """Set dw and db, return dx."""
        x = self.recall()
        w = self.params["w"]
        # y = activation(z)
        dz = self.activation.backward(dy)
        rows, drows = x.reshape(-1, w.shape[0]), dz.reshape(-1, self.units)  # (N, D), (N, U)
        # z += b
        if self.use_bias:
            self.grads["b"] = drows.sum(axis=0)
        # z = x @ w
        self.grads["w"] = rows.T @ drows  # (D, U)
        return dz @ w.T  # (N, D)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again."""
        return {
            "units": self.units,
            "activation": names.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            **super().get_config(),
        }
