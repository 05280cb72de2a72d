"""What looks wrong and is right: forms of samples and labels, sizes, names."""

import numpy as np
import pytest
from bad_input.cases import LABELS, X, Y, sparse, unbuilt
from small_nets import CLASSES, SHAPE, cnn, fingerprint

from numcnn import losses, optimizers
from numcnn.layers import Conv2D
from numcnn.optimizers import SGD


class Subclass(np.ndarray):
    pass


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def mapped(x, folder):
    found = np.memmap(folder / "x", x.dtype, "w+", shape=x.shape)
    found[...] = x
    return found


FORMS = {
    "read-only": lambda x, folder: read_only(x),
    "in Fortran order": lambda x, folder: np.asfortranarray(x),
    "backwards": lambda x, folder: x[::-1].copy()[::-1],
    "every second": lambda x, folder: x.repeat(2, axis=0)[::2],
    "every second column": lambda x, folder: x.repeat(2, axis=2)[:, :, ::2],
    "turned": lambda x, folder: np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2),
    "channels taken from more": lambda x, folder: x.repeat(3, axis=3)[..., 1:2],
    "of a subclass": lambda x, folder: x.view(Subclass),
    "masked": lambda x, folder: np.ma.masked_array(x),
    "on the disk": mapped,
    "a list": lambda x, folder: x.tolist(),
    "float64": lambda x, folder: x.astype("f8"),
    "big endian": lambda x, folder: x.astype(">f4"),
    "float16": lambda x, folder: x.astype("f2"),
    "uint8": lambda x, folder: x.astype("u1"),
    "int64": lambda x, folder: x.astype("i8"),
    "bool": lambda x, folder: x.astype(bool),
    "unaligned": lambda x, folder: (
        np.frombuffer(b"?" + x.tobytes(), "u1")[1:].view(x.dtype).reshape(x.shape)
    ),
}


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("form", FORMS)
def test_samples_in_any_form_give_the_bits_of_their_plain_copy(form, engine, tmp_path):
    ones = np.round(X)  # zeros and ones are the same in every type
    given = FORMS[form](ones, tmp_path)
    before = np.array(given).tobytes()
    found = []
    for x in (ones, given):
        model = cnn(engine=engine)
        model.fit(x, Y, batch_size=3, epochs=2, verbose=0)
        loss = model.evaluate(x, Y, batch_size=5, verbose=0)
        found.append((fingerprint(model), loss, model.predict(x, batch_size=3).tobytes()))
    assert found[0] == found[1]
    assert np.array(given).tobytes() == before


LABEL_FORMS = [
    LABELS,
    LABELS[:, None],
    LABELS.astype(float),
    LABELS.tolist(),
    LABELS.astype("uint8"),
    LABELS.astype("uint64"),
    read_only(LABELS),
    LABELS.repeat(2)[::2],
]


def test_class_numbers_in_any_form_give_the_same_bits():
    found = set()
    weights = sparse().get_weights()
    for y in LABEL_FORMS:
        model = sparse()
        model.set_weights(weights)
        model.fit(X, y, shuffle=False, epochs=2, verbose=0)
        found.add(b"".join(w.tobytes() for w in model.get_weights()))
    assert len(found) == 1


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_targets_need_not_be_one_hot(engine):
    for y in (Y * 0.5, np.full_like(Y, 1 / CLASSES), Y.tolist(), Y.astype("i1"), Y.astype(bool)):
        cnn(engine=engine).fit(X, y, verbose=0)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_no_samples_give_no_predictions(engine):
    model = cnn(engine=engine)
    before = fingerprint(model)
    for found in (model.predict(X[:0]), model.predict_on_batch(X[:0]), model(X[:0])):
        assert found.shape == (0, CLASSES)
        assert found.dtype == np.float32
    assert fingerprint(model) == before


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_numbers_pass_through_a_prediction(value, engine):
    model = cnn(engine=engine)
    x = X.copy()
    x[2] = value
    right = model.predict(X)
    found = model.predict(x)
    assert np.isnan(found[2]).all()
    others = np.arange(8) != 2
    assert np.array_equal(found[others], right[others])


def test_a_model_is_built_by_its_first_samples():
    assert unbuilt(False).predict(X).shape == (8, CLASSES)
    model = unbuilt()
    model.fit(X, Y, verbose=0)
    assert model.input_shape == (None, *SHAPE)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_numbers_of_any_kind(engine):
    model = cnn(engine=engine)
    model.fit(X, Y, batch_size=np.int64(4), epochs=np.int8(1), verbose=0)
    model.fit(X, Y, batch_size=10**30, verbose=0)
    model.fit(X, Y, validation_split=np.float32(0.25), verbose=0)
    model.fit(X, Y, validation_data=[X, Y.tolist()], verbose="auto")
    assert model.fit(X, Y, epochs=0, verbose=0).history == {}
    Conv2D(np.int64(2), np.array([3, 3]).tolist(), strides=np.int32(1))
    assert optimizers.get("RMSprop").learning_rate == 0.001
    assert isinstance(optimizers.get(SGD), SGD)


@pytest.mark.parametrize("identifier", [*losses.LOSSES])
def test_names_in_another_case_get_a_hint(identifier):
    with pytest.raises(ValueError, match=f"Did you mean '{identifier}'"):
        losses.get(identifier.capitalize() + "x")
