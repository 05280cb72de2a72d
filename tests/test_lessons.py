"""The library as a book: what each public name tells its reader, and that its example runs.

The rules, for layers, losses, optimizers, initializers and metrics:

- Every public name has an Example that computes something, and it runs.
- A class that computes, and a function that takes or returns an array, has Math and Shapes too.
  Initializers take no arrays, so theirs is Math alone.
- The example of a layer goes forward and backward, that of a loss shows its gradient, that of an
  optimizer takes a step.
- A layer that keeps something for backward says under Keeps what, and no other layer does.
- `backward` quotes the line of `forward` that it differentiates, `gradient` that of `value`.
- d means the gradient of the loss and nothing else: no dy/dx in a docstring.
- Every file stands in its folder's reading order, and is short enough for one sitting.

Pictures, gradient checks and callbacks need an example; callbacks that compute need Math.
"""

import ast
import doctest
import inspect
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from numcnn import (
    callbacks,
    constraints,
    gradcheck,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    plotting,
    regularizers,
)
from numcnn.callbacks import base, monitor
from numcnn.initializers import Initializer
from numcnn.layers import Layer, im2col
from numcnn.losses import Loss
from numcnn.optimizers import Optimizer, schedules

ARRAY = inspect.signature(im2col.im2col).return_annotation
BOOKS = [layers, losses, optimizers, initializers, metrics]
FILES = sorted(path for book in BOOKS for path in Path(book.__file__).parent.glob("*.py"))
NEEDS = {
    Layer: ("Math", "Shapes", "Example"),
    Loss: ("Math", "Shapes", "Example"),
    Optimizer: ("Math", "Shapes", "Example"),
    Initializer: ("Math", "Example"),
    regularizers.Regularizer: ("Math", "Shapes", "Example"),
    constraints.Constraint: ("Math", "Shapes", "Example"),
    metrics.Metric: ("Math", "Shapes", "Example"),
    schedules.LearningRateSchedule: ("Math", "Example"),
}
CALLS = {Layer: ".backward(", Loss: ".gradient(", Optimizer: ".step("}


def functions_of(module):
    """Return the public functions that a module defines."""
    found = inspect.getmembers(module, inspect.isfunction)
    return [f for name, f in found if name[0] != "_" and f.__module__ == module.__name__]


def classes_of(module):
    """Return the public classes that a module defines, each once, in order."""
    found = {c for _, c in inspect.getmembers(module, inspect.isclass)}
    own = [c for c in found if c.__module__ == module.__name__]
    return sorted(own, key=lambda c: c.__name__)


def named(package):
    """Return the classes and functions that a package's __all__ names, each once."""
    things = {id(thing): thing for thing in (getattr(package, n) for n in package.__all__)}
    return [thing for thing in things.values() if callable(thing)]


LESSONS = [thing for book in BOOKS for thing in named(book)]
LESSONS += functions_of(im2col) + functions_of(schedules)
for room in (regularizers, constraints):
    LESSONS += [*functions_of(room), *classes_of(room)]
LESSONS += [schedules.LearningRateSchedule, *schedules.SCHEDULES.values()]
OTHERS = named(plotting) + [c for c in named(callbacks) if c.__module__ != base.__name__]
OTHERS += [check for check in named(gradcheck) if inspect.isfunction(check)]


def sections(thing):
    """Return the sections of a docstring: heading -> text."""
    pieces = re.split(r"^(\w+):\n(?=    )", inspect.cleandoc(thing.__doc__ or ""), flags=re.M)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def needs(thing):
    """Return the sections that a lesson must have."""
    if isinstance(thing, type):
        return next(needed for kind, needed in NEEDS.items() if issubclass(thing, kind))
    signature = inspect.signature(thing)
    types = [p.annotation for p in signature.parameters.values()]
    takes_or_returns = ARRAY in [*types, signature.return_annotation]
    return ("Math", "Shapes", "Example") if takes_or_returns else ("Example",)


def run(thing):
    """Run the examples of a docstring; return what is wrong with them."""
    where = inspect.getmodule(thing)
    found = doctest.DocTestFinder(recurse=False).find(
        thing, thing.__name__, globs=dict(vars(where)), module=False
    )
    examples = [example for test in found for example in test.examples]
    if any(doctest.SKIP in example.options for example in examples):
        return ["an example is skipped"]
    if not any(example.want for example in examples):
        return ["no example shows a result"]
    said = []
    for test in found:
        doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return said


def calls(thing):
    """Return what the example should call and does not."""
    kinds = [kind for kind in CALLS if isinstance(thing, type) and issubclass(thing, kind)]
    example = sections(thing).get("Example", "")
    wanted = [CALLS[kind] for kind in kinds]
    return [f"the example does not call {name}...)" for name in wanted if name not in example]


def parsed(function):
    """Return a function's syntax tree."""
    return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]


def stored(function):
    """Return the names that a function assigns, and y, for that is what forward returns."""
    nodes = list(ast.walk(parsed(function)))
    names = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    kept = {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    return names | kept | {"y"}


def passes_on(function):
    """Return whether a function is one line that returns dy or another one's answer."""
    tree = parsed(function)
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    lines = [ast.unparse(statement) for statement in body]
    known = r"return dy|return .*\.(backward|gradient)\(.*\)|raise .*"
    return len(lines) == 1 and re.fullmatch(known, lines[0]) is not None


def quotes(cls):
    """Return what is wrong with the lines that backward, or gradient, quotes."""
    pair = ("forward", "backward") if issubclass(cls, Layer) else ("value", "gradient")
    if not issubclass(cls, (Layer, Loss)) or pair[1] not in vars(cls):
        return []
    there, back = getattr(cls, pair[0]), getattr(cls, pair[1])
    if passes_on(back):
        return []
    found = re.findall(r"^ +# (\w+) \W?= (.*)$", inspect.getsource(back), flags=re.M)
    if not found:
        return [f"{pair[1]} quotes no line of {pair[0]}"]
    words = set(re.findall(r"\w\w+", inspect.getsource(there)))
    return [
        f"{pair[1]} quotes {name} = {line}, which {pair[0]} does not compute"
        for name, line in found
        if name not in stored(there)
        or not set(re.findall(r"[a-z_]\w+", line.split(", ")[0])) <= words
    ]


def keeps(cls):
    """Return what is wrong with what a layer says that it keeps."""
    if not issubclass(cls, Layer) or "forward" not in vars(cls):
        return []
    does, says = "kept" in stored(cls.forward), "Keeps" in sections(cls)
    if does and not says:
        return ["forward keeps something and Keeps is missing"]
    return ["Keeps, yet nothing is kept"] if says and not does else []


def in_order(text):
    """Return the files in a reading order: `1. base.py  what it teaches`, or several in a line."""
    found = re.findall(r"^ *(?:\d+\. )?(\w+\.py)|, (\w+\.py)", text, flags=re.M)
    return {first or second for first, second in found}


def wrong_slopes(text):
    """Return the places where d is something else than the gradient of the loss."""
    return re.findall(r"\bd\w+(?:\[[^\]]*\])?/d\w+(?:\[[^\]]*\])?", text)


def faults(thing):
    """Return all that is wrong with a lesson."""
    found = [f"{name} is missing" for name in needs(thing) if name not in sections(thing)]
    found += calls(thing)
    if isinstance(thing, type):
        found += quotes(thing) + keeps(thing)
    return found + run(thing)


@pytest.mark.parametrize("thing", LESSONS, ids=lambda t: f"{t.__module__}.{t.__name__}")
def test_a_lesson_is_whole_and_its_example_runs(thing):
    assert faults(thing) == []


@pytest.mark.parametrize("thing", OTHERS, ids=lambda t: f"{t.__module__}.{t.__name__}")
def test_what_users_call_has_an_example(thing):
    assert "Example" in sections(thing)
    assert run(thing) == []


@pytest.mark.parametrize("cls", [c for c in OTHERS if c.__module__ == monitor.__name__])
def test_callbacks_that_compute_say_what(cls):
    assert "Math" in sections(cls)


def test_the_lists_are_not_empty():
    assert {"Conv2D", "MeanSquaredError", "Adam", "HeNormal"} <= {t.__name__ for t in LESSONS}
    assert {"col2im", "binary_accuracy", "softmax"} <= {t.__name__ for t in LESSONS}
    assert {"filters", "check_layer", "EarlyStopping"} <= {t.__name__ for t in OTHERS}


@pytest.mark.parametrize("book", [layers, losses, metrics, optimizers], ids=lambda b: b.__name__)
def test_every_file_stands_in_the_reading_order(book):
    there = {path.name for path in Path(book.__file__).parent.glob("*.py")} - {"__init__.py"}
    assert in_order(book.__doc__) == there


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_file_is_read_in_one_sitting(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    assert first.endswith(".") or first.endswith('?".')


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_d_is_the_gradient_of_the_loss(path):
    found = wrong_slopes(path.read_text(encoding="utf-8"))
    assert found == [], "write the slope of y in x as ∂y/∂x"


# ---- the rules themselves: each refuses a lesson that breaks it ----


class Doubled(Layer):
    """Twice x.

    Math:
        y = 2 * x, dx = 2 * dy

    Shapes:
        x, y: any, the same.

    Keeps:
        x, to show how.

    Example:
        >>> doubled = Doubled()
        >>> doubled.forward(np.ones(2), training=True)
        array([2., 2.])
        >>> doubled.backward(np.ones(2))
        array([2., 2.])
    """

    def forward(self, x, training=False):
        if training:
            self.kept = x
        y = 2 * x
        return y

    def backward(self, dy):
        # y = 2 * x
        dx = 2 * dy
        return dx


def test_a_good_lesson_has_no_faults():
    assert faults(Doubled) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Math:", "Formula:", "Math is missing"),
        ("Shapes:", "Sizes:", "Shapes is missing"),
        ("Example:", "Use:", "Example is missing"),
        ("Example:\n", "Example:\n\n", "Example is missing"),
        (">>>", "$", "no example shows a result"),
        ("array([2., 2.])\n", "", "no example shows a result"),
        ("doubled = Doubled()", "doubled = Doubled()  # doctest: +SKIP", "an example is skipped"),
        ("array([2., 2.])", "array([3., 3.])", "Failed example"),
        ("doubled.backward", "doubled.forward", "the example does not call .backward(...)"),
        ("Keeps:", "Holds:", "forward keeps something and Keeps is missing"),
    ],
)
def test_a_bad_docstring_is_refused(old, new, fault, monkeypatch):
    assert old in Doubled.__doc__
    monkeypatch.setattr(Doubled, "__doc__", Doubled.__doc__.replace(old, new))
    assert any(fault in said for said in faults(Doubled))


def test_a_bad_quote_is_refused(monkeypatch):
    def no_quote(self, dy):
        dx = 2 * dy
        return dx

    def stale_name(self, dy):
        # z = 2 * x
        dx = 2 * dy
        return dx

    def stale_line(self, dy):
        # y = np.exp(x), as once
        dx = 2 * dy
        return dx

    for backward, fault in [
        (no_quote, "backward quotes no line of forward"),
        (stale_name, "backward quotes z = 2 * x, which forward does not compute"),
        (
            stale_line,
            "backward quotes y = np.exp(x), as once, which forward does not compute",
        ),
    ]:
        monkeypatch.setattr(Doubled, "backward", backward)
        assert faults(Doubled) == [fault]


@pytest.mark.parametrize(
    ("cls", "call"),
    [(losses.MeanSquaredError, ".gradient("), (optimizers.SGD, ".step(")],
    ids=["loss", "optimizer"],
)
def test_an_example_that_shows_half_is_refused(cls, call, monkeypatch):
    monkeypatch.setattr(cls, "__doc__", cls.__doc__.replace(call, ".name and ("))
    assert f"the example does not call {call}...)" in faults(cls)


def test_a_slope_written_with_d_is_refused():
    text = "dy/dx is 1, dx_hat[j]/dx[i] is not, ∂y/∂x is, and/or a/b too"
    assert wrong_slopes(text) == ["dy/dx", "dx_hat[j]/dx[i]"]


def test_a_file_that_is_not_in_the_reading_order_is_missed():
    text = "See other.py.\n\n1. base.py   what it is\n10. names.py, arguments.py\n   more.py  it\n"
    assert in_order(text) == {"base.py", "names.py", "arguments.py", "more.py"}


def test_keeps_without_anything_kept_is_refused(monkeypatch):
    def forward(self, x, training=False):
        y = 2 * x
        return y

    monkeypatch.setattr(Doubled, "forward", forward)
    assert faults(Doubled) == ["Keeps, yet nothing is kept"]


def test_a_function_on_arrays_needs_math_and_a_function_on_sizes_does_not():
    def on_arrays(x: ARRAY) -> ARRAY:
        return x

    def on_sizes(size: int) -> int:
        return size

    assert needs(on_arrays) == ("Math", "Shapes", "Example")
    assert needs(on_sizes) == ("Example",)
    assert needs(np.vectorize(on_sizes).pyfunc) == ("Example",)
