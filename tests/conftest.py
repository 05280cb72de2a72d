"""Hypothesis profiles, and settings, seeds and warnings once given as they were after each test.

HYPOTHESIS_PROFILE is dev (20 examples, the default), ci (40, the same ones each time; the default
where CI is set) or deep (1000).
"""

import os
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from numcnn import backend
from numcnn.layers import older
from numcnn.utils import set_random_seed


def pytest_configure(config):
    # What Hypothesis stores goes where pytest's own cache is, not beside the code.
    folder = config.rootpath / ".pytest_cache" / "hypothesis"
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(folder))
    os.umask(os.umask(0) | 0o022)  # kernels kept where anyone may write are warned of


# No clock decides: a machine may stop for minutes between two draws.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", untimed, max_examples=20)
settings.register_profile("ci", untimed, max_examples=40, derandomize=True)
settings.register_profile("legs", untimed, max_examples=15, derandomize=True)
settings.register_profile("deep", untimed, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(autouse=True)
def settings_and_seeds():
    """Put the backend's settings and the states of the random generators back after each test."""
    floatx, epsilon, layout = backend.floatx(), backend.epsilon(), backend.image_data_format()
    numpy_state, python_state = np.random.get_state(), random.getstate()
    yield
    older._SAID.clear()
    backend.settings.KERAS_1_WORDS.clear()
    backend.set_floatx(floatx)
    backend.set_epsilon(epsilon)
    backend.set_image_data_format(layout)
    set_random_seed(None)
    np.random.set_state(numpy_state)
    random.setstate(python_state)
