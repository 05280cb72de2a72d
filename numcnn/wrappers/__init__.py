"""Models in the clothes of other packages: scikit_learn."""

from numcnn.wrappers import scikit_learn

__all__ = ["scikit_learn"]
