"""Pictures of a network: how it is built and computes, how it learned, what it sees, where it errs.

    what it is built of      architecture
    how it computes          im2col, max_pool_routing
    how it learned           learning_curves, filters_over_time
    what it sees             activations, feature_maps, filters, saliency
    where it is wrong        misclassified, confusion_matrix
    the data                 sample_grid

Every drawing function returns a `matplotlib.figure.Figure` to show or to `save`. Nothing here uses
pyplot, a display or global state, and matplotlib is imported only when a picture is drawn.

All figures are 8 inches wide, so text keeps one size when a page shows them side by side. Two
colours that a colour-blind reader can tell apart carry meaning, and line style or words repeat it.
"""

from numcnn.plotting.bars import bars
from numcnn.plotting.confusion import confusion_counts, confusion_matrix
from numcnn.plotting.curves import learning_curves
from numcnn.plotting.images import (
    feature_maps,
    filters,
    filters_over_time,
    misclassified,
    sample_grid,
)
from numcnn.plotting.insight import activations, saliency
from numcnn.plotting.style import save
from numcnn.plotting.volumes import architecture
from numcnn.plotting.windows import im2col, max_pool_routing

__all__ = [
    "activations",
    "architecture",
    "bars",
    "confusion_counts",
    "confusion_matrix",
    "feature_maps",
    "filters",
    "filters_over_time",
    "im2col",
    "learning_curves",
    "max_pool_routing",
    "misclassified",
    "saliency",
    "sample_grid",
    "save",
]
