"""Action values of beginnings, and their standard errors, against enumeration."""

import conditional
import numpy as np
import pytest
from exact import all_sequences
from exact_rewards import arbitrary_discriminator, assert_estimates, exact_action_values, spiky_generator

from seqgan_tf.core.validation import InputError
from seqgan_tf.rewards.action_values import action_values
from seqgan_tf.rewards.sequence_rewards import LogOdds, Probability

V, T, N = 4, 3, 1500


def beginnings(row):
    """Every beginning of a sequence [T]: int [T, T]."""
    return np.where(np.tri(len(row), dtype=bool), row, -1)


def test_values_and_standard_errors_equal_enumeration():
    generator, row = spiky_generator(V, end_token_id=0), np.array([2, 1, 3])
    sequences = all_sequences(V, T, end_token_id=0)
    mean, deviation = exact_action_values(row[np.newaxis], generator, sequences)
    found = action_values(beginnings(row), generator, arbitrary_discriminator, LogOdds(), N, seed=3)
    assert_estimates(found.mean, mean[0], deviation[0], N)
    np.testing.assert_allclose(found.standard_error[:-1], deviation[0, :-1] / np.sqrt(N), rtol=0.1)
    assert found.standard_error[-1] == 0


def test_a_sequence_that_has_ended_has_its_own_value():
    generator = spiky_generator(V, end_token_id=0)
    begun = np.array([[2, 0, -1], [1, 2, 3]])
    found = action_values(begun, generator, arbitrary_discriminator, Probability(), 5)
    expected = 1 / (1 + np.exp(-arbitrary_discriminator(begun).numpy().astype(float)))
    np.testing.assert_allclose(found.mean, expected, rtol=1e-5)
    np.testing.assert_array_equal(found.standard_error, 0)


def test_a_single_roll_out_has_no_standard_error():
    begun = np.array([[2, -1, -1], [1, 2, 3]])
    found = action_values(begun, spiky_generator(V), arbitrary_discriminator, LogOdds(), 1)
    np.testing.assert_array_equal(found.standard_error, [np.nan, 0])


def test_equal_seeds_give_equal_values_across_chunks():
    begun, generator = np.array([[2, -1, -1], [1, -1, -1]]), spiky_generator(V)
    first, second, other = (
        action_values(begun, generator, arbitrary_discriminator, LogOdds(), 300, seed=s).mean for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.all(first != other)


def test_the_condition_counts():
    generator, discriminator = conditional.generator(), conditional.discriminator()
    begun = np.full([1, conditional.T], -1)
    begun[0, 0] = 1
    values = [
        action_values(begun, generator, discriminator, LogOdds(), 50, condition=conditional.SOURCES[i : i + 1]).mean
        for i in range(2)
    ]
    assert values[0] != values[1]


def test_errors():
    networks = spiky_generator(V), arbitrary_discriminator
    with pytest.raises(InputError, match=r"^`num_rollouts` must be at least 1. Received: 0$"):
        action_values(np.array([[1, -1]]), *networks, LogOdds(), 0)
    with pytest.raises(InputError, match=r"^`token_ids` must be in \[0, 4\), the vocabulary.* Received: 4$"):
        action_values(np.array([[4, -1]]), *networks, LogOdds(), 2)
