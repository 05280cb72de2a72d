"""Picture files: read into a picture of Pillow, as Keras does, and written from arrays.

numcnn has no reader of its own for PNG or JPEG and needs none: matplotlib, which it needs anyway,
brings Pillow along. So the pixels are those that Keras's functions give, which call Pillow too. A
file is data from elsewhere: what Pillow refuses is one error that names the file, and pictures of
more pixels than Pillow thinks sound are refused before they are unpacked.
"""

import io
import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import backend
from numcnn.errors import DataFileError, DTypeError, ShapeError, unknown_name
from numcnn.files import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray[Any, Any]
COLORS = {"rgb": 3, "rgba": 4, "grayscale": 1}
"""The modes of colour, and how many channels each has."""
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".gif")


def load_img(
    path: Any,
    color_mode: str | bool = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
    grayscale: bool = False,
) -> "Image":
    """Return the picture in a file, as a picture of Pillow; `img_to_array` makes an array of it.

    Args:
        path: a file's name, or an io.BytesIO.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        target_size: (height, width) to which it is resized; None leaves it.
        interpolation: how: 'nearest', 'bilinear', 'bicubic', 'hamming', 'box' or 'lanczos'.
        keep_aspect_ratio: whether what is too wide or too high is cut off rather than squeezed.
        grayscale: Keras 2's word for color_mode='grayscale'.

    Raises:
        FileNotFoundError: there is no such file. DataFileError: it is no picture that Pillow can
        read. ValueError: an argument is not one of these.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_img(f"{folder}/a.png", np.zeros((4, 6, 3)))
        ...     load_img(f"{folder}/a.png", target_size=(2, 3)).size
        (3, 2)
    """
    if isinstance(color_mode, bool):  # Keras 2's second argument was `grayscale`
        mode = "grayscale" if color_mode else "rgb"
    else:
        mode = "grayscale" if grayscale else color_mode
    if mode not in COLORS:
        raise unknown_name("color_mode", mode, COLORS)
    size = None if target_size is None else height_and_width("target_size", target_size)
    if interpolation not in INTERPOLATIONS:
        raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
    image = _opened(path)
    wanted = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}[mode]
    if image.mode != wanted and not (mode == "grayscale" and image.mode in ("I;16", "I")):
        image = image.convert(wanted)
    if size is None or image.size == size[::-1]:
        return image
    return _resized(image, size, interpolation, keep_aspect_ratio)


def _opened(path: Any) -> "Image":
    from PIL import Image

    if isinstance(path, io.BytesIO):
        name, data = "the bytes", path.getvalue()
    elif isinstance(path, (str, bytes, os.PathLike)):
        name = os.fsdecode(path)
        with open_regular(name) as file:
            data = file.read()
    else:
        raise DTypeError(f"path must be a file's name or an io.BytesIO, got {path!r}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            image.load()
    except (
        *(OSError, SyntaxError, ValueError, EOFError, LookupError, ArithmeticError),
        *(Image.DecompressionBombError, Image.DecompressionBombWarning, TypeError),
    ) as error:  # Pillow's readers raise all of these for files that are damaged
        raise DataFileError(f"{name}: not a picture that can be read ({error})") from error
    return image


def _resized(image: "Image", size: tuple[int, int], how: str, keep_aspect_ratio: bool) -> "Image":
    from PIL import Image

    h, w = size
    width, height = image.size
    box = (0, 0, width, height)
    if keep_aspect_ratio:
        inner_h, inner_w = min(height, width * h // w), min(width, height * w // h)
        top, left = (height - inner_h) // 2, (width - inner_w) // 2
        box = (left, top, left + inner_w, top + inner_h)
    return image.resize((w, h), Image.Resampling[how.upper()], box)


def height_and_width(what: str, size: Any) -> tuple[int, int]:
    """Return (height, width); a third number, such as channels, is let pass as in Keras."""
    if isinstance(size, (int, np.integer)) and not isinstance(size, bool):
        size = (size, size)
    try:
        h, w = (int(n) for n in tuple(size)[:2])
    except (TypeError, ValueError):
        raise DTypeError(f"{what} must be (height, width), got {size!r}.") from None
    if h < 1 or w < 1:
        raise ValueError(f"{what} must be (height, width) of at least 1, got {size!r}.")
    return h, w


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None
) -> "Image":
    """Return an array (H, W, C) as a picture of Pillow.

    Args:
        x: with 1, 3 or 4 channels.
        data_format: 'channels_last', 'channels_first'; by default the backend's.
        scale: whether the least number becomes 0 and the greatest 255 first.
        dtype: the type in which that is computed.

    Example:
        >>> np.asarray(array_to_img(np.array([[[1.0], [2.0], [3.0]]])))
        array([[  0, 127, 255]], dtype=uint8)
    """
    from PIL import Image

    if isinstance(x, (str, bytes, os.PathLike)):
        raise DTypeError(f"x must be an array (H, W, C), got {x!r}.")
    x = np.asarray(x, dtype or backend.floatx())
    if x.ndim != 3:
        raise ShapeError(f"A picture has three axes, got an array of shape {x.shape}.")
    if (data_format or backend.image_data_format()) == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4) or not x.size:
        raise ShapeError(f"A picture has pixels and 1, 3 or 4 channels, got shape {x.shape}.")
    if scale:
        x = x - x.min()
        greatest = x.max()
        x = (x / greatest if greatest else x) * 255
    if x.shape[2] == 1:
        x = x[:, :, 0]
        return Image.fromarray(x.astype("int32" if x.max() > 255 else "uint8"))
    return Image.fromarray(x.astype("uint8"))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (H, W, C) to a picture file.

    Args:
        path: the file's name; its ending says the format.
        x: see `array_to_img`.
        data_format: see `array_to_img`.
        file_format: the format, where the ending does not say it.
        scale: see `array_to_img`.
        **kwargs: those of Pillow's `Image.save`.
    """
    image = array_to_img(x, data_format, scale)
    ending = os.path.splitext(os.fspath(path))[1] if isinstance(path, (str, os.PathLike)) else ""
    kind = (file_format or ending.lstrip(".")).lower()
    kind = "jpeg" if kind == "jpg" else kind
    if kind == "jpeg" and image.mode == "RGBA":
        image = image.convert("RGB")
    image.save(path, format=kind or None, **kwargs)


def listed(
    folder: str | os.PathLike[str], endings: Iterable[str] = ENDINGS, follow_links: bool = False
) -> list[str]:
    """Return the names of the picture files in a folder and below, from there, in order.

    Order is that of the folders' paths, then of the names, as in Keras.
    """
    found = []
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links), key=lambda w: w[0]):
        inner = os.path.relpath(root, folder)
        found += [
            os.path.normpath(os.path.join(inner, name))
            for name in sorted(names)
            if name.lower().endswith(tuple(endings))
        ]
    return found


def classes_in(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names of the folders in a folder, sorted: each is a class.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such folder.
    """
    if not os.path.exists(folder):
        raise FileNotFoundError(
            f"{os.fspath(folder)}: no such folder. A folder of pictures has one folder in it for "
            "each class, with the files of that class."
        )
    return sorted(n for n in os.listdir(folder) if os.path.isdir(os.path.join(folder, n)))
