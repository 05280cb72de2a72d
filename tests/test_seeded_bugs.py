"""The properties are tested themselves: each of seeded_bugs.py is caught by two of them or more.

The table says which ones are looked at for a bug; `pytest -m proof tests/test_seeded_bugs.py` runs
every property on every bug and prints who caught what. The bugs are put into the layers, so they
are looked for with the NumPy engine, which calls the layers as they are written.
"""

import numpy as np
import pytest
import test_losses
import test_optimizers
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from properties import (  # noqa: F401 (importing them fills the list)
    test_any_layers,
    test_convolution,
    test_dense_and_activations,
    test_pooling,
)
from properties.rig import PROPERTIES
from seeded_bugs import BUGS

from numcnn import testing
from numcnn.gradcheck import check_loss
from numcnn.layers import Dense, Flatten, ReLU

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

CAUGHT_BY = {
    "missing flip": [
        "conv_backward_is_the_complex_step",
        "conv_backward_is_the_transpose",
        "conv_backward_in_float32_is_within_the_bound",
        "conv_of_a_window_as_large_as_the_image_is_dense",
    ],
    "dropped bias sum": ["conv_backward_is_the_complex_step", "conv_backward_is_the_transpose"],
    "wrong 1 over N": [
        "conv_backward_is_the_complex_step",
        "conv_backward_is_the_transpose",
        "conv_of_samples_one_by_one",
        "conv_backward_in_float32_is_that_in_float64",
    ],
    "off by one pad": [
        "conv_is_the_reference",
        "conv_is_within_the_bound",
        "conv_with_padding_is_np_pad",
        "conv_shows_a_bad_pixel_where_a_window_touches_it",
        "pool_is_the_reference",
        "pool_lets_nan_and_infinity_through",
    ],
    "stride swap": [
        "conv_backward_is_the_transpose",
        "conv_with_strides_takes_every_second_answer",
        "pool_backward_is_the_transpose",
        "pool_backward_is_the_complex_step",
        "pool_of_nothing_but_minus_infinity",
    ],
    "stale mask": [
        "gradients_belong_to_their_batch",
        "conv_of_samples_one_by_one",
        "conv_of_permuted_samples",
        "a_batch_in_another_order",
    ],
    "epsilon placement": ["steps_equal_the_oracle", "where_epsilon_stands"],
    "tie duplication": [
        "pool_backward_pays_each_winner_once",
        "pool_backward_goes_to_the_first_of_equals",
        "pool_backward_is_the_transpose",
        "pool_backward_in_a_window_by_hand",
    ],
    "loss summed not averaged": [
        "crossentropy_of_any_scores",
        "softmax_and_crossentropy_together_and_apart",
    ],
    "dilation forgotten backward": [
        "conv_backward_is_the_complex_step",
        "conv_backward_is_the_transpose",
        "conv_with_dilation_is_a_kernel_with_holes",
    ],
    "channels in reverse": ["conv_is_the_reference", "conv_of_a_single_pixel"],
    "last window repeated": [
        "conv_of_a_shifted_image",
        "conv_of_a_single_pixel",
        "conv_with_strides_takes_every_second_answer",
    ],
    "bias after the activation": ["conv_is_the_reference", "conv_is_within_the_bound"],
    "bias added twice": ["dense_is_the_reference", "dense_is_within_the_bound"],
    "neighbouring filters share": ["conv_of_permuted_channels", "conv_is_the_reference"],
    "squared input": ["conv_is_linear", "conv_backward_is_the_transpose"],
    "half of dx": ["dense_backward_is_the_transpose", "dense_backward_is_the_complex_step"],
    "last tie instead of first": [
        "pool_backward_goes_to_the_first_of_equals",
        "pool_backward_in_a_window_by_hand",
    ],
    "mean instead of max": ["pool_is_the_largest_and_keeps_order", "pool_is_the_reference"],
    "last channel pooled from the first": [
        "pool_of_permuted_samples_and_channels",
        "pool_is_the_reference",
    ],
    "nan is nobody": ["pool_lets_nan_and_infinity_through", "relu_at_zero_and_at_nan"],
    "nan is zero": [
        "conv_shows_a_bad_pixel_where_a_window_touches_it",
        "dense_shows_a_bad_number_in_its_row",
    ],
    "slope of relu at zero": ["relu_at_zero_and_at_nan", "dense_is_the_reference"],
    "softmax without shift": ["softmax_of_huge_scores", "softmax_is_a_distribution"],
    "softmax divided by all": ["softmax_is_a_distribution", "softmax_of_huge_scores"],
    "softmax shifted by the batch": ["softmax_of_huge_scores", "crossentropy_of_any_scores"],
    "softmax of absolute scores": ["softmax_does_not_see_a_shift", "softmax_is_a_distribution"],
    "softmax slope of one class alone": [
        "dense_backward_is_the_complex_step",
        "softmax_and_crossentropy_together_and_apart",
    ],
    "class numbers from one": ["class_numbers_and_one_hot_rows", "check_loss"],
    "logarithm of a rounded zero": [
        "crossentropy_of_any_scores",
        "scores_near_the_end_of_the_float_range_are_finite",
    ],
    "half precision inside": ["conv_is_within_the_bound", "dense_is_within_the_bound"],
    "gradients in half precision": [
        "conv_backward_in_float32_is_within_the_bound",
        "dense_is_within_the_bound",
    ],
    "flatten by columns": [
        "flatten_only_moves_numbers",
        "conv_of_a_window_as_large_as_the_image_is_dense",
    ],
    "flatten as memory lies": ["layout_before_any_first_layer", "check_layouts"],
    "batches as memory lies": [
        "layout_and_type_of_the_input_do_not_matter",
        "layout_before_any_first_layer",
    ],
    "gradients accumulate": [
        "gradients_belong_to_their_batch",
        "conv_of_permuted_samples",
        "dense_of_permuted_samples",
    ],
    "relu in place": [
        "nothing_given_is_written_and_nothing_returned_is_shared",
        "check_memory",
    ],
    "weights handed out": [
        "dense_of_permuted_samples",
        "gradients_belong_to_their_batch",
        "nothing_given_is_written_and_nothing_returned_is_shared",
    ],
    "outputs in one buffer": [
        "nothing_given_is_written_and_nothing_returned_is_shared",
        "check_memory",
    ],
    "weights remembered": ["new_weights_are_seen", "check_gradient"],
    "training scales and prediction forgets": [
        "predicting_is_the_forward_pass_of_training",
        "conv_backward_is_the_transpose",
    ],
    "divided by the samples": ["a_batch_of_nothing", "conv_backward_is_the_transpose"],
    "normalised over the batch": ["conv_of_samples_one_by_one", "a_batch_in_another_order"],
}


def public(check):
    """Run a check of numcnn.testing on layers that bugs are put into."""

    def run():
        for layer, shape in [(Dense(2), (3, 4)), (Flatten(), (3, 4, 2)), (ReLU(), (3, 4))]:
            testing.CHECKS[check](layer, shape)

    return run


def steps_equal_the_oracle():
    body = test_optimizers.test_steps_equal_the_oracle.hypothesis.inner_test
    HOW(given(data=st.data(), seed=testing.seeds())(body))(name="RMSprop")


# Properties that stand elsewhere: epsilon is in an optimizer, a loss has tests of its own.
ELSEWHERE = {
    "steps_equal_the_oracle": steps_equal_the_oracle,
    "where_epsilon_stands": test_optimizers.test_where_epsilon_stands,
    "scores_near_the_end_of_the_float_range_are_finite": (
        test_losses.test_scores_near_the_end_of_the_float_range_are_finite
    ),
    "check_loss": lambda: check_loss(
        "sparse_categorical_crossentropy", np.array([1, 0, 2]), np.full((3, 3), 1 / 3)
    ).raise_if_wrong(),
    **{f"check_{name}": public(name) for name in ("memory", "layouts", "gradient")},
}


def caught(name, how=HOW):
    """Return whether a property fails, as it is now."""
    try:
        if name in ELSEWHERE:
            ELSEWHERE[name]()
        else:
            PROPERTIES[name].run(how, "numpy")
    except Exception:
        return True
    return False


def test_every_bug_has_two_properties_and_every_property_a_bug():
    assert CAUGHT_BY.keys() == BUGS.keys()
    assert min(len(names) for names in CAUGHT_BY.values()) >= 2
    seen = {name for names in CAUGHT_BY.values() for name in names}
    assert seen == PROPERTIES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_nothing_is_caught_where_there_is_no_bug(name):
    """Of the others, those in properties/ are tests themselves."""
    assert not caught(name)


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_caught(bug, monkeypatch):
    BUGS[bug](monkeypatch)
    assert [name for name in CAUGHT_BY[bug] if not caught(name)] == []


@pytest.mark.proof
def test_all_properties_on_all_bugs(capsys):
    table, how = {}, settings(HOW, max_examples=50)
    for bug, seed_it in BUGS.items():
        with pytest.MonkeyPatch.context() as patch:
            seed_it(patch)
            table[bug] = [name for name in [*PROPERTIES, *ELSEWHERE] if caught(name, how)]
        rows = sorted({PROPERTIES[n].row if n in PROPERTIES else n for n in table[bug]})
        with capsys.disabled():
            print(f"\n{bug}: {len(table[bug])} tests of {', '.join(rows)}", end="", flush=True)
    assert min(len(names) for names in table.values()) >= 2
