"""What the layers, losses and optimizers should compute, in plain loops.

Nothing here is fast or clever, and nothing comes from numcnn: each function is one formula, written
index by index, so that it can be seen to be right. All work for floats, whole numbers and, where a
derivative is defined, complex numbers, for derivatives by a complex step.
"""

from oracles.activations import *  # noqa: F403
from oracles.basics import *  # noqa: F403
from oracles.images import *  # noqa: F403
from oracles.layers import *  # noqa: F403
from oracles.losses import *  # noqa: F403
from oracles.optimizers import *  # noqa: F403
from oracles.windows import *  # noqa: F403
