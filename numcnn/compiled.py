"""Compiled: a stack of layers and how it is to be trained: optimizer, loss, metrics, engine.

Nothing here trains; `Sequential` in models/ does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from numcnn import data, losses, optimizers
from numcnn.engine import ENGINES, Engine, make_engine, runs_as_written
from numcnn.errors import DTypeError, NotCompiledError, unknown_name
from numcnn.metrics import Metric
from numcnn.metrics import get as get_metric
from numcnn.metrics.base import fitted
from numcnn.run import Counted, Run
from numcnn.seeds import next_seed
from numcnn.stack import Stack

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class Compiled(Stack):
    """Layers in a row, an optimizer, a loss, metrics, and the engine that runs them.

    Args:
        name: what the summary calls the model.

    Attributes:
        optimizer, loss: those of `compile`.
        run: how far its training has come, if there was one; what `fit(resume=True)` goes on from.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.optimizer: optimizers.Optimizer = optimizers.SGD()
        self.loss: losses.Loss = losses.Loss()
        self.compiled = False
        self.run: Run | None = None
        self.engine_name = "auto"
        self.exact = False
        self.seed = 0
        self.given_metrics: list[Any] = []
        self._engine: Engine | None = None
        self._metrics: list[tuple[str, Any]] = []
        self._trainable: dict[int, bool] = {}

    def _changed(self) -> None:
        self._engine = None
        self.run = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: list[Any] | None = None,
        engine: str = "auto",
        exact: bool = False,
        *,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        sample_weight_mode: None = None,
        run_eagerly: bool | None = None,
        steps_per_execution: int | str | None = None,
        jit_compile: bool | str | None = None,
        auto_scale_loss: bool | None = None,
    ) -> None:
        """Say how the model is to be trained.

        Args:
            optimizer: a name such as 'rmsprop', or an optimizer.
            loss: a name such as 'categorical_crossentropy', or a loss.
            metrics: what is shown beside the loss: 'accuracy', names, `numcnn.metrics` such as
                Precision(), or functions of (targets, outputs) that return one number per sample.
            engine: what runs the layers: 'numba' (fused kernels, compiled at first use), 'numpy'
                (each layer as it is written), or 'auto', which is 'numba' where Numba is there.
            exact: without Winograd's method for 3x3 convolutions, which is faster and whose
                rounding errors are some ten times those of the plain sum (1e-5 of the outputs);
                and in predictions without batch normalization folded into the weights of the
                layer before, whose errors are about those of the two apart.
            loss_weights: None; the model has one loss.
            weighted_metrics: None; metrics count all samples alike.
            sample_weight_mode: None, as Keras 2 had it.
            run_eagerly: how Keras runs a model; `engine` says it here, and this changes nothing.
            steps_per_execution: likewise.
            jit_compile: likewise.
            auto_scale_loss: likewise; it is for float16.

        Raises:
            ValueError: a name is unknown. The model stays as it was.
        """
        if loss is None:
            raise ValueError(
                "compile needs a loss: " + ", ".join(losses.LOSSES) + ", or a loss object."
            )
        if engine not in ENGINES:
            raise unknown_name("engine", engine, ENGINES)
        for name, value, instead in (
            ("loss_weights", loss_weights, "the model has one loss; a smaller learning rate"),
            ("weighted_metrics", weighted_metrics, "metrics count all samples alike; metrics"),
            ("sample_weight_mode", sample_weight_mode, "a weight is one sample's; sample_weight"),
        ):
            if value:
                reason, use = instead.split("; ")
                raise ValueError(f"{name}={value!r} is not there: {reason}. Use {use}.")
        one = isinstance(metrics, str) or callable(metrics)
        if isinstance(metrics, dict):
            raise DTypeError(
                f"metrics must be a list such as ['accuracy'], got {metrics!r}: the model has one "
                "output, so there is no dictionary of outputs."
            )
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
        self._trainable = {id(layer): layer.trainable for layer in self.layers}
        self.compiled = True

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise NotCompiledError(
                f"{what} needs a compiled model: call model.compile(optimizer=..., loss=...) first."
            )

    @contextmanager
    def _as_compiled(self) -> Iterator[None]:
        """Let layers that stand in other models too be trainable as they were in `compile`.

        One model may train a layer that another leaves as it is: the discriminator of a GAN, which
        is compiled, then frozen, then put behind the generator. Keras 2 keeps what `compile` found
        for all layers; a layer that stands in one model follows `trainable` as it is.
        """
        shared = [layer for layer in self.layers if layer.shared]
        before = [layer.trainable for layer in shared]
        for layer in shared:
            layer.trainable = self._trainable.get(id(layer), layer.trainable)
        try:
            yield
        finally:
            for layer, value in zip(shared, before, strict=True):
                layer.trainable = value

    @property
    def engine(self) -> Engine:
        """What runs the layers; made at first use."""
        if self._engine is None:
            self._require_built("Running the model")
            shape = self.layers[-1].sample_output_shape
            self._metrics = self._named_metrics(shape)
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
        return ["loss", *(name for name, _ in self._named_metrics((1,)))]

    def _named_metrics(self, shape: Shape) -> list[tuple[str, Any]]:
        """Return (name, metric) of each; of two with one name the second is name_1, as in Keras."""
        found: dict[str, Any] = {}
        for given in self.given_metrics:
            name, metric = get_metric(given, self.loss, shape)
            free, i = name, 0
            while free in found:
                i += 1
                free = f"{name}_{i}"
            found[free] = metric
        return list(found.items())

    def measure(self, loss: float, y: Array, outputs: Array) -> dict[str, Any]:
        """Return the loss and the metrics of a batch by name."""
        logs: dict[str, Any] = {"loss": loss}
        for name, metric in self._metrics:
            if isinstance(metric, Metric):
                part, whole = metric.counts(fitted(y, outputs), outputs)
                logs[name] = Counted(float(part), float(whole), metric.kind)
            else:
                values = np.asarray(metric(y, outputs))
                if values.dtype.kind not in "buif" or not values.size:
                    raise DTypeError(
                        f"The metric {name!r} must return a number, or one for each sample, got "
                        f"{'nothing' if not values.size else values.dtype}."
                    )
                logs[name] = float(np.mean(values))
        return logs

    def check_memory(self, shape: Shape, n: int) -> None:
        """Raise a MemoryError where a batch of n samples of this shape cannot fit."""
        as_written = runs_as_written(self.engine_name)
        data.check_memory(self.layers, self._input_shapes(self.layers, shape), n, as_written)
