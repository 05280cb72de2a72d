"""Packages that numcnn can use and does not need: loaded when used, named when missing."""

import importlib
from typing import Any


def load(module: str, extra: str, what: str) -> Any:
    """Return a module of an optional package.

    Args:
        module: its name, as in an import statement.
        extra: the extra of numcnn that installs it.
        what: what needs it, for the error.

    Raises:
        ImportError: it is not installed.

    Example:
        >>> load("no_such_module", "keras", "Reading Keras's files")
        Traceback (most recent call last):
        ...
        ImportError: Reading Keras's files needs the package no_such_module, which is not \
installed: pip install 'numcnn[keras]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        if error.name != package:
            raise  # it is there, and something that it needs itself is not
        raise ImportError(
            f"{what} needs the package {package}, which is not installed: "
            f"pip install 'numcnn[{extra}]'",
            name=package,
        ) from None
