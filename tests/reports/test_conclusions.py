"""Sentences that state the result of a run, and of a comparison at equal NLL-test."""

import numpy as np
import pytest
from run_rows import oracle_rows, row, text_rows

from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.metrics.sweep import EqualNllComparison
from seqgan_tf.reports import conclusions
from seqgan_tf.runs.rows import last_of_each_phase
from seqgan_tf.runs.training import INITIAL


def test_the_last_row_of_each_phase_is_its_end():
    ends = last_of_each_phase(oracle_rows(9.3, 9.4))
    assert [(end["phase"], end["step"]) for end in ends] == [
        (INITIAL, 0),
        (PRETRAIN_GENERATOR, 2),
        (PRETRAIN_DISCRIMINATOR, 300),
        (ADVERSARIAL, 10),
    ]
    assert last_of_each_phase([]) == []


def test_a_lower_nll_oracle_and_a_higher_nll_test_mean_a_loss_of_diversity():
    words = conclusions.conclusion(oracle_rows(9.3, 9.4))
    assert "NLL-test rose by 0.300, from 9.000 to 9.300" in words
    assert "NLL-oracle fell by 0.600, from 10.000 to 9.400" in words
    assert "the generator lost diversity" in words


@pytest.mark.parametrize(
    ("test_after", "moved", "meaning"),
    [
        (8.9, "fell by 0.100", "and held-out data more likely under the generator: it became better by both."),
        (9.005, "stayed at 9.005 (before: 9.000)", "and held-out data no less likely under the generator."),
        (8.995, "stayed at 8.995 (before: 9.000)", "and held-out data no less likely under the generator."),
    ],
)
def test_a_lower_nll_oracle_without_a_higher_nll_test_means_no_loss(test_after, moved, meaning):
    words = conclusions.conclusion(oracle_rows(test_after, 9.4))
    assert f"NLL-test {moved}" in words
    assert meaning in words
    assert "lost diversity" not in words


@pytest.mark.parametrize(
    ("oracle_after", "moved"), [(10.2, "rose by 0.200, from 10.000 to 10.200"), (9.995, "stayed at 9.995")]
)
def test_without_a_lower_nll_oracle_the_phase_did_not_help(oracle_after, moved):
    words = conclusions.conclusion(oracle_rows(9.3, oracle_after))
    assert f"NLL-oracle {moved}" in words
    assert "did not become more likely under the oracle: adversarial training did not help" in words


def test_nll_oracle_is_always_followed_by_its_caveat():
    for after in ((9.3, 9.4), (8.9, 9.4), (9.3, 10.2)):
        assert "NLL-oracle alone proves nothing" in conclusions.conclusion(oracle_rows(*after))


def test_the_conclusion_on_text_is_about_held_out_likelihood_alone():
    rose, fell = conclusions.conclusion(text_rows(3.25)), conclusions.conclusion(text_rows(2.9))
    assert "NLL-test rose by 0.250, from 3.000 to 3.250." in rose
    assert "Held-out data became less likely" in rose
    assert "NLL-test fell by 0.100, from 3.000 to 2.900." in fell
    assert "Held-out data became more likely under the generator." in fell
    assert "Held-out data did not become less likely" in conclusions.conclusion(text_rows(2.995))
    assert "racle" not in rose + fell


def test_the_accuracy_is_the_mean_over_real_and_generated_sequences_after_the_last_round():
    assert "the discriminator is right 62% of the time (chance: 50%)" in conclusions.conclusion(text_rows(3.0))


def test_without_discriminator_pretraining_the_conclusion_starts_from_the_generator_pretraining():
    rows = [row(INITIAL, 0, 1.0, 5.0), row(PRETRAIN_GENERATOR, 1, 5.0, 3.0), row(ADVERSARIAL, 4, 20.0, 3.5)]
    assert "NLL-test rose by 0.500, from 3.000 to 3.500" in conclusions.conclusion(rows)


def test_a_phase_that_was_not_evaluated_has_no_conclusion():
    rows = oracle_rows(9.3, 9.4)
    for number in range(5):
        assert conclusions.conclusion(rows[:number]) == ""
    assert conclusions.conclusion(rows[-1:]) == ""


def comparison(difference, half_width, nll_test=None):
    difference = np.array(difference, np.float64)
    nll_test = np.linspace(8.9, 9.6, len(difference)) if nll_test is None else np.array(nll_test)
    return EqualNllComparison(nll_test, difference, np.array(half_width, np.float64), True, 0.95)


def test_curves_without_a_common_nll_test_are_not_compared():
    words = conclusions.equal_nll_conclusion("SeqGAN", "MLE", METRICS["nll_oracle"], comparison([], []))
    assert words == "SeqGAN and MLE have no NLL-test in common, so they cannot be compared."


def test_with_one_seed_there_is_no_band():
    words = conclusions.equal_nll_conclusion(
        "SeqGAN", "MLE", METRICS["nll_oracle"], comparison([-0.25, 0.1, -0.5], [np.nan] * 3)
    )
    assert words == (
        "SeqGAN against MLE at equal NLL-test, 8.90 to 9.60: NLL-oracle differs by -0.500 to +0.100. "
        "With one seed there is no confidence band, so this may be chance."
    )


@pytest.mark.parametrize(
    ("difference", "half_width", "as_oracle", "as_bleu"),
    [
        ([-0.1, 0.1, 0.0], [0.1, 0.2, 0.1], "no difference that is", "no difference that is"),
        ([-0.3, -0.3, 0.1], [0.1, 0.4, 0.2], "better at 1 of 3 points", "worse at 1 of 3 points"),
        ([0.3, 0.5, 0.1], [0.1, 0.4, 0.2], "worse at 2 of 3 points", "better at 2 of 3 points"),
        (
            [-0.3, 0.5, 0.6],
            [0.1, 0.1, 0.1],
            "better at 1 and worse at 2 of 3 points",
            "better at 2 and worse at 1 of 3 points",
        ),
    ],
)
def test_differences_larger_than_their_band_are_counted_as_better_or_worse(difference, half_width, as_oracle, as_bleu):
    for quality, expected in ((METRICS["nll_oracle"], as_oracle), (METRICS["bleu_4"], as_bleu)):
        words = conclusions.equal_nll_conclusion("A", "B", quality, comparison(difference, half_width))
        start = f"A against B at equal NLL-test, 8.90 to 9.60: {quality.label} differs by {min(difference):+.3f} to "
        assert words.startswith(f"{start}{max(difference):+.3f}; {expected}")
        assert words.endswith("(95% bands over seeds).")
        advice = ": sampling B at a lower temperature does better (95%"
        assert (advice in words) == expected.startswith("worse")


def test_a_metric_without_better_values_has_no_conclusion():
    with pytest.raises(InputError, match=r"`entropy` must be a metric with better values. Received: direction 'none'"):
        conclusions.equal_nll_conclusion("A", "B", METRICS["entropy"], comparison([0.5, 0.5], [0.1, 0.1]))
