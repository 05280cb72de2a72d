"""Keras's own test modules, run on numcnn, and what became of each test."""

import importlib
import re
import sys
import types
import unittest

from keras_own.cases import adapted
from keras_own.stand_ins import MODULES, LayerStandIn, Module

# What stopped a test, from the last line of its traceback.
REASONS = [
    (r"Missing: (.*)", r"\1"),
    (r"TypeError: (\w+) has no argument '(\w+)'.*", r"\1(\2)"),
    (r"TypeError: (\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", r"\1(\2)"),
    (r"ValueError: thresholds must be one number from 0 to 1, got \[.*", "several thresholds"),
    (r"ValueError: Unknown interpolation of UpSampling2D '(\w+)'.*", r"UpSampling2D, \1"),
    (r"ValueError: (ema_momentum|use_ema|ema_overwrite_frequency)=.*", "moving averages"),
    (r"ValueError: ignore_class=.*", "SparseCategoricalCrossentropy(ignore_class)"),
    (r".*not 'SparseTensor'|.*Sparse is unsupported with backend \w+", "sparse tensors"),
    (r".*AttributeError: '\w+' object has no attribute .*", "what Keras's objects have inside"),
    (r".*dtype must be 'float32' or 'float64', got.*", "other types"),
    (r".*Cannot convert a symbolic tf.Tensor.*", "symbolic tensors"),
    (r"ValueError: Only instances of `keras.Layer`.*", "models of Keras"),
    (r"ValueError: Could not interpret optimizer identifier.*", "models of Keras"),
    (r"ModuleNotFoundError: No module named 'scipy'", "SciPy, which is not installed"),
]


def test_module(name):
    """Return a test module of the installed Keras."""
    kept = sys.modules.get("conftest")
    sys.modules["conftest"] = stub = types.ModuleType("conftest")  # Keras's is not installed
    stub.skip_if_backend = lambda *args, **kwargs: lambda test: test
    try:
        return importlib.import_module(f"keras.src.{name}")
    finally:
        del sys.modules["conftest"]
        if kept is not None:
            sys.modules["conftest"] = kept


def stand_ins(module, kind):
    """Return what stands in for the names of a test module: its modules, and its classes."""
    found = {}
    for name, value in vars(module).items():
        if isinstance(value, types.ModuleType) and value.__name__.startswith("keras.src."):
            if name in MODULES:
                found[name] = Module(name, *MODULES[name])
            elif value.__name__.split(".")[2] == kind:
                found[name] = Module(kind, *MODULES[kind])
        elif isinstance(value, type) and hasattr(MODULES[kind][0], name):
            found[name] = getattr(Module(kind, *MODULES[kind]), name)
    return found


def reason(traceback):
    """Return why a test could not run, or the line itself."""
    lines = [line for line in traceback.splitlines() if line and not line.startswith(" ")]
    last = lines[-1].removeprefix("keras_own.stand_ins.")
    for pattern, words in REASONS:
        if re.fullmatch(pattern, last):
            return re.sub(pattern, words, last)
    return last


def run(name, kind, engine, patch):
    """Run a test module on an engine.

    Returns:
        How many tests passed, how many Keras itself skips, and why not for each of the others.
    """
    module = test_module(name)
    for attribute, stand_in in stand_ins(module, kind).items():
        patch.setattr(module, attribute, stand_in)
    patch.setattr(LayerStandIn, "engine", engine)
    passed, skipped, failed = 0, 0, {}
    for case in list(vars(module).values()):
        own = isinstance(case, type) and case.__module__ == module.__name__
        if not own or not issubclass(case, unittest.TestCase):
            continue
        case = adapted(case)
        for test in unittest.TestLoader().getTestCaseNames(case):
            result = unittest.TestResult()
            case(test).run(result)
            wrong = [traceback for _, traceback in result.errors + result.failures]
            if result.skipped or any("\nSkipped: " in traceback for traceback in wrong):
                skipped += 1
            elif wrong:
                failed[f"{case.__name__}.{test}"] = reason(wrong[0])
            else:
                passed += 1
    return passed, skipped, failed
