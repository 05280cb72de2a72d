"""Write the files of Keras that the tests read. Run where they are installed:

    python tests/keras_files/make.py 3    Keras 3 (3.15.1 on TensorFlow 2.21 was used)
    python tests/keras_files/make.py 2    Keras 2 (tf-keras 2.21.0)
    python tests/keras_files/make.py h    hostile files (h5py 3.14)

Beside each model stands what it predicts, and its weights after one more step of training.
"""

import os
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SHAPE = (8, 7, 1)


def data():
    rng = np.random.default_rng(5)
    return rng.random((12, *SHAPE)).astype("f4"), np.eye(3, dtype="f4")[rng.integers(0, 3, 12)]


def network(keras, small=False):
    layers = keras.layers
    if small:
        return keras.Sequential(
            [
                layers.Flatten(input_shape=SHAPE),
                layers.Dense(3, activation="softmax", bias_initializer="ones"),
            ]
        )
    return keras.Sequential(
        [
            layers.Conv2D(3, 3, padding="same", activation="relu", input_shape=SHAPE),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Conv2D(2, (2, 1), dilation_rate=(2, 1), use_bias=False, name="second"),
            layers.Activation("tanh"),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(3, activation="softmax", kernel_initializer="he_normal"),
        ],
        name="net",
    )


def write(keras, start, optimizer, endings, **kwargs):
    keras.utils.set_random_seed(3)
    x, y = data()
    model = network(keras, **kwargs)
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    for _ in range(2):
        model.train_on_batch(x, y)
    for ending in endings:
        save = model.save_weights if "weights" in ending else model.save
        save(HERE / f"{start}{ending}")
    found = {"predicted": model.predict(x, verbose=0)}
    found |= {f"before_{i}": w for i, w in enumerate(model.get_weights())}
    model.train_on_batch(x, y)
    found |= {f"after_{i}": w for i, w in enumerate(model.get_weights())}
    np.savez(HERE / f"{start}.npz", **found)


def write_hostile():
    import h5py

    def file(name, **kwargs):
        return h5py.File(HERE / "hostile" / f"{name}.h5", "w", **kwargs)

    def weights(file, kernel):
        """Fill in the weights of Dense(1) on two numbers, as Keras 3 lays them out."""
        group = file.create_group("layers/dense/vars")
        kernel(group)
        group.create_dataset("1", data=np.zeros(1, "f4"))

    elsewhere = np.zeros((2, 1), "f4")
    layout = h5py.VirtualLayout((2, 1), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (2, 1))
    kernels = {
        "sound": lambda g: g.create_dataset("0", data=elsewhere),
        "external_link": lambda g: g.__setitem__("0", h5py.ExternalLink("other.h5", "/x")),
        "soft_link": lambda g: g.__setitem__("0", h5py.SoftLink("/layers/dense/vars/1")),
        "external_storage": lambda g: g.create_dataset(
            "0", (2, 1), "f4", external=[("/etc/passwd", 0, 8)]
        ),
        "virtual": lambda g: g.create_virtual_dataset("0", layout),
        "compressed": lambda g: g.create_dataset("0", data=elsewhere, compression="gzip"),
        "in_chunks": lambda g: g.create_dataset("0", data=elsewhere, chunks=(1, 1)),
        "huge": lambda g: g.create_dataset("0", (10**9, 10**9), "f4"),
        "never_written": lambda g: g.create_dataset("0", (2, 1), "f4"),
        "reference": lambda g: g.create_dataset("0", data=[[g.ref], [g.ref]], dtype=h5py.ref_dtype),
        "text": lambda g: g.create_dataset("0", data=[["a"], ["b"]]),
        "complex": lambda g: g.create_dataset("0", data=elsewhere.astype(complex)),
        "a_group": lambda g: g.create_group("0"),
        "nothing": lambda g: g.create_dataset("0", data=h5py.Empty("f4")),
        "other_shape": lambda g: g.create_dataset("0", data=np.zeros((1, 2), "f4")),
        "nan": lambda g: g.create_dataset("0", data=np.full((2, 1), np.nan, "f4")),
    }
    for name, kernel in kernels.items():
        with file(name) as found:
            weights(found, kernel)
    with file("later_form", libver="latest") as found:
        weights(found, kernels["sound"])
    with file("ordered", track_order=True) as found:
        weights(found, kernels["sound"])
    with file("repeated") as found:  # more is asked for than the file holds
        own = found.create_group("dense")
        own.create_dataset("kernel", data=np.zeros((500, 1), "f4"))
        own.attrs["weight_names"] = ["kernel"] * 20
        found.attrs["layer_names"] = ["dense"]
    with file("references_for_a_text") as found:
        found.attrs["layer_names"] = np.array([found.ref], h5py.ref_dtype)


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if sys.argv[1] == "h":
        write_hostile()
    elif sys.argv[1] == "3":
        import keras

        optimizer = keras.optimizers.RMSprop(0.01)
        write(keras, "keras3", optimizer, [".keras", ".h5", ".weights.h5"])
    else:
        import tf_keras as keras

        optimizer = keras.optimizers.Adam(0.01)
        write(keras, "keras2", optimizer, [".keras", ".h5", "_weights.h5"])
        optimizer = keras.optimizers.legacy.Adam(0.01)
        write(keras, "keras2_old", optimizer, [".h5"], small=True)
