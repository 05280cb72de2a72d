"""Model, the name that Keras gives to all models: here a row of layers is the only kind."""

from typing import Any

from numcnn.errors import DTypeError

NOT_HERE = (
    "The functional API is not here: a model is a row of layers. Nearest: "
    "numcnn.models.Sequential. What is here and what is not: examples/README.md."
)


class Model:
    """What a `Sequential` is, so that `isinstance(model, Model)` says so, as in Keras.

    Programs import the name beside Sequential and many never use it. Who calls it, or writes a
    subclass, is told what there is.

    Example:
        >>> from numcnn.models import Sequential
        >>> isinstance(Sequential(), Model)
        True
        >>> Model([], [])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        numcnn.errors.DTypeError: Model(inputs, outputs): The functional API is not here: ...
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "Model":
        """Make a row of layers, and nothing else."""
        if cls is Model:
            raise DTypeError(f"Model(inputs, outputs): {NOT_HERE}")
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a subclass that is no row of layers."""
        super().__init_subclass__(**kwargs)
        if not hasattr(cls, "layers_in_a_row"):
            raise DTypeError(f"class {cls.__name__}(Model): {NOT_HERE}")
