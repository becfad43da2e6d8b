"""Beam search against enumeration."""

import numpy as np
import pytest
import tensorflow as tf
from conditional import SOURCES, generator
from exact import all_sequences, log_softmax

from seqgan_tf.core.beam_search import beam_search
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.generation import generate
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.models.generator import Generator


def log_probabilities(policy, sequences):
    log_probs = log_softmax(policy(sequences))
    taken = np.take_along_axis(log_probs, np.maximum(sequences, 0)[..., None], axis=-1)[..., 0]
    return np.where(sequences >= 0, taken, 0.0).sum(axis=1)


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("end_token_id", [None, 0])
def test_with_a_beam_per_prefix_the_result_is_exact(end_token_id, length_penalty):
    network = generator(3, end_token_id=end_token_id, initializer_stddev=1.5)
    sequences = all_sequences(3, 4, end_token_id)
    found, scores = beam_search(condition_on(network, SOURCES), 3, 4, 81, length_penalty)
    for b in range(3):
        policy = condition_on(network, np.repeat(SOURCES[[b]], len(sequences), axis=0))
        exact = log_probabilities(policy, sequences) / (sequences >= 0).sum(axis=1) ** length_penalty
        np.testing.assert_array_equal(found[b], sequences[np.argmax(exact)])
        assert float(scores[b]) == pytest.approx(exact.max(), rel=1e-4)


def plain_beam_search(policy_of, vocabulary_size, length, num_beams, end_token_id):
    """One row in plain Python: prefixes are scored anew at each position."""
    beams = [((), 0.0)]
    for _ in range(length):
        candidates = []
        for tokens, score in beams:
            if end_token_id in tokens:
                candidates.append((tokens, score))
                continue
            padded = np.array([list(tokens) + [0] * (length - len(tokens))])
            log_probs = log_softmax(policy_of(padded))[0, len(tokens)]
            candidates += [(tokens + (v,), score + log_probs[v]) for v in range(vocabulary_size)]
        beams = sorted(candidates, key=lambda c: -c[1] / len(c[0]))[:num_beams]
    return beams[0][0]


@pytest.mark.parametrize("num_beams", [1, 2, 3, 5])
def test_the_result_is_that_of_a_plain_search(num_beams):
    network = generator(5, initializer_stddev=1.5)
    found, _ = tf.function(beam_search)(condition_on(network, SOURCES), 3, 4, num_beams)
    for b, row in enumerate(found.numpy()):
        expected = plain_beam_search(condition_on(network, SOURCES[[b]]), 5, 4, num_beams, 0)
        assert tuple(row[row >= 0]) == expected


def test_a_generator_without_conditions_and_suppressed_tokens():
    network = Generator(5, 3, 4, initializer_stddev=1.5, seed=3)
    found, _ = beam_search(network, 2, 4, 3)
    expected = plain_beam_search(network, 5, 4, 3, None)
    np.testing.assert_array_equal(found, [expected, expected])
    without, _ = beam_search(network, 2, 4, 3, suppress_tokens=(int(expected[0]),))
    assert expected[0] not in without.numpy()


def test_a_temperature_of_0_takes_the_most_likely_token_at_each_position():
    network = generator()
    greedy = generate(network, None, 4, 1, SamplingSettings(temperature=0.0), condition=SOURCES)
    np.testing.assert_array_equal(
        greedy, generate(network, 3, 4, 9, SamplingSettings(temperature=0), condition=SOURCES)
    )
    found, _ = beam_search(condition_on(network, SOURCES), 3, 4, 1)
    np.testing.assert_array_equal(greedy, found)
