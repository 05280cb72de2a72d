"""KerasClassifier, alone and in scikit-learn's tools where those are installed."""

import numpy as np
import pytest
from keras_examples import without

import numcnn
from numcnn.errors import NotCompiledError
from numcnn.layers import Dense
from numcnn.models import Sequential
from numcnn.wrappers.scikit_learn import KerasClassifier

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 2))
Y = np.where(X[:, 0] > 0, "right", "left")


@pytest.fixture(autouse=True)
def seeded():
    numcnn.utils.set_random_seed(1)


def build(units=4, optimizer="rmsprop", loss="categorical_crossentropy"):
    model = Sequential(
        [Dense(units, activation="tanh", input_shape=(2,)), Dense(2, activation="softmax")]
    )
    model.compile(optimizer, loss=loss, metrics=["accuracy"])
    return model


def one_output():
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(2,))])
    model.compile("sgd", loss="binary_crossentropy", metrics=["acc"])
    return model


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_classes_of_any_kind_are_learned(loss):
    classifier = KerasClassifier(build, loss=loss, epochs=60, batch_size=5, verbose=0)
    assert classifier.fit(X, Y) is classifier
    assert classifier.classes_.tolist() == ["left", "right"]
    assert set(classifier.predict(X)) == {"left", "right"}
    assert classifier.score(X, Y) > 0.9
    assert classifier.score(X, Y) == np.mean(classifier.predict(X) == Y)
    assert classifier.predict_proba(X).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert len(classifier.history_.epoch) == 60
    assert classifier.model_.optimizer.iterations == 720


def test_one_output_is_two_probabilities():
    classifier = KerasClassifier(build_fn=one_output, epochs=1, verbose=0).fit(X, Y)
    found = classifier.predict_proba(X)
    assert found.shape == (60, 2)
    assert (found[:, 1] == classifier.model_.predict(X)[:, 0]).all()
    assert ((found[:, 1] > 0.5) == (classifier.predict(X) == "right")).all()


def test_one_hot_rows_are_numbers_of_classes():
    rows = np.eye(2)[(Y == "right").astype(int)]
    classifier = KerasClassifier(build, epochs=1, verbose=0).fit(X, rows)
    assert classifier.classes_.tolist() == [0, 1]
    assert classifier.score(X, rows) == classifier.score(X, rows.argmax(axis=1))


def test_arguments():
    classifier = KerasClassifier(build, epochs=1, units=3, verbose=0)
    assert classifier.get_params() == {"build_fn": build, "epochs": 1, "units": 3, "verbose": 0}
    assert repr(classifier) == "KerasClassifier(build_fn=build, epochs=1, units=3, verbose=0)"
    assert classifier.set_params(units=7).fit(X, Y, epochs=2).model_.layers[0].units == 7
    assert len(classifier.history_.epoch) == 2
    assert KerasClassifier(model=build).build_fn is build
    with pytest.raises(TypeError, match=r"no argument 'unit'\. Did you mean 'units'"):
        KerasClassifier(build, unit=3)
    with pytest.raises(TypeError, match=r"no argument 'epoch'\. Did you mean 'epochs'"):
        classifier.set_params(epoch=3)
    assert classifier.get_params()["units"] == 7
    with pytest.raises(TypeError, match="needs one function"):
        KerasClassifier()
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotCompiledError, match=f"{method} needs a model that is trained"):
            getattr(KerasClassifier(build), method)(X)


def test_without_scikit_learn_its_tools_name_the_extra(monkeypatch):
    without(monkeypatch, "sklearn")
    with pytest.raises(ImportError, match=r"pip install 'numcnn\[sklearn\]'"):
        KerasClassifier(build).__sklearn_tags__()


def test_in_scikit_learns_tools():
    selection = pytest.importorskip("sklearn.model_selection")
    base = pytest.importorskip("sklearn.base")
    classifier = KerasClassifier(build, epochs=20, batch_size=10, verbose=0)
    assert base.is_classifier(classifier)
    assert base.clone(classifier).get_params() == classifier.get_params()
    assert (selection.cross_val_score(classifier, X, Y, cv=3) > 0.6).all()
    search = selection.GridSearchCV(classifier, {"units": [2, 8], "epochs": [1, 30]}, cv=2)
    assert search.fit(X, Y).best_params_["epochs"] == 30
