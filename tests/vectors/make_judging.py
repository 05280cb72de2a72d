"""Make keras_judging.npz: what Keras computes for optimizers, schedules, losses, metrics, prices.

    cd tests; python -m vectors.make_judging     where keras and tensorflow-cpu are installed

make.py says how numbers are drawn and stored. Shares are ones that float32 holds exactly.
"""

import os
from pathlib import Path

import numpy as np
from vectors.make import Record, numbers

HERE = Path(__file__).resolve().parent
STEPS = 6
HALF = {"learning_rate": 0.125, "epsilon": 2.0**-10}
MOMENTS = {**HALF, "beta_1": 0.875, "beta_2": 1 - 2.0**-6}
# name: (class, arguments)
OPTIMIZERS = {
    "adagrad": ("Adagrad", {**HALF, "initial_accumulator_value": 0.25}),
    "adadelta": ("Adadelta", {**HALF, "learning_rate": 1.0, "rho": 0.75}),
    "adamax": ("Adamax", MOMENTS),
    "nadam": ("Nadam", MOMENTS),
    "adamw": ("AdamW", {**MOMENTS, "weight_decay": 0.25}),
    "amsgrad": ("Adam", {**MOMENTS, "amsgrad": True}),
    "centered": ("RMSprop", {**HALF, "rho": 0.75, "centered": True}),
    "rolling": ("RMSprop", {**HALF, "rho": 0.75, "momentum": 0.5}),
    "both": ("RMSprop", {**HALF, "rho": 0.75, "momentum": 0.5, "centered": True}),
    "shrinking": ("SGD", {"learning_rate": 0.125, "momentum": 0.5, "weight_decay": 0.5}),
    "clipnorm": ("SGD", {"learning_rate": 0.5, "clipnorm": 1.0}),
    "clipvalue": ("SGD", {"learning_rate": 0.5, "clipvalue": 0.5}),
    "global_clipnorm": ("SGD", {"learning_rate": 0.5, "global_clipnorm": 1.5}),
}
SCHEDULES = {
    "exponential": ("ExponentialDecay", [0.5, 4, 0.5], {}),
    "stairs": ("ExponentialDecay", [0.5, 4, 0.5], {"staircase": True}),
    "inverse": ("InverseTimeDecay", [0.5, 4, 0.5], {}),
    "inverse stairs": ("InverseTimeDecay", [0.5, 4, 0.5], {"staircase": True}),
    "polynomial": ("PolynomialDecay", [0.5, 8, 0.25], {"power": 2.0}),
    "polynomial, cycle": ("PolynomialDecay", [0.5, 5, 0.25], {"cycle": True}),
    "pieces": ("PiecewiseConstantDecay", [[3, 7], [0.5, 0.25, 0.125]], {}),
    "cosine": ("CosineDecay", [0.5, 9], {"alpha": 0.25}),
    "warm-up": ("CosineDecay", [0.125, 9], {"warmup_target": 0.5, "warmup_steps": 4}),
    "restarts": ("CosineDecayRestarts", [0.5, 4], {"t_mul": 2.0, "m_mul": 0.5, "alpha": 0.125}),
}
# name: (class, arguments, kind of targets, kind of outputs)
LOSSES = {
    name: (name, {}, targets, outputs)
    for name, targets, outputs in [
        ("MeanSquaredError", "numbers", "numbers"),
        ("MeanAbsoluteError", "numbers", "numbers"),
        ("MeanAbsolutePercentageError", "shares", "numbers"),
        ("MeanSquaredLogarithmicError", "shares", "numbers"),
        ("Huber", "numbers", "numbers"),
        ("LogCosh", "numbers", "numbers"),
        ("Hinge", "bits", "numbers"),
        ("SquaredHinge", "bits", "numbers"),
        ("CategoricalHinge", "one-hot", "numbers"),
        ("KLDivergence", "shares", "shares"),
        ("Poisson", "shares", "shares"),
        ("CosineSimilarity", "numbers", "numbers"),
    ]
}
LOSSES |= {
    f"{name}, {', '.join(arguments)}": (name, arguments, targets, outputs)
    for name, arguments, targets, outputs in [
        ("CategoricalCrossentropy", {"label_smoothing": 0.25}, "one-hot", "shares"),
        (
            "CategoricalCrossentropy",
            {"label_smoothing": 0.25, "from_logits": True},
            "one-hot",
            "numbers",
        ),
        ("BinaryCrossentropy", {"label_smoothing": 0.25}, "bits", "shares"),
        ("BinaryCrossentropy", {"label_smoothing": 0.25, "from_logits": True}, "bits", "numbers"),
        ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels", "numbers"),
        ("Huber", {"delta": 0.5}, "numbers", "numbers"),
    ]
}
METRICS = {
    name: (name.split(",")[0], arguments, targets)
    for name, arguments, targets in [
        ("Accuracy", {}, "bits"),
        ("BinaryAccuracy", {"threshold": 0.25}, "bits"),
        ("CategoricalAccuracy", {}, "one-hot"),
        ("SparseCategoricalAccuracy", {}, "labels"),
        ("TopKCategoricalAccuracy", {"k": 2}, "one-hot"),
        ("SparseTopKCategoricalAccuracy", {"k": 2}, "labels"),
        ("Precision", {}, "bits"),
        ("Precision, top", {"top_k": 2}, "bits"),
        ("Precision, one class", {"class_id": 1, "thresholds": 0.25}, "bits"),
        ("Recall", {}, "bits"),
        ("Recall, top", {"top_k": 2, "class_id": 0}, "bits"),
        ("TruePositives", {}, "bits"),
        ("FalsePositives", {"thresholds": 0.75}, "bits"),
        ("TrueNegatives", {}, "bits"),
        ("FalseNegatives", {}, "bits"),
        ("MeanSquaredError", {}, "shares"),
        ("RootMeanSquaredError", {}, "shares"),
        ("CosineSimilarity", {}, "shares"),
        ("LogCoshError", {}, "shares"),
        ("CategoricalCrossentropy", {"label_smoothing": 0.25}, "one-hot"),
        ("BinaryCrossentropy", {}, "bits"),
    ]
}
PRICES = {"L1": {"l1": 0.25}, "L2": {"l2": 0.25}, "L1L2": {"l1": 0.5, "l2": 0.25}}
LIMITS = {
    "MaxNorm": {"max_value": 1.0},
    "MaxNorm, two axes": {"max_value": 1.0, "axis": [0, 1]},
    "NonNeg": {},
    "UnitNorm": {"axis": 1},
    "MinMaxNorm": {"min_value": 0.75, "max_value": 1.5, "rate": 0.5},
}


def drawn(rng, kind, n=6, k=4):
    """Return targets or outputs of a kind."""
    if kind == "numbers":
        return numbers(rng, n, k)
    if kind == "shares":
        return (rng.integers(1, 16, (n, k)) / 16).astype("float64")
    if kind == "bits":
        return rng.integers(0, 2, (n, k)).astype("float64")
    labels = rng.integers(0, k, n)
    return np.eye(k)[labels] if kind == "one-hot" else labels.astype("float64")


def make_keras_judging(path):
    """Record all of it."""
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float64")
    record = Record(keras=keras.__version__, tensorflow=tf.__version__)
    rng = np.random.default_rng(0)
    starts = [numbers(rng, 5), numbers(rng, 2, 3)]
    gradients = [[numbers(rng, *w.shape) for w in starts] for _ in range(STEPS)]
    for name, (cls, arguments) in OPTIMIZERS.items():
        optimizer = getattr(keras.optimizers, cls)(**arguments)
        weights = [keras.Variable(w) for w in starts]
        optimizer.build(weights)
        for step in gradients:
            optimizer.apply([tf.constant(g) for g in step], weights)
        arrays = {f"p{i}": w.numpy() for i, w in enumerate(weights)}
        record.add(name, "optimizer", {"class": cls, "arguments": arguments}, **arrays)
    steps = {f"g{t}{i}": g for t, step in enumerate(gradients) for i, g in enumerate(step)}
    record.add("steps", "steps", {}, **{f"p{i}": w for i, w in enumerate(starts)}, **steps)
    for name, (cls, order, arguments) in SCHEDULES.items():
        schedule = getattr(keras.optimizers.schedules, cls)(*order, **arguments)
        rates = np.array([float(schedule(t)) for t in range(16)])
        config = {"class": cls, "order": order, "arguments": arguments}
        record.add(name, "schedule", config, rates=rates)
    for name, (cls, arguments, targets, outputs) in LOSSES.items():
        y, p = drawn(rng, targets), tf.Variable(drawn(rng, outputs))
        with tf.GradientTape() as tape:
            value = getattr(keras.losses, cls)(**arguments)(y, p)
        dp = tf.convert_to_tensor(tape.gradient(value, p)).numpy()
        config = {"class": cls, "arguments": arguments}
        record.add(name, "loss", config, y=y, p=p.numpy(), value=value.numpy(), dp=dp)
    keras.config.set_floatx("float32")  # TensorFlow's top-k has no float64
    for name, (cls, arguments, targets) in METRICS.items():
        metric = getattr(keras.metrics, cls)(**arguments)
        y, p = drawn(rng, targets, 9), drawn(rng, "bits" if cls == "Accuracy" else "shares", 9)
        for part in (slice(0, 2), slice(2, 9)):
            metric.update_state(y[part], p[part].astype("float32"))
        config = {"class": cls, "arguments": arguments}
        record.add(f"metric {name}", "metric", config, y=y, p=p, value=float(metric.result()))
    keras.config.set_floatx("float64")
    w = numbers(rng, 3, 4)
    for name, arguments in PRICES.items():
        v = tf.Variable(w)
        with tf.GradientTape() as tape:
            price = getattr(keras.regularizers, name)(**arguments)(v)
        slopes = tape.gradient(price, v).numpy()
        config = {"class": name, "arguments": arguments}
        record.add(f"price {name}", "price", config, w=w, value=price.numpy(), dw=slopes)
    for name, arguments in LIMITS.items():
        found = getattr(keras.constraints, name.split(",")[0])(**arguments)(tf.constant(w))
        config = {"class": name.split(",")[0], "arguments": arguments}
        record.add(f"limit {name}", "limit", config, w=w, found=np.asarray(found))
    record.write(path)


if __name__ == "__main__":
    make_keras_judging(HERE / "keras_judging.npz")
