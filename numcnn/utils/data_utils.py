"""Keras 2's place for `Sequence`: `from keras.utils.data_utils import Sequence`."""

from numcnn.utils.sequence import PyDataset, Sequence

__all__ = ["PyDataset", "Sequence"]
