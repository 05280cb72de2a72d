"""Stack: a row of layers, with names, shapes and weights. What a model is, before it is trained.

`Sequential` in models/ adds what one does with it: compile, fit, evaluate, predict, save.
"""

import operator
import re
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from numcnn import backend
from numcnn.engine.interrupts import uninterrupted
from numcnn.errors import DTypeError, NotCompiledError, ShapeError, unknown_name
from numcnn.layers.arguments import positive_int, sample_shape
from numcnn.layers.base import Layer, check_weights
from numcnn.layers.input import InputLayer
from numcnn.seeds import given_back
from numcnn.summary import summary

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class Signature(NamedTuple):
    """What comes into a model or goes out of it."""

    shape: tuple[int | None, ...]
    dtype: str
    name: str


class Stack:
    """Layers in a row: the output of each is the input of the next.

    Args:
        name: what the summary calls the model.

    Attributes:
        layers: the layers in order.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.layers: list[Layer] = []
        self._input_shape: Shape | None = None
        self._building = threading.Lock()

    def _changed(self) -> None:
        """Called after a layer has come or gone; a subclass forgets here what it made of them."""

    def add(self, layer: "Layer | Stack") -> None:
        """Put a layer on top, or another model: its layers, one by one.

        A layer may stand in several models, with the same weights in all of them: whoever trains
        it, all see it. So `Sequential([encoder, decoder])` trains both.

        Raises:
            TypeError: it is not a layer; ValueError: it stands in this model already, or its name
            does; ShapeError: it does not fit onto what comes out below.
        """
        if isinstance(layer, Stack):
            self._add_all(layer)
            return
        if isinstance(layer, type):
            raise DTypeError(f"add needs a layer object: write {layer.__name__}(...).")
        if not isinstance(layer, Layer):
            raise DTypeError(f"add needs a numcnn.layers.Layer, got {layer!r}.")
        if not hasattr(layer, "params"):
            raise DTypeError(
                f"{type(layer).__name__}.__init__ must call super().__init__(**kwargs) first."
            )
        if isinstance(layer, InputLayer):
            if self.layers:
                raise ShapeError("An Input can only be the first thing in a model.")
            self._input_shape = layer.given_input_shape
            return
        if any(layer is other for other in self.layers):
            raise ValueError(
                f"Layer {layer.name!r} stands in this model already, and a row of layers has it "
                "once. Make a new one."
            )
        shape = self._input_shape
        if not self.layers and layer.given_input_shape is not None:
            if shape not in (None, layer.given_input_shape):
                raise ShapeError(
                    f"The model's Input has shape {shape}, layer {layer.name!r} has "
                    f"input_shape={layer.given_input_shape}. Give the shape once."
                )
            shape = layer.given_input_shape
        name = self._free_name(layer)
        if shape is not None:
            *_, input_shape = self._input_shapes([*self.layers, layer], shape)
            _build([layer], [input_shape])
        layer.name = name
        self.layers.append(layer)
        joined(layer, self)
        self._input_shape = shape
        self._changed()

    def _add_all(self, model: "Stack") -> None:
        """Put the layers of another model on top, all or none."""
        if model is self:
            raise ValueError("A model cannot stand in itself.")
        if not model.layers:
            raise NotCompiledError(f"Model {model.name!r} has no layers; add some to it first.")
        before, shape = list(self.layers), self._input_shape
        names = [layer.name for layer in model.layers]
        if not self.layers and shape is None:
            self._input_shape = model.sample_shape
        try:
            for layer in model.layers:
                self.add(layer)
        except BaseException:
            while len(self.layers) > len(before):
                left(self.layers.pop(), self)
            for layer, name in zip(model.layers, names, strict=True):
                layer.name = name
            self._input_shape = shape
            self._changed()
            raise

    def pop(self) -> Layer:
        """Take the last layer off and return it."""
        if not self.layers:
            raise ValueError("There is no layer to take off: the model is empty.")
        layer = self.layers.pop()
        left(layer, self)
        if not self.layers:
            self._input_shape = None
        self._changed()
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for batches of this shape; its first size, the batch's, is ignored.

        input_shape: such as (None, 28, 28, 1); may be left out where the model knows it.
        """
        if input_shape is None and self._input_shape is not None:
            input_shape = (None, *self._input_shape)
        if not isinstance(input_shape, (tuple, list)) or not input_shape:
            raise DTypeError(
                f"input_shape must be the shape of a batch such as (None, 28, 28, 1), got "
                f"{input_shape!r}."
            )
        shape = sample_shape("input_shape", input_shape[1:])
        if self.built and self._input_shape == shape:
            return
        if self._input_shape not in (None, shape):
            raise ShapeError(
                f"The model is built for samples of shape {self._input_shape}, got {shape}."
            )
        if not self.layers:
            raise NotCompiledError("The model has no layers; add some before building it.")
        with self._building:  # several threads may predict first
            _build(self.layers, self._input_shapes(self.layers, shape))
            self._input_shape = shape

    def _input_shapes(self, layers: list[Layer], shape: Shape) -> list[Shape]:
        """Return the shape of what comes into each layer, or raise where one does not fit."""
        shapes: list[Shape] = []
        trail = [f"input {shape}"]
        for i, layer in enumerate(layers):
            shapes.append(shape)
            try:
                if layer.built_for not in (None, shape):
                    raise ShapeError(f"it was built for {layer.built_for} and would get {shape}.")
                shape = layer.compute_output_shape(shape)
            except ShapeError as error:
                raise ShapeError(
                    f"Layer {i} ({layer.name!r}) does not fit: {error} "
                    f"Shapes up to here: {', '.join(trail)}."
                ) from None
            trail.append(f"{layer.name} {shape}")
        return shapes

    def _free_name(self, layer: Layer) -> str:
        taken = {other.name for other in self.layers}
        elsewhere = models_of(layer)
        if layer.given_name is not None and not elsewhere:
            if layer.name in taken:
                raise ValueError(f"The model has a layer named {layer.name!r} already.")
            return layer.name
        name, base, i = layer.name, layer.name, 0
        if name in taken:  # the name that it gets has to be free in all its models
            taken |= {other.name for model in elsewhere for other in model.layers}
            base = re.sub(r"_\d+$", "", name)
        while name in taken:
            i += 1
            name = f"{base}_{i}"
        return name

    @property
    def sample_shape(self) -> Shape | None:
        """The shape of one sample that comes in, or None where it is not yet known."""
        return self._input_shape

    def output_of(self, shape: Shape) -> Shape:
        """Return the shape of what comes out for one sample of this shape, built or not."""
        return self.layers[-1].compute_output_shape(self._input_shapes(self.layers, shape)[-1])

    @property
    def built(self) -> bool:
        """Whether the weights are there."""
        return bool(self.layers) and all(layer.built for layer in self.layers)

    def _require_built(self, what: str) -> None:
        if not self.built:
            raise NotCompiledError(
                f"{what} needs a model that is built: give the first layer input_shape=(...), or "
                "call model.build((None, ...)) or fit first."
            )

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that comes in, its first size None."""
        self._require_built("input_shape")
        return self.layers[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch that goes out, its first size None."""
        self._require_built("output_shape")
        return self.layers[-1].output_shape

    @property
    def inputs(self) -> list[Signature]:
        """What comes in, as shape, dtype and name: Keras has symbolic tensors there."""
        return [self.input]

    @property
    def outputs(self) -> list[Signature]:
        """What goes out, as shape, dtype and name."""
        return [self.output]

    @property
    def input(self) -> Signature:
        """What comes in, as shape, dtype and name."""
        return Signature(self.input_shape, self.dtype, f"{self.layers[0].name}_input")

    @property
    def output(self) -> Signature:
        """What goes out, as shape, dtype and name."""
        return Signature(self.output_shape, self.layers[-1].dtype, self.layers[-1].name)

    @property
    def weights(self) -> list[Array]:
        """All weights, layer by layer: the arrays themselves, not copies."""
        return [w for layer in self.layers for w in layer.named_weights().values()]

    @property
    def trainable_weights(self) -> list[Array]:
        """Those that training moves by their gradients."""
        return [w for layer in self.layers if layer.trainable for w in layer.params.values()]

    @property
    def non_trainable_weights(self) -> list[Array]:
        """Those of frozen layers, and moving statistics."""
        moving = {id(w) for w in self.trainable_weights}
        return [w for w in self.weights if id(w) not in moving]

    @property
    def trainable(self) -> bool:
        """Whether training moves any layer's weights; setting it sets that of every layer."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = bool(value)

    @property
    def dtype(self) -> str:
        """The float type that batches are cast to."""
        return self.layers[0].dtype if self.layers else backend.floatx()

    def count_params(self) -> int:
        """Return how many numbers the weights have."""
        self._require_built("count_params")
        return sum(layer.count_params() for layer in self.layers)

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print a table of the layers, their output shapes and numbers of parameters.

        Args:
            line_length: how many letters a line has; more where a text would be cut.
            positions: where the columns end, as shares of the line such as [0.45, 0.85, 1.0], or
                in letters.
            print_fn: called with each line instead of print.
            expand_nested: taken for Keras's sake; a row of layers has no other in it.
            show_trainable: whether a further column says which layers training moves.
            layer_range: the names of the first and the last layer to show.
        """
        self._require_built("summary")
        shown = self.layers
        if layer_range is not None:
            if not isinstance(layer_range, (list, tuple)) or len(layer_range) != 2:
                raise DTypeError(
                    "layer_range must be the names of the first and the last layer, got "
                    f"{layer_range!r}."
                )
            a, b = (self.layers.index(self.get_layer(name)) for name in layer_range)
            shown = self.layers[min(a, b) : max(a, b) + 1]
        if line_length is not None:
            positive_int("line_length", line_length)
        if print_fn is not None and not callable(print_fn):
            raise DTypeError(f"print_fn must be a function that takes a line, got {print_fn!r}.")
        summary(self, shown, line_length, positions, print_fn, show_trainable)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its index.

        Raises:
            ValueError: there is none, or both are given, or neither is.
        """
        if (name is None) == (index is None):
            raise ValueError(
                f"get_layer needs a name or an index, got name={name!r} and index={index!r}."
            )
        if index is not None:
            try:
                return self.layers[operator.index(index)]
            except (IndexError, TypeError):
                raise ValueError(
                    f"index must be one of the {len(self.layers)} layers' numbers from 0, got "
                    f"{index!r}."
                ) from None
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown_name("layer", name, [layer.name for layer in self.layers])

    def get_weights(self) -> list[Array]:
        """Return copies of all weights, layer by layer."""
        self._require_built("get_weights")
        return [w for layer in self.layers for w in layer.get_weights()]

    def set_weights(self, weights: Any) -> None:
        """Copy arrays into the weights, all or none."""
        self._require_built("set_weights")
        params = [p for layer in self.layers for p in layer.named_weights().values()]
        arrays = check_weights(params, weights, "the model")
        with uninterrupted():
            for param, array in zip(params, arrays, strict=True):
                param[...] = array

    def get_config(self) -> dict[str, Any]:
        """Return what makes this model again, without its weights."""
        return {
            "name": self.name,
            "input_shape": self._input_shape,
            "layers": [
                {"class_name": type(layer).__name__, "config": layer.get_config()}
                for layer in self.layers
            ],
        }

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A model cannot be pickled or copied: use model.save(path) and "
            "numcnn.models.load_model(path)."
        )

    def __repr__(self) -> str:
        return f"<Sequential {self.name!r}: {len(self.layers)} layers>"


_MODELS: "weakref.WeakKeyDictionary[Layer, weakref.WeakSet[Stack]]" = weakref.WeakKeyDictionary()


def models_of(layer: Layer) -> list[Stack]:
    """Return the models that a layer stands in."""
    return list(_MODELS.get(layer, ()))


def joined(layer: Layer, model: Stack) -> None:
    """Note that a layer stands in a model."""
    models = _MODELS.setdefault(layer, weakref.WeakSet())
    models.add(model)
    layer.shared = layer.shared or len(models) > 1


def left(layer: Layer, model: Stack) -> None:
    """Note that a layer stands in a model no longer."""
    _MODELS.setdefault(layer, weakref.WeakSet()).discard(model)


def _build(layers: list[Layer], shapes: list[Shape]) -> None:
    """Build the layers that are not yet built: all of them, or none where one fails."""
    fresh = [layer for layer in layers if not layer.built]
    try:
        with given_back():
            for layer, shape in zip(layers, shapes, strict=True):
                layer.build_for(shape)
    except BaseException:
        for layer in fresh:
            layer.unbuild()
        raise
