"""Make images.npz: what Keras's ImageDataGenerator, which calls SciPy and Pillow, does with images.

    python tests/vectors/make_images.py     in an environment with keras, scipy and pillow

Images are small, of whole numbers that float32 holds exactly; `about` is a JSON text with versions.
tests/preprocessing/test_vectors_images.py runs the same cases with numcnn.
"""

import json
import os
from pathlib import Path

import numpy as np

MOVES = {
    "turned": {"theta": 33.0},
    "shifted": {"tx": 1.25, "ty": -2.5},
    "sheared": {"shear": 20.0},
    "zoomed": {"zx": 0.7, "zy": 1.6},
    "all": {"theta": -80.0, "tx": 3.0, "ty": 0.5, "shear": -15.0, "zx": 1.3, "zy": 0.9},
    "far": {"tx": 40.0, "ty": -37.0, "theta": 5.0},
}
MODES = ("nearest", "constant", "reflect", "wrap")
RANDOM = {
    "rotation": {"rotation_range": 25},
    "shifts": {"width_shift_range": 0.2, "height_shift_range": 0.3},
    "whole shifts": {"width_shift_range": 3, "height_shift_range": [1, 2.5]},
    "shear": {"shear_range": 30.0, "fill_mode": "constant", "cval": 7.0},
    "zoom": {"zoom_range": 0.4, "fill_mode": "reflect"},
    "zooms": {"zoom_range": [0.5, 0.8], "fill_mode": "wrap"},
    "channels": {"channel_shift_range": 60.0},
    "brightness": {"brightness_range": (0.4, 1.7)},
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "rescale": {"rescale": 1 / 255},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "featurewise": {"featurewise_center": True, "featurewise_std_normalization": True},
    "whitening": {"zca_whitening": True, "featurewise_center": True, "zca_epsilon": 0.1},
    "nearest pixel": {"rotation_range": 40, "interpolation_order": 0},
    "first": {"rotation_range": 20, "data_format": "channels_first", "zoom_range": 0.2},
    "all": {
        "rotation_range": 15, "width_shift_range": 0.1, "height_shift_range": 0.1,
        "shear_range": 10.0, "zoom_range": 0.2, "channel_shift_range": 20.0,
        "horizontal_flip": True, "rescale": 0.5, "samplewise_center": True,
    },
}  # fmt: skip


def images(channels=3):
    """Return 5 images of 7 by 5."""
    return np.random.default_rng(channels).integers(0, 256, (5, 7, 5, channels)).astype("float32")


def moved(module, name, mode, order, channels):
    """Return an image moved by any Keras."""
    kwargs = {"row_axis": 0, "col_axis": 1, "channel_axis": 2, "fill_mode": mode, "cval": 9.0}
    x = images(channels)[0]
    return module.apply_affine_transform(x, **MOVES[name], **kwargs, order=order)


def batches(module, name):
    """Return two epochs of batches, once asked for by number and once one after the other."""
    options = dict(RANDOM[name])
    x, y = images(), np.arange(5)
    if options.get("data_format") == "channels_first":
        x = x.transpose(0, 3, 1, 2)
    generator = module.ImageDataGenerator(**options)
    if "featurewise_center" in options:
        generator.fit(x)
    numbered = generator.flow(x, y, batch_size=2, seed=11)
    found = [numbered[i] for i in (0, 1, 2)]
    numbered.on_epoch_end()
    found += [numbered[i] for i in (2, 0)]
    in_turn = generator.flow(x, y, batch_size=2, seed=5)
    found += [next(in_turn) for _ in range(4)]
    np.random.seed(3)
    unseeded = generator.flow(x, y, batch_size=4, shuffle=False)
    found += [next(unseeded) for _ in range(2)]
    return np.concatenate([b[0] for b in found]), np.concatenate([b[1] for b in found])


def singles(module):
    """Return what functions of one image give, by name."""
    x = images()[1]
    last = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    np.random.seed(9)
    found = {
        "rotation": module.random_rotation(x, 30, **last),
        "shift": module.random_shift(x, 0.2, 0.4, **last),
        "shear": module.random_shear(x, 30, **last),
        "zoom": module.random_zoom(x, (0.6, 1.2), **last),
        "channel shift": module.random_channel_shift(x, 50, 2),
        "brightness": module.random_brightness(x, (0.5, 1.5)),
        "bright": module.apply_brightness_shift(x, 1.3, False),
        "bright beyond": module.apply_brightness_shift(x * 2 - 60, 0.8, False),
        "bright alpha": module.apply_brightness_shift(images(4)[0], 0.8, False),
        "bright grey": module.apply_brightness_shift(images(1)[0], 1.9, False),
    }
    datagen = module.ImageDataGenerator(rotation_range=20, zoom_range=0.3, horizontal_flip=True)
    found["transform"] = datagen.random_transform(x, seed=4)
    centred = module.ImageDataGenerator(featurewise_center=True, rotation_range=30, rescale=0.5)
    centred.fit(images(), augment=True, rounds=2, seed=6)
    found["mean"] = centred.mean
    return found


def all_cases(module):
    """Yield (name, array)."""
    for name in MOVES:
        for mode in MODES:
            for order in (0, 1):
                for channels in (1,) if order else (2,):
                    case = f"{name}/{mode}/{order}/{channels}"
                    yield case, moved(module, name, mode, order, channels)
    for name in RANDOM:
        x, y = batches(module, name)
        yield f"{name}/x", x
        yield f"{name}/y", y
    for name, x in singles(module).items():
        yield f"single/{name}", x


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras
    import scipy
    import scipy.ndimage
    from keras.src.legacy.preprocessing import image

    scipy.ndimage.interpolation = scipy.ndimage  # where Keras still looks for it
    about = json.dumps({"keras": keras.__version__, "scipy": scipy.__version__})
    arrays = dict(all_cases(image))
    path = Path(__file__).with_name("images.npz")
    np.savez_compressed(path, about=np.frombuffer(about.encode(), np.uint8), **arrays)
    print(about, path.stat().st_size)
