"""What Keras's layers have as attributes: layer.kernel, layer.moving_mean, layer.variables.

They are looked up here only where a layer has nothing of that name, so a layer of your own may call
its attributes as it likes. All are the arrays themselves, no copies.
"""

from typing import Any

from numcnn.layers.roles import named

LISTS = {
    "variables": "weights",
    "trainable_variables": "trainable_weights",
    "non_trainable_variables": "non_trainable_weights",
}


def attribute(layer: Any, name: str) -> Any:
    """Return a layer's weight by Keras's name, or a list of weights.

    Example:
        >>> from numcnn.layers import Dense
        >>> dense = Dense(2)
        >>> dense.build_for((3,))
        >>> dense.kernel.shape, dense.bias.shape, len(dense.trainable_weights)
        ((3, 2), (2,), 2)
    """
    own = vars(layer)
    for cls in type(layer).__mro__:
        if name in vars(cls):  # a property that has just raised: once more, for what it says
            vars(cls)[name].__get__(layer, type(layer))
    if {"params", "statistics", "trainable"} <= own.keys():
        params, statistics = own["params"], own["statistics"]
        moving = params if own["trainable"] else {}
        still = statistics if own["trainable"] else params | statistics
        weights = {
            "weights": params | statistics,
            "trainable_weights": moving,
            "non_trainable_weights": still,
        }
        wanted = LISTS.get(name, name)
        if wanted in weights:
            return list(weights[wanted].values())
        weight = named(layer.roles, name)
        if weight in params:
            return params[weight]
        if name in statistics:
            return statistics[name]
    raise AttributeError(f"{type(layer).__name__!r} object has no attribute {name!r}")
