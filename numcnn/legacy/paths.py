"""Module paths of older Keras, and an error that helps for names and paths that are not here.

`from keras.layers.convolutional import Conv2D` was how Keras 1 and 2 were used; Keras 3 has
`keras.layers` alone. OLD says which room an old path means: all names of the room stand there.

Two other ways were open. Files under the old names, layers/convolutional.py and so on: a dozen, in
folders where every file is a lesson with its place in the reading order, and none of these has
anything to teach. Or entries in sys.modules, made at import: twenty modules that nearly no program
asks for, and nowhere to say a word about those that are missing. So it is a finder at the end of
sys.meta_path, which Python asks only for what nobody else has found, and which minds only names
that begin with `numcnn.`.

It is the same finder that explains: for `from numcnn.layers import X` Python first looks for an
attribute X, then for a module numcnn.layers.X, and would then raise an ImportError of its own with
no more than that there is none. `numcnn.layers.X` alone asks only for the attribute, so each room
also gets a `__getattr__`.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, NoReturn

from numcnn.errors import MissingModuleError, MissingNameError
from numcnn.legacy import tensorflow
from numcnn.legacy.missing import explanation
from numcnn.legacy.unused import Unused, stand_in

OLD = {
    # Keras 1 and 2
    "layers.advanced_activations": "layers",
    "layers.convolutional": "layers",
    "layers.core": "layers",
    "layers.normalization": "layers",
    "layers.pooling": "layers",
    "engine.base_layer": "layers",
    "engine.input_layer": "layers",
    "engine.sequential": "models",
    "engine.topology": "layers",
    "engine.training": "models",
    "utils.generic_utils": "utils",
    "utils.layer_utils": "utils",
    "utils.visualize_util": "utils.vis_utils",
    # tensorflow.keras
    "python": "",
    "optimizers.legacy": "optimizers",
    "layers.experimental": "layers",
    "layers.experimental.preprocessing": "layers",
    # TensorFlow itself, of `import tensorflow as tf`
    **dict.fromkeys(
        [
            "compat",
            "compat.v1",
            "compat.v1.logging",
            "config",
            "config.experimental",
            "data.experimental",
            "logging",
            "math",
            "random",
            "test",
            "train",
            "version",
        ],
        "legacy.tensorflow",
    ),
    "nn": "activations",
    # `from tensorflow import keras` and `import tensorflow as tf; tf.keras...`
    "keras": "",
}


class Old(ModuleType):
    """A module under an old path; it gives what another one has."""

    def __init__(self, name: str, room: str) -> None:
        super().__init__(name, f"{room}, under a path of older Keras.")
        self.__path__: list[str] = []  # so that Python asks the finder for what is below
        self.__room = room

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules[self.__room], name)

    def __dir__(self) -> Iterable[str]:
        return dir(sys.modules[self.__room])


class Finder:
    """Finds the old paths; for other names under numcnn it raises the error that helps."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module comes from, None if it is none of ours."""
        if not fullname.startswith("numcnn."):
            return None
        if room_of(fullname) is not None:
            return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type]
        place, _, name = fullname.rpartition(".")
        place = room_of(place) or place
        above = sys.modules.get(place)
        known = place in _explained or isinstance(above, Unused)
        if name.startswith("_") or not known or _is_there(fullname, place):
            return None
        why = above.why if isinstance(above, Unused) else explanation(place, name)
        found = stand_in(fullname, why)
        if found is None:
            raise MissingModuleError(why)
        return ModuleSpec(fullname, self, is_package=True, loader_state=found)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module of an old path, or the stand-in for what is imported in vain."""
        if spec.loader_state is not None:
            unused: ModuleType = spec.loader_state
            return unused
        return Old(spec.name, room_of(spec.name) or "numcnn")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is to be run."""


def room_of(fullname: str) -> str | None:
    """Return the module that an old path means, None where it is no old path.

    Example:
        >>> room_of("numcnn.layers.convolutional"), room_of("numcnn.keras.layers.core")
        ('numcnn.layers', 'numcnn.layers')
        >>> room_of("numcnn.keras.models"), room_of("numcnn.layers")
        ('numcnn.models', None)
    """
    parts = fullname.split(".")
    if parts[:3] == ["numcnn", "python", "keras"]:  # as TensorFlow calls it inside
        del parts[1]
    if parts[:2] == ["numcnn", "keras"]:
        whole = ".".join(["numcnn", *parts[2:]])
        return room_of(whole) or (whole if whole in sys.modules else None)
    room = OLD.get(".".join(parts[1:]))
    return None if room is None else f"numcnn.{room}".rstrip(".")


def _is_there(fullname: str, place: str) -> bool:
    """Whether a module exists after all: some tools ask every finder, with a path of their own."""
    package = sys.modules.get(place)
    return PathFinder.find_spec(fullname, getattr(package, "__path__", [])) is not None


_explained: set[str] = set()


def install(package: ModuleType) -> None:
    """Let a package, and the modules that its __all__ names, explain what they do not have."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
    _explain(package)
    _explain(sys.modules["numcnn.data"])  # tf.data.Dataset


def _explain(module: ModuleType) -> None:
    place = module.__name__

    def missing(name: str) -> Any:
        old = f"{place}.{name}"
        room = room_of(old)
        if room is not None:
            return sys.modules.setdefault(old, Old(old, room))
        if place == "numcnn" and name in tensorflow.FRONT:
            return getattr(tensorflow, name)
        _refuse(place, name)

    _explained.add(place)
    if "__getattr__" not in vars(module):
        module.__getattr__ = missing  # type: ignore[method-assign]
    if not hasattr(module, "__path__"):
        module.__path__ = []  # as of a package: Python asks for modules below it
    for name in getattr(module, "__all__", ()):
        inner = vars(module).get(name)
        if isinstance(inner, ModuleType) and inner.__name__ not in _explained:
            _explain(inner)


def _refuse(place: str, name: str) -> NoReturn:
    if name.startswith("_"):  # what Python itself asks of modules
        raise AttributeError(f"module {place!r} has no attribute {name!r}")
    # No object and no name: Python would add a suggestion of its own to ours.
    raise MissingNameError(explanation(place, name), name=None, obj=None)
