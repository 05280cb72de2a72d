"""Metrics: one number per sample, or two counts over an epoch; targets that do not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import cnn, images

from numcnn import losses, metrics
from numcnn.callbacks import LambdaCallback
from numcnn.errors import DTypeError, ShapeError
from numcnn.models import load_model


@given(st.integers(0, 5), st.integers(1, 4), st.integers(0, 99))
def test_accuracies_count_right_answers(n, classes, seed):
    rng = np.random.default_rng(seed)
    p, labels = rng.random((n, classes)), rng.integers(0, classes, n)
    right = [
        float(max(range(classes), key=row.__getitem__) == k)
        for row, k in zip(p, labels, strict=True)
    ]
    one_hot = np.eye(classes)[labels]
    assert metrics.categorical_accuracy(one_hot, p).tolist() == right
    assert metrics.sparse_categorical_accuracy(labels, p).tolist() == right
    assert metrics.sparse_categorical_accuracy(labels[:, None], p).tolist() == right


def test_binary_accuracy_decides_at_one_half():
    y = np.array([[1, 0], [1, 0], [0, 1]])
    p = np.array([[0.51, 0.49], [0.49, 0.5], [0.5, 0.5]])
    assert metrics.binary_accuracy(y, p).tolist() == [1.0, 0.5, 0.5]
    assert metrics.binary_accuracy(y, p, threshold=0.1).tolist() == [0.5, 0.5, 0.5]


def test_targets_of_another_shape_are_refused():
    p = np.ones((3, 3)) / 3
    for metric, y in (
        (metrics.categorical_accuracy, np.zeros(3)),
        (metrics.sparse_categorical_accuracy, np.eye(3)),
        (metrics.binary_accuracy, np.zeros(3)),
        (metrics.top_k_categorical_accuracy, np.zeros((3, 1))),
        (metrics.sparse_top_k_categorical_accuracy, np.eye(3)),
    ):
        with pytest.raises(ShapeError, match=rf"{metric.__name__}.*needs targets of shape"):
            metric(y, p)


def test_a_sample_may_have_further_axes():
    """What it counts is the mean over them; class numbers may have an axis of their own."""
    rng = np.random.default_rng(0)
    p, labels = rng.random((4, 6, 3)), rng.integers(0, 3, (4, 6))
    one_hot = np.eye(3)[labels]
    for name, y in (("categorical_accuracy", one_hot), ("top_k_categorical_accuracy", one_hot)):
        for metric, targets in (
            (getattr(metrics, name), y),
            (getattr(metrics, f"sparse_{name}"), labels),
            (getattr(metrics, f"sparse_{name}"), labels[..., None]),
        ):
            k = (2,) if "top_k" in name else ()
            flat = metric(
                targets.reshape(24, -1) if targets is y else labels.ravel(), p.reshape(24, 3), *k
            )
            assert metric(targets, p, *k) == pytest.approx(flat.reshape(4, 6).mean(axis=1))


@pytest.mark.parametrize("name", metrics.METRICS)
def test_names_of_metrics_are_those_of_their_functions(name):
    assert metrics.get(name, losses.get("mse"), (3,)) == (name, getattr(metrics, name))


@pytest.mark.parametrize("word", ["acc", "accuracy"])
@pytest.mark.parametrize(
    ("loss", "units", "name"),
    [
        ("categorical_crossentropy", 3, "categorical_accuracy"),
        ("sparse_categorical_crossentropy", 3, "sparse_categorical_accuracy"),
        ("binary_crossentropy", 3, "binary_accuracy"),
        ("mse", 1, "binary_accuracy"),
        ("mse", 3, "categorical_accuracy"),
    ],
)
def test_accuracy_means_the_one_that_fits(word, loss, units, name):
    found = metrics.get(word, losses.get(loss), (units,))
    assert found == (word, metrics.METRICS[name])


# ---- metrics with a memory ----


def epochs_of(metric, batches):
    metric.reset_state()
    for y, p in batches:
        metric.update_state(y, p)
    return metric.result()


def drawn(seed, n=13, classes=4):
    rng = np.random.default_rng(seed)
    p = rng.random((n, classes)).round(1)
    return rng.integers(0, 2, (n, classes)), p, np.array_split(np.arange(n), [1, 6, 6])


@given(st.integers(0, 99), st.sampled_from([None, 0.25, 0.8]))
def test_precision_and_recall_are_counted_over_all_batches(seed, threshold):
    y, p, parts = drawn(seed)
    batches = [(y[part], p[part]) for part in parts]
    pairs = [(t, v > (threshold or 0.5)) for t, v in zip(y.ravel(), p.ravel(), strict=True)]
    tp, fp = pairs.count((1, True)), pairs.count((0, True))
    fn, tn = pairs.count((1, False)), pairs.count((0, False))
    for name, expected in (
        ("Precision", tp / (tp + fp) if tp + fp else 0.0),
        ("Recall", tp / (tp + fn) if tp + fn else 0.0),
        ("TruePositives", tp),
        ("FalsePositives", fp),
        ("FalseNegatives", fn),
        ("TrueNegatives", tn),
    ):
        metric = getattr(metrics, name)(thresholds=threshold)
        assert epochs_of(metric, batches) == expected
        assert epochs_of(metric, [(y, p)]) == expected  # and is cleared before


@given(st.integers(0, 99), st.integers(1, 4), st.integers(0, 3))
def test_precision_of_the_greatest_and_of_one_class(seed, k, class_id):
    rng = np.random.default_rng(seed)
    p, y = rng.permuted(np.tile(np.arange(4.0), (9, 1)), axis=1), rng.integers(0, 2, (9, 4))
    hits = said = true = 0
    for row, targets in zip(p, y, strict=True):
        among = sorted(range(4), key=lambda j: -row[j])[:k]
        said += class_id in among
        true += targets[class_id]
        hits += class_id in among and targets[class_id]
    for name, whole in (("Precision", said), ("Recall", true)):
        metric = getattr(metrics, name)(top_k=k, class_id=class_id)
        assert metric(y, p) == (hits / whole if whole else 0.0)


@given(st.integers(0, 99), st.integers(1, 4))
def test_top_k_looks_for_the_class_among_the_greatest(seed, k):
    rng = np.random.default_rng(seed)
    p, labels = rng.random((7, 4)), rng.integers(0, 4, 7)
    right = [
        label in sorted(range(4), key=lambda j, row=row: -row[j])[:k]
        for row, label in zip(p, labels, strict=True)
    ]
    assert metrics.sparse_top_k_categorical_accuracy(labels, p, k).tolist() == right
    assert metrics.SparseTopKCategoricalAccuracy(k)(labels[:, None], p) == np.mean(right)
    assert metrics.TopKCategoricalAccuracy(k)(np.eye(4)[labels], p) == np.mean(right)


@pytest.mark.parametrize("name", sorted(metrics.names.CLASSES))
def test_each_metric_does_not_care_how_samples_are_cut(name):
    metric = metrics.names.CLASSES[name]()
    y, p, parts = drawn(1)
    y = y[:, 0] if name.startswith("Sparse") else y
    cut = epochs_of(metric, [(y[part], p[part]) for part in parts])
    assert cut == pytest.approx(epochs_of(metric, [(y, p)]))
    assert np.isfinite(cut)
    assert cut != 0
    twin = metrics.get(metrics.serialize(metric), losses.get("mse"), (4,))[1]
    assert type(twin) is type(metric)
    assert twin.get_config() == metric.get_config()
    by_name = metrics.get(name, losses.get("mse"), (4,))
    assert by_name[0] == name
    assert type(by_name[1]) is type(metric)


def test_metrics_that_are_losses_are_their_means_but_for_the_cosine():
    y, p, _ = drawn(2)
    for name, cls in metrics.names.CLASSES.items():
        if isinstance(cls(), metrics.errors_of_outputs.LossMetric) and "Sparse" not in name:
            loss = (cls().made if hasattr(cls(), "made") else cls.loss()).value(y, p).mean()
            if name == "RootMeanSquaredError":
                loss = loss**0.5
            assert cls()(y, p) == pytest.approx(-loss if name == "CosineSimilarity" else loss)


def made_metrics():
    return [
        "accuracy",
        metrics.Precision(),
        metrics.Recall(thresholds=0.3),
        metrics.Precision(top_k=1),
        metrics.FalseNegatives(name="missed"),
        "RootMeanSquaredError",
        metrics.TopKCategoricalAccuracy(2),
    ]


def with_metrics(engine="auto"):
    model = cnn(optimizer="sgd")
    model.compile("sgd", "categorical_crossentropy", metrics=made_metrics(), engine=engine)
    return model


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_model_counts_over_the_epoch(engine):
    x, y, _ = images(17)
    model = with_metrics(engine)
    names = "accuracy precision recall precision_1 missed RootMeanSquaredError"
    names = ["loss", *names.split(), "top_k_categorical_accuracy"]
    assert model.metrics_names == names
    found = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    assert list(found) == names
    p = model.predict(x)
    for name, given_ in zip(names[2:], made_metrics()[1:], strict=True):
        metric = metrics.get(given_, model.loss, (3,))[1]
        assert found[name] == pytest.approx(metric(y, p), rel=1e-6)
    assert model.test_on_batch(x, y, return_dict=True) == pytest.approx(found, rel=1e-5)
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0, validation_data=(x, y)).history
    assert list(history) == names + [f"val_{name}" for name in names]
    assert all(np.isfinite(values).all() for values in history.values())
    assert (
        history["val_precision"][-1]
        == model.evaluate(x, y, verbose=0, return_dict=True)["precision"]
    )
    assert isinstance(model.train_on_batch(x, y, return_dict=True)["precision"], float)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_a_training_that_was_stopped_goes_on_counting(tmp_path, steps):
    x, y, _ = images(12)
    whole, first = with_metrics(), with_metrics()
    expected = whole.fit(x, y, batch_size=4, epochs=3, verbose=0).history

    def end(batch, logs):
        first.stop_training = first.optimizer.iterations == steps

    stop = LambdaCallback(on_batch_end=end)
    first.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[stop])
    assert first.optimizer.iterations == steps
    first.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    assert again.metrics_names == first.metrics_names
    found = again.fit(x, y, batch_size=4, epochs=3, verbose=0, resume=True).history
    assert found == expected


def test_targets_of_one_axis_fit_outputs_of_one_unit():
    y, p = np.array([1, 0, 1]), np.array([[0.9], [0.8], [0.2]])
    assert metrics.Precision()(y, p) == metrics.Precision()(y[:, None], p) == 0.5
    assert metrics.BinaryAccuracy()(y, p) == 1 / 3


def test_what_metrics_refuse():
    with pytest.raises(ValueError, match="thresholds must be one number from 0 to 1"):
        metrics.Precision(thresholds=[0.2, 0.5])
    with pytest.raises(
        ValueError, match=r"thresholds must be one number from 0 to 1, got \[None\]"
    ):
        metrics.FalsePositives(thresholds=[None])
    with pytest.raises(ValueError, match=r"class_id=1 asks for one of several outputs.*\(4,\)"):
        metrics.Recall(class_id=1)(np.array([0, 1, 1, 0]), np.array([1, 0, 1, 0]))
    with pytest.raises(TypeError, match="unexpected keyword argument 'topk'"):
        metrics.Recall(topk=3)
    with pytest.raises(ShapeError, match=r"\(3,\) and outputs of shape \(3, 2\)"):
        metrics.Precision()(np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"Unknown metric 'Precison'. Did you mean 'precision'"):
        metrics.get("Precison", losses.get("mse"), (1,))
    with pytest.raises(ValueError, match=r"Unknown metric 'os.system'"):
        metrics.get({"class_name": "os.system", "config": {}}, losses.get("mse"), (1,))


def test_what_is_no_metric():
    for wrong in ("acuracy", 5, None):
        with pytest.raises(ValueError, match=r"Unknown metric .*Known: acc, accuracy"):
            metrics.get(wrong, losses.get("mse"), (1,))


def test_thresholds_are_one_number_from_0_to_1():
    assert metrics.Precision([0.3]).thresholds == metrics.Precision((0.3,)).thresholds == 0.3
    assert [metrics.Recall(edge).threshold for edge in (0, 1, None)] == [0, 1, 0.5]
    for wrong in (-0.5, 1.5, [0.2, 0.5], [], [None]):
        with pytest.raises(ValueError, match="thresholds must be one number from 0 to 1"):
            metrics.TruePositives(wrong)


def test_of_equal_outputs_the_first_is_the_greatest():
    rng = np.random.default_rng(0)
    p = rng.integers(0, 2, (20, 300)).astype(float)
    y = (p == 1) & (p.cumsum(axis=1) <= 5)  # the first five of each row's ones
    assert metrics.Precision(top_k=5)(y, p) == 1
    y, p = rng.integers(0, 2, (10, 6, 8)), rng.random((10, 6, 8))
    deep, flat = metrics.Recall(top_k=2), metrics.Recall(top_k=2)
    assert deep(y, p) == flat(y.reshape(60, 8), p.reshape(60, 8))


def test_a_metric_that_defines_nothing_says_so():
    for metric in (metrics.base.Metric(), metrics.base.MeanMetric()):
        with pytest.raises(NotImplementedError):
            metric([1, 0], [1, 0])


def test_lists_are_taken_and_from_logits_is_a_truth_value():
    assert metrics.Precision()([1, 0, 1], [0.9, 0.8, 0.2]) == 0.5
    for name in ("CategoricalCrossentropy", "BinaryCrossentropy", "SparseCategoricalCrossentropy"):
        assert getattr(metrics, name)(from_logits=1).get_config()["from_logits"] is True


@pytest.mark.parametrize(
    "cls", [metrics.TopKCategoricalAccuracy, metrics.SparseTopKCategoricalAccuracy]
)
def test_how_many_places_count(cls):
    with pytest.raises(ValueError, match="k must be an integer of at least 1, got 0"):
        cls(k=0)
    for wrong in (2.5, "3", None, True):
        with pytest.raises(DTypeError, match="k must be an integer of at least 1"):
            cls(wrong)
    with pytest.raises(DTypeError, match=r"name of .* must be a text, got 3"):
        cls(5, 3)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_function_that_returns_no_numbers(engine):
    x, y, _ = images(4)
    model = cnn(engine=engine)
    for returned, words in ((None, "object"), ("good", "<U4"), ([], "nothing")):
        model.compile("sgd", "categorical_crossentropy", metrics=[lambda y, p, r=returned: r])
        with pytest.raises(DTypeError, match=f"must return a number, or one for .*got {words}"):
            model.evaluate(x, y, verbose=0)


def test_metrics_are_no_dictionary_and_each_is_named_once():
    model = cnn()
    before = model.given_metrics
    with pytest.raises(DTypeError, match=r"metrics must be a list such as \['accuracy'\], got {"):
        model.compile("sgd", "mse", metrics={"dense": "accuracy"})
    with pytest.raises(ValueError, match="Unknown metric 'acuracy'") as caught:
        model.compile("sgd", "mse", metrics=["acuracy"])
    known = str(caught.value).partition("Known: ")[2].rstrip(".").split(", ")
    assert len(known) == len(set(known))
    assert model.given_metrics is before
