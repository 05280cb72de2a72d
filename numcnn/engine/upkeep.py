"""What weights have to themselves: their price in the loss, and where they may be after a step.

It does not depend on samples, so it stands beside the layers' own passes, the same for any engine.
"""

from numcnn.layers.base import Layer


def penalty(layers: list[Layer]) -> float:
    """Return what the weights that are trained cost."""
    return sum(
        regularizer(layer.params[name])
        for layer in layers
        if layer.trainable
        for name, regularizer in layer.regularizers.items()
        if name in layer.params
    )


def add_penalty_gradients(layers: list[Layer]) -> dict[str, float]:
    """Add the slopes of the price to the gradients; return the new sums of squares by name."""
    squares: dict[str, float] = {}
    for layer in layers:
        for name, regularizer in layer.regularizers.items() if layer.trainable else ():
            if name in layer.params:
                gradient = layer.grads[name]
                gradient += regularizer.gradient(layer.params[name]).astype(gradient.dtype)
                squares[f"{name} of {layer.name!r}"] = float((gradient * gradient).sum())
    return squares


def constrain(layers: list[Layer]) -> None:
    """Put weights that were moved where they may be."""
    for layer in layers:
        for name, constraint in layer.constraints.items() if layer.trainable else ():
            if name in layer.params:
                layer.params[name][...] = constraint(layer.params[name])
