"""Models from files, from texts and from other models; and what is slow the first time, now."""

import os
from collections.abc import Callable
from typing import Any

from numcnn import architecture, data, saving, training
from numcnn.errors import DTypeError, ModelFileError
from numcnn.layers.base import Layer
from numcnn.models.sequential import Sequential
from numcnn.progress import check_verbose


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Sequential:
    """Return the model that `model.save` wrote, bit for bit, ready to predict or to train on.

    Files that Keras wrote are read too, `.keras` and `.h5`; the content says which a file is.

    Args:
        filepath: the file.
        custom_objects: layer classes of your own by name. Others than numcnn's own and these are
            refused, whatever the file says. What is no layer, a metric for instance, is not looked
            at: a file holds no code, and the model has to be compiled with it again.
        compile: False leaves out optimizer, loss and metrics; call `model.compile` before training.
        safe_mode: taken for Keras's sake; a file can run no code whatever it is.

    Raises:
        ModelFileError: the file is damaged, too new, or not a model. FileNotFoundError: no file.
    """
    if custom_objects is not None and not isinstance(custom_objects, dict):
        raise DTypeError(
            "custom_objects must be a dictionary such as {'MyLayer': MyLayer}, got "
            f"{custom_objects!r}."
        )
    model = Sequential()
    saving.read_model(model, filepath, custom_objects, compile)
    return model


def save_model(
    model: Sequential,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    include_optimizer: bool = True,
    save_format: str | None = None,
    **nothing: Any,
) -> None:
    """Write a model to a file: `model.save`, where all arguments are described.

    Example:
        >>> from numcnn.layers import Dense
        >>> save_model(Sequential([Dense(3, input_shape=(2,))]), "model.npz")
        >>> load_model("model.npz").output_shape
        (None, 3)
        >>> os.remove("model.npz")
    """
    model.save(filepath, overwrite, include_optimizer, save_format, **nothing)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Sequential:
    """Return a new model with the layers that `model.to_json()` described; its weights are new.

    What Keras's own `to_json` wrote is read too.

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
    found, written_here = architecture.from_json(json_string)
    if not written_here:
        version = found.get("keras_version")
        try:
            outline = saving.from_keras(found, version if isinstance(version, str) else None)
        except ModelFileError:
            raise
        except Exception as error:
            raise ModelFileError(f"The text does not describe a model: {error}") from error
        found = {"config": outline.config}
    return Sequential.from_config(found["config"], custom_objects)


def model_from_yaml(yaml_string: str, custom_objects: dict[str, Any] | None = None) -> Sequential:
    """Return the model that `model.to_yaml()` described, which is JSON, a part of YAML.

    Raises:
        ModelFileError: it is YAML of another kind, as Keras 2 wrote it.

    Example:
        >>> from numcnn.layers import Dense
        >>> text = Sequential([Dense(3, input_shape=(2,))]).to_yaml()
        >>> model_from_yaml(text).output_shape
        (None, 3)
    """
    if isinstance(yaml_string, str) and not yaml_string.lstrip().startswith("{"):
        raise ModelFileError(
            "model_from_yaml reads what model.to_yaml() of numcnn wrote, which is JSON. Other YAML "
            "is not read: let Keras write model.to_json() and call model_from_json."
        )
    return model_from_json(yaml_string, custom_objects)


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
    if not isinstance(model, Sequential):
        raise DTypeError(f"warmup needs a Sequential, got {type(model).__name__}.")
    model._require_compiled("warmup")
    model._require_built("warmup")
    size, verbose = data.integer("batch_size", batch_size, 1), check_verbose(verbose)
    training.warm_up(model, size, verbose)
