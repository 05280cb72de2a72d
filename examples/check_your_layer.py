"""Write a layer of your own, and let numcnn look for what is wrong with it.

    python examples/check_your_layer.py

Two layers are written here as a reader would, a leaky ReLU and a 1x1 convolution. Each is tested
on random shapes in five lines; then a mistake is made in each, and the same lines say what is
wrong. Needs Hypothesis: pip install 'numcnn[test]'. It takes some seconds.
"""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings

from numcnn import testing
from numcnn.layers import Layer

settings.register_profile("example", max_examples=25, deadline=None, database=None)
settings.load_profile("example")


class LeakyReLU(Layer):
    """y = x where x > 0, else slope * x."""

    slope = 0.1

    def forward(self, x, training=False):
        if training:
            self.kept = x > 0
        return np.where(x > 0, x, self.slope * x)

    def backward(self, dy):
        positive = self.recall()
        return np.where(positive, dy, self.slope * dy)


class PointwiseConv(Layer):
    """y[n, h, w, f] = sum over c of x[n, h, w, c] * w[c, f] + b[f]: a 1x1 convolution."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        self.add_parameter("w", (input_shape[-1], self.filters), "glorot_uniform")
        self.add_parameter("b", (self.filters,), "zeros")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def forward(self, x, training=False):
        if training:
            self.kept = x
        return x @ self.params["w"] + self.params["b"]

    def backward(self, dy):
        x = self.recall()
        self.grads["w"] = np.tensordot(x, dy, axes=((0, 1, 2), (0, 1, 2)))  # (C, F)
        self.grads["b"] = dy.sum(axis=(0, 1, 2))
        return dy @ self.params["w"].T


# Here are the five lines: a batch of any shape, of no samples too, through all checks.


@given(shape=testing.batch_shapes(), seed=testing.seeds())
def test_leaky_relu(shape, seed):
    testing.check_all(LeakyReLU(), shape, seed=seed)


# Images only, and one check more. y is linear in x and b together, and in w and b together; so the
# backward pass must be the transpose of the forward pass, which whole numbers show exactly.


@given(shape=testing.batch_shapes(min_dims=3, max_dims=3), seed=testing.seeds())
def test_pointwise_conv(shape, seed):
    testing.check_all(PointwiseConv(3), shape, seed=seed)
    testing.check_adjoint(PointwiseConv(3), shape, linear_in=["x", "b"], seed=seed)
    testing.check_adjoint(PointwiseConv(3), shape, linear_in=["w", "b"], seed=seed)


# And what it looks like when something is wrong.


class ForgetfulLeakyReLU(LeakyReLU):
    """Wrong: where x was negative nothing comes back, as in a plain ReLU."""

    def backward(self, dy):
        return dy * self.recall()


class AveragingConv(PointwiseConv):
    """Wrong: the mean over the batch, where the loss has divided by the batch already."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"] / max(1, len(dy))
        return dx


@given(shape=testing.batch_shapes(), seed=testing.seeds())
def test_forgetful_leaky_relu(shape, seed):
    testing.check_all(ForgetfulLeakyReLU(), shape, seed=seed)


@given(shape=testing.batch_shapes(min_dims=3, max_dims=3), seed=testing.seeds())
def test_averaging_conv(shape, seed):
    testing.check_all(AveragingConv(3), shape, seed=seed)


def is_right(test: Callable[[], None]) -> bool:
    """Run a test and print how it ended."""
    try:
        test()
    except (testing.PropertyError, testing.GradientError) as error:
        print(f"{test.__name__}: WRONG\n\n    {str(error).replace(chr(10), chr(10) + '    ')}\n")
        return False
    print(f"{test.__name__}: right, on {settings().max_examples} random shapes")
    return True


def main() -> int:
    """Return 0 if the right layers are found right and the wrong ones wrong."""
    right = [is_right(test) for test in (test_leaky_relu, test_pointwise_conv)]
    print("\nThe same with a mistake in each backward pass:\n")
    wrong = [is_right(test) for test in (test_forgetful_leaky_relu, test_averaging_conv)]
    return 0 if all(right) and not any(wrong) else 1


if __name__ == "__main__":
    raise SystemExit(main())
