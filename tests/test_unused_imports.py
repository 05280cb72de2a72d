"""Imports that are refused, and those that a program never uses."""

import subprocess
import sys
import textwrap

import pytest

from numcnn.legacy.unused import never_used


def run(tmp_path, program):
    """Run a program from a file of its own; return its output, what it said, and how it ended."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(program))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
    return done.stdout, done.stderr, done.returncode


def test_a_program_goes_on_without_what_it_never_uses(tmp_path):
    out, said, rc = run(
        tmp_path,
        """
        from numcnn.models import Sequential
        from numcnn.layers import Concatenate
        from numcnn.layers import (
            Dense, LSTM,
            Lambda as Own,
        )
        from numcnn.applications import VGG16, ResNet50
        from numcnn.applications.vgg16 import preprocess_input
        from numcnn.callbacks import RemoteMonitor
        print(Sequential([Dense(2, input_shape=(3,))]).count_params())
        """,
    )
    assert (out, rc) == ("8\n", 0)
    for name in (
        "layers.Concatenate",
        "layers.LSTM",
        "layers.Lambda",
        "applications",
        "RemoteMonitor",
    ):
        assert f"{name} is imported and never used" in said
    assert "program.py:3: UserWarning" in said
    assert "Nearest: numcnn.models.Sequential" in said


@pytest.mark.parametrize(
    "program",
    [
        "from numcnn.layers import Concatenate\nConcatenate()",
        "from numcnn.layers import Concatenate as M\nclass Net(M): pass",
        "from numcnn.layers import Concatenate\ndef later():\n    return Concatenate",
        "from numcnn.layers import Dense, LSTM\nprint(LSTM)",
        "from numcnn.layers import Concatenate\n__all__ = ['Concatenate']",
        "from numcnn.applications import VGG16\nVGG16(weights='imagenet')",
        "import numcnn.applications",
        "from numcnn.layers.nothing import *",
    ],
)
def test_what_is_used_is_refused(tmp_path, program):
    path = tmp_path / "program.py"
    path.write_text(program)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "MissingModuleError: numcnn" in done.stderr


def test_within_a_function_or_with_the_import_fails_at_once(tmp_path):
    for line in (
        "def f():\n    {}\nf()",
        "import contextlib\nwith contextlib.nullcontext():\n    {}",
    ):
        path = tmp_path / "program.py"
        path.write_text(line.format("from numcnn.layers import LSTM"))
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
        assert done.returncode == 1
        assert "MissingModuleError: numcnn.layers has no 'LSTM'" in done.stderr


def test_within_try_the_import_fails_as_its_author_expects(tmp_path):
    out, said, rc = run(
        tmp_path,
        """
        try:
            from numcnn.layers import LayerNormalization
        except ImportError:
            print("without")
        """,
    )
    assert (out, said, rc) == ("without\n", "", 0)


def test_lines_that_are_typed_are_refused():
    with pytest.raises(ImportError, match="functional API"):
        exec("from numcnn.layers import Concatenate", {})
    done = subprocess.run(
        [sys.executable, "-c", "from numcnn.layers import Concatenate"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "MissingModuleError" in done.stderr


def test_a_stand_in_that_is_reached_after_all_is_the_error(tmp_path):
    _, said, rc = run(
        tmp_path,
        """
        from numcnn.layers import Concatenate
        vars()["Concat" + "enate"]()
        """,
    )
    assert rc == 1
    assert "MissingNameError: numcnn.layers has no 'Concatenate'" in said


def test_a_file_that_is_no_python_is_not_understood(tmp_path):
    path = tmp_path / "cells.py"
    path.write_text("%matplotlib inline\nfrom numcnn.layers import Concatenate\n")
    assert not never_used(str(path), 2, "numcnn.layers.Concatenate")
