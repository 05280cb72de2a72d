"""For tests of layers, your own too: what Hypothesis can draw, and properties stated in one call.

A layer of your own, tested on random shapes in five lines:

    from hypothesis import given
    from numcnn import testing

    @given(shape=testing.batch_shapes(), seed=testing.seeds())
    def test_my_layer(shape, seed):
        testing.check_all(MyLayer(), shape, seed=seed)

Two halves. What is drawn (strategies.py, geometry.py, layouts.py): shapes of batches, of none too;
windows that fit their images; arrays of whole numbers, whose sums are exact, and of floats of all
sizes; every way in which an array can lie in memory. And what must hold (checks.py): each check is
a function of a layer and a batch that raises `PropertyError` or `GradientError`.

The checks need NumPy alone. What is drawn needs Hypothesis, which comes with the extra `test`:
pip install 'numcnn[test]'. It is imported when the first strategy is asked for.
"""

from typing import TYPE_CHECKING, Any

from numcnn.errors import GradientError, PropertyError
from numcnn.testing.checks import (
    CHECKS,
    check_adjoint,
    check_all,
    check_config,
    check_gradient,
    check_layouts,
    check_memory,
    check_repeats,
    check_samples,
    check_shapes,
)
from numcnn.testing.geometry import Geometry
from numcnn.testing.layouts import LAYOUTS, in_layout

if TYPE_CHECKING:
    from numcnn.testing.strategies import (
        batch_shapes,
        batch_sizes,
        float_arrays,
        geometries,
        laid_out,
        seeds,
        whole_arrays,
    )

__all__ = [
    "CHECKS",
    "LAYOUTS",
    "Geometry",
    "GradientError",
    "PropertyError",
    "batch_shapes",
    "batch_sizes",
    "check_adjoint",
    "check_all",
    "check_config",
    "check_gradient",
    "check_layouts",
    "check_memory",
    "check_repeats",
    "check_samples",
    "check_shapes",
    "float_arrays",
    "geometries",
    "in_layout",
    "laid_out",
    "seeds",
    "whole_arrays",
]


def __getattr__(name: str) -> Any:
    """Import what needs Hypothesis when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from numcnn.testing import strategies

    return getattr(strategies, name)
