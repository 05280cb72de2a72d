"""The tutorial's networks, and one with batch normalization, in numcnn and in other frameworks.

Every contestant is one class with the same few methods; it imports its framework when it is made,
so a process holds one framework only. All start from the same weights unless told otherwise, which
lets `predict.py` check that all compute the same function.

The settings are those that a user who knows the framework would choose for a processor:

- numcnn: as in examples/train_mnist.py, without the progress bar and the metric.
- PyTorch: eager mode, all cores (its default), `model.train()`, gradients set to None, the data in
  one tensor that is indexed by a random permutation: no DataLoader. `torch.inference_mode()` and
  `model.eval()` for predictions. Once with contiguous tensors and once with channels_last.
- Keras on TensorFlow: `fit` on arrays in memory, shuffled, silent. Once as it comes, where
  `jit_compile="auto"` decides (Keras 3.15 leaves XLA off where there is no GPU), once with XLA on.
- ONNX Runtime: the network as an ONNX graph; predictions only.
"""

import importlib.util
from typing import Any, ClassVar

import numpy as np

BATCH_SIZE = 128
LEARNING_RATE, RHO = 0.001, 0.9
INPUT_SHAPE = (28, 28, 1)

# ("conv", filters) is 3x3, 'valid', relu; ("norm conv", filters) the same without a bias and with
# batch normalization before the relu; ("pool",) is 2x2. All dense layers but the last have a relu;
# after the last comes a softmax.
MODELS: dict[str, list[tuple[Any, ...]]] = {
    "1conv": [
        ("conv", 32),
        ("pool",),
        ("flatten",),
        ("dense", 128),
        ("dropout", 0.25),
        ("dense", 10),
    ],
    "3conv": [
        ("conv", 32),
        ("conv", 32),
        ("pool",),
        ("conv", 32),
        ("flatten",),
        ("dense", 128),
        ("dropout", 0.1),
        ("dense", 10),
    ],
    "norm": [
        ("norm conv", 32),
        ("pool",),
        ("norm conv", 64),
        ("pool",),
        ("flatten",),
        ("dense", 128),
        ("dropout", 0.25),
        ("dense", 10),
    ],
}
TUTORIAL = ["1conv", "3conv"]
EPSILON, MOMENTUM = 1e-3, 0.99  # of batch normalization, Keras's; PyTorch counts 1 - momentum


def shapes(model: str) -> list[tuple[int, ...]]:
    """Return the shape of one sample that comes into each layer, and last that of the output."""
    shape: tuple[int, ...] = INPUT_SHAPE
    result = [shape]
    for kind, *arguments in MODELS[model]:
        if kind in ("conv", "norm conv"):
            shape = (shape[0] - 2, shape[1] - 2, arguments[0])
        elif kind == "pool":
            shape = (shape[0] // 2, shape[1] // 2, shape[2])
        elif kind == "flatten":
            shape = (int(np.prod(shape)),)
        elif kind == "dense":
            shape = (arguments[0],)
        result.append(shape)
    return result


def start_weights(model: str, seed: int) -> list[np.ndarray]:
    """Return the weights to start from in Keras's order and layout: Glorot uniform, biases 0.

    Batch normalization has gamma, beta, moving mean and variance; they are drawn, so that a
    prediction that left one of them out would be found.
    """
    random = np.random.default_rng(seed)
    weights: list[np.ndarray] = []
    for (kind, *_), before, after in zip(
        MODELS[model], shapes(model), shapes(model)[1:], strict=False
    ):
        if kind in ("conv", "norm conv", "dense"):
            taps = () if kind == "dense" else (3, 3)
            shape = (*taps, before[-1], after[-1])
            area = int(np.prod(taps))
            limit = np.sqrt(6 / (area * (before[-1] + after[-1])))
            weights.append(random.uniform(-limit, limit, shape).astype(np.float32))
            if kind == "norm conv":
                for low, high in ((0.5, 1.5), (-0.2, 0.2), (-0.2, 0.2), (0.2, 1)):
                    weights.append(random.uniform(low, high, after[-1]).astype(np.float32))
            else:
                weights.append(np.zeros(after[-1], np.float32))
    return weights


def channels_first_weights(model: str, seed: int) -> list[np.ndarray]:
    """Return the weights as PyTorch and ONNX have them: (F, C, KH, KW) and (outputs, inputs)."""
    result: list[np.ndarray] = []
    arrays = iter(start_weights(model, seed))
    image: tuple[int, ...] | None = None  # the shape before Flatten, until the next dense layer
    for (kind, *_), before in zip(MODELS[model], shapes(model), strict=False):
        if kind == "flatten":
            image = before
        elif kind == "conv":
            result += [next(arrays).transpose(3, 2, 0, 1).copy(), next(arrays)]
        elif kind == "norm conv":
            result += [next(arrays).transpose(3, 2, 0, 1).copy(), *(next(arrays) for _ in range(4))]
        elif kind == "dense":
            w = next(arrays)
            if image:  # its rows stand for (H, W, C); there they stand for (C, H, W)
                w = w.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(w.shape)
                image = None
            result += [w.T.copy(), next(arrays)]
    return result


def made_by(makers: dict[str, Any], model: str) -> list[Any]:
    """Return the layers that a framework's makers make, those that come in a list one by one."""
    made = [makers[kind](*arguments) for kind, *arguments in MODELS[model]]
    return [layer for some in made for layer in (some if isinstance(some, list) else [some])]


class Contestant:
    """A model in one framework.

    Args:
        model: '1conv', '3conv' or 'norm'.
        seed: of the weights, of the order of the images and of dropout.
        threads: how many; None leaves the framework its default.
        own_weights: whether the framework starts the weights in its own way.
    """

    title: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]  # what has to be installed
    trains: ClassVar[bool] = True

    def __init__(
        self, model: str, seed: int = 0, threads: int | None = None, own_weights: bool = False
    ) -> None:
        raise NotImplementedError

    @classmethod
    def installed(cls) -> bool:
        return all(importlib.util.find_spec(name) for name in cls.modules)

    def load(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take the images (N, 28, 28, 1) and labels (N,) in the framework's own form."""
        raise NotImplementedError

    def train_epoch(self) -> float:
        """Train on all images once, in a new random order; return the mean loss."""
        raise NotImplementedError

    def train_batch(self) -> None:
        """Train on all images as one batch."""
        raise NotImplementedError

    def predict(self, batch_size: int) -> np.ndarray:
        """Return the probabilities (N, 10) of all images."""
        raise NotImplementedError

    def note(self) -> str:
        """Return what is worth knowing about how it was set up."""
        return ""


class Numcnn(Contestant):
    title = "numcnn"
    modules = ("numcnn",)

    def __init__(self, model, seed=0, threads=None, own_weights=False):
        import numcnn
        from numcnn import layers, optimizers

        if threads:
            numcnn.set_num_threads(threads)
        numcnn.utils.set_random_seed(seed)
        makers = {
            "conv": lambda filters: layers.Conv2D(filters, (3, 3), activation="relu"),
            "norm conv": lambda filters: [
                layers.Conv2D(filters, (3, 3), use_bias=False),
                layers.BatchNormalization(epsilon=EPSILON, momentum=MOMENTUM),
                layers.Activation("relu"),
            ],
            "pool": lambda: layers.MaxPool2D((2, 2)),
            "flatten": layers.Flatten,
            "dense": lambda units: layers.Dense(
                units, activation="softmax" if units == 10 else "relu"
            ),
            "dropout": layers.Dropout,
        }
        self.model = numcnn.models.Sequential(made_by(makers, model))
        self.model.build((None, *INPUT_SHAPE))
        self.model.compile(
            optimizers.RMSprop(LEARNING_RATE, RHO), "categorical_crossentropy", engine="auto"
        )
        if not own_weights:
            self.model.set_weights(start_weights(model, seed))

    def load(self, x, y):
        self.x, self.y = x, np.eye(10, dtype=np.float32)[y]

    def train_epoch(self):
        history = self.model.fit(self.x, self.y, batch_size=BATCH_SIZE, epochs=1, verbose=0)
        return history.history["loss"][-1]

    def train_batch(self):
        self.model.train_on_batch(self.x, self.y)

    def predict(self, batch_size):
        return self.model.predict(self.x, batch_size=batch_size, verbose=0)

    def note(self):
        return f"engine: {type(self.model.engine).__name__}"


class PyTorch(Contestant):
    title = "PyTorch"
    modules = ("torch",)
    channels_last: ClassVar[bool] = False

    def __init__(self, model, seed=0, threads=None, own_weights=False):
        import torch
        from torch import nn

        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(seed)
        self.torch = torch
        self.format = torch.channels_last if self.channels_last else torch.contiguous_format
        layers: list[Any] = []
        for (kind, *arguments), before in zip(MODELS[model], shapes(model), strict=False):
            if kind == "conv":
                layers += [nn.Conv2d(before[-1], arguments[0], 3), nn.ReLU()]
            elif kind == "norm conv":
                norm = nn.BatchNorm2d(arguments[0], eps=EPSILON, momentum=1 - MOMENTUM)
                layers += [nn.Conv2d(before[-1], arguments[0], 3, bias=False), norm, nn.ReLU()]
            elif kind == "pool":
                layers.append(nn.MaxPool2d(2))
            elif kind == "flatten":
                layers.append(nn.Flatten())
            elif kind == "dense":
                layers += [nn.Linear(before[-1], arguments[0]), nn.ReLU()]
            else:
                layers.append(nn.Dropout(arguments[0]))
        layers.pop()  # the relu after the last dense layer; the loss takes the scores
        self.model = nn.Sequential(*layers)
        if not own_weights:
            arrays = channels_first_weights(model, seed)
            with torch.no_grad():
                own = [t for t in self.model.state_dict().values() if t.dim()]  # no counters
                for tensor, array in zip(own, arrays, strict=True):
                    tensor.copy_(torch.from_numpy(array))
        self.model = self.model.to(memory_format=self.format)
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.RMSprop(
            self.model.parameters(), lr=LEARNING_RATE, alpha=RHO, eps=1e-7
        )

    def load(self, x, y):
        images = self.torch.from_numpy(x.reshape(len(x), 1, 28, 28))
        self.x = images.to(memory_format=self.format)
        self.y = self.torch.from_numpy(y)

    def step(self, x, y):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def train_epoch(self):
        self.model.train()
        total = self.torch.zeros(())
        for rows in self.torch.randperm(len(self.x)).split(BATCH_SIZE):
            x = self.x[rows].contiguous(memory_format=self.format)
            total += self.step(x, self.y[rows]) * len(rows)
        return float(total) / len(self.x)

    def train_batch(self):
        self.model.train()
        self.step(self.x, self.y)

    def predict(self, batch_size):
        self.model.eval()
        outputs = self.torch.empty(len(self.x), 10)
        with self.torch.inference_mode():
            for start in range(0, len(self.x), batch_size):
                scores = self.model(self.x[start : start + batch_size])
                outputs[start : start + batch_size] = scores.softmax(dim=1)
        return outputs.numpy()

    def note(self):
        onednn = "with" if self.torch.backends.mkldnn.is_available() else "without"
        return f"{self.torch.get_num_threads()} threads, {onednn} oneDNN"


class PyTorchChannelsLast(PyTorch):
    title = "PyTorch channels_last"
    channels_last = True


class Keras(Contestant):
    title = "Keras (TensorFlow)"
    modules = ("keras", "tensorflow")
    jit_compile: ClassVar[Any] = "auto"

    def __init__(self, model, seed=0, threads=None, own_weights=False):
        import tensorflow

        if threads:
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        import keras
        from keras import layers

        keras.utils.set_random_seed(seed)
        makers = {
            "conv": lambda filters: layers.Conv2D(filters, (3, 3), activation="relu"),
            "norm conv": lambda filters: [
                layers.Conv2D(filters, (3, 3), use_bias=False),
                layers.BatchNormalization(epsilon=EPSILON, momentum=MOMENTUM),
                layers.Activation("relu"),
            ],
            "pool": lambda: layers.MaxPooling2D((2, 2)),
            "flatten": layers.Flatten,
            "dense": lambda units: layers.Dense(
                units, activation="softmax" if units == 10 else "relu"
            ),
            "dropout": layers.Dropout,
        }
        self.model = keras.Sequential(made_by(makers, model))
        self.model.build((None, *INPUT_SHAPE))
        self.model.compile(
            keras.optimizers.RMSprop(LEARNING_RATE, RHO),
            "categorical_crossentropy",
            jit_compile=self.jit_compile,
        )
        if not own_weights:
            self.model.set_weights(start_weights(model, seed))

    def load(self, x, y):
        self.x, self.y = x, np.eye(10, dtype=np.float32)[y]

    def train_epoch(self):
        history = self.model.fit(
            self.x, self.y, batch_size=BATCH_SIZE, epochs=1, shuffle=True, verbose=0
        )
        return history.history["loss"][-1]

    def train_batch(self):
        self.model.train_on_batch(self.x, self.y)

    def predict(self, batch_size):
        return self.model.predict(self.x, batch_size=batch_size, verbose=0)

    def note(self):
        xla = "on" if self.model.jit_compile else "off"
        return f"jit_compile={self.jit_compile!r}, so XLA is {xla}"


class KerasWithXLA(Keras):
    title = "Keras with XLA"
    jit_compile = True


class ONNXRuntime(Contestant):
    title = "ONNX Runtime"
    modules = ("onnxruntime", "onnx")
    trains = False

    def __init__(self, model, seed=0, threads=None, own_weights=False):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            onnx_graph(model, seed), options, providers=["CPUExecutionProvider"]
        )

    def load(self, x, y):
        self.x = x.reshape(len(x), 1, 28, 28)

    def predict(self, batch_size):
        outputs = np.empty((len(self.x), 10), np.float32)
        for start in range(0, len(self.x), batch_size):
            batch = self.x[start : start + batch_size]
            outputs[start : start + batch_size] = self.session.run(None, {"x": batch})[0]
        return outputs


def onnx_graph(model: str, seed: int) -> bytes:
    """Return the network as an ONNX file, made node by node."""
    from onnx import TensorProto, checker, helper, numpy_helper

    arrays = channels_first_weights(model, seed)
    initializers = [numpy_helper.from_array(a, f"p{i}") for i, a in enumerate(arrays)]
    nodes: list[Any] = []
    last, used = "x", 0

    def add(kind: str, n_weights: int = 0, **attributes: Any) -> None:
        nonlocal last, used
        inputs = [last, *(f"p{used + i}" for i in range(n_weights))]
        used += n_weights
        last = f"h{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [last], **attributes))

    for kind, *_ in MODELS[model]:
        if kind == "conv":
            add("Conv", 2, kernel_shape=[3, 3])
            add("Relu")
        elif kind == "norm conv":
            add("Conv", 1, kernel_shape=[3, 3])
            add("BatchNormalization", 4, epsilon=EPSILON)
            add("Relu")
        elif kind == "pool":
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        elif kind == "flatten":
            add("Flatten")
        elif kind == "dense":
            add("Gemm", 2, transB=1)
            add("Relu" if used < len(arrays) else "Softmax")
    graph = helper.make_graph(
        nodes,
        model,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", 10])],
        initializers,
    )
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(file, full_check=True)
    return file.SerializeToString()


CONTESTANTS: dict[str, type[Contestant]] = {
    "numcnn": Numcnn,
    "pytorch": PyTorch,
    "pytorch-channels-last": PyTorchChannelsLast,
    "keras": Keras,
    "keras-xla": KerasWithXLA,
    "onnxruntime": ONNXRuntime,
}
TRAINERS = [name for name, cls in CONTESTANTS.items() if cls.trains]


def present(names: list[str]) -> list[str]:
    """Return the contestants that are installed, and say which are not."""
    found = []
    for name in dict.fromkeys(names):
        if CONTESTANTS[name].installed():
            found.append(name)
        else:
            title = CONTESTANTS[name].title
            print(f"{title}: skipped, not installed (pip install -e '.[bench]')")
    return found
