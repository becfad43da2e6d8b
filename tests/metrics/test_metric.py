"""The catalogue of metrics: it covers what the functions return, and its directions agree with what they measure."""

import dataclasses

import numpy as np
import pytest
import tiny

from seqgan_tf.core.generation import generate
from seqgan_tf.core.steps import DISCRIMINATOR_LOGS, DIVERGENCE, GENERATOR_LOGS, LIKELIHOOD_LOGS, MISMATCHED
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics import (
    METRICS,
    Metric,
    discriminator_health,
    divergences,
    frechet_distance,
    held_out_metrics,
    metric_of,
    reverse_language_model,
    sample_metrics,
)
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.oracle import Oracle


def numbers(result):
    """The metrics of a result: its numbers, without the numbers of sequences."""
    values = result if isinstance(result, dict) else dataclasses.asdict(result)
    return {k: v for k, v in values.items() if isinstance(v, float) and not k.startswith("num_")}


def assert_better(better, worse, keys=None):
    """The metrics of a better and of a worse input differ in the direction of the catalogue."""
    for key in keys or better:
        assert METRICS[key].gain(better[key] - worse[key]) > 0, key


# A metric


def test_a_gain_is_positive_for_an_improvement():
    lower, higher, neither = (Metric("m", "M", "", direction, "A metric.") for direction in ("lower", "higher", "none"))
    assert (lower.gain(-0.5), higher.gain(-0.5)) == (0.5, -0.5)
    np.testing.assert_array_equal(lower.gain(np.array([1.0, -2.0])), [-1, 2])
    np.testing.assert_array_equal(higher.gain(np.array([1.0, -2.0])), [1, -2])
    with pytest.raises(InputError, match=r"`m` must be a metric with better values. Received: direction 'none'"):
        neither.gain(0.5)


def test_an_unknown_direction_is_refused():
    with pytest.raises(InputError, match=r"`direction` must be 'lower', 'higher' or 'none'. Received: 'up'"):
        Metric("m", "M", "", "up", "A metric.")


# The catalogue


def test_every_entry_is_complete_and_labels_are_unique():
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)
    for key, metric in METRICS.items():
        assert metric.key == key
        assert metric.label
        assert metric.description.endswith(".")
        assert metric.description.count(". ") == 0  # one sentence


def test_the_logs_of_all_training_steps_are_in_the_catalogue():
    assert {*LIKELIHOOD_LOGS, *GENERATOR_LOGS, *DISCRIMINATOR_LOGS, DIVERGENCE, MISMATCHED} <= set(METRICS)


def test_the_metrics_of_samples_are_in_the_catalogue_with_their_directions():
    test = [[a, b, c, d, 9] for a in range(3) for b in range(3) for c in range(3) for d in range(2)]
    training = test[:9]
    better, worse = (numbers(sample_metrics(samples, test, training)) for samples in (test[::3], [[5] * 5] * 18))
    assert set(better) <= set(METRICS)
    assert_better(better, worse, [key for key in better if key != "share_copied"])
    copies = numbers(sample_metrics(training, test, training))
    assert_better(better, copies, ["share_copied"])


def test_the_divergences_are_in_the_catalogue_with_their_directions():
    oracle, other = Oracle(7, 5, 6, seed=1), Generator(7, 3, 4, initializer_stddev=0.8, seed=2)
    real = generate(oracle, 300, 6, 1)
    better, worse = (numbers(divergences(oracle, model, real, generate(model, 300, 6, 2))) for model in (oracle, other))
    assert set(better) <= set(METRICS)
    directed = [key for key in better if METRICS[key].direction != "none"]
    assert set(better) - set(directed) == {"oracle_entropy", "generator_entropy"}
    assert_better(better, worse, directed)


def test_the_metrics_of_a_discriminator_are_in_the_catalogue_with_their_directions(rng):
    better, worse = (
        numbers(discriminator_health(rng.normal(shift, 1, 200), rng.normal(-shift, 1, 200))) for shift in (2.0, -1.0)
    )
    assert set(better) <= set(METRICS)
    assert_better(better, worse)


def test_the_held_out_metrics_are_in_the_catalogue():
    model = tiny.make()
    generated = model.generate(20, seed=1)
    found = held_out_metrics(model.generator, model.discriminator, tiny.DATA, generated, model.generator)
    assert set(found) <= set(METRICS)
    assert {METRICS[key].direction for key in ("held_out_real_accuracy", "held_out_generated_accuracy")} == {"higher"}


def test_the_reverse_language_model_and_the_frechet_distance_are_in_the_catalogue(rng):
    real = rng.integers(0, 3, (40, 5))
    settings = {"vocabulary_size": 6, "batch_size": 16, "embedding_dim": 3, "hidden_dim": 3, "max_epochs": 3}
    like_real, unlike = rng.integers(0, 3, (60, 5)), rng.integers(3, 6, (60, 5))
    better, worse = (reverse_language_model(generated, real, **settings) for generated in (like_real, unlike))
    assert_better({"reverse_lm_nll": better.nll}, {"reverse_lm_nll": worse.nll})
    near, far = (frechet_distance(rng.normal(shift, 1, (50, 2)), rng.normal(0, 1, (50, 2))) for shift in (0, 5))
    assert_better({"frechet_distance": near.distance}, {"frechet_distance": far.distance})


def test_an_objective_of_the_user_is_a_metric_of_which_more_is_better():
    metric = metric_of("objective_rhyme")
    assert (metric.key, metric.label, metric.unit) == ("objective_rhyme", "objective rhyme", "")
    assert metric.gain(0.5 - 0.25) == 0.25
    assert metric_of("nll_test") is METRICS["nll_test"]
    assert {"log_odds", "probability"} <= set(METRICS)  # the other terms of a sum of rewards
    message = "^`key` must be a metric in `METRICS`, or begin with 'objective_'. Received: 'rhyme'$"
    with pytest.raises(InputError, match=message):
        metric_of("rhyme")
