"""examples/README.md, the map for those who come from Keras, and what it claims."""

import io
import re
import traceback
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import numcnn
from numcnn import errors
from numcnn.backend import get_value, set_value
from numcnn.layers import Dense
from numcnn.models import Sequential, load_model
from numcnn.optimizers import RMSprop

EXAMPLES = Path(numcnn.__file__).parents[1] / "examples"
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")
HERE, ABSENT = PAGE.split("## What is here")[1].split("## What is not here")
ABSENT = ABSENT.split("## Differences")[0]


def room(keras):
    """Return the module of numcnn that stands for one of Keras."""
    found = numcnn
    for part in keras.split(".")[1:]:
        found = getattr(found, part)
    return found


ROWS = re.findall(r"^\| `(keras[\w.]*)` \| (.+) \|$", HERE, re.M)


@pytest.mark.parametrize(("keras", "names"), ROWS, ids=[row[0] for row in ROWS])
def test_what_the_page_says_is_here_is_here(keras, names):
    found = re.findall(r"`(\w+)`", re.sub(r"extra `\w+`|`flow\w*`", "", names))
    assert found
    for name in found:
        assert hasattr(room(keras), name), name
    assert len(found) == len(set(found))


def test_every_room_of_the_front_door_that_keras_has_is_on_the_page():
    own = {"export", "gradcheck", "inspect", "plotting"}
    rooms = {name for name in numcnn.__all__ if re.fullmatch("[a-z]+", name)} - own
    functions = {"warmup"}
    assert rooms - functions == {keras.split(".")[1] for keras, _ in ROWS if "." in keras}


NOT_HERE = re.findall(r"`(keras\.[\w.]+)`", ABSENT)


@pytest.mark.parametrize("keras", NOT_HERE)
def test_what_the_page_says_is_not_here_says_so_itself(keras):
    place, _, name = keras.replace("keras", "numcnn", 1).rpartition(".")
    with pytest.raises(AttributeError) as raised:
        getattr(room(place), name)
    assert str(raised.value).startswith(f"{place} has no {name!r}. ")
    assert "Nearest: numcnn." in str(raised.value)
    with pytest.raises(ImportError) as imported:
        exec(f"from {place} import {name}", {})
    assert str(imported.value) == str(raised.value)


def test_what_there_is_instead_is_there():
    column = "\n".join(re.findall(r"\| [^|]+ \|$", ABSENT, re.M))
    for name in re.findall(r"`([A-Z]\w+)`", column):
        assert any(hasattr(getattr(numcnn, r), name) for r in ("models", "layers", "callbacks"))
    for name in re.findall(r"`numcnn\.(\w+)`", column):
        assert hasattr(numcnn, name)


def test_the_errors_on_the_page_are_those_that_come():
    shown = re.findall(r"^>>> (.+)\n(numcnn\..+)$", PAGE, re.M)
    assert len(shown) == 2
    for statement, text in shown:
        with pytest.raises((ImportError, AttributeError)) as raised:
            exec(statement, {"numcnn": numcnn})
        lines = traceback.format_exception_only(raised.type, raised.value)
        assert "".join(lines).strip() == text


def test_every_example_is_on_the_page():
    listed = set(re.findall(r"`([\w]+\.(?:py|ipynb))`", PAGE.split("## The examples")[1]))
    assert listed == {p.name for p in EXAMPLES.glob("*.py")} | {
        p.name for p in EXAMPLES.glob("*.ipynb")
    }


# ---- the differences ------------------------------------------------------------------------


def test_epsilon_stands_inside_the_root():
    w, g = np.array([1.0]), np.array([2.0])
    RMSprop(learning_rate=1.0, rho=0.75, epsilon=3.0).step([w], [g])
    assert w[0] == pytest.approx(1 - 2 / np.sqrt(0.25 * 4 + 3))


def small(loss="mse"):
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", loss=loss)
    return model


def test_predict_prints_nothing():
    with redirect_stdout(io.StringIO()) as printed:
        small().predict(np.ones((4, 2)))
    assert printed.getvalue() == ""


def test_a_weighted_loss_is_divided_by_the_number_of_samples():
    model = small()
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    x, y = np.ones((4, 2)), np.ones((4, 1))
    assert model.evaluate(x, y, sample_weight=np.array([2, 2, 2, 2]), verbose=0) == 2


def test_an_npz_file_goes_on_bit_for_bit(tmp_path):
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model = small()
    model.fit(x, y, epochs=1, verbose=0)
    model.save(tmp_path / "x.npz")
    again = load_model(tmp_path / "x.npz")
    again.fit(x, y, epochs=2, verbose=0, resume=True)
    model.fit(x, y, epochs=2, verbose=0, resume=True)
    assert (again.get_weights()[0] == model.get_weights()[0]).all()


def test_a_loss_that_is_nan_leaves_the_weights():
    model = small()
    before = model.get_weights()[0].copy()
    with pytest.raises(errors.DivergedError):
        model.fit(np.ones((4, 2)), np.full((4, 1), np.float32(3e38)), verbose=0)
    assert (model.get_weights()[0] == before).all()


def test_the_outputs_of_a_model_and_a_loss_have_numpy():
    model, x = small(), np.ones((4, 2))
    assert (model(x).numpy() == model.predict(x)).all()
    assert type(model(x).numpy()) is np.ndarray
    assert numcnn.losses.MeanSquaredError()(x, x).numpy() == 0


def test_adadeltas_rate_is_that_of_keras_3():
    model = small()
    model.compile("adadelta", "mse")
    assert model.optimizer.learning_rate == 0.001
    with pytest.warns(UserWarning, match=r"Adadelta\(learning_rate=1\.0\)"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


def test_a_model_on_a_model_has_the_layers_of_both():
    first, second = small(), Sequential([Dense(3, input_shape=(1,))])
    both = Sequential([first, second])
    assert both.layers == [*first.layers, *second.layers]
    x = np.ones((4, 2))
    both.compile("sgd", "mse")
    both.fit(x, np.ones((4, 3)), verbose=0)
    assert both.predict(x) == pytest.approx(second.predict(first.predict(x)), abs=1e-6)


def test_a_loss_that_is_a_function_is_called_twice_for_each_output():
    calls = []

    def squares(y_true, y_pred):
        calls.append(len(y_pred))
        return ((y_true - y_pred) ** 2).mean(axis=-1)

    numcnn.losses.get(squares).gradient(np.ones((4, 3)), np.zeros((4, 3)))
    assert calls == [4] * (1 + 2 * 3)  # and once where it stands


def test_a_learning_rate_is_a_number():
    model = small()
    set_value(model.optimizer.lr, 0.25)
    assert get_value(model.optimizer.learning_rate) == 0.25
    model.optimizer.lr = 0.5
    assert get_value(model.optimizer.learning_rate) == 0.5
    with pytest.raises(TypeError, match=r"model\.optimizer\.momentum = value"):
        set_value(model.optimizer.momentum, 0.5)
