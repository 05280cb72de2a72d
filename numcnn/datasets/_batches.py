"""The batches of CIFAR: one file of images and labels, read without running what it says.

CIFAR is published in two forms. In the "python version" each batch is a pickle: a program for a
small machine, and Python's machine calls whatever function the file names, so a pickle of unknown
origin may do anything at all. In the "binary version" each image is a record of one or two labels
and 3072 pixels, and nothing in it can be misunderstood. Two ways were open:

- Read the binary version alone. The simplest code; but Keras keeps the python version, so its copy
  could not be used, and neither could most of those that people have lying about.
- Read the python version on a machine that calls nothing. That is what is done here, in two steps.
  No byte is looked at before a published hash says that the file is the published one: the SHA-256
  of the archive, or the MD5 of a batch (nobody has published another hash of those; nobody can make
  a second file for a given MD5 either). Then `pickletools`, which can only list a pickle's steps,
  lists them, and the machine below takes those two dozen that such a file has: they make numbers,
  texts, lists, tuples and dictionaries. Where the file wants NumPy's functions called, it is noted
  what for, and that is compared with what must stand there.

Python's own unpickler, with all names but three forbidden, would have been shorter; but it fills
its memory or its stack when a file asks for it, and "numcnn unpickles nothing" is easier to trust.
"""

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcnn.errors import DataFileError

Images = NDArray[np.uint8]
PIXELS = 3 * 32 * 32
"""Of an image: 32 rows of 32 in red, then in green, then in blue."""


class Batch(NamedTuple):
    """One of the files: its name, how many images it has, and the MD5 that it has."""

    name: str
    rows: int
    md5: str

    @property
    def most_bytes(self) -> int:
        """More than such a file has: pixels, labels and the names of the original pictures."""
        return self.rows * (PIXELS + 256) + 65536


def read(data: bytes, where: str, rows: int, labels: dict[str, int]) -> dict[str, Images]:
    """Return the arrays of a batch: "data", and one for each kind of labels.

    Args:
        data: the bytes of the file.
        where: what the file is called in errors.
        rows: how many images it must have.
        labels: the kinds of labels it must have, each with its number of classes.

    Returns:
        "data" of shape (rows, 3072) and labels of shape (rows,), all uint8.

    Raises:
        DataFileError: it is no such file.
    """
    try:
        found = _Machine().run(data)
    except DataFileError as error:
        raise DataFileError(f"{where}: {error}") from None
    except (ValueError, LookupError) as error:  # of pickletools, and of a stack that is empty
        raise DataFileError(f"{where}: not a sound pickle ({error})") from error
    if not isinstance(found, dict):
        raise DataFileError(f"{where}: holds {_kind(found)}, expected a dictionary")
    arrays = {"data": _pixels(found.get("data"), where, rows)}
    for kind, classes in labels.items():
        arrays[kind] = _labels(found.get(kind), where, kind, rows, classes)
    return arrays


def _pixels(found: object, where: str, rows: int) -> Images:
    """Return the array that NumPy would have made of what was noted."""
    expected = f"expected an array of {rows:,} x {PIXELS:,} bytes under 'data'"
    if not isinstance(found, _Made) or found.name != _ARRAY:
        raise DataFileError(f"{where}: holds {_kind(found)}, {expected}")
    state = found.state
    if not isinstance(state, tuple) or len(state) != 5:
        raise DataFileError(f"{where}: the array under 'data' is not as NumPy writes it")
    _, shape, dtype, fortran_order, pixels = state
    if not isinstance(dtype, _Made) or dtype.name != _TYPE or dtype.args[:1] != ("u1",):
        raise DataFileError(f"{where}: the numbers under 'data' are not bytes; {expected}")
    if shape != (rows, PIXELS) or fortran_order not in (False, 0) or not isinstance(pixels, str):
        raise DataFileError(f"{where}: the array under 'data' has another shape; {expected}")
    if len(pixels) != rows * PIXELS:
        raise DataFileError(f"{where}: {len(pixels):,} bytes stand under 'data'; {expected}")
    return np.frombuffer(pixels.encode("latin-1"), np.uint8).reshape(rows, PIXELS)


def _labels(found: object, where: str, kind: str, rows: int, classes: int) -> Images:
    if not isinstance(found, list) or len(found) != rows:
        raise DataFileError(
            f"{where}: holds {_kind(found)} under {kind!r}, expected a list of {rows:,} labels"
        )
    if not all(type(label) is int and 0 <= label < classes for label in found):
        raise DataFileError(f"{where}: {kind!r} must hold numbers from 0 to {classes - 1} alone")
    return np.array(found, np.uint8)


def _kind(found: object) -> str:
    if found is None:
        return "nothing"
    return (
        f"{type(found).__name__} of {len(found)}" if isinstance(found, list) else repr(type(found))
    )


_ARRAY, _TYPE = "numpy.core.multiarray _reconstruct", "numpy dtype"
_NAMES = (_ARRAY, _TYPE, "numpy ndarray")


class _Name:
    """A name that the file mentions, and nothing of what it means."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Made:
    """What the file wanted called, with what, and which state the result was to get."""

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        self.name, self.args, self.state = name, args, None


class _Machine:
    """Takes the steps of a pickle of Python 2; a text is what latin-1 makes of its bytes."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        """Return what the file describes, or raise for a step that no batch has."""
        for step, given, _ in pickletools.genops(data):
            if step.name == "STOP":
                return self.stack.pop()
            if step.name in _PUSHED:
                self.stack.append(_PUSHED[step.name](given))
            elif step.name in _STEPS:
                _STEPS[step.name](self, given)
            else:
                raise DataFileError(f"has a step {step.name}, which no batch of CIFAR has; refused")
        raise DataFileError("ends without a STOP")

    def top(self, kind: type) -> Any:
        """Return what lies on top, which must be of a kind."""
        if not isinstance(self.stack[-1], kind):
            raise DataFileError(f"changes something that is no {kind.__name__.strip('_')}")
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        """Take what was put on the stack since the last mark."""
        start = self.marks.pop()
        taken, self.stack[start:] = self.stack[start:], []
        return taken

    def put(self, items: list[Any]) -> None:
        """Put keys and values in turn into the dictionary on top."""
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                raise DataFileError("has a key that is no text")
            self.top(dict)[key] = value

    def tuple_of(self, n: int) -> None:
        """Make a tuple of the uppermost n."""
        self.stack.append(tuple([self.stack.pop() for _ in range(n)][::-1]))

    def name(self, name: str) -> None:
        """Note a name; refuse all but the three that an array of NumPy needs."""
        if name not in _NAMES:
            called = name.replace(" ", ".")
            raise DataFileError(f"asks for {called}, which no batch of CIFAR does; refused")
        self.stack.append(_Name(name))

    def call(self) -> None:
        """Note a call."""
        args = self.stack.pop()
        named = self.top(_Name)
        if not isinstance(args, tuple):
            raise DataFileError("calls something with what is no tuple")
        self.stack[-1] = _Made(named.name, args)

    def build(self) -> None:
        """Note a state."""
        state = self.stack.pop()
        self.top(_Made).state = state


_PUSHED: dict[str, Callable[[Any], Any]] = {
    "NONE": lambda given: None,
    "NEWTRUE": lambda given: True,
    "NEWFALSE": lambda given: False,
    "EMPTY_DICT": lambda given: {},
    "EMPTY_LIST": lambda given: [],
    "EMPTY_TUPLE": lambda given: (),
} | dict.fromkeys(
    ("BININT", "BININT1", "BININT2", "LONG1", "BINSTRING", "SHORT_BINSTRING"), lambda given: given
)
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda m, given: None,
    "MARK": lambda m, given: m.marks.append(len(m.stack)),
    "TUPLE": lambda m, given: m.stack.append(tuple(m.since_mark())),
    "TUPLE1": lambda m, given: m.tuple_of(1),
    "TUPLE2": lambda m, given: m.tuple_of(2),
    "TUPLE3": lambda m, given: m.tuple_of(3),
    "APPEND": lambda m, given: _append(m, [m.stack.pop()]),
    "APPENDS": lambda m, given: _append(m, m.since_mark()),
    "SETITEM": lambda m, given: m.put([m.stack.pop(-2), m.stack.pop()]),
    "SETITEMS": lambda m, given: m.put(m.since_mark()),
    "BINPUT": lambda m, given: m.memo.update({given: m.stack[-1]}),
    "LONG_BINPUT": lambda m, given: m.memo.update({given: m.stack[-1]}),
    "BINGET": lambda m, given: m.stack.append(m.memo[given]),
    "LONG_BINGET": lambda m, given: m.stack.append(m.memo[given]),
    "GLOBAL": lambda m, given: m.name(given),
    "REDUCE": lambda m, given: m.call(),
    "BUILD": lambda m, given: m.build(),
}


def _append(machine: _Machine, items: list[Any]) -> None:
    machine.top(list).extend(items)
