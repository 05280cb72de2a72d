"""Callbacks that write: model files and tables of numbers."""

import csv
import math

import numpy as np
import pytest
from fed_training import epoch_weights, run
from small_nets import cnn, fingerprint, images, weights_hash

from numcnn.callbacks import (
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    TerminateOnNaN,
)
from numcnn.errors import DataFileError, DTypeError
from numcnn.models import load_model


def test_model_checkpoint_names(tmp_path, capsys):
    path = tmp_path / "m-{epoch:02d}-{val_loss:.1f}.npz"
    model, _ = run(ModelCheckpoint(path, verbose=1), [3.0, 2.0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m-01-3.0.npz", "m-02-2.0.npz"]
    assert "Epoch 2: saving model to" in capsys.readouterr().out
    again = load_model(tmp_path / "m-02-2.0.npz")
    assert fingerprint(again) == fingerprint(model)


def test_model_checkpoint_of_the_best_only(tmp_path):
    hashes = epoch_weights(5)
    path = tmp_path / "best.npz"
    for values, best in (
        ([3, 1, 2, 2, 2], 1),
        ([5, 4, 3, 2, 1], 4),
        ([math.nan, 3, 4, 4, math.nan], 1),
    ):
        run(ModelCheckpoint(path, save_best_only=True), values)
        assert weights_hash(load_model(path)) == hashes[best]
    run(ModelCheckpoint(path, "val_accuracy", save_best_only=True), [1, 3, 2, 2, 2], "val_accuracy")
    assert weights_hash(load_model(path)) == hashes[1]
    assert [p.name for p in tmp_path.iterdir()] == ["best.npz"]


def test_model_checkpoint_of_weights_only(tmp_path):
    model, _ = run(ModelCheckpoint(tmp_path / "w.npz", save_weights_only=True), [1.0])
    with pytest.raises(ValueError, match="weights only"):
        load_model(tmp_path / "w.npz")
    other = cnn(seed=9)
    other.load_weights(tmp_path / "w.npz")
    assert weights_hash(other) == weights_hash(model)


def test_model_checkpoint_every_few_batches(tmp_path):
    x, y, _ = images(20)
    saving = ModelCheckpoint(tmp_path / "{epoch}-{batch}.npz", save_freq=3)
    cnn().fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[saving])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1-3.npz", "2-1.npz", "2-4.npz"]


def test_model_checkpoint_finds_mistakes_early(tmp_path):
    x, y, _ = images(4)
    with pytest.raises(ValueError, match=r"\.npz"):
        ModelCheckpoint(tmp_path / "model.pt")
    for wrong in (0, -1, True, "batch", 1.5):
        with pytest.raises(ValueError, match="save_freq"):
            ModelCheckpoint("m.npz", save_freq=wrong)
    model = cnn()
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        model.fit(x, y, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "file" / "in" / "m.npz")])
    assert model.optimizer.iterations == 0
    (tmp_path / "file").unlink()
    missing = ModelCheckpoint(tmp_path / "{val_los:.2f}.npz")
    with pytest.raises(KeyError, match="val_los"):
        model.fit(x, y, verbose=0, callbacks=[missing])
    best = ModelCheckpoint(tmp_path / "b.npz", save_best_only=True)
    with pytest.warns(UserWarning, match="'val_loss', which is not there"):
        model.fit(x, y, verbose=0, callbacks=[best])
    assert list(tmp_path.iterdir()) == []
    model.fit(x, y, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "new" / "m.npz")])
    assert (tmp_path / "new" / "m.npz").is_file()


def table(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old\n")
    _, history = run(CSVLogger(path), [2.0, 1.5])
    header, *lines = table(path)
    assert header == ["epoch", "accuracy", "loss", "val_loss"]
    assert [line[0] for line in lines] == ["0", "1"]
    for key in header[1:]:
        column = [float(line[header.index(key)]) for line in lines]
        assert column == history.history[key]


def test_csv_logger_goes_on_with_a_file(tmp_path):
    path = tmp_path / "log.csv"
    for first, last in ((0, 2), (2, 3)):
        logger = CSVLogger(path, separator=";", append=True)
        run(logger, [1.0, 2.0, 3.0], epochs=last, initial_epoch=first)
    header, *lines = table(path, ";")
    assert header[0] == "epoch"
    assert [line[0] for line in lines] == ["0", "1", "2"]
    assert [float(line[-1]) for line in lines] == [1, 2, 3]
    x, y, _ = images(4)
    cnn().fit(x, y, verbose=0, callbacks=[CSVLogger(path, separator=";", append=True)])
    assert table(path, ";")[-1][-1] == "NA"


def test_csv_logger_finds_a_missing_folder_before_training(tmp_path):
    x, y, _ = images(4)
    model = cnn()
    with pytest.raises(FileNotFoundError):
        model.fit(x, y, verbose=0, callbacks=[CSVLogger(tmp_path / "no" / "log.csv")])
    assert model.optimizer.iterations == 0


def test_terminate_on_nan_lets_numbers_pass(capsys):
    _, history = run(TerminateOnNaN(), [1.0, 2.0])
    assert history.epoch == [0, 1]
    assert np.isfinite(history.history["loss"]).all()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("given", "other"), [("accuracy", "acc"), ("acc", "accuracy")])
def test_accuracy_is_found_under_both_of_its_names(given, other, tmp_path):
    """Keras 2.2 wrote 'acc' where later versions write 'accuracy'; scripts read either."""
    heard = []
    model = cnn()
    model.compile("sgd", "categorical_crossentropy", metrics=[given])
    x, y, _ = images(20)
    callbacks = [
        EarlyStopping(f"val_{other}"),
        ModelCheckpoint(f"{tmp_path}/{{val_{other}:.1f}}.npz"),
        LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append(logs.get(other))),
    ]
    history = model.fit(x, y, verbose=0, validation_split=0.5, callbacks=callbacks).history
    assert list(history) == ["loss", given, "val_loss", f"val_{given}"]
    assert history[other] == history[given] == heard
    assert f"val_{other}" in history
    assert (tmp_path / f"{history[f'val_{other}'][0]:.1f}.npz").exists()
    with pytest.raises(KeyError):
        history["lr"]


def test_a_best_that_could_not_be_saved_is_not_the_best(tmp_path, monkeypatch):
    saving = ModelCheckpoint(tmp_path / "m.npz", "mine", save_best_only=True)
    saving.set_model(cnn())

    def full(path):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(saving.model, "save", full)
        with pytest.raises(OSError, match="full"):
            saving.on_epoch_end(0, {"mine": 1.0})
    assert saving.best is None
    saving.on_epoch_end(1, {"mine": 2.0})
    assert (saving.best, (tmp_path / "m.npz").exists()) == (2.0, True)


@pytest.mark.parametrize(
    "name", ["{.npz", "a}.npz", "{}.npz", "{0}.npz", "{epoch:q}.npz", "{epoch:.2d}.npz", "{loss:d}"]
)
def test_a_name_that_cannot_be_filled_in_is_refused_before_training(name):
    with pytest.raises(ValueError, match=r"cannot be filled in: .*Write for example"):
        ModelCheckpoint(name)


@pytest.mark.parametrize("separator", [5, "", ",,", "\n", None])
def test_a_separator_is_one_letter(separator, tmp_path):
    with pytest.raises(ValueError, match="separator must be one letter"):
        CSVLogger(tmp_path / "a.csv", separator=separator)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00e\x00p", b"a" * 200_000], ids=["text", "field"])
def test_what_is_no_table_is_not_gone_on_with(content, tmp_path):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataFileError, match=r"a\.csv is no table .* name another file"):
        run(CSVLogger(tmp_path / "a.csv", append=True), [1.0])
    assert (tmp_path / "a.csv").read_bytes() == content


def test_what_is_no_function_is_said_at_once():
    with pytest.raises(DTypeError, match="on_epoch_end of LambdaCallback must be a f"):
        LambdaCallback(on_epoch_end=3)
