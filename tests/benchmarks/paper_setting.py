"""The setting of the paper, what it costs in floating point operations, and the published procedure."""

import os

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling, seeds
from seqgan_tf.core.optimizers import FusedAdam
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

V, T, B, N = 5_000, 20, 64, 16
PRODUCT = 2_048  # rows of the square matrices whose product says how fast the machine multiplies


def make(batch_size=B, vocabulary_size=V, sequence_length=T, hidden_dim=32, num_rollouts=N, dtype=None, **rollout):
    """A compiled SeqGAN of the paper's sizes but for what is given."""
    generator = Generator(
        vocabulary_size, 32, hidden_dim, start_token_id=0, initializer_stddev=0.1, seed=1, dtype=dtype
    )
    discriminator = Discriminator(vocabulary_size, sequence_length, seed=1, dtype=dtype)
    gan = SeqGAN(generator, discriminator, MonteCarloRollout(num_rollouts, **rollout), batch_size=batch_size)
    gan.compile(
        generator_optimizer=FusedAdam(1e-2, global_clipnorm=5.0),
        discriminator_optimizer=FusedAdam(1e-4),
    )
    return gan


def compiled(function):
    """The function as a graph, with XLA where the environment variable BENCH_XLA is 1."""
    return tf.function(function, jit_compile=os.environ.get("BENCH_XLA") == "1")


def device():
    """The device of the measurements: the name of the first GPU, or "CPU"."""
    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0])["device_name"] if gpus else "CPU"


def draw(gan, batch_size=B):
    """Token ids of the generator, int32 [B, T]."""
    return tf.constant(gan.generate(batch_size, seed=3))


def generator_flop(gan):
    """Multiplications and additions of one generator step of one sequence; the products alone, as usual."""
    generator = gan.generator
    cell = 2 * (generator.embedding_dim + generator.hidden_dim) * 4 * generator.hidden_dim
    return cell + 2 * generator.hidden_dim * generator.vocabulary_size


def discriminator_flop(gan):
    """FLOP of the discriminator for one sequence."""
    d = gan.discriminator
    windows = sum(
        2 * width * d.embedding_dim * filters * (d.sequence_length - width + 1)
        for width, filters in zip(d.widths, d.filters, strict=True)
    )
    features = sum(d.filters)
    return windows + 4 * features**2 + 2 * features


def estimate_flop(gan, batch_size=B):
    """Of a reward estimate as the paper counts it: every completion of every prefix judged whole."""
    length, rollouts = gan.discriminator.sequence_length, gan.reward_estimator.num_rollouts
    drawn = batch_size * rollouts * length * (length - 1) // 2
    judged = batch_size * (rollouts * (length - 1) + 1)
    return drawn * generator_flop(gan) + judged * discriminator_flop(gan)


def published_procedure(gan):
    """The published procedure: one call per prefix and roll-out, each prefix fed again from its start.

    The fast estimate is compared with it. Returns a function (token_ids, seed) -> rewards [B, T].
    """
    generator, discriminator = gan.generator, gan.discriminator
    length, num_rollouts = discriminator.sequence_length, gan.reward_estimator.num_rollouts

    @tf.function
    def judge_completed(given, seed):
        state = tf.nest.map_structure(lambda s: s[-1], sampling.prefix_states(generator, given))
        running = tf.zeros(given.shape[:1], tf.bool)
        drawn = sampling.decode(generator, given[:, -1], state, running, length - given.shape[1], seed)
        completed = tf.concat([given, tf.transpose(drawn)], axis=1)
        return tf.sigmoid(discriminator(completed, training=False))

    judge = tf.function(lambda token_ids: tf.sigmoid(discriminator(token_ids, training=False)))

    def estimate(token_ids, seed):
        rewards = np.zeros(token_ids.shape, np.float32)
        for prefix in range(1, length):
            for n in range(num_rollouts):
                part = seeds.fold_in(seed, prefix * num_rollouts + n)
                rewards[:, prefix - 1] += judge_completed(token_ids[:, :prefix], part).numpy() / num_rollouts
        rewards[:, -1] = judge(token_ids).numpy()
        return rewards

    return estimate
