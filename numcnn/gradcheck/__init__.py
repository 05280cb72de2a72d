"""Gradient checks: is a backward pass the derivative of its forward pass?

A slope can be measured without any calculus, by walking a small step h to both sides:

    central difference     (f(x + h) - f(x - h)) / (2 h) = f'(x) + h**2 f'''(x) / 6 + ...

A small h makes the terms behind f' vanish, but the subtraction then cancels nearly all digits that
f has. In float64 f is known to 1e-16, and h = 1e-5 leaves 1e-11 of the slope; in float32 it would
leave 1e-2. So everything here runs in float64, whatever the layer's own type is.

A layer has many outputs. A random dy makes one number of them, f = sum(y * dy), and the gradient of
f is what backward(dy) must return. With ones instead of random numbers errors could hide: the
outputs of a softmax always sum to 1, so f would be flat and any backward that returns 0 be right.

Kinks. At x = 0 a ReLU has the slope 0 on the left and 1 on the right, and the central difference
sees 1/2. So the slopes of both sides are measured for each output. Where the gradient is not the
central difference but lies between the two sides, the measurement is repeated closer and closer,
which leaves most kinks behind. What lies between two different slopes even then is at a kink: the
entry is set aside, and the report counts it. Where the two sides agree, nothing is forgiven.

Beside single entries all are moved together, once by the same step and once in a random direction.
That reaches the entries of large arrays that were not chosen. And it finds gradients that are paid
out twice: when all pixels rise by h, so does the maximum of a window, however many share it.
"""

from numcnn.gradcheck.checks import check_layer, check_loss, check_model
from numcnn.gradcheck.report import ArrayReport, Entry, GradientReport

__all__ = ["ArrayReport", "Entry", "GradientReport", "check_layer", "check_loss", "check_model"]
