"""Data before training, under the names that Keras programs import: `image`."""

from numcnn.preprocessing import image

__all__ = ["image"]
