"""An ONNX graph while it grows: one value at a time, as the layers stand in a row."""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


class Finished(NamedTuple):
    """What an ONNX graph is made of."""

    nodes: list[Any]
    weights: list[Any]
    input: Any
    output: Any


class Graph:
    """Nodes in a row, and how the images in between are laid out.

    Args:
        onnx: the package.
        names: those of the layers, which the input must not take.
        shape: that of a sample that comes in.

    Attributes:
        value: the name of what the last node gives.
        shape: the shape of a sample of it, as numcnn has it.
        moved: whether it is laid out as (N, C, H, W) where numcnn has (N, H, W, C).
    """

    def __init__(self, onnx: Any, names: list[str], shape: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._given = shape
        self._input = "input"
        while self._input in names:
            self._input += "_"
        self.value = self._input
        self.shape: Shape = tuple(shape)
        self.moved = False
        self.n_bytes = 0

    def weight(self, name: str, array: Array) -> str:
        """Add an array, floats as float32; return its name."""
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        self.n_bytes += array.nbytes
        self._weights.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, name: str, value: float) -> str:
        """Add a single number; return its name."""
        return self.weight(name, np.array(value))

    def node(self, operator: str, name: str, *weights: str, **attributes: Any) -> None:
        """Add a node that takes the last value; what it gives bears the node's name."""
        inputs = [self.value, *weights]
        node = self._onnx.helper.make_node(operator, inputs, [name], name=name, **attributes)
        self._nodes.append(node)
        self.value = name

    def channels_first(self, name: str) -> None:
        """Lay images of (N, H, W, C) out as (N, C, H, W), unless they are."""
        if not self.moved:
            self.node("Transpose", f"{name}/channels_first", perm=TO_CHANNELS_FIRST)
            self.moved = True

    def as_numcnn_has_it(self, name: str) -> None:
        """Lay the last value out as numcnn does."""
        if self.moved:
            self.node("Transpose", f"{name}/channels_last", perm=TO_CHANNELS_LAST)
            self.moved = False

    def axis(self, axis: int) -> int:
        """Return where an axis of numcnn's value stands in the last value."""
        axis %= len(self.shape) + 1
        return TO_CHANNELS_FIRST.index(axis) if self.moved else axis

    def finished(self, name: str, shape: Any) -> Finished:
        """Return all of it, with the output called by this name."""
        if self.moved:  # the layer's name is for what comes out last
            self.value = self._nodes[-1].output[0] = f"{self._nodes[-1].name}/moved"
        self.as_numcnn_has_it(name)
        if self._nodes:
            self._nodes[-1].output[0] = name
        else:
            self.node("Identity", name)
        helper, float32 = self._onnx.helper, self._onnx.TensorProto.FLOAT
        return Finished(
            self._nodes,
            self._weights,
            helper.make_tensor_value_info(self._input, float32, ["N", *self._given]),
            helper.make_tensor_value_info(name, float32, ["N", *shape]),
        )
