"""A picture of a model, as Keras programs ask for it: `from keras.utils import plot_model`."""

import os
from typing import TYPE_CHECKING, Any

from numcnn.errors import reject_unknown_keywords
from numcnn.plotting.flow import flow_chart
from numcnn.plotting.style import save
from numcnn.stack import Stack

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_model(
    model: Stack,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float | None = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    **kwargs: Any,
) -> "Figure":
    """Draw the layers of a model as a chart of boxes and write it to a file.

    Graphviz is not needed: matplotlib draws. `numcnn.plotting.architecture` shows more: volumes to
    scale, windows and numbers of parameters.

    Args:
        model: a model that is built.
        to_file: where to; the suffix chooses the format: .png, .svg, .pdf. None writes nothing.
        show_shapes: write the shapes of what comes in and of what goes out.
        show_dtype: write the float type.
        show_layer_names: write the layer's name before its class.
        rankdir: 'TB' from top to bottom, or 'LR' from left to right.
        expand_nested: there are no models within models here, so nothing is there to expand.
        dpi: pixels per inch; None means 200.
        show_layer_activations: write the activation of layers that have one.
        show_trainable: write whether training moves the layer's weights.
        **kwargs: layer_range, the names of the first and the last layer to draw.

    Returns:
        The matplotlib figure.

    Raises:
        NotCompiledError: the model is not built. ValueError: an argument or the suffix is unknown.
        OSError: the file cannot be written; an older file is left as it was.

    Example:
        >>> import tempfile
        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Dense(2, input_shape=(3,)), Dense(1)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     figure = plot_model(model, f"{folder}/model.png", show_shapes=True)
        ...     os.listdir(folder)
        ['model.png']
    """
    layer_range = kwargs.pop("layer_range", None)
    code = plot_model.__code__
    known = [*code.co_varnames[: code.co_argcount], "layer_range"]
    reject_unknown_keywords("plot_model", kwargs, known)
    figure = flow_chart(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        layer_range=layer_range,
    )
    if to_file is not None:
        save(figure, to_file, 200 if dpi is None else dpi)
    return figure


plot = plot_model  # in Keras 1: `from keras.utils.visualize_util import plot`
