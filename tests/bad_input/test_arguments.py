"""Arguments of fit, evaluate, predict and set_weights."""

import numpy as np
import pytest
from bad_input.cases import SHAPES, TYPES, X, Y, case, check

from numcnn.callbacks import EarlyStopping

CASES = {
    "batch_size 0": case(lambda m: m.fit(X, Y, batch_size=0), ValueError, "batch_size", "got 0"),
    "batch_size -1": case(
        lambda m: m.predict(X, batch_size=-1), ValueError, "batch_size", "at least 1", "got -1"
    ),
    "batch_size 1.5": case(
        lambda m: m.fit(X, Y, batch_size=1.5), TYPES, "batch_size", "integer", "got 1.5"
    ),
    "batch_size True": case(
        lambda m: m.evaluate(X, Y, batch_size=True), TYPES, "batch_size", "got True"
    ),
    "epochs -1": case(lambda m: m.fit(X, Y, epochs=-1), ValueError, "epochs", "got -1"),
    "epochs 1.5": case(lambda m: m.fit(X, Y, epochs=1.5), TYPES, "epochs", "got 1.5"),
    "initial_epoch": case(
        lambda m: m.fit(X, Y, initial_epoch=-2), ValueError, "initial_epoch", "-2"
    ),
    "verbose": case(lambda m: m.fit(X, Y, verbose=5), ValueError, "verbose", "'auto'", "got 5"),
    "validation_split 1": case(
        lambda m: m.fit(X, Y, validation_split=1.0), ValueError, "validation_split", "1.0"
    ),
    "validation_split -0.1": case(
        lambda m: m.fit(X, Y, validation_split=-0.1), ValueError, "validation_split", "-0.1"
    ),
    "validation_split NaN": case(
        lambda m: m.fit(X, Y, validation_split=np.nan), ValueError, "validation_split", "nan"
    ),
    "validation_split text": case(
        lambda m: m.fit(X, Y, validation_split="0.2"), TYPES, "validation_split", "'0.2'"
    ),
    "validation_split too large": case(
        lambda m: m.fit(X, Y, validation_split=0.95), ValueError, "8 samples leaves 0 for training"
    ),
    "validation_data x alone": case(
        lambda m: m.fit(X, Y, validation_data=X), TYPES, "validation_data", "pair (x, y)"
    ),
    "validation_data of three": case(
        lambda m: m.fit(X, Y, validation_data=(X, Y, Y)),
        SHAPES,
        "sample_weight of validation_data",
        "(8, 3)",
    ),
    "validation_data of four": case(
        lambda m: m.fit(X, Y, validation_data=(X, Y, None, None)), TYPES, "pair", "a tuple of 4"
    ),
    "validation_data lengths": case(
        lambda m: m.fit(X, Y, validation_data=(X, Y[:2])), SHAPES, "got 8", "and 2"
    ),
    "validation_data shape": case(
        lambda m: m.fit(X, Y, validation_data=(X[..., 0], Y)), SHAPES, "(8, 6, 6)", "x[..., None]"
    ),
    "validation_data empty": case(
        lambda m: m.fit(X, Y, validation_data=(X[:0], Y[:0])), ValueError, "at least one sample"
    ),
    "callbacks": case(
        lambda m: m.fit(X, Y, callbacks=[EarlyStopping]), TYPES, "callbacks", "EarlyStopping(...)"
    ),
    "weights: too few": case(
        lambda m: m.set_weights(m.get_weights()[1:]), SHAPES, "needs 6", "got 5", "(3, 3, 1, 2)"
    ),
    "weights: shapes": case(
        lambda m: m.set_weights([w.T for w in m.get_weights()]),
        SHAPES,
        "array 0: expected (3, 3, 1, 2)",
        "array 2: expected (8, 5)",
        "array 4: expected (5, 3)",
        "got (3, 5)",
        "Nothing was changed",
    ),
    "weights: texts": case(
        lambda m: m.set_weights([w.astype(str) for w in m.get_weights()]), SHAPES, "array 0", "<U"
    ),
    "weights: of a layer": case(
        lambda m: m.layers[0].set_weights([1, 2]), SHAPES, "layer 'conv2d'", "array 0"
    ),
    "weights: ragged": case(lambda m: m.set_weights([[1, [2, 3]]]), TYPES, "list of arrays"),
}

# Whatever takes a batch_size, with everything that is none.
BATCHED = {
    "fit": lambda m, size: m.fit(X, Y, batch_size=size),
    "evaluate": lambda m, size: m.evaluate(X, Y, batch_size=size),
    "predict": lambda m, size: m.predict(X, batch_size=size),
    "plan": lambda m, size: m.plan(batch_size=size),
}
WRONG = [(0, ValueError), (-1, ValueError)]
WRONG += [(value, TYPES) for value in (1.5, 2.0, True, np.True_, "8", np.nan, np.array([2, 3]))]
CASES |= {
    f"batch_size {value!r} of {name}": case(
        lambda m, call=call, value=value: call(m, value),
        errors,
        "batch_size must be an integer of at least 1",
        f"got {value!r}",
    )
    for name, call in BATCHED.items()
    for value, errors in WRONG
}
CASES |= {
    "epochs text": case(lambda m: m.fit(X, Y, epochs="3"), TYPES, "epochs", "at least 0", "'3'"),
    "epochs NaN": case(lambda m: m.fit(X, Y, epochs=np.nan), TYPES, "epochs", "got nan"),
    "epochs True": case(lambda m: m.fit(X, Y, epochs=True), TYPES, "epochs", "got True"),
    "validation_split infinite": case(
        lambda m: m.fit(X, Y, validation_split=np.inf), ValueError, "validation_split", "inf"
    ),
    "validation_split True": case(
        lambda m: m.fit(X, Y, validation_split=True), TYPES, "validation_split", "True"
    ),
    "a validation set that is no pair": case(
        lambda m: m.fit(X, Y, validation_data="xy"), TYPES, "validation_data", "pair (x, y)"
    ),
    "a callback that is none": case(
        lambda m: m.fit(X, Y, callbacks=[print]), TYPES, "callbacks", "numcnn.callbacks.Callback"
    ),
    "weights: NaN is taken, infinity that is none is not": case(
        lambda m: m.set_weights([w.astype("f8") + 1e39 for w in m.get_weights()]),
        TYPES,
        "array 0",
        "too large for float32",
        "Nothing was changed",
    ),
    "weights: complex": case(
        lambda m: m.set_weights([w + 0j for w in m.get_weights()]),
        SHAPES,
        "array 0: expected (3, 3, 1, 2) of numbers, got (3, 3, 1, 2) of complex",
        "array 5",
    ),
    "weights: None": case(lambda m: m.set_weights(None), TYPES, "needs a list of arrays"),
}

CASES |= {
    f"{name} {value!r}": case(
        lambda m, name=name, value=value: m.fit(X, Y, **{name: value}), errors, name, repr(value)
    )
    for name in ("steps_per_epoch", "validation_steps", "validation_batch_size", "max_queue_size")
    for value, errors in ((0, ValueError), (-1, ValueError), ("1", TYPES), (True, TYPES))
}
CASES |= {
    "workers": case(lambda m: m.fit(X, Y, workers=-1), ValueError, "workers", "-1"),
    "validation_freq": case(
        lambda m: m.fit(X, Y, validation_freq=0), ValueError, "validation_freq", "0"
    ),
    "validation_freq of nothing": case(
        lambda m: m.fit(X, Y, validation_freq=[0]), ValueError, "an epoch in validation_freq", "0"
    ),
    "shuffle": case(lambda m: m.fit(X, Y, shuffle="batches"), ValueError, "shuffle", "'batch'?"),
    "steps of evaluate": case(lambda m: m.evaluate(X, Y, steps=0), ValueError, "steps", "got 0"),
    "steps of predict": case(lambda m: m.predict(X, steps="1"), TYPES, "steps", "'1'"),
    "sample_weight shape": case(
        lambda m: m.fit(X, Y, sample_weight=np.ones(7)), SHAPES, "sample_weight", "8 samples", "(7,"
    ),
    "sample_weight per output": case(
        lambda m: m.evaluate(X, Y, sample_weight=np.ones((8, 3))), SHAPES, "shape (8,)", "(8, 3)"
    ),
    "sample_weight NaN": case(
        lambda m: m.train_on_batch(X, Y, sample_weight=[1] * 7 + [np.nan]),
        ValueError,
        "sample_weight has 1 values",
        "(7,)",
    ),
    "sample_weight texts": case(
        lambda m: m.fit(X, Y, sample_weight=["a"] * 8), TYPES, "sample_weight", "<U1"
    ),
    "class_weight list": case(
        lambda m: m.fit(X, Y, class_weight=[1, 2, 3]), TYPES, "class_weight", "dict(enumerate("
    ),
    "class_weight balanced": case(
        lambda m: m.fit(X, Y, class_weight="balanced"), TYPES, "class_weight", "str"
    ),
    "class_weight key": case(
        lambda m: m.fit(X, Y, class_weight={3: 1.0}), ValueError, "key 3", "0 to 2"
    ),
    "class_weight name": case(
        lambda m: m.fit(X, Y, class_weight={"cat": 1.0}), ValueError, "'cat'", "class numbers"
    ),
    "class_weight value": case(
        lambda m: m.train_on_batch(X, Y, class_weight={0: np.inf}), ValueError, "[0]", "inf"
    ),
    "class_weight text": case(
        lambda m: m.fit(X, Y, class_weight={0: "2"}), ValueError, "class_weight[0]", "'2'"
    ),
    "class_weight of a generator": case(
        lambda m: m.fit(iter([(X, Y)]), class_weight=[1]), TYPES, "class_weight", "list"
    ),
    "weights beside a generator": case(
        lambda m: m.fit(iter([(X, Y)]), sample_weight=np.ones(8)), TYPES, "sample_weight is given"
    ),
    "a split of a generator": case(
        lambda m: m.fit(iter([(X, Y)]), validation_split=0.5), TYPES, "validation_data", "0.5"
    ),
    "a generator of nothing": case(lambda m: m.fit(iter([])), ValueError, "at least one batch"),
    "a validation without an end": case(
        lambda m: m.fit(X, Y, validation_data=iter([(X, Y)])), ValueError, "validation_steps"
    ),
    "resuming a generator": case(
        lambda m: m.fit(iter([(X, Y)]), resume=True), ValueError, "cannot say where", "Sequence"
    ),
    "an argument of no meaning": case(lambda m: m.fit(X, Y, nb_epochs=3), TypeError, "nb_epochs"),
}


def too_large(call, *words):
    """A batch of so many samples that one array of theirs is larger than any memory."""
    return case(
        lambda m: call(m, np.broadcast_to(X[:1], (2**40, *X.shape[1:]))),
        MemoryError,
        "A batch of 1,099,511,627,776 samples is too large: layer 0 ('conv2d') would make",
        "bytes, this machine has",
        "Use a smaller batch_size, at most",
        *words,
    )


CASES["a batch beyond all memory, predict"] = too_large(
    lambda m, x: m.predict(x, batch_size=len(x))
)
CASES["a batch beyond all memory, on its own"] = too_large(lambda m, x: m.predict_on_batch(x))


@pytest.mark.parametrize("name", CASES)
def test_the_error_says_what_to_do_and_nothing_has_changed(name, trained, folder):
    check(CASES[name], trained, folder)
