"""Keras 2's own methods for classes and probabilities; since 2.6 `predict` alone."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class ClassMethods:
    """predict_classes and predict_proba, as Keras 2 before 2.6 spells them."""

    predict: Any

    def predict_proba(self, x: Any, batch_size: int | None = 32, verbose: int | str = 0) -> Array:
        """Return the outputs, which are probabilities where the last activation makes them so."""
        outputs: Array = self.predict(x, batch_size=batch_size, verbose=verbose)
        return outputs

    def predict_classes(self, x: Any, batch_size: int | None = 32, verbose: int | str = 0) -> Array:
        """Return the number of the greatest output; where there is one output, whether it is > 0.5.

        Example:
            >>> from numcnn.layers import Dense
            >>> from numcnn.models import Sequential
            >>> model = Sequential([Dense(2, kernel_initializer="zeros", input_shape=(1,))])
            >>> model.predict_classes([[1.0], [2.0]])
            array([0, 0])
        """
        outputs = self.predict_proba(x, batch_size, verbose)
        if outputs.shape[-1] > 1:
            return np.asarray(outputs.argmax(axis=-1))
        return (outputs > 0.5).astype("int32")
