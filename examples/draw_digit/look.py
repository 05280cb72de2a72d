"""What the page is told about a drawing. All of it is computed by numcnn.

`describe` says once what the layers are; `look` says what they make of a drawing. Both return what
json.dumps takes; pictures go as bytes in base64 with the numbers that byte 0 and byte 255 mean.
"""

import base64
from typing import Any

import numpy as np

from draw_digit.as_mnist import Array, as_mnist
from draw_digit.network import as_input, share_read
from numcnn.inspect import activations, data_formats, input_gradient
from numcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D
from numcnn.models import Sequential

SHOWN = 64  # feature maps of a layer that go to the page; a model of one's own may have thousands
CELLS = 1024  # and numbers of a layer without maps


def look(
    model: Sequential, drawing: Array, digit: int | None = None, raw: bool = False
) -> dict[str, Any]:
    """Return how a drawing is prepared, what each layer makes of it, and which pixels matter.

    Args:
        model: from an image of MNIST to ten probabilities.
        drawing: (H, W), 0 is paper and 255 is ink.
        digit: the digit whose score the saliency explains; by default the most probable.
        raw: whether the model was trained on pixels 0..255 instead of 0..1.
    """
    prepared = as_mnist(drawing)
    if prepared is None:
        return {"empty": True}
    x = as_input(model, prepared.image[None], raw)
    probabilities = model.predict(x)[0]
    asked = int(probabilities.argmax()) if digit is None else digit
    outputs, layouts = activations(model, x), data_formats(model)[1:]
    gradient = input_gradient(model, x, asked).reshape(prepared.image.shape)
    return {
        "empty": False,
        "crop": prepared.crop,
        "scaled": picture(prepared.scaled, 0, 1),
        "place": prepared.place,
        "image": picture(prepared.image, 0, 1),
        "mass": prepared.mass,
        "probabilities": [round(float(p), 6) for p in probabilities],
        "saliency": {"digit": asked, **picture(gradient)},
        "layers": [
            picture(part(maps_last(outputs[layer.name][0], layout))) if is_shown(layer) else None
            for layer, layout in zip(model.layers, layouts, strict=True)
        ],
    }


def describe(model: Sequential, raw: bool = False) -> dict[str, Any]:
    """Return the layers with their shapes and an explanation; and the filters of the first."""
    first = model.layers[0]
    filters = None
    if isinstance(first, Conv2D) and first.params["w"].shape[2] == 1:
        filters = picture(part(first.params["w"][:, :, 0]))  # (KH, KW, F)
    outputs = [  # of no numbers, for their shapes
        maps_last(np.empty(layer.sample_output_shape), layout)
        for layer, layout in zip(model.layers, data_formats(model)[1:], strict=True)
    ]
    return {
        "parameters": model.count_params(),
        "share_read": share_read(model, raw),
        "filters": filters,
        "layers": [
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "shape": outputs[i].shape,
                "shown": part(outputs[i]).shape,
                "picture": is_shown(layer),
                "text": explain(layer, i == len(model.layers) - 1),
            }
            for i, layer in enumerate(model.layers)
        ],
    }


def is_shown(layer: Layer) -> bool:
    """Return whether there is something new to see behind this layer."""
    return not isinstance(layer, (Flatten, Dropout))


def maps_last(y: Array, layout: str) -> Array:
    """Return feature maps as (H, W, C); anything else as it is."""
    return np.moveaxis(y, 0, -1) if y.ndim == 3 and layout == "channels_first" else y


def part(y: Array) -> Array:
    """Return as much of a layer's output as goes to the page: maps (H, W, C) or numbers (D,)."""
    return y[..., :SHOWN] if y.ndim == 3 else y.reshape(-1)[:CELLS]


def explain(layer: Layer, last: bool) -> str:
    """Say in plain words what a layer does, with its own numbers.

    >>> print(explain(Dropout(0.25), last=False))
    In training, 25 % of the numbers are set to 0 by chance, so that the network does not rely on \
any of them. Now it does nothing.
    """
    shape = layer.sample_output_shape if layer.built else ()
    if isinstance(layer, Conv2D):
        kh, kw = layer.kernel_size
        return (
            f"{layer.filters} filters of {kh} × {kw} weights slide over what comes in. Each makes "
            "a map: strong where the image looks like the filter, for instance an edge on its "
            "left side." + cut_off(getattr(layer, "activation", None))
        )
    if isinstance(layer, MaxPool2D):
        ph, pw = layer.pool_size
        return (
            f"Of each {ph} × {pw} pixels the strongest goes on, the others are dropped. What was "
            "found stays; where exactly it was becomes a little less important."
        )
    if isinstance(layer, Flatten):
        return f"The maps become one row of {shape[0]:,} numbers. Nothing is computed."
    if isinstance(layer, Dropout):
        return (
            f"In training, {100 * layer.rate:g} % of the numbers are set to 0 by chance, so that "
            "the network does not rely on any of them. Now it does nothing."
        )
    if isinstance(layer, Dense) and not last:
        return (
            f"{shape[0]} numbers, each a weighted sum of all that come in. They no longer say "
            "where something is, but what it is." + cut_off(getattr(layer, "activation", None))
        )
    if isinstance(layer, Dense) or (isinstance(layer, Activation) and last):
        return (
            "Ten numbers, one for each digit. Softmax makes all of them positive and their sum 1: "
            "these are the probabilities above."
        )
    return f"A layer of the kind {type(layer).__name__}."


def cut_off(activation: Any) -> str:
    """Say what ReLU does, where there is one."""
    if type(activation).__name__ != "ReLU":
        return ""
    return " ReLU then sets what is negative to 0."


def picture(y: Array, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """Return numbers as bytes: 0 is `low` and 255 is `high`, by default the extremes of y and 0.

    Where numbers of both signs are there, low is -high, so that byte 127.5 would be 0.

    >>> picture(np.array([0.0, 1.0, 3.0]))["high"], picture(np.array([-4.0, 1.0]))["high"]
    (3.0, 4.0)
    """
    if low is None or high is None:
        high = float(np.abs(y).max(initial=0)) or 1.0
        low = -high if y.min(initial=0) < 0 else 0.0
    share = (y.astype("float64") - low) / (high - low)
    data = np.rint(255 * np.clip(share, 0, 1)).astype("uint8")
    return {
        "shape": y.shape,
        "low": low,
        "high": high,
        "bytes": base64.b64encode(data.tobytes()).decode("ascii"),
    }
