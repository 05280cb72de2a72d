"""The names that a Keras program imports from `keras.utils`."""

from numcnn.seeds import set_random_seed
from numcnn.utils import np_utils, vis_utils
from numcnn.utils.np_utils import to_categorical
from numcnn.utils.vis_utils import plot_model

__all__ = ["np_utils", "plot_model", "set_random_seed", "to_categorical", "vis_utils"]
