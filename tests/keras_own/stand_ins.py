"""numcnn's classes with the face that Keras's own tests look at.

Each test module of Keras names what it tests as an attribute of a module (`layers.Conv2D`). Here
that module is replaced by a stand-in, which gives numcnn's class of that name behind an adapter:
layers are called on arrays and have variables, losses and metrics take sample_weight, optimizers
take Keras's variables. A name that numcnn does not have raises `Missing`.
"""

import numpy as np
from properties.rig import Rig

from numcnn import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
)
from numcnn.optimizers.clipping import CLIPS, clip
from numcnn.saving.keras.layers import keras_name


class Missing(Exception):
    """numcnn has no such name."""


class Module:
    """A module of Keras whose classes are numcnn's."""

    def __init__(self, name, ours, adapt=lambda made: made):
        self.__dict__ |= {"_name": name, "_ours": ours, "_adapt": adapt}

    def __getattr__(self, name):
        if name in ("Input", "InputLayer"):
            raise Missing("models that are no row of layers")
        if not hasattr(self._ours, name):
            raise Missing(f"{self._name}.{name}")
        return self._adapt(getattr(self._ours, name))


def array(x):
    """Return what Keras gives, a tensor, a variable or a list, as an array."""
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


class Variable:
    """A weight as Keras's tests see it."""

    def __init__(self, layer, name):
        self.layer, self.name = layer, name

    @property
    def weight(self):
        return self.layer.named_weights()[self.name]

    @property
    def shape(self):
        return self.weight.shape

    @property
    def dtype(self):
        return self.weight.dtype.name

    def assign(self, value):
        self.weight[...] = array(value)

    @property
    def value(self):
        return self.weight

    @property
    def constraint(self):
        return self.layer.constraints.get(self.name)

    def numpy(self):
        return self.weight.copy()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.weight, dtype)


# Arguments that numcnn's layers do not take, at the values that change nothing.
IDLE = {"groups": 1, "noise_shape": None}


class LayerStandIn:
    """A layer called on arrays, each time on an engine."""

    engine = "numpy"
    cls: type

    def __init__(self, *args, **kwargs):
        used = {k: v for k, v in kwargs.items() if k not in IDLE or v != IDLE[k]}
        self.ours = self.cls(*args, **used)

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def build(self, input_shape):
        if not self.ours.built:
            self.ours.build_for(tuple(input_shape)[1:])

    def __call__(self, inputs, training=False, mask=None):
        if mask is not None:
            raise Missing("masks")
        x = array(inputs)
        x = x if x.dtype.kind == "f" else x.astype("float32")
        if x.ndim < 2 or (self.ours.built and x.shape[1:] != self.ours.built_for):
            return self.ours.copy()(x, training)  # engines have samples of one shape
        self.build(x.shape)
        weights = self.ours.get_weights()
        if not training:
            rig = Rig(self.engine, [self.ours.copy()], x.shape[1:], weights, "float32")
            return rig.predict(x)
        own = self.ours.copy()
        own.set_state(self.ours.get_state())
        rig = Rig(self.engine, [own], x.shape[1:], weights, "float32")
        y = rig.train(x, np.zeros(rig.out(len(x)))).y
        own.after_update()
        self.ours.set_weights(own.get_weights())
        self.ours.set_state(own.get_state())
        return y

    def compute_output_shape(self, shape):
        return (shape[0], *self.ours.compute_output_shape(tuple(shape)[1:]))

    @property
    def weights(self):
        return [Variable(self.ours, name) for name in self.ours.named_weights()]

    @property
    def trainable_weights(self):
        n = len(self.ours.params) if self.ours.trainable else 0
        return self.weights[:n]

    @property
    def non_trainable_weights(self):
        return self.weights[len(self.trainable_weights) :]

    @property
    def trainable(self):
        return self.ours.trainable

    @trainable.setter
    def trainable(self, value):
        self.ours.trainable = value

    def __getattr__(self, name):
        ours = self.__dict__["ours"]
        for own in ours.named_weights():
            if name in (own, keras_name(type(ours).__name__, own)):
                return Variable(ours, own)
        if name == "bias" and not ours.use_bias:
            return None
        return getattr(ours, name)


def layer(made):
    return type(made.__name__, (LayerStandIn,), {"cls": made})


class LossStandIn:
    """A loss that weighs its samples and takes their mean or sum, as Keras's own does."""

    cls: type

    def __init__(self, *args, reduction="sum_over_batch_size", dtype=None, **kwargs):
        if dtype is not None:
            raise Missing("losses in another type")
        if reduction not in ("sum", "sum_over_batch_size", "mean_with_sample_weight", None):
            raise ValueError(f"Invalid value for argument reduction: {reduction!r}")
        self.reduction, self.ours = reduction, self.cls(*args, **kwargs)

    def __call__(self, y_true, y_pred, sample_weight=None):
        y, p = array(y_true), array(y_pred)
        p = p if p.dtype.kind == "f" else p.astype("float32")
        rows = p.reshape(-1, p.shape[-1])
        targets = y.reshape(-1, p.shape[-1]) if y.size == p.size else y.reshape(len(rows))
        values = self.ours.value(targets, rows).reshape(p.shape[:-1])
        weights = np.ones(values.shape)
        if sample_weight is not None:
            given = array(sample_weight)
            given = given[..., 0] if given.ndim == values.ndim + 1 else given
            weights = np.broadcast_to(given, values.shape)
        values = values * weights
        if self.reduction is None:
            return values
        total = values.sum()
        if self.reduction == "sum":
            return total
        return total / (values.size if self.reduction == "sum_over_batch_size" else weights.sum())

    def __getattr__(self, name):
        return getattr(self.__dict__["ours"], name)


def loss(made):
    if isinstance(made, type):
        return type(made.__name__, (LossStandIn,), {"cls": made})
    return lambda y, p, **kwargs: made(array(y), array(p), **kwargs)


class OptimizerStandIn:
    """An optimizer of Keras's variables."""

    cls: type

    def __init__(self, *args, **kwargs):
        self.ours, self.arrays = self.cls(*args, **kwargs), {}

    def build(self, variables):
        """Nothing: memory is made in the first step."""

    def apply_gradients(self, pairs):
        pairs = list(pairs)
        for _, variable in pairs:
            self.arrays.setdefault(id(variable), array(variable).astype("float64"))
        arrays = [self.arrays[id(variable)] for _, variable in pairs]
        self.ours.step(arrays, [array(gradient).astype("float64") for gradient, _ in pairs])
        for own, (_, variable) in zip(arrays, pairs, strict=True):
            variable.assign(own)

    def _clip_gradients(self, gradients):
        for kind in CLIPS:
            if getattr(self.ours, kind) is not None:
                gradients = clip(gradients, kind, getattr(self.ours, kind))
        return gradients

    def __getattr__(self, name):
        return getattr(self.__dict__["ours"], name)


def optimizer(made):
    return type(made.__name__, (OptimizerStandIn,), {"cls": made})


class MetricStandIn:
    """A metric that takes tensors."""

    cls: type

    def __init__(self, *args, **kwargs):
        self.ours = self.cls(*args, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise Missing("metrics with sample_weight")
        self.ours.update_state(array(y_true), array(y_pred))

    def __call__(self, y_true, y_pred, sample_weight=None):
        self.update_state(y_true, y_pred, sample_weight)
        return self.ours.result()

    def __getattr__(self, name):
        return getattr(self.__dict__["ours"], name)


def metric(made):
    if isinstance(made, type):
        return type(made.__name__, (MetricStandIn,), {"cls": made})
    return made


def function(made):
    """Return a function, or a class whose objects are called, that takes tensors."""
    if isinstance(made, type):

        class Kind(type):
            def __instancecheck__(cls, instance):
                return isinstance(instance, made)

        call = made.__call__
        return Kind(made.__name__, (made,), {"__call__": lambda self, w: call(self, array(w))})

    def called(*args, **kwargs):
        return made(*[array(a) if hasattr(a, "numpy") else a for a in args], **kwargs)

    called.__name__ = made.__name__
    return called


MODULES = {
    "layers": (layers, layer),
    "activations": (activations, function),
    "losses": (losses, loss),
    "metrics": (metrics, metric),
    "optimizers": (optimizers, optimizer),
    "schedules": (optimizers.schedules, lambda made: made),
    "constraints": (constraints, function),
    "regularizers": (regularizers, function),
    "initializers": (initializers, lambda made: made),
}
