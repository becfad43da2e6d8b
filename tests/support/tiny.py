"""A SeqGAN that is small enough for tests, and comparisons of two sets of weights."""

import numpy as np

from seqgan_tf.core.optimizers import FusedAdam
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

V, T = 5, 4
DATA = np.array([[a, b, 0, -1] for a in range(1, 5) for b in range(1, 5)][:11], np.int32)  # 11 rows, all different


def make(cls=SeqGAN, dtype=None, update_rate=0.0, compiling=None, end_token_id=0, **settings):
    """A compiled model; `compiling` holds arguments of `compile`."""
    generator = Generator(V, 3, 4, end_token_id=end_token_id, initializer_stddev=0.5, seed=1, dtype=dtype)
    discriminator = Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1, dtype=dtype)
    estimator = MonteCarloRollout(2, update_rate=update_rate)
    model = cls(generator, discriminator, estimator, **{"batch_size": 3, "discriminator_steps": 2} | settings)
    model.compile(**{"generator_optimizer": FusedAdam(0.05)} | (compiling or {}))
    return model


def assert_same(weights, others):
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(weights, others):
    return any(np.any(a != b) for a, b in zip(weights, others, strict=True))
