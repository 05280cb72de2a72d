"""What a layer is: an array in, an array out, and the way back for gradients.

This file holds no mathematics of its own. A layer that you write needs `forward` and `backward`;
`build` where it has parameters, `compute_output_shape` where the shape changes, and `get_config`
where it is to be saved. The example of `Layer` below is such a layer, whole; put it into a model
like any other. Whether its backward is right, `numcnn.gradcheck.check_layer` finds out.

Shapes in `build` and `compute_output_shape` are those of one sample, without the batch axis.
"""

import copy
import math
import os
import re
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from numcnn import constraints, initializers, regularizers
from numcnn.errors import DTypeError, ShapeError, reject_unknown_keywords
from numcnn.layers.arguments import float_type, keywords, refuse_layers, sample_shape
from numcnn.layers.attributes import attribute
from numcnn.layers.older import Takes
from numcnn.layers.roles import Roles, arguments, stated, take

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class _NoTensor:
    """Stands where Keras has symbolic tensors: it says where their numbers are to be had instead.

    It is no property, so that a layer of your own may have an attribute of that name.
    """

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        raise AttributeError(
            "There are no symbolic tensors here: a layer has an output only once there are "
            "samples. numcnn.inspect.activations(model, x) returns every layer's output by the "
            f"layer's name, for this one activations(model, x)[{layer.name!r}]; what comes in is "
            "the output of the layer before."
        )


class Layer(metaclass=Takes):
    """The base of all layers.

    Math:
        forward    y = f(x, params), whatever f is
        backward   by the chain rule, for each number of x and of a parameter p,
                   dx[i] = sum over k of dy[k] * ∂y[k]/∂x[i]            returned
                   dp[i] = sum over k of dy[k] * ∂y[k]/∂p[i]            set in `grads`
                   where k runs over all numbers of y, the samples of the batch among them.

    Shapes:
        x, dx: (N, *input_shape)     y, dy: (N, *compute_output_shape(input_shape))
        grads[name]: that of params[name]

    Args:
        name: what summaries and errors call the layer; by default from the class's name.
        input_shape: the shape of one sample, without the batch axis; needed by the first layer of
            a model only, and there it builds the model at once. Keras's batch_input_shape and
            input_dim are taken as well.
        trainable: `False` freezes the parameters: training leaves them as they are.
        dtype: 'float32' or 'float64'; by default `numcnn.backend.floatx()`.
        **unknown: activity_regularizer, a price for what comes out, such as 'l1', which a model
            adds to the loss of each batch: see regularizers.py. And for each of its `roles`
            (roles.py) a layer takes a `_regularizer` and a `_constraint`: kernel_regularizer.
            `weights`, a list of arrays, is what `build` starts it with.

    Attributes:
        regularizers, constraints: the price of parameters in the loss, and where they may be, by
            the parameter's name; from arguments such as kernel_regularizer and bias_constraint.
        params: the parameters by name, for instance `{"w": ..., "b": ...}`.
        grads: the gradient of the loss with respect to each of them, set by `backward`.
        statistics: weights that training moves without a gradient, by name: moving means, which
            `after_update` moves. They are saved and counted with the parameters.
        kept: what the last `forward(training=True)` kept for `backward`; `None` otherwise.

    Example:
        A layer of your own: y = x * w, with one w per feature.

        >>> class Scale(Layer):
        ...     def __init__(self, start=1.0, **kwargs):
        ...         super().__init__(**kwargs)  # name, input_shape, trainable, dtype
        ...         self.start = start
        ...
        ...     def build(self, input_shape):
        ...         self.add_parameter("w", input_shape, initializers.Constant(self.start))
        ...
        ...     def forward(self, x, training=False):
        ...         if training:
        ...             self.kept = x
        ...         return x * self.params["w"]
        ...
        ...     def backward(self, dy):
        ...         x = self.recall()
        ...         # y = x * w: w went into y of every sample, with the slope x
        ...         self.grads["w"] = (dy * x).sum(axis=0)
        ...         return dy * self.params["w"]
        ...
        ...     def get_config(self):  # each argument of __init__
        ...         return {"start": self.start, **super().get_config()}

        Two samples of two features, each feature times 3.

        >>> scale = Scale(3.0, dtype="float64")
        >>> scale(np.array([[1.0, 2.0], [4.0, 5.0]]), training=True)
        array([[ 3.,  6.],
               [12., 15.]])
        >>> scale.backward(np.array([[1.0, 1.0], [10.0, 10.0]]))
        array([[ 3.,  3.],
               [30., 30.]])
        >>> scale.grads["w"]  # 1*1 + 10*4 and 1*2 + 10*5
        array([41., 52.])
    """

    default_name: ClassVar[str] = ""
    roles: ClassVar[Roles] = {}
    input = output = _NoTensor()

    def __init__(
        self,
        *,
        name: str | None = None,
        input_shape: Any = None,
        trainable: bool = True,
        dtype: str | None = None,
        **unknown: Any,
    ) -> None:
        self.regularizers: dict[str, regularizers.Regularizer]
        self.constraints: dict[str, constraints.Constraint]
        self.regularizers, self.constraints = take(self.roles, unknown)
        self.activity_regularizer = regularizers.get(unknown.pop("activity_regularizer", None))
        known = [*keywords(type(self)), *arguments(self.roles), "activity_regularizer"]
        reject_unknown_keywords(type(self).__name__, unknown, known)
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise DTypeError(f"name must be a text without '/' that is not empty, got {name!r}.")
        self.dtype = float_type(dtype)
        self.given_name = name
        self.name = name or self.default_name or _snake_case(type(self).__name__)
        self.trainable = bool(trainable)
        self.given_input_shape: Shape | None = None
        if input_shape is not None:
            self.given_input_shape = sample_shape("input_shape", input_shape)
        self.built_for: Shape | None = None
        self.shared = False  # whether it stands, or has stood, in more than one model
        self.preset: dict[str, Array] | None = None  # loaded weights, taken by add_parameter
        self.initial_weights: list[Any] | None = None  # the argument `weights`
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.statistics: dict[str, Array] = {}
        self.kept: Any = None

    # ---- what a layer defines -------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        """Make the parameters for samples of this shape. Called once."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one output sample; by default that of the input."""
        return input_shape

    def work_shape(self, input_shape: Shape) -> Shape:
        """Return the shape, for one sample, of the largest array that `forward` makes besides y.

        By default y is taken to be the largest. A batch whose arrays cannot fit into memory is
        refused before they are made.
        """
        return self.compute_output_shape(input_shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y for a batch x; with `training`, keep what `backward` needs."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(x, training).")

    def backward(self, dy: Array) -> Array:
        """Take the gradient dy of the loss with respect to y; set `grads` and return dx."""
        raise NotImplementedError(f"{type(self).__name__} does not define backward(dy).")

    def after_update(self) -> None:
        """Do what is due once per batch, after the weights have moved. By default nothing."""

    def get_state(self) -> dict[str, int]:
        """Return what a saved model must hold beside parameters and arguments."""
        return {}

    def set_state(self, state: dict[str, int]) -> None:
        """Take back what `get_state` returned."""
        for key, value in state.items():
            setattr(self, key, value)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again (without its weights)."""
        config = {
            "name": self.name,
            "input_shape": self.given_input_shape,
            "trainable": self.trainable,
            "dtype": self.dtype,
            **stated(self.roles, self.regularizers, self.constraints),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    # ---- what every layer has ---------------------------------------------------------------

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Layer":
        """Make a layer from what `get_config` returned."""
        layer: Layer = type.__call__(cls, **config)  # in today's words
        return layer

    def __call__(self, x: Any, training: bool = False) -> Array:
        """Build the layer for x where that is still to be done, and return `forward(x)`."""
        refuse_layers(self.name, x)
        x = np.asarray(x, self.dtype)
        self.build_for(x.shape[1:])
        if x.shape[1:] != self.built_for:
            raise ShapeError(
                f"Layer {self.name!r} was built for samples of shape {self.built_for}, "
                f"got an array of shape {x.shape}."
            )
        return self.forward(x, training)

    def build_for(self, input_shape: Shape) -> None:
        """Build the layer for samples of this shape, unless it has been built before."""
        if self.built_for is None:
            self.compute_output_shape(input_shape)  # raises where the shape cannot be right
            self.build(input_shape)
            if self.initial_weights is not None and self.preset is None:
                self.set_weights(self.initial_weights)
            self.built_for = tuple(input_shape)

    def unbuild(self) -> None:
        """Forget parameters and shapes."""
        self.built_for = None
        self.params, self.grads, self.statistics, self.kept = {}, {}, {}, None

    def add_parameter(
        self, name: str, shape: Shape, initializer: Any, trainable: bool = True
    ) -> None:
        """Make a parameter and start it; what `build` calls.

        With `trainable=False` it is one of the `statistics`: nothing is asked for its gradient.

        Raises:
            MemoryError: the array would not fit into this machine's memory; nothing is allocated.
        """
        home = self.params if trainable else self.statistics
        if self.preset is not None:
            array = self.preset.get(name)
            if array is None or array.shape != shape or array.dtype != self.dtype:
                found = "nothing" if array is None else f"{array.shape} of {array.dtype}"
                raise ShapeError(
                    f"Layer {self.name!r}: parameter {name!r} needs {shape} of {self.dtype}, the "
                    f"file has {found}."
                )
            home[name] = array
            return
        n_bytes = math.prod(shape) * np.dtype(self.dtype).itemsize
        if n_bytes > physical_memory():
            raise MemoryError(
                f"Layer {self.name!r}: parameter {name!r} of shape {shape} and {self.dtype} needs "
                f"{n_bytes:,} bytes, this machine has {physical_memory():,}. Make the layer "
                "or its input smaller."
            )
        home[name] = initializers.get(initializer)(shape, self.dtype)

    def recall(self) -> Any:
        """Return what forward kept; what the first line of `backward` calls."""
        if self.kept is None:
            raise RuntimeError(
                f"Layer {self.name!r}: backward needs forward(x, training=True) before it."
            )
        return self.kept

    def named_weights(self) -> dict[str, Array]:
        """Return the arrays of the parameters, then those of the statistics, by name."""
        return self.params | self.statistics

    if not TYPE_CHECKING:  # or every misspelt name would pass

        def __getattr__(self, name):
            """Return what Keras's layers have under this name: see attributes.py."""
            return attribute(self, name)

    def count_params(self) -> int:
        """Return how many numbers the weights have."""
        return sum(p.size for p in self.named_weights().values())

    def get_weights(self) -> list[Array]:
        """Return copies of parameters and statistics, in the order in which they were made."""
        return [p.copy() for p in self.named_weights().values()]

    def set_weights(self, weights: list[Any]) -> None:
        """Copy arrays into parameters and statistics, all or none."""
        own = list(self.named_weights().values())
        for param, array in zip(
            own, check_weights(own, weights, f"layer {self.name!r}"), strict=True
        ):
            param[...] = array

    @property
    def built(self) -> bool:
        """Whether the layer has its parameters and knows its shapes."""
        return self.built_for is not None

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that comes in; its first size, the number of samples, is None."""
        return (None, *self._shape())

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that goes out; its first size, the number of samples, is None."""
        return (None, *self.sample_output_shape)

    @property
    def sample_output_shape(self) -> Shape:
        """The shape of one sample that goes out."""
        return self.compute_output_shape(self._shape())

    def _shape(self) -> Shape:
        if self.built_for is None:
            raise AttributeError(
                f"Layer {self.name!r} is not built and has no shapes yet. Add it to a model "
                "whose first layer has input_shape=..., or call it on data."
            )
        return self.built_for

    def copy(self) -> "Layer":
        """Return a layer with the same arguments and copies of the weights."""
        twin = copy.deepcopy(self)
        twin.shared = False  # it stands in no model yet
        return twin

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def check_weights(params: list[Array], weights: Any, owner: str) -> list[Array]:
    """Return the weights as arrays of the parameters' dtypes, or raise one error for all faults."""
    try:
        arrays = [np.asarray(w) for w in weights]
    except (TypeError, ValueError) as error:
        raise DTypeError(f"set_weights of {owner} needs a list of arrays: {error}") from error
    if len(arrays) != len(params):
        raise ShapeError(
            f"set_weights of {owner} needs {len(params)} arrays, of shapes "
            f"{[p.shape for p in params]}; got {len(arrays)}, of shapes "
            f"{[a.shape for a in arrays]}. Nothing was changed."
        )
    faults = [
        f"array {i}: expected {p.shape} of numbers, got {a.shape} of {a.dtype}"
        for i, (p, a) in enumerate(zip(params, arrays, strict=True))
        if p.shape != a.shape or a.dtype.kind not in "fiub"
    ]
    if faults:
        raise ShapeError(f"set_weights of {owner}: {'; '.join(faults)}. Nothing was changed.")
    with np.errstate(over="ignore"):
        cast = [a.astype(p.dtype) for p, a in zip(params, arrays, strict=True)]
    for i, (c, a) in enumerate(zip(cast, arrays, strict=True)):
        if not np.array_equal(np.isfinite(c), np.isfinite(a)):
            raise DTypeError(
                f"set_weights of {owner}: array {i} has numbers that are too large for {c.dtype}. "
                "Nothing was changed."
            )
    return cast


def physical_memory() -> int:
    """Return the bytes of memory of this machine; where that cannot be known, a terabyte."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2**40


def _snake_case(name: str) -> str:
    """MaxPool2D -> max_pool2d, ReLU -> re_lu: Keras's rule."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
