"""Keras 3's place for what was `keras.preprocessing`."""

from numcnn.legacy.preprocessing import image

__all__ = ["image"]
