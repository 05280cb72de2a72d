"""The names that a Keras program imports from `keras.utils`."""

from numcnn.preprocessing.dataset import image_dataset_from_directory
from numcnn.preprocessing.files import array_to_img, load_img, save_img
from numcnn.preprocessing.pictures import img_to_array
from numcnn.seeds import set_random_seed
from numcnn.utils import np_utils, vis_utils
from numcnn.utils.fetch import get_file
from numcnn.utils.np_utils import normalize, to_categorical
from numcnn.utils.sequence import PyDataset, Sequence
from numcnn.utils.vis_utils import plot_model

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "get_file",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "np_utils",
    "plot_model",
    "save_img",
    "set_random_seed",
    "to_categorical",
    "vis_utils",
]
