"""The names that a Keras program imports from `keras.utils`."""

from numcnn.seeds import set_random_seed
from numcnn.utils import np_utils
from numcnn.utils.np_utils import to_categorical

__all__ = ["np_utils", "set_random_seed", "to_categorical"]
