"""Where epsilon stands in RMSprop: libraries differ, so tests ask instead of assuming."""

import numpy as np

from numcnn.optimizers import RMSprop


def epsilon_stands_inside():
    """Return whether RMSprop divides by sqrt(v + epsilon), not by sqrt(v) + epsilon."""
    p = np.zeros(1)
    RMSprop(1.0, rho=0.0, epsilon=1.0).step([p], [np.array([2.0])])
    inside, outside = -2 / np.sqrt(4 + 1), -2 / (np.sqrt(4) + 1)
    assert min(abs(p[0] - inside), abs(p[0] - outside)) < 1e-12
    return bool(abs(p[0] - inside) < 1e-12)
