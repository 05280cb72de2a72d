"""Models from files, from texts and from other models; and what is slow the first time, now."""

import os
from collections.abc import Callable

from numcnn import config, data, saving, training
from numcnn.errors import DTypeError
from numcnn.layers.base import Layer
from numcnn.models.sequential import Sequential
from numcnn.progress import check_verbose


def load_model(
    path: str | os.PathLike[str], custom_objects: dict[str, type[Layer]] | None = None
) -> Sequential:
    """Return the model that `model.save` wrote, bit for bit, ready to predict or to train on.

    Files that Keras wrote are read too, `.keras` and `.h5`; the content says which a file is.

    Args:
        path: the file.
        custom_objects: layer classes of your own by name. Others than numcnn's own and these are
            refused, whatever the file says.

    Raises:
        ModelFileError: the file is damaged, too new, or not a model. FileNotFoundError: no file.
    """
    model = Sequential()
    saving.load_model(model, path, custom_objects)
    return model


def model_from_json(
    json_string: str, custom_objects: dict[str, type[Layer]] | None = None
) -> Sequential:
    """Return a new model with the layers that `model.to_json()` described; its weights are new.

    Args:
        json_string: the text.
        custom_objects: layer classes of your own by name.

    Raises:
        ModelFileError: it is no such text.

    Example:
        >>> from numcnn.layers import Dense
        >>> text = Sequential([Dense(3, input_shape=(2,))]).to_json()
        >>> model_from_json(text).output_shape
        (None, 3)
    """
    return Sequential.from_config(config.from_json(json_string), custom_objects)


def clone_model(
    model: Sequential,
    input_tensors: None = None,
    clone_function: Callable[[Layer], Layer] | None = None,
) -> Sequential:
    """Return a model with new layers of the same classes and arguments; its weights are new.

    It is not compiled. `new.set_weights(model.get_weights())` takes the weights over.

    Args:
        model: the model.
        input_tensors: None; there are no symbolic tensors here.
        clone_function: called with each layer, returns the one that stands in its place.

    Example:
        >>> from numcnn.layers import Dense
        >>> model = Sequential([Dense(3, input_shape=(2,))])
        >>> clone_model(model).count_params()
        9
    """
    if not isinstance(model, Sequential):
        raise DTypeError(f"clone_model needs a Sequential, got {type(model).__name__}.")
    if input_tensors is not None:
        raise DTypeError("input_tensors must be None: numcnn has no symbolic tensors.")
    copied = clone_function or (lambda layer: type(layer).from_config(layer.get_config()))
    clone = type(model)([copied(layer) for layer in model.layers], name=model.name)
    if model.sample_shape is not None and model.layers:
        clone.build((None, *model.sample_shape))
    return clone


def warmup(model: Sequential, batch_size: int = 128, verbose: int = 0) -> None:
    """Compile what the model needs, now instead of at the first batch.

    For servers and for measurements; `fit` does it by itself. No weight moves.

    Args:
        model: built and compiled.
        batch_size: that of the training to come.
        verbose: whether to say so where something has to be compiled, 0 or 1.

    Example:
        >>> from numcnn.layers import Dense
        >>> model = Sequential([Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", loss="mse")
        >>> warmup(model)
    """
    model._require_compiled("warmup")
    model._require_built("warmup")
    size, verbose = data.integer("batch_size", batch_size, 1), check_verbose(verbose)
    training.warm_up(model, size, verbose)
