"""A model used in any order: it agrees with a few lines of Python that only count and remember."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from small_nets import fingerprint, weights_hash

from numcnn.callbacks import LambdaCallback
from numcnn.errors import DivergedError, ModelFileError, NotCompiledError, ShapeError
from numcnn.layers import Dense, Dropout
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed

INPUTS, SAMPLES, BATCH = 3, 7, 3  # 3 batches an epoch

compiled = precondition(lambda self: self.compiled and self.units)
trainable = precondition(lambda self: self.compiled and self.units and self.fits)
built = precondition(lambda self: self.units)


class Uses(RuleBasedStateMachine):
    """The oracle: units of the layers (0 for Dropout), steps taken, weights last seen."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed):
        set_random_seed(seed)
        self.model = Sequential()
        self.units, self.compiled, self.steps = [], False, 0
        self.fits = True  # whether the optimizer knows these layers
        self.hash = weights_hash(self.model)
        self.files = {}

    def width(self):
        return next((n for n in reversed(self.units) if n), INPUTS)

    def data(self):
        rng = np.random.default_rng(len(self.units))
        return 0.1 * rng.random((SAMPLES, INPUTS)), rng.random((SAMPLES, self.width()))

    def seen(self):
        self.hash = weights_hash(self.model)

    @precondition(lambda self: len(self.units) < 5)
    @rule(units=st.integers(0, 3))
    def add(self, units):
        first = {} if self.units else {"input_shape": (INPUTS,)}
        self.model.add(Dense(units, **first) if units else Dropout(0.5, **first))
        self.units.append(units)
        self.fits = self.steps == 0 or (not units and self.fits)
        self.seen()

    @precondition(lambda self: self.units)
    @rule()
    def pop(self):
        self.model.pop()
        units = self.units.pop()
        self.fits = self.steps == 0 or (not units and self.fits)
        self.seen()

    @built
    @rule()
    def add_what_does_not_fit(self):
        for layer in (Dense(2, name=self.model.layers[0].name), self.model.layers[-1]):
            try:
                self.model.add(layer)
            except ValueError:
                continue
            raise AssertionError("a layer that cannot be added was added")

    @rule(optimizer=st.sampled_from(["sgd", "rmsprop", "adam"]))
    def compile(self, optimizer):
        self.model.compile(optimizer, "mse")
        self.model.optimizer.learning_rate = 1e-4  # so that nothing diverges by itself
        self.compiled, self.steps, self.fits = True, 0, True

    @trainable
    @rule(epochs=st.integers(0, 2))
    def fit(self, epochs):
        x, y = self.data()
        history = self.model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
        assert history.epoch == list(range(epochs))
        self.steps += 3 * epochs
        self.seen()

    @trainable
    @rule(at=st.integers(0, 2))
    def interrupt(self, at):
        def stop(batch, logs):
            if batch == at:
                raise KeyboardInterrupt

        x, y = self.data()
        try:
            self.model.fit(
                x, y, batch_size=BATCH, verbose=0, callbacks=[LambdaCallback(on_batch_end=stop)]
            )
        except KeyboardInterrupt:
            self.steps += at + 1
            self.seen()
        else:
            raise AssertionError("the interrupt was lost")

    @trainable
    @precondition(lambda self: any(self.units))
    @rule()
    def diverge(self):
        x, y = self.data()
        x[4] = np.nan
        before = fingerprint(self.model)
        try:
            self.model.fit(x[4:5], y[4:5], verbose=0, check_finite=False)
        except DivergedError:
            assert fingerprint(self.model) == before
        else:
            raise AssertionError("NaN was trained on")

    @precondition(lambda self: not self.compiled and self.units)
    @rule()
    def fit_too_early(self):
        try:
            self.model.fit(*self.data())
        except NotCompiledError:
            return
        raise AssertionError("it trained without compile")

    @precondition(lambda self: self.compiled and self.units and not self.fits)
    @rule()
    def fit_with_an_optimizer_of_other_layers(self):
        before = fingerprint(self.model)
        x, y = self.data()
        try:
            self.model.fit(x, y, verbose=0)
        except ShapeError:
            assert fingerprint(self.model) == before
        else:  # the shapes are the same by chance, or nothing is remembered
            self.steps += 1
            self.seen()

    @built
    @rule(n=st.integers(0, 5), size=st.integers(1, 6))
    def predict(self, n, size):
        x = np.ones((n, INPUTS))
        outputs = self.model.predict(x, batch_size=size)
        assert outputs.shape == (n, self.width())
        expected = x.astype("f4")
        for layer in self.model.layers:
            if layer.params:
                expected = expected @ layer.params["w"] + layer.params["b"]
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)

    @compiled
    @rule()
    def evaluate(self):
        x, y = self.data()
        expected = ((self.model.predict(x) - y) ** 2).mean()
        np.testing.assert_allclose(self.model.evaluate(x, y, verbose=0), expected, rtol=1e-4)

    @built
    @rule(value=st.floats(-0.5, 0.5, width=32))
    def set_weights(self, value):
        arrays = [np.full_like(w, value) for w in self.model.get_weights()]
        self.model.set_weights(arrays)
        assert all((w == value).all() for w in self.model.get_weights())
        self.seen()

    @built
    @rule(name=st.sampled_from("ab"))
    def save(self, name):
        path = Path(self.folder.name) / f"{name}.npz"
        self.model.save(path)
        oracle = (list(self.units), self.compiled, self.steps, self.fits)
        self.files[name] = (path, fingerprint(self.model), oracle)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def load(self, data):
        path, saved, oracle = self.files[data.draw(st.sampled_from(sorted(self.files)))]
        self.model = load_model(path)
        units, self.compiled, self.steps, self.fits = oracle
        # What the optimizer remembers of layers that are gone is not saved.
        assert fingerprint(self.model)[0] == saved[0]
        assert fingerprint(self.model) == saved or not self.fits
        self.units = list(units)
        self.seen()

    @precondition(lambda self: self.files and self.units)
    @rule(data=st.data())
    def load_weights(self, data):
        path, _, (units, *_) = self.files[data.draw(st.sampled_from(sorted(self.files)))]
        try:
            self.model.load_weights(path)
        except ModelFileError:
            assert [n for n in units if n] != [n for n in self.units if n]
        else:
            assert [n for n in units if n] == [n for n in self.units if n]
            self.seen()

    @invariant()
    def agrees(self):
        if not hasattr(self, "units"):
            return
        assert len(self.model.layers) == len(self.units)
        assert self.model.compiled == self.compiled
        assert weights_hash(self.model) == self.hash
        if self.compiled:
            assert self.model.optimizer.iterations == self.steps
        if self.units:
            sizes = [INPUTS, *(n for n in self.units if n)]
            count = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
            assert self.model.count_params() == count
            assert self.model.output_shape == (None, self.width())

    def teardown(self):
        self.folder.cleanup()


TestUses = Uses.TestCase
TestUses.settings = settings(stateful_step_count=30)
