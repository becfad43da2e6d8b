"""Resampling against the exact target by enumeration."""

import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, chi_square_p_value, index_of, log_softmax, sequence_probabilities

from seqgan_tf.core.resampling import resample
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.seeds import sample_seeds
from seqgan_tf.models.generator import Generator

V, T = 4, 5


def policy(end_token_id=None):
    return Generator(V, 4, 5, initializer_stddev=1.0, seed=3, end_token_id=end_token_id)


def value(token_ids):
    """A number in (-2, 2) for each sequence."""
    places = tf.range(1.0, token_ids.shape[1] + 1.0)
    return 2.0 * tf.sin(tf.reduce_sum((tf.cast(token_ids, tf.float32) + 2.0) ** 2 * places, axis=1))


def draw(generator, rows, particles, first=0, **settings):
    seeds = sample_seeds(5, rows, first)
    return [tensor.numpy() for tensor in tf.function(resample)(generator, T, seeds, value, particles, **settings)]


def exact(generator, end_token_id):
    """All sequences, G of each, and exp(value) of each."""
    sequences = all_sequences(V, T, end_token_id)
    weights = np.exp(value(tf.constant(sequences)).numpy().astype(np.float64))
    return sequences, sequence_probabilities(generator, sequences), weights


def test_one_particle_is_a_sample_and_two_have_the_exact_distribution_of_two():
    generator = policy(0)
    sequences, p, weights = exact(generator, 0)
    # The row is sequence i where i and j were drawn, in either order, and i was chosen.
    two = p * ((2.0 * weights[:, np.newaxis] / (weights[:, np.newaxis] + weights)) @ p)
    assert two.sum() == pytest.approx(1.0)
    for particles, expected, other in ((1, p, two), (2, two, p)):
        found = index_of(draw(generator, 3000, particles)[0], sequences)
        assert chi_square_p_value(found, expected) > 1e-3
        assert chi_square_p_value(found, other) < 1e-6


@pytest.mark.parametrize("end_token_id", [None, 0])
def test_many_particles_have_the_target_distribution(end_token_id):
    generator, rows = policy(end_token_id), 1500
    sequences, p, weights = exact(generator, end_token_id)
    target = p * weights / (p @ weights)
    distances = []
    for particles in (1, 4, 48):
        found = index_of(draw(generator, rows, particles)[0], sequences)
        share = np.bincount(found, weights=weights[found], minlength=len(p)).sum() / rows
        distances.append(target @ weights - share)  # the mean of exp(value): what is short of the target's
    assert chi_square_p_value(found, target) > 1e-3
    assert chi_square_p_value(found, p) < 1e-9
    assert 0.05 * distances[0] < distances[1] < 0.5 * distances[0]
    assert abs(distances[2]) < 0.1 * distances[0]


def test_the_effective_sample_size_is_that_of_the_particles_of_the_row():
    generator, rows, particles, seen = policy(), 3, 7, []

    def recorded(token_ids):
        seen.append(token_ids.numpy())
        return value(token_ids)

    found, sizes = resample(generator, T, sample_seeds(5, rows), recorded, particles)
    for b in range(rows):
        own = seen[0][b::rows]
        weights = np.exp(value(tf.constant(own)).numpy().astype(np.float64))
        assert float(sizes[b]) == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-4)
        assert 1 < sizes[b] < particles
        assert found[b].numpy().tolist() in own.tolist()
    assert len(np.unique(seen[0], axis=0)) > rows * particles / 2  # each particle has a seed of its own


def test_a_row_depends_on_its_seed_alone():
    token_ids, sizes = draw(policy(), 7, 5)
    part, part_sizes = draw(policy(), 3, 5, first=4)
    np.testing.assert_array_equal(token_ids[4:], part)
    np.testing.assert_allclose(sizes[4:], part_sizes, rtol=1e-5)


def test_a_prompt_and_settings_of_sampling_are_those_of_the_policy():
    generator = policy()
    prompt = np.array([[3, 1], [2, -1]], np.int32)
    found, _ = draw(generator, 2, 5, prompt=tf.constant(prompt), settings=SamplingSettings(suppress_tokens=(0,)))
    np.testing.assert_array_equal(found[:, :2][prompt >= 0], [3, 1, 2])
    assert np.all(found[0, 2:] != 0)
    cold = draw(generator, 4, 5, settings=SamplingSettings(temperature=0.0))[0]
    first = log_softmax(generator(np.zeros([1, T], int)))[0, 0].argmax()
    np.testing.assert_array_equal(cold, np.repeat(cold[:1], 4, axis=0))
    assert cold[0, 0] == first
