"""A model's configuration as text: which layers with which arguments, and no weights.

    {"class_name": "Sequential", "numcnn": "0.1.0", "config": {"name": ..., "input_shape": ...,
     "layers": [{"class_name": "Dense", "config": {"units": 3, ...}}, ...]}}

Reading it runs no code: it names only classes of numcnn, or those passed as `custom_objects`.
"""

import json
from typing import Any

from numcnn import layers as builtin_layers
from numcnn._version import __version__
from numcnn.errors import DTypeError, ModelFileError, nearest
from numcnn.layers.base import Layer

MAX_LAYERS = 1000
MAX_TEXT = 2**20


def to_json(config: dict[str, Any], **kwargs: Any) -> str:
    """Return a configuration as a text."""
    whole = {"class_name": "Sequential", "numcnn": __version__, "config": config}
    try:
        return json.dumps(whole, **kwargs)
    except TypeError as error:
        raise TypeError(
            f"The configuration of a layer holds something that JSON cannot: {error}. Let its "
            "get_config return numbers, texts, lists and dictionaries."
        ) from None


def from_json(text: Any) -> tuple[dict[str, Any], bool]:
    """Return what a text holds, and whether `to_json` wrote it; else it may be Keras's.

    Raises:
        ModelFileError: it holds none.
    """
    if not isinstance(text, (str, bytes)):
        raise DTypeError(f"json_string must be what to_json returned, got {type(text).__name__}.")
    if len(text) > MAX_TEXT:
        raise ModelFileError(f"The text has {len(text):,} letters, more than {MAX_TEXT:,}.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"The text is not JSON: {error}.") from None
    if not isinstance(found, dict) or found.get("class_name") != "Sequential":
        raise ModelFileError("The text does not describe a Sequential model.")
    if "numcnn" not in found:
        return found, False
    if not isinstance(found.get("config"), dict):
        raise ModelFileError("The text does not describe a Sequential model.")
    return found, True


def make_layers(config: Any, custom_objects: dict[str, Any] | None = None) -> list[Layer]:
    """Return the layers that a configuration describes.

    Raises:
        ModelFileError: it does not describe any.
    """
    if not isinstance(config, dict) or not {"name", "layers"} <= set(config):
        raise ModelFileError(
            "config must be what model.get_config() returned: a dictionary with 'name' and "
            "'layers'."
        )
    entries = config["layers"]
    if not isinstance(entries, list) or len(entries) > MAX_LAYERS:
        raise ModelFileError(f"'layers' must be a list of at most {MAX_LAYERS} layers.")
    names = set(builtin_layers.__all__) - {"Layer"}
    classes: dict[str, Any] = {name: getattr(builtin_layers, name) for name in names}
    classes |= custom_objects or {}
    made = []
    for i, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
            raise ModelFileError(f"Layer {i} has no class_name and config: {str(entry)[:80]}.")
        name = entry.get("class_name")
        cls = classes.get(str(name))
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            raise ModelFileError(
                f"Layer {i} is of a class {str(name)[:80]!r} that numcnn does not have."
                f"{nearest(str(name)[:80], classes)} If it is yours, pass custom_objects="
                f"{{{str(name)[:80]!r}: ...}}."
            )
        try:
            made.append(cls.from_config(entry["config"]))
        except Exception as error:
            raise ModelFileError(f"Layer {i} ({name}) cannot be made: {error}") from error
    return made
