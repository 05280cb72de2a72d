"""Samples and targets that do not fit: table 2.1, rows of x and y."""

import numpy as np
import pytest
from bad_input.cases import LABELS, SHAPES, TYPES, X, Y, binary, case, check, sparse


def with_nan():
    x = X.copy()
    x[3, 2, 1, 0] = np.nan
    return x


def labels_with(value):
    y = LABELS.astype(float)
    y[5] = value
    return y


CASES = {
    "one image": case(
        lambda m: m.fit(X[0, ..., 0], Y), SHAPES, "('N', 6, 6, 1)", "(6, 6)", "x[None, ..., None]"
    ),
    "no channel axis": case(
        lambda m: m.fit(X[..., 0], Y),
        SHAPES,
        "layer 0 ('conv2d')",
        "expected ndim=4",
        "found ndim=3",
        "(8, 6, 6)",
        "x[..., None]",
    ),
    "no batch axis": case(lambda m: m.predict(X[0]), SHAPES, "(6, 6, 1)", "x[None]"),
    "other height": case(lambda m: m.fit(X[:, 1:], Y), SHAPES, "'conv2d'", "(8, 5, 6, 1)"),
    "other channels": case(
        lambda m: m.evaluate(np.zeros((8, 6, 6, 3)), Y), SHAPES, "('N', 6, 6, 1)", "(8, 6, 6, 3)"
    ),
    "pixels in a row": case(
        lambda m: m.predict(X.reshape(8, -1)), SHAPES, "(8, 36)", "x.reshape(-1, 6, 6, 1)"
    ),
    "lengths": case(lambda m: m.fit(X, Y[:-1]), SHAPES, "same number", "got 8", "and 7"),
    "lengths in evaluate": case(lambda m: m.evaluate(X[:3], Y), SHAPES, "got 3", "and 8"),
    "no samples": case(lambda m: m.fit(X[:0], Y[:0]), ValueError, "fit", "at least one", "(0, 6,"),
    "no samples to evaluate": case(
        lambda m: m.evaluate(X[:0], Y[:0]), ValueError, "evaluate", "at least one sample"
    ),
    "no samples in a batch": case(
        lambda m: m.train_on_batch(X[:0], Y[:0]), ValueError, "train_on_batch", "at least one"
    ),
    "None": case(lambda m: m.fit(None, Y), TYPES, "x must be an array of numbers", "got None"),
    "no y": case(lambda m: m.fit(X), TYPES, "y must be an array of numbers", "got None"),
    "ragged": case(
        lambda m: m.fit([[1.0, 2.0], [3.0]], Y), TYPES, "x must", "row 0", "row 1 has shape (1,)"
    ),
    "texts": case(lambda m: m.predict(["cat"]), TYPES, "x must", "dtype <U3", "np.asarray"),
    "objects": case(lambda m: m.fit(X.astype(object), Y), TYPES, "x must", "dtype object"),
    "complex": case(lambda m: m.fit(X.astype(complex), Y), TYPES, "x must", "complex128"),
    "dates": case(lambda m: m.fit(X.astype("M8[s]"), Y), TYPES, "x must", "datetime64"),
    "generator": case(
        lambda m: m.fit((i for i in X), Y), TYPES, "y is given beside x, a generator"
    ),
    "a number": case(lambda m: m.predict(3.0), SHAPES, "x must have an axis of samples", "3.0"),
    "NaN": case(
        lambda m: m.fit(with_nan(), Y), ValueError, "x has 1 values", "(3, 2, 1, 0)", "Clean"
    ),
    "infinity": case(
        lambda m: m.fit(X + np.inf, Y), ValueError, "x has 288 values", "(0, 0, 0, 0)"
    ),
    "beyond float32": case(
        lambda m: m.fit(X.astype("f8") + 1e39, Y), TYPES, "too large for float32", "Scale"
    ),
    "class numbers for one-hot": case(
        lambda m: m.fit(X, LABELS),
        SHAPES,
        "categorical_crossentropy",
        "(8,)",
        "('N', 3)",
        "to_categorical(y, 3)",
        "'sparse_categorical_crossentropy'",
    ),
    "column of class numbers": case(
        lambda m: m.fit(X, LABELS[:, None]), SHAPES, "(8, 1)", "to_categorical(y, 3)"
    ),
    "too many classes": case(lambda m: m.fit(X, np.eye(8)), SHAPES, "(8, 8)", "('N', 3)"),
    "negative targets": case(lambda m: m.fit(X, -Y), ValueError, "y holds", "-1.0", "at least 0"),
    "NaN targets": case(lambda m: m.fit(X, Y * np.nan), ValueError, "y has 24 values", "(0, 0)"),
    "one-hot for class numbers": case(
        lambda m: sparse().fit(X, Y), SHAPES, "(8, 3)", "One-hot", "'categorical_crossentropy'"
    ),
    "a class too many": case(
        lambda m: sparse().fit(X, labels_with(3)), ValueError, "0 to 2", "1 are", "(5,): 3.0"
    ),
    "a negative class": case(
        lambda m: sparse().fit(X, labels_with(-1)), ValueError, "from -1.0", "(5,): -1.0", "units"
    ),
    "half a class": case(
        lambda m: sparse().fit(X, labels_with(1.5)), TYPES, "(5,) stands 1.5", "not a whole number"
    ),
    "NaN for a class": case(lambda m: sparse().fit(X, labels_with(np.nan)), TYPES, "stands nan"),
    "names of classes": case(lambda m: sparse().fit(X, ["cat"] * 8), TYPES, "y must", "<U3"),
    "classes for two": case(
        lambda m: binary().fit(X, LABELS * 2), ValueError, "from 0 to 4", "probabilities"
    ),
    "targets of two outputs": case(
        lambda m: binary("mse").fit(X, Y), SHAPES, "(8, 3)", "('N', 1)", "mean_squared_error"
    ),
}

# Whatever takes samples refuses the same ones.
USES = {
    "fit": lambda m, x: m.fit(x, Y, verbose=0),
    "evaluate": lambda m, x: m.evaluate(x, Y, verbose=0),
    "predict": lambda m, x: m.predict(x),
    "call": lambda m, x: m(x),
    "train_on_batch": lambda m, x: m.train_on_batch(x, Y),
    "test_on_batch": lambda m, x: m.test_on_batch(x, Y),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "validation_data": lambda m, x: m.fit(X, Y, verbose=0, validation_data=(x, Y)),
}
SAMPLES = {
    "no channels": (X[..., 0], SHAPES, "(8, 6, 6)", "x[..., None]"),
    "other width": (X[:, :, 1:], SHAPES, "('N', 6, 6, 1)", "(8, 6, 5, 1)"),
    "too many axes": (X[None], SHAPES, "ndim=4", "ndim=5", "(1, 8, 6, 6, 1)"),
    "none": (None, TYPES, "must be an array of numbers", "got None"),
    "texts": (np.full((8, 6, 6, 1), "1"), TYPES, "dtype <U1", "np.asarray"),
    "bytes": (np.full((8, 6, 6, 1), b"1"), TYPES, "dtype |S1", "np.asarray"),
    "objects": (X.astype(object), TYPES, "dtype object"),
    "complex": (X + 0j, TYPES, "complex", "real numbers"),
    "dates": (X.astype("M8[s]"), TYPES, "datetime64"),
    "spans of time": (X.astype("m8[s]"), TYPES, "timedelta64"),
    "records": (np.zeros((8, 6, 6, 1), [("a", "f4")]), TYPES, "dtype [('a'"),
    "a ragged list": ([[1.0], [2.0, 3.0]], TYPES, "row 0 has shape (1,)", "row 1 has shape (2,)"),
    "a dictionary": ({"x": X}, TYPES, "dtype object"),
}
CASES |= {
    f"{what} to {use}": case(lambda m, call=call, x=x: call(m, x), errors, *words)
    for use, call in USES.items()
    for what, (x, errors, *words) in SAMPLES.items()
}
CASES |= {
    "-infinity": case(
        lambda m: m.fit(X - np.inf, Y), ValueError, "x has 288 values", "-inf", "check_finite=False"
    ),
    "long double": case(
        lambda m: m.fit(X.astype("longdouble") + np.longdouble("1e39"), Y), TYPES, "too large"
    ),
    "infinite targets": case(lambda m: m.fit(X, Y + np.inf), ValueError, "y has 24", "(0, 0): inf"),
    "texts for targets": case(lambda m: m.fit(X, Y.astype(str)), TYPES, "y must", "dtype <U"),
    "complex targets": case(lambda m: m.fit(X, Y + 0j), TYPES, "y must", "complex"),
    "ragged targets": case(lambda m: m.fit(X, [[1], [1, 0]]), TYPES, "y must", "row 1 has shape"),
    "class 10 of 10": case(
        lambda m: sparse().fit(X, LABELS + 1), ValueError, "0 to 2", "outside", "3", "mend"
    ),
    "class numbers in two columns": case(
        lambda m: sparse().fit(X, LABELS.repeat(2).reshape(8, 2)), SHAPES, "(8, 2)", "one class"
    ),
    "an infinite class": case(
        lambda m: sparse().fit(X, labels_with(np.inf)), TYPES, "(5,) stands inf"
    ),
    "a huge class": case(
        lambda m: sparse().fit(X, np.full(8, 2**63, "u8")), ValueError, "0 to 2", "8 are outside"
    ),
    "classes as True": case(
        lambda m: binary().fit(X, LABELS - 0.5), ValueError, "from -0.5", "at most 1"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_error_says_what_to_do_and_nothing_has_changed(name, trained, folder):
    check(CASES[name], trained, folder)
