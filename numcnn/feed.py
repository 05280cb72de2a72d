"""What fit, evaluate and predict are given, looked at and made into batches.

Arrays are looked at whole before anything changes. What a `Sequence` or a generator gives is looked
at batch by batch, as it comes: an error then names the batch, and the model stands at the one
before it.
"""

import math
import sys
import warnings
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from numcnn import data, optimizers
from numcnn.batches import ArrayBatches, Batch, Batches, SequenceBatches, StreamBatches
from numcnn.errors import DTypeError, NotCompiledError, unknown_name
from numcnn.rows import Rows, give_back, part
from numcnn.run import describe_data
from numcnn.utils.sequence import PyDataset
from numcnn.weighting import check_class_weight, class_weighting, sample_weights

if TYPE_CHECKING:
    from numcnn.models import Sequential

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class Reading(NamedTuple):
    """How a `Sequence` is read: Keras 2's arguments of fit; None means as the sequence says."""

    workers: int | None = None
    max_queue_size: int | None = None
    use_multiprocessing: bool | None = None

    def checked(self) -> "Reading":
        """Return it, or raise where a value is none; warn where it says what cannot be done."""
        if self.workers is not None:
            data.integer("workers", self.workers, 0)
        if self.max_queue_size is not None:
            data.integer("max_queue_size", self.max_queue_size, 1)
        if self.use_multiprocessing:
            warnings.warn(
                "use_multiprocessing=True: the workers that read a Sequence ahead are threads "
                "here; they give the same batches.",
                stacklevel=4,
            )
        return self


class Given(NamedTuple):
    """Samples, targets and weights as a user gives them."""

    x: Any
    y: Any = None
    weights: Any = None


def is_stream(x: Any) -> bool:
    """Return whether something is read from front to back: a generator, a torch DataLoader."""
    if isinstance(x, Iterator):
        return True
    return isinstance(x, Iterable) and not any(
        hasattr(x, name) for name in ("__getitem__", "__array__", "__contains__")
    )


def comes_in_batches(x: Any) -> bool:
    """Return whether something is a source of batches rather than an array of samples."""
    return isinstance(x, PyDataset) or is_stream(x)


def batches(
    model: "Sequential",
    who: str,
    given: Given,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: Any = None,
    with_targets: bool = True,
    finite: bool = False,
    reading: Reading = Reading(),  # noqa: B008 # it cannot change
) -> Batches:
    """Return where the batches of fit, evaluate or predict come from.

    who: what the errors say about it, such as 'fit' or 'validation_data'.
    finite: whether samples are looked through for NaN and infinity.
    """
    x = given.x
    if not comes_in_batches(x):
        return of_arrays(
            model, who, given, batch_size=batch_size, steps=steps, shuffle=shuffle,
            class_weight=class_weight, with_targets=with_targets, finite=finite,
        )  # fmt: skip
    kind = "Sequence" if isinstance(x, PyDataset) else "generator"
    for name, value in (("y", given.y), ("sample_weight", given.weights)):
        if value is not None:
            raise DTypeError(
                f"{name} is given beside x, a {kind} of type {type(x).__name__}. Let its batches "
                f"be (x, y) or (x, y, sample_weight) and leave {name} out, or let x be an array."
            )
    if batch_size is not None:
        warnings.warn(
            f"batch_size={batch_size} changes nothing: the batches are as large as the {kind} "
            "makes them.",
            stacklevel=3,
        )
    look = Look(model, who, class_weight, with_targets, finite)
    if not isinstance(x, PyDataset):
        return StreamBatches(x, look, steps)
    return SequenceBatches(
        x,
        look,
        steps=steps,
        shuffled=bool(shuffle),
        around=who == "fit",
        workers=x.workers if reading.workers is None else reading.workers,
        most=x.max_queue_size if reading.max_queue_size is None else reading.max_queue_size,
    )


def of_arrays(
    model: "Sequential",
    who: str,
    given: Given,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: Any = None,
    with_targets: bool = True,
    finite: bool = False,
    whole: bool = False,
) -> ArrayBatches:
    """Return the batches of arrays, which are looked at first; `whole`: all samples in one.

    Where something else than an array is read by slices, it is looked at batch by batch.
    """
    of = " of validation_data" if who == "validation_data" else ""
    x, shape = inputs(model, f"x{of}", given.x)
    y, weights, later = None, None, None  # later: class weights of targets that are yet to be read
    if with_targets:
        if len(x) == 0:
            raise ValueError(f"{who} needs at least one sample, got x of shape {x.shape}.")
        y = targets(model, f"y{of}", x, given.y, shape)
        weights = sample_weights(f"sample_weight{of}", given.weights, len(x))
        if (weigh := class_weighting(class_weight, model.output_of(shape))) is not None:
            if isinstance(y, Rows):
                later = class_weight
            else:
                weights = weigh(y, weights)
    if finite and not isinstance(x, Rows):
        data.check_finite("x", x, model.dtype, ", or pass check_finite=False")
    if whole:
        batch_size = max(1, len(x))
    elif batch_size is None:
        batch_size = 32 if steps is None else max(1, math.ceil(len(x) / steps))
    model.check_memory(shape, min(batch_size, len(x)))

    def about() -> str:
        text = describe_data(x, x if y is None else y, weights)
        text += "" if steps is None else f", {steps} batches an epoch"
        text += "" if later is None else f", class_weight {sorted(later.items())}"
        return text + (", shuffled by the batch" if shuffle == "batch" else "")

    look = None
    if with_targets and (isinstance(x, Rows) or isinstance(y, Rows)):
        look = Look(model, who, later, with_targets, finite)
    return ArrayBatches(
        x, y, weights, batch_size=batch_size, steps=steps, shuffle=shuffle, look=look, about=about
    )


def training_data(
    model: "Sequential",
    given: Given,
    validation_split: float,
    validation_data: Any,
) -> tuple[Given, Given | None]:
    """Return (what is trained on, what is measured after each epoch) of fit's arguments."""
    share = optimizers.share("validation_split", validation_split)
    if validation_data is not None:
        return given, _held_out(validation_data)
    if not share:
        return given, None
    if comes_in_batches(given.x):
        raise DTypeError(
            f"validation_split={share} needs arrays; x is a {type(given.x).__name__}, which makes "
            "its batches itself. Give validation_data."
        )
    x, shape = inputs(model, "x", given.x)
    y = targets(model, "y", x, given.y, shape)
    weights = sample_weights("sample_weight", given.weights, len(x))
    at = int(len(x) * (1 - share))
    if not 0 < at < len(x):
        raise ValueError(
            f"validation_split={share} of {len(x)} samples leaves {at} for training and "
            f"{len(x) - at} for validation; both need at least one."
        )
    front, back = (
        Given(part(x, a, b), part(y, a, b), None if weights is None else weights[a:b])
        for a, b in ((0, at), (at, len(x)))
    )
    return front, back


def validation(
    model: "Sequential",
    held_out: Given | None,
    batch_size: int | None,
    steps: int | None,
    reading: Reading,
) -> Batches | None:
    """Return the batches of a validation, or None where there is none."""
    if held_out is None:
        return None
    streams = comes_in_batches(held_out.x)
    if streams and steps is None and not isinstance(held_out.x, PyDataset):
        raise ValueError(
            "validation_data is a generator, which may have no end: say with validation_steps how "
            "many of its batches make a validation."
        )
    return batches(
        model, "validation_data", held_out, batch_size=None if streams else batch_size,
        steps=steps, reading=reading,
    )  # fmt: skip


def validated_epochs(validation_freq: Any) -> Container[int]:
    """Return the epochs after which there is a validation, counted from 1."""
    if isinstance(validation_freq, (list, tuple, set, range, np.ndarray)):
        return {data.integer("an epoch in validation_freq", epoch, 1) for epoch in validation_freq}
    every = data.integer("validation_freq", validation_freq, 1)
    return range(every, sys.maxsize, every)


def checked_shuffle(shuffle: Any) -> bool | str:
    """Return True, False or 'batch'."""
    if isinstance(shuffle, str):
        if shuffle != "batch":
            raise unknown_name("shuffle", shuffle, ["True", "False", "batch"])
        return shuffle
    return bool(shuffle)


def _held_out(pair: Any) -> Given:
    if comes_in_batches(pair):
        return Given(pair)
    if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
        raise DTypeError(
            "validation_data must be a pair (x, y), or (x, y, sample_weight), a Sequence or a "
            f"generator, got {_in_words(pair)}."
        )
    return Given(*pair)


def inputs(model: "Sequential", what: str, x: Any) -> tuple[Any, Shape]:
    """Return x as an array or `Rows`, and the shape of its samples, which the model can take."""
    if not model.layers:
        raise NotCompiledError("The model has no layers; add some first.")
    x = data.as_rows(what, alone(x, model.sample_shape))
    if model.sample_shape is not None:
        data.check_input_shape(x, model.sample_shape, model.layers[0].name)
    return x, x.shape[1:]


def targets(model: "Sequential", what: str, x: Any, y: Any, shape: Shape) -> Any:
    """Return the targets for x as an array that fits the loss and the outputs, or as `Rows`."""
    y = data.as_rows(what, alone(y, model.output_of(shape)))
    data.check_lengths(x, y)
    if isinstance(y, Rows):
        data.as_targets(what, y[:1], model.loss, model.output_of(shape))
        return y
    y = data.as_targets(what, y, model.loss, model.output_of(shape))
    give_back(y)
    return y


def alone(x: Any, shape: Shape | None) -> Any:
    """Return the one array of a list, as Keras takes for the inputs of a model with one of them.

    A list of numbers, or of lists, is an array itself.
    """
    if isinstance(x, (list, tuple)) and len(x) == 1 and shape is not None:
        ndim = getattr(x[0], "ndim", None)
        return x[0] if ndim == len(shape) + 1 else x
    return x


class Look:
    """Looks at each batch that comes, builds the model for the first one, and weighs it."""

    def __init__(
        self,
        model: "Sequential",
        who: str,
        class_weight: Any,
        with_targets: bool,
        finite: bool,
    ) -> None:
        if class_weight is not None:
            check_class_weight(class_weight)  # before anything is read
        self.model, self.who, self.class_weight = model, who, class_weight
        self.with_targets, self.finite = with_targets, finite

    def __call__(self, item: Any, where: str) -> Batch:
        """Return what was read as a batch.

        Raises:
            ShapeError, DTypeError, ValueError: it is none that the model can take.
        """
        where = f"{where} ({self.who})"
        x, y, weights = unpack(item, where, self.with_targets)
        x, shape = inputs(self.model, f"x of {where}", x)
        if len(x) == 0:
            raise ValueError(f"There are no samples in {where}.")
        if self.finite:
            data.check_finite(f"x of {where}", x, self.model.dtype, ", or pass check_finite=False")
        self.model.check_memory(shape, len(x))
        if not self.with_targets:
            self.model.build((None, *shape))
            return Batch(x)
        y = targets(self.model, f"y of {where}", x, y, shape)
        weights = sample_weights(f"sample_weight of {where}", weights, len(x))
        if (weigh := class_weighting(self.class_weight, self.model.output_of(shape))) is not None:
            weights = weigh(y, weights)
        self.model.build((None, *shape))
        return Batch(x, y, weights)


def unpack(item: Any, where: str, with_targets: bool) -> tuple[Any, Any, Any]:
    """Return (x, y, weights) of what a Sequence or a generator gave for a batch."""
    parts = tuple(item) if isinstance(item, (tuple, list)) else (item,)
    if not (2 if with_targets else 1) <= len(parts) <= 3:
        forms = "(x, y) or (x, y, sample_weight)"
        raise DTypeError(
            f"{where[:1].upper()}{where[1:]} must be {forms if with_targets else f'x, {forms}'}, "
            f"got {_in_words(item)}."
        )
    x, y, weights = (*parts, None, None)[:3]
    return x, y, weights


def _in_words(item: Any) -> str:
    if isinstance(item, (tuple, list)):
        return f"a {type(item).__name__} of {len(item)}"
    shape = getattr(item, "shape", None)
    return f"{type(item).__name__}" + ("" if shape is None else f" of shape {shape}")
