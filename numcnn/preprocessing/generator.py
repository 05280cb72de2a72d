"""ImageDataGenerator: batches of images, each changed a little at random and differently each time.

    datagen = ImageDataGenerator(rotation_range=10, zoom_range=0.1, width_shift_range=0.1)
    model.fit(datagen.flow(x_train, y_train, batch_size=128), epochs=10)

An image goes through this, in this order, where it is asked for:

    turned, shifted, sheared, zoomed (in one step: affine.py) -> channel shift -> flipped
    -> brightness -> preprocessing_function -> rescale -> samplewise centre and std
    -> featurewise centre and std -> whitening

The numbers are drawn as Keras draws them, from NumPy's global generator or, with a seed, from one
that begins at it: so a seed gives the images that it gives there.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn import backend
from numcnn.data import as_array, integer
from numcnn.errors import DTypeError, ShapeError, unknown_name
from numcnn.preprocessing.affine import STILL, backwards_maps, look_up
from numcnn.preprocessing.arguments import brightness_range as checked_brightness
from numcnn.preprocessing.arguments import number, shift_range
from numcnn.preprocessing.arguments import zoom_range as checked_zoom
from numcnn.preprocessing.flows import Flows
from numcnn.preprocessing.pictures import (
    apply_brightness_shift,
    apply_channel_shift,
    check_axes,
    check_mode,
)

Array = np.ndarray[Any, Any]
Changes = dict[str, Any]  # what is to be done to an image, by name


class ImageDataGenerator(Flows):
    """Make batches of images that are changed at random.

    Args:
        featurewise_center: whether the mean over the data, one for each channel, becomes 0; needs
            `fit`.
        samplewise_center: whether the mean of each image becomes 0.
        featurewise_std_normalization: whether the standard deviation over the data becomes 1.
        samplewise_std_normalization: whether that of each image becomes 1.
        zca_whitening: whether pixels are made independent of each other; needs `fit`.
        zca_epsilon: added to the singular values.
        rotation_range: up to how many degrees images are turned.
        width_shift_range: up to what share of the width, if below 1, or how many pixels, images are
            shifted; a whole number or a list means whole numbers of pixels, drawn from it.
        height_shift_range: likewise for the height.
        brightness_range: (least, greatest) factor.
        shear_range: up to how many degrees images are sheared.
        zoom_range: up to what share, or (least, greatest) factor for each axis.
        channel_shift_range: up to what number is added to all channels.
        fill_mode: what stands outside the image: 'nearest', 'constant', 'reflect' or 'wrap'.
        cval: the number for 'constant'.
        horizontal_flip: whether half of the images are mirrored left to right.
        vertical_flip: whether half of them are mirrored top to bottom.
        rescale: what the numbers are multiplied with.
        preprocessing_function: called with each image; returns one of the same shape.
        data_format: 'channels_last' or 'channels_first'; by default the backend's.
        validation_split: the share, from the beginning, that flow(subset="validation") gives.
        interpolation_order: 1, between four pixels, or 0, the nearest one.
        dtype: the type of the batches; by default the backend's floatx.

    Raises:
        ValueError, DTypeError: an argument is not one of these.

    Example:
        >>> x = np.arange(4, dtype="float32").reshape(1, 2, 2, 1)
        >>> batches = ImageDataGenerator(rescale=0.5).flow(x, shuffle=False)
        >>> batches[0].ravel()
        array([0. , 0.5, 1. , 1.5], dtype=float32)
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Array], Any] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: str | None = None,
    ) -> None:
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, number("zca_epsilon", zca_epsilon, 0)
        self.rotation_range = number("rotation_range", rotation_range, 0)
        self.width_shift_range = shift_range("width_shift_range", width_shift_range)
        self.height_shift_range = shift_range("height_shift_range", height_shift_range)
        self.brightness_range = checked_brightness(brightness_range)
        self.shear_range = number("shear_range", shear_range, 0)
        self.zoom_range = checked_zoom(zoom_range)
        self.channel_shift_range = number("channel_shift_range", channel_shift_range, 0)
        check_mode(fill_mode, interpolation_order)
        self.fill_mode, self.interpolation_order = fill_mode, interpolation_order
        self.cval = number("cval", cval)
        self.horizontal_flip, self.vertical_flip = bool(horizontal_flip), bool(vertical_flip)
        self.rescale = None if rescale is None else number("rescale", rescale)
        if preprocessing_function is not None and not callable(preprocessing_function):
            raise DTypeError(
                f"preprocessing_function must be a function, got {preprocessing_function!r}."
            )
        self.preprocessing_function = preprocessing_function
        self.data_format = data_format or backend.image_data_format()
        if self.data_format not in ("channels_last", "channels_first"):
            raise unknown_name("data_format", data_format, ["channels_last", "channels_first"])
        self.channel_axis, self.row_axis, self.col_axis = (
            (3, 1, 2) if self.data_format == "channels_last" else (1, 2, 3)
        )
        self.validation_split = number("validation_split", validation_split, 0)
        if self.validation_split >= 1:
            raise ValueError(f"validation_split must be below 1, got {validation_split!r}.")
        self.dtype = dtype or backend.floatx()
        self.mean: Array | None = None
        self.std: Array | None = None
        self.zca_whitening_matrix: Array | None = None
        self._settle()

    def _settle(self) -> None:
        """Switch on what another setting needs, and say so."""
        for asked, needed in (
            ("zca_whitening", "featurewise_center"),
            ("featurewise_std_normalization", "featurewise_center"),
            ("samplewise_std_normalization", "samplewise_center"),
        ):
            if getattr(self, asked) and not getattr(self, needed):
                setattr(self, needed, True)
                warnings.warn(f"{asked} needs {needed}, which is on now.", stacklevel=3)
        if self.zca_whitening and self.featurewise_std_normalization:
            self.featurewise_std_normalization = False
            warnings.warn(
                "zca_whitening does what featurewise_std_normalization does, which is off now.",
                stacklevel=3,
            )

    # ---- one image --------------------------------------------------------------------------

    def get_random_transform(self, img_shape: Any, seed: int | None = None) -> Changes:
        """Return what is to be done to an image of this shape, drawn at random.

        Returns:
            theta and shear in degrees, tx and ty in pixels, zx and zy, flip_horizontal and
            flip_vertical, channel_shift_intensity and brightness, which may be None.
        """
        return self.draw(img_shape, np.random if seed is None else np.random.RandomState(seed))

    def draw(self, img_shape: Any, rng: Any) -> Changes:
        """Return what `get_random_transform` returns, drawn from a generator."""
        theta = rng.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0
        tx = self._shift(self.height_shift_range, img_shape[self.row_axis - 1], rng)
        ty = self._shift(self.width_shift_range, img_shape[self.col_axis - 1], rng)
        shear = rng.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0
        zx, zy = 1, 1
        if self.zoom_range != [1, 1]:
            zx, zy = rng.uniform(*self.zoom_range, 2)
        flip_horizontal = (rng.random_sample() < 0.5) * self.horizontal_flip
        flip_vertical = (rng.random_sample() < 0.5) * self.vertical_flip
        intensity, brightness = None, None
        if self.channel_shift_range:
            intensity = rng.uniform(-self.channel_shift_range, self.channel_shift_range)
        if self.brightness_range is not None:
            brightness = rng.uniform(*self.brightness_range)
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": flip_horizontal,
            "flip_vertical": flip_vertical,
            "channel_shift_intensity": intensity,
            "brightness": brightness,
        }

    def _shift(self, range_: Any, size: int, rng: Any) -> Any:
        if isinstance(range_, float):
            if not range_:
                return 0
            shift = rng.uniform(-range_, range_)
            return shift * size if range_ < 1 else shift
        shift = rng.choice(range_)
        shift = shift * rng.choice([-1, 1])
        return shift * size if np.max(range_) < 1 else shift

    def apply_transform(self, x: Array, transform_parameters: Changes) -> Array:
        """Return an image with what `get_random_transform` returned done to it."""
        check_axes(x, self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1)
        return self.apply(x[None], [transform_parameters])[0]

    def apply(self, images: Array, changes: list[Changes]) -> Array:
        """Return images with what is to be done to each of them done."""
        moved = self._moved(images, changes)
        if not any(value for c in changes for key, value in c.items() if key not in _MOVES):
            return moved
        done = [self._changed(x, c) for x, c in zip(moved, changes, strict=True)]
        return np.stack(done)

    def _moved(self, images: Array, changes: list[Changes]) -> Array:
        """Return images turned, shifted, sheared and zoomed."""
        h, w = images.shape[self.row_axis], images.shape[self.col_axis]
        how = np.array([[c.get(name, 0) for name in _MOVES] for c in changes], float)
        how[:, 4:] = [[c.get(name, 1) for name in ("zx", "zy")] for c in changes]
        which = (how != STILL).any(axis=1)
        if not which.any():
            return images
        matrices, offsets = backwards_maps(how[which], h, w)
        last = np.moveaxis(images[which], self.channel_axis, 3)
        moved = look_up(
            last, matrices, offsets, self.fill_mode, self.cval, self.interpolation_order
        )
        found = images.copy()
        found[which] = np.moveaxis(moved, 3, self.channel_axis)
        return found

    def _changed(self, x: Array, change: Changes) -> Array:
        """Return an image with shifted channels, flipped, brightened."""
        if change.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, change["channel_shift_intensity"])
        if change.get("flip_horizontal", False):
            x = np.flip(x, self.col_axis - 1)
        if change.get("flip_vertical", False):
            x = np.flip(x, self.row_axis - 1)
        if change.get("brightness") is not None:
            last = np.moveaxis(x, self.channel_axis - 1, 2)
            bright = apply_brightness_shift(last, change["brightness"], scale=False)
            x = np.moveaxis(bright, 2, self.channel_axis - 1)
        return x

    def random_transform(self, x: Array, seed: int | None = None) -> Array:
        """Return an image changed at random."""
        return self.apply_transform(x, self.get_random_transform(np.shape(x), seed))

    def standardize(self, x: Array) -> Array:
        """Return an image or a batch, rescaled and normalised; where it holds floats, in place."""
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
            if not isinstance(x, np.ndarray) or x.dtype.kind not in "buif":
                raise DTypeError(
                    "preprocessing_function must return an image, an array of numbers, got "
                    f"{getattr(x, 'dtype', type(x).__name__)}."
                )
        if x.dtype.kind != "f":
            x = x.astype(self.dtype)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center:
            x -= self._fitted("featurewise_center", self.mean)
        if self.featurewise_std_normalization:
            x /= self._fitted("featurewise_std_normalization", self.std) + 1e-6
        if self.zca_whitening:
            matrix = self._fitted("zca_whitening", self.zca_whitening_matrix)
            x = (x.reshape(-1, len(matrix)) @ matrix).reshape(x.shape)
        return x

    def _fitted(self, what: str, found: Array | None) -> Array:
        if found is None:
            raise RuntimeError(f"{what} needs the generator's fit(x) first, on the training data.")
        return found

    # ---- the data as a whole ----------------------------------------------------------------

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Measure what the featurewise settings and whitening need.

        Args:
            x: the training data, (N, H, W, C), or (N, C, H, W) with 'channels_first'.
            augment: whether images are changed at random before.
            rounds: how many times then.
            seed: where the random numbers begin.
        """
        x = as_array("x", x).astype(self.dtype)
        if x.ndim != 4 or len(x) == 0:
            raise ShapeError(f"fit needs images (N, H, W, C), got an array of shape {x.shape}.")
        rng: Any = np.random if seed is None else np.random.RandomState(seed)
        rounds = integer("rounds", rounds, 1)
        if self.rescale:
            x *= self.rescale
        if augment:
            shape = x.shape[1:]
            x = np.concatenate([self.apply(x, [self.draw(shape, rng) for _ in x])
                                for _ in range(rounds)])  # fmt: skip
        axes = (0, self.row_axis, self.col_axis)
        by_channel = [1, 1, 1]
        by_channel[self.channel_axis - 1] = x.shape[self.channel_axis]
        mean, std, whitening = None, None, None
        if self.featurewise_center:
            mean = np.mean(x, axis=axes).reshape(by_channel)
            x -= mean
        if self.featurewise_std_normalization:
            std = np.std(x, axis=axes).reshape(by_channel)
            x /= std + 1e-6
        if self.zca_whitening:
            flat = x.reshape(len(x), math.prod(x.shape[1:]))
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            whitening = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))).dot(u.T)
        self.mean, self.std, self.zca_whitening_matrix = mean, std, whitening


_MOVES = ("theta", "tx", "ty", "shear", "zx", "zy")  # the changes that move pixels
