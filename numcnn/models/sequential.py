"""Sequential: layers in a row, with Keras's face.

This file holds no mathematics and no loop over epochs: it checks what a user gives, then hands over
to training.py, which calls an engine.
"""

import math
import os
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import numpy as np

from numcnn import architecture, data, feed, saving, training
from numcnn.advice import advise
from numcnn.arrays import Answer, answer
from numcnn.batches import Batches, Place
from numcnn.callbacks import CallbackList, History, ProgbarLogger, check_callbacks
from numcnn.compiled import Compiled
from numcnn.errors import DTypeError, ModelFileError, reject_unknown_keywords
from numcnn.exclusive import Exclusive
from numcnn.layers.base import Layer
from numcnn.legacy.arguments import since_keras_2
from numcnn.legacy.classes import ClassMethods
from numcnn.legacy.generators import GeneratorMethods
from numcnn.models.model import Model
from numcnn.progress import check_verbose
from numcnn.run import Run, check_resume, settings
from numcnn.stack import left

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
SAVE = ("filepath", "overwrite", "include_optimizer", "save_format")


class Sequential(Compiled, GeneratorMethods, ClassMethods, Model):
    """A stack of layers: the output of each is the input of the next.

    Args:
        layers: the layers, or nothing to `add` them one by one; models among them give theirs.
        name: what the summary calls the model.
        trainable: False freezes the layers.

    Attributes:
        layers: the layers in order.
        optimizer, loss: those of `compile`.
        history: the `History` of the last `fit`.
        run: how far that training has come; what `fit(resume=True)` goes on from.
        stop_training: set it to True in a callback to end the training.

    Example:
        >>> from numcnn.layers import Dense
        >>> model = Sequential([Dense(1, kernel_initializer="zeros", input_shape=(2,))])
        >>> model.compile("sgd", loss="mse")
        >>> history = model.fit([[0.0, 1.0], [1.0, 0.0]], [[1.0], [2.0]], epochs=200, verbose=0)
        >>> history.history["loss"][-1] < 0.01
        True
    """

    layers_in_a_row = True  # which tells `Model` that it is here

    def __init__(
        self,
        layers: Any = None,
        name: str | None = None,
        *,
        trainable: bool = True,
    ) -> None:
        super().__init__(name or "sequential")
        self.history = History()
        self.stop_training = False
        self._training = Exclusive(
            "This model is training already, in another thread or further up in this one. "
            "Wait for it, or train another model."
        )
        self._advised = False
        try:
            given: Any = [layers] if isinstance(layers, (Layer, Model)) else layers or []
            if not isinstance(given, Iterable):
                raise DTypeError(f"layers must be a list of layers, got {layers!r}.")
            for layer in given:
                self.add(layer)
        except BaseException:
            for layer in self.layers:
                left(layer, self)  # they may stand in the next attempt
            raise
        if not trainable:
            self.trainable = False

    # ---- training and using -----------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        max_queue_size: int | None = None,
        workers: int | None = None,
        use_multiprocessing: bool | None = None,
        *,
        check_finite: bool = True,
        resume: bool = False,
        nb_epoch: int | None = None,
    ) -> History:
        """Train the model.

        Math:
            Training lowers the mean loss of each batch of N samples. With weights it lowers

                loss = (1/N) sum over n of weight[n] * loss[n]

            which is divided by the number of samples and not by the sum of the weights, as in
            Keras 3. So a weight of 2 gives a sample the gradient of two, and a weight of 0 none.
            Metrics are those of all samples alike.

        Args:
            x: the samples, (N, ...); of any number type, cast batch by batch. Or what makes the
                batches: a `numcnn.utils.Sequence`, or a generator of (x, y) or
                (x, y, sample_weight).
            y: the targets, as the loss needs them; None where x makes the batches.
            batch_size: samples per step; None means 32.
            epochs: the epoch to stop after, counted from 1.
            verbose: 0 silent, 1 or 'auto' a progress bar, 2 one line per epoch.
            callbacks: a list of `Callback`.
            validation_split: the share of the samples, taken from the end before shuffling, that
                is not trained on but measured after each epoch.
            validation_data: what is measured after each epoch: (x, y), (x, y, sample_weight), a
                `Sequence`, or a generator.
            shuffle: whether each epoch takes the samples in a new random order; of a `Sequence`,
                the batches. 'batch' takes batches of neighbours in a new order.
            class_weight: {class number: weight}; a sample counts as much as its class, one of a
                class that is left out counts 1.
            sample_weight: (N,), how much each sample counts. Where there is a class_weight too,
                both are multiplied.
            initial_epoch: the epoch to begin with, counted from 0.
            steps_per_epoch: batches in an epoch; by default all of them, and of a generator all
                that come. Arrays and sequences go on in the next epoch where the last one stopped;
                arrays that come to their end cut the epoch short, sequences begin anew.
            validation_steps: batches in a validation; a generator needs it.
            validation_batch_size: samples per batch there; by default batch_size.
            validation_freq: 2 for a validation after every second epoch; or a list of epochs,
                counted from 1.
            workers: threads that read a `Sequence` ahead, by default its own number of them; a
                generator is read by the training itself.
            max_queue_size: how many batches they are ahead at most.
            use_multiprocessing: the workers are threads all the same.
            check_finite: whether to look for NaN and infinity in x first.
            resume: go on with the training that this model was in the middle of when it was
                stopped or saved, at the batch after the last, as if it had never stopped: the same
                weights and the same history, bit for bit. Data, batch_size, shuffle and validation
                must be those of before; `epochs` still counts from the very beginning and may be
                larger. Callbacks take back what those of their class remembered. What is over
                already changes nothing. A generator cannot be gone back to.
            nb_epoch: Keras 1's name of epochs.

        Returns:
            The `History`, where training is resumed that of the whole.

        Raises:
            ShapeError, DTypeError, ValueError: the data or an argument does not fit; nothing has
            changed. Where x makes the batches and one of them does not fit, the model stands at the
            batch before. NotCompiledError: the model is not compiled. RuntimeError: it is training
            already, in another thread. DivergedError: the loss became NaN; the weights are those
            before that batch.
        """
        self._require_compiled("fit")
        if nb_epoch is not None:
            epochs = since_keras_2("nb_epoch", nb_epoch, "epochs", None if epochs == 1 else epochs)
        data.integer("epochs", epochs, 0)
        data.integer("initial_epoch", initial_epoch, 0)
        check_resume(resume, self.run, initial_epoch)
        verbosity, hooks = check_verbose(verbose), check_callbacks(callbacks)
        reading = feed.Reading(workers, max_queue_size, use_multiprocessing).checked()
        given, held_out = feed.training_data(
            self, feed.Given(x, y, sample_weight), validation_split, validation_data
        )
        source = feed.batches(
            self, "fit", given, batch_size=size("batch_size", batch_size),
            steps=size("steps_per_epoch", steps_per_epoch), shuffle=feed.checked_shuffle(shuffle),
            class_weight=class_weight, finite=bool(check_finite), reading=reading,
        )  # fmt: skip
        validation = feed.validation(
            self, held_out, size("validation_batch_size", validation_batch_size) or batch_size,
            size("validation_steps", validation_steps), reading,
        )  # fmt: skip
        validated = feed.validated_epochs(validation_freq)
        if resume and not source.repeatable:
            raise ValueError(
                "resume=True needs data that can be gone back to: a generator, and images that "
                "are changed at random, cannot say where the training stopped. Give arrays, or a "
                "Sequence that returns the same batch for the same number."
            )
        with self._training, self._as_compiled():
            self._begin(source, initial_epoch, epochs, resume)
            if not self._advised:
                self._advised = True
                advise(source.sample, self.layers, self.loss, self.optimizer, stacklevel=2)
            told = settings(
                source.describe(),
                "none" if validation is None else validation.describe(),
                source.batch_size or 0,
                bool(shuffle),
                self.metrics_names,
            )
            if resume and self.run is not None:
                self.run.resume(told, self.optimizer.iterations, epochs)
            else:
                self.run = Run(told, initial_epoch, self.optimizer.iterations)
            self.history = self.run.past()
            training.fit(
                self,
                source,
                validation,
                epochs=epochs,
                validated=validated,
                callbacks=hooks,
                verbose=verbosity,
            )
        return self.history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = 1,
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        max_queue_size: int | None = None,
        workers: int | None = None,
        use_multiprocessing: bool | None = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """Measure the model on samples that it need not have seen.

        Args:
            x: as in `fit`: the samples, or what makes the batches.
            y: the targets.
            batch_size: samples per batch; None means 32.
            verbose: 0 silent, 1 or 'auto' a progress bar, 2 one line.
            sample_weight: as in `fit`.
            steps: how many batches are measured; None for all.
            callbacks: a list of `Callback`, told of each batch.
            max_queue_size: as in `fit`.
            workers: as in `fit`.
            use_multiprocessing: as in `fit`.
            return_dict: whether the numbers are returned by name.

        Returns:
            [loss, *metrics]; the loss alone where there are no metrics; a dictionary by name with
            return_dict. The loss is (1/N) sum over n of weight[n] * loss[n].
        """
        self._require_compiled("evaluate")
        source = feed.batches(
            self, "evaluate", feed.Given(x, y, sample_weight),
            batch_size=size("batch_size", batch_size), steps=size("steps", steps),
            reading=feed.Reading(workers, max_queue_size, use_multiprocessing).checked(),
        )  # fmt: skip
        hooks = self._hooks(callbacks, check_verbose(verbose), source)
        self._build_for(source)
        logs = training.measure(self, source, hooks)
        return logs if return_dict else _as_list(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
        callbacks: Any = None,
        max_queue_size: int | None = None,
        workers: int | None = None,
        use_multiprocessing: bool | None = None,
    ) -> Array:
        """Return the outputs for samples, (N, ...), computed batch by batch.

        Args:
            x: the samples, or what makes the batches: a `Sequence`, or a generator of x, (x,),
                (x, y) or (x, y, sample_weight), of which x is used.
            batch_size: samples per batch; None means 32.
            verbose: 0 silent, 1 or 'auto' a progress bar, 2 one line.
            steps: how many batches; None for all.
            callbacks: a list of `Callback`, told of each batch.
            max_queue_size: as in `fit`.
            workers: as in `fit`.
            use_multiprocessing: as in `fit`.
        """
        source = feed.batches(
            self, "predict", feed.Given(x), with_targets=False,
            batch_size=size("batch_size", batch_size), steps=size("steps", steps),
            reading=feed.Reading(workers, max_queue_size, use_multiprocessing).checked(),
        )  # fmt: skip
        hooks = self._hooks(callbacks, check_verbose(verbose), source)
        self._build_for(source)
        return training.predict(self, source, hooks)

    def __call__(self, x: Any, training: bool = False) -> Answer:
        """Return the outputs for samples, as `predict` does; they also have TensorFlow's `numpy()`.

        training: True is refused: what layers do in training is done by `fit`.
        """
        if isinstance(x, (Layer, Sequential)):
            raise DTypeError(
                f"A model takes arrays, got {x!r}. The functional API, model(layer), is not here: "
                "put one on the other with Sequential([first, second])."
            )
        if training:
            raise ValueError(
                "model(x, training=True) is not there: dropout and batch statistics belong to fit "
                "and train_on_batch. For one layer: layer(x, training=True)."
            )
        return answer(self.predict(x))

    def predict_on_batch(self, x: Any) -> Array:
        """Return the outputs for one batch."""
        x = data.as_array("x", x)
        return self.predict(x, batch_size=max(1, len(x)))

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Move the weights by one batch; return its loss and metrics as `evaluate` does.

        sample_weight, class_weight: as in `fit`, which states the formula of the weighted loss.
        """
        self._require_compiled("train_on_batch")
        source = feed.of_arrays(
            self, "train_on_batch", feed.Given(x, y, sample_weight), whole=True,
            class_weight=class_weight,
        )  # fmt: skip
        with self._training, self._as_compiled():
            self._build_for(source)
            with closing(source.epoch()) as batches:  # type: ignore[type-var] # a generator
                batch = next(batches)
            logs = training.train_batch(self, batch.x, batch.y, batch.weights)
        return logs if return_dict else _as_list(logs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss and metrics of one batch as `evaluate` does."""
        x = data.as_array("x", x)
        return self.evaluate(
            x,
            y,
            batch_size=max(1, len(x)),
            verbose=0,
            sample_weight=sample_weight,
            return_dict=return_dict,
        )

    # ---- configuration ----------------------------------------------------------------------

    def to_json(self, **kwargs: Any) -> str:
        """Return layers and arguments, without weights, as a text for `model_from_json`.

        **kwargs: those of json.dumps, such as indent=2.
        """
        return architecture.to_json(self.get_config(), **kwargs)

    def to_yaml(self, **kwargs: Any) -> str:
        """Return what `to_json` does: every JSON text is a YAML text. For `model_from_yaml`."""
        return self.to_json(**kwargs)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "Sequential":
        """Return a new model with the layers that `get_config` described; its weights are new.

        custom_objects: layer classes of your own by name.

        Raises:
            ModelFileError: it describes no model that numcnn has.
        """
        return _made(cls, config, custom_objects)

    # ---- weights and files ------------------------------------------------------------------

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        include_optimizer: bool = True,
        save_format: str | None = None,
        **nothing: Any,
    ) -> None:
        """Write configuration, weights and optimizer memory to one file, atomically.

        The name says in which form: `.npz` is numcnn's own and holds also how far the training is;
        `.keras` and `.h5` are Keras's, to be written with the extra `keras` (numcnn.saving.keras
        says what they carry); a name that says nothing means HDF5, as in Keras 2. Metrics and a
        loss that are functions of your own are left out: a file holds no code.

        Args:
            filepath: the file.
            overwrite: False raises FileExistsError where there is such a file.
            include_optimizer: False leaves out how the model is compiled.
            save_format: 'h5' or 'keras', whatever the name says.
            **nothing: zipped, signatures and options of Keras, at which nothing changes here.
        """
        reject_unknown_keywords("save", set(nothing) - {"zipped", "signatures", "options"}, SAVE)
        self._require_built("save")
        form = saving.forms.by_save_format(filepath, save_format)
        _check_free(filepath, overwrite)
        saving.write_model(self, filepath, form, include_optimizer)

    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        save_format: str | None = None,
    ) -> None:
        """Write the weights alone, atomically: `.npz`, `.weights.h5`, `.h5` or `.safetensors`.

        overwrite=False raises FileExistsError where there is such a file. save_format: 'h5' is what
        `.h5` means anyway.
        """
        self._require_built("save_weights")
        if save_format is not None:
            saving.forms.by_save_format(filepath, save_format)
        _check_free(filepath, overwrite)
        saving.write_weights(self, filepath)

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        by_name: bool = False,
        skip_mismatch: bool = False,
    ) -> None:
        """Read weights from a file of `save` or `save_weights`, all or none; Keras's files too.

        by_name: take the weights of those layers alone whose name a layer here has, as for a model
            whose last layer is another. skip_mismatch: then leave out those of other shapes.
        """
        self._require_built("load_weights")
        saving.read_weights(self, filepath, by_name, skip_mismatch)

    # ---- inside ------------------------------------------------------------------------------

    def _begin(self, source: Batches, initial_epoch: int, epochs: int, resume: bool) -> None:
        """Build the model for the first batch; raise where there is none."""
        if not resume and not source.samples and initial_epoch < epochs:
            place = Place(self.seed, self.optimizer.iterations)
            if source.open(place) is None:
                raise ValueError("fit needs at least one batch: x has none to give.")
        self._build_for(source)

    def _build_for(self, source: Batches) -> None:
        """Build the model where the shape of the samples is known before they are read."""
        if source.sample_shape is not None:
            self.build((None, *source.sample_shape))

    def _hooks(self, callbacks: Any, verbose: int, source: Batches) -> CallbackList:
        hooks = check_callbacks(callbacks)
        return CallbackList.of([*hooks, ProgbarLogger(verbose)], self, {"steps": source.steps})


def _made(cls: type[Sequential], found: Any, custom_objects: dict[str, Any] | None) -> Sequential:
    """Return the model that a configuration describes."""
    made = architecture.make_layers(found, custom_objects)
    try:
        model = cls(made, name=found["name"])
        if found.get("input_shape") is not None and made:
            model.build((None, *found["input_shape"]))
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"The layers do not make a model: {error}") from error
    return model


def _check_free(filepath: str | os.PathLike[str], overwrite: bool) -> None:
    if not overwrite and os.path.lexists(filepath):
        raise FileExistsError(f"{os.fspath(filepath)} is there already, and overwrite=False.")


def _as_list(logs: dict[str, float]) -> Any:
    values = list(logs.values())
    return values if len(values) > 1 else values[0]


def size(what: str, value: Any) -> int | None:
    """Return a number of samples or steps, which is at least 1, or None.

    Scripts divide, steps_per_epoch=len(x) / 32, and mean that the rest is a batch too.
    """
    if "steps" in what and isinstance(value, float) and math.isfinite(value):
        value = math.ceil(value)
    return None if value is None else data.integer(what, value, 1)
