"""Building, compiling, and use in the wrong order."""

import numpy as np
import pytest
from bad_input.cases import LABELS, SHAPES, TYPES, X, Y, case, check, unbuilt
from small_nets import SHAPE

from numcnn import losses, metrics
from numcnn.errors import NotCompiledError
from numcnn.layers import Conv2D, Dense, Flatten, Input, Layer, MaxPool2D, Reshape
from numcnn.models import Sequential
from numcnn.optimizers import SGD, Adam, RMSprop


def broken_layer():
    class Broken(Layer):
        def __init__(self):
            pass

    return Broken()


CASES = {
    "a class": case(lambda m: m.add(Dense), TYPES, "Dense(...)"),
    "no layer": case(lambda m: m.add("relu"), TYPES, "add needs a numcnn.layers.Layer", "'relu'"),
    "no super().__init__": case(
        lambda m: m.add(broken_layer()), TYPES, "Broken.__init__", "super().__init__"
    ),
    "a class in a list": case(lambda m: Sequential([Flatten]), TYPES, "Flatten(...)"),
    "a layer twice": case(
        lambda m: m.add(m.layers[-1]), ValueError, "'dense_1'", "already", "Make a new one"
    ),
    "a model in itself": case(lambda m: m.add(m), ValueError, "cannot stand in itself"),
    "an empty model": case(lambda m: m.add(Sequential()), ValueError, "no layers"),
    "a model that does not fit": case(
        lambda m: m.add(Sequential([Dense(5, input_shape=(4,))])), SHAPES, "built for (4,)"
    ),
    "a name twice": case(lambda m: m.add(Dense(2, name="dense")), ValueError, "named 'dense'"),
    "Input on top": case(lambda m: m.add(Input((3,))), SHAPES, "Input", "first"),
    "Conv2D on a row": case(
        lambda m: m.add(Conv2D(2, 3)), SHAPES, "Layer 6 ('conv2d')", "(3,)", "input (6, 6, 1)"
    ),
    "kernel larger than the image": case(
        lambda m: Sequential(
            [Conv2D(2, 3, input_shape=SHAPE), MaxPool2D(2), Conv2D(2, 3), Flatten()]
        ),
        SHAPES,
        "Layer 2 ('conv2d')",
        "3x3",
        "2x2",
        "zero or negative",
        "Shapes up to here: input (6, 6, 1), conv2d (4, 4, 2), max_pooling2d (2, 2, 2)",
        "padding='same'",
    ),
    "pool larger than the image": case(
        lambda m: Sequential([MaxPool2D(9, input_shape=SHAPE)]), SHAPES, "Layer 0", "9x9", "6x6"
    ),
    "reshape": case(
        lambda m: m.add(Reshape((2, 2))), SHAPES, "Layer 6 ('reshape')", "(2, 2)", "3 numbers"
    ),
    "no channels at the first fit": case(
        lambda m: unbuilt().fit(X[..., 0], Y), SHAPES, "Layer 0 ('conv2d')", "x[..., None]"
    ),
    "huge": case(
        lambda m: m.add(Dense(10**12)),
        MemoryError,
        "'dense'",
        "(3, 1000000000000)",
        "12,000,000,000,000 bytes",
        "smaller",
    ),
    "huge beyond 64 bits": case(
        lambda m: Sequential([Dense(10**30, input_shape=(10**30,))]), MemoryError, "'dense'", "'w'"
    ),
    "build of another shape": case(
        lambda m: m.build((None, 5, 5, 1)), SHAPES, "(6, 6, 1)", "(5, 5, 1)"
    ),
    "build of a number": case(lambda m: m.build(5), TYPES, "input_shape", "(None, 28, 28, 1)", "5"),
    "build of fractions": case(lambda m: m.build((None, 2.5)), TYPES, "input_shape", "2.5"),
    "build of nothing": case(
        lambda m: Sequential().build((None, 3)), NotCompiledError, "no layers"
    ),
    "get_layer": case(lambda m: m.get_layer("conv2"), ValueError, "'conv2'", "'conv2d'"),
    "optimizer": case(
        lambda m: m.compile("rmsprob", "mse"), ValueError, "optimizer 'rmsprob'", "'rmsprop'", "sgd"
    ),
    "optimizer 5": case(lambda m: m.compile(5, "mse"), ValueError, "Unknown optimizer 5"),
    "loss": case(
        lambda m: m.compile("sgd", "categorical_crossentropie"),
        ValueError,
        "Did you mean 'categorical_crossentropy'",
    ),
    "no loss": case(lambda m: m.compile("sgd"), ValueError, "compile needs a loss", "mse"),
    "loss function": case(lambda m: m.compile("sgd", len), TYPES, "(y_true, y_pred)", "'len'"),
    "loss of no kind": case(lambda m: m.compile("sgd", 7), ValueError, "Unknown loss 7"),
    "metric": case(
        lambda m: m.compile("sgd", "mse", ["acuracy"]), ValueError, "Did you mean 'accuracy'"
    ),
    "engine": case(
        lambda m: m.compile("sgd", "mse", engine="nummpy"), ValueError, "Did you mean 'numpy'"
    ),
    "keyword of compile": case(lambda m: m.compile("sgd", "mse", metric=[]), TypeError, "metric"),
}
for name, rate in (("0", 0), ("-1", -0.1), ("NaN", np.nan), ("infinite", np.inf)):
    CASES[f"learning rate {name}"] = case(
        lambda m, rate=rate: RMSprop(learning_rate=rate), ValueError, "learning_rate", str(rate)
    )
CASES |= {
    "learning rate text": case(lambda m: SGD("0.1"), TYPES, "learning_rate", "'0.1'", "str"),
    "learning rate set": case(
        lambda m: setattr(m.optimizer, "learning_rate", -1), ValueError, "learning_rate", "-1"
    ),
    "rho": case(lambda m: RMSprop(rho=1.5), ValueError, "rho", "1.5"),
    "keyword of RMSprop": case(lambda m: RMSprop(rh=0.9), TypeError, "Did you mean 'rho'"),
    "keyword of Adam": case(lambda m: Adam(beta1=0.9), TypeError, "Did you mean 'beta_1'"),
    "keyword of a loss": case(
        lambda m: losses.CategoricalCrossentropy(from_logit=True), TypeError, "'from_logits'"
    ),
    "metric of other targets": case(
        lambda m: metrics.categorical_accuracy(LABELS, Y), SHAPES, "categorical_accuracy", "(8,)"
    ),
}

CASES |= {
    "fit before compile": case(
        lambda m: unbuilt(False).fit(X, Y), (NotCompiledError, RuntimeError, ValueError), "compile"
    ),
    "evaluate before compile": case(
        lambda m: unbuilt(False).evaluate(X, Y), (NotCompiledError, RuntimeError), "model.compile("
    ),
    "train_on_batch before compile": case(
        lambda m: unbuilt(False).train_on_batch(X, Y), NotCompiledError, "train_on_batch needs"
    ),
    "predict without layers": case(
        lambda m: Sequential().predict(X), (NotCompiledError, ValueError), "no layers"
    ),
    "summary before build": case(
        lambda m: unbuilt().summary(), (NotCompiledError, ValueError), "input_shape", "build"
    ),
    "save before build": case(lambda m: unbuilt().save("m.npz"), NotCompiledError, "save needs"),
    "weights before build": case(
        lambda m: unbuilt().get_weights(), NotCompiledError, "get_weights needs"
    ),
    "shape of a layer before build": case(lambda m: Dense(3).output_shape, AttributeError, "built"),
    "backward before forward": case(
        lambda m: Dense(3).backward(np.zeros((1, 3))), RuntimeError, "'dense'", "training=True"
    ),
    "save as pt": case(lambda m: m.save("model.pt"), ValueError, ".npz", "'model.pt'"),
    "save into no folder": case(
        lambda m: m.save("no/model.npz"), FileNotFoundError, "no", "make it first"
    ),
    "save onto a folder": case(lambda m: m.save("folder.npz"), IsADirectoryError, "folder.npz"),
}

RATES = [(value, ValueError) for value in (0, -0.0, -1, np.nan, np.inf, -np.inf)]
RATES += [(value, TYPES) for value in ("0.1", True, None, 1j, [0.1])]
CASES |= {
    f"{name} of {cls.__name__} = {value!r}": case(
        lambda m, cls=cls, name=name, value=value: cls(**{name: value}),
        errors,
        "learning_rate must be",
        repr(value),
    )
    for cls in (SGD, RMSprop, Adam)
    for name in ("learning_rate", "lr")
    for value, errors in RATES
    if not (name == "lr" and value is None)
}
SHARES = {"momentum": SGD, "rho": RMSprop, "beta_1": Adam, "beta_2": Adam}
CASES |= {
    f"{name} = {value!r}": case(
        lambda m, cls=cls, name=name, value=value: cls(**{name: value}), errors, name, repr(value)
    )
    for name, cls in SHARES.items()
    for value, errors in ((1, ValueError), (-0.1, ValueError), (np.nan, ValueError), ("1", TYPES))
}
UNKNOWN = {
    "optimizer": lambda name: Sequential().compile(name, "mse"),
    "loss": lambda name: Sequential().compile("sgd", name),
    "metric": lambda name: Sequential().compile("sgd", "mse", [name]),
    "engine": lambda name: Sequential().compile("sgd", "mse", engine=name),
    "activation": lambda name: Dense(2, activation=name),
    "initializer": lambda name: Dense(2, bias_initializer=name),
    "padding of Conv2D": lambda name: Conv2D(2, 3, padding=name),
    "padding of MaxPool2D": lambda name: MaxPool2D(padding=name),
    "data_format": lambda name: Conv2D(2, 3, data_format=name),
}
CASES |= {
    f"{what} {name!r}": case(
        lambda m, make=make, name=name: make(name), ValueError, f"Unknown {what}", repr(name), ": "
    )
    for what, make in UNKNOWN.items()
    for name in ("no such thing", "", 5, 2.5, b"relu", ("relu",))
    if (what, name) != ("activation", "")
}
CASES |= {
    "a layer twice in a list": case(
        lambda m: Sequential([same := Flatten(), same]), ValueError, "'flatten'", "already"
    ),
    "parameters beyond 64 bits": case(
        lambda m: m.add(Dense(2**62, name="wide")), MemoryError, "'wide'", "(3, 46116860184273879"
    ),
    "a kernel larger than what is left, at compile": case(
        lambda m: m.add(MaxPool2D(2)), SHAPES, "Layer 6 ('max_pooling2d')", "(3,)", "Shapes up to"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_error_says_what_to_do_and_nothing_has_changed(name, trained, folder):
    check(CASES[name], trained, folder)
