"""Resuming what cannot be resumed: one clear error, and nothing has changed."""

import numpy as np
import pytest
from small_nets import cnn, fingerprint, images

from numcnn.callbacks import Callback, EarlyStopping, LambdaCallback, ModelCheckpoint
from numcnn.errors import ModelFileError
from numcnn.layers import Dense
from numcnn.models import load_model

X, Y, _ = images(600)
ARGUMENTS = {"x": X, "y": Y, "batch_size": 200, "epochs": 3, "validation_data": (X[:5], Y[:5])}


def fit(model, **changes):
    return model.fit(**{**ARGUMENTS, "verbose": 0, **changes})


def stopped(at=4):
    """Return a model whose training has been stopped after some batches."""
    model = cnn()

    def stop(batch, logs):
        if model.optimizer.iterations == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, callbacks=[LambdaCallback(on_batch_end=stop)])
    return model


def changed(array, row):
    array = array.copy()
    array[row] = array[row][..., ::-1] + 0.25 if array.ndim > 2 else array[row][::-1]
    return array


MISTAKES = {
    "batch size": ({"batch_size": 100}, r"batch_size is 100, it was 200"),
    "no shuffling": ({"shuffle": False}, r"shuffle is False, it was True"),
    "fewer samples": ({"x": X[:-1], "y": Y[:-1]}, r"data is 599 samples .* it was 600 samples"),
    "other pixels": ({"x": X * 2}, r"data is .* checksum \w+, it was .* checksum"),
    "other order": ({"x": X[::-1], "y": Y[::-1]}, r"data is .* checksum"),
    "first sample": ({"x": changed(X, 0)}, r"data is .* checksum"),
    "last sample": ({"x": changed(X, 599)}, r"data is .* checksum"),
    "a target": ({"y": np.roll(Y, 1, axis=1)}, r"data is .* checksum"),
    "other numbers": ({"x": X.astype("float64")}, r"data is .* float64 .* it was .* float32"),
    "no validation": ({"validation_data": None}, r"validation data is none, it was 5 samples"),
    "other validation": ({"validation_data": (X[:6], Y[:6])}, r"validation data is 6 samples"),
    "validation from the data": (
        {"validation_data": None, "validation_split": 0.1},
        r"data is 540 samples .*validation data is 60 samples",
    ),
    "too few epochs": ({"epochs": 1}, r"beyond epochs=1.*at least 2"),
    "no epochs": ({"epochs": 0}, r"beyond epochs=0.*at least 2"),
    "an epoch to begin with": ({"initial_epoch": 1}, r"initial_epoch=1 beside it"),
    "a file": ({"resume": "c.npz"}, r"load_model"),
    "one for true": ({"resume": 1}, r"resume must be True or False"),
    "two at once": ({"batch_size": 7, "shuffle": False}, r"batch_size is 7.*; shuffle is False"),
}


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_another_training_is_refused(tmp_path, mistake, loaded):
    model = stopped()
    if loaded:
        model.save(tmp_path / "c.npz")
        model = load_model(tmp_path / "c.npz")
    before = fingerprint(model), model.history.history, model.run.describe()[0]
    changes, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message) as caught:
        fit(model, **{"resume": True, **changes})
    assert "\n" not in str(caught.value)
    assert (fingerprint(model), model.history.history, model.run.describe()[0]) == before
    fit(model, resume=True)  # it can still go on
    whole = cnn()
    fit(whole)
    assert fingerprint(model) == fingerprint(whole)
    assert model.history.history == whole.history.history


def test_the_place_is_said():
    with pytest.raises(ValueError, match=r"stands in epoch 2, after 1 batches, so all must"):
        fit(stopped(), batch_size=1, resume=True)


@pytest.mark.parametrize("at_end", [True, False])
def test_epochs_that_are_over_already(tmp_path, at_end):
    model = cnn()
    fit(model, epochs=2, callbacks=[ModelCheckpoint(tmp_path / "c.npz")] if at_end else [])
    if at_end:  # the file is written while the callbacks are told of the epoch's end
        model = load_model(tmp_path / "c.npz")
    with pytest.raises(ValueError, match=r"beyond epochs=1.*at least 2"):
        fit(model, epochs=1, resume=True)
    before = fingerprint(model)
    fit(model, epochs=2, resume=True)
    assert fingerprint(model) == before


def test_where_there_is_nothing_to_resume(tmp_path):
    never, anew, weights, single, popped = cnn(), stopped(), stopped(), cnn(), stopped()
    anew.compile("sgd", "categorical_crossentropy")
    single.train_on_batch(X, Y)
    popped.add(Dense(3))
    weights.save(tmp_path / "w.npz")
    fresh = cnn()
    fresh.load_weights(tmp_path / "w.npz")
    single.save(tmp_path / "single.npz")
    for model in (never, anew, single, popped, fresh, load_model(tmp_path / "single.npz")):
        before = fingerprint(model)
        with pytest.raises(ValueError, match="nothing to resume"):
            fit(model, resume=True)
        assert fingerprint(model) == before


def test_a_model_that_was_trained_otherwise_since():
    model = stopped()
    model.train_on_batch(X[:3], Y[:3])
    with pytest.raises(ValueError, match=r"4 steps of the optimizer, which has done 5 by now"):
        fit(model, resume=True)


def test_a_metric_that_no_file_holds(tmp_path):
    def mine(targets, outputs):
        return outputs[:, 0]

    model = cnn()
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy", mine])
    fit(model)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert "mine" in again.history.history
    with pytest.raises(ValueError, match=r"metrics is \['loss', 'accuracy'\], it was .*'mine'"):
        fit(again, epochs=4, resume=True)
    fit(model, epochs=4, resume=True)


def test_a_file_of_weights_alone_is_no_checkpoint(tmp_path):
    model = cnn()
    fit(model, callbacks=[ModelCheckpoint(tmp_path / "w.npz", save_weights_only=True)])
    with pytest.raises(ModelFileError, match="weights only"):
        load_model(tmp_path / "w.npz")


def test_other_callbacks_begin_where_they_come_in(tmp_path):
    class Own(Callback):
        def __init__(self):
            self.seen = 0

        def get_state(self):
            return {"seen": self.seen}

        def on_epoch_end(self, epoch, logs=None):
            self.seen += 1

    model = cnn()
    stop, saving = EarlyStopping(patience=9), ModelCheckpoint(tmp_path / "c.npz")
    fit(model, callbacks=[stop, Own(), saving], epochs=2)
    own, new = Own(), Own()
    fit(load_model(tmp_path / "c.npz"), callbacks=[own, new], resume=True)
    assert (own.seen, new.seen) == (3, 1)

    class Other(Own):
        def get_state(self):
            return {"counted": self.seen}

    Other.__name__ = "Own"
    again = load_model(tmp_path / "c.npz")
    before = fingerprint(again)
    with pytest.raises(ModelFileError, match=r"holds \['seen'\] for Own, .* \['counted'\]"):
        fit(again, callbacks=[Other()], resume=True)
    assert fingerprint(again) == before


@pytest.mark.parametrize(
    "odd", [{1, 2}, "text", [1], [np.ones(2, int)], (np.ones(2),), np.ones(2), 1j], ids=repr
)
def test_a_state_that_no_file_can_hold_is_said_before_writing(tmp_path, odd):
    class Odd(Callback):
        def get_state(self):
            return {"odd": odd}

    path = tmp_path / "c.npz"
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match="get_state of Odd returned odd="):
        fit(cnn(), callbacks=[Odd(), ModelCheckpoint(path)])
    assert path.read_bytes() == b"old"


def test_a_state_that_a_file_can_hold(tmp_path):
    kept = {
        "a": None, "b": True, "c": -7, "d": 0.1, "e": np.float32(0.1), "f": float("inf"),
        "g": [], "h": [np.ones((2, 3)), np.arange(4, dtype="uint8"), np.ones((0, 2), "f4")],
    }  # fmt: skip
    taken = []

    class Own(Callback):
        def get_state(self):
            return kept

        def set_state(self, state):
            taken.append(state)

    fit(cnn(), epochs=1, callbacks=[Own(), ModelCheckpoint(tmp_path / "c.npz")])
    fit(load_model(tmp_path / "c.npz"), epochs=2, callbacks=[Own()], resume=True)
    (state,) = taken
    arrays, others = state.pop("h"), {key: kept[key] for key in "abcdefg"}
    assert state == others
    for found, given in zip(arrays, kept["h"], strict=True):
        assert (found.dtype, found.shape) == (given.dtype, given.shape)
        assert np.array_equal(found, given)


def test_what_model_checkpoint_says(tmp_path, capsys):
    values = [3.0, 1.0, 2.0]
    feed = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=values[epoch]))
    path = tmp_path / "b.npz"
    saving = ModelCheckpoint(
        path, "mine", save_best_only=True, verbose=1, initial_value_threshold=2.5
    )
    fit(cnn(), callbacks=[feed, saving])
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Epoch 1: mine did not improve from 2.50000",
        "",
        f"Epoch 2: mine improved from 2.50000 to 1.00000, saving model to {path}",
        "",
        "Epoch 3: mine did not improve from 1.00000",
    ]
    fit(cnn(), epochs=1, callbacks=[feed, ModelCheckpoint(path, "mine", 1, True, mode="max")])
    assert "mine improved from -inf to 3.00000" in capsys.readouterr().out
    for wrong in ("1", True, float("nan"), [1]):
        with pytest.raises(TypeError, match="initial_value_threshold"):
            ModelCheckpoint(path, initial_value_threshold=wrong)
