"""What the tests of plotting draw, and where they look in a figure."""

import numpy as np

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker"]
NAMES += ["Bag", "Ankle boot"]
HISTORY = {
    "loss": [0.31, 0.09, 0.05],
    "accuracy": [0.90, 0.97, 0.985],
    "val_loss": [0.12, 0.07, 0.06],
    "val_accuracy": [0.96, 0.98, 0.98],
}


def heading(figure):
    return figure.texts[0].get_text().replace("\n", " ")


def pictures(figure):
    return [axes for axes in figure.axes if axes.images]


def probabilities(classes, confidence, n_classes=10):
    p = np.full((len(classes), n_classes), 0.0)
    rest = (1 - np.asarray(confidence)) / (n_classes - 1)
    p[:] = rest[:, None]
    p[np.arange(len(classes)), classes] = confidence
    return p
