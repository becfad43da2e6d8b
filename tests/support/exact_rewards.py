"""Rewards by enumeration, for a generator and a discriminator whose sequences all differ."""

import numpy as np
import tensorflow as tf
from exact import sequence_probabilities

from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.sequence_rewards import as_reward


def spiky_generator(vocabulary_size, **settings):
    return Generator(vocabulary_size, 4, 5, initializer_stddev=1.0, seed=3, **settings)


def arbitrary_discriminator(token_ids, training=False):
    """A fixed number for each sequence, of either sign; similar sequences get different numbers."""
    token_ids = tf.cast(token_ids, tf.float32)
    places = tf.range(1.0, token_ids.shape[1] + 1.0)
    return 4.0 * tf.sin(tf.reduce_sum((token_ids + 2.0) ** 2 * places, axis=1))


def first_tokens_discriminator(count):
    """The first `count` tokens, read as the digits of a number: it shows which row and prefix was completed."""

    def discriminator(token_ids, training=False):
        return tf.reduce_sum(tf.cast(token_ids[:, :count], tf.float32) * 10.0 ** np.arange(count), axis=1)

    return discriminator


def exact_action_values(token_ids, generator, sequences, reward="log_odds", clip=3.0):
    """Mean and standard deviation of the reward of a completion of each prefix, by enumeration: [B, T] each."""
    p = sequence_probabilities(generator, sequences)
    r = as_reward(reward, clip).of_logits(arbitrary_discriminator(sequences)).numpy().astype(np.float64)
    mean, deviation = np.zeros(token_ids.shape), np.zeros(token_ids.shape)
    for b, t in np.ndindex(token_ids.shape):
        chosen = (sequences[:, : t + 1] == token_ids[b, : t + 1]).all(axis=1)
        weights = p[chosen] / p[chosen].sum()
        mean[b, t] = weights @ r[chosen]
        deviation[b, t] = np.sqrt(weights @ (r[chosen] - mean[b, t]) ** 2)
    return mean * (token_ids >= 0), deviation


def assert_estimates(estimate, mean, deviation, num_rollouts):
    """The estimate is within 4.5 standard errors everywhere, and its deviation is not 0 everywhere."""
    assert deviation.max() > 0.5
    assert np.all(np.abs(estimate - mean) < 4.5 * deviation / np.sqrt(num_rollouts) + 1e-4)
