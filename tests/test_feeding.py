"""fit, evaluate and predict with generators and Sequences."""

import itertools

import numpy as np
import pytest
from feeding import Parts, X, Y, forever, plain
from small_nets import CLASSES, SHAPE, cnn, dense, fingerprint, weights_hash

from numcnn import training
from numcnn.callbacks import Callback, LambdaCallback, ModelCheckpoint
from numcnn.layers import Dense, Flatten
from numcnn.models import Sequential, load_model
from numcnn.utils import PyDataset, Sequence

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
