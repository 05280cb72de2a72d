"""Models as estimators of scikit-learn, as old Keras had them: KerasClassifier.

`fit`, `predict` and `score` need no scikit-learn; its own tools (GridSearchCV, cross_val_score)
ask an estimator for its tags, which are scikit-learn's: the extra `sklearn`. Regression is left
out: numcnn is for images and their classes.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from numcnn import extras
from numcnn.errors import NotCompiledError, reject_unknown_keywords
from numcnn.models import Sequential

Array = np.ndarray[Any, Any]
_USES = (Sequential.fit, Sequential.predict, Sequential.evaluate)


class KerasClassifier:
    """A classifier made by a function that returns a compiled model.

    Targets are the classes themselves, numbers or texts in any order; `classes_` keeps them sorted.
    A model whose loss is categorical_crossentropy is given one-hot rows, others the numbers 0, 1,
    2, ... of the classes.

    Args:
        build_fn: the function; Keras called it so, and `model` is another name for it.
        model: the same, as later packages call it.
        **sk_params: arguments of build_fn, and of fit, predict and evaluate: epochs, batch_size,
            verbose... Each can be searched over.

    Attributes:
        model_: the trained model.
        classes_: the classes, sorted.
        history_: what `fit` returned.

    Raises:
        TypeError: an argument is of none of these functions. NotCompiledError: predict before fit.

    Example:
        >>> from numcnn.layers import Dense
        >>> def build(units=4):
        ...     first = Dense(units, activation="tanh", input_shape=(1,))
        ...     model = Sequential([first, Dense(2, activation="softmax")])
        ...     model.compile("rmsprop", loss="sparse_categorical_crossentropy")
        ...     return model
        >>> classifier = KerasClassifier(build_fn=build, epochs=2, verbose=0)
        >>> classifier.fit([[0.0], [1.0]], ["no", "yes"]).classes_.tolist()
        ['no', 'yes']
        >>> classifier.predict_proba([[0.5]]).shape
        (1, 2)
    """

    _estimator_type = "classifier"  # as scikit-learn before 1.6 asks

    def __init__(
        self,
        build_fn: Callable[..., Sequential] | None = None,
        *,
        model: Callable[..., Sequential] | None = None,
        **sk_params: Any,
    ) -> None:
        if (build_fn is None) == (model is None):
            raise TypeError("KerasClassifier needs one function that returns a compiled model.")
        self.build_fn = build_fn if model is None else model
        self.sk_params = self._checked(sk_params)

    def _checked(self, sk_params: dict[str, Any]) -> dict[str, Any]:
        allowed = [name for use in (self.build_fn, *_USES) for name in _arguments(use)]
        reject_unknown_keywords("KerasClassifier", set(sk_params) - set(allowed), allowed)
        return dict(sk_params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all arguments, as scikit-learn needs them to make another of the same."""
        return {"build_fn": self.build_fn, **self.sk_params}

    def set_params(self, **params: Any) -> "KerasClassifier":
        """Change arguments; return self."""
        build_fn = params.pop("build_fn", self.build_fn)
        if build_fn is not self.build_fn:
            self.build_fn = build_fn
        self.sk_params = self._checked({**self.sk_params, **params})
        return self

    def _of(self, use: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
        """Return those of the arguments that a function takes."""
        return {**{k: v for k, v in self.sk_params.items() if k in _arguments(use)}, **given}

    def fit(self, x: Any, y: Any, **kwargs: Any) -> "KerasClassifier":
        """Make a new model and train it; kwargs are those of the model's fit."""
        y = np.asarray(y)
        one_hot = y.ndim == 2 and y.shape[1] > 1
        self.classes_: Array
        if one_hot:
            self.classes_, numbers = np.arange(y.shape[1]), y.argmax(axis=1)
        else:
            self.classes_, numbers = np.unique(y, return_inverse=True)
        build: Any = self.build_fn
        self.model_: Sequential = build(**self._of(build, {}))
        targets = self._targets(numbers.reshape(-1))
        self.history_ = self.model_.fit(np.asarray(x), targets, **self._of(_USES[0], kwargs))
        return self

    def _targets(self, numbers: Array) -> Array:
        loss = getattr(self.model_.loss, "name", self.model_.loss)
        if loss == "categorical_crossentropy":
            return np.eye(len(self.classes_), dtype="float32")[numbers]
        return numbers

    def _trained(self, what: str) -> Sequential:
        if not hasattr(self, "model_"):
            raise NotCompiledError(f"{what} needs a model that is trained: call fit first.")
        return self.model_

    def predict_proba(self, x: Any, **kwargs: Any) -> Array:
        """Return the probability of each class, (N, number of classes)."""
        model = self._trained("predict_proba")
        outputs = model.predict(np.asarray(x), **self._of(_USES[1], kwargs))
        return np.hstack([1 - outputs, outputs]) if outputs.shape[-1] == 1 else outputs

    def predict(self, x: Any, **kwargs: Any) -> Array:
        """Return the most probable class of each sample."""
        self._trained("predict")
        found: Array = self.classes_[self.predict_proba(x, **kwargs).argmax(axis=-1)]
        return found

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Return the share of samples whose class is found."""
        y = np.asarray(y)
        if y.ndim == 2:
            y = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
        return float(np.mean(self.predict(x, **kwargs) == y))

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn from 1.6 on asks of an estimator."""
        utils = extras.load("sklearn.utils", "sklearn", "KerasClassifier in scikit-learn's tools")
        return utils.Tags(
            estimator_type="classifier",
            target_tags=utils.TargetTags(required=True),
            transformer_tags=None,
            classifier_tags=utils.ClassifierTags(),
            regressor_tags=None,
            input_tags=utils.InputTags(three_d_array=True),
        )

    def __repr__(self) -> str:
        """Return how it was made."""
        name = getattr(self.build_fn, "__name__", self.build_fn)
        arguments = [f"build_fn={name}", *(f"{k}={v!r}" for k, v in self.sk_params.items())]
        return f"KerasClassifier({', '.join(arguments)})"


def _arguments(function: Any) -> list[str]:
    skipped = ("self", "x", "y")
    return [name for name in inspect.signature(function).parameters if name not in skipped]
