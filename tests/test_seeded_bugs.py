"""The properties are tested themselves: each of seeded_bugs.py is caught by two of them or more.

The table says which ones are looked at for a bug; `pytest -m proof tests/test_seeded_bugs.py` runs
every property on every bug and prints who caught what. The bugs are put into the layers, so they
are looked for with the NumPy engine, which calls the layers as they are written.
"""

import pytest
import test_optimizers
from hypothesis import HealthCheck, Phase, settings
from properties import (  # noqa: F401 (importing them fills the list)
    test_any_layers,
    test_convolution,
    test_dense_and_activations,
    test_pooling,
)
from properties.rig import PROPERTIES
from seeded_bugs import BUGS

# Always the same examples, and none is made smaller: only whether there is one that fails matters.
HOW = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

CAUGHT_BY = {}


def of_rmsprop(test):
    return lambda: test(name="RMSprop")


# Epsilon stands in an optimizer, which the properties of layers do not see.
OF_OPTIMIZERS = {
    "test_steps_equal_the_oracle": of_rmsprop(test_optimizers.test_steps_equal_the_oracle),
    "test_where_epsilon_stands": test_optimizers.test_where_epsilon_stands,
}


def caught(name, engine="numpy"):
    """Return whether a property fails, as it is now."""
    try:
        if name in OF_OPTIMIZERS:
            OF_OPTIMIZERS[name]()
        else:
            PROPERTIES[name].run(HOW, engine)
    except Exception:
        return True
    return False


def test_every_bug_has_two_properties_and_every_property_a_bug():
    assert CAUGHT_BY.keys() == BUGS.keys()
    assert min(len(names) for names in CAUGHT_BY.values()) >= 2
    seen = {name for names in CAUGHT_BY.values() for name in names}
    assert seen == PROPERTIES.keys() | OF_OPTIMIZERS.keys()


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_caught(bug, monkeypatch):
    BUGS[bug](monkeypatch)
    assert [name for name in CAUGHT_BY[bug] if not caught(name)] == []


@pytest.mark.proof
def test_all_properties_on_all_bugs(capsys):
    table = {}
    for bug, seed_it in BUGS.items():
        with pytest.MonkeyPatch.context() as patch:
            seed_it(patch)
            table[bug] = [name for name in [*PROPERTIES, *OF_OPTIMIZERS] if caught(name)]
        rows = sorted({PROPERTIES[n].row if n in PROPERTIES else "P17" for n in table[bug]})
        with capsys.disabled():
            print(f"\n{bug}: {len(table[bug])} tests of {', '.join(rows)}", end="")
    assert min(len(names) for names in table.values()) >= 2
    for bug, names in CAUGHT_BY.items():
        assert set(names) <= set(table[bug])
