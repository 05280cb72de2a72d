"""An import of something that is not here, in a program that never uses it.

Many scripts begin with more names than they need: `from keras.models import Sequential, Model`, and
then a Sequential alone. To refuse such a script would be true and of no use. So where the finder
(paths.py) is about to refuse an import, the program is read: where the name stands in the import
and nowhere else, a stand-in is given, with a warning; calling it is the error that the import
would have been. All else is that error at once: a name that is used, an import within `try`, `with`
or a function, whose author wants to know, and a line that was typed rather than read from a file.
"""

import ast
import linecache
import os
import sys
import warnings
from types import ModuleType
from typing import Any, NoReturn

from numcnn.errors import MissingNameError


class Unused(ModuleType):
    """A name that is imported and not used."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.__path__: list[str] = []
        self.why = why

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return Unused(f"{self.__name__}.{name}", self.why)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Say that it is not here."""
        raise MissingNameError(self.why, name=None, obj=None)


def stand_in(fullname: str, why: str) -> Unused | None:
    """Return a stand-in for a module or name that is not here, if the program never uses it.

    fullname: such as 'numcnn.models.Model'. why: what is said where it is used all the same.
    """
    place = _importer()
    if place is None or not never_used(*place, fullname):
        return None
    path, line = place
    name = fullname.removeprefix("numcnn.")
    text = f"{name} is imported and never used, so the program goes on without it. {why}"
    warnings.warn_explicit(text, UserWarning, path, line)
    return Unused(fullname, why)


def _importer() -> tuple[str, int] | None:
    """Return the file and the line of the import, where it is a program's own."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        inside = path.startswith("<frozen") or path.startswith(os.path.dirname(__file__))
        if not inside:
            return (path, frame.f_lineno) if os.path.isfile(path) else None
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def never_used(path: str, line: int, fullname: str) -> bool:
    """Return whether what the import statement in this line binds for a name is used nowhere."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return False
    nodes = list(ast.walk(tree))
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.lineno <= line <= (node.end_lineno or line):
            module = node.module or ""
            for alias in node.names:
                if f"{module}.{alias.name}" == fullname or f"{module}.".startswith(f"{fullname}."):
                    bound.add(alias.asname or alias.name)
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    used = {node.id for node in nodes if isinstance(node, ast.Name)} | texts
    return bool(bound) and "*" not in bound and not bound & used
