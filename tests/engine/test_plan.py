"""The plan of the fast engine: which steps, over which memory, and what happens without Numba."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_nets import CLASSES, Scale, cnn, images, weights_hash

from numcnn.engine.buffers import ALIGNMENT, Buffers, Flat, aligned_zeros
from numcnn.engine.crew import CREW
from numcnn.engine.eager import EagerEngine
from numcnn.engine.fusion import fuse
from numcnn.engine.plan import PlanEngine
from numcnn.engine.tail import split_tail
from numcnn.kernels.simd import VECTOR_BYTES
from numcnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Reshape
from numcnn.models import Sequential
from numcnn.utils import set_random_seed

TESTS = Path(__file__).parent.parent
ROOT = TESTS.parent
WIDTH = VECTOR_BYTES // 4  # float32 numbers in a vector


def tutorial(name):
    """Return one of the tutorial's models, as the example makes it."""
    path = ROOT / "examples" / "train_mnist.py"
    spec = importlib.util.spec_from_file_location("train_mnist_example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MODELS[name]((28, 28, 1))


def compiled(layers, loss="categorical_crossentropy", optimizer="rmsprop"):
    """Return a compiled model whose weights and masks are always the same."""
    set_random_seed(4)
    model = Sequential(layers)
    model.compile(optimizer, loss=loss)
    return model


def steps(layers, dtype="float32"):
    """Return the steps of layers as text: class(layers)."""
    model = layers if isinstance(layers, Sequential) else Sequential(layers)
    return [
        f"{type(step).__name__}({' '.join(layer.name for layer in step.layers)})"
        for step in fuse(model.layers, dtype)
    ]


def wires(model, n):
    """Return what the steps stand between when n samples are trained on."""
    return model.engine._training_program(n)[0].wires


# ---- fusion -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "1conv",
            ["PooledConvStep(conv2d max_pooling2d)", "ViewStep(flatten)", "DenseStep(dense)",
             "DropoutStep(dropout)", "DenseStep(dense_1)"],
        ),
        (
            "3conv",
            ["ConvStep(conv2d)", "PooledConvStep(conv2d_1 max_pooling2d)", "ConvStep(conv2d_2)",
             "ViewStep(flatten)", "DenseStep(dense)", "DropoutStep(dropout)", "DenseStep(dense_1)"],
        ),
    ],
)  # fmt: skip
def test_the_tutorials_models_are_native_from_end_to_end(name, expected):
    model = tutorial(name)
    model.compile("rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    engine = model.engine
    assert isinstance(engine, PlanEngine)
    assert engine.native
    found = [f"{type(s).__name__}({' '.join(l.name for l in s.layers)})" for s in engine.steps]
    assert found == expected


def test_a_relu_of_its_own_joins_the_layer_before_it():
    for relu in (Activation("relu"), ReLU()):
        conv = Conv2D(WIDTH, 3, input_shape=(8, 8, 1))
        found = steps([conv, relu, MaxPool2D(2)])
        assert found == [f"PooledConvStep(conv2d {relu.name} max_pooling2d)"]
    assert steps([Dense(3, input_shape=(4,)), Activation("relu"), Dropout(0.5)]) == [
        "DenseStep(dense activation)", "DropoutStep(dropout)",
    ]  # fmt: skip
    assert steps([Flatten(input_shape=(2, 2)), ReLU(), Reshape((2, 2))]) == [
        "ViewStep(flatten)", "ReluStep(re_lu)", "ViewStep(reshape)",
    ]  # fmt: skip
    # The second one stands alone.
    twice = [Dense(3, activation="relu", input_shape=(4,)), Activation("relu")]
    assert steps(twice) == ["DenseStep(dense)", "ReluStep(activation)"]


def conv_and_pool(pool, **changes):
    arguments = {"filters": WIDTH, "kernel_size": 3, "input_shape": (8, 8, 1)} | changes
    return [Conv2D(**arguments), pool]


@pytest.mark.parametrize(
    "layers",
    [
        conv_and_pool(MaxPool2D(3)),
        conv_and_pool(MaxPool2D(2, strides=1)),
        conv_and_pool(MaxPool2D(2, padding="same"), input_shape=(9, 9, 1)),
        conv_and_pool(MaxPool2D(2), filters=WIDTH + 1),
        conv_and_pool(MaxPool2D(2), use_bias=False),
    ],
)
def test_what_the_pooled_step_cannot_do_becomes_two_steps(layers):
    assert steps(layers) == ["ConvStep(conv2d)", "PoolStep(max_pooling2d)"]


class MyConv(Conv2D):
    """A subclass, which may have changed anything."""


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        (conv_and_pool(MaxPool2D(2), activation="softmax"), "Softmax"),
        (
            conv_and_pool(Flatten(), data_format="channels_first", input_shape=(1, 8, 8)),
            "channels first",
        ),
        ([MyConv(WIDTH, 3, input_shape=(8, 8, 1)), MaxPool2D(2)], "MyConv"),
        ([Scale(input_shape=(3,)), Dense(2)], "Scale"),
        ([Dense(3, activation="log_softmax", input_shape=(4,)), Dense(2)], "LogSoftmax"),
        ([Activation("softmax", input_shape=(4,)), Dense(2)], "Activation"),
    ],
)
def test_a_layer_that_no_step_knows_is_called_as_it_is(layers, why):
    model = Sequential(layers)
    first, *rest = fuse(model.layers, "float32")
    assert type(first).__name__ == "LayerStep"
    assert first.layers == [model.layers[0]]
    assert why in first.why
    assert not first.native
    assert len(rest) == 1


def test_the_last_activation_goes_into_the_loss():
    for last in ([Dense(3, activation="softmax")], [Dense(3), Activation("softmax")]):
        model = compiled([Flatten(input_shape=(2, 2)), *last])
        assert [type(s).__name__ for s in model.engine.steps] == ["ViewStep", "DenseStep"]
        assert model.engine.native


def test_a_dense_layer_on_more_axes_is_one_step():
    model = compiled([Dense(5, activation="relu", input_shape=(4, 3)), Flatten(), Dense(CLASSES)])
    assert steps(model) == ["DenseStep(dense)", "ViewStep(flatten)", "DenseStep(dense_1)"]
    x = np.random.default_rng(0).random((6, 4, 3), np.float32)
    right = EagerEngine(model.layers, model.loss, model.optimizer).predict_batch(x)
    np.testing.assert_allclose(model.predict(x), right, rtol=1e-5, atol=1e-6)


def test_a_model_that_is_only_its_last_activation_works():
    model = compiled([Activation("softmax", input_shape=(3,))], optimizer="sgd")
    x, y = np.random.default_rng(0).random((5, 3)), np.eye(3)[[0, 1, 2, 1, 0]]
    model.fit(x, y, verbose=0)
    np.testing.assert_allclose(model.predict(x).sum(axis=1), 1, rtol=1e-6)


# ---- memory -------------------------------------------------------------------------------------


def owner(array):
    """Return the array that owns the memory."""
    while array.base is not None:
        array = array.base
    return array


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
def test_memory_begins_on_a_line_of_the_cache(dtype):
    for shape in ((), (0,), (1,), (7, 3), (1000,)):
        array = aligned_zeros(shape, dtype)
        assert array.ctypes.data % ALIGNMENT == 0 or array.size == 0
        assert array.shape == shape
        assert array.dtype == dtype
        assert not array.any()
    buffers = Buffers(5)
    assert buffers.take("a", (3,), dtype) is buffers.take("a", (3,), dtype)
    with pytest.raises(ValueError, match="'a'"):
        buffers.take("a", (4,), dtype)
    flat = Flat([(3, 5), (), (17,), (0,), (2,)], dtype)
    for view in flat.views:
        assert view.ctypes.data % ALIGNMENT == 0 or view.size == 0
        assert owner(view) is owner(flat.flat)
        view[...] = 1
    assert [view.shape for view in flat.views] == [(3, 5), (), (17,), (0,), (2,)]
    assert flat.flat.sum() == 15 + 1 + 17 + 2


def test_all_memory_of_a_plan_is_aligned():
    x, y, _ = images(20)
    model = cnn()
    model.fit(x, y, batch_size=8, verbose=0)
    buffers = wires(model, 8)[0].buffers
    assert len(buffers.arrays) > 10
    for name, array in buffers.arrays.items():
        assert array.ctypes.data % ALIGNMENT == 0, name
    assert buffers.n_bytes == sum(array.nbytes for array in buffers.arrays.values())


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_parameters_gradients_and_slots_lie_in_one_piece_each(optimizer):
    x, y, _ = images(20)
    model = cnn(optimizer=optimizer)
    before = model.get_weights()
    model.predict(x)
    model.engine.gradients(x, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    params = [p for layer in model.layers for p in layer.params.values()]
    grads = [g for layer in model.layers for g in layer.grads.values()]
    kinds = [params, grads, *model.optimizer.slots.values()]
    assert len(kinds) == {"sgd": 2, "rmsprop": 3, "adam": 4}[optimizer]
    assert len({id(owner(arrays[0])) for arrays in kinds}) == len(kinds)
    for arrays in kinds:
        assert [a.shape for a in arrays] == [p.shape for p in params]
        assert len({id(owner(array)) for array in arrays}) == 1
        for array in arrays:
            assert array.ctypes.data % ALIGNMENT == 0
            assert array.flags.c_contiguous
            assert array.flags.writeable
    addresses = [array.ctypes.data for array in params]
    assert addresses == sorted(addresses)
    # They are the layers' own: what is written there counts.
    params[-1][...] = [0, 0, 50]
    assert (model.predict(x).argmax(axis=1) == 2).all()


def test_a_short_batch_uses_the_memory_of_the_long_one(monkeypatch):
    monkeypatch.setattr(CREW, "size", 1)  # a worker's own room comes with its first task
    x, y, _ = images(20)
    model = cnn()
    model.fit(x, y, batch_size=8, verbose=0)
    long, short = wires(model, 8), wires(model, 4)
    assert long[0].buffers is short[0].buffers
    for a, b in zip(long, short, strict=True):
        assert (a.n, b.n, len(a.y), len(b.y)) == (8, 4, 8, 4)
        assert np.shares_memory(a.y, b.y)
        assert np.shares_memory(a.dy, b.dy)
    size = long[0].buffers.n_bytes
    for n in (1, 5, 8, 4):
        model.engine.gradients(x[:n], y[:n])
    assert wires(model, 8)[0].buffers.n_bytes == size
    model.engine.gradients(x, y)
    assert wires(model, 20)[0].buffers.n_bytes > size


def test_numbers_that_come_out_are_not_written_to_again():
    x, y, _ = images(20)
    model = cnn()
    found = [*model.engine.gradients(x[:10], y[:10]), *model.engine.test_batch(x[:10], y[:10])]
    found.append(model.engine.predict_batch(x[:10]))
    copies = [array.copy() for array in found]
    model.engine.gradients(x[10:], y[10:])
    model.engine.test_batch(x[10:], y[10:])
    model.engine.predict_batch(x[10:])
    for array, copy in zip(found, copies, strict=True):
        assert np.array_equal(array, copy)


def test_the_sums_of_squares_are_those_of_the_last_gradients():
    x, y, _ = images(24)
    model = cnn(rate=0)
    for part in (slice(0, 8), slice(8, 12), slice(12, 20), slice(20, 24), slice(0, 24)):
        model.engine.gradients(x[part], y[part])
        for layer in model.layers:
            for name, g in layer.grads.items():
                found = model.engine.gradient_squares()[f"{name} of {layer.name!r}"]
                assert found == pytest.approx(float(np.vdot(g, g)), rel=1e-5)


# ---- what need not be computed ------------------------------------------------------------------


def frozen(*which):
    layers = [
        Conv2D(WIDTH, 3, input_shape=(8, 8, 1)),
        MaxPool2D(2),
        Conv2D(4, 2, activation="relu"),
        Flatten(),
        Dense(6, activation="relu"),
        Dropout(0.2),
        Dense(CLASSES, activation="softmax"),
    ]
    for i in which:
        layers[i].trainable = False
    return compiled(layers)


@pytest.mark.parametrize(
    ("which", "with_dx", "with_dy"),
    [
        ((), [0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]),
        ((0,), [0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1]),
        ((0, 2), [0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1]),
        ((2, 4), [0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]),
        ((0, 2, 4), [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]),
        ((0, 2, 4, 6), [0] * 6, [0] * 6),
    ],
)
def test_gradients_that_nobody_needs_are_not_computed(which, with_dx, with_dy):
    model = frozen(*which)
    found = wires(model, 5)
    assert [int(w.dx is not None) for w in found] == with_dx
    assert [int(w.dy is not None) for w in found] == with_dy
    x, y, _ = images(10, shape=(8, 8, 1))
    before = model.get_weights()
    eager = EagerEngine(model.layers, model.loss, model.optimizer)
    right, _ = eager.gradients(x, y)
    trained = [(l, name) for l in model.layers if l.trainable for name in l.params]
    expected = [layer.grads[name].copy() for layer, name in trained]
    for layer in model.layers:
        layer.grads.clear()
    losses, _ = model.engine.gradients(x, y)
    np.testing.assert_allclose(losses, right, rtol=1e-4)
    for (layer, name), e in zip(trained, expected, strict=True):
        np.testing.assert_allclose(layer.grads[name], e, rtol=1e-3, atol=1e-5)
    model.fit(x, y, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert moved == [l.trainable for l in model.layers for _ in l.params]


def test_a_layer_of_ones_own_gets_a_gradient_even_when_it_is_frozen():
    scale = Scale(input_shape=(8, 8, 1), trainable=False)
    model = compiled([scale, Flatten(), Dense(CLASSES)], "mse")
    found = wires(model, 5)
    assert [w.dx is not None for w in found] == [False, True, True]
    assert all(w.dy is not None for w in found)


# ---- what a person sees -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["1conv", "3conv"])
def test_the_description_names_layers_kernels_and_bytes(name):
    model = tutorial(name)
    model.compile("adam", loss="categorical_crossentropy")
    before = weights_hash(model)
    text = model.engine.describe(16)
    lines = text.splitlines()
    rows = lines[1 : 1 + len(model.engine.steps)]
    for step, row in zip(model.engine.steps, rows, strict=True):
        assert step.kernel in row
        assert step.why in row
        for layer in step.layers:
            assert layer.name in row
    numbers = [int(row.split()[-1].replace(",", "")) for row in rows]
    (last,) = (line for line in lines if line.split()[:1] == ["all"])
    total = int(last.split()[-1].replace(",", ""))
    assert max(numbers) > 0
    assert sum(numbers) <= total == wires(model, 16)[0].buffers.n_bytes
    assert f"{model.count_params():,}" in text
    assert "Adam" in text
    assert weights_hash(model) == before
    assert model.optimizer.iterations == 0


def test_the_engine_is_chosen_by_name():
    for name, kind in (("auto", PlanEngine), ("numba", PlanEngine), ("numpy", EagerEngine)):
        model = cnn(engine=name)
        assert type(model.engine) is kind
    with pytest.raises(ValueError, match="numba"):
        cnn(engine="nunba")


def test_the_tail_keeps_the_layers_own_parameters():
    model = cnn()
    body, _, _ = split_tail(model.layers, model.loss)
    assert body[-1] is not model.layers[-1]
    assert body[-1].params is model.layers[-1].params
    x, y, _ = images(8)
    model.engine.gradients(x, y)
    assert set(model.layers[-1].grads) == {"w", "b"}


# ---- in programs of their own -------------------------------------------------------------------


def run(program, **environment):
    """Run a program with the tests' folder on its path; return what it printed."""
    start = f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(TESTS)!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", start + program],
        capture_output=True,
        text=True,
        timeout=900,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_numcnn_and_compiling_a_model_loads_no_numba():
    program = "from small_nets import cnn\nimport numcnn\nmodel = cnn()\nmodel.summary()\n"
    program += "sys.stdout.write(f'loaded: {\"numba\" in sys.modules}')"
    assert run(program).endswith("loaded: False")


@pytest.mark.parametrize(
    "block",
    [
        "sys.modules['numba'] = None",
        "import importlib.abc\n"
        "class Block(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.split('.')[0] == 'numba':\n"
        "            raise ModuleNotFoundError(\"No module named 'numba'\", name='numba')\n"
        "sys.meta_path.insert(0, Block())",
    ],
)
def test_without_numba_there_is_numpy(block):
    program = f"""
{block}
import warnings
warnings.simplefilter("always")
from small_nets import cnn, images
x, y, _ = images(8)
with warnings.catch_warnings(record=True) as caught:
    for _ in range(2):
        model = cnn()
        model.fit(x, y, verbose=0)
        model.predict(x)
        print(type(model.engine).__name__)
print([w.category.__name__ for w in caught], "Numba" in str(caught[0].message))
with warnings.catch_warnings(record=True) as caught:
    cnn(engine="numpy").fit(x, y, verbose=0)
    try:
        cnn(engine="numba").fit(x, y, verbose=0)
    except ImportError as error:
        print(len(caught), all(w in str(error) for w in ("numba", "pip install", "'numpy'")))
"""
    assert run(program).splitlines() == [
        "EagerEngine", "EagerEngine", "['RuntimeWarning'] True", "0 True",
    ]  # fmt: skip


WARM = """
import numpy as np
from small_nets import CLASSES, images, fingerprint
from numcnn.engine.crew import set_num_threads
from numcnn.kernels import compile
from numcnn.layers import Dense, Dropout, Flatten, Layer
from numcnn.models import Sequential
from numcnn.utils import set_random_seed
set_num_threads(2)
called, said = [], []
class Mine(Layer):
    def forward(self, x, training=False):
        called.append("forward")
        return x
    def backward(self, dy):
        called.append("backward")
        return dy
set_random_seed(1)
model = Sequential([Flatten(input_shape=(6, 6, 1)), Mine(), Dense(4, activation="relu"),
                    Dropout(0.5), Dense(CLASSES, activation="softmax")])
model.compile("sgd", loss="categorical_crossentropy")
before = fingerprint(model)
model.engine.warm_up(8, lambda: said.append(1))
print(len(said), called, fingerprint(model) == before, end=" ")
model.engine.warm_up(8, lambda: said.append(1))
x, y, _ = images(8)
compile._announce = lambda: said.append("late")
model.train_on_batch(x, y)
print(len(said), called)
"""


def test_warming_up_says_so_once_and_changes_nothing(tmp_path):
    cold = f"1 [] True 1 {['forward', 'backward']}\n"
    warm = f"0 [] True 0 {['forward', 'backward']}\n"
    assert run(WARM, NUMBA_CACHE_DIR=str(tmp_path)) == cold
    assert run(WARM, NUMBA_CACHE_DIR=str(tmp_path)) == warm


def test_warming_up_says_so_where_no_kernel_can_be_kept():
    program = "from numcnn.kernels import compile\n"
    program += "def none(*args): raise RuntimeError('no locator available')\n"
    program += "compile._Cache = none\n" + WARM
    assert run(program).startswith("1 [] True 1 ")
