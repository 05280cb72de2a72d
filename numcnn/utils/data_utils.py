"""Keras 2's place for these: `from keras.utils.data_utils import Sequence, get_file`."""

from numcnn.utils.fetch import get_file
from numcnn.utils.sequence import PyDataset, Sequence

__all__ = ["PyDataset", "Sequence", "get_file"]
