"""Arguments of Keras 1, before 2017, of a model's methods: taken, with a warning, once."""

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

SINCE = {
    "nb_classes": "num_classes",
    "nb_epoch": "epochs",
    "nb_worker": "workers",
    "max_q_size": "max_queue_size",
    "pickle_safe": "use_multiprocessing",
}
"""Arguments that mean the same as the one that they are called since."""

IN_SAMPLES = {
    "samples_per_epoch": ("steps_per_epoch", ("generator", "x")),
    "nb_val_samples": ("validation_steps", ("validation_data",)),
    "val_samples": ("steps", ("generator", "x")),
}
"""Arguments that counted samples where batches are counted since, and of what."""


def since_keras_2(old: str, value: Any, new: str, given: Any, told: str = "") -> Any:
    """Return the value of an argument that has another name since, with a warning.

    given: what was given by the new name, None for nothing. told: what was made of the value.

    Raises:
        TypeError: both names are given.
    """
    if given is not None:
        raise TypeError(f"{old} is Keras 1's name of {new}, which is given too. Give {new} alone.")
    warnings.warn(
        f"Keras 1's argument {old} is {new} since Keras 2, and is taken as that{told}.",
        stacklevel=3,
    )
    return value


def with_keras_1(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method of a model, or a function, take Keras 1's arguments too.

    Example:
        >>> @with_keras_1
        ... def fit(model, epochs=1):
        ...     return epochs
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     fit(None, nb_epoch=3)
        3
        >>> str(said[0].message)
        "Keras 1's argument nb_epoch is epochs since Keras 2, and is taken as that."
    """
    code = method.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(method)
    def taking(*args: Any, **kwargs: Any) -> R:
        for old in [key for key in kwargs if key in SINCE or key in IN_SAMPLES]:
            new, sources = IN_SAMPLES.get(old, (SINCE.get(old, ""), ()))
            if new not in names:
                continue  # the method says that it has no such argument
            value, told = kwargs.pop(old), ""
            given = dict(zip(names, args, strict=False)) | kwargs
            source = next((name for name in sources if given.get(name) is not None), "")
            if sources:
                size, again = batch_size(given.get(source))
                value, samples = None if size is None else max(1, math.ceil(value / size)), value
                told = f": {value} batches for {samples} samples"
                if source in kwargs:
                    kwargs[source] = again
                elif source:
                    at = names.index(source)
                    args = (*args[:at], again, *args[at + 1 :])
            kwargs[new] = since_keras_2(old, value, new, given.get(new), told)
        return method(*args, **kwargs)

    return taking


def batch_size(source: Any) -> tuple[int | None, Any]:
    """Return how many samples a source of batches has in each, and the source as it was.

    The first batch of a generator says it. None where it is no source of batches.

    Example:
        >>> size, again = batch_size(iter([([1, 2, 3], [0, 1, 0]), ([4, 5], [1, 1])]))
        >>> size, next(again)
        (3, ([1, 2, 3], [0, 1, 0]))
    """
    own = getattr(source, "batch_size", None)
    if isinstance(own, int):
        return own, source
    if not isinstance(source, Iterator):
        return None, source
    first = next(source)
    x = first[0] if isinstance(first, (tuple, list)) else first
    return len(x), itertools.chain([first], source)
