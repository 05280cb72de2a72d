"""A step that would make weights infinite is taken back, and its error names them."""

import numpy as np
import pytest
from small_nets import cnn, dense, fingerprint, images

from numcnn.callbacks import LambdaCallback
from numcnn.errors import DivergedError
from numcnn.optimizers import SGD, Adam, Optimizer, RMSprop

X, Y, _ = images(8)

# Each is finite in what it is given and infinite, or NaN, in what comes out.
OVERFLOWS = {
    "sgd": lambda: SGD(3e38),
    "momentum": lambda: SGD(3e38, momentum=0.9),
    "rmsprop": lambda: RMSprop(3e38, epsilon=1e-3),
    "adam beyond float32": lambda: Adam(1e39),
    "rmsprop without epsilon": lambda: RMSprop(epsilon=0.0),
    "adam without epsilon": lambda: Adam(epsilon=0.0),
}


class Reckless(Optimizer):
    """An optimizer of a user's own: after a step that is good comes one that is not."""

    slot_names = ("seen",)

    def __init__(self):
        super().__init__(1.0)

    def update(self, p, g, *slots):
        (seen,) = slots
        p += np.float32(np.nan if seen.any() else 0.5)
        seen += 1


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("name", OVERFLOWS)
def test_a_step_that_overflows_is_taken_back(name, engine):
    model = cnn(optimizer=OVERFLOWS[name](), engine=engine)
    x = np.where(np.arange(36).reshape(6, 6, 1) < 18, 40 * X, 0)  # half of it has no gradient
    before = fingerprint(model)
    with pytest.raises(DivergedError, match=r"epoch 1, batch 1 of 2: the step .*w of 'dense'") as e:
        model.fit(x, Y, batch_size=4, verbose=0)
    assert "taken back" in str(e.value)
    assert "weights are those before this batch. Lower the learning rate" in str(e.value)
    assert fingerprint(model) == before
    assert model.get_layer("dropout").step == 0
    model.optimizer.learning_rate = 0.01
    if "epsilon" not in name:
        model.fit(X, Y, batch_size=4, verbose=0)
        assert model.optimizer.iterations == 2


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_the_batches_before_it_stay(engine):
    model = cnn(optimizer=Reckless(), engine=engine)
    seen = []
    note = LambdaCallback(on_batch_end=lambda batch, logs: seen.append(fingerprint(model)))
    with pytest.raises(DivergedError, match=r"batch 2 of 2"):
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[note])
    assert fingerprint(model) == seen[0]
    assert model.optimizer.iterations == 1
    assert all((slot == 1).all() for slot in model.optimizer.slots["seen"])


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("optimizer", [SGD, RMSprop, Adam])
def test_a_large_rate_that_works_gives_the_bits_of_the_quick_way(optimizer, engine, monkeypatch):
    def trained():
        model = dense(optimizer=optimizer(2e6), engine=engine)
        model.fit(X[:, 0, :4, 0] * 1e-6, Y, batch_size=4, epochs=2, verbose=0)
        return fingerprint(model)

    assert not optimizer(2e6).surely_finite(0.0)
    careful = trained()
    monkeypatch.setattr(optimizer, "surely_finite", lambda self, norm: True)
    assert trained() == careful


def test_what_is_surely_finite():
    for optimizer in (SGD(), SGD(momentum=0.9), RMSprop(), Adam()):
        assert optimizer.surely_finite(1e3)
        assert not optimizer.surely_finite(1e19)
        optimizer.learning_rate = 1e7
        assert not optimizer.surely_finite(1e-9)
    assert not Adam(epsilon=0).surely_finite(1.0)
    assert not Reckless().surely_finite(1.0)


def test_where_surely_finite_ends():
    """A step below a million, more than 1e-30 to divide by, no weight drawn beyond 0."""
    assert SGD(999_999).surely_finite(1.0)
    assert SGD(999_999).surely_finite(0.0)
    assert SGD(999).surely_finite(1e3)
    for rate in (1e6, 1e6 + 0.5):
        assert not SGD(rate).surely_finite(1.0)
    assert SGD(0.5, weight_decay=2.0).surely_finite(1.0)
    assert not SGD(0.5, weight_decay=2.5).surely_finite(1.0)
    assert Adam(epsilon=1e-29).surely_finite(1.0)
    assert not Adam(epsilon=1e-30).surely_finite(1.0)

    class Further(SGD):
        """What it does beside is not known."""

    assert not Further().surely_finite(1.0)
