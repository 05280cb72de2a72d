"""Models for other programs: `to_onnx` writes what ONNX Runtime and many others run.

graph.py holds the ONNX graph while it grows, layers.py says what each layer becomes there,
activations.py each activation; a new layer is one function and one line in its table.
"""

import os
from typing import TYPE_CHECKING

from numcnn import extras
from numcnn._version import __version__
from numcnn.errors import NotCompiledError
from numcnn.export.graph import Graph
from numcnn.export.layers import EXPORTERS
from numcnn.files import atomic_write, check_writable

if TYPE_CHECKING:
    from numcnn.models import Sequential

__all__ = ["to_onnx"]

OLDEST_OPSET = 13  # the first whose softmax is over one axis
MOST_BYTES = 2**31 - 2**20  # of an ONNX file that holds its weights


def to_onnx(model: "Sequential", path: str | os.PathLike[str], opset: int = 17) -> None:
    """Write a model as an ONNX file, as it predicts.

    The file is what `onnx.checker` accepts, and computes in float32 what `model.predict` returns.

    Math:
        Conv2D and Dense become Conv and Gemm, with their activations as nodes after them; the zeros
        of padding='same' are given as numbers; softmax is part of the file; dropout, which does
        nothing in prediction, is left out.

    Shapes:
        The input, called 'input', is (N, *input_shape) as in the model, the output (N, ...) with
        N open. ONNX computes on images of (N, C, H, W): a model with 'channels_last' has one
        transposition before its first convolution and one after its last, none in between.

    Args:
        model: built; it need not be compiled.
        path: of the file; `.onnx` is its usual ending.
        opset: the version of ONNX's operators, at least 13; 17 is read by what was made since 2022.

    Note:
        Nodes and weights keep the layers' names: `conv2d`, `conv2d/kernel`. The weights of a model
        in float64 are rounded to float32: ONNX Runtime has no convolution in float64.

    Raises:
        NotCompiledError: the model is not built. ValueError: a layer has no ONNX form, or opset is
        not one that the package onnx knows. ImportError: the package onnx is missing (the extra
        `onnx`). OSError: the file cannot be written; what stood there before still does.

    Example:
        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Dense(1, input_shape=(2,))])
        >>> to_onnx(model, "model.onnx")  # doctest: +SKIP
    """
    onnx = extras.load("onnx", "onnx", "to_onnx")
    if not model.built:
        raise NotCompiledError(
            "to_onnx needs a model that is built: give the first layer input_shape=(...), or call "
            "model.build((None, ...)) first."
        )
    newest = onnx.defs.onnx_opset_version()
    if isinstance(opset, bool) or not isinstance(opset, int) or not OLDEST_OPSET <= opset <= newest:
        raise ValueError(
            f"opset must be an integer from {OLDEST_OPSET} to {newest}, the newest that the "
            f"package onnx {onnx.__version__} knows, got {opset!r}."
        )
    check_writable(path)
    graph = Graph(onnx, [layer.name for layer in model.layers], model.layers[0].input_shape[1:])
    for layer in model.layers:
        make = EXPORTERS.get(type(layer).__name__)
        if make is None:
            raise ValueError(
                f"to_onnx cannot write layer {layer.name!r}: {type(layer).__name__} has no ONNX "
                f"form here. It writes {', '.join(EXPORTERS)}."
            )
        make(graph, layer)
    if graph.n_bytes > MOST_BYTES:
        raise ValueError(
            f"The weights take {graph.n_bytes:,} bytes; an ONNX file holds less than 2 GiB."
        )
    found = graph.finished(model.layers[-1].name, model.layers[-1].output_shape[1:])
    opsets = [onnx.helper.make_opsetid("", opset)]
    ends = [found.input], [found.output]
    whole = onnx.helper.make_model(
        onnx.helper.make_graph(found.nodes, model.name, *ends, found.weights),
        opset_imports=opsets,
        producer_name="numcnn",
        producer_version=__version__,
        ir_version=onnx.helper.find_min_ir_version_for(opsets),
    )
    onnx.checker.check_model(whole, full_check=True)
    with atomic_write(path) as file:
        file.write(whole.SerializeToString())
