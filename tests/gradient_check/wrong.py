"""Layers and losses whose backward is wrong in ways that have happened."""

import numpy as np

from numcnn.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from numcnn.layers.im2col import col2im, im2col
from numcnn.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError


class DropoutWithoutMask(Dropout):
    def backward(self, dy):
        return dy


class DropoutWithANewMask(Dropout):
    def backward(self, dy):
        self.step += 1
        mask = self.mask(dy)
        self.step -= 1
        return dy * mask


class DropoutWithoutFactor(Dropout):
    def backward(self, dy):
        return dy * (self.recall() > 0)


class ConvWithFlippedKernel(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        w = self.params["w"]
        self.params["w"] = w[::-1, ::-1]
        grads = dict(self.grads)
        dx = super().backward(dy)
        self.params["w"] = w
        self.grads.update(grads)
        return dx


class ConvWithoutBiasGradient(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["b"] = np.zeros_like(self.grads["b"])
        return dx


class ConvWithMeanOverTheBatch(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"] / len(dy)
        return dx


class ConvThatAccumulates(Conv2D):
    def backward(self, dy):
        before = self.grads.get("w", 0)
        dx = super().backward(dy)
        self.total = self.grads["w"] = self.grads["w"] + getattr(self, "total", 0) + 0 * before
        return dx


class ConvWithSwappedStrides(Conv2D):
    def backward(self, dy):
        strides, self.strides = self.strides, self.strides[::-1]
        dx = super().backward(dy)
        self.strides = strides
        return dx


class ConvOffByOnePixel(Conv2D):
    def backward(self, dy):
        return np.roll(super().backward(dy), 1, axis=2)


class ConvWithTransposedWeights(Conv2D):
    def backward(self, dy):
        dx = super().backward(dy)
        self.grads["w"] = self.grads["w"].swapaxes(0, 1)
        return dx


class ConvWithOverwritingCol2im(Conv2D):
    """`=` where `+=` belongs, so that overlapping windows do not add up."""

    def backward(self, dy):
        dx = super().backward(dy)
        _, x_shape = self.recall()
        n, oh, ow, _ = dy.shape
        w = self.params["w"]
        dcols = (dy.reshape(-1, self.filters) @ w.reshape(-1, self.filters).T).reshape(
            n, oh, ow, *w.shape[:3]
        )
        seen = col2im(np.ones_like(dcols), x_shape)
        return dx / np.maximum(seen, 1)


class PoolThatPaysAllTies(MaxPool2D):
    def backward(self, dy):
        _, x_shape = self.recall()
        cols = im2col(self.x, self.pool_size, self.strides)
        y = cols.max(axis=(3, 4), keepdims=True)
        return col2im((cols == y) * dy[:, :, :, None, None], x_shape, self.strides)

    def forward(self, x, training=False):
        self.x = x.copy()
        return super().forward(x, training)


class PoolThatPaysEveryPixel(MaxPool2D):
    def backward(self, dy):
        _, x_shape = self.recall()
        n, oh, ow, c = dy.shape
        shares = np.broadcast_to(dy[:, :, :, None, None] / 4, (n, oh, ow, 2, 2, c))
        return col2im(shares, x_shape, self.strides)


class ReLUForNegatives(ReLU):
    def backward(self, dy):
        return dy * ~self.recall()


class ReLUOfTheGradient(ReLU):
    """Zeiler's "deconvnet": the bend is applied to dy instead of where x bent."""

    def backward(self, dy):
        return np.maximum(dy, 0)


class ReLUThatLeaks(ReLU):
    def backward(self, dy):
        return dy * np.where(self.recall(), 1, 1e-4)


class SoftmaxWithoutItsSum(Softmax):
    def backward(self, dy):
        y = self.recall()
        return dy * y * (1 - y)


class SigmoidWithoutItsHead(Sigmoid):
    def backward(self, dy):
        return dy * self.recall()


class TanhSlightlyOff(Tanh):
    def backward(self, dy):
        return super().backward(dy) * (1 + 1e-5)


class DenseThatRemembers(Dense):
    """Stale: keeps the first batch for ever."""

    def forward(self, x, training=False):
        kept = self.kept
        y = super().forward(x, training)
        self.kept = x if kept is None else kept
        return y


class DenseWithoutActivation(Dense):
    def backward(self, dy):
        x = self.recall()
        self.grads["w"] = x.T @ dy
        self.grads["b"] = dy.sum(axis=0)
        return dy @ self.params["w"].T


class FlattenOfTheWrongAxes(Flatten):
    def backward(self, dy):
        n, h, w, c = self.recall()
        return dy.reshape(n, w, h, c).swapaxes(1, 2)


class Scale(Layer):
    """Starts with ones, which hide it where its backward forgets the parameter."""

    def build(self, input_shape):
        self.add_parameter("w", input_shape, "ones")

    def forward(self, x, training=False):
        if training:
            self.kept = x
        return x * self.params["w"]

    def backward(self, dy):
        self.grads["w"] = (dy * self.recall()).sum(axis=0)
        return dy * self.params["w"]


class ScaleThatForgetsItself(Scale):
    def backward(self, dy):
        super().backward(dy)
        return dy.copy()


class MeanOverNothing(MeanSquaredError):
    def gradient(self, y, p):
        return super().gradient(y, p) * len(p)


class MeanOverTooMuch(MeanSquaredError):
    def gradient(self, y, p):
        return super().gradient(y, p) / p.shape[1]


class CrossentropyAsIfOfScores(CategoricalCrossentropy):
    def gradient(self, y, p):
        return (p - y) / len(p)


class BinaryWithOneHalf(BinaryCrossentropy):
    def gradient(self, y, p):
        return -y / p / p.size


class GradientOfAnotherShape(MeanSquaredError):
    def gradient(self, y, p):
        return super().gradient(y, p)[:1]


class GradientThatWrites(MeanSquaredError):
    def gradient(self, y, p):
        gradient = super().gradient(y, p)
        p -= y
        return gradient


class ValueForTheBatch(MeanSquaredError):
    def value(self, y, p):
        return super().value(y, p).mean()
