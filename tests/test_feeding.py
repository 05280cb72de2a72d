"""fit, evaluate and predict with generators, Sequences, weights and numbers of steps."""

import itertools

import numpy as np
import pytest
from small_nets import CLASSES, SHAPE, cnn, dense, fingerprint, images, weights_hash

from numcnn import training
from numcnn.callbacks import Callback, LambdaCallback, ModelCheckpoint
from numcnn.errors import ShapeError
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential, load_model
from numcnn.utils import PyDataset, Sequence

X, Y, LABELS = images(14)
DRY = r"The data ran out in epoch (\d+) of (\d+), after (\d+)( of \d+)? batches"


class Parts(Sequence):
    """Batches of 4 of the samples, and a list of what was asked of it."""

    def __init__(self, x=X, y=Y, size=4, weights=None, **kwargs):
        super().__init__(**kwargs)
        self.data = [x, y] if weights is None else [x, y, weights]
        self.size, self.asked = size, []

    def __len__(self):
        return -(-len(self.data[0]) // self.size)

    def __getitem__(self, index):
        self.asked.append(index)
        return tuple(a[index * self.size : (index + 1) * self.size] for a in self.data)

    def on_epoch_begin(self):
        self.asked.append("begin")

    def on_epoch_end(self):
        self.asked.append("end")


def forever(x=X, y=Y, size=4):
    while True:
        for a in range(0, len(x), size):
            yield x[a : a + size], y[a : a + size]


def plain(model, **kwargs):
    return model.fit(X, Y, batch_size=4, shuffle=False, verbose=0, **kwargs)


# the same batches give the same bits, whoever makes them


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_generator_a_sequence_and_arrays_give_the_same_bits(engine):
    expected = cnn(engine=engine)
    history = plain(expected, epochs=3).history
    for x, steps in (
        (forever(), 4),
        (Parts(), None),
        (Parts(), 4),
        (Parts(workers=3, max_queue_size=2), None),
        (iter(list(itertools.islice(forever(), 12))), 4),
    ):
        model = cnn(engine=engine)
        found = model.fit(x, epochs=3, steps_per_epoch=steps, shuffle=False, verbose=0)
        assert found.history == history
        assert fingerprint(model) == fingerprint(expected)


def test_lists_and_batches_without_a_tuple():
    model = cnn()
    expected = model.predict(X, batch_size=4)
    for parts in (
        [X[:4], X[4:8], X[8:]],
        [(X[:4],), (X[4:8],), (X[8:],)],
        [[X[:8], Y[:8]], (X[8:], Y[8:], np.ones(6))],
    ):
        np.testing.assert_array_equal(model.predict(iter(parts)), expected)
    losses = [model.evaluate(x, verbose=0) for x in (iter([[X[:4], Y[:4]], [X[4:], Y[4:]]]),)]
    assert losses == [pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-6)]


def test_an_unbuilt_model_is_built_by_its_first_batch():
    for x in (forever(), Parts()):
        model = Sequential([Flatten(), Dense(CLASSES, activation="softmax")])
        model.compile("sgd", "categorical_crossentropy")
        shapes = []
        note = LambdaCallback(
            on_train_begin=lambda logs, m=model, found=shapes: found.append(m.input_shape)
        )
        model.fit(x, steps_per_epoch=2, verbose=0, callbacks=[note])
        assert shapes == [(None, *SHAPE)]
        assert model.optimizer.iterations == 2
    for use in ("evaluate", "predict"):
        model = Sequential([Flatten(), Dense(CLASSES, activation="softmax")])
        model.compile("sgd", "categorical_crossentropy")
        getattr(model, use)(Parts(), verbose=0)
        assert model.input_shape == (None, *SHAPE)


# sequences


def test_a_sequence_is_asked_for_each_batch_once_in_another_order_each_epoch():
    parts = Parts(size=1)
    model = cnn()
    model.fit(parts, epochs=3, verbose=0)
    epochs = [parts.asked[i : i + 16] for i in (0, 16, 32)]
    assert all(epoch[0] == "begin" and epoch[-1] == "end" for epoch in epochs)
    orders = [tuple(epoch[1:-1]) for epoch in epochs]
    assert all(sorted(order) == list(range(14)) for order in orders)
    assert len({*orders, tuple(range(14))}) == 4
    again = Parts(size=1)
    cnn().fit(again, epochs=3, verbose=0)
    assert again.asked == parts.asked


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_readers_ahead_change_neither_order_nor_number(workers):
    parts = Parts(size=2)
    model = cnn()
    model.fit(parts, epochs=2, shuffle=False, verbose=0, workers=workers, max_queue_size=3)
    for epoch in (parts.asked[:9], parts.asked[9:]):
        assert (epoch[0], epoch[-1]) == ("begin", "end")
        assert sorted(epoch[1:-1]) == list(range(7))
    expected = cnn()
    expected.fit(X, Y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    assert weights_hash(model) == weights_hash(expected)


@pytest.mark.parametrize("most", [1, 3])
def test_readers_are_not_further_ahead_than_they_may_be(most):
    parts, leads = Parts(size=1, workers=2, max_queue_size=most), []
    note = LambdaCallback(
        on_batch_end=lambda batch, logs: leads.append(len(parts.asked) - 1 - (batch + 1))
    )
    cnn().fit(parts, verbose=0, callbacks=[note])
    assert len(leads) == 14
    assert max(leads) <= most


def test_an_error_in_a_sequence_comes_out_as_it_is():
    class Broken(Parts):
        def __getitem__(self, index):
            if index == 2:
                raise LookupError("no such file")
            return super().__getitem__(index)

    for workers in (1, 3):
        model = cnn()
        with pytest.raises(LookupError, match="no such file"):
            model.fit(Broken(), shuffle=False, workers=workers, verbose=0)
        assert model.optimizer.iterations == 2
        plain(model)  # it can be trained again


def test_a_sequence_of_keras_2_need_not_call_its_base():
    class Old(Sequence):
        def __init__(self):
            self.size = 4

        __len__, __getitem__ = lambda self: 2, lambda self, i: (X[:4], Y[:4])

    model = cnn()
    model.fit(Old(), verbose=0)
    assert model.optimizer.iterations == 2
    assert Sequence is PyDataset
    assert len(list(Old())) == Old().num_batches == 2
    for missing in (len, lambda s: s[0]):
        with pytest.raises(NotImplementedError, match="PyDataset does not define __"):
            missing(PyDataset())


def test_a_sequence_goes_on_within_an_epoch(tmp_path):
    each = tmp_path / "{epoch}-{batch}.npz"
    whole = cnn()
    expected = whole.fit(
        Parts(), epochs=3, verbose=0, callbacks=[ModelCheckpoint(each, save_freq=1)]
    )
    files = sorted(tmp_path.glob("?-?.npz"))
    assert len(files) == 12
    for path in files:
        again = load_model(path)
        found = again.fit(Parts(), epochs=3, verbose=0, resume=True)
        assert fingerprint(again) == fingerprint(whole)
        assert found.history == expected.history
    with pytest.raises(ValueError, match="data is 7 batches of a Parts, it was 4 batches"):
        load_model(files[0]).fit(Parts(size=2), epochs=3, verbose=0, resume=True)
    with pytest.raises(ValueError, match=r"a generator, and .*, cannot say where"):
        load_model(files[0]).fit(forever(), epochs=3, verbose=0, resume=True)


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


# validation


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_validation_of_any_source(engine):
    weights = np.linspace(0, 2, 14)
    model = cnn(engine=engine)
    expected = plain(model, validation_data=(X, Y, weights)).history
    assert expected["val_loss"] == [
        model.evaluate(X, Y, batch_size=4, sample_weight=weights, verbose=0)[0]
    ]
    for data, steps in (
        (Parts(weights=weights), None),
        (((a, b, w) for a, b, w in Parts(weights=weights)), 4),
    ):
        found = plain(cnn(engine=engine), validation_data=data, validation_steps=steps).history
        assert found == expected


def test_validation_steps_batch_size_and_frequency():
    model = cnn()
    kwargs = {"validation_data": (X, Y), "validation_steps": 2, "validation_batch_size": 3}
    history = plain(model, epochs=5, validation_freq=2, **kwargs).history
    assert len(history["val_loss"]) == 2
    assert len(history["loss"]) == 5
    model = cnn()
    history = plain(model, epochs=5, validation_freq=[1, 5], **kwargs).history
    assert len(history["val_loss"]) == 2
    expected = model.evaluate(X[:6], Y[:6], verbose=0)
    assert [history["val_loss"][-1], history["val_accuracy"][-1]] == pytest.approx(expected)


def test_a_validation_generator_goes_on_from_epoch_to_epoch():
    given = itertools.cycle([(X[:2], Y[:2]), (X[2:9], Y[2:9])])
    model = cnn()
    evaluated = []
    note = LambdaCallback(
        on_epoch_end=lambda epoch, logs: evaluated.append(
            model.evaluate(*((X[2:9], Y[2:9]) if epoch % 2 else (X[:2], Y[:2])), verbose=0)[0]
        )
    )
    history = plain(model, epochs=3, validation_data=given, validation_steps=1, callbacks=[note])
    assert history.history["val_loss"] == evaluated


def test_steps_of_evaluate_and_predict():
    model = cnn()
    first = model.evaluate(X[:8], Y[:8], batch_size=4, verbose=0)
    assert model.evaluate(X, Y, batch_size=4, steps=2, verbose=0) == first
    assert model.evaluate(forever(), steps=2, verbose=0) == first
    assert model.evaluate(Parts(), steps=2, verbose=0, return_dict=True)["loss"] == first[0]
    outputs = model.predict(X, batch_size=4)
    for found in (
        model.predict(X, batch_size=4, steps=2),
        model.predict(forever(), steps=2),
        model.predict(Parts(), steps=2, workers=2),
    ):
        np.testing.assert_array_equal(found, outputs[:8])
    np.testing.assert_array_equal(model.predict(Parts()), outputs)
    for use in (model.evaluate, model.predict):
        kind = "evaluation" if use == model.evaluate else "prediction"
        with pytest.warns(UserWarning, match=f"ran out in the {kind} after 4 of 6 batches"):
            use(Parts(), steps=6, verbose=0)
        with pytest.raises(ValueError, match=f"The {kind} got no batch at all"):
            use(iter([]), verbose=0)


def test_callbacks_are_told_of_evaluations_and_predictions():
    calls = []

    class Note(Callback):
        def on_test_batch_end(self, batch, logs=None):
            calls.append(("test", batch, sorted(logs)))

        def on_predict_batch_end(self, batch, logs=None):
            calls.append(("predict", batch))

    model = cnn()
    model.evaluate(X, Y, batch_size=10, verbose=0, callbacks=[Note()])
    model.predict(Parts(), callbacks=Note(), steps=1)
    assert calls == [
        ("test", 0, ["accuracy", "loss"]),
        ("test", 1, ["accuracy", "loss"]),
        ("predict", 0),
    ]


# weights


def test_the_weighted_loss_by_hand():
    x, y = np.random.default_rng(0).normal(size=(2, 7, 3))
    weights = np.array([0, 1, 2, 0.5, 1, 1, 3.0])
    model = dense(inputs=3, metrics=["mse"])
    losses = ((model.predict(x).astype(float) - y) ** 2).mean(axis=1)
    for found in (
        model.evaluate(x, y, batch_size=3, sample_weight=weights, verbose=0),
        model.test_on_batch(x, y, sample_weight=weights),
        model.train_on_batch(x, y, sample_weight=weights[:, None]),
    ):
        assert found == pytest.approx([(weights * losses).sum() / 7, losses.mean()], rel=1e-6)
    history = dense(inputs=3).fit(
        x, y, batch_size=7, sample_weight=weights.tolist(), shuffle=True, verbose=0
    )
    assert history.history["loss"] == pytest.approx([(weights * losses).mean()], rel=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("shuffle", [True, "batch", False])
def test_weights_of_one_are_no_weights(engine, shuffle):
    fits = ({}, {"sample_weight": np.ones(14)}, {"class_weight": {0: 1, 2: 1.0}})
    found = set()
    for weights in (*fits, {"class_weight": {}}):
        model = cnn(engine=engine)
        model.fit(X, Y, batch_size=4, epochs=2, shuffle=shuffle, verbose=0, **weights)
        found.add(weights_hash(model))
    assert len(found) == 1


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_class_weights_are_the_weights_of_the_samples_of_the_class(engine):
    table = {0: 0.5, 2: 3}
    weights = np.array([table.get(label, 1) for label in LABELS])
    expected = cnn(engine=engine)
    plain(expected, sample_weight=weights)
    by_class = cnn(engine=engine)
    plain(by_class, class_weight={np.int64(0): 0.5, 2: np.float32(3)})
    assert fingerprint(by_class) == fingerprint(expected)
    for x in (Parts(), forever()):
        model = cnn(engine=engine)
        model.fit(x, steps_per_epoch=4, class_weight=table, shuffle=False, verbose=0)
        assert fingerprint(model) == fingerprint(expected)
    for y in (LABELS, LABELS[:, None].astype("float32")):
        model = cnn(engine=engine, loss="sparse_categorical_crossentropy")
        model.fit(X, y, batch_size=4, class_weight=table, shuffle=False, verbose=0)
        assert weights_hash(model) == weights_hash(expected)
    both, twice = cnn(engine=engine), cnn(engine=engine)
    plain(both, class_weight=table, sample_weight=np.arange(14))
    plain(twice, sample_weight=weights * np.arange(14))
    assert fingerprint(both) == fingerprint(twice) != fingerprint(expected)


def test_class_weights_of_one_output():
    model = Sequential([Flatten(input_shape=SHAPE), Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    yes = (LABELS > 0).astype(float)
    losses = [model.test_on_batch(X[i : i + 1], yes[i : i + 1]) for i in range(14)]
    expected = (np.where(yes, 4, 1) * losses).mean()
    assert model.train_on_batch(X, yes, class_weight={1: 4}) == pytest.approx(expected, rel=1e-5)


def test_weights_follow_their_samples_through_split_and_shuffle():
    weights = np.linspace(0, 2, 14)
    model = cnn()
    kwargs = {"batch_size": 4, "epochs": 2, "verbose": 0}
    split = model.fit(X, Y, sample_weight=weights, validation_split=0.25, **kwargs).history
    other = cnn().fit(
        X[:10], Y[:10], sample_weight=weights[:10],
        validation_data=(X[10:], Y[10:], weights[10:]), **kwargs,
    )  # fmt: skip
    assert split == other.history


def test_weights_must_be_those_of_before_to_go_on(tmp_path):
    path = tmp_path / "c.npz"
    weights = np.linspace(0, 2, 14)
    saving = ModelCheckpoint(path)
    plain(cnn(), callbacks=[saving], sample_weight=weights)
    whole = cnn()
    plain(whole, epochs=2, sample_weight=weights)
    again = load_model(path)
    plain(again, epochs=2, sample_weight=weights, resume=True)
    assert fingerprint(again) == fingerprint(whole)
    for other in ({}, {"sample_weight": weights[::-1]}, {"class_weight": {0: 2}}):
        with pytest.raises(ValueError, match=r"data is .*, it was"):
            plain(load_model(path), epochs=2, resume=True, **other)


def test_train_and_test_on_batch_by_name():
    model = cnn()
    measured = model.test_on_batch(X, Y, return_dict=True)
    assert list(measured) == ["loss", "accuracy"]
    assert list(measured.values()) == model.test_on_batch(X, Y)
    trained = model.train_on_batch(X, Y, return_dict=True, class_weight={0: 2})
    assert list(trained) == ["loss", "accuracy"]


def test_a_bad_batch_leaves_the_model_at_the_one_before():
    for bad, error, text in (
        ((X[..., 0], Y), ShapeError, r"x of batch 3 of the generator \(fit\)|layer 0"),
        ((X, Y[:3]), ShapeError, "same number"),
        ((X, Y * np.nan), ValueError, r"y of batch 3 of the generator \(fit\) has 42 values"),
        ((X * np.nan, Y), ValueError, r"x of batch 3 of the generator \(fit\) has .*finite=False"),
        ((X, Y, [1, 2]), ShapeError, r"sample_weight of batch 3 .* 14 samples, .*got shape \(2,"),
        (X, TypeError, r"Batch 3 of the generator \(fit\) must be \(x, y\) or .*ndarray of shape"),
        ((X, Y, None, 1), TypeError, "a tuple of 4"),
        ((X[:0], Y[:0]), ValueError, "no samples in batch 3"),
        ((X, None), TypeError, "y of batch 3 .* got None"),
        (("a", "b"), TypeError, "x of batch 3 .* dtype <U1|single"),
    ):
        model, expected = cnn(), cnn()
        with pytest.raises(error, match=text):
            model.fit(iter([(X, Y), (X, Y), bad]), verbose=0)
        expected.fit(X, Y, batch_size=14, epochs=2, shuffle=False, verbose=0)
        assert weights_hash(model) == weights_hash(expected)


# Keras 2's methods


def test_the_generator_methods_of_keras_2():
    expected, model = cnn(), cnn()
    history = plain(expected, epochs=2, validation_data=(X, Y)).history
    found = model.fit_generator(
        forever(), steps_per_epoch=4, epochs=2, verbose=0, validation_data=forever(),
        validation_steps=4, max_queue_size=10, workers=1,
    )  # fmt: skip
    assert found.history.keys() == history.keys()
    assert fingerprint(model) == fingerprint(expected)
    assert model.evaluate_generator(forever(), steps=4) == pytest.approx(
        expected.evaluate(X, Y, verbose=0), rel=1e-6
    )
    np.testing.assert_array_equal(
        model.predict_generator(Parts()), expected.predict(X, batch_size=4)
    )
    with pytest.warns(UserWarning, match="threads"):
        model.fit_generator(Parts(), workers=4, use_multiprocessing=True, verbose=0)


@pytest.mark.parametrize("fit", ["fit", "fit_generator"])
def test_a_sequence_goes_on_from_its_beginning_where_an_epoch_is_longer(fit):
    parts = Parts(size=7)
    model = cnn()
    getattr(model, fit)(parts, steps_per_epoch=5, epochs=2, shuffle=False, verbose=0)
    assert parts.asked == ["begin", 0, 1, 0, 1, 0, "end", "begin", 1, 0, 1, 0, 1, "end"]
    shuffled = Parts(size=2)
    cnn().fit(shuffled, steps_per_epoch=6, epochs=7, verbose=0)
    numbers = [n for n in shuffled.asked if isinstance(n, int)]
    passes = [tuple(numbers[i : i + 7]) for i in range(0, 42, 7)]
    assert all(sorted(order) == list(range(7)) for order in passes)
    assert len(set(passes)) > 1


def test_going_on_within_a_sequence_that_began_anew(tmp_path):
    each = tmp_path / "{epoch}-{batch}.npz"
    kwargs = {"steps_per_epoch": 3, "epochs": 4, "verbose": 0}
    whole = cnn()
    whole.fit(Parts(), callbacks=[ModelCheckpoint(each, save_freq=1)], **kwargs)
    files = sorted(tmp_path.glob("?-?.npz"))
    assert len(files) == 12
    for path in files:
        again = load_model(path)
        again.fit(Parts(), resume=True, **kwargs)
        assert fingerprint(again) == fingerprint(whole), path.name
    with pytest.raises(ValueError, match=r"data is .* it was .*, 3 of them an epoch"):
        load_model(files[0]).fit(Parts(), resume=True, **(kwargs | {"steps_per_epoch": 2}))


def test_the_size_of_batches_is_the_generators():
    with pytest.warns(UserWarning, match="batch_size=32 changes nothing") as warned:
        cnn().fit(Parts(), batch_size=32, verbose=0)
    assert warned[0].filename == __file__


def test_warm_up_is_for_the_size_of_the_first_batch(monkeypatch):
    sizes = []
    monkeypatch.setattr(training, "warm_up", lambda model, n, verbose: sizes.append(n))
    cnn().fit(forever(size=7), steps_per_epoch=1, verbose=0)
    cnn().fit(X, Y, batch_size=5, verbose=0)
    assert sizes == [7, 5]


def test_steps_that_are_a_quotient_count_the_rest_as_a_batch():
    x, y = np.ones((10, 4), "float32"), np.ones((10, 3), "float32")
    seen = []
    model = dense()
    note = LambdaCallback(on_batch_end=lambda batch, logs: seen.append(batch))
    model.fit(x, y, batch_size=4, steps_per_epoch=len(x) / 4, verbose=0, callbacks=[note])
    assert seen == [0, 1, 2]
    assert len(model.predict(x, batch_size=4, steps=np.ceil(len(x) / 4))) == 10
    assert len(model.predict(x, batch_size=4, steps=1.5)) == 8
    for wrong in (0.0, -0.5, float("nan"), float("inf")):
        with pytest.raises((ValueError, TypeError), match="steps"):
            model.predict(x, steps=wrong)
