"""Data before training, under the names that Keras programs import: `image`."""

from numcnn.preprocessing import image
from numcnn.preprocessing.dataset import image_dataset_from_directory

__all__ = ["image", "image_dataset_from_directory"]
