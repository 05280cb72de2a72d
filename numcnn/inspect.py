"""Look into a network: what each layer makes of a sample, and which pixels its answer hangs on.

Nothing here changes a model, and several threads may look into one at once, also while it predicts.
The layers' own forward and backward are run, on twins of the layers: a twin shares the parameters'
arrays, so nothing large is copied, and has everything else for itself.
"""

import copy
import math
from typing import Any

import numpy as np

from numcnn import backend
from numcnn.data import as_array, check_finite, check_input_shape, integer
from numcnn.engine.tail import ACTIVATED
from numcnn.errors import DTypeError, GradientError, NotCompiledError, ShapeError
from numcnn.layers.activations import Linear
from numcnn.layers.base import Layer, physical_memory
from numcnn.layers.curves import LogSoftmax
from numcnn.layers.names import Activation
from numcnn.layers.permute import Permute
from numcnn.layers.softmax import Softmax
from numcnn.stack import Stack

__all__ = ["activations", "input_gradient", "saliency"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
BATCH = 32  # samples that go through the layers together, as in predict


def activations(model: Stack, x: Any, batch_size: int | None = None) -> dict[str, Array]:
    """Return what every layer makes of the samples, as in `predict`: dropout does nothing.

    Math:
        y[0] = forward of layer 0 (x),  y[i] = forward of layer i (y[i-1]),  all with training=False
        A layer with an activation, such as Conv2D(8, 3, activation="relu"), gives activation(z).

    Shapes:
        x: (N, ...)     result[name]: (N, ...), the output shape of that layer. A convolution with
        data_format='channels_first' gives (N, F, OH, OW).

    Args:
        model: a model that is built; it need not be compiled.
        x: the samples.
        batch_size: samples at once; None means 32.

    Returns:
        A dictionary from each layer's name to its output, in the order of the layers. The last one
        is what `predict` returns, up to rounding: here each layer runs as it is written.

    Raises:
        ShapeError, DTypeError: the samples do not fit. NotCompiledError: the model is not built.
        MemoryError: all the outputs together would not fit into this machine's memory.

    Example:
        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Dense(2, activation="relu", input_shape=(1,)), Dense(1)])
        >>> model.set_weights([[[1.0, -1.0]], [0.0, 0.0], [[10.0], [100.0]], [0.0]])
        >>> for name, y in activations(model, [[3.0], [-4.0]]).items():
        ...     print(name, y.tolist())
        dense [[3.0, 0.0], [0.0, 4.0]]
        dense_1 [[30.0], [400.0]]
    """
    x = _samples("activations", model, x)
    size = BATCH if batch_size is None else integer("batch_size", batch_size, 1)
    per_sample = sum(math.prod(layer.sample_output_shape) for layer in model.layers)
    needed = len(x) * per_sample * np.dtype(model.dtype).itemsize
    if needed > physical_memory():
        raise MemoryError(
            f"The outputs of all layers for {len(x):,} samples need {needed:,} bytes, this machine "
            f"has {physical_memory():,}. Pass fewer samples, such as x[:100]."
        )
    layers = _twins(model.layers)
    outputs = {
        layer.name: np.empty((len(x), *layer.sample_output_shape), model.dtype) for layer in layers
    }
    with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity pass, as in predict
        for start in range(0, len(x), size):
            y = np.ascontiguousarray(x[start : start + size], model.dtype)
            for layer in layers:
                y = layer.forward(y, training=False)
                outputs[layer.name][start : start + size] = y
    return outputs


def input_gradient(model: Stack, x: Any, classes: Any = None) -> Array:
    """Return, for each sample, how the score of a class changes when an input number changes.

    Math:
        s[n, k] is the score of class k for sample n. A model that ends in a softmax turns scores
        into probabilities p = softmax(s), or with a log-softmax into their logarithms; the score is
        the number before. Without either at its end, the output itself is the score.
            result[n, ...] = d s[n, classes[n]] / d x[n, ...]
        One backward pass gives all of them: as samples do not touch each other, the gradient of
        f = sum over n of s[n, classes[n]] with respect to x[n] is that of its own term, so
            ds[n, k] = (k == classes[n])    and    dx = backward of all layers, last to first.
        Why not the probability? dp[k]/ds[m] = p[k] * ((k == m) - p[m]) mixes the scores of all
        classes, and where the model is sure (p near 1) it is nearly 0 for every pixel.

    Shapes:
        x: (N, ...)     classes: one number or (N,)     result: (N, ...) as x, of the model's dtype

    Args:
        model: a model that is built, with outputs (N, K); it need not be compiled.
        x: the samples.
        classes: the class whose score is meant, of all samples or of each; by default each
            sample's greatest score, which is the predicted class.

    Raises:
        ShapeError, DTypeError, ValueError: samples or classes do not fit the model.
        NotCompiledError: the model is not built. GradientError: a layer of your own does other
        things in training than in prediction, or its backward returns no gradient.

    Note:
        The gradient is that of `predict`: dropout is left out, and batch normalization uses its
        moving statistics. Changing each pixel by a small
        number h changes the score by h times the gradient; how far that holds is another question,
        since a ReLU may switch and a pool's winner change.

    Reference:
        Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks: visualising image
        classification models and saliency maps", 2013, section 3.

    Example:
        One Dense layer: s = x @ w, so the gradient of the score of class k is column k of w.

        >>> from numcnn.layers import Dense
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
        >>> model.set_weights([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0.0, 0.0]])
        >>> input_gradient(model, [[1.0, 1.0, 1.0], [7.0, 8.0, 9.0]], classes=[0, 1]).tolist()
        [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]
    """
    x = _samples("input_gradient", model, x)
    check_finite("x", x, model.dtype)
    if len(model.output_shape) != 2:
        raise ShapeError(
            "input_gradient needs a model with one score per class, outputs of shape (N, K), got "
            f"{('N', *model.output_shape[1:])}. Is a Flatten or a Dense layer missing at the end?"
        )
    chosen = _classes(classes, len(x), int(model.output_shape[1] or 0))
    twins = _twins(model.layers)
    for layer in twins:
        layer.trainable = False  # batch normalization then does in training what predict does
    layers = _up_to_the_scores(twins)
    dx = np.empty(x.shape, model.dtype)
    for start in range(0, len(x), BATCH):
        rows = slice(start, start + BATCH)
        batch = np.ascontiguousarray(x[rows], model.dtype)
        dx[rows] = _gradient(layers, batch, None if chosen is None else chosen[rows])
    return dx


def saliency(model: Stack, x: Any, classes: Any = None) -> Array:
    """Return how much each pixel matters for the score of a class, whichever the direction.

    Math:
        g = input_gradient(model, x, classes)
        result[n, h, w] = max over c of |g[n, h, w, c]|

    Shapes:
        x: (N, H, W, C), or (N, C, H, W) where the layers have data_format='channels_first', or
        (N, H, W)     classes: one number or (N,)     result: (N, H, W)

    Args:
        model: see `input_gradient`.
        x: see `input_gradient`.
        classes: see `input_gradient`.

    Raises:
        ShapeError: the samples are no images; else see `input_gradient`.

    Reference:
        Simonyan, Vedaldi and Zisserman, 2013: see `input_gradient`.

    Example:
        >>> from numcnn.layers import Dense, Flatten
        >>> from numcnn.models import Sequential
        >>> model = Sequential([Flatten(input_shape=(1, 2, 2)), Dense(1)])
        >>> model.set_weights([[[1.0], [-9.0], [2.0], [0.5]], [0.0]])
        >>> saliency(model, np.ones((1, 1, 2, 2))).tolist()
        [[[9.0, 2.0]]]
    """
    x = _samples("saliency", model, x)
    if x.ndim not in (3, 4):
        raise ShapeError(
            "saliency needs images of shape (N, H, W, C), (N, C, H, W) or (N, H, W), got "
            f"{x.shape}. For other samples see input_gradient."
        )
    size = np.abs(input_gradient(model, x, classes))
    if size.ndim == 3:
        return size
    return size.max(axis=1 if data_formats(model)[0] == "channels_first" else 3)


def data_formats(model: Stack) -> list[str]:
    """Return the layout of the images that come in, then of what goes out of each layer.

    A layer that does not say it keeps that of the layer before; the samples have that of the first
    layer that says it, and where none does, it is 'channels_last'. A Permute makes what the layers
    after it say; before it stands the backend's layout where no layer says another.

    >>> from numcnn.layers import Conv2D, ReLU
    >>> from numcnn.models import Sequential
    >>> data_formats(Sequential([ReLU(), Conv2D(1, 3, data_format="channels_first"), ReLU()]))
    ['channels_first', 'channels_first', 'channels_first', 'channels_first']
    """
    said = [getattr(layer, "data_format", None) for layer in model.layers]
    swaps = [isinstance(layer, Permute) for layer in model.layers]
    until = swaps.index(True) if True in swaps else len(said)
    before = backend.image_data_format() if True in swaps else "channels_last"
    formats = [next(filter(None, said[:until]), before)]
    for i, format in enumerate(said):
        if swaps[i]:  # the next layer that says it knows what it has made
            format = next(filter(None, said[i:]), None)
        formats.append(format or formats[-1])
    return formats


def _samples(what: str, model: Any, x: Any) -> Array:
    """Return x as an array that the model can take."""
    if not isinstance(model, Stack):
        raise DTypeError(f"{what} needs a model such as Sequential([...]), got {model!r:.80}.")
    if not model.built:
        raise NotCompiledError(
            f"{what} needs a model that is built: give the first layer input_shape=(...), or call "
            "model.build((None, ...)) or fit first."
        )
    x = as_array("x", x)
    check_input_shape(x, model.layers[0].built_for or (), model.layers[0].name)
    return x


def _classes(classes: Any, n: int, k: int) -> Array | None:
    """Return one class number per sample; None stays None."""
    if classes is None:
        return None
    numbers = np.asarray(classes)
    if numbers.dtype.kind not in "iu":
        raise DTypeError(
            f"classes must be whole numbers from 0 to {k - 1}, got {numbers.dtype} {classes!r:.60}."
        )
    if numbers.shape not in ((), (n,)):
        raise ShapeError(
            f"classes must be one number, or one for each of {n} samples, got the shape "
            f"{numbers.shape}. Of one-hot rows take the numbers: classes.argmax(axis=1)."
        )
    wrong = numbers[(numbers < 0) | (numbers >= k)]
    if wrong.size:
        raise ValueError(
            f"classes must lie between 0 and {k - 1}, since the model has {k} outputs, got "
            f"{wrong.flat[0]}."
        )
    return np.broadcast_to(numbers, n)


def _gradient(layers: list[Layer], x: Array, classes: Array | None) -> Array:
    """Return the gradient of the scores' sum for one batch."""
    y, passed = x, []
    for layer in layers:
        seen = y.view()
        seen.flags.writeable = False  # a layer that returns its input has left it as it was
        y = layer.forward(seen, training=False)
        if y is seen:
            continue  # it does nothing in prediction, as Dropout: y = x, so dx = dy
        if not np.isfinite(y).all():
            raise ValueError(
                f"The output of layer {layer.name!r} is NaN or infinite, so it has no gradient. "
                "The model has probably diverged: train again with a smaller learning rate."
            )
        kept = layer.forward(seen, training=True)
        if kept.shape != y.shape or not np.allclose(kept, y, 1e-3, 1e-4 * np.abs(y).max()):
            raise GradientError(
                f"Layer {layer.name!r} ({type(layer).__name__}) gives other numbers in training "
                "than in prediction, also with trainable=False, and its backward is the gradient "
                "of the former. Let it do with trainable=False what it does in prediction, as "
                "BatchNormalization."
            )
        passed.append((layer, seen.shape))
    classes = y.argmax(axis=1) if classes is None else classes
    dy = np.zeros(y.shape, y.dtype)
    dy[np.arange(len(y)), classes] = 1  # f = sum over n of y[n, classes[n]]
    for layer, shape in reversed(passed):
        dy = layer.backward(dy)
        if np.shape(dy) != shape:
            raise GradientError(
                f"backward of layer {layer.name!r} ({type(layer).__name__}) must return dx of "
                f"shape {shape}, got {'None' if dy is None else np.shape(dy)}. "
                "numcnn.gradcheck.check_layer shows what else may be wrong."
            )
    return dy


def _up_to_the_scores(layers: list[Layer]) -> list[Layer]:
    """Return the layers without a softmax at the end, or its logarithm."""
    *front, last = layers
    ends = (Softmax, LogSoftmax)
    if type(last) in ends:
        return front
    if type(last) is Activation and type(last.activation) in ends:
        return front
    if isinstance(last, ACTIVATED) and type(last.activation) in ends:
        bare = copy.copy(last)
        bare.activation = Linear()
        return [*front, bare]
    return layers


def _twins(layers: list[Layer]) -> list[Layer]:
    """Return layers that share the parameters' arrays with these and nothing else."""
    memo: dict[int, Any] = {}
    return [_twin(layer, memo) for layer in layers]


def _twin(layer: Layer, memo: dict[int, Any]) -> Layer:
    if id(layer) in memo:
        twin: Layer = memo[id(layer)]
        return twin
    twin = memo[id(layer)] = copy.copy(layer)
    twin.params, twin.grads, twin.kept = dict(layer.params), {}, None
    memo.update({id(array): array for array in twin.params.values()})
    for name, value in list(vars(twin).items()):
        if name not in ("params", "grads", "kept"):
            inner = isinstance(value, Layer)
            vars(twin)[name] = _twin(value, memo) if inner else copy.deepcopy(value, memo)
    return twin
