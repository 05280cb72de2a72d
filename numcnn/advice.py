"""Warnings about what runs but cannot be meant, said once per model when training begins."""

import warnings
from typing import Any

import numpy as np

from numcnn.layers.activations import Linear, ReLU
from numcnn.layers.base import Layer
from numcnn.layers.conv2d import Conv2D
from numcnn.layers.dense import Dense
from numcnn.layers.names import Activation
from numcnn.layers.softmax import Softmax
from numcnn.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss
from numcnn.optimizers import Adadelta, Optimizer

Array = np.ndarray[Any, Any]


def advise(
    x: Array | None, layers: list[Layer], loss: Loss, optimizer: Optimizer, stacklevel: int
) -> None:
    """Warn of large inputs, of Adadelta's rate, and of a last activation that the loss is not for.

    x: samples to look at; None where there are none yet.
    """
    if x is not None and 50 < (largest := x.max()) < np.inf:
        warnings.warn(
            f"x holds values up to {largest:g}. Networks learn faster and better from small "
            "numbers: for pixels, divide by 255 (x / 255). Training goes on as it is.",
            stacklevel=stacklevel + 1,
        )
    if isinstance(optimizer, Adadelta) and optimizer.learning_rate == 0.001:
        warnings.warn(
            "Adadelta's learning rate is 0.001, as in Keras 3, and its steps are so short that an "
            "epoch changes little. Programs for Keras 2 mean Adadelta(learning_rate=1.0), which "
            "was the default then. Training goes on as it is.",
            stacklevel=stacklevel + 1,
        )
    last = layers[-1]
    ending = last.activation if isinstance(last, (Conv2D, Dense, Activation)) else last
    text = ""
    if isinstance(ending, Softmax) and last.sample_output_shape[-1] == 1:
        text = "A softmax over one output is always 1. Use a sigmoid, or one output per class."
    elif isinstance(ending, Softmax) and isinstance(loss, BinaryCrossentropy):
        text = (
            "binary_crossentropy takes each output as a yes or no of its own; for classes that "
            "exclude each other, as after a softmax, use categorical_crossentropy."
        )
    elif (
        isinstance(loss, CategoricalCrossentropy)
        and not loss.from_logits
        and isinstance(ending, (Linear, ReLU))
    ):
        text = (
            f"{loss.name} needs probabilities, but the last layer ends in "
            f"{type(ending).__name__}. End the model in a softmax, or use a loss with "
            "from_logits=True."
        )
    if text:
        warnings.warn(f"{text} Training goes on as it is.", stacklevel=stacklevel + 1)
