"""The estimator: roll-outs for one simulation, better sequences for many, rows, conditions, chunks, files."""

import keras
import numpy as np
import pytest
import small_models
import tensorflow as tf
from exact import all_sequences
from exact_rewards import (
    arbitrary_discriminator,
    assert_estimates,
    exact_action_values,
    first_tokens_discriminator,
    spiky_generator,
)

from seqgan_tf.core.conditions import Conditioned
from seqgan_tf.core.validation import InputError
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.rewards.tree_search import MonteCarloTreeSearch

SEED = tf.constant([1, 0])


@pytest.mark.parametrize("end_token_id", [None, 0])
def test_a_tree_of_one_simulation_is_a_roll_out(end_token_id):
    generator, sequences = spiky_generator(3, end_token_id=end_token_id), all_sequences(3, 4, end_token_id)
    token_ids = sequences[[1, 5, 8, -1, -2]]
    mean, deviation = exact_action_values(token_ids, generator, sequences)
    times = 1000
    estimator = MonteCarloTreeSearch(1, chunk_size=2500)
    rewards = tf.function(estimator.estimate)(
        np.repeat(token_ids, times, axis=0), generator, arbitrary_discriminator, SEED
    )
    assert_estimates(np.reshape(rewards, [5, times, 4]).mean(axis=1), mean, deviation, times)


def test_more_simulations_find_better_sequences_and_at_last_the_best():
    generator, sequences = spiky_generator(4), all_sequences(4, 5)
    token_ids = sequences[[3, 77, 500, 1000]]
    values = np.clip(arbitrary_discriminator(sequences), -3, 3)
    mean, _ = exact_action_values(token_ids, generator, sequences)
    best = np.zeros(token_ids.shape)
    for b, t in np.ndindex(token_ids.shape):
        best[b, t] = values[(sequences[:, : t + 1] == token_ids[b, : t + 1]).all(axis=1)].max()
    distances = []
    for simulations in (4, 32, 256):
        estimator = MonteCarloTreeSearch(simulations, exploration=1.0, num_actions=4)
        found = tf.function(estimator.estimate)(token_ids, generator, arbitrary_discriminator, SEED).numpy()
        distances.append((best - found).mean())
        assert np.all(found <= best + 1e-5)
        np.testing.assert_allclose(found[:, -1], best[:, -1], rtol=1e-5)
    assert 0 < distances[2] < 0.3 < distances[1] < distances[0]
    assert (found - mean)[:, :-1].mean() > 0.5  # the bias: what is best, not what the generator would do


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("chunk_size", [2, 64])  # 2 does not divide 5
def test_rewards_belong_to_their_own_row_and_prefix(chunk_size, stride):
    generator = spiky_generator(9)
    token_ids = np.array([[3, 1, 2, 5], [8, 0, 0, 1], [1, 7, 4, 4], [5, 2, 6, 0], [2, 2, 2, 2]], np.int32)  # B 5, T 4
    for count in (1, 2, 3):
        estimator = MonteCarloTreeSearch(3, stride=stride, clip=1e9, chunk_size=chunk_size, num_actions=2)
        rewards = estimator.estimate(token_ids, generator, first_tokens_discriminator(count), SEED).numpy()
        expected = (token_ids[:, :count] * 10 ** np.arange(count)).sum(axis=1)
        known = slice((count - 1) // stride * stride, None)  # from there on a prefix holds all these tokens
        np.testing.assert_allclose(rewards[:, known], np.repeat(expected[:, None], 4, axis=1)[:, known], rtol=1e-5)


def test_an_end_token_has_the_value_of_the_sequence_itself_and_padding_has_none():
    generator = spiky_generator(5, end_token_id=0)
    token_ids = np.array([[3, 0, -1, -1, -1], [1, 2, 4, 0, -1], [0, -1, -1, -1, -1], [1, 2, 3, 4, 1]], np.int32)
    rewards = MonteCarloTreeSearch(4).estimate(token_ids, generator, arbitrary_discriminator, SEED).numpy()
    values = np.clip(arbitrary_discriminator(token_ids), -3, 3)
    np.testing.assert_allclose(rewards[np.arange(4), [1, 3, 0, 4]], values, rtol=1e-5)
    assert np.all(rewards[token_ids < 0] == 0)


class Repeating:
    """A generator that draws its label again and again, and a discriminator that returns its label."""

    vocabulary_size, start_token_id, end_token_id, encoder = 9, 9, None, True

    def initial_state(self, batch_size, context):
        return tf.zeros([batch_size, 1])

    def step(self, token_ids, state, context):
        labels = tf.tile(context, [tf.size(token_ids) // tf.size(context)])
        return 100.0 * tf.one_hot(labels, 9), state

    def __call__(self, token_ids, context, training=False):
        return tf.cast(tf.tile(context, [len(token_ids) // tf.size(context)]), tf.float32)


@pytest.mark.parametrize("chunk_size", [2, 64])  # 2 does not divide 5
def test_conditions_belong_to_their_rows(chunk_size):
    labels, token_ids = tf.constant([3, 0, 8, 1, 5]), tf.constant(np.full([5, 4], 7, np.int32))
    estimator = MonteCarloTreeSearch(4, clip=1e9, num_actions=1, chunk_size=chunk_size)
    bound, plain = Conditioned(Repeating(), labels, labels), first_tokens_discriminator(4)
    drawn = estimator.estimate(token_ids, bound, plain, SEED).numpy()
    for t in range(3):
        np.testing.assert_allclose(
            drawn[:, t], 7 * sum(10**i for i in range(t + 1)) + labels.numpy() * sum(10**i for i in range(t + 1, 4))
        )
    judged = estimator.estimate(token_ids, spiky_generator(9), bound, SEED)
    np.testing.assert_array_equal(judged, np.repeat(labels.numpy()[:, None], 4, axis=1))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_same_seed_gives_the_same_rewards(jit_compile):
    generator, token_ids = spiky_generator(5), tf.constant([[1, 2, 3, 4], [0, 0, 1, 2], [4, 4, 1, 3]])
    estimator = MonteCarloTreeSearch(6, chunk_size=2)

    @tf.function(jit_compile=jit_compile)
    def estimate(seed):
        return estimator.estimate(token_ids, generator, arbitrary_discriminator, seed)

    first = estimate(SEED).numpy()
    np.testing.assert_array_equal(estimate(SEED), first)
    assert np.any(estimate(tf.constant([2, 0])).numpy() != first)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"simulations": 0}, "`simulations` must be at least 1. Received: 0"),
        ({"num_actions": 0}, "`num_actions` must be at least 1. Received: 0"),
        ({"stride": 0}, "`stride` must be at least 1. Received: 0"),
        ({"chunk_size": 0}, "`chunk_size` must be at least 1. Received: 0"),
        ({"exploration": -1.0}, "`exploration` must be at least 0. Received: -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        MonteCarloTreeSearch(**settings)


def test_a_state_with_a_scalar_for_all_rows_is_refused():
    class Cached:
        vocabulary_size, start_token_id, end_token_id = 3, 3, None

        def initial_state(self, batch_size):
            return {"sum": tf.zeros([batch_size]), "position": tf.constant(0)}

        def step(self, token_ids, state):
            logits = tf.zeros([tf.size(token_ids), 3])
            return logits, {"sum": state["sum"], "position": state["position"] + 1}

    message = "`generator` must have a state with a row per sequence for a tree search. Received: Cached"
    with pytest.raises(InputError, match=message):
        MonteCarloTreeSearch(2).estimate(tf.constant([[1, 2, 0]]), Cached(), arbitrary_discriminator, SEED)


def test_config_round_trip():
    estimator = MonteCarloTreeSearch(5, 0.5, 3, "probability", 2.0, 2, 7)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(estimator))
    assert type(copy) is MonteCarloTreeSearch
    assert copy.get_config() == estimator.get_config()
    assert copy.get_config()["simulations"] == 5


def test_a_gan_trains_with_it():
    gan, *_ = small_models.on_token_ids()
    model = type(gan)(
        gan.generator, gan.discriminator, MonteCarloTreeSearch(3, num_actions=2), batch_size=4, discriminator_steps=1
    )
    model.compile(generator_optimizer="sgd", discriminator_optimizer="sgd")
    before = gan.generator.get_weights()
    logs = model.fit(gan.generate(8, seed=1), epochs=1, steps_per_epoch=1, verbose=0).history
    assert np.isfinite(logs["reward"]).all()
    assert any(np.any(a != b) for a, b in zip(before, gan.generator.get_weights(), strict=True))


def test_it_costs_as_many_scored_sequences_as_roll_outs():
    generator, token_ids = spiky_generator(5), np.array([[1, 2, 3, 4], [0, 0, 1, 2]], np.int32)

    def scored(estimator):
        counts = []

        def spy(token_ids, training=False):
            counts.append(len(token_ids))
            return arbitrary_discriminator(token_ids)

        tf.config.run_functions_eagerly(True)
        try:
            estimator.estimate(token_ids, generator, spy, SEED)
        finally:
            tf.config.run_functions_eagerly(False)
        return sum(counts)

    assert scored(MonteCarloTreeSearch(4)) == scored(MonteCarloRollout(4)) == 2 + 4 * 3 * 2
