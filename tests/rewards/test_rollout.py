import keras
import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, chi_square_p_value, index_of, sequence_probabilities
from exact_rewards import (
    arbitrary_discriminator,
    assert_estimates,
    exact_action_values,
    first_tokens_discriminator,
    spiky_generator,
)

from seqgan_tf.core import sampling
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.rewards.completions import pack_lanes
from seqgan_tf.rewards.rollout import MonteCarloRollout

SEED = tf.constant([1, 0])


# Packing


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10, 19, 20])
def test_lanes_of_the_durations_one_to_n_are_full(n):
    capacity, placements = pack_lanes(list(range(1, n + 1)))
    assert capacity * (1 + max(lane for lane, _ in placements)) == n * (n + 1) // 2


@pytest.mark.parametrize(
    "durations", [[5], [3, 3, 3], [1, 9], list(range(1, 20)), list(range(19, 0, -4)), [7, 1, 1, 6, 2, 2, 5]]
)
def test_jobs_do_not_overlap_and_end_within_the_capacity(durations):
    capacity, placements = pack_lanes(durations)
    taken = {
        (lane, offset + step)
        for duration, (lane, offset) in zip(durations, placements, strict=True)
        for step in range(duration)
    }
    assert len(taken) == sum(durations)
    assert {step for _, step in taken} <= set(range(capacity))
    lanes = 1 + max(lane for lane, _ in placements)
    assert lanes * capacity <= len(durations) * max(durations)


# Completions


def test_completions_begin_with_their_prefix():
    generator = spiky_generator(9)
    token_ids = np.random.default_rng(0).integers(0, 9, size=(5, 7), dtype=np.int32)
    completed = MonteCarloRollout().completions(token_ids, [1, 2, 5, 6], generator, SEED).numpy()
    assert completed.shape == (4, 5, 7)
    for k, prefix in enumerate([1, 2, 5, 6]):
        np.testing.assert_array_equal(completed[k, :, :prefix], token_ids[:, :prefix])
        assert np.all(completed[k] >= 0)
        assert np.all(completed[k] < 9)


def test_completions_have_the_frequencies_of_the_models_own_probabilities():
    generator, sequences = spiky_generator(3, end_token_id=0), all_sequences(3, 4, end_token_id=0)
    token_ids = np.array([[2, 1, 1, 2], [1, 2, 0, -1]], np.int32)
    completed = MonteCarloRollout().completions(np.repeat(token_ids, 3000, axis=0), [1, 2, 3], generator, SEED)
    p = sequence_probabilities(generator, sequences)
    drawn = index_of(tf.reshape(completed, [-1, 4]), sequences).reshape(3, 2, 3000)
    for k, b in np.ndindex(3, 2):
        begins_alike = (sequences[:, : k + 1] == token_ids[b, : k + 1]).all(axis=1)
        assert chi_square_p_value(drawn[k, b], p * begins_alike) > 1e-3


def test_an_ended_prefix_is_completed_by_padding():
    generator = spiky_generator(5, end_token_id=0)
    token_ids = np.array([[3, 0, -1, -1, -1], [1, 2, 4, 0, -1], [0, -1, -1, -1, -1]], np.int32)
    completed = MonteCarloRollout().completions(token_ids, [1, 2, 3, 4], generator, SEED).numpy()
    for b, length in enumerate([2, 4, 1]):
        for k, prefix in enumerate([1, 2, 3, 4]):
            if prefix >= length:
                np.testing.assert_array_equal(completed[k, b], token_ids[b])


# Action values


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("chunk_size", [4, 64])  # 4 does not divide 5 * 3
def test_rewards_belong_to_their_own_row_and_prefix(chunk_size, stride):
    generator = spiky_generator(9)
    token_ids = np.array([[3, 1, 2, 5], [8, 0, 0, 1], [1, 7, 4, 4], [5, 2, 6, 0], [2, 2, 2, 2]], np.int32)  # B 5, T 4
    for count in (1, 2, 3):
        estimator = MonteCarloRollout(3, stride=stride, clip=1e9, chunk_size=chunk_size)
        rewards = estimator.estimate(token_ids, generator, first_tokens_discriminator(count), SEED).numpy()
        expected = (token_ids[:, :count] * 10 ** np.arange(count)).sum(axis=1)
        known = slice((count - 1) // stride * stride, None)  # from there on a prefix holds all these tokens
        np.testing.assert_allclose(rewards[:, known], np.repeat(expected[:, None], 4, axis=1)[:, known], rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "end_token_id"), [({}, None), ({"reward": "probability"}, None), ({"clip": 1.5}, 0)]
)
def test_rewards_are_the_exact_expectation_over_completions(settings, end_token_id):
    generator, sequences = spiky_generator(3, end_token_id=end_token_id), all_sequences(3, 4, end_token_id)
    token_ids = sequences[[1, 5, 8, -1, -2]]
    mean, deviation = exact_action_values(token_ids, generator, sequences, **settings)
    estimator = MonteCarloRollout(2000, chunk_size=2500, **settings)
    estimate = estimator.estimate(token_ids, generator, arbitrary_discriminator, SEED)
    assert estimate.dtype == tf.float32
    scale = 8 if settings.get("reward") == "probability" else 1  # probabilities differ less than log-odds
    assert_estimates(scale * estimate, scale * mean, scale * deviation, 2000)


@pytest.mark.parametrize("chunk_size", [2, 7, 700])
def test_rewards_are_unbiased_whatever_the_chunk_size(chunk_size):
    generator, sequences = spiky_generator(3), all_sequences(3, 3)
    token_ids, num_rollouts = sequences[[4, 11, 25]], 100 if chunk_size == 2 else 500
    mean, deviation = exact_action_values(token_ids, generator, sequences)
    estimator = MonteCarloRollout(num_rollouts, chunk_size=chunk_size)
    estimate = tf.function(estimator.estimate)(token_ids, generator, arbitrary_discriminator, SEED)
    assert_estimates(estimate, mean, deviation, num_rollouts)


def test_rewards_agree_with_one_call_per_prefix_and_rollout():
    generator, num_rollouts = spiky_generator(6), 400
    token_ids = np.random.default_rng(0).integers(0, 6, size=(2, 5), dtype=np.int32)
    estimate = MonteCarloRollout(num_rollouts, chunk_size=800).estimate(
        token_ids, generator, arbitrary_discriminator, SEED
    )
    for b, t in np.ndindex(2, 4):
        prompt = np.repeat(token_ids[b : b + 1, : t + 1], num_rollouts, axis=0)
        completed = sampling.sample(generator, len(prompt), 5, tf.constant([100 + t, b]), prompt)
        rewards = np.clip(arbitrary_discriminator(completed), -3, 3)
        assert abs(rewards.mean() - estimate[b, t]) < 4.5 * rewards.std() * np.sqrt(2 / num_rollouts)


def test_the_last_token_has_the_value_of_the_sequence_itself():
    generator, token_ids = spiky_generator(3), all_sequences(3, 4)[::7]
    logits = arbitrary_discriminator(token_ids)
    log_odds, probability = (
        MonteCarloRollout(2, reward=reward, clip=2.0).estimate(token_ids, generator, arbitrary_discriminator, SEED)
        for reward in ("log_odds", "probability")
    )
    np.testing.assert_array_equal(log_odds[:, -1], np.clip(logits, -2, 2))
    np.testing.assert_allclose(probability[:, -1], 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert np.abs(logits).max() > 2  # the clip had something to do


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_end_token_has_the_value_of_the_sequence_itself_and_padding_has_none(stride):
    generator = spiky_generator(5, end_token_id=0)
    token_ids = np.array([[3, 0, -1, -1, -1], [1, 2, 4, 0, -1], [0, -1, -1, -1, -1], [1, 2, 3, 4, 1]], np.int32)
    estimator = MonteCarloRollout(3, stride=stride)
    rewards = estimator.estimate(token_ids, generator, arbitrary_discriminator, SEED).numpy()
    values = np.clip(arbitrary_discriminator(token_ids), -3, 3)
    np.testing.assert_allclose(rewards[np.arange(4), [1, 3, 0, 4]], values, rtol=1e-5)
    assert np.all(rewards[token_ids < 0] == 0)


@pytest.mark.parametrize(("stride", "indices"), [(2, [1, 1, 3, 3, 4]), (3, [2, 2, 2, 4, 4]), (4, [3] * 4 + [4])])
def test_each_token_gets_the_value_of_the_shortest_completed_prefix_that_contains_it(stride, indices):
    generator, sequences = spiky_generator(3), all_sequences(3, 5)
    token_ids = sequences[[7, 100, 180]]
    mean, deviation = exact_action_values(token_ids, generator, sequences)
    estimator = MonteCarloRollout(500, stride=stride, chunk_size=1500)
    estimate = estimator.estimate(token_ids, generator, arbitrary_discriminator, SEED).numpy()
    np.testing.assert_array_equal(estimate, estimate[:, indices])
    assert_estimates(estimate, mean[:, indices], deviation[:, indices], 500)


@pytest.mark.parametrize("stride", [5, 9])
def test_a_stride_of_the_whole_sequence_needs_no_rollout(stride):
    token_ids = all_sequences(3, 5)[::50]
    rewards = MonteCarloRollout(stride=stride).estimate(token_ids, spiky_generator(3), arbitrary_discriminator, SEED)
    values = np.clip(arbitrary_discriminator(token_ids), -3, 3)
    np.testing.assert_array_equal(rewards, np.repeat(values[:, None], 5, axis=1))


# Under tf.function


def test_an_unknown_batch_size_gives_the_same_rewards():
    generator, estimator = spiky_generator(3, end_token_id=0), MonteCarloRollout(6, chunk_size=4)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.int32)])
    def unknown(token_ids):
        return estimator.estimate(token_ids, generator, arbitrary_discriminator, SEED)

    for token_ids in (all_sequences(3, 4, 0)[::7], all_sequences(3, 4, 0)[3:4]):
        known = estimator.estimate(token_ids, generator, arbitrary_discriminator, SEED)
        np.testing.assert_allclose(unknown(token_ids), known, atol=1e-5)


def test_rewards_under_xla_are_the_exact_expectation_over_completions():
    generator, sequences = spiky_generator(3, end_token_id=0), all_sequences(3, 4, 0)
    token_ids = sequences[[1, 5, -1]]
    mean, deviation = exact_action_values(token_ids, generator, sequences)
    jitted = tf.function(MonteCarloRollout(600, chunk_size=350).estimate, jit_compile=True)
    estimate = jitted(tf.constant(token_ids), generator, arbitrary_discriminator, SEED)
    assert_estimates(estimate, mean, deviation, 600)


def test_rewards_depend_on_the_seed_alone():
    generator, token_ids = spiky_generator(5), np.random.default_rng(0).integers(0, 5, size=(3, 4), dtype=np.int32)
    discriminator = Discriminator(5, 4, 3, widths=[1, 2], filters=[5, 5], dropout=0.9, seed=1)

    def estimate(seed):
        return MonteCarloRollout(4).estimate(token_ids, generator, discriminator, tf.constant([seed, 0]))

    np.testing.assert_array_equal(estimate(1), estimate(1))  # dropout is off, or these would differ
    assert np.mean(estimate(1)[:, :-1] != estimate(2)[:, :-1]) > 0.5
    np.testing.assert_array_equal(estimate(1)[:, -1], estimate(2)[:, -1])


# The constructor


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_rollouts": 0}, "`num_rollouts` must be at least 1. Received: 0"),
        ({"stride": 0}, "`stride` must be at least 1. Received: 0"),
        ({"chunk_size": -1}, "`chunk_size` must be at least 1. Received: -1"),
        ({"update_rate": 1.0}, r"`update_rate` must be in \[0, 1\). Received: 1.0"),
        ({"update_rate": -0.1}, r"`update_rate` must be in \[0, 1\). Received: -0.1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        MonteCarloRollout(**settings)


def test_ids_outside_the_vocabulary_are_refused():
    with pytest.raises(InputError, match=r"must be in \[0, 5\), the vocabulary.* Received: 5"):
        MonteCarloRollout().estimate(np.array([[0, 5]]), spiky_generator(5), arbitrary_discriminator, SEED)


def test_config_round_trip():
    settings = {"num_rollouts": 3, "update_rate": 0.8, "reward": "probability", "clip": 2.0}
    settings |= {"stride": 2, "chunk_size": 10}
    estimator = MonteCarloRollout(**settings)
    assert estimator.get_config() == settings
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(estimator))
    assert isinstance(copy, MonteCarloRollout)
    assert copy.get_config() == settings


@pytest.mark.parametrize(("batch_size", "chunk_size"), [(1, 64), (4, 1)])
def test_a_single_lane_of_a_single_row_runs_in_a_graph(batch_size, chunk_size):
    generator = spiky_generator(3)
    estimator = MonteCarloRollout(1, chunk_size=chunk_size)
    token_ids = tf.constant([[0, 1, 2]] * batch_size)
    rewards = tf.function(lambda ids: estimator.estimate(ids, generator, arbitrary_discriminator, tf.constant([1, 0])))(
        token_ids
    )
    assert rewards.shape == (batch_size, 3)
    assert np.all(np.isfinite(rewards))
