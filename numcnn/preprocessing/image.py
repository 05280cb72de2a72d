"""Images before training, as Keras programs import it: `from keras.preprocessing.image import ...`.

generator.py has ImageDataGenerator, flow.py its batches, from_files.py those of pictures in files;
pictures.py what is done to one picture, files.py how it is read and written, and affine.py how it
is turned, shifted, sheared and zoomed.
"""

from numcnn.preprocessing.files import array_to_img, load_img, save_img
from numcnn.preprocessing.flow import Iterator, NumpyArrayIterator
from numcnn.preprocessing.from_files import DataFrameIterator, DirectoryIterator
from numcnn.preprocessing.generator import ImageDataGenerator
from numcnn.preprocessing.pictures import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    flip_axis,
    img_to_array,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "flip_axis",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
]
