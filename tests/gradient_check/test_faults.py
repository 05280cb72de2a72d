"""What is wrong beside the numbers is named: shapes, types, arrays written to, errors."""

import numpy as np
import pytest
from gradient_check.wrong import Scale

from numcnn.gradcheck import check_layer


def broken(name, **methods):
    return type(name, (Scale,), methods)()


def without_gradient(self, dy):
    return dy * self.params["w"]


def of_another_shape(self, dy):
    dx = Scale.backward(self, dy)
    self.grads["w"] = self.grads["w"][None]
    return dx


def with_a_typing_error(self, dy):
    dx = Scale.backward(self, dy)
    self.grads["W"] = self.grads["w"]
    return dx


def of_not_a_number(self, dy):
    return Scale.backward(self, dy) * np.nan


def that_returns_nothing(self, dy):
    Scale.backward(self, dy)


def that_writes_dy(self, dy):
    dx = Scale.backward(self, dy)
    dy *= 2
    return dx


def that_writes_x(self, dy):
    dx = Scale.backward(self, dy)
    self.kept *= 2
    return dx


def that_writes_w(self, dy):
    dx = Scale.backward(self, dy)
    self.params["w"] *= 2
    return dx


def that_works_once(self, dy):
    dx = Scale.backward(self, dy)
    self.kept = 0 * self.kept
    return dx


def in_float32(self, x, training=False):
    return Scale.forward(self, x, training).astype("float32")


def at_random(self, x, training=False):
    return Scale.forward(self, x, training) + np.random.rand()


def of_infinity(self, x, training=False):
    return Scale.forward(self, x, training) + np.inf


def promised_otherwise(self, shape):
    return (*shape, 1)


@pytest.mark.parametrize(
    ("method", "function", "text"),
    [
        ("backward", without_gradient, "gradient of w is missing, expected (4,)"),
        ("backward", of_another_shape, "gradient of w has the shape (1, 4), expected (4,)"),
        ("backward", with_a_typing_error, "sets grads['W'], but there is no such parameter"),
        ("backward", of_not_a_number, "gradient of x has numbers that are not finite"),
        ("backward", that_returns_nothing, "gradient of x is missing, expected (3, 4)"),
        ("backward", that_writes_dy, "changes dy in place"),
        ("backward", that_writes_x, "changes x in place"),
        ("backward", that_writes_w, "changes w in place"),
        ("backward", that_works_once, "another gradient of w the second time"),
        ("forward", in_float32, "forward turns float64 into float32"),
        ("forward", at_random, "forward returns something else the second time"),
        ("forward", of_infinity, "forward returns numbers that are not finite"),
        ("compute_output_shape", promised_otherwise, "compute_output_shape says (3, 4, 1)"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_faults_are_named(method, function, text):
    report = check_layer(broken("Broken", **{method: function}), (3, 4))
    assert not report.ok
    assert any(text in fault for fault in report.faults), report.faults
    assert f"fault: {report.faults[0]}" in str(report)
