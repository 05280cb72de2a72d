"""Make keras_prices.npz: what Keras computes for prices and limits of weights and of outputs.

    cd tests; python -m vectors.make_prices     where keras and tensorflow-cpu are installed

Each case is a model of a few layers, its weights, a batch of five samples and how much each counts:
the loss of `evaluate` in batches of two, that of `train_on_batch`, and the weights after this one
step of SGD. make.py says how numbers are drawn and stored.
"""

import os
from pathlib import Path

import numpy as np
from vectors.make import Record, numbers

HERE = Path(__file__).resolve().parent
RATE = 0.125


def of(name, **arguments):
    """Return a regularizer or a constraint as a file describes it."""
    return {"class_name": name, "config": arguments}


L1, L2 = of("L1", l1=0.25), of("L2", l2=0.125)
BOTH = of("L1L2", l1=0.0625, l2=0.25)
IMAGE, FLAT = [4, 5, 2], [4]
END = [("Flatten", {}), ("Dense", {"units": 3})]

# name: (shape of a sample, loss, layers)
MODELS = {
    "depthwise": (IMAGE, "mse", [
        ("DepthwiseConv2D", {
            "kernel_size": 2, "depth_multiplier": 2, "depthwise_regularizer": BOTH,
            "bias_regularizer": L1, "bias_constraint": of("NonNeg"),
            "depthwise_constraint": of("MaxNorm", max_value=0.5, axis=[0, 1]),
        }), *END,
    ]),
    "separable": (IMAGE, "mse", [
        ("SeparableConv2D", {
            "filters": 2, "kernel_size": [3, 2], "depth_multiplier": 2,
            "depthwise_regularizer": L2, "pointwise_regularizer": L1, "bias_regularizer": BOTH,
            "depthwise_constraint": of("NonNeg"), "bias_constraint": of("UnitNorm", axis=0),
            "pointwise_constraint": of("UnitNorm", axis=[0, 1, 2]),
        }), *END,
    ]),
    "transpose": (IMAGE, "mse", [
        ("Conv2DTranspose", {
            "filters": 2, "kernel_size": 2, "kernel_regularizer": L2, "bias_regularizer": L1,
            "kernel_constraint": of("MinMaxNorm", min_value=0.5, max_value=1, rate=0.5, axis=0),
        }), *END,
    ]),
    "normalized": (IMAGE, "mse", [
        ("BatchNormalization", {
            "epsilon": 0.125, "gamma_regularizer": L2, "beta_regularizer": BOTH,
            "gamma_constraint": of("NonNeg"), "beta_constraint": of("MaxNorm", max_value=0.5),
        }), *END,
    ]),
    "prelu": (IMAGE, "mse", [
        ("PReLU", {
            "shared_axes": [1, 2], "alpha_regularizer": L1, "alpha_constraint": of("NonNeg"),
        }), *END,
    ]),
    "outputs of dense": (FLAT, "mse", [
        ("Dense", {"units": 6, "activation": "relu", "activity_regularizer": L1}),
        ("Dense", {"units": 3}),
    ]),
    "outputs at the end": (FLAT, "categorical_crossentropy", [
        ("Dense", {"units": 6, "activation": "tanh"}),
        ("Dense", {"units": 3, "activation": "softmax", "activity_regularizer": BOTH}),
    ]),
    "outputs of a convolution": (IMAGE, "mse", [
        ("Conv2D", {"filters": 2, "kernel_size": 2, "activity_regularizer": L2}),
        ("Activation", {"activation": "relu", "activity_regularizer": L1}), *END,
    ]),
    "outputs of all": (IMAGE, "mse", [
        ("BatchNormalization", {"epsilon": 0.125, "activity_regularizer": BOTH}),
        ("MaxPooling2D", {"activity_regularizer": L2}),
        ("Flatten", {"activity_regularizer": L1}),
        ("Dense", {"units": 3, "activity_regularizer": L2, "kernel_regularizer": L2}),
    ]),
    "outputs of what is frozen": (FLAT, "mse", [
        ("Dense", {
            "units": 6, "trainable": False, "activity_regularizer": L2, "kernel_regularizer": L1,
        }),
        ("Dense", {"units": 3}),
    ]),
    "a layer of its own": (FLAT, "mse", [
        ("Dense", {"units": 6}),
        ("ActivityRegularization", {"l1": 0.25, "l2": 0.125}),
        ("Dense", {"units": 3}),
    ]),
}  # fmt: skip


def make_keras_prices(path):
    """Record all of MODELS."""
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float64")
    record = Record(keras=keras.__version__, tensorflow=tf.__version__)
    for k, (name, (shape, loss, specs)) in enumerate(MODELS.items()):
        rng = np.random.default_rng(k)
        layers = [getattr(keras.layers, cls)(**arguments) for cls, arguments in specs]
        model = keras.Sequential([keras.Input(shape), *layers])
        model.compile(keras.optimizers.SGD(RATE), loss=loss)
        weights = [numbers(rng, *w.shape) for w in model.weights]
        for i, w in enumerate(model.weights):
            if w.path.endswith("moving_variance"):
                weights[i] = np.abs(weights[i]) + 0.5
        model.set_weights(weights)
        x, counts = numbers(rng, 5, *shape), np.array([1, 2, 0.5, 0, 1.5])
        y = np.eye(3)[rng.integers(0, 3, 5)]
        arrays = {"x": x, "y": y, "counts": counts}
        arrays["evaluated"] = model.evaluate(x, y, batch_size=2, sample_weight=counts, verbose=0)
        arrays["trained"] = model.train_on_batch(x, y, sample_weight=counts)
        arrays |= {f"w{i}": w for i, w in enumerate(weights)}
        arrays |= {f"after{i}": w for i, w in enumerate(model.get_weights())}
        record.add(name, "model", {"shape": shape, "loss": loss, "layers": specs}, **arrays)
    record.write(path)


if __name__ == "__main__":
    make_keras_prices(HERE / "keras_prices.npz")
