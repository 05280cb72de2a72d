"""The names that a Keras program imports from `keras.utils`."""

from numcnn.seeds import set_random_seed
from numcnn.utils import np_utils, vis_utils
from numcnn.utils.np_utils import normalize, to_categorical
from numcnn.utils.sequence import PyDataset, Sequence
from numcnn.utils.vis_utils import plot_model

__all__ = [
    "PyDataset",
    "Sequence",
    "normalize",
    "np_utils",
    "plot_model",
    "set_random_seed",
    "to_categorical",
    "vis_utils",
]
