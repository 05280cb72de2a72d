"""Keras 3's place for `keras.preprocessing.image`."""

from numcnn.preprocessing.image import *  # noqa: F403
from numcnn.preprocessing.image import __all__ as __all__
