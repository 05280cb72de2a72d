"""Make keras_layers.npz: what Keras computes for the layers beyond the tutorial's.

    cd tests; python -m vectors.make_layers     where keras and tensorflow-cpu are installed

Each case is a layer with its weights, a batch and a random dy: y, dx and the weights' gradients in
training; y in prediction and the weights afterwards where they differ. make.py says how numbers are
drawn and stored.
"""

import os
from pathlib import Path

import numpy as np
from vectors.make import Record, numbers

HERE = Path(__file__).resolve().parent
FLAT, IMAGE, SMALL = (5, 4), (2, 4, 5, 2), (2, 2, 3, 2)

# name: (class, arguments, shape of the batch)
LAYERS = {
    "BatchNormalization": ("BatchNormalization", {}, FLAT),
    "BatchNormalization of images": (
        "BatchNormalization", {"momentum": 0.75, "epsilon": 0.125}, IMAGE,
    ),
    "BatchNormalization, axis 1": ("BatchNormalization", {"axis": 1, "momentum": 0.5}, IMAGE),
    "BatchNormalization, bare": ("BatchNormalization", {"center": False, "scale": False}, FLAT),
    "BatchNormalization, frozen": ("BatchNormalization", {"trainable": False}, FLAT),
    "AveragePooling2D": ("AveragePooling2D", {"pool_size": [2, 2]}, IMAGE),
    "AveragePooling2D, same": (
        "AveragePooling2D", {"pool_size": [3, 2], "strides": [2, 1], "padding": "same"}, IMAGE,
    ),
    "GlobalAveragePooling2D": ("GlobalAveragePooling2D", {}, IMAGE),
    "GlobalMaxPooling2D": ("GlobalMaxPooling2D", {}, IMAGE),
    "ZeroPadding2D": ("ZeroPadding2D", {"padding": [[1, 0], [2, 3]]}, IMAGE),
    "Cropping2D": ("Cropping2D", {"cropping": [[1, 2], [0, 1]]}, IMAGE),
    "UpSampling2D": ("UpSampling2D", {"size": [2, 3]}, IMAGE),
    "UpSampling2D, bilinear": (
        "UpSampling2D", {"size": [3, 2], "interpolation": "bilinear"}, IMAGE,
    ),
    "Permute": ("Permute", {"dims": [3, 1, 2]}, IMAGE),
    "DepthwiseConv2D": (
        "DepthwiseConv2D", {"kernel_size": [2, 3], "depth_multiplier": 2}, SMALL,
    ),
    "DepthwiseConv2D, same": (
        "DepthwiseConv2D", {"kernel_size": 3, "strides": [2, 2], "padding": "same"}, IMAGE,
    ),
    "SeparableConv2D": (
        "SeparableConv2D", {"filters": 3, "kernel_size": [3, 2], "depth_multiplier": 2}, IMAGE,
    ),
    "SeparableConv2D, same": (
        "SeparableConv2D",
        {"filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu"}, IMAGE,
    ),
    "Conv2DTranspose": ("Conv2DTranspose", {"filters": 2, "kernel_size": [2, 3]}, IMAGE),
    "Conv2DTranspose, strides": (
        "Conv2DTranspose", {"filters": 2, "kernel_size": [1, 3], "strides": [2, 2]}, SMALL,
    ),
    "Conv2DTranspose, same": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": [3, 2], "strides": [2, 3], "padding": "same"}, SMALL,
    ),
    "Conv2DTranspose, output padding": (
        "Conv2DTranspose",
        {"filters": 1, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1},
        SMALL,
    ),
    "Conv2DTranspose, output padding of the whole": (
        "Conv2DTranspose",
        {"filters": 1, "kernel_size": 2, "strides": 3, "output_padding": [1, 2]}, SMALL,
    ),
    "LeakyReLU": ("LeakyReLU", {"negative_slope": 0.375}, FLAT),
    "ReLU": ("ReLU", {"max_value": 1.25, "negative_slope": 0.25, "threshold": 0.5}, FLAT),
    "ELU": ("ELU", {"alpha": 0.5}, FLAT),
    "PReLU": ("PReLU", {"shared_axes": [1, 2]}, IMAGE),
}  # fmt: skip
LAYERS |= {
    name: ("Activation", {"activation": name}, FLAT)
    for name in (
        "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "log_softmax", "mish", "relu6",
        "selu", "silu", "softplus", "softsign", "celu", "hard_shrink", "hard_silu", "hard_tanh",
        "log_sigmoid", "soft_shrink", "sparse_plus", "sparse_sigmoid", "squareplus",
        "tanh_shrink",
    )
}  # fmt: skip
LAYERS["Rescaling"] = "Rescaling", {"scale": 0.125, "offset": -1.5}, FLAT
LAYERS["Softmax, axis 1"] = "Softmax", {"axis": 1}, IMAGE


def make_keras_layers(path):
    """Record all of LAYERS."""
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float64")
    record = Record(keras=keras.__version__, tensorflow=tf.__version__)
    for k, (name, (cls, arguments, shape)) in enumerate(LAYERS.items()):
        rng = np.random.default_rng(k)
        layer = getattr(keras.layers, cls)(**arguments)
        layer.build(shape)
        weights = [numbers(rng, *w.shape) for w in layer.weights]
        for i, w in enumerate(layer.weights):
            if w.path.endswith("moving_variance"):
                weights[i] = np.abs(weights[i]) + 0.5
        layer.set_weights(weights)
        data = numbers(rng, *shape)
        x = tf.Variable(data)
        predicted = layer(x, training=False).numpy()
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
            dy = numbers(rng, *y.shape)
            total = tf.reduce_sum(y * dy)
        params = [v.value for v in layer.trainable_variables]
        dx, *grads = (tf.convert_to_tensor(g).numpy() for g in tape.gradient(total, [x, *params]))
        arrays = {"x": data, "dy": dy, "y": y.numpy(), "dx": dx}
        if (predicted != arrays["y"]).any():
            arrays["predicted"] = predicted
        arrays |= {f"w{i}": w for i, w in enumerate(weights)}
        arrays |= {f"g{i}": g for i, g in enumerate(grads)}
        after = layer.get_weights()
        if any((a != b).any() for a, b in zip(after, weights, strict=True)):
            arrays |= {f"after{i}": w for i, w in enumerate(after)}
        record.add(name, "layer", {"class": cls, "arguments": arguments}, **arrays)
    record.write(path)


if __name__ == "__main__":
    make_keras_layers(HERE / "keras_layers.npz")
