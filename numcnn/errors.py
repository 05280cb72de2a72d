"""The errors that numcnn raises; each is also the builtin that a Keras user would catch.

Every message says what was expected, what came, and what to do.
"""

import difflib
from collections.abc import Iterable


class NumcnnError(Exception):
    """Base of all errors that numcnn raises on purpose."""


class ShapeError(NumcnnError, ValueError):
    """An array or a layer has a shape that does not fit."""


class DTypeError(NumcnnError, TypeError, ValueError):
    """A value or an array has a type that cannot be used."""


class NotCompiledError(NumcnnError, RuntimeError, ValueError):
    """The model was used before `compile` or before it was built."""


class DivergedError(NumcnnError, FloatingPointError):
    """The loss or a gradient became NaN or infinite; the weights are those before that batch."""


class DataFileError(NumcnnError, ValueError):
    """A data file is damaged or is not what its name says."""


class ChecksumError(DataFileError):
    """A data file's SHA-256 is not the published one."""


class DownloadError(NumcnnError, OSError):
    """A data set could not be fetched from any source."""


class ModelFileError(NumcnnError, ValueError):
    """A model file is damaged, hostile, too new, or of another architecture."""


class GradientError(NumcnnError, AssertionError):
    """A backward pass does not equal the derivative of its forward pass."""


class MissingNameError(NumcnnError, AttributeError):
    """A name of Keras, or a misspelt one, that a module of numcnn does not have."""


class MissingModuleError(NumcnnError, ModuleNotFoundError):
    """The same in an import statement."""


class PropertyError(NumcnnError, AssertionError):
    """A layer does not keep what every layer promises."""


KERAS_1 = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "init": "kernel_initializer",
    "nb_col": "kernel_size",
    "nb_filter": "filters",
    "nb_row": "kernel_size",
    "output_dim": "units",
    "p": "rate",
    "subsample": "strides",
}
"""The words of Keras 1, before 2017, for arguments that have other names since."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return a hint such as ``" Did you mean 'relu'?"``, or an empty text where nothing is near.

    >>> nearest("rleu", ["relu", "softmax"])
    " Did you mean 'relu'?"
    """
    close = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def unknown_name(kind: str, name: object, allowed: Iterable[str]) -> ValueError:
    """Return the error for a name that stands for nothing, with the names that do.

    >>> print(unknown_name("activation", "rleu", ["relu", "tanh"]))
    Unknown activation 'rleu'. Did you mean 'relu'? Known: relu, tanh.
    """
    names = sorted(set(allowed))
    hint = nearest(name, names) if isinstance(name, str) else ""
    return ValueError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names)}.")


def reject_unknown_keywords(owner: str, unknown: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise a TypeError that names the nearest allowed keyword, if there is any unknown one."""
    names = list(allowed)
    for keyword in unknown:
        hint = nearest(keyword, names)
        if KERAS_1.get(keyword) in names:
            hint = f" Keras 1 called {KERAS_1[keyword]!r} so."
        raise TypeError(
            f"{owner} has no argument {keyword!r}.{hint} Its arguments: {', '.join(names)}."
        )
