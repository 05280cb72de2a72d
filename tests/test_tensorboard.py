"""The callback TensorBoard: its files read back by a reader of their format, written here anew."""

import struct

import numpy as np
import pytest
from small_nets import dense

from numcnn.callbacks import ReduceLROnPlateau, TensorBoard

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = X[:, :3]


def crc(data):
    """CRC-32C, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 * (value & 1))
    value ^= 0xFFFFFFFF
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) % 2**32


def records(path):
    data = path.read_bytes()
    while data:
        length, check = struct.unpack("<QI", data[:12])
        assert crc(data[:8]) == check
        body, (check,) = (
            data[12 : 12 + length],
            struct.unpack("<I", data[12 + length : 16 + length]),
        )
        assert crc(body) == check
        yield body
        data = data[16 + length :]


def fields(data):
    """Return [(number, value), ...] of a message of Protocol Buffers."""
    found = []
    while data:
        key, data = data[0], data[1:]
        size = {1: 8, 5: 4}.get(key & 7)
        if size is None:
            number = shift = 0
            while True:
                byte, data = data[0], data[1:]
                number |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            if key & 7 == 0:
                found.append((key >> 3, number))
                continue
            size = number
        found.append((key >> 3, data[:size]))
        data = data[size:]
    return found


def scalars(path):
    """Return {(tag, step): value} of an event file."""
    first, *rest = [dict(fields(body)) for body in records(path)]
    assert first[3] == b"brain.Event:2"
    found = {}
    for event in rest:
        for _, value in fields(event[5]):
            tag, number = dict(fields(value))[1], dict(fields(value))[2]
            found[tag.decode(), event[2]] = struct.unpack("<f", number)[0]
    return found


def files(folder):
    return {path.parent.name: path for path in folder.rglob("events.out.tfevents.*")}


def test_each_epochs_numbers(tmp_path):
    model = dense(units=3, metrics=["mae"])
    plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, epsilon=100.0)
    history = model.fit(X, Y, epochs=3, verbose=0, validation_data=(X[:4], Y[:4]),
                        callbacks=[TensorBoard(tmp_path), plateau]).history  # fmt: skip
    found = {part: scalars(path) for part, path in files(tmp_path).items()}
    assert set(found) == {"train", "validation"}
    for part, prefix in (("train", ""), ("validation", "val_")):
        for name in ("loss", "mae"):
            for epoch in range(3):
                value = history[f"{prefix}{name}"][epoch]
                assert found[part][f"epoch_{name}", epoch] == pytest.approx(value, rel=1e-6)
    rates = [found["train"]["epoch_learning_rate", epoch] for epoch in range(3)]
    assert rates == pytest.approx(history["lr"])
    assert rates[0] > rates[-1]
    assert {tag for tag, _ in found["validation"]} == {"epoch_loss", "epoch_mae"}


def test_batches_too_where_asked_for(tmp_path):
    model = dense(units=3)
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0,
              callbacks=[TensorBoard(tmp_path / "all", update_freq="batch"),
                         TensorBoard(tmp_path / "some", update_freq=4)])  # fmt: skip
    (path,) = (tmp_path / "all").rglob("events*")
    steps = [step for tag, step in scalars(path) if tag == "batch_loss"]
    assert steps == [1, 2, 3, 4, 5, 6]
    (path,) = (tmp_path / "some").rglob("events*")
    assert [step for tag, step in scalars(path) if tag == "batch_loss"] == [4]


def test_each_training_has_files_of_its_own(tmp_path):
    model, board = dense(units=3), TensorBoard(str(tmp_path))
    for _ in range(2):
        model.fit(X, Y, verbose=0, callbacks=[board])
    assert len(list((tmp_path / "train").iterdir())) == 2


def test_what_is_not_written_is_said_once():
    with pytest.warns(UserWarning, match="writes no histograms and no pictures of the weights"):
        TensorBoard("logs", histogram_freq=1, write_graph=True, write_images=True, batch_size=32)
    with pytest.warns(UserWarning, match="writes no histograms of gradients here"):
        TensorBoard("logs", write_grads=True)
    TensorBoard("logs", histogram_freq=0, batch_size=32, write_graph=True, write_grads=False,
                embeddings_layer_names=None)  # fmt: skip
    with pytest.raises(TypeError, match="Did you mean 'log_dir'"):
        TensorBoard(logdir="logs")
    with pytest.raises(ValueError, match="update_freq"):
        TensorBoard("logs", update_freq=0)
    with pytest.raises(TypeError, match="update_freq"):
        TensorBoard("logs", update_freq="often")


def test_the_old_word_for_min_delta():
    assert ReduceLROnPlateau(epsilon=0.25).min_delta == 0.25
    assert ReduceLROnPlateau(min_delta=0.5).min_delta == 0.5


def test_a_folder_that_cannot_be_made_is_said_before_training(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    model = dense()
    with pytest.raises(OSError, match="file"):
        model.fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path / "file")])
    assert model.optimizer.iterations == 0
