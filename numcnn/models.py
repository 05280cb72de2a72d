"""Sequential: layers in a row, with Keras's face.

This file holds no mathematics and no loop over epochs: it checks what a user gives, then hands over
to training.py, which calls an engine.
"""

import os
from typing import Any

import numpy as np

from numcnn import data, losses, optimizers, saving, training
from numcnn.advice import advise
from numcnn.callbacks import CallbackList, History, ProgbarLogger, check_callbacks
from numcnn.engine import ENGINES, Engine, make_engine, runs_as_written
from numcnn.errors import DTypeError, NotCompiledError, unknown_name
from numcnn.exclusive import Exclusive
from numcnn.layers.base import Layer
from numcnn.metrics import Metric
from numcnn.metrics import get as get_metric
from numcnn.progress import check_verbose
from numcnn.run import Run, check_resume, settings
from numcnn.seeds import next_seed
from numcnn.stack import Stack

__all__ = ["Sequential", "load_model", "warmup"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class Sequential(Stack):
    """A stack of layers: the output of each is the input of the next.

    Args:
        layers: the layers, or nothing to `add` them one by one.
        name: what the summary calls the model.

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

    def __init__(self, layers: list[Layer] | None = None, name: str | None = None) -> None:
        super().__init__(name or "sequential")
        self.optimizer: optimizers.Optimizer = optimizers.SGD()
        self.loss: losses.Loss = losses.Loss()
        self.compiled = False
        self.history = History()
        self.run: Run | None = None
        self.stop_training = False
        self.engine_name = "auto"
        self.exact = False
        self.seed = 0
        self.given_metrics: list[Any] = []
        self._engine: Engine | None = None
        self._metrics: list[tuple[str, Metric]] = []
        self._training = Exclusive(
            "This model is training already, in another thread or further up in this one. "
            "Wait for it, or train another model."
        )
        self._advised = False
        try:
            for layer in layers or []:
                self.add(layer)
        except BaseException:
            for layer in self.layers:
                layer.owner = None  # they may stand in the next attempt
            raise

    def _changed(self) -> None:
        self._engine = None
        self.run = None

    # ---- compiling --------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: list[Any] | None = None,
        engine: str = "auto",
        exact: bool = False,
    ) -> None:
        """Say how the model is to be trained.

        Args:
            optimizer: a name such as 'rmsprop', or an optimizer.
            loss: a name such as 'categorical_crossentropy', or a loss.
            metrics: what is shown beside the loss: 'accuracy', names, or functions of
                (targets, outputs) that return one number per sample.
            engine: what runs the layers: 'numba' (fused kernels, compiled at first use), 'numpy'
                (each layer as it is written), or 'auto', which is 'numba' where Numba is there.
            exact: without Winograd's method for 3x3 convolutions, which is faster and whose
                rounding errors are some ten times those of the plain sum (1e-5 of the outputs).

        Raises:
            ValueError: a name is unknown. The model stays as it was.
        """
        if loss is None:
            raise ValueError(
                "compile needs a loss: " + ", ".join(losses.LOSSES) + ", or a loss object."
            )
        if engine not in ENGINES:
            raise unknown_name("engine", engine, ENGINES)
        one = isinstance(metrics, str) or callable(metrics)
        wanted = [metrics] if one else list(metrics or [])
        new_optimizer, new_loss = optimizers.get(optimizer), losses.get(loss)
        for metric in wanted:
            get_metric(metric, new_loss, (1,))  # raises where the name is unknown
        self.optimizer, self.loss = new_optimizer, new_loss
        self.engine_name, self.exact = engine, bool(exact)
        self.given_metrics = wanted
        self._engine = None
        self.run = None
        self.seed = next_seed()
        self.compiled = True

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise NotCompiledError(
                f"{what} needs a compiled model: call model.compile(optimizer=..., loss=...) first."
            )

    @property
    def engine(self) -> Engine:
        """What runs the layers; made at first use."""
        if self._engine is None:
            self._require_built("Running the model")
            shape = self.layers[-1].sample_output_shape
            self._metrics = [get_metric(m, self.loss, shape) for m in self.given_metrics]
            self._engine = make_engine(
                self.engine_name,
                self.layers,
                losses.checked(self.loss),
                self.optimizer,
                self.exact,
            )
        return self._engine

    def plan(self, batch_size: int = 128) -> None:
        """Print how the model is run: steps, the layers they cover, kernels, memory."""
        print(self.engine.describe(data.integer("batch_size", batch_size, 1)))

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: 'loss' and the metrics."""
        return ["loss", *(get_metric(m, self.loss, (1,))[0] for m in self.given_metrics)]

    def measure(self, loss: float, y: Array, outputs: Array) -> dict[str, float]:
        """Return the loss and the metrics of a batch by name."""
        logs = {"loss": loss}
        for name, metric in self._metrics:
            logs[name] = float(np.mean(metric(y, outputs)))
        return logs

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
        shuffle: bool = True,
        initial_epoch: int = 0,
        check_finite: bool = True,
        resume: bool = False,
    ) -> History:
        """Train the model.

        Args:
            x: the samples, (N, ...); of any number type, cast batch by batch.
            y: the targets, as the loss needs them.
            batch_size: samples per step; None means 32.
            epochs: the epoch to stop after, counted from 1.
            verbose: 0 silent, 1 or 'auto' a progress bar, 2 one line per epoch.
            callbacks: a list of `Callback`.
            validation_split: the share of the samples, taken from the end before shuffling, that
                is not trained on but measured after each epoch.
            validation_data: (x, y) measured after each epoch.
            shuffle: whether each epoch takes the samples in a new random order.
            initial_epoch: the epoch to begin with, counted from 0.
            check_finite: whether to look for NaN and infinity in x first.
            resume: go on with the training that this model was in the middle of when it was
                stopped or saved, at the batch after the last, as if it had never stopped: the same
                weights and the same history, bit for bit. Data, batch_size, shuffle and validation
                must be those of before; `epochs` still counts from the very beginning and may be
                larger. Callbacks take back what those of their class remembered. What is over
                already changes nothing.

        Returns:
            The `History`, where training is resumed that of the whole.

        Raises:
            ShapeError, DTypeError, ValueError: the data or an argument does not fit; nothing has
            changed. NotCompiledError: the model is not compiled. RuntimeError: it is training
            already, in another thread. DivergedError: the loss became NaN; the weights are those
            before that batch.
        """
        self._require_compiled("fit")
        size = 32 if batch_size is None else data.integer("batch_size", batch_size, 1)
        data.integer("epochs", epochs, 0)
        data.integer("initial_epoch", initial_epoch, 0)
        check_resume(resume, self.run, initial_epoch)
        verbosity = check_verbose(verbose)
        hooks = check_callbacks(callbacks)
        share = optimizers.share("validation_split", validation_split)
        x, shape = self._as_inputs("x", x)
        if len(x) == 0:
            raise ValueError(f"fit needs at least one sample, got x of shape {x.shape}.")
        y = self._as_targets("y", x, y, shape)
        validation = None
        if validation_data is not None:
            validation = self._as_validation(validation_data, shape)
        elif share:
            at = int(len(x) * (1 - share))
            if not 0 < at < len(x):
                raise ValueError(
                    f"validation_split={share} of {len(x)} samples leaves {at} for training and "
                    f"{len(x) - at} for validation; both need at least one."
                )
            x, y, validation = x[:at], y[:at], (x[at:], y[at:])
        if check_finite:
            data.check_finite("x", x, self.dtype, ", or pass check_finite=False")
        self._check_memory(shape, min(size, len(x)))
        with self._training:
            self.build((None, *shape))
            if not self._advised:
                self._advised = True
                advise(x, self.layers, self.loss, stacklevel=2)
            told = settings((x, y), validation, size, bool(shuffle), self.metrics_names)
            if resume and self.run is not None:
                self.run.resume(told, self.optimizer.iterations, epochs)
            else:
                self.run = Run(told, initial_epoch, self.optimizer.iterations)
            self.history = self.run.past()
            training.fit(
                self,
                (x, y),
                validation,
                batch_size=size,
                epochs=epochs,
                shuffle=bool(shuffle),
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
        return_dict: bool = False,
    ) -> Any:
        """Measure the model on samples that it need not have seen.

        Returns:
            [loss, *metrics]; the loss alone where there are no metrics; a dictionary by name with
            return_dict.
        """
        self._require_compiled("evaluate")
        size = 32 if batch_size is None else data.integer("batch_size", batch_size, 1)
        x, shape = self._as_inputs("x", x)
        if len(x) == 0:
            raise ValueError(f"evaluate needs at least one sample, got x of shape {x.shape}.")
        y = self._as_targets("y", x, y, shape)
        hooks = self._progress(check_verbose(verbose), len(x), size)
        self._check_memory(shape, min(size, len(x)))
        self.build((None, *shape))
        logs = training.measure(self, x, y, size, hooks)
        return logs if return_dict else _as_list(logs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> Array:
        """Return the outputs for samples, (N, ...), computed batch by batch."""
        size = 32 if batch_size is None else data.integer("batch_size", batch_size, 1)
        x, shape = self._as_inputs("x", x)
        hooks = self._progress(check_verbose(verbose), len(x), size)
        self._check_memory(shape, min(size, len(x)))
        self.build((None, *shape))
        return training.predict(self, x, size, hooks)

    def __call__(self, x: Any) -> Array:
        """Return the outputs for samples, as `predict` does."""
        return self.predict(x)

    def predict_on_batch(self, x: Any) -> Array:
        """Return the outputs for one batch."""
        x = data.as_array("x", x)
        return self.predict(x, batch_size=max(1, len(x)))

    def train_on_batch(self, x: Any, y: Any) -> Any:
        """Move the weights by one batch; return its loss and metrics as `evaluate` does."""
        self._require_compiled("train_on_batch")
        x, shape = self._as_inputs("x", x)
        if len(x) == 0:
            raise ValueError(f"train_on_batch needs at least one sample, got shape {x.shape}.")
        y = self._as_targets("y", x, y, shape)
        self._check_memory(shape, len(x))
        with self._training:
            self.build((None, *shape))
            logs = training.train_batch(self, x, y)
        return _as_list(logs)

    def test_on_batch(self, x: Any, y: Any) -> Any:
        """Return the loss and metrics of one batch as `evaluate` does."""
        x = data.as_array("x", x)
        return self.evaluate(x, y, batch_size=max(1, len(x)), verbose=0)

    # ---- weights and files ------------------------------------------------------------------

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write configuration, weights and optimizer memory to one `.npz` file, atomically.

        Metrics that are functions of your own are left out: a file holds no code.
        """
        self._require_built("save")
        saving.save_model(self, filepath)

    def save_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights alone to a `.npz` file, atomically."""
        self._require_built("save_weights")
        saving.save_weights(self, filepath)

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Read weights from a file of `save` or `save_weights`, all or none."""
        self._require_built("load_weights")
        saving.load_weights(self, filepath)

    # ---- checks -----------------------------------------------------------------------------

    def _as_inputs(self, what: str, x: Any) -> tuple[Array, Shape]:
        """Return x as an array and the shape of its samples, which the model can take."""
        if not self.layers:
            raise NotCompiledError("The model has no layers; add some first.")
        x = data.as_array(what, x)
        if self._input_shape is not None:
            data.check_input_shape(x, self._input_shape, self.layers[0].name)
        return x, x.shape[1:]

    def _as_targets(self, what: str, x: Array, y: Any, shape: Shape) -> Array:
        """Return the targets for x as an array that fits the loss and the outputs."""
        y = data.as_array(what, y)
        data.check_lengths(x, y)
        last = self._input_shapes(self.layers, shape)[-1]
        return data.as_targets(what, y, self.loss, self.layers[-1].compute_output_shape(last))

    def _as_validation(self, pair: Any, shape: Shape) -> tuple[Array, Array]:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DTypeError("validation_data must be a pair (x, y).")
        x = data.as_array("x of validation_data", pair[0])
        if len(x) == 0:
            raise ValueError("validation_data needs at least one sample.")
        data.check_input_shape(x, shape, self.layers[0].name)
        return x, self._as_targets("y of validation_data", x, pair[1], shape)

    def _check_memory(self, shape: Shape, n: int) -> None:
        as_written = runs_as_written(self.engine_name)
        data.check_memory(self.layers, self._input_shapes(self.layers, shape), n, as_written)

    def _progress(self, verbose: int, n: int, batch_size: int) -> CallbackList:
        return CallbackList.of([ProgbarLogger(verbose)], self, {"steps": -(-n // batch_size)})


def warmup(model: Sequential, batch_size: int = 128, verbose: int = 0) -> None:
    """Compile what the model needs, now instead of at the first batch.

    For servers and for measurements; `fit` does it by itself. No weight moves.

    Args:
        model: built and compiled.
        batch_size: that of the training to come.
        verbose: whether to say so where something has to be compiled, 0 or 1.

    Example:
        >>> from numcnn.layers import Dense
        >>> model = Sequential([Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", loss="mse")
        >>> warmup(model)
    """
    model._require_compiled("warmup")
    model._require_built("warmup")
    size, verbose = data.integer("batch_size", batch_size, 1), check_verbose(verbose)
    training.warm_up(model, size, verbose)


def load_model(
    path: str | os.PathLike[str], custom_objects: dict[str, type[Layer]] | None = None
) -> Sequential:
    """Return the model that `model.save` wrote, bit for bit, ready to predict or to train on.

    Args:
        path: the file.
        custom_objects: layer classes of your own by name. Others than numcnn's own and these are
            refused, whatever the file says.

    Raises:
        ModelFileError: the file is damaged, too new, or not a model. FileNotFoundError: no file.
    """
    model = Sequential()
    saving.load_model(model, path, custom_objects)
    return model


def _as_list(logs: dict[str, float]) -> Any:
    values = list(logs.values())
    return values if len(values) > 1 else values[0]
