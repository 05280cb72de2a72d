"""Weights, numbers of steps and data sets: the numbers that Keras 3 gets for the same program."""

import json
from pathlib import Path

import numpy as np
import pytest
from vectors.make_feeding import CASES, train

import numcnn
from numcnn import backend

RECORDED = json.loads((Path(__file__).parent / "vectors" / "feeding.json").read_text())


@pytest.mark.filterwarnings("ignore:The data ran out")
@pytest.mark.parametrize("name", CASES)
def test_the_same_program_gives_the_numbers_of_keras(name):
    backend.set_floatx("float64")
    found, expected = train(numcnn, CASES[name]), RECORDED["cases"][name]
    assert set(found["history"]) == set(expected["history"])
    for key, values in expected["history"].items():
        np.testing.assert_allclose(found["history"][key], values, rtol=1e-6, err_msg=key)
    for a, b in zip(found["weights"], expected["weights"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found["evaluated"], expected["evaluated"], rtol=1e-6)
    np.testing.assert_allclose(found["predicted"], expected["predicted"], rtol=1e-6)


def test_a_weight_more_would_be_seen():
    cases = RECORDED["cases"]
    assert len({json.dumps(cases[name]["weights"]) for name in CASES}) >= 6
