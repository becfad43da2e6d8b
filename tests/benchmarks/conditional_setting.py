"""A setting with conditions: the sizes of a small translator."""

import keras
import tensorflow as tf

from seqgan_tf.core.conditions import condition_on
from seqgan_tf.models.encoders import SequenceEncoder
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

V, S, T, B, N, HIDDEN = 8_000, 20, 20, 64, 4, 256


def make(attention="luong", num_rollouts=N, hidden_dim=HIDDEN):
    """A compiled SeqGAN with an encoder of its own in each network."""
    encoders = [SequenceEncoder(V, hidden_dim, hidden_dim // 2, seed=seed) for seed in (1, 2)]
    generator = Generator(V, hidden_dim, hidden_dim, cell="gru", encoder=encoders[0], attention=attention, seed=1)
    discriminator = RecurrentDiscriminator(
        V, T, embedding_dim=hidden_dim // 2, hidden_dim=hidden_dim // 2, encoder=encoders[1], seed=1
    )
    gan = SeqGAN(generator, discriminator, MonteCarloRollout(num_rollouts), batch_size=B)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=1.0),
        discriminator_optimizer=keras.optimizers.Adam(1e-3),
    )
    return gan


def estimate(gan, condition, token_ids):
    """A compiled function of a seed int32 [2]: the reward estimate of the sequences."""

    @tf.function
    def rewards(seed):
        policy, judge = condition_on(gan.generator, condition), condition_on(gan.discriminator, condition)
        return gan.reward_estimator.estimate(token_ids, policy, judge, seed)

    return rewards


def draw(gan, source_length=S):
    """Sources int32 [B, S], uniform, and sequences int32 [B, T] that the generator draws for them."""
    condition = tf.random.stateless_uniform([B, source_length], [1, 2], 0, V, tf.int32)
    return condition, tf.constant(gan.generate(condition=condition.numpy(), seed=3))
