"""Images before training, as Keras programs import it: `from keras.preprocessing.image import ...`.

generator.py has ImageDataGenerator, flow.py its batches, pictures.py what is done to one picture,
and affine.py how a picture is turned, shifted, sheared and zoomed.
"""

from numcnn.preprocessing.flow import Iterator, NumpyArrayIterator
from numcnn.preprocessing.generator import ImageDataGenerator
from numcnn.preprocessing.pictures import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    array_to_img,
    flip_axis,
    img_to_array,
    load_img,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

__all__ = [
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
]
