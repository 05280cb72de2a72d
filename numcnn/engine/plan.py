"""The fast engine: layers become steps, steps become tasks bound to memory, once.

    fusion.py     layers -> steps         steps.py, products.py, pooled.py, ending.py
    folding.py    what predictions do with batch normalization; they may have other steps
    here          steps -> a program      for each batch size: buffers are cut, tasks are bound
    crew.py       a program is run        forward, loss, backward: one call for the whole batch

What it computes is what eager.py computes; only the order in which sums are added up differs.
Two promises rest on this file: weights stay the layers' own arrays (`layer.params`), though they
lie side by side in one buffer; and no bit depends on the number of threads.
"""

import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numcnn.engine.buffers import Buffers
from numcnn.engine.crew import CREW, Task, alone
from numcnn.engine.ending import Ending
from numcnn.engine.fusion import fuse
from numcnn.engine.interrupts import uninterrupted
from numcnn.engine.parameters import Parameters, same_arrays
from numcnn.engine.prices import ActivityPrice, Spent, with_prices
from numcnn.engine.steps import Phase, Squares, Step, Wires
from numcnn.engine.table import table
from numcnn.engine.tail import split_tail
from numcnn.engine.update import Update, native
from numcnn.engine.upkeep import add_penalty_gradients, constrain, penalty
from numcnn.kernels.compile import announced
from numcnn.layers.activations import Linear
from numcnn.layers.base import Layer
from numcnn.layers.batchnorm import BatchNormalization
from numcnn.losses import Loss
from numcnn.optimizers import Optimizer

Array = np.ndarray[Any, Any]

MOST_AT_ONCE = 256  # samples of a prediction that are in memory at a time
SPARE = 8  # workspaces kept for the next prediction


@dataclass
class Program:
    """What is run for a batch of n samples: phases of tasks, and Python calls between them."""

    wires: list[Wires]
    parts: list[list[list[Task]] | Callable[[], None]] = field(default_factory=list)
    ending: Ending | None = None
    squares: Squares = field(default_factory=Squares)
    given: Any = None
    warm: bool = False

    def run(self, x: Any) -> None:
        """Run it all on a batch x."""
        self.given = x
        for part in self.parts:
            if callable(part):
                part()
            else:
                CREW.run(part)

    @property
    def price(self) -> float:
        """What the outputs of the batch that was run cost."""
        return sum(wires.price for wires in self.wires)

    def take(self, a: int, b: int) -> None:
        """Copy samples from the batch."""
        self.wires[0].x[a:b] = self.given[a:b]

    def run_tasks_alone(self) -> None:
        """Run all but the calls on a batch of zeros, in this thread."""
        self.warm = True
        self.given = np.zeros_like(self.wires[0].x)
        for part in self.parts:
            if not callable(part):
                alone(part)


@dataclass
class Workspace:
    """The memory of one run at a time, and the programs bound to it."""

    buffers: Buffers
    programs: dict[int, Program] = field(default_factory=dict)


class Binding:
    """The arrays that programs are bound to, and the workspaces whose programs are."""

    def __init__(self, params: list[Array]) -> None:
        self.params = params
        self.idle: list[Workspace] = []  # for predictions
        self.training: Workspace | None = None

    def take(self, n: int) -> Workspace:
        """Return a workspace for n samples that nobody else uses."""
        with contextlib.suppress(IndexError):
            workspace = self.idle.pop()
            if workspace.buffers.capacity >= n:
                return workspace
        return Workspace(Buffers(n))

    def give_back(self, workspace: Workspace) -> None:
        """Keep a workspace for the next prediction."""
        if len(self.idle) < SPARE:
            self.idle.append(workspace)


_ENGINES: "weakref.WeakSet[PlanEngine]" = weakref.WeakSet()


def _after_fork() -> None:
    """Give a forked child new locks: a thread that the child does not have may hold the old."""
    for engine in _ENGINES:
        engine._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class PlanEngine:
    """Run layers as fused steps over memory that is allocated once."""

    def __init__(
        self, layers: list[Layer], loss: Loss, optimizer: Optimizer, exact: bool = False
    ) -> None:
        self.layers = layers
        self.optimizer = optimizer
        self.body, self.loss, self.activation = split_tail(with_prices(layers), loss)
        if not self.body:  # a model that is nothing but the last activation
            self.body, self.loss, self.activation = layers, loss, Linear()
        self.dtype = np.dtype(layers[0].dtype)
        self.steps: list[Step] = fuse(self.body, str(self.dtype), exact)
        self.predicting = self.steps if exact else self._predicting()
        self.native = all(step.native for step in self.steps)
        self.priced = any(isinstance(layer, ActivityPrice) for layer in self.body)
        self._spent = Spent()
        both = (*self.steps, *self.predicting)
        self.scratch_size = max(step.scratch_size() for step in both)
        self._lock = threading.RLock()  # for what programs are bound to
        _ENGINES.add(self)
        self._binding = Binding([])
        self._parameters: Parameters | None = None  # once it is trained
        self._squares = Squares()  # of the last gradients
        self._priced: dict[str, float] = {}  # the sums for weights that have a price

    # ---- the contract -----------------------------------------------------------------------

    def predict_batch(self, x: Array) -> Array:
        """Return the outputs for a batch."""
        return np.array(self.activation.forward(self._scores(x)), self.dtype)

    def test_batch(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return (the loss of each sample, the outputs)."""
        z = self._scores(x, noted=True)
        return self.loss.value(y, z), np.array(self.activation.forward(z))

    def gradients(self, x: Any, y: Array, weights: Array | None = None) -> tuple[Array, Array]:
        """Set the layers' gradients; return (the loss of each sample, the outputs)."""
        program, ending, parameters = self._training_program(len(x))
        ending.take(y, weights)
        program.run(x)
        self._spent.total = program.price
        self._squares = program.squares
        parameters.hand_out()
        self._priced = add_penalty_gradients(self.layers)
        return ending.losses.copy(), ending.outputs.copy()

    def gradient_squares(self) -> dict[str, float]:
        """Return the sum of the squares of each gradient, by its name."""
        others = self._parameters.others() if self._parameters else {}
        found = self._squares.sums() | {name: float(np.vdot(g, g)) for name, g in others.items()}
        return found | self._priced

    def update(self) -> None:
        """Move the weights by one step of the optimizer."""
        parameters = self._parameters
        if parameters is None or not parameters.are_those_of(self.layers):
            raise RuntimeError("Parameters were replaced after their gradients were computed.")
        parameters.step()
        constrain(self.layers)
        for layer in self.layers:
            layer.after_update()

    def penalty(self) -> float:
        """Return what the weights cost, and the outputs of the last batch."""
        return penalty(self.layers) + self._spent.total

    def warm_up(self, n: int, say: Callable[[], None]) -> None:
        """Compile what a batch of n samples needs; call `say` before the first compilation.

        Layers of other classes than numcnn's own are not called. No weight moves.
        """
        with announced(say):
            program, _, _ = self._training_program(n)
            if program.warm:
                return
            program.run_tasks_alone()
            if self.predicting is not self.steps:
                size = min(n, MOST_AT_ONCE)
                binding, workspace = self._workspace(size)
                workspace.programs[size].run_tasks_alone()
                binding.give_back(workspace)
            CREW.run([[_nothing, _nothing]])  # the helpers' kernel too
            if native(self.optimizer):
                scrap = [np.ones(8, self.dtype) for _ in range(2 + len(self.optimizer.slot_names))]
                alone([Update(self.optimizer, scrap).tasks])

    def describe(self, n: int) -> str:
        """Return a table of the steps for batches of n samples; two where predicting differs."""
        program, _, parameters = self._training_program(n)
        text = table(self.steps, program.wires[0].buffers)
        moved = sum(view.size for view in parameters.flat.views)
        text += (
            f"\n{moved:,} parameters in one buffer, {len(self.optimizer.slot_names) + 2} buffers "
            f"with gradients and {type(self.optimizer).__name__}'s memory; batches of {n} samples, "
            f"{CREW.size} threads."
        )
        if self.predicting is not self.steps:
            size = min(n, MOST_AT_ONCE) if self.native else n
            binding, workspace = self._workspace(size)
            text += f"\nPredictions, {size} samples at a time:\n"
            text += table(self.predicting, workspace.buffers)
            binding.give_back(workspace)
        return text

    # ---- programs ---------------------------------------------------------------------------

    def _scores(self, x: Array, noted: bool = False) -> Array:
        """Return the outputs of the last step; `noted`: and note what outputs cost."""
        z = np.empty((len(x), *self.steps[-1].output_shape), self.dtype)
        whole = not self.native or (noted and self.priced)  # a price is that of all outputs
        size = len(x) if whole else min(len(x), MOST_AT_ONCE)
        self._spent.total = 0.0
        for a in range(0, len(x), size or 1):
            part = x[a : a + size]
            binding, workspace = self._workspace(len(part))
            program = workspace.programs[len(part)]
            program.run(part)
            z[a : a + size] = program.wires[-1].y
            if noted:
                self._spent.total = program.price
            binding.give_back(workspace)
        return z

    def _workspace(self, n: int) -> tuple[Binding, Workspace]:
        """Return a workspace with a program that predicts n samples, and whom to give it back."""
        with self._lock:
            binding = self._bound()
            workspace = binding.take(n)
            if n not in workspace.programs:
                workspace.programs[n] = self._program(workspace.buffers, n, None)
        return binding, workspace

    def _predicting(self) -> list[Step]:
        """Return the steps of predictions: those of training, unless layers can be folded."""
        if not any(isinstance(layer, BatchNormalization) for layer in self.body):
            return self.steps
        folded = fuse(self.body, str(self.dtype), folded=True)
        same = [step.layers for step in folded] == [step.layers for step in self.steps]
        return self.steps if same else folded

    def _bound(self) -> Binding:
        """Return the binding to the layers' parameters as they are now."""
        params = [p for layer in self.layers for p in layer.params.values()]
        if not same_arrays(params, self._binding.params):
            self._binding = Binding(params)
        return self._binding

    def _training_program(self, n: int) -> tuple[Program, Ending, Parameters]:
        """Return the program for a batch of n samples, bound to the layers' parameters."""
        with self._lock:
            parameters = self._parameters
            if parameters is None or not parameters.are_those_of(self.layers):
                known = [layer for step in self.steps if step.native for layer in step.layers]
                # The last layer of the body may be a copy without its activation.
                same = {id(layer.params) for layer in known}
                housed = [layer for layer in self.layers if id(layer.params) in same]
                with uninterrupted():
                    parameters = Parameters(self.layers, housed, self.optimizer, self.dtype)
                    self._parameters, self._binding = parameters, Binding([])
            binding = self._bound()
            if binding.training is None or binding.training.buffers.capacity < n:
                binding.training = Workspace(Buffers(n))
            workspace = binding.training
            if n not in workspace.programs:
                workspace.programs[n] = self._program(workspace.buffers, n, parameters)
            program = workspace.programs[n]
        if program.ending is None:
            raise RuntimeError("a program for training ends with a loss")
        return program, program.ending, parameters

    def _program(self, buffers: Buffers, n: int, parameters: Parameters | None) -> Program:
        """Bind the steps to memory for n samples, for training where there are parameters."""
        squares = Squares()
        steps = self.predicting if parameters is None else self.steps
        wires = self._wires(steps, buffers, n, parameters, squares)
        pairs = list(zip(steps, wires, strict=True))
        program = Program(wires, squares=squares)
        phases = [Phase([task for step, w in pairs for task in step.prepare(w)])]
        phases.append(wires[0].by_sample(program.take))
        for step, w in pairs:
            phases += step.forward(w)
        if parameters is None:
            program.parts = joined(phases)
            return program
        program.ending = ending = Ending(self.loss, self.activation, wires[-1])
        phases.append(ending.phase())
        rest: list[Task] = []
        for step, w in reversed(pairs):
            if w.dy is None:
                break  # nothing below is trained
            back, later = step.backward(w)
            phases += back
            rest += later
        missing = set(parameters.named_gradients()) - set(program.squares.parts)
        if missing:  # a NaN in them would go unnoticed
            raise RuntimeError(f"no step squares the gradients of {sorted(missing)}")
        phases.append(Phase(rest))
        program.parts = joined(phases)
        return program

    def _wires(
        self,
        steps: list[Step],
        buffers: Buffers,
        n: int,
        parameters: Parameters | None,
        squares: Squares,
    ) -> list[Wires]:
        """Return what each step stands between."""
        training = parameters is not None
        gradients = parameters.gradient_of if parameters else {}
        shape = self.body[0].built_for or ()
        x = buffers.per_sample("x", shape, self.dtype)[:n]
        dx = None
        # A step's dx is needed if a layer before it is trained or may look at it.
        needed = False
        wires = []
        for i, step in enumerate(steps):
            needed_before = needed
            moves = any((id(l.params), name) in gradients for l in step.layers for name in l.params)
            needed = needed or not step.native or moves
            shape = step.output_shape
            y, dy = None, None
            if step.keeps_memory:
                y = x.reshape(n, *shape)
                dy = dx.reshape(n, *shape) if dx is not None else None
            else:
                y = buffers.per_sample(f"y{i}", shape, self.dtype)[:n]
                if training and needed:
                    dy = buffers.per_sample(f"dy{i}", shape, self.dtype)[:n]
            wires.append(
                Wires(
                    n=n, training=training, x=x, y=y, dx=dx if needed_before else None, dy=dy,
                    buffers=buffers, scratch_size=self.scratch_size, dtype=self.dtype,
                    gradient=lambda layer, name: gradients.get((id(layer.params), name)),
                    light=step.light,
                    squares=squares,
                )
            )  # fmt: skip
            x, dx = y, dy
        return wires


def _nothing(worker: int) -> None:
    """Do nothing."""


def joined(phases: list[Phase]) -> list[list[list[Task]] | Callable[[], None]]:
    """Return the phases as runs of native ones between calls; neighbours by sample become one.

    A piece of samples then goes through several steps while it is in the cache, and nobody waits
    for anybody in between.
    """
    parts: list[Any] = []
    open_pieces = 0  # of the phase before, where it was by sample
    for phase in phases:
        if phase.call is not None:
            parts.append(phase.call)
            open_pieces = 0
        elif phase.tasks:
            if not parts or callable(parts[-1]):
                parts.append([])
            if phase.by_sample and open_pieces == len(phase.tasks):
                parts[-1][-1] = [
                    _both(a, b) for a, b in zip(parts[-1][-1], phase.tasks, strict=True)
                ]
            else:
                parts[-1].append(list(phase.tasks))
            open_pieces = len(phase.tasks) if phase.by_sample else 0
    return parts


def _both(first: Task, second: Task) -> Task:
    def task(worker: int) -> None:
        first(worker)
        second(worker)

    return task
