"""Sampling settings and decoding."""

import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, chi_square_p_value, index_of, log_softmax, sequence_probabilities

from seqgan_tf.core import sampling, seeds, sequences
from seqgan_tf.core.categorical import draw
from seqgan_tf.core.replicas import Rows
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator

SEED = tf.constant([1, 0])


class Cycle:
    """Its next token is always the one after, modulo 5; the state counts the steps."""

    vocabulary_size, start_token_id, end_token_id = 5, 0, 3

    def initial_state(self, batch_size):
        return tf.zeros([batch_size], tf.int32)

    def step(self, token_ids, state):
        return tf.where(tf.one_hot((token_ids + 1) % 5, 5) > 0, 0.0, -np.inf), state + 1


# Warping


def plain_warp(logits, temperature=1.0, top_k=None, top_p=None, suppress_tokens=()):
    """One row at a time, the tokens by decreasing probability."""
    logits = np.array(logits, np.float64)
    for row in logits:
        row[list(suppress_tokens)] = -np.inf
        row /= temperature
        if top_k is not None:
            row[row < sorted(row)[-top_k]] = -np.inf
        if top_p is not None:
            p, held = np.exp(log_softmax(row)), 0.0
            for token in np.argsort(-row, kind="stable"):
                if held >= top_p:
                    row[token] = -np.inf
                held += p[token]
    return logits


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.3},
        {"temperature": 4.0},
        {"top_k": 1},
        {"top_k": 3},
        {"top_p": 0.05},
        {"top_p": 0.6},
        {"top_p": 1.0},
        {"suppress_tokens": (0, 6)},
        {"temperature": 2.0, "top_k": 4, "top_p": 0.7, "suppress_tokens": [1]},
    ],
)
def test_warp_against_plain_numpy(settings, rng):
    logits = rng.normal(size=(20, 7)).astype(np.float32) * 2
    warped, expected = np.asarray(sampling.warp(logits, SamplingSettings(**settings))), plain_warp(logits, **settings)
    # A constant per row does not change the distribution.
    warped, expected = (a - a.max(axis=1, keepdims=True) for a in (warped, expected))
    np.testing.assert_allclose(warped, expected, rtol=1e-4, atol=1e-5)


def test_top_k_keeps_all_that_tie_with_the_kth():
    warped = sampling.warp(tf.constant([[1.0, 3.0, 2.0, 2.0, 0.0]]), SamplingSettings(top_k=2))
    np.testing.assert_array_equal(warped, [[-np.inf, 3.0, 2.0, 2.0, -np.inf]])


def test_top_k_above_the_vocabulary_keeps_everything():
    logits = tf.constant([[1.0, 3.0, 2.0]])
    np.testing.assert_array_equal(sampling.warp(logits, SamplingSettings(top_k=50)), logits)


def test_top_p_is_measured_after_suppression():
    logits = np.log([[0.5, 0.3, 0.15, 0.05]]).astype(np.float32)
    kept = np.isfinite(sampling.warp(logits, SamplingSettings(top_p=0.55)))
    np.testing.assert_array_equal(kept, [[True, True, False, False]])
    kept = np.isfinite(sampling.warp(logits, SamplingSettings(top_p=0.55, suppress_tokens=(0,))))
    np.testing.assert_array_equal(kept, [[False, True, False, False]])  # 0.3 / 0.5 is 0.6


def test_a_temperature_near_zero_takes_the_most_probable_token(rng):
    logits = rng.normal(size=(200, 7)).astype(np.float32)
    np.testing.assert_array_equal(draw(sampling.warp(logits, SamplingSettings(1e-4)), SEED), logits.argmax(axis=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1.5}, "`temperature` must be a finite number of at least 0. Received: -1.5"),
        ({"temperature": float("nan")}, "`temperature` must be a finite number of at least 0. Received: nan"),
        ({"top_k": 0}, "`top_k` must be at least 1. Received: 0"),
        ({"top_p": 0.0}, r"`top_p` must be in \(0, 1\]. Received: 0.0"),
        ({"top_p": 1.1}, r"`top_p` must be in \(0, 1\]. Received: 1.1"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    SamplingSettings(1.0, 3, 1.0).check(5)
    with pytest.raises(InputError, match=message):
        SamplingSettings(**settings).check(5)


# Decoding


def test_an_end_token_stops_a_row_and_padding_follows():
    first, finished = tf.constant([0, 2, 3, 1]), tf.constant([False, False, False, True])
    drawn = sampling.decode(Cycle(), first, tf.zeros([4], tf.int32), finished, 6, SEED)
    expected = [[1, 2, 3, -1, -1, -1], [3, -1, -1, -1, -1, -1], [4, 0, 1, 2, 3, -1], [-1] * 6]
    np.testing.assert_array_equal(tf.transpose(drawn), expected)


def test_a_branch_continues_a_row_from_another_prefix():
    def branch(i, token_ids, state, finished):
        begins = tf.logical_and(i == 3, tf.range(2) == 1)
        return tf.where(begins, 4, token_ids), state, tf.logical_and(finished, ~begins)

    first = tf.constant([0, 1])
    drawn = sampling.decode(Cycle(), first, first, tf.zeros([2], tf.bool), 5, SEED, branch=branch)
    np.testing.assert_array_equal(tf.transpose(drawn), [[1, 2, 3, -1, -1], [2, 3, -1, 0, 1]])


def spiky_generator(vocabulary_size, **settings):
    return Generator(vocabulary_size, 4, 5, initializer_stddev=1.0, seed=3, **settings)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_prefix_states_are_those_of_repeated_steps(cell, rng):
    generator = spiky_generator(6, cell=cell, num_layers=2)
    token_ids = rng.integers(0, 6, size=(3, 4), dtype=np.int32)
    stacked = sampling.prefix_states(generator, token_ids)
    token, state = tf.fill([3], 6), generator.initial_state(3)
    for k in range(4):
        _, state = generator.step(token, state)
        token = tf.constant(token_ids[:, k])
        # entry k of the states has seen the start token and k tokens
        got = tf.nest.map_structure(lambda s, k=k: s[k], stacked)
        tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), got, state)


def test_samples_have_the_frequencies_of_the_models_own_probabilities():
    generator, sequences = spiky_generator(3), all_sequences(3, 2)
    drawn = sampling.sample(generator, 5000, 2, SEED)
    probabilities = sequence_probabilities(generator, sequences)
    assert probabilities.sum() == pytest.approx(1)
    assert chi_square_p_value(index_of(drawn, sequences), probabilities) > 1e-3


def test_samples_that_end_have_the_frequencies_of_the_models_own_probabilities():
    generator, sequences = spiky_generator(3, end_token_id=1, start_token_id=0), all_sequences(3, 4, end_token_id=1)
    drawn = sampling.sample(generator, 5000, 4, SEED)
    probabilities = sequence_probabilities(generator, sequences)
    assert probabilities.sum() == pytest.approx(1)
    assert chi_square_p_value(index_of(drawn, sequences), probabilities) > 1e-3


@pytest.mark.parametrize("seed", [SEED, tf.constant([[3, 1], [0, 0], [3, 2]])], ids=["one", "a_row"])
def test_a_sample_continues_its_prompt_as_a_plain_loop_does(seed):
    generator = spiky_generator(6)
    prompt = np.array([[1, 5, sequences.PADDING], [4, 0, 3], [sequences.PADDING] * 3], np.int32)
    drawn = sampling.sample(generator, 3, 5, seed, prompt, SamplingSettings(1.5)).numpy()
    np.testing.assert_array_equal(drawn[0, :2], [1, 5])
    np.testing.assert_array_equal(drawn[1, :3], [4, 0, 3])
    fed, state = np.full(3, 6), generator.initial_state(3)
    for t in range(5):
        logits, state = generator.step(fed, state)
        if seed is SEED:
            expected = draw(logits / 1.5, seeds.fold_in(seed, t))
        else:
            bits = [tf.random.stateless_uniform([5], row, None, None, tf.uint32)[t].numpy() >> 9 for row in seed]
            cumulative = np.cumsum(np.exp(log_softmax(logits.numpy() / 1.5)), axis=1)
            expected = [np.searchsorted(c, b * 2.0**-23, side="right") for c, b in zip(cumulative, bits, strict=True)]
        is_drawn = np.array([t >= 2, t >= 3, True])
        np.testing.assert_array_equal(drawn[is_drawn, t], np.asarray(expected)[is_drawn])
        fed = drawn[:, t]


def test_a_prompt_as_long_as_the_sequence_is_the_sample():
    prompt = np.array([[1, 5, 0]], np.int32)
    np.testing.assert_array_equal(sampling.sample(spiky_generator(6), 1, 3, SEED, prompt), prompt)


def test_a_row_with_its_own_seed_does_not_depend_on_the_other_rows():
    generator = spiky_generator(130, end_token_id=2)
    seeds = tf.constant([[7, 0], [7, 1], [9, 9], [7, 0]])
    temperature, top_p = tf.constant([[1.0], [0.5], [2.0], [1.0]]), tf.constant([[1.0], [0.4], [0.9], [1.0]])
    drawn = sampling.sample(generator, 4, 6, seeds, settings=SamplingSettings(temperature, top_p=top_p)).numpy()
    np.testing.assert_array_equal(drawn[0], drawn[3])
    assert np.any(drawn[0] != drawn[1])
    for row in range(4):
        settings = SamplingSettings(temperature[row : row + 1], top_p=top_p[row : row + 1])
        alone = sampling.sample(generator, 1, 6, seeds[row : row + 1], settings=settings)
        np.testing.assert_array_equal(alone[0], drawn[row])


def test_samples_depend_on_the_seed_alone():
    generator = spiky_generator(6)
    first = sampling.sample(generator, 8, 5, SEED)
    np.testing.assert_array_equal(first, sampling.sample(generator, 8, 5, SEED))
    assert np.any(first != sampling.sample(generator, 8, 5, tf.constant([2, 0])))


@pytest.mark.parametrize("indices", [None, [2, 0]], ids=["all rows", "some rows"])
def test_batches_that_are_drawn_at_once_are_those_of_their_seeds(indices):
    generator, numbers = Generator(11, 4, 6, end_token_id=0, initializer_stddev=1.0, seed=1), seeds.split(SEED, 5)
    rows = Rows(3, None if indices is None else tf.constant(indices))
    found = sampling.sample_batches(generator, rows, 7, numbers)
    alone = np.stack([sampling.sample(generator, 3, 7, number) for number in numbers])
    np.testing.assert_array_equal(found, alone if indices is None else alone[:, indices])
    assert len({batch.tobytes() for batch in alone}) == 5


def test_a_tiny_temperature_draws_the_most_probable_token(rng):
    logits = rng.normal(size=(40, 9)).astype(np.float32)
    drawn = draw(sampling.warp(logits, SamplingSettings(1e-30)), SEED)
    np.testing.assert_array_equal(drawn, np.argmax(logits, axis=1))


# Log-probabilities


@pytest.mark.parametrize(
    "settings",
    [
        SamplingSettings(),
        SamplingSettings(suppress_tokens=(4, 0)),
        SamplingSettings(top_p=0.9),
        SamplingSettings(top_k=2),
        SamplingSettings(2),
        SamplingSettings(0.5, 3, 0.9, (4,)),
        SamplingSettings(tf.constant([[1.0], [1.0], [0.3], [1.0]]), None, tf.ones([4, 1]), (4,)),
    ],
    ids=["plain", "suppressed", "top_p", "top_k", "warmer", "all", "one row colder"],
)
def test_scored_samples_are_the_samples_with_the_log_probabilities_of_the_unchanged_policy(settings):
    generator = spiky_generator(7, end_token_id=2)
    prompt = np.array([[1, 5, sequences.PADDING], [6, 0, 3], [sequences.PADDING] * 3, [1, 1, 1]], np.int32)
    drawn = sampling.sample_scored(generator, 4, 6, SEED, prompt, settings)
    np.testing.assert_array_equal(drawn.token_ids, sampling.sample(generator, 4, 6, SEED, prompt, settings))
    logits = generator(drawn.token_ids).numpy()
    for row, tokens in enumerate(drawn.token_ids.numpy()):
        expected = [log_softmax(logits[row, t])[token] if token >= 0 else 0.0 for t, token in enumerate(tokens)]
        np.testing.assert_allclose(drawn.log_probs[row], expected, atol=1e-5)


def test_the_log_probability_of_a_token_that_is_never_drawn_is_finite():
    class Certain(Cycle):
        """Token 0 after everything, by 200 nats: the probability of another token is 0 in float32."""

        def step(self, token_ids, state):
            return tf.tile([[200.0, 0.0, 0.0, 0.0, 0.0]], [tf.shape(token_ids)[0], 1]), state

    drawn = sampling.sample_scored(Certain(), 2, 3, SEED, np.array([[1], [sequences.PADDING]], np.int32))
    np.testing.assert_array_equal(drawn.token_ids, [[1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(drawn.log_probs, [[-200, 0, 0], [0, 0, 0]], atol=1e-4)


def counting(generator):
    """(the generator, the steps that it has made in eager mode)."""
    steps, step = [], generator.step

    def counted(token_ids, state):
        steps.append(token_ids)
        return step(token_ids, state)

    generator.step = counted
    return generator, steps


def test_decoding_ends_when_all_rows_have():
    generator, steps = counting(Cycle())
    first, finished = tf.constant([0, 2, 3]), tf.constant([False, False, True])
    drawn = sampling.decode(generator, first, tf.zeros([3], tf.int32), finished, 9, SEED)
    np.testing.assert_array_equal(tf.transpose(drawn), [[1, 2, 3, *[-1] * 6], [3, *[-1] * 8], [-1] * 9])
    assert len(steps) == 3


def test_a_prompt_is_fed_to_its_end_whatever_was_drawn():
    generator, steps = counting(Cycle())
    prompt = np.array([[2, 2, 2, 2, 0]], np.int32)  # after each 2 the end token, 3, is drawn
    np.testing.assert_array_equal(sampling.sample(generator, 1, 8, SEED, prompt), [[2, 2, 2, 2, 0, 1, 2, 3]])
    assert len(steps) == 8
