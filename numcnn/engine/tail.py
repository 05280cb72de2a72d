"""The end of a network: where the last activation and the loss are better taken together.

losses/cross_entropy.py says why. Here is found out whether it applies, for any engine.
"""

import copy

from numcnn.layers.activations import Linear
from numcnn.layers.base import Layer
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.conv2dtranspose import Conv2DTranspose
from numcnn.layers.dense import Dense
from numcnn.layers.depthwiseconv2d import DepthwiseConv2D
from numcnn.layers.names import ACTIVATIONS, Activation
from numcnn.layers.separableconv2d import SeparableConv2D
from numcnn.losses import Loss

ACTIVATED = (Dense, Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D)


def split_tail(layers: list[Layer], loss: Loss) -> tuple[list[Layer], Loss, Layer]:
    """Return (the layers up to the scores, the loss on scores, the activation in between).

    Where loss and last activation do not belong together, these are the layers and the loss as
    they came, and an activation that does nothing.
    """
    wanted = ACTIVATIONS.get(loss.activation)
    if wanted is None or loss.from_logits or not layers:
        return layers, loss, Linear()
    *front, last = layers
    if _is(last, wanted):
        return front, loss.on_logits(), last
    if type(last) is Activation and _is(last.activation, wanted):
        return front, loss.on_logits(), last.activation
    if isinstance(last, ACTIVATED) and _is(last.activation, wanted):
        # The same layer with nothing after z; params and grads are the same dictionaries.
        bare = copy.copy(last)
        bare.activation = Linear()
        return [*front, bare], loss.on_logits(), last.activation
    return layers, loss, Linear()


def _is(layer: Layer, wanted: object) -> bool:
    """Return whether this is the loss's activation, along the axis that the loss takes."""
    return type(layer) is wanted and getattr(layer, "axis", -1) == -1
