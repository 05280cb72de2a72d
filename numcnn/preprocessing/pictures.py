"""What is done to one picture: the functions beside ImageDataGenerator, under Keras's names.

Pictures are (H, W, C) or (C, H, W); `row_axis`, `col_axis` and `channel_axis` say which.
"""

import os
from typing import Any

import numpy as np

from numcnn.errors import DTypeError, ShapeError, unknown_name
from numcnn.preprocessing.affine import FILL_MODES, ORDERS, STILL, backwards_maps, look_up

Array = np.ndarray[Any, Any]


def apply_affine_transform(
    x: Array,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Array:
    """Return a picture turned by theta degrees, shifted, sheared by `shear` degrees and zoomed.

    affine.py has the formula. A zoom of 2 makes things half as large, since it says how far apart
    the pixels are that are looked up.

    Raises:
        ShapeError: x has no three axes, or they are not those named; ValueError: fill_mode or order
        is none.
    """
    check_axes(x, row_axis, col_axis, channel_axis)
    check_mode(fill_mode, order)
    h, w = x.shape[row_axis], x.shape[col_axis]
    how = np.array([[theta, tx, ty, shear, zx, zy]], float)
    if (how == STILL).all():
        return x
    matrices, offsets = backwards_maps(how, h, w)
    picture = np.moveaxis(x, channel_axis, 2)[None]
    moved = look_up(picture, matrices, offsets, fill_mode, cval, order)
    return np.ascontiguousarray(np.moveaxis(moved[0], 2, channel_axis))


def apply_channel_shift(x: Array, intensity: float, channel_axis: int = 0) -> Array:
    """Return x + intensity, not below the least of x nor above the greatest."""
    return np.clip(x + np.asarray(intensity, x.dtype), x.min(), x.max())


def apply_brightness_shift(x: Array, brightness: float, scale: bool = True) -> Array:
    """Return a picture whose values, taken as whole numbers from 0 to 255, are multiplied.

    Values between 0 and 1 become 0, as in Keras: brighten pictures before they are divided by 255.

    Args:
        x: (H, W, C) with 1, 3 or 4 channels; the fourth is not changed.
        brightness: the factor.
        scale: whether the least value is made 0 and the greatest 255 first. That is also done where
            a value is below 0 or above 255.
    """
    if x.shape[-1] not in (1, 3, 4):
        raise ShapeError(f"brightness needs 1, 3 or 4 channels in the last axis, got {x.shape}.")
    low, high = x.min(), x.max()
    beyond = bool(low < 0 or high > 255)
    values = x.astype(np.float32)
    if beyond or scale:
        values = values - values.min()
        if values.max() != 0:
            values = values / values.max()
        values = values * 255
    whole = values.astype(np.uint8)
    brighter = np.trunc(np.float32(brightness) * whole.astype(np.float32))
    found = np.clip(brighter, 0, 255).astype(np.float32)
    if x.shape[-1] == 4:
        found[..., 3] = whole[..., 3]
    if beyond and not scale:
        found = found / 255 * (high - low) + low
    return found


def flip_axis(x: Array, axis: int) -> Array:
    """Return x with an axis in reverse."""
    return np.flip(x, axis)


def random_rotation(x: Array, rg: float, *axes: int, **kwargs: Any) -> Array:
    """Return x turned by between -rg and rg degrees."""
    return _moved(x, axes, kwargs, theta=np.random.uniform(-rg, rg))


def random_shift(x: Array, wrg: float, hrg: float, *axes: int, **kwargs: Any) -> Array:
    """Return x shifted by shares of its width and height, up to wrg and hrg."""
    named = dict(zip(("row_axis", "col_axis", "channel_axis"), axes, strict=False)) | kwargs
    h, w = x.shape[named.get("row_axis", 1)], x.shape[named.get("col_axis", 2)]
    tx = np.random.uniform(-hrg, hrg) * h
    return _moved(x, axes, kwargs, tx=tx, ty=np.random.uniform(-wrg, wrg) * w)


def random_shear(x: Array, intensity: float, *axes: int, **kwargs: Any) -> Array:
    """Return x sheared by between -intensity and intensity degrees."""
    return _moved(x, axes, kwargs, shear=np.random.uniform(-intensity, intensity))


def random_zoom(x: Array, zoom_range: tuple[float, float], *axes: int, **kwargs: Any) -> Array:
    """Return x zoomed by two numbers between those of zoom_range."""
    zx, zy = 1.0, 1.0
    if tuple(zoom_range) != (1, 1):
        zx, zy = np.random.uniform(zoom_range[0], zoom_range[1], 2)
    return _moved(x, axes, kwargs, zx=zx, zy=zy)


def random_channel_shift(x: Array, intensity_range: float, channel_axis: int = 0) -> Array:
    """Return x plus a number between -intensity_range and intensity_range."""
    intensity = np.random.uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis)


def random_brightness(x: Array, brightness_range: tuple[float, float], scale: bool = True) -> Array:
    """Return x brightened by a factor between those of brightness_range."""
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)


def img_to_array(img: Any, data_format: str | None = None, dtype: str | None = None) -> Array:
    """Return a picture as an array (H, W, C) of floats; one without channels gets one.

    img: whatever NumPy can convert, such as a picture of Pillow.
    """
    from numcnn import backend

    if isinstance(img, (str, bytes, os.PathLike)):
        raise DTypeError(
            f"img must be a picture, got the name {img!r}: read it with load_img first."
        )
    x = np.asarray(img, dtype or backend.floatx())
    if x.ndim not in (2, 3):
        raise ShapeError(f"img must have 2 or 3 axes, got shape {x.shape}.")
    first = (data_format or backend.image_data_format()) == "channels_first"
    if x.ndim == 2:
        return x[None] if first else x[..., None]
    return x.transpose(2, 0, 1) if first else x


def check_axes(x: Any, *axes: int) -> None:
    """Raise unless x is a picture whose three axes are these."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iuf":
        raise DTypeError(f"A picture must be an array of numbers, got {type(x).__name__}.")
    if x.ndim != 3 or sorted(axes) != [0, 1, 2]:
        raise ShapeError(
            f"A picture has three axes, rows, columns and channels; got shape {x.shape} and the "
            f"axes {axes}."
        )


def check_mode(fill_mode: Any, order: Any) -> None:
    """Raise unless there is such a fill_mode and such an order of interpolation."""
    if fill_mode not in FILL_MODES:
        raise unknown_name("fill_mode", fill_mode, FILL_MODES)
    if order not in ORDERS:
        raise ValueError(
            f"interpolation_order must be 0 (the nearest pixel) or 1 (between four), got {order!r}."
        )


def _moved(x: Array, axes: tuple[int, ...], kwargs: dict[str, Any], **how: Any) -> Array:
    named = dict(zip(("row_axis", "col_axis", "channel_axis"), axes, strict=False)) | kwargs
    if "interpolation_order" in named:
        named["order"] = named.pop("interpolation_order")
    return apply_affine_transform(x, **how, **named)
