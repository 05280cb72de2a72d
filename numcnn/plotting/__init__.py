"""Pictures of a network: how it learned, what it sees, and where it is wrong.

Every drawing function returns a `matplotlib.figure.Figure` to show or to `save`. Nothing here uses
pyplot, a display or global state, and matplotlib is imported only when a picture is drawn.

All figures are 8 inches wide, so text keeps one size when a page shows them side by side. Two
colours that a colour-blind reader can tell apart carry meaning, and line style or words repeat it.
"""

from numcnn.plotting.confusion import confusion_counts, confusion_matrix
from numcnn.plotting.curves import learning_curves
from numcnn.plotting.images import feature_maps, filters, misclassified, sample_grid
from numcnn.plotting.style import save

__all__ = [
    "confusion_counts",
    "confusion_matrix",
    "feature_maps",
    "filters",
    "learning_curves",
    "misclassified",
    "sample_grid",
    "save",
]
