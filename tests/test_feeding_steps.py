"""fit with a number of steps: epochs shorter or longer than the data, generators that end."""

import itertools

import numpy as np
import pytest
from feeding import DRY, X, Y, forever
from small_nets import cnn, fingerprint, weights_hash

from numcnn.callbacks import Callback, LambdaCallback, ModelCheckpoint
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential, load_model

# steps


def order_of(rows, **kwargs):
    """Return the numbers of the samples of each epoch, and the warnings' numbers."""
    seen = []

    class Watch(Flatten):
        def forward(self, x, training=False):
            if training:
                seen[-1].extend(int(v) for v in x[:, 0])
            return super().forward(x, training)

    model = Sequential([Watch(input_shape=(1,)), Dense(1)])
    model.compile("sgd", "mse")
    model.optimizer.learning_rate = 1e-9
    begin = LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append([]))
    model.fit(rows, verbose=0, callbacks=[begin], **kwargs)
    return seen


def column(n):
    return np.arange(n, dtype="float32")[:, None]


def test_epochs_of_fewer_batches_go_on_where_the_last_one_stopped():
    x = column(12)
    found = order_of(x, y=x, batch_size=2, steps_per_epoch=3, epochs=3, shuffle=False)
    assert found == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5]]
    found = order_of(x, y=x, batch_size=2, steps_per_epoch=3, epochs=4)
    assert sorted(found[0] + found[1]) == sorted(found[2] + found[3]) == list(range(12))
    assert found[:2] != found[2:]


def test_an_epoch_that_comes_to_the_end_is_cut_short_with_a_warning():
    x = column(5)
    with pytest.warns(UserWarning, match=r"epoch 2 of 3, after 2 of 3 batches, which ends there"):
        found = order_of(x, y=x, batch_size=1, steps_per_epoch=3, epochs=3, shuffle=False)
    assert found == [[0, 1, 2], [3, 4], [0, 1, 2]]
    with pytest.warns(UserWarning, match="after 5 of 9 batches"):
        found = order_of(x, y=x, batch_size=1, steps_per_epoch=9, epochs=1, shuffle=False)
    assert found == [[0, 1, 2, 3, 4]]


def test_steps_without_a_batch_size_cut_the_data_into_so_many():
    x = column(10)
    found = order_of(x, y=x, steps_per_epoch=4, epochs=1, shuffle=False)
    assert found == [list(range(10))]
    model = cnn()
    model.fit(X, Y, steps_per_epoch=3, verbose=0)
    assert (model.optimizer.iterations, model.history.params["batch_size"]) == (3, 5)


def test_going_on_within_an_epoch_of_fewer_batches(tmp_path):
    each = tmp_path / "{epoch}-{batch}.npz"
    kwargs = {"batch_size": 2, "steps_per_epoch": 3, "epochs": 4, "verbose": 0}
    whole = cnn()
    with pytest.warns(UserWarning, match=DRY):
        whole.fit(X, Y, callbacks=[ModelCheckpoint(each, save_freq=1)], **kwargs)
    files = sorted(tmp_path.glob("?-?.npz"))
    assert len(files) == 3 + 3 + 1 + 3
    for path in files:
        again = load_model(path)
        late = path.name > "4"
        if late:
            again.fit(X, Y, resume=True, **kwargs)
        else:
            with pytest.warns(UserWarning, match=DRY):
                again.fit(X, Y, resume=True, **kwargs)
        assert fingerprint(again) == fingerprint(whole), path.name
    with pytest.raises(ValueError, match=r"data is .* it was .*, 3 batches an epoch"):
        load_model(files[0]).fit(X, Y, resume=True, **(kwargs | {"steps_per_epoch": None}))


def test_batches_of_neighbours_in_another_order():
    x = column(11)
    found = order_of(x, y=x, batch_size=3, epochs=4, shuffle="batch")
    for epoch in found:
        assert sorted(epoch) == list(range(11))
        assert epoch[-2:] == [9, 10]
        assert all(epoch[i] + 2 == epoch[i + 1] + 1 == epoch[i + 2] for i in (0, 3, 6))
    assert len({tuple(epoch) for epoch in found}) > 1


# generators that end


def test_a_generator_that_ends_with_the_training_is_no_surprise():
    model = cnn()
    model.fit(itertools.islice(forever(), 6), steps_per_epoch=3, epochs=2, verbose=0)
    assert model.optimizer.iterations == 6
    model.fit(itertools.islice(forever(), 5), verbose=0)
    assert model.optimizer.iterations == 11
    assert model.history.params["steps"] is None


@pytest.mark.parametrize(
    ("batches", "steps", "epochs", "text", "epochs_done"),
    [
        (5, 3, 2, "epoch 2 of 2, after 2 of 3 batches, and the training ends", [0, 1]),
        (5, 3, 4, "epoch 2 of 4, after 2 of 3 batches, and the training ends", [0, 1]),
        (6, 3, 4, "epoch 3 of 4, after 0 of 3 batches, and the training ends", [0, 1]),
        (3, None, 2, "epoch 2 of 2, after 0 batches, and the training ends", [0]),
    ],
)
def test_a_generator_that_runs_dry_ends_the_training(batches, steps, epochs, text, epochs_done):
    model = cnn()
    told = []
    note = LambdaCallback(on_train_end=lambda logs: told.append(model.optimizer.iterations))
    with pytest.warns(UserWarning, match=text) as warned:
        history = model.fit(
            itertools.islice(forever(), batches),
            steps_per_epoch=steps, epochs=epochs, verbose=0, callbacks=[note],
            validation_data=(X, Y),
        )  # fmt: skip
    assert len(warned) == 1
    assert "steps_per_epoch * epochs" in str(warned[0].message)
    assert warned[0].filename == __file__
    assert history.epoch == epochs_done
    assert len(history.history["val_loss"]) == len(epochs_done)
    assert told == [batches]


def test_what_can_be_read_anew_is_read_anew_each_epoch():
    class Loader:
        def __iter__(self):
            return itertools.islice(forever(), 3)

    model, expected = cnn(), cnn()
    model.fit(Loader(), epochs=2, verbose=0)
    expected.fit(X[:12], Y[:12], batch_size=4, epochs=2, shuffle=False, verbose=0)
    assert weights_hash(model) == weights_hash(expected)


def test_a_callback_can_stop_a_generator():
    class Stop(Callback):
        def on_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    model = cnn()
    history = model.fit(forever(), epochs=3, verbose=0, callbacks=[Stop()])
    assert model.optimizer.iterations == 3
    assert history.epoch == [0]


def test_the_progress_of_unknown_length(capsys):
    cnn().fit(itertools.islice(forever(), 3))
    assert "Epoch 1/1 - 3/Unknown - " in capsys.readouterr().out
