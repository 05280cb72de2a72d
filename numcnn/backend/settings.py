"""The settings that a Keras program reads and sets: float type, epsilon and image layout."""

from typing import Literal

DataFormat = Literal["channels_last", "channels_first"]

_floatx = "float32"
_epsilon = 1e-7
_image_data_format: DataFormat = "channels_last"


def floatx() -> str:
    """Return the float type of new layers: 'float32' unless `set_floatx` was called."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Set the float type of layers made from now on, 'float32' or 'float64'."""
    global _floatx
    if dtype not in ("float32", "float64"):
        raise ValueError(f"floatx must be 'float32' or 'float64', got {dtype!r}.")
    _floatx = dtype


def epsilon() -> float:
    """Return the small number that keeps divisions and logarithms finite, 1e-7 unless set."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the small number that keeps divisions and logarithms finite."""
    global _epsilon
    if isinstance(value, str) or not 0 < float(value) < 1:
        raise ValueError(f"epsilon must lie between 0 and 1, got {value!r}.")
    _epsilon = float(value)


def image_data_format() -> DataFormat:
    """Return 'channels_last' (N, H, W, C), the default, or 'channels_first' (N, C, H, W)."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the layout of images for layers made from now on."""
    global _image_data_format
    if data_format == "channels_last":
        _image_data_format = "channels_last"
    elif data_format == "channels_first":
        _image_data_format = "channels_first"
    else:
        raise ValueError(
            f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}."
        )


KERAS_1_WORDS: list[str] = []  # a program that uses these words is of Keras 1.0 to 2.2


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the layout in Keras 1's words: 'tf' is 'channels_last', 'th' is 'channels_first'.

    Example:
        >>> set_image_dim_ordering("tf")
        >>> image_dim_ordering(), image_data_format()
        ('tf', 'channels_last')
    """
    if dim_ordering not in ("tf", "th"):
        raise ValueError(f"dim_ordering must be 'tf' or 'th', got {dim_ordering!r}.")
    set_image_data_format("channels_last" if dim_ordering == "tf" else "channels_first")
    KERAS_1_WORDS.append("set")


def image_dim_ordering() -> str:
    """Return the layout in Keras 1's words."""
    KERAS_1_WORDS.append("asked")
    return "tf" if _image_data_format == "channels_last" else "th"


def backend() -> str:
    """Return what computes: 'numcnn', where Keras says 'tensorflow'."""
    return "numcnn"


def clear_session() -> None:
    """Do nothing: there is no session and no graph; a model is gone when nothing refers to it."""
