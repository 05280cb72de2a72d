"""Layers, losses and an optimizer broken on purpose, each in one place, as happens to people.

Each bug is a function that puts a broken copy of a method in its place with pytest's monkeypatch.
test_seeded_bugs.py looks which properties notice.
"""

import numpy as np

from numcnn.engine.eager import EagerEngine
from numcnn.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU, Softmax, conv2d, maxpool2d
from numcnn.layers.im2col import channels_last, col2im, im2col, window_geometry
from numcnn.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from numcnn.losses import softmax as softmax_of
from numcnn.optimizers import RMSprop

BUGS = {}


def bug(function):
    """Write a bug into the list, under its function's name."""
    BUGS[function.__name__.replace("_", " ")] = function
    return function


def instead(patch, cls, name):
    """Put the decorated function, which gets the original as its first argument, into a class."""
    original = getattr(cls, name)

    def decorate(broken):
        patch.setattr(cls, name, lambda self, *a, **k: broken(original, self, *a, **k))

    return decorate


# ---- the eight of the catalogue ----


@bug
def missing_flip(patch):
    @instead(patch, Conv2D, "backward")
    def backward(original, self, dy):
        original(self, dy)
        grads, w = dict(self.grads), self.params["w"]
        self.params["w"] = w[::-1, ::-1]
        dx = original(self, dy)
        self.params["w"] = w
        self.grads.update(grads)
        return dx


@bug
def dropped_bias_sum(patch):
    @instead(patch, Conv2D, "backward")
    def backward(original, self, dy):
        dx = original(self, dy)
        if self.use_bias:
            dz = channels_last(self.activation.backward(dy), self.data_format)
            self.grads["b"] = dz[:, 0, 0].sum(axis=0)  # of the first window alone
        return dx


@bug
def wrong_1_over_N(patch):
    @instead(patch, Conv2D, "backward")
    def backward(original, self, dy):
        dx = original(self, dy)
        self.grads["w"] = self.grads["w"] / max(1, len(dy))
        return dx


@bug
def off_by_one_pad(patch):
    def broken(*arguments):
        size, pads = window_geometry(*arguments)
        return size, tuple(pad[::-1] for pad in pads)  # the odd zero at the top and the left

    patch.setattr(conv2d, "window_geometry", broken)
    patch.setattr(maxpool2d, "window_geometry", broken)


@bug
def stride_swap(patch):
    def broken(dcols, x_shape, strides=(1, 1), *more):
        room = np.zeros((x_shape[0], 99, 99, x_shape[3]), dcols.dtype)  # so that nothing raises
        whole = col2im(dcols, room.shape, strides[::-1], *more)
        return whole[:, : x_shape[1], : x_shape[2]]

    patch.setattr(conv2d, "col2im", broken)
    patch.setattr(maxpool2d, "col2im", broken)


@bug
def stale_mask(patch):
    @instead(patch, ReLU, "forward")
    def forward(original, self, x, training=False):
        kept = self.kept
        y = original(self, x, training)
        if kept is not None and kept.shape == x.shape:
            self.kept = kept
        return y


@bug
def epsilon_placement(patch):
    p = np.zeros(1)
    RMSprop(1.0, rho=0.0, epsilon=1.0).step([p], [np.array([2.0])])
    outside_is_right = p[0] == -2 / 3

    def update(self, p, g, *slots):
        (v,) = slots
        v *= self.rho
        v += (1 - self.rho) * g**2
        inside, outside = (self.epsilon, 0) if outside_is_right else (0, self.epsilon)
        p -= self.current_rate() * g / (np.sqrt(v + inside) + outside)

    patch.setattr(RMSprop, "update", update)


@bug
def tie_duplication(patch):
    @instead(patch, MaxPool2D, "forward")
    def forward(original, self, x, training=False):
        y = original(self, x, training)
        if training:
            self.kept = (channels_last(x, self.data_format), channels_last(y, self.data_format))
        return y

    def backward(self, dy):
        x, y = self.kept
        dy = channels_last(dy, self.data_format)
        _, padding = self.geometry(*x.shape[1:3])
        cols = im2col(x, self.pool_size, self.strides, padding, fill=-np.inf)
        dcols = (cols == y[:, :, :, None, None]) * dy[:, :, :, None, None]
        dx = col2im(dcols, x.shape, self.strides, padding)
        return dx if self.data_format == "channels_last" else dx.transpose(0, 3, 1, 2)

    patch.setattr(MaxPool2D, "backward", backward)


# ---- others, so that no property is without one that it notices ----


@bug
def loss_summed_not_averaged(patch):
    @instead(patch, CategoricalCrossentropy, "gradient")
    def gradient(original, self, y, p):
        return original(self, y, p) * len(p)


@bug
def dilation_forgotten_backward(patch):
    def broken(dcols, x_shape, strides, padding, dilation=(1, 1)):
        return col2im(dcols, x_shape, strides, padding)

    patch.setattr(conv2d, "col2im", broken)


@bug
def channels_in_reverse(patch):
    @instead(patch, Conv2D, "forward")
    def forward(original, self, x, training=False):
        return original(self, x[..., ::-1], training)

    @instead(patch, Conv2D, "backward")
    def backward(original, self, dy):
        return original(self, dy)[..., ::-1]


@bug
def half_of_dx(patch):
    @instead(patch, Dense, "backward")
    def backward(original, self, dy):
        return original(self, dy) / 2


@bug
def neighbouring_filters_share(patch):
    @instead(patch, Conv2D, "forward")
    def forward(original, self, x, training=False):
        y = original(self, x, training)
        y[..., 1:] += y[..., :-1]  # channels_last
        return y


@bug
def squared_input(patch):
    @instead(patch, Conv2D, "forward")
    def forward(original, self, x, training=False):
        return original(self, x * x, training)


@bug
def last_window_repeated(patch):
    def broken(x, *arguments, **more):
        cols = im2col(x, *arguments, **more)
        if cols.shape[2] > 1:
            cols[:, :, -1] = cols[:, :, -2]
        return cols

    patch.setattr(conv2d, "im2col", broken)


@bug
def bias_after_the_activation(patch):
    @instead(patch, Conv2D, "forward")
    def forward(original, self, x, training=False):
        use, self.use_bias = self.use_bias, False
        y = original(self, x, training)
        self.use_bias = use
        return y + self.params["b"] if use else y


@bug
def bias_added_twice(patch):
    @instead(patch, Dense, "forward")
    def forward(original, self, x, training=False):
        b = self.params.get("b")
        if b is None:
            return original(self, x, training)
        self.params["b"] = 2 * b
        y = original(self, x, training)
        self.params["b"] = b
        return y


@bug
def last_tie_instead_of_first(patch):
    @instead(patch, MaxPool2D, "forward")
    def forward(original, self, x, training=False):
        y = original(self, x, training)
        if training:
            x = channels_last(x, self.data_format)
            _, padding = self.geometry(*x.shape[1:3])
            cols = im2col(x, self.pool_size, self.strides, padding, fill=-np.inf)
            cols = cols.reshape(*cols.shape[:3], self.n_taps, -1)
            winner = self.n_taps - 1 - cols[:, :, :, ::-1].argmax(axis=3)
            self.kept = winner[:, :, :, None, :], x.shape
        return y


@bug
def last_channel_pooled_from_the_first(patch):
    @instead(patch, MaxPool2D, "forward")
    def forward(original, self, x, training=False):
        y = original(self, x, training).copy()
        y[..., -1] = y[..., 0]  # channels_last
        return y


@bug
def mean_instead_of_max(patch):
    @instead(patch, MaxPool2D, "forward")
    def forward(original, self, x, training=False):
        original(self, x, training)
        x = channels_last(x, self.data_format)
        _, padding = self.geometry(*x.shape[1:3])
        y = im2col(x, self.pool_size, self.strides, padding).mean(axis=(3, 4))
        return y if self.data_format == "channels_last" else y.transpose(0, 3, 1, 2)


@bug
def nan_is_nobody(patch):
    @instead(patch, MaxPool2D, "forward")
    def forward(original, self, x, training=False):
        return original(self, np.where(np.isnan(x), -np.inf, x), training)

    @instead(patch, ReLU, "forward")
    def relu(original, self, x, training=False):
        original(self, x, training)
        return np.fmax(x, 0)


@bug
def nan_is_zero(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "forward")
        def forward(original, self, x, training=False):
            return original(self, np.nan_to_num(x), training)


@bug
def slope_of_relu_at_zero(patch):
    @instead(patch, ReLU, "forward")
    def forward(original, self, x, training=False):
        y = original(self, x, training)
        if training:
            self.kept = x >= 0
        return y


@bug
def softmax_without_shift(patch):
    @instead(patch, Softmax, "forward")
    def forward(original, self, x, training=False):
        e = np.exp(x)
        self.kept = e / e.sum(axis=-1, keepdims=True)
        return self.kept


@bug
def softmax_divided_by_all(patch):
    @instead(patch, Softmax, "forward")
    def forward(original, self, x, training=False):
        e = np.exp(x - x.max(axis=-1, keepdims=True, initial=-1e300))
        self.kept = e / max(1, e.sum())
        return self.kept


@bug
def softmax_shifted_by_the_batch(patch):
    @instead(patch, Softmax, "forward")
    def forward(original, self, x, training=False):
        e = np.exp(x - x.max(initial=0)) + np.finfo(x.dtype).tiny
        self.kept = e / e.sum(axis=-1, keepdims=True)
        return self.kept


@bug
def softmax_of_absolute_scores(patch):
    @instead(patch, Softmax, "forward")
    def forward(original, self, x, training=False):
        return original(self, np.abs(x), training)


@bug
def softmax_slope_of_one_class_alone(patch):
    @instead(patch, Softmax, "backward")
    def backward(original, self, dy):
        y = self.recall()
        return dy * y * (1 - y)


@bug
def class_numbers_from_one(patch):
    @instead(patch, SparseCategoricalCrossentropy, "gradient")
    def gradient(original, self, y, p):
        return original(self, (y + 1) % p.shape[-1], p)


@bug
def logarithm_of_a_rounded_zero(patch):
    @instead(patch, CategoricalCrossentropy, "value")
    def value(original, self, y, p):
        if not self.from_logits:
            return original(self, y, p)
        with np.errstate(divide="ignore", invalid="ignore"):
            return -(y * np.log(softmax_of(p))).sum(axis=-1)


@bug
def half_precision_inside(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "forward")
        def forward(original, self, x, training=False):
            with np.errstate(over="ignore", invalid="ignore"):
                return original(self, x.astype("float16").astype(x.dtype), training)


@bug
def gradients_in_half_precision(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "backward")
        def backward(original, self, dy):
            with np.errstate(over="ignore", invalid="ignore"):
                if dy.dtype == np.float32:
                    dx = original(self, dy.astype("float16").astype(dy.dtype))
                    half = {k: g.astype("float16").astype(g.dtype) for k, g in self.grads.items()}
                    self.grads.update(half)
                    return dx
                return original(self, dy)


@bug
def flatten_by_columns(patch):
    @instead(patch, Flatten, "forward")
    def forward(original, self, x, training=False):
        return original(self, np.swapaxes(x, 1, -1), training)

    @instead(patch, Flatten, "backward")
    def backward(original, self, dy):
        return np.swapaxes(original(self, dy), 1, -1)


@bug
def flatten_as_memory_lies(patch):
    @instead(patch, Flatten, "forward")
    def forward(original, self, x, training=False):
        original(self, x, training)
        return x.reshape(len(x), -1, order="A") if x.size else original(self, x, training)


@bug
def batches_as_memory_lies(patch):
    def in_the_order_of_memory(x):
        return x.ravel(order="K").reshape(x.shape)

    @instead(patch, EagerEngine, "gradients")
    def gradients(original, self, x, y):
        return original(self, in_the_order_of_memory(x), y)

    @instead(patch, EagerEngine, "predict_batch")
    def predict_batch(original, self, x):
        return original(self, in_the_order_of_memory(x))


@bug
def gradients_accumulate(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "backward")
        def backward(original, self, dy):
            before = dict(self.grads)
            dx = original(self, dy)
            for name, g in before.items():
                self.grads[name] = self.grads[name] + g
            return dx


@bug
def relu_in_place(patch):
    def forward(self, x, training=False):
        if training:
            self.kept = x > 0
        return np.maximum(x, 0, out=x)

    patch.setattr(ReLU, "forward", forward)


@bug
def weights_handed_out(patch):
    @instead(patch, Dense, "backward")
    def backward(original, self, dy):
        dx = original(self, dy)
        if self.use_bias:
            self.params["b"][...] = self.params["b"] - 0.5 * self.grads["b"]  # updates already
        return dx


@bug
def outputs_in_one_buffer(patch):
    @instead(patch, Dense, "forward")
    def forward(original, self, x, training=False):
        y = original(self, x, training)
        room = self.__dict__.setdefault("room", {}).setdefault(y.shape, np.empty_like(y))
        room[...] = y
        return room


@bug
def weights_remembered(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "forward")
        def forward(original, self, x, training=False):
            w = self.params["w"]
            self.params["w"] = self.__dict__.setdefault("first", w.copy())
            y = original(self, x, training)
            self.params["w"] = w
            return y


@bug
def training_scales_and_prediction_forgets(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "forward")
        def forward(original, self, x, training=False):
            return original(self, 2 * x if training else x, training)


@bug
def divided_by_the_samples(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "backward")
        def backward(original, self, dy):
            dx = original(self, dy)
            for name, g in self.grads.items():
                self.grads[name] = g / np.float64(dy.shape[0]) * dy.shape[0]
            return dx


@bug
def normalised_over_the_batch(patch):
    for cls in (Conv2D, Dense):

        @instead(patch, cls, "forward")
        def forward(original, self, x, training=False):
            return original(self, x - x[:1], training)
