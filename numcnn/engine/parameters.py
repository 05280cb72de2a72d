"""The parameters that training moves: side by side in one buffer, and their gradients likewise.

They stay the layers' own arrays: `layer.params["w"]` becomes a view of its part of the buffer when
training first needs it, so whoever asks the layer sees every step. An array taken from the layer
before that moment is not moved with it.

Left where they are: parameters of layers that are called as they are written, since such a layer
may hold on to its array; those of layers that stand in several models, each with a buffer of its
own; those of another type than the model's; and those that two layers share.
"""

from typing import Any

import numpy as np

from numcnn.engine.buffers import Flat
from numcnn.engine.update import Update, native
from numcnn.layers.base import Layer
from numcnn.optimizers import Optimizer

Array = np.ndarray[Any, Any]


class Parameters:
    """The trained parameters of some layers.

    Args:
        layers: all layers.
        housed: those whose parameters may be moved into the buffer.
        optimizer: what moves them; what it remembers moves with them.
        dtype: the type of the buffer.

    Raises:
        ShapeError: the optimizer has trained other parameters.
    """

    def __init__(
        self, layers: list[Layer], housed: list[Layer], optimizer: Optimizer, dtype: Any
    ) -> None:
        self.optimizer = optimizer
        self.moving = trained(layers)
        arrays = [layer.params[name] for layer, name in self.moving]
        if optimizer.trained and not optimizer.fits(arrays):
            optimizer.prepare(arrays)  # raises
        once = [sum(a is b for b in arrays) == 1 for a in arrays]
        can_move = {id(layer) for layer in housed}
        self.at = [
            i
            for i, ((layer, _), a) in enumerate(zip(self.moving, arrays, strict=True))
            if id(layer) in can_move and not layer.shared and a.dtype == dtype and once[i]
        ]
        self.flat = Flat([arrays[i].shape for i in self.at], dtype)
        self.grads = Flat([arrays[i].shape for i in self.at], dtype)
        for i, view in zip(self.at, self.flat.views, strict=True):
            view[...] = arrays[i]
            layer, name = self.moving[i]
            layer.params[name] = arrays[i] = view
        self.arrays = arrays
        if optimizer.trained:
            optimizer.trained = list(arrays)
        self.slots: dict[str, Flat] = {}
        self.update: Update | None = None
        self.gradients = dict(zip(self.at, self.grads.views, strict=True))
        for i, (layer, _) in enumerate(self.moving):
            if id(layer) in can_move and i not in self.gradients:
                self.gradients[i] = np.zeros_like(arrays[i])  # moved by hand, not in the buffer
        # A copied layer without its activation shares the dictionary of its parameters.
        self.gradient_of = {
            (id(self.moving[i][0].params), self.moving[i][1]): gradient
            for i, gradient in self.gradients.items()
        }

    def are_those_of(self, layers: list[Layer]) -> bool:
        """Return whether nothing has been replaced, frozen or set free since."""
        now = trained(layers)
        if [(id(layer), name) for layer, name in now] != [
            (id(layer), name) for layer, name in self.moving
        ]:
            return False
        return same_arrays([layer.params[name] for layer, name in now], self.arrays)

    def hand_out(self) -> None:
        """Let the layers' `grads` show the gradients."""
        for i, gradient in self.gradients.items():
            layer, name = self.moving[i]
            layer.grads[name] = gradient

    def named_gradients(self) -> dict[str, Array]:
        """Return the gradients that steps compute, by name."""
        return {
            f"{self.moving[i][1]} of {self.moving[i][0].name!r}": gradient
            for i, gradient in self.gradients.items()
        }

    def others(self) -> dict[str, Array]:
        """Return the gradients that layers compute as they are written, by name."""
        apart = [pair for i, pair in enumerate(self.moving) if i not in self.gradients]
        return {f"{name} of {layer.name!r}": layer.grads[name] for layer, name in apart}

    def step(self) -> None:
        """Move the parameters by one step of the optimizer."""
        optimizer = self.optimizer
        grads = [layer.grads[name] for layer, name in self.moving]
        if not native(optimizer):
            optimizer.step(self.arrays, grads)
            return
        optimizer.prepare(self.arrays)
        slots = [self._flat_slot(name) for name in optimizer.slot_names]
        arrays = [self.flat.flat, self.grads.flat, *slots]
        if self.update is None or not same_arrays(arrays, self.update.arrays):
            self.update = Update(optimizer, arrays)
        self.update.run()
        for i, (p, g) in enumerate(zip(self.arrays, grads, strict=True)):
            if i not in self.at:
                optimizer.update(p, g, *(optimizer.slots[name][i] for name in optimizer.slot_names))
        optimizer.iterations += 1

    def _flat_slot(self, name: str) -> Array:
        """Return one of the optimizer's memories as a flat buffer; its arrays become views."""
        arrays = self.optimizer.slots[name]
        slot = self.slots.get(name)
        if slot is None or not same_arrays([arrays[i] for i in self.at], slot.views):
            slot = Flat([arrays[i].shape for i in self.at], self.flat.flat.dtype)
            for i, view in zip(self.at, slot.views, strict=True):
                view[...] = arrays[i]
            housed = dict(zip(self.at, slot.views, strict=True))
            self.optimizer.slots[name] = [housed.get(i, a) for i, a in enumerate(arrays)]
            self.slots[name] = slot
        return slot.flat


def trained(layers: list[Layer]) -> list[tuple[Layer, str]]:
    """Return the parameters that training moves, as (layer, name)."""
    return [(layer, name) for layer in layers if layer.trainable for name in layer.params]


def same_arrays(some: list[Array], others: list[Array]) -> bool:
    """Return whether these are the same arrays, not only equal ones."""
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
