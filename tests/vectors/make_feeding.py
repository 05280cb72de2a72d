"""Make feeding.json: what Keras does with weights, numbers of steps and data sets of its own.

    python tests/vectors/make_feeding.py    in an environment with keras and tensorflow-cpu

A model of one Dense layer starts from zeros; SGD with rate 0.5; tests/test_vectors_feeding.py does
the same with numcnn. All in float64.
"""

import json
import os
from pathlib import Path

import numpy as np

CASES = {
    "plain": {},
    "sample weights": {"sample_weight": True},
    "class weights": {"class_weight": {0: 0.5, 2: 3.0}},
    "fewer steps": {"steps_per_epoch": 2},
    "steps without a batch size": {"steps_per_epoch": 4, "batch_size": None},
    "validation": {"validation_data": True},
    "weighted validation": {"validation_data": True, "weighted": True},
    "some validations": {"validation_data": True, "validation_freq": 2, "validation_steps": 1},
    "a split": {"validation_split": 0.3, "sample_weight": True},
    "a data set": {"dataset": True},
    "a data set with class weights": {"dataset": True, "class_weight": {1: 2.0}},
    "fewer steps of a data set": {"dataset": True, "steps_per_epoch": 2},
}


def numbers():
    """Return samples, one-hot targets and weights."""
    rng = np.random.default_rng(7)
    x = rng.integers(-8, 9, (14, 3)) / 8
    y = np.eye(4)[rng.integers(0, 4, 14)]
    return x, y, rng.integers(0, 9, 14) / 4


def train(keras, case):
    """Return the history, the weights and an evaluation of a model of any Keras."""
    x, y, weights = numbers()

    class Rows(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return x[4 * i : 4 * i + 4], y[4 * i : 4 * i + 4]

    case = dict(case)
    if case.pop("dataset", False):
        data = {"x": Rows()}
    else:
        data = {"x": x, "y": y, "batch_size": 4}
    if case.pop("sample_weight", False):
        data["sample_weight"] = weights
    weighted = case.pop("weighted", False)
    if case.pop("validation_data", False):
        held_out = (x[:6], y[:6], weights[:6])
        data["validation_data"] = held_out if weighted else held_out[:2]
    layer = keras.layers.Dense(4, activation="softmax", kernel_initializer="zeros", dtype="float64")
    model = keras.Sequential([keras.layers.Input((3,)), layer])
    optimizer = keras.optimizers.SGD(learning_rate=0.5)
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(**(data | case), epochs=3, shuffle=False, verbose=0).history
    measured = model.evaluate(x, y, sample_weight=weights, batch_size=5, verbose=0)
    return {
        "history": {key: [float(v) for v in values] for key, values in history.items()},
        "weights": [np.asarray(w).tolist() for w in model.get_weights()],
        "evaluated": [float(v) for v in measured],
        "predicted": model.predict(x, batch_size=3, verbose=0, steps=2).tolist(),
    }


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    keras.config.set_floatx("float64")
    found = {name: train(keras, case) for name, case in CASES.items()}
    text = json.dumps({"keras": keras.__version__, "cases": found}, indent=1)
    Path(__file__).with_name("feeding.json").write_text(text + "\n")
