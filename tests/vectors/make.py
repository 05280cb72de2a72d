"""Make torch.npz and keras.npz: what PyTorch and Keras compute, for tests/test_vectors.py.

    python tests/vectors/make.py            in an environment with torch, keras and tensorflow-cpu

Each file holds `about`, a JSON text with the versions and what each case is, and the numbers;
`read` reads it. All is computed in float64 from numbers that float32 holds exactly, so that a
network of either type starts from the same ones. Gradients are those of sum(y * dy) with a random
dy, or of the mean loss. Layouts are Keras's: images NHWC, kernels HWIO, dense weights (D, U).
"""

import json
import math
import os
import platform
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
STEPS = 5

CONV2D = {  # strides above 1 with 'same': Keras's rule, which PyTorch does not have
    "plain": {},
    "strides": {"strides": (2, 3)},
    "dilation": {"dilation_rate": (1, 2)},
    "same": {"padding": "same"},
    "same, dilation": {"padding": "same", "dilation_rate": (2, 3)},
    "same, strides": {"padding": "same", "strides": (3, 2)},
    "same, stride above the kernel": {"padding": "same", "strides": (2, 4)},
}
POOLS = {
    "2": {"pool_size": (2, 2)},
    "3 by 2, overlapping": {"pool_size": (3, 2), "strides": (1, 1)},
    "same": {"pool_size": (2, 3), "padding": "same"},
    "same, strides": {"pool_size": (3, 3), "strides": (2, 1), "padding": "same"},
}
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softmax")
# Shares and epsilons are ones that float32 holds exactly, since Keras on TensorFlow rounds some of
# them to it even in float64. Epsilon is large enough to be seen. PyTorch's Adam has another place
# for it, so there it is as good as 0: it keeps 0 / 0 from happening.
ADAM_EPSILON = 1e-30
OPTIMIZERS = {
    "sgd": {"learning_rate": 0.05},
    "momentum": {"learning_rate": 0.05, "momentum": 0.875},
    "nesterov": {"learning_rate": 0.05, "momentum": 0.875, "nesterov": True},
    "rmsprop": {"learning_rate": 0.01, "rho": 0.875, "epsilon": 2.0**-10},
    "adam": {"learning_rate": 0.01, "beta_1": 0.875, "beta_2": 1 - 2.0**-10, "epsilon": 2.0**-10},
}


def numbers(rng, *shape, scale=1.0):
    """Normal numbers that float32 holds exactly, as float64."""
    return (scale * rng.normal(size=shape)).astype("float32").astype("float64")


class Record:
    """Cases on their way to a file: all numbers in two long arrays, and where each begins."""

    def __init__(self, **versions):
        self.about = {"versions": versions | {"python": platform.python_version()}, "cases": {}}
        self.parts = {"exact": [], "wide": []}  # what float32 holds exactly, and what it does not

    def add(self, name, kind, config=None, **arrays):
        where = {}
        for key, array in arrays.items():
            array = np.asarray(array, "float64")
            assert np.isfinite(array).all(), (name, key)
            part = "exact" if (array.astype("float32") == array).all() else "wide"
            where[key] = [part, sum(a.size for a in self.parts[part]), array.shape]
            self.parts[part].append(array)
        self.about["cases"][name] = {"kind": kind, "config": config or {}, "arrays": where}

    def write(self, path):
        exact, wide = (np.concatenate([a.ravel() for a in p]) for p in self.parts.values())
        about = json.dumps(self.about)
        np.savez_compressed(path, about=about, exact=exact.astype("float32"), wide=wide)
        print(f"{path}: {len(self.about['cases'])} cases, {path.stat().st_size} bytes")


def read(path):
    """Return (versions, {case: (kind, config, {name: array in float64})})."""
    with np.load(path) as file:
        about, parts = json.loads(str(file["about"])), {k: file[k] for k in ("exact", "wide")}
    cases = {}
    for name, case in about["cases"].items():
        arrays = {}
        for key, (part, at, shape) in case["arrays"].items():
            size = math.prod(shape)
            arrays[key] = parts[part][at : at + size].reshape(shape).astype("float64")
        cases[name] = case["kind"], case["config"], arrays
    return about["versions"], cases


def inputs():
    """Yield (name, kind, config, arrays) of the cases that both libraries compute."""
    for k, (name, config) in enumerate(CONV2D.items()):
        rng = np.random.default_rng(k)
        x, w, b = numbers(rng, 2, 7, 8, 3), numbers(rng, 3, 2, 3, 4), numbers(rng, 4)
        yield f"conv2d {name}", "conv2d", config, {"x": x, "w": w, "b": b}
    for k, (name, config) in enumerate(POOLS.items()):
        rng = np.random.default_rng(100 + k)
        x = rng.integers(-1, 2, (2, 7, 6, 3)).astype(float)  # most windows have a tie
        yield f"max_pool2d {name}", "max_pool2d", config, {"x": x}
    rng = np.random.default_rng(200)
    x, w, b = numbers(rng, 3, 7), numbers(rng, 7, 5), numbers(rng, 5)
    yield "dense", "dense", {}, {"x": x, "w": w, "b": b}
    x = numbers(rng, 4, 6, scale=3)
    x[0, :3] = 0
    for name in ACTIVATIONS:
        yield name, "activation", {"activation": name}, {"x": x}


def targets(rng, n, classes):
    """(class numbers, one-hot rows, rows of shares)."""
    labels = rng.integers(0, classes, n)
    shares = rng.random((n, classes)).astype("float32").astype("float64")
    return labels, np.eye(classes)[labels], shares


def gradient_steps():
    """A parameter and its gradients: large, small and zero ones."""
    rng = np.random.default_rng(300)
    p, g = numbers(rng, 6), numbers(rng, STEPS, 6)
    g *= np.array([10.0, 1.0, 2.0**-7, 2.0**-12, 1.0, 1.0])
    g[1:, 4] = 0  # one push, then none
    g[:2, 5] = 0  # a late start
    g[:2, 5] = 2.0**-20
    return p, g


def small_net():
    """(x, one-hot y, weights) for two convolutions' worth of everything but dropout."""
    rng = np.random.default_rng(NET_SEED)
    x, (_, y, _) = numbers(rng, 20, 9, 8, 2), targets(rng, 20, 3)
    shapes = (3, 3, 2, 4), (4,), (36, 6), (6,), (6, 3), (3,)
    weights = [numbers(rng, *s, scale=0.4) for s in shapes]
    return x, y, weights


NET_SEED = 618
NET = {"filters": 4, "kernel_size": (3, 3), "units": (6, 3), "batch_size": 4}


# ---- PyTorch ----


def make_torch(path):
    import torch
    import torch.nn.functional as F

    record = Record(torch=torch.__version__)
    first, last = (0, 3, 1, 2), (0, 2, 3, 1)

    def leaf(a):
        return torch.tensor(np.ascontiguousarray(a), dtype=torch.float64, requires_grad=True)

    def slopes(y, leaves, rng):
        dy = numbers(rng, *y.shape)
        y.backward(torch.tensor(dy))
        return {"y": y.detach().numpy(), "dy": dy} | {
            f"d{name}": a.grad.numpy() for name, a in leaves.items()
        }

    def conv(x, w, b, strides=1, padding="valid", dilation_rate=1):
        y = F.conv2d(x.permute(first), w.permute(3, 2, 0, 1), b, strides, padding, dilation_rate)
        return y.permute(last)

    def pool(x, pool_size, strides=None):
        return F.max_pool2d(x.permute(first), pool_size, strides).permute(last)

    activations = {
        "relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
        "softmax": lambda x: torch.softmax(x, -1),
    }  # fmt: skip
    for name, kind, config, arrays in inputs():
        strided = config.get("strides", (1, 1)) != (1, 1)
        if config.get("padding") == "same" and (strided or kind == "max_pool2d"):
            continue
        leaves = {key: leaf(a) for key, a in arrays.items()}
        if kind == "conv2d":
            y = conv(*leaves.values(), **config)
        elif kind == "max_pool2d":
            y = pool(*leaves.values(), **config)
        elif kind == "dense":
            y = leaves["x"] @ leaves["w"] + leaves["b"]
        else:
            y = activations[config["activation"]](leaves["x"])
        record.add(name, kind, config, **arrays, **slopes(y, leaves, np.random.default_rng(500)))

    rng = np.random.default_rng(600)
    labels, hot, shares = targets(rng, 6, 4)
    shares /= shares.sum(axis=1, keepdims=True)
    z = numbers(rng, 6, 4, scale=3)
    z[0] = [30, -30, 0, 0]
    for name, loss, y in [
        ("sparse_categorical_crossentropy", F.cross_entropy, labels),
        ("categorical_crossentropy", F.cross_entropy, hot),
        ("categorical_crossentropy, shares", F.cross_entropy, shares),
        ("binary_crossentropy", F.binary_cross_entropy_with_logits, hot),
        ("mse", F.mse_loss, shares),
    ]:
        p = leaf(z)
        value = loss(p, torch.tensor(y))
        value.backward()
        config = {"loss": name.split(",")[0], "from_logits": name != "mse"}
        record.add(name, "loss", config, y=y, p=z, value=value.item(), dp=p.grad.numpy())

    def optimizer(params, name):
        c = dict(OPTIMIZERS[name])
        lr = c.pop("learning_rate")
        if name == "rmsprop":
            return torch.optim.RMSprop(params, lr, alpha=c["rho"], eps=c["epsilon"])
        if name == "adam":
            return torch.optim.Adam(params, lr, betas=(c["beta_1"], c["beta_2"]), eps=ADAM_EPSILON)
        return torch.optim.SGD(params, lr, **c)

    start, gradients = gradient_steps()
    for name, config in OPTIMIZERS.items():
        config = config | {"epsilon": ADAM_EPSILON} if name == "adam" else config
        p, way = leaf(start), []
        moving = optimizer([p], name)
        for g in gradients:
            p.grad = torch.tensor(g)
            moving.step()
            way.append(p.detach().numpy().copy())
        record.add(f"{name} steps", "optimizer", {"name": name, **config},
                   start=start, g=gradients, p=np.array(way))  # fmt: skip

    x, y, weights = small_net()

    def forward(x, w1, b1, w2, b2, w3, b3):
        h = pool(torch.relu(conv(x, w1, b1)), 2)
        h = torch.relu(h.reshape(len(x), -1) @ w2 + b2)
        return h @ w3 + b3

    leaves = [leaf(w) for w in weights]
    z = forward(torch.tensor(x), *leaves)
    value = F.cross_entropy(z, torch.tensor(y))
    value.backward()
    record.add("net", "net", NET, x=x, y=y, p=torch.softmax(z, 1).detach().numpy(),
               value=value.item(), **{f"w{i}": w for i, w in enumerate(weights)},
               **{f"g{i}": w.grad.numpy() for i, w in enumerate(leaves)})  # fmt: skip
    for name, config in OPTIMIZERS.items():
        config = config | {"epsilon": ADAM_EPSILON} if name == "adam" else config
        leaves = [leaf(w) for w in weights]
        moving, losses = optimizer(leaves, name), []
        for i in range(0, len(x), NET["batch_size"]):
            moving.zero_grad()
            batch = slice(i, i + NET["batch_size"])
            loss = F.cross_entropy(forward(torch.tensor(x[batch]), *leaves), torch.tensor(y[batch]))
            loss.backward()
            moving.step()
            losses.append(loss.item())
        record.add(f"fit {name}", "fit", {"name": name, **config}, loss=np.mean(losses),
                   **{f"w{i}": w.detach().numpy() for i, w in enumerate(leaves)})  # fmt: skip
    record.write(path)


# ---- Keras ----


def make_keras(path):
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float64")
    record = Record(keras=keras.__version__, tensorflow=tf.__version__)
    layers = keras.layers

    def recorded(layer, arrays, rng):
        x = tf.Variable(arrays["x"])
        layer.build(x.shape)
        layer.set_weights([arrays[name] for name in ("w", "b") if name in arrays])
        with tf.GradientTape() as tape:
            y = layer(x)
            dy = numbers(rng, *y.shape)
            total = tf.reduce_sum(y * dy)
        params = [v.value for v in layer.trainable_variables]
        grads = tape.gradient(total, [x, *params])
        names = ["x", "w", "b"][: len(grads)]
        return {"y": y.numpy(), "dy": dy} | {
            f"d{n}": tf.convert_to_tensor(g).numpy() for n, g in zip(names, grads, strict=True)
        }

    for name, kind, config, arrays in inputs():
        if kind == "conv2d":
            layer = layers.Conv2D(4, (3, 2), **config)
        elif kind == "max_pool2d":
            layer = layers.MaxPooling2D(**config)
        elif kind == "dense":
            layer = layers.Dense(5)
        else:
            layer = layers.Activation(config["activation"])
        rng = np.random.default_rng(500)
        record.add(name, kind, config, **arrays, **recorded(layer, arrays, rng))

    rng = np.random.default_rng(600)
    labels, hot, shares = targets(rng, 6, 4)
    halves = np.array([[0.5, 0.25, 0.25, 0], [0.125, 0.75, 0, 0.125]])[[0, 1, 0, 1, 1, 0]]
    z = numbers(rng, 6, 4, scale=3)
    p = rng.uniform(0.01, 0.9, (6, 4)).astype("float32").astype("float64")
    sure = p.copy()
    sure[0], sure[1] = [1, 0, 0, 0], [0, 0, 1, 0]  # right or wrong: clipped
    losses = keras.losses
    for name, loss, y in [
        ("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy, labels),
        ("categorical_crossentropy", losses.CategoricalCrossentropy, hot),
        ("categorical_crossentropy, shares", losses.CategoricalCrossentropy, shares),
        ("binary_crossentropy", losses.BinaryCrossentropy, hot),
        ("mse", losses.MeanSquaredError, shares),
    ]:
        for from_logits in (False,) if name == "mse" else (False, True):
            # On class numbers TensorFlow clips before it divides by the sum, so unsure ones there.
            outputs = tf.Variable(z if from_logits else p if y is labels else sure)
            if y is shares and from_logits:
                y = halves  # from scores TensorFlow's gradient is that of rows that sum to 1
            made = loss(from_logits=True) if from_logits else loss()
            with tf.GradientTape() as tape:
                value = made(y, outputs)
            config = {"loss": name.split(",")[0], "from_logits": from_logits}
            record.add(f"{name}, from_logits={from_logits}", "loss", config, y=y,
                       p=outputs.numpy(), value=value.numpy(),
                       dp=tape.gradient(value, outputs).numpy())  # fmt: skip

    classes = {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam}
    start, gradients = gradient_steps()
    for name, config in OPTIMIZERS.items():
        p, way = keras.Variable(start), []
        moving = classes.get(name, keras.optimizers.SGD)(**config)
        for g in gradients:
            moving.apply([tf.constant(g)], [p])
            way.append(p.numpy().copy())
        record.add(f"{name} steps", "optimizer", {"name": name, **config},
                   start=start, g=gradients, p=np.array(way))  # fmt: skip

    x, y, weights = small_net()

    def net():
        model = keras.Sequential(
            [
                keras.Input(x.shape[1:]),
                layers.Conv2D(NET["filters"], NET["kernel_size"], activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(NET["units"][0], activation="relu"),
                layers.Dense(NET["units"][1], activation="softmax"),
            ]
        )
        model.set_weights(weights)
        return model

    model = net()
    with tf.GradientTape() as tape:
        p = model(tf.constant(x))
        value = keras.losses.CategoricalCrossentropy()(y, p)
    grads = tape.gradient(value, [v.value for v in model.trainable_variables])
    record.add("net", "net", NET, x=x, y=y, p=p.numpy(), value=value.numpy(),
               **{f"w{i}": w for i, w in enumerate(weights)},
               **{f"g{i}": g.numpy() for i, g in enumerate(grads)})  # fmt: skip
    for name, config in OPTIMIZERS.items():
        model = net()
        optimizer = classes.get(name, keras.optimizers.SGD)(**config)
        model.compile(optimizer, "categorical_crossentropy", jit_compile=False)
        history = model.fit(x, y, batch_size=NET["batch_size"], shuffle=False, verbose=0)
        record.add(f"fit {name}", "fit", {"name": name, **config},
                   loss=history.history["loss"][0],
                   **{f"w{i}": w for i, w in enumerate(model.get_weights())})  # fmt: skip
    record.write(path)


def nearest_kink():
    """How near a number of the small net comes to where ReLU or the pooling changes its mind."""
    x, _, (w, b, w2, b2, *_) = small_net()
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    z = np.einsum("nhwcij,ijcf->nhwf", windows, w) + b
    n, h, v, f = z.shape
    z = z[:, : h // 2 * 2, : v // 2 * 2].reshape(n, h // 2, 2, v // 2, 2, f)
    four = np.sort(z.transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4), axis=1)
    lead = np.where(four[:, 3] > 0, four[:, 3] - four[:, 2], np.inf)
    pooled = np.maximum(four[:, 3], 0).reshape(n, -1)  # laid out as Flatten does
    return min(np.abs(z).min(), lead.min(), np.abs(pooled @ w2 + b2).min())


if __name__ == "__main__":
    if nearest_kink() < 2e-4:
        sys.exit(f"The small net comes within {nearest_kink():.1e} of a kink: choose another seed.")
    make_torch(HERE / "torch.npz")
    make_keras(HERE / "keras.npz")
