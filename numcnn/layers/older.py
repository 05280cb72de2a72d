"""Arguments of older Keras: what a layer is called with, put into the words that it takes.

Three things happen before a layer's `__init__`, for every class of layers alike:

    batch_input_shape, input_dim    become input_shape, as Keras takes them to this day
    weights                         are kept for `build`, which starts the layer with them
    words of Keras 1                become those of today: border_mode='same' is padding='same'.
                                    The first time in a program this is said, in a warning.

Conv2D(32, 3, 3) has had two meanings: a window of 3x3 in Keras 1, strides of 3 in Keras 2.3 and
later. It is refused, unless the program has used a word of Keras 1: every Keras that takes such
words, 1.0 to 2.2, reads a window. The name Convolution2D is such a word.
"""

import abc
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from numcnn.backend import settings
from numcnn.errors import DTypeError, unknown_name
from numcnn.layers.arguments import keywords, positive_int
from numcnn.layers.roles import arguments

Kind = TypeVar("Kind")
INITIALIZERS = (
    "kernel_initializer", "depthwise_initializer", "pointwise_initializer", "alpha_initializer",
)  # fmt: skip
# Keras 1's word: what it may be today. A class takes those that it has.
WORDS: dict[str, tuple[str, ...]] = {
    "W_constraint": ("kernel_constraint",),
    "W_regularizer": ("kernel_regularizer",),
    "atrous_rate": ("dilation_rate",),
    "b_constraint": ("bias_constraint",),
    "b_regularizer": ("bias_regularizer",),
    "beta_init": ("beta_initializer",),
    "bias": ("use_bias",),
    "border_mode": ("padding",),
    "dim_ordering": ("data_format",),
    "gamma_init": ("gamma_initializer",),
    "init": INITIALIZERS,
    "nb_filter": ("filters",),
    "output_dim": ("units",),
    "p": ("rate",),
    "sigma": ("stddev",),
    "subsample": ("strides",),
}
TODAYS = {"kernel_size", *(name for names in WORDS.values() for name in names)}  # not Keras 1's
DIM_ORDERINGS = {"tf": "channels_last", "th": "channels_first", "default": None}


class Takes(abc.ABCMeta):
    """The class of layer classes: it reads the arguments before `__init__` does."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a new layer."""
        args, kwargs = modern(cls, args, kwargs)
        weights = kwargs.pop("weights", None) if "weights" not in keywords(cls) else None
        layer = super().__call__(*args, **kwargs)
        if weights is not None:
            layer.initial_weights = list(weights)
        return layer

    @property
    def __signature__(cls) -> inspect.Signature:
        """That of `__init__`: what help() shows."""
        whole = inspect.signature(cls.__init__)  # type: ignore[misc]
        return whole.replace(parameters=list(whole.parameters.values())[1:])


def modern(
    cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a layer in today's words.

    Example:
        >>> from numcnn.layers import Dense
        >>> modern(Dense, (10,), {"input_dim": 784, "batch_size": 32})
        ((10,), {'input_shape': (784,)})
    """
    own = {*keywords(cls), *arguments(getattr(cls, "roles", {}))}
    given = {key: kwargs[key] for key in kwargs if key in own}
    rest = {key: kwargs[key] for key in kwargs if key not in own}
    _take_shape(cls, given, rest)
    read: dict[str, str] = {}  # Keras 1's words in this call, and what they are now
    for word in [word for word in rest if word in WORDS]:
        now = [name for name in WORDS[word] if name in own]
        for name in now:
            _put(cls, given, word, name, _value(word, rest[word]))
        if now:
            del rest[word]
            read[word] = now[0]
    if "kernel_size" in own and {"nb_row", "nb_col"} <= rest.keys():
        window = rest.pop("nb_row"), rest.pop("nb_col")
        _put(cls, given, "nb_row", "kernel_size", window)
        read["nb_row, nb_col"] = "kernel_size"
    if "momentum" in own and "mode" in rest:
        _take_mode(cls, rest.pop("mode"))
        read["mode"] = "nothing, for mode=0"
    if {"filters", "kernel_size"} <= own:
        args = _window(cls, args, set(kwargs), read)
    if read:
        words = ", ".join(f"{old} ({new})" for old, new in read.items())
        _say_once(f"{cls.__name__} was given words of Keras 1: {words}.")
    return args, given | rest


def _take_shape(cls: type, given: dict[str, Any], rest: dict[str, Any]) -> None:
    """Let the other names of input_shape become it. The size of a batch may be any."""
    for name in ("batch_input_shape", "batch_shape"):
        shape = rest.pop(name, None)
        if shape is not None:
            if not isinstance(shape, (tuple, list)) or not shape:
                raise DTypeError(
                    f"{name} of {cls.__name__} must be the shape of a batch such as "
                    f"(None, 28, 28, 1), got {shape!r}."
                )
            _put(cls, given, name, "input_shape", tuple(shape[1:]))
    if "input_dim" in rest:
        size = rest.pop("input_dim")
        if size is not None:
            _put(cls, given, "input_dim", "input_shape", (size,))
    if rest.get("batch_size") is not None:
        positive_int(f"batch_size of {cls.__name__}", rest["batch_size"])
    rest.pop("batch_size", None)


def _put(cls: type, given: dict[str, Any], word: str, name: str, value: Any) -> None:
    if given.get(name) is not None and given[name] != value:
        raise TypeError(
            f"{cls.__name__} was given {word}={value!r} and {name}={given[name]!r}, which are one "
            f"argument. Leave {word} out."
        )
    given[name] = value


def _value(word: str, value: Any) -> Any:
    if word != "dim_ordering":
        return value
    if value not in DIM_ORDERINGS:
        raise unknown_name("dim_ordering", value, DIM_ORDERINGS)
    return DIM_ORDERINGS[value]


def _take_mode(cls: type, mode: Any) -> None:
    if mode != 0:
        raise ValueError(
            f"mode={mode!r} of {cls.__name__} is not there: each channel is normalised over the "
            "batch, which is mode=0. Leave it out."
        )


def _window(
    cls: type, args: tuple[Any, ...], words: set[str], read: dict[str, str]
) -> tuple[Any, ...]:
    """Return (32, (3, 3)) for (32, 3, 3) where Keras 1 is meant; refuse it where that is open."""
    two = len(args) > 2 and all(type(n) is int for n in args[1:3])
    if not two or args[1:3] == (1, 1) or not cls.__module__.startswith("numcnn.layers."):
        return args
    old = read or _SAID or settings.KERAS_1_WORDS
    if not old or TODAYS & words or len(args) > 3:
        raise DTypeError(
            f"{cls.__name__}{args[:3]} is a {args[1]}x{args[2]} kernel in Keras 1 and "
            f"strides={args[2]} in Keras 3. Write kernel_size=({args[1]}, {args[2]}) or "
            f"strides={args[2]}."
        )
    read["nb_row, nb_col"] = "kernel_size"
    return args[0], args[1:3]


def by_old_name(cls: type[Kind], name: str) -> Callable[..., Kind]:
    """Return what makes a layer of this class under its name of Keras 1, (32, 3, 3) a 3x3 window.

    Example:
        >>> from numcnn.layers import Convolution2D, Conv2D
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     layer = Convolution2D(32, 3, 3)
        >>> type(layer) is Conv2D, layer.kernel_size, layer.strides
        (True, (3, 3), (1, 1))
    """

    def make(*args: Any, **kwargs: Any) -> Kind:
        window, said = args[1:3], (TODAYS | WORDS.keys()) & kwargs.keys()
        if len(args) == 3 and all(type(n) is int for n in window) and not said:
            _say_once(f"{name}{args} was written as in Keras 1: nb_row, nb_col (kernel_size).", 3)
            args = (args[0], window)
        return cls(*args, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"""{cls.__name__} by its name of Keras 1: {name}(32, 3, 3) has a window of 3x3.

    Example:
        >>> from numcnn.layers import {name}
        >>> {name}(32, (3, 3)).kernel_size
        (3, 3)
    """
    return make


_SAID: list[str] = []  # what was said in this program, once


def _say_once(text: str, stacklevel: int = 4) -> None:
    if not _SAID:
        _SAID.append(text)
        warnings.warn(
            f"{text} They are read as what stands in brackets, and Conv2D(32, 3, 3) as a window of "
            "3x3. This is said once.",
            stacklevel=stacklevel,
        )
